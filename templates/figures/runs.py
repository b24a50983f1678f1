"""Running the generated code of a derived model, so that a picture shows what its derived updates do."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from cavi.derive.propagation import Propagation
from cavi.derive.result import Derived

__all__ = ["run", "state"]


def run(derived: Derived | Propagation) -> Any:
    """The generated NumPy module."""
    module = ModuleType(f"{__name__}.{derived.model.name}")
    # The standard library looks for the module of a dataclass there while it makes the class.
    sys.modules[module.__name__] = module
    try:
        exec(compile(derived.numpy(), f"{derived.model.name}.py", "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def state(module: Any, data: dict[str, Any], hyper: dict[str, Any], start: dict[str, dict[str, float]]) -> Any:
    """The state of a run of a generated module at given standard parameters of all factors."""
    found = module.State(*module.prepare(data, hyper, None, start))
    for latent, values in start.items():
        found.store(latent, **values)
        found.refresh(latent)
    return found
