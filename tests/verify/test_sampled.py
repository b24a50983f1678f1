"""The evidence where densities have a crease, and where only an estimate with a standard error can be had."""

import mpmath
import pytest
from generated import derived_model

from cavi.derive import Laplace, Model, Normal, derive
from cavi.verify.arithmetic import doubles, precise, precision, to_float
from cavi.verify.check_identity import claimed_elbo
from cavi.verify.check_sampled import NAME, check_sampled, collapses, sampled_joint
from cavi.verify.claim import Claim
from cavi.verify.elimination import evidence_instance, log_evidence
from cavi.verify.instance import make_instance
from cavi.verify.state import State


def test_a_crease_costs_no_digits() -> None:
    """w ~ Laplace(0, b), x ~ Normal(w, 1): the evidence by mpmath, split at the crease."""
    m = Model("creased")
    scale = m.hyper("b_0")
    n = m.index("n", "N")
    w = m.latent("w", Laplace(0, scale))
    m.observed("x", Normal(w, 1), n)
    claim = Claim(derive(m, augment={"w": "normal_mixture"}).plain())
    with precision(40):
        state = State(claim, make_instance(claim, 3, sizes={"N": 1}), precise(use_flint=False), 12)
        found, digits = log_evidence(state, 12)
        b, x = to_float(state.known["b_0"][()]), to_float(state.known["x"][(0,)])
        density = lambda u: mpmath.exp(-abs(u) / b - (x - u) ** 2 / 2) / (2 * b) / mpmath.sqrt(2 * mpmath.pi)  # noqa: E731
        wanted = mpmath.log(mpmath.quad(density, [-60, -8, -2, 0, 2, 8, 60]))
    assert digits >= 12
    assert to_float(found) == pytest.approx(float(wanted), abs=1e-12)


def test_instances_with_a_crease_are_small() -> None:
    claim = Claim(derived_model("bayesian_lasso").plain())
    assert evidence_instance(claim, 1).sizes == {"N": 1, "D": 1}


@pytest.mark.parametrize("shift, verdict", [(0.0, "checked"), (60.0, "failed")])
def test_a_bound_above_the_evidence_is_seen(shift: float, verdict: str) -> None:
    claim = Claim(derived_model("logistic_regression").plain())
    state = State(claim, make_instance(claim, 1, single_copies=True), doubles(), 10)
    joint = sampled_joint(state)
    assert joint is not None
    row = check_sampled(state, joint, lambda: claimed_elbo(state) + shift).row()
    assert (row.name, row.verdict) == (NAME, verdict), row.detail


def test_what_collapses() -> None:
    assert collapses(Claim(derived_model("horseshoe_regression").plain()))
    assert not any(
        collapses(Claim(derived_model(n).plain())) for n in ("bayesian_lasso", "normal_gamma", "eight_schools")
    )


def test_chains_of_categories_have_no_estimate() -> None:
    claim = Claim(derived_model("hmm_gaussian").plain())
    assert sampled_joint(State(claim, make_instance(claim, 1, single_copies=True), doubles(), 10)) is None
