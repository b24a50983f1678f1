"""Fits beside the posterior: equal where nothing was factorised, too narrow where something was, and said so."""

import numpy as np
import pytest
from generated import derived_model

from cavi.derive import Derived, Model, Normal, derive, dot
from cavi.verify.calibration import against_exact, calibration_of_mean_field
from cavi.verify.calibration.declared import World
from cavi.verify.calibration.setting import make_setting

PRECISION = 2.0


def regression(joint: bool) -> Derived:
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(dot(w, x[n]), PRECISION), n)
    return derive(m, factors=[("w",)] if joint else None)


def design() -> np.ndarray:
    """The first two columns are nearly the same."""
    x = np.random.default_rng(0).normal(size=(30, 3))
    x[:, 1] = x[:, 0] + 0.3 * x[:, 1]
    return x


def test_mean_field_variances_are_those_of_the_theory() -> None:
    """Of a Normal posterior with precision Λ, mean field has 1 / Λ_dd where the posterior has (Λ⁻¹)_dd.

    Bishop (2006), 10.13 and figure 10.2.
    """
    report = against_exact(regression(True), regression(False), data={"X": design()})
    assert report.ok and not report.undecided, str(report)
    precision = np.eye(3) + PRECISION * design().T @ design()
    (table,) = report.tables
    expected = 1.0 / (np.diag(precision) * np.diag(np.linalg.inv(precision)))
    found = [(float(line[3]), float(line[4])) for line in table.lines]
    for (ratio, error), theory in zip(found, expected, strict=True):
        assert abs(ratio - theory) < 5 * error
        assert error < 0.1 * ratio
    assert min(expected) < 0.1


def test_correlated_columns_make_the_ranks_pile_up_at_the_ends() -> None:
    report = calibration_of_mean_field(regression(False), data={"X": design()}, replicates=60)
    assert report.ok and len(report.rows) == 1, "a description never fails"
    said = {str(line[0]): str(line[-1]) for line in report.tables[0].lines}
    assert said["w[0]"] == said["w[1]"] == "too narrow"


@pytest.mark.parametrize("name", ["normal_gamma", "beta_bernoulli", "dirichlet_multinomial", "multivariate_regression"])
def test_exact_derivations(name: str) -> None:
    derived = derived_model(name)
    report = against_exact(derived, draws=1000)
    assert report.ok and not report.undecided, str(report)
    ranks = calibration_of_mean_field(derived, replicates=60)
    assert ranks.ok and not ranks.undecided and len(ranks.rows) > 1, str(ranks)


def test_a_wrong_fit_of_an_exact_derivation_fails() -> None:
    derived = derived_model("normal_gamma")
    source = derived.numpy()
    place = source.index("def update_")
    broken = source[:place] + source[place:].replace("tau_shape = 0.5", "tau_shape = 4.5", 1)
    assert broken != source
    assert calibration_of_mean_field(derived, source=broken).failed


class Wrong:
    """An exact derivation whose generated module says something else."""

    def __init__(self, derived: Derived, before: str, after: str) -> None:
        self.derived, self.model = derived, derived.model
        source = derived.numpy()
        self.source = source.replace(before, after)
        assert self.source != source

    def plain(self) -> dict:
        return self.derived.plain()

    def numpy(self) -> str:
        return self.source

    def gibbs(self) -> str:
        return self.derived.gibbs()


def test_wrong_parameters_and_bounds_fail() -> None:
    wrong = Wrong(derived_model("normal_gamma"), "tau_shape = 0.5", "tau_shape = 0.6")
    failed = {r.name for r in against_exact(wrong, draws=200).failed}
    assert "parameters of the fit = exact posterior" in failed
    assert "log p(x, z) - log q(z) = bound at draws z" in failed


def test_a_factorised_fit_is_put_beside_a_gibbs_run() -> None:
    report = against_exact(derived_model("linear_regression"), draws=1500)
    assert report.ok and len(report.tables) == 1
    assert max(float(line[3]) - 4 * float(line[4]) for line in report.tables[0].lines) < 1.0


def test_a_chain_that_does_not_mix_decides_nothing() -> None:
    report = against_exact(derived_model("gaussian_mixture"), draws=150)
    assert {r.verdict for r in report.rows} == {"undecided"}


def test_exchanged_labels_do_not_count() -> None:
    report = calibration_of_mean_field(derived_model("gaussian_mixture"), replicates=30)
    names = [str(line[0]) for line in report.tables[0].lines]
    assert "largest of mu[·]" in names and "mean of tau[·]" in names
    assert not any(n.startswith(("z", "mu[0")) for n in names)


def test_draws_of_q_and_of_the_declaration_have_the_densities_they_are_said_to_have() -> None:
    """E[log q] is minus the entropy: of independent Normals and a Gamma, in closed form."""
    derived = derived_model("normal")
    setting = make_setting(derived, None, None, 0, {})
    q = {
        "mu": {"mean": np.array(1.0), "precision": np.array(4.0)},
        "tau": {"shape": np.array(1.0), "rate": np.array(3.0)},
    }
    world = World(setting.claim, setting.sizes, {**setting.hyper, **setting.data}, q)
    rng = np.random.default_rng(0)
    logs, values = [], []
    for _ in range(3000):
        world.draw_q(rng)
        logs.append(world.log_q())
        values.append([float(world.values["mu"]), float(world.values["tau"])])
    entropy = 0.5 * np.log(2 * np.pi * np.e / 4) + 1 - np.log(3)
    assert np.mean(logs) == pytest.approx(-entropy, abs=5 * np.std(logs) / np.sqrt(3000))
    np.testing.assert_allclose(np.mean(values, axis=0), [1.0, 1 / 3], atol=0.05)
    np.testing.assert_allclose(np.std(values, axis=0), [0.5, 1 / 3], rtol=0.08)


def test_bad_requests_are_named() -> None:
    with pytest.raises(ValueError, match="two derivations of one model"):
        against_exact(regression(True), derived_model("normal"))
    with pytest.raises(ValueError, match="maximised over"):
        calibration_of_mean_field(derived_model("gaussian_mixture_em"))
    with pytest.raises(ValueError, match="expected 100 or more"):
        against_exact(regression(True), draws=5)
    with pytest.raises(ValueError, match="expected 9 and 30"):
        calibration_of_mean_field(regression(False), replicates=3)
