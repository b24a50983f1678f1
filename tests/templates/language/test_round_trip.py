"""What is written reads back as the same model: the library, the zoo, and random models."""

import pytest
import zoo_joint  # noqa: F401  (adds to the zoo)
from random_models import draw
from random_scope import Program
from zoo import ZOO

from cavi import models
from cavi.derive import Categorical, CaviError, Gamma, Model, Normal, Sum, derive, exp, size
from cavi.derive.index import Index
from cavi.derive.plain import plain_model
from cavi.templates.language import read_model, write_model


def assert_same(model: Model) -> None:
    text = write_model(model)
    again = read_model(text)
    assert plain_model(again) == plain_model(model), text
    assert again.joint == model.joint and again.indices == model.indices
    assert write_model(again) == text  # what is written of what was read is the same text


@pytest.mark.parametrize("name", models.names())
def test_the_library(name: str) -> None:
    assert_same(models.load(name))


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo(name: str) -> None:
    assert_same(ZOO[name][0]())


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_random_models(start: int) -> None:
    read = 0
    for seed in range(start, start + 10):
        program = draw(seed)
        declared = Program(tuple(line for line in program.lines if not line.startswith("derived")))
        try:
            model = declared.run()["m"]
        except CaviError:
            continue
        assert_same(model)
        read += 1
    assert read > 5


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "hmm_autoregression"])
def test_what_was_read_derives_to_the_same_formulas(name: str) -> None:
    info = models.info(name)
    again = read_model(models.load(name).text())
    assert derive(again, factors=info.factors).plain() == models.derived(name).plain()


def expressions():
    """Each kind of expression, with hyperparameters a, b, vectors u, v, and matrices S, R."""
    m = Model("m")
    n, k, d, e = m.index("n", "N"), m.index("k", 3), m.index("d", "D"), m.index("e", "D")
    a, b = m.hyper("a b")
    u, s = m.hyper("u", d), m.hyper("S", d, e)
    for value in (
        a - (b - a),
        a - b - a,
        a / (b * a),
        a / b * a,
        a * (b / a),
        -(a**2),
        (-a) ** 2,
        -a * b,
        -(a * b),
        a * -b,
        a - -b,
        a ** (b + 1),
        a**-1,
        a**-0.5,
        (a**b) ** 2,
        a ** (b**2),
        2**-a,
        a * 0.125,
        a - 1e-7,
        a + 10**20,
        size(n) + size(k),
        1 / size(k),
        exp(-(a + b)),
        abs(a - b),
        Sum(u[d] * s[d, e] * u[e], d, e),
        Sum(u[d], d) * Sum(u[d], d),
        Sum(Sum(u[d], d) * u[d], d),
        Sum(s[d, d], d),
        u @ s @ u,
        (s @ s.T)[0, 1],
        u[0] + s[1, 0],
        Sum(1 / (1 + exp(-u[d])), d),
    ):
        yield m, n, d, value


@pytest.mark.parametrize("position", range(len(list(expressions()))))
def test_expressions(position: int) -> None:
    m, n, _, value = list(expressions())[position]
    m.observed("x", Normal(value, 1), n)
    assert_same(m)


def test_a_sum_does_not_capture_a_plate_of_its_name() -> None:
    m = Model("m")
    d, e = m.index("d", "D"), m.index("e", "D")
    s = m.hyper("S", d, e)
    u = m.hyper("u", d)
    m.observed("x", Normal(Sum(u[e] * s[e, d], e) + (u @ s)[d] * Sum(u[d] * s[d, e], d) * u[d], 1), d, e)
    assert_same(m)


def test_names_that_are_words_of_the_language() -> None:
    m = Model("model")
    first, over = m.index("first", "in_0"), m.index("over", 2)
    weight, where = m.hyper("weight where")
    m.covariate("starts", first)
    index = m.latent("index", Gamma(weight, where), over)
    m.observed("point", Categorical(1 / size(over), over=over), first)
    m.observed("observed", Normal(index[0], 1), first)
    assert_same(m)


@pytest.mark.parametrize("title", ['a "quoted" title', "two\nlines", "back\\slash", "Pólya", "# no comment"])
def test_titles(title: str) -> None:
    m = Model("m", title=title)
    m.observed("x", Normal(0, 1))
    assert_same(m)
    assert read_model(m.text()).title == title


def test_points() -> None:
    m = Model("m")
    n, k, d, e = m.index("n", "N"), m.index("k", "K"), m.index("d", "D"), m.index("e", "D")
    m.point("p", n, over=k)
    m.point("r", n, k, support="simplex")
    m.point("L", k, d, e, support="positive_definite")
    m.point("t", support="positive")
    m.point("free", d)
    assert_same(m)
    assert read_model(m.text()).variable("L").event == (Index("d", "D"), Index("e", "D"))
