"""Several starts over shards: those of `fit`, of which the best is returned, each from a checkpoint of its own."""

from pathlib import Path

import numpy as np
import pytest
from generated import derived_model, inputs, run, written

HYPER = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": 3.0, "m_0": 0.0, "W_0": 1.0}
SIZES = {"K": 4}
SEED = 11


@pytest.fixture(scope="module")
def module():
    return run(derived_model("gaussian_mixture_full").dask())


@pytest.fixture(scope="module")
def points() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x": np.concatenate([rng.normal(size=(60, 2)) + c for c in (0.0, 3.0, 6.0, 9.0, 12.0)])[rng.permutation(300)]
    }


def bounds_of_starts(module, points, count: int, **given) -> list:
    """What each start of `fit` leads to, alone."""
    starts = np.random.SeedSequence(SEED).spawn(count)
    found = []
    for source in starts:
        task = module.Task(module.prepare(points, HYPER, SIZES), None, **given, dtype=float, accelerate=False)
        found.append(module._restart(task, source, lambda: False)[0])
    return found


def the_same(found, expected) -> None:
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-12)
    for latent, values in expected.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cores", [1, 3])
def test_the_best_start_is_that_of_fit(cores: int, module, points) -> None:
    """Shared factors go through the values of `fit`; a sweep ends with them, so that one less is as far."""
    alone = bounds_of_starts(module, points, 4, max_iter=9, tol=0.0)
    best = max(range(4), key=lambda i: alone[i].elbo)
    assert best > 0 and len({round(f.elbo, 6) for f in alone}) > 1
    found = module.fit_cores(points, HYPER, SIZES, seed=SEED, restarts=4, max_iter=8, tol=0.0, cores=cores)
    for latent in ("pi", "Lambda", "mu"):
        for n, a in alone[best].params[latent].items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-9, atol=1e-11)
    rows = module.fit_cores(points, HYPER, SIZES, seed=SEED, restarts=4, max_iter=8, tol=0.0, cores=2).params["z"]
    np.testing.assert_allclose(found.params["z"]["probs"], rows["probs"], rtol=1e-9, atol=1e-12)


def test_chunks_start_as_fit_on_the_first(module, points) -> None:
    found = [module.fit_chunks([points], HYPER, SIZES, seed=SEED, restarts=n, max_iter=8, tol=0.0) for n in (1, 4)]
    alone = bounds_of_starts(module, points, 4, max_iter=9, tol=0.0)
    best = max(alone, key=lambda f: f.elbo)
    for fit, expected in zip(found, (alone[0], best), strict=True):
        np.testing.assert_allclose(fit.params["mu"]["mean"], expected.params["mu"]["mean"], rtol=1e-9)
    assert found[1].elbo > found[0].elbo


@pytest.mark.parametrize(
    "name", ["gaussian_mixture_shared", "lda", "random_effects_logistic_regression", "bayesian_pca"]
)
@pytest.mark.parametrize("way", ["cores", "chunks"])
def test_a_start_knows_nothing_of_those_before(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members who have had another run are as new ones."""
    module = run(derived_model(name).streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    starts = module._starts

    def bounds(first: int) -> list[tuple[int, int, float]]:
        monkeypatch.setattr(module, "_starts", lambda *a, **k: starts(*a, **k)[first:])
        seen: list[tuple[int, int, float]] = []
        given = {"seed": 3, "restarts": 3, "max_iter": 4, "tol": 0.0}
        if way == "cores":
            given["progress"] = lambda p: seen.append((p.restart, p.sweep, p.bound))
            found = module.fit_cores(data, hyper, sizes, cores=2, **given)
            assert found.elbo == max(bound for _, sweep, bound in seen if sweep == 4)
            return [s for s in seen if s[0] == 3]
        given["progress"] = lambda p: seen.append((p.restart, p.sweep, p.bound))
        module.fit_chunks(list(module.cut(data, 20)), hyper, sizes, **given)
        return [s for s in seen if s[0] == 3 and s[1] > 1]

    expected = bounds(2)
    assert expected and bounds(0) == expected


def test_one_start_is_enough_from_given_factors(module, points) -> None:
    seen: list = []
    start = module.fit(points, HYPER, SIZES, seed=1, max_iter=2).params
    init = {n: start[n] for n in ("pi", "Lambda", "mu")}
    module.fit_cores(points, HYPER, SIZES, init=init, restarts=5, max_iter=2, cores=2, progress=seen.append)
    assert [(p.restart, p.sweep) for p in seen] == [(1, 1), (1, 2)]
    with pytest.raises(module.DataError, match="restarts = 0"):
        module.fit_cores(points, HYPER, SIZES, restarts=0)


def test_a_start_that_fails_is_left_out(module, points, monkeypatch: pytest.MonkeyPatch) -> None:
    change, calls = module._change, []

    def failing(state, bound, trace):
        calls.append(len(trace))
        if calls.count(0) == 2:  # the second start
            raise ArithmeticError("the bound is nan")
        return change(state, bound, trace)

    monkeypatch.setattr(module, "_change", failing)
    with pytest.warns(RuntimeWarning, match=r"1 of 3 restarts failed and are left out; restart 2: the bound is nan"):
        module.fit_cores(points, HYPER, SIZES, seed=SEED, restarts=3, max_iter=3, tol=0.0, cores=2)
    monkeypatch.setattr(module, "_change", lambda *_: (_ for _ in ()).throw(np.linalg.LinAlgError("not positive")))
    with pytest.raises(
        ArithmeticError, match=r"all of 2 restarts failed; the last: a precision matrix is singular \(not p"
    ):
        module.fit_chunks([points], HYPER, SIZES, seed=SEED, restarts=2, max_iter=3)
    with pytest.raises(ArithmeticError, match=r"^a precision matrix is singular"):
        module.fit_cores(points, HYPER, SIZES, seed=SEED, max_iter=3, cores=2)


@pytest.mark.parametrize("where", ["first", "third"])
def test_an_interrupt_returns_the_best_so_far(
    where: str, tmp_path: Path, points, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = written("gaussian_mixture_full", tmp_path, monkeypatch)
    at = {"first": (1, 3), "third": (3, 1)}[where]

    def tell(p) -> None:
        if (p.restart, p.sweep) == at:
            raise KeyboardInterrupt

    given = {"seed": SEED, "tol": 0.0, "cores": 2, "max_iter": 6}
    found = module.fit_cores(points, HYPER, SIZES, restarts=5, progress=tell, **given)
    assert not found.converged and found.params["z"]["probs"].shape == (300, 4)
    if where == "first":
        assert found.n_iter == 3
    else:
        the_same(found, module.fit_cores(points, HYPER, SIZES, restarts=2, **given))


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda"])
@pytest.mark.parametrize("at", [(1, 2), (2, 2), (3, 4)])
def test_each_start_goes_on_from_its_checkpoint(name: str, at: tuple[int, int], tmp_path: Path) -> None:
    """Cut off in any of them, or when all is done; factors of rows are kept with a run that has ended."""
    module = run(derived_model(name).streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    given = {"seed": 2, "max_iter": 4, "tol": 0.0, "cores": 2, "restarts": 3}
    whole = module.fit_cores(data, hyper, sizes, **given)
    given |= {"checkpoint": str(tmp_path / "run.npz"), "every": 0.0}

    def stopping(p) -> None:
        if (p.restart, p.sweep) == at:
            raise Stop

    with pytest.raises(Stop):
        module.fit_cores(data, hyper, sizes, progress=stopping, **given)
    the_same(module.fit_cores(data, hyper, sizes, **given), whole)
    seen: list = []
    the_same(module.fit_cores(data, hyper, sizes, progress=seen.append, **given), whole)
    assert seen == []  # nothing is left to do
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.2.npz", "run.3.npz", "run.npz"]
    more = module.fit_cores(data, hyper, sizes, **given | {"max_iter": 6})
    the_same(more, module.fit_cores(data, hyper, sizes, **given | {"max_iter": 6, "checkpoint": None}))


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda", "random_effects_logistic_regression"])
def test_a_run_that_has_more_sweeps_than_are_asked_for(name: str, tmp_path: Path) -> None:
    """Its factors of rows are those that follow from its shared ones."""
    module = run(derived_model(name).streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    given = {"seed": 2, "tol": 0.0, "cores": 2, "checkpoint": str(tmp_path / "run.npz"), "every": 0.0}

    def stopping(p) -> None:
        if p.sweep == 3:
            raise Stop

    with pytest.raises(Stop):
        module.fit_cores(data, hyper, sizes, max_iter=9, progress=stopping, **given)
    found = module.fit_cores(data, hyper, sizes, max_iter=2, **given)
    assert found.n_iter == 3 and list(found.params) == list(module.PARAMETERS)
    again = module.fit_cores(data, hyper, sizes, max_iter=3, **given | {"checkpoint": None})
    for latent in (latent for factor in module.OWN for latent in factor.split(",")):
        for n, a in again.params[latent].items():
            assert found.params[latent][n].shape == a.shape and np.isfinite(found.params[latent][n]).all()


@pytest.mark.parametrize("way", ["chunks", "cores"])
@pytest.mark.parametrize(("kind", "sweeps"), [(np.float32, 4), (np.float64, 9)])
def test_a_run_in_single_precision_ends_where_its_bound_falls(
    way: str, kind: type, sweeps: int, module, points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By rounding, that is; as in `fit`, and in single precision only."""
    bounds = iter([-9.0, -8.0, -7.0, -7.0 - 1e-9, *np.arange(-6.0, 0.0)])
    monkeypatch.setattr(module, "elbo", lambda _: next(bounds))
    given = {"seed": SEED, "dtype": kind, "max_iter": 9, "tol": 1e-30}
    if way == "cores":
        found = module.fit_cores(points, HYPER, SIZES, cores=2, **given)
    else:
        found = module.fit_chunks([points], HYPER, SIZES, **given)
    assert (found.n_iter, found.converged) == (sweeps, kind == np.float32)
