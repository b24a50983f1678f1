"""Accelerated runs: they never fall, end where ordinary sweeps end, and take fewer of them where those are slow."""

import numpy as np
import pytest
from generated import NAMES, generated, inputs

from cavi import models

SLOW = ["bayesian_pca", "factor_analysis", "poisson_mixture", "linear_dynamical_system", "matrix_factorisation_wishart"]


@pytest.mark.parametrize("name", NAMES)
def test_an_accelerated_run_never_falls_and_ends_no_lower(name: str) -> None:
    module = generated(name)
    large = 60 if name == "gaussian_mixture_em" else 6
    data, hyper, sizes = inputs(module, np.random.default_rng(3), large, 2)
    found = module.fit(data, hyper, sizes, seed=4, max_iter=40, accelerate=True)
    plain = module.fit(data, hyper, sizes, seed=4, max_iter=40)
    size = 1.0 + abs(plain.elbo)
    assert np.isfinite(found.elbo_trace).all()
    assert (np.diff(found.elbo_trace) >= -1e-9 * size).all()
    assert found.elbo >= plain.elbo - 1e-6 * size
    again = module.fit(data, hyper, sizes, init=found.params, max_iter=1)
    assert again.elbo >= found.elbo - 1e-9 * size  # what is returned is a state that the bound is of


def sweeps_to(module, known: models.Dataset, goal: float, most: int, **options) -> int:
    """The sweeps that a run takes until its bound is at the goal, those that were refused included."""
    count = 0
    sweep = module._swept

    def counted(*arguments) -> float:
        nonlocal count
        count += 1
        return sweep(*arguments)

    module._swept = counted
    try:
        module.fit(
            known.data,
            known.hyper,
            known.sizes,
            seed=0,
            max_iter=most,
            tol=0.0,
            callback=lambda _, b, __: b >= goal,
            **options,
        )
    finally:
        module._swept = sweep
    return count


@pytest.mark.parametrize("name", SLOW)
def test_slow_models_take_less_than_half_the_sweeps(name: str) -> None:
    module, known = generated(name), models.data(name)
    best = module.fit(known.data, known.hyper, known.sizes, seed=0, max_iter=2000, tol=1e-12, accelerate=True).elbo
    goal = best - 1e-6 * abs(best)
    ours = sweeps_to(module, known, goal, 2000, accelerate=True)
    assert sweeps_to(module, known, goal, 2 * ours) >= 2 * ours


@pytest.mark.parametrize(
    "name", ["gaussian_mixture", "linear_regression", "bayesian_pca", "hmm_gaussian", "mixed_model"]
)
def test_refused_leaps_leave_an_ordinary_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaps to nonsense, each refused: the run goes on from where it was."""
    module, known = generated(name), models.data(name)
    rng = np.random.default_rng(0)
    tried = []

    def nonsense(leaps) -> np.ndarray:
        tried.append(leaps.bound)
        return leaps.end + 5.0 * rng.standard_normal(leaps.end.shape)

    monkeypatch.setattr(module.Leaps, "_ahead", nonsense)
    found = module.fit(known.data, known.hyper, known.sizes, seed=0, max_iter=30, tol=0.0, accelerate=True)
    monkeypatch.setattr(module.Leaps, "_ahead", lambda leaps: None)
    plain = module.fit(known.data, known.hyper, known.sizes, seed=0, max_iter=30, tol=0.0, accelerate=True)
    assert len(tried) > 3
    np.testing.assert_allclose(found.elbo_trace, plain.elbo_trace, rtol=1e-10)
    for latent, values in plain.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-6, atol=1e-8)


def test_an_interrupt_on_the_way_returns_an_ordinary_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module, known = generated("gaussian_mixture"), models.data("gaussian_mixture")
    place = module.Leaps._place

    def interrupted(leaps, point: np.ndarray) -> None:
        place(leaps, point)
        if point is not leaps.end:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.Leaps, "_place", interrupted)
    found = module.fit(known.data, known.hyper, known.sizes, seed=0, tol=0.0, accelerate=True)
    assert not found.converged
    again = module.fit(known.data, known.hyper, known.sizes, init=found.params, max_iter=1)
    assert again.elbo >= found.elbo - 1e-9 * abs(found.elbo)


DOMAINS = {
    "positive": ({"domain": "positive"}, np.array([1e-8, 0.3, 2e9])),
    "unit": ({"domain": "unit"}, np.array([1e-9, 0.5, 0.99])),
    "simplex": ({"domain": "simplex"}, np.array([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]])),
    "real": ({"domain": "real"}, np.array([-3.0, 0.0, 1e5])),
    "matrices": (
        {"domain": "positive_definite", "side": 1},
        np.array([[[2.0, 0.5], [0.5, 1.0]], [[1e-4, 0.0], [0.0, 1e4]]]),
    ),
    "sides of two axes": (
        {"domain": "positive_definite", "side": 2},
        (np.eye(6) + 0.1).reshape(2, 3, 2, 3),
    ),
}


@pytest.mark.parametrize("case", DOMAINS)
def test_coordinates_without_limits_go_there_and_back(case: str) -> None:
    module = generated("gaussian_mixture_full")
    spec, array = DOMAINS[case]
    free = module._free(array, spec)
    np.testing.assert_allclose(module._limited(free, spec, array.shape), array, rtol=1e-12, atol=1e-290)
    moved = module._limited(free + np.random.default_rng(0).normal(size=free.shape), spec, array.shape)
    module._check_domain("moved", np.array(moved), spec["domain"], spec.get("side", 1))


def test_a_sweep_that_is_enough_is_not_accelerated() -> None:
    module, known = generated("normal_gamma"), models.data("normal_gamma")
    assert not hasattr(module, "Leaps")
    assert module.fit(known.data, known.hyper, known.sizes, accelerate=True).n_iter == 2
