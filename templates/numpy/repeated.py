"""A moment of a row of which one part is the same for all rows: E[z zᵀ] = Σ + mean meanᵀ, summed over rows without it.

Σ_n E[z zᵀ][n] is N Σ plus a matrix product of the means, and no array has rows and both sides of the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

from cavi.derive import Derived, Update
from cavi.derive.canonical import substitute
from cavi.derive.index import Index
from cavi.derive.result import ArrayOperation
from cavi.derive.term import Moment, Monomial, Parameter, Polynomial
from cavi.templates.numpy.statistics import Statistic


@dataclass(frozen=True)
class Repeated:
    """A sum over rows of a moment, or of a parameter, taken apart.

    Attributes:
        moment: factor and key; None of a parameter.
        same: parameters that repeat along the rows, summed over them.
        rest: the sum of what does not.
    """

    moment: tuple[str, str] | None
    same: tuple[Parameter, ...]
    rest: Polynomial


def repeated(s: Statistic, derived: Derived) -> Repeated | None:
    """The parts of a sum over rows of one moment, if one of them repeats and another does not; of what repeats."""
    m = s.monomial
    if len(m.powers) != 1 or m.coefficient != 1 or len(m.bound) != 1:
        return None
    ((a, power),) = m.powers
    if isinstance(a, Parameter) and power == 1 and repeats(derived.update(a.latent), a, m.bound[0]):
        return Repeated(None, (a,), Polynomial(()))
    if not isinstance(a, Moment) or power != 1 or a.subs[0] != m.bound[0] or len(a.subs) < 3:
        return None
    if not all(isinstance(i, Index) for i in a.subs) or len(set(a.subs)) != len(a.subs):
        return None
    update = derived.update(a.factor.split(",")[0])
    spec = next(x for x in update.moment_specs if x.key == a.key)
    if spec.value is None or update.factor.sequential:
        return None
    same: list[Parameter] = []
    rest: list[Monomial] = []
    for part in substitute(spec.value, dict(zip(spec.indices, a.subs, strict=True))).monomials:
        match part.powers:
            case ((Parameter() as p, 1),) if repeats(update, p, m.bound[0]) and part.coefficient == 1:
                same.append(p)
            case _:
                rest.append(Monomial(part.coefficient, part.powers, (*part.bound, m.bound[0])))
    if not same or not rest or any(x.coefficient < 0 for x in rest):
        return None
    return Repeated((a.factor, a.key), tuple(same), Polynomial(tuple(rest)))


def repeats(update: Update, p: Parameter, row: Index) -> bool:
    """Whether a parameter is written as the same for all rows; the row is its first subscript, and only that."""
    if p.subs[0] != row or len(set(p.subs)) != len(p.subs) or not all(isinstance(i, Index) for i in p.subs):
        return False
    if update.factor.sequential:
        return False
    name: str | None = p.name
    while name is not None:
        f = next((f for f in update.formulas if (f.latent, f.name) == (p.latent, name)), None)
        if f is None or f.along is not None:
            return False
        if isinstance(f.value, Polynomial):
            return f.indices[0] not in f.value.free
        if not isinstance(f.value, ArrayOperation):
            return False
        name = f.value.argument if f.value.name in ("inverse", "logdet") else None
    return False
