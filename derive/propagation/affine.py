"""Functions of one affine scalar: what of a term depends on the latents only through h = a·w + c.

A function in the log joint, such as ``softplus(Σ_d w[d] X[n,d])``, is looked into until a polynomial is met that is
affine in the latents. Everything else in the term must be known, or a function of the same scalar up to a rational
factor and a known offset; it is then rewritten in h.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import add, rewrite
from cavi.derive.factorisation import random_atoms
from cavi.derive.term import Atom, Element, Function, Polynomial, arguments, from_atom, number


@dataclass(frozen=True)
class Affine:
    """a·w + c: the part that is linear in the latents, and the known offset."""

    latent: Polynomial
    offset: Polynomial

    @property
    def whole(self) -> Polynomial:
        """The scalar itself."""
        return self.latent + self.offset

    def scaled(self, factor: Fraction) -> Affine:
        """The same times a number."""
        return Affine(self.latent.scaled(factor), self.offset.scaled(factor))


class TwoScalars(Exception):
    """A term that is no function of one affine scalar; the latents that stand beside it."""


def is_random(atom: Atom, names: Sequence[str]) -> bool:
    """Whether a latent occurs in an atom."""
    return any(True for _ in random_atoms(atom, names))


def degree(powers: Sequence[tuple[Atom, Fraction]], names: Sequence[str]) -> Fraction | None:
    """The degree of a monomial in the latents; None where one stands inside a function, or with another power."""
    total = Fraction(0)
    for atom, exponent in powers:
        if not is_random(atom, names):
            continue
        if not isinstance(atom, Element) or exponent < 0 or exponent.denominator != 1:
            return None
        total += exponent
    return total


def affine(p: Polynomial, names: Sequence[str]) -> Affine | None:
    """The two parts of a polynomial that is affine in the latents and not constant; else None."""
    latent, offset = [], []
    for m in p.monomials:
        match degree(m.powers, names):
            case 0:
                offset.append(m)
            case 1:
                latent.append(m)
            case _:
                return None
    return Affine(Polynomial(tuple(latent)), Polynomial(tuple(offset))) if latent else None


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
        for m in p.monomials:
            for a in m.atoms:
                if is_random(a, names):
                    yield from scalars(a, names)


def proportion(p: Polynomial, q: Polynomial) -> Fraction | None:
    """The number by which q must be multiplied to give p; None where there is none."""
    if len(p.monomials) != len(q.monomials) or not q:
        return None
    ratio = p.monomials[0].coefficient / q.monomials[0].coefficient
    return ratio if q.scaled(ratio) == p else None


def standard(a: Affine) -> Affine:
    """The scalar times the number that makes its first term positive and, but for the others, one."""
    return a.scaled(1 / a.latent.monomials[0].coefficient)


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


def in_place(p: Polynomial, hole: Element, value: Polynomial) -> Polynomial:
    """The polynomial with a value in the place of the hole, inside functions too."""

    def change(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if atom == hole:
            return functions.raise_to(value, number(exponent))
        if isinstance(atom, Function) and any(a == hole for arg in atom.args for a in arg.atoms()):
            inside = functions.apply(atom.name, *(in_place(a, hole, value) for a in atom.args))
            return functions.raise_to(inside, number(exponent))
        return None

    return rewrite(p, change)
