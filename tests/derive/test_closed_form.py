"""Closed forms of single distributions against quadrature of the reference densities, written apart from them.

The quadrature is of this file: the double-exponential rule on each side of every point where an integrand may have
a kink, at two steps that must agree; sums run until nothing is left. It knows the densities of `cavi.verify` only.
"""

from fractions import Fraction
from functools import cache
from itertools import pairwise, product

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Abs, Rational, cos, exp, log, sqrt

from cavi.derive import distribution as declared
from cavi.derive.closed_form import X, conditions, cross_entropy, entropy, expectation, jensen_gap, kl, mean
from cavi.derive.errors import CaviError
from cavi.derive.expected import NoClosedForm
from cavi.verify.arithmetic import precise, precision, to_mpf
from cavi.verify.density import FAMILIES, log_density

DIGITS = 20
WORKING = 60
DROP = 130  # integrands below exp(-DROP) of their densities do not count
R = Fraction

# Generic rational parameters, one set where a family is q and one where it is p; known parameters differ.
POINTS: dict[str, tuple[dict[str, Fraction], dict[str, Fraction]]] = {
    "Normal": ({"mean": R(2, 7), "precision": R(9, 5)}, {"mean": R(-3, 4), "precision": R(4, 7)}),
    "Gamma": ({"shape": R(19, 6), "rate": R(8, 5)}, {"shape": R(11, 4), "rate": R(7, 9)}),
    "InverseGamma": ({"shape": R(31, 4), "scale": R(9, 4)}, {"shape": R(17, 6), "scale": R(7, 5)}),
    "Beta": ({"a": R(23, 8), "b": R(13, 5)}, {"a": R(9, 7), "b": R(11, 6)}),
    "Bernoulli": ({"prob": R(3, 13)}, {"prob": R(5, 9)}),
    "Binomial": ({"total": R(4), "prob": R(3, 11)}, {"total": R(6), "prob": R(4, 7)}),
    "Poisson": ({"rate": R(12, 7)}, {"rate": R(17, 6)}),
    "Exponential": ({"rate": R(11, 6)}, {"rate": R(5, 7)}),
    "Geometric": ({"prob": R(5, 13)}, {"prob": R(4, 9)}),
    "NegativeBinomial": ({"number": R(13, 5), "prob": R(6, 11)}, {"number": R(13, 5), "prob": R(3, 7)}),
    "LogNormal": ({"mean": R(-1, 5), "precision": R(21, 5)}, {"mean": R(2, 9), "precision": R(6, 7)}),
    "Pareto": ({"shape": R(37, 4), "minimum": R(5, 7)}, {"shape": R(8, 3), "minimum": R(3, 5)}),
    "Weibull": ({"shape": R(9, 4), "rate": R(6, 5)}, {"shape": R(7, 3), "rate": R(5, 8)}),
    "Laplace": ({"location": R(3, 8), "scale": R(4, 7)}, {"location": R(2, 9), "scale": R(9, 8)}),
    "HalfNormal": ({"precision": R(13, 8)}, {"precision": R(4, 9)}),
    "TruncatedNormal": (
        {"mean": R(1, 3), "precision": R(9, 5), "lower": R(1, 8), "upper": R(15, 8)},
        {"mean": R(-2, 5), "precision": R(5, 8), "lower": R(-1, 4), "upper": R(17, 8)},
    ),
    "GeneralisedInverseGaussian": (
        {"p": R(-5, 4), "a": R(12, 5), "b": R(7, 8)},
        {"p": R(2, 5), "a": R(5, 8), "b": R(11, 6)},
    ),
    "VonMises": ({"mean": R(2, 7), "concentration": R(9, 5)}, {"mean": R(-3, 4), "concentration": R(4, 7)}),
}
NAMES = list(POINTS)
PAIRS = list(product(NAMES, NAMES))
DISCRETE = {"binary", "count", "bounded_count"}
ENGINE = precise()

# E[1/x] is infinite where the density of q does not vanish at zero.
INFINITE = {(q, p) for q in ("Exponential", "HalfNormal") for p in ("InverseGamma", "GeneralisedInverseGaussian")}
POSITIVE = ("Gamma", "InverseGamma", "Exponential", "LogNormal", "Weibull", "HalfNormal", "GeneralisedInverseGaussian")
# Beyond these, coverage may grow; it may not shrink.
CLOSED = (
    {(q, p) for q in (*POSITIVE, "Beta", "Pareto") for p in (*POSITIVE, "Normal")}
    - INFINITE
    - {("GeneralisedInverseGaussian", "LogNormal")}
) | {
    ("Normal", "Normal"),
    ("Normal", "Laplace"),
    ("Laplace", "Normal"),
    ("Laplace", "Laplace"),
    ("Exponential", "Laplace"),
    ("HalfNormal", "Laplace"),
    ("TruncatedNormal", "TruncatedNormal"),
    ("TruncatedNormal", "Normal"),
    ("TruncatedNormal", "HalfNormal"),
    ("TruncatedNormal", "Exponential"),
    ("TruncatedNormal", "Laplace"),
    ("Pareto", "Laplace"),
    ("Pareto", "Pareto"),
    ("Beta", "Beta"),
    ("Beta", "TruncatedNormal"),
    ("Bernoulli", "Bernoulli"),
    ("Bernoulli", "Binomial"),
    ("Bernoulli", "Poisson"),
    ("Bernoulli", "Geometric"),
    ("Bernoulli", "NegativeBinomial"),
    ("Binomial", "Binomial"),
    ("Binomial", "Poisson"),
    ("Binomial", "Geometric"),
    ("Binomial", "NegativeBinomial"),
    ("Poisson", "Poisson"),
    ("Geometric", "Geometric"),
    ("NegativeBinomial", "NegativeBinomial"),
    ("VonMises", "VonMises"),
}


@pytest.fixture(autouse=True)
def enough_digits():
    with precision(WORKING):
        yield


def point(name: str, role: int) -> dict[str, Fraction]:
    return POINTS[name][role]


def member(name: str, role: int = 0) -> declared.Distribution:
    return getattr(declared, name)(**point(name, role))


def number(expr: sympy.Expr) -> mpmath.mpf:
    assert not expr.free_symbols, f"{expr} still has symbols"
    value = expr.evalf(DIGITS + 15)
    assert value.is_Float or value.is_Rational, f"{expr} evaluates to {value}"
    return mpmath.mpf(str(value))


def arguments(name: str, role: int) -> dict[str, object]:
    return {k: ENGINE.number(v) for k, v in point(name, role).items()}


def ends(name: str, role: int) -> tuple[float, float]:
    args = point(name, role)
    inf = float("inf")
    return {
        "real": (-inf, inf),
        "angle": (-np.pi, np.pi),
        "positive": (0, inf),
        "count": (0, inf),
        "unit": (0, 1),
        "binary": (0, 1),
        "above": (args.get("minimum"), inf),
        "interval": (args.get("lower"), args.get("upper")),
        "bounded_count": (0, args.get("total")),
    }[FAMILIES[name].support]


def comparable(q: str, p: str) -> bool:
    supports = [FAMILIES[n].support for n in (q, p)]
    return all((supports[0] in kind) == (supports[1] in kind) for kind in (DISCRETE, {"angle"}))


def covers(p: str, q: str) -> bool:
    (low, high), (q_low, q_high) = ends(p, 1), ends(q, 0)
    return low <= q_low and q_high <= high


# --- quadrature ------------------------------------------------------------------------------


def array(values: list) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def double_exponential(step: float) -> tuple[np.ndarray, np.ndarray]:
    """w = (π/2) sinh t and dw/dt on a grid."""
    t = array([ENGINE.number(k) for k in range(-int(4.5 / step), int(4.5 / step) + 1)]) * ENGINE.number(step)
    half, up, down = ENGINE.constants("pi") / 2, ENGINE("exp", t), ENGINE("exp", -t)
    return half * (up - down) / 2, half * (up + down) / 2


def panel(low: float, high: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on an interval whose ends are rational or infinite."""
    w, slope = double_exponential(step)
    if np.isinf(float(high)):
        grown = ENGINE("exp", w)
        return ENGINE.number(low) + grown, grown * slope * ENGINE.number(step)
    if np.isinf(float(low)):
        grown = ENGINE("exp", w)
        return ENGINE.number(high) - grown, grown * slope * ENGINE.number(step)
    left, right = 1 / (1 + ENGINE("exp", -2 * w)), 1 / (1 + ENGINE("exp", 2 * w))
    width = ENGINE.number(high) - ENGINE.number(low)
    return ENGINE.number(low) + width * left, 2 * width * left * right * slope * ENGINE.number(step)


@cache
def nodes(name: str, kinks: tuple[Fraction, ...], fine: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, weights against the density of q, log q."""
    args = arguments(name, 0)
    support = FAMILIES[name].support
    if support in DISCRETE:
        last = 400 if support == "count" else int(ends(name, 0)[1])
        x = array([ENGINE.number(k) for k in range(last + 1)])
        if support == "binary":
            logs = array([log_density(ENGINE, name, k, args) for k in range(2)])
        else:
            logs = log_density(ENGINE, name, x, args)
        return x, ENGINE("exp", logs), logs
    if support == "angle":
        count = 128 if fine else 96
        x = array([ENGINE.number(2 * k - count + 1) for k in range(count)]) * (ENGINE.constants("pi") / count)
        logs = log_density(ENGINE, name, x, args)
        return x, ENGINE("exp", logs) * (2 * ENGINE.constants("pi") / count), logs
    low, high = ends(name, 0)
    middle = {"Normal": "mean", "Laplace": "location"}.get(name)
    inner = {c for c in kinks if low < c < high} | ({point(name, 0)[middle]} if middle else set())
    # Panels that reach from a finite point to infinity start where most of the mass is.
    breaks = [low, *sorted(inner), high]
    pieces = [panel(a, b, 1 / 56 if fine else 1 / 44) for a, b in pairwise(breaks)]
    x, w = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    inside = array(
        [bool(v > ENGINE.number(low)) and (np.isinf(float(high)) or bool(v < ENGINE.number(high))) for v in x]
    )
    x, w = x[inside.astype(bool)], w[inside.astype(bool)]
    logs = log_density(ENGINE, name, x, args)
    kept = array([float(a + b) > -DROP for a, b in zip(logs, ENGINE("log", w), strict=True)]).astype(bool)
    return x[kept], w[kept] * ENGINE("exp", logs[kept]), logs[kept]


def averaged(name: str, f, kinks: tuple[Fraction, ...] = ()) -> mpmath.mpf:
    """E_q[f(x, log q)] for the point of q, settled."""
    found = []
    for fine in (False, True):
        x, weights, logs = nodes(name, kinks, fine)
        assert abs(to_mpf(weights.sum()) - 1) < mpmath.mpf(10) ** -(DIGITS + 3), f"{name} is not normalised"
        found.append(to_mpf((weights * f(x, logs)).sum()))
    assert abs(found[0] - found[1]) < mpmath.mpf(10) ** -(DIGITS + 2) * (1 + abs(found[1])), found
    return found[1]


def agree(claimed: sympy.Expr, found: mpmath.mpf) -> None:
    error = abs(number(claimed) - found) / max(1, abs(found))
    assert error < mpmath.mpf(10) ** -DIGITS, f"{claimed}: {number(claimed)}, by quadrature {found}"


# --- divergences -----------------------------------------------------------------------------


def outcome(q: str, p: str) -> sympy.Expr | None:
    try:
        return kl(member(q, 0), member(p, 1))
    except NoClosedForm:
        return None


@pytest.mark.parametrize(("q", "p"), PAIRS)
def test_kl_of_every_pair(q: str, p: str) -> None:
    if not comparable(q, p):
        with pytest.raises(CaviError, match="cannot be compared"):
            kl(member(q, 0), member(p, 1))
        return
    found = outcome(q, p)
    if not covers(p, q) or (q, p) in INFINITE:
        assert found == sympy.oo
        return
    assert found is not None or (q, p) not in CLOSED, "the closed form is lost"
    if found is None:
        return
    args = arguments(p, 1)
    kinks = (point(p, 1)["location"],) if p == "Laplace" else ()

    def ratio(x, log_q):
        if FAMILIES[p].support == "binary":
            return log_q - array([log_density(ENGINE, p, int(float(v)), args) for v in x])
        return log_q - log_density(ENGINE, p, x, args)

    value = averaged(q, ratio, kinks)
    assert value > 0
    agree(found, value)


def test_at_least_sixty_pairs_are_closed() -> None:
    assert len(CLOSED) >= 60
    assert all(comparable(*pair) for pair in CLOSED)


@pytest.mark.parametrize("name", NAMES)
def test_kl_with_itself_is_zero_and_written_in_the_users_symbols(name: str) -> None:
    symbols = {n: sympy.Symbol(f"{n}_") for n in point(name, 0)}
    q = getattr(declared, name)(**symbols)
    assert kl(q, q) == 0
    assert kl(member(name), member(name)) == 0
    other = getattr(declared, name)(
        **{n: sympy.Symbol(f"{n}_2") if n in _unknown(name) else s for n, s in symbols.items()}
    )
    formula = kl(q, other)
    assert formula.free_symbols <= set(symbols.values()) | {sympy.Symbol(f"{n}_2") for n in _unknown(name)}
    mine, theirs = point(name, 0), point(name, 1)
    shared = {n: theirs[n] if n in _unknown(name) else mine[n] for n in mine}
    at = {symbols[n]: rational(v) for n, v in mine.items()} | {
        sympy.Symbol(f"{n}_2"): rational(shared[n]) for n in mine
    }
    direct = kl(member(name), getattr(declared, name)(**shared))
    assert abs(number(formula.subs(at)) - number(direct)) < 1e-25


def rational(value: Fraction) -> sympy.Rational:
    return Rational(value.numerator, value.denominator)


def _unknown(name: str) -> set[str]:
    from cavi.derive import families

    return {p.name for p in families.lookup(name).parameters if not p.known}


@pytest.mark.parametrize("name", sorted({q for q, _ in CLOSED}))
def test_cross_entropy_is_entropy_and_kl(name: str) -> None:
    p = member(name, 0)
    try:
        own = entropy(p)
    except NoClosedForm:
        return
    assert abs(number(cross_entropy(p, p)) - number(own)) < 1e-25


# --- entropies and expectations --------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_entropy(name: str) -> None:
    if name in ("Poisson", "NegativeBinomial"):
        with pytest.raises(NoClosedForm, match="no closed form for E"):
            entropy(member(name))
        return
    agree(entropy(member(name)), averaged(name, lambda x, log_q: -log_q))


C = R(2, 9)
# In SymPy and in plain arithmetic of the engine.
FUNCTIONS = {
    "x": (X, lambda x: x),
    "x^2": (X**2, lambda x: x * x),
    "(x-c)^3": ((X - Rational(2, 9)) ** 3, lambda x: (x - ENGINE.number(C)) ** 3),
    "log x": (log(X), lambda x: ENGINE("log", x)),
    "log 3x^2": (log(3 * X**2), lambda x: ENGINE("log", 3 * x * x)),
    "1/x": (1 / X, lambda x: 1 / x),
    "x log x": (X * log(X), lambda x: x * ENGINE("log", x)),
    "sqrt x": (sqrt(X), lambda x: ENGINE("sqrt", x)),
    "exp(x/3)": (exp(X / 3), lambda x: ENGINE("exp", x / 3)),
    "x exp(1-x)": (X * exp(1 - X), lambda x: x * ENGINE("exp", 1 - x)),
    "cos(x/3)": (cos(X / 3), lambda x: ENGINE("cos", x / 3)),
    "|x-c|": (Abs(X - Rational(2, 9)), lambda x: ENGINE("abs", x - ENGINE.number(C))),
    "log(1-x)": (log(1 - X), lambda x: ENGINE("log", 1 - x)),
    "x/(1-x)": (X / (1 - X), lambda x: x / (1 - x)),
    "cosh(x/3)": (sympy.cosh(X / 3), lambda x: (ENGINE("exp", x / 3) + ENGINE("exp", -x / 3)) / 2),
}
ON_THE_LINE = {"x", "x^2", "(x-c)^3", "exp(x/3)", "x exp(1-x)", "cos(x/3)", "|x-c|", "cosh(x/3)"}
OF_POSITIVE = {"x", "x^2", "(x-c)^3", "log x", "log 3x^2", "1/x", "x log x", "sqrt x"}
COUNTED = {"x", "x^2", "(x-c)^3", "exp(x/3)", "x exp(1-x)", "cosh(x/3)"}
WANTED: dict[str, set[str]] = {
    "Normal": ON_THE_LINE,
    "Laplace": ON_THE_LINE,
    "Gamma": OF_POSITIVE | {"exp(x/3)", "x exp(1-x)", "cos(x/3)", "cosh(x/3)"},
    "InverseGamma": OF_POSITIVE,
    "LogNormal": OF_POSITIVE,
    "Weibull": OF_POSITIVE,
    "Pareto": OF_POSITIVE | {"|x-c|"},
    "GeneralisedInverseGaussian": OF_POSITIVE | {"exp(x/3)", "x exp(1-x)"},
    "Exponential": (OF_POSITIVE - {"1/x"}) | {"exp(x/3)", "x exp(1-x)", "|x-c|", "cos(x/3)"},
    "HalfNormal": (OF_POSITIVE - {"1/x"}) | {"|x-c|"},
    "Beta": OF_POSITIVE | {"log(1-x)", "x/(1-x)"},
    "TruncatedNormal": {"x", "x^2", "exp(x/3)", "|x-c|"},
    "VonMises": set(),
    "Bernoulli": ON_THE_LINE,
    "Binomial": ON_THE_LINE,
    "Poisson": COUNTED,
    "Geometric": COUNTED,
    "NegativeBinomial": COUNTED,
}


@pytest.mark.parametrize(("name", "word"), list(product(NAMES, FUNCTIONS)))
def test_expectations(name: str, word: str) -> None:
    f, plain = FUNCTIONS[word]
    low, high = ends(name, 0)
    try:
        found = expectation(f, member(name))
    except CaviError as error:
        assert word not in WANTED[name], f"the closed form is lost: {error}"
        return
    if abs(found) == sympy.oo:
        # A density that does not vanish at zero, or a tail that is heavier than the exponential.
        assert (name, word) in {
            *((n, "1/x") for n in ("Exponential", "HalfNormal")),
            *((n, w) for n in ("InverseGamma", "LogNormal", "Pareto") for w in ("exp(x/3)", "cosh(x/3)")),
        }
        return
    assert low >= 0 or word in ON_THE_LINE
    agree(found, averaged(name, lambda x, _: plain(x), (C,)))


def test_functions_of_angles() -> None:
    for f, plain in (
        (cos(X), lambda x: ENGINE("cos", x)),
        (cos(2 * X), lambda x: ENGINE("cos", 2 * x)),
        (sympy.sin(X) ** 2, lambda x: ENGINE("sin", x) ** 2),
    ):
        agree(expectation(f, member("VonMises")), averaged("VonMises", lambda x, _, g=plain: g(x)))


# --- where an expectation does not exist -------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "q", "value"),
    [
        (1 / X, declared.Gamma(R(1, 2), 1), sympy.oo),
        (1 / X, declared.Gamma(1, 1), sympy.oo),
        (1 / X, declared.Beta(R(1, 2), 2), sympy.oo),
        (1 / (1 - X), declared.Beta(2, 1), sympy.oo),
        (X, declared.InverseGamma(R(1, 2), 1), sympy.oo),
        (-2 * X, declared.InverseGamma(1, 1), -sympy.oo),
        (X, declared.Pareto(R(1, 2), 1), sympy.oo),
        ((X - 5) ** 2, declared.Pareto(R(3, 2), 1), sympy.oo),
        ((X - 5) ** 2, declared.Pareto(R(1, 2), 1), sympy.oo),
        (5 * X - X**2, declared.Pareto(R(1, 2), 1), -sympy.oo),
        (exp(X), declared.Gamma(3, 1), sympy.oo),
        (exp(X), declared.Laplace(0, 1), sympy.oo),
        (exp(X**2), declared.Normal(0, 2), sympy.oo),
        (exp(X / 5), declared.LogNormal(0, 1), sympy.oo),
        (exp(X), declared.Geometric(R(1, 2)), sympy.oo),
        (X**-2, declared.Weibull(2, 1), sympy.oo),
        (log(X) / X, declared.Exponential(1), -sympy.oo),
    ],
    ids=str,
)
def test_diverging_expectations_are_infinite(f, q, value) -> None:
    assert expectation(f, q) == value


@pytest.mark.parametrize("name", ["Exponential", "HalfNormal"])
def test_the_borderline_exponent_counts_as_diverging(name: str) -> None:
    q = member(name)
    assert expectation(X**-1, q) == sympy.oo
    assert expectation(X ** Rational(-999, 1000), q).is_finite is not False


def test_opposite_divergences_are_refused() -> None:
    with pytest.raises(CaviError, match="does not exist"):
        expectation(exp(3 * X) - exp(-3 * X), declared.Laplace(0, 1))
    with pytest.raises(CaviError, match="does not exist"):
        expectation(1 / (X - 2), declared.Laplace(2, 1))


def test_conditions_say_where_a_formula_holds() -> None:
    a, b, s, m = sympy.symbols("a b s m")
    assert conditions(1 / X, declared.Gamma(a, b)) == (a - 1,)
    assert conditions(X**2, declared.InverseGamma(a, b)) == (a - 2,)
    assert conditions(lambda x: exp(s * x), declared.Gamma(a, b)) == (b - s,)
    assert conditions(X, declared.Normal(m, b)) == ()
    assert conditions(declared.InverseGamma(2, 3), declared.Gamma(a, b)) == (a - 1,)
    assert conditions(X**s, declared.Beta(a, b)) == (a + s,)


# --- Jensen's gap --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in NAMES if n != "VonMises"])
def test_the_gap_of_the_square_is_the_variance(name: str) -> None:
    q = member(name)
    middle = averaged(name, lambda x, _: x)
    square = averaged(name, lambda x, _: x * x)
    agree(jensen_gap(X**2, q), square - middle**2)
    assert number(jensen_gap(X**2, q)) > 0


@pytest.mark.parametrize("name", ["Gamma", "InverseGamma", "LogNormal", "Weibull", "Pareto", "Beta", "HalfNormal"])
def test_the_sign_of_the_gap_is_that_of_the_curvature(name: str) -> None:
    assert number(jensen_gap(log(X), member(name))) < 0
    assert number(jensen_gap(sqrt(X), member(name))) < 0
    assert number(jensen_gap(X**3, member(name))) > 0


@pytest.mark.parametrize("name", ["Normal", "Laplace", "Gamma", "Poisson", "Bernoulli", "Binomial", "Geometric"])
def test_the_gap_of_the_exponential(name: str) -> None:
    assert number(jensen_gap(exp(X / 5), member(name))) > 0


def test_gaps_in_symbols() -> None:
    m, t, a, b, x = sympy.symbols("m t a b x")
    assert jensen_gap(x**2, declared.Normal(m, t), x) == 1 / t
    assert sympy.simplify(jensen_gap(lambda u: u**2, declared.Gamma(a, b)) - a / b**2) == 0
    assert jensen_gap(log(x), declared.Gamma(a, b)) == sympy.digamma(a) - log(a)


# --- symbols -------------------------------------------------------------------------------------


def test_published_divergences() -> None:
    m, t, s, u, v = sympy.symbols("m t s u v", positive=True)
    normal = kl(declared.Normal(m, std=s), declared.Normal(u, std=v))
    assert (
        sympy.simplify(normal - (log(v / s) + (s**2 + (m - u) ** 2) / (2 * v**2) - Rational(1, 2)).expand(log=True))
        == 0
    )
    laplace = kl(declared.Laplace(m, s), declared.Laplace(u, v))
    gap = Abs(m - u)
    known = log(v) - log(s) + gap / v + s / v * exp(-gap / s) - 1
    assert sympy.simplify(laplace - known) == 0
    weibull = kl(declared.Weibull(m, scale=s), declared.Weibull(u, scale=v))
    shown = log(m / s**m) - log(u / v**u) + (m - u) * (log(s) - sympy.EulerGamma / m)
    shown += (s / v) ** u * sympy.gamma(u / m + 1) - 1
    at = {m: Rational(7, 3), s: Rational(5, 4), u: Rational(9, 5), v: Rational(8, 3)}
    assert abs(number((weibull - shown).subs(at))) < 1e-25


def test_symbols_that_share_names_with_the_catalogue() -> None:
    rate, shape = sympy.Symbol("rate", positive=True), sympy.Symbol("shape", positive=True)
    x, r = sympy.Symbol("x", real=True), sympy.Symbol("r", real=True)
    # The names swapped: the shape is called rate.
    assert expectation(lambda u: u, declared.Gamma(rate, shape)) == rate / shape
    assert expectation(lambda u: u + rate, declared.Gamma(2, 3)) == rate + Rational(2, 3)
    y = sympy.Symbol("y")
    assert expectation(y * x, declared.Normal(x, 1), y) == x**2
    assert expectation(lambda u: u**r, declared.LogNormal(0, 1)) == exp(r**2 / 2)
    plain = sympy.Symbol("rate")
    assert kl(declared.Exponential(rate), declared.Exponential(plain)) == log(rate) - log(plain) - 1 + plain / rate


def test_a_squared_parameter_may_have_either_sign() -> None:
    s = sympy.Symbol("s")
    value = entropy(declared.Normal(0, s**2))
    assert value.subs(s, -2).equals(entropy(declared.Normal(0, 4)))


def test_an_argument_that_is_an_expression() -> None:
    a, b = sympy.symbols("a b")
    value = kl(declared.Normal(a - b, a**2 + 1), declared.Normal(0, 1))
    at = {a: Rational(3, 2), b: Rational(1, 7)}
    direct = kl(declared.Normal(R(19, 14), R(13, 4)), declared.Normal(0, 1))
    assert abs(number(value.subs(at)) - number(direct)) < 1e-25
    assert kl(declared.Gamma(a + b, 2 * b), declared.Gamma(a + b, 2 * b)) == 0


def test_functions_written_with_our_own_operations() -> None:
    from cavi.derive import operations

    a, b, x = sympy.symbols("a b x")
    q = declared.Gamma(a, b)
    assert expectation(operations.log(x), q) == expectation(log(x), q)
    assert expectation(lambda u: operations.exp(-u), q) == expectation(lambda u: exp(-u), q)


def test_the_mean() -> None:
    a, b = sympy.symbols("a b")
    assert mean(declared.Gamma(a, scale=b)) == a * b
    assert mean(declared.InverseGamma(3, 4)) == 2
    assert mean(declared.InverseGamma(1, 4)) == sympy.oo


# --- bad input -----------------------------------------------------------------------------------

Z = sympy.Symbol("z")
BAD = {
    "text for a distribution": (
        lambda: entropy("Normal(0, 1)"),
        "expected a distribution such as Normal(0, 1), found str 'Normal(0, 1)'",
    ),
    "a negative precision": (
        lambda: kl(declared.Normal(0, -1), declared.Normal(0, 1)),
        "Normal(0, -1): the precision is -1; expected a number above 0",
    ),
    "a probability above one": (
        lambda: mean(declared.Bernoulli(2)),
        "Bernoulli(2): the prob is 2; expected a number below 1",
    ),
    "a total that is not whole": (
        lambda: mean(declared.Binomial(R(5, 2), R(1, 2))),
        "Binomial(5/2, 1/2): the total is 5/2; expected a whole number, 0 or more",
    ),
    "bounds the wrong way round": (
        lambda: mean(declared.TruncatedNormal(0, 1, lower=2, upper=1)),
        "TruncatedNormal(0, 1, 2, 1): the lower bound 2 is not below 1",
    ),
    "a symbol that cannot be positive": (
        lambda: entropy(declared.Exponential(sympy.Symbol("n", negative=True))),
        "Exponential(n): the rate is n; expected a number above 0",
    ),
    "text for the function": (
        lambda: expectation("x**2", declared.Normal(0, 1)),
        "found str 'x**2' for the function; expected a SymPy expression in one symbol, or a function of one argument "
        "that gives one",
    ),
    "two free symbols": (
        lambda: expectation(Z * sympy.Symbol("y"), declared.Normal(0, 1)),
        "y*z: which symbol is the variable is not clear, found y, z; say symbol=x",
    ),
    "only parameters": (
        lambda: expectation(Z**2, declared.Normal(Z, 1)),
        "z**2: which symbol is the variable is not clear, found only parameters of q; say symbol=x",
    ),
    "an infinite function": (
        lambda: expectation(sympy.oo * Z, declared.Normal(0, 1)),
        "found oo*z for the function; expected finite values",
    ),
    "discrete against continuous": (
        lambda: kl(declared.Poisson(1), declared.Gamma(1, 1)),
        "Poisson and Gamma cannot be compared: the first is discrete, the second on the line; give two distributions "
        "of one kind",
    ),
    "supports that depend on symbols": (
        lambda: kl(declared.Pareto(2, Z), declared.Pareto(2, 1)),
        "whether Pareto puts mass wherever Pareto does depends on whether 1 <= z; give numbers, or symbols of known "
        "sign",
    ),
    "no closed form": (
        lambda: entropy(declared.Poisson(2)),
        "no closed form for E[loggamma(x + 1)] under Poisson(2); expected sums and products of the statistics of "
        "Poisson (x) and of what its moments give",
    ),
    "an infinite value with positive probability": (
        lambda: expectation(log(Z), declared.Bernoulli(R(1, 2))),
        "E[log(x)] does not exist under Bernoulli(1/2): it is not finite at 0",
    ),
    "a gap about an infinite mean": (
        lambda: jensen_gap(log(Z), declared.Pareto(1, 1)),
        "the mean of Pareto(1, 1) is infinite, so there is no Jensen gap; expected a finite mean",
    ),
}


@pytest.mark.parametrize("mistake", BAD)
def test_mistakes_get_a_clear_error(mistake: str) -> None:
    call, message = BAD[mistake]
    with pytest.raises(CaviError) as caught:
        call()
    assert str(caught.value) == message


def test_a_variable_of_a_model_is_refused() -> None:
    from cavi.derive import Model

    model = Model("m")
    k = model.index("k", "K")
    tau = model.latent("tau", declared.Gamma(1, 1), k)
    with pytest.raises(CaviError, match=r"found tau\[k\], which belongs to a model"):
        entropy(declared.Normal(0, tau[k]))
    with pytest.raises(CaviError, match="runs over an index"):
        entropy(declared.Dirichlet(1, over=k))
