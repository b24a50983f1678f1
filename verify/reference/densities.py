"""Log densities of declared nodes as arrays: those of `verify.density` where they are plain arithmetic, else by arrays.

Written anew are only the families whose reference looks at one value at a time (categories, zero inflation, censoring)
or goes through a vector element by element; the tests compare each with the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import size_of
from cavi.verify.nodes import MATRICES, layout
from cavi.verify.reference.formulas import ENGINE, Context, Expr, Scope, evaluate, whole
from cavi.verify.reference.tape import Array, Node, Plain, apply, as_column, as_row, chosen, determinant, total

LOG_TWO_PI = math.log(2.0 * math.pi)
BY_PROBABILITY = ("Bernoulli", "Binomial", "NegativeBinomial", "Geometric")


def node_density(v: Mapping[str, Any], scope: Scope) -> Plain:
    """log p of every element of a node given its parents: an array over its plates, its weight left out."""
    context: Context = tuple((i, s) for i, s in v["plates"])
    chain = v.get("chain")
    if chain is None:
        return whole(_density(v, v["distribution"], scope, context), scope, context)
    linked = whole(evaluate(chain["linked"], scope, context), scope, context)
    inside = whole(_density(v, v["distribution"], scope, context), scope, context)
    first = whole(_density(v, chain["initial"], scope, context), scope, context)
    return chosen(np.asarray(linked) != 0, inside, first)


def _density(v: Mapping[str, Any], distribution: Mapping[str, Any], scope: Scope, context: Context) -> Plain:
    name, args = distribution["name"], distribution["args"]
    if name == "Categorical":
        return _categorical(v, args["probs"], scope, context)
    if name == "MultivariateNormal":
        return _multivariate_normal(v, args, scope, context)
    if name == "Dirichlet":
        return _dirichlet(v, args["concentration"], scope, context)
    x = _value(v, scope, context)
    found = {p.name: _argument(v, name, p.name, args, scope, context) for p in FAMILIES[name].parameters}
    found = {n: a for n, a in found.items() if a is not None}
    if name in BY_PROBABILITY:
        return _by_probability(name, x, found, _log_odds(args["prob"], scope, context))
    return scalar_density(name, x, found)


def scalar_density(name: str, x: Plain, args: Mapping[str, Any]) -> Plain:
    """log p(x | args) by the reference, where it branches by the branches."""
    if name.startswith("ZeroInflated"):
        base = name.removeprefix("ZeroInflated")
        extra, rest = args["inflation"], {n: a for n, a in args.items() if n != "inflation"}
        log_f = FAMILIES[base].log_density(ENGINE, x, rest)
        zero = ENGINE("log", extra + (1.0 - extra) * ENGINE("exp", log_f))
        return chosen(np.asarray(x) > 0, ENGINE("log", 1.0 - extra) + log_f, zero)
    if name.startswith("Hurdle"):
        crossing, rest = args["crossing"], {n: a for n, a in args.items() if n != "crossing"}
        above = FAMILIES[name.replace("Hurdle", "ZeroTruncated")].log_density(ENGINE, x, rest)
        return chosen(np.asarray(x) > 0, ENGINE("log", crossing) + above, ENGINE("log", 1.0 - crossing))
    if "Censored" in name and "event" in args:
        seen, beyond = (FAMILIES[name].log_density(ENGINE, x, {**args, "event": e}) for e in (1, 0))
        return chosen(np.asarray(args["event"]) == 1, seen, beyond)
    if name == "Bernoulli":
        return chosen(np.asarray(x) == 1, ENGINE("log", args["prob"]), ENGINE("log", 1.0 - args["prob"]))
    return FAMILIES[name].log_density(ENGINE, x, args)


def _by_probability(name: str, x: Plain, args: Mapping[str, Any], log_odds: Plain | None) -> Plain:
    """Families of p and 1 - p; of a logistic function both logarithms hold however far it goes."""
    if log_odds is None:
        return scalar_density(name, x, args)
    yes, no = -ENGINE("softplus", -log_odds), -ENGINE("softplus", log_odds)
    half = {**args, "prob": 0.5}
    log_half = -math.log(2.0)
    match name:
        case "Bernoulli":
            return chosen(np.asarray(x) == 1, yes, no)
        case "Geometric":
            return yes + x * no
        case "Binomial":
            total_ = args["total"]
            return scalar_density(name, x, half) - total_ * log_half + x * yes + (total_ - x) * no
    number = args["number"]
    return scalar_density(name, x, half) - (number + x) * log_half + number * yes + x * no


def _log_odds(e: Expr, scope: Scope, context: Context) -> Plain | None:
    """A where an expression is 1 / (1 + exp(-A)), or 1 less that."""
    match e:
        case ["pow", ["add", [["num", "1"], ["fn", "exp", [inner]]]], "-1"]:
            return -1.0 * evaluate(inner, scope, context)
        case ["mul", [["num", "1"], inner]]:
            return _log_odds(inner, scope, context)
        case ["mul", [inner]]:
            return _log_odds(inner, scope, context)
    return None


def _value(v: Mapping[str, Any], scope: Scope, context: Context) -> Any:
    """The value of a node: an array over its plates, in lists over its event."""
    subs = [["index", i, s] for i, s in [*v["plates"], *v["event"]]]
    matrix = FAMILIES[v["distribution"]["name"]].support in MATRICES
    groups = [v["event"][:1], v["event"][1:]] if matrix else [v["event"]] if v["event"] else []
    return _table(["ref", v["name"], subs], groups, scope, context)


def _argument(
    v: Mapping[str, Any], family: str, name: str, args: Mapping[str, Expr], scope: Scope, context: Context
) -> Any:
    return None if name not in args else _table(args[name], layout(family, name, v), scope, context)


def _table(e: Expr, groups: list[Any], scope: Scope, context: Context) -> Any:
    if not groups:
        return evaluate(e, scope, context)
    axes = groups[0]
    found = []
    for at in product(*(range(size_of(scope.sizes, s)) for _, s in axes)):
        inside = replace(scope, fixed={**scope.fixed, **{i: k for (i, _), k in zip(axes, at, strict=True)}})
        found.append(_table(e, groups[1:], inside, context))
    return found


def _categorical(v: Mapping[str, Any], probs: Expr, scope: Scope, context: Context) -> Plain:
    over = tuple(v["over"])
    inner = (*context, over)
    logs = whole(ENGINE("log", evaluate(probs, scope, inner)), scope, inner)
    x = np.asarray(evaluate(["ref", v["name"], [["index", i, s] for i, s in v["plates"]]], scope, context))
    here = x[..., None] == np.arange(size_of(scope.sizes, over[1]))
    return total(chosen(here, logs, np.zeros((1,) * scope.rank(inner))), (scope.rank(inner) - 1,))


def _dirichlet(v: Mapping[str, Any], concentration: Expr, scope: Scope, context: Context) -> Plain:
    inner = (*context, *((i, s) for i, s in v["event"]))
    last = (scope.rank(inner) - 1,)
    c = whole(evaluate(concentration, scope, inner), scope, inner)
    x = evaluate(["ref", v["name"], [["index", i, s] for i, s in inner]], scope, inner)
    return ENGINE("lgamma", total(c, last)) + total((c - 1.0) * ENGINE("log", x) - ENGINE("lgamma", c), last)


def _multivariate_normal(v: Mapping[str, Any], args: Mapping[str, Expr], scope: Scope, context: Context) -> Plain:
    event = tuple((i, s) for i, s in v["event"])
    inner = (*context, *event)
    square = (*inner, (f"{event[0][0]}'", event[0][1]))
    rank, count = scope.rank(context), size_of(scope.sizes, event[0][1])
    x = evaluate(["ref", v["name"], [["index", i, s] for i, s in inner]], scope, inner)
    gap = whole(x - evaluate(args["mean"], scope, inner), scope, inner)
    precision = evaluate(args["precision"], scope, square)
    if isinstance(precision, Node):
        precision = whole(precision, scope, square)
        outer = as_row(gap) * as_column(gap) * precision
        distance = total(outer, (rank, rank + 1))
        height = determinant(precision)
    else:
        known = np.broadcast_to(precision, (*np.shape(precision)[:-2], count, count))
        distance = _known_quadratic(gap, known)
        height = np.linalg.slogdet(known)[1]
    return (height - distance - count * LOG_TWO_PI) / 2


def _known_quadratic(x: Plain, matrix: Array) -> Plain:
    """xᵀ M x over the last axis for known matrices."""

    def product_(a: Array) -> Array:
        several = matrix.size > matrix.shape[-1] ** 2
        return np.asarray(np.einsum("...i,...ij->...j", a, matrix) if several else a @ _one(matrix))

    return apply(lambda a: (product_(a) * a).sum(axis=-1), lambda g, r, a: (2.0 * g[..., None] * product_(a),), x)


def _one(matrix: Array) -> Array:
    return matrix.reshape(matrix.shape[-2:])
