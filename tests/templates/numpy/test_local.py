"""Local updates in blocks: logits of any size, starts of many rows, and memory beside data and result."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from generated import generated
from scipy.special import log_softmax, logsumexp

from cavi.models import derived

POWERS = [(np.exp, 1.0), (np.exp2, float(np.log(2.0)))]


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("level", [0.0, -40.0, -100.0, -900.0, 900.0])
def test_logits_of_any_size_are_normalised(
    level: float, dtype: type, power: tuple[np.ufunc, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the exponentials of all of a column, or of some columns, are no numbers; by either power."""
    module = generated("gaussian_mixture_full")
    monkeypatch.setattr(module, "power", lambda: power)
    rng = np.random.default_rng(0)
    logits = (5.0 * rng.normal(size=(4, 50)) + level * (rng.random(50) < 0.5)).astype(dtype)
    exact, digits = logits.astype(float), 20 * float(np.finfo(dtype).eps)
    softmaxes = module.Softmax(np.eye(4, dtype=dtype))
    for _ in range(3):  # the next blocks begin with the level of the one before
        with np.errstate(all="ignore"):  # as the passes over blocks have it
            probs, total = softmaxes(logits)
        np.testing.assert_allclose(probs, np.exp(log_softmax(exact, axis=0)), rtol=200 * digits, atol=digits)
        assert total == pytest.approx(logsumexp(exact, axis=0).sum(), rel=digits, abs=50 * digits)


@pytest.mark.parametrize("power", POWERS)
def test_an_entropy_is_that_of_the_logits_with_their_rounding(
    power: tuple[np.ufunc, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In single precision log Σ exp is that of `natural`; of the parameters before they were rounded it is not."""
    module = generated("gaussian_mixture_full")
    monkeypatch.setattr(module, "power", lambda: power)
    given = (1.0 + 2.0**-20 * np.arange(3.0)).astype(np.float32)[:, None]  # logits are large beside their differences
    softmaxes, features = module.Softmax(given), np.full((1, 100), 2.0**20, np.float32)
    with np.errstate(all="ignore"):
        probs, total = softmaxes(features)
    logits = 2.0**20 * softmaxes.natural
    share = np.exp(log_softmax(logits, axis=0))
    np.testing.assert_allclose(probs, np.broadcast_to(share, probs.shape), rtol=1e-6)
    top = logits.max()
    energy = float((probs.astype(float) * (logits - top)).sum()) + 100 * top
    assert (total - energy) / 100 == pytest.approx(-(share * np.log(share)).sum(), rel=1e-6)
    np.testing.assert_allclose(softmaxes.natural, given, rtol=1e-7)


def test_the_power_of_this_machine_is_one_of_both() -> None:
    power, log_base = generated("gaussian_mixture_full").power()
    assert power(1.0) == pytest.approx(np.exp(log_base), rel=1e-15)


@pytest.mark.parametrize("said", [{}, {"SIMD Extensions": {"baseline": ["ASIMD"]}}, None, TypeError("mode")])
def test_where_numpy_says_less_of_the_machine_exponentials_are_taken(
    said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that are empty are left out of the configuration, and NumPy before 1.25 has none as a dict."""

    def show_config(mode: str) -> Any:
        if isinstance(said, Exception):
            raise said
        return said

    module = generated("gaussian_mixture_full")
    monkeypatch.setattr(np, "show_config", show_config)
    assert module.power() == (np.exp, 1.0)


def test_what_is_only_copied_into_features_is_not_cast_before() -> None:
    """A line of features has the precision of blocks by the copy; what is computed with is cast first."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    for name, cast in (("diagonal_gaussian_mixture", False), ("student_mixture", True)):
        module, source = generated(name), derived(name).numpy()
        body = source.partition("def features_")[2].partition("def ")[0]
        assert ('state.data["x"][rows].astype(state.dtype' in body) == cast
    module = generated("diagonal_gaussian_mixture")
    hyper = {n: np.ones(3) if s["axes"] else 1.0 for n, s in module.KNOWN.items() if s["where"] == "hyper"}
    state = module.State(*module.prepare({"x": x}, hyper, {"K": 2}), dtype=np.float32)
    found = module.features_z(state, slice(10, 40))
    assert found.dtype == np.float32
    narrow = x[10:40].astype(np.float32).T
    np.testing.assert_array_equal(found, np.vstack([np.ones((1, 30), np.float32), narrow, narrow**2]))


def test_blocks_that_are_far_from_zero_are_made_once_each() -> None:
    """The level of the first block will do for the others, whose logits are a thousand below zero."""
    module, made = generated("gaussian_mixture_full"), []
    plain = module.product
    softmaxes = module.Softmax(np.eye(4))
    logits = np.random.default_rng(0).normal(size=(5, 4, 50)) - 1000.0
    try:
        module.product = lambda natural, features, out: made.append(1) or plain(natural, features, out)
        with np.errstate(all="ignore"):
            totals = [softmaxes(block)[1] for block in logits]
    finally:
        module.product = plain
    assert len(made) == 6
    assert totals == pytest.approx(logsumexp(logits, axis=1).sum(axis=1), rel=1e-13)


@pytest.mark.parametrize(
    ("dtype", "bounds", "converged"),
    [
        (np.float32, (-2000.0, -1000.0, -1000.005, -1000.004), (3, True)),  # 5e-6 of its size: rounding
        (np.float64, (-2000.0, -1000.0, -1000.000005, -1000.000003), (4, False)),
    ],
)
def test_a_fall_in_single_precision_is_an_end(monkeypatch: pytest.MonkeyPatch, dtype: type, bounds, converged) -> None:
    """What rises less than rounding is not seen; with a tolerance of zero sweeps go on all the same."""
    module, left = generated("gaussian_mixture"), list(bounds)
    monkeypatch.setattr(module, "elbo", lambda state: left.pop(0))
    given = (
        {"x": np.array([1.0, 2.0, 5.0])},
        dict.fromkeys(("alpha_0", "m_0", "kappa_0", "a_0", "b_0"), 1.0),
        {"K": 2},
    )
    found = module.fit(*given, seed=0, max_iter=4, tol=1e-12, dtype=dtype)
    assert (found.n_iter, found.converged) == converged
    left[:] = bounds
    assert module.fit(*given, seed=0, max_iter=4, tol=0.0, dtype=dtype).n_iter == 4
    left[:] = [-1000.0, -1000.02]  # more than rounding explains
    with pytest.raises(ArithmeticError, match=r"the bound fell by 0\.02 in sweep 2"):
        module.fit(*given, seed=0, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_groups_that_are_far_apart_take_no_more_time(dtype: type) -> None:
    """Exponentials that cannot be told from zero are the least numbers with all digits, after the first block."""
    logits = np.array([[0.0, 0.0], [-740.0, -2000.0]], dtype)
    softmaxes = generated("gaussian_mixture_full").Softmax(np.eye(2, dtype=dtype))
    for _ in range(2):
        probs, total = softmaxes(logits)
    assert (probs[1] >= np.finfo(dtype).tiny).all() and (probs[1] < 10 * np.finfo(dtype).tiny).all()
    assert total == 0.0


@pytest.mark.parametrize(
    ("lines", "groups", "rows"), [(3, 4, 50), (153, 20, 2080), (70, 30, 1001), (20, 60, 3000), (900, 30, 200)]
)
def test_products_in_pieces_are_the_products(lines: int, groups: int, rows: int) -> None:
    module, rng = generated("gaussian_mixture_full"), np.random.default_rng(0)
    memory = rng.normal(size=(lines, rows + 3))
    natural, features, shares = rng.normal(size=(groups, lines)), memory[:, :rows], rng.random((rows, groups))
    for out in (np.empty((groups, rows)), np.empty((rows, groups)).T):
        module.product(natural, features, out)
        np.testing.assert_allclose(out, natural @ features, rtol=1e-11, atol=1e-12)
    for turned in (shares, np.asfortranarray(shares)):
        np.testing.assert_allclose(module.weighted(features, turned), features @ shares, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_pairs_are_packed_in_the_order_in_which_they_are_made(side: int) -> None:
    module, rng = generated("gaussian_mixture_full"), np.random.default_rng(0)
    x, matrices = rng.normal(size=(side, 7)), rng.normal(size=(3, side, side))
    lines = module.pairs(x, np.empty((side * (side + 1) // 2, 7)))
    np.testing.assert_allclose(module.packed(matrices) @ lines, np.einsum("kde,dn,en->kn", matrices, x, x), atol=1e-13)
    np.testing.assert_array_equal(module.unpacked(lines.T, side), np.einsum("dn,en->nde", x, x))


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
