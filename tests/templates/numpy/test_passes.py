"""Scaled passes over long chains against the recursion in logarithms, position by position."""

import functools
import pickle
import tracemalloc

import numpy as np
import pytest
from generated import assert_a_run_is_its_updates, generated, inputs
from scipy.special import logsumexp

SEVERAL = ["factorial_hmm", "factorial_chains"]  # with a matrix of transitions for each chain, and one for all


def by_logarithms(logits: np.ndarray, transition: np.ndarray, starts: np.ndarray):
    """Marginals, sum of pairs (before, after) and log Z."""
    length, groups = logits.shape
    forward, backward = np.zeros((length, groups)), np.zeros((length, groups))
    for t in range(length):
        message = 0.0
        if t and starts[t]:
            message = logsumexp(forward[t - 1])
        elif t:
            message = logsumexp(forward[t - 1][:, None] + transition, axis=0)
        forward[t] = logits[t] + message
    for t in reversed(range(length - 1)):
        ahead = logits[t + 1] + backward[t + 1]
        backward[t] = logsumexp(ahead) if starts[t + 1] else logsumexp(transition + ahead, axis=1)
    total = logsumexp(forward[-1])
    pairs = np.zeros((groups, groups))
    for t in range(1, length):
        if not starts[t]:
            pairs += np.exp(forward[t - 1][:, None] + transition + logits[t] + backward[t] - total)
    return np.exp(forward + backward - total), pairs, total


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50, 501])
@pytest.mark.parametrize("sequences", [False, True])
def test_passes_equal_the_recursion(length: int, sequences: bool) -> None:
    rng = np.random.default_rng(length)
    logits, transition = 5.0 * rng.normal(size=(length, 3)) - 50.0, 3.0 * rng.normal(size=(3, 3))
    starts = (rng.random(length) < 0.2) * 1.0 if sequences else np.zeros(length)
    starts[0] = 1.0
    passes = generated("hmm_gaussian").forward_backward
    found = passes(logits.copy(), transition, starts if sequences else None)
    assert_same_chain(found, logits, transition, starts)


def assert_same_chain(found, logits: np.ndarray, transition: np.ndarray, starts: np.ndarray) -> None:
    """Passes against the recursion; the entropy is log Z - E[logits] - E[transitions]."""
    marginals, pairs, total, _, entropy = found
    expected = by_logarithms(logits, transition, starts)
    np.testing.assert_allclose(marginals, expected[0], atol=1e-11)
    np.testing.assert_allclose(pairs, expected[1], atol=1e-9)
    assert total == pytest.approx(expected[2], rel=1e-12)
    energy = (expected[0] * logits).sum() + (expected[1] * transition).sum()
    assert entropy == pytest.approx(expected[2] - energy, rel=1e-9, abs=1e-9 * abs(expected[2]))


@pytest.mark.parametrize("memory", [0.5, 1.0 - 1e-2, 1.0 - 1e-9])
@pytest.mark.parametrize("sequences", [False, True])
def test_passes_of_chains_that_forget_soon_late_and_never(memory: float, sequences: bool) -> None:
    """Blocks meet what a pass has left of them at once, after many positions, or are taken as matrices."""
    rng = np.random.default_rng(0)
    logits = 1e-3 * rng.normal(size=(8001, 3))
    transition = np.log((1.0 - memory) / 3.0 + memory * np.eye(3))
    starts = np.zeros(len(logits))
    starts[[0, *((4000, 4001, 8000) if sequences else ())]] = 1.0
    found = generated("hmm_gaussian").forward_backward(logits.copy(), transition, starts if sequences else None)
    assert_same_chain(found, logits, transition, starts)


def test_what_comes_later_may_ask_for_what_has_vanished() -> None:
    """A category that a step leaves no digit of is asked for by the next one: the passes decline."""
    logits = np.array([[0.0, -1500.0], [0.0, 0.0], [-3000.0, 0.0]])
    with np.errstate(all="ignore"):
        assert generated("hmm_gaussian").forward_backward(logits, np.array([[0.0, -1600.0], [-1600.0, 0.0]])) is None


def test_impossible_steps_are_left_to_logarithms() -> None:
    """Weights that vanish in floating point: the passes decline, and a run gives what the plain update gives."""
    passes = generated("hmm_gaussian").forward_backward
    logits = np.array([[0.0, -2000.0], [-2000.0, 0.0]])
    with np.errstate(all="ignore"):
        assert passes(logits, np.array([[0.0, -2000.0], [-2000.0, 0.0]])) is None


@pytest.mark.parametrize("name", ["hmm_gaussian", "hmm_categorical", "hmm_poisson", "chains_laid_end_to_end", *SEVERAL])
def test_a_long_run_is_its_updates(name: str) -> None:
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(1), 300, 3)
    assert_a_run_is_its_updates(module, data, hyper, sizes)


def test_kernels_backward_of_many_positions() -> None:
    """Across the ends of blocks and of sequences."""
    rng = np.random.default_rng(0)
    filtered, transition = rng.dirichlet(np.ones(3), size=5000), rng.normal(size=(3, 3))
    starts = (rng.random(5000) < 0.2) * 1.0
    found = generated("hmm_gaussian").kernels(filtered, transition, starts)
    for t in [*range(20), *range(2070, 2090), 4998, 4999]:
        weights = filtered[t] * (1.0 if t == 4999 or starts[t + 1] else np.exp(transition.T))
        np.testing.assert_allclose(found[t], np.broadcast_to(weights / weights.sum(axis=-1, keepdims=True), (3, 3)))


def test_a_run_of_a_long_chain_makes_no_pairs() -> None:
    """Start, sweeps and result have at most one array over positions and pairs of categories, which is the result."""
    module, length, groups = generated("hmm_poisson"), 30_000, 8
    data, hyper, sizes = inputs(module, np.random.default_rng(0), length, groups)
    rates = {"shape": np.arange(1.0, groups + 1.0), "rate": np.ones(groups)}
    init = {"delta": {"concentration": np.ones(groups)}, "Gamma": {"concentration": np.ones((groups, groups))}}
    tracemalloc.start()
    module.fit(data, hyper, sizes, init=init | {"lam": rates}, max_iter=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.0 * 8 * length * groups


def test_a_kernel_is_made_when_it_is_asked_for() -> None:
    """Nothing that looks at names makes it, a copy in another process neither; its rows are those of the whole."""
    module, rng = generated("hmm_gaussian"), np.random.default_rng(0)
    filtered, transition = rng.dirichlet(np.ones(3), size=500), rng.normal(size=(3, 3))
    kernel = functools.partial(module.kernels, filtered, transition)
    params = module.Lazy({"filtered": filtered}, {"kernel": kernel})
    again = pickle.loads(pickle.dumps(params))
    assert "kernel" in params and list(params) == ["filtered", "kernel"] and len(params) == 2
    assert not dict.__contains__(again.only(["kernel"]), "kernel")
    rows = module.rows_of(params, "kernel", slice(3, 7))
    assert not dict.__contains__(params, "kernel")
    np.testing.assert_array_equal(rows, params["kernel"][3:7])
    assert params["kernel"] is dict(params)["kernel"] is {**params}["kernel"]
    np.testing.assert_array_equal(again["kernel"], params["kernel"])


def test_a_start_by_marginals_and_its_sum_of_pairs_make_no_pairs() -> None:
    module, length, groups = generated("hmm_poisson"), 30_000, 8
    data, hyper, sizes = inputs(module, np.random.default_rng(0), length, groups)
    tracemalloc.start()
    module.fit(data, hyper, sizes, seed=0, max_iter=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * 8 * length * groups**2


def test_a_run_that_is_interrupted_in_a_pass_has_a_whole_result(monkeypatch: pytest.MonkeyPatch) -> None:
    module = generated("hmm_gaussian")
    data, hyper, sizes = inputs(module, np.random.default_rng(1), 300, 3)
    passes, calls = module.forward_backward, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return passes(*arguments)

    monkeypatch.setattr(module, "forward_backward", interrupted)
    found = module.fit(data, hyper, sizes, seed=0, max_iter=10, tol=0.0)
    assert not found.converged and found.n_iter < 10
    np.testing.assert_allclose(found.params["z"]["probs"].sum(axis=1), 1.0)
    assert found.params["z"]["kernel"].shape == (300, 3, 3)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_chains_are_gone_through_one_after_another(name: str) -> None:
    """A pass leaves what the update of every element does: marginals, sums of pairs, entropy, and q when asked."""
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(2), 400, 3)
    states = [module.State(*module.prepare(data, hyper, sizes)) for _ in range(2)]
    for state, functions in zip(states, (module.UPDATES, module.COLLECT), strict=True):
        module.initialise(state, {}, np.random.default_rng(3))
        for _ in range(2):
            functions["s"](state)
            module.UPDATES["W" if "W" in module.UPDATES else "w"](state)
    plain, passed = states
    assert "kernel" not in passed.params["s"]
    assert module.elbo(passed) == pytest.approx(module.elbo(plain), rel=1e-12)
    module.EXPAND["s"](passed)
    for parameter in ("filtered", "probs", "kernel"):
        np.testing.assert_allclose(passed.params["s"][parameter], plain.params["s"][parameter], rtol=1e-9, atol=1e-12)
    passed.kept.clear()  # sums are made of q itself then
    assert module.elbo(passed) == pytest.approx(module.elbo(plain), rel=1e-12)


def test_several_chains_whose_passes_decline_are_updated_by_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    module = generated("factorial_hmm")
    data, hyper, sizes = inputs(module, np.random.default_rng(2), 60, 2)
    expected = module.fit(data, hyper, sizes, seed=0, max_iter=3, tol=0.0, callback=lambda *_: False)
    monkeypatch.setattr(module, "forward_backward", lambda *_: None)
    found = module.fit(data, hyper, sizes, seed=0, max_iter=3, tol=0.0)
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-12)


def test_sweeps_of_several_chains_make_no_array_of_pairs() -> None:
    module, length, groups = generated("factorial_hmm"), 20_000, 6
    data, hyper, sizes = inputs(module, np.random.default_rng(0), length, groups)
    state = module.State(*module.prepare(data, hyper, sizes))
    module.initialise(state, {}, np.random.default_rng(3))
    module.COLLECT["s"](state)
    for mine in (state.params["s"], state.moments):
        assert all(np.size(a) <= sizes["M"] * length * groups for a in mine.values())
    tracemalloc.start()
    module.COLLECT["s"](state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 8 * sizes["M"] * length * groups  # the update of every element takes 35 of these
