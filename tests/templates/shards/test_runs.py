"""Runs over shards: cutting, checkpoints that survive a kill, minibatches against the equations of the paper."""

import os
import signal
import subprocess
import sys
import time
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from generated import derived_model, inputs, run
from pyarrow import parquet, table
from scipy.special import digamma

from cavi.derive import CaviError

HYPER = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": 3.0, "m_0": 0.0, "W_0": 1.0}


@pytest.fixture(scope="module")
def mixture():
    return run(derived_model("gaussian_mixture_full").streaming())


@pytest.fixture(scope="module")
def topics():
    return run(derived_model("lda").streaming())


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(300, 2)), rng.normal(size=(500, 2)) + 4.0])
    return x[rng.permutation(len(x))]


def same(left, right) -> None:
    """The same to the last digit."""
    np.testing.assert_array_equal(left.elbo_trace, right.elbo_trace)
    for latent, values in left.params.items():
        for n, a in values.items():
            np.testing.assert_array_equal(a, right.params[latent][n])


def test_shards_hold_every_row_once(topics) -> None:
    """Documents with their words, whether the words are sorted by document or not."""
    rng = np.random.default_rng(1)
    doc = np.concatenate([np.arange(7), rng.integers(0, 7, size=60)])
    for order in (np.argsort(doc, kind="stable"), rng.permutation(len(doc))):
        data = {"doc": doc[order], "w": np.arange(len(doc)), "count": np.ones(len(doc))}
        shards = list(topics.cut(data, 3))
        assert [s.sizes["D"] for s in shards] == [3, 3, 1]
        assert sorted(np.concatenate([s["w"] for s in shards])) == list(range(len(doc)))
        for first, s in zip((0, 3, 6), shards, strict=True):
            np.testing.assert_array_equal(s["doc"] + first, doc[order][s["w"]])


def test_sequences_are_not_torn() -> None:
    module = run(derived_model("hmm_categorical").streaming())
    starts = np.zeros(20)
    starts[[0, 4, 5, 13]] = 1.0
    shards = list(module.cut({"start": starts, "y": np.arange(20)}, 4))
    assert [len(s["y"]) for s in shards] == [4, 9, 7]
    assert all(s["start"][0] == 1.0 for s in shards)


def test_rows_must_be_positive(mixture, points) -> None:
    with pytest.raises(mixture.DataError, match="rows = 0; expected a whole number of 1 or more"):
        list(mixture.cut({"x": points}, 0))


def test_files_that_do_not_fit_in_memory(mixture, points, tmp_path: Path) -> None:
    """Mapped arrays and row groups give the run that arrays give."""
    np.save(tmp_path / "x.npy", points)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    sizes = {"K": 3}
    a = mixture.fit_chunks(list(mixture.cut({"x": points}, 100)), HYPER, sizes, seed=1, max_iter=5)
    b = mixture.fit_chunks(lambda: mixture.cut({"x": mapped}, 100), HYPER, sizes, seed=1, max_iter=5)
    same(a, b)
    columns = table({"u": points[:, 0], "v": points[:, 1]})
    parquet.write_table(columns, tmp_path / "x.parquet", row_group_size=100)
    c = mixture.fit_chunks(
        mixture.Parquet(str(tmp_path / "x.parquet"), {"x": ["u", "v"]}), HYPER, sizes, seed=1, max_iter=5
    )
    same(a, c)


def test_rows_are_inferred_from_shared_factors(mixture, points) -> None:
    found = mixture.fit({"x": points}, HYPER, {"K": 3}, seed=1, max_iter=50)
    shared = {n: v for n, v in found.params.items() if n != "z"}
    state = mixture.State(*mixture.prepare({"x": points[:10]}, HYPER, {"K": 3}))
    mixture.initialise(state, shared, np.random.default_rng(0))
    mixture.update_z(state)
    inferred = mixture.infer({"x": points[:10]}, HYPER, shared)
    np.testing.assert_allclose(inferred["z"]["probs"], state.params["z"]["probs"], rtol=1e-12)


def test_progress_says_where_a_run_stands(mixture, points) -> None:
    seen = []
    mixture.fit_chunks(
        list(mixture.cut({"x": points}, 300)), HYPER, {"K": 2}, seed=1, max_iter=2, tol=0.0, progress=seen.append
    )
    assert [(p.sweep, p.shards, p.of, p.rows) for p in seen] == [
        (s, c, 3, r) for s in (1, 2) for c, r in ((1, 300), (2, 600), (3, 800))
    ]
    assert all(p.left >= 0.0 for p in seen)
    assert str(seen[-1]).startswith("sweep 2: shard 3/3, 0 s left, bound ")


def test_bad_requests(mixture, points) -> None:
    shards = list(mixture.cut({"x": points}, 300))
    with pytest.raises(mixture.DataError, match="found no shard"):
        mixture.fit_chunks([], HYPER, {"K": 2})
    with pytest.raises(mixture.DataError, match="found a generator, which can be gone through once only"):
        mixture.fit_chunks(mixture.cut({"x": points}, 300), HYPER, {"K": 2})
    assert mixture.fit_chunks(mixture.cut({"x": points}, 300), HYPER, {"K": 2}, seed=1, max_iter=1).n_iter == 1
    with pytest.raises(
        mixture.DataError, match=r"init: found \['pi'\]; expected the shared latents, \['Lambda', 'mu', 'pi'\]"
    ):
        mixture.fit_chunks(shards, HYPER, {"K": 2}, init={"pi": {"concentration": [1.0, 2.0]}})
    with pytest.raises(mixture.DataError, match="x: found 1 NaN"):
        mixture.fit_chunks([shards[0], {"x": np.array([[np.nan, 1.0]])}], HYPER, {"K": 2})
    with pytest.raises(mixture.DataError, match=r"dtype = int64; expected np.float64 or np.float32"):
        mixture.fit_chunks(shards, HYPER, {"K": 2}, dtype=int)
    with pytest.raises(mixture.DataError, match="max_iter = 0, restarts = 1; expected whole numbers of 1 or more"):
        mixture.fit_chunks(shards, HYPER, {"K": 2}, max_iter=0)
    with pytest.raises(mixture.DataError, match=r"forgetting = 0.3, .* expected"):
        mixture.Stochastic(HYPER, 100, {"K": 2}, forgetting=0.3)


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda"])
def test_a_run_that_is_cut_off_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    """Stopped after any shard, a run ends with the same digits; with factors of rows that it keeps, too."""
    module = run(derived_model(name).streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    shards = list(module.cut(data, max(1, sizes[module.CUT[0]] // 4)))
    whole = module.fit_chunks(shards, hyper, sizes, seed=2, max_iter=4, tol=0.0)

    class Stop(Exception):
        pass

    for stop in (1, 3, len(shards), len(shards) + 2):
        path, left = str(tmp_path / f"{stop}.npz"), [stop]

        def stopping(_, left=left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Stop

        with pytest.raises(Stop):
            module.fit_chunks(
                shards, hyper, sizes, seed=2, max_iter=4, tol=0.0, checkpoint=path, every=0.0, progress=stopping
            )
        same(module.fit_chunks(shards, hyper, sizes, seed=2, max_iter=4, tol=0.0, checkpoint=path), whole)
        again = module.fit_chunks(shards, hyper, sizes, seed=2, max_iter=4, tol=0.0, checkpoint=path)
        same(again, whole)  # nothing is left to do
        with pytest.raises(module.DataError, match="is the checkpoint of another run"):
            module.fit_chunks(shards, hyper, sizes, seed=3, max_iter=4, tol=0.0, checkpoint=path)


def test_a_killed_process_loses_nothing(points, tmp_path: Path) -> None:
    """kill -9 in the middle of a run: the checkpoint is whole, and the run that goes on ends with the same digits."""
    (tmp_path / "mixture.py").write_text(derived_model("gaussian_mixture_full").streaming(), encoding="utf-8")
    np.save(tmp_path / "x.npy", points)
    script = f"""
import sys, time, numpy as np, mixture
x = np.load("x.npy")
slow = float(sys.argv[1])
fit = mixture.fit_chunks(list(mixture.cut({{"x": x}}, 100)), {HYPER}, {{"K": 3}}, seed=1, max_iter=30, tol=0.0,
                         checkpoint=sys.argv[2], every=0.0, progress=lambda p: time.sleep(slow))
np.savez(sys.argv[3], trace=fit.elbo_trace, mean=fit.params["mu"]["mean"])
"""
    killed = subprocess.Popen([sys.executable, "-c", script, "0.02", "run.npz", "killed.npz"], cwd=tmp_path)
    deadline = time.monotonic() + 60.0
    while not (tmp_path / "run.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert (tmp_path / "run.npz").exists() and not (tmp_path / "killed.npz").exists()
    for checkpoint, out in (("run.npz", "resumed.npz"), ("fresh.npz", "whole.npz")):
        subprocess.run([sys.executable, "-c", script, "0", checkpoint, out], cwd=tmp_path, check=True)
    resumed, whole = np.load(tmp_path / "resumed.npz"), np.load(tmp_path / "whole.npz")
    np.testing.assert_array_equal(resumed["trace"], whole["trace"])
    np.testing.assert_array_equal(resumed["mean"], whole["mean"])


def test_arrays_lie_in_memory_as_they_were(mixture, tmp_path: Path) -> None:
    """Sums over an array that lies otherwise are rounded otherwise."""
    path = str(tmp_path / "run.npz")
    whole = np.arange(24.0).reshape(2, 3, 4)
    arrays = {str(axes): whole.transpose(axes) for axes in permutations(range(3))} | {"number": 1.5, "one": np.ones(1)}
    mixture.save(path, arrays, run="mine")
    found, facts = mixture.restore(path, "mine")
    assert facts == {"run": "mine"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].strides == np.asarray(array).strides


def test_a_damaged_checkpoint_is_refused(mixture, points, tmp_path: Path) -> None:
    (tmp_path / "run.npz").write_bytes(b"PK but no archive")
    with pytest.raises(mixture.DataError, match="is no checkpoint that can be read"):
        mixture.fit_chunks([{"x": points}], HYPER, {"K": 2}, checkpoint=str(tmp_path / "run.npz"))


def test_one_batch_of_everything_is_a_sweep(mixture, points) -> None:
    """With all data in the batch and steps of length one, stochastic inference is coordinate ascent."""
    start = mixture.fit({"x": points}, HYPER, {"K": 3}, seed=1, max_iter=2).params
    init = {n: v for n, v in start.items() if n != "z"}
    whole = mixture.fit({"x": points}, HYPER, {"K": 3}, init=init, max_iter=1)
    one = mixture.Stochastic(HYPER, len(points), {"K": 3}, init=init).partial_fit({"x": points})
    assert one.bound == pytest.approx(whole.elbo, rel=1e-12)


def test_steps_for_topics_are_those_of_the_paper(topics) -> None:
    """Hoffman, Blei, Wang and Paisley (2013), figure 6: λ ← (1 - ρ) λ + ρ (η + D / |S| Σ φ w), written out by hand."""
    rng = np.random.default_rng(4)
    documents, words, groups = 12, 9, 3
    counts = rng.poisson(1.0, size=(documents, words)) + np.eye(documents, words, dtype=int)
    hyper = {"alpha": 0.4, "eta": 0.2}
    assert {n for n, s in topics.KNOWN.items() if s["where"] == "hyper"} == set(hyper)
    lam = rng.gamma(5.0, size=(groups, words))
    batches = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    steps = topics.Stochastic(
        hyper,
        documents,
        {"K": groups, "V": words},
        init={"beta": {"concentration": lam}},
        delay=2.0,
        forgetting=0.6,
        inner=5000,
        inner_tol=1e-14,
    )
    for t, batch in enumerate(batches):
        doc, w = np.nonzero(counts[batch])
        steps.partial_fit({"doc": doc, "w": w, "count": counts[batch][doc, w].astype(float)})
        topic = digamma(lam) - digamma(lam.sum(axis=1, keepdims=True))
        total = np.zeros_like(lam)
        for d in batch:
            gamma = np.full(groups, 0.4)
            for _ in range(5000):
                phi = np.exp(digamma(gamma) - digamma(gamma.sum()) + topic.T)
                phi /= phi.sum(axis=1, keepdims=True)
                gamma = 0.4 + counts[d] @ phi
            total += (counts[d][:, None] * phi).T
        rho = 1.0 if t == 0 else (t + 2.0) ** -0.6
        lam = (1.0 - rho) * lam + rho * (0.2 + documents / len(batch) * total)
        np.testing.assert_allclose(steps.params["beta"]["concentration"], lam, rtol=1e-8)


def test_steps_approach_the_fit(mixture) -> None:
    """Minibatches of a large sample find the components that all data find."""
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(size=(4000, 2)), rng.normal(size=(6000, 2)) + 5.0])
    steps = mixture.Stochastic(HYPER, len(x), {"K": 2}, seed=0)
    for _ in range(60):
        steps.partial_fit({"x": x[rng.choice(len(x), 200, replace=False)]})
    whole = mixture.fit({"x": x}, HYPER, {"K": 2}, seed=0)
    found, exact = (np.sort(p["mu"]["mean"][:, 0]) for p in (steps.params, whole.params))
    np.testing.assert_allclose(found, exact, atol=0.15)
    assert steps.bound == pytest.approx(whole.elbo, rel=0.05)


def test_steps_go_on_from_a_file(mixture, points, tmp_path: Path) -> None:
    batches = [{"x": points[i : i + 50]} for i in range(0, 400, 50)]
    whole = mixture.Stochastic(HYPER, 800, {"K": 3}, seed=1)
    for b in batches:
        whole.partial_fit(b)
    first = mixture.Stochastic(HYPER, 800, {"K": 3}, seed=1)
    for b in batches[:3]:
        first.partial_fit(b)
    first.save(str(tmp_path / "steps.npz"))
    second = mixture.Stochastic(HYPER, 800, {"K": 3}, seed=1).load(str(tmp_path / "steps.npz"))
    for b in batches[3:]:
        second.partial_fit(b)
    assert second.steps == whole.steps and second.bound == whole.bound
    np.testing.assert_array_equal(second.params["mu"]["mean"], whole.params["mu"]["mean"])


def test_only_indices_of_the_model_can_be_named() -> None:
    with pytest.raises(CaviError, match="over='q': gaussian_mixture has no such index; expected one of n"):
        derived_model("gaussian_mixture").streaming(over="q")


def test_sums_of_data_alone_are_read_once(tmp_path: Path) -> None:
    """Without factors of rows one reading of the data is enough, and a run that was cut off needs none."""
    module = run(derived_model("linear_regression_joint").streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    readings = [0]

    def shards():
        readings[0] += 1
        return module.cut(data, 10)

    path = str(tmp_path / "run.npz")
    module.fit_chunks(shards, hyper, sizes, seed=2, max_iter=2, tol=0.0, checkpoint=path)
    found = module.fit_chunks(shards, hyper, sizes, seed=2, max_iter=5, tol=0.0, checkpoint=path)
    assert readings == [1]
    same(found, module.fit_chunks(shards, hyper, sizes, seed=2, max_iter=5, tol=0.0))


def test_sums_of_data_alone_are_kept_beside_factors_of_rows() -> None:
    module = run(derived_model("gaussian_mixture_shared").streaming())
    data, hyper, sizes = inputs(module, np.random.default_rng(5), 40, 4)
    (alone,) = (n for n, (reads, _) in module.TOTALS.items() if not reads)
    made = []
    reads, total = module.TOTALS[alone]
    module.TOTALS[alone] = reads, lambda state: made.append(1) or total(state)
    module.fit_chunks(list(module.cut(data, 10)), hyper, sizes, seed=2, max_iter=5, tol=0.0)
    assert len(made) == 4  # once a shard
