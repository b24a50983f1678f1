r"""The natural parameters of a block of jointly Normal latents, named before any of them is eliminated.

    log q = Σ_v h_v·v - ½ Σ_v v P_v v + Σ_{u<v} u C_uv v + const

A form is opened at these places: `read` gives the coefficients of any other form there, that of log q in its standard
parameters above all. So the way back from standard parameters to natural ones is read off log q and needs no rule.
Steps between two Normals are taken in natural parameters, since a straight line there goes up where its gradient does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from cavi.derive.canonical import collect, deltas, fresh_index, multiply, normalise, sum_over
from cavi.derive.gaussian import Quadratic, Subs, element
from cavi.derive.index import Index, Sub, primed
from cavi.derive.result import Formula, Role
from cavi.derive.term import ZERO, Atom, Element, Monomial, Parameter, Polynomial, from_atom

HALF = Fraction(1, 2)
Place = tuple[str, int]  # an axis of the first or the second latent of a pair


@dataclass(frozen=True)
class Coefficient:
    """The coefficient of one latent, or of a product of two, with an axis for each position that may differ.

    Attributes:
        latent: whose parameter it is, of that name.
        others: the latents of the term, one or two.
        axes: of each of them, with one index where both always stand at one position.
        matrix: whether rows and columns can change places.
    """

    latent: str
    name: str
    others: tuple[str, ...]
    axes: tuple[tuple[Index, ...], ...]
    matrix: bool = False

    @property
    def own(self) -> tuple[Index, ...]:
        """The axes of the coefficient: those in which both agree, then rows and columns."""
        if not self.matrix:
            return tuple(dict.fromkeys(i for axes in self.axes for i in axes))
        left, right = self.axes
        rows = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
        return (*(a for a, b in zip(left, right, strict=True) if a == b), *(a for a, _ in rows), *(b for _, b in rows))

    @property
    def half(self) -> int:
        """How many axes a side of the matrix has."""
        return sum(a != b for a, b in zip(*self.axes, strict=True)) if self.matrix else 0


class Natural:
    """The natural parameters of a quadratic form in the latents of a block."""

    def __init__(self, quadratic: Quadratic, names: Sequence[str]) -> None:
        self.block = quadratic.block
        self.plates = self.block.factor.plates
        self.coefficients = tuple(self._coefficients(quadratic, names))

    def known_as(self, formulas: Sequence[Formula]) -> Natural:
        """The same by the names that some formulas give them, where these say no more than that."""
        names: dict[tuple[str, str], tuple[str, str]] = {}
        for f in formulas:
            for c in self.coefficients:
                same = f.indices == (*self.plates, *c.own) and f.value == self.atom(c, c.axes)
                if same:
                    names.setdefault((c.latent, c.name), (f.latent, f.name))
        found = copy(self)
        found.coefficients = tuple(
            replace(c, latent=latent, name=name)
            for c in self.coefficients
            for latent, name in [names.get((c.latent, c.name), (c.latent, c.name))]
        )
        return found

    def beside(self, formulas: Sequence[Formula]) -> tuple[Formula, ...]:
        """The formulas that are not natural parameters themselves."""
        own = {(c.latent, c.name) for c in self.coefficients}
        return tuple(f for f in formulas if (f.latent, f.name) not in own)

    def _coefficients(self, quadratic: Quadratic, names: Sequence[str]) -> Iterator[Coefficient]:
        for n in names:
            axes, batch = self.block.event_axes(n), quadratic.batch(n)
            yield Coefficient(n, "natural_linear", (n,), (axes,))
            column = tuple(a if p in batch else primed(a) for p, a in enumerate(axes))
            yield Coefficient(n, "natural_precision", (n, n), (axes, column), matrix=True)
        for first, second in combinations(names, 2):
            found = [p for m in quadratic.form.monomials if (p := self._pair(m, first, second)) is not None]
            if found:
                yield Coefficient(
                    first, f"natural_{second}", (first, second), self._shared(quadratic, first, second, found)
                )

    def _pair(self, m: Monomial, first: str, second: str) -> tuple[Subs, Subs] | None:
        """Where the latents of a term stand, if they are these two."""
        own = [a for a, _ in m.powers if isinstance(a, Element) and a.name in self.block.variables]
        if sorted(a.name for a in own) != sorted((first, second)):
            return None
        left, right = sorted(own, key=lambda a: a.name != first)
        return self.block.event_subs(left), self.block.event_subs(right)

    def _shared(
        self, quadratic: Quadratic, first: str, second: str, found: Sequence[tuple[Subs, Subs]]
    ) -> tuple[tuple[Index, ...], tuple[Index, ...]]:
        """The axes of a pair: one index for an axis along which both always stand at one position."""
        left, theirs = self.block.event_axes(first), self.block.event_axes(second)
        batch, other = quadratic.batch(first), quadratic.batch(second)
        right: list[Index] = []
        for q, a in enumerate(theirs):
            same = [
                left[p]
                for p in sorted(batch)
                if q in other and left[p] not in right and all(x[p] == y[q] for x, y in found)
            ]
            index = same[0] if same else a
            while not same and (index in left or index in right):
                index = primed(index)
            right.append(index)
        return left, tuple(right)

    def atom(self, c: Coefficient, axes: Sequence[Sequence[Sub]]) -> Polynomial:
        """The parameter at the positions of its latents."""
        at: dict[Index, Sub] = {}
        for own, subs in zip(c.axes, axes, strict=True):
            at |= dict(zip(own, subs, strict=True))
        return from_atom(Parameter(c.latent, c.name, (*self.plates, *(at[i] for i in c.own)), c.half))

    def form(self) -> Polynomial:
        """The form with the parameters as its coefficients."""
        total = ZERO
        for c in self.coefficients:
            fresh: dict[Index, Index] = {i: fresh_index(i.size) for axes in c.axes for i in axes}
            subs = [[fresh[i] for i in axes] for axes in c.axes]
            term = self.atom(c, subs)
            for name, at in zip(c.others, subs, strict=True):
                term = term * element(self.block, name, at)
            total = total + sum_over(term, list(fresh.values())).scaled(-HALF if c.matrix else Fraction(1))
        return total

    def read(self, form: Polynomial) -> tuple[Formula, ...]:
        """The coefficients of a form at these places, as formulas."""
        return tuple(
            Formula(c.latent, c.name, (*self.plates, *c.own), self._value(form, c), self._role(c))
            for c in self.coefficients
        )

    @staticmethod
    def _role(c: Coefficient) -> Role:
        return "standard" if c.name == "precision" else "auxiliary"

    def _value(self, form: Polynomial, c: Coefficient) -> Polynomial:
        total = ZERO
        for m in form.monomials:
            own: list[Element] = []
            rest: list[tuple[Atom, Fraction]] = []
            for a, e in m.powers:
                if isinstance(a, Element) and a.name in self.block.variables:
                    own += [a] * int(e)
                else:
                    rest.append((a, e))
            own.sort(key=lambda a: a.name != c.others[0])
            if tuple(a.name for a in own) != c.others:
                continue
            subs = [self.block.event_subs(a) for a in own]
            for order in (subs, subs[::-1]) if c.matrix else (subs,):  # -∂²/∂v∂v': both orders
                pairs = dict.fromkeys(
                    (i, s) for axes, at in zip(c.axes, order, strict=True) for i, s in zip(axes, at, strict=True)
                )
                piece = multiply(
                    collect([normalise(m.coefficient, rest, ())]), deltas([i for i, _ in pairs], [s for _, s in pairs])
                )
                total = total + sum_over(piece, m.bound).scaled(Fraction(-1 if c.matrix else 1))
        return total
