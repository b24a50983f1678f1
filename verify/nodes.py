"""One element of a declared node, or of a link of q: what its density depends on, its arguments, its branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from cavi.verify.arithmetic import Value
from cavi.verify.claim import Axes, Element
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Binding, Plain, Scope, bindings, evaluate, size_of
from cavi.verify.mentions import Undecided, mentioned

if TYPE_CHECKING:
    from cavi.verify.state import State

MATRICES = ("positive_definite", "matrix")


def distribution_at(v: Mapping[str, Any], scope: Scope, binding: Binding) -> Mapping[str, Any]:
    """The distribution of one element: in a chain that of a linked one, or that of an end."""
    chain = v.get("chain")
    if chain is None or evaluate(chain["linked"], scope, binding) != 0:
        found: Mapping[str, Any] = v["distribution"]
        return found
    end: Mapping[str, Any] = chain["initial"] if "initial" in chain else chain["last"]
    return end


def layout(family: str, argument: str, v: Mapping[str, Any]) -> list[Axes]:
    """The axes of an argument: none for a number, one group for a vector, rows and columns for a matrix."""
    event, over = v["event"], v["event"] or ([v["over"]] if v["over"] else [])
    if argument in ("probs", "concentration"):
        return [over] if over else []
    if family == "MultivariateNormal":
        return [event] if argument == "mean" else [event, _other(event)]
    if family in ("Wishart", "InverseWishart"):
        return [event[:1], event[1:]] if argument == "scale" else []
    if family == "MatrixNormal":
        side = {"mean": event, "row_precision": [event[0], *_other(event[:1])]}
        rows, columns = side.get(argument, [event[1], *_other(event[1:])])
        return [[rows], [columns]]
    return []


def _other(axes: Axes) -> Axes:
    """The same axes with a prime: the columns of a matrix over them."""
    return [[f"{i}'", s] for i, s in axes]


def _table(e: Plain, groups: list[Axes], scope: Scope, binding: Binding) -> Any:
    if not groups:
        return evaluate(e, scope, binding)
    return [_table(e, groups[1:], scope, b) for b in bindings(groups[0], scope.sizes, binding)]


def node_parts(v: Mapping[str, Any], state: State, binding: Binding) -> Iterator[tuple[Plain, Binding]]:
    """Everything the density of one element of a node depends on: arguments, its own elements, its weight."""
    distribution = distribution_at(v, state, binding)
    for name, e in distribution["args"].items():
        axes = [a for group in layout(distribution["name"], name, v) for a in group]
        yield from ((e, b) for b in bindings(axes, state.sizes, binding))
    subs = [["index", i, s] for i, s in [*v["plates"], *v["event"]]]
    for b in bindings(v["event"], state.sizes, binding):
        yield ["ref", v["name"], subs], b
    if v["weight"] is not None:
        yield v["weight"], binding


def node_arguments(
    v: Mapping[str, Any], scope: Scope, binding: Binding, axes: Axes | None = None
) -> tuple[Value, dict[str, Any]]:
    """The value of a node's element and its distribution's arguments.

    `axes` are those of the variable's array, by default its plates and then its event.
    """
    distribution = distribution_at(v, scope, binding)
    subs = [["index", i, s] for i, s in axes or [*v["plates"], *v["event"]]]
    matrix = FAMILIES[distribution["name"]].support in MATRICES
    groups = [v["event"][:1], v["event"][1:]] if matrix else [v["event"]] if v["event"] else []
    value = _table(["ref", v["name"], subs], groups, scope, binding)
    return value, family_arguments(distribution, v, scope, binding)


def family_arguments(
    distribution: Mapping[str, Any], v: Mapping[str, Any], scope: Scope, binding: Binding
) -> dict[str, Any]:
    """The arguments of a distribution: numbers, lists over the event, or lists of rows."""
    args: dict[str, Any] = {}
    for name in (p.name for p in FAMILIES[distribution["name"]].parameters):
        e = distribution["args"].get(name)
        if e is not None:
            args[name] = _table(e, layout(distribution["name"], name, v), scope, binding)
    return args


def branches(
    parts: Sequence[Plain], inner: Sequence[Binding], state: State, assigned: Mapping[Element, int]
) -> Iterator[dict[Element, int]]:
    """Every assignment of the selecting latents that the parts depend on."""
    try:
        found: set[Element] = set()
        for p, b in zip(parts, inner, strict=True):
            found |= mentioned(p, state, b, assigned)
    except Undecided as e:
        for k in range(_categories(state, e.element[0])):
            yield from branches(parts, inner, state, {**assigned, e.element: k})
        return
    open_ = {x for x in found if state.claim.selects(x[0])} - set(assigned)
    yield from assignments(open_, state, assigned)


def assignments(open_: set[Element], state: State, assigned: Mapping[Element, int]) -> Iterator[dict[Element, int]]:
    """The given assignment with every combination of values of further categories."""
    ordered = sorted(open_)
    for choice in product(*(range(_categories(state, n)) for n, _ in ordered)):
        yield {**assigned, **dict(zip(ordered, choice, strict=True))}


def _categories(state: State, name: str) -> int:
    v = state.claim.variables[name]
    return size_of(state.sizes, v["over"][1]) if v["over"] else 2
