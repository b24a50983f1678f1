"""Makes a faulty random program smaller while its fault stays: lines, plates, keywords and terms are left out."""

import ast
import re
import time
from collections.abc import Callable, Iterator

from random_drive import STAGES, Outcome, settle
from random_scope import Program

Test = Callable[[Program], bool]


def shrink(program: Program, fails: Test, seconds: float = 120.0) -> Program:
    """The smallest program reached by single steps that each keep `fails` true, within a time."""
    end = time.process_time() + seconds
    found = True
    while found:
        found = False
        for smaller in reductions(program):
            if time.process_time() > end:
                return program
            if fails(smaller):
                program, found = smaller, True
                break
    return program


def reductions(program: Program) -> Iterator[Program]:
    """Every program one step smaller, the largest steps first."""
    for i in range(len(program.lines) - 1, 0, -1):
        yield from _without(program, i)
    for i, line in reversed(list(enumerate(program.lines))):
        for shorter in sorted(set(_simpler(line)), key=len):
            if len(shorter) < len(line):
                yield _tidy(Program((*program.lines[:i], shorter, *program.lines[i + 1 :])))


def _without(program: Program, i: int) -> Iterator[Program]:
    """Leave out a declaration, with what refers to it or with a number in its place."""
    names = _bound(program.lines[i])
    if not names or "derived" in names:
        return
    gone, kept = set(names), []
    for line in program.lines[:i] + program.lines[i + 1 :]:
        if gone & _words(line) and _bound(line) - {"derived"}:
            gone |= _bound(line)
        else:
            kept.append(line)
    if not gone & _words(kept[-1]):
        yield _tidy(Program(tuple(kept)))
    else:
        yield _tidy(Program((*kept[:-1], "derived = derive(m)")))
    numbered = [_number_for(line, names) for line in program.lines[:i] + program.lines[i + 1 :]]
    if not any(names & _words(line) for line in numbered):
        yield _tidy(Program(tuple(numbered)))


def _tidy(program: Program) -> Program:
    """Without the indices and known data that nothing refers to."""
    lines = list(program.lines)
    for i in range(len(lines) - 1, 0, -1):
        known = re.search(r"= m\.(index|hyper|covariate|observed_index)\(", lines[i])
        if known and not _bound(lines[i]) & {w for line in lines[i + 1 :] for w in _words(line)}:
            del lines[i]
    return Program(tuple(lines))


def _words(line: str) -> set[str]:
    return set(re.findall(r"\w+", line))


def _bound(line: str) -> set[str]:
    left = line.partition(" = ")[0]
    return set(re.findall(r"\w+", left))


def _number_for(line: str, names: set[str]) -> str:
    """The line with a number in place of every element of the variables."""

    class Put(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
            if isinstance(node.value, ast.Name) and node.value.id in names:
                return ast.Constant(1)
            return self.generic_visit(node)

        def visit_Name(self, node: ast.Name) -> ast.AST:
            return ast.Constant(1) if node.id in names else node

    return ast.unparse(Put().visit(ast.parse(line)))


def _simpler(line: str) -> Iterator[str]:
    """The line with one expression smaller: an argument or index left out, or a part in place of the whole."""
    tree = ast.parse(line)
    statement = tree.body[0]
    if not isinstance(statement, ast.Assign):
        return
    for node in list(ast.walk(statement.value)):
        for change, restore in _edits(node):
            change()
            yield ast.unparse(tree)
            restore()


def _edits(node: ast.AST) -> Iterator[tuple[Callable[[], object], Callable[[], object]]]:
    """Pairs of a change of a node in place and its undoing."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, list) and field in ("args", "keywords", "elts"):
            for i in range(len(value)):
                yield (
                    lambda v=value, i=i: v.__delitem__(i),
                    lambda v=value, i=i, old=value[i]: v.insert(i, old),
                )
                if field != "keywords":
                    for part in _parts(value[i]):
                        yield (
                            lambda v=value, i=i, p=part: v.__setitem__(i, p),
                            lambda v=value, i=i, old=value[i]: v.__setitem__(i, old),
                        )
        elif isinstance(value, ast.expr) and field != "func":
            for part in _parts(value):
                yield (
                    lambda f=field, p=part: setattr(node, f, p),
                    lambda f=field, old=value: setattr(node, f, old),
                )


def _parts(node: ast.expr) -> list[ast.expr]:
    """What may stand in place of an expression: the number one, or one of its parts."""
    if isinstance(node, ast.Constant):
        return [ast.Constant(1)] if isinstance(node.value, float) else []
    parts: list[ast.expr] = [] if isinstance(node, ast.Lambda) else [ast.Constant(1)]
    match node:
        case ast.BinOp():
            parts += [node.left, node.right]
        case ast.Call():
            parts += node.args
        case ast.List() | ast.Tuple():
            parts += node.elts
    return parts


def same_fault(outcome: Outcome) -> Test:
    """Whether a program ends at the same stage with the same kind of fault; only that stage is run."""
    stages = ("derive", outcome.stage) if outcome.stage in STAGES[1:] else ("derive",)
    return lambda program: settle(program, stages).signature == outcome.signature
