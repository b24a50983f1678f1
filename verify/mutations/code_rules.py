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
    ndim = _ndim(tree, before, run)
    if _folded(tree, before, ndim) == _folded(tree, after, ndim):
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


def _ndim(tree: ast.Module, function: ast.FunctionDef, run: Run) -> dict[str, int]:
    """Names of arguments whose `ndim` a function asks for -> how many axes they have, where that is always the same."""
    asked = {
        n.value.id
        for n in ast.walk(function)
        if isinstance(n, ast.Attribute) and n.attr == "ndim" and isinstance(n.value, ast.Name)
    } & {a.arg for a in function.args.args}
    if not asked:
        return {}
    notes = ast.parse("\n".join(f"_ndim_of.setdefault({a!r}, set()).add(np.ndim({a}))" for a in sorted(asked))).body
    watched = copy.deepcopy(function)
    watched.body = [*notes, *watched.body]
    body: list[Any] = [*ast.parse("_ndim_of = {}").body, *(watched if f is function else f for f in tree.body)]
    if isinstance(tree.body[0], ast.Expr):  # the docstring and what is imported from the future come first
        first = next(i for i, s in enumerate(tree.body) if not isinstance(s, ast.Expr | ast.ImportFrom))
        body = [*body[1 : first + 1], body[0], *body[first + 1 :]]
    found = run(ast.fix_missing_locations(ast.Module(body, []))).module._ndim_of
    return {a: next(iter(counts)) for a, counts in found.items() if len(counts) == 1}


def _folded(tree: ast.Module, function: ast.FunctionDef, ndim: dict[str, int]) -> str:
    """A function with what is known of its arguments put in, and numbers multiplied and added up.

    Known are the defaults of arguments that no call gives, and numbers of axes that are always the same.
    """
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == function.name]
    given = max((len(c.args) + len(c.keywords) for c in calls), default=0)
    arguments = function.args.args
    first = len(arguments) - len(function.args.defaults)
    defaults = {a.arg: d for a, d in zip(arguments[first:], function.args.defaults, strict=True)}
    fixed = {a.arg: defaults[a.arg] for a in arguments[max(first, given) :]}
    return ast.unparse(_Folding(fixed, ndim).visit(copy.deepcopy(function)))


class _Folding(ast.NodeTransformer):
    def __init__(self, fixed: dict[str, ast.expr], ndim: dict[str, int]) -> None:
        self.fixed, self.ndim = fixed, ndim

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.fixed.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr == "ndim" and isinstance(node.value, ast.Name) and node.value.id in self.ndim:
            return ast.Constant(self.ndim[node.value.id])
        self.generic_visit(node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(ast.Constant(int(a)), ast.Mult(), ast.Constant(int(b))):
                return ast.Constant(a * b)
            case ast.BinOp(ast.Constant(int(a)), ast.Add(), ast.Constant(int(b))):
                return ast.Constant(a + b)
            case ast.BinOp(ast.Constant(int(a)), ast.Sub(), ast.Constant(int(b))):
                return ast.Constant(a - b)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Part of the shape of an array with so many axes, its ends counted from the front."""
        self.generic_visit(node)
        match node:
            case ast.Subscript(ast.Attribute(ast.Name(of), "shape"), ast.Slice(low, ast.Constant(int(end)))):
                if of in self.ndim:
                    end = max(end + self.ndim[of], 0) if end < 0 else min(end, self.ndim[of])
                    return ast.Subscript(node.value, ast.Slice(low, ast.Constant(end)), node.ctx)
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
