"""All cores of a machine: the sweeps are those of `fit`, and every row comes back in its place."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from generated import NAMES, derived_model, inputs, run, spread, written

from cavi.derive import CaviError

HYPER = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": 3.0, "m_0": 0.0, "W_0": 1.0}


@pytest.fixture
def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(300, 2)), rng.normal(size=(500, 2)) + 4.0])
    return x[rng.permutation(len(x))]


def shared_part(module, params: dict) -> dict:
    return {latent: params[latent] for factor in module.SHARED for latent in factor.split(",")}


def the_same(found, expected, rtol: float) -> None:
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=rtol)
    assert list(found.params) == list(expected.params) and found.sizes == expected.sizes
    for latent, values in expected.params.items():
        assert set(found.params[latent]) == set(values)
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", spread(NAMES, 3))
def test_sweeps_on_cores_are_sweeps(name: str) -> None:
    """Of all models that can be cut; factors of rows are in the result, each at its row."""
    try:
        module = run(derived_model(name).streaming())
    except CaviError:
        return  # which, and why, is a test of shards
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 17, 3)
    init = shared_part(module, module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params)
    whole = module.fit(data, hyper, sizes, init=init, max_iter=4, tol=0.0)
    the_same(module.fit_cores(data, hyper, sizes, init=init, max_iter=4, tol=0.0, cores=3), whole, 1e-10)


def test_rows_that_are_not_in_order_come_back_where_they_were() -> None:
    module = run(derived_model("lda").streaming())
    rng = np.random.default_rng(1)
    doc = np.concatenate([np.arange(7), rng.integers(0, 7, size=60)])
    data = {"doc": rng.permutation(doc), "w": rng.integers(0, 5, size=67), "count": np.ones(67)}
    hyper, sizes = {"alpha": 0.4, "eta": 0.2}, {"K": 3, "V": 5}
    init = {"beta": {"concentration": rng.gamma(5.0, size=(3, 5))}}
    whole = module.fit(data, hyper, sizes, init=init, max_iter=5, tol=0.0)
    the_same(module.fit_cores(data, hyper, sizes, init=init, max_iter=5, tol=0.0, cores=2), whole, 1e-12)


def test_a_start_is_that_of_fit(points) -> None:
    """From the same seed the shared factors go through the same values, to rounding."""
    module = run(derived_model("gaussian_mixture_full").streaming())
    whole = module.fit({"x": points}, HYPER, {"K": 3}, seed=4, max_iter=6, tol=0.0).params
    found = module.fit_cores({"x": points}, HYPER, {"K": 3}, seed=4, max_iter=5, tol=0.0, cores=2).params
    for latent in ("pi", "Lambda", "mu"):
        for n, a in whole[latent].items():
            np.testing.assert_allclose(found[latent][n], a, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda", "linear_regression_joint", "poisson_regression"])
def test_processes_find_what_threads_find(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = written(name, tmp_path, monkeypatch)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 40, 4)
    before = {n: v for n, v in os.environ.items() if n.endswith("THREADS")}
    found = module.fit_cores(data, hyper, sizes, seed=1, max_iter=4, tol=0.0, cores=2)
    assert {n: v for n, v in os.environ.items() if n.endswith("THREADS")} == before
    threads = run(derived_model(name).streaming()).fit_cores(data, hyper, sizes, seed=1, max_iter=4, tol=0.0, cores=2)
    the_same(found, threads, 1e-10)


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda", "random_effects_logistic_regression"])
def test_a_run_that_was_cut_off_goes_on(name: str, tmp_path: Path) -> None:
    module = run(derived_model(name).streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    whole = module.fit_cores(data, hyper, sizes, seed=2, max_iter=4, tol=0.0, cores=2)
    path = str(tmp_path / "run.npz")
    module.fit_cores(data, hyper, sizes, seed=2, max_iter=2, tol=0.0, cores=2, checkpoint=path)
    the_same(module.fit_cores(data, hyper, sizes, seed=2, max_iter=4, tol=0.0, cores=2, checkpoint=path), whole, 1e-12)
    with pytest.raises(module.DataError, match="is the checkpoint of another run"):
        module.fit_cores(data, hyper, sizes, seed=3, max_iter=4, tol=0.0, cores=2, checkpoint=path)


def test_a_process_that_is_lost_is_named(points, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = written("gaussian_mixture_full", tmp_path, monkeypatch)
    crews = []
    start = module.Crew._start
    monkeypatch.setattr(module.Crew, "_start", lambda crew, count: crews.append(crew) or start(crew, count))

    def kill(_) -> None:
        os.kill(crews[0].processes[1].pid, signal.SIGKILL)

    with pytest.raises(
        RuntimeError, match=r"process 2 of 2 has ended \(exit code -9\); if memory is short, use fewer cores"
    ):
        module.fit_cores({"x": points}, HYPER, {"K": 2}, seed=1, cores=2, tol=0.0, progress=kill)
    assert crews[0].processes == []  # none is left


def test_an_interrupt_returns_what_there_is(tmp_path: Path) -> None:
    """Ctrl-C goes to all processes of a terminal; the rows of the result are of the sweep that was under way."""
    (tmp_path / "mixture.py").write_text(derived_model("gaussian_mixture_full").streaming(), encoding="utf-8")
    script = f"""
import numpy as np, mixture
if __name__ == "__main__":
    x = np.random.default_rng(0).normal(size=(20_000, 2))
    tell = lambda p: print(p.sweep, flush=True)
    fit = mixture.fit_cores({{"x": x}}, {HYPER}, {{"K": 5}}, seed=1, tol=-1.0, max_iter=10**6, cores=2, progress=tell)
    assert not fit.converged and fit.n_iter >= 3 and np.isfinite(fit.params["z"]["probs"]).all()
    print("done", fit.params["z"]["probs"].shape)
"""
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != "3":
        pass
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert err == "" and process.returncode == 0 and out.endswith("done (20000, 5)\n")


def test_a_script_without_a_guard_runs_on_threads(points, tmp_path: Path) -> None:
    (tmp_path / "mixture.py").write_text(derived_model("gaussian_mixture_full").streaming(), encoding="utf-8")
    np.save(tmp_path / "x.npy", points)
    script = f"""
import numpy as np, mixture
fit = mixture.fit_cores({{"x": np.load("x.npy")}}, {HYPER}, {{"K": 2}}, seed=1, max_iter=3, tol=0.0, cores=2)
print(fit.n_iter)
"""
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stdout == "3\n" and "is the script guarded by __main__?" in done.stderr


def test_a_process_that_ends_before_it_has_begun_is_noticed(
    points, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its end of the line stays open, as on Windows."""
    module = written("gaussian_mixture_full", tmp_path, monkeypatch)
    spawn = multiprocessing.get_context("spawn")
    left = []

    class Context:
        @staticmethod
        def Pipe():
            here, there = spawn.Pipe()
            left.append(os.dup(there.fileno()))
            return here, there

        @staticmethod
        def Process(target, args, daemon):
            return spawn.Process(target=os.getpid, daemon=daemon)

    monkeypatch.setattr(multiprocessing, "get_context", lambda kind: Context)
    found = []

    def fit() -> None:
        with pytest.warns(UserWarning, match="no process could be started"):
            found.append(module.fit_cores({"x": points}, HYPER, {"K": 2}, seed=0, cores=2, max_iter=2))

    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    thread.join(60.0)
    noticed = not thread.is_alive()
    for handle in left:
        os.close(handle)
    thread.join(60.0)
    assert left and noticed and found[0].n_iter == 2


def test_what_is_wrong_is_said_before_anything_starts(points) -> None:
    module = run(derived_model("gaussian_mixture_full").streaming())
    with pytest.raises(module.DataError, match="cores = 0"):
        module.fit_cores({"x": points}, HYPER, {"K": 2}, cores=0)
    with pytest.raises(module.DataError, match=r"dtype = 'half a number'; expected np.float64 or np.float32"):
        module.fit_cores({"x": points}, HYPER, {"K": 2}, cores=2, dtype="half a number")
    with pytest.raises(module.DataError, match="x: found 1 NaN"):
        module.fit_cores({"x": np.array([[np.nan, 1.0]])}, HYPER, {"K": 2})
    with pytest.raises(module.DataError, match="expected the shared latents"):
        module.fit_cores({"x": points}, HYPER, {"K": 2}, init={"pi": {"concentration": [1.0, 2.0]}})


def test_more_cores_than_rows_are_not_used(points) -> None:
    module = run(derived_model("gaussian_mixture_full").streaming())
    seen = []
    found = module.fit_cores({"x": points[:3]}, HYPER, {"K": 2}, seed=0, cores=50, max_iter=2, progress=seen.append)
    assert seen[0].of == 3 and found.params["z"]["probs"].shape == (3, 2)


def test_members_end_with_the_run(points) -> None:
    import threading

    module = run(derived_model("gaussian_mixture_full").streaming())
    before = threading.active_count()
    module.fit_cores({"x": points}, HYPER, {"K": 2}, seed=0, cores=3, max_iter=2)
    deadline = time.monotonic() + 10.0
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_a_module_that_nobody_finds_runs_on_threads(points, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to a thread and back is not pickled, which would need the name of the module."""
    module = run(derived_model("gaussian_mixture_full").streaming())
    monkeypatch.delitem(sys.modules, module.__name__)
    found = module.fit_cores({"x": points}, HYPER, {"K": 2}, seed=0, cores=2, max_iter=3)
    assert found.params["z"]["probs"].shape == (800, 2)


def test_an_error_in_a_member_reaches_the_caller(points, monkeypatch: pytest.MonkeyPatch) -> None:
    module = run(derived_model("gaussian_mixture_full").streaming())

    def broken(*_: object) -> None:
        raise ZeroDivisionError("in a member")

    monkeypatch.setattr(module, "own_sweep", broken)
    with pytest.raises(ZeroDivisionError, match="in a member"):
        module.fit_cores({"x": points}, HYPER, {"K": 2}, seed=0, cores=2, max_iter=3)
