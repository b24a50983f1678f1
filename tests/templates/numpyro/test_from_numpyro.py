"""NumPyro programs read back: what the library writes as NumPyro is the same log joint when it is read."""

import types

import pytest
from imported import Values
from log_joint_reference import Point

from cavi import models
from cavi.templates.numpyro import from_numpyro, render

pytestmark = pytest.mark.targets
pytest.importorskip("numpyro")

REFUSED = {}


def program(name, model):
    made = types.ModuleType(name)
    exec(compile(render(model), f"<{name}>", "exec"), made.__dict__)
    return made.model


def check(name):
    model = models.load(name)
    point = Point(model, 0)
    known = {v.name: point.arrays[v.name] for v in model.variables if not v.is_random}
    imported = from_numpyro(program(name, model), known, known, point.sizes)
    again = Values(imported, 0)
    for v in model.variables:
        if v.is_random:
            again.put(v.name, point.arrays[v.name])
    assert again.log_joint == pytest.approx(point.log_joint, rel=1e-9, abs=1e-9)
    return imported
