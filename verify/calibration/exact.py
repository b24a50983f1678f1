"""Fits against the posterior itself: the exact one where the derivation has it, else a long run of the Gibbs sampler.

For an exact derivation three things must be equal: the fitted parameters and those that the claim gives in high
precision, the bound and the claimed log evidence, and log p(x, z) - log q(z) at any z and the bound (Bayes' rule, with
densities of this package). For a factorised q the variances of both are put side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.arithmetic import precise, precision, to_float
from cavi.verify.calibration.declared import Values
from cavi.verify.calibration.fits import Fitted, Fitter, is_exact, refuse_points
from cavi.verify.calibration.quantities import Quantity, quantities
from cavi.verify.calibration.setting import Progress, Sampler, Setting, make_setting
from cavi.verify.calibration.statistics import autocorrelation_time
from cavi.verify.calibration.table import TIER, CalibrationReport, Table, plain_row
from cavi.verify.evaluate import evaluate, positions, size_of
from cavi.verify.generated import solve_all
from cavi.verify.instance import Instance, make_instance
from cavi.verify.report import Finding, Row, run
from cavi.verify.state import State

DIGITS, POINTS, WARMUP, THIN, ENOUGH = 8, 20, 500, 5, 200
COLUMNS = ("quantity", "posterior variance", "variance of q", "q / posterior", "±", "shift of mean / sd")


@dataclass(frozen=True)
class _Spread:
    """Draws of the quantities from one distribution, and how many independent ones they are worth."""

    draws: np.ndarray
    effective: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Relative standard error of the variance."""
        centred = self.draws - self.draws.mean(axis=0)
        variance = np.maximum(self.draws.var(axis=0), 1e-300)
        return np.asarray(np.sqrt(np.maximum((centred**4).mean(axis=0) / variance**2 - 1.0, 0.0) / self.effective))


def against_exact(
    derived: Any,
    mean_field: Any = None,
    sizes: Mapping[str, int] | None = None,
    *,
    hyper: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    draws: int = 4000,
    seed: int = 0,
    progress: Progress | None = None,
) -> CalibrationReport:
    """A fit beside the posterior: equality where the derivation is exact, a table of variances where it is not.

    Args:
        derived: what `cavi.derive.derive` returned. If it is exact it is checked to be so, and is the posterior; if
            not, the posterior is a run of its Gibbs sampler.
        mean_field: another derivation of the same model, with more factors, to compare with the posterior as well.
        sizes: number of elements of each set; those neither given nor told by arrays are small.
        hyper: values of hyperparameters; those not given are generic numbers in their domains.
        data: covariates and observed values; observed variables that are not given are drawn from the model.
        draws: from each distribution.
        seed: of all random numbers.
        progress: called with (draws done, in all).

    Returns:
        A report with rows that must hold, and a table of variances of each factorised fit, which describes.

    Raises:
        ValueError: for unknown names, latents that are maximised over, and two derivations of different models.
        CaviError: where a sampler is needed and the model has none.
    """
    if draws < 100:
        raise ValueError(f"draws = {draws}; expected 100 or more")
    given = dict(data or {})
    setting = make_setting(derived, sizes, hyper, seed, given)
    other = None if mean_field is None else replace(setting, claim=make_setting(mean_field, None, None, seed, {}).claim)
    if other is not None and other.claim.model != setting.claim.model:
        raise ValueError(
            f"found derivations of {setting.claim.model['name']} and {other.claim.model['name']}, or of two "
            "declarations; expected two derivations of one model"
        )
    for s, d in ((setting, derived), (other, mean_field)):
        if s is not None:
            refuse_points(s, d)
    rng = np.random.default_rng(seed)
    world = setting.world()
    world.draw_model(rng)
    observed = {**setting.observed(world), **{n: setting.data[n] for n in given}}
    exact = is_exact(setting)
    fits = {}
    with np.errstate(all="ignore"):
        own = Fitter(setting, derived.numpy())(observed, seed)
        if not exact or other is None:
            fits["q"] = own
        if other is not None:
            fits["mean field"] = Fitter(other, mean_field.numpy())(observed, seed)
        latents = own.draw(rng)
        wanted = quantities(setting.claim, latents, invariant=not (exact and other is not None))
        total = draws * (1 + len(fits))
        count = _Counter(total, progress)
        rows = list(_exact_rows(setting, own, observed, rng)) if exact else []
        if exact and other is not None:
            reference = _from_q(own, wanted, draws, rng, count)
        else:
            reference = _from_gibbs(setting, derived, observed, wanted, draws, rng, count)
            rows.append(_enough(reference))
        tables = []
        for name, fitted in fits.items():
            tables.append(_table(name, wanted, reference, _from_q(fitted, wanted, draws, rng, count)))
            if exact and fitted is not own:
                rows.append(_below(name, fitted, own))
    title = f"{setting.claim.model['name']} against {'the exact posterior' if exact else 'a run of its Gibbs sampler'}"
    return CalibrationReport(title, tuple(rows), tables=tuple(tables))


class _Counter:
    """Calls `progress` from time to time."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None and (self.done % 100 == 0 or self.done == self.total):
            self.progress(self.done, self.total)


def _from_q(
    fitted: Fitted, wanted: tuple[Quantity, ...], draws: int, rng: np.random.Generator, count: _Counter
) -> _Spread:
    out = np.empty((draws, len(wanted)))
    for i in range(draws):
        values = fitted.draw(rng)
        out[i] = [q(values) for q in wanted]
        count()
    return _Spread(out, np.full(len(wanted), float(draws)))


def _from_gibbs(
    setting: Setting,
    derived: Any,
    observed: Values,
    wanted: tuple[Quantity, ...],
    draws: int,
    rng: np.random.Generator,
    count: _Counter,
) -> _Spread:
    sampler = Sampler(replace(setting, data=observed), derived.gibbs())
    for prior in sampler.module.PRIORS.values():
        prior(sampler.state, rng)
    sampler.step(rng, WARMUP)
    out = np.empty((draws, len(wanted)))
    for i in range(draws):
        sampler.step(rng, THIN)
        values = sampler.values()
        out[i] = [q(values) for q in wanted]
        count()
    return _Spread(out, draws / autocorrelation_time(out))


def _enough(reference: _Spread) -> Row:
    least = float(reference.effective.min())
    detail = f"{least:.0f} nearly independent draws of the slowest quantity; {ENOUGH} are enough"
    return plain_row("the Gibbs run", "checked" if least >= ENOUGH else "undecided", detail)


def _table(name: str, wanted: tuple[Quantity, ...], reference: _Spread, found: _Spread) -> Table:
    lines: list[tuple[str | float, ...]] = []
    for j, q in enumerate(wanted):
        a, b = float(reference.draws[:, j].var()), float(found.draws[:, j].var())
        if a <= 0.0:
            continue
        ratio = b / a
        error = ratio * float(np.hypot(reference.error[j], found.error[j]))
        shift = float(found.draws[:, j].mean() - reference.draws[:, j].mean()) / a**0.5
        lines.append((q.name, a, b, ratio, error, shift))
    ratios = [float(line[3]) for line in lines]
    note = f"  median of q / posterior {np.median(ratios):.3f}, least {min(ratios):.3f}" if ratios else ""
    return Table(f"Variances of {name} and of the posterior", COLUMNS, tuple(lines), note)


def _below(name: str, fitted: Fitted, exact: Fitted) -> Row:
    gap = exact.bound - fitted.bound
    good = gap >= -1e-9 * (1.0 + abs(exact.bound))
    detail = f"KL(q || posterior) = {gap:.4g}: bound {fitted.bound:.6g}, log evidence {exact.bound:.6g}"
    return plain_row(f"bound of {name} <= log evidence", "checked" if good else "failed", detail)


def _exact_rows(setting: Setting, fitted: Fitted, observed: Values, rng: np.random.Generator) -> list[Row]:
    claim = setting.claim
    made = make_instance(claim, 0, setting.sizes, single_copies=True)
    tables = {
        n: {at: _exactly(known[at]) for at in positions(claim.axes(n), setting.sizes)}
        for n, known in {**setting.hyper, **observed}.items()
    }
    with precision(40):
        start = State(claim, Instance(0, setting.sizes, tables, made.q), precise(), 20)
        solved = solve_all(start, claim.factors[0])
        evidence = to_float(evaluate(claim.plain["exact"]["evidence"], solved, {}))

    def parameters() -> Finding:
        low = Finding(16.0)
        for latent in claim.factor_of:
            for p in claim.standard(latent):
                table = solved.params[latent, p["name"]]
                wanted = np.zeros([size_of(setting.sizes, s) for _, s in p["indices"]])
                for at in positions(p["indices"], setting.sizes):
                    wanted[at] = to_float(table[at])
                got = np.asarray(fitted.world.parameters[latent][p["name"]])
                if got.shape != wanted.shape:
                    return Finding(0.0, f"{latent}.{p['name']} has shape {got.shape}, expected {wanted.shape}")
                off = float(np.abs(got - wanted).max() / max(1e-3, float(np.abs(wanted).max())))
                low = min(low, _agreement(off, f"{latent}.{p['name']} differs by {off:.2g}"), key=_digits)
        return low

    def bound() -> Finding:
        off = abs(fitted.bound - evidence) / max(1.0, abs(evidence))
        return _agreement(off, f"bound {fitted.bound:.10g}, log evidence {evidence:.10g}")

    def bayes() -> Finding:
        low = Finding(16.0)
        for _ in range(POINTS):
            fitted.draw(rng)
            value = fitted.world.log_p() - fitted.world.log_q()
            off = abs(value - fitted.bound) / max(1.0, abs(fitted.bound))
            found = _agreement(off, f"log p(x, z) - log q(z) = {value:.10g}, bound {fitted.bound:.10g}")
            low = min(low, found, key=_digits)
        return low

    return [
        run("parameters of the fit = exact posterior", TIER, DIGITS, parameters),
        run("bound of the fit = exact log evidence", TIER, DIGITS, bound),
        run("log p(x, z) - log q(z) = bound at draws z", TIER, DIGITS, bayes),
    ]


def _exactly(x: Any) -> Fraction:
    return Fraction(float(x))


def _digits(f: Finding) -> float:
    return 0.0 if f.digits is None else f.digits


def _agreement(off: float, detail: str) -> Finding:
    if not np.isfinite(off):
        return Finding(0.0, detail)
    return Finding(16.0 if off == 0 else float(min(16.0, max(0.0, -np.log10(off)))), detail)
