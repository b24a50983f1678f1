"""exp, log, ψ and log Γ as loops that Numba compiles.

Without Intel's library Numba calls exp and log for one number after another. What is written here is arithmetic and the
bits of a number alone, without a branch, so that LLVM makes instructions over several numbers of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

EXPONENTIAL_TERMS, LOGARITHM_TERMS = 14, 11


def _horner(coefficients: Sequence[Fraction], variable: str) -> str:
    """c0 + x (c1 + x (c2 + …)) with coefficients as quotients, which are rounded once."""
    text = f"({_quotient(coefficients[-1])})"
    for c in reversed(coefficients[:-1]):
        text = f"({_quotient(c)} + {variable} * {text})"
    return text[1:-1]


def _quotient(c: Fraction) -> str:
    return f"{c.numerator}.0" if c.denominator == 1 else f"{c.numerator}/{c.denominator}"


def _assigned(name: str, text: str) -> str:
    """The statement that names a polynomial, over lines that are not too long."""
    words, lines = text.split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 95:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{word}"
    inside = "\n".join(f"        {line}" for line in lines)
    return f"    {name} = (\n{inside}\n    )"


def _factorials() -> list[Fraction]:
    found = [Fraction(1)]
    for n in range(1, EXPONENTIAL_TERMS):
        found.append(found[-1] / n)
    return found


_SCALARS = f'''
@numba.njit(inline="always")
def exp_of(x):  # type: ignore
    """exp(x): 2 to a whole number, times Taylor's series where |r| ≤ log(2) / 2."""
    z = -745.2 if x < -745.2 else 709.8 if x > 709.8 else x
    whole = np.floor(z * 1.4426950408889634 + 0.5)
    r = (z - whole * 0.693145751953125) - whole * 1.4286068203094172e-06  # log(2) in two parts, the first of few digits
{_assigned("series", _horner(_factorials(), "r"))}
    k = np.int64(whole)
    half = k >> 1  # two factors, since one alone may be out of range
    return series * np.int64((half + 1023) << 52).view(np.float64) * np.int64((k - half + 1023) << 52).view(np.float64)


@numba.njit(inline="always")
def log_of(x):  # type: ignore
    """log(x) of a positive number: that of its power of 2, and 2 artanh of s = (m - 1) / (m + 1), m the rest."""
    bits = np.float64(x).view(np.int64)
    k = (bits - 4604544271217802189) >> 52  # the bits of the root of 1/2: m is between it and the root of 2
    f = np.int64(bits - (k << 52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    q = s * s
{_assigned("series", _horner([Fraction(2, 2 * n + 1) for n in range(1, LOGARITHM_TERMS)], "q"))}
    half = 0.5 * f * f
    near = k * 0.693145751953125 + (f - (half - (s * (half + q * series) + k * 1.4286068203094172e-06)))
    return near if x < 1.7976931348623157e308 else x + 0.0


@numba.njit(inline="always")
def digamma_less_log(x):  # type: ignore
    """ψ(x) - log(x + 8) = ψ(x + 8) - log(x + 8) - d/dx log x(x + 1) … (x + 7), by a series (DLMF 5.11.2)."""
    near = 1e30 if x > 1e30 else x  # beyond, the difference is less than the last digit
    t = near * (near + 7.0)
    product = (((t + 28.0) * t + 252.0) * t + 720.0) * t
    slope = (2.0 * near + 7.0) * (((4.0 * t + 84.0) * t + 504.0) * t + 720.0)
    inverse = 1.0 / (x + 8.0)
    s = inverse * inverse
    series = 1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12)))))
    return -(slope / product + 0.5 * inverse + s * series)


@numba.njit(inline="always")
def digamma_of(x):  # type: ignore
    """ψ(x) of a positive number."""
    return log_of(x + 8.0) + digamma_less_log(x)


@numba.njit(inline="always")
def exp_digamma(x):  # type: ignore
    """exp(ψ(x)) of a positive number, without the logarithm that its exponential would undo."""
    return (x + 8.0) * exp_of(digamma_less_log(x))


@numba.njit(inline="always")
def gammaln_of(x):  # type: ignore
    """log Γ(x) = log Γ(x + 8) - log x(x + 1) … (x + 7), and for log Γ(x + 8) Stirling's series (DLMF 5.11.1)."""
    far = x > 1e6
    z = x if far else x + 8.0
    t = x * (x + 7.0)
    product = 1.0 if far else (((t + 28.0) * t + 252.0) * t + 720.0) * t
    inverse = 1.0 / z
    s = inverse * inverse
    series = 1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156)))
    series = inverse * (1 / 12 - s * (1 / 360 - s * series))
    return (z - 0.5) * log_of(z) - z + 0.9189385332046727 + series - log_of(product)
'''

_OF_ARRAYS = '''
def {name}(x: Any) -> Any:
    """{text} of positive numbers, on all cores."""
    array = np.ascontiguousarray(x, dtype=float)
    out = np.empty(array.size)
    _{name}(array.reshape(-1), out)
    return out.reshape(np.shape(x)) if np.ndim(x) else out[0]


@numba.njit(parallel=True, error_model="numpy")
def _{name}(x, out):  # type: ignore
    for n in numba.prange(len(x)):
        out[n] = {name}_of(x[n])
'''

SOURCES = {
    "scalars": _SCALARS,
    "digamma": _OF_ARRAYS.format(name="digamma", text="d/dx log Γ(x)"),
    "gammaln": _OF_ARRAYS.format(name="gammaln", text="log Γ(x)"),
}
