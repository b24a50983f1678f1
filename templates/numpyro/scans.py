"""Loops of JAX (``lax.scan``) as whole arrays: every step at once, and what is carried as the element before.

A chain in a program is a loop whose carry is what the step has just drawn. The body is mapped over all steps by JAX
itself, with a placeholder for what each step is given; what it hands on then shows what that is:

    carried on as it came        the start, at every step
    itself plus a number         start, start + k, start + 2k, …: the position
    free of what was carried     the element before, and the start at the first step
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import Node, axes, before, constant, take, unknown, walk

Reader = Callable[[Any, Sequence[Any], Sequence[Node]], Any]


@dataclass(frozen=True)
class Loop:
    """A scan whose steps are read at once.

    Attributes:
        carried: of each carry what a step hands on, for all steps along the first axis.
        stacked: the results that are stacked along the first axis.
    """

    carried: tuple[Node, ...]
    stacked: tuple[Node, ...]

    def result(self, at: int) -> Node:
        """A result of the scan: the last carry, then what is stacked."""
        if at >= len(self.carried):
            return self.stacked[at - len(self.carried)]
        last = self.carried[at]
        return take(last, [constant(last.shape[0] - 1)])


def loop(params: Mapping[str, Any], args: Sequence[Node], inside: Reader) -> Loop | None:
    """The loop of a scan with its arguments; None for one that runs backwards.

    Args:
        params: of the equation.
        args: constants, starts of what is carried, and what the steps are given one by one.
        inside: reads a jaxpr with its constants and inputs; it has ``read`` for a result.
    """
    import jax

    if params["reverse"]:
        return None
    count, constants, carries = params["length"], params["num_consts"], params["num_carry"]
    fixed, starts = args[:constants], args[constants : constants + carries]
    closed, mapped = _mapped(params["jaxpr"], constants, count)
    given: list[Node | None] = [None] * carries
    holes = [
        unknown("what a loop carries on", (), v.shape)
        for v in (jax.typeof(x) if hasattr(x, "shape") else x for x in mapped[constants : constants + carries])
    ]
    while True:
        now = [h if g is None else g for g, h in zip(given, holes, strict=True)]
        scope = inside(closed.jaxpr, closed.consts, [*fixed, *now, *args[constants + carries :]])
        handed = [scope.read(v) for v in closed.jaxpr.outvars[:carries]]
        found = [
            g if g is not None else _given(out, hole, start, count)
            for g, out, hole, start in zip(given, handed, holes, starts, strict=True)
        ]
        if found == given:
            stacked = tuple(scope.read(v) for v in closed.jaxpr.outvars[carries:])
            return Loop(tuple(handed), stacked)
        given = found


def _mapped(body: Any, constants: int, count: int) -> tuple[Any, list[Any]]:
    """The body for all steps at once, and the shapes of its inputs."""
    import jax
    from jax.extend import core

    shapes = [
        jax.ShapeDtypeStruct(v.shape if at < constants else (count, *v.shape), v.dtype)
        for at, v in enumerate(body.in_avals)
    ]
    along = [None if at < constants else 0 for at in range(len(shapes))]
    run = core.jaxpr_as_fun(body)
    outs = len(body.out_avals)
    mapped = jax.vmap(run, in_axes=along, out_axes=[0] * outs, axis_size=count)
    return jax.make_jaxpr(mapped)(*shapes), shapes


def _given(handed: Node, hole: Node, start: Node, count: int) -> Node | None:
    """What every step is given, from what it hands on; None where that is not known yet."""
    inner = _plain(handed)
    if inner is hole:
        return axes(start, [None, *range(len(start.shape))], hole.shape)
    if inner.op == "add" and start.known:
        for own, step in (inner.args, inner.args[::-1]):
            if _plain(own) is hole and step.known:
                steps = np.broadcast_to(value(step, {}), hole.shape)[0]
                first = value(start, {})
                return constant(np.stack([first + k * steps for k in range(count)]))
    if any(n.op == "unknown" and n.detail == hole.detail for n in walk(handed)):
        return None
    return before(handed, 0, start)


def _plain(node: Node) -> Node:
    """The node behind what only repeats or converts it."""
    while node.op == "axes" and node.shape == node.args[0].shape:
        node = node.args[0]
    return node
