"""The joint distribution test (Geweke 2004, Getting it right, JASA 99).

    marginal-conditional:   θ ~ p(θ),  x ~ p(x | θ)                       independent draws
    successive-conditional: θ' ~ K(θ' | θ, x),  x' ~ p(x | θ')            chains

Both have the distribution p(θ, x) if K leaves the posterior invariant. Averages of bounded functions of every element
and of the log joint density are compared. A conditional that is wrong by a little is wrong again in every sweep,
and data drawn from it carry the error on, so that this test sees smaller faults than ranks do.

Geweke's one long chain is cut into many, each from a new draw of the prior: from the first sweep on they have the
distribution that is tested, and their means are independent however slowly each of them mixes. Batch means of one chain
take a growing linear dynamical system, which stays in one regime for thousands of sweeps, for a wrong sampler.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from cavi.verify.calibration.quantities import discrete, quantities
from cavi.verify.calibration.setting import Progress, Sampler, make_setting
from cavi.verify.calibration.statistics import student_tails
from cavi.verify.calibration.table import FAULTS, CalibrationReport, broken, judged, plain_row, timed
from cavi.verify.report import Row

SCALING, LENGTH, LEAST = 400, 40, 20


def geweke(
    derived: Any,
    sizes: Mapping[str, int] | None = None,
    *,
    hyper: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    sweeps: int = 8000,
    chains: int | None = None,
    seed: int = 0,
    level: float = 0.01,
    progress: Progress | None = None,
    source: str | None = None,
) -> CalibrationReport:
    """Draws from the prior against chains that alternate data and sweeps of the generated Gibbs sampler.

    Args:
        derived: what `cavi.derive.derive` returned.
        sizes: number of elements of each set; those not given are small.
        hyper: values of hyperparameters; those not given are generic numbers in their domains.
        data: values of covariates and observed indices; observed variables are drawn.
        sweeps: draws from the prior, and sweeps of all chains together.
        chains: how many there are; their means give the standard error. By default each has 40 sweeps, enough for a
            wrong conditional to show, since every sweep repeats its error.
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
    if chains is None:
        chains = max(LEAST, sweeps // LENGTH)
    if not LEAST <= chains <= sweeps // 10:
        raise ValueError(f"chains = {chains}, sweeps = {sweeps}; expected 20 or more chains of 10 or more sweeps")
    setting = make_setting(derived, sizes, hyper, seed, data or {})
    name = setting.claim.model["name"]
    title = f"Joint distribution test of {name}: {sweeps} sweeps in {chains} chains, family-wise error {level:g}"
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    try:
        with np.errstate(all="ignore"):
            sampler = Sampler(setting, source if source is not None else derived.gibbs())
            names, traces = _run(sampler, sweeps // chains, chains, rng, progress)
            rows = [*_rows(names, traces, level), *_moves(sampler, names, traces)]
    except FAULTS as error:
        rows = [broken(error)]
    return CalibrationReport(title, timed(rows, time.perf_counter() - started))


Names = list[tuple[str, str]]
Traces = tuple[np.ndarray, np.ndarray, np.ndarray]


def _run(
    sampler: Sampler, length: int, chains: int, rng: np.random.Generator, progress: Progress | None
) -> tuple[Names, Traces]:
    """(name, latent) of each quantity, and its values: for scaling, from the prior, from the chains (chain, sweep)."""
    sampler.generated(rng)
    wanted = quantities(sampler.setting.claim, sampler.values())
    seen = [n for n, v in sampler.setting.claim.variables.items() if v["role"] == "observed"]
    names = [*((q.name, q.latent) for q in wanted), ("log joint", ""), *((f"mean of {n}", "") for n in seen)]
    done, total = 0, SCALING + 2 * length * chains

    def now() -> list[float]:
        nonlocal done
        done += 1
        if progress is not None and (done % 100 == 0 or done == total):
            progress(done, total)
        values = sampler.values()
        means = [float(np.mean(sampler.state.data[n])) for n in seen]
        return [*(q(values) for q in wanted), sampler.log_joint(), *means]

    prior = np.empty((SCALING + length * chains, len(names)))
    for i in range(len(prior)):
        sampler.generated(rng)
        prior[i] = now()
    chain = np.empty((chains, length, len(names)))
    for c in range(chains):
        sampler.generated(rng)
        for i in range(length):
            for draw in sampler.forward:
                draw(sampler.state, rng)
            sampler.redraw_data(rng)
            chain[c, i] = now()
    return names, (prior[:SCALING], prior[SCALING:], chain)


def _rows(names: Names, traces: Traces, level: float) -> list[Row]:
    first, prior, chain = traces
    centre = np.median(first, axis=0)
    low, high = np.quantile(first, (0.25, 0.75), axis=0)
    spread = np.where(high > low, high - low, 1.0)
    rows = []
    for j, (name, _) in enumerate(names):
        a, b = (_functions((t[..., j] - centre[j]) / spread[j]) for t in (prior, chain))
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            rows.append(plain_row(name, "undecided", "values that are not numbers; choose other hyper"))
            continue
        z = [_z(a[:, k], b[..., k]) for k in range(a.shape[1])]
        p = min(1.0, 2.0 * min(student_tails(v, len(b) - 1) for v in z))
        detail = f"z = {max(z, key=abs):.2f}, prior {a[:, 0].mean():.3f}, chains {b[..., 0].mean():.3f}"
        rows.append(judged(name, p, len(names), level, detail))
    return rows


def _functions(x: np.ndarray) -> np.ndarray:
    """Bounded functions, so that heavy tails do no harm: one that sees a shift, one that sees a spread."""
    square = np.minimum(x * x, 1e30)
    return np.stack([np.sign(x) * np.sqrt(square / (1.0 + square)), square / (1.0 + square)], axis=-1)


def _z(prior: np.ndarray, chain: np.ndarray) -> float:
    """Difference of the averages in standard errors, from independent draws and from the means of independent chains.

    A chain in which nothing changes tells one draw, not many: its mean varies as much as the prior does.
    """
    means = chain.mean(axis=1)
    still = float(np.mean(np.ptp(chain, axis=1) == 0))
    least = prior.var() * (still + (1.0 - still) / chain.shape[1])
    variance = prior.var() / len(prior) + max(float(means.var(ddof=1)), least) / len(means)
    difference = float(prior.mean() - means.mean())
    return 0.0 if abs(difference) < 1e-12 else difference / float(np.sqrt(max(variance, 1e-300)))


def _moves(sampler: Sampler, names: Names, traces: Traces) -> list[Row]:
    """Whether each latent is drawn anew: a continuous one in every sweep, a discrete one ever."""
    _, prior, chain = traces
    rows = []
    for latent in sampler.latents:
        own = [j for j, (_, of) in enumerate(names) if of == latent and np.ptp(prior[:, j]) > 0]
        changes = [float(np.mean(np.diff(chain[..., j], axis=1) != 0)) for j in own]
        if not own:
            rows.append(plain_row(f"{latent} is drawn anew", "undecided", "it does not vary in the prior"))
            continue
        good = max(changes) > 0 if discrete(sampler.setting.claim, latent) else min(changes) > 0.5
        share = f"changes in {min(changes):.0%} to {max(changes):.0%} of the sweeps"
        rows.append(plain_row(f"{latent} is drawn anew", "checked" if good else "failed", share))
    return rows
