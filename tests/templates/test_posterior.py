"""Means and deviations of posteriors agree with draws and with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cavi import models
from cavi.derive.cells import latents_at_cells
from cavi.templates.posterior import Posterior, posteriors


def found(model: str, latent: str) -> Posterior:
    (one,) = [p for p in posteriors(models.derived(model)) if p.latent == latent]
    return one


@pytest.mark.parametrize(
    ("model", "latent", "q", "law"),
    [
        ("gaussian_mixture", "tau", {"shape": 3.5, "rate": 2.0}, stats.gamma(3.5, scale=0.5)),
        ("gaussian_mixture", "mu", {"mean": -1.0, "precision": 4.0}, stats.norm(-1.0, 0.5)),
        ("beta_bernoulli", "p", {"a": 2.0, "b": 5.0}, stats.beta(2.0, 5.0)),
    ],
)
def test_scalar_families(model: str, latent: str, q: dict, law) -> None:
    mean, deviation = found(model, latent).evaluated({n: np.full(3, v) for n, v in q.items()})
    assert mean == pytest.approx(np.full(3, law.mean()))
    assert deviation == pytest.approx(np.full(3, law.std()))


def test_simplex() -> None:
    c = np.array([[1.0, 2.0, 4.0], [0.5, 0.5, 0.5]])
    mean, deviation = found("lda", "theta").evaluated({"concentration": c})
    for row, m, s in zip(c, mean, deviation, strict=True):
        assert m == pytest.approx(stats.dirichlet(row).mean())
        assert s == pytest.approx(np.sqrt(stats.dirichlet(row).var()))


def test_vectors_are_summarised_by_the_diagonal_of_the_covariance() -> None:
    covariance = np.array([[2.0, 0.6], [0.6, 0.5]])
    p = found("ard_regression", "w")
    mean, deviation = p.evaluated({"mean": np.zeros(2), "precision": np.linalg.inv(covariance)})
    assert p.axes == ("d",)
    assert deviation == pytest.approx(np.sqrt([2.0, 0.5]))
    chain = found("linear_dynamical_system", "x")
    q = {"mean": np.zeros((3, 2)), "covariance": np.broadcast_to(covariance, (3, 2, 2))}
    assert chain.evaluated(q)[1] == pytest.approx(np.sqrt(np.tile([2.0, 0.5], (3, 1))))


def test_a_latent_that_depends_on_its_block_has_no_single_deviation() -> None:
    assert found("normal_gamma", "mu").deviation is None
    assert found("gaussian_mixture_full", "mu").deviation is None
    assert found("gaussian_mixture_full", "Lambda").evaluated({"dof": np.array([5.0]), "scale": np.ones((1, 2, 2))})[
        0
    ] == pytest.approx(np.full((1, 2, 2), 5.0))


@pytest.mark.parametrize("name", models.names())
def test_every_latent_with_a_mean_is_summarised(name: str) -> None:
    derived = models.derived(name)
    latents = {n for u in derived.updates for n in u.factor.latents if "PolyaGamma" not in str(u.family)}
    assert {p.latent for p in posteriors(derived)} == latents - latents_at_cells(derived)
