"""Log densities of every family, written from the textbooks: the reference that claims are measured against.

Each entry of `FAMILIES` gives the parameters, the support and log p(x | parameters) in plain arithmetic of an
`Engine`; x and the parameters may be arrays that broadcast. Vector-valued families take lists over the event.
Sources: Bishop (2006) appendix B; Johnson, Kotz and Balakrishnan (1994/95); Mardia and Jupp (2000) for the
von Mises; Jorgensen (1982) for the generalised inverse Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cavi.verify.arithmetic import Engine, Value, to_int
from cavi.verify.matrix import cholesky, inverse, log_determinant

Args = Mapping[str, Any]
LogDensity = Callable[[Engine, Value, Args], Value]
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name and where it may lie.

    That is real, positive, nonnegative, shape, unit, simplex, spd, count, bound or angle.
    """

    name: str
    domain: str


@dataclass(frozen=True)
class Family:
    """A family: support of its values, parameters, log density.

    `support` is one of real, positive, unit, angle, interval, outside, above, count, bounded_count, natural,
    binary, category, simplex, count_vector, vector, matrix, positive_definite; of a number with that of its
    declaration: number.
    """

    name: str
    support: str
    parameters: tuple[Parameter, ...]
    log_density: LogDensity


FAMILIES: dict[str, Family] = {}


def _family(name: str, support: str, **parameters: str) -> Callable[[LogDensity], LogDensity]:
    def register(f: LogDensity) -> LogDensity:
        FAMILIES[name] = Family(name, support, tuple(Parameter(n, d) for n, d in parameters.items()), f)
        return f

    return register


def log_density(engine: Engine, family: str, x: Value, args: Args) -> Value:
    """log p(x | args) of a family by name."""
    return FAMILIES[family].log_density(engine, x, args)


def _log_factorial(e: Engine, x: Value) -> Value:
    return e("lgamma", x + e.number(1))


def _total(values: Value) -> Value:
    total = values[0]
    for v in values[1:]:
        total = total + v
    return total


@_family("Normal", "real", mean="real", precision="positive")
def _normal(e: Engine, x: Value, a: Args) -> Value:
    gap = x - a["mean"]
    return (e("log", a["precision"]) - e("log", 2 * e.constants("pi")) - a["precision"] * gap * gap) / 2


@_family("HalfNormal", "positive", precision="positive")
def _half_normal(e: Engine, x: Value, a: Args) -> Value:
    return _normal(e, x, {"mean": e.number(0), "precision": a["precision"]}) + e("log", e.number(2))


@_family("TruncatedNormal", "interval", mean="real", precision="positive", lower="bound", upper="bound")
def _truncated_normal(e: Engine, x: Value, a: Args) -> Value:
    root = e("sqrt", a["precision"])
    # What is infinite has no derivative, so that no arithmetic is done with it.
    low = (a["lower"] - a["mean"]) * root if "lower" in a else e.constants("minus_infinity")
    high = (a["upper"] - a["mean"]) * root if "upper" in a else e.constants("infinity")
    return _normal(e, x, a) - e("log_normal_interval", low, high)


@_family("OutsideNormal", "outside", mean="real", precision="positive", lower="bound", upper="bound")
def _outside_normal(e: Engine, x: Value, a: Args) -> Value:
    """Over one less the probability of the interval, as the sum of its tails."""
    root = e("sqrt", a["precision"])
    below = e("log_normal_interval", e.constants("minus_infinity"), (a["lower"] - a["mean"]) * root)
    above = e("log_normal_interval", (a["upper"] - a["mean"]) * root, e.constants("infinity"))
    return _normal(e, x, a) - e("log", e("exp", below) + e("exp", above))


@_family("LogNormal", "positive", mean="real", precision="positive")
def _log_normal(e: Engine, x: Value, a: Args) -> Value:
    log_x = e("log", x)
    return _normal(e, log_x, a) - log_x


@_family("Laplace", "real", location="real", scale="positive")
def _laplace(e: Engine, x: Value, a: Args) -> Value:
    return -e("log", 2 * a["scale"]) - e("abs", x - a["location"]) / a["scale"]


@_family("StudentT", "real", mean="real", precision="positive", dof="shape")
def _student(e: Engine, x: Value, a: Args) -> Value:
    """Bishop (2.159)."""
    nu, gap = a["dof"], x - a["mean"]
    constant = e("lgamma", (nu + 1) / 2) - e("lgamma", nu / 2)
    root = (e("log", a["precision"]) - e("log", e.constants("pi") * nu)) / 2
    return constant + root - (nu + 1) / 2 * e("log", 1 + a["precision"] * gap * gap / nu)


@_family("AsymmetricLaplace", "real", mean="real", scale="positive", quantile="unit")
def _asymmetric_laplace(e: Engine, x: Value, a: Args) -> Value:
    """Yu and Moyeed (2001), equation 3."""
    q, u = a["quantile"], (x - a["mean"]) / a["scale"]
    check = (e("abs", u) + (2 * q - 1) * u) / 2
    return e("log", q) + e("log", 1 - q) - e("log", a["scale"]) - check


@_family("HalfCauchy", "positive", scale="positive")
def _half_cauchy(e: Engine, x: Value, a: Args) -> Value:
    u = x / a["scale"]
    return e("log", 2 / e.constants("pi")) - e("log", a["scale"]) - e("log", 1 + u * u)


@_family("InverseNakagami", "positive", shape="shape", scale="positive")
def _inverse_nakagami(e: Engine, x: Value, a: Args) -> Value:
    """The inverse Gamma of x², times dx²/dx."""
    return _inverse_gamma(e, x * x, a) + e("log", 2 * x)


def _zero_inflated(name: str) -> None:
    """Lambert (1992): zero with a probability of its own, else the family of that name."""
    base = FAMILIES[name]

    @_family(f"ZeroInflated{name}", base.support, **{p.name: p.domain for p in base.parameters}, inflation="unit")
    def density(e: Engine, x: Value, a: Args) -> Value:
        extra, log_f = a["inflation"], base.log_density(e, x, a)
        if to_int(x) > 0:
            return e("log", 1 - extra) + log_f
        return e("log", extra + (1 - extra) * e("exp", log_f))


def _log_above_zero(e: Engine, base: Family, a: Args) -> Value:
    """log(1 - f(0))."""
    return e("log", 1 - e("exp", base.log_density(e, e.number(0), a)))


def _zero_truncated(name: str) -> None:
    """The family of that name given that it is not zero."""
    base = FAMILIES[name]

    @_family(f"ZeroTruncated{name}", "natural", **{p.name: p.domain for p in base.parameters})
    def density(e: Engine, x: Value, a: Args) -> Value:
        return base.log_density(e, x, a) - _log_above_zero(e, base, a)


def _hurdle(name: str) -> None:
    """Mullahy (1986): zero by a probability of its own, else the family of that name given that it is not zero."""
    base = FAMILIES[name]

    @_family(f"Hurdle{name}", base.support, **{p.name: p.domain for p in base.parameters}, crossing="unit")
    def density(e: Engine, x: Value, a: Args) -> Value:
        if to_int(x) == 0:
            return e("log", 1 - a["crossing"])
        return e("log", a["crossing"]) + base.log_density(e, x, a) - _log_above_zero(e, base, a)


def _censored(side: str, name: str, log_beyond: LogDensity) -> None:
    """Where the event is zero, the value is a limit beyond which the family of that name lies."""
    base = FAMILIES[name]

    @_family(f"{side}Censored{name}", base.support, **{p.name: p.domain for p in base.parameters}, event="binary")
    def density(e: Engine, x: Value, a: Args) -> Value:
        return base.log_density(e, x, a) if to_int(a["event"]) == 1 else log_beyond(e, x, a)


def _truncated(name: str, log_beyond: LogDensity) -> None:
    """The family of that name between two limits, or above one."""
    base = FAMILIES[name]
    domains = {p.name: p.domain for p in base.parameters}

    @_family(f"Truncated{name}", "interval", **domains, lower="bound", upper="bound")
    def density(e: Engine, x: Value, a: Args) -> Value:
        above = e("exp", log_beyond(e, a["lower"], a)) if "lower" in a else 1
        return base.log_density(e, x, a) - e("log", above - e("exp", log_beyond(e, a["upper"], a)))

    @_family(f"LeftTruncated{name}", "above", **domains, minimum="positive")
    def from_a_limit(e: Engine, x: Value, a: Args) -> Value:
        return base.log_density(e, x, a) - log_beyond(e, a["minimum"], a)


def _before(log_beyond: LogDensity) -> LogDensity:
    """log P(before x)."""

    def density(e: Engine, x: Value, a: Args) -> Value:
        return e("log", 1 - e("exp", log_beyond(e, x, a)))

    return density


def _interval_censored(name: str, log_beyond: LogDensity) -> None:
    """log P(x < a value of the family of that name < x + width)."""
    base = FAMILIES[name]
    domains = {p.name: p.domain for p in base.parameters}

    @_family(f"IntervalCensored{name}", base.support, **domains, width="positive")
    def density(e: Engine, x: Value, a: Args) -> Value:
        low, high = (e("exp", log_beyond(e, at, a)) for at in (x, x + a["width"]))
        return e("log", low - high)


@_family("IntervalCensoredNormal", "real", mean="real", precision="positive", width="positive")
def _interval_censored_normal(e: Engine, x: Value, a: Args) -> Value:
    """log P(x < a Normal < x + width)."""
    low = (x - a["mean"]) * e("sqrt", a["precision"])
    return e("log_normal_interval", low, low + a["width"] * e("sqrt", a["precision"]))


def _log_tail(e: Engine, gap: Value, a: Args) -> Value:
    """log P(a Normal of mean zero > gap)."""
    return e("log_normal_interval", gap * e("sqrt", a["precision"]), e.constants("infinity"))


@_family("VonMises", "angle", mean="angle", concentration="positive")
def _von_mises(e: Engine, x: Value, a: Args) -> Value:
    k = a["concentration"]
    return k * e("cos", x - a["mean"]) - e("log", 2 * e.constants("pi")) - e("log_bessel_i", e.number(0), k)


@_family("Gamma", "positive", shape="shape", rate="positive")
def _gamma(e: Engine, x: Value, a: Args) -> Value:
    k, r = a["shape"], a["rate"]
    return k * e("log", r) - e("lgamma", k) + (k - 1) * e("log", x) - r * x


@_family("InverseGamma", "positive", shape="shape", scale="positive")
def _inverse_gamma(e: Engine, x: Value, a: Args) -> Value:
    k, s = a["shape"], a["scale"]
    return k * e("log", s) - e("lgamma", k) - (k + 1) * e("log", x) - s / x


@_family("Exponential", "positive", rate="positive")
def _exponential(e: Engine, x: Value, a: Args) -> Value:
    return e("log", a["rate"]) - a["rate"] * x


@_family("Weibull", "positive", shape="shape", rate="positive")
def _weibull(e: Engine, x: Value, a: Args) -> Value:
    k, r = a["shape"], a["rate"]
    log_x = e("log", x)
    return e("log", k) + e("log", r) + (k - 1) * log_x - r * e("exp", k * log_x)


@_family("GeneralisedInverseGaussian", "positive", p="real", a="positive", b="positive")
def _inverse_gaussian(e: Engine, x: Value, args: Args) -> Value:
    p, a, b = args["p"], args["a"], args["b"]
    normaliser = p / 2 * (e("log", a) - e("log", b)) - e("log", e.number(2))
    normaliser = normaliser - e("log_bessel_k", p, e("sqrt", a * b))
    return normaliser + (p - 1) * e("log", x) - (a * x + b / x) / 2


@_family("PolyaGamma", "positive", shape="positive", tilt="nonnegative")
def _polya_gamma(e: Engine, x: Value, a: Args) -> Value:
    """Polson, Scott and Windle (2013), equation 4: cosh(c/2)^b exp(-c² x/2) p(x | b, 0)."""
    b, c = a["shape"], a["tilt"]
    log_cosh = e("log", (e("exp", c / 2) + e("exp", -c / 2)) / 2)
    return b * log_cosh - c * c * x / 2 + e("log_polya_gamma", b, x)


@_family("Pareto", "above", shape="shape", minimum="positive")
def _pareto(e: Engine, x: Value, a: Args) -> Value:
    k, low = a["shape"], a["minimum"]
    return e("log", k) + k * e("log", low) - (k + 1) * e("log", x)


@_family("Beta", "unit", a="shape", b="shape")
def _beta(e: Engine, x: Value, args: Args) -> Value:
    a, b = args["a"], args["b"]
    normaliser = e("lgamma", a + b) - e("lgamma", a) - e("lgamma", b)
    return normaliser + (a - 1) * e("log", x) + (b - 1) * e("log", 1 - x)


@_family("Dirichlet", "simplex", concentration="shape")
def _dirichlet(e: Engine, x: Value, a: Args) -> Value:
    c = a["concentration"]
    value = e("lgamma", _total(c))
    for x_k, c_k in zip(x, c, strict=True):
        value = value - e("lgamma", c_k) + (c_k - 1) * e("log", x_k)
    return value


@_family("Bernoulli", "binary", prob="unit")
def _bernoulli(e: Engine, x: Value, a: Args) -> Value:
    return e("log", a["prob"]) if to_int(x) == 1 else e("log", 1 - a["prob"])


@_family("Categorical", "category", probs="simplex")
def _categorical(e: Engine, x: Value, a: Args) -> Value:
    return e("log", a["probs"][to_int(x)])


@_family("Binomial", "bounded_count", total="count", prob="unit")
def _binomial(e: Engine, x: Value, a: Args) -> Value:
    n, p = a["total"], a["prob"]
    choose = _log_factorial(e, n) - _log_factorial(e, x) - _log_factorial(e, n - x)
    return choose + x * e("log", p) + (n - x) * e("log", 1 - p)


@_family("BetaBinomial", "bounded_count", total="count", a="positive", b="positive")
def _beta_binomial(e: Engine, x: Value, args: Args) -> Value:
    n, a, b = args["total"], args["a"], args["b"]
    choose = _log_factorial(e, n) - _log_factorial(e, x) - _log_factorial(e, n - x)
    return choose + _log_beta(e, a + x, b + n - x) - _log_beta(e, a, b)


def _log_beta(e: Engine, a: Value, b: Value) -> Value:
    return e("lgamma", a) + e("lgamma", b) - e("lgamma", a + b)


@_family("Poisson", "count", rate="positive")
def _poisson(e: Engine, x: Value, a: Args) -> Value:
    return x * e("log", a["rate"]) - a["rate"] - _log_factorial(e, x)


@_family("Geometric", "count", prob="unit")
def _geometric(e: Engine, x: Value, a: Args) -> Value:
    return e("log", a["prob"]) + x * e("log", 1 - a["prob"])


@_family("NegativeBinomial", "count", number="positive", prob="unit")
def _negative_binomial(e: Engine, x: Value, a: Args) -> Value:
    r, p = a["number"], a["prob"]
    choose = e("lgamma", x + r) - e("lgamma", r) - _log_factorial(e, x)
    return choose + r * e("log", p) + x * e("log", 1 - p)


@_family("Multinomial", "count_vector", total="count", probs="simplex")
def _multinomial(e: Engine, x: Value, a: Args) -> Value:
    value = _log_factorial(e, a["total"])
    for x_k, p_k in zip(x, a["probs"], strict=True):
        value = value - _log_factorial(e, x_k) + x_k * e("log", p_k)
    return value


@_family("DirichletMultinomial", "count_vector", total="count", concentration="positive")
def _dirichlet_multinomial(e: Engine, x: Value, a: Args) -> Value:
    whole = _total(a["concentration"])
    value = _log_factorial(e, a["total"]) + e("lgamma", whole) - e("lgamma", whole + a["total"])
    for x_k, c_k in zip(x, a["concentration"], strict=True):
        value = value - _log_factorial(e, x_k) + e("lgamma", x_k + c_k) - e("lgamma", c_k)
    return value


@_family("MultivariateNormal", "vector", mean="real", precision="spd")
def _multivariate_normal(e: Engine, x: Value, a: Args) -> Value:
    gap = [x_d - m_d for x_d, m_d in zip(x, a["mean"], strict=True)]
    precision = a["precision"]
    square = _total([precision[i][j] * gap[i] * gap[j] for i in range(len(gap)) for j in range(len(gap))])
    root = cholesky(e, precision)
    value = -square - len(gap) * e("log", 2 * e.constants("pi"))
    for i in range(len(gap)):
        value = value + 2 * e("log", root[i][i])
    return value / 2


@_family("Numeric", "number")
def _numeric(e: Engine, x: Value, a: Args) -> Value:
    """What the claim says log q is, normalised by the checker's own quadrature."""
    return a["density"](x)


def _trace(left: Value, right: Value) -> Value:
    """tr(A B) of symmetric matrices."""
    size = range(len(left))
    return _total([left[i][j] * right[i][j] for i in size for j in size])


@_family("Wishart", "positive_definite", dof="dof", scale="spd")
def _wishart(e: Engine, x: Value, a: Args) -> Value:
    """Bishop (B.78)."""
    size, nu = len(x), a["dof"]
    normaliser = nu / 2 * log_determinant(e, a["scale"]) + nu * size / 2 * e("log", e.number(2))
    normaliser = normaliser + e("lmultigamma", nu / 2, e.number(size))
    return (nu - size - 1) / 2 * log_determinant(e, x) - _trace(inverse(e, a["scale"]), x) / 2 - normaliser


@_family("InverseWishart", "positive_definite", dof="dof", scale="spd")
def _inverse_wishart(e: Engine, x: Value, a: Args) -> Value:
    """X with X^-1 ~ Wishart(dof, scale^-1)."""
    size, nu = len(x), a["dof"]
    normaliser = nu * size / 2 * e("log", e.number(2)) - nu / 2 * log_determinant(e, a["scale"])
    normaliser = normaliser + e("lmultigamma", nu / 2, e.number(size))
    return -(nu + size + 1) / 2 * log_determinant(e, x) - _trace(a["scale"], inverse(e, x)) / 2 - normaliser


@_family("MatrixNormal", "matrix", mean="real", row_precision="spd", column_precision="spd")
def _matrix_normal(e: Engine, x: Value, a: Args) -> Value:
    """vec(X) ~ Normal with the precision V ⊗ U of rows and columns."""
    rows, columns = range(len(x)), range(len(x[0]))
    v, u = a["row_precision"], a["column_precision"]
    gap = [[x[i][j] - a["mean"][i][j] for j in columns] for i in rows]
    square = _total(
        [gap[i][j] * v[i][k] * gap[k][m] * u[j][m] for i in rows for k in rows for j in columns for m in columns]
    )
    value = len(columns) * log_determinant(e, v) + len(rows) * log_determinant(e, u) - square
    return (value - len(rows) * len(columns) * e("log", 2 * e.constants("pi"))) / 2


for _name in ("Poisson", "Binomial", "NegativeBinomial"):
    _zero_inflated(_name)
    _zero_truncated(_name)
    _hurdle(_name)
for _name, _beyond in (
    ("Exponential", lambda e, x, a: -a["rate"] * x),
    ("Weibull", lambda e, x, a: -a["rate"] * e("pow", x, a["shape"])),
):
    _censored("Right", _name, _beyond)
    _censored("Left", _name, _before(_beyond))
    _interval_censored(_name, _beyond)
    _truncated(_name, _beyond)
_censored("Right", "LogNormal", lambda e, x, a: _log_tail(e, e("log", x) - a["mean"], a))
_censored("Left", "LogNormal", lambda e, x, a: _log_tail(e, a["mean"] - e("log", x), a))
_censored("Right", "Normal", lambda e, x, a: _log_tail(e, x - a["mean"], a))
_censored("Left", "Normal", lambda e, x, a: _log_tail(e, a["mean"] - x, a))
