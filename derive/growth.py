r"""Whether an expectation exists, from how its integrand grows at the ends of the support.

Near an end let u → ∞ be |x|, or 1/|x - c| at a finite end c. The logarithm of the integrand is there a sum
of scales u^e (log u)^k (log log u)^l with coefficients; in the variable log log u, the integral converges exactly
when the coefficient of the leading scale is negative. So E[1/x] under Gamma(a, b) needs a - 1 > 0. Sums over
counts converge as the integrals do.
Source: Bingham, Goldie and Teugels (1987), Regular Variation, section 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.families.split import X

Scale = tuple[sympy.Expr, int, int]
Growth = dict[Scale, sympy.Expr]

LOG: Scale = (sympy.S.Zero, 1, 0)
LOG_LOG: Scale = (sympy.S.Zero, 0, 1)
_BOUNDED = (sympy.cos, sympy.sin)


class UnknownGrowth(CaviError):
    """A function whose growth is not known."""


@dataclass(frozen=True)
class End:
    """An end of a support; `side` is +1 where values lie above it or it is ∞, and -1 else."""

    at: sympy.Expr
    side: int

    @property
    def infinite(self) -> bool:
        """Whether it is ±∞."""
        return bool(self.at.is_infinite)


@dataclass(frozen=True)
class Verdict:
    """What is known of one integral at one end.

    Attributes:
        converges: whether it does; with a condition, where that holds.
        condition: an expression that must be positive, None where nothing is left open.
    """

    converges: bool
    condition: sympy.Expr | None = None


def verdict(log_density: sympy.Expr, term: sympy.Expr, end: End) -> Verdict:
    """Whether ∫ |term| exp(log_density) converges at an end.

    Raises:
        CaviError: for a function whose growth is not known, or scales that cannot be compared.
    """
    measure: Growth = {LOG: sympy.Integer(1 if end.infinite else -1), LOG_LOG: sympy.S.One}
    own = _add(of_exponent(log_density, end), measure)
    total = _add(own, of_factors(term, end)[0])
    scale = _fastest(total)
    if scale is None:
        return Verdict(False)
    lead = sympy.expand_mul(total[scale])
    if lead.is_positive:
        return Verdict(False)
    # Where the term adds nothing, the integral converges as that of the density does.
    settled = lead.is_negative or _is_zero(lead - own.get(scale, sympy.S.Zero))
    return Verdict(True, None if settled else -lead)


def leading(growth: Growth) -> sympy.Expr | None:
    """The coefficient of the fastest scale that is there; None when nothing grows.

    Raises:
        CaviError: when it depends on parameters which scale is faster.
    """
    scale = _fastest(growth)
    return None if scale is None else sympy.expand_mul(growth[scale])


def _fastest(growth: Growth) -> Scale | None:
    left = {s: c for s, c in growth.items() if not _is_zero(c)}
    if not left:
        return None
    fastest = next(iter(left))
    for scale in left:
        if _faster(scale, fastest):
            fastest = scale
    return fastest


def minus(a: Growth, b: Growth) -> Growth:
    """The growth of a quotient."""
    return _add(a, {s: -c for s, c in b.items()})


def of_exponent(expr: sympy.Expr, end: End) -> Growth:
    """The scales of a sum as u → ∞; what stays bounded is left out.

    Raises:
        CaviError: for a function whose growth is not known.
    """
    total: Growth = {}
    for term in sympy.Add.make_args(sympy.expand_mul(expr)):
        rest, pattern = term.as_independent(X, as_Add=False)
        if pattern != 1 and not (rest / sympy.I).is_extended_real:
            total = _add(total, {s: rest * c for s, c in _scales(pattern, end).items()})
    return total


def of_factors(term: sympy.Expr, end: End) -> tuple[Growth, sympy.Expr]:
    """The growth of log |term| and the sign of the term, factor by factor; the sign is NaN where it varies.

    Raises:
        CaviError: for a function whose growth is not known.
    """
    total: Growth = {}
    sign: sympy.Expr = sympy.S.One
    for factor in sympy.Mul.make_args(term):
        if not factor.has(X):
            sign *= _sign(factor)
            continue
        base, exponent = factor.as_base_exp()
        if base == sympy.E:
            total = _add(total, of_exponent(exponent, end))
            continue
        growth, own = _size(base, end)
        total = _add(total, {s: c * exponent for s, c in growth.items()})
        sign *= sympy.S.One if own == 1 else own**exponent
    return total, sign if sign in (1, -1) else sympy.nan


def _scales(pattern: sympy.Expr, end: End) -> Growth:
    """The scales of a function that stands in an exponent."""
    base, exponent = pattern.as_base_exp()
    if isinstance(base, _BOUNDED):
        return {}
    if isinstance(pattern, sympy.loggamma):
        shift = pattern.args[0] - X
        half = sympy.Rational(1, 2)
        one = sympy.S.One
        return {(one, 1, 0): one, (one, 0, 0): -one, LOG: shift - half} if end.infinite else {}
    if isinstance(pattern, sympy.Abs):
        return {(sympy.S.One, 0, 0): abs(pattern.args[0].diff(X))} if end.infinite else {}
    if base == X:
        power = exponent if end.infinite else -exponent
        if power.is_nonpositive or (not end.infinite and end.at.is_nonzero):
            return {}
        if power.is_positive:
            return {(power, 0, 0): sympy.Integer(end.side) ** exponent if end.at != 0 else sympy.S.One}
    if isinstance(base, sympy.log) and exponent.is_Integer and exponent > 0:
        growth, _ = _size(base.args[0], end)
        slope = growth.get(LOG, sympy.S.Zero)
        return {(sympy.S.Zero, int(exponent), 0): slope**exponent} if slope != 0 else {}
    raise UnknownGrowth(f"how fast {pattern} grows as x goes to {end.at} is not known")


def _size(base: sympy.Expr, end: End) -> tuple[Growth, sympy.Expr]:
    """log |base| as u → ∞, and the sign of the base near the end."""
    one = sympy.S.One
    if isinstance(base, _BOUNDED):
        return {}, sympy.nan
    if isinstance(base, sympy.Abs):
        return _size(base.args[0], end)[0], one
    if isinstance(base, sympy.loggamma):
        return ({LOG: one, LOG_LOG: one} if end.infinite else {}), one
    if isinstance(base, sympy.log):
        inner, _ = _size(base.args[0], end)
        if inner:
            return {LOG_LOG: one}, one if leading(inner).is_positive else -one  # type: ignore[union-attr]
        at = base.args[0].subs(X, end.at)
        if at == 1:
            return {LOG: -one}, _sign(base.args[0].diff(X) * end.side)
        return {}, _sign(sympy.log(at))
    slope = base.diff(X)
    if slope != 0 and not slope.has(X) and not sympy.expand_mul(base - slope * X).has(X):
        if end.infinite:
            return {LOG: one}, _sign(slope * end.side)
        at = base.subs(X, end.at)
        return ({LOG: -one}, _sign(slope * end.side)) if _is_zero(at) else ({}, _sign(at))
    raise UnknownGrowth(f"how fast {base} grows as x goes to {end.at} is not known")


def _faster(a: Scale, b: Scale) -> bool:
    difference = a[0] - b[0]
    if _is_zero(difference):
        return a[1:] > b[1:]
    if difference.is_positive or difference.is_negative:
        return bool(difference.is_positive)
    raise CaviError(f"which of x**({a[0]}) and x**({b[0]}) grows faster is not known; give numbers")


def _sign(value: sympy.Expr) -> sympy.Expr:
    return sympy.S.One if value.is_positive else -sympy.S.One if value.is_negative else sympy.nan


def _is_zero(value: sympy.Expr) -> bool:
    return bool(sympy.expand_mul(value).is_zero)


def _add(a: Mapping[Scale, sympy.Expr], b: Mapping[Scale, sympy.Expr]) -> Growth:
    total = dict(a)
    for scale, c in b.items():
        total[scale] = total.get(scale, sympy.S.Zero) + c
    return total
