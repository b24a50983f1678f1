"""Verdicts, proofs, counterexamples and refusals of `convexity` (Boyd and Vandenberghe, 2004, chapter 3)."""

from __future__ import annotations

import doctest
import math
import time
from itertools import product
from typing import Any

import pytest
import sympy as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sympy.core.function import AppliedUndef

from cavi.derive.errors import CaviError
from cavi.derive.identities import convexity as module
from cavi.derive.identities import sign as sign_module
from cavi.derive.identities.chord import certified
from cavi.derive.identities.convexity import convexity
from cavi.derive.identities.sign import Box, sign_of

x, y, z, t, a, b = sp.symbols("x y z t a b")
p = sp.Symbol("p", positive=True)
exp, log, oo, half, between = sp.exp, sp.log, sp.oo, sp.Rational(1, 2), sp.Interval.open
xy, xy_positive = {x: "real", y: "real"}, {x: "positive", y: "positive"}
ALPHA = (t**a - a * t + a - 1) / (a * (a - 1))

# function, domain, variable, verdict, strict
ZOO: list[tuple[Any, Any, Any, str, bool | None]] = [
    # Boyd and Vandenberghe (2004), 3.1.5
    (exp(a * x), "real", x, "convex", None),
    (exp(x), None, None, "convex", True),
    (exp(-x), None, None, "convex", True),
    (x ** (1 + p), "positive", x, "convex", True),
    (x ** (p / (1 + p)), "positive", x, "concave", True),
    (x**-p, "positive", x, "convex", True),
    (x**a, {x: "positive", a: between(1, oo)}, x, "convex", True),
    (x**a, {x: "positive", a: between(0, 1)}, x, "concave", True),
    (x**a, {x: "positive", a: between(-oo, 0)}, x, "convex", True),
    (sp.Abs(x) ** 3, "real", None, "convex", True),
    (log(x), None, None, "concave", True),
    (-log(x), None, None, "convex", True),
    (x * log(x), None, None, "convex", True),
    (sp.Max(x, y), xy, None, "convex", None),
    (x**2 / y, {x: "real", y: "positive"}, None, "convex", False),
    (log(exp(x) + exp(y)), xy, None, "convex", False),
    (log(exp(x) + exp(y) + exp(z)), {x: "real", y: "real", z: "real"}, None, "convex", False),
    (sp.sqrt(x * y), xy_positive, None, "concave", False),
    (sp.sqrt(x**2 + y**2), xy, None, "convex", None),
    # polynomials
    (x**2, None, None, "convex", True),
    (x**4, None, None, "convex", True),
    (x**3, "real", None, "neither", False),
    (x**3, "positive", None, "convex", True),
    (x**5, sp.Interval(0, 1), None, "convex", True),
    ((x - 1) ** 2 * (x + 1) ** 2, "real", None, "neither", False),
    (x**4 - x**3 / 100, "real", None, "neither", False),
    (a * x + b, "real", x, "affine", False),
    (sp.S(5), "real", x, "affine", False),
    ((x + 1) ** 2 - x**2, "real", None, "affine", False),
    (sp.sin(x) ** 2 + sp.cos(x) ** 2 + x, "real", None, "affine", False),
    (p * x**2, "real", x, "convex", True),
    # roots and reciprocals
    (1 / x, "positive", None, "convex", True),
    (1 / x, between(-oo, 0), None, "concave", True),
    (sp.sqrt(x), None, None, "concave", True),
    (sp.sqrt(x), "nonnegative", None, "concave", True),
    (x + 1 / x, "positive", None, "convex", True),
    (sp.sqrt(1 + x**2), "real", None, "convex", True),
    (sp.sqrt(1 - x**2), None, None, "concave", True),
    # exponentials and logarithms
    (log(1 + exp(x)), None, None, "convex", True),
    (1 / (1 + exp(-x)), None, None, "neither", False),
    (log(1 / (1 + exp(-x))), "real", None, "concave", True),
    (x * exp(x), "real", None, "neither", False),
    (x * exp(x), "positive", None, "convex", True),
    (x * exp(x), between(-2, oo), None, "convex", True),
    (exp(-(x**2) / 2), "real", None, "neither", False),
    (exp(x**2), "real", None, "convex", True),
    (2**x, "real", None, "convex", True),
    (x**x, "positive", None, "convex", True),
    (log(exp(x) - 1), "positive", None, "concave", True),
    (log(log(x)), between(1, oo), None, "concave", True),
    (log(x) / x, "positive", None, "neither", False),
    (log(x) / x, between(5, oo), None, "convex", True),
    (x**2 * log(x), "positive", None, "neither", False),
    (-x * log(x) - (1 - x) * log(1 - x), "unit", None, "concave", True),
    (-x * log(x) - (1 - x) * log(1 - x), None, None, "concave", True),
    (log(x) - log(1 - x), None, None, "neither", False),
    # hyperbolic, trigonometric and special functions
    (sp.cos(x), between(-sp.pi / 2, sp.pi / 2), None, "concave", True),
    (sp.sin(x), "real", None, "neither", False),
    (sp.tan(x), between(0, sp.pi / 2), None, "convex", True),
    (x**2 / 2 + sp.cos(x), "real", None, "convex", True),
    (sp.cosh(x), "real", None, "convex", True),
    (log(sp.cosh(x)), "real", None, "convex", True),
    (sp.tanh(x), "positive", None, "concave", True),
    (sp.atan(x), "positive", None, "concave", True),
    (sp.erf(x), "positive", None, "concave", True),
    (sp.loggamma(x), None, None, "convex", True),
    (sp.gamma(x), "positive", None, "convex", True),
    (sp.digamma(x), "positive", None, "concave", True),
    # generators of f-divergences (Csiszár, 1967; Liese and Vajda, 2006)
    (t * log(t), None, None, "convex", True),
    (t - log(t), None, None, "convex", True),
    ((sp.sqrt(t) - 1) ** 2, None, None, "convex", True),
    ((t - 1) ** 2, "positive", None, "convex", True),
    (sp.Abs(t - 1) / 2, "positive", None, "convex", False),
    (ALPHA, {t: "positive", a: between(0, 1)}, t, "convex", True),
    (ALPHA, {t: "positive", a: between(1, oo)}, t, "convex", True),
    (t * log(t) - (t + 1) * log((t + 1) / 2), None, None, "convex", True),
    # kinks and branches
    (sp.Abs(x), None, None, "convex", False),
    (-sp.Abs(x), "real", None, "concave", False),
    (sp.Abs(x - 1) + x**2, "real", None, "convex", True),
    (sp.Max(x, 1 - x), "real", None, "convex", False),
    (sp.Min(x, 1), "real", None, "concave", False),
    (sp.Max(x, x**2), "real", None, "convex", False),
    (sp.Max(0, x) ** 2, "real", None, "convex", False),
    (sp.Max(-(x**2), -1), "real", None, "neither", False),
    (sp.Abs(x**2 - 1), "real", None, "neither", False),
    (sp.Abs(x) ** sp.Rational(2, 3), "real", None, "neither", False),
    (log(1 + exp(sp.Abs(x))), "real", None, "convex", True),
    (sp.Max(0, x - a), "real", x, "convex", None),
    (p * sp.Abs(x - a) + x**2, "real", x, "convex", True),
    (sp.Piecewise((x**2 / 2, sp.Abs(x) <= 1), (sp.Abs(x) - half, True)), "real", None, "convex", False),
    (sp.Piecewise((x**2, x < 0), (x, True)), "real", None, "convex", False),
    (sp.Piecewise((x, x < 0), (x**2, True)), "real", None, "neither", False),
    (sp.Piecewise((0, x < 0), (1, True)), "real", None, "neither", False),
    (sp.Piecewise((1, sp.Eq(x, 0)), (x, True)), "nonnegative", None, "convex", False),
    (sp.Piecewise((-1, sp.Eq(x, 0)), (x, True)), "nonnegative", None, "concave", False),
    # several variables
    (x**2 + x * y + y**2, xy, None, "convex", True),
    (x**2 + 3 * x * y + y**2, xy, None, "neither", False),
    (x * y, xy, None, "neither", False),
    (x + 2 * y, xy, None, "affine", False),
    (x**4 + y**4, xy, None, "convex", None),
    (x * log(x / y), xy_positive, None, "convex", False),
    (x * log(x / y) - x + y, xy_positive, None, "convex", False),
    ((sp.sqrt(x) - sp.sqrt(y)) ** 2, xy_positive, None, "convex", False),
    (-log(x) - log(y), xy_positive, None, "convex", True),
    (log(x + y), xy_positive, None, "concave", False),
    (x * y / (x + y), xy_positive, None, "concave", False),
    (1 / (x * y), xy_positive, None, "convex", True),
    (sp.Min(x, y), xy, None, "concave", None),
    (sp.Abs(x - y), xy, None, "convex", False),
    (exp(sp.Max(x, y)) + x**2, xy, None, "convex", None),
]


@pytest.mark.parametrize(("function", "domain", "symbol", "verdict", "strict"), ZOO, ids=lambda v: str(v)[:40])
def test_zoo(function: Any, domain: Any, symbol: Any, verdict: str, strict: bool | None) -> None:
    start = time.perf_counter()
    found = convexity(function, domain, symbol)
    assert found.verdict == verdict, found.reason
    assert found.strict is strict
    assert time.perf_counter() - start < 5  # ten times the aim, for slow machines
    assert found.is_convex == (verdict in ("convex", "affine"))
    assert found.is_concave == (verdict in ("concave", "affine"))
    assert found.derivation.steps


@pytest.mark.parametrize(("function", "domain", "symbol", "verdict"), [c[:4] for c in ZOO if c[3] == "neither"])
def test_a_refutation_is_two_true_chords(function: Any, domain: Any, symbol: Any, verdict: str) -> None:
    found = convexity(function, domain, symbol)
    assert found.counterexample is not None
    for chord, above in ((found.counterexample.above, True), (found.counterexample.below, False)):
        assert chord is not None and 0 < chord.t < 1
        ends = [dict(zip(found.symbols, point, strict=True)) for point in (chord.x, chord.y, chord.point)]
        assert all(v.is_Rational and v in i for p in ends for v, i in zip(p.values(), found.domain, strict=True))
        f_x, f_y, f_p = (sp.N(found.function.subs(e, simultaneous=True), 40) for e in ends)
        assert (f_p > chord.t * f_x + (1 - chord.t) * f_y) is sp.S(above)


@pytest.mark.parametrize(
    ("function", "domain", "symbol", "verdict"), [c[:4] for c in ZOO if c[3] in ("convex", "concave")]
)
def test_every_step_of_a_proof_is_true(function: Any, domain: Any, symbol: Any, verdict: str) -> None:
    """Equalities and signs hold at a point of the domain; steps in substituted variables are skipped."""
    found = convexity(function, domain, symbol)
    seen = 0
    for step in found.derivation:
        if step.rule.name in (
            "definition by chords",
            "extension to the end",
            "choice of the branch",
            "one-sided derivatives at a joint",
        ):
            continue
        before, after = sp.sympify(step.before), sp.sympify(step.after)
        if not (before - after).free_symbols <= set(found.symbols) or step.relation not in ("=", ">", "<", "≥", "≤"):
            continue
        if found.function.has(sp.Abs, sp.Max, sp.Min, sp.Piecewise) or before.atoms(AppliedUndef):
            continue
        at = {
            s: sp.Rational(7, 5) if i.end > 2 and i.start < 1 else _inside(i)
            for s, i in zip(found.symbols, found.domain, strict=True)
        }
        gap = sp.N((before.doit() - after).subs(at), 30)
        if step.relation == "=":
            assert abs(gap) < 1e-20
        else:
            assert {">": gap > 0, "<": gap < 0, "≥": gap >= 0, "≤": gap <= 0}[step.relation]
        seen += 1
    assert (
        seen
        or found.function.has(sp.Abs, sp.Max, sp.Min, sp.Piecewise)
        or found.function.free_symbols - set(found.symbols)
    )


def _inside(interval: Any) -> Any:
    if interval.end == oo:
        return interval.start + sp.Rational(7, 5)
    if interval.start == -oo:
        return interval.end - sp.Rational(7, 5)
    return interval.start + (interval.end - interval.start) * sp.Rational(2, 5)


def test_the_derivation_goes_from_the_derivatives_to_the_chord() -> None:
    found = convexity(x * log(x), "positive")
    steps = [(str(s.before), s.relation, str(s.after), s.rule.name) for s in found.derivation]
    assert steps == [
        ("Derivative(x*log(x), x)", "=", "log(x) + 1", "differentiation"),
        ("Derivative(x*log(x), (x, 2))", "=", "1/x", "differentiation"),
        ("1/x", ">", "0", "sign by assumption"),
        (
            "t*x*log(x) + y*(1 - t)*log(y)",
            ">",
            "(t*x + y*(1 - t))*log(t*x + y*(1 - t))",
            "definition by chords",
        ),
    ]
    assert found.second_derivative == 1 / x
    assert found.derivation.conclusion == "x*log(x) is strictly convex on Interval.open(0, oo)"


@pytest.mark.parametrize(
    ("function", "domain", "symbol", "reason"),
    [
        (
            sp.zeta(x),
            "positive",
            None,
            "chords refute both verdicts, but the function is not proved defined everywhere",
        ),
        (a * x**2, "real", x, "no rule decides for all values of a"),
        (x**a, "positive", x, "no rule decides for all values of a"),
        (sp.loggamma(x) + sp.loggamma(y) - sp.loggamma(x + y), xy_positive, None, "not concave, by the chord found"),
    ],
)
def test_what_is_not_proved_is_undecided(function: Any, domain: Any, symbol: Any, reason: str) -> None:
    found = convexity(function, domain, symbol)
    assert (found.verdict, found.strict, found.is_convex, found.is_concave) == ("undecided", None, False, False)
    assert found.reason.startswith(reason)


WRONG: list[tuple[Any, Any, Any, str]] = [
    (log(x), "real", None, "log(x) is not real at x = -1; give a domain inside (0, oo)"),
    (sp.sqrt(x), "real", None, "sqrt(x) is not real at x = -1; give a domain inside [0, oo)"),
    (x ** sp.Rational(1, 3), between(-1, 1), None, "x**(1/3) is not real at x = -1/2; give a domain inside [0, oo)"),
    (1 / x, "real", None, "1/x is not defined at x = 0; give a domain that does not contain 0"),
    (
        1 / (x**2 - 4),
        between(0, 3),
        None,
        "1/(x**2 - 4) is not defined at x = 2; give a domain that does not contain 2",
    ),
    (log(x), "nonnegative", None, "log(x) is not defined at x = 0; give a domain without this end"),
    (1 / x, None, None, "the domain of 1/x is not evident from x ≠ 0; give domain=, a SymPy Interval"),
    (log(x * y), xy, None, "log(x*y) is not defined at x = 0, y = 0; give a smaller domain"),
    (sp.S(3), None, None, "3 has no free symbol; give symbol= to treat it as a constant function"),
    (3, None, None, "3 has no free symbol; give symbol= to treat it as a constant function"),
    (
        x * y,
        None,
        None,
        "x*y has several symbols (x, y); name the variable with symbol=, or give domain= as a dict from each variable "
        "to its interval",
    ),
    (sp.I * x, "real", None, "I*x has complex coefficients or symbols; convexity is defined for real functions only"),
    ("x**2", "real", None, "expected a SymPy expression, found str 'x**2'; build it from sympy.Symbol"),
    (None, "real", None, "expected a SymPy expression, found NoneType None; build it from sympy.Symbol"),
    (x > 1, "real", None, "expected a SymPy expression, found StrictGreaterThan x > 1; build it from sympy.Symbol"),
    (
        sp.Derivative(sp.Function("f")(x), x),
        "real",
        None,
        "Derivative(f(x), x) is not evaluated; give a closed form, for instance by .doit()",
    ),
    (
        sp.Integral(exp(-(t**2)), (t, 0, x)),
        "real",
        None,
        "Integral(exp(-t**2), (t, 0, x)) is not evaluated; give a closed form, for instance by .doit()",
    ),
    (x + oo, "real", None, "x + oo is not finite; give a function with finite values"),
    (
        x**2,
        "reals",
        None,
        "unknown domain 'reals'; give a SymPy Interval or one of 'real', 'positive', 'nonnegative', 'unit'",
    ),
    (
        x**2,
        sp.Union(sp.Interval(0, 1), sp.Interval(2, 3)),
        None,
        "the domain Union(Interval(0, 1), Interval(2, 3)) of x is not convex; give one interval",
    ),
    (x**2, sp.FiniteSet(1), None, "the domain of x must be an interval of positive length, found {1}"),
    (x**2, sp.S.Naturals, None, "the domain of x must be an interval of positive length, found Naturals"),
    (x**2, sp.Interval(0, p), None, "the ends of the domain Interval(0, p) of x must be numbers"),
    (p**2, "real", None, "p is declared positive, but its domain is Interval(-oo, oo); make the two agree"),
    (
        sp.Symbol("n", integer=True) ** 2,
        "real",
        None,
        "n is declared integer; convexity needs a variable on an interval of real numbers",
    ),
    (
        sp.tan(x),
        "real",
        None,
        "tan(x) is not defined at a point between x = -1 and x = 2; give a domain on one side of it",
    ),
    (
        x**a,
        {x: "positive", a: sp.Interval(1, 2)},
        x,
        "the interval Interval(1, 2) of the parameter a must be open; give Interval.open(1, 2)",
    ),
    (x**2, {}, None, "the dict of domains is empty; give an interval for each variable"),
    (x**2, {"x": "real"}, None, "the keys of the dict of domains must be sympy.Symbol objects, found 'x'"),
    (x**2, {y: "real"}, x, "the dict of domains has no interval for x; add it"),
    (x**2, "real", "x", "symbol= must be a sympy.Symbol, found 'x'"),
]


@pytest.mark.parametrize(("function", "domain", "symbol", "message"), WRONG, ids=lambda v: str(v)[:30])
def test_bad_input_is_refused(function: Any, domain: Any, symbol: Any, message: str) -> None:
    with pytest.raises(CaviError) as caught:
        convexity(function, domain, symbol)
    assert str(caught.value) == message


def test_decimal_numbers_are_read_as_written() -> None:
    assert convexity(sp.Float("0.1") * x**2, "real").second_derivative == sp.Rational(1, 5)


def test_the_natural_domain_is_found() -> None:
    assert convexity(log(1 - x**2)).domain == (between(-1, 1),)
    assert convexity(sp.sqrt(x - 2)).domain == (sp.Interval(2, oo),)
    assert convexity(p * log(p)).domain == (between(0, oo),)


def test_equal_chord_ends_are_no_evidence() -> None:
    assert certified(x**2, (x,), (sp.S.One,), (sp.S.One,), half) is None


MIRROR = {"convex": "concave", "concave": "convex", "affine": "affine", "neither": "neither", "undecided": "undecided"}
PLAIN = [c for c in ZOO if c[2] is None and len(c[0].free_symbols) == 1 and not c[0].has(sp.gamma, sp.tan)]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PLAIN))
def test_the_negative_mirrors_the_verdict(case: Any) -> None:
    function, domain = case[0], convexity(case[0], case[1]).domain[0]
    mirrored = convexity(-function, domain)
    assert mirrored.verdict == MIRROR[case[3]]
    assert mirrored.strict is case[4]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(PLAIN), st.sampled_from([-3, -1, half, 2]), st.integers(-2, 2))
def test_an_affine_change_of_the_argument_keeps_the_verdict(case: Any, slope: Any, shift: int) -> None:
    function = case[0]
    if function.has(sp.Piecewise):
        return
    symbol = next(iter(function.free_symbols))
    interval = convexity(function, case[1]).domain[0]
    ends = [
        ((end - shift) / slope, is_open)
        for end, is_open in ((interval.start, interval.left_open), (interval.end, interval.right_open))
    ]
    (low, low_open), (high, high_open) = ends if slope > 0 else ends[::-1]
    changed = convexity(function.subs(symbol, slope * symbol + shift), sp.Interval(low, high, low_open, high_open))
    assert changed.verdict in (case[3], "undecided")
    if case[3] in ("affine", "neither"):
        assert changed.verdict == case[3]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([c for c in PLAIN if c[3] == "convex"]), st.sampled_from([c for c in PLAIN if c[3] == "convex"]))
def test_a_sum_of_convex_functions_is_never_found_otherwise(one: Any, two: Any) -> None:
    f, g = (c[0].xreplace({next(iter(c[0].free_symbols)): x}) for c in (one, two))
    domain = sp.Intersection(convexity(one[0], one[1]).domain[0], convexity(two[0], two[1]).domain[0])
    if isinstance(domain, sp.Interval):
        assert convexity(f + g, domain).verdict in ("convex", "affine", "undecided")


COEFFICIENTS = st.lists(st.fractions(-5, 5, max_denominator=4), min_size=3, max_size=5)


@settings(max_examples=40, deadline=None)
@given(COEFFICIENTS, st.sampled_from([(-oo, oo), (0, oo), (-oo, 1), (-1, 2)]))
def test_polynomials_agree_with_dense_chords(coefficients: list[Any], ends: Any) -> None:
    numbers = [sp.Rational(c.numerator, c.denominator) for c in coefficients]
    function = sum((c * x**k for k, c in enumerate(numbers)), sp.S.Zero)
    low, high = ends
    found = convexity(function, between(low, high), symbol=x)
    assert found.verdict != "undecided"
    left, right = max(float(low), -12.0), min(float(high), 12.0)
    grid = [left + (right - left) * (k + 0.5) / 24 for k in range(24)]
    values = [sum(float(c) * v**k for k, c in enumerate(numbers)) for v in grid]
    gaps = [
        values[(i + j) // 2] - (values[i] + values[j]) / 2 for i, j in product(range(24), repeat=2) if (i + j) % 2 == 0
    ]
    tolerance = 1e-9 * max(1.0, *map(abs, values))
    if found.is_convex:
        assert max(gaps) <= tolerance
    if found.is_concave:
        assert min(gaps) >= -tolerance


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(
    st.recursive(
        st.sampled_from([x, x, sp.S(2), sp.S(-1), half]),
        lambda inner: st.one_of(
            st.builds(lambda u, v: u + v, inner, inner),
            st.builds(lambda u, v: u * v, inner, inner),
            st.builds(lambda f, u: f(u), st.sampled_from([exp, sp.cos, sp.tanh, sp.Abs, sp.atan]), inner),
            st.builds(lambda u: u**2, inner),
            st.builds(lambda u: log(1 + u**2), inner),
            st.builds(lambda u, v: sp.Max(u, v), inner, inner),
        ),
        max_leaves=4,
    ),
    st.sampled_from([(-2.0, 2.0), (0.0, 3.0)]),
)
def test_a_verdict_is_never_contradicted_by_a_chord(function: Any, ends: tuple[float, float]) -> None:
    if sp.count_ops(function) > 12:
        return
    found = convexity(function, between(*map(int, ends)), symbol=x)
    compiled = sp.lambdify(x.subs(x, sp.Symbol("x")), function, modules="math")
    grid = [ends[0] + (ends[1] - ends[0]) * (k + 0.5) / 40 for k in range(40)]
    try:
        values = [float(compiled(v)) for v in grid]
    except OverflowError:
        return
    gaps = [values[i] - (values[i - d] + values[i + d]) / 2 for d in (1, 5, 12) for i in range(d, 40 - d)]
    tolerance = 1e-10 * max(1.0, *map(abs, values))
    if math.isfinite(tolerance):
        assert not found.is_convex or max(gaps) <= tolerance
        assert not found.is_concave or min(gaps) >= -tolerance


def test_signs_that_cannot_be_proved_are_not_guessed() -> None:
    real, parameter = sp.Symbol("x", real=True), sp.Symbol("c", real=True)
    line = Box(((real, -oo, oo),))
    for expr in (real, real**3, parameter * real**2, sp.sin(real), 1 / real**2, real**2 - sp.Rational(1, 10**12)):
        assert sign_of(expr, line) is None


def test_documented_examples_run() -> None:
    for documented in (module, sign_module):
        assert doctest.testmod(documented).failed == 0
