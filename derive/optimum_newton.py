r"""Point parameters without a closed maximiser: a step of Newton's method for a concave function.

With J(a) the expected log joint, its gradient g and curvature C = -∇²J at the present value,

    a  →  a + C⁻¹ g,      halved, element by element, until J does not fall.

Where the place ζ of a tangent depends on a and has a closed optimum given it, ζ*(a), J is taken there: c h(E[s]) for
c (h(ζ) + h'(ζ) (E[s] - ζ)). Its steps are those in a and ζ together, and ζ follows each of them. Without that both would
creep where they can replace each other.

Everything that a depends on is named: arguments of functions are polynomials in a whose coefficients are computed
once, their derivatives are parameters too, so that gradient and curvature are short (`slopes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import sympy

from cavi.derive import families, functions
from cavi.derive.canonical import collect, deltas, multiply, normalise, replace_sub, rewrite, substitute, sum_over
from cavi.derive.errors import ApproximationError
from cavi.derive.factorisation import random_atoms
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.convexity import convexity
from cavi.derive.index import Gather, Index, Sub, primed
from cavi.derive.methods import NEWTON, WORDS
from cavi.derive.model import Model, Variable
from cavi.derive.optimum import Optimum, Request, Stage
from cavi.derive.optimum_chosen import at_parameter
from cavi.derive.optimum_point import finish
from cavi.derive.relaxations.bound import T, X
from cavi.derive.relaxations.matching import not_negative
from cavi.derive.relaxations.relaxation import Tangent
from cavi.derive.relaxations.tangents import KNOWN
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.rules import NEWTON as NEWTON_STEP
from cavi.derive.slopes import Known, Slopes
from cavi.derive.term import ZERO, Atom, Delta, Element, Function, Moment, Monomial, Parameter, Polynomial, from_atom, number
from cavi.derive.text import show

# Beside the curvature, so that it can be inverted where J does not depend on some direction.
RIDGE = Fraction(1, 10**9)


def newton(request: Request) -> Optimum | None:
    """The step of a point for which one was asked.

    Raises:
        ApproximationError: where the point is not real, or its function not seen to be concave.
    """
    (name, *_) = request.block.variables
    if request.approximate.get(name) != NEWTON:
        return None
    variable = _real_point(request)
    averaged = _at_plates(request.conditional.averaged, request.block.factor.plates)
    partners = _partners(request, name)
    free, settled = averaged, ZERO
    for t in partners:
        free = Polynomial(tuple(m for m in free.monomials if not _mentions(m, t.variable.name)))
        total = request.expectation.of(t.statistic, request.block)
        assert t.convex is not None
        settled = settled + request.expectation.of(t.weight) * from_sympy(t.convex, {T: total})
    if name not in request.concave:
        _check_concave(request, name, free)
    build = _Build(variable, request.block.factor.plates, _event(request), request.block.declared)
    found = build.step(free, [_Part(request.expectation.of(t.weight), t.convex, request, t) for t in partners])
    formulas = tuple(
        replace(f, value=request.expectation.of(f.value)) if isinstance(f.value, Polynomial) else f for f in found
    )
    family = families.lookup("MultivariateNormal" if build.event else "Normal")
    axes = tuple(variable.indices)
    best = finish(request, variable, formulas, family, axes)
    conditions = tuple(f"{t.variable.name} at its best" for t in partners)
    return replace(
        best,
        maximised_by=NEWTON_STEP,
        stages=(Stage(free + settled, NEWTON_STEP, (WORDS[NEWTON], *conditions), "→"),),
        height=at_parameter(build.expanded(build.objective), (name,), "value"),
        climbs=tuple(t.variable.name for t in partners),
    )


def _real_point(request: Request) -> Variable:
    factor = request.block.factor
    (variable, *others) = request.block.variables.values()
    asked = f"approximate={{{factor.name!r}: {NEWTON!r}}}"
    if not factor.point or others:
        raise ApproximationError(f"{asked}: {factor.name} has a distribution under q; expected a parameter, m.point(...)")
    if variable.domain != "real" or variable.over is not None or variable.symmetric:
        raise ApproximationError(
            f"{asked}: {variable.name} is {variable.domain}; expected a real parameter, which steps cannot lead out of its "
            "domain; declare its logarithm"
        )
    return variable


def _at_plates(p: Polynomial, plates: tuple[Index, ...]) -> Polynomial:
    """What stands at doc[n] beside δ[d, doc[n]] stands at d."""
    total = ZERO
    for m in p.monomials:
        value = Polynomial((Monomial(m.coefficient, m.powers),))
        for a in m.atoms:
            if isinstance(a, Delta):
                for plate, sub in ((a.left, a.right), (a.right, a.left)):
                    if plate in plates and isinstance(sub, Gather):
                        rest = [(b, e) for b, e in m.powers if b != a]
                        inside = replace_sub(Polynomial((Monomial(m.coefficient, tuple(rest)),)), sub, plate)
                        value = multiply(from_atom(a), inside)
        total = total + sum_over(value, m.bound)
    return total


def _event(request: Request) -> tuple[int, ...]:
    """The positions of the axes that one element of the factor keeps together."""
    (variable,) = request.block.variables.values()
    plates = request.block.plate_axes[variable.name]
    return tuple(p for p in range(len(variable.indices)) if p not in plates)


def _partners(request: Request, name: str) -> list[Tangent]:
    """The tangents whose place is at its best given the point."""
    found = []
    for t in request.tangents.values():
        touched = any(True for a in t.statistic.atoms() for _ in random_atoms(a, [name]))
        same = t.variable.plates == request.block.factor.plates and t.over is None and t.form == X
        if touched and same and t.convex is not None:
            found.append(t)
    return found


def _mentions(m: Monomial, factor: str) -> bool:
    return any(isinstance(a, Moment) and a.factor == factor for a in Polynomial((m,)).atoms())


def _check_concave(request: Request, name: str, p: Polynomial) -> None:
    """Every term is affine in the point, or c f(u) with u affine, c of one sign and f concave or convex as it needs."""
    model = request.model
    for m in p.monomials:
        own = [(a, e) for a, e in m.powers if any(True for _ in random_atoms(a, [name]))]
        rest = tuple((a, e) for a, e in m.powers if (a, e) not in own)
        if len(own) == 1 and isinstance(own[0][0], Element) and own[0][1] == 1:
            continue
        sure = len(own) == 1 and all(e % 2 == 0 or _not_negative(request, model, a) for a, e in rest)
        if sure and _curves_down(own[0][0], own[0][1], m.coefficient > 0, name):
            continue
        raise ApproximationError(
            f"approximate={{{name!r}: {NEWTON!r}}}: the term {show(Polynomial((m,)))} is not seen to be concave in {name}; "
            "expected c f(u) with u affine, c not negative and f concave, so that the maximum is found from everywhere"
        )


def _not_negative(request: Request, model: Model, atom: Atom) -> bool:
    if isinstance(atom, Moment):
        return not_negative(request.expectation.moments.patterns[atom.factor, atom.key].powers, model)
    return not_negative(((atom, Fraction(1)),), model)


def _curves_down(atom: Atom, exponent: Fraction, rising: bool, name: str) -> bool:
    if isinstance(atom, Element):
        return exponent == 2 and not rising
    if not isinstance(atom, Function) or atom.name not in KNOWN or exponent != 1:
        return False
    inner, *others = atom.args
    affine = all(
        all(isinstance(a, Element) and e == 1 for a, e in own) and len(own) <= 1
        for m in inner.monomials
        for own in [[(a, e) for a, e in m.powers if any(True for _ in random_atoms(a, [name]))]]
    )
    if not affine or any(o.number is None for o in others):
        return False
    numbers = [sympy.Rational(o.number.numerator, o.number.denominator) for o in others if o.number is not None]
    on = "positive" if atom.name in ("log", "lgamma") else "real"
    verdict = convexity(KNOWN[atom.name](X, *numbers), on, symbol=X).verdict
    return bool(verdict == ("concave" if rising else "convex"))


@dataclass(frozen=True)
class _Part:
    """c h(E[s]): the weight c, h, and what s is."""

    weight: Polynomial
    convex: sympy.Expr | None
    request: Request
    tangent: Tangent


@dataclass
class _Build:
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

    def step(self, free: Polynomial, parts: list[_Part]) -> list[Formula]:
        """The formulas that end with the new value."""
        name, event, other = self.variable.name, self.event, self.other
        self.objective = self._named(free, ())
        for r, part in enumerate(parts, 1):
            total = self._named(part.request.expectation.of(part.tangent.statistic, part.request.block), ())
            at = self._add(_numbered("total", r), self.plates, total)
            assert part.convex is not None
            self.objective = self.objective + part.weight * from_sympy(part.convex, {T: at})
        slope = self._slopes(False).of(self.objective)
        bend = -self._slopes(True).of(slope) + multiply(number(RIDGE), deltas(event, other))
        axes = self.variable.indices
        self.formulas.append(Formula(name, "gradient", (*self.plates, *event), slope, "auxiliary"))
        self.formulas.append(Formula(name, "curvature", (*self.plates, *event, *other), bend, "auxiliary"))
        now = from_atom(Element(name, axes))
        if not event:
            gradient, curvature = (from_atom(Parameter(name, n, self.plates)) for n in ("gradient", "curvature"))
            move = multiply(gradient, from_atom(Parameter(name, "curvature", self.plates), Fraction(-1)))
        else:
            inverse = ArrayOperation("inverse", "curvature", len(event))
            self.formulas.append(Formula(name, "inverse_curvature", (*self.plates, *event, *other), inverse, "auxiliary"))
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

    def _named(self, p: Polynomial, outside: tuple[Index, ...]) -> Polynomial:
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
            own = [a for a, e in m.powers if isinstance(a, Element) and a.name == self.variable.name for _ in range(int(e))]
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
