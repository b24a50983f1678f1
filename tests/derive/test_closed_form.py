"""Closed forms of single distributions against quadrature of densities that are written apart from them."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from cavi import derive
from cavi.derive import CaviError, families
from cavi.derive.closed_form import conditions, cross_entropy, entropy, expectation, jensen_gap, kl, mean
from cavi.derive.families.split import X
from cavi.verify.arithmetic import doubles, precise, precision, to_mpf
from cavi.verify.density import log_density

ENGINE = precise()
STEP = Fraction(1, 24)
# Two generic members of each family, in positional parameters.
MEMBERS = {
    "Normal": [("3/7", "13/5"), ("-2/3", "7/9")],
    "Gamma": [("17/5", "9/4"), ("13/6", "5/7")],
    "InverseGamma": [("31/7", "9/4"), ("27/5", "5/3")],
    "Beta": [("17/5", "9/4"), ("13/6", "22/7")],
    "Bernoulli": [("2/7",), ("5/9",)],
    "Binomial": [("4", "2/7"), ("6", "5/9")],
    "Poisson": [("7/3",), ("9/5",)],
    "Exponential": [("7/3",), ("9/5",)],
    "Geometric": [("2/7",), ("5/9",)],
    "NegativeBinomial": [("7/3", "3/7"), ("7/3", "5/9")],
    "LogNormal": [("3/7", "23/5"), ("-2/3", "37/9")],
    "Pareto": [("37/7", "5/4"), ("29/5", "3/4")],
    "Weibull": [("9/4", "5/3"), ("7/3", "8/9")],
    "Laplace": [("2/5", "3/4"), ("2/5", "5/4")],
    "HalfNormal": [("13/5",), ("7/9",)],
    "TruncatedNormal": [("3/7", "13/5", "1/5", "9/4"), ("2/3", "7/9", "1/5", "9/4")],
    "GeneralisedInverseGaussian": [("5/4", "7/3", "9/5"), ("3/7", "11/6", "8/3")],
    "VonMises": [("3/7", "13/5"), ("2/3", "7/9")],
}


def member(name: str, which: int) -> derive.Distribution:
    return getattr(derive, name)(*(sympy.Rational(v) for v in MEMBERS[name][which]))


def arguments(name: str, which: int) -> dict[str, Fraction]:
    return dict(
        zip((p.name for p in families.lookup(name).parameters), map(Fraction, MEMBERS[name][which]), strict=True)
    )


def log_p(e, name: str, which: int, x):
    return log_density(e, name, x, {k: e.number(v) for k, v in arguments(name, which).items()})


def _positions(name: str, args: dict[str, Fraction]):
    """Maps of the line onto pieces of the support, each with its slope."""
    support = families.lookup(name).support

    def exponential(start: Fraction, sign: int):
        return lambda e, t: (e.number(start) + sign * e("exp", t), e("exp", t))

    def logistic(low: Fraction, high: Fraction):
        def at(e, t):
            share = 1 / (1 + e("exp", -t))
            width = e.number(high - low)
            return e.number(low) + width * share, width * share / (1 + e("exp", t))

        return at

    if name == "Laplace":
        return [exponential(args["location"], 1), exponential(args["location"], -1)]
    return {
        "real": [lambda e, t: (t, t * 0 + 1)],
        "positive": [exponential(Fraction(0), 1)],
        "unit": [logistic(Fraction(0), Fraction(1))],
        "above": [exponential(args.get("minimum", Fraction(0)), 1)],
        "interval": [logistic(args.get("lower", Fraction(0)), args.get("upper", Fraction(1)))],
    }[support]


def quadrature(name: str, which: int, f):
    """E_q[f] with f(engine, x): trapezoidal sums on the line, or a sum over whole numbers."""
    support = families.lookup(name).support
    if support in ("binary", "count", "bounded_count"):
        top = {"binary": 1, "bounded_count": int(arguments(name, which).get("total", 1)), "count": 320}[support]
        total = mpmath.mpf(0)
        for k in range(top + 1):
            x = ENGINE.number(k)
            total += to_mpf(ENGINE("exp", log_p(ENGINE, name, which, x)) * f(ENGINE, x))
        return total
    if support == "angle":
        count = 240
        nodes = [ENGINE.constants("pi") * 2 * k / count for k in range(-count // 2, count // 2)]
        values = [ENGINE("exp", log_p(ENGINE, name, which, x)) * f(ENGINE, x) for x in nodes]
        return to_mpf(sum(values[1:], values[0]) * 2 * ENGINE.constants("pi") / count)
    total = mpmath.mpf(0)
    for position in _positions(name, arguments(name, which)):
        t = np.arange(-2400, 2401) * float(STEP)
        t = t[np.abs(t) < 80]
        with np.errstate(all="ignore"):
            x, slope = position(doubles(), t)
            rough = log_p(doubles(), name, which, x) + np.log(slope)
        inside = np.flatnonzero(np.nan_to_num(rough, nan=-np.inf) > np.nanmax(rough) - 260)
        for k in range(inside[0], inside[-1] + 1):
            exact, slope_k = position(ENGINE, ENGINE.number(round(t[k] * 24)) / 24)
            weight = ENGINE("exp", log_p(ENGINE, name, which, exact)) * slope_k
            total += to_mpf(weight * f(ENGINE, exact)) * STEP.numerator / STEP.denominator
    return total


def digits(claimed: sympy.Expr, found) -> float:
    value = mpmath.mpf(str(sympy.N(_numeric(claimed), 40)))
    gap = abs(value - found) / max(1, abs(found))
    return 60 if gap == 0 else float(-mpmath.log10(gap))


def _numeric(expr: sympy.Expr) -> sympy.Expr:
    """SymPy's numbers, with the special functions of the catalogue by mpmath."""
    by_name = {
        "log_bessel_i": lambda v, x: mpmath.log(mpmath.besseli(v, x)),
        "log_bessel_k": lambda v, x: mpmath.log(mpmath.besselk(v, x)),
        "dlog_bessel_k": lambda v, x: mpmath.diff(lambda u: mpmath.log(mpmath.besselk(u, x)), v),
        "log_normal_interval": lambda a, b: mpmath.log(mpmath.ncdf(b) - mpmath.ncdf(a)),
        "truncated_mean": lambda a, b: (mpmath.npdf(a) - mpmath.npdf(b)) / (mpmath.ncdf(b) - mpmath.ncdf(a)),
        "truncated_second": lambda a, b: (a * mpmath.npdf(a) - b * mpmath.npdf(b)) / (mpmath.ncdf(b) - mpmath.ncdf(a)),
    }
    values = {}
    for f in sympy.postorder_traversal(expr):
        if type(f).__name__ in by_name:
            with mpmath.workdps(60):
                args = [mpmath.mpf(str(sympy.N(a, 55))) for a in f.args]
                values[f] = sympy.Float(str(by_name[type(f).__name__](*args)), 45)
    return expr.xreplace(values)


PAIRS = [(a, b) for a in MEMBERS for b in MEMBERS]


def closed_pairs() -> list[tuple[str, str]]:
    found = []
    for a, b in PAIRS:
        try:
            value = kl(member(a, 0), member(b, 1))
        except CaviError:
            continue
        if value != sympy.oo:
            found.append((a, b))
    return found


CLOSED = closed_pairs()


def test_the_closed_forms_do_not_become_fewer() -> None:
    assert len(CLOSED) >= 60
    assert {(a, a) for a in MEMBERS} <= set(CLOSED)


@pytest.mark.parametrize(("q", "p"), CLOSED)
def test_divergence(q: str, p: str) -> None:
    with precision(50), mpmath.workdps(50):
        found = quadrature(q, 0, lambda e, x: log_p(e, q, 0, x) - log_p(e, p, 1, x))
        assert digits(kl(member(q, 0), member(p, 1)), found) >= 20
        assert found > 0


@pytest.mark.parametrize("name", MEMBERS)
def test_entropy(name: str) -> None:
    try:
        claimed = entropy(member(name, 0))
    except CaviError as error:
        assert "no closed form" in str(error)
        assert name in ("Poisson", "NegativeBinomial", "Binomial")
        return
    with precision(50), mpmath.workdps(50):
        assert digits(claimed, quadrature(name, 0, lambda e, x: -log_p(e, name, 0, x))) >= 20
    assert sympy.simplify(claimed - cross_entropy(member(name, 0), member(name, 0))) == 0


FUNCTIONS = {
    "mean": (X, lambda e, x: x),
    "square": (X**2, lambda e, x: x * x),
    "shifted cube": ((X - 1) ** 3, lambda e, x: (x - 1) * (x - 1) * (x - 1)),
    "log": (sympy.log(X), lambda e, x: e("log", x)),
    "reciprocal": (1 / X, lambda e, x: 1 / x),
    "x log x": (X * sympy.log(X), lambda e, x: x * e("log", x)),
    "root": (sympy.sqrt(X), lambda e, x: e("sqrt", x)),
    "exponential": (sympy.exp(X / 8), lambda e, x: e("exp", x / 8)),
    "log of a product": (sympy.log(3 * X**2), lambda e, x: e("log", 3 * x * x)),
}
EXPECTED = [(n, f) for n in MEMBERS for f in FUNCTIONS]


def known_expectations() -> list[tuple[str, str]]:
    found = []
    for name, f in EXPECTED:
        try:
            expectation(FUNCTIONS[f][0], member(name, 0))
        except CaviError:
            continue
        found.append((name, f))
    return found


KNOWN = known_expectations()


def test_the_known_expectations_do_not_become_fewer() -> None:
    assert len(KNOWN) >= 80


@pytest.mark.parametrize(("name", "f"), KNOWN)
def test_expectation(name: str, f: str) -> None:
    body, numeric = FUNCTIONS[f]
    with precision(50), mpmath.workdps(50):
        assert digits(expectation(body, member(name, 0)), quadrature(name, 0, numeric)) >= 20


@pytest.mark.parametrize("name", MEMBERS)
def test_the_gap_of_the_square_is_the_variance(name: str) -> None:
    try:
        gap = jensen_gap(X**2, member(name, 0))
    except CaviError:
        assert name == "VonMises"  # a mean on the circle is no expectation of x
        return
    with precision(50), mpmath.workdps(50):
        centre = quadrature(name, 0, lambda e, x: x)
        spread = quadrature(name, 0, lambda e, x: x * x)
        assert digits(gap, spread - centre**2) >= 20


@pytest.mark.parametrize("name", MEMBERS)
def test_a_divergence_from_itself_is_zero(name: str) -> None:
    assert sympy.simplify(kl(member(name, 0), member(name, 0))) == 0


@given(st.fractions(Fraction(1, 5), 5, max_denominator=20), st.fractions(Fraction(1, 5), 5, max_denominator=20))
@settings(deadline=None, max_examples=25)
def test_signs_of_gaps(shape: Fraction, rate: Fraction) -> None:
    q = derive.Gamma(shape, rate)
    assert jensen_gap(sympy.log(X), q).evalf() < 0
    assert jensen_gap(X**3, q).evalf() > 0
    assert kl(q, derive.Gamma(2, 3)).evalf() >= -1e-12


def test_symbols_are_the_users_own() -> None:
    """Bishop (2006), 1.53; the variance of a Normal in precisions."""
    m, a, n, b = sympy.symbols("m a n b")
    found = kl(derive.Normal(m, a), derive.Normal(n, b))
    assert found.free_symbols == {m, a, n, b}
    textbook = (sympy.log(a / b) - 1 + b / a + b * (m - n) ** 2) / 2
    assert sympy.simplify(sympy.expand_log(found - textbook, force=True)) == 0


def test_conditions_say_where_a_formula_holds() -> None:
    a, b = sympy.symbols("a b", positive=True)
    assert conditions(1 / X, derive.Gamma(a, b)) == (a - 1,)
    assert conditions(sympy.exp(2 * X), derive.Gamma(a, b)) == (b - 2,)
    assert conditions(X**2, derive.InverseGamma(a, b)) == (a - 2,)
    assert conditions(X**2, derive.Normal(0, a)) == ()


def test_supports_decide_whether_a_divergence_is_finite() -> None:
    assert kl(derive.Normal(0, 1), derive.Gamma(1, 1)) == sympy.oo
    assert kl(derive.Pareto(2, 1), derive.Pareto(2, 3)) == sympy.oo
    assert kl(derive.Binomial(5, Fraction(1, 2)), derive.Binomial(4, Fraction(1, 2))) == sympy.oo
    assert kl(derive.Gamma(2, 1), derive.Beta(2, 2)) == sympy.oo
    assert kl(derive.Beta(2, 2), derive.Exponential(1)).is_finite


def test_known_parameters_may_differ() -> None:
    value = kl(derive.Pareto(3, 2), derive.Pareto(2, 1))
    assert sympy.simplify(value - (sympy.log(sympy.Rational(3, 2)) + sympy.Rational(2, 3) - 1 + 2 * sympy.log(2))) == 0


C = sympy.Symbol("c")
REFUSED = {
    "no mean": (lambda: mean(derive.Pareto(Fraction(1, 2), 1)), r"E\[x\] does not exist under Pareto\(1/2, 1\)"),
    "no reciprocal": (lambda: expectation(1 / X, derive.Gamma(Fraction(1, 2), 1)), r"shape - 1 = -1/2 is not above 0"),
    "no closed form": (lambda: expectation(sympy.sin(X**2), derive.Gamma(2, 1)), r"no closed form"),
    "no entropy": (lambda: entropy(derive.Poisson(2)), r"the entropy of Poisson\(2\) has no closed form"),
    "bad precision": (lambda: entropy(derive.Normal(0, -1)), r"the precision is -1, which is not above 0"),
    "bad probability": (lambda: entropy(derive.Bernoulli(2)), r"the prob is 2, which is not below 1"),
    "discrete against density": (lambda: kl(derive.Poisson(1), derive.Normal(0, 1)), r"one is discrete"),
    "text": (lambda: expectation("x**2", derive.Normal(0, 1)), r"found the text 'x\*\*2'"),
    "two symbols": (lambda: expectation(C * sympy.Symbol("y"), derive.Normal(0, 1)), r"say which one is the variable"),
    "no distribution": (lambda: entropy(3), r"expected a distribution such as Normal\(0, 1\), found int"),
    "unknown order": (lambda: kl(derive.Pareto(2, C), derive.Pareto(2, 1)), r"depends on whether 1 ≤ c"),
    "vectors": (lambda: entropy(_dirichlet()), r"is a family of vectors"),
    "a pole": (lambda: expectation(1 / X, derive.Bernoulli(Fraction(1, 2))), r"not finite at 0"),
}


def _dirichlet() -> derive.Distribution:
    m = derive.Model("m")
    return derive.Dirichlet(1, over=m.index("k", "K"))


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(CaviError, match=message):
        call()
