"""Data cut into shards: the sweeps of a run over shards are those of a run on all data at once."""

import numpy as np
import pytest
from generated import NAMES, derived_model, inputs, run

from cavi.derive import CaviError

# What cannot be cut, and why: one chain or process over all rows, nothing shared, data with two axes over rows.
JOINT = "is not a product over"
REFUSED = {
    **dict.fromkeys(["dynamic_level", "level_with_missing_values", "stochastic_volatility"], JOINT),
    **dict.fromkeys(["switching_level", "sums_of_levels"], JOINT),
    **dict.fromkeys(["hmm_autoregression", "hmm_gaussian", "hmm_poisson", "factorial_hmm", "factorial_chains"], JOINT),
    **dict.fromkeys(["switching_autoregression", "switching_dynamics", "switching_vector_autoregression"], JOINT),
    **dict.fromkeys(["linear_dynamical_system", "a_chain_split_into_elements", "two_chains_at_once"], JOINT),
    **dict.fromkeys(["gaussian_process", "values_of_a_process"], JOINT),
    **dict.fromkeys(["stochastic_block_model", "undirected_blocks", "mixed_memberships"], "would both be cut"),
    "poisson_state_space": "was chosen by cvi for a block or a chain",
    "supervised_topics": "would both be cut",
    "sparse_poisson_factorisation": "y is declared sparse, and a module for data in shards",
    **dict.fromkeys(["dirichlet_multinomial", "gaussian_process_classification"], "no factor is shared"),
}


def streaming(name: str):
    """The streaming module of a model, or the reason why there is none."""
    try:
        return run(derived_model(name).streaming())
    except CaviError as error:
        return str(error)


def shared_start(module, data: dict, hyper: dict, sizes: dict) -> dict:
    """Shared factors after two sweeps of an ordinary run."""
    found = module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params
    return {latent: found[latent] for factor in module.SHARED for latent in factor.split(",")}


@pytest.mark.parametrize("name", NAMES)
def test_sweeps_over_shards_are_sweeps(name: str) -> None:
    module = streaming(name)
    if isinstance(module, str):
        assert REFUSED[name] in module
        return
    assert name not in REFUSED
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 17, 3)
    init = shared_start(module, data, hyper, sizes)
    whole = module.fit(data, hyper, sizes, init=init, max_iter=4, tol=0.0)
    rows = max(1, sizes[module.CUT[0]] // 3)
    shards = list(module.cut(data, rows))
    assert len(shards) > 1
    parts = module.fit_chunks(shards, hyper, sizes, init=init, max_iter=4, tol=0.0)
    np.testing.assert_allclose(parts.elbo_trace, whole.elbo_trace, rtol=1e-10)
    for latent, values in parts.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(a, whole.params[latent][n], rtol=1e-7, atol=1e-9)
