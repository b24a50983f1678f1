"""Known parts of a graph as one array: a design matrix that a program centres and scales is one covariate.

A power or multiple of a single known array stays as it is written, and so does arithmetic on numbers: ``1/sqrt(v)`` of
known variances becomes the precision 1/v, without a rounding on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit, logit

from cavi.templates.programs.graph import Array, Node, constant, is_constant

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
    "sigmoid": expit,
    "logit": logit,
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
    "second": lambda a, b: np.broadcast_arrays(a, b)[1],
}


def fold(node: Node, done: dict[Node, Node]) -> Node:
    """The graph with its known parts computed."""
    if node not in done:
        args = tuple(fold(a, done) for a in node.args)
        made = node if args == node.args else Node(node.op, args, node.shape, node.detail)
        if made.op not in ("constant", "axes", "take") and is_constant(made) and not _as_written(made):
            made = constant(value(made, {}))
        done[node] = made
    return done[node]


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
        case "inverse":
            return np.linalg.inv(args[0])
        case "diagonal":
            return args[0][..., None, :] * np.eye(node.shape[-1])
    with np.errstate(all="ignore"):
        return NUMERIC[node.op](*args)
