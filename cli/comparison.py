"""``cavi compare``: every bound, augmentation, chosen factor and EP of a model beside its posterior."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.cli.fitting import inputs, loaded
from cavi.cli.output import Output
from cavi.cli.sources import find_model, parse_factors
from cavi.derive import Alternative, CaviError, Derived, Model, Propagation, alternatives
from cavi.derive.methods import KEEP_THE_BOUND
from cavi.templates.posterior import posteriors
from cavi.verify.reference import Beside, Reference, beside, reference_posterior
from cavi.verify.reference.beside import APART
from cavi.verify.reference.posterior import declaration
from cavi.verify.reference.rows import Given, single_copies, thinned

Progress = Callable[[int, int], None]
COLUMNS = ("method", "bound", "below log p(x)", "mean off", "ratios of sd", "s")
FIT = {"tol": 1e-10, "max_iter": 3000}


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        model: its name.
        reference: the posterior, by a long run of the declared model.
        rows: one for each method.
        refused: methods that did not run, and why.
        sizes: of the data.
    """

    model: str
    reference: Reference
    rows: tuple[Beside, ...]
    refused: tuple[tuple[str, str], ...]
    sizes: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "model": self.model,
            "sizes": dict(self.sizes),
            "reference": self.reference.as_dict(),
            "methods": [r.as_dict() for r in self.rows],
            "refused": [{"name": n, "reason": w} for n, w in self.refused],
        }

    @property
    def heading(self) -> str:
        """The reference in a line."""
        r = self.reference
        sizes = ", ".join(f"{n} = {k}" for n, k in self.sizes.items())
        error = f" ± {r.evidence.error:.2g}" if r.evidence.error > 1e-9 else ""
        mixed = (
            f"R-hat {r.r_hat:.3f}, {r.bulk:.0f} effective draws of {r.joint.size} coordinates, "
            f"{r.tail:.0f} of their tails"
        )
        state = "" if r.labels is None else f"; one of {len(r.labels.orders)} labellings of {r.labels.size}"
        state += "" if r.converged else "; the chains have not converged"
        return (
            f"{self.model} ({sizes}): log p(x) = {r.evidence.value:.{digits(r.evidence.error)}f}{error} "
            f"by {r.evidence.method}; {mixed}{state}"
        )

    def lines(self) -> list[tuple[str, ...]]:
        """The rows as text."""
        places = digits(self.reference.evidence.error)
        return [
            (
                row.name,
                ("" if row.bound else "≈ ") + f"{row.value:.{places}f}",
                f"{row.gap:.{places}f}",
                "-" if row.shift is None else f"{row.shift:.3f} sd",
                "-" if row.least is None or row.largest is None else f"{row.least:.3f} – {row.largest:.3f}",
                f"{row.seconds:.1f}",
            )
            for row in self.rows
        ]


def digits(error: float) -> int:
    """Decimal places that an error leaves."""
    return int(min(6, max(1, np.floor(1.5 - np.log10(max(error, 1e-9))))))


def compare(
    model: Model,
    data: Mapping[str, Any],
    hyper: Mapping[str, Any],
    sizes: Mapping[str, int] | None = None,
    factors: Sequence[object] | None = None,
    *,
    rows: int | None = None,
    chains: int = 32,
    warmup: int = 600,
    draws: int = 600,
    seed: int = 0,
    progress: Progress | None = None,
    begun: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit a model in every way that is known here, and put the results beside a long run on the declared model.

    Args:
        model: the declaration.
        data: what the generated module's ``fit`` takes.
        hyper: hyperparameters.
        sizes: those that data cannot tell.
        factors: the blocks of q.
        rows: take only so many elements of the longest set of data.
        chains: of the reference run.
        warmup: iterations of each to adapt.
        draws: iterations of each to keep.
        seed: of all random numbers.
        progress: called with (iterations done, in all) of the reference.
        begun: called with the name of each method before it is fitted.

    Raises:
        CaviError: where no method is known for the model.
        ReferenceError: where the posterior cannot be computed: a latent that is maximised over, counts, chains of
            categories.
    """
    ways = alternatives(model, factors)
    derived = next((w.found for w in ways if isinstance(w.found, Derived)), None)
    if derived is None:
        raise CaviError(f"{model.name}: found expectation propagation alone; cavi fit --method ep fits it")
    plain = derived.plain()
    declared = declaration(plain)
    prepared = loaded(f"{model.name}_prepared", derived.numpy()).prepare(data, hyper, dict(sizes or {}))
    given = single_copies(declared, Given(*(dict(part) for part in prepared)))
    given = given if rows is None else thinned(declared, given, rows)
    reference = reference_posterior(
        plain,
        given.data,
        given.hyper,
        given.sizes,
        chains=chains,
        warmup=warmup,
        draws=draws,
        seed=seed,
        progress=progress,
    )
    found: list[Beside] = []
    refused: list[tuple[str, str]] = []
    for way in ways:
        if begun is not None:
            begun(way.name)
        try:
            found.append(fitted(way, given, reference, seed))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            refused.append((way.name, str(error)))
    return Comparison(model.name, reference, tuple(found), tuple(refused), given.sizes)


def run(
    name: str,
    given: tuple[Sequence[str], Sequence[str], Sequence[str]],
    factors: Sequence[str] | None,
    output: Output,
    settings: Mapping[str, Any],
) -> Comparison:
    """The comparison of a model found by name, printed."""
    model, own = find_model(name)
    known = inputs(name, model, *given)
    with output.counting(f"{model.name}: Hamiltonian Monte Carlo") as progress:
        found = compare(
            model, *known, own if factors is None else parse_factors(factors), progress=progress, **settings
        )
    output.text(found.heading)
    output.table("", COLUMNS, found.lines())
    for method, reason in found.refused:
        output.text(f"{method}: {reason}")
    if any(not r.bound for r in found.rows):
        output.text("≈ stands before what approximates log p(x) and is no bound")
    if stopped := [r.name for r in found.rows if not r.converged]:
        output.text(f"stopped before convergence: {', '.join(stopped)}")
    if found.reference.r_hat > APART:
        output.text("the chains disagree (too short, or in several modes), so that means are not compared")
    return found


def fitted(way: Alternative, given: Given, reference: Reference, seed: int) -> Beside:
    """One method on the data, beside the posterior."""
    source, start = way.found.numpy(), time.perf_counter()
    module = loaded(f"{way.found.model.name}_compared", source)
    known = {n: k for n, k in given.sizes.items() if n in module.SIZES}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if isinstance(way.found, Propagation):
            result = module.fit(given.data, given.hyper, known, max_iter=2000)
            value, bound, moments = float(result.log_evidence), False, _of_normal(result.params)
        else:
            result = module.fit(given.data, given.hyper, known, seed=seed, **FIT)
            value, moments = (
                float(result.elbo),
                {p.latent: p.evaluated(result.params[p.latent]) for p in _told(way.found)},
            )
            bound = all((u.chosen or "") in KEEP_THE_BOUND for u in way.found.updates)
    took = time.perf_counter() - start
    return beside(reference, way.name, value, bound, moments, bool(result.converged), took)


def _told(derived: Derived) -> list[Any]:
    """The summaries of what is a value under q, and no auxiliary."""
    brought = {n for r in derived.relaxations for n in r.variables}
    return [p for p in posteriors(derived) if p.kind == "value" and p.latent not in brought]


def _of_normal(params: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Means and standard deviations of the parts of one Normal."""
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for name, q in params.items():
        mean, covariance = np.asarray(q["mean"]), np.asarray(q["covariance"])
        flat = covariance.reshape(mean.size, mean.size) if covariance.size == mean.size**2 else None
        sd = None if flat is None else np.sqrt(np.diag(flat)).reshape(mean.shape)
        found[name] = (mean, sd)
    return found
