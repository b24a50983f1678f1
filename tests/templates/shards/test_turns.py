"""Factors of rows and of groups that are updated several times in a sweep: shards do what `fit(inner=…)` does."""

import inspect

import numpy as np
import pytest
from generated import NAMES, derived_model, inputs, run, spread, written

from cavi.derive import Categorical, CaviError, Dirichlet, Model, Normal, derive

# Of these the groups of one side are shared: a sweep goes to and fro between rows and what they share.
BOTH_SIDES = ["crossed_anova", "dawid_skene", "gaussian_matrix_factorisation", "mixed_membership_block_model"]

# Factors of rows that do not read one another, so that to repeat them changes nothing.
INDEPENDENT = ["proportional_odds"]


def streaming(name: str):
    """The module for shards of a model; None where there is none, or nothing is repeated."""
    derived = derived_model(name)
    if "inner" not in inspect.signature(run(derived.numpy()).fit).parameters:
        return None
    try:
        return run(derived.streaming())
    except CaviError:
        return None


def problem(module, large: int = 17, small: int = 3):
    """Data and what all runs are given: a start of the shared factors."""
    data, hyper, sizes = inputs(module, np.random.default_rng(3), large, small)
    found = module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params
    init = {latent: found[latent] for factor in module.SHARED for latent in factor.split(",")}
    return data, hyper, sizes, {"init": init, "max_iter": 4, "tol": 0.0, "inner": 3}


def the_same(found, expected) -> None:
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-10)
    for latent, values in found.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(a, expected.params[latent][n], rtol=1e-7, atol=1e-9)


CASES = [*BOTH_SIDES, *spread([n for n in NAMES if n not in (*BOTH_SIDES, "lda")], 6), "lda"]


@pytest.mark.parametrize("name", CASES)
def test_shards_repeat_as_one_machine(name: str) -> None:
    module = streaming(name)
    if module is None:
        return
    data, hyper, sizes, given = problem(module)
    whole = module.fit(data, hyper, sizes, **given)
    once = module.fit(data, hyper, sizes, **given | {"inner": 1})
    different = abs(whole.elbo_trace[0] - once.elbo_trace[0]) > 1e-9 * abs(whole.elbo_trace[0])
    assert different == (name not in INDEPENDENT)
    cores = module.fit_cores(data, hyper, sizes, cores=3, **given)
    the_same(cores, whole)
    assert list(cores.params) == list(whole.params)
    shards = list(module.cut(data, max(1, sizes[module.CUT[0]] // 3)))
    the_same(module.fit_chunks(shards, hyper, sizes, **given), whole)


def test_the_cases_have_both_kinds() -> None:
    for name, several in (("crossed_anova", True), ("lda", False)):
        module = streaming(name)
        assert (len(module.turns(3)) > 1) == several and module.turns(1) == module.TURNS
    assert module.turns(3) == (((*module.OWN,) * 3, module.SHARED),)


def test_documents_are_finished_one_batch_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard repeats by the function that `fit` has for it."""
    module = streaming("lda")
    data, hyper, sizes, given = problem(module)
    seen: list[int] = []
    repeat = module.REPEAT["z"]
    monkeypatch.setitem(module.REPEAT, "z", lambda *a, times, **k: seen.append(times) or repeat(*a, times=times, **k))
    module.fit_cores(data, hyper, sizes, cores=2, **given)
    assert seen == [2] * 8  # both members in four sweeps


@pytest.mark.parametrize("name", ["lda", "gaussian_matrix_factorisation", "dawid_skene"])
def test_processes_repeat(name: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = written(name, tmp_path, monkeypatch)
    data, hyper, sizes, given = problem(module)
    the_same(module.fit_cores(data, hyper, sizes, cores=2, **given), module.fit(data, hyper, sizes, **given))


def test_a_run_is_gone_on_with_as_many_times(tmp_path) -> None:
    module = streaming("lda")
    data, hyper, sizes, given = problem(module)
    path = str(tmp_path / "run.npz")
    module.fit_cores(data, hyper, sizes, cores=2, checkpoint=path, **given | {"max_iter": 2})
    the_same(
        module.fit_cores(data, hyper, sizes, cores=2, checkpoint=path, **given), module.fit(data, hyper, sizes, **given)
    )
    with pytest.raises(module.DataError, match="is the checkpoint of another run"):
        module.fit_cores(data, hyper, sizes, cores=2, checkpoint=path, **given | {"inner": 2})


def test_what_cannot_be_repeated_is_refused() -> None:
    module = streaming("crossed_anova")
    data, hyper, sizes, given = problem(module)
    with pytest.raises(module.DataError, match="inner = 0; expected whole numbers of 1 or more"):
        module.fit_cores(data, hyper, sizes, cores=2, **given | {"inner": 0})
    shards = module.cut(data, 1)
    with pytest.raises(module.DataError, match="found a generator"):  # one sweep reads the rows three times
        module.fit_chunks(shards, hyper, sizes, **given | {"max_iter": 1})


def test_a_latent_may_be_called_as_what_shards_do() -> None:
    """Its update is a function of the module, too."""
    m = Model("own_names")
    n, k = m.index("n", "N"), m.index("k", "K")
    pi = m.latent("sweep", Dirichlet(1, over=k))
    mean = m.latent("turns", Normal(0, 1), k)
    own = m.latent("own", Categorical(pi), n)
    m.observed("rows", Normal(mean[own[n]], 1), n)
    module = run(derive(m).streaming())
    data = {"rows": np.random.default_rng(0).normal(size=30) * 3.0}
    start = module.fit(data, {}, {"K": 2}, seed=0, max_iter=2, tol=0.0).params
    given = {"init": {name: start[name] for name in ("sweep", "turns")}, "max_iter": 3, "tol": 0.0}
    the_same(module.fit_cores(data, {}, {"K": 2}, cores=2, **given), module.fit(data, {}, {"K": 2}, **given))
