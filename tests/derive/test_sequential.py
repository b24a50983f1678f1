"""Stages that are reached one after another: the sequential logit by Pólya-Gamma variables, and what is refused."""

import numpy as np
import pytest
from brute import World
from generated import run
from scipy.special import expit, logsumexp
from scipy.stats import norm

from cavi import models
from cavi.derive import Categorical, DeclarationError, Model, Normal, derive, dot, sigmoid, stick_breaking
from cavi.derive.log_joint import log_density
from cavi.templates.language import read_model, write_model
from cavi.verify import verify

K, D = 4, 2


def stages(effects: bool = True) -> Model:
    m = Model("stages")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    a = m.latent("a", Normal(0, 1), k)
    x = m.covariate("X", n, d)
    at = dot(m.latent("w", Normal(0, 1), d), x[n]) if effects else 0
    m.observed("y", Categorical(stick_breaking(sigmoid(a[k] - at), over=k)), n)
    return m


def test_the_log_density_is_that_of_one_decision_after_another() -> None:
    rng = np.random.default_rng(0)
    x, w, a = rng.normal(size=(K, D)), rng.normal(size=D), rng.normal(size=K)
    stop = expit(a - (x @ w)[:, None])
    stop[:, -1] = 1
    passed = np.concatenate([np.ones((K, 1)), np.cumprod(1 - stop, axis=1)[:, :-1]], axis=1)
    m = stages()
    world = World({"N": K, "D": D, "K": K}, {"X": x, "w": w, "a": a, "y": np.arange(K)})
    (n,) = m.variable("y").plates
    found = [world.value(log_density(m.variable("y"), m), {n: i}) for i in range(K)]
    np.testing.assert_allclose(found, np.log((stop * passed)[np.arange(K), np.arange(K)]), rtol=1e-12)


def test_polya_gamma_has_the_bound_of_jaakkola_and_jordan_below_the_evidence() -> None:
    y = np.random.default_rng(1).choice(3, size=30, p=[0.5, 0.3, 0.2])
    data = {"X": np.zeros((30, 1)), "y": y}
    by = {"augment": {"y": "polya_gamma"}}, {"bounds": {"y": "jaakkola_jordan"}}
    first, second = (
        run(derive(stages(), **how).numpy()).fit(data, {}, {"K": 3}, tol=1e-13, max_iter=4000) for how in by
    )
    assert first.elbo == pytest.approx(second.elbo, rel=1e-10)
    np.testing.assert_allclose(first.params["a"]["mean"], second.params["a"]["mean"], atol=1e-5)
    # Each stage is a coin of its own: the evidence is a product of integrals over one logit.
    a = np.linspace(-8, 8, 4001)
    evidence = 0.0
    for stage in (0, 1):
        stopped, went_on = (y == stage).sum(), (y > stage).sum()
        log_joint = norm.logpdf(a) + stopped * np.log(expit(a)) + went_on * np.log(expit(-a))
        evidence += logsumexp(log_joint) + np.log(a[1] - a[0])
        assert first.params["a"]["mean"][stage] == pytest.approx(
            (np.exp(log_joint - logsumexp(log_joint)) * a).sum(), abs=0.02
        )
    assert evidence - 0.1 < first.elbo < evidence


def test_the_augmentation_is_integrated_out_and_a_mistake_is_seen() -> None:
    plain = derive(stages(effects=False), augment={"y": "polya_gamma"}).plain()
    only = "augmentation polya_gamma: integrating omega, omega_2 out gives p(y)"
    assert verify(plain, only=only).ok
    (entry,) = plain["relaxed"]
    entry["value"] = ["add", [entry["value"], ["num", "1/1000000"]]]
    assert not verify(plain, only=only).ok


def test_a_term_that_data_switch_off_has_a_factor_of_its_own_shape() -> None:
    """Of a stage that was not reached, q(omega) is PG(1, 0), as before anything was observed."""
    derived = derive(stages(effects=False), augment={"y": "polya_gamma"})
    y = np.array([0, 1, 2, 2])
    found = run(derived.numpy()).fit({"X": np.zeros((4, 1)), "y": y}, {}, {"K": 3}).params["omega"]["tilt"]
    reached = np.arange(3)[:, None] < y
    assert (found[~reached] == 0).all() and (found[reached] > 0).all()


def test_proportional_odds_have_polya_gamma_variables() -> None:
    m, known = models.load("proportional_odds"), models.data("proportional_odds")
    found = [
        run(derive(m, [("w", "c")], approximate={"h": "quadrature"}, **how).numpy()).fit(
            known.data, known.hyper, known.sizes, tol=1e-10, max_iter=2000
        )
        for how in ({"augment": {"y": "polya_gamma"}}, {"bounds": {"y": "jaakkola_jordan"}})
    ]
    assert found[0].elbo == pytest.approx(found[1].elbo, rel=1e-9)


def test_as_text_and_back() -> None:
    text = write_model(stages())
    assert write_model(read_model(text)) == text


def test_a_number_for_each_category_is_expected() -> None:
    m = Model("m")
    n, k = m.index("n", "N"), m.index("k", "K")
    a = m.latent("a", Normal(0, 1), k)
    with pytest.raises(DeclarationError, match=r"write stick_breaking\(a\[k\], over=k\)"):
        stick_breaking(sigmoid(a), over=k)
    with pytest.raises(DeclarationError, match="expected a number for each n"):
        stick_breaking(sigmoid(a[k]), over=n)
