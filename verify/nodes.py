"""One element of a declared node: what its density depends on, its arguments, the branches of its categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from cavi.verify.arithmetic import Value
from cavi.verify.claim import Element
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Binding, Plain, Scope, bindings, evaluate, size_of
from cavi.verify.mentions import Undecided, mentioned
from cavi.verify.state import State


def node_parts(v: Mapping[str, Any], state: State, binding: Binding) -> Iterator[tuple[Plain, Binding]]:
    """Everything the density of one element of a node depends on: arguments, its own elements, its weight."""
    over = v["event"] or ([v["over"]] if v["over"] else [])
    for name, e in v["distribution"]["args"].items():
        if name in ("probs", "concentration"):
            yield from ((e, b) for b in bindings(over, state.sizes, binding))
        else:
            yield e, binding
    subs = [["index", i, s] for i, s in [*v["plates"], *v["event"]]]
    for b in bindings(v["event"], state.sizes, binding):
        yield ["ref", v["name"], subs], b
    if v["weight"] is not None:
        yield v["weight"], binding


def node_arguments(v: Mapping[str, Any], scope: Scope, binding: Binding) -> tuple[Value, dict[str, Any]]:
    """The value of a node's element and its distribution's arguments."""
    over = v["event"] or ([v["over"]] if v["over"] else [])
    subs = [["index", i, s] for i, s in [*v["plates"], *v["event"]]]
    values = [evaluate(["ref", v["name"], subs], scope, b) for b in bindings(v["event"], scope.sizes, binding)]
    args: dict[str, Any] = {}
    for name in (p.name for p in FAMILIES[v["distribution"]["name"]].parameters):
        e = v["distribution"]["args"].get(name)
        if e is None:
            continue
        if name in ("probs", "concentration"):
            args[name] = [evaluate(e, scope, b) for b in bindings(over, scope.sizes, binding)]
        else:
            args[name] = evaluate(e, scope, binding)
    return (values if v["event"] else values[0]), args


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
