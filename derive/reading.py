"""The readings of a model's ELBO: its terms grouped the way a lecture groups them.

    energy_entropy   L = E[log p(x, z)] + H[q]
    reconstruction   L = E[log p(x | z)] - KL(q ‖ p(z))
    complete_data    L = Q + H[q], Q the expected complete-data log likelihood
    free_energy     -L = E[-log p(x, z)] - H[q]

Sources: Bishop (2006), 10.3; Kingma and Welling (2014), 3; Neal and Hinton (1998), 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sympy

from cavi.derive.canonical import add
from cavi.derive.errors import CaviError
from cavi.derive.index import Index
from cavi.derive.names import suggestion
from cavi.derive.term import Polynomial
from cavi.derive.text import show
from cavi.derive.to_sympy import to_sympy

if TYPE_CHECKING:
    from cavi.derive.identities import Identity
    from cavi.derive.result import Elbo


@dataclass(frozen=True)
class Part:
    """One summand of a reading.

    Attributes:
        name: energy, entropy, reconstruction, divergence, log prior of parameters.
        sign: +1 or -1, with which it enters.
        terms: the nodes and factors it is made of, each with its own value; they add up to `value`.
        value: in moments and parameters of q, every constant kept.
    """

    name: str
    sign: int
    terms: tuple[tuple[str, Polynomial], ...]
    indices: tuple[Index, ...] = field(repr=False, default=())

    @property
    def value(self) -> Polynomial:
        """The sum of the terms."""
        return add(*(p for _, p in self.terms))

    @property
    def expr(self) -> sympy.Expr:
        """The value in SymPy."""
        return to_sympy(self.value, self.indices)

    def __str__(self) -> str:
        return f"{self.name}\n    = {show(self.value, self.indices)}"


@dataclass(frozen=True)
class Reading:
    """The ELBO (or minus the ELBO) as a sum of parts, and the identity that allows it.

    Attributes:
        name: of the reading.
        left: +1 for L, -1 for -L, as the left side has it.
        parts: what it is the sum of.
        identity: the derivation, in the variables of the model.
    """

    name: str
    left: int
    parts: tuple[Part, ...]
    identity: Identity

    @property
    def derivation(self) -> Identity:
        """The derivation, in the variables of the model."""
        return self.identity

    @property
    def total(self) -> Polynomial:
        """The signed sum of the parts: L, or -L for the free energy."""
        return add(*(p.value.scaled(p.sign) for p in self.parts))

    @property
    def expr(self) -> sympy.Expr:
        """The signed sum of the parts in SymPy."""
        return sympy.Add(*(p.sign * p.expr for p in self.parts))

    def part(self, name: str) -> Part:
        """A part by its name.

        Raises:
            CaviError: when the reading has no such part.
        """
        for p in self.parts:
            if p.name == name:
                return p
        raise CaviError(f"{self.name} has no part {name!r}; {suggestion(name, [p.name for p in self.parts])}")

    def __str__(self) -> str:
        left = "ELBO" if self.left > 0 else "-ELBO"
        lines = [f"  {'+' if p.sign > 0 else '-'} {p}" for p in self.parts]
        return "\n".join([f"{left} =", *lines])


Terms = tuple[tuple[str, Polynomial], ...]


def _nodes(elbo: Elbo, *roles: str) -> Terms:
    """The expected log densities of the nodes with one of the roles."""
    return tuple((t.name, t.value) for t in elbo.terms if t.kind != "entropy" and elbo.roles[t.name] in roles)


def _entropies(elbo: Elbo) -> Terms:
    return tuple((t.name, t.value) for t in elbo.terms if t.kind == "entropy")


def _minus(terms: Terms) -> Terms:
    return tuple((name, -value) for name, value in terms)


def _energy_entropy(elbo: Elbo) -> list[tuple[str, int, Terms]]:
    return [("energy", 1, _nodes(elbo, "observed", "latent", "point")), ("entropy", 1, _entropies(elbo))]


def _complete_data(elbo: Elbo) -> list[tuple[str, int, Terms]]:
    return [
        ("complete-data log likelihood", 1, _nodes(elbo, "observed", "latent")),
        ("entropy", 1, _entropies(elbo)),
        ("log prior of parameters", 1, _nodes(elbo, "point")),
    ]


def _reconstruction(elbo: Elbo) -> list[tuple[str, int, Terms]]:
    return [
        ("reconstruction", 1, _nodes(elbo, "observed")),
        ("divergence", -1, _minus(_nodes(elbo, "latent") + _entropies(elbo))),
        ("log prior of parameters", 1, _nodes(elbo, "point")),
    ]


def _free_energy(elbo: Elbo) -> list[tuple[str, int, Terms]]:
    return [
        ("energy", 1, _minus(_nodes(elbo, "observed", "latent", "point"))),
        ("entropy", -1, _entropies(elbo)),
    ]


# Name of the reading -> (sign of its left side, its parts, the identity that allows it).
READINGS: dict[str, tuple[int, Callable[[Elbo], list[tuple[str, int, Terms]]], str]] = {
    "energy_entropy": (1, _energy_entropy, "energy_entropy"),
    "reconstruction": (1, _reconstruction, "reconstruction"),
    "complete_data": (1, _complete_data, "energy_entropy"),
    "free_energy": (-1, _free_energy, "free_energy"),
}


def reading(elbo: Elbo, name: str) -> Reading:
    """One reading of an ELBO by its name.

    Raises:
        CaviError: for an unknown name.
    """
    from cavi.derive.identities import load
    from cavi.derive.identities.instance import setting_of

    if name not in READINGS:
        raise CaviError(f"no reading {name!r} of the ELBO; {suggestion(name, READINGS)}")
    left, group, identity = READINGS[name]
    parts = tuple(Part(n, sign, terms, elbo.indices) for n, sign, terms in group(elbo) if terms)
    return Reading(name, left, parts, load(identity, setting_of(elbo.roles)))
