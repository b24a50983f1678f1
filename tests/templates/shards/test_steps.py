"""Factors that take steps, on data in shards: one length for all rows, which the whole bound decides."""

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from generated import inputs, run

from cavi.derive import (
    Bernoulli,
    Categorical,
    Derived,
    Dirichlet,
    Gamma,
    Model,
    Normal,
    Poisson,
    derive,
    dot,
    exp,
    sigmoid,
)


def slopes(how: str) -> Derived:
    """A vector that all rows share, in a function that needs quadrature."""
    m = Model("slopes")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, w = m.covariate("X", n, d), m.latent("w", Normal(0, 1), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return derive(m, [("w",)], approximate={"w": how})


def groups(how: str) -> Derived:
    """A vector, a number, and effects of groups."""
    m = Model("groups")
    n, d, g = m.index("n", "N"), m.index("d", "D"), m.index("g", "G")
    x, group = m.covariate("X", n, d), m.observed_index("group", n, over=g)
    tau, a = m.latent("tau", Gamma(2, 1)), m.latent("a", Normal(0, 1))
    w, u = m.latent("w", Normal(0, 1), d), m.latent("u", Normal(0, tau), g)
    m.observed("y", Poisson(exp(a + dot(w, x[n]) + u[group[n]])), n)
    return derive(m, [("w",)], approximate={"a": how, "w": how, "u": how})


def rows(how: str) -> Derived:
    """A category and a number of each row, the number a step."""
    m = Model("rows")
    n, k = m.index("n", "N"), m.index("k", "K")
    pi, mu, tau = m.latent("pi", Dirichlet(1, over=k)), m.latent("mu", Normal(0, 1), k), m.latent("tau", Gamma(2, 1))
    z = m.latent("z", Categorical(pi), n)
    u = m.latent("u", Normal(mu[z[n]], tau), n)
    m.observed("y", Poisson(exp(u[n])), n)
    return derive(m, approximate={"u": how})


def mixture(how: str) -> Derived:
    """Vectors that rows share by category, so that sums of them read the category too."""
    m = Model("mixture")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    x, pi = m.covariate("X", n, d), m.latent("pi", Dirichlet(1, over=k))
    w, z = m.latent("w", Normal(0, 1), k, d), m.latent("z", Categorical(pi), n)
    m.observed("y", Poisson(exp(dot(w[z[n]], x[n]))), n)
    return derive(m, [("w",)], approximate={"w": how})


def labels(_: str) -> Derived:
    """A step of a vector, with points of rows that take steps of their own."""
    m = Model("labels")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, w = m.covariate("X", n, d), m.latent("w", Normal(0, 1), d)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    return derive(m, [("w",)], bounds={"y": "knowles_minka"}, approximate={"w": "cvi"})


def points(_: str) -> Derived:
    """Points by Newton's method: one that all rows share, and one of each row."""
    m = Model("points")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, b, c = m.covariate("X", n, d), m.point("b", Normal(0, 0.1), d), m.point("c", Normal(0, 1), n)
    m.observed("y", Poisson(exp(dot(b, x[n]) + c[n])), n)
    return derive(m, [("b",)], approximate={"b": "newton", "c": "newton"})


def by_kind(_: str) -> Derived:
    """Points by Newton's method with a step for each kind of row."""
    m = Model("by_kind")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    x, kind = m.covariate("X", n, d), m.observed_index("kind", n, over=k)
    b = m.point("b", Normal(0, 0.1), k, d)
    m.observed("y", Poisson(exp(dot(b[kind[n]], x[n]))), n)
    return derive(m, [("b",)], approximate={"b": "newton"})


CASES = [
    *((make, how, "n") for make in (slopes, rows, mixture) for how in ("cvi", "laplace", "delta")),
    *((groups, how, over) for how in ("cvi", "laplace", "delta") for over in ("n", "g")),
    *((make, "", "n") for make in (labels, points, by_kind)),
]


def problem(module: types.ModuleType, far: float = 0.0) -> tuple[dict, dict, dict, dict]:
    """Data, hyperparameters, sizes, and a start of the shared factors, so far away from where they end."""
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 40, 3)
    found = module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params
    init = {latent: dict(found[latent]) for factor in module.SHARED for latent in factor.split(",")}
    for values in init.values():
        for name in {"mean", "value"} & set(values):
            values[name] = values[name] + far
    return data, hyper, sizes, init


def fitted(module: types.ModuleType, shards: list, hyper: dict, sizes: dict, init: dict, sweeps: int = 4) -> Any:
    return module.fit_chunks(shards, hyper, sizes, init=init, max_iter=sweeps, tol=-1.0)


def assert_same(parts: Any, whole: Any) -> None:
    np.testing.assert_allclose(parts.elbo_trace, whole.elbo_trace, rtol=1e-10)
    for latent, values in parts.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(a, whole.params[latent][n], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("make", "how", "over"), CASES)
def test_sweeps_are_those_of_one_machine(make: Callable[[str], Derived], how: str, over: str) -> None:
    module = run(make(how).streaming(over=over))
    for far in (0.0, -4.0):
        data, hyper, sizes, init = problem(module, far)
        whole = module.fit(data, hyper, sizes, init=init, max_iter=4, tol=-1.0)
        shards = list(module.cut(data, max(1, sizes[module.CUT[0]] // 3)))
        assert len(shards) > 1
        assert_same(fitted(module, shards, hyper, sizes, init), whole)


@pytest.mark.parametrize(("make", "over"), [(groups, "n"), (groups, "g"), (slopes, "n")])
def test_the_length_of_a_step_is_one_decision(make: Callable[[str], Derived], over: str, monkeypatch) -> None:
    """From far away steps are shortened; a shard that decided for itself would end elsewhere."""
    module = run(make("cvi").streaming(over=over))
    data, hyper, sizes, init = problem(module, -4.0)
    shares: list[float] = []
    blended = module.blended

    def told(before: dict, after: dict, share: float) -> dict:
        shares.append(share)
        return blended(before, after, share)

    monkeypatch.setattr(module, "blended", told)
    shards = list(module.cut(data, max(1, sizes[module.CUT[0]] // 3)))
    parts = fitted(module, shards, hyper, sizes, init)
    assert shares and max(shares) < 1.0
    if not module.OWN:
        return
    if hasattr(module, "GUARDED"):
        for name in module.GUARDED:
            order = module.Lead.order
            monkeypatch.setitem(
                module.GUARDED, name, lambda lead, factor, order=order: order(lead, ("update", (factor,)), [factor])
            )
        alone = fitted(module, shards, hyper, sizes, init)
        assert not np.allclose(alone.elbo_trace, parts.elbo_trace, rtol=1e-10)


def test_a_step_towards_a_mode_is_one_pass(monkeypatch) -> None:
    """What a try of a step does to the height of its factor comes back with it."""
    module = run(rows("laplace").streaming())
    data, hyper, sizes, init = problem(module)
    shards, seen = list(module.cut(data, 20)), list[str]()
    obeyed = module.obeyed
    monkeypatch.setattr(
        module, "obeyed", lambda state, command, names: seen.append(command[0]) or obeyed(state, command, names)
    )
    fitted(module, shards, hyper, sizes, init, 3)
    assert seen.count("height") == 3 * len(shards)  # before the first step of a sweep
    assert seen.count("propose") > 3 * seen.count("height")


def test_a_shard_that_was_put_away_tells_how_far_it_has_moved() -> None:
    """A step that is shortened is measured from where it began, whether the shard was kept in memory or not."""
    module = run(rows("laplace").streaming())
    data, hyper, sizes, init = problem(module)
    first = module.shard_state(data, hyper, sizes, None, init=init)
    lead = module.leading_state(first, init, np.random.default_rng(0))
    state = module.shard_state(data, hyper, sizes, lead)
    (latent,) = module.HEIGHT
    module.obeyed(state, ("propose", latent), ())
    again = module.shard_state(data, hyper, sizes, lead, module.own_part(state))
    for share, moved in ((0.5, 1.0), (0.0, 0.0)):
        for shard in (state, again):
            assert module.obeyed(shard, ("share", latent, share), ()).values["moved"] == moved


@pytest.mark.parametrize("name", ["follow", "knows"])
def test_a_mistake_would_show(name: str, monkeypatch) -> None:
    """Sums that are not asked for again once factors have changed: the bounds are others."""
    module = run(groups("cvi").streaming(over="g"))
    data, hyper, sizes, init = problem(module)
    shards = list(module.cut(data, 1))
    expected = fitted(module, shards, hyper, sizes, init).elbo_trace
    if name == "follow":
        monkeypatch.setattr(module.Lead, name, lambda self, factors, totals: None)
    else:  # a sum that is there is taken to be of the present factors
        monkeypatch.setattr(module.Lead, "now", lambda self, reads: ())
    try:
        found = fitted(module, shards, hyper, sizes, init).elbo_trace
    except (ArithmeticError, KeyError):
        return
    assert not np.allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize(("over", "stops"), [("n", (1, 4, 6)), ("g", (1, 4, 13))])
def test_a_run_that_is_cut_off_goes_on_where_it_was(over: str, stops: tuple[int, ...], tmp_path) -> None:
    module = run(groups("cvi").streaming(over=over))
    data, hyper, sizes, init = problem(module, 1.5)
    shards = list(module.cut(data, max(1, sizes[module.CUT[0]] // 3)))
    whole = fitted(module, shards, hyper, sizes, init)

    class Stop(Exception):
        pass

    for stop in stops:
        left = [stop]

        def stopping(_, left=left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Stop

        options = {"init": init, "max_iter": 4, "tol": -1.0, "checkpoint": str(tmp_path / f"{stop}.npz"), "every": 0.0}
        with pytest.raises(Stop):
            module.fit_chunks(shards, hyper, sizes, progress=stopping, **options)
        again = module.fit_chunks(shards, hyper, sizes, **options)
        np.testing.assert_array_equal(again.elbo_trace, whole.elbo_trace)


@pytest.mark.parametrize(("make", "how"), [(slopes, "cvi"), (groups, "cvi"), (groups, "laplace"), (by_kind, "")])
def test_one_batch_of_everything_is_a_sweep(make: Callable[[str], Derived], how: str) -> None:
    module = run(make(how).streaming(over="n"))
    data, hyper, sizes, init = problem(module, 0.5)
    whole = module.fit(data, hyper, sizes, init=init, max_iter=1)
    given = {n: size for n, size in sizes.items() if n in module.SIZES and n not in module.CUT}
    one = module.Stochastic(hyper, sizes["N"], given, init=init).partial_fit(data)
    assert one.bound == pytest.approx(whole.elbo, rel=1e-12)


def test_steps_are_those_of_the_paper() -> None:
    """Khan and Lin (2017): natural parameters go to (1 - ρ) λ + ρ (prior + N / |B| ∇), written out by hand."""
    m = Model("counts")
    n, d = m.index("n", "N"), m.index("d", "D")
    x, w = m.covariate("X", n, d), m.latent("w", Normal(0, 1), d)
    m.observed("y", Poisson(exp(dot(w, x[n]))), n)
    module = run(derive(m, [("w",)], approximate={"w": "cvi"}).streaming())
    rng = np.random.default_rng(0)
    x, total = 0.5 * rng.normal(size=(60, 2)), 60
    y = rng.poisson(np.exp(x @ [0.4, -0.6])).astype(float)
    mean, precision = np.array([0.1, 0.2]), 30.0 * np.eye(2)
    steps = module.Stochastic({}, total, init={"w": {"mean": mean, "precision": precision}}, delay=2.0, forgetting=0.6)
    for t, batch in enumerate(np.array_split(rng.permutation(total), 6)):
        steps.partial_fit({"X": x[batch], "y": y[batch]})
        spread = np.einsum("nd,de,ne->n", x[batch], np.linalg.inv(precision), x[batch])
        rate = total / len(batch) * np.exp(x[batch] @ mean + 0.5 * spread)
        curvature = (x[batch] * rate[:, None]).T @ x[batch]
        gradient = total / len(batch) * x[batch].T @ y[batch] - x[batch].T @ rate
        rho = 1.0 if t == 0 else (t + 2.0) ** -0.6
        linear = (1.0 - rho) * precision @ mean + rho * (gradient + curvature @ mean)
        precision = (1.0 - rho) * precision + rho * (np.eye(2) + curvature)
        mean = np.linalg.solve(precision, linear)
        np.testing.assert_allclose(steps.params["w"]["precision"], precision, rtol=1e-9)
        np.testing.assert_allclose(steps.params["w"]["mean"], mean, rtol=1e-9)


def test_steps_approach_the_fit() -> None:
    module = run(slopes("cvi").streaming())
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(4000), rng.normal(size=(4000, 2))])
    y = (rng.uniform(size=4000) < 1.0 / (1.0 + np.exp(-x @ [0.5, -0.7, 0.3]))).astype(float)
    whole = module.fit({"X": x, "y": y}, {}, {}, seed=0)
    steps = module.Stochastic({}, 4000, seed=0)
    for _ in range(80):
        chosen = rng.choice(4000, 200, replace=False)
        steps.partial_fit({"X": x[chosen], "y": y[chosen]})
    np.testing.assert_allclose(steps.params["w"]["mean"], whole.params["w"]["mean"], atol=0.12)
    assert steps.bound == pytest.approx(whole.elbo, rel=0.08)


def test_factors_of_new_rows_follow_from_shared_ones() -> None:
    module = run(rows("cvi").streaming())
    data, hyper, sizes, _ = problem(module)
    fit = module.fit(data, hyper, sizes, seed=0, max_iter=400, tol=1e-13)
    shared = {latent: fit.params[latent] for latent in ("pi", "mu", "tau")}
    found = module.infer(data, hyper, shared, tol=1e-12, sweeps=500)
    np.testing.assert_allclose(found["u"]["mean"], fit.params["u"]["mean"], rtol=1e-4, atol=1e-5)
