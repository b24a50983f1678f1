"""What an identity takes for granted, as data that can be printed, and met by a numerical instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from cavi.derive.derivation import Relation
from cavi.derive.identities.language import Density, Unknown


@dataclass(frozen=True)
class Definition:
    """An abbreviation: a symbol, an `Unknown` or a `Density` stands for an expression.

    The arguments of the left side are placeholders: other arguments are put in their place.
    """

    left: sympy.Expr
    right: sympy.Expr

    def at(self, use: sympy.Expr) -> sympy.Expr | None:
        """The right side for a use of the left side with other arguments; None for something else."""
        if isinstance(self.left, sympy.Symbol):
            return self.right if use == self.left else None
        if type(use) is not type(self.left) or not isinstance(use, Unknown | Density):
            return None
        if use.name != self.left.name:
            return None
        old, new = _placeholders(self.left), _placeholders(use)
        if len(old) != len(new):
            return None
        return self.right.xreplace(dict(zip(old, new, strict=True)))


def _placeholders(node: sympy.Expr) -> tuple[sympy.Expr, ...]:
    if isinstance(node, Unknown):
        return node.arguments
    assert isinstance(node, Density)
    return (*node.variables, *node.given, *node.parameters)


@dataclass(frozen=True)
class Holds:
    """A condition on parameters or functions: ``left relation right``; instances are chosen to meet it.

    `solve_for` names the parameters that an equation determines.
    """

    left: sympy.Expr
    relation: Relation
    right: sympy.Expr
    solve_for: tuple[sympy.Symbol, ...] = ()


@dataclass(frozen=True)
class Pushforward:
    """The density is the law of ``map(noise; parameters)``, where the noise has a fixed density."""

    density: Density
    noise: Density
    map: Unknown


@dataclass(frozen=True)
class Factorises:
    """A joint is the product of densities of its parts, each given only what is named."""

    joint: Density
    factors: tuple[Density, ...]


@dataclass(frozen=True)
class Law:
    """A density is a member of a family of the catalogue, by its standard parameters."""

    density: Density
    family: str
    args: Mapping[str, sympy.Expr] = field(hash=False)


Assumption = Definition | Holds | Pushforward | Factorises | Law

__all__ = ["Assumption", "Definition", "Factorises", "Holds", "Law", "Pushforward"]
