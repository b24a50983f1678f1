"""Factors of one number that are in no family: their statistics are read off the conditional, whatever they are."""

import pytest

from cavi.derive import (
    ApproximationError,
    Beta,
    CaviError,
    Gamma,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    derive,
    dot,
    exp,
    log,
)


def gamma_shape() -> Model:
    m = Model("gamma_shape")
    n = m.index("n", "N")
    a = m.latent("a", Gamma(2, 3))
    b = m.latent("b", Gamma(4, 5))
    m.observed("x", Gamma(a, b), n)
    return m


def regression() -> Model:
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Normal(dot(w, x[n]), 1), n)
    return m


def test_the_statistics_are_those_of_the_conditional() -> None:
    update = derive(gamma_shape(), approximate={"a": "quadrature"}).update("a")
    named = {str(t).replace("loggamma", "lgamma"): str(c) for t, c in update.natural.items()}
    assert named == {"a": "E[log b]*N + Sum(log(x[n]), (n, 1, N)) - 3", "lgamma(a)": "-N", "log(a)": "1"}
    assert update.numeric and str(update.family) == "Numeric"
    assert update.derivation.conclusion == "q*(a) is normalised numerically, to a relative 1e-10"
    assert [s.rule.name for s in update.derivation][-1] == "normalised numerically"
    # What the start from the prior lacks has the coefficient zero.
    assert [f.name for f in update.initial if f.role == "standard"] == ["eta_1", "eta_2", "eta_3"]


def test_a_function_of_data_has_a_coefficient_for_each_of_them() -> None:
    m = Model("rates")
    n = m.index("n", "N")
    w = m.latent("w", Normal(0, 1))
    x = m.covariate("x", n)
    m.observed("y", Poisson(exp(w * x[n])), n)
    update = derive(m, approximate={"w": "quadrature"}).update("w")
    over_data = [f for f in update.formulas if f.role == "standard" and f.indices]
    assert [f.indices for f in over_data] == [(n,)]
    assert over_data[0].value.number == -1


def test_a_refusal_names_it_where_it_applies() -> None:
    with pytest.raises(NonConjugateError, match=r"or derive\(m, approximate=\{'a': 'quadrature'\}\)$"):
        derive(gamma_shape())
    m = Model("product")
    n = m.index("n", "N")
    u, v = m.latent("u", Normal(0, 1)), m.latent("v", Normal(0, 1))
    m.observed("y", Poisson(exp(u * v)), n)
    with pytest.raises(NonConjugateError, match=r"exp\(u·v\)") as refused:
        derive(m)
    assert "quadrature" not in str(refused.value)


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(ApproximationError, match="'c' is not a latent"):
        derive(gamma_shape(), approximate={"c": "quadrature"})
    with pytest.raises(ApproximationError, match="did you mean 'quadrature'"):
        derive(gamma_shape(), approximate={"a": "quadratur"})
    with pytest.raises(ApproximationError, match="over more than two numbers"):
        derive(regression(), factors=[("w",)], approximate={"w": "quadrature"})
    counts = Model("counts")
    n = counts.index("n", "N")
    s = counts.latent("s", Poisson(2))
    counts.observed("y", Normal(s, 1), n)
    with pytest.raises(ApproximationError, match="s has the support count; expected one of real, positive, unit"):
        derive(counts, approximate={"s": "quadrature"})
    with pytest.raises(CaviError, match="in no closed form"):
        alone = Model("alone")
        n = alone.index("n", "N")
        p = alone.latent("p", Beta(2, 3))
        alone.observed("y", Normal(log(p), 1), n)
        _ = derive(alone, approximate={"p": "quadrature"}).exact
