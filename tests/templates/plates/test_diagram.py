"""What a plate diagram says: nodes, arrows and plates of declared models."""

import pytest
from zoo import ZOO

from cavi import models
from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal, Poisson, Sum
from cavi.templates.latex.tex import to_tex
from cavi.templates.plates import PlateDiagram, plate_diagram

ALL = [*models.names(), *ZOO]


def declared(name: str) -> Model:
    return models.load(name) if name in models.names() else ZOO[name][0]()


def arrows(d: PlateDiagram) -> set[tuple[str, str, str]]:
    return {(e.tail, e.head, e.kind) for e in d.edges}


def plates(d: PlateDiagram) -> dict[str, set[str]]:
    return {p.name: set(p.members) for p in d.plates}


def test_gaussian_mixture() -> None:
    d = plate_diagram(models.load("gaussian_mixture"))
    assert {("z", "x", "selects"), ("mu", "x", "value"), ("tau", "mu", "value"), ("pi", "z", "value")} <= arrows(d)
    assert plates(d) == {"N": {"x", "z"}, "K": {"mu", "tau"}}
    assert [n.name for n in d.nodes if n.shaded] == ["x"]
    assert {n.name: to_tex(n.label) for n in d.nodes}["mu"] == r"\mu_k"


def test_weights_and_gathers_of_topics() -> None:
    d = plate_diagram(models.load("lda"))
    assert {("doc", "z", "selects"), ("count", "z", "weight"), ("count", "w", "weight")} <= arrows(d)
    assert "Known data: count, doc." in d.described()
    assert "z depends on theta, doc (selects), count (weight)." in d.described()


def test_a_chain_shows_the_element_before() -> None:
    d = plate_diagram(models.load("hmm_gaussian"))
    assert ("z'", "z", "before") in arrows(d)
    assert to_tex(next(n.label for n in d.nodes if n.kind == "before")) == "z_{t - 1}"
    assert plates(d)["T"] == {"z", "z'", "x"}
    assert ("pi", "z", "value") in arrows(d)  # of the first element


def test_two_indices_of_one_set_on_one_variable_are_two_plates() -> None:
    d = plate_diagram(models.load("stochastic_block_model"))
    assert plates(d) == {"N (i)": {"x", "z"}, "N (j)": {"x"}, "U": {"pi"}}


def test_two_indices_of_one_set_on_two_variables_are_one_plate() -> None:
    assert plates(plate_diagram(models.load("hmm_gaussian")))["K"] == {"A", "Lambda", "mu"}


def test_the_axes_of_a_vector_are_no_plate() -> None:
    d = plate_diagram(models.load("gaussian_mixture_full"))
    assert set(plates(d)) == {"N", "K"}


def test_a_vector_of_concentrations_is_not_repeated() -> None:
    m = Model("mixture")
    n, k = m.index("n", "N"), m.index("k", "K")
    alpha, rate = m.hyper("alpha", k), m.latent("lam", Gamma(2, 1), k)
    z = m.latent("z", Categorical(m.latent("pi", Dirichlet(alpha[k], over=k))), n)
    m.observed("x", Poisson(rate[z[n]]), n)
    assert plates(plate_diagram(m))["K"] == {"lam"}


def test_a_hyperparameter_of_each_element_is_repeated() -> None:
    m = Model("rates")
    n, k = m.index("n", "N"), m.index("k", "K")
    rate = m.latent("lam", Gamma(m.hyper("a", k)[k], 1), k)
    m.observed("x", Poisson(rate[k]), n, k)
    assert plates(plate_diagram(m))["K"] == {"a", "lam", "x"}


def test_points_and_observed_functions() -> None:
    kinds = {n.name: n.kind for n in plate_diagram(models.load("poisson_matrix_factorisation")).nodes}
    assert kinds["x"] == "function"
    kinds = {n.name: n.kind for n in plate_diagram(models.load("gaussian_mixture_em")).nodes}
    assert kinds["mu"] == "point"


def test_what_is_a_value_and_selects_is_a_value() -> None:
    m = Model("both")
    n, k = m.index("n", "N"), m.index("k", "K")
    w = m.latent("w", Normal(0, 1), k)
    s = m.covariate("s", n)
    m.observed("x", Normal(Sum(w[k] * s[n], k), 1), n, weight=s[n])
    assert ("s", "x", "value") in arrows(plate_diagram(m))


@pytest.mark.parametrize("name", ALL)
def test_every_declared_dependence_is_an_arrow(name: str) -> None:
    """Against another source: the references that SymPy-free expressions list themselves."""
    m = declared(name)
    d = plate_diagram(m)
    found = {(e.tail, e.head) for e in d.edges}
    assert [n.name for n in d.nodes if n.kind != "before"] == [v.name for v in m.variables]
    for v in m.variables:
        expressions = [] if v.distribution is None else list(v.distribution.args.values())
        expressions += [e for e in (v.constraint, v.weight) if e is not None]
        for ref in (r for e in expressions for r in e.refs() if r.name != v.name):
            assert (ref.name, v.name) in found
        for i in v.plates:
            if v.role not in ("hyper", "covariate", "observed_index"):
                assert any(v.name in p.members and i.name in p.indices for p in d.plates)
    assert len(found) == len(d.edges)
    assert d.legend().endswith(".") and d.described()
