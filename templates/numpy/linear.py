"""A latent vector of each row whose mean is one linear map of the data of the row: E[z[n]] = B T(x[n]).

Where the precision of q(z[n]) is the same for all rows, so is the map B = Σ Γ, with Γ the linear parameter as features
times what multiplies them. Sums that others read follow from those of the data alone, G = Σ_n T Tᵀ:
Σ_n E[z] Tᵀ = B G and Σ_n E[z zᵀ] = N Σ + B G Bᵀ. A sweep then costs nothing in N.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import Derived, Update
from cavi.derive.index import Index
from cavi.derive.result import Formula, MomentSpec
from cavi.derive.term import Moment, Parameter, Polynomial
from cavi.templates.numpy.features import Column, Features, separated
from cavi.templates.numpy.repeated import repeats
from cavi.templates.numpy.statistics import ONE, Statistic, row_sizes

FORMULAS = "linear precision covariance logdet_precision mean".split()


@dataclass(frozen=True)
class LinearMap:
    """A factor of vectors with a linear map.

    Attributes:
        features: its linear parameter as features of data and what multiplies them.
        mean, second, square: the keys of E[z[q]], E[z[q] z[q']] and E[z[q]²]; the last two empty where there are none.
    """

    features: Features
    mean: str
    second: str
    square: str

    @property
    def latent(self) -> str:
        """The vectors."""
        return self.features.latent

    @property
    def update(self) -> Update:
        """The update of their factor."""
        return self.features.update

    def column_of(self, s: Statistic) -> tuple[Column, tuple[Index, ...]] | None:
        """The column of features that a statistic adds up, weighted by E[z]; and the axes of the sum."""
        keys = {a.key for a in s.monomial.atoms if isinstance(a, Moment) and a.factor == self.update.factor.name}
        return self.features.column_of(s) if keys == {self.mean} else None

    def of_second(self, s: Statistic) -> str | None:
        """A statistic that is Σ_n E[z zᵀ], a diagonal or the trace of it, as code of the array `second`."""
        match s.monomial.powers:
            case ((Moment(factor, key, (row, *inner)), 1),) if factor == self.update.factor.name:
                whole = s.monomial.bound == (row,)
            case _:
                return None
        if key == self.second and whole and len(set(inner)) == 2:
            return "second"
        if key == self.square:
            return "np.diagonal(second)" if whole else "np.trace(second)"
        return None


def linear_maps(derived: Derived) -> dict[str, LinearMap]:
    """Latent -> its map, for the vectors that have one."""
    found = (_linear_map(u, row_sizes(derived)) for u in derived.updates)
    return {m.latent: m for m in found if m is not None}


def _linear_map(update: Update, rows: frozenset[str]) -> LinearMap | None:
    if [f.name for f in update.formulas] != FORMULAS or len(update.factor.latents) != 1 or update.factor.sequential:
        return None
    linear, mean = update.formulas[0], update.formulas[4]
    if len(linear.indices) != 2 or any(f.along is not None for f in update.formulas):
        return None
    row, group = linear.indices
    precision = Parameter(update.factor.latents[0], "precision", update.formulas[1].indices)
    if row.size not in rows or group.size in rows or not repeats(update, precision, row) or not _solves(mean, linear):
        return None
    plan = separated(update, linear, rows)
    keys = _keys(update, row)
    return LinearMap(plan, *keys) if plan is not None and keys and not plan.rest and not plan.reads else None


def _solves(mean: Formula, linear: Formula) -> bool:
    """Whether the mean is the covariance times the linear parameter."""
    match mean.value:
        case Polynomial((m,)) if m.coefficient == 1:
            names = sorted(a.name for a, e in m.powers if isinstance(a, Parameter) and e == 1)
            return names == ["covariance", "linear"] and len(m.powers) == 2 and mean.indices == linear.indices
    return False


def _keys(update: Update, row: Index) -> tuple[str, str, str] | None:
    """The keys of the mean and of its products, empty where not needed; None where there are other moments."""
    found = {"mean": "", "second": "", "square": ""}
    for s in update.moment_specs:
        kind = _kind(s)
        if kind is None or found[kind] or s.indices[0] != row:
            return None
        found[kind] = s.key
    return found["mean"], found["second"], found["square"]


def _kind(s: MomentSpec) -> str | None:
    parts: set[tuple[tuple[str, Fraction | int], ...]] = {
        tuple((a.name, e) for a, e in m.powers if isinstance(a, Parameter))
        for m in (s.value.monomials if s.value is not None else ())
    }
    if parts == {(("mean", ONE),)}:
        return "mean"
    if parts == {(("covariance", ONE),), (("mean", ONE), ("mean", ONE))} and len(s.indices) == 3:
        return "second"
    if parts == {(("covariance", ONE),), (("mean", 2 * ONE),)} and len(s.indices) == 2:
        return "square"
    return None
