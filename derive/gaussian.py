"""Jointly Normal latents, eliminated one after another: the chain rule q(u) q(v | u) from one quadratic form.

    log q = Σ h·v - ½ Σ v P v + …        v | u ~ Normal(P⁻¹ (h + M u), P)
    what is left for u:  + ½ (h + M u)ᵀ P⁻¹ (h + M u)

An axis that no term couples (every quadratic term has the same subscript twice there) is a batch axis: v is eliminated
separately at each of its positions, and P is a matrix over the other axes only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import add, collect, deltas, fresh_index, multiply, normalise, substitute, sum_over
from cavi.derive.factorisation import Block, random_atoms
from cavi.derive.index import Index, Sub, primed
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import ZERO, Atom, Element, Monomial, Parameter, Polynomial, from_atom, number

HALF = Fraction(1, 2)
ONE = Fraction(1)
Subs = tuple[Sub, ...]


@dataclass(frozen=True)
class Given:
    """How a latent depends on one eliminated after it: its regression coefficients.

    Attributes:
        name: the other latent.
        axes: the other's event axes; those shared with a batch axis of this latent are that axis itself.
        shared: position among the other's axes -> position among this latent's axes, where both are one.
    """

    name: str
    axes: tuple[Index, ...]
    shared: Mapping[int, int]

    @property
    def own(self) -> tuple[Index, ...]:
        """The axes that the coefficients have besides those of the latent itself."""
        return tuple(a for p, a in enumerate(self.axes) if p not in self.shared)


@dataclass(frozen=True)
class Normal:
    """One latent of the block, Normal given those after it.

    Attributes:
        name: of the latent.
        plates: the factor's plates.
        axes: its event axes.
        batch: positions among them along which it is independent given the others.
        given: the latents it depends on.
        formulas: its parameters but for the mean.
    """

    block: Block
    name: str
    plates: tuple[Index, ...]
    axes: tuple[Index, ...]
    batch: frozenset[int]
    given: tuple[Given, ...]
    formulas: tuple[Formula, ...]

    @property
    def joint(self) -> tuple[int, ...]:
        """Positions of the axes that its precision matrix runs over."""
        return tuple(p for p in range(len(self.axes)) if p not in self.batch)

    @property
    def scalar(self) -> bool:
        """Whether its precision is a number at each batch position."""
        return not self.joint

    def place(self, name: str, subs: Sequence[Sub]) -> Polynomial:
        """A parameter with one subscript for each axis: mean, linear."""
        return from_atom(Parameter(self.name, name, (*self.plates, *subs)))

    def matrix(self, name: str, left: Sequence[Sub], right: Sequence[Sub]) -> Polynomial:
        """An entry of a matrix parameter at two positions that agree on the batch axes."""
        batch = [left[p] for p in sorted(self.batch) if p in self.own_batch]
        row, column = [left[p] for p in self.joint], [right[p] for p in self.joint]
        return from_atom(Parameter(self.name, name, (*self.plates, *batch, *row, *column), len(row)))

    @property
    def own_batch(self) -> frozenset[int]:
        """The batch axes on which the precision depends: all but that of a matrix scale."""
        return self.batch - self.scaled

    scaled: frozenset[int] = frozenset()

    def covariance(self, left: Sequence[Sub], right: Sequence[Sub]) -> Polynomial:
        """P⁻¹ at two positions that agree on the batch axes."""
        if self.scalar:
            return functions.reciprocal(self.matrix("precision", left, right))
        return self.matrix("covariance", left, right)

    def coefficient(self, given: Given, own: Sequence[Sub], other: Sequence[Sub]) -> Polynomial:
        """The regression coefficient on an element of another latent; zero where shared axes differ."""
        return self._between(f"on_{given.name}", given, own, other)

    def cross(self, given: Given, own: Sequence[Sub], other: Sequence[Sub]) -> Polynomial:
        """M, the coefficient of a product with an element of another latent; zero where shared axes differ."""
        return self._between(f"cross_{given.name}", given, own, other)

    def _between(self, name: str, given: Given, own: Sequence[Sub], other: Sequence[Sub]) -> Polynomial:
        same = deltas([own[p] for p in given.shared.values()], [other[q] for q in given.shared])
        subs = (*self.plates, *own, *(s for q, s in enumerate(other) if q not in given.shared))
        return same * from_atom(Parameter(self.name, name, subs))

    def element(self, subs: Sequence[Sub]) -> Polynomial:
        """One element of the latent."""
        return element(self.block, self.name, subs)

    def dimension(self) -> Polynomial:
        """How many elements it has."""
        total = number(1)
        for a in self.axes:
            total = total * functions.size_of(a)
        return total

    def scaled_dimension(self) -> Polynomial:
        """How many elements it has for each position of a scaled axis."""
        total = number(1)
        for p, a in enumerate(self.axes):
            if p not in self.scaled:
                total = total * functions.size_of(a)
        return total

    def logdet(self) -> Polynomial:
        """log det of the whole precision, the scale left out."""
        batch = [a for p, a in enumerate(self.axes) if p in self.own_batch]
        if self.scalar:
            one = functions.log(self.matrix("precision", self.axes, self.axes))
        else:
            one = from_atom(Parameter(self.name, "logdet_precision", (*self.plates, *batch)))
        copies = number(1)
        for p in self.scaled:
            copies = copies * functions.size_of(self.axes[p])
        return copies * sum_over(one, batch)

    def other(self, subs: Sequence[Sub]) -> tuple[list[Sub], list[Index]]:
        """A second position that agrees on the batch axes, with fresh summed indices on the others."""
        bound: list[Index] = []
        out: list[Sub] = []
        for p, (s, a) in enumerate(zip(subs, self.axes, strict=True)):
            if p in self.batch:
                out.append(s)
            else:
                bound.append(fresh_index(a.size))
                out.append(bound[-1])
        return out, bound

    def times_covariance(self, name: str, subs: Sequence[Sub]) -> Polynomial:
        """Σ P⁻¹ · parameter at a position."""
        there, bound = self.other(subs)
        return sum_over(self.covariance(subs, there) * self.place(name, there), bound)


def element(block: Block, name: str, subs: Sequence[Sub]) -> Polynomial:
    """The element of a latent of a block at its plates and the event subscripts."""
    atom = Element(name, tuple(block.variables[name].indices), block.variables[name].symmetric)
    return from_atom(block.with_subs(atom, block.factor.plates, subs))


@dataclass(frozen=True)
class Quadratic:
    """A quadratic form in the elements of some latents of a block, with known coefficients.

    `plates` are those of its coefficients; None for those of the factor.
    """

    block: Block
    form: Polynomial
    scaled: Mapping[str, frozenset[int]] = field(default_factory=dict)
    plates: tuple[Index, ...] | None = None

    def subs(self, atom: Atom) -> Subs:
        """The event subscripts of an element."""
        assert isinstance(atom, Element)
        return self.block.event_subs(atom)

    def terms(self, name: str) -> Iterator[tuple[Monomial, list[Subs], list[tuple[Atom, Fraction]]]]:
        """The terms with a latent: the positions it stands at, and the rest."""
        for m in self.form.monomials:
            own: list[Subs] = []
            rest: list[tuple[Atom, Fraction]] = []
            for a, e in m.powers:
                if isinstance(a, Element) and a.name == name:
                    own.extend([self.subs(a)] * int(e))
                else:
                    rest.append((a, e))
            if own:
                yield m, own, rest

    def batch(self, name: str) -> frozenset[int]:
        """The axes along which no quadratic term couples different elements; those of a vector stay together."""
        variable = self.block.variables[name]
        axes = self.block.event_axes(name)
        whole = {p for p, a in enumerate(axes) if a in variable.event} - set(self.scaled.get(name, ()))
        found = set(range(len(axes))) - whole
        for _, own, _ in self.terms(name):
            if len(own) == 2:
                found &= {p for p, (s, t) in enumerate(zip(*own, strict=True)) if s == t}
        return frozenset(found)


def is_quadratic(form: Polynomial, names: Sequence[str]) -> bool:
    """Whether every term with the latents is linear or quadratic in their elements."""
    for m in form.monomials:
        degree = Fraction(0)
        for a, e in m.powers:
            if isinstance(a, Element) and a.name in names:
                if e not in (1, 2):
                    return False
                degree += e
            elif any(True for _ in random_atoms(a, names)):
                return False
        if degree > 2:
            return False
    return True


def eliminate(quadratic: Quadratic, name: str) -> tuple[Normal, Quadratic] | None:
    """A latent given the others, and the form that is left for them; None where its precision is nothing."""
    block = quadratic.block
    axes = block.event_axes(name)
    plates = block.factor.plates if quadratic.plates is None else quadratic.plates
    batch = quadratic.batch(name)
    scaled = quadratic.scaled.get(name, frozenset())
    joint = [p for p in range(len(axes)) if p not in batch]
    column = [primed(a) if p in joint else a for p, a in enumerate(axes)]
    linear, square = ZERO, ZERO
    crosses: dict[str, list[tuple[Monomial, Subs, Subs, list[tuple[Atom, Fraction]]]]] = {}
    kept = [m for m in quadratic.form.monomials if not any(True for a in m.atoms for _ in random_atoms(a, [name]))]
    for m, own, rest in quadratic.terms(name):
        others = [a for a, _ in rest if isinstance(a, Element) and a.name in block.variables]
        if others:
            (other,) = others
            left = [(a, e) for a, e in rest if a is not other]
            crosses.setdefault(other.name, []).append((m, own[0], quadratic.subs(other), left))
            continue
        at = list(zip(axes, own[0], strict=True))
        if len(own) == 1:
            linear = linear + _opened(m, rest, at)
            continue
        at = [x for p, x in enumerate(at) if p not in scaled]
        at += [(column[p], own[1][p]) for p in joint]
        dropped = [own[0][p] for p in scaled]
        square = square + _opened(m, rest, at, dropped)
    if not square:
        return None
    swap: dict[Index, Sub] = {}
    for p in joint:
        swap |= {axes[p]: column[p], primed(axes[p]): axes[p]}
    precision = -(square + substitute(square, swap))
    given, cross = [], []
    for other_name, found in crosses.items():
        link = _given(block, other_name, axes, batch, found)
        given.append(link)
        value = ZERO
        for m, own_subs, other_subs, rest in found:
            at = list(zip(axes, own_subs, strict=True))
            at += [(a, s) for q, (a, s) in enumerate(zip(link.axes, other_subs, strict=True)) if q not in link.shared]
            value = value + _opened(m, rest, at)
        cross.append(Formula(name, f"cross_{other_name}", (*plates, *axes, *link.own), value, "auxiliary"))
    own_axes = [axes[p] for p in sorted(batch - scaled)]
    rows = [axes[p] for p in joint]
    square_axes = (*plates, *own_axes, *rows, *map(primed, rows))
    formulas = [
        Formula(name, "linear", (*plates, *axes), linear, "auxiliary"),
        *cross,
        Formula(name, "precision", square_axes, precision, "standard"),
    ]
    if joint:
        size = len(joint)
        formulas += [
            Formula(name, "covariance", square_axes, ArrayOperation("inverse", "precision", size), "derived"),
            Formula(
                name, "logdet_precision", (*plates, *own_axes), ArrayOperation("logdet", "precision", size), "derived"
            ),
        ]
    normal = Normal(block, name, plates, axes, batch, tuple(given), tuple(formulas), scaled)
    for link in given:
        there, bound = normal.other(axes)
        subs = (*plates, *there, *link.own)
        value = normal.covariance(axes, there) * from_atom(Parameter(name, f"cross_{link.name}", subs))
        formulas.append(
            Formula(name, f"on_{link.name}", (*plates, *axes, *link.own), sum_over(value, bound), "standard")
        )
    normal = Normal(block, name, plates, axes, batch, tuple(given), tuple(formulas), scaled)
    left_over = add(Polynomial(tuple(kept)), _completed(normal))
    return normal, Quadratic(block, left_over, quadratic.scaled, quadratic.plates)


def _opened(
    m: Monomial, rest: Sequence[tuple[Atom, Fraction]], at: Sequence[tuple[Index, Sub]], dropped: Sequence[Sub] = ()
) -> Polynomial:
    """The coefficient of a term, free in the placeholders that stand for its positions; `dropped` sums have no part."""
    bound = [i for i in m.bound if i not in dropped]
    piece = multiply(collect([normalise(m.coefficient, rest, ())]), deltas([a for a, _ in at], [s for _, s in at]))
    return sum_over(piece, bound)


def _given(
    block: Block,
    other: str,
    axes: tuple[Index, ...],
    batch: frozenset[int],
    found: Sequence[tuple[Monomial, Subs, Subs, object]],
) -> Given:
    """How another latent enters: its axes, renamed where they clash, and those that are one with a batch axis."""
    theirs = block.event_axes(other)
    shared: dict[int, int] = {}
    for q in range(len(theirs)):
        for p in sorted(batch):
            if p not in shared.values() and all(own[p] == subs[q] for _, own, subs, _ in found):
                shared[q] = p
                break
    named: list[Index] = []
    for q, a in enumerate(theirs):
        index = axes[shared[q]] if q in shared else a
        while q not in shared and (index in axes or index in named):
            index = primed(index)
        named.append(index)
    return Given(other, tuple(named), shared)


def _completed(v: Normal) -> Polynomial:
    """What completing the square leaves for the others: Σ h P⁻¹ M u + ½ Σ M u P⁻¹ M u."""
    total = ZERO
    for link in v.given:
        own, theirs = [fresh_index(a.size) for a in v.axes], [fresh_index(a.size) for a in link.axes]
        there, bound = v.other(own)
        value = v.place("linear", own) * v.covariance(own, there) * v.cross(link, there, theirs)
        total = total + sum_over(value * element(v.block, link.name, theirs), [*own, *bound, *theirs])
        for second in v.given:
            own, theirs = [fresh_index(a.size) for a in v.axes], [fresh_index(a.size) for a in link.axes]
            other = [fresh_index(a.size) for a in second.axes]
            there, bound = v.other(own)
            pair = element(v.block, link.name, theirs) * element(v.block, second.name, other)
            value = v.cross(link, own, theirs) * v.covariance(own, there) * v.cross(second, there, other) * pair
            total = total + sum_over(value, [*own, *bound, *theirs, *other]).scaled(HALF)
    return total


@dataclass(frozen=True)
class Joint:
    """All latents of a Normal block in the order of their elimination, and the form that each of them leaves."""

    parts: tuple[Normal, ...]
    left: tuple[Polynomial, ...] = ()

    def part(self, name: str) -> Normal:
        """The latent of that name."""
        return next(p for p in self.parts if p.name == name)

    def formulas(self) -> tuple[Formula, ...]:
        """Every parameter in an order in which it can be computed; the means last, from the last latent back."""
        found = [f for p in self.parts for f in p.formulas]
        for v in reversed(self.parts):
            found.append(Formula(v.name, "mean", (*v.plates, *v.axes), self._mean(v), "standard"))
        return tuple(found)

    def _mean(self, v: Normal) -> Polynomial:
        if v.scalar:
            value = v.place("linear", v.axes) * functions.reciprocal(v.matrix("precision", v.axes, v.axes))
        else:
            value = v.times_covariance("linear", v.axes)
        for link in v.given:
            theirs = [fresh_index(a.size) for a in link.axes]
            mean = self.part(link.name).place("mean", theirs)
            value = value + sum_over(v.coefficient(link, v.axes, theirs) * mean, theirs)
        return value

    def residual(self, v: Normal, subs: Sequence[Sub]) -> Polynomial:
        """v - E[v | the others] at a position."""
        value = v.element(subs) - v.place("mean", subs)
        for link in v.given:
            theirs = [fresh_index(a.size) for a in link.axes]
            distance = element(v.block, link.name, theirs) - self.part(link.name).place("mean", theirs)
            value = value - sum_over(v.coefficient(link, subs, theirs) * distance, theirs)
        return value

    def covariance(self, first: Element, second: Element, inverse_scale: InverseScale) -> Polynomial:
        """Cov of two elements, the scale included."""
        names = [p.name for p in self.parts]
        if names.index(second.name) < names.index(first.name):
            first, second = second, first
        v, block = self.part(first.name), self.parts[0].block
        left, right = block.event_subs(first), block.event_subs(second)
        total = ZERO
        if first.name == second.name:
            free = [p for p in sorted(v.batch) if p not in v.scaled]
            same = deltas([left[p] for p in free], [right[p] for p in free])
            scaled = [(left[p], right[p]) for p in v.scaled]
            total = same * v.covariance(left, right) * inverse_scale(scaled)
        for link in v.given:
            theirs = [fresh_index(a.size) for a in link.axes]
            (atom,) = element(block, link.name, theirs).monomials[0].atoms
            assert isinstance(atom, Element)
            further = self.covariance(atom, second, inverse_scale)
            total = total + sum_over(v.coefficient(link, left, theirs) * further, theirs)
        return total


class InverseScale:
    """The factor that a common scale puts on every covariance: 1/g, or an entry of Λ⁻¹."""

    def __call__(self, scaled: Sequence[tuple[Sub, Sub]]) -> Polynomial:
        """Without a scale nothing."""
        return number(1)


def joint(quadratic: Quadratic, names: Sequence[str]) -> Joint | None:
    """The latents eliminated one after another, those with most batch axes first."""
    left = list(names)
    parts: list[Normal] = []
    forms: list[Polynomial] = []
    while left:
        name = max(left, key=lambda n: (len(quadratic.batch(n)), list(quadratic.block.variables).index(n)))
        found = eliminate(quadratic, name)
        if found is None:
            return None
        normal, quadratic = found
        parts.append(normal)
        forms.append(quadratic.form)
        left.remove(name)
    return Joint(tuple(parts), tuple(forms))
