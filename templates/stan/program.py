"""The lines of a Stan program: declarations with their constraints, and a statement for every density."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cavi.derive.errors import CaviError
from cavi.derive.model import Model, Variable
from cavi.templates.stan.categories import Group, groups
from cavi.templates.stan.elements import PI, Elements, Names, indented, nested, storage, whole
from cavi.templates.stan.forward import forward
from cavi.templates.stan.nodes import dependent, element

_BOUNDS = {
    "positive": "<lower=0>",
    "nonnegative": "<lower=0>",
    "unit": "<lower=0, upper=1>",
    "angle": f"<lower=-{PI}, upper={PI}>",
}


@dataclass(frozen=True)
class View:
    """What the template prints."""

    title: str
    notes: tuple[str, ...]
    data: tuple[str, ...]
    parameters: tuple[str, ...]
    statements: tuple[str, ...]


def view(model: Model) -> View:
    """The program of a model."""
    found = groups(model)
    gone = {v.name for g in found for v in g.latents}
    root = Elements(Names(model))
    for v in model.variables:
        if v.constraint is not None:
            raise CaviError(f"Stan: {v.name} is an observed function of latents, {v.constraint}, without a density")
        if v.is_random and v.name not in gone and whole(v):
            reason = "is maximised over" if v.role == "point" else "has infinitely many values to sum over"
            raise CaviError(f"Stan has no discrete parameters, and {v.name} {reason}")
    known = [v for v in model.variables if not v.is_random]
    unknown = [v for v in model.variables if v.is_random and v.name not in gone]
    return View(
        title=model.title,
        notes=(f"Summed out: {', '.join(sorted(gone))}.",) if gone else (),
        data=(
            *(f"int<lower=1> {root.names.declared(s)};" for s in model.sizes),
            *(_declared(v, root) for v in known),
        ),
        parameters=tuple(_declared(v, root) for v in unknown),
        statements=tuple(_statements(model, found, root)),
    )


def _declared(v: Variable, e: Elements) -> str:
    """The declaration of a variable, its last axes as Stan keeps them."""
    kind, inner = storage(v), 0
    sizes = [e.size(i) for i in v.indices]
    if v.domain == "simplex" and v.event:
        base, inner = f"simplex[{sizes[-1]}]", 1
    elif v.domain == "positive_definite":
        base, inner = f"cov_matrix[{sizes[-1]}]", 2
    elif kind == "matrix":
        base, inner = f"matrix[{', '.join(sizes[-2:])}]", 2
    elif kind == "vector":
        base, inner = f"vector[{sizes[-1]}]", 1
    elif whole(v):
        # A Bernoulli variable has the values 0 and 1, without a declared index.
        top = "" if v.over is None else f", upper={e.size(v.over)} - 1"
        base = f"int<lower=0{top}>"
    else:
        base = f"real{_bounds(v, e)}"
    outer = sizes[: len(sizes) - inner]
    return (f"array[{', '.join(outer)}] " if outer else "") + f"{base} {e.names.declared(v.name)};"


def _bounds(v: Variable, e: Elements) -> str:
    """The constraint of a number: from its domain, or from bounds that its distribution states."""
    args = {} if v.distribution is None else dict(v.distribution.args)
    sides = {"lower": "lower", "minimum": "lower", "upper": "upper"}
    stated = {side: args[name] for name, side in sides.items() if name in args}
    if v.is_random and stated:
        if any(a.free() for a in stated.values()):
            raise CaviError(f"Stan: the bounds of {v.name} differ between its elements")
        return f"<{', '.join(f'{side}={e.write(a)}' for side, a in stated.items())}>"
    return _BOUNDS.get(v.domain, "") if v.is_random else ""


def _statements(model: Model, found: tuple[Group, ...], root: Elements) -> Iterator[str]:
    """The densities in order of declaration; those of a group where its first latent stands."""
    inside = {v.name: g for g in found for v in (*g.latents, *(d for d, _ in g.dependents))}
    done: set[int] = set()
    for v in model.nodes():
        group = inside.get(v.name)
        if group is None:
            lines = _node(v, root)
        elif id(group) in done:
            continue
        else:
            done.add(id(group))
            lines = forward(group, root) if group.chain is not None else _mixture(group, root)
        yield from root.ahead
        root.ahead.clear()
        yield from lines


def _node(v: Variable, e: Elements) -> list[str]:
    """A density that depends on no category."""
    at, heads = e.loop(*v.plates)
    return nested(heads, element(v, e.inside(at=at), "target"))


def _mixture(group: Group, root: Elements) -> list[str]:
    """log Σ over the categories of every element, of all that depends on it."""
    plates = group.latents[0].plates
    at, heads = root.loop(*plates)
    places = [at[p] for p in plates]
    categories, loops, sizes = {}, [], []
    for v in group.latents:
        name = root.names.new(v.name)
        size = "2" if v.over is None else root.size(v.over)
        categories[v.name] = name
        loops.append(f"for ({name} in 1:{size})")
        sizes.append(size)
    where = categories[group.latents[0].name]
    for v, size in zip(group.latents[1:], sizes[1:], strict=True):
        where = f"({where} - 1) * {size} + {categories[v.name]}"
    terms = root.names.new("terms")
    body = [f"{terms}[{where}] = 0;"]
    for v in group.latents:
        own = dict(root.at) | dict(zip(v.plates, places, strict=True))
        body += element(v, root.inside(at=own, categories=categories), f"{terms}[{where}]")
    for v, subs in group.dependents:
        body += dependent(v, subs, places, root.inside(categories=categories), f"{terms}[{where}]")
    total = [f"vector[{' * '.join(sizes)}] {terms};", *nested(loops, body), f"target += log_sum_exp({terms});"]
    return nested(heads, total) if heads else ["{", *indented(total), "}"]
