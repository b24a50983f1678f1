"""Rules by which a changed module means the same as the original, each a proof from its text."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

from cavi.verify.generated import Generated
from cavi.verify.mutations.code import CodeMutant

Run = Callable[[ast.Module], Generated]


WATCHED = """
_axes = set()
def _watched_product(a, b):
    _axes.update((np.ndim(a), np.ndim(b)))
    return a @ b
"""


def rule(tree: ast.Module, mutant: CodeMutant, run: Run) -> str | None:
    """The name of the rule by which a changed module means the same; None if none applies.

    Args:
        tree: the module as it was generated.
        mutant: the changed one.
        run: carries out all functions of a module, which it returns. How many axes an array has does not depend on
            its values, so that one run tells.
    """
    before, after = (_function(t, mutant.function) for t in (tree, mutant.tree))
    if _live(before) == _live(after):
        return "the value is never read"
    if _folded(tree, before) == _folded(tree, after):
        return "the same with the values that its arguments always have"
    where = _first_difference(before, after)
    if where is not None and _is_exchanged(*where) and _are_vectors(tree, before, where[0], run):
        return "the inner product of two vectors commutes"
    return None


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == name)


# --- what nothing reads ------------------------------------------------------------------------


def _live(function: ast.FunctionDef) -> str:
    """A function without assignments to local names that nothing reads."""
    body = list(function.body)
    while True:
        read = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        kept = [s for s in body if not _is_dead(s, read)]
        if len(kept) == len(body):
            return "\n".join(map(ast.unparse, kept))
        body = kept


def _is_dead(statement: ast.stmt, read: set[str]) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and all(isinstance(t, ast.Name) for t in statement.targets)
        and not any(isinstance(t, ast.Name) and t.id in read for t in statement.targets)
    )


# --- arguments that no call gives --------------------------------------------------------------


def _folded(tree: ast.Module, function: ast.FunctionDef) -> str:
    """A function with the defaults of arguments that no call gives put in, and numbers multiplied and added up."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == function.name]
    given = max((len(c.args) + len(c.keywords) for c in calls), default=0)
    arguments = function.args.args
    first = len(arguments) - len(function.args.defaults)
    defaults = {a.arg: d for a, d in zip(arguments[first:], function.args.defaults, strict=True)}
    fixed = {a.arg: defaults[a.arg] for a in arguments[max(first, given) :]}
    return ast.unparse(_Folding(fixed).visit(copy.deepcopy(function)))


class _Folding(ast.NodeTransformer):
    def __init__(self, fixed: dict[str, ast.expr]) -> None:
        self.fixed = fixed

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.fixed.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(ast.Constant(int(a)), ast.Mult(), ast.Constant(int(b))):
                return ast.Constant(a * b)
            case ast.BinOp(ast.Constant(int(a)), ast.Add(), ast.Constant(int(b))):
                return ast.Constant(a + b)
        return node


# --- inner products ----------------------------------------------------------------------------


def _first_difference(before: ast.AST, after: ast.AST) -> tuple[ast.AST, ast.AST] | None:
    """The two innermost nodes that contain all that differs, or None where nothing does."""
    if type(before) is not type(after):
        return before, after
    pairs = list(zip(_children(before), _children(after), strict=False))
    if len(pairs) != len(list(_children(after))) or len(pairs) != len(list(_children(before))):
        return before, after
    inner = [d for a, b in pairs if (d := _first_difference(a, b)) is not None]
    if len(inner) == 1:
        return inner[0]
    return (before, after) if ast.dump(before) != ast.dump(after) else None


def _children(node: ast.AST) -> Iterator[ast.AST]:
    return ast.iter_child_nodes(node)


def _is_exchanged(before: ast.AST, after: ast.AST) -> bool:
    match before, after:
        case ast.BinOp(a, ast.MatMult(), b), ast.BinOp(c, ast.MatMult(), d):
            return ast.dump(a) == ast.dump(d) and ast.dump(b) == ast.dump(c)
    return False


def _are_vectors(tree: ast.Module, function: ast.FunctionDef, product: ast.AST, run: Run) -> bool:
    """Whether both operands have one axis wherever the product is carried out, and it is."""
    assert isinstance(product, ast.BinOp)
    call = ast.Call(ast.Name("_watched_product", ast.Load()), [product.left, product.right], [])
    watched = _Replaced(product, call).visit(copy.deepcopy(function, {id(product): product}))
    body: list[Any] = [watched if f is function else f for f in tree.body]
    module = run(ast.fix_missing_locations(ast.Module([*body, *ast.parse(WATCHED).body], [])))
    return bool(module.module._axes == {1})


class _Replaced(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)
