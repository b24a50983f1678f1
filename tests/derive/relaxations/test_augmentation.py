"""Augmentations: proved by the generating function of a family, or refused; the fixed point is that of the bound."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
from generated import run

from cavi import models
from cavi.derive import Augmentation, Binomial, Model, NegativeBinomial, Normal, RelaxationError, derive, dot, sigmoid
from cavi.derive.families.special import softplus
from cavi.derive.relaxations import augmentations
from cavi.derive.relaxations.augmentation import B, W
from cavi.derive.relaxations.bound import X
from cavi.models.logistic_regression import logistic


@pytest.mark.parametrize("rule", augmentations(), ids=lambda a: a.name)
def test_integrating_the_auxiliary_out_leaves_the_function(rule: Augmentation) -> None:
    steps = list(rule.proof)
    assert {s.relation for s in steps} == {"="} and steps[0].before in (rule.function, B * rule.function)
    assert all(a.after == b.before for a, b in pairwise(steps))


def fitted(**options):
    found = models.data("logistic_regression")
    derived = derive(logistic("m", "M"), [("w",)], **options)
    return to_the_end(run(derived.numpy()), found.data, found.hyper)


def to_the_end(module, data, hyper):
    """Sweeps until the parameters settle: the bound does so much earlier."""
    found = module.fit(data, hyper, tol=0.0)
    for _ in range(30):
        found = module.fit(data, hyper, tol=0.0, init=found.params)
    return found


def test_it_has_the_fixed_point_and_the_value_of_the_tangent_bound() -> None:
    """Durante and Rigon (2019), proposition 1; Polson, Scott and Windle (2013), section 2: E[ω] = tanh(c/2)/(2c)."""
    tangent, augmented = fitted(bounds={"y": "jaakkola_jordan"}), fitted(augment={"y": "polya_gamma"})
    np.testing.assert_allclose(augmented.params["w"]["mean"], tangent.params["w"]["mean"], rtol=1e-10)
    np.testing.assert_allclose(augmented.params["w"]["precision"], tangent.params["w"]["precision"], rtol=1e-10)
    np.testing.assert_allclose(augmented.params["omega"]["tilt"], tangent.params["xi"]["value"], rtol=1e-10)
    assert augmented.elbo == pytest.approx(tangent.elbo, rel=1e-12)
    found = models.data("logistic_regression")
    c = augmented.params["omega"]["tilt"]
    precision = 0.1 * np.eye(2) + (found.data["X"] * (np.tanh(c / 2) / (2 * c))[:, None]).T @ found.data["X"]
    np.testing.assert_allclose(augmented.params["w"]["precision"], precision, rtol=1e-10)


def test_counts_with_a_known_number_have_it_in_the_shape() -> None:
    """Negative binomial regression: b = y + r, one auxiliary for both terms; the bound has the same fixed point."""
    m = Model("negative_binomial_regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    r = m.hyper("r")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", NegativeBinomial(r, sigmoid(dot(w, x[n]))), n)
    derived = derive(m, augment={"y": "polya_gamma"})
    assert str(derived.model.variable("omega").distribution) == "PolyaGamma(r + y[n], 0)"
    assert [f.name for f in derived.factors] == ["w", "omega"]
    rng = np.random.default_rng(0)
    data = {"X": rng.normal(size=(20, 2)), "y": rng.poisson(2, size=20).astype(float)}
    augmented = to_the_end(run(derived.numpy()), data, {"r": 1.5})
    tangent = to_the_end(run(derive(m, bounds={"y": "jaakkola_jordan"}).numpy()), data, {"r": 1.5})
    assert augmented.elbo == pytest.approx(tangent.elbo, rel=1e-12)
    np.testing.assert_allclose(augmented.params["w"]["mean"], tangent.params["w"]["mean"], rtol=1e-7)


def own(**changes) -> Augmentation:
    given = dict(
        function=-softplus(X),
        family="PolyaGamma",
        parameters={"shape": B, "tilt": sympy.Integer(0)},
        joint=-B * sympy.log(2) - B * X / 2 - W * X**2 / 2,
    )
    return Augmentation("own", **{**given, **changes})


def test_a_rule_of_the_users_own_is_applied() -> None:
    assert derive(logistic("m", "M"), augment={"y": own()}).relaxations[0].name == "own"


REFUSED = {
    "another constant": (dict(joint=-B * X / 2 - W * X**2 / 2), "it is not seen that integrating"),
    "another curvature": (dict(joint=-B * sympy.log(2) - B * X / 2 - W * X**2), "it is not seen"),
    "not linear": (dict(joint=-(W**2) * X**2), "not linear in the statistics of PolyaGamma"),
    "family": (dict(family="Dirichlet"), "not a scalar family"),
    "parameters": (dict(parameters={"shape": B}), "expected shape, tilt"),
    "symbols": (dict(joint=sympy.Symbol("y") * X), "expected an expression in x, omega and b"),
    "function": (dict(function=sympy.Symbol("y")), "in x alone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused(name: str) -> None:
    changes, message = REFUSED[name]
    with pytest.raises(RelaxationError) as found:
        _ = own(**changes).proof
    assert message in str(found.value)


ILLEGAL = {
    "rule": (dict(augment={"y": "polya_gama"}), "polya_gamma"),
    "term": (dict(augment={"w": "polya_gamma"}), "no term of its log density"),
    "both": (dict(augment={"y": "polya_gamma"}, bounds={"y": "boehning"}), "one of the two"),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_wrong_requests_are_refused_with_the_remedy(name: str) -> None:
    given, message = ILLEGAL[name]
    with pytest.raises(RelaxationError) as found:
        derive(logistic("m", "M"), **given)
    assert message in str(found.value)


def test_the_augmented_model_is_typeset_and_its_auxiliary_declared() -> None:
    derived = models.derived("logistic_regression_polya_gamma")
    tex = derived.latex()
    assert r"\operatorname{PG}" in tex or r"\mathrm{PG}" in tex
    assert "augmentation of" in tex and "lower bound of the bound" not in tex
    assert "Relaxation" in derived.html()


def test_a_total_that_may_be_zero_is_left_to_a_bound() -> None:
    """With no trials a Pólya-Gamma has no density; a bound has no auxiliary."""
    m = Model("trials")
    n = m.index("n", "N")
    total, u = m.covariate("total", n), m.latent("u", Normal(0, 1))
    m.observed("y", Binomial(total[n], sigmoid(u)), n)
    with pytest.raises(
        RelaxationError, match=r"total\[n\], which may be zero.* or a bound \(bounds=\), which has none"
    ):
        derive(m, augment={"y": "polya_gamma"})
    assert str(derive(m, bounds={"y": "jaakkola_jordan"}).update("u").family) == "Normal"
