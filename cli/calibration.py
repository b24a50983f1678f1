"""Whether draws and fits of a model's code have the distribution that its declaration says."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from cavi.cli.output import Output

if TYPE_CHECKING:
    from cavi.derive import Derived
    from cavi.verify.calibration import CalibrationReport


class Test(StrEnum):
    """What is put to the test."""

    RANKS = "ranks"  # simulation-based calibration of the Gibbs sampler
    JOINT = "joint"  # Geweke's joint distribution test of the Gibbs sampler
    FIT = "fit"  # q beside the exact posterior, or a run of the sampler
    Q = "q"  # ranks of the truth under q: described, not judged


def calibrate_model(derived: Derived, tests: list[Test], seed: int, output: Output) -> list[CalibrationReport]:
    """The reports of the tests asked for, each printed as it is found.

    Raises:
        CaviError: when a test needs a sampler and the model has none.
        ValueError: for a model without priors to draw from.
    """
    from cavi.verify import calibration

    how: dict[Test, Callable[..., CalibrationReport]] = {
        Test.RANKS: calibration.simulation_based_calibration,
        Test.JOINT: calibration.geweke,
        Test.FIT: calibration.against_exact,
        Test.Q: calibration.calibration_of_mean_field,
    }
    reports = []
    for test in tests:
        with output.counting(f"{derived.model.name}: {test.value}") as progress:
            report = how[test](derived, seed=seed, progress=progress)
        output.text(str(report) + "\n")
        reports.append(report)
    return reports
