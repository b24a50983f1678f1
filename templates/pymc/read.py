"""A PyMC model → `Imported`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cavi.derive.errors import DeclarationError
from cavi.templates.programs import Imported, build, reading
from cavi.templates.programs.graph import Node, Shape, variable
from cavi.templates.programs.sites import Site
from cavi.templates.pymc.chains import chain
from cavi.templates.pymc.distributions import distribution
from cavi.templates.pymc.graph import Graphs, computed


def from_pymc(model: Any, name: str | None = None) -> Imported:
    """The declaration of a PyMC model, with the data that stand in it.

    The log joint is that of the model at the values of its variables (without the Jacobians of its transformations).
    Dimensions and axes that meet become indices; a mixture gets the category of each observation as a latent, and
    Student's t the scale of each; a random walk is a chain.

    Args:
        model: a ``pymc.Model``.
        name: of the declaration; the model's own where it has one.

    Raises:
        DeclarationError: for what has no notation (a potential, a distribution or operation that cavi lacks), naming
            the variable, what was found and what to do.

    Example::

        imported = from_pymc(model)
        derived = derive(imported.model)
        fit(**imported.arguments)  # of the module that derived.numpy() writes
    """
    if not is_pymc(model):
        raise DeclarationError(f"from_pymc: found {type(model).__name__}; expected a pymc.Model")
    if model.potentials:
        found = ", ".join(p.name for p in model.potentials)
        raise DeclarationError(
            f"found the potential {found}; expected densities alone: declare it as an observed variable"
        )
    order = [rv for rv in model.basic_RVs if rv in model.free_RVs or rv in model.observed_RVs]
    nodes = {rv: variable(rv.name, _shape(rv, model)) for rv in order}
    graphs = Graphs(nodes, {v: v.name for v in model.data_vars})
    name = name or _identifier(model.name) or "pymc_model"
    with reading(name):
        return build(name, [_site(rv, nodes[rv], model, graphs) for rv in _sorted(order)])


def is_pymc(found: object) -> bool:
    """Whether an object is a PyMC model, without importing PyMC."""
    return any(c.__module__.partition(".")[0] == "pymc" and c.__name__ == "Model" for c in type(found).__mro__)


def _identifier(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_")


def _sorted(order: Sequence[Any]) -> list[Any]:
    """The variables, each after those that it depends on."""
    done: dict[Any, None] = {}

    def visit(rv: Any, seen: set[Any]) -> None:
        stack = list(rv.owner.inputs)
        while stack:
            v = stack.pop()
            if v in seen:
                continue
            seen.add(v)
            if v in members and v not in done:
                visit(v, set())
            elif v not in members and v.owner is not None:
                stack += v.owner.inputs
        done[rv] = None

    members = set(order)
    for rv in order:
        if rv not in done:
            visit(rv, set())
    return list(done)


def _site(rv: Any, node: Node, model: Any, graphs: Graphs) -> Site:
    dims = model.named_vars_to_dims.get(rv.name) or (None,) * len(node.shape)
    value = _observed(rv, model) if rv in model.observed_RVs else None
    if (linked := chain(rv, node, graphs)) is not None:
        return Site(node, linked[1], tuple(dims), value, initial=linked[0])
    return Site(node, distribution(rv.name, rv, graphs), tuple(dims), value)


def _observed(rv: Any, model: Any) -> Any:
    value = computed(model.rvs_to_values[rv])
    if np.ma.isMaskedArray(value) or (value.dtype.kind == "f" and np.isnan(value).any()):
        raise DeclarationError(f"{rv.name}: found missing observations; leave those elements out of the model")
    return value


def _shape(rv: Any, model: Any) -> Shape:
    """The shape of a variable: as its type tells, else by its dimensions, else as PyTensor computes it."""
    known = rv.type.shape
    if None not in known:
        return tuple(known)
    dims = model.named_vars_to_dims.get(rv.name)
    if dims and None not in dims:
        return tuple(int(computed(model.dim_lengths[d])) for d in dims)
    if rv in model.observed_RVs:
        return tuple(computed(model.rvs_to_values[rv]).shape)
    return tuple(int(s) for s in computed(rv.shape))
