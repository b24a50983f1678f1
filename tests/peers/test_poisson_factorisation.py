"""Hierarchical Poisson factorisation: the parameters of hpfrec, sweep by sweep."""

import numpy as np
import pytest
from generated import generated

pytestmark = pytest.mark.peers


@pytest.mark.filterwarnings("ignore")
def test_a_sweep_is_an_iteration_of_hpfrec() -> None:
    """hpfrec 0.2.14 in double precision. It updates the rates of rows and columns last, ours first: begun after one of
    its iterations, both compute the same numbers."""
    hpfrec, pandas = pytest.importorskip("hpfrec"), pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    y = rng.poisson(rng.gamma(0.3, size=(30, 3)) @ rng.gamma(0.3, size=(3, 20)))
    y[np.arange(20), np.arange(20)] += 1  # every row and column has a count, as the peer needs
    u, i = np.nonzero(y)
    table = pandas.DataFrame({"UserId": u, "ItemId": i, "Count": y[u, i].astype(float)})
    prior = {"a": 0.4, "a_prime": 0.7, "b_prime": 1.3, "c": 0.6, "c_prime": 0.9, "d_prime": 0.8}

    def peer(iterations: int) -> dict[str, dict[str, np.ndarray]]:
        p = hpfrec.HPF(
            3, **prior, maxiter=iterations, stop_crit="maxiter", check_every=iterations, ncores=1, use_float=False,
            reindex=False, random_seed=1, verbose=False,
        ).fit(table.copy())  # fmt: skip
        return {
            "theta": {"shape": p.Gamma_shp, "rate": p.Gamma_rte},
            "beta": {"shape": p.Lambda_shp, "rate": p.Lambda_rte},
        }

    hyper = dict(zip(("a", "a_0", "b_0", "c", "c_0", "d_0"), prior.values(), strict=True))
    module = generated("sparse_poisson_factorisation")
    data = {"y": {"u": u, "i": i, "value": y[u, i]}}
    sizes = {"U": int(u.max()) + 1, "I": 20}
    found = module.fit(data, hyper, sizes, init=peer(1), max_iter=6, tol=0.0)
    for latent, values in peer(7).items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-9)
