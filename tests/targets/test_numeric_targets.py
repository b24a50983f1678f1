"""Factors without a closed form on every target: the same numbers as the NumPy module, whatever the method."""

import os

import numpy as np
import pytest
from generated import inputs, run

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Derived,
    Gamma,
    Model,
    Normal,
    Poisson,
    derive,
    dot,
    exp,
    log,
    sigmoid,
    softmax,
)

pytestmark = pytest.mark.targets
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


def grouped(method: str) -> Derived:
    """Rates of groups under a common precision, where observed integers say which group it is."""
    m = Model("grouped")
    n, g = m.index("n", "N"), m.index("g", "G")
    tau = m.latent("tau", Gamma(m.hyper("s"), m.hyper("t")))
    eta = m.latent("eta", Normal(0, tau), g)
    group = m.observed_index("group", n, over=g)
    m.observed("y", Poisson(exp(eta[group[n]])), n)
    return derive(m, approximate={"eta": method})


def logistic(method: str) -> Derived:
    """A vector of weights."""
    m = Model("logistic")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, m.hyper("alpha")), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return derive(m, [("w",)], approximate={"w": method})


def tilted(bound: str) -> Derived:
    """Classes by scores, with a tilt that is found by steps."""
    m = Model("tilted")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, m.hyper("alpha")), k, d)
    m.observed("y", Categorical(softmax(dot(w[k], x[n]), over=k)), n)
    return derive(m, [("w",)], bounds={"y": bound}, approximate={"w": "cvi"})


def maximised() -> Derived:
    """A parameter that is maximised by steps."""
    m = Model("maximised")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    b = m.point("b", Normal(0, m.hyper("alpha")), d)
    m.observed("y", Poisson(exp(dot(b, x[n]))), n)
    return derive(m, [("b",)], approximate={"b": "newton"})


def pairs() -> Derived:
    """A shape and a rate for every group, one factor for both, under a common mean of the rates."""
    m = Model("pairs")
    n, g = m.index("n", "N"), m.index("g", "G")
    c = m.latent("c", Gamma(m.hyper("s"), m.hyper("t")))
    a, b = m.latent("a", Gamma(m.hyper("p"), m.hyper("r")), g), m.latent("b", Gamma(2, c), g)
    group = m.observed_index("group", n, over=g)
    m.observed("x", Gamma(a[group[n]], b[group[n]]), n)
    return derive(m, [("a", "b")], approximate={("a", "b"): "quadrature"})


def unit() -> Derived:
    """Statistics with data inside, of a probability."""
    m = Model("unit")
    n = m.index("n", "N")
    p = m.latent("p", Beta(m.hyper("a"), m.hyper("b")))
    x = m.covariate("x", n)
    m.observed("y", Bernoulli(sigmoid(x[n] * p)), n)
    m.observed("z", Normal(log(p), 2), n)
    return derive(m, approximate={"p": "quadrature"})


MADE = {
    **{f"grouped, {m}": (grouped, m) for m in ("quadrature", "cvi", "laplace", "delta")},
    **{f"logistic, {m}": (logistic, m) for m in ("cvi", "laplace", "delta")},
    "tilted": (tilted, "knowles_minka"),
    "maximised": (maximised,),
    "pairs": (pairs,),
    "unit": (unit,),
}


def same(found, expected) -> None:
    assert found.elbo == pytest.approx(expected.elbo, rel=1e-10)
    for latent, values in expected.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-7, atol=1e-9)


TARGETS = [*(("jax", name) for name in MADE), ("numba", "unit"), ("numba", "grouped, cvi"), ("numba", "tilted")]


@pytest.mark.parametrize("target, name", TARGETS)
def test_a_run_is_that_of_the_numpy_module(target: str, name: str) -> None:
    pytest.importorskip(target)
    build, *method = MADE[name]
    derived = build(*method)
    module = run(derived.numpy())
    given = inputs(module, np.random.default_rng(3), 12, 2)
    expected = module.fit(*given, seed=4, max_iter=4, tol=0.0)
    other = run(getattr(derived, target)())
    same(other.fit(*given, seed=4, max_iter=4, tol=0.0), expected)
    init = expected.params
    same(other.fit(*given, init=init, max_iter=2, tol=0.0), module.fit(*given, init=init, max_iter=2, tol=0.0))
