"""Where a function stands in the log density of a node, all terms with one argument together: their sum is its weight.

What a weight may be is read from its form: products of what cannot be negative, or a sum that is linear in each of some
zeros and ones (or probabilities), whose extremes are at the corners: y f(x) + f(-x) - y f(-x) has weights y and 1 - y.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product

import sympy

from cavi.derive.canonical import collect, normalise, substitute, sum_over
from cavi.derive.errors import RelaxationError
from cavi.derive.expression import Add, Expr, Mul, NamedConstant, Number, Power, Ref, SizeOf
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import lookup
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.relaxations.augmentation import ENDS
from cavi.derive.relaxations.bound import X
from cavi.derive.relaxations.matching import END_HOLES, HOLE, not_negative, unify, unify_beside_known
from cavi.derive.term import (
    Atom,
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Link,
    Monomial,
    Polynomial,
    Powers,
    Size,
    from_atom,
    number,
)
from cavi.derive.text import show

MAX_CORNERS = 6


@dataclass(frozen=True)
class Site:
    """All terms ``weight · f(√scale · argument)`` of a node, at the plates that the argument runs over.

    `ends` are the known numbers beside the argument in f(l - x, u - x), if the function has them; `over` is the index
    of the argument, where that is an array.
    """

    monomials: tuple[Monomial, ...]
    plates: tuple[Index, ...]
    argument: Polynomial
    weight: Polynomial
    scale: Polynomial = field(default_factory=lambda: number(1))
    ends: tuple[Polynomial, ...] = ()
    over: Index | None = None


def scaled(site: Site, model: Model) -> Site:
    """With the factor of the argument that is a root or a reciprocal of positive latents told apart: √τ (y - μ)."""
    pulled = _roots((site.argument,), model)
    return replace(site, argument=_divided(site.argument, pulled), scale=_squared(pulled))


def _roots(polynomials: Sequence[Polynomial], model: Model) -> dict[Atom, Fraction]:
    """The roots and reciprocals of positive latents that are a factor of every term."""
    every = [dict(m.powers) for p in polynomials for m in p.monomials]
    shared = {a: e for a, e in every[0].items() if all(own.get(a) == e for own in every)} if every else {}
    return {
        a: e
        for a, e in shared.items()
        if isinstance(a, Element)
        and model.variable(a.name).is_random
        and not_negative(((a, Fraction(1)),), model)
        and not (e > 0 and e.denominator == 1)
    }


def _divided(p: Polynomial, pulled: Mapping[Atom, Fraction]) -> Polynomial:
    return p * collect([normalise(Fraction(1), [(a, -e) for a, e in pulled.items()], ())])


def _squared(pulled: Mapping[Atom, Fraction]) -> Polynomial:
    return collect([normalise(Fraction(1), [(a, 2 * e) for a, e in pulled.items()], ())])


def _without_scale(atom: Function, model: Model) -> tuple[Function, Polynomial]:
    """A function of an interval, and the scale of its ends: (√τ (l - μ), √τ (u - μ)) is (l - μ, u - μ) and τ."""
    finite = [a for a in atom.args if not any(isinstance(c, Constant) and c.name != "pi" for c in a.atoms())]
    pulled = _roots([a for a in finite if a.monomials], model)
    args = tuple(_divided(a, pulled) if a in finite else a for a in atom.args)
    return Function(atom.name, args), _squared(pulled)


def sites(
    p: Polynomial, function: sympy.Expr, model: Model, node: str, by_element: bool = False, with_scale: bool = False
) -> tuple[Site, ...]:
    """The sites whose weight is never negative, in the order of their first terms.

    The function is one atom of the normal form with a coefficient, such as ``-softplus(x)``. A weight is summed over
    what its argument does not depend on, unless each element of the node is to have its own. Of a function of an
    interval, a latent scale of both ends may be told apart.
    """
    found: list[Site] = []
    for m, argument, weight, beside, scale in _places(p, function, model, with_scale):
        if by_element:
            m_bound, weight = _counted(m, weight, model.variable(node).plates)
        open_ = argument.free.union(scale.free, *(e.free for e in beside), m_bound if by_element else ())
        axes = axes_of(model, node, open_)
        at, ends = substitute(argument, axes), tuple(substitute(e, axes) for e in beside)
        scale = substitute(scale, axes)
        others = [i for i in m.bound if i not in axes]
        own = substitute(sum_over(weight, others), axes)
        key = (at, ends, scale, tuple(axes.values()))
        same = next((s for s in found if (s.argument, s.ends, s.scale, s.plates) == key), None)
        if same is None:
            found.append(Site((m,), tuple(axes.values()), at, own, scale, ends))
        else:
            where = found.index(same)
            found[where] = replace(same, monomials=(*same.monomials, m), weight=same.weight + own)
    return tuple(s for s in found if is_not_negative(s.weight, model))


def _counted(m: Monomial, weight: Polynomial, plates: tuple[Index, ...]) -> tuple[tuple[Index, ...], Polynomial]:
    """The bound indices and the weight, N times something being the sum of it over n = 1…N."""
    bound = list(m.bound)
    for i in plates:
        if i.size not in {j.size for j in bound} and any(a == Size(i.size) and e == 1 for a, e in m.powers):
            bound.append(i)
            weight = weight * from_atom(Size(i.size), -1)
    return tuple(bound), weight


Place = tuple[Monomial, Polynomial, Polynomial, tuple[Polynomial, ...], Polynomial]


def _places(p: Polynomial, function: sympy.Expr, model: Model, with_scale: bool) -> Iterator[Place]:
    """Every monomial with an atom of the function's shape: its argument, what multiplies it, known ends, the scale."""
    pattern = from_sympy(function, {X: from_atom(HOLE), **dict(zip(ENDS, map(from_atom, END_HOLES), strict=True))})
    if len(pattern.monomials) != 1 or len(pattern.monomials[0].powers) != 1 or pattern.monomials[0].powers[0][1] != 1:
        return
    coefficient, shape = pattern.monomials[0].coefficient, pattern.monomials[0].powers[0][0]
    names = [v.name for v in model.with_role("latent", "point")]
    for m in p.monomials:
        for atom, exponent in m.powers:
            if exponent != 1 or not any(True for _ in random_atoms(atom, names)):
                continue
            bare, scale = atom, number(1)
            if with_scale and isinstance(atom, Function):
                bare, scale = _without_scale(atom, model)
            parts = unify_beside_known(shape, bare, names) if function.has(*ENDS) else _alone(unify(shape, bare))
            if parts is None:
                continue
            rest = [(a, e) for a, e in m.powers if a is not atom]
            yield m, parts[0], collect([normalise(m.coefficient / coefficient, rest, ())]), parts[1:], scale
            break


def _alone(argument: Polynomial | None) -> tuple[Polynomial, ...] | None:
    return None if argument is None else (argument,)


def axes_of(model: Model, node: str, open_: Iterable[Index]) -> dict[Index, Index]:
    """The indices open in an argument -> the declared ones that its auxiliary lives on.

    Raises:
        RelaxationError: when the model has too few indices of a size.
    """
    declared = [*model.variable(node).plates, *model.indices]
    axes: dict[Index, Index] = {}
    for i in sorted(open_, key=lambda i: (i.size, i.name)):
        own = next((j for j in declared if j.size == i.size and j not in axes.values()), None)
        if own is None:
            raise RelaxationError(
                f"{node}: what its terms need for each element needs another index of size {i.size}; declare one with "
                "m.index"
            )
        axes[i] = own
    return axes


def is_not_negative(p: Polynomial, model: Model) -> bool:
    """Whether the value is seen to be zero or more."""
    if all(m.coefficient > 0 and not_negative(m.powers, model) for m in p.monomials):
        return True
    values = corners(p, model)
    return values is not None and min(values) >= 0


def corners(p: Polynomial, model: Model) -> tuple[Fraction, ...] | None:
    """Its values where every datum in it is zero or one; None unless these are its extremes."""
    return None if (table := _table((p,), model)) is None else tuple(row[0] for row in table)


def exclusive(p: Polynomial, q: Polynomial, model: Model) -> bool:
    """Whether one of the two is always zero."""
    table = _table((p, q), model)
    return table is not None and not any(a * b for a, b in table)


def is_binary(p: Polynomial, model: Model) -> bool:
    """Whether it is zero or one whatever the data."""
    values = corners(p, model)
    named = {a.name for m in p.monomials for a, _ in m.powers if isinstance(a, Element)}
    return values is not None and set(values) <= {0, 1} and all(_is_zero_or_one(model, n) for n in named)


def _table(polynomials: tuple[Polynomial, ...], model: Model) -> list[tuple[Fraction, ...]] | None:
    """The values at every corner, one row a corner; None where one is not linear in each of its data."""
    atoms: list[Atom] = []
    for p in polynomials:
        for m in p.monomials:
            if m.bound or any(e != 1 or not _is_share(a, model) for a, e in m.powers):
                return None
            atoms += [a for a, _ in m.powers if a not in atoms]
    if len(atoms) > MAX_CORNERS:
        return None
    rows = []
    for values in product((Fraction(0), Fraction(1)), repeat=len(atoms)):
        at = dict(zip(atoms, values, strict=True))
        rows.append(tuple(_at(p, at) for p in polynomials))
    return rows


def _at(p: Polynomial, at: Mapping[Atom, Fraction]) -> Fraction:
    total = Fraction(0)
    for m in p.monomials:
        value = m.coefficient
        for a, _ in m.powers:
            value *= at[a]
        total += value
    return total


def _is_share(atom: Atom, model: Model) -> bool:
    """Known data between zero and one, or a condition on known positions."""
    if isinstance(atom, Function):
        return _is_zero_count(atom, model)
    if isinstance(atom, Before | Delta | Link):
        return True
    return isinstance(atom, Element) and (
        _is_zero_or_one(model, atom.name)
        or (not model.variable(atom.name).is_random and model.variable(atom.name).domain == "unit")
    )


def _is_zero_count(f: Function, model: Model) -> bool:
    """0^y of a count: one where it is zero, else zero."""
    if f.name != "pow" or f.args[0].number != 0 or len(f.args[1].monomials) != 1:
        return False
    (m,) = f.args[1].monomials
    return m.coefficient > 0 and not_negative(m.powers, model)


def _is_zero_or_one(model: Model, name: str) -> bool:
    v = model.variable(name)
    if v.is_random:
        return False
    return v.domain == "binary" or (v.distribution is not None and v.distribution.family == "Bernoulli")


def as_expression(p: Polynomial, model: Model, where: str) -> Expr:
    """A quantity as an expression of the model, which arguments of distributions are.

    Raises:
        RelaxationError: for a sum over an index or a function, which have no place in an argument here.
    """
    terms = [_term(m, model, where, p) for m in p.monomials]
    return terms[0] if len(terms) == 1 else Add(tuple(terms)) if terms else Number(Fraction(0))


def _term(m: Monomial, model: Model, where: str, p: Polynomial) -> Expr:
    factors = [_factor(a, e, model, where, p) for a, e in m.powers]
    if m.bound:
        raise RelaxationError(f"{where} is {show(p)}; expected known data on the plates of the term")
    if m.coefficient != 1 or not factors:
        factors = [Number(m.coefficient), *factors]
    return factors[0] if len(factors) == 1 else Mul(tuple(factors))


def _factor(atom: Atom, exponent: Fraction, model: Model, where: str, p: Polynomial) -> Expr:
    base: Expr
    match atom:
        case Element():
            base = Ref(model.variable(atom.name), atom.subs)
        case Constant(name="pi"):
            base = NamedConstant("pi")
        case Size():
            base = SizeOf(atom.name)
        case Function(name="pow", args=(inner, power)) if inner.number is not None and power.number is not None:
            base = Power(Number(inner.number), Number(power.number))
        case _:
            raise RelaxationError(f"{where} is {show(p)}; expected known data on the plates of the term")
    return base if exponent == 1 else Power(base, Number(exponent))


def is_positive(p: Polynomial, model: Model) -> bool:
    """Whether it is above zero: no term is negative and one is a product of what is above zero."""
    if not all(m.coefficient > 0 and not_negative(m.powers, model) for m in p.monomials):
        return False
    return any(not m.bound and _strictly(m.powers, model) for m in p.monomials)


def _strictly(powers: Powers, model: Model) -> bool:
    return all(_above_zero(a, model) for a, _ in powers)


def _above_zero(atom: Atom, model: Model) -> bool:
    match atom:
        case Size() | Constant(name="pi"):
            return True
        case Element():
            v = model.variable(atom.name)
            if v.distribution is not None:
                return lookup(v.distribution.family).support in ("positive", "unit", "above")
            return v.domain in ("positive", "unit")
    return False
