"""What workers do, carried out here without a cluster: their steps are the sweeps of `fit_chunks`."""

import ast

import numpy as np
import pytest
from generated import derived_model, inputs, run

NAMES = ["gaussian_mixture_full", "lda", "linear_regression", "poisson_matrix_factorisation"]


@pytest.mark.parametrize("name", NAMES)
def test_steps_of_workers_are_sweeps_over_chunks(name: str) -> None:
    module = run(derived_model(name).dask())
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 17, 3)
    shards = list(module.cut(data, max(1, sizes[module.CUT[0]] // 3)))
    start = module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params
    init = {latent: start[latent] for factor in module.SHARED for latent in factor.split(",")}
    expected = module.fit_chunks(shards, hyper, sizes, init=init, max_iter=4, tol=0.0)

    step = module.at_worker
    first = step("load", (dict(shards[0]), shards[0].sizes), 0, hyper, sizes, np.dtype(float))
    lead = module.State(**step("lead", first, init, None))
    loaded = [step("load", lambda shard=shard: shard, i, hyper, lead.sizes, float) for i, shard in enumerate(shards)]
    found, trace = [None] * len(shards), []
    for _ in range(4):
        before = repr([part["kept"].keys() for part in loaded])
        found = [
            step("sweep", part, own, {"params": lead.params, "moments": lead.moments})
            for part, own in zip(loaded, found, strict=True)
        ]
        assert repr([part["kept"].keys() for part in loaded]) == before  # a sweep changes nothing of a shard
        sums = found if module.ALONE else [step("sums", part) for part in found]
        trace.append(module.shared_sweep(lead, module.Totals(*step("add", [step("add", sums[:1]), *sums[1:]]))))
        if module.ALONE:
            found = [None] * len(shards)
    np.testing.assert_allclose(trace[: expected.n_iter], expected.elbo_trace, rtol=1e-12)


def test_sums_of_data_alone_are_taken_once() -> None:
    module = run(derived_model("linear_regression").dask())
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 17, 3)
    loaded = module.at_worker("load", lambda: data, 0, hyper, sizes, np.dtype(float))
    assert {total.__name__ for total in module.CONSTANT} == set(loaded["kept"]) != set()
    loaded["data"] = {n: np.full_like(a, np.nan) for n, a in loaded["data"].items()}  # is not read again
    lead = module.at_worker("lead", module.at_worker("load", data, 0, hyper, sizes, np.dtype(float)), None, 0)
    values, _ = module.at_worker("sweep", loaded, None, lead)
    assert all(np.isfinite(value).all() for value in values.values())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_defined_twice(name: str) -> None:
    """What a module for a cluster adds takes no name of the module that it extends."""
    tree = ast.parse(derived_model(name).dask())
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert sorted(names) == sorted(set(names))
