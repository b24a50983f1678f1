"""Truncated observations by the draws that were rejected, beside posteriors and evidences on grids."""

import numpy as np
import pytest
from generated import run
from scipy.special import betaln, digamma, gammaln, logsumexp
from scipy.stats import gamma, norm

from cavi import models
from cavi.derive import (
    Beta,
    DeclarationError,
    Gamma,
    HurdleNegativeBinomial,
    IntervalCensoredNormal,
    Model,
    Normal,
    RelaxationError,
    RightCensoredExponential,
    TruncatedExponential,
    TruncatedNormal,
    ZeroTruncatedBinomial,
    ZeroTruncatedPoisson,
    derive,
)
from cavi.derive.relaxations import augmentations
from cavi.derive.relaxations.rejection import RejectedDraws
from cavi.verify import verify


def observed(likelihood, **known):
    m = Model("m")
    n = m.index("n", "N")
    m.observed("x", likelihood(m, n), n)
    return m


def normal(**ends):
    return observed(lambda m, n: TruncatedNormal(m.latent("mu", Normal(0, 0.1)), m.latent("tau", Gamma(2, 1)), **ends))


def data(low: float, high: float, count: int = 80) -> np.ndarray:
    x = np.random.default_rng(1).normal(0.6, 0.9, size=20 * count)
    return x[(x > low) & (x < high)][:count]


ENDS = {"above": (0.0, np.inf), "below": (-np.inf, 1.0), "between": (-0.5, 1.5)}


@pytest.mark.parametrize("name", ENDS)
def test_the_bound_is_below_the_evidence_and_the_mean_near_that_of_the_posterior(name: str) -> None:
    low, high = ENDS[name]
    given = {k: v for k, v in (("lower", low), ("upper", high)) if np.isfinite(v)}
    derived, x = derive(normal(**given), relax="auto"), data(low, high)
    assert derived.relaxations[0].name == "rejected_draws"
    found = run(derived.numpy()).fit({"x": x}, {}, tol=1e-10, max_iter=4000)
    assert (np.diff(found.elbo_trace) > -1e-9).all()
    mu, tau = np.meshgrid(np.linspace(-2.5, 4, 500), np.linspace(0.02, 5, 500), indexing="ij")
    a, b = np.sqrt(tau) * (low - mu), np.sqrt(tau) * (high - mu)
    mass = np.log(norm.cdf(b) - norm.cdf(a))
    joint = norm.logpdf(mu, 0, 10**0.5) + gamma.logpdf(tau, 2) - len(x) * mass
    joint += len(x) * 0.5 * np.log(tau / (2 * np.pi)) - tau / 2 * ((x[:, None, None] - mu) ** 2).sum(axis=0)
    evidence = logsumexp(joint) + np.log(6.5 / 499 * 4.98 / 499)
    weight = np.exp(joint - logsumexp(joint))
    mean = (weight * mu).sum()
    deviation = np.sqrt((weight * mu**2).sum() - mean**2)
    assert evidence - 3 < found.elbo < evidence
    assert abs(found.params["mu"]["mean"] - mean) < deviation


def test_under_the_factor_of_the_draws_the_count_is_that_of_its_expected_density() -> None:
    """E[m] = r/(1 - r) with r the integral over outside of exp E[log f(y | mu, tau)]."""
    x = data(0.0, np.inf)
    found = run(derive(normal(lower=0), augment={"x": "rejected_draws"}).numpy()).fit({"x": x}, {}, tol=1e-13)
    q = found.params
    mean, variance = q["mu"]["mean"], 1 / q["mu"]["precision"]
    shape, rate = q["tau"]["shape"], q["tau"]["rate"]
    y = np.linspace(-30, 0, 400001)
    log_f = 0.5 * (digamma(shape) - np.log(rate) - np.log(2 * np.pi)) - 0.5 * shape / rate * (
        (y - mean) ** 2 + variance
    )
    ratio = np.trapezoid(np.exp(log_f), y)
    np.testing.assert_allclose(1 - q["m"]["prob"], ratio, rtol=1e-5)


LIKELIHOODS = {
    "zero-truncated Poisson": lambda m, n: ZeroTruncatedPoisson(m.latent("rate", Gamma(2, 1))),
    "zero-truncated Binomial": lambda m, n: ZeroTruncatedBinomial(4, m.latent("p", Beta(2, 1))),
    "hurdle": lambda m, n: HurdleNegativeBinomial(m.hyper("r"), m.latent("p", Beta(2, 1)), m.latent("c", Beta(1, 1))),
    "exponential": lambda m, n: TruncatedExponential(m.latent("rate", Gamma(2, 1)), upper=m.covariate("u", n)[n]),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_claim_of_a_truncated_density_holds(name: str) -> None:
    derived = derive(observed(LIKELIHOODS[name]), relax="auto")
    assert derived.relaxations[0].name == "geometric"
    report = verify(derived)
    assert report.ok and not report.undecided, str(report)


@pytest.mark.parametrize("ends", [{"upper": 1}, {"lower": -1, "upper": 2}], ids=str)
def test_every_claim_of_a_truncated_normal_holds(ends: dict) -> None:
    report = verify(derive(normal(**ends), relax="auto"))
    assert report.ok and not report.undecided, str(report)


def test_a_mistake_in_the_number_of_draws_is_seen() -> None:
    plain = derive(normal(lower=0), augment={"x": "rejected_draws"}).plain()
    (m,) = (f for f in plain["factors"] if f["name"] == "m")
    for p in m["parameters"]:
        if p["name"] == "eta_1":
            p["value"] = ["add", [p["value"], ["num", "1/100"]]]
    assert not verify(plain, only="log q*(m) - E[log p] is constant").ok


def test_a_precision_of_ordered_answers_may_be_latent() -> None:
    m = Model("m")
    n = m.index("n", "N")
    mu, tau, width = m.latent("mu", Normal(0, 1)), m.latent("tau", Gamma(2, 1)), m.covariate("width", n)
    m.observed("low", IntervalCensoredNormal(mu, tau, width[n]), n)
    derived = derive(m, augment={"low": "ordered_probit"})
    report = verify(derived, code=False)
    assert report.ok and not report.undecided, str(report)
    x = np.random.default_rng(0).normal(0.4, 0.5, size=60)
    low, h = np.floor(2 * x) / 2, np.full(60, 0.5)
    found = run(derived.numpy()).fit({"low": low, "width": h}, {}, tol=1e-10, max_iter=4000)
    mu, tau = np.meshgrid(np.linspace(-0.4, 1.2, 400), np.linspace(0.05, 15, 400), indexing="ij")
    root = np.sqrt(tau)[..., None]
    joint = norm.logpdf(mu) + gamma.logpdf(tau, 2)
    joint += np.log(norm.cdf(root * (low + h - mu[..., None])) - norm.cdf(root * (low - mu[..., None]))).sum(axis=-1)
    evidence = logsumexp(joint) + np.log(1.6 / 399 * 14.95 / 399)
    weight = np.exp(joint - logsumexp(joint))
    assert evidence - 1.5 < found.elbo < evidence
    assert found.params["mu"]["mean"] == pytest.approx((weight * mu).sum(), abs=0.01)


def test_hurdle_poisson_beside_its_posterior_on_a_grid() -> None:
    found = models.data("hurdle_poisson")
    y, h = found.data["y"], found.hyper
    fit = run(models.derived("hurdle_poisson").numpy()).fit(found.data, h, tol=1e-13, max_iter=4000)
    above, positive = (y > 0).sum(), y[y > 0]
    crossing = fit.params["phi"]
    assert crossing["a"] == pytest.approx(h["a_0"] + above)  # conjugate as it stands
    assert crossing["b"] == pytest.approx(h["b_0"] + len(y) - above)
    rate = np.linspace(3, 5, 20001)
    joint = gamma.logpdf(rate, h["c_0"], scale=1 / h["d_0"]) + positive.sum() * np.log(rate) - above * rate
    joint -= above * np.log(-np.expm1(-rate)) + gammaln(positive + 1).sum()
    weight = np.exp(joint - logsumexp(joint))
    evidence = logsumexp(joint) + np.log(rate[1] - rate[0])
    evidence += betaln(crossing["a"], crossing["b"]) - betaln(h["a_0"], h["b_0"])
    mean = (weight * rate).sum()
    q = fit.params["rate"]
    assert q["shape"] / q["rate"] == pytest.approx(mean, abs=0.002)
    deviation = np.sqrt((weight * rate**2).sum() - mean**2)
    assert 0.9 * deviation < np.sqrt(q["shape"]) / q["rate"] < deviation  # what mean field loses
    assert evidence - 0.1 < fit.elbo < evidence


def test_large_rates_have_no_zeros_that_were_missed() -> None:
    derived = derive(observed(LIKELIHOODS["zero-truncated Poisson"]), relax="auto")
    found = run(derived.numpy()).fit({"x": [900.0, 950.0, 1010.0]}, {}, tol=1e-12)
    assert np.isfinite(found.elbo) and found.params["rate"]["shape"] == 2862.0
    with pytest.raises(ValueError, match="x: found 0; expected whole numbers of 1 or more"):
        run(derived.numpy()).fit({"x": [0.0, 3.0]}, {})


def test_data_beyond_an_end_and_latent_ends_are_refused() -> None:
    module = run(derive(normal(lower=0), augment={"x": "rejected_draws"}).numpy())
    with pytest.raises(ValueError, match="expected numbers above 0"):
        module.fit({"x": [-0.1, 3.0]}, {})
    m = Model("m")
    end = m.latent("end", Normal(0, 1))
    with pytest.raises(DeclarationError, match="upper"):
        m.observed("x", TruncatedNormal(m.latent("mu", Normal(0, 1)), 1, upper=end), m.index("n", "N"))
    with pytest.raises(RelaxationError, match="rejected_draws does not apply to mu"):
        derive(normal(lower=0), augment={"mu": "rejected_draws"})


def test_what_is_neither_inside_nor_outside_is_refused() -> None:
    rule = next(r for r in augmentations() if isinstance(r, RejectedDraws))
    wrong = RejectedDraws("wrong", 2 * rule.function, rule.draw, rule.parameters, rule.outside, rule.at)
    with pytest.raises(RelaxationError, match="it is not seen that the integral"):
        _ = wrong.proof


@pytest.mark.parametrize("role", ["latent", "point"])
@pytest.mark.parametrize("law", [IntervalCensoredNormal(0, 1, 2), RightCensoredExponential(1, 0)])
def test_what_is_recorded_of_a_value_is_not_the_value(role: str, law) -> None:
    """The log probability of an interval is no density over its lower end, so that nothing can be averaged over it."""
    m = Model("recorded")
    with pytest.raises(DeclarationError, match="is the law of what is recorded of a value, not of the value"):
        getattr(m, role)("x", law, m.index("n", "N"))
