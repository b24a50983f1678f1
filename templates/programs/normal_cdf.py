"""Φ, the distribution function of a standard Normal, recognised in the forms in which programs compute it by erf.

Φ(x) = ½ (1 + erf(x/√2)) = ½ erfc(-x/√2), and each where it is accurate: erf near zero, erfc in the tails
"""

from __future__ import annotations

import math

import numpy as np

from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import Node, constant, elementwise

ROOT = math.sqrt(2.0)
CLOSE = 1e-6  # of √2 in a program that computes in single precision


def normal_cdf(node: Node) -> Node:
    """The node, as ``probit`` of its argument where it is Φ of one."""
    match node.op, node.args:
        case "mul", (left, right):
            for half, twice in ((left, right), (right, left)):
                if _is(half, 0.5) and (found := _argument(twice)) is not None:
                    return elementwise("probit", _times_root(found))
        case "div", (twice, two):
            if _is(two, 2.0) and (found := _argument(twice)) is not None:
                return elementwise("probit", _times_root(found))
    return node


def _is(node: Node, wanted: float) -> bool:
    """Whether a node is one known number everywhere."""
    if not node.known:
        return False
    found = np.asarray(value(node, {}), dtype=float)
    return found.size > 0 and bool((np.abs(found - wanted) <= CLOSE * abs(wanted)).all())


def _argument(node: Node) -> Node | None:
    """The w of 1 + erf(w), in any of its forms."""
    match node.op, node.args:
        case "add", (left, right):
            for one, rest in ((left, right), (right, left)):
                if rest.op == "erf" and _is(one, 1.0):
                    return rest.args[0]
        case "sub", (one, rest) if rest.op == "erf" and _is(one, 1.0):
            return elementwise("neg", rest.args[0])
        case "erfc", (inside,):
            return inside.args[0] if inside.op == "neg" else elementwise("neg", inside)
        case "where", (near, middle, tails):
            found = _argument(middle)
            if found is not None and _small(near, found) and _tails(tails, found):
                return found
    return None


def _small(condition: Node, w: Node) -> bool:
    """|w| below some number."""
    return condition.op == "lt" and condition.args[1].known and _absolute(condition.args[0], w)


def _absolute(node: Node, w: Node) -> bool:
    return node.op == "abs" and node.args[0] is w


def _tails(node: Node, w: Node) -> bool:
    """2 - erfc|w| where w is positive, else erfc|w|."""
    if node.op != "where":
        return False
    positive, above, below = node.args
    sign = positive.op == "gt" and positive.args[0] is w and _is(positive.args[1], 0.0)
    lower = below.op == "erfc" and _absolute(below.args[0], w)
    upper = above.op == "sub" and _is(above.args[0], 2.0) and above.args[1].op == "erfc"
    return sign and lower and upper and _absolute(above.args[1].args[0], w)


def _times_root(w: Node) -> Node:
    """√2 w, without the detour where w is a number over √2."""
    match w.op, w.args:
        case "neg", (inside,):
            return elementwise("neg", _times_root(inside))
        case "mul", (left, right):
            for factor, rest in ((left, right), (right, left)):
                if _is(factor, 1 / ROOT):
                    return rest
        case "div", (rest, divisor) if _is(divisor, ROOT):
            return rest
    return elementwise("mul", w, constant(ROOT))
