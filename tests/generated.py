"""Runs generated modules in tests: execute the source, make data that fit it, and evaluate claims by brute force."""

import importlib
import itertools
import sys
import tracemalloc
import types
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brute import World
from zoo import ZOO

from cavi import models
from cavi.derive import Derived, derive
from cavi.templates.numpy.names import python_names

_count = itertools.count()


@cache
def derived_model(name: str) -> Derived:
    """A model of the library or of the zoo, derived once in the test run."""
    if name in ZOO:
        declare, factors, _ = ZOO[name]
        return derive(declare(), factors)
    return models.derived(name)


NAMES = [*models.names(), *ZOO]


def spread(cases: Iterable[Any], one_in: int) -> list[Any]:
    """All cases of a costly sweep: one in so many in the default run, the others marked `sweep`."""
    return [
        c if i % one_in == 0 else pytest.param(*(c if isinstance(c, tuple) else (c,)), marks=pytest.mark.sweep)
        for i, c in enumerate(cases)
    ]


def run(source: str) -> types.ModuleType:
    """The module of a generated source."""
    module = types.ModuleType(f"generated_{next(_count)}")
    sys.modules[module.__name__] = module
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module


def written(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, source: str | None = None) -> types.ModuleType:
    """The streaming module of a model, or another source, in a file, so that other processes can import it."""
    stem = f"in_a_file_{name}_{folder.name}"
    (folder / f"{stem}.py").write_text(source or derived_model(name).streaming(), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return importlib.import_module(stem)


@cache
def generated(name: str) -> types.ModuleType:
    """The generated module of a model."""
    return run(derived_model(name).numpy())


def inputs(module: types.ModuleType, rng: np.random.Generator, large: int, small: int) -> tuple[dict, dict, dict]:
    """Random data, hyperparameters and sizes in the domains that the module asks for."""
    long = {"N", "U", "T"}
    sizes = {s: large if s in long else small for s in module.SIZES}
    data, hyper = {}, {}
    for name, spec in module.KNOWN.items():
        shape = tuple(int(a) if a.isdigit() else sizes[a] for a in spec["axes"])
        value = _values(spec, shape, sizes, rng)
        if spec["least"] is not None:
            value = value + sizes.get(spec["least"]) - 1
        if spec["starts"] is not None:
            np.moveaxis(value, spec["starts"], 0)[0] = 1.0
        (hyper if spec["where"] == "hyper" else data)[name] = value
    counts = [(n, s["axes"]) for n, s in module.KNOWN.items() if s["domain"] == "count" and n in data]
    for (least, axes), (most, others) in itertools.permutations(counts, 2):
        if axes == others and least > most:  # a total may be known data; y stands after it
            data[least] = np.minimum(data[least], data[most])
    for spec in getattr(module, "CELLS", {}).values():  # distinct cells
        shape = [sizes[a] for a in spec["axes"]]
        (count,) = {len(data[p]) for p in spec["places"]}
        found = rng.permutation(int(np.prod(shape)))[np.arange(count) % int(np.prod(shape))]
        data |= dict(zip(spec["places"], np.unravel_index(found, shape), strict=True))
    for total in [n for n in data if n.endswith("total")]:
        counts = data[total.removesuffix("_total")]
        data[total] = counts.sum(axis=-1)
    return data, hyper, sizes


def _values(spec: dict, shape: tuple, sizes: dict, rng: np.random.Generator) -> np.ndarray:
    match spec["domain"]:
        case "positive":
            return rng.gamma(3.0, 0.5, size=shape) + 0.2
        case "nonnegative":
            return rng.integers(0, 3, size=shape).astype(float)
        case "unit":
            return rng.uniform(0.2, 0.8, size=shape)
        case "count":
            return rng.poisson(3.0, size=shape).astype(float)
        case "binary":
            return rng.integers(0, 2, size=shape).astype(float)
        case "positive_definite":
            root = rng.normal(size=shape) + 2.0 * np.eye(shape[-1])
            return root @ np.swapaxes(root, -1, -2)
        case "angle":
            return rng.uniform(-3.0, 3.0, size=shape)
        case "simplex":
            return rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])
        case "index":
            largest = int(spec["over"]) if spec["over"].isdigit() else sizes[spec["over"]]
            value = rng.integers(0, largest, size=shape)
            value.flat[: min(largest, value.size)] = np.arange(min(largest, value.size))
            return value
    return rng.normal(size=shape)


def state_of(module: types.ModuleType, seed: int, large: int, small: int):
    """A started state, and the order of its sweep."""
    rng = np.random.default_rng(seed)
    state = module.State(*module.prepare(*inputs(module, rng, large, small)))
    order = module.initialise(state, None, rng)
    for factor in order:
        module.UPDATES[factor](state)
    return state


def world_of(derived: Derived, state) -> World:
    """The state of a run as a world for brute force; moments that a module needs only in sums are made here."""
    names = python_names(derived)
    parameters = {(latent, n): a for latent, values in state.params.items() for n, a in values.items()}
    world = World(state.sizes, {**state.data, **state.hyper}, {}, parameters)
    for u in derived.updates:
        for s in u.moment_specs:
            if s.value is not None:
                found = state.moments.get(names[u.factor.name, s.key])
                world.moments[u.factor.name, s.key] = world.array(s.value, s.indices) if found is None else found
    return world


def assert_a_run_is_its_updates(module: types.ModuleType, data: dict, hyper: dict, sizes: dict) -> None:
    """A run by passes over the data against one with a callback, for which every factor is updated and kept."""
    fast = module.fit(data, hyper, sizes, seed=0, max_iter=4, tol=0.0)
    plain = module.fit(data, hyper, sizes, seed=0, max_iter=4, tol=0.0, callback=lambda *_: False)
    np.testing.assert_allclose(fast.elbo_trace, plain.elbo_trace, rtol=1e-11)
    for latent, values in plain.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(fast.params[latent][n], a, rtol=1e-8, atol=1e-10)


def peak_of_a_sweep(module: types.ModuleType, state, order: list[str]) -> int:
    """The most bytes that a sweep by passes and the bound take, after a first pass for q(z)."""
    updates = {**module.UPDATES, **module.COLLECT}
    updates["z"](state)
    tracemalloc.start()
    for factor in order:
        updates[factor](state)
    module.elbo(state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
