"""The NumPyro program has the log joint of the declaration as its log density, at random points, for every model."""

import types

import numpy as np
import pytest
import zoo_joint  # noqa: F401  (adds to the zoo)
from log_joint_reference import Point
from zoo import ZOO

from cavi import models
from cavi.derive import CaviError
from cavi.templates.numpyro import render

pytestmark = pytest.mark.targets

REFUSED = {
    "poisson_matrix_factorisation": "observed function of latents",
    "additive_poisson": "observed function of latents",
    "gig_variance": "NumPyro has no GeneralisedInverseGaussian",
}
MODELS = {n: lambda n=n: models.load(n) for n in models.names()} | {n: entry[0] for n, entry in ZOO.items()}


@pytest.mark.parametrize("name", MODELS)
def test_log_density(name: str) -> None:
    model = MODELS[name]()
    if name in REFUSED:
        with pytest.raises(CaviError, match=REFUSED[name]):
            render(model)
        return
    jax = pytest.importorskip("jax")
    pytest.importorskip("numpyro")
    from numpyro.infer.util import log_density

    program = types.ModuleType(name)
    exec(compile(render(model), f"<{name}>", "exec"), program.__dict__)
    for seed in (0, 1):
        point = Point(model, seed)
        known = {v.name: point.arrays[v.name] for v in model.variables if not v.is_random}
        random = {v.name: point.arrays[v.name] for v in model.variables if v.is_random}
        with jax.enable_x64(True):
            for v in model.with_role("latent"):  # a scan stacks along its own axis, the first
                if v.chain is not None and v.over is not None:
                    random[v.name] = np.moveaxis(random[v.name], v.plates.index(v.chain.index), 0)
            random = {n: jax.numpy.asarray(a) for n, a in random.items()}
            found, _ = log_density(program.model, (known, known, point.sizes), {}, random)
        assert float(found) == pytest.approx(point.log_joint, rel=1e-9, abs=1e-9)
