"""Local updates in blocks: logits of any size, starts of many rows, and memory beside data and result."""

import tracemalloc

import numpy as np
import pytest
from generated import generated
from scipy.special import log_softmax, logsumexp


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("level", [0.0, -40.0, -100.0, -900.0, 900.0])
def test_logits_of_any_size_are_normalised(level: float, dtype: type) -> None:
    """Also where the exponentials of all of a column, or of some columns, are no numbers."""
    rng = np.random.default_rng(0)
    logits = (5.0 * rng.normal(size=(4, 50)) + level * (rng.random(50) < 0.5)).astype(dtype)
    probs, total = generated("gaussian_mixture_full").normalised(np.eye(4, dtype=dtype), logits)
    exact = logits.astype(float)
    digits = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(probs, np.exp(log_softmax(exact, axis=0)), rtol=200 * digits, atol=digits)
    np.testing.assert_allclose(total, logsumexp(exact, axis=0), rtol=digits, atol=digits)


def separated(rows: int, groups: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.integers(groups, size=rows)
    return 20.0 * np.eye(groups, side)[label] + rng.normal(size=(rows, side)), label


def test_many_rows_are_seeded_by_some_of_them() -> None:
    """Every row starts in the group that it belongs to, those that were not looked at among them."""
    module = generated("gaussian_mixture_full")
    x, label = separated(3 * module.SEEDED + 7, 3, 4)
    hyper = {"alpha_0": 1.0, "m_0": np.zeros(4), "beta_0": 0.1, "nu_0": 5.0, "W_0": np.eye(4)}
    state = module.State(*module.prepare({"x": x}, hyper, {"K": 3}))
    module.initialise(state, None, np.random.default_rng(1))
    found = state.params["z"]["probs"]
    assert found.sum(axis=1) == pytest.approx(1.0)
    groups = [set(label[found.argmax(axis=1) == k]) for k in range(3)]
    assert sorted(map(len, groups)) == [1, 1, 1]


@pytest.mark.parametrize("given", [False, True])
def test_a_run_needs_the_memory_of_its_result(given: bool) -> None:
    """Neither the start nor the data nor the sweeps have an array beside q(z): it would need twice as much."""
    module = generated("diagonal_gaussian_mixture")
    rows, groups = 400_000, 8
    x, label = separated(rows, groups, 2)
    hyper = {name: np.ones(2) if s["axes"] else 1.0 for name, s in module.KNOWN.items() if s["where"] == "hyper"}
    init = {"z": {"probs": 0.1 / groups + 0.9 * np.eye(groups)[label]}} if given else None
    tracemalloc.start()
    module.fit({"x": x}, hyper, {"K": groups}, init=init, max_iter=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.4 * rows * groups * 8


def test_data_are_neither_copied_nor_written_to() -> None:
    module = generated("linear_regression")  # its weights are set one after another
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(50, 3)), "y": rng.normal(size=50)}
    before = {n: a.copy() for n, a in given.items()}
    hyper = {name: 1.0 for name, s in module.KNOWN.items() if s["where"] == "hyper"}
    data, _, _ = module.prepare(given, hyper)
    assert all(np.shares_memory(data[n], a) and not data[n].flags.writeable for n, a in given.items())
    begin = {"w": {"mean": np.zeros(3), "precision": np.ones(3)}}
    module.fit(given, hyper, init=begin, max_iter=3)
    assert not begin["w"]["mean"].any()
    assert all((a == before[n]).all() and a.flags.writeable for n, a in given.items())


@pytest.mark.parametrize("side", [3, 48, 49, 120])
def test_inverses_of_small_and_large_matrices(side: int) -> None:
    rng = np.random.default_rng(side)
    half = rng.normal(size=(2, side, side + 5))
    matrix = half @ half.transpose(0, 2, 1)
    module = generated("bayesian_pca")
    found = module.inverse(matrix)
    np.testing.assert_allclose(found @ matrix, np.broadcast_to(np.eye(side), matrix.shape), atol=1e-8)
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1))
    with pytest.raises(np.linalg.LinAlgError):
        module.inverse(matrix - 1e6 * np.eye(side))
