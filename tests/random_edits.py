"""One change of one line of a program, by its syntax tree: an expression replaced, an argument moved or left out."""

import ast
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from random_scope import Program


@dataclass(frozen=True)
class Mutant:
    """A program with one thing wrong: what was done to which line, and whether it must be refused."""

    program: Program
    line: int
    what: str
    illegal: bool = False


def declared(program: Program) -> list[str]:
    return [n for line in program.lines[1:-1] for n in re.findall(r"\w+", line.partition(" = ")[0])]


def is_number(node: ast.expr, parent: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_element(node: ast.expr, parent: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) or (isinstance(node, ast.Name) and not isinstance(parent, ast.Subscript))


def replace(
    rng: random.Random,
    program: Program,
    fits: Callable[[ast.expr, ast.AST], bool],
    options: tuple[str, ...] | list[str],
    what: str,
    *,
    illegal: bool = False,
) -> Mutant | None:
    places = []
    for i, line in enumerate(program.lines):
        tree = ast.parse(line)
        for parent, put, node in _places(tree.body[0].value):  # type: ignore[attr-defined]
            if fits(node, parent):
                places.append((i, tree, put))
    if not places:
        return None
    i, tree, put = rng.choice(places)
    later = set(declared(Program(("", *program.lines[i:]))))
    known = [o for o in options if not later & set(re.findall(r"\w+", o))]
    if not known:
        return None
    put(ast.parse(rng.choice(known), mode="eval").body)
    return with_line(program, i, tree, what, illegal)


def _places(root: ast.AST) -> Iterator[tuple[ast.AST, Callable[[ast.expr], None], ast.expr]]:
    """Every expression below: its parent, how to put another in its place, and itself; not what is called."""
    for parent in ast.walk(root):
        for field, value in ast.iter_fields(parent):
            if isinstance(parent, ast.Attribute) or field in ("func", "ctx"):
                continue
            if isinstance(value, ast.expr):
                yield parent, lambda new, p=parent, f=field: setattr(p, f, new), value
            elif isinstance(value, list) and field in ("args", "elts"):
                for i, node in ((i, v) for i, v in enumerate(value) if isinstance(v, ast.expr)):
                    yield parent, lambda new, v=value, i=i: v.__setitem__(i, new), node


def calls(program: Program) -> Iterator[tuple[int, ast.Module, ast.Call]]:
    for i, line in enumerate(program.lines):
        tree = ast.parse(line)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield i, tree, node


def edit_call(rng: random.Random, program: Program, what: str, change: Callable[[list, int], object]) -> Mutant | None:
    places = [(i, tree, call.args) for i, tree, call in calls(program) if call.args]
    places += [(i, tree, call.keywords) for i, tree, call in calls(program) if call.keywords and what == "left out"]
    i, _, values = rng.choice(places)
    change(values, rng.randrange(len(values)))
    tree = next(t for j, t, v in places if v is values)
    return with_line(program, i, tree, what)


def with_line(program: Program, i: int, tree: ast.Module, what: str, illegal: bool = False) -> Mutant:
    lines = (*program.lines[:i], ast.unparse(tree), *program.lines[i + 1 :])
    return Mutant(Program(lines), i, what, illegal)
