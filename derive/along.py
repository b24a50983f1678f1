"""A function of latents that depends on them through one affine combination: f(u) with u = a + Σ b x.

    log(1 - exp(-exp(w x + c)))  =  f(u),  f = log(1 - exp(-exp u)),  u = w x + c

The combination is the innermost argument; wherever else the latents stand, they must be a multiple of it.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import collect, multiply, normalise, sum_over
from cavi.derive.derivatives import U
from cavi.derive.factorisation import random_atoms
from cavi.derive.term import ZERO, Atom, Element, Function, Monomial, Polynomial, from_atom, number

Names = Collection[str]


def along_one(p: Polynomial, names: Names) -> tuple[Polynomial, Polynomial] | None:
    """f, a function of the placeholder, and u, affine in the named latents, with f(u) = p; None where there is none."""
    u = _innermost(p, names)
    if u is None:
        return None
    f = _replaced(p, u, names)
    return None if f is None else (f, u)


def depends(p: Polynomial, names: Names) -> bool:
    """Whether some of the latents occur."""
    return any(True for a in p.atoms() for _ in random_atoms(a, names))


def is_affine(p: Polynomial, names: Names) -> bool:
    """Whether every term has at most one element of the latents, outside of functions and to the first power."""
    return all(_is_affine(m, names) for m in p.monomials)


def moving(p: Polynomial, names: Names) -> Polynomial:
    """The terms with latents in them."""
    return Polynomial(tuple(m for m in p.monomials if _own(m, names)))


def _own(m: Monomial, names: Names) -> list[tuple[Atom, Fraction]]:
    return [(a, e) for a, e in m.powers if any(True for _ in random_atoms(a, names))]


def _is_affine(m: Monomial, names: Names) -> bool:
    own = _own(m, names)
    return not own or (len(own) == 1 and isinstance(own[0][0], Element) and own[0][1] == 1)


def _innermost(p: Polynomial, names: Names) -> Polynomial | None:
    """The first affine argument of a function, those inside others first."""
    for m in p.monomials:
        for atom, _ in _own(m, names):
            if not isinstance(atom, Function):
                continue
            for arg in atom.args:
                if not depends(arg, names):
                    continue
                if (found := _innermost(arg, names)) is not None:
                    return found
                if is_affine(arg, names):
                    return arg
    return None


def _replaced(p: Polynomial, u: Polynomial, names: Names) -> Polynomial | None:
    """The polynomial as a function of u; None where the latents are not a multiple of it."""
    plain = Polynomial(tuple(m for m in p.monomials if _own(m, names) and _is_affine(m, names)))
    total = Polynomial(tuple(m for m in p.monomials if not _own(m, names)))
    if plain:
        multiple = _multiple(plain, moving(u, names))
        if multiple is None:
            return None
        total = total + (U - u + moving(u, names)).scaled(multiple)
    for m in p.monomials:
        own = _own(m, names)
        if not own or _is_affine(m, names):
            continue
        value = collect([normalise(m.coefficient, [x for x in m.powers if x not in own], ())])
        for atom, exponent in own:
            one = _of_atom(atom, u, names)
            if one is None:
                return None
            value = multiply(value, functions.raise_to(one, number(exponent)))
        if {i for i in m.bound} & u.free:
            return None
        total = total + sum_over(value, m.bound)
    return total


def _of_atom(atom: Atom, u: Polynomial, names: Names) -> Polynomial | None:
    if not isinstance(atom, Function):
        return None
    args = [_replaced(a, u, names) if depends(a, names) else a for a in atom.args]
    found = tuple(a for a in args if a is not None)
    if len(found) < len(args):
        return None
    # As it is: a law such as that of the sign of a softplus would take the function apart.
    return from_atom(Function(atom.name, found))


def _multiple(p: Polynomial, q: Polynomial) -> Fraction | None:
    """c with p = c q."""
    if not p.monomials or len(p.monomials) != len(q.monomials):
        return None
    c = p.monomials[0].coefficient / q.monomials[0].coefficient
    return c if p - q.scaled(c) == ZERO else None
