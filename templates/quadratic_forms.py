"""Quadratic forms completed: ``aᵀMa - 2 aᵀMb + bᵀMb`` is ``(a - b)ᵀM(a - b)``, for vectors that may be products.

A form is the function ``form`` of its vector and its matrix, both at marked indices; without a matrix it is a squared
length. As with ``fold``, its value is that of its components: `unfolded` multiplies both out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

from cavi.derive.canonical import add, collect, multiply, normalise, power, rewrite, substitute, sum_over
from cavi.derive.index import Index
from cavi.derive.term import Atom, Function, Polynomial, atom_indices, from_atom
from cavi.templates.matrix_notation import FOLD, copies_of, is_symmetric

FORM = "form"
_LEFT, _RIGHT = "?left", "?right"


def complete_form(items: Sequence[tuple[Fraction, Function]]) -> tuple[Fraction, Function, frozenset[int]] | None:
    """``(c, form, places)`` with ``c (a - b)ᵀ M (a - b)`` the sum of the items at some places; else None.

    The vectors come from items that are forms themselves, ``aᵀMa``, with one matrix and one coefficient; the signs
    are tried, and what is found is multiplied out and compared.
    """
    own = {p: (c, s) for p, (c, atom) in enumerate(items) if (s := _own_form(atom)) is not None}
    shapes = dict.fromkeys((c, s[1], s[2]) for c, s in own.values())
    for scale, middle, size in shapes:
        places = [p for p, (c, s) in own.items() if (c, s[1], s[2]) == (scale, middle, size)]
        for count in range(min(len(places), 4), 1, -1):
            for chosen in combinations(places, count):
                vectors = [own[p][1][0] for p in chosen]
                found = _completed(items, chosen, vectors, scale, middle, size)
                if found is not None:
                    return found
    return None


def _completed(
    items: Sequence[tuple[Fraction, Function]],
    chosen: tuple[int, ...],
    vectors: list[Polynomial],
    scale: Fraction,
    middle: Polynomial | None,
    size: str,
) -> tuple[Fraction, Function, frozenset[int]] | None:
    left, right = Index(_LEFT, size), Index(_RIGHT, size)
    values = {unfolded_atom(atom).scaled(c): p for p, (c, atom) in enumerate(items)}
    for signs in product((1, -1), repeat=len(vectors) - 1):
        candidate = vectors[0]
        for sign, v in zip(signs, vectors[1:], strict=True):
            candidate = add(candidate, v.scaled(sign))
        target = _form_value(candidate, middle, left, right).scaled(scale)
        used = {values.get(Polynomial((m,))) for m in target.monomials}
        if None not in used and len(used) == len(target.monomials) and set(chosen) <= used:
            form = Function(FORM, (candidate, *([middle] if middle else [])))
            return scale, form, frozenset(p for p in used if p is not None)
    return None


def _form_value(vector: Polynomial, middle: Polynomial | None, left: Index, right: Index) -> Polynomial:
    if middle is None:
        return sum_over(multiply(vector, vector), [left])
    other = substitute(vector, {left: right})
    return sum_over(multiply(multiply(vector, middle), other), [left, right])


def unfolded_atom(atom: Atom) -> Polynomial:
    """The components of a folded part or a form."""
    if isinstance(atom, Function) and atom.name == FOLD:
        return atom.args[0]
    if isinstance(atom, Function) and atom.name == FORM:
        size = next(i.size for i in atom.args[0].free if i.name == _LEFT)
        middle = atom.args[1] if len(atom.args) > 1 else None
        return _form_value(atom.args[0], middle, Index(_LEFT, size), Index(_RIGHT, size))
    return from_atom(atom)


def _own_form(atom: Atom) -> tuple[Polynomial, Polynomial | None, str] | None:
    """(v, M, size) of a part that is ``vᵀMv`` or ``vᵀv``, at marked indices; v may be a product itself, ``Ax``."""
    value = unfolded_atom(atom)
    if len(value.monomials) != 1 or value.monomials[0].coefficient != 1:
        return None
    (m,) = value.monomials
    copies, rest = copies_of(m.powers)
    inside = [[i for i in atom_indices(a) if i in m.bound] for a in copies]
    ends = [place for place, mine in enumerate(inside) if len(mine) == 1]
    if rest or len(ends) != 2:
        return None
    halves: tuple[list[int], list[int]] = ([ends[0]], [ends[1]])
    at = [inside[ends[0]][0], inside[ends[1]][0]]
    summed: tuple[list[Index], list[Index]] = ([], [])
    middle: Atom | None = None
    while at[0] != at[1]:
        nexts = [[p for p, mine in enumerate(inside) if at[s] in mine and p not in halves[s]] for s in (0, 1)]
        if len(nexts[0]) != 1 or len(nexts[1]) != 1 or at[0].size != at[1].size:
            return None
        (left,), (right,) = nexts
        if left == right:
            middle = copies[left]
            break
        for side, place in enumerate((left, right)):
            halves[side].append(place)
            summed[side].append(at[side])
            onward = [i for i in inside[place] if i != at[side]]
            if len(onward) != 1:
                return None
            at[side] = onward[0]
    if len(halves[0]) + len(halves[1]) + (middle is not None) != len(copies):
        return None
    marked, other = Index(_LEFT, at[0].size), Index(_RIGHT, at[0].size)
    vectors = []
    for side in (0, 1):
        product_of = collect([normalise(Fraction(1), [(copies[p], Fraction(1)) for p in halves[side]], ())])
        vectors.append(substitute(sum_over(product_of, summed[side]), {at[side]: marked}))
    if vectors[0] != vectors[1] or (middle is not None and not is_symmetric(middle)):
        return None
    drawn = None if middle is None else substitute(from_atom(middle), {at[0]: marked, at[1]: other})
    return vectors[0], drawn, at[0].size


def vector_of(form: Function) -> Index:
    """The marked index of the vector of a form."""
    return next(i for i in sorted(form.args[0].free, key=lambda i: i.name) if i.name == _LEFT)


def unfolded(p: Polynomial) -> Polynomial:
    """The polynomial with every folded part and form multiplied out again."""
    return rewrite(p, lambda a, e: power(unfolded_atom(a), int(e)) if _is_folded(a) else None)


def _is_folded(atom: Atom) -> bool:
    return isinstance(atom, Function) and atom.name in (FOLD, FORM)
