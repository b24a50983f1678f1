"""Calibration of generated samplers: right ones pass, a rate ten per cent off or a lost term does not."""

import pytest
from generated import derived_model

from cavi.verify.calibration import geweke, simulation_based_calibration


@pytest.mark.parametrize("name", ["normal", "beta_bernoulli"])
def test_right_samplers_pass(name: str) -> None:
    ranks = simulation_based_calibration(derived_model(name), replicates=100)
    assert ranks.ok and not ranks.undecided, str(ranks)
    joint = geweke(derived_model(name), sweeps=1500)
    assert joint.ok, str(joint)


def planted(old: str, new: str) -> str:
    source = derived_model("normal").gibbs()
    assert source.count(old) >= 1
    return source.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("random_gamma(rng, tau_shape, tau_rate)", "random_gamma(rng, tau_shape, 1.1 * tau_rate)"),
        ("        - mu * total_1\n", ""),
    ],
)
def test_wrong_samplers_fail(old: str, new: str) -> None:
    derived, source = derived_model("normal"), planted(old, new)
    verdicts = [
        simulation_based_calibration(derived, replicates=1000, source=source).ok,
        geweke(derived, sweeps=20000, source=source).ok,
    ]
    assert not all(verdicts)


def test_the_same_seed_gives_the_same_report() -> None:
    first, again = (simulation_based_calibration(derived_model("normal"), replicates=30, seed=3) for _ in range(2))
    assert [r.detail for r in first.rows] == [r.detail for r in again.rows]


def test_numbers_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="replicates"):
        simulation_based_calibration(derived_model("normal"), replicates=0)
