"""The order of terms in a sum, the same in every run.

What is known beforehand leads (a₀ + …), then the data by falling degree, then what only normalises;
pure constants such as log 2π end a formula, and no sum starts with a minus if it can be helped.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from cavi.derive.canonical import (
    atom_key,
)
from cavi.derive.term import (
    Atom,
    Constant,
    Delta,
    Element,
    Function,
    Matrix,
    Moment,
    Parameter,
    Size,
)
from cavi.templates.term_tree import FUNCTION_KEY, Roles, Term


def ordered(terms: list[Term], roles: Roles) -> tuple[Term, ...]:
    """What is known first, then the data by falling degree, pure constants last; no leading minus."""
    ranked = sorted(terms, key=lambda t: rank(t, roles))
    if ranked[0].coefficient < 0:
        lead = next(
            (
                t
                for t in ranked
                if t.coefficient > 0 and class_of(t, roles) < max(NORMALISER, class_of(ranked[0], roles) + 1)
            ),
            None,
        )
        if lead is not None:
            ranked = [lead, *(t for t in ranked if t is not lead)]
    return tuple(ranked)


KNOWN, OTHER, NORMALISER, CONSTANT = 0, 5, 7, 8


def rank(t: Term, roles: Roles) -> tuple[int, bool, Fraction, Fraction, int, list[str]]:
    """What terms are sorted by: their class, sums last, falling degree in data and latents, names."""
    data = latent = Fraction(0)
    for a, e in t.factors:
        if isinstance(a, Element) and a.name in roles.data:
            data += e
        elif not (isinstance(a, Element) and a.name in roles.known):
            latent += _degree(a) * e
    return (
        class_of(t, roles),
        bool(t.bound or t.body),
        -data,
        -latent,
        len(t.factors),
        [stable_key(a) for a, _ in t.factors],
    )


def _degree(atom: Atom) -> int:
    """The power of the latent in an atom: two for a second moment."""
    if isinstance(atom, Moment) and not FUNCTION_KEY.search(atom.key):
        return max([int(d) for d in re.findall(r"\^(\d+)", atom.key)], default=1 + atom.key.count("*"))
    return int(isinstance(atom, Element | Moment | Parameter))


def class_of(t: Term, roles: Roles) -> int:
    """What is known beforehand leads; normalisers, made of known quantities alone, end a formula."""
    atoms = [a for a, _ in t.factors]
    if t.bound or (not atoms and not t.body):
        return OTHER
    if not t.body and all(e == 1 and _is_known(a, roles.known) for a, e in t.factors):
        return KNOWN
    if all(_is_fixed(a, frozenset()) for a in atoms) and not t.body:
        return CONSTANT
    return NORMALISER if _all_fixed(t, roles.known) else OTHER


def _is_known(atom: Atom, known: frozenset[str]) -> bool:
    """Whether an atom is known beforehand: an element, an inverse, or a product of vectors and matrices of such."""
    match atom:
        case Element():
            return atom.name in known
        case Function(name="fold"):
            return all(isinstance(a, Delta) or _is_known(a, known) for a in atom.args[0].monomials[0].atoms)
        case Matrix(name="inverse"):
            return all(_is_known(a, known) for m in atom.value.monomials for a in m.atoms)
    return False


def _all_fixed(t: Term, known: frozenset[str]) -> bool:
    return all(_is_fixed(a, known) for a, _ in t.factors) and all(_all_fixed(b, known) for b in t.body)


def _is_fixed(atom: Atom, known: frozenset[str]) -> bool:
    match atom:
        case Size() | Constant():
            return True
        case Element():
            return atom.name in known
        case Matrix(name="logdet"):
            return all(_is_fixed(a, known) for m in atom.value.monomials for a in m.atoms)
        case Function():
            return all(_is_fixed(a, known) for p in atom.args for m in p.monomials for a in m.atoms)
        case _:
            return False


@lru_cache(maxsize=50_000)
def stable_key(atom: Atom) -> str:
    """What orders atoms: the same in every run, whatever numbers fresh indices have got."""
    return _FRESH.sub("", atom_key(atom))


_FRESH = re.compile(r"\.~\d+")
