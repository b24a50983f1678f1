"""Jaxprs (what JAX records of a function) → `Node`s. Primitives are known by name: nothing is imported for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cavi.templates.numpyro.scans import Loop, loop
from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import (
    Node,
    Selection,
    axes,
    constant,
    contract,
    cumulative,
    elementwise,
    expanded,
    inverse,
    joined,
    reshaped,
    take,
    total,
    unknown,
)
from cavi.templates.programs.sizes import is_range

_ELEMENTWISE: Mapping[str, str] = {
    **{
        name: name
        for name in "add sub mul div pow neg sqrt square exp log log1p expm1 sin cos tanh abs sign erf erfc".split()
    },
    **{name: name for name in "eq ne lt le gt ge and or not".split()},
    "add_any": "add",
    "logistic": "sigmoid",
    "max": "maximum",
    "min": "minimum",
}
_SAME = ("copy", "copy_p", "stop_gradient", "reduce_precision", "sharding_constraint", "optimization_barrier")
_CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_LINEAR: Mapping[str, Callable[[Node], Node]] = {
    "inv": inverse,
    "cholesky": lambda node: Node("cholesky", (node,), node.shape),
    "cholesky_of_inverse": lambda node: Node("cholesky", (inverse(node),), node.shape),
}


@dataclass
class Scope:
    """One jaxpr, read from its results backwards, so that what does not matter is not read.

    Attributes:
        known: the nodes of its inputs and constants.
        array: the node of a known array.
        made: which equation makes a variable, and which of its results it is.
        loops: those that were read, by their equations.
    """

    known: dict[Any, Node]
    array: Callable[[Any], Node]
    made: dict[Any, tuple[Any, int]] = field(default_factory=dict)
    loops: dict[int, Loop | None] = field(default_factory=dict)

    @classmethod
    def of(cls, jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Node], array: Callable[[Any], Node]) -> Scope:
        """The scope of a jaxpr with its inputs."""
        known = dict(zip(jaxpr.invars, inputs, strict=True))
        known |= {v: array(c) for v, c in zip(jaxpr.constvars, constants, strict=True) if _is_array(c)}
        return cls(known, array, {v: (e, at) for e in jaxpr.eqns for at, v in enumerate(e.outvars)})

    def read(self, atom: Any) -> Node:
        """The node of a variable or a literal."""
        if hasattr(atom, "val"):
            return constant(np.asarray(atom.val))
        if atom not in self.known:
            self.known[atom] = self._equation(*self.made[atom]) if atom in self.made else unknown("a key", (), ())
        return self.known[atom]

    def _equation(self, equation: Any, at: int) -> Node:
        name, params = equation.primitive.name, equation.params
        shape = tuple(equation.outvars[at].aval.shape)
        called = next((params[c] for c in _CALLS if hasattr(params.get(c), "jaxpr")), None)
        if called is not None and name not in ("scan", "while", "cond"):
            args = [self.read(a) for a in equation.invars]
            if params.get("name") in _LINEAR:
                return _LINEAR[params["name"]](args[0])
            inner = Scope.of(called.jaxpr, called.consts, args, self.array)
            return inner.read(called.jaxpr.outvars[at])
        if name == "scan":
            steps = self._loop(equation)
            return unknown("the operation scan", (), shape) if steps is None else steps.result(at)
        if name.startswith("random_"):
            return unknown("a random number that is drawn inside the program", (), shape)
        if name == "iota":
            along = [None] * len(shape)
            along[params["dimension"]] = 0  # type: ignore[call-overload]
            return axes(constant(np.arange(shape[params["dimension"]])), along, shape)
        args = [self.read(a) for a in equation.invars]
        if name in _PRIMITIVES:
            return _PRIMITIVES[name](args, params, shape)
        if name in _ELEMENTWISE:
            return elementwise(_ELEMENTWISE[name], *args)
        if name == "convert_element_type":
            return _converted(args[0], equation.invars[0].aval.dtype, params["new_dtype"])
        if name in _SAME:
            return args[0]
        if name == "scatter" and (put := self._put(equation, args)) is not None:
            return put
        if called is not None or not args:
            return unknown(f"the operation {name}", args, shape)

        def compute(values: Sequence[Any]) -> Any:
            return self._computed(equation, at, values)

        found = Node("computed", tuple(args), shape, (f"the operation {name}", compute))
        return constant(value(found, {})) if found.known else found

    def _put(self, equation: Any, args: Sequence[Node]) -> Node | None:
        """An array with one value put at known positions."""
        array, positions, new = args
        if new.op == "axes" and int(np.prod(new.args[0].shape)) == 1:
            new = new.args[0]
        if not positions.known or int(np.prod(new.shape)) != 1:
            return None
        ones = np.ones([*equation.invars[2].aval.shape])
        put = self._computed(equation, 0, [np.zeros(array.shape), value(positions, {}), ones])
        return elementwise("where", constant(put > 0), reshaped(new, ()), array)

    def _loop(self, equation: Any) -> Loop | None:
        if id(equation) not in self.loops:
            args = [self.read(a) for a in equation.invars]
            self.loops[id(equation)] = loop(
                equation.params, args, lambda jaxpr, constants, inputs: Scope.of(jaxpr, constants, inputs, self.array)
            )
        return self.loops[id(equation)]

    @staticmethod
    def _computed(equation: Any, at: int, values: Sequence[Any]) -> Any:
        """The result of an operation that has no kind of node, at known values."""
        import jax

        with jax.enable_x64(True):
            given = [jax.numpy.asarray(a, dtype=v.aval.dtype) for a, v in zip(values, equation.invars, strict=True)]
            found = equation.primitive.bind(*given, **equation.params)
        return np.asarray(found[at] if equation.primitive.multiple_results else found)


def _is_array(found: Any) -> bool:
    return getattr(getattr(found, "dtype", None), "kind", "V") in "biuf"


def _converted(node: Node, old: Any, new: Any) -> Node:
    """Another type of number: truth values become numbers, and only known numbers are cut to integers."""
    if old.kind == "b" and new.kind != "b":
        return elementwise("add", node, constant(0))
    if old.kind == "f" and new.kind in "iu":
        if node.known:
            return constant(value(node, {}).astype(new))
        return unknown("a number that is cut to an integer", (node,), node.shape)
    return node


def _broadcast(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    places = list(params["broadcast_dimensions"])
    return axes(args[0], [places.index(a) if a in places else None for a in range(len(shape))], shape)


def _squeeze(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    return expanded(args[0], [a for a in range(len(args[0].shape)) if a not in params["dimensions"]])


def _slice(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    (node,) = args
    steps = params["strides"] or (1,) * len(shape)
    for axis, (start, stop, step) in enumerate(
        zip(params["start_indices"], params["limit_indices"], steps, strict=True)
    ):
        if (start, stop, step) != (0, node.shape[axis], 1):
            node = take(node, [*[None] * axis, constant(np.arange(start, stop, step))])
    return node


def _dynamic_slice(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    node, *starts = args
    for axis, (start, length) in enumerate(zip(starts, params["slice_sizes"], strict=True)):
        if length == node.shape[axis]:
            continue
        if length != 1:
            return unknown("a slice at a computed position", args, shape)
        node = take(node, [*[None] * axis, expanded(start, [None])])
    return node


def _stack(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    order: list[int | None] = list(range(len(args[0].shape)))
    order.insert(params["axis"], None)
    return joined([expanded(a, order) for a in args], params["axis"])


def _pad(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    node, value = args
    for axis, (low, high, inner) in enumerate(params["padding_config"]):
        if inner or low < 0 or high < 0:
            return unknown("the operation pad", args, shape)
        ends = [[*node.shape[:axis], n, *node.shape[axis + 1 :]] for n in (low, high)]
        before, after = ([axes(value, [None] * len(s), s)] if s[axis] else [] for s in ends)
        node = joined([*before, node, *after], axis)
    return node


def _running(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    if params["reverse"]:
        return unknown("a sum that runs backwards", args, shape)
    return cumulative(args[0], params["axis"])


def _dot(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    contracted, batch = params["dimension_numbers"]
    return contract(args[0], args[1], contracted, batch)


def _gather(args: Sequence[Node], params: Mapping[str, Any], shape: tuple[int, ...]) -> Node:
    """Positions along some axes, whole axes else: what ``x[i, :, j]`` becomes, and one element of an axis at a time."""
    array, indices = args
    numbers, lengths = params["dimension_numbers"], params["slice_sizes"]
    offset, gone = list(numbers.offset_dims), list(numbers.collapsed_slice_dims)
    starts, batching = list(numbers.start_index_map), list(getattr(numbers, "operand_batching_dims", ()))
    whole = [a for a in range(len(array.shape)) if a not in gone and a not in batching]
    single = [a for a in whole if lengths[a] == 1 < array.shape[a] and a in starts]  # leaves an axis of one element
    if any(lengths[a] != array.shape[a] for a in whole if a not in single) or not set(gone) <= set(starts):
        return unknown("a selection of parts of an axis", args, shape)
    dropped = [offset[whole.index(a)] for a in single]
    left = [a for a in range(len(shape)) if a not in dropped]
    keyed = [left.index(a) for a in left if a not in offset]
    keys: list[Node] = []
    of: list[tuple[str, int]] = []
    for a in range(len(array.shape)):
        if a in gone or a in single:
            of.append(("key", len(keys)))
            keys.append(_component(indices, starts.index(a)))
        elif a in batching:
            outer = [a for a in left if a not in offset]
            of.append(("axis", left.index(outer[list(numbers.start_indices_batching_dims)[batching.index(a)]])))
        else:
            of.append(("axis", left.index(offset[whole.index(a)])))
    found = _selected(array, keys, tuple(shape[a] for a in left), Selection(tuple(of), tuple(keyed)))
    return (
        found if not dropped else axes(found, [left.index(a) if a in left else None for a in range(len(shape))], shape)
    )


def _selected(array: Node, keys: Sequence[Node], shape: tuple[int, ...], selection: Selection) -> Node:
    """The elements that keys select; all of them in order where a key is 0, 1, 2, … along the whole of an axis."""
    if len(keys) == 1 and len(selection.keyed) == 1:
        at = next(a for a, (kind, _) in enumerate(selection.of) if kind == "key")
        if keys[0].known and is_range(constant(value(keys[0], {})), array.shape[at]):
            places = [selection.keyed[0] if kind == "key" else place for kind, place in selection.of]
            return axes(array, [places.index(i) for i in range(len(shape))], shape)
    return Node("take", (array, *keys), shape, selection)


def _component(node: Node, at: int) -> Node:
    """One of the positions that stand side by side along a last axis."""
    last = len(node.shape) - 1
    if node.op == "join" and node.detail == last:
        for part in node.args:
            if at < part.shape[last]:
                return _component(part, at)
            at -= part.shape[last]
    if node.shape[last] == 1:
        return reshaped(node, node.shape[:-1])
    return take(node, [*[None] * last, constant(at)])


_PRIMITIVES: Mapping[str, Callable[[Sequence[Node], Mapping[str, Any], tuple[int, ...]], Node]] = {
    "broadcast_in_dim": _broadcast,
    "reshape": lambda args, params, shape: reshaped(args[0], shape),
    "squeeze": _squeeze,
    "expand_dims": lambda args, params, shape: reshaped(args[0], shape),
    "transpose": lambda args, params, shape: expanded(args[0], params["permutation"]),
    "reduce_sum": lambda args, params, shape: total(args[0], params["axes"]),
    "cumsum": _running,
    "dot_general": _dot,
    "gather": _gather,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "stack": _stack,
    "pad": _pad,
    "concatenate": lambda args, params, shape: joined(args, params["dimension"]),
    "rsqrt": lambda args, params, shape: elementwise("reciprocal", elementwise("sqrt", args[0])),
    "integer_pow": lambda args, params, shape: elementwise("pow", args[0], constant(params["y"])),
    "select_n": lambda args, params, shape: elementwise("where", args[0], args[2], args[1]),
}
