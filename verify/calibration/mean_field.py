"""How well calibrated q is: ranks of true parameters among draws of q (Yao et al. 2018, Yes, but did it work?).

Mean field minimises KL(q ‖ p), which costs more where q has mass and the posterior has none than the other way round: q
is too narrow, and true values fall into its tails too often. Their ranks then pile up at both ends. That is no fault of
the derivation, and so it is described, not judged. Where q is claimed to be the posterior, ranks must be uniform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cavi.verify.calibration.declared import declared_latents
from cavi.verify.calibration.fits import Fitter, is_exact, refuse_points
from cavi.verify.calibration.quantities import quantities
from cavi.verify.calibration.setting import Progress, Setting, make_setting
from cavi.verify.calibration.statistics import Uniformity, band, ranks, uniformity
from cavi.verify.calibration.table import CalibrationReport, Table, judged, plain_row
from cavi.verify.report import Row

COLUMNS = ("quantity", "outer tenths", "mean rank", "distance", "p", "q is")
ERRORS = (ArithmeticError, ValueError, np.linalg.LinAlgError)


def calibration_of_mean_field(
    derived: Any,
    sizes: Mapping[str, int] | None = None,
    *,
    hyper: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    draws: int = 19,
    replicates: int = 200,
    seed: int = 0,
    level: float = 0.01,
    progress: Progress | None = None,
    source: str | None = None,
) -> CalibrationReport:
    """Ranks of true parameters among draws from the q that the generated module fits.

    Args:
        derived: what `cavi.derive.derive` returned.
        sizes: number of elements of each set; those not given are small.
        hyper: values of hyperparameters; those not given are generic numbers in their domains.
        data: values of covariates and observed indices; observed variables are drawn.
        draws: from q for each replicate.
        replicates: draws of parameters and data.
        seed: of all random numbers.
        level: family-wise error of the band, over all quantities together.
        progress: called with (replicates done, replicates in all).
        source: text of a module to test in place of ``derived.numpy()``.

    Returns:
        A report with a table of ranks. Elements that exchanged labels would exchange count by their mean and their
        largest. Rows judge the ranks only where the derivation claims the exact posterior.

    Raises:
        ValueError: for numbers out of range, unknown names, and latents that are maximised over.
    """
    if draws < 9 or replicates < 30:
        raise ValueError(f"draws = {draws}, replicates = {replicates}; expected 9 and 30 or more")
    setting = make_setting(derived, sizes, hyper, seed, data or {})
    refuse_points(setting, derived)
    fitter = Fitter(setting, source if source is not None else derived.numpy())
    names, found, failures = _replicate(setting, fitter, draws, replicates, seed, progress)
    title = (
        f"Calibration of q of {setting.claim.model['name']}: {replicates} data sets, {draws} draws of each, "
        f"family-wise error {level:g}"
    )
    done = f"{len(found)} of {replicates} data sets were fitted"
    rows = [plain_row("fits", "undecided" if failures else "checked", "; ".join([done, *sorted(set(failures))[:2]]))]
    if len(found) < 30:
        return CalibrationReport(title, tuple(rows))
    table, count = np.array(found), len(names)
    results = [uniformity(column, draws) for column in table.T]
    allowed = band(len(found), count, level)
    lines = [
        (n, f"{u.outer:.0%}", u.mean, u.distance, f"{u.p:.1e}", _shape(u, len(found), count, level))
        for n, u in zip(names, results, strict=True)
    ]
    note = f"  uniform ranks: outer tenths 20%, mean 0.5, distance below {allowed:.3f}"
    if is_exact(setting):
        rows += _judged(names, results, allowed, level)
    return CalibrationReport(
        title, tuple(rows), tables=(Table("Ranks of the truth under q", COLUMNS, tuple(lines), note),)
    )


def _replicate(
    setting: Setting, fitter: Fitter, draws: int, replicates: int, seed: int, progress: Progress | None
) -> tuple[list[str], list[np.ndarray], list[str]]:
    """Names of the quantities, their ranks by replicate, and why fits failed."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    failures: list[str] = []
    latents, whole = declared_latents(setting.claim), not setting.claim.marginalised
    world = setting.world()
    world.draw_model(rng)
    wanted = quantities(setting.claim, {n: world.values[n] for n in latents}, invariant=True)
    names = [*(q.name for q in wanted), *(["log joint"] if whole else [])]
    for done in range(1, replicates + 1):
        world = setting.world()
        world.draw_model(rng)
        log_p = [world.log_p()] if whole else []
        aim = np.array([*(q(world.values) for q in wanted), *log_p])
        try:
            with np.errstate(all="ignore"):
                fitted = fitter(setting.observed(world), seed + done)
                drawn = np.empty((draws, len(aim)))
                for i in range(draws):
                    values = fitted.draw(rng)
                    drawn[i] = [*(q(values) for q in wanted), *([fitted.world.log_p()] if whole else [])]
                found.append(ranks(aim, drawn, rng))
        except ERRORS as error:
            failures.append(f"{type(error).__name__}: {error}")
        if progress is not None:
            progress(done, replicates)
    return names, found, failures


def _judged(names: list[str], results: list[Uniformity], allowed: float, level: float) -> list[Row]:
    return [
        judged(f"rank of {n}", u.p, len(names), level, f"distance {u.distance:.3f} of {allowed:.3f}")
        for n, u in zip(names, results, strict=True)
    ]


def _shape(u: Uniformity, count: int, tests: int, level: float) -> str:
    """What the ranks say about q, in a word."""
    if u.p * tests >= level:
        return "within the band"
    off = (u.mean - 0.5) * (12.0 * count) ** 0.5  # standard errors of the mean of uniform shares
    wide = (u.outer - 0.2) / (0.16 / count) ** 0.5
    if abs(off) > abs(wide):
        return "too low" if off > 0 else "too high"
    return "too narrow" if wide > 0 else "too wide"
