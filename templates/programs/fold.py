"""Known parts of a graph as one array: a design matrix that a program centres and scales is one covariate.

A power or multiple of a single known array stays as it is written, and so does arithmetic on numbers: ``1/sqrt(v)`` of
known variances becomes the precision 1/v, without a rounding on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from cavi.templates.programs.graph import Array, Node, constant

NUMERIC: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "pow": lambda a, b: np.power(np.asarray(a, float), b),
    "neg": np.negative,
    "reciprocal": lambda a: 1 / np.asarray(a, float),
    "sqrt": np.sqrt,
    "square": np.square,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "erf": special.erf,
    "erfc": special.erfc,
    "probit": special.ndtr,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": np.where,
}


@dataclass
class Folding:
    """Computes the known parts of graphs.

    Attributes:
        named: the known arrays that have names; what is computed and equals one of them is that one.
        rules: functions that recognise what a node computes, and otherwise return it.
    """

    named: Sequence[Node]
    rules: Sequence[Callable[[Node], Node]] = ()
    done: dict[Node, Node] = field(default_factory=dict)

    def fold(self, node: Node) -> Node:
        """The graph with its known parts computed."""
        if node not in self.done:
            self.done[node] = self._fold(node)
        return self.done[node]

    def _fold(self, node: Node) -> Node:
        if (length := _from_the_end(node)) is not None:
            return Node("wrapped", (self.fold(node.args[2]),), node.shape, length)
        args = tuple(map(self.fold, node.args))
        made = node if args == node.args else Node(node.op, args, node.shape, node.detail)
        for rule in self.rules:
            made = rule(made)
        if made.op in ("constant", "axes", "take", "wrapped", "ordered") or not made.known or _as_written(made):
            return made
        found = value(made, {})
        return next((n for n in self.named if _equal(n.array, found)), None) or constant(found)


def _equal(one: Array, other: Array) -> bool:
    return one.shape == other.shape and one.size > 1 and bool(np.array_equal(one, other))


def _from_the_end(node: Node) -> int | None:
    """The K of ``where(i < 0, i + K, i)``: positions that may be counted from the end."""
    if node.op == "where" and node.args[0].op == "lt" and node.args[1].op == "add":
        found, (negative, shifted, _) = node.args[2], node.args
        if negative.args[0] is found is shifted.args[0] and shifted.args[1].known:
            added = value(shifted.args[1], {})
            return int(added.reshape(-1)[0]) if (added == added.reshape(-1)[0]).all() else None
    return None


def _as_written(node: Node) -> bool:
    count = _arrays(node)
    return count is not None and count <= 1


def _arrays(node: Node) -> int | None:
    """How many known arrays a product of powers has; None where it is no such product."""
    counts = [_arrays(a) for a in node.args]
    if any(c is None for c in counts):
        return None
    many = sum(c for c in counts if c is not None)
    match node.op:
        case "constant":
            return int(node.array.size > 1)
        case "axes" | "take" | "mul" | "div" | "neg" | "reciprocal" | "sqrt" | "square":
            return many
        case "add" | "sub":
            return None if many else 0
        case "pow":
            return None if counts[1] else many
    return None


def value(node: Node, done: dict[Node, Array]) -> Array:
    """The values of a graph of known arrays."""
    if node not in done:
        args = [value(a, done) for a in node.args]
        done[node] = np.asarray(_value(node, args))
    return done[node]


def _value(node: Node, args: list[Array]) -> Any:
    match node.op:
        case "constant":
            return node.array
        case "axes":
            order = [a for a in node.detail if a is not None]
            dropped = tuple(a for a in range(args[0].ndim) if a not in order)
            kept = np.squeeze(args[0], dropped)
            ranks = sorted(order)
            kept = np.transpose(kept, [ranks.index(a) for a in order])
            marks = tuple(None if a is None else slice(None) for a in node.detail)
            return np.broadcast_to(kept[marks], node.shape)
        case "sum":
            return args[0].sum(axis=node.detail)
        case "take":
            keys = tuple(slice(None) if kind == "axis" else args[1 + at] for kind, at in node.detail.of)
            return np.broadcast_to(args[0][keys], node.shape)
        case "computed":
            return node.detail[1](args)
        case "wrapped":
            return np.where(args[0] < 0, args[0] + node.detail, args[0])
        case "join":
            return np.concatenate(args, node.detail)
        case "cumulative":
            return np.cumsum(args[0], node.detail)
        case "cholesky":
            return np.linalg.cholesky(args[0])
        case "inverse":
            return np.linalg.inv(args[0])
        case "diagonal":
            return args[0][..., None, :] * np.eye(node.shape[-1])
    with np.errstate(all="ignore"):
        return NUMERIC[node.op](*args)
