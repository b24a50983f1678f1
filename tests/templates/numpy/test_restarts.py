"""Restarts: one after another, in threads or in processes, with one result; failures and interrupts lose nothing."""

import importlib
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from generated import derived_model, run

from cavi import models

KNOWN = models.data("gaussian_mixture")


@pytest.fixture
def module() -> types.ModuleType:
    return run(derived_model("gaussian_mixture").numpy())


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The module in a file that another process finds."""
    (tmp_path / "restarted_mixture.py").write_text(derived_model("gaussian_mixture").numpy(), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("restarted_mixture")
    sys.modules.pop("restarted_mixture")


def fitted(module: types.ModuleType, **options):
    return module.fit(KNOWN.data, KNOWN.hyper, KNOWN.sizes, seed=5, max_iter=30, tol=0.0, **options)


def assert_same(a, b) -> None:
    assert a.elbo == b.elbo
    np.testing.assert_array_equal(a.elbo_trace, b.elbo_trace)
    for latent, values in a.params.items():
        for n, array in values.items():
            np.testing.assert_array_equal(array, b.params[latent][n])


def test_threads_give_what_one_after_another_gives(module: types.ModuleType) -> None:
    assert not module._importable()
    assert_same(fitted(module, restarts=5, jobs=3), fitted(module, restarts=5))


def test_processes_give_what_one_after_another_gives(on_path: types.ModuleType) -> None:
    assert on_path._importable()
    assert_same(fitted(on_path, restarts=3, jobs=2), fitted(on_path, restarts=3))


def test_a_file_that_is_not_on_the_path_is_left_to_threads(tmp_path: Path) -> None:
    path = tmp_path / "beside.py"
    path.write_text(derived_model("gaussian_mixture").numpy(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("beside", path)
    assert spec is not None and spec.loader is not None
    beside = importlib.util.module_from_spec(spec)
    sys.modules["beside"] = beside
    spec.loader.exec_module(beside)
    assert not beside._importable()


def failing(module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, broken: set[int]) -> dict[int, float]:
    """Let some restarts fail: those of the seeds that are spawned at these places. The bounds of the others, later."""
    bounds: dict[int, float] = {}
    ascend, initialise = module._ascend, module.initialise

    def started(state, init, rng, whole):
        state.place = rng.bit_generator.seed_seq.spawn_key[0]
        return initialise(state, init, rng, whole)

    def ascends(state, *rest):
        if state.place in broken:
            raise ArithmeticError("planted")
        found = ascend(state, *rest)
        bounds[state.place] = found[0].elbo
        return found

    monkeypatch.setattr(module, "initialise", started)
    monkeypatch.setattr(module, "_ascend", ascends)
    return bounds


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_restart_that_fails_does_not_lose_the_others(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    bounds = failing(module, monkeypatch, {1})
    with pytest.warns(RuntimeWarning, match="1 of 3 restarts failed and are left out; restart 2: planted"):
        found = fitted(module, restarts=3, jobs=jobs)
    assert set(bounds) == {0, 2}
    assert found.elbo == max(bounds.values())


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_is_left_where_all_fail(module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    failing(module, monkeypatch, {0, 1})
    with pytest.raises(ArithmeticError, match="all of 2 restarts failed; the last: planted"):
        fitted(module, restarts=2, jobs=jobs)


def test_an_interrupt_between_restarts_returns_the_best_so_far(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, initialise, calls = fitted(module), module.initialise, []

    def interrupted(state, init, rng, whole):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return initialise(state, init, rng, whole)

    monkeypatch.setattr(module, "initialise", interrupted)
    assert_same(fitted(module, restarts=4), first)


def test_an_interrupt_of_parallel_runs_returns_what_they_have(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import concurrent.futures
    import time

    def wait(futures) -> None:
        time.sleep(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr(concurrent.futures, "wait", wait)
    found = module.fit(KNOWN.data, KNOWN.hyper, KNOWN.sizes, seed=5, max_iter=10**9, tol=-1.0, restarts=3, jobs=2)
    assert not found.converged
    assert found.n_iter > 1


def test_jobs_are_at_least_one(module: types.ModuleType) -> None:
    with pytest.raises(ValueError, match="jobs = 0"):
        fitted(module, jobs=0)
