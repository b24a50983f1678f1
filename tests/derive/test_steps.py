"""Every line of a derivation after the expectation is taken, at values of the latents drawn from the prior.

Both sides of ``= + const`` may differ by what does not depend on the factor's latents, and by nothing else: the last
line says that the recognised density is the exponential of the averaged log joint (Bishop 2006, equation 10.9).
"""

import numpy as np
import pytest
from brute import World
from generated import NAMES, derived_model, generated, run, state_of, world_of

from cavi.derive import CaviError

FUNCTIONS = ("log_bessel", "dlog_bessel", "truncated", "log_normal_interval", "log_polya_gamma")


def draws(name: str, state, count: int) -> list[dict]:
    """Values of all latents from the model itself, categories as whole numbers."""
    sampler = run(derived_model(name).gibbs())
    rng, found = np.random.default_rng(7), []
    for _ in range(count):
        world = sampler.State(state.data, state.hyper, state.sizes)
        for draw in sampler.PRIORS.values():
            draw(world, rng)
        for block, draw in sampler.BLOCKS.items():
            if not set(block.split(",")) & set(sampler.PRIORS):  # auxiliaries of a rule, given the rest
                draw(world, rng)
        found.append({k: v.argmax(-1) if k in sampler.CATEGORIES else v for k, v in world.values.items()})
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_right_up_to_a_constant(name: str) -> None:
    derived, module = derived_model(name), generated(name)
    if any(v.constraint is not None for v in derived.model.variables):
        pytest.skip("draws from the prior do not add up to the observed total")
    state = state_of(module, 11, 4, 2)
    try:
        values = draws(name, state, 4)
    except CaviError:
        pytest.skip("the model has no prior to draw from")
    for update in derived.updates:
        before = world_of(derived, state)
        module.UPDATES[update.factor.name](state)
        if update.factor.sequential or update.factor.weight is not None:
            continue
        parameters = world_of(derived, state).parameters
        for step in list(update.derivation)[2:]:
            if any(getattr(a, "name", "").startswith(FUNCTIONS) for p in (step.before, step.after) for a in p.atoms()):
                continue
            for at in (0, -1):
                gaps = []
                for latents in values:
                    world = World(state.sizes, {**state.data, **state.hyper, **latents}, before.moments, parameters)
                    site = {i: at % world.size(i.size) for i in update.factor.plates}
                    gaps.append((world.value(step.before, site), world.value(step.after, site)))
                difference = np.array([a - b for a, b in gaps])
                if step.relation == "=":
                    np.testing.assert_allclose(difference, 0.0, atol=1e-8 * (1 + np.abs(gaps).max()))
                else:
                    assert np.ptp(difference) < 1e-8 * (1 + np.abs(gaps).max()), (
                        f"{update.factor.name}: {step.rule.name}"
                    )
