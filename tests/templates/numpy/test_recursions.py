"""Recursions along chains: in blocks and until they settle, against one position after another."""

import itertools

import numpy as np
import pytest
from generated import derived_model, generated, inputs, run, state_of

from cavi.derive import Model, MultivariateNormal, Normal, derive, dot
from cavi.derive.index import Index
from cavi.templates.numpy.recursions import affine, components
from cavi.templates.numpy.recursions import inputs as inputs_of


def by_steps(steps: np.ndarray, values: np.ndarray, reverse: bool = False) -> np.ndarray:
    out, last = np.zeros(values.shape), np.zeros(values.shape[1:])
    for t in range(len(values))[:: -1 if reverse else 1]:
        last = out[t] = (steps[t] @ last if values.ndim > 1 else steps[t] * last) + values[t]
    return out


def every(known: list[np.ndarray], own: list[np.ndarray], reverse: bool = False):
    return range(len(own[0]))[:: -1 if reverse else 1]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 17, 100, 1001])
@pytest.mark.parametrize("side", [0, 1, 3])
def test_blocks_in_step_equal_one_position_after_another(length: int, side: int) -> None:
    rng = np.random.default_rng(length)
    tail = (side,) if side else ()
    steps, values = 0.7 * rng.normal(size=(length, *tail, *tail)), rng.normal(size=(length, *tail))
    for reverse in (False, True):
        found = generated("linear_dynamical_system").scanned(steps, values, reverse)
        expected = by_steps(steps, values, reverse)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("reverse", [False, True])
def test_what_a_recursion_reads_may_change(reverse: bool) -> None:
    """Filled in from where it settles up to the next change, at which it starts to move again."""
    length, rng = 700, np.random.default_rng(0)
    root = 2.0 + rng.uniform(size=(3, 2, 2))
    known = np.repeat(root @ root.swapaxes(1, 2) + 3.0 * np.eye(2), [300, 250, 150], axis=0)
    runs = []
    for positions in (generated("linear_dynamical_system").unsettled, every):
        own, steps = np.zeros(known.shape), 0
        for t in positions([known], [own], reverse):
            own[t] = known[t] - np.linalg.inv(np.eye(2) + (own[t - 1 if not reverse else (t + 1) % length]))
            steps += 1
        runs.append((own, steps))
    np.testing.assert_allclose(runs[0][0], runs[1][0], rtol=1e-13)
    assert runs[0][1] < 150 and runs[1][1] == length


@pytest.mark.parametrize("name", ["linear_dynamical_system", "dynamic_level", "switching_level", "hmm_gaussian"])
def test_an_update_is_that_of_the_plain_recursion(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = generated(name)
    states = [state_of(module, 3, 400, 3) for _ in range(2)]
    latent = next(n for n, specs in module.PARAMETERS.items() if any(s["role"] == "marginal" for s in specs.values()))
    factor = next(f for f in module.UPDATES if latent in f.split(","))
    module.UPDATES[factor](states[0])
    monkeypatch.setattr(module, "scanned", by_steps)
    monkeypatch.setattr(module, "unsettled", every, raising=False)
    module.UPDATES[factor](states[1])
    for n, expected in states[1].params[latent].items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(states[0].params[latent][n], expected, rtol=1e-12, atol=1e-12 * scale, err_msg=n)


def test_covariances_come_first_and_means_are_affine() -> None:
    """Of a Gaussian chain; messages of a chain of categories are sums of exponentials, which nothing abbreviates."""
    update = derived_model("linear_dynamical_system").update("x")
    group = [f for f in update.formulas if f.along is not None and f.along[1] == "forward"]
    t = group[0].along[0]
    parts = components(group)
    assert [[f.name for f in p] for p in parts] == [["precision", "conditional_covariance"], ["information", "offset"]]
    assert affine(parts[0], t, ()) is None and inputs_of(parts[0], group[0].along, ()) is not None
    found = affine(parts[1], t, ())
    assert found is not None and found.carried.name == "offset" and [f.name for f in found.others] == ["information"]
    chain = derived_model("hmm_gaussian").update("z")
    message = [f for f in chain.formulas if f.along is not None and f.along[1] == "forward"]
    assert all(affine(p, Index(t.name, "T"), ()) is None for p in components(message))
    assert "unsettled" not in derived_model("hmm_gaussian").numpy()


def test_a_sweep_of_a_long_chain_takes_few_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    module, steps = generated("linear_dynamical_system"), []
    state = module.State(*module.prepare(*inputs(module, np.random.default_rng(0), 2000, 3)))
    order = module.initialise(state, None, np.random.default_rng(0))
    plain = module.unsettled

    def counted(*arguments, **options):
        for t in plain(*arguments, **options):
            steps.append(t)
            yield t

    monkeypatch.setattr(module, "unsettled", counted)
    for factor in order:
        module.UPDATES[factor](state)
    assert 0 < len(steps) < 1000


def series() -> Model:
    """A Kalman chain, end to end, of several sequences."""
    m = Model("series")
    t, d, i, j = m.index("t", "T"), m.index("d", "D"), m.index("i", "K"), m.index("j", "K")
    start = m.covariate("start", t)
    a, c = m.latent("A", Normal(0, 1), i, j), m.latent("C", Normal(0, 1), d, j)
    first = MultivariateNormal(0, 1, over=i)
    x = m.latent("x", lambda x: MultivariateNormal(a @ x[t - 1], 1, over=i), t, initial=first, starts=start)
    m.observed("y", Normal(dot(c[d], x[t]), 1), t, d)
    return m


def test_sequences_that_lie_end_to_end_run_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """All first positions, then all second ones, and as many steps as the longest has; the same to the last digits."""
    module = run(derive(series(), [("A",), ("C",)]).numpy())
    lengths, rng = [7, 1, 12, 3, 12], np.random.default_rng(0)
    starts = np.concatenate([np.eye(n)[0] for n in lengths])
    for reverse in (False, True):
        places = list(module.in_step(starts, reverse))
        assert [len(p) for p in places] == [sum(n > step for n in lengths) for step in range(12)]
        assert sorted(np.concatenate(places)) == list(range(35))
        for before, now in itertools.pairwise(places):
            assert set(now + (1 if reverse else -1)) <= set(before)
    known = {"y": rng.normal(size=(35, 2)), "start": starts}, {}, {"K": 3}
    states = [module.State(*module.prepare(*known)) for _ in range(2)]
    for one in states:
        module.initialise(one, None, np.random.default_rng(1))
    module.update_x(states[0])
    order = {False: range(35), True: range(34, -1, -1)}
    monkeypatch.setattr(module, "in_step", lambda _, reverse=False: (np.array([t]) for t in order[reverse]))
    module.update_x(states[1])
    for n, expected in states[1].params["x"].items():
        np.testing.assert_allclose(states[0].params["x"][n], expected, rtol=1e-12, atol=1e-13, err_msg=n)


def test_several_sequences_are_each_what_they_are_alone() -> None:
    module = run(derive(series(), [("A",), ("C",)]).numpy())
    rng = np.random.default_rng(0)
    y, starts = rng.normal(size=(20, 2)), np.concatenate([np.eye(8)[0], np.eye(12)[0]])
    weights = {
        n: {"mean": rng.normal(size=s), "precision": np.tile(np.eye(3), (s[0], 1, 1))} for n, s in SHAPES.items()
    }
    found = []
    for rows in (slice(0, 20), slice(0, 8), slice(8, 20)):
        state = module.State(*module.prepare({"y": y[rows], "start": starts[rows]}, {}, {"K": 3}))
        module.initialise(state, weights, rng)
        module.update_x(state)
        found.append({n: state.params["x"][n] for n in ("mean", "covariance", "precision")})
    for n, whole in found[0].items():
        np.testing.assert_allclose(whole, np.concatenate([found[1][n], found[2][n]]), rtol=1e-12, atol=1e-13)


SHAPES = {"A": (3, 3), "C": (2, 3)}
