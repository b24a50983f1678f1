r"""Expectations in an exponential family, by calculus on the log-normaliser A.

    E_θ[ t^m e^{s·t} ] = exp(A(θ_s) - A(θ)) · E_{θ_s}[t^m],      η(θ_s) = η(θ) + s       (tilting)
    E[t_j f] = ∂_j E[f] + E[t_j] E[f],   E[t_j] = ∂_j A,   ∂_j = Σ_i (∂θ_i/∂η_j) ∂/∂θ_i

A power of u is a tilt when log u is a statistic. Source: Barndorff-Nielsen (1978), chapter 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sympy

from cavi.derive.families.split import ETA, X

POWER = sympy.Symbol("r", real=True)


@dataclass(frozen=True, eq=False)
class Calculus:
    """Moments of one family; memoised, because models ask for the same ones again and again."""

    statistics: tuple[sympy.Expr, ...]
    natural: tuple[sympy.Expr, ...]
    log_normaliser: sympy.Expr
    unknown: tuple[sympy.Symbol, ...]
    from_natural: tuple[tuple[str, sympy.Expr], ...]
    declared: Mapping[sympy.Expr, sympy.Expr]
    _found: dict[sympy.Expr, sympy.Expr | None] = field(default_factory=dict)
    _firsts: dict[int, sympy.Expr] = field(default_factory=dict)

    def moment(self, f: sympy.Expr) -> sympy.Expr | None:
        """E[f], or None; see `ScalarFamily.moment`."""
        if f not in self._found:
            value = self._moment(f)
            self._found[f] = None if value is None else _within_closed_list(value)
        return self._found[f]

    def _moment(self, f: sympy.Expr) -> sympy.Expr | None:
        if f in self.declared:
            return self.declared[f]
        if not f.has(X):
            return f
        if f.is_Add:
            parts = [self.moment(a) for a in f.args]
            return None if any(p is None for p in parts) else tidy(sympy.Add(*parts))
        rest, pattern = f.as_independent(X, as_Add=False)
        if rest != 1:
            value = self.moment(pattern)
            return None if value is None else rest * value
        value = self._by_mellin(f)
        if value is None:
            value = self._by_tilting(f)
        if value is None and (wide := sympy.expand_mul(sympy.expand_multinomial(f))) != f:
            return self.moment(wide)
        return value

    def _by_mellin(self, f: sympy.Expr) -> sympy.Expr | None:
        """E[x^r log(x)^m] = ∂^m/∂r^m E[x^r], where that is declared for every r."""
        transform = self.declared.get(X**POWER)
        if transform is None:
            return None
        power, order = sympy.Integer(0), 0
        for factor in sympy.Mul.make_args(f):
            base, exponent = factor.as_base_exp()
            if base == X and not exponent.has(X):
                power += exponent
            elif base == sympy.log(X) and exponent.is_Integer and exponent > 0:
                order += int(exponent)
            else:
                return None
        return tidy(sympy.diff(transform, POWER, order).subs(POWER, power))

    def _by_tilting(self, f: sympy.Expr) -> sympy.Expr | None:
        found = self._tilt(f)
        if found is None:
            return None
        tilt, orders = found
        value = self.mean(orders)
        if value is None or not any(tilt):
            return value
        shifted = self._shifted(tilt)
        step = _multiply_out(self.log_normaliser.xreplace(shifted) - self.log_normaliser)
        return exponential(lower_shift(step)) * lower_shift(value.xreplace(shifted))

    def existence(self, f: sympy.Expr) -> Iterator[sympy.Expr]:
        """What must be positive for E[f] of a product to exist, beyond the domain of the parameters themselves.

        The member with the tilted natural parameters must be a member: its positive parameters stay positive.
        A declared E[x^r] exists where the arguments of its gamma functions are positive.
        """
        if f in self.declared or not f.has(X):
            return
        power = sum((e for b, e in map(sympy.Expr.as_base_exp, sympy.Mul.make_args(f)) if b == X), sympy.S.Zero)
        transform = self.declared.get(X**POWER)
        if transform is not None:
            yield from (g.args[0].subs(POWER, power) for g in transform.atoms(sympy.loggamma) if g.has(POWER))
            return
        found = self._tilt(f)
        if found is not None and any(found[0]):
            shifted = self._shifted(found[0])
            yield from (v for s, v in shifted.items() if s.is_positive)

    def _tilt(self, f: sympy.Expr) -> tuple[list[sympy.Expr], tuple[int, ...]] | None:
        """s and m of f = Π t_j^{m_j} e^{s·t}; None if f is not of that form."""
        tilt = [sympy.Integer(0)] * len(self.statistics)
        orders = [0] * len(self.statistics)
        for factor in sympy.Mul.make_args(f):
            base, exponent = factor.as_base_exp()
            if base == sympy.E:
                for term in sympy.Add.make_args(sympy.expand_mul(exponent)):
                    coefficient, statistic = term.as_independent(X, as_Add=False)
                    if statistic not in self.statistics:
                        return None
                    tilt[self.statistics.index(statistic)] += coefficient
            elif exponent.has(X):
                return None
            elif (log := sympy.log(base)) in self.statistics:
                tilt[self.statistics.index(log)] += exponent
            elif (found := self._power(base, exponent)) is not None:
                orders[found[0]] += found[1]
            else:
                return None
        return tilt, tuple(orders)

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> tuple[int, int] | None:
        """j and m with base ** exponent = t_j ** m."""
        for j, statistic in enumerate(self.statistics):
            own_base, own_exponent = statistic.as_base_exp()
            order = exponent / own_exponent
            if own_base == base and order.is_Integer and order > 0:
                return j, int(order)
        return None

    def _shifted(self, tilt: Sequence[sympy.Expr]) -> dict[sympy.Symbol, sympy.Expr]:
        """The standard parameters of the member with natural parameters η + s."""
        values: dict[sympy.Symbol, sympy.Expr] = {e: n + s for e, n, s in zip(ETA, self.natural, tilt, strict=False)}
        by_name = {s.name: s for s in self.unknown}
        shifted: dict[sympy.Symbol, sympy.Expr] = {}
        for name, expr in self.from_natural:
            shifted[by_name[name]] = sympy.expand_mul(expr.xreplace({**values, **shifted}))
        return shifted

    @cached_property
    def _jacobian(self) -> list[list[sympy.Expr]]:
        """∂θ_i/∂η_j as rows j, from the inverse of ∂η_j/∂θ_i."""
        forward = sympy.Matrix([[n.diff(s) for s in self.unknown] for n in self.natural])
        determinant = tidy(forward.det(method="berkowitz"))
        backward = forward.adjugate()
        size = range(len(self.unknown))
        return [[tidy(backward[i, j] / determinant) for i in size] for j in size]

    def _derivative(self, expr: sympy.Expr, j: int) -> sympy.Expr:
        """∂ expr / ∂η_j in the standard parameters."""
        terms = (w * expr.diff(s) for w, s in zip(self._jacobian[j], self.unknown, strict=True) if w != 0)
        return sympy.Add(*terms)

    def mean(self, orders: tuple[int, ...]) -> sympy.Expr | None:
        """E[Π t_j^{m_j}]; None where a derivative is outside the closed list of functions."""
        value = sympy.Integer(1)
        for j, order in enumerate(orders):
            for _ in range(order):
                value = self._derivative(value, j) + value * self._first(j)
                if value.has(sympy.Derivative, sympy.Subs):
                    return None
                value = tidy(value)
        return value

    def _first(self, j: int) -> sympy.Expr:
        """E[t_j]: declared, or ∂A/∂η_j."""
        if j not in self._firsts:
            declared = self.declared.get(self.statistics[j])
            self._firsts[j] = tidy(self._derivative(self.log_normaliser, j)) if declared is None else declared
        return self._firsts[j]

    def _means(self) -> list[sympy.Expr]:
        """E[t_j] in the form in which `moment` gives it, the most compact one."""
        moments = [self.moment(t) for t in self.statistics]
        return [self._first(j) if m is None else m for j, m in enumerate(moments)]

    def entropy(self) -> sympy.Expr:
        """A - Σ η_j E[t_j]."""
        inner = sympy.Add(*(n * m for n, m in zip(self.natural, self._means(), strict=True)))
        return tidy(self.log_normaliser - inner)

    def divergence(self, prime: Mapping[sympy.Symbol, sympy.Symbol]) -> sympy.Expr:
        """Σ (η_j - η'_j) E[t_j] - A + A', with the unknown parameters renamed in η' and A'."""
        pairs = zip(self.natural, self._means(), strict=True)
        inner = sympy.Add(*((n - n.xreplace(prime)) * m for n, m in pairs))
        return tidy(inner - self.log_normaliser + self.log_normaliser.xreplace(prime))


def tidy(expr: sympy.Expr) -> sympy.Expr:
    """Products multiplied out, sin² + cos² = 1, and common factors cancelled where a sum is a denominator."""
    expr = _multiply_out(expr)
    squares = {sympy.sin(s.args[0]) ** 2: 1 - sympy.cos(s.args[0]) ** 2 for s in expr.atoms(sympy.sin)}
    if squares:
        expr = _multiply_out(expr.xreplace(squares))
    if any(p.exp.is_negative and p.base.is_Add for p in expr.atoms(sympy.Pow)):
        expr = sympy.cancel(expr)
    return expr


def _multiply_out(expr: sympy.Expr) -> sympy.Expr:
    # Not `expand` with all hints: log 2π stays one log, a^(r+1) one power.
    return sympy.expand(expr, log=False, power_base=False, power_exp=False)


def lower_shift(expr: sympy.Expr) -> sympy.Expr:
    """log Γ(a + n) and ψ(a + n) by their values at a: Γ(a + 1) = a Γ(a)."""
    values: dict[sympy.Expr, sympy.Expr] = {}
    for f in expr.atoms(sympy.loggamma, sympy.polygamma):
        n, rest = _integer_shift(f.args[-1])
        if n == 0 or (isinstance(f, sympy.polygamma) and f.args[0] != 0):
            continue
        steps = [rest + i for i in (range(n) if n > 0 else range(n, 0))]
        sign = 1 if n > 0 else -1
        if isinstance(f, sympy.loggamma):
            values[f] = sympy.loggamma(rest) + sign * sympy.Add(*map(sympy.log, steps))
        else:
            values[f] = sympy.digamma(rest) + sign * sympy.Add(*(1 / u for u in steps))
    return sympy.expand_mul(expr.xreplace(values)) if values else expr


def _integer_shift(argument: sympy.Expr) -> tuple[int, sympy.Expr]:
    """Argument = n + rest with an integer n and the number in `rest` in [0, 1)."""
    constant, rest = argument.as_coeff_Add()
    if rest == 0 or not constant.is_Rational:
        return 0, argument
    n = sympy.floor(constant)
    return int(n), rest + constant - n


def exponential(expr: sympy.Expr) -> sympy.Expr:
    """exp of a sum, its logs turned into powers."""
    factors, rest = [], []
    for term in sympy.Add.make_args(expr):
        logs = [a for a in sympy.Mul.make_args(term) if isinstance(a, sympy.log)]
        if len(logs) == 1:
            factors.append(logs[0].args[0] ** (term / logs[0]))
        else:
            rest.append(term)
    return sympy.Mul(*factors, sympy.exp(sympy.Add(*rest)))


def _within_closed_list(value: sympy.Expr) -> sympy.Expr | None:
    """The value if it is finite and all its functions have a name in the normal form; γ is written -ψ(1)."""
    if value.has(sympy.zeta, sympy.nan, sympy.zoo, sympy.oo, sympy.gamma):
        return None
    if any(p.args[0] not in (0, 1) for p in value.atoms(sympy.polygamma)):
        return None
    return value.xreplace({sympy.EulerGamma: -sympy.polygamma(0, 1, evaluate=False)})
