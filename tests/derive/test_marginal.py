"""Latents integrated out of the log joint, against integrals of the log joint itself taken numerically."""

import itertools

import numpy as np
import pytest
from brute import World
from generated import NAMES, derived_model, generated, run, spread, state_of
from scipy.integrate import quad

from cavi.derive import CaviError, FactorisationError, NonConjugateError, derive
from cavi.derive.log_joint import log_joint
from cavi.derive.marginal import marginalise

SEED = 4  # no draw so near the end of its range that a floating-point number cannot be nearer
LATENTS = [(n, v.name) for n in NAMES for v in derived_model(n).model.with_role("latent")]


def integrable(name: str, latent: str):
    """The nodes of the log joint before and after, or None where the integral is refused."""
    model = derived_model(name).model
    nodes = log_joint(model)
    try:
        return nodes, marginalise(model, nodes, [latent])[0]
    except CaviError:
        return None


def log_integral_of_quadratic(f, count: int) -> float:
    """log ∫ exp f(v) dv for a quadratic f, from its values at the corners of a simplex."""
    unit = np.eye(count)
    start = f(np.zeros(count))
    linear = np.array([(f(e) - f(-e)) / 2 for e in unit])
    second = np.array([f(e) + f(-e) - 2 * start for e in unit])
    precision = -np.diag(second)
    for i, j in itertools.combinations(range(count), 2):
        cross = f(unit[i] + unit[j]) - start - linear[i] - linear[j] - (second[i] + second[j]) / 2
        precision[i, j] = precision[j, i] = -cross
    probe = np.linspace(-0.7, 1.3, count)
    assert f(probe) == pytest.approx(start + linear @ probe - probe @ precision @ probe / 2, rel=1e-9)
    mean = np.linalg.solve(precision, linear)
    return start + linear @ mean / 2 + count / 2 * np.log(2 * np.pi) - np.linalg.slogdet(precision)[1] / 2


def log_integral_by_element(f, value: np.ndarray, low: float, high: float) -> float:
    """log ∫ exp f where the elements are independent of each other given the rest."""
    start = f(value)
    total = start
    for at in np.ndindex(value.shape):

        def ratio(x: float, at=at) -> float:
            moved = value.copy()
            moved[at] = x
            return float(np.exp(f(moved) - start))

        middle = float(value[at])
        parts = [quad(ratio, low, middle, limit=200), quad(ratio, middle, high, limit=200)]
        total += np.log(sum(p[0] for p in parts))
    return total


@pytest.mark.parametrize(("name", "latent"), spread(LATENTS, 4))
def test_the_marginal_is_the_integral(name: str, latent: str) -> None:
    found = integrable(name, latent)
    model = derived_model(name).model
    if found is None or any(v.constraint is not None for v in model.variables):
        pytest.skip("no closed form")
    if derived_model(name).relaxations:
        pytest.skip("that an auxiliary integrates out is proved with its rule")
    before, after = found
    functions = {getattr(a, "name", "") for p in after.values() for a in p.atoms()}
    if functions & {"log_bessel_k", "log_bessel_i", "log_normal_interval"}:
        pytest.skip("brute force has no such function")
    state = state_of(generated(name), 5, 2, 2)
    try:
        sampler = run(derived_model(name).gibbs())
    except CaviError:
        pytest.skip("the model has no prior to draw from")
    world = sampler.State(state.data, state.hyper, state.sizes)
    rng = np.random.default_rng(SEED)
    for draw in sampler.PRIORS.values():
        draw(world, rng)
    values = {k: v.argmax(-1) if k in sampler.CATEGORIES else v for k, v in world.values.items()}
    known = {**state.data, **state.hyper, **values}
    old = np.asarray(values[latent], dtype=float)

    def joint(value: np.ndarray) -> float:
        at = World(state.sizes, {**known, latent: value})
        return sum(at.value(p) for p in before.values())

    variable = model.variable(latent)
    domain = variable.domain
    if domain == "real":
        expected = log_integral_of_quadratic(lambda v: joint(v.reshape(old.shape)), old.size)
    elif domain in ("positive", "unit") and not variable.event:
        expected = log_integral_by_element(joint, old, 0.0, 1.0 if domain == "unit" else np.inf)
    else:
        pytest.skip("an integral over a simplex or over matrices")
    claimed = sum(World(state.sizes, known).value(p) for p in after.values())
    assert claimed == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", ["dynamic_level", "linear_dynamical_system"])
def test_a_chain_is_refused(name: str) -> None:
    model = derived_model(name).model
    chain = next(v.name for v in model.variables if v.chain is not None)
    with pytest.raises(FactorisationError, match="is a chain; its normaliser is a recursion"):
        derive(model, marginalise=[chain])


def test_what_is_left_may_not_be_conjugate() -> None:
    with pytest.raises(NonConjugateError, match=r"q\(tau\) has no closed-form optimum"):
        derive(derived_model("linear_regression").model, marginalise=["w"])
