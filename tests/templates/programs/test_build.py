"""Graphs of arrays become index notation: by values against NumPy, and by the text of the declaration."""

import functools
import math
from fractions import Fraction

import numpy as np
import pytest
from imported import Values

from cavi.derive import DeclarationError, Gamma, Model, Normal
from cavi.derive.expression import Power
from cavi.templates.programs import build, graph, reading
from cavi.templates.programs.algebra import SYMBOLIC, number, power
from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import (
    Node,
    axes,
    before,
    constant,
    contract,
    elementwise,
    expanded,
    inverse,
    joined,
    matmul,
    reshaped,
    softmax,
    take,
    total,
    transposed,
    unknown,
)
from cavi.templates.programs.sites import Drawn, Mixed, Site

RNG = np.random.default_rng(8)


variable = functools.cache(graph.variable)  # the value of a variable is one node wherever it stands


def drawn(name, size, family, labels=None, observed=None, **args) -> Site:
    nodes = {n: a if isinstance(a, Node) else constant(a) for n, a in args.items()}
    return Site(variable(name, size), Drawn(family, nodes), labels or (None,) * len(size), observed)


def normal(name, *shape, **more) -> Site:
    return drawn(name, shape, "Normal", mean=0.0, std=1.0, **more)


def replaced(node: Node, values) -> Node:
    """The graph with values in place of variables."""
    if node.op == "variable":
        return constant(values[node.name])
    return Node(node.op, tuple(replaced(a, values) for a in node.args), node.shape, node.detail)


a, b, c, s = (variable(n, shape) for n, shape in (("a", (3, 2)), ("b", (2,)), ("c", (3, 3)), ("s", ())))
z = variable("z", (4,))
E, F = variable("e", (2, 3, 1, 2)), variable("flag", (4,))
KNOWN = RNG.normal(size=(3, 2))
POSITIVE = elementwise("add", matmul(a, transposed(a)), constant(np.eye(3) * 2.0))
MEANS = {
    "product": matmul(a, b),
    "transposed": matmul(constant(KNOWN.T, "K"), matmul(c, a)),
    "outer": elementwise("mul", expanded(b, [0, None]), expanded(b, [None, 0])),
    "batch": contract(a, constant(KNOWN), ((1,), (1,)), ((0,), (0,))),
    "sums": elementwise("sub", total(a, (0,)), elementwise("mul", b, total(c, (0, 1)))),
    "repeated": elementwise("div", axes(s, [None, None], (3, 2)), constant(KNOWN**2 + 1.0)),
    "categories": elementwise("add", take(elementwise("mul", a, b), [z, constant(1)]), s),
    "nested": take(take(c, [z]), [None, constant(np.array([2, 0, 1, -1]))]),
    "side by side in a vector": take(joined([reshaped(s, (1,)), take(b, [constant(np.array([1]))])], 0), [F]),
    "one of two vectors": take(joined([b, take(a, [constant(2)])], 0), [constant(np.array(3))]),
    "comparisons": elementwise("where", elementwise("eq", z, constant(1)), s, elementwise("ne", F, constant(0))),
    "from the end": take(
        b, [elementwise("where", elementwise("lt", F, constant(0)), elementwise("add", F, constant(2)), F)]
    ),
    "side by side": take(c, [z, constant(np.arange(4) % 3)]),
    "apart": take(E, [None, z, None, F]),
    "running": take(c, [constant(np.arange(3)), constant(np.arange(3))]),
    "inverse": matmul(inverse(POSITIVE), a),
    "diagonal": matmul(Node("diagonal", (b,), (2, 2)), b),
    "functions": elementwise("sigmoid", elementwise("add", elementwise("square", b), elementwise("exp", s))),
    "one element": elementwise("mul", reshaped(take(a, [constant(np.array([-1])), None]), (2,)), b),
}


@pytest.mark.parametrize("name", MEANS)
def test_elements_are_those_of_numpy(name: str) -> None:
    mean = MEANS[name]
    pi = drawn("pi", (3,), "Dirichlet", concentration=np.array([1.0, 2.0, 3.0]))
    category = Site(z, Drawn("Categorical", {"probs": pi.node}), (None,))
    flag = drawn("flag", (4,), "Bernoulli", prob=0.3)
    latents = [normal("a", 3, 2), normal("b", 2), normal("c", 3, 3), normal("s"), normal("e", 2, 3, 1, 2)]
    latents += [pi, category, flag]
    y = drawn("y", mean.shape, "Normal", observed=np.zeros(mean.shape), mean=mean, std=1.0)
    imported = build("graph", [*latents, y])
    point = Values(imported, 1)
    expected = value(replaced(mean, point.arrays), {})
    (node,) = (v for v in point.claim.nodes if v["name"] == "y")
    for shift in (0.0, 1.0):
        point.put("y", expected + shift)
        wanted = -expected.size * (math.log(2 * math.pi) + shift) / 2
        assert point.log_node(node) == pytest.approx(wanted, rel=1e-9)


def test_axes_of_one_length_are_one_only_where_they_meet() -> None:
    w, x = normal("w", 3), normal("x", 3, 3)
    apart = build("apart", [w, drawn("y", (3,), "Normal", observed=np.zeros(3), mean=0.0, std=1.0)])
    assert apart.model.text() == (
        "model apart\nindex d in D, n in N\nw[d] ~ Normal(0, std=1)\nobserved y[n] ~ Normal(0, std=1)\n"
    )
    met = drawn("y", (3,), "Normal", ("row",), np.zeros(3), mean=matmul(x.node, w.node), std=1.0)
    assert build("met", [w, x, met]).model.text() == (
        "model met\nindex d in D, row in N_row\nw[d] ~ Normal(0, std=1)\nx[row, d] ~ Normal(0, std=1)\n"
        "observed y[row] ~ Normal(dot(x[row], w), std=1)\n"
    )
    named = [normal("u", 3, labels=("site",)), drawn("y", (3,), "Normal", ("site",), np.zeros(3), mean=0.0, std=1.0)]
    assert "u[site]" in (text := build("named", named).model.text()) and "y[site]" in text


def test_parameters_are_converted_without_a_trace() -> None:
    tau = drawn("tau", (2,), "Gamma", shape=2.0, scale=elementwise("reciprocal", constant(4.0)))
    root = elementwise("div", constant(1.0), elementwise("sqrt", elementwise("mul", constant(3.0), tau.node)))
    mu = drawn("mu", (2,), "Normal", mean=0.0, std=root)
    spread = drawn("v", (), "InverseGamma", shape=2.0, scale=1.0)
    x = drawn("x", (2,), "Normal", observed=np.zeros(2), mean=mu.node, std=elementwise("sqrt", spread.node))
    assert build("converted", [tau, mu, spread, x]).model.text() == (
        "model converted\nindex n in N\ntau[n] ~ Gamma(2, 4)\nmu[n] ~ Normal(0, 3 * tau[n])\n"
        "v ~ InverseGamma(2, 1)\nobserved x[n] ~ Normal(mu[n], variance=v)\n"
    )


def test_powers_are_joined_only_where_that_holds_for_every_value() -> None:
    m = Model("m")
    x, t = m.latent("x", Normal(0, 1)), m.latent("t", Gamma(1, 1))
    two, half = Fraction(2), Fraction(1, 2)
    root = power(power(x, two), half)
    assert isinstance(root, Power) and isinstance(root.base, Power)
    assert power(power(t, -two), -half) is t and power(power(x, half), two) is x
    assert str(SYMBOLIC["sqrt"](number(9))) == "3" and str(SYMBOLIC["sqrt"](number(2))) == "sqrt(2)"
    assert str(SYMBOLIC["sub"](number(1), SYMBOLIC["sub"](number(1), t))) == "t"
    assert SYMBOLIC["sign"](x) is None and str(SYMBOLIC["sign"](t)) == "1"


def test_what_is_known_is_one_array_with_the_name_that_it_has() -> None:
    w = normal("w", 2)
    design, weight = constant(KNOWN, "X"), constant(np.array([1.0, 0.5, 2.0]), "share")
    centred = elementwise("sub", design, constant(KNOWN.mean(0)))
    again = elementwise("where", elementwise("gt", weight, constant(0.0)), weight, constant(1.0))
    y = drawn("y", (3,), "Normal", ("n",), np.ones(3), mean=matmul(centred, w.node), std=weight)
    found = build("known", [w, Site(y.node, y.distribution, y.labels, y.value, again)])
    assert found.model.text() == (
        "model known\nindex d in D, n in N\nw[d] ~ Normal(0, std=1)\ncovariate y_known[n, d], share[n]\n"
        "observed y[n] ~ Normal(dot(y_known[n], w), std=share[n]), weight = share[n]\n"
    )
    assert found.arguments["data"]["y_known"] == pytest.approx(KNOWN - KNOWN.mean(0))
    assert found.arguments["hyper"] == {} == found.arguments["sizes"]


def test_a_mixture_gets_its_categories() -> None:
    mu = normal("mu", 2)
    component = Drawn("Normal", {"mean": mu.node, "std": constant(1.0)})
    y = Site(variable("y", (3,)), Mixed(constant(np.array([0.25, 0.75])), component), (None,), np.zeros(3))
    found = build("mixed", [mu, y])
    assert found.model.text() == (
        "model mixed\nindex k in K, n in N\nmu[k] ~ Normal(0, std=1)\nhyper y_category_probs[k]\n"
        "y_category[n] ~ Categorical(y_category_probs)\nobserved y[n] ~ Normal(mu[y_category[n]], std=1)\n"
    )


def test_a_chain_refers_to_the_element_before() -> None:
    x = variable("x", (2, 5))
    rho = normal("rho", 2)
    mean = elementwise("mul", expanded(rho.node, [0, None]), before(x))
    step = Drawn("Normal", {"mean": mean, "std": constant(0.5)})
    first = Drawn("Normal", {"mean": constant(1.0), "std": constant(2.0)})
    y = drawn("y", (2, 5), "Normal", ("series", "t"), np.zeros((2, 5)), mean=x, std=1.0)
    assert build("chained", [rho, Site(x, step, (None, None), initial=first), y]).model.text() == (
        "model chained\nindex series in N_series, t in T\nrho[series] ~ Normal(0, std=1)\n"
        "x[series, t] ~ Normal(rho[series] * x[series, t-1], std=0.5), first ~ Normal(1, std=2)\n"
        "observed y[series, t] ~ Normal(x[series, t], std=1)\n"
    )


def test_normalised_exponentials_are_probabilities() -> None:
    x, w = constant(KNOWN, "X"), normal("w", 4, 2)
    logits = matmul(x, transposed(w.node))
    y = drawn("y", (3,), "Categorical", observed=np.array([0, 3, 1]), probs=softmax(logits))
    found = build("classes", [w, y])
    assert "observed y[n] ~ Categorical(softmax(" in found.model.text()
    point = Values(found, 0)
    a = KNOWN @ point.arrays["w"].T
    expected = (a - np.log(np.exp(a).sum(1, keepdims=True)))[np.arange(3), [0, 3, 1]].sum()
    (node,) = (v for v in point.claim.nodes if v["name"] == "y")
    assert point.log_node(node) == pytest.approx(expected, rel=1e-9)
    other = elementwise("div", elementwise("exp", logits), expanded(total(elementwise("exp", w.node), (1,)), [None, 0]))
    with pytest.raises(DeclarationError, match="cannot be shown to be a probability vector"):
        build("other", [w, drawn("y", (3,), "Categorical", observed=np.array([0, 3, 1]), probs=other)])


def test_equal_probabilities_are_one_over_the_number_of_categories() -> None:
    mu = normal("mu", 3)
    z = drawn("z", (4,), "Categorical", probs=np.full(3, 1 / 3))
    y = drawn("y", (4,), "Normal", observed=np.zeros(4), mean=take(mu.node, [z.node]), std=1.0)
    text = build("equal", [mu, z, y]).model.text()
    assert "z[n] ~ Categorical(1 / K, over=k)\n" in text


@pytest.mark.parametrize(
    ("mean", "message"),
    [
        (take(c, [F]), "the mean of y: found axes of 2 and 3 elements as one"),
        (unknown("the operation erf", (s,), ()), "y: found the operation erf in its mean; there is no index notation"),
        (joined([b, b], 0), "y: found arrays laid end to end in its mean"),
        (take(b, [elementwise("add", z, constant(1))]), "y: found a selection by computed positions .add. in its mean"),
        (take(b, [constant(np.array([0.5, 1.0]))]), "y_index: found positions of type float64"),
        (elementwise("tanh", s), r"y: found tanh\(s\) in its mean; expected add, sub"),
        (elementwise("add", s, constant(np.inf)), "y: found the number inf in its mean"),
    ],
)
def test_refusals_name_the_variable_and_the_operation(mean: Node, message: str) -> None:
    category = Site(z, Drawn("Categorical", {"probs": constant(np.array([0.2, 0.5, 0.3]))}), (None,))
    flag = drawn("flag", (4,), "Bernoulli", prob=0.3)
    y = drawn("y", mean.shape, "Normal", observed=np.zeros(mean.shape), mean=mean, std=1.0)
    with pytest.raises(DeclarationError, match=message):
        build("refused", [normal("b", 2), normal("c", 3, 3), normal("s"), category, flag, y])


def test_a_loop_that_nests_too_deeply_is_refused() -> None:
    mean = s
    for _ in range(3000):
        mean = elementwise("exp", mean)
    sites = [normal("s"), drawn("y", (), "Normal", observed=np.zeros(()), mean=mean, std=1.0)]
    with pytest.raises(DeclarationError, match="deep: the operations are nested too deeply"), reading("deep"):
        build("deep", sites)
