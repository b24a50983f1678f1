"""Draws against posteriors that are known: funnels with data that say much, little or nothing, and free labels."""

from itertools import product
from math import lgamma

import numpy as np
import pytest

from cavi.derive import Categorical, Gamma, Model, MultivariateNormal, Normal, Wishart, derive
from cavi.verify.reference import beside, reference_posterior
from cavi.verify.reference.explore import explored
from cavi.verify.reference.hmc import sample
from cavi.verify.reference.joint import LogJoint
from cavi.verify.reference.labels import free_labels
from cavi.verify.reference.posterior import declaration
from cavi.verify.reference.sites import scalable

WITHIN = 5.0  # standard errors


def funnel() -> Model:
    """Numbers of one unknown precision, each seen with a precision of its own."""
    m = Model("funnel")
    k = m.index("k", "K")
    a, b = m.hyper("a b")
    seen = m.covariate("r", k)
    tau = m.latent("tau", Gamma(a, b))
    x = m.latent("x", Normal(0, tau), k)
    m.observed("y", Normal(x[k], seen[k]), k)
    return m


def exact(y: np.ndarray, r: np.ndarray, a: float, b: float) -> tuple[float, np.ndarray, np.ndarray]:
    """log p(y), and the first two moments of log tau and x, by a sum over log tau."""
    t = np.linspace(-40.0, 12.0, 20_001)
    tau = np.exp(t)[:, None]
    variance = 1.0 / tau + 1.0 / r
    logs = a * np.log(b) - lgamma(a) + a * t - b * np.exp(t)
    logs = logs - 0.5 * (np.log(2 * np.pi * variance) + y**2 / variance).sum(axis=1)
    weight = np.exp(logs - logs.max())
    evidence = float(logs.max() + np.log(weight.sum() * (t[1] - t[0])))
    weight /= weight.sum()
    middle, spread = r * y / (tau + r), 1.0 / (tau + r)
    first = np.r_[weight @ t, weight @ middle]
    second = np.r_[weight @ t**2, weight @ (middle**2 + spread)]
    return evidence, first, np.sqrt(second - first**2)


def test_a_funnel_with_data_of_every_strength() -> None:
    y, r = np.array([0.3, -0.8, 0.1, 1.2, -0.2, 0.05]), np.array([1e-3, 1e-2, 0.3, 4.0, 100.0, 1e4])
    plain = derive(funnel()).plain()
    found = reference_posterior(
        plain, {"y": y, "r": r}, {"a": 0.6, "b": 0.4}, {"K": 6}, chains=24, warmup=400, draws=400, seed=3
    )
    evidence, mean, sd = exact(y, r, 0.6, 0.4)
    assert found.converged, (found.r_hat, found.bulk, found.tail)
    assert found.evidence.error < 0.03
    assert abs(found.evidence.value - evidence) < WITHIN * found.evidence.error
    own = np.c_[np.log(found.draws["tau"]), found.draws["x"]]
    size = min(found.bulk, found.tail)
    assert (np.abs(own.mean(axis=0) - mean) < WITHIN * sd / np.sqrt(size)).all()
    # x that nothing is known of is a Student's t of little more than a degree: only where there are fourth moments
    squares = (own - mean)[:, [0, 4, 5, 6]] ** 2
    assert (np.abs(squares.mean(axis=0) - sd[[0, 4, 5, 6]] ** 2) < WITHIN * squares.std(axis=0) / np.sqrt(size)).all()


def test_sites_make_of_a_funnel_what_neither_kind_of_coordinates_does() -> None:
    """Weak and strong data at once, where x itself has a funnel and x in prior deviations another."""
    y, r = np.array([0.5, -2.0, 1.0, 0.05, 3.0, -1.0]), np.array([1e-3, 1e-3, 1e-3, 1e4, 1e-3, 1e-3])
    model = declaration(derive(funnel()).plain())
    known = {"y": y, "r": r, "a": np.asarray(0.6), "b": np.asarray(0.4)}
    run = explored(model, {"K": 6}, known, 16, 300, 200, np.random.default_rng(0))
    steps = [run.step]
    for sites in ((), scalable(model)):
        joint, rng = LogJoint(model, {"K": 6}, known, sites), np.random.default_rng(0)
        steps.append(sample(joint.gradient, rng.uniform(-1, 1, size=(16, joint.size)), 300, 50, rng).step)
    assert steps[0] > 2.0 * max(steps[1:]), steps


def test_vectors_of_an_unknown_precision() -> None:
    """mu ~ N(0, (κΛ)⁻¹), Λ ~ Wishart, x ~ N(mu, Λ⁻¹): one block is the posterior, and gives every moment."""
    m = Model("vectors")
    n, d = m.index("n", "N"), m.index("d", "D")
    w0 = m.hyper("W_0", d, m.index("e", "D"))
    precision = m.latent("Lambda", Wishart(4, w0, over=d))
    mu = m.latent("mu", MultivariateNormal(0, 0.5 * precision, over=d))
    m.observed("x", MultivariateNormal(mu, precision), n)
    derived = derive(m, [("mu", "Lambda")])
    x = np.random.default_rng(0).normal(size=(7, 2)) @ np.array([[1.0, 0.0], [0.9, 0.3]])
    found = reference_posterior(
        derived.plain(), {"x": x}, {"W_0": np.eye(2)}, {"N": 7, "D": 2}, chains=24, warmup=400, draws=300
    )
    kappa, nu, middle = 7.5, 11.0, x.sum(axis=0) / 7.5
    scatter = np.eye(2) + x.T @ x - 7.5 * np.outer(middle, middle)
    scale = np.linalg.inv(scatter)
    size = min(found.bulk, found.tail)
    assert found.converged
    covariance = scatter / (nu - 3.0) / kappa
    assert (np.abs(found.mean["mu"] - middle) < WITHIN * np.sqrt(np.diag(covariance) / size)).all()
    np.testing.assert_allclose(found.sd["mu"], np.sqrt(np.diag(covariance)), rtol=WITHIN * 2.0 / np.sqrt(size))
    deviation = np.sqrt(nu * (scale**2 + np.outer(np.diag(scale), np.diag(scale))))
    assert (np.abs(found.mean["Lambda"] - nu * scale) < WITHIN * deviation / np.sqrt(size)).all()


def mixture(told: bool) -> Model:
    """Two Normals of known weights in two dimensions; with means of the prior that tell them apart."""
    m = Model("two")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    at = m.hyper("at", k)
    half = m.hyper("half", k)
    mu = m.latent("mu", Normal(at[k] if told else 0, 0.25), k, d)
    z = m.latent("z", Categorical(half), n)
    m.observed("x", Normal(mu[z[n], d], 1), n, d)
    return m


X = np.array([[2.0, 1.0], [1.6, 1.9], [-1.5, -1.2], [-2.2, -1.0], [1.8, 0.9]])
HYPER = {"at": np.array([0.0, 1.0]), "half": np.full(2, 0.5)}


def enumerated() -> tuple[float, np.ndarray]:
    """log p(x), and E Σ_k mu[k, 0]², which no renaming changes: over all assignments."""
    logs, squares = [], []
    for z in product((0, 1), repeat=len(X)):
        value, square = len(X) * np.log(0.5), 0.0
        for k, d in product((0, 1), repeat=2):
            own = X[np.asarray(z) == k, d]
            precision = 0.25 + len(own)
            middle = own.sum() / precision
            value += 0.5 * (np.log(0.25 / precision) - len(own) * np.log(2 * np.pi))
            value -= 0.5 * ((own**2).sum() - precision * middle**2)
            square += (middle**2 + 1.0 / precision) * (d == 0)
        logs.append(value)
        squares.append(square)
    top = max(logs)
    weight = np.exp(np.array(logs) - top)
    return float(top + np.log(weight.sum())), weight @ np.array(squares) / weight.sum()


def test_free_labels_are_one_labelling() -> None:
    plain = derive(mixture(False)).plain()
    found = reference_posterior(plain, {"x": X}, HYPER, {"N": 5, "K": 2, "D": 2}, chains=16, warmup=300, draws=300)
    evidence, square = enumerated()
    assert found.labels is not None and found.labels.size == "K" and found.converged
    assert abs(found.evidence.value - evidence) < WITHIN * found.evidence.error < 0.3
    own = (found.draws["mu"][:, :, 0] ** 2).sum(axis=1)
    assert abs(own.mean() - square) < WITHIN * own.std() / np.sqrt(min(found.bulk, found.tail))
    assert abs(found.mean["mu"][0, 0] - found.mean["mu"][1, 0]) > 2.0  # the modes have not been averaged
    moments = {"mu": (found.mean["mu"] + 0.1 * found.sd["mu"], found.sd["mu"])}
    renamed = {"mu": tuple(a[::-1] for a in moments["mu"])}
    rows = [beside(found, "q", 0.0, True, q, True, 0.0) for q in (moments, renamed)]
    assert rows[0] == rows[1] and rows[0].shift == pytest.approx(0.1)


def test_labels_that_a_prior_tells_apart_are_kept() -> None:
    model = declaration(derive(mixture(True)).plain())
    sizes, points = {"N": 5, "K": 2, "D": 2}, np.random.default_rng(0).normal(size=(3, 4))
    assert free_labels(LogJoint(model, sizes, {"x": X, **HYPER}), points) is None
    free = free_labels(LogJoint(model, sizes, {"x": X, **HYPER, "at": np.zeros(2)}), points)
    assert free is not None and free.axes == {"mu": (0,)}
