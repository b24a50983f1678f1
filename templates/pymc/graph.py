"""PyTensor graphs → `Node`s. Operations are known by the names of their classes: nothing is imported for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import (
    Array,
    Node,
    Shape,
    axes,
    constant,
    cumulative,
    elementwise,
    expanded,
    inverse,
    joined,
    matmul,
    reshaped,
    softmax,
    take,
    total,
    unknown,
)

_ELEMENTWISE: Mapping[str, str] = {
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "TrueDiv": "div",
    "Pow": "pow",
    "Neg": "neg",
    "Reciprocal": "reciprocal",
    "Sqrt": "sqrt",
    "Sqr": "square",
    "Exp": "exp",
    "Log": "log",
    "Log1p": "log1p",
    "Expm1": "expm1",
    "Sigmoid": "sigmoid",
    "Erf": "erf",
    "Erfc": "erfc",
    "Sin": "sin",
    "Cos": "cos",
    "Tanh": "tanh",
    "Abs": "abs",
    "Sign": "sign",
    "Switch": "where",
    "Maximum": "maximum",
    "ScalarMaximum": "maximum",
    "ScalarMinimum": "minimum",
    "EQ": "eq",
    "NEQ": "ne",
    "LT": "lt",
    "LE": "le",
    "GT": "gt",
    "GE": "ge",
    "AND": "and",
    "OR": "or",
    "Invert": "not",
}
_SAME = frozenset(
    "ViewOp Cast Identity TensorFromScalar ScalarFromTensor SpecifyShape CheckAndRaise Assert CheckParameterValue "
    "Unbroadcast DeepCopyOp".split()
)

_SHOWN = {"Scan": "scan"}  # as JAX calls it


def kind(op: Any) -> str:
    """The name of an operation, the one inside where it is applied by elements or along batches."""
    match type(op).__name__:
        case "Elemwise":
            return type(op.scalar_op).__name__
        case "Blockwise":
            return kind(op.core_op)
        case name:
            return name


@dataclass
class Graphs:
    """Reads graphs.

    Attributes:
        variables: the nodes of random variables.
        names: of shared arrays of data, by the arrays' variables.
    """

    variables: Mapping[Any, Node]
    names: Mapping[Any, str]
    done: dict[Any, Node] = field(default_factory=dict)
    constants: dict[tuple[Any, ...], Node] = field(default_factory=dict)

    def read(self, variable: Any) -> Node:
        """The node of a PyTensor variable."""
        if variable in self.variables:
            return self.variables[variable]
        if variable not in self.done:
            self.done[variable] = self._read(variable)
        return self.done[variable]

    def _read(self, variable: Any) -> Node:
        if variable.owner is None:
            return self._leaf(variable)
        op, inputs = variable.owner.op, variable.owner.inputs
        name = kind(op)
        if name.endswith("RV"):
            return unknown(f"a {name.removesuffix('RV')} that is no variable of the model", (), _static(variable))
        if name in _OPERATIONS:
            return _OPERATIONS[name](self, op, inputs)
        if name in _SAME:
            return self.read(inputs[0])
        args = [self.read(i) for i in inputs if not _is_none(i)]
        if name == "Second":
            return _filled(*args)
        if name in _ELEMENTWISE:
            return (
                reduce(lambda a, b: elementwise(_ELEMENTWISE[name], a, b), args)
                if name
                in (
                    "Add",
                    "Mul",
                )
                else elementwise(_ELEMENTWISE[name], *args)
            )
        if all(a.known for a in args):
            return self.known(computed(variable))
        return unknown(f"the operation {_SHOWN.get(name, name)}", args, _static(variable))

    def _leaf(self, variable: Any) -> Node:
        if hasattr(variable, "get_value"):
            return self.known(variable.get_value(), self.names.get(variable))
        if hasattr(variable, "data") and variable.data is not None:
            return self.known(variable.data)
        return unknown(f"the input {variable} without a value", (), _static(variable))

    def known(self, value: Any, name: str | None = None) -> Node:
        """A known array; equal ones are one."""
        array = np.asarray(value)
        key = (name, array.shape, array.dtype.str, array.tobytes())
        if key not in self.constants:
            self.constants[key] = constant(array, name)
        return self.constants[key]

    def axes(self, op: Any, inputs: Sequence[Any]) -> Node:
        """A transposition, or axes that come or go."""
        node = self.read(inputs[0])
        return expanded(node, [None if a == "x" else int(a) for a in op.new_order])

    def dot(self, op: Any, inputs: Sequence[Any]) -> Node:
        """A product of matrices."""
        return matmul(self.read(inputs[0]), self.read(inputs[1]))

    def sum(self, op: Any, inputs: Sequence[Any]) -> Node:
        """A sum over all or some axes."""
        node = self.read(inputs[0])
        return total(node, range(len(node.shape)) if op.axis is None else [int(a) for a in op.axis])

    def subtensor(self, op: Any, inputs: Sequence[Any]) -> Node:
        """Elements at fixed positions and slices, and at arrays of positions."""
        from pytensor.tensor.subtensor import indices_from_subtensor

        keys = list(indices_from_subtensor(inputs[1:], getattr(op, "idx_list", None)))
        node = self.read(inputs[0])
        found: list[Node | None] = []
        for axis, k in enumerate(keys):
            k = _slice(k)
            if not isinstance(k, slice):
                found.append(_positions(self.read(k)))
                continue
            found.append(None)
            bounds = [None if _is_none(b) else self._integer(b) for b in (k.start, k.stop, k.step)]
            places = np.arange(node.shape[axis])[slice(*bounds)]
            if len(places) < node.shape[axis] or bounds[2] not in (None, 1):
                node = take(node, [*[None] * axis, constant(places)])
        return take(node, found) if any(k is not None for k in found) else node

    def _integer(self, bound: Any) -> int:
        if isinstance(bound, int | np.integer):
            return int(bound)
        value = computed(bound) if bound.owner is not None else bound.data
        return int(value)

    def alloc(self, op: Any, inputs: Sequence[Any]) -> Node:
        """An array repeated along new axes."""
        node, shape = self.read(inputs[0]), [self._integer(i) for i in inputs[1:]]
        start = len(shape) - len(node.shape)
        return axes(node, [None if a < start else a - start for a in range(len(shape))], shape)

    def reshape(self, op: Any, inputs: Sequence[Any]) -> Node:
        """A reshape that only adds or leaves out axes of one element."""
        node = self.read(inputs[0])
        wanted = [int(s) for s in computed(inputs[1])]
        if -1 in wanted:
            rest = int(np.prod([s for s in wanted if s != -1]))
            wanted[wanted.index(-1)] = int(np.prod(node.shape)) // rest
        return reshaped(node, wanted)

    def inverse(self, op: Any, inputs: Sequence[Any]) -> Node:
        """The inverse of a matrix."""
        return inverse(self.read(inputs[0]))

    def shape(self, op: Any, inputs: Sequence[Any]) -> Node:
        """The shape of an array."""
        shape = self.read(inputs[0]).shape
        return self.known(shape[op.i] if type(op).__name__ == "Shape_i" else np.array(shape, int))

    def join(self, op: Any, inputs: Sequence[Any]) -> Node:
        """Arrays laid end to end."""
        if type(op).__name__ == "MakeVector":
            return joined([expanded(self.read(i), [None]) for i in inputs], 0)
        return joined([self.read(i) for i in inputs[1:]], self._integer(inputs[0]))

    def softmax(self, op: Any, inputs: Sequence[Any]) -> Node:
        """Probabilities along the last axis."""
        node = self.read(inputs[0])
        last = len(node.shape) - 1
        if op.axis not in (-1, last) and not (op.axis is None and last == 0):
            return unknown("a softmax along another axis than the last", (node,), node.shape)
        return softmax(node)

    def running(self, op: Any, inputs: Sequence[Any]) -> Node:
        """A running sum."""
        node = self.read(inputs[0])
        if op.mode != "add":
            return unknown("a running product", (node,), node.shape)
        if op.axis is None and len(node.shape) > 1:
            return unknown("a running sum over several axes", (node,), (int(np.prod(node.shape)),))
        return node if not node.shape else cumulative(node, op.axis or 0)

    def diagonal(self, op: Any, inputs: Sequence[Any]) -> Node:
        """The diagonal matrix of a vector."""
        node = self.read(inputs[0])
        return Node("diagonal", (node,), (*node.shape, node.shape[-1]))


_OPERATIONS: Mapping[str, Callable[[Graphs, Any, Sequence[Any]], Node]] = {
    "DimShuffle": Graphs.axes,
    "Dot": Graphs.dot,
    "Sum": Graphs.sum,
    "Subtensor": Graphs.subtensor,
    "AdvancedSubtensor": Graphs.subtensor,
    "AdvancedSubtensor1": Graphs.subtensor,
    "Alloc": Graphs.alloc,
    "Reshape": Graphs.reshape,
    "MatrixInverse": Graphs.inverse,
    "Shape": Graphs.shape,
    "Shape_i": Graphs.shape,
    "AllocDiag": Graphs.diagonal,
    "CumOp": Graphs.running,
    "Join": Graphs.join,
    "Softmax": Graphs.softmax,
    "MakeVector": Graphs.join,
}


def _filled(like: Node, value: Node) -> Node:
    """A value in the shape of an array."""
    shape = np.broadcast_shapes(like.shape, value.shape)
    new = len(shape) - len(value.shape)
    return axes(value, [None] * new + list(range(len(value.shape))), shape)


def _positions(key: Node) -> Node:
    """A key as positions: those of what is true where truth values select."""
    if key.known and len(key.shape) == 1:
        values = value(key, {})
        return constant(np.flatnonzero(values)) if values.dtype.kind == "b" else key
    return key


def _is_none(variable: Any) -> bool:
    return variable is None or (getattr(variable, "owner", 0) is None and getattr(variable, "data", 0) is None)


def _slice(key: Any) -> Any:
    """A slice that stands in the graph as a variable."""
    if getattr(key, "owner", None) is not None and type(key.owner.op).__name__ == "MakeSlice":
        return slice(*key.owner.inputs)
    return key.data if isinstance(getattr(key, "data", None), slice) else key


def _static(variable: Any) -> Shape:
    return tuple(1 if s is None else s for s in getattr(variable.type, "shape", ()))


def computed(variable: Any) -> Array:
    """The values of a graph without random variables, by PyTensor and without compiling."""
    import pytensor
    from pytensor.compile.mode import Mode

    if variable.owner is None:
        return np.asarray(variable.get_value() if hasattr(variable, "get_value") else variable.data)
    run = pytensor.function([], variable, mode=Mode(linker="py", optimizer=None), on_unused_input="ignore")
    return np.asarray(run())
