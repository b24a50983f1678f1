r"""A scalar exponential family, declared by its log density; everything else is derived from that.

    log p(x | θ) = log h(x) + Σ_j η_j(θ) t_j(x) - A(θ)

Statistics t, natural parameters η, log-normaliser A, base measure h, the inverse θ(η), moments,
entropy and Kullback-Leibler divergence are derived by SymPy when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy

from cavi.derive.families import inverse, moments, split
from cavi.derive.families.split import ETA, X
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.term import Polynomial

__all__ = ["ETA", "Param", "ScalarFamily", "X"]

_ASSUMPTIONS: Mapping[str, Mapping[str, bool]] = {
    "real": {"real": True},
    "angle": {"real": True},
    "binary": {"real": True},
    "positive": {"positive": True},
    "unit": {"positive": True},
    "simplex": {"positive": True},
    # Not declared an integer: SymPy would write log Γ of it as the log of a factorial.
    "count": {"nonnegative": True},
    "nonnegative": {"nonnegative": True},
    "positive_definite": {"real": True},
}

# Where the values of a support lie, in the words that declarations use for domains.
DOMAIN_OF_SUPPORT = {
    "real": "real",
    "interval": "real",
    "outside": "real",
    "positive": "positive",
    "above": "positive",
    "unit": "unit",
    "angle": "angle",
    "binary": "count",
    "count": "count",
    "bounded_count": "count",
    "natural": "count",
}


@dataclass(frozen=True)
class Param:
    """A standard parameter of a family.

    Attributes:
        name: the word a user writes.
        domain: real, positive, unit, angle, count, simplex or positive_definite.
        tex: its symbol in LaTeX, as textbooks write it.
        known: whether it can never be latent; the statistics may then contain it.
        default: the value of a known parameter that is left out; None where it must be given.
        free: known in a factor only: a density may have a latent there, and its terms are then relaxed.
    """

    name: str
    domain: str
    tex: str
    known: bool = False
    default: sympy.Expr | None = None
    free: bool = False

    @property
    def symbol(self) -> sympy.Symbol:
        """The SymPy symbol, one for each name and domain."""
        return sympy.Symbol(self.name, **_ASSUMPTIONS[self.domain])

    @property
    def primed(self) -> sympy.Symbol:
        """The same parameter of a second member of the family."""
        return sympy.Symbol(self.name + "'", **_ASSUMPTIONS[self.domain])


@dataclass(frozen=True, eq=False)
class DeclaredDensity:
    """A distribution of a number, by its log density.

    The declared callables take `X` and the parameters' symbols, in order, and build SymPy expressions;
    they are called once, when first needed, so that importing the catalogue costs nothing.

    Attributes:
        name: as the field writes it; two of them are equal when their names are.
        parameters: standard parameters in positional order.
        support: real, positive, unit, binary, count, bounded_count, natural, interval, outside, above
            or angle.
        declared_density: log p(x | θ) with its logs fully expanded.
        source: where the formulas come from.
        aliases: other keyword -> (parameter, its value: arithmetic on a SymPy symbol or a declared expression).
    """

    name: str
    parameters: tuple[Param, ...]
    support: str
    declared_density: Callable[..., sympy.Expr]
    source: str
    aliases: Mapping[str, tuple[str, Callable[[Any], Any]]] = field(default_factory=dict)

    rank = 0

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return str(other) == self.name if isinstance(other, str | DeclaredDensity) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def domain(self) -> str:
        """Where the values lie: real, positive, unit, angle or count."""
        return DOMAIN_OF_SUPPORT[self.support]

    @cached_property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The symbols of the parameters, in order."""
        return tuple(p.symbol for p in self.parameters)

    @cached_property
    def log_density(self) -> sympy.Expr:
        """log p(x | θ)."""
        return self.declared_density(X, *self.symbols)

    def density(self, x: Polynomial, args: Mapping[str, Polynomial], axes: tuple[Index, ...] = ()) -> Polynomial:
        """log p(x | args) in the normal form; a known parameter that is left out has its default."""
        env: dict[sympy.Symbol, Polynomial] = {X: x}
        finite: dict[sympy.Symbol, sympy.Expr] = {}  # SymPy sees that 0^k is zero for a shape k
        for p in self.parameters:
            default = p.default
            if default is not None and default.is_finite and (p.name not in args or args[p.name].number == 0):
                finite[p.symbol] = sympy.S.Zero if p.name in args else default
            elif p.name in args:
                env[p.symbol] = args[p.name]
            elif default is not None:
                env[p.symbol] = from_sympy(default, {})
        return from_sympy(self.log_density.subs(finite), env)


@dataclass(frozen=True, eq=False)
class ScalarFamily(DeclaredDensity):
    """An exponential family on the real line, the integers, or a part of them.

    Attributes:
        declared_base: a part of log h that would otherwise be counted to a statistic; takes `X` and the symbols.
        declared_moments_of: pattern in `X` -> expectation, where differentiating A does not give it; the
            pattern ``X**POWER`` declares E[x^r] for every r.
        declared_inverse: (parameter, expression in `ETA` and earlier parameters), in order, where
            η(θ) cannot be inverted term by term; takes the parameters' symbols only.
        declared_entropy: A - Σ η_j E[t_j] in a form that holds at the edge of the domain too; takes the
            parameters' symbols only.
        declared_mode: argmax of log h + Σ η_j t_j in `ETA`; takes the parameters' symbols only.
    """

    declared_base: Callable[..., sympy.Expr] | None = None
    declared_moments_of: Callable[..., Mapping[sympy.Expr, sympy.Expr]] | None = None
    declared_inverse: Callable[..., tuple[tuple[str, sympy.Expr], ...]] | None = None
    declared_entropy: Callable[..., sympy.Expr] | None = None
    declared_mode: Callable[..., sympy.Expr] | None = None

    @cached_property
    def unknown(self) -> tuple[sympy.Symbol, ...]:
        """The symbols of the parameters that an update computes."""
        return tuple(p.symbol for p in self.parameters if not p.known)

    @cached_property
    def _parts(self) -> split.Parts:
        base = self.declared_base(X, *self.symbols) if self.declared_base is not None else sympy.Integer(0)
        return split.exponential_form(self.log_density, self.unknown, base)

    @property
    def statistics(self) -> tuple[sympy.Expr, ...]:
        """The sufficient statistics t_j in `X` and known parameters."""
        return self._parts.statistics

    @property
    def natural(self) -> tuple[sympy.Expr, ...]:
        """The natural parameters η_j in the standard ones."""
        return self._parts.natural

    @property
    def log_base(self) -> sympy.Expr:
        """log h(x): what depends on x with a known coefficient, no constant."""
        return self._parts.log_base

    @property
    def log_normaliser(self) -> sympy.Expr:
        """A(θ) in the standard parameters, every constant kept."""
        return self._parts.log_normaliser

    @cached_property
    def from_natural(self) -> tuple[tuple[str, sympy.Expr], ...]:
        """Standard parameters in `ETA`, in an order in which later ones may use earlier ones."""
        if self.declared_inverse is not None:
            return self.declared_inverse(*self.symbols)
        return inverse.invert(self.name, self.natural, self.unknown)

    @cached_property
    def declared_moments(self) -> Mapping[sympy.Expr, sympy.Expr]:
        """Expectations that are declared, by their pattern in `X`."""
        return self.declared_moments_of(X, *self.symbols) if self.declared_moments_of is not None else {}

    @cached_property
    def _calculus(self) -> moments.Calculus:
        return moments.Calculus(
            self.statistics, self.natural, self.log_normaliser, self.unknown, self.from_natural, self.declared_moments
        )

    def moment(self, f: sympy.Expr) -> sympy.Expr | None:
        """E[f(x)] in the standard parameters, wherever the integral exists.

        `f` is a sum of products of powers of statistics, exponentials of them, and declared patterns;
        None where it is not, or where the value is outside the closed list of functions.
        """
        return self._calculus.moment(sympy.sympify(f))

    def existence(self, f: sympy.Expr) -> tuple[sympy.Expr, ...]:
        """What must be positive in the standard parameters for E[f(x)] of a product to exist."""
        return tuple(self._calculus.existence(sympy.sympify(f)))

    @cached_property
    def entropy_closed(self) -> sympy.Expr:
        """A - Σ η_j E[t_j]: the entropy but for -E[log h]."""
        if self.declared_entropy is not None:
            return self.declared_entropy(*self.symbols)
        return self._calculus.entropy()

    @cached_property
    def entropy(self) -> sympy.Expr | None:
        """-E[log p] in the standard parameters; None where E[log h] has no closed form."""
        base = self.moment(self.log_base)
        return None if base is None else moments.tidy(self.entropy_closed - base)

    def kl(self) -> sympy.Expr:
        """KL(p ‖ p') = Σ (η_j - η'_j) E[t_j] - A + A', p' having the primed parameters (known ones equal)."""
        prime = {p.symbol: p.primed for p in self.parameters if not p.known}
        return self._calculus.divergence(prime)

    def mode(self) -> sympy.Expr | None:
        """argmax over x of log h(x) + Σ η_j t_j(x) in `ETA`; None for counts and modes at a boundary."""
        return self.declared_mode(*self.symbols) if self.declared_mode is not None else None
