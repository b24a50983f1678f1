"""Numbers: one interface to arbitrary precision (arb balls or mpmath) and to float64 arrays.

Everything in `verify` computes with an `Engine`. Its values are scalars or NumPy arrays (of objects for
arbitrary precision), so that a density is written once and evaluated at a point, on a quadrature
grid or on a table. `precise()` uses python-flint where it is installed and mpmath otherwise; special
functions that only mpmath has are computed there.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import mpmath
import numpy as np

from cavi.verify import special

Value = Any
Scalar = Callable[..., Any]

NAMES = (
    "log exp lgamma digamma trigamma abs cos sin atan2 pow xlogx softplus tanhc log_polya_gamma log_bessel_i "
    "log_bessel_k dlog_bessel_k log_normal_interval truncated_mean truncated_second log_normal_outside outside_mean "
    "outside_second sqrt lmultigamma multidigamma"
).split()
ELEMENTARY = [n for n in NAMES if n not in ("lmultigamma", "multidigamma")]


@dataclass(frozen=True, eq=False)
class Engine:
    """A kind of number.

    Attributes:
        name: ``arb``, ``mpf`` or ``float64``.
        number: an exact rational (or a float) as such a number.
        functions: name -> function of values, applied element by element.
        constants: ``pi``, ``infinity``, ``minus_infinity``.
    """

    name: str
    number: Callable[[Fraction | int | float], Any]
    functions: Mapping[str, Scalar]
    constants: Callable[[str], Any]

    def __call__(self, name: str, *args: Value) -> Value:
        """The named function of values."""
        if name in ("lmultigamma", "multidigamma"):
            return self._multivariate(name, *args)
        return self.functions[name](*args)

    def _multivariate(self, name: str, a: Value, order: Value) -> Value:
        """log Γ_D(a) or its derivative ψ_D(a), for a whole number D (Bishop B.79)."""
        size = to_int(order)
        single = self.functions["lgamma" if name == "lmultigamma" else "digamma"]
        total = sum((single(a + self.number(Fraction(1 - i, 2))) for i in range(1, size + 1)), self.number(0))
        if name == "multidigamma":
            return total
        return total + self.number(Fraction(size * (size - 1), 4)) * self("log", self.constants("pi"))

    def power(self, base: Value, exponent: Fraction) -> Value:
        """base ** exponent for a rational exponent."""
        if exponent.denominator == 1:
            return _whole_power(base, int(exponent))
        if exponent.denominator == 2:
            return _whole_power(self("sqrt", base), int(exponent.numerator))
        return self("pow", base, self.number(exponent))

    def zeros(self, shape: tuple[int, ...]) -> Value:
        """An array of zeros."""
        if self.name == "float64":
            return np.zeros(shape)
        out = np.empty(shape, dtype=object)
        out[...] = self.number(0)
        return out


def _whole_power(base: Value, exponent: int) -> Value:
    """By multiplication: a ball around zero has a square, but python-flint's power of it is not a number."""
    result = base * 0 + 1
    for _ in range(abs(exponent)):
        result = result * base
    return result if exponent >= 0 else 1 / result


@contextmanager
def precision(decimals: int) -> Iterator[None]:
    """Compute with this many decimal digits inside the block, in mpmath and in flint."""
    flint = _flint()
    bits = int(decimals * 3.33) + 10
    before = flint.ctx.prec if flint is not None else None
    with mpmath.workprec(bits):
        if flint is not None:
            flint.ctx.prec = bits
        try:
            yield
        finally:
            if flint is not None:
                flint.ctx.prec = before


def precise(use_flint: bool = True) -> Engine:
    """Arbitrary precision: arb where python-flint is installed (and wanted), else mpmath."""
    return _arb_engine() if use_flint and _flint() is not None else _mpf_engine()


def to_mpf(x: Any) -> Any:
    """A scalar of any engine as an mpf (the midpoint of a ball)."""
    if hasattr(x, "rad"):
        if not x.is_finite():
            return mpmath.mpf(float(x))
        man, exponent = x.mid().man_exp()
        return mpmath.ldexp(mpmath.mpf(int(man)), int(exponent))
    return mpmath.mpf(x)


def midpoint(x: Any) -> Any:
    """A scalar of any engine as an exact one: the midpoint of a ball."""
    return x.mid() if hasattr(x, "rad") else x


def exact(x: Any) -> Hashable:
    """What tells numbers of an engine apart: of a ball its middle and its radius."""
    if hasattr(x, "rad"):
        return (x.mid().man_exp(), x.rad().man_exp()) if x.is_finite() else str(x)
    found: Hashable = x
    return found


def to_float(x: Any) -> float:
    """A scalar of any engine as a float."""
    return float(x)


def to_int(x: Any) -> int:
    """A whole number of any engine as an int.

    Raises:
        ValueError: when it is not whole.
    """
    near = to_float(x)
    if near != round(near):
        raise ValueError(f"expected a whole number, found {near}")
    return round(near)


def digits_of(claimed: Any, found: Any, scale: Any = 1, cap: int = 60) -> float:
    """Decimal digits on which two numbers agree: -log10 |a - b| / max(scale, |b|), 0 … cap; 0 if not finite."""
    a, b = to_mpf(claimed), to_mpf(found)
    if not (mpmath.isfinite(a) and mpmath.isfinite(b)):
        return 0.0
    radius = sum((to_mpf(x.rad()) for x in (claimed, found) if hasattr(x, "rad")), mpmath.mpf(0))
    difference = (abs(a - b) + radius) / max(to_mpf(scale), abs(b))
    if difference == 0:
        return float(cap)
    return float(min(cap, max(0, -mpmath.log10(difference))))


@cache
def _flint() -> Any:
    try:
        return importlib.import_module("flint")
    except ImportError:
        return None


@lru_cache(maxsize=10_000)
def _special(name: str, precision: int, *args: Any) -> Any:
    """A special function at the working precision; normalisers are asked for again and again."""
    return getattr(special, name)(*args)


def _elementwise(function: Scalar, count: int = 1) -> Scalar:
    """The function of every element; of an array of which elements are one object, once for each object."""
    plain: Scalar = np.frompyfunc(function, count, 1)
    if count > 1:
        return plain

    def shared(x: Value) -> Value:
        if not isinstance(x, np.ndarray) or x.dtype != object:
            return plain(x)
        known: dict[int, Any] = {}

        def once(value: Any) -> Any:
            found = known.get(id(value))
            if found is None:
                found = known[id(value)] = function(value)
            return found

        return np.frompyfunc(once, 1, 1)(x)

    return shared


_ARITY = {"atan2": 2, "pow": 2, "log_bessel_i": 2, "log_bessel_k": 2, "dlog_bessel_k": 2, "log_polya_gamma": 2} | {
    n: 2 for n in ELEMENTARY if n.startswith(("log_normal", "truncated", "outside"))
}


@cache
def _mpf_engine() -> Engine:
    def number(x: Fraction | int | float) -> Any:
        return mpmath.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else mpmath.mpf(x)

    def by_name(name: str) -> Scalar:
        return lambda *args: _special(name, mpmath.mp.prec, *args)

    cheap = ("log", "exp", "abs", "cos", "sin", "sqrt", "atan2", "pow", "xlogx", "softplus", "tanhc")
    table = {n: _elementwise(getattr(special, n) if n in cheap else by_name(n), _ARITY.get(n, 1)) for n in ELEMENTARY}
    constants = {"pi": lambda: +mpmath.pi, "infinity": lambda: mpmath.inf, "minus_infinity": lambda: -mpmath.inf}
    return Engine("mpf", number, table, lambda name: constants[name]())


@cache
def _arb_engine() -> Engine:
    flint = _flint()
    arb = flint.arb

    def number(x: Any) -> Any:
        if isinstance(x, arb):
            return x
        if isinstance(x, Fraction):
            return arb(x.numerator) / x.denominator
        return arb(int(x)) if isinstance(x, int | np.integer) else arb(float(x))

    def borrowed(name: str) -> Scalar:
        def call(*args: Any) -> Any:
            value = _special(name, mpmath.mp.prec, *map(to_mpf, args))
            if not mpmath.isfinite(value):
                return arb(str(value).replace("+", ""))
            sign, man, exponent, _ = value._mpf_
            return arb((-int(man) if sign else int(man), int(exponent)))

        return call

    def own(method: str) -> Scalar:
        return lambda x: getattr(number(x), method)()

    native: dict[str, Scalar] = {n: own(n) for n in ("log", "exp", "lgamma", "digamma", "cos", "sin", "sqrt")}
    native["abs"] = lambda x: abs(number(x))
    native["trigamma"] = lambda x: arb(2).zeta(number(x))
    native["pow"] = lambda x, p: _root(number(x), number(p))
    native["sqrt"] = lambda x: _root(number(x), arb(0.5))
    native["xlogx"] = lambda x: arb(0) if number(x).is_zero() else number(x) * number(x).log()
    native["softplus"] = lambda x: (1 + number(x).exp()).log()
    native["tanhc"] = lambda x: _tanhc(number(x))
    native["log_normal_interval"] = lambda a, b: _ball_interval(number(a), number(b)).log()
    native["atan2"] = lambda y, x: arb.atan2(number(y), number(x))
    table = {n: _elementwise(native.get(n) or borrowed(n), _ARITY.get(n, 1)) for n in ELEMENTARY}
    constants = {"pi": arb.pi, "infinity": arb.pos_inf, "minus_infinity": arb.neg_inf}
    return Engine("arb", number, table, lambda name: constants[name]())


def _root(x: Any, p: Any) -> Any:
    """x^p in balls; a fractional power of what is zero but for rounding lies between zero and that of its upper end."""
    if p.is_integer() or not p > 0 or not x.contains(0):
        return x.sqrt() if p == 0.5 else x**p
    return (x.abs_upper() ** p).union(0)


def _ball_interval(a: Any, b: Any) -> Any:
    """Φ(b) - Φ(a) in balls, from the tail that does not cancel."""
    root = type(a)(2).sqrt()
    low, high = (a, b) if a > 0 else (-b, -a)
    tails = [x.erfc() if x.is_finite() else type(a)(0 if x > 0 else 2) for x in (low / root, high / root)]
    return (tails[0] - tails[1]) / 2


def _tanhc(x: Any) -> Any:
    """tanh(x)/x in a ball; where that contains zero, 1 - x²/3 ≤ tanh(x)/x ≤ 1."""
    if not x.contains(0):
        return x.tanh() / x
    least = 1 - x.abs_upper() ** 2 / 3
    return least.union(1)


def _log_normal_tail(x: float) -> float:
    """log(1 - Φ(x)) in float64: of what is nearly everything by what is missing, far out by a series.

    Source: NIST Digital Library of Mathematical Functions, 7.12.1; of the series, six terms are exact past 30.
    """
    if x < -1:
        return math.log1p(-math.erfc(-x / math.sqrt(2)) / 2)
    if x < 30:
        return math.log(math.erfc(x / math.sqrt(2)) / 2)
    u = 1 / (x * x) if x < math.inf else 0.0
    series = -u * (1 - 3 * u * (1 - 5 * u * (1 - 7 * u * (1 - 9 * u))))
    return -x * x / 2 - math.log(x * math.sqrt(2 * math.pi)) + math.log1p(series)


def _log_normal_interval(a: float, b: float) -> float:
    """log(Φ(b) - Φ(a)) in float64, in each case by a form in which nothing cancels."""
    if b == math.inf or a == -math.inf:
        return _log_normal_tail(a if b == math.inf else -b)
    root = math.sqrt(2)
    if a <= 0 <= b:
        outside = (math.erfc(-a / root) + math.erfc(b / root)) / 2  # two tails
        inside = (math.erf(-a / root) + math.erf(b / root)) / 2  # and what lies on either side of zero
        return math.log1p(-outside) if outside < 0.5 else math.log(inside)
    near, far = (a, b) if a > 0 else (-b, -a)
    if near * (far - near) > 1:  # the far tail is less than e^-1 of the near one
        log_near = _log_normal_tail(near)
        return log_near + math.log1p(-math.exp(_log_normal_tail(far) - log_near))
    if far - near > 1:
        return math.log((math.erf(far / root) - math.erf(near / root)) / 2)
    middle, half = (near + far) / 2, (far - near) / 2
    heights = (w * math.exp(-half * t * (middle + half * t / 2)) for t, w in _NODES)
    return math.log(half * sum(heights)) - middle * middle / 2 - math.log(2 * math.pi) / 2


_NODES = [(float(t), float(w)) for t, w in zip(*np.polynomial.legendre.leggauss(14), strict=True)]


@cache
def doubles() -> Engine:
    """float64 with NumPy's own functions; special functions by mpmath, element by element."""

    def by_scalar(function: Scalar, count: int = 1) -> Scalar:
        ufunc = _elementwise(function, count)

        def call(*args: Any) -> Any:
            out = ufunc(*args)
            return out.astype(float) if isinstance(out, np.ndarray) else float(out)

        return call

    def mp(name: str) -> Scalar:
        def call(*args: Any) -> float:
            with mpmath.workprec(80):
                return float(_special(name, 80, *map(mpmath.mpf, args)))

        return by_scalar(call, _ARITY.get(name, 1))

    table: dict[str, Scalar] = {n: mp(n) for n in ELEMENTARY}
    table |= {"log": np.log, "exp": np.exp, "abs": np.abs, "cos": np.cos, "sin": np.sin, "sqrt": np.sqrt}
    table |= {"atan2": np.arctan2, "pow": np.power, "lgamma": by_scalar(math.lgamma)}
    table["log_normal_interval"] = by_scalar(lambda a, b: _log_normal_interval(float(a), float(b)), 2)
    constants = {"pi": math.pi, "infinity": math.inf, "minus_infinity": -math.inf}
    return Engine("float64", float, table, constants.__getitem__)
