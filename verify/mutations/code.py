"""Mutants of generated source: one node of its syntax tree changed, in functions that update q or bound log p(x)."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Change = Callable[[ast.AST, "Names"], Iterator[ast.AST]]
PREFIXES = tuple(
    "update_ moments_ follow_ from_marginals_ elbo sum_ sums_ natural_ features_ collect_ expand_ entropy_".split()
)
# Products of large blocks go in pieces, which instances of a few rows never reach; tests of the helpers compare both.
OF_LARGE_BLOCKS = ("product", "weighted", "piece_of", "pieces", "rows_of_block")
OTHER_FUNCTION = {
    "digamma": "np.log",
    "gammaln": "digamma",
    "multigammaln": "multidigamma",
    "multidigamma": "multigammaln",
    "inverse": "np.asarray",
    "softmax": "np.exp",
    "logdet": "np.sum",
    "np.log": "np.asarray",
    "np.exp": "np.asarray",
    "np.sqrt": "np.asarray",
}


@dataclass(frozen=True)
class CodeMutant:
    """A changed module.

    Attributes:
        operator: the kind of mistake.
        label: function, line, and what became of what.
        function: name of the function that it is in.
        tree: the module.
    """

    operator: str
    label: str
    function: str
    tree: ast.Module


@dataclass(frozen=True)
class Names:
    """What a module knows: names of moments, axes of hyperparameters, number of axes of a local array."""

    moments: frozenset[str]
    hyper: dict[str, tuple[str, ...]]


def code_mutants(source: str) -> Iterator[CodeMutant]:
    """Every mutant of a module, function by function, no change twice."""
    tree = ast.parse(source)
    names = _names(tree)
    for at, function in enumerate(tree.body):
        if not (isinstance(function, ast.FunctionDef) and _counts(function, tree)):
            continue
        seen = {ast.unparse(function)}
        for operator, change in OPERATORS.items():
            for line, old, new, changed in _variants(function, change, names):
                text = ast.unparse(changed)
                if text not in seen:
                    seen.add(text)
                    body = [*tree.body[:at], changed, *tree.body[at + 1 :]]
                    label = f"{function.name}, line {line}: {old} -> {new}"
                    yield CodeMutant(operator, label, function.name, ast.Module(body, []))


def _counts(function: ast.FunctionDef, tree: ast.Module) -> bool:
    """Whether it is an update, a moment, the bound, or a helper that one of these calls."""
    roots = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith(PREFIXES)]
    called = {n.id for f in roots for n in ast.walk(f) if isinstance(n, ast.Name)}
    if function.name.startswith("_") or function.name in OF_LARGE_BLOCKS:
        return False
    return function.name.startswith(PREFIXES) or function.name in called


def _names(tree: ast.Module) -> Names:
    moments = {
        str(n.slice.value)
        for n in ast.walk(tree)
        if isinstance(n, ast.Subscript) and _text(n.value) == "state.moments" and isinstance(n.slice, ast.Constant)
    }
    known: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and _text(node.target) == "KNOWN" and node.value is not None:
            known = ast.literal_eval(node.value)
    return Names(frozenset(moments), {n: tuple(s["axes"]) for n, s in known.items() if s["where"] == "hyper"})


def _variants(node: Any, change: Change, names: Names) -> Iterator[tuple[int, str, str, Any]]:
    """The tree with one node changed, for every node and every way of changing it: line, old, new, tree."""
    for other in change(node, names):
        ast.copy_location(other, node)
        yield getattr(node, "lineno", 0), _short(node), _short(other), ast.fix_missing_locations(other)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "args") and not isinstance(node, ast.Call):
            continue
        for i, part in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(part, ast.AST):
                for line, old, new, inner in _variants(part, change, names):
                    whole = copy.copy(node)
                    setattr(whole, field, [*value[:i], inner, *value[i + 1 :]] if isinstance(value, list) else inner)
                    yield line, old, new, whole


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _short(node: ast.AST) -> str:
    text = " ".join(_text(node).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


# --- operators ---------------------------------------------------------------------------------


def _sign(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield ast.BinOp(node.left, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand


def _operation(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield ast.BinOp(node.left, ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult(), node.right)


def _term(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield node.left
        yield node.right


def _factor(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield node.left
        yield node.right


def _number(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """Numbers in arithmetic; whole numbers in subscripts and axes are places."""
    if isinstance(node, ast.BinOp):
        for side in ("left", "right"):
            value = getattr(node, side)
            if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                for other in (2 * value.value, value.value / 2):
                    changed = copy.copy(node)
                    setattr(changed, side, ast.Constant(other))
                    yield changed


def _place(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """The axis of a sum, the order of a transposition."""
    if isinstance(node, ast.keyword) and node.arg == "axis" and isinstance(node.value, ast.Constant):
        if isinstance(node.value.value, int):
            yield ast.keyword("axis", ast.Constant(1 if node.value.value == 0 else 0))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transpose":
        yield node.func.value


def _transposed(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, ast.MatMult(), node.left)


def _subscripts(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """An operand or the result of an einsum with two letters exchanged."""
    if isinstance(node, ast.Call) and _text(node.func) == "np.einsum" and isinstance(node.args[0], ast.Constant):
        spec = str(node.args[0].value)
        for i in range(len(spec) - 1):
            a, b = spec[i], spec[i + 1]
            if a.isalpha() and b.isalpha() and a != b:
                changed = copy.copy(node)
                changed.args = [ast.Constant(spec[:i] + b + a + spec[i + 2 :]), *node.args[1:]]
                yield changed


def _function(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and _text(node.func) in OTHER_FUNCTION:
        yield ast.Call(_parsed(OTHER_FUNCTION[_text(node.func)]), node.args[:1], [])


def _power(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left


def _moment(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """E[log x] as log E[x], E[x^2] as E[x]^2."""
    if not (
        isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _text(node.value) == "state.moments"
    ):
        return
    name = node.slice.value if isinstance(node.slice, ast.Constant) else ""
    if str(name).startswith("E_log_") and "E_" + str(name)[6:] in names.moments:
        yield _parsed(f"np.log(state.moments['E_{str(name)[6:]}'])")
    if str(name).endswith("_sq") and str(name)[:-3] in names.moments:
        yield _parsed(f"state.moments['{str(name)[:-3]}'] ** 2")


def _known(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """Another hyperparameter of the same axes."""
    if isinstance(node, ast.Subscript) and _text(node.value) == "state.hyper" and isinstance(node.slice, ast.Constant):
        mine = str(node.slice.value)
        for other, axes in names.hyper.items():
            if other != mine and axes == names.hyper[mine]:
                yield ast.Subscript(node.value, ast.Constant(other), ast.Load())


def _size(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assign) and "state.sizes[" in _text(node.value):
        targets = node.targets[0]
        for name in targets.elts if isinstance(targets, ast.Tuple) else [targets]:
            again = ast.parse(f"{_text(node)}\n{_text(name)} = 1").body
            yield ast.If(ast.Constant(True), again, [])


def _statement(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """A refresh that is forgotten, a moment that is not stored."""
    refresh = isinstance(node, ast.Expr) and _text(node).startswith("state.refresh(")
    moment = isinstance(node, ast.Assign) and _text(node.targets[0]).startswith("state.moments[")
    if refresh or moment:
        yield ast.Pass()


def _neighbour(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    """The element before for the one after."""
    match node:
        case ast.Call(func, [array, by], keywords) if _text(func) == "np.roll":
            other = by.operand if isinstance(by, ast.UnaryOp) else ast.UnaryOp(ast.USub(), by)
            yield ast.Call(func, [array, other], keywords)


OPERATORS: dict[str, Change] = {
    "sign": _sign,
    "* for /": _operation,
    "dropped term": _term,
    "dropped factor": _factor,
    "wrong number": _number,
    "wrong axis": _place,
    "transposed": _transposed,
    "wrong subscripts": _subscripts,
    "wrong function": _function,
    "wrong power": _power,
    "wrong moment": _moment,
    "swapped known values": _known,
    "wrong size": _size,
    "forgotten statement": _statement,
    "wrong neighbour": _neighbour,
}
