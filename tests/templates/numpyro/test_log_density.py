"""The NumPyro program has the log joint of the declaration as its log density, at random points, for every model."""

import types

import numpy as np
import pytest
import zoo_joint  # noqa: F401  (adds to the zoo)
from log_joint_reference import Point
from zoo import ZOO

from cavi import models
from cavi.derive import (
    Categorical,
    CaviError,
    Dirichlet,
    Gamma,
    IntervalCensoredExponential,
    IntervalCensoredWeibull,
    Model,
)
from cavi.templates.numpyro import render

pytestmark = pytest.mark.targets

REFUSED = {
    "poisson_matrix_factorisation": "observed function of latents",
    "sparse_poisson_factorisation": "observed function of latents",
    "additive_poisson": "observed function of latents",
    "gig_variance": "NumPyro has no GeneralisedInverseGaussian",
}
MODELS = {n: lambda n=n: models.load(n) for n in models.names()} | {n: entry[0] for n, entry in ZOO.items()}


def program(name: str, model):
    made = types.ModuleType(name)
    exec(compile(render(model), f"<{name}>", "exec"), made.__dict__)
    return made


def arguments(model, point, left_out=()):
    """Known arrays, and the random ones as the program draws them: a scan stacks along its own axis, the first."""
    known = {v.name: point.arrays[v.name] for v in model.variables if not v.is_random}
    random = {v.name: point.arrays[v.name] for v in model.variables if v.is_random and v.name not in left_out}
    for v in model.with_role("latent"):
        if v.chain is not None and v.name not in left_out:
            random[v.name] = np.moveaxis(random[v.name], v.plates.index(v.chain.index), 0)
    return known, random


@pytest.mark.parametrize("name", MODELS)
def test_log_density(name: str) -> None:
    model = MODELS[name]()
    if name in REFUSED:
        with pytest.raises(CaviError, match=REFUSED[name]):
            render(model)
        return
    jax = pytest.importorskip("jax")
    pytest.importorskip("numpyro")
    from numpyro.infer.util import log_density

    for seed in (0, 1):
        point = Point(model, seed)
        known, random = arguments(model, point)
        with jax.enable_x64(True):
            random = {n: jax.numpy.asarray(a) for n, a in random.items()}
            found, _ = log_density(program(name, model).model, (known, known, point.sizes), {}, random)
        assert float(found) == pytest.approx(point.log_joint, rel=1e-9, abs=1e-9)


def events(chain: bool) -> Model:
    """Times between two inspections of units that wear out, by a state that goes on or by the unit."""
    m = Model("events")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    j = m.index("j", "K")
    h = m.covariate("h", n, d)
    rate = m.latent("rate", Gamma(2, 1), j)
    start, move = m.latent("start", Dirichlet(1, over=j)), m.latent("move", Dirichlet(1, over=k), j)
    if chain:
        kind = m.latent("kind", lambda kind: Categorical(move[kind[n - 1]], over=j), n, initial=Categorical(start))
    else:
        kind = m.latent("kind", Categorical(start), n)
    m.observed("t", IntervalCensoredWeibull(2, rate[kind[n]], h[n, d]), n, d)
    m.observed("s", IntervalCensoredExponential(rate[kind[n]], h[n, 0]), n)
    return m


@pytest.mark.parametrize("chain", [False, True])
def test_intervals(chain: bool) -> None:
    jax = pytest.importorskip("jax")
    pytest.importorskip("numpyro")
    from numpyro.infer.util import log_density

    model = events(chain)
    text = render(model)
    assert "dist.IntervalCensoredDistribution(dist.Weibull(" in text and "jnp.stack([" in text
    point = Point(model, 0)
    known, random = arguments(model, point)
    with jax.enable_x64(True):
        random = {n: jax.numpy.asarray(a) for n, a in random.items()}
        found, _ = log_density(program("events", model).model, (known, known, point.sizes), {}, random)
    assert float(found) == pytest.approx(point.log_joint, rel=1e-9, abs=1e-9)


ENUMERATED = [n for n, declare in MODELS.items() if n not in REFUSED and "sums out" in render(declare())]
SMALL = {"mixed_memberships": {"N": 2}}


def test_most_categories_are_enumerated() -> None:
    assert {"gaussian_mixture_full", "diagonal_gaussian_mixture", "hmm_gaussian", "lda"} <= set(ENUMERATED)
    assert not {"stochastic_block_model", "factorial_hmm", "supervised_topics"} & set(ENUMERATED)


@pytest.mark.parametrize("name", ENUMERATED)
def test_enumerated_categories_are_summed_out(name: str) -> None:
    jax = pytest.importorskip("jax")
    numpyro = pytest.importorskip("numpyro")
    pytest.importorskip("funsor")
    from numpyro.contrib.funsor import config_enumerate, enum, log_density

    model = MODELS[name]()
    made = program(name, model)
    (line,) = [line for line in made.__doc__.splitlines() if "sums out" in line]
    summed = [v.name for v in model.with_role("latent") if v.over is not None]
    assert "NUTS cannot" not in made.__doc__ and all(n in line for n in summed)
    point = Point(model, 0, SMALL.get(name))
    known, random = arguments(model, point, summed)
    depth = max(len(v.plates) for v in model.variables)
    with jax.enable_x64(True), numpyro.handlers.seed(rng_seed=0):
        random = {n: jax.numpy.asarray(a) for n, a in random.items()}
        enumerated = enum(config_enumerate(made.model), -1 - depth)
        found, _ = log_density(enumerated, (known, known, point.sizes), {}, random)
    assert float(found) == pytest.approx(point.log_marginal(summed), rel=1e-9, abs=1e-9)
