"""Where a function of a sum over an index, F(Σ_k a(x_k)), stands in the log joint: matching by form."""

from __future__ import annotations

import sympy

from cavi.derive import functions
from cavi.derive.canonical import deltas, fresh_index, substitute
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import lookup
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index, Literal
from cavi.derive.model import Model
from cavi.derive.relaxations.array_bound import ArrayBound
from cavi.derive.relaxations.bound import T, X
from cavi.derive.relaxations.matching import Match, weight_beside
from cavi.derive.term import ZERO, Atom, Constant, Element, Function, Monomial, Polynomial, Size, from_atom

# A sum that no law of a function takes apart.
TOTAL = from_atom(Element("first", ())) + from_atom(Element("second", ()))
PART = "part"  # the index of terms that are written out
POSITIVE = ("positive", "unit", "simplex", "above")


def array_matches(p: Polynomial, bound: ArrayBound, model: Model) -> tuple[Match, ...]:
    """The monomials that are F(Σ_k a(x_k)) of latents times a weight that is never negative."""
    (pattern,) = from_sympy(bound.outer, {T: TOTAL}).monomials
    shape, power = pattern.powers[0]
    names = [v.name for v in model.with_role("latent", "point")]
    found = []
    for m in p.monomials:
        for atom, exponent in m.powers:
            if exponent != power or not any(True for _ in random_atoms(atom, names)):
                continue
            total, weight = _total(shape, atom), weight_beside(m, atom, pattern.coefficient, model)
            one = None if total is None else _element(total, bound.inner, names, model)
            if weight is not None and one is not None:
                found.append(Match(m, weight, *one))
                break
    return tuple(found)


def _total(shape: Atom, atom: Atom) -> Polynomial | None:
    """What the sum must be for the shape to be the atom."""
    if not isinstance(shape, Function) or not isinstance(atom, Function) or shape.name != atom.name:
        return None
    total = None
    for left, right in zip(shape.args, atom.args, strict=True):
        if left == TOTAL:
            total = right
        elif left != right:
            return None
    return total


def _element(
    total: Polynomial, inner: sympy.Expr, names: list[str], model: Model
) -> tuple[Polynomial, Index, Polynomial] | None:
    """x_k, k and what is known, where the total is Σ_k a(x_k) + b, every term above zero.

    The sum is over an index, or over terms written out, a known one among them.
    """
    if not all(is_above_zero(m, model) for m in total.monomials):
        return None
    summed = [m for m in total.monomials if any(True for a in m.atoms for _ in random_atoms(a, names))]
    if len(summed) == 1 and len(summed[0].bound) == 1:
        (m,) = summed
        over = fresh_index(m.bound[0].size)
        body = substitute(Polynomial((Monomial(m.coefficient, m.powers),)), {m.bound[0]: over})
        argument = _argument(body, inner, names)
        known = Polynomial(tuple(n for n in total.monomials if n is not m))
        return None if argument is None else (argument, over, known)
    if any(m.bound for m in total.monomials):
        return None  # a sum beside other terms is neither
    size = str(len(total.monomials))
    over = Index(PART, size)
    argument = ZERO
    for j, m in enumerate(total.monomials):
        one = _argument(Polynomial((m,)), inner, names)
        if one is None:
            return None
        argument = argument + one * deltas([over], [Literal(j, size)])
    return (argument, over, ZERO) if len(total.monomials) > 1 else None


def _argument(body: Polynomial, inner: sympy.Expr, names: list[str]) -> Polynomial | None:
    """The x of a(x), where a is the identity or the exponential."""
    if inner == X:
        return body
    argument = functions.log(body)
    logs = [a for a in argument.atoms() if isinstance(a, Function) and a.name == "log"]
    return None if any(True for a in logs for _ in random_atoms(a, names)) else argument


def is_above_zero(m: Monomial, model: Model) -> bool:
    """Whether a product is above zero whatever the latents and the data are."""
    return m.coefficient > 0 and all(e % 2 == 0 or is_positive(a, model) for a, e in m.powers)


def is_positive(atom: Atom, model: Model) -> bool:
    """Whether an atom is above zero whatever the latents and the data are."""
    match atom:
        case Size() | Constant(name="pi") | Function(name="exp"):
            return True
        case Element():
            v = model.variable(atom.name)
            return v.domain in POSITIVE or (
                v.distribution is not None and lookup(v.distribution.family).support in POSITIVE
            )
    return False
