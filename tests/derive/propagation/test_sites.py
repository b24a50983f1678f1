"""The log joint as a Gaussian part and sites: nothing is lost, linear terms go to their site, the rest is refused."""

import pytest
from propagation_models import MODELS, logit, regression

from cavi.derive import (
    Bernoulli,
    DeclarationError,
    Gamma,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    Sum,
    exp,
    propagate,
    sigmoid,
)
from cavi.derive.canonical import add, sum_over
from cavi.derive.text import show

FOUND = {
    "logit": [("y", "Σ_d X[n,d]·w[d]", "h[n]·y[n] - softplus(h[n])")],
    "rates": [("y", "E[n] + Σ_d X[n,d]·w[d] + b", "h[n]·y[n] - exp(h[n])")],
    "classifier": [("y", "f[n]", "h[n]·y[n] - y_total[n]·softplus(h[n])")],
    "groups": [("y", "u[member[n]]", "h[n]·y[n] - exp(h[n])")],
    "counts_in_time": [("y", "x[t]", "h[t]·y[t] - exp(h[t])")],
    "lasso": [("w", "w[d]", "-|h[d]|")],
    "probits": [
        (
            "y",
            "Σ_d X[n,d]·w[d]",
            "-y[n]·log_normal_interval(-∞, -h[n]) + y[n]·log_normal_interval(-∞, h[n]) "
            "+ log_normal_interval(-∞, -h[n])",
        )
    ],
    "heavy_tails": [
        (
            "y",
            "Σ_d X[n,d]·w[d] + u[member[n]]",
            "-5/2 log(1 + E[n]·h[n] - E[n]·y[n] + 1/2 E[n]² - h[n]·y[n] + 1/2 h[n]² + 1/2 y[n]²)",
        )
    ],
    "response": [("y", "w", "-N·exp(2 h) + 2 Σ_n y[n]·exp(h)")],
    "regression": [],
}


@pytest.mark.parametrize("name", MODELS)
def test_the_parts_add_up_to_the_log_joint(name: str) -> None:
    p = propagate(MODELS[name]())
    declared = p.model.indices
    assert [(s.name, show(s.scalar.whole, declared), show(s.function, declared)) for s in p.sites] == FOUND[name]
    assert p.split.total == add(*p.log_density.values())
    inside = add(p.split.gaussian, *(sum_over(s.function, s.plates) for s in p.sites))
    assert p.derivation.steps[0].after == inside
    assert p.is_exact == (name == "regression")


def test_functions_of_one_scalar_are_one_site() -> None:
    m = Model("shared")
    n = m.index("n", "N")
    u, v = m.latent("u", Normal(0, 1), n), m.latent("v", Normal(0, 1))
    m.observed("y", Poisson(exp(u[n] - v)), n)
    m.observed("z", Bernoulli(sigmoid(3 * v - 3 * u[n])), n)
    (site,) = propagate(m).sites
    assert site.name == "y, z"
    assert show(site.function) == "h[n]·y[n] - 3 h[n]·z[n] + 3 h[n] - exp(h[n]) - softplus(3 h[n])"


def _products() -> Model:
    m = Model("products")
    n = m.index("n", "N")
    u, v = m.latent("u", Normal(0, 1)), m.latent("v", Normal(0, 1))
    m.observed("y", Bernoulli(sigmoid(u * v)), n)
    return m


def _planes() -> Model:
    m = Model("planes")
    n, k = m.index("n", "N"), m.index("k", "K")
    w = m.latent("w", Normal(0, 1), k)
    m.observed("y", Poisson(Sum(exp(w[k]), k)), n)
    return m


def _scale() -> Model:
    m = Model("scale")
    n = m.index("n", "N")
    tau = m.latent("tau", Gamma(1, 1))
    w = m.latent("w", Normal(0, tau))
    m.observed("y", Normal(w, 1), n)
    return m


def _point() -> Model:
    m = Model("point")
    n = m.index("n", "N")
    mu, w = m.point("mu"), m.latent("w", Normal(0, 1))
    m.observed("y", Normal(w + mu, 1), n)
    return m


@pytest.mark.parametrize(
    "declare, told",
    [
        (_products, r"the term .*softplus\(u·v\).* of log p\(y\) is neither at most quadratic in the latents \(u, v\)"),
        (_planes, r"of log p\(y\) is neither"),
        (_scale, "the latent tau is Gamma with the support positive; expected real latents"),
        (_point, "mu is a point parameter, which is maximised; declare it with m.hyper"),
    ],
)
def test_what_is_not_covered_is_refused_by_name(declare, told: str) -> None:
    with pytest.raises(NonConjugateError, match=told):
        propagate(declare())


@pytest.mark.parametrize("power", [0, -1, 1.5, "1", True, float("nan"), float("inf")])
def test_powers_lie_between_zero_and_one(power) -> None:
    with pytest.raises(DeclarationError, match="power"):
        propagate(logit(), power)


def test_a_model_is_expected() -> None:
    with pytest.raises(DeclarationError, match="expects a Model, found str"):
        propagate("logit")
    m = Model("nothing")
    with pytest.raises(DeclarationError, match="no latent variable"):
        propagate(m)
    w = m.latent("w", Normal(0, 1))
    assert w is not None
    with pytest.raises(DeclarationError, match="no observed variable"):
        propagate(m)


def test_it_prints() -> None:
    assert "site of y for each n: exp(h[n]·y[n] - softplus(h[n]))" in str(propagate(logit(), 0.5))
    assert "q and the evidence are exact" in str(propagate(regression()))
    assert "q.logdet_precision" in str(propagate(regression()).log_evidence)
