"""Bounds with a free tilt: the equation, its premises, and the step that finds the best tilt."""

import numpy as np
import pytest
from sympy import cosh, exp, log

from cavi.derive import (
    ApproximationError,
    Bernoulli,
    Categorical,
    Gamma,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    RelaxationError,
    Tilt,
    derive,
    dot,
    sigmoid,
    softmax,
)
from cavi.derive import exp as exponential
from cavi.derive.families.special import softplus
from cavi.derive.relaxations.bound import T
from cavi.derive.relaxations.catalogue import tilts
from cavi.derive.relaxations.tilt import D, X


def classes() -> Model:
    m = Model("classes")
    n, k = m.index("n", "N"), m.index("k", "K")
    a = m.latent("w", Normal(0, 1), k)
    m.observed("y", Categorical(softmax(a)), n)
    return m


def labels() -> Model:
    m = Model("labels")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return m


@pytest.mark.parametrize("rule", tilts())
def test_rules_of_the_catalogue_are_proved(rule: Tilt) -> None:
    assert rule.proof.steps[0].rule.name == "free tilt"
    assert rule.proof.steps[-1].rule.name == "concave in the tilt"


def test_the_equation_holds_for_every_tilt() -> None:
    """-log Σ exp x = -a·x - log Σ exp(x - a·x), and with the tangent it is below."""
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=5), rng.normal(size=5)
    tilt = a @ x
    whole = -np.log(np.exp(x).sum())
    assert np.isclose(-tilt - np.log(np.exp(x - tilt).sum()), whole)
    assert -tilt - (np.exp(x - tilt).sum() / 0.7 - 1 + np.log(0.7)) < whole


def test_another_function_is_one_declaration() -> None:
    rule = Tilt("cosh", statistic=exp(X - D) + exp(-X - D), function=-log(2 * cosh(X)))
    assert rule.proof.conclusion.startswith("-log(2*cosh(x)) is -a*x - log(")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"statistic": exp(X - 2 * D)}, "not seen that -d - log(S*exp(-2*d)) is -log(S) whatever d is"),
        ({"statistic": exp(X) - D}, "expected a factor that is the same for all elements"),
        ({"statistic": exp(X)}, "expected one with a tilt d"),
        ({"statistic": exp(X - D), "keep": D, "convex": log(T)}, "that is concave"),
        ({"statistic": exp(X - D), "keep": X}, "the part to keep is x; expected a SymPy expression in d alone"),
        ({"statistic": exp(-D) + exp(X - 2 * D), "function": -softplus(X)}, "whatever d is"),
    ],
)
def test_what_is_no_tilt_is_refused(given: dict, message: str) -> None:
    with pytest.raises(RelaxationError) as error:
        _ = Tilt("mine", **given).proof
    assert message in str(error.value)


def test_the_best_tilt_has_a_step_and_its_place_follows() -> None:
    d = derive(classes(), [("w",)], bounds={"y": "knowles_minka"}, approximate={"w": "cvi"})
    update = d.update("a")
    assert update.climbs == ("xi",)
    assert [f.name for f in update.formulas][-4:] == ["gradient", "curvature", "inverse_curvature", "value"]
    assert d.relaxations[0].tilts == ("a",)
    assert any(s.rule.name == "Newton's method" for s in update.derivation)


def test_an_expansion_is_no_expectation_of_a_tilt() -> None:
    with pytest.raises(NonConjugateError, match="as an exponential under a Normal factor is"):
        derive(labels(), [("w",)], bounds={"y": "knowles_minka"}, approximate={"w": "delta"})


def test_only_what_works_is_proposed() -> None:
    with pytest.raises(NonConjugateError) as error:
        derive(labels(), [("w",)], bounds={"y": "knowles_minka"})
    assert "approximate={'w': 'cvi'}" in str(error.value)
    assert "delta" not in str(error.value)


def poisson(prior: object = None) -> Model:
    m = Model("counts")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    b = m.point("b", Normal(0, 1), d) if prior is None else m.point("b", prior, d)
    m.observed("y", Poisson(exponential(dot(b, x[n]))), n)
    return m


def test_a_point_of_the_user_is_found_by_steps() -> None:
    with pytest.raises(NonConjugateError, match=r"approximate=\{'b': 'newton'\}"):
        derive(poisson(), [("b",)])
    update = derive(poisson(), [("b",)], approximate={"b": "newton"}).update("b")
    assert update.climbs == ()
    assert str(update.formulas[1].value.monomials[0].bound[0].size) == "N"


def test_a_function_that_is_not_concave_is_refused() -> None:
    m = Model("wave")
    n = m.index("n", "N")
    b = m.point("b", Normal(0, 1))
    m.observed("y", Normal(exponential(b), 1), n)
    with pytest.raises(ApproximationError, match="is not seen to be concave in b"):
        derive(m, approximate={"b": "newton"})


def test_a_positive_parameter_and_a_latent_are_refused() -> None:
    with pytest.raises(ApproximationError, match="expected a real parameter"):
        derive(poisson(Gamma(2, 1)), [("b",)], approximate={"b": "newton"})
    with pytest.raises(ApproximationError, match=r"expected a parameter, m\.point"):
        m = Model("mean")
        m.observed("y", Normal(m.latent("mu", Normal(0, 1)), 1), m.index("n", "N"))
        derive(m, approximate={"mu": "newton"})
