"""Every node of the language against a calculation by hand."""

import math
from fractions import Fraction

import pytest

from cavi.verify.arithmetic import digits_of, precise, precision, to_float, to_mpf
from cavi.verify.averages import Infeasible
from cavi.verify.identities.evaluate import Evaluator
from cavi.verify.identities.instance import GRIDS, draw_instance

DIGITS = 30
X, Y, Z = (["var", n] for n in "xyz")
A, B = ["sym", "a", "real"], ["sym", "b", "positive"]
ETA, CHI = ["vec", "eta"], ["vec", "chi"]
K, J = ["label", "k"], ["label", "j"]


def num(x):
    return ["num", str(x)]


def add(*terms):
    return ["add", list(terms)]


def mul(*terms):
    return ["mul", list(terms)]


def fn(name, *args):
    return ["fn", name, list(args)]


def density(name, variables, given=(), parameters=()):
    return ["density", name, list(variables), list(given), list(parameters)]


def f(*args, kind="real", name="f"):
    return ["unknown", name, kind, list(args)]


def minus(a, b):
    return add(a, mul(num(-1), b))


P_XZ, P_X, P_Z = density("p", [X, Z]), density("p", [X]), density("p", [Z])
P_Z_X, Q = density("p", [Z], [X]), density("q", [Z])
LOG = {name: fn("log", d) for name, d in [("xz", P_XZ), ("x", P_X), ("q", Q), ("z", P_Z), ("z|x", P_Z_X)]}


def evaluator(*lines, continuous=False, assumptions=(), grid=GRIDS[0], seed=3):
    steps = [{"before": e, "relation": "=", "after": e, "rule": "", "gap": None} for e in lines]
    claim = {"left": lines[0], "relation": "=", "right": lines[0]}
    plain = {"assumptions": list(assumptions), "steps": steps, "claim": claim}
    return Evaluator(precise(), draw_instance(plain, continuous, seed, 0, 0), grid, DIGITS)


def same(left, right, *, continuous=False, assumptions=(), digits=DIGITS) -> bool:
    with precision(3 * DIGITS):
        e = evaluator(left, right, continuous=continuous, assumptions=assumptions)
        return digits_of(e.value(left), e.value(right), 1e-3) >= digits


# Pairs that are equal by a definition or an axiom; each is false if one side is evaluated wrongly.
EQUAL = {
    "mass of a joint": (["mass", P_XZ, [X, Z]], num(1)),
    "mass of a conditional": (["mass", P_Z_X, [Z]], num(1)),
    "marginal": (["mass", P_XZ, [Z]], P_X),
    "conditional": (mul(P_Z_X, P_X), P_XZ),
    "expectation": (["expect", f(Z), Q], ["mass", mul(f(Z), Q), [Z]]),
    "expectation under a conditional": (["expect", f(Z, X), P_Z_X], ["mass", mul(f(Z, X), P_Z_X), [Z]]),
    "covariance": (
        ["cov", f(Z), Z, Q],
        minus(["expect", mul(f(Z), Z), Q], mul(["expect", f(Z), Q], ["expect", Z, Q])),
    ),
    "divergence": (["kl", Q, P_Z_X], ["mass", mul(Q, minus(LOG["q"], LOG["z|x"])), [Z]]),
    "entropy": (["entropy", Q], mul(num(-1), ["mass", mul(Q, LOG["q"]), [Z]])),
    "bound": (["elbo", Q, P_XZ], ["mass", mul(Q, minus(LOG["xz"], LOG["q"])), [Z]]),
    "f-divergence": (
        ["fdiv", P_Z, Q, mul(["sym", "u", "positive"], fn("log", ["sym", "u", "positive"])), ["sym", "u", "positive"]],
        ["kl", P_Z, Q],
    ),
    "two copies": (
        ["expect", mul(f(["sample", "z", num(1)]), f(["sample", "z", num(2)])), ["iid", Q, num(2)]],
        ["pow", ["expect", f(Z), Q], num(2)],
    ),
    "mean over copies": (
        ["expect", ["average", f(["sample", "z", K]), K, num(2), num(0)], ["iid", Q, num(2)]],
        ["expect", f(Z), Q],
    ),
    "a copy left out": (
        ["expect", ["total", f(["sample", "z", K]), K, num(2), num(1)], ["iid", Q, num(2)]],
        ["expect", f(Z), Q],
    ),
    "the variable beside its copies": (["expect", mul(f(Z), num(3)), ["iid", Q, num(1)]], mul(f(Z), num(3))),
    "slope of a density": (
        ["grad", ["mass", density("w", [Z], (), [A]), [Z]], A],
        num(0),
    ),
    "slope under the sum": (
        ["grad", ["expect", f(Z), density("w", [Z], (), [A])], A],
        ["mass", mul(f(Z), ["grad", density("w", [Z], (), [A]), A]), [Z]],
    ),
    "conditional law of its own": (["mass", density("c", [Z], [X]), [Z]], num(1)),
}


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("name", EQUAL)
def test_definitions(name: str, continuous: bool) -> None:
    assert same(*EQUAL[name], continuous=continuous)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (mul(P_Z_X, P_X), mul(P_Z, P_X)),
        (P_X, density("q", [X])),
        (LOG["z"], LOG["q"]),
        (f(X), f(Y)),
        (f(X), f(X, name="g")),
        (density("w", [Z], (), [A]), density("w", [Z], (), [B])),
        (f(X, Z), f(Z, X)),
        (["kl", Q, P_Z], ["kl", P_Z, Q]),
    ],
)
@pytest.mark.parametrize("continuous", [False, True])
def test_arbitrary_things_differ(left, right, continuous: bool) -> None:
    assert not same(left, right, continuous=continuous, digits=4)


def test_variables_of_a_joint_are_dependent() -> None:
    for continuous in (False, True):
        assert not same(P_XZ, mul(P_X, P_Z), continuous=continuous, digits=4)


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (["total", K, K, num(5), num(0)], 15),
        (["total", K, K, num(5), num(2)], 13),
        (["average", K, K, num(5), num(0)], 3),
        (["average", mul(K, K), K, num(3), num(3)], 2.5),
        (["total", ["average", add(K, J), K, num(3), J], J, num(3), num(0)], 12),
        (["at", ["pow", A, num(3)], A, num(2)], 8),
        (["at", ["grad", ["pow", A, num(3)], A], A, num(2)], 12),
        (["at", ["grad", ["grad", ["pow", A, num(3)], A], A], A, num(2)], 12),
        (["grad", ["at", ["pow", A, num(3)], A, num(2)], A], 0),
        (["at", ["pow", B, A], A, num(0)], 1),
        (["pow", num(4), num("3/2")], 8),
        (["pow", num(2), num("1/3")], 2 ** (1 / 3)),
        (fn("tanh", num("1/2")), math.tanh(0.5)),
        (fn("cosh", num("1/2")), math.cosh(0.5)),
        (fn("sinh", num("1/2")), math.sinh(0.5)),
        (fn("Abs", num("-5/2")), 2.5),
        (fn("sqrt", num(2)), math.sqrt(2)),
        (fn("loggamma", num("7/2")), math.lgamma(3.5)),
        (fn("digamma", num(1)), -0.5772156649015329),
        (fn("polygamma", num(0), num(1)), -0.5772156649015329),
        (fn("polygamma", num(1), num(1)), math.pi**2 / 6),
        (fn("erf", num("1/2")), math.erf(0.5)),
        (fn("Max", num(2), num(3), num(-1)), 3),
        (fn("Min", num(2), num(3), num(-1)), -1),
        (["const", "pi"], math.pi),
        (["const", "E"], math.e),
        (add(), 0),
        (mul(), 1),
    ],
)
def test_numbers(e, expected: float) -> None:
    with precision(DIGITS * 3):
        assert to_float(evaluator(e).value(e)) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_vectors() -> None:
    one, two = num(1), num(2)
    inner = add(
        mul(["component", ETA, one], ["component", CHI, one]), mul(["component", ETA, two], ["component", CHI, two])
    )
    assert same(["inner", ETA, CHI], inner)
    assert same(["inner", add(ETA, mul(num(2), CHI)), CHI], add(inner, mul(num(2), ["inner", CHI, CHI])))
    assert same(["grad", ["inner", ETA, CHI], ["component", ETA, two]], ["component", CHI, two])
    t = f(Z, kind="vector", name="t")
    assert same(["component", ["expect", t, Q], K], ["expect", ["component", t, K], Q])
    with precision(60):
        e = evaluator(ETA)
        assert len(e.value(add(ETA, ETA))) == 2


@pytest.mark.parametrize("kind", ["add", "inner", "component", "fn", "mul"])
def test_vectors_and_numbers_are_not_confused(kind: str) -> None:
    bad = {
        "add": add(ETA, num(1)),
        "inner": ["inner", ETA, num(1)],
        "component": ["component", num(1), num(1)],
        "fn": fn("log", ETA),
        "mul": mul(ETA, CHI),
    }[kind]
    with precision(60), pytest.raises(Infeasible):
        evaluator(bad).value(bad)


def test_a_convex_function_and_its_slope() -> None:
    h, slope = f(B, kind="convex", name="h"), f(B, kind="slope", name="h")
    assert same(["grad", h, B], slope)
    with precision(120):
        second = ["grad", slope, B]
        for seed in range(5):
            assert to_mpf(evaluator(second, seed=seed).value(second)) > 0


def test_a_positive_function_is_positive() -> None:
    g = f(A, kind="positive", name="g")
    with precision(60):
        assert all(to_mpf(evaluator(g, seed=s).value(g)) > 0 for s in range(10))


def test_definitions_take_values_for_placeholders() -> None:
    square = ["definition", f(A, name="s"), ["pow", A, num(2)]]
    assert same(f(add(B, num(1)), name="s"), ["pow", add(B, num(1)), num(2)], assumptions=[square])
    mean = ["definition", f(Z, name="F"), ["expect", f(X, Z), density("r", [X])]]
    assert same(
        ["expect", f(Z, name="F"), Q], ["expect", ["expect", f(X, Z), density("r", [X])], Q], assumptions=[mean]
    )
    tilted = ["definition", density("t", [Z], (), [A]), mul(fn("exp", mul(A, Z)), Q)]
    assert same(["mass", density("t", [Z], (), [B]), [Z]], ["expect", fn("exp", mul(B, Z)), Q], assumptions=[tilted])
    both = ["definition", f(A, B, name="D"), minus(A, B)]
    assert same(f(B, A, name="D"), minus(B, A), assumptions=[both])


def test_a_circular_definition_ends() -> None:
    circle = ["definition", f(A, name="s"), f(add(A, num(1)), name="s")]
    with precision(60), pytest.raises(Infeasible, match="circle"):
        evaluator(f(A, name="s"), assumptions=[circle]).value(f(A, name="s"))


def test_a_pushforward_has_the_law_of_the_map() -> None:
    eps, phi = ["var", "eps"], ["sym", "phi", "real"]
    q, r, g = density("q", [Z], (), [phi]), density("r", [eps]), f(eps, phi, name="g")
    assumption = ["pushforward", q, r, g]
    for body, moved in [(Z, g), (fn("sin", Z), fn("sin", g)), (mul(Z, Z), mul(g, g))]:
        assert same(["expect", body, q], ["expect", moved, r], continuous=True, assumptions=[assumption], digits=24)
    with pytest.raises(Infeasible, match="continuous variables"):
        same(["expect", Z, q], ["expect", g, r], assumptions=[assumption])


def test_a_joint_that_factorises() -> None:
    p = density("p", [X, Y, Z])
    factors = [density("p", [X]), density("p", [Y], [X]), density("p", [Z], [X])]
    assumption = ["factorises", p, factors]
    assert same(p, mul(*factors), assumptions=[assumption])
    assert same(density("p", [Y], [X, Z]), density("p", [Y], [X]), assumptions=[assumption])
    assert not same(density("p", [Y], [Z]), density("p", [Y]), assumptions=[assumption], digits=4)


def test_factors_must_cover_the_joint() -> None:
    short = ["factorises", density("p", [X, Z]), [density("p", [Z])]]
    with pytest.raises(Infeasible, match="product of factors of z"):
        same(P_XZ, P_Z, assumptions=[short])


@pytest.mark.parametrize(
    ("e", "words"),
    [
        (fn("zeta", A), "no rule to evaluate the function zeta"),
        (["sample", "z", num(1)], "stands outside"),
        (["expect", num(1), ["iid", Q, num(40)]], "over 40 copies"),
        (["total", num(1), K, num(10**7), num(0)], "a sum of 10000000 terms"),
        (["average", num(1), K, num(0), num(0)], "a mean over nothing"),
        (["component", ETA, num(3)], "component 3"),
        (f(A, B, kind="convex"), "has no meaning"),
        (add(density("w", [Z], (), [A]), density("w", [Z])), "parameters in one place"),
        (add(density("c", [Z], [X]), density("c", [Z])), "only known given x"),
    ],
)
def test_what_has_no_value_says_why(e, words: str) -> None:
    with precision(60), pytest.raises(Infeasible, match=words):
        evaluator(e).value(e)


def test_nested_sums_do_not_take_for_ever() -> None:
    e = K
    for name in ("k", "j", "i", "h"):
        e = ["total", e, ["label", name], num(4000), num(0)]
    with precision(40), pytest.raises(Infeasible, match="evaluations"):
        evaluator(e).value(e)


def test_large_tables_are_refused() -> None:
    e = ["expect", f(*([["sample", "z", num(k)] for k in range(1, 5)])), ["iid", Q, num(4)]]
    with precision(40), pytest.raises(Infeasible, match="points"):
        evaluator(e, continuous=True).value(e)


def test_values_do_not_depend_on_the_order_of_evaluation() -> None:
    with precision(60):
        one, two = evaluator(LOG["x"], f(A)), evaluator(LOG["x"], f(A))
        first = one.value(f(A)), one.value(LOG["x"])
        second = two.value(LOG["x"]), two.value(f(A))
    assert digits_of(first[0], second[1]) > 50
    assert digits_of(first[1], second[0]) > 50


def test_free_variables_do_not_move_with_the_grid() -> None:
    with precision(60):
        values = [evaluator(LOG["x"], continuous=True, grid=g).value(LOG["x"]) for g in GRIDS[:2]]
    assert digits_of(*values) > 30


def test_differences_of_the_step_do_not_show() -> None:
    line = ["grad", fn("log", density("w", [Z], (), [A])), A]
    with precision(100):
        values = [evaluator(line, grid=g).value(line) for g in GRIDS[:2]]
    assert digits_of(*values) > 30
    assert GRIDS[0].step == Fraction(26, 100)
