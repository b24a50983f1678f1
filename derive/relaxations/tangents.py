"""Tangents of convex functions, made from the terms themselves: ``bounds={"y": "tangent"}``.

For every function of latents that is no statistic of a factor, c f(u) with c not negative and u one number, a `Bound`
is made in the first of the statistics u, u², log u, 1/u that u has a moment of and in which f is proved convex. Where
f is concave its tangents lie above it, and there is no such bound: beside others that have one it stays, for a factor
that is normalised numerically.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from functools import cache

import sympy

from cavi.derive.errors import CaviError, RelaxationError
from cavi.derive.evaluable import evaluable
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import CATALOGUE
from cavi.derive.families.base import X as VALUE
from cavi.derive.families.special import softplus
from cavi.derive.from_sympy import from_sympy
from cavi.derive.identities.convexity import convexity
from cavi.derive.model import Model
from cavi.derive.relaxations.array_matching import is_above_zero
from cavi.derive.relaxations.bound import Bound, X
from cavi.derive.relaxations.matching import Match, weight_beside
from cavi.derive.term import Element, Function, Indicator, Monomial, Polynomial, from_atom
from cavi.derive.text import show

TANGENT = "tangent"
KNOWN = {"log": sympy.log, "exp": sympy.exp, "softplus": softplus, "lgamma": sympy.loggamma, "pow": sympy.Pow}
SOURCE = "Boyd and Vandenberghe (2004), 3.1.3"


def tangents(
    p: Polynomial, model: Model, node: str, settled: Collection[str] = (), within: Collection[str] = ()
) -> tuple[tuple[Bound, tuple[Match, ...]], ...]:
    """The bounds of a node, each with its terms; `settled` are local parameters of other bounds.

    With names in `within` only of functions that mention one of them.

    Raises:
        RelaxationError: when there is no such term, and when none is convex in any of the statistics.
    """
    candidates = [
        (m, f) for m, f in _candidates(p, model, settled) if not within or any(True for _ in random_atoms(f, within))
    ]
    found = [(bound, m, f) for m, f in candidates if (bound := _bound(m, f, model)) is not None]
    if candidates and not found:
        raise _not_convex(*candidates[0], model, node)
    if not found:
        raise RelaxationError(
            f"bounds: no term of the log density of {node} is a function of one number whose factor is not negative, "
            "so there is no tangent to take"
        )
    together: dict[tuple[sympy.Expr, sympy.Expr, str], tuple[Bound, list[Match]]] = {}
    for bound, m, f in found:
        weight = weight_beside(m, f, _sign(m), model)
        assert weight is not None
        key = (bound.function, bound.statistic, bound.on)
        together.setdefault(key, (bound, []))[1].append(Match(m, weight, f.args[0]))
    return tuple((b, tuple(ms)) for b, ms in together.values())


def has_tangent(p: Polynomial, model: Model, settled: Collection[str] = ()) -> bool:
    """Whether tangents leave nothing that couples latents: of every function that is no statistic, or of those that do.

    A function of one latent that is not convex is left to a factor that is normalised numerically.
    """
    found = [(couples(f.args[0], model), _bound(m, f, model) is not None) for m, f in _candidates(p, model, settled)]
    convex = [has for _, has in found]
    return bool(found) and (all(convex) or (any(c for c, _ in found) and all(has for c, has in found if c)))


def couples(argument: Polynomial, model: Model) -> bool:
    """Whether more than one element of a latent is in it."""
    names = [v.name for v in model.with_role("latent", "point")]
    uncertain = [m for m in argument.monomials if any(True for a in m.atoms for _ in random_atoms(a, names))]
    elements = {e for m in uncertain for a in m.atoms for e in random_atoms(a, names)}
    return len(elements) > 1 or any(_sums(m) for m in uncertain)


def _sums(m: Monomial) -> bool:
    inside = (n for a in m.atoms if isinstance(a, Function) for e in a.args for n in e.monomials)
    return bool(m.bound) or any(_sums(n) for n in inside)


def _candidates(p: Polynomial, model: Model, settled: Collection[str] = ()) -> Iterator[tuple[Monomial, Function]]:
    """Terms with a function of latents that belongs to no family, and what it is."""
    names = [v.name for v in model.with_role("latent", "point") if v.name not in settled]
    for m in p.monomials:
        for atom, exponent in m.powers:
            if not isinstance(atom, Function) or atom.name not in KNOWN or exponent != 1:
                continue
            inner = set(random_atoms(atom, names))
            if not inner or is_statistic(atom, inner) or any(a.number is None for a in atom.args[1:]):
                continue
            if weight_beside(m, atom, _sign(m), model) is not None:
                yield m, atom


def _sign(m: Monomial) -> Fraction:
    return Fraction(1 if m.coefficient > 0 else -1)


def is_statistic(atom: Function, inner: Collection[Element | Indicator]) -> bool:
    """Whether a function stands in the density of some family, at one element of a latent: log x or log(1 - x), say."""
    if len(inner) != 1:
        return False
    symbols = {VALUE: from_atom(next(iter(inner)))}
    statistics = (t for family in CATALOGUE.values() for t in family.statistics)
    return any(t.free_symbols <= set(symbols) and atom in set(from_sympy(t, symbols).atoms()) for t in statistics)


def _bound(m: Monomial, f: Function, model: Model) -> Bound | None:
    """The first bound that is proved; None where none is."""
    argument = f.args[0]
    single = len(argument.monomials) == 1 and not argument.monomials[0].bound
    positive = _positive(argument, model)
    return _proved(_signed(m, f), _domain(f, positive), positive and single)


def _positive(p: Polynomial, model: Model) -> bool:
    return all(is_above_zero(m, model) for m in p.monomials)


def _signed(m: Monomial, f: Function) -> sympy.Expr:
    others = [sympy.Rational(e.number.numerator, e.number.denominator) for e in f.args[1:] if e.number is not None]
    return int(_sign(m)) * KNOWN[f.name](X, *others)


def _domain(f: Function, positive: bool) -> str:
    """A density with log u or log Γ(u) is there for positive u only."""
    return "positive" if positive or f.name in ("log", "lgamma") else "real"


def _not_convex(m: Monomial, f: Function, model: Model, node: str) -> RelaxationError:
    """Why a function has no tangent, with its curvature."""
    function = _signed(m, f)
    verdict = _verdict(function, _domain(f, _positive(f.args[0], model)))
    why = "so its tangents lie above it: an upper bound, of no use for a lower bound of the evidence"
    return RelaxationError(
        f"bounds: in {node} {function} with x = {show(f.args[0])} is {verdict}"
        + (f" in x, {why}" if verdict == "concave" else "")
        + ", and it is not proved convex in another statistic that x has a moment of; bound it by a rule of its own "
        "(Bound(...) with a part to keep), or augment it"
    )


@cache
def _proved(function: sympy.Expr, on: str, single: bool) -> Bound | None:
    """The bound in the first statistic in which the function is proved convex; log u and 1/u where u is one product."""
    for statistic in (X, X**2, *((sympy.log(X), 1 / X) if single else ())):
        bound = Bound(TANGENT, function, statistic, on=on, source=SOURCE)
        try:
            _ = bound.proof
        except CaviError:
            continue
        return bound
    return None


def _verdict(function: sympy.Expr, on: str) -> str:
    try:
        return convexity(evaluable(function), on, symbol=X).verdict
    except CaviError:
        return "not defined for every number"
