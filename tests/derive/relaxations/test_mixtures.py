"""Declared densities past conjugacy: refused with the rule that helps, augmented, equal to what is known otherwise."""

import mpmath
import numpy as np
import pytest
import sympy
from generated import run
from scipy.special import digamma, log_ndtr, ndtr
from scipy.stats import norm

from cavi import models
from cavi.derive import (
    AsymmetricLaplace,
    Augmentation,
    Bernoulli,
    DeclarationError,
    Gamma,
    HalfCauchy,
    IntervalCensoredNormal,
    InverseGamma,
    Laplace,
    LeftCensoredNormal,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    RelaxationError,
    StudentT,
    derive,
    dot,
    probit,
)
from cavi.derive.relaxations.augmentation import B, S, W
from cavi.derive.relaxations.bound import X
from cavi.verify import verify


def regression(likelihood, prior=lambda m, d: m.latent("w", Normal(0, 1), d)) -> Model:
    m = Model("m")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = prior(m, d)
    m.observed("y", likelihood(m, dot(w, x[n]), n), n)
    return m


def lasso(m, d):
    return m.latent("w", Laplace(0, rate=m.latent("lam", Gamma(1, 1))), d)


def horseshoe(m, d):
    return m.latent("w", Normal(0, std=m.latent("lam", HalfCauchy(1), d)[d]), d)


MODELS = {
    "probit": (lambda: regression(lambda m, e, n: Bernoulli(probit(e))), "y", "albert_chib", "TruncatedNormal"),
    "student": (
        lambda: regression(lambda m, e, n: StudentT(e, m.latent("tau", Gamma(1, 1)), 4)),
        "y",
        "gamma_mixture",
        "Gamma",
    ),
    "laplace": (
        lambda: regression(lambda m, e, n: Laplace(e, m.latent("s", InverseGamma(2, 1)))),
        "y",
        "normal_mixture",
        "GeneralisedInverseGaussian",
    ),
    "quantile": (
        lambda: regression(lambda m, e, n: AsymmetricLaplace(e, m.latent("s", InverseGamma(2, 1)), m.hyper("q"))),
        "y",
        "normal_mixture",
        "GeneralisedInverseGaussian",
    ),
    "lasso": (
        lambda: regression(lambda m, e, n: Normal(e, 1), lasso),
        "w",
        "normal_mixture",
        "GeneralisedInverseGaussian",
    ),
    "horseshoe": (
        lambda: regression(lambda m, e, n: Normal(e, 1), horseshoe),
        "lam",
        "inverse_gamma_mixture",
        "Gamma",
    ),
    "tobit": (
        lambda: regression(
            lambda m, e, n: LeftCensoredNormal(e, m.latent("tau", Gamma(1, 1)), m.covariate("seen", n)[n])
        ),
        "y",
        "albert_chib",
        "TruncatedNormal",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_is_refused_with_the_rule_that_helps_and_derived_by_it(name: str) -> None:
    declare, node, rule, family = MODELS[name]
    with pytest.raises(NonConjugateError, match=f"augment={{'{node}': '{rule}'}}|'{rule}'"):
        derive(declare(), [("w",)])
    derived = derive(declare(), [("w",)], augment={node: rule})
    (auxiliary,) = derived.relaxations[0].variables
    assert str(derived.update(auxiliary).family) == family
    assert derive(declare(), [("w",)], relax="auto").relaxations


def settled(name: str, **options):
    found = models.data(name)
    module = run(models.derived(name).numpy())
    return module.fit(found.data, found.hyper, found.sizes, seed=0, tol=1e-13, max_iter=4000, **options), found


def test_student_noise_has_the_bound_and_the_weights_of_the_mixture_that_is_declared() -> None:
    (mixture, _), (declared, _) = settled("robust_regression"), settled("student_regression")
    assert declared.elbo == pytest.approx(mixture.elbo, rel=1e-10)
    np.testing.assert_allclose(declared.params["w"]["mean"], mixture.params["w"]["mean"], rtol=1e-5)


def test_the_mode_of_the_lasso_and_the_fixed_point_of_its_mixture() -> None:
    """Park and Casella (2008), section 2: E[1/s_d] = rate / root of E[w_d²] for an inverse Gaussian."""
    found, data = settled("bayesian_lasso")
    q, tau = found.params, found.params["tau"]["shape"] / found.params["tau"]["rate"]
    rate = q["lam"]["shape"] / q["lam"]["rate"]
    covariance = np.linalg.inv(q["w"]["precision"])
    weight = rate * np.sqrt(1 / (np.diag(covariance) + q["w"]["mean"] ** 2))
    design = data.data["X"]
    np.testing.assert_allclose(q["w"]["precision"], tau * design.T @ design + np.diag(weight), rtol=1e-6, atol=1e-6)


def test_probit_regression_is_the_fixed_point_of_albert_and_chib() -> None:
    found, data = settled("probit_regression")
    design, y, w = data.data["X"], data.data["y"], found.params["w"]["mean"]
    eta = design @ w
    sign = 2 * y - 1
    response = eta + sign * np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi) / ndtr(sign * eta)
    precision = design.T @ design + data.hyper["alpha_0"] * np.eye(2)
    np.testing.assert_allclose(w, np.linalg.solve(precision, design.T @ response), rtol=1e-6)
    ridge = data.hyper["alpha_0"]
    bound = log_ndtr(sign * eta).sum() - 0.5 * np.trace(design.T @ design @ np.linalg.inv(precision))
    bound += np.log(ridge) - ridge / 2 * (w @ w + np.trace(np.linalg.inv(precision)))
    bound += 1 - 0.5 * np.linalg.slogdet(precision)[1]
    assert found.elbo == pytest.approx(bound, rel=1e-9)


def test_far_in_the_tails_updates_stay_finite() -> None:
    module = run(models.derived("probit_regression").numpy())
    design = np.column_stack([np.ones(40), np.linspace(-4e4, 4e4, 40)])
    y = (design[:, 1] < 0).astype(float)
    found = module.fit({"X": design, "y": y}, {"alpha_0": 1e-6}, init={"w": {"mean": [0, 1], "precision": np.eye(2)}})
    assert np.isfinite(found.elbo) and (np.diff(found.elbo_trace) > -1e-8 * abs(found.elbo_trace[0])).all()


def test_extra_zeros_have_the_responsibility_of_a_mixture() -> None:
    found, data = settled("zero_inflated_poisson")
    y, q = data.data["y"], found.params
    rate = q["rate"]["shape"] / q["rate"]["rate"]
    odds = np.exp(digamma(q["phi"]["a"]) - digamma(q["phi"]["b"]) + rate)
    np.testing.assert_allclose(q["omega"]["prob"][y == 0], odds / (1 + odds), rtol=1e-5)
    extra = (y == 0).sum() * odds / (1 + odds)
    assert q["phi"]["a"] == pytest.approx(data.hyper["a_0"] + extra, rel=1e-5)
    assert q["rate"]["rate"] == pytest.approx(data.hyper["d_0"] + len(y) - extra, rel=1e-5)
    assert extra / len(y) == pytest.approx(0.577, abs=0.01)  # the maximum of the likelihood


def test_censored_survival_is_conjugate_as_it_stands() -> None:
    found, data = settled("weibull_survival")
    t, seen, group, h = (*(data.data[n] for n in ("t", "seen", "group")), data.hyper)
    deaths = np.bincount(group, weights=seen)
    exposure = np.bincount(group, weights=t ** h["k_0"])
    np.testing.assert_allclose(found.params["rate"]["shape"], h["a_0"] + deaths)
    np.testing.assert_allclose(found.params["rate"]["rate"], h["b_0"] + exposure)


def to_the_end(derived, data, hyper):
    """Sweeps until the parameters settle: the bound does so much earlier."""
    module = run(derived.numpy())
    found = module.fit(data, hyper, tol=0.0, max_iter=100)
    for _ in range(3):
        found = module.fit(data, hyper, tol=0.0, max_iter=100, init=found.params)
    return found


def test_ordered_answers_have_the_mode_of_their_posterior_and_a_bound_of_their_evidence() -> None:
    """E[ω] in (l, u) is x plus the slope of log(Φ(u - x) - Φ(l - x)): at the fixed point w is the mode."""
    data = models.data("ordinal_regression")
    found = to_the_end(models.derived("ordinal_regression"), data.data, data.hyper)
    x, lower = data.data["X"], data.data["cut"]
    upper, t = lower + data.data["width"], np.linspace(-6, 6, 4001)
    evidence = 0.0
    for d, mode in enumerate(found.params["w"]["mean"]):
        at = x[:, d] == 1
        chance = ndtr(upper[at, None] - t) - ndtr(lower[at, None] - t)
        log_joint = np.log(np.maximum(chance, 1e-300)).sum(axis=0) - t**2 / 2 - np.log(2 * np.pi) / 2
        evidence += np.log(np.exp(log_joint - log_joint.max()).sum() * (t[1] - t[0])) + log_joint.max()
        slope = (norm.pdf(lower[at] - mode) - norm.pdf(upper[at] - mode)) / (
            ndtr(upper[at] - mode) - ndtr(lower[at] - mode)
        )
        assert slope.sum() == pytest.approx(mode, abs=1e-9)
    assert evidence - 1 < found.elbo < evidence


def test_known_offsets_and_precisions_move_the_ends_of_the_interval() -> None:
    m = Model("m")
    n = m.index("n", "N")
    at, tau, h, mu = m.covariate("at", n), m.hyper("tau"), m.hyper("h"), m.latent("mu", Normal(0, 1))
    m.observed("low", IntervalCensoredNormal(mu + at[n], tau, h), n)
    derived = derive(m, augment={"low": "ordered_probit"})
    title = "augmentation ordered_probit: integrating omega out gives p(low)"
    assert verify(derived.plain(), digits=30, only=title).ok
    low, at_, tau_, h_ = np.array([0.3, 60.0, -58.0]), np.array([0.1, 0.2, -0.3]), 4.0, 0.5
    found = to_the_end(derived, {"low": low, "at": at_}, {"tau": tau_, "h": h_})
    mean = float(found.params["mu"]["mean"])
    ends = [(2 * (lo - mean), 2 * (lo + h_ - mean)) for lo in low - at_]  # up to 120 standard deviations from the mean
    with mpmath.workdps(60):
        inside = [mpmath.quad(mpmath.npdf, mpmath.linspace(a, b, 33)) for a, b in ends]
        moved = [(mpmath.npdf(a) - mpmath.npdf(b)) / p for (a, b), p in zip(ends, inside, strict=True)]
    responses = 3 * mean + float(sum(moved)) / 2
    assert mean == pytest.approx(tau_ * responses / (1 + 3 * tau_), rel=1e-7)


def test_what_is_no_interval_and_a_width_of_zero_are_refused() -> None:
    m = Model("m")
    mu, tau = m.latent("mu", Normal(0, 1)), m.latent("tau", Gamma(1, 1))
    m.observed("low", IntervalCensoredNormal(mu, tau, 1), m.index("n", "N"))
    with pytest.raises(RelaxationError, match=r"ordered_probit does not apply to mu: .*l and u known"):
        derive(m, augment={"mu": "ordered_probit"})
    with pytest.raises(DeclarationError, match="expected width="):
        IntervalCensoredNormal(0, 1)
    found = models.data("ordinal_regression")
    with pytest.raises(ValueError, match="width: found 0; expected numbers above 0"):
        module = run(models.derived("ordinal_regression").numpy())
        module.fit({**found.data, "width": 0 * found.data["width"]}, found.hyper)


def test_a_probability_without_an_index_has_one_auxiliary_for_each_observation() -> None:
    m = Model("m")
    n = m.index("n", "N")
    m.observed("y", Bernoulli(probit(m.latent("mu", Normal(0, 1)))), n)
    derived = derive(m, augment={"y": "albert_chib"})
    assert [i.name for i in derived.model.variable("omega").plates] == ["n"]


def own(**changes) -> Augmentation:
    given = dict(
        function=-sympy.log(1 + X),
        family="Gamma",
        parameters={"shape": B, "rate": sympy.Integer(1)},
        joint=-W * X,
        above=sympy.Integer(-1),
    )
    return Augmentation("own", **{**given, **changes})


def test_a_rule_of_the_users_own_with_another_family_given_x_is_proved_and_applied() -> None:
    derived = derive(MODELS["student"][0](), augment={"y": own(variable="u")})
    assert derived.relaxations[0].variables == ("u",)


REFUSED = {
    "the wrong rate": (dict(parameters={"shape": B, "rate": sympy.Integer(2)}), "it is not seen that integrating"),
    "the wrong family": (dict(given="TruncatedNormal"), "not linear in the statistics of TruncatedNormal"),
    "no weight": (dict(weight="any"), "expected 'positive' or 'binary'"),
    "a scale left out": (dict(function=-sympy.log(1 + S * X)), "it is not seen that integrating"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused(name: str) -> None:
    changes, message = REFUSED[name]
    with pytest.raises(RelaxationError, match=message):
        _ = own(**changes).proof


def test_a_weight_that_may_be_two_is_refused_by_a_rule_for_zero_and_one() -> None:
    m = Model("m")
    n = m.index("n", "N")
    count = m.covariate("count", n)
    m.observed("y", Bernoulli(probit(m.latent("mu", Normal(0, 1)))), n, weight=count[n])
    with pytest.raises(RelaxationError, match="expected zero or one, whatever the data"):
        derive(m, augment={"y": "albert_chib"})


def test_the_logarithm_of_a_latent_is_no_mixture() -> None:
    """log τ = log(1 + (τ - 1)), but nothing asks for that."""
    m = Model("m")
    n = m.index("n", "N")
    m.observed("y", Poisson(m.latent("rate", Gamma(1, 1))), n)
    with pytest.raises(RelaxationError, match="no term of its log density"):
        derive(m, augment={"rate": "gamma_mixture"})
