r"""Point parameters without a closed maximiser: a step of Newton's method for a concave function.

With J(a) the expected log joint, its gradient g and curvature H = -∇²J at the present value,

    a  →  a + H⁻¹ g,      halved, element by element, until J does not fall.

Where the place ζ of a tangent depends on a and has a closed optimum given it, ζ*(a), J is taken there: c h(E[s]) for
c (h(ζ) + h'(ζ) (E[s] - ζ)). Its steps are those in a and ζ together, and ζ follows each of them; one after the other
both would creep where they can replace each other.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import sympy

from cavi.derive import families
from cavi.derive.canonical import add, multiply, replace_sub, sum_over
from cavi.derive.errors import ApproximationError
from cavi.derive.factorisation import random_atoms
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.convexity import convexity
from cavi.derive.index import Gather, Index
from cavi.derive.methods import NEWTON, WORDS
from cavi.derive.model import Model, Variable
from cavi.derive.newton_step import Build, Part
from cavi.derive.optimum import Optimum, Request, Stage
from cavi.derive.optimum_chosen import at_parameter
from cavi.derive.optimum_point import finish
from cavi.derive.relaxations.bound import T, X
from cavi.derive.relaxations.matching import not_negative
from cavi.derive.relaxations.relaxation import Tangent
from cavi.derive.relaxations.tangents import KNOWN
from cavi.derive.rules import NEWTON as NEWTON_STEP
from cavi.derive.term import (
    ZERO,
    Atom,
    Delta,
    Element,
    Function,
    Moment,
    Monomial,
    Polynomial,
    from_atom,
)
from cavi.derive.text import name_text, show


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
    partners = _partners(request, name) if name in request.concave else []
    free, parts = averaged, []
    for t in partners:
        free = Polynomial(tuple(m for m in free.monomials if not _mentions(m, t.variable.name)))
        assert t.convex is not None
        total = request.expectation.of(t.statistic, request.block)
        parts.append(Part(request.expectation.of(t.weight), t.convex, total))
    settled = add(*(p.weight * from_sympy(p.convex, {T: p.total}) for p in parts))
    if name not in request.concave:
        _check_concave(request, name, free)
    build = Build(variable, request.block.factor.plates, _event(request), request.block.declared)
    found = build.step(free, parts)
    formulas = tuple(
        replace(f, value=request.expectation.of(f.value)) if isinstance(f.value, Polynomial) else f for f in found
    )
    family = families.lookup("MultivariateNormal" if build.event else "Normal")
    axes = tuple(variable.indices)
    best = finish(request, variable, formulas, family, axes)
    conditions = tuple(f"{name_text(t.variable.name)} is at its best given {name_text(name)}" for t in partners)
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
        raise ApproximationError(
            f"{asked}: {factor.name} has a distribution under q; expected a parameter, m.point(...)"
        )
    if variable.domain != "real" or variable.over is not None or variable.symmetric:
        raise ApproximationError(
            f"{asked}: {variable.name} is {variable.domain}; expected a real parameter, which steps cannot lead "
            "out of its domain; declare its logarithm"
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
    """The tangents whose place has a closed optimum given the point."""
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
            f"approximate={{{name!r}: {NEWTON!r}}}: the term {show(Polynomial((m,)))} is not seen to be concave in "
            f"{name}; expected c f(u) with u affine, c not negative and f concave, with one maximum"
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
