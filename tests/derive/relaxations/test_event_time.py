"""Times known to lie before a limit or in an interval, or seen only between limits, beside posteriors on grids."""

from fractions import Fraction

import numpy as np
import pytest
from generated import run
from log_joint_reference import Point
from scipy.special import logsumexp
from scipy.stats import gamma, lognorm, norm, weibull_min
from stan_interpreter import target

from cavi.derive import (
    DeclarationError,
    Gamma,
    IntervalCensoredExponential,
    IntervalCensoredWeibull,
    LeftCensoredExponential,
    LeftCensoredLogNormal,
    LeftCensoredWeibull,
    LeftTruncatedExponential,
    LeftTruncatedWeibull,
    Model,
    Normal,
    TruncatedExponential,
    TruncatedWeibull,
    derive,
    functions,
)
from cavi.derive.relaxations.fitting import ascends, ends_of
from cavi.derive.term import number
from cavi.templates.stan import render
from cavi.verify import verify

K_EXACT = Fraction(3, 2)
K = float(K_EXACT)
DECLARED = {
    "before a limit, Exponential": ("event_time", 1, lambda r, at: LeftCensoredExponential(r, at("d"))),
    "before a limit, Weibull": ("event_time", K, lambda r, at: LeftCensoredWeibull(K, r, at("d"))),
    "in an interval, Exponential": ("event_time", 1, lambda r, at: IntervalCensoredExponential(r, at("h"))),
    "in an interval, Weibull": ("event_time", K, lambda r, at: IntervalCensoredWeibull(K, r, at("h"))),
    "between limits, Exponential": ("geometric", 1, lambda r, at: TruncatedExponential(r, at("u"), lower=at("l"))),
    "between limits, Weibull": ("geometric", K, lambda r, at: TruncatedWeibull(K, r, at("u"), at("l"))),
    "below a limit, Weibull": ("geometric", K, lambda r, at: TruncatedWeibull(K, r, at("u"))),
    "above a limit, Exponential": ("", 1, lambda r, at: LeftTruncatedExponential(r, at("l"))),
    "above a limit, Weibull": ("", K, lambda r, at: LeftTruncatedWeibull(K, r, at("l"))),
}
RNG = np.random.default_rng(3)
LOW = RNG.uniform(0.1, 0.4, 60)
KNOWN = {"d": (np.arange(60) % 2).astype(float), "h": RNG.uniform(0.3, 0.9, 60), "l": LOW, "u": LOW + 1.2}
TIMES = LOW + RNG.uniform(0.05, 1.1, 60)


def declared(name: str) -> Model:
    m = Model("m")
    n = m.index("n", "N")
    rate = m.latent("r", Gamma(2, 1))
    m.observed("x", DECLARED[name][2](rate, lambda known: m.covariate(known, n)[n]), n)
    return m


def log_likelihood(name: str, rate: np.ndarray) -> np.ndarray:
    time = weibull_min(DECLARED[name][1], scale=rate[:, None] ** (-1 / DECLARED[name][1]))
    x, (d, h, low, high) = TIMES, KNOWN.values()
    seen = time.logpdf(x)
    match name.split(",")[0]:
        case "before a limit":
            each = np.where(d == 1, seen, time.logcdf(x))
        case "in an interval":
            each = np.log(time.cdf(x + h) - time.cdf(x))
        case "between limits":
            each = seen - np.log(time.cdf(high) - time.cdf(low))
        case "below a limit":
            each = seen - time.logcdf(high)
        case _:
            each = seen - time.logsf(low)
    return each.sum(axis=1)


@pytest.mark.parametrize("name", DECLARED)
def test_the_bound_is_below_the_evidence_and_the_mean_is_that_of_the_posterior(name: str) -> None:
    rule = DECLARED[name][0]
    derived = derive(declared(name), relax="auto") if rule else derive(declared(name))
    assert [r.name for r in derived.relaxations] == [rule] * bool(rule)
    rate = np.linspace(1e-3, 6, 4001)
    log_joint = gamma.logpdf(rate, 2) + log_likelihood(name, rate)
    evidence = logsumexp(log_joint) + np.log(rate[1] - rate[0])
    weight = np.exp(log_joint - logsumexp(log_joint))
    data = {"x": TIMES, **{k: v for k, v in KNOWN.items() if k in {x.name for x in derived.model.variables}}}
    fit = run(derived.numpy()).fit(data, {}, tol=1e-13, max_iter=4000)
    assert (np.diff(fit.elbo_trace) > -1e-9).all()
    mean = fit.params["r"]["shape"] / fit.params["r"]["rate"]
    if rule:
        assert evidence - 1.5 < fit.elbo < evidence
        deviation = np.sqrt((weight * rate**2).sum() - (weight * rate).sum() ** 2)
        assert abs(mean - (weight * rate).sum()) < deviation / 2
    else:
        assert fit.elbo == pytest.approx(evidence, abs=1e-5)
        assert mean == pytest.approx((weight * rate).sum(), rel=1e-6)


@pytest.mark.targets
@pytest.mark.parametrize("name", DECLARED)
def test_compiled_loops_have_the_same_bound(name: str) -> None:
    derived = derive(declared(name), relax="auto") if DECLARED[name][0] else derive(declared(name))
    data = {"x": TIMES, **{k: v for k, v in KNOWN.items() if k in {x.name for x in derived.model.variables}}}
    plain, compiled = (run(text).fit(data, {}, max_iter=200).elbo for text in (derived.numpy(), derived.numba()))
    assert compiled == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("name", ["before a limit, Weibull", "in an interval, Exponential", "between limits, Weibull"])
def test_every_claim_holds(name: str) -> None:
    report = verify(derive(declared(name), relax="auto"))
    assert report.ok and not report.undecided, str(report)


def test_a_mistake_in_the_factor_of_the_time_and_in_the_augmentation_is_seen() -> None:
    plain = derive(declared("in an interval, Weibull"), relax="auto").plain()
    (t,) = (f for f in plain["factors"] if f["name"] == "t")
    (eta,) = t["parameters"]
    right = eta["value"]
    eta["value"] = ["add", [right, ["num", "1/1000000"]]]
    assert not verify(plain, only="log q*(t) - E[log p] is constant").ok
    eta["value"] = right
    plain["relaxed"][0]["value"] = ["add", [plain["relaxed"][0]["value"], ["num", "1/1000000"]]]
    assert not verify(plain, only="augmentation event_time: integrating t out gives p(x)").ok


def test_a_gibbs_sampler_draws_from_the_posterior() -> None:
    name = "in an interval, Weibull"
    derived = derive(declared(name), relax="auto")
    known = {"x": TIMES, "h": KNOWN["h"]}
    draws = np.ravel(run(derived.gibbs()).sample(known, {}, draws=4000, seed=0).values["r"])
    rate = np.linspace(1e-3, 6, 4001)
    log_joint = gamma.logpdf(rate, 2) + log_likelihood(name, rate)
    weight = np.exp(log_joint - logsumexp(log_joint))
    mean = (weight * rate).sum()
    deviation = np.sqrt((weight * rate**2).sum() - mean**2)
    assert abs(draws.mean() - mean) < 0.1 * deviation
    assert draws.std() == pytest.approx(deviation, rel=0.1)


def test_a_log_normal_time_before_a_limit() -> None:
    m = Model("m")
    n = m.index("n", "N")
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", LeftCensoredLogNormal(mu, 2.0, m.covariate("d", n)[n]), n)
    fit = run(derive(m, relax="auto").numpy()).fit({"x": TIMES, "d": KNOWN["d"]}, {}, tol=1e-12, max_iter=4000)
    at = np.linspace(-3, 3, 2001)
    time = lognorm(2**-0.5, scale=np.exp(at)[:, None])
    log_joint = norm.logpdf(at) + np.where(KNOWN["d"] == 1, time.logpdf(TIMES), time.logcdf(TIMES)).sum(axis=1)
    evidence = logsumexp(log_joint) + np.log(at[1] - at[0])
    mean = (np.exp(log_joint - logsumexp(log_joint)) * at).sum()
    assert evidence - 1.5 < fit.elbo < evidence
    assert fit.params["mu"]["mean"] == pytest.approx(mean, abs=0.02)


@pytest.mark.parametrize("name", DECLARED)
def test_its_stan_program_is_the_log_joint(name: str) -> None:
    point = Point(declared(name), 0)
    assert target(render(declared(name)), {**point.arrays, **point.sizes}) == pytest.approx(point.log_joint, rel=1e-8)


def test_a_limit_below_zero_is_refused() -> None:
    m = Model("m")
    n = m.index("n", "N")
    with pytest.raises(
        DeclarationError, match="the lower of TruncatedExponential is -1; expected a number of 0 or more"
    ):
        m.observed("x", TruncatedExponential(m.latent("r", Gamma(1, 1)), 3, -1), n)


def test_a_difference_is_positive_only_between_limits_that_are_declared() -> None:
    m = declared("between limits, Weibull")
    ends = ends_of(m, "x")
    assert ends is not None
    low, high = ends
    powers = [functions.raise_to(end, number(K_EXACT)) for end in ends]
    assert ascends(high - low, m, ends) and ascends(powers[1] - powers[0], m, ends)
    assert not ascends(low - high, m, ends) and not ascends(powers[0] - powers[1], m, ends)
    assert not ascends(high - low, m, None) and not ascends(powers[1] - powers[0], m, None)
    assert not ascends(powers[1] - low, m, ends)
