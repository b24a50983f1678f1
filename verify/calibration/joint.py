"""The joint distribution test (Geweke 2004, Getting it right, JASA 99).

    marginal-conditional:   θ ~ p(θ),  x ~ p(x | θ)                       independent draws
    successive-conditional: θ' ~ K(θ' | θ, x),  x' ~ p(x | θ')            a chain

Both have the distribution p(θ, x) if K leaves the posterior invariant. Averages of bounded functions of every element
and of the log joint density are compared. A conditional that is wrong by a little is wrong again in every sweep,
and data drawn from it carry the error on, so that this test sees smaller faults than ranks do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from cavi.verify.calibration.quantities import discrete, quantities
from cavi.verify.calibration.setting import Progress, Sampler, make_setting
from cavi.verify.calibration.statistics import batch_means, student_tails
from cavi.verify.calibration.table import CalibrationReport, judged, plain_row
from cavi.verify.report import Row

SCALING, SLOW = 400, 0.5


def geweke(
    derived: Any,
    sizes: Mapping[str, int] | None = None,
    *,
    hyper: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    sweeps: int = 4000,
    batches: int = 40,
    seed: int = 0,
    level: float = 0.01,
    progress: Progress | None = None,
    source: str | None = None,
) -> CalibrationReport:
    """Draws from the prior against a chain that alternates data and sweeps of the generated Gibbs sampler.

    Args:
        derived: what `cavi.derive.derive` returned.
        sizes: number of elements of each set; those not given are small.
        hyper: values of hyperparameters; those not given are generic numbers in their domains.
        data: values of covariates and observed indices; observed variables are drawn.
        sweeps: draws from the prior, and sweeps of the chain.
        batches: stretches of the chain whose means give the standard error.
        seed: of all random numbers.
        level: family-wise error of the z-scores, over all quantities together.
        progress: called with (draws and sweeps done, in all).
        source: text of a sampler to test in place of ``derived.gibbs()``.

    Returns:
        A report with a row for each quantity: the larger of two z-scores, of x / (1 + x²)^½ and x² / (1 + x²) where
        x is the quantity less its median in units of its quartile range, and Student's p-value.

    Raises:
        ValueError: for numbers out of range and names that the model does not have.
        CaviError: where the model has no sampler.
    """
    if not 10 <= batches <= sweeps // 10:
        raise ValueError(f"batches = {batches}, sweeps = {sweeps}; expected 10 or more batches of 10 or more sweeps")
    setting = make_setting(derived, sizes, hyper, seed, data or {})
    title = f"Joint distribution test of {setting.claim.model['name']}: {sweeps} sweeps, family-wise error {level:g}"
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    try:
        with np.errstate(all="ignore"):
            sampler = Sampler(setting, source if source is not None else derived.gibbs())
            names, traces = _run(sampler, sweeps, rng, progress)
            rows = [*_rows(names, traces, batches, level), *_moves(sampler, names, traces)]
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        if type(error).__module__.startswith("cavi."):
            raise
        rows = [plain_row("the sampler runs", "failed", f"{type(error).__name__}: {error}")]
    first = rows[0]
    rows[0] = Row(first.name, first.tier, 0, None, time.perf_counter() - started, first.verdict, first.detail)
    return CalibrationReport(title, tuple(rows))


Names = list[tuple[str, str]]


def _run(
    sampler: Sampler, sweeps: int, rng: np.random.Generator, progress: Progress | None
) -> tuple[Names, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(name, latent) of each quantity, and its values: for scaling, from the prior, from the chain."""
    sampler.generated(rng)
    wanted = quantities(sampler.setting.claim, sampler.values())
    seen = [n for n, v in sampler.setting.claim.variables.items() if v["role"] == "observed"]
    names = [*((q.name, q.latent) for q in wanted), ("log joint", ""), *((f"mean of {n}", "") for n in seen)]

    def now() -> list[float]:
        values = sampler.values()
        means = [float(np.mean(sampler.state.data[n])) for n in seen]
        return [*(q(values) for q in wanted), sampler.log_joint(), *means]

    def independent() -> None:
        sampler.generated(rng)

    def successive() -> None:
        for draw in sampler.forward:
            draw(sampler.state, rng)
        sampler.redraw_data(rng)

    done, total = 0, SCALING + 2 * sweeps
    traces = []
    for count, draw in ((SCALING, independent), (sweeps, independent), (sweeps, successive)):
        trace = np.empty((count, len(names)))
        for i in range(count):
            draw()
            trace[i] = now()
            done += 1
            if progress is not None and (done % 100 == 0 or done == total):
                progress(done, total)
        traces.append(trace)
    return names, (traces[0], traces[1], traces[2])


def _rows(names: Names, traces: tuple[np.ndarray, np.ndarray, np.ndarray], batches: int, level: float) -> list[Row]:
    first, prior, chain = traces
    centre = np.median(first, axis=0)
    low, high = np.quantile(first, (0.25, 0.75), axis=0)
    spread = np.where(high > low, high - low, 1.0)
    rows = []
    for j, (name, _) in enumerate(names):
        a, b = (_functions((t[:, j] - centre[j]) / spread[j]) for t in (prior, chain))
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            rows.append(plain_row(name, "undecided", "values that are not numbers; choose other hyper"))
            continue
        means = batch_means(b, batches)
        z = [_z(a[:, k], means[:, k]) for k in range(a.shape[1])]
        p = min(1.0, 2.0 * min(student_tails(v, batches - 1) for v in z))
        slow = max(_lag(means[:, k]) for k in range(a.shape[1]))
        detail = f"z = {max(z, key=abs):.2f}, prior {a[:, 0].mean():.3f}, chain {b[:, 0].mean():.3f}"
        row = judged(name, p, len(names), level, detail)
        if row.verdict == "failed" and slow > SLOW and np.ptp(b) > 0:
            reason = f"; batches still correlated ({slow:.2f}): repeat with more sweeps"
            row = plain_row(name, "undecided", row.detail + reason)
        rows.append(row)
    return rows


def _functions(x: np.ndarray) -> np.ndarray:
    """Bounded functions, so that heavy tails do no harm: one that sees a shift, one that sees a spread."""
    square = np.minimum(x * x, 1e30)
    return np.stack([np.sign(x) * np.sqrt(square / (1.0 + square)), square / (1.0 + square)], axis=-1)


def _z(prior: np.ndarray, means: np.ndarray) -> float:
    """Difference of the averages in standard errors; that of the chain allows for batches that follow each other."""
    lag = min(max(_lag(means), 0.0), 0.9)
    variance = prior.var() / len(prior) + means.var(ddof=1) / len(means) * (1.0 + lag) / (1.0 - lag)
    difference = float(prior.mean() - means.mean())
    return 0.0 if abs(difference) < 1e-12 else difference / float(np.sqrt(max(variance, 1e-300)))


def _lag(means: np.ndarray) -> float:
    """Correlation of a batch with the next."""
    centred = means - means.mean()
    total = float((centred**2).sum())
    return float((centred[1:] * centred[:-1]).sum()) / total if total > 0 else 0.0


def _moves(sampler: Sampler, names: Names, traces: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Row]:
    """Whether each latent is drawn anew: a continuous one in every sweep, a discrete one ever."""
    _, prior, chain = traces
    rows = []
    for latent in sampler.latents:
        own = [j for j, (_, of) in enumerate(names) if of == latent and np.ptp(prior[:, j]) > 0]
        changes = [float(np.mean(np.diff(chain[:, j]) != 0)) for j in own]
        if not own:
            rows.append(plain_row(f"{latent} is drawn anew", "undecided", "it does not vary in the prior"))
            continue
        good = max(changes) > 0 if discrete(sampler.setting.claim, latent) else min(changes) > 0.5
        share = f"changes in {min(changes):.0%} to {max(changes):.0%} of the sweeps"
        rows.append(plain_row(f"{latent} is drawn anew", "checked" if good else "failed", share))
    return rows
