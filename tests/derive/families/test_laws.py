"""One law suite for every scalar family: what is derived from a density must agree with its integrals.

The oracle knows the declared log density and nothing else. Supports are mapped to the whole line and
integrated by the trapezoidal rule out to where the integrand has fallen by exp(-`DROP`), on two grids that
differ in step and in range; they must agree before anything is compared with them.
"""

from collections.abc import Callable
from functools import cache

import mpmath
import pytest
import sympy
from mpmath import mp, mpf
from sympy import Abs, Rational, cos, exp, log, sin

from cavi.derive import families
from cavi.derive.families.base import ETA, ScalarFamily, X
from cavi.derive.families.scalar import CATALOGUE

R = Rational
DIGITS = 20
WORKING = 32
DROP = 68

# Two members of each family at generic rational parameters; known parameters equal.
POINTS: dict[str, tuple[tuple[sympy.Rational, ...], tuple[sympy.Rational, ...]]] = {
    "Normal": ((R(3, 7), R(11, 5)), (R(-2, 3), R(5, 8))),
    "Gamma": ((R(17, 4), R(9, 5)), (R(13, 6), R(7, 10))),
    "InverseGamma": ((R(29, 4), R(9, 5)), (R(31, 6), R(7, 10))),
    "Beta": ((R(17, 4), R(12, 5)), (R(7, 3), R(9, 7))),
    "Bernoulli": ((R(3, 11),), (R(5, 7),)),
    "Binomial": ((R(5), R(3, 11)), (R(5), R(5, 7))),
    "Poisson": ((R(17, 5),), (R(7, 3),)),
    "Exponential": ((R(17, 5),), (R(7, 3),)),
    "Geometric": ((R(3, 11),), (R(5, 7),)),
    "NegativeBinomial": ((R(13, 4), R(4, 11)), (R(13, 4), R(5, 7))),
    "InverseNakagami": ((R(29, 4), R(9, 5)), (R(31, 6), R(7, 10))),
    "LogNormal": ((R(3, 7), R(11, 5)), (R(-2, 3), R(5, 8))),
    "Pareto": ((R(47, 4), R(3, 5)), (R(31, 3), R(3, 5))),
    "Weibull": ((R(9, 4), R(7, 5)), (R(9, 4), R(3, 8))),
    "Laplace": ((R(2, 5), R(7, 4)), (R(2, 5), R(3, 8))),
    "HalfNormal": ((R(11, 5),), (R(5, 8),)),
    "TruncatedNormal": ((R(3, 7), R(11, 5), R(-1, 4), R(8, 5)), (R(-2, 3), R(5, 8), R(-1, 4), R(8, 5))),
    "TruncatedExponential": ((R(17, 5), R(1, 4), R(8, 5)), (R(7, 3), R(1, 4), R(8, 5))),
    "OutsideNormal": ((R(3, 7), R(11, 5), R(-1, 4), R(8, 5)), (R(-2, 3), R(5, 8), R(-1, 4), R(8, 5))),
    "GeneralisedInverseGaussian": ((R(-7, 4), R(11, 5), R(3, 8)), (R(3, 5), R(5, 8), R(13, 6))),
    "VonMises": ((R(3, 7), R(11, 5)), (R(-2, 3), R(5, 8))),
    "PolyaGamma": ((R(7, 4), R(11, 5)), (R(7, 4), R(5, 8))),
}
NAMES = list(POINTS)

POWERS = (X, X**2, X**3, X**4)
REAL_POWERS = (1 / X, X ** R(1, 2), X ** R(-3, 2), X ** R(7, 3), X * log(X), X ** R(2, 3) * log(X), log(X))
# Expectations that the family must have in closed form, besides its statistics.
WANTED: dict[str, tuple[sympy.Expr, ...]] = {
    "Normal": (*POWERS, X**6, exp(X / 3), X * exp(X / 3), exp(-(X**2) / 5), X * (1 - X)),
    "Gamma": (*POWERS, *REAL_POWERS, log(X) ** 2, X**2 * exp(-X / 3)),
    "InverseGamma": (*POWERS, *REAL_POWERS, log(X) ** 2, X**-2),
    "Beta": (*POWERS, X * (1 - X), X / (1 - X), log(X) * log(1 - X), X * log(X), (1 - X) ** R(3, 2), 1 / X),
    "Bernoulli": (*POWERS, X * (1 - X)),
    "Binomial": (*POWERS, exp(X / 3)),
    "Poisson": (*POWERS, exp(X / 3), X * exp(-X)),
    "Exponential": (*POWERS, log(X), X * log(X), X ** R(1, 2)),
    "Geometric": (*POWERS, exp(-X)),
    "NegativeBinomial": (*POWERS, exp(-X)),
    "InverseNakagami": (*POWERS, *REAL_POWERS, X**-2),
    "LogNormal": (*POWERS, *REAL_POWERS, log(X) ** 3, X * log(X) ** 2),
    "Pareto": (*POWERS, *REAL_POWERS, log(X) ** 2),
    "Weibull": (X, X**2, X ** R(1, 2), log(X), X ** R(9, 2), X * log(X)),
    "Laplace": (X, X**2, Abs(X - sympy.Symbol("location", real=True)) ** 2),
    "HalfNormal": (*POWERS, log(X), X ** R(1, 2), X * log(X)),
    "TruncatedNormal": (X * (1 - X),),
    "GeneralisedInverseGaussian": (*POWERS, 1 / X, X**-2, X ** R(1, 2), log(X), X * log(X)),
    "VonMises": (cos(X) ** 2, cos(X) * sin(X), sin(X) ** 2),
}


def lookup(name: str) -> ScalarFamily:
    return CATALOGUE[name]


def _cdf_difference(a, b):
    return (mpmath.erfc(a / mpmath.sqrt(2)) - mpmath.erfc(b / mpmath.sqrt(2))) / 2


def _phi(a):
    return mpmath.exp(-a * a / 2) / mpmath.sqrt(2 * mp.pi)


def _log_polya_gamma(b, x):
    """The density of PG(b, 0) by its series; negligible where that would need very many digits."""
    if x > 60:
        return -(mp.pi**2) * x / 2
    with mpmath.workdps(60 + int(3 * x)):
        rows = ((n, (2 * n + b) * mpmath.exp(-((2 * n + b) ** 2) / (8 * x))) for n in range(40 + int(6 * x)))
        terms = ((-1) ** n * mpmath.gamma(n + b) / mpmath.factorial(n) * row for n, row in rows)
        total = mpmath.fsum(terms)
        if total <= 0:
            return -(mpf(10) ** 6)
        return mpmath.log(total * 2 ** (b - 1) / mpmath.gamma(b) / mpmath.sqrt(2 * mp.pi * x**3))


# Definitions, not the formulas of the package.
FUNCTIONS = {
    "log_bessel_i": lambda v, x: mpmath.log(mpmath.besseli(v, x)),
    "log_bessel_k": lambda v, x: mpmath.log(mpmath.besselk(v, x)),
    "dlog_bessel_k": lambda v, x: mpmath.diff(lambda u: mpmath.log(mpmath.besselk(u, x)), v),
    "log_normal_interval": lambda a, b: mpmath.log(_cdf_difference(a, b)),
    "truncated_mean": lambda a, b: (_phi(a) - _phi(b)) / _cdf_difference(a, b),
    "truncated_second": lambda a, b: (a * _phi(a) - b * _phi(b)) / _cdf_difference(a, b),
    "log_normal_outside": lambda a, b: mpmath.log(1 - _cdf_difference(a, b)),
    "outside_mean": lambda a, b: (_phi(b) - _phi(a)) / (1 - _cdf_difference(a, b)),
    "outside_second": lambda a, b: (b * _phi(b) - a * _phi(a)) / (1 - _cdf_difference(a, b)),
    "xlogx": lambda x: x * mpmath.log(x),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "tanhc": lambda x: mpmath.tanh(x) / x,
    "log_polya_gamma": _log_polya_gamma,
    "polygamma": mpmath.polygamma,
}


def function(expr: sympy.Expr, *symbols: sympy.Symbol) -> Callable[..., mpf]:
    return sympy.lambdify(symbols, expr, modules=[FUNCTIONS, "mpmath"])


def values(family: ScalarFamily, member: int = 0, primed: int | None = None) -> dict[sympy.Symbol, sympy.Expr]:
    found = {p.symbol: v for p, v in zip(family.parameters, POINTS[family.name][member], strict=True)}
    if primed is not None:
        other = zip(family.parameters, POINTS[family.name][primed], strict=True)
        found |= {p.primed: v for p, v in other if not p.known}
    return found


def number(expr: sympy.Expr, at: dict[sympy.Symbol, sympy.Expr]) -> mpf:
    symbols = sorted(expr.free_symbols, key=str)
    assert set(symbols) <= set(at), f"{expr} has symbols other than {list(at)}"
    return mpf(function(expr, *symbols)(*(mpf(at[s].p) / at[s].q for s in symbols)))


def _maps(family: ScalarFamily, at: dict[sympy.Symbol, sympy.Expr]):
    """Maps u -> (x, log dx/du) from the line onto the pieces of the support."""

    def half(start, sign=1):
        return lambda u: (start + sign * mpmath.exp(u), u)

    def between(low, high):
        def both(u):
            left = 1 / (1 + mpmath.exp(-u))
            return low + (high - low) * left, mpmath.log((high - low) * left / (1 + mpmath.exp(u)))

        return both

    def value(name):
        return next(mpf(v.p) / v.q for s, v in at.items() if s.name == name)

    match family.support:
        case "positive":
            return [half(0)]
        case "above":
            return [half(value("minimum"))]
        case "outside":
            return [half(value("lower"), -1), half(value("upper"))]
        case "unit":
            return [between(mpf(0), mpf(1))]
        case "interval":
            return [between(value("lower"), value("upper"))]
        case "real" if "location" in {p.name for p in family.parameters}:
            # A kink: each side on its own.
            return [half(value("location")), half(value("location"), -1)]
        case "real":
            return [lambda u: (u, mpf(0))]
    raise AssertionError(family.support)


class Line:
    """Nodes x_k with their weights p(x_k) dx, k = …, -1, 0, 1, …, evaluated once and kept."""

    def __init__(self, weight: Callable[[mpf], tuple[mpf, mpf]], start: mpf, step: mpf, whole: bool):
        self.weight, self.start, self.step, self.whole = weight, start, step, whole
        self.nodes: dict[int, tuple[mpf, mpf]] = {}

    def node(self, k: int) -> tuple[mpf, mpf]:
        if k not in self.nodes:
            x, log_weight = self.weight(self.start + k * self.step)
            self.nodes[k] = x, mpmath.exp(log_weight)
        return self.nodes[k]

    def sum(self, f: Callable[[mpf], mpf], drop: float) -> mpf:
        """Σ f(x_k) p(x_k) dx outwards from the start until both p and f p are negligible."""
        terms: list[mpf] = []
        small = mpmath.exp(-drop)
        for sign in (1, -1) if self.whole else (1,):
            k, quiet, largest = (0 if sign == 1 else 1), 0, mpf(0)
            while quiet < 8:
                x, weight = self.node(sign * k)
                terms.append(f(x) * weight if weight else mpf(0))
                size = max(abs(terms[-1]), weight)
                largest = max(largest, size)
                quiet = quiet + 1 if size < small * largest else 0
                k += 1
                assert k < 20_000, "the integral does not converge"
        return mpmath.fsum(terms)


def _line(log_density, change, step_in_sd: str) -> Line:
    """A line around the mode, its step in units of the width there."""

    def g(u):
        x, jacobian = change(u)
        return log_density(x) + jacobian

    mode = max((mpf(k) / 4 for k in range(-60, 61)), key=g)
    width = mpf(1) / 4
    while width > 1e-3:
        mode = max((mode - width, mode, mode + width), key=g)
        width *= mpf(3) / 4
    e = mpf(1) / 64
    curvature = abs(g(mode - e) - 2 * g(mode) + g(mode + e)) / e**2
    # A step in floats would round the nodes to 16 digits.
    step = min(mpf(1), 1 / mpmath.sqrt(curvature)) * mpf(step_in_sd)

    def weight(u):
        x, jacobian = change(u)
        return x, log_density(x) + jacobian + mpmath.log(step)

    return Line(weight, mode, step, whole=True)


@cache
def lines(name: str, member: int = 0) -> tuple[list[Line], list[Line]]:
    """Two independent sets of nodes for one member of a family."""
    family = lookup(name)
    at = values(family, member)
    symbols = [p.symbol for p in family.parameters]
    free, bound = family.log_density.as_independent(X, as_Add=True)
    evaluate, constant = function(bound, X, *symbols), number(free, at)
    numbers = [mpf(at[s].p) / at[s].q for s in symbols]

    def log_density(x):
        return evaluate(x, *numbers) + constant

    if family.support in ("binary", "count", "bounded_count"):
        end = {"binary": 1, "bounded_count": numbers[0], "count": mp.inf}[family.support]

        def mass(k):
            return k, log_density(k) if k <= end else -mp.inf

        return ([Line(mass, mpf(0), mpf(1), whole=False)],) * 2
    if family.support == "angle":
        # Once around, by equal steps: the rule of a periodic function.
        def around(n):
            def arc(k):
                x = 2 * mp.pi * k / n - mp.pi
                return x, log_density(x) + mpmath.log(2 * mp.pi / n) if k < n else -mp.inf

            return [Line(arc, mpf(0), mpf(1), whole=False)]

        return around(90), around(128)
    one, two = ([_line(log_density, c, step) for c in _maps(family, at)] for step in ("0.11", "0.09"))
    return one, two


def integral(name: str, f: sympy.Expr, member: int = 0, primed: int | None = None) -> mpf:
    """E[f(x)] by both sets of nodes, which must agree."""
    at = values(lookup(name), member, primed)
    symbols = [s for s in sorted(f.free_symbols, key=str) if s != X]
    numbers = [mpf(at[s].p) / at[s].q for s in symbols]
    evaluate = function(f, X, *symbols)
    one, two = (
        sum(line.sum(lambda x: evaluate(x, *numbers), drop) for line in some)
        for some, drop in zip(lines(name, member), (DROP, DROP + 15), strict=True)
    )
    assert abs(one - two) <= mpf(10) ** -DIGITS * max(1, abs(two)), f"the oracle is not sure of E[{f}]: {one} {two}"
    return two


def agree(found: mpf, wanted: mpf) -> bool:
    return abs(found - wanted) <= mpf(10) ** (1 - DIGITS) * max(1, abs(wanted))


@pytest.fixture(autouse=True)
def precision():
    with mp.workdps(WORKING):
        yield


@pytest.fixture(params=NAMES)
def family(request) -> ScalarFamily:
    return lookup(request.param)


def test_every_family_has_a_point():
    assert set(NAMES) == set(CATALOGUE)
    assert all(families.lookup(n) == n for n in NAMES)


@pytest.mark.parametrize("member", (0, 1))
def test_density_integrates_to_one(family, member):
    assert agree(integral(family.name, sympy.Integer(1), member), mpf(1))


def test_parts_add_up_to_the_density(family):
    inner = sum(n * t for n, t in zip(family.natural, family.statistics, strict=True))
    rest = family.log_base + inner - family.log_normaliser - family.log_density
    at = {**values(family), X: R(4, 5)}
    assert abs(number(sympy.expand_mul(rest) + X - X, at)) < mpf(10) ** (5 - WORKING)
    unknown = set(family.unknown)
    assert not family.log_base.free_symbols & unknown
    assert all(not t.free_symbols & unknown and t.has(X) for t in family.statistics)
    assert all(n.free_symbols & unknown and not n.has(X) for n in family.natural)


def test_statistics_have_closed_means(family):
    for t in family.statistics:
        assert agree(number(family.moment(t), values(family)), integral(family.name, t)), t


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_log_normaliser_is_the_mean(name):
    """∂A/∂θ_i = Σ_j ∂η_j/∂θ_i E[t_j]: the chain rule needs no inverse, and no declared moment."""
    family = lookup(name)
    at = values(family)
    means = [integral(name, t) for t in family.statistics]
    for s in family.unknown:
        if s.name == "p" and name == "GeneralisedInverseGaussian":
            continue  # ∂/∂p is dlog_bessel_k by definition; E[log x] is tested above
        left = number(family.log_normaliser.diff(s), at)
        right = sum(number(n.diff(s) + s - s, at) * e for n, e in zip(family.natural, means, strict=True))
        assert agree(left, right), s


@pytest.mark.parametrize(("name", "f"), [(n, f) for n, fs in WANTED.items() for f in fs], ids=str)
def test_moment(name, f):
    family = lookup(name)
    value = family.moment(f)
    assert value is not None, f"{name} has no E[{f}]"
    assert agree(number(value, values(family)), integral(name, f)), value


def test_whatever_moment_is_given_is_right(family):
    """Closed forms beyond those wanted: a form that is given must be right, too."""
    infinite = {"Exponential": {X ** R(-3, 2), 1 / X}, "HalfNormal": {X ** R(-3, 2), 1 / X}}
    asked = {*POWERS, *REAL_POWERS, X**6, sin(X), log(X) ** 2, Abs(X)} - infinite.get(family.name, set())
    given = {f: value for f in asked if (value := family.moment(f)) is not None}
    assert given
    for f, value in given.items():
        assert agree(number(value, values(family)), integral(family.name, f)), f


def test_entropy(family):
    wanted = integral(family.name, -family.log_density)
    base = integral(family.name, family.log_base)
    assert agree(number(family.entropy_closed, values(family)) - base, wanted)
    if family.entropy is not None:
        assert agree(number(family.entropy, values(family)), wanted)
    assert (family.entropy is None) == (family.moment(family.log_base) is None)


def test_divergence(family):
    renamed = {p.symbol: p.primed for p in family.parameters if not p.known}
    ratio = family.log_density - family.log_density.xreplace(renamed)
    at = values(family, 0, primed=1)
    wanted = integral(family.name, ratio, 0, primed=1)
    found = number(family.kl(), at)
    assert found > 0
    assert agree(found, wanted)
    same = {p.primed: values(family)[p.symbol] for p in family.parameters if not p.known}
    assert abs(number(family.kl(), {**at, **same})) < mpf(10) ** (5 - WORKING)


def test_standard_parameters_from_natural_ones(family):
    at = values(family)
    env = {e: number(n, at) for e, n in zip(ETA, family.natural, strict=False)}
    env |= {p.symbol: mpf(at[p.symbol].p) / at[p.symbol].q for p in family.parameters if p.known}
    by_name = {p.name: p.symbol for p in family.parameters}
    for name, expr in family.from_natural:
        symbols = sorted(expr.free_symbols, key=str)
        env[by_name[name]] = function(expr, *symbols)(*(env[s] for s in symbols))
        assert agree(env[by_name[name]], mpf(at[by_name[name]].p) / at[by_name[name]].q), name
    assert {n for n, _ in family.from_natural} == {s.name for s in family.unknown}


WITHOUT_MODE = {
    *("Bernoulli", "Binomial", "Poisson", "Geometric", "NegativeBinomial"),  # discrete
    *(
        "Exponential",
        "HalfNormal",
        "Pareto",
        "TruncatedExponential",
        "TruncatedNormal",
        "Weibull",
    ),  # at a boundary, or may be
    *("OutsideNormal", "PolyaGamma"),  # two of them; no closed form
}


def test_mode_is_the_maximiser(family):
    mode = family.mode()
    assert (mode is None) == (family.name in WITHOUT_MODE)
    if mode is None:
        return
    at = values(family)
    env = {e: number(n, at) for e, n in zip(ETA, family.natural, strict=False)}
    env |= {p.symbol: mpf(at[p.symbol].p) / at[p.symbol].q for p in family.parameters if p.known}
    symbols = sorted(mode.free_symbols, key=str)
    x = function(mode, *symbols)(*(env[s] for s in symbols))
    kernel = family.log_base + sum(e * t for e, t in zip(ETA, family.statistics, strict=False))
    names = sorted(kernel.free_symbols - {X}, key=str)
    full = function(kernel, X, *names)
    steps = [mpf(d) * abs(x) for d in ("-.1", "-1e-6", "0", "1e-6", ".1")]
    heights = {d: full(x + d, *(env[s] for s in names)) for d in steps}
    assert max(heights, key=heights.get) == 0
    # Stationary: a step of 1e-6 costs 1e-12, unless the peak is a kink.
    assert heights[0] - heights[steps[3]] < (1e-5 if family.name == "Laplace" else 1e-10)
