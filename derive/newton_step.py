r"""The formulas of a step of Newton's method, for a function of a point in the normal form.

Whatever depends on the point is named: an argument of a function is a polynomial in it, ν = o + Gᵀa + aᵀBa, whose
coefficients are computed once, and its derivatives are parameters too, so that gradient and curvature are short
(`slopes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import sympy

from cavi.derive import functions
from cavi.derive.canonical import collect, deltas, multiply, normalise, rewrite, substitute, sum_over
from cavi.derive.factorisation import random_atoms
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index, Sub, primed
from cavi.derive.model import Variable
from cavi.derive.relaxations.bound import T
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.slopes import Known, Slopes
from cavi.derive.term import ZERO, Atom, Element, Function, Moment, Parameter, Polynomial, from_atom, number

# Beside the curvature, so that it can be inverted where the function does not depend on some direction.
RIDGE = Fraction(1, 10**9)


@dataclass(frozen=True)
class Part:
    """c h(s): the weight c, h in `T`, and s as it depends on the point."""

    weight: Polynomial
    convex: sympy.Expr
    total: Polynomial


@dataclass
class Build:
    """The formulas of a step, in order, with the derivatives of what they compute."""

    variable: Variable
    plates: tuple[Index, ...]
    positions: tuple[int, ...]
    declared: tuple[Index, ...]
    formulas: list[Formula] = field(default_factory=list)
    first: dict[tuple[str, str], Known] = field(default_factory=dict)
    second: dict[tuple[str, str], Known] = field(default_factory=dict)
    values: dict[tuple[str, str], tuple[tuple[Index, ...], Polynomial]] = field(default_factory=dict)
    arguments: dict[tuple[tuple[Index, ...], Polynomial], str] = field(default_factory=dict)
    objective: Polynomial = ZERO

    @property
    def event(self) -> tuple[Index, ...]:
        """The axes of one element."""
        return tuple(self.variable.indices[p] for p in self.positions)

    @property
    def other(self) -> tuple[Index, ...]:
        """The same once more, for a second derivative."""
        return tuple(self._fresh(i, self.event) for i in self.event)

    @staticmethod
    def _fresh(index: Index, taken: tuple[Index, ...]) -> Index:
        while index in taken:
            index = primed(index)
        return index

    def _slopes(self, second: bool) -> Slopes:
        direction, table = (self.other, self.second) if second else (self.event, self.first)
        return Slopes(self.variable.name, self.positions, direction, table)

    def step(self, free: Polynomial, parts: list[Part]) -> list[Formula]:
        """The formulas that end with the new value."""
        name, event, other = self.variable.name, self.event, self.other
        self.objective = self._named(free)
        for r, part in enumerate(parts, 1):
            at = self._add(_numbered("total", r), self.plates, self._named(part.total))
            self.objective = self.objective + part.weight * from_sympy(part.convex, {T: at})
        slope = self._slopes(False).of(self.objective)
        bend = -self._slopes(True).of(slope) + multiply(number(RIDGE), deltas(event, other))
        axes = self.variable.indices
        self.formulas.append(Formula(name, "gradient", (*self.plates, *event), slope, "auxiliary"))
        self.formulas.append(Formula(name, "curvature", (*self.plates, *event, *other), bend, "auxiliary"))
        now = from_atom(Element(name, axes))
        if not event:
            gradient = from_atom(Parameter(name, "gradient", self.plates))
            move = multiply(gradient, from_atom(Parameter(name, "curvature", self.plates), Fraction(-1)))
        else:
            inverse = ArrayOperation("inverse", "curvature", len(event))
            self.formulas.append(
                Formula(name, "inverse_curvature", (*self.plates, *event, *other), inverse, "auxiliary")
            )
            gradient = from_atom(Parameter(name, "gradient", (*self.plates, *other)))
            inside = from_atom(Parameter(name, "inverse_curvature", (*self.plates, *event, *other)))
            move = sum_over(inside * gradient, other)
        self.formulas.append(Formula(name, "value", axes, now + move, "standard"))
        return self.formulas

    def expanded(self, p: Polynomial) -> Polynomial:
        """With what depends on the point written out again."""

        def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
            if isinstance(atom, Parameter) and (atom.latent, atom.name) in self.values:
                axes, value = self.values[atom.latent, atom.name]
                moves: dict[Index, Sub] = dict(zip(axes, atom.subs, strict=True))
                inner = self.expanded(substitute(value, moves))
                return _raised(inner, exponent)
            if isinstance(atom, Function):
                return from_atom(Function(atom.name, tuple(self.expanded(a) for a in atom.args)), exponent)
            return None

        return rewrite(p, rule)

    def _named(self, p: Polynomial) -> Polynomial:
        """The polynomial with every argument that depends on the point under a name of its own."""
        total = ZERO
        for m in p.monomials:
            powers: list[tuple[Atom, Fraction]] = []
            for atom, exponent in m.powers:
                if isinstance(atom, Function) and any(True for _ in random_atoms(atom, [self.variable.name])):
                    args = tuple(self._argument(a) if self._moves(a) else a for a in atom.args)
                    powers.append((Function(atom.name, args), exponent))
                else:
                    powers.append((atom, exponent))
            total = total + collect([normalise(m.coefficient, powers, m.bound)])
        return total

    def _moves(self, p: Polynomial) -> bool:
        return any(True for a in p.atoms() for _ in random_atoms(a, [self.variable.name]))

    def _argument(self, p: Polynomial) -> Polynomial:
        """An argument as a parameter, at the indices that are open in it."""
        taken: list[Index] = [*self.plates, *self.event, *self.other]
        moves: dict[Index, Sub] = {}
        axes: list[Index] = []
        for i in sorted(p.free - set(self.plates), key=lambda i: (i.size, i.name)):
            stem = next((j for j in (*self.variable.indices, *self.declared) if j.size == i.size), i)
            own = self._fresh(stem, (*taken, *axes))
            moves[i] = own
            axes.append(own)
        at = substitute(p, moves)
        own_axes = (*self.plates, *axes)
        name = self.variable.name
        label = self.arguments.get((own_axes, at))
        if label is None:
            count = len(self.arguments) + 1
            label = self.arguments[own_axes, at] = _numbered("argument", count)
            self._add(label, own_axes, self._gathered(at, own_axes, count))
        back = {own: i for i, own in moves.items()}
        return from_atom(Parameter(name, label, tuple(back.get(i, i) for i in own_axes)))

    def _gathered(self, p: Polynomial, axes: tuple[Index, ...], count: int) -> Polynomial:
        """A polynomial of degree two in the point, its coefficients under names where they are more than data."""
        coefficients: dict[int, Polynomial] = {0: ZERO, 1: ZERO, 2: ZERO}
        directions = ((), self.event, (*self.event, *self.other))
        for m in p.monomials:
            own = [
                a for a, e in m.powers if isinstance(a, Element) and a.name == self.variable.name for _ in range(int(e))
            ]
            rest = [(a, e) for a, e in m.powers if not (isinstance(a, Element) and a.name == self.variable.name)]
            outside = collect([normalise(m.coefficient, rest, ())])
            if len(own) > 2 or self._moves(outside):
                return p
            subs = [a.subs[i] for a in own for i in self.positions]
            opened = multiply(outside, deltas(subs, directions[len(own)]))
            coefficients[len(own)] = coefficients[len(own)] + sum_over(opened, m.bound)
        total = ZERO
        for degree, label in enumerate(("offset", "gain", "bend")):
            c = coefficients[degree]
            along = directions[degree] if self.event else ()
            if any(isinstance(a, Moment) for m in c.monomials for a in Polynomial((m,)).atoms()):
                used = (*(i for i in axes if i in self.plates or i in c.free), *along)
                own_name = _numbered(label, count)
                self.formulas.append(Formula(self.variable.name, own_name, used, c, "auxiliary"))
                c = from_atom(Parameter(self.variable.name, own_name, used))
            powers = number(1)
            for d in range(degree):
                at = self.event if d == 0 else self.other
                powers = powers * from_atom(Element(self.variable.name, self._element(at)))
            total = total + sum_over(multiply(c, powers), along)
        return total

    def _element(self, at: tuple[Index, ...]) -> tuple[Index, ...]:
        subs = list(self.variable.indices)
        for p, i in zip(self.positions, at, strict=True):
            subs[p] = i
        return tuple(subs)

    def _add(self, label: str, axes: tuple[Index, ...], value: Polynomial) -> Polynomial:
        """A formula for what depends on the point, with its derivatives in the tables."""
        name = self.variable.name
        self.formulas.append(Formula(name, label, axes, value, "auxiliary"))
        self.values[name, label] = (axes, value)
        slope = self._slopes(False).of(value)
        turned: Mapping[Index, Sub] = dict(zip(self.event, self.other, strict=True))
        if len(slope.monomials) > 1 or any(m.bound for m in slope.monomials):
            own = f"slope_{label}"
            both = (*axes, *self.event)
            self.formulas.append(Formula(name, own, both, slope, "auxiliary"))
            self.second[name, own] = Known(both, self._slopes(True).of(slope))
            slope = from_atom(Parameter(name, own, both))
        self.first[name, label] = Known(axes, slope)
        self.second[name, label] = Known(axes, substitute(slope, turned))
        return from_atom(Parameter(name, label, axes))


def _numbered(label: str, count: int) -> str:
    return label if count == 1 else f"{label}_{count}"


def _raised(p: Polynomial, exponent: Fraction) -> Polynomial:
    return p if exponent == 1 else functions.raise_to(p, number(exponent))
