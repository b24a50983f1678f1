"""The Stan program adds up the log joint of the declaration, with its categories summed out by trying all of them."""

import pytest
import zoo_joint  # noqa: F401  (adds to the zoo)
from log_joint_reference import Point
from stan_interpreter import target
from zoo import ZOO

from cavi import models
from cavi.derive import CaviError
from cavi.templates.stan import render
from cavi.templates.stan.categories import groups

SEVERAL, CHAINS = "depends on several elements at once", "cannot be summed out: a chain of categories"
REFUSED = {
    "factorial_hmm": SEVERAL,
    "stochastic_block_model": SEVERAL,
    "supervised_topics": SEVERAL,
    "spike_and_slab": SEVERAL,
    "undirected_blocks": SEVERAL,
    "response_of_mean_categories": SEVERAL,
    "selected_regressors": SEVERAL,
    "factorial_chains": SEVERAL,
    "spikes_and_slabs": SEVERAL,
    "two_chains_at_once": CHAINS,
    "chains_of_several_kinds": CHAINS,
    "poisson_matrix_factorisation": "without a density|infinitely many values",
    "sparse_poisson_factorisation": "without a density|infinitely many values",
    "additive_poisson": "without a density|infinitely many values",
    "gig_variance": "Stan has no GeneralisedInverseGaussian",
}
MODELS = {n: lambda n=n: models.load(n) for n in models.names()} | {n: entry[0] for n, entry in ZOO.items()}
SMALL = {"mixed_memberships": {"N": 2}}


@pytest.mark.parametrize("name", MODELS)
def test_target(name: str) -> None:
    model = MODELS[name]()
    if name in REFUSED:
        with pytest.raises(CaviError, match=REFUSED[name]):
            render(model)
        return
    summed = [v.name for g in groups(model) for v in g.latents]
    point = Point(model, 0, SMALL.get(name))
    values = {**point.arrays, **point.sizes}
    for n in summed:
        del values[n]
    expected = point.log_marginal(summed) if summed else point.log_joint
    assert target(render(model), values) == pytest.approx(expected, rel=1e-8, abs=1e-8)
