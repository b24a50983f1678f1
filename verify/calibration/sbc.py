"""Simulation-based calibration of a generated Gibbs sampler (Talts et al. 2018, arXiv:1804.06788).

Parameters from the prior, data given the parameters: then the parameters are one draw of the posterior, and their rank
among the sampler's draws is uniform if those have the posterior as well.

The rank is made exact for a chain that mixes slowly, or never leaves one of several modes (Besag and Clifford 1989).
A sweep forward and back over the blocks is its own reverse in time, so the truth can stand at a random place of a
stationary run: the chain runs from it in both directions. Warm-up is not needed, and exchanged labels do no harm.
Thinning costs no correctness either, it gives power. Blocks drawn element by element are not their own reverse; for
those the ranks are uniform as far as the thinned draws are independent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.calibration.quantities import Quantity, discrete, quantities
from cavi.verify.calibration.setting import Progress, Sampler, make_setting
from cavi.verify.calibration.statistics import autocorrelation_time, band, ranks, uniformity
from cavi.verify.calibration.table import FAULTS, CalibrationReport, broken, judged, plain_row, timed
from cavi.verify.report import Row

PILOT, MOST_THIN, SLOW = 200, 4, 3.0


@dataclass
class _Runs:
    """What the replicates gave: ranks by quantity, and which elements ever varied in the prior and in a chain."""

    ranks: list[np.ndarray]
    varied: dict[str, np.ndarray]
    moved: dict[str, np.ndarray]
    strange: int = 0


def simulation_based_calibration(
    derived: Any,
    sizes: Mapping[str, int] | None = None,
    *,
    hyper: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    draws: int = 19,
    replicates: int = 200,
    thin: int | None = None,
    seed: int = 0,
    level: float = 0.01,
    progress: Progress | None = None,
    source: str | None = None,
) -> CalibrationReport:
    """Ranks of true parameters among the draws of the generated Gibbs sampler.

    Args:
        derived: what `cavi.derive.derive` returned.
        sizes: number of elements of each set; those not given are small.
        hyper: values of hyperparameters; those not given are generic numbers in their domains.
        data: values of covariates and observed indices; observed variables are drawn.
        draws: of the posterior for each replicate.
        replicates: draws of parameters and data.
        thin: sweeps between draws; by default the autocorrelation time of a first run, 4 at most.
        seed: of all random numbers; the same seed gives the same report.
        level: family-wise error of the band, over all quantities together.
        progress: called with (replicates done, replicates in all).
        source: text of a sampler to test in place of ``derived.gibbs()``.

    Returns:
        A report with a row for each element of the latents (twelve of each at most), one for the log joint density,
        and one for each latent that says whether the sampler ever moves it.

    Raises:
        ValueError: for numbers out of range and names that the model does not have.
        CaviError: where the model has no sampler.
    """
    _check(draws=draws, replicates=replicates)
    if thin is not None:
        _check(thin=thin)
    setting = make_setting(derived, sizes, hyper, seed, data or {})
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    try:
        with np.errstate(all="ignore"):
            sampler = Sampler(setting, source if source is not None else derived.gibbs())
            sampler.declared(rng)
            wanted = quantities(setting.claim, sampler.values())
            slow = _pilot(sampler, wanted, rng)
            thin = thin or int(np.clip(np.ceil(slow), 1, MOST_THIN))
            runs = _replicate(sampler, wanted, draws, replicates, thin, rng, progress)
            rows = [*_rank_rows(sampler, wanted, runs, draws, level, slow / thin), *_moves(sampler, runs)]
    except FAULTS as error:
        rows = [broken(error)]
    title = _title(setting.claim.model, replicates, draws, thin or 0, level)
    return CalibrationReport(title, timed(rows, time.perf_counter() - started))


def _title(model: Mapping[str, Any], replicates: int, draws: int, thin: int, level: float) -> str:
    return (
        f"Simulation-based calibration of {model['name']}: {replicates} data sets, {draws} draws of each, "
        f"{thin} sweeps apart, family-wise error {level:g}"
    )


def _pilot(sampler: Sampler, wanted: tuple[Quantity, ...], rng: np.random.Generator) -> float:
    """The longest autocorrelation time of a run, over quantities that move."""
    trace = np.empty((PILOT, len(wanted) + 1))
    for i in range(PILOT):
        sampler.step(rng)
        values = sampler.values()
        trace[i] = [*(q(values) for q in wanted), sampler.log_joint()]
    moving = trace[:, np.isfinite(trace).all(axis=0) & (np.ptp(trace, axis=0) > 0)]
    return float(autocorrelation_time(moving).max()) if moving.size else 1.0


def _replicate(
    sampler: Sampler,
    wanted: tuple[Quantity, ...],
    draws: int,
    replicates: int,
    thin: int,
    rng: np.random.Generator,
    progress: Progress | None,
) -> _Runs:
    sampler.declared(rng)
    before = sampler.values()
    still = {n: np.zeros(np.shape(v), dtype=bool) for n, v in before.items()}
    runs = _Runs([], still, {n: v.copy() for n, v in still.items()})
    for done in range(1, replicates + 1):
        sampler.declared(rng)
        truth, start = sampler.values(), sampler.saved()
        runs.varied = {n: runs.varied[n] | (truth[n] != before[n]) for n in truth}
        aim = np.array([*(q(truth) for q in wanted), sampler.log_joint()])
        found = np.empty((draws, len(aim)))
        before_truth = int(rng.integers(0, draws + 1))
        for i in range(draws):
            if i in (0, before_truth):
                sampler.restore(start)
            sampler.step(rng, thin)
            values = sampler.values()
            found[i] = [*(q(values) for q in wanted), sampler.log_joint()]
            runs.moved = {n: runs.moved[n] | (values[n] != truth[n]) for n in truth}
        if np.isfinite(found).all() and np.isfinite(aim).all():
            runs.ranks.append(ranks(aim, found, rng))
        else:
            runs.strange += 1
        if progress is not None:
            progress(done, replicates)
    return runs


def _rank_rows(
    sampler: Sampler, wanted: tuple[Quantity, ...], runs: _Runs, draws: int, level: float, slow: float
) -> list[Row]:
    names = [*(q.name for q in wanted), "log joint"]
    if runs.strange:
        detail = f"{runs.strange} data sets gave values that are not finite; expected finite ones: choose other hyper"
        return [plain_row("ranks", "undecided", detail)]
    table, allowed = np.array(runs.ranks), band(len(runs.ranks), len(names), level)
    rows = []
    for name, column in zip(names, table.T, strict=True):
        u = uniformity(column, draws)
        detail = f"distance {u.distance:.3f} of {allowed:.3f}, outer tenths {u.outer:.0%} of 20%, mean {u.mean:.2f}"
        row = judged(f"rank of {name}", u.p, len(names), level, detail)
        if row.verdict == "failed" and not sampler.reversible and slow > SLOW:
            reason = "; drawn element by element and correlated from draw to draw: repeat with a larger thin"
            row = plain_row(row.name, "undecided", row.detail + reason)
        rows.append(row)
    return rows


def _moves(sampler: Sampler, runs: _Runs) -> list[Row]:
    """Whether each latent is ever drawn anew: a chain that stays at the truth would have good ranks."""
    rows = []
    for name in sampler.latents:
        stuck = runs.varied[name] & ~runs.moved[name]
        all_stuck = stuck.any() and not (runs.varied[name] & runs.moved[name]).any()
        label = f"{name} is drawn anew"
        if not stuck.any():
            rows.append(plain_row(label, "checked", "every element changed"))
        elif all_stuck or not discrete(sampler.setting.claim, name):
            where = "no element" if all_stuck else f"{int(stuck.sum())} elements never"
            rows.append(plain_row(label, "failed", f"{where} changed in any chain; expected new draws in every sweep"))
        else:
            detail = f"{int(stuck.sum())} of {stuck.size} elements never changed: repeat with more replicates"
            rows.append(plain_row(label, "undecided", detail))
    return rows


def _check(**numbers: int) -> None:
    least = {"draws": 9, "replicates": 30, "thin": 1}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least[name]:
            raise ValueError(f"{name} = {value!r}; expected a whole number of {least[name]} or more")
