"""What is doubtful is found, and what is not is not: declarations made for each finding, and the whole library."""

import pytest
from random_models import draw

from cavi import models
from cavi.derive import (
    Bernoulli,
    Categorical,
    CaviError,
    Dirichlet,
    Gamma,
    InverseGamma,
    Model,
    MultivariateNormal,
    Normal,
    dot,
    sigmoid,
    stick_breaking,
)
from cavi.derive.lint import check


def codes(m: Model) -> set[tuple[str, str, str]]:
    return {(f.severity, f.code, f.variable) for f in check(m)}


def mixture(told_apart: bool = False, sticks: bool = False) -> Model:
    m = Model("mixture")
    n, k = m.index("n", "N"), m.index("k", "K")
    centre = m.hyper("m_0", k) if told_apart else None
    if sticks:
        from cavi.derive import Beta

        pi = stick_breaking(m.latent("v", Beta(1, 1), k))
    else:
        pi = m.latent("pi", Dirichlet(1, over=k))
    mu = m.latent("mu", Normal(centre[k] if told_apart else 0, 1), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], 1), n)
    return m


def factors(mean: float = 0.0, alone: bool = False) -> Model:
    m = Model("factors")
    n, d, q = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    w = m.latent("w", Normal(mean, 1), d, q)
    z = m.latent("z", Normal(0, 1), n, q)
    m.observed("x", Normal(dot(w[d], z[n]), 1), n, d)
    if alone:
        m.observed("y", Normal(z[n, q], 1), n, q)
    return m


def test_a_latent_without_data() -> None:
    m = Model("idle")
    n = m.index("n", "N")
    a = m.hyper("a")
    tau = m.latent("tau", Gamma(1, 1))
    m.latent("lonely", Normal(0, tau))
    m.observed("x", Normal(0, 1), n)
    assert codes(m) == {
        ("warning", "uninformed", "tau"),
        ("warning", "uninformed", "lonely"),
        ("warning", "unused", "a"),
    }
    assert a.name == "a"


def test_nothing_observed() -> None:
    m = Model("prior_only")
    m.latent("tau", Gamma(1, 1))
    assert codes(m) == {("warning", "no_data", "prior_only")}


def test_an_index_that_is_not_used() -> None:
    m = Model("idle_index")
    n = m.index("n", "N")
    m.index("k", "K")
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(mu, 1), n)
    assert codes(m) == {("note", "unused", "k")}


def test_observed_integers_and_marks_are_uses() -> None:
    m = Model("used")
    n, g, t = m.index("n", "N"), m.index("g", "G"), m.index("t", "T")
    group, start = m.observed_index("group", n, over=g), m.covariate("start", t)
    a = m.latent("a", Normal(0, 1), g)
    b = m.latent("b", lambda b: Normal(b[t - 1], 1), t, initial=Normal(0, 1), starts=start)
    m.observed("x", Normal(a[group[n]], 1), n)
    m.observed("y", Normal(b[t], 1), t)
    assert codes(m) == set()


def test_labels_that_can_be_renamed() -> None:
    assert codes(mixture()) == {("note", "labels", "z")}
    assert codes(mixture(told_apart=True)) == set()
    assert codes(mixture(sticks=True)) == set()


def test_signs_that_can_be_changed_together() -> None:
    assert codes(factors()) == {("note", "signs", "w and z")}
    assert codes(factors(mean=1.0)) == set()
    assert codes(factors(alone=True)) == set()


def test_signs_in_a_sum_are_told_apart() -> None:
    """Within one function of a sum nothing is multiplied: an intercept and weights of a logistic regression."""
    m = Model("intercepts")
    n, g, d = m.index("n", "N"), m.index("g", "G"), m.index("d", "D")
    group, x = m.observed_index("group", n, over=g), m.covariate("X", n, d)
    a, w = m.latent("a", Normal(0, 1), g), m.latent("w", Normal(0, 1), d)
    m.observed("y", Bernoulli(sigmoid(a[group[n]] + dot(w, x[n]))), n)
    assert codes(m) == set()


def test_signs_inside_a_function_of_a_product() -> None:
    m = Model("loadings")
    n, j = m.index("n", "N"), m.index("j", "J")
    a, w = m.latent("a", Normal(0, 1), n), m.latent("w", Normal(0, 1), j)
    m.observed("y", Bernoulli(sigmoid(a[n] * w[j])), n, j)
    assert codes(m) == {("note", "signs", "a and w")}


@pytest.mark.parametrize(("shape", "expected"), [("1/2", "warning"), ("3/2", "note"), ("3", None)])
def test_priors_without_moments(shape: str, expected: str | None) -> None:
    from fractions import Fraction

    m = Model("tails")
    n = m.index("n", "N")
    s = m.latent("s", InverseGamma(Fraction(shape), 1))
    m.observed("x", Normal(0, variance=s), n)
    assert codes(m) == (set() if expected is None else {(expected, "infinite_moment", "s")})


def test_vague_precisions_of_effects() -> None:
    """Gelman (2006): of effects, not of the noise, whose many observations say enough."""

    def grouped(rate: float) -> Model:
        m = Model("effects")
        n, g = m.index("n", "N"), m.index("g", "G")
        group = m.observed_index("group", n, over=g)
        lam, tau = m.latent("lam", Gamma(rate, rate)), m.latent("tau", Gamma(0.001, 0.001))
        effect = m.latent("effect", Normal(0, lam), g)
        m.observed("y", Normal(effect[group[n]], tau), n)
        return m

    assert codes(grouped(0.001)) == {("note", "vague_precision", "lam")}
    assert codes(grouped(1.0)) == set()


def test_points_without_a_prior() -> None:
    m = Model("maximum")
    n = m.index("n", "N")
    tau = m.point("tau")
    m.observed("x", Normal(0, tau), n)
    (finding,) = check(m)
    assert (finding.severity, finding.code, finding.variable) == ("note", "no_prior", "tau")
    assert "may collapse onto one data point" in finding.why


def test_a_finding_reads_as_a_sentence() -> None:
    assert str(check(mixture())[0]).startswith(
        "note: the K values of z can be renamed without any change of the model\n  The posterior has K! equal copies;"
    )


def test_the_library_has_no_warnings() -> None:
    for name in models.names():
        assert [f for f in check(models.load(name)) if f.severity == "warning"] == [], name


@pytest.mark.parametrize("seed", range(60))
def test_any_declaration_can_be_checked(seed: int) -> None:
    try:
        m = draw(seed).run()["m"]
    except CaviError:
        return
    for f in check(m):
        assert f.found and f.why and f.remedy


def test_vectors_count_as_real() -> None:
    m = Model("vectors")
    n, d, q = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    w = m.latent("w", Normal(0, 1), d, q)
    z = m.latent("z", MultivariateNormal(0, 1, over=q), n)
    m.observed("x", Normal(dot(w[d], z[n]), 1), n, d)
    assert codes(m) == {("note", "signs", "w and z")}
