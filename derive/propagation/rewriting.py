"""Terms rewritten in one affine scalar of the latents.

A function in the log joint, such as ``softplus(Σ_d w[d] X[n,d])``, is looked into until a polynomial is met that is
affine in the latents, or a square of one. Everything else in the term must be known, or a function of the same scalar
up to a rational factor and a known offset; it is then rewritten in h.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import add, rewrite
from cavi.derive.propagation.affine import Affine, affine, is_random, proportion
from cavi.derive.propagation.squares import in_square, root
from cavi.derive.term import Atom, Element, Function, Polynomial, arguments, from_atom, number


class TwoScalars(Exception):
    """A term that is no function of one affine scalar; the latents that stand beside it."""


def scalars(atom: Atom, names: Sequence[str]) -> Iterator[Affine]:
    """The affine scalars inside an atom, outermost first."""
    if isinstance(atom, Element):
        found = affine(from_atom(atom), names)
        if found is not None:
            yield found
        return
    for p in arguments(atom):
        found = affine(p, names)
        if found is not None:
            yield found
            continue
        form = root(p, names)
        if form is not None:
            yield form
            continue
        for m in p.monomials:
            for a in m.atoms:
                if is_random(a, names):
                    yield from scalars(a, names)


def in_scalar(p: Polynomial, scalar: Affine, hole: Element, names: Sequence[str]) -> Polynomial:
    """The polynomial with the hole in the place of the scalar.

    Raises:
        TwoScalars: when the latents occur in it otherwise than through the scalar.
    """
    found = affine(p, names)
    if found is not None:
        ratio = proportion(found.latent, scalar.latent)
        if ratio is None:
            raise TwoScalars
        return add(from_atom(hole).scaled(ratio), found.offset, scalar.offset.scaled(-ratio))

    square = in_square(p, scalar, from_atom(hole), names)
    if square is not None:
        return square

    def change(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if not is_random(atom, names):
            return None
        if isinstance(atom, Element):
            inside = in_scalar(from_atom(atom), scalar, hole, names)
        elif isinstance(atom, Function):
            inside = functions.apply(atom.name, *(in_scalar(a, scalar, hole, names) for a in atom.args))
        else:
            raise TwoScalars
        return functions.raise_to(inside, number(exponent))

    return rewrite(p, change)
