"""What a fitted factor says about its latent: mean and standard deviation as NumPy expressions in its parameters.

Of a scalar family they follow from the moments that its declaration implies; of vector and matrix families they are
declared here. ``q`` stands for the dict of the parameters of one latent, as in ``Fit.params``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.special
import sympy
from sympy.printing.numpy import SciPyPrinter

from cavi.derive.cells import latents_at_cells
from cavi.derive.families import ScalarFamily
from cavi.derive.families.base import X
from cavi.derive.result import Derived, Update
from cavi.derive.term import Element, Indicator

Kind = Literal["value", "probability"]

# Family -> mean in its standard parameters, and standard deviation in them and the mean; Normal vectors: see `_roots`.
_DECLARED: Mapping[str, tuple[str, str | None]] = {
    "Dirichlet": (
        'q["concentration"] / q["concentration"].sum(-1, keepdims=True)',
        'np.sqrt(mean * (1 - mean) / (1 + q["concentration"].sum(-1, keepdims=True)))',
    ),
    "GeneralisedInverseGaussian": (
        'np.sqrt(q["b"] / q["a"]) * scipy.special.kve(q["p"] + 1, np.sqrt(q["a"] * q["b"]))'
        ' / scipy.special.kve(q["p"], np.sqrt(q["a"] * q["b"]))',
        'np.sqrt(q["b"] / q["a"] * scipy.special.kve(q["p"] + 2, np.sqrt(q["a"] * q["b"]))'
        ' / scipy.special.kve(q["p"], np.sqrt(q["a"] * q["b"])) - mean**2)',
    ),
    "MatrixNormal": ('q["mean"]', None),
    "Wishart": ('q["dof"][..., None, None] * q["scale"]', None),
    "InverseWishart": ('q["scale"] / (q["dof"][..., None, None] - q["scale"].shape[-1] - 1)', None),
}
_CLOSED = (sympy.log, sympy.exp, sympy.gamma, sympy.loggamma, sympy.polygamma, sympy.sin, sympy.cos)


@dataclass(frozen=True)
class Posterior:
    """How the posterior of one latent is summarised.

    Attributes:
        latent: its name.
        axes: the names of the indices of the mean.
        kind: a value, or the probabilities of a category.
        mean: a NumPy expression in ``q``.
        deviation: of the standard deviation, in ``q`` and ``mean``; None where it is not one number an element.
        family: of its factor, None for a point.
        density: log density of one element in SymPy, for scalar families whose parameters are all in ``q``.
    """

    latent: str
    axes: tuple[str, ...]
    kind: Kind
    mean: str
    deviation: str | None
    family: str | None
    density: sympy.Expr | None = None

    def evaluated(self, q: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray | None]:
        """Mean and standard deviation at the parameters of a fit; NaN where they do not exist."""
        names = {"np": np, "scipy": scipy, "q": {n: np.asarray(a, dtype=float) for n, a in q.items()}}
        with np.errstate(all="ignore"):
            # The text is of this module and of SymPy's printer, never of a file or a user.
            mean = np.asarray(eval(self.mean, names))
            return mean, None if self.deviation is None else np.asarray(eval(self.deviation, {**names, "mean": mean}))


def posteriors(derived: Derived) -> tuple[Posterior, ...]:
    """The summaries of all latents that have a mean or probabilities, in order of the updates.

    Those of single cells of sparse data, which a fit does not hold, are left out.
    """
    shown = [(u, n) for u in derived.updates for n in u.factor.latents if n not in latents_at_cells(derived)]
    return tuple(p for u, latent in shown for p in _posterior(u, latent))


def _posterior(update: Update, latent: str) -> Iterator[Posterior]:
    shown = [f for f in update.formulas if f.latent == latent and f.role in ("standard", "marginal")]
    axes = {f.name: tuple(i.name for i in f.indices) for f in shown}
    marginal = {f.name for f in shown if f.role == "marginal"}
    family = update.families[latent]
    if update.factor.point:
        kind: Kind = "probability" if str(family) in ("Dirichlet", "Categorical") else "value"
        yield Posterior(latent, axes["value"], kind, 'q["value"]', None, None)
    elif "probs" in axes:
        yield Posterior(latent, axes["probs"], "probability", 'q["probs"]', None, str(family))
    elif {"mean", "covariance"} <= marginal:
        scalar = axes["mean"] == axes["covariance"]
        deviation = 'np.sqrt(q["covariance"])' if scalar else _roots('q["covariance"]', axes["covariance"])
        yield Posterior(latent, axes["mean"], "value", 'q["mean"]', deviation, str(family))
    elif {"mean", "deviation"} <= marginal:
        yield Posterior(latent, axes["mean"], "value", 'q["mean"]', 'q["deviation"]', str(family))
    elif str(family) == "MultivariateNormal":
        inverse = "np.linalg.inv({})"
        roots = _roots('q["precision"]', axes["precision"], inverse) if _alone(update, latent) else None
        yield Posterior(latent, axes["mean"], "value", 'q["mean"]', roots, str(family))
    elif str(family) in _DECLARED:
        mean, spread = _DECLARED[str(family)]
        longest = max(axes.values(), key=len)
        over = axes.get("mean") or longest
        kind = "probability" if str(family) == "Dirichlet" else "value"
        yield Posterior(latent, over, kind, mean, spread if _alone(update, latent) else None, str(family))
    elif isinstance(family, ScalarFamily):
        yield from _scalar(update, latent, family, axes)


def _roots(matrices: str, axes: tuple[str, ...], covariance: str = "{}") -> str:
    """The roots of the diagonals; a matrix over several axes a side is one over their product."""
    if sum(name.endswith("'") for name in axes) > 1:
        matrices = f"{matrices}.reshape(-1, *2 * ({matrices}.size // mean.size,))"
        return f"np.sqrt(np.diagonal({covariance.format(matrices)}, axis1=-2, axis2=-1)).reshape(mean.shape)"
    return f"np.sqrt(np.diagonal({covariance.format(matrices)}, axis1=-2, axis2=-1))"


def _scalar(
    update: Update, latent: str, family: ScalarFamily, axes: Mapping[str, tuple[str, ...]]
) -> Iterator[Posterior]:
    """The first two moments of a scalar family, where they are closed and all parameters are in ``q``."""
    over = max(axes.values(), key=len)
    given = {p.symbol: sympy.Symbol(f'q["{p.name}"]', positive=p.domain == "positive") for p in family.parameters}
    if not _alone(update, latent) or not {p.name for p in family.parameters} <= set(axes):
        if "mean" in axes:
            yield Posterior(latent, axes["mean"], "value", 'q["mean"]', None, str(family))
        return
    first, second = family.moment(X), family.moment(X**2)
    if first is None or not _printable(first):
        if "mean" in axes:
            yield Posterior(latent, axes["mean"], "value", 'q["mean"]', None, str(family))
        return
    deviation = None
    if second is not None and _printable(second):
        variance = sympy.factor(sympy.simplify(second - first**2))
        deviation = _numpy(sympy.sqrt(variance).xreplace(given))
    density = family.log_density if _printable(family.log_density) and family.domain != "count" else None
    yield Posterior(latent, over, "value", _numpy(first.xreplace(given)), deviation, str(family), density)


def _alone(update: Update, latent: str) -> bool:
    """Whether the factor of a latent does not depend on other latents of its block."""
    links = [link for link in update.density if link.latent == latent]
    atoms = [a for link in links for p in link.args.values() for a in p.atoms()]
    return not any(isinstance(a, Element | Indicator) and a.name in update.factor.latents for a in atoms)


def _printable(e: sympy.Expr) -> bool:
    return all(isinstance(f, _CLOSED) for f in e.atoms(sympy.Function))


def _numpy(e: sympy.Expr) -> str:
    return str(SciPyPrinter().doprint(e)).replace("numpy.", "np.")
