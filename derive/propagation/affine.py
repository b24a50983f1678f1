"""Functions of one affine scalar: what of a term depends on the latents only through h = a·w + c.

Here is what affine means, how two scalars are compared, and how a scalar is put back in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import rewrite
from cavi.derive.factorisation import random_atoms
from cavi.derive.term import Atom, Element, Function, Polynomial, number


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


def proportion(p: Polynomial, q: Polynomial) -> Fraction | None:
    """The number by which q must be multiplied to give p; None where there is none."""
    if len(p.monomials) != len(q.monomials) or not q:
        return None
    ratio = p.monomials[0].coefficient / q.monomials[0].coefficient
    return ratio if q.scaled(ratio) == p else None


def standard(a: Affine) -> Affine:
    """The scalar times the number that makes its first term positive and, but for the others, one."""
    return a.scaled(1 / a.latent.monomials[0].coefficient)


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
