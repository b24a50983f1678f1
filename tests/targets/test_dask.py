"""A run on a cluster of processes is the run of one machine, whatever happens to the processes."""

import importlib.util
import os
import shutil
import signal
import sys
import types
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
from generated import derived_model, inputs, run

pytestmark = pytest.mark.targets
NAMES = ["gaussian_mixture_full", "lda", "bayesian_pca", "linear_regression", "poisson_matrix_factorisation"]
NAMES += ["poisson_regression", "multilevel_poisson_regression"]  # steps that all shards decide on


@contextmanager
def processes(count: int):
    """A client of so many workers."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with processes(2) as client:
        yield client


@cache
def source_of(name: str) -> str:
    """The source of a module for a cluster."""
    return derived_model(name).dask()


@cache
def problem(name: str, sweeps: int = 6):
    """A module, shards, what all runs are given, and the run on one machine."""
    module = run(source_of(name))
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 60, 5)
    found = module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params
    init = {latent: found[latent] for factor in module.SHARED for latent in factor.split(",")}
    given = {"init": init, "max_iter": sweeps, "tol": 0.0}
    rows = max(1, sizes[module.CUT[0]] // 10)
    return module, list(module.cut(data, rows)), hyper, sizes, given, module.fit(data, hyper, sizes, **given)


def assert_same(found, expected, rtol: float = 1e-10) -> None:
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=rtol)
    for latent, values in found.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(a, expected.params[latent][n], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_cluster_sweeps_as_one_machine(name: str, client) -> None:
    module, shards, hyper, sizes, given, whole = problem(name)
    assert len(shards) > 4
    seen = []
    found = module.fit_dask(shards, hyper, sizes, client=client, progress=seen.append, **given)
    assert_same(found, whole)
    assert [p.sweep for p in seen] == list(range(1, 7)) and seen[-1].bound == found.elbo
    assert found.sizes[module.CUT[0]] == whole.sizes[module.CUT[0]]


def test_the_start_is_that_of_chunks(client) -> None:
    module, shards, hyper, sizes, _, _ = problem("gaussian_mixture_full")
    found = module.fit_dask(shards, hyper, sizes, client=client, seed=4, max_iter=3)
    assert_same(found, module.fit_chunks(shards, hyper, sizes, seed=4, max_iter=3))


def test_workers_load_their_shards(client, tmp_path) -> None:
    import dask

    module, shards, hyper, sizes, given, _ = problem("lda")
    here = os.getpid()

    def loader(path: str):
        def load() -> dict:
            assert os.getpid() != here
            with np.load(path) as file:
                return dict(file)

        return load

    paths = [str(tmp_path / f"{i}.npz") for i in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        np.savez(path, **shard)
    sources = [loader(path) for path in paths]
    sources[1], sources[2], sources[3] = client.submit(sources[1]), dask.delayed(sources[2])(), shards[3]
    expected = module.fit_dask(shards, hyper, sizes, client=client, **given)
    assert_same(module.fit_dask(sources, hyper, sizes, client=client, **given), expected, rtol=1e-13)


@pytest.mark.parametrize("way", ["namespace", "path", "import"])
def test_workers_need_not_know_the_module(way: str, client, tmp_path, monkeypatch) -> None:
    import cloudpickle

    source = source_of("gaussian_mixture_full")
    path = tmp_path / f"mixture_by_{way}.py"
    path.write_text(source)
    if way == "namespace":
        space: dict = {}
        exec(source, space)
    elif way == "path":
        spec = importlib.util.spec_from_file_location("mixture_by_path", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "mixture_by_path", module)
        spec.loader.exec_module(module)
        space = vars(module)
    else:
        monkeypatch.syspath_prepend(str(tmp_path))
        space = vars(importlib.import_module("mixture_by_import"))
    _, shards, hyper, sizes, given, whole = problem("gaussian_mixture_full")
    assert_same(space["fit_dask"](shards, hyper, sizes, client=client, **given), whole)
    assert not cloudpickle.list_registry_pickle_by_value()


def kill_one(client) -> None:
    """The worker that holds most, as the machine's want of memory would end it: without a word."""
    held, numbers = client.has_what(), client.run(os.getpid)
    os.kill(numbers[max(numbers, key=lambda worker: len(held.get(worker, ())))], signal.SIGKILL)


@pytest.mark.parametrize(
    ("name", "kills"), [("gaussian_mixture_full", (2,)), ("lda", (2, 6)), ("multilevel_poisson_regression", (2, 6))]
)
def test_a_worker_is_lost(name: str, kills: tuple[int, ...], client, monkeypatch) -> None:
    """Factors of rows are found again from the start, the second time from copies on another worker."""
    module, shards, hyper, sizes, given, whole = problem(name, 9)
    monkeypatch.setattr(module, "WINDOW", 3)
    expected = module.fit_dask(shards, hyper, sizes, client=client, **given)
    with processes(1 + len(kills)) as dying:

        def progress(p) -> None:
            if p.sweep in kills:
                kill_one(dying)

        found = module.fit_dask(shards, hyper, sizes, client=dying, progress=progress, **given)
    assert_same(found, expected, rtol=1e-13)  # not 0: numbers are rounded as their place in memory has them added up
    assert_same(found, whole)


def test_a_bad_shard_is_named(client) -> None:
    module, shards, hyper, sizes, given, _ = problem("gaussian_mixture_full")
    spoiled = list(shards)
    spoiled[7] = {"x": np.where(np.arange(len(shards[7]["x"]))[:, None] == 1, np.nan, shards[7]["x"])}
    with pytest.raises(module.DataError, match=r"^shard 7: x: found .* NaN"):
        module.fit_dask(spoiled, hyper, sizes, client=client, **given)
    spoiled[7] = lambda: {"x": np.load("/nowhere.npy")}
    with pytest.raises(module.DataError, match=r"^shard 7: could not be loaded, FileNotFoundError: .*nowhere"):
        module.fit_dask(spoiled, hyper, sizes, client=client, **given)
    with pytest.raises(module.DataError, match=r"^init: found \['pi'\]"):
        module.fit_dask(shards, hyper, sizes, client=client, init={"pi": given["init"]["pi"]})
    with pytest.raises(module.DataError, match="shard 1: found int; expected a dict, a function"):
        module.fit_dask([shards[0], 3], hyper, sizes, client=client)
    with pytest.raises(module.DataError, match="shards: found list without elements"):
        module.fit_dask([], hyper, sizes, client=client)


def test_a_shard_that_ends_its_workers(client, monkeypatch) -> None:
    import distributed

    def killed(*_) -> None:
        raise distributed.KilledWorker("sweep-7", types.SimpleNamespace(address="tcp://nowhere:1"), 3)

    module, shards, hyper, sizes, given, _ = problem("gaussian_mixture_full")
    monkeypatch.setattr(module.Cluster, "sweep", killed)
    with pytest.raises(RuntimeError, match=r"ended one after another; it may be too large for them .*sweep-7"):
        module.fit_dask(shards, hyper, sizes, client=client, **given)


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda", "multilevel_poisson_regression"])
def test_a_run_goes_on(name: str, client, tmp_path) -> None:
    module, shards, hyper, sizes, given, whole = problem(name)
    path = str(tmp_path / "run.npz")

    def interrupt(p) -> None:
        if p.sweep == 3:
            raise KeyboardInterrupt

    options = {"client": client, "checkpoint": path, "every": 0.0}
    cut_off = module.fit_dask(shards, hyper, sizes, progress=interrupt, **options, **given)
    assert cut_off.n_iter == 3 and not cut_off.converged
    np.testing.assert_allclose(cut_off.elbo_trace, whole.elbo_trace[:3], rtol=1e-10)
    shutil.copy(path, copy := str(tmp_path / "copy.npz"))
    assert_same(module.fit_dask(shards, hyper, sizes, **options, **given), whole)
    assert_same(module.fit_chunks(shards, hyper, sizes, checkpoint=copy, **given), whole)
    first = str(tmp_path / "first.npz")
    module.fit_chunks(shards, hyper, sizes, checkpoint=first, **{**given, "max_iter": 1})
    assert_same(module.fit_dask(shards, hyper, sizes, client=client, checkpoint=first, **given), whole)


def test_dask_is_asked_for(monkeypatch) -> None:
    module, shards, hyper, sizes, given, _ = problem("gaussian_mixture_full")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r'pip install "dask\[distributed\]"'):
        module.fit_dask(shards, hyper, sizes, client=None, **given)


def test_a_worker_lost_while_data_are_sent(client, monkeypatch) -> None:
    """The scheduler answers with a KeyError of its own then, and the sweep begins again."""
    module, shards, hyper, sizes, given, whole = problem("gaussian_mixture_full")
    scatter, calls = client.scatter, []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == len(shards) + 3:
            raise KeyError("tcp://nowhere:1")
        return scatter(*arguments, **options)

    monkeypatch.setattr(client, "scatter", failing)
    assert_same(module.fit_dask(shards, hyper, sizes, client=client, **given), whole)
    assert len(calls) == len(shards) + 2 + given["max_iter"]  # shards, the start, a sweep each, and one again


@pytest.mark.parametrize(
    "name", ["lda", "gaussian_matrix_factorisation", "crossed_anova", "mixture_of_factor_analysers"]
)
def test_a_cluster_repeats_factors_of_rows(name: str, client) -> None:
    """Where their groups are on both sides, a sweep goes to the workers several times; lost workers change nothing."""
    module, shards, hyper, sizes, given, _ = problem(name)
    data, *_ = inputs(module, np.random.default_rng(3), 60, 5)
    whole = module.fit(data, hyper, sizes, inner=3, **given)
    assert_same(module.fit_dask(shards, hyper, sizes, client=client, inner=3, **given), whole)

    def kill(p) -> None:
        if p.sweep == 3:
            kill_one(client)

    assert_same(module.fit_dask(shards, hyper, sizes, client=client, inner=3, progress=kill, **given), whole)


def test_restarts_on_a_cluster_are_those_of_chunks(client, tmp_path) -> None:
    module, shards, hyper, sizes, _, _ = problem("lda")
    given = {"seed": 5, "max_iter": 4, "tol": 0.0, "restarts": 3}
    seen = []
    found = module.fit_dask(shards, hyper, sizes, client=client, progress=seen.append, **given)
    assert [(p.restart, p.sweep) for p in seen] == [(r, s) for r in (1, 2, 3) for s in (1, 2, 3, 4)]
    assert_same(found, module.fit_chunks(shards, hyper, sizes, **given))
    path = str(tmp_path / "run.npz")
    module.fit_dask(shards, hyper, sizes, client=client, checkpoint=path, **given | {"max_iter": 2})
    assert_same(module.fit_dask(shards, hyper, sizes, client=client, checkpoint=path, **given), found)


@pytest.mark.parametrize(("kind", "sweeps"), [(np.float32, 4), (np.float64, 9)])
def test_single_precision_ends_where_the_bound_falls(kind: type, sweeps: int, client, monkeypatch) -> None:
    """By rounding; as in `fit`, and in single precision only."""
    module, shards, hyper, sizes, _, _ = problem("gaussian_mixture_full")
    bounds = iter([-9.0, -8.0, -7.0, -7.0 - 1e-9, *np.arange(-6.0, 0.0)])
    monkeypatch.setattr(module, "elbo", lambda _: next(bounds))
    found = module.fit_dask(shards, hyper, sizes, client=client, dtype=kind, seed=1, max_iter=9, tol=1e-30)
    assert (found.n_iter, found.converged) == (sweeps, kind == np.float32)
