"""Factors of one number that are in no family: their statistics are read off the conditional, whatever they are."""

import pytest

from cavi.derive import (
    ApproximationError,
    Bernoulli,
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
    sigmoid,
)
from cavi.derive.methods import LAST_REMEDY


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


def test_two_numbers_with_functions_of_both() -> None:
    """The parameters of a Beta: log Γ(a + b) is a statistic like any other, and of one number alone it is refused."""
    m = Model("beta")
    n = m.index("n", "N")
    a, b = m.latent("a", Gamma(2, 1)), m.latent("b", Gamma(2, 1))
    m.observed("x", Beta(a, b), n)
    update = derive(m, [("a", "b")], approximate={("a", "b"): "quadrature"}).update("a,b")
    named = {f.name for f in update.formulas if f.role == "standard"}
    assert named == {f"eta_{j}" for j in range(1, 8)} and {f.latent for f in update.formulas} == {"a", "b"}
    assert "log ∫∫ exp(" in str(update) and "correlation of a and b" in str(update)
    with pytest.raises(CaviError, match=r"log Γ\(a \+ b\)"):
        derive(m, approximate={"a": "quadrature", "b": "quadrature"})
    with pytest.raises(ApproximationError, match="found quadrature and cvi for the latents of one factor"):
        derive(m, [("a", "b")], approximate={"a": "quadrature", "b": "cvi"})


def test_relax_auto_takes_it_last() -> None:
    taken = derive(gamma_shape(), relax="auto")
    assert [(u.factor.name, u.numeric, u.proposed) for u in taken.updates] == [("a", True, True), ("b", False, False)]
    assert LAST_REMEDY in str(taken.update("a")) and LAST_REMEDY in taken.update("a").derivation.steps[-1].conditions
    asked = derive(gamma_shape(), relax="auto", approximate={"a": "quadrature"})
    assert not any(u.proposed for u in asked.updates)
    # A factor of more than two numbers is chosen to be Normal, and what a rule makes conjugate is left to it.
    m = Model("counts")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, w = m.covariate("X", n, d), m.latent("w", Normal(0, 1), d)
    m.observed("y", Poisson(exp(dot(w, x[n]))), n)
    assert [(u.chosen, u.proposed) for u in derive(m, [("w",)], relax="auto").updates] == [("cvi", True)]
    m = Model("both")
    n = m.index("n", "N")
    nu, w, x = m.latent("nu", Gamma(2, 1)), m.latent("w", Normal(0, 1)), m.covariate("x", n)
    u = m.latent("u", Gamma(nu / 2, nu / 2), n)
    m.observed("y", Bernoulli(sigmoid(w * x[n])), n)
    m.observed("z", Normal(w, u[n]), n)
    found = derive(m, relax="auto")
    assert [r.name for r in found.relaxations] == ["jaakkola_jordan"]
    assert [u.factor.name for u in found.updates if u.proposed] == ["nu"] and found.update("nu").numeric
