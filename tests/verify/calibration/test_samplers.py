"""Generated Gibbs samplers pass, planted faults do not: ranks and the joint distribution."""

from collections.abc import Callable

import numpy as np
import pytest
from generated import derived_model

from cavi.derive import CaviError, Derived, Gamma, Model, MultivariateNormal, Normal, derive, dot
from cavi.verify import junit
from cavi.verify.calibration import CalibrationReport, geweke, simulation_based_calibration
from cavi.verify.report import Report

Test = Callable[..., CalibrationReport]
EXACT = ["normal", "beta_bernoulli", "normal_gamma", "linear_regression", "latent_class", "undirected_blocks"]


@pytest.mark.parametrize("name", EXACT)
def test_ranks_of_right_samplers(name: str) -> None:
    report = simulation_based_calibration(derived_model(name), replicates=100, thin=1)
    assert report.ok and not report.undecided, str(report)


@pytest.mark.parametrize("name", [*EXACT, "poisson_matrix_factorisation", "gaussian_matrix_factorisation"])
def test_joint_distribution_of_right_samplers(name: str) -> None:
    """Two of these never leave the mode they start in."""
    report = geweke(derived_model(name), sweeps=1500)
    assert report.ok and not report.undecided, str(report)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["gaussian_mixture", "hmm_categorical", "factor_analysis", "gaussian_process", "switching_level"]
)
@pytest.mark.parametrize("test", [simulation_based_calibration, geweke])
def test_larger_samplers(test: Test, name: str) -> None:
    report = test(derived_model(name))
    assert report.ok and not report.undecided, str(report)


def planted(name: str, before: str, after: str) -> tuple[Derived, str]:
    """A sampler with one statement of a conditional changed."""
    derived = derived_model(name)
    source = derived.gibbs()
    place = source.index("def draw_")
    broken = source[:place] + source[place:].replace(before, after, 1)
    assert broken != source, f"{before!r} is not in the sampler"
    return derived, broken


FAULTS = [
    ("a rate 10 % too large", "normal", "tau = random_gamma(rng, tau_shape, tau_rate)",
     "tau = random_gamma(rng, tau_shape, 1.1 * tau_rate)"),
    ("half an observation too much", "normal", "tau_shape = 0.5 + ", "tau_shape = 1.0 + "),
    ("a standard deviation 30 % too small", "normal", "mu = random_normal(rng, mu_mean, mu_precision)",
     "mu = random_normal(rng, mu_mean, 2 * mu_precision)"),
    ("the plug-in mean", "normal", "mu = random_normal(rng, mu_mean, mu_precision)", "mu = mu_mean"),
    ("the sign of a prior term", "normal", "kappa_0 * m_0 * tau + tau", "-kappa_0 * m_0 * tau + tau"),
]  # fmt: skip


@pytest.mark.parametrize("before, after", [f[2:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_the_joint_distribution_sees_small_faults(before: str, after: str) -> None:
    derived, source = planted("normal", before, after)
    assert geweke(derived, source=source, sweeps=16_000).failed


@pytest.mark.parametrize(
    "before, after",
    [
        ("mu = random_normal(rng, mu_mean, mu_precision)", "mu = random_normal(rng, mu_mean, 4 * mu_precision)"),
        ("mu = random_normal(rng, mu_mean, mu_precision)", "mu = mu_mean"),
        ("mu_mean = mu_eta_1", "mu_mean = -mu_eta_1"),
        ("tau_shape = 0.5 +", "tau_shape = 3.5 +"),
    ],
)
def test_ranks_see_faults(before: str, after: str) -> None:
    derived, source = planted("normal", before, after)
    assert simulation_based_calibration(derived, source=source).failed


@pytest.mark.parametrize("test", [simulation_based_calibration, geweke])
@pytest.mark.parametrize(
    "name, latent", [("normal", "tau"), ("normal", "mu"), ("latent_class", "z"), ("linear_regression", "w")]
)
def test_a_latent_that_is_never_refreshed(test: Test, name: str, latent: str) -> None:
    derived = derived_model(name)
    source = derived.gibbs() + f'\nBLOCKS["{latent}"] = lambda state, rng: None\n'
    report = test(derived, source=source)
    assert f"{latent} is drawn anew" in {r.name for r in report.failed}


def test_a_prior_that_is_not_the_declared_one_is_seen_by_ranks() -> None:
    """Truths come from the declaration, so a model that the sampler misreads consistently does not pass."""
    derived = derived_model("normal")
    source = derived.gibbs().replace("np.sqrt(precision)", "precision")
    assert geweke(derived, source=source).failed or simulation_based_calibration(derived, source=source).failed
    assert simulation_based_calibration(derived, source=source).failed


def test_a_sampler_that_raises_has_failed() -> None:
    derived, source = planted("normal", "mu_precision = ", "mu_precision = state.hyper['nothing'] + ")
    for test in (simulation_based_calibration, geweke):
        (row,) = test(derived, source=source).rows
        assert row.verdict == "failed" and "KeyError" in row.detail


def test_data_sizes_and_hyperparameters_are_the_users() -> None:
    m = Model("line")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, a = m.covariate("X", n, d), m.hyper("a")
    w = m.latent("w", MultivariateNormal(0, a, over=d))
    tau = m.latent("tau", Gamma(2, 1))
    m.observed("y", Normal(dot(w, x[n]), tau), n)
    derived = derive(m)
    design = np.random.default_rng(0).normal(size=(5, 3))
    report = simulation_based_calibration(derived, data={"X": design}, hyper={"a": 2.0}, replicates=60, thin=1)
    assert report.ok
    assert [r.name for r in report.rows if "w[" in r.name] == ["rank of w[0]", "rank of w[1]", "rank of w[2]"]


def test_the_report_repeats_and_is_plain_data() -> None:
    seen: list[tuple[int, int]] = []
    derived = derived_model("normal")

    def once() -> CalibrationReport:
        return simulation_based_calibration(derived, replicates=30, progress=lambda a, b: seen.append((a, b)))

    first, second = once(), once()
    assert [r.detail for r in first.rows] == [r.detail for r in second.rows]
    assert seen[29] == (30, 30) and len(seen) == 60
    assert Report.from_dict(first.as_dict()).ok == first.ok
    assert "rank of tau" in junit([first])
    assert "family-wise error 0.01" in str(first)
    assert all(r.verdict != "certified" for r in first.rows)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"draws": 3}, "draws = 3; expected a whole number of 9"),
        ({"replicates": 5}, "replicates = 5"),
        ({"thin": 0}, "thin = 0"),
        ({"sizes": {"M": 3}}, "sizes: M not in the model; expected some of N"),
        ({"sizes": {"N": 0}}, "N = 0; expected a whole number of 1"),
        ({"hyper": {"b": 3}}, "hyper: b not in the model"),
        ({"data": {"u": [1.0]}}, "data: u not in the model"),
    ],
)
def test_bad_requests_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulation_based_calibration(derived_model("normal"), **options)


def test_models_without_a_sampler_say_why() -> None:
    with pytest.raises(CaviError, match="maximised"):
        geweke(derived_model("gaussian_mixture_em"))
    with pytest.raises(ValueError, match="20 or more chains"):
        geweke(derived_model("normal"), sweeps=100)
