"""Scalar exponential families as data: a log density, a support, standard parameters; the rest is derived.

    log p(x | θ) = log h(x) + Σ_j η_j(θ) t_j(x) - A(θ)

Moments come from tilting: E[Π t_j^{m_j} e^{s·t}] = ∂^m exp(A(η + s) - A(η)), so one rule gives E[x^k] of a
Normal, E[x^r log x] of a Gamma and E[1/x] of an inverse Gamma. Everything is computed on demand, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import sympy

if TYPE_CHECKING:
    from cavi.derive.index import Index
    from cavi.derive.term import Polynomial

X = sympy.Symbol("x", real=True)
ETA: tuple[sympy.Symbol, ...] = tuple(sympy.Symbol(f"eta_{j}", real=True) for j in range(1, 5))

_VALUE_DOMAIN = {
    "above": "positive",
    "binary": "count",
    "bounded_count": "count",
    "interval": "real",
}


@dataclass(frozen=True)
class Param:
    """A standard parameter: its name, domain (real, positive, unit, angle, count, simplex) and TeX symbol.

    A `known` parameter may not be random: Weibull's shape, a Binomial's total.
    """

    name: str
    domain: str
    tex: str
    known: bool = False

    @property
    def symbol(self) -> sympy.Symbol:
        """The SymPy symbol of the parameter."""
        positive = self.domain in ("positive", "unit", "count")
        return sympy.Symbol(self.name, positive=True) if positive else sympy.Symbol(self.name, real=True)


@dataclass(frozen=True, eq=False)
class ScalarFamily:
    """One family; equal to another, or to a string, by its name.

    Attributes:
        name: as the field writes it.
        parameters: standard parameters in positional order.
        support: real, positive, unit, binary, count, bounded_count, interval, above or angle.
        log_density: in `X` and the symbols of the parameters, logarithms of products expanded.
        statistics: the statistics t_j(X) whose coefficients contain unknown parameters.
        inverse: standard parameters from `ETA`; a later one may use the symbols of earlier ones.
        maximiser: argmax of Σ η_j t_j + log h in `ETA`, where it has a closed form.
        declared_moments: special-function forms that tilting cannot give.
        declared_entropy: A - Σ η_j E[t_j] in a form that is stable at the edge of the domain.
        source: where the density is written down.
    """

    name: str
    parameters: tuple[Param, ...]
    support: str
    log_density: sympy.Expr
    statistics: tuple[sympy.Expr, ...]
    inverse: tuple[tuple[str, sympy.Expr], ...]
    source: str
    maximiser: sympy.Expr | None = None
    declared_moments: Mapping[sympy.Expr, sympy.Expr] = field(default_factory=dict)
    declared_entropy: sympy.Expr | None = None
    is_vector: bool = False

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return str(other) == self.name if isinstance(other, str | ScalarFamily) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def domain(self) -> str:
        """Domain of the value."""
        return _VALUE_DOMAIN.get(self.support, self.support)

    @property
    def from_natural(self) -> tuple[tuple[str, sympy.Expr], ...]:
        """Standard parameters from the natural ones."""
        return self.inverse

    def density(self, x: Polynomial, args: Mapping[str, Polynomial], over: Index | None = None) -> Polynomial:
        """log p(x | args) in the normal form; a bound that is left out is infinite."""
        from cavi.derive.from_sympy import from_sympy

        env = {p.symbol: args[p.name] for p in self.parameters if p.name in args}
        missing = {p.symbol: UNBOUNDED[p.name] for p in self.parameters if p.name not in args}
        env |= {s: from_sympy(v, {}) for s, v in missing.items()}
        return from_sympy(self.log_density, {**env, X: x})

    @cached_property
    def _by_statistic(self) -> tuple[dict[sympy.Expr, sympy.Expr], sympy.Expr]:
        """x-dependent part -> coefficient, and what does not depend on x."""
        constant, found = sympy.Integer(0), dict[sympy.Expr, sympy.Expr]()
        for term in sympy.Add.make_args(sympy.expand(self.log_density, log=False, power_base=False)):
            outside, inside = term.as_independent(X, as_Add=False)
            if inside == 1:
                constant += outside
            else:
                found[inside] = found.get(inside, sympy.Integer(0)) + outside
        return found, constant

    @cached_property
    def natural(self) -> tuple[sympy.Expr, ...]:
        """η_j: the coefficient of each statistic, in the standard parameters."""
        return tuple(self._by_statistic[0][t] for t in self.statistics)

    @cached_property
    def log_base(self) -> sympy.Expr:
        """log h(x), in X and known parameters."""
        return sympy.Add(*(c * t for t, c in self._by_statistic[0].items() if t not in self.statistics))

    @cached_property
    def log_normaliser(self) -> sympy.Expr:
        """A, in the standard parameters."""
        return -self._by_statistic[1]

    @cached_property
    def _natural_log_normaliser(self) -> sympy.Expr:
        """A, in `ETA`."""
        result = self.log_normaliser
        for name, expr in reversed(self.inverse):
            result = result.xreplace({next(p.symbol for p in self.parameters if p.name == name): expr})
        return result

    def _standard(self, expr: sympy.Expr) -> sympy.Expr:
        """An expression in `ETA` back in the standard parameters."""
        return expr.xreplace(dict(zip(ETA, self.natural, strict=False)))

    @cached_property
    def _moments(self) -> dict[sympy.Expr, sympy.Expr | None]:
        return {}

    def moment(self, f: sympy.Expr) -> sympy.Expr | None:
        """E[f(x)] in the standard parameters; None where there is no closed form.

        Args:
            f: a product of powers of statistics, of powers of x where log x is a statistic (of 1 - x
                where log(1 - x) is), and of exponentials linear in the statistics.
        """
        if f not in self._moments:
            declared = self.declared_moments.get(f)
            self._moments[f] = declared if declared is not None else self._tilt(f)
        return self._moments[f]

    def _tilt(self, f: sympy.Expr) -> sympy.Expr | None:
        if not f.has(X):
            return f
        place = {t: j for j, t in enumerate(self.statistics)}
        orders, shifts, outside = [0] * len(place), [sympy.Integer(0)] * len(place), sympy.Integer(1)
        for factor in sympy.Mul.make_args(f):
            base, exponent = factor.as_base_exp()
            if not factor.has(X):
                outside *= factor
            elif base in place and exponent.is_Integer and exponent > 0:
                orders[place[base]] += int(exponent)
            elif sympy.log(base) in place and not exponent.has(X):
                shifts[place[sympy.log(base)]] += exponent
            elif factor in place:
                orders[place[factor]] += 1
            elif isinstance(factor, sympy.exp) and factor.args[0].as_independent(X, as_Add=False)[1] in place:
                coefficient, t = factor.args[0].as_independent(X, as_Add=False)
                shifts[place[t]] += coefficient
            else:
                return None
        a = self._natural_log_normaliser
        moved = a.xreplace({e: e + s for e, s in zip(ETA, shifts, strict=False)})
        value = sympy.exp(_pair_gammas(sympy.expand(moved - a))) if any(shifts) else sympy.Integer(1)
        for j, order in enumerate(orders):
            for _ in range(order):
                # e^{-A} ∂(e^{A} v) = ∂v + v ∂A, where v holds what was collected so far.
                value = sympy.diff(value, ETA[j]) + value * sympy.diff(a, ETA[j])
        return outside * _tidy(self._standard(value))

    @cached_property
    def entropy_closed(self) -> sympy.Expr:
        """A - Σ η_j E[t_j]: the entropy is this minus E[log h]."""
        if self.declared_entropy is not None:
            return self.declared_entropy
        terms = [n * _known(self.moment(t)) for n, t in zip(self.natural, self.statistics, strict=True)]
        return sympy.expand(self.log_normaliser - sympy.Add(*terms), log=False)

    def mode(self) -> sympy.Expr | None:
        """The maximiser of log h + Σ η_j t_j, in `ETA`."""
        return self.maximiser

    def primed(self) -> dict[sympy.Symbol, sympy.Symbol]:
        """Unknown parameters -> their symbols in a second member of the family."""
        return {p.symbol: sympy.Symbol(p.name + "'", **p.symbol.assumptions0) for p in self.parameters if not p.known}

    @cached_property
    def kl(self) -> sympy.Expr:
        """KL(p‖p') = Σ (η_j - η'_j) E[t_j] - A + A'; the parameters of p' are primed."""
        prime = self.primed()
        terms = [
            (n - n.xreplace(prime)) * _known(self.moment(t)) for n, t in zip(self.natural, self.statistics, strict=True)
        ]
        return sympy.Add(*terms) - self.log_normaliser + self.log_normaliser.xreplace(prime)


UNBOUNDED: Mapping[str, sympy.Expr] = {"lower": -sympy.oo, "upper": sympy.oo}


def _known(value: sympy.Expr | None) -> sympy.Expr:
    if value is None:
        raise TypeError("a statistic of a family has no closed-form moment; declare it")
    return value


def _pair_gammas(p: sympy.Expr) -> sympy.Expr:
    """loggamma(u + n) - loggamma(u) as a sum of logs, for whole n."""
    terms = list(sympy.Add.make_args(p))
    plus = [t for t in terms if isinstance(t, sympy.loggamma)]
    minus = [t for t in terms if isinstance(-t, sympy.loggamma)]
    for up in plus:
        for down in minus:
            n = sympy.expand(up.args[0] - (-down).args[0])
            if n.is_Integer:
                u, sign = ((-down).args[0], 1) if n > 0 else (up.args[0], -1)
                logs = [sign * sympy.log(u + i) for i in range(abs(int(n)))]
                terms.remove(up)
                terms.remove(down)
                terms.extend(logs)
                minus.remove(down)
                break
    return sympy.Add(*terms)


def _tidy(value: sympy.Expr) -> sympy.Expr:
    """A moment in compact form: products of parameters multiplied out, fractions kept."""
    return sympy.expand(value, deep=False, log=False, power_base=False) if value.is_Add or value.is_Mul else value
