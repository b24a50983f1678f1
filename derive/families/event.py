"""Families of vectors and of categories, declared in the normal form: Dirichlet, Multinomial and others.

Their statistics carry an event index, so their log densities, moments and entropies are polynomials
over it. `verify` proves every one of them numerically.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cavi.derive import functions
from cavi.derive.canonical import fresh_index, substitute, sum_over
from cavi.derive.families.base import Param
from cavi.derive.index import Index
from cavi.derive.term import Function, Polynomial, from_atom, number

Density = Callable[[Polynomial, Mapping[str, Polynomial], tuple[Index, ...]], Polynomial]


@dataclass(frozen=True, eq=False)
class VectorFamily:
    """A family whose value or parameter runs over an event index.

    Attributes:
        name: as the field writes it.
        parameters: standard parameters; those over the event are given by their element.
        support: simplex, category, count_vector, vector or positive_definite.
        domain: domain of the value's elements.
        log_density: log p of x given the parameters, both by their element at the event index.
        source: where the formulas come from.
        rank: how many event axes the *value* has: one for a vector, two for a matrix, none for a category.
    """

    name: str
    parameters: tuple[Param, ...]
    support: str
    domain: str
    source: str
    log_density: Density | None = None
    rank: int = 1

    aliases: ClassVar[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {}

    def density(self, x: Polynomial, args: Mapping[str, Polynomial], axes: tuple[Index, ...] = ()) -> Polynomial:
        """log p(x | args); x and the array arguments are free in the event axes, the result is not."""
        if self.log_density is None or not axes:
            raise TypeError(f"{self.name} has no density as a node")
        return self.log_density(x, args, axes)

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return str(other) == self.name if isinstance(other, str | VectorFamily) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)


def total_over(p: Polynomial, over: Index) -> Polynomial:
    """Σ over the event, with an index of its own so that it can stand beside free ones."""
    other = fresh_index(over.size)
    return sum_over(substitute(p, {over: other}), [other])


def _dirichlet(x: Polynomial, args: Mapping[str, Polynomial], axes: tuple[Index, ...]) -> Polynomial:
    (over,) = axes
    c = args["concentration"]
    normaliser = functions.lgamma(total_over(c, over)) - total_over(functions.lgamma(c), over)
    return normaliser + total_over((c - number(1)) * functions.log(x), over)


def _multinomial(x: Polynomial, args: Mapping[str, Polynomial], axes: tuple[Index, ...]) -> Polynomial:
    (over,) = axes
    counts = functions.lgamma(args["total"] + number(1)) - total_over(functions.lgamma(x + number(1)), over)
    return counts + total_over(x * functions.log(args["probs"]), over)


def _dirichlet_multinomial(x: Polynomial, args: Mapping[str, Polynomial], axes: tuple[Index, ...]) -> Polynomial:
    (over,) = axes
    c, total = args["concentration"], args["total"]
    counts = functions.lgamma(total + number(1)) - total_over(functions.lgamma(x + number(1)), over)
    whole = functions.lgamma(total_over(c, over)) - functions.lgamma(total_over(c, over) + total)
    return counts + whole + total_over(functions.lgamma(c + x) - functions.lgamma(c), over)


def xlogx(p: Polynomial) -> Polynomial:
    """p log p, zero at zero."""
    return from_atom(Function("xlogx", (p,)))


VECTOR_FAMILIES: dict[str, VectorFamily] = {
    f.name: f
    for f in (
        VectorFamily(
            "Dirichlet",
            (Param("concentration", "positive", r"\alpha"),),
            "simplex",
            "simplex",
            "Bishop (2006), B.16-B.22",
            _dirichlet,
        ),
        VectorFamily(
            "Categorical",
            (Param("probs", "simplex", "r"),),
            "category",
            "count",
            "Bishop (2006), 2.26",
            rank=0,
        ),
        VectorFamily(
            "Multinomial",
            (Param("total", "count", "n", known=True), Param("probs", "simplex", "r")),
            "count_vector",
            "count",
            "Bishop (2006), 2.34",
            _multinomial,
        ),
        VectorFamily(
            "DirichletMultinomial",
            (Param("total", "count", "n", known=True), Param("concentration", "positive", r"\alpha")),
            "count_vector",
            "count",
            "Johnson, Kotz and Balakrishnan (1997), 35.13.1; Minka (2000), section 2",
            _dirichlet_multinomial,
        ),
    )
}
