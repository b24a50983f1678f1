"""Statements of a function body that something after them reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# A statement that draws, returns or writes to the state is wanted for itself.
_WANTED = re.compile(
    r"\b(return|rng|yield|raise)\b|\bstate(\.\w+)?(\[[^\]]*\])* = |\bstate\.(store|keep|refresh|changed)\b"
)
_ASSIGNED = re.compile(r"(\w+(?:, \w+)*) = ")
_FILLED = re.compile(r"\s+(\w+)(?:\[.*\])? [-+*/@]?= ")
_BRANCH = re.compile(r"\s+(for|if|elif|else|while|continue|#)\b")
_NAME = re.compile(r"\w+")


def alive(body: Iterable[str]) -> tuple[str, ...]:
    """The body without statements that assign what is not read after them.

    A statement is a line with the indented lines below it. A loop is left out if nothing that it fills is read.
    """
    read: set[str] = set()
    kept: list[tuple[str, ...]] = []
    for statement in reversed(list(_statements(body))):
        made = _made(statement)
        if not made or made & read or any(map(_WANTED.search, statement)):
            statement = _sizes(statement, made & read) or statement
            kept.append(statement)
            read |= _read(statement)
    return tuple(line for statement in reversed(kept) for line in statement)


def _statements(body: Iterable[str]) -> Iterator[tuple[str, ...]]:
    statement: list[str] = []
    for line in body:
        if statement and not line.startswith((" ", ")", "]", "}", "else", "elif")):
            yield tuple(statement)
            statement = []
        statement.append(line)
    if statement:
        yield tuple(statement)


def _made(statement: tuple[str, ...]) -> set[str]:
    """The names that a statement assigns or fills; none where it does something else."""
    if (found := _ASSIGNED.match(statement[0])) is not None:
        return set(found[1].split(", "))
    if not statement[0].startswith("for "):
        return set()
    made = set()
    for line in statement[1:]:
        if (found := _FILLED.match(line)) is not None:
            made.add(found[1])
        elif not _BRANCH.match(line):
            return set()
    return made


def _read(statement: tuple[str, ...]) -> set[str]:
    """The names that a statement reads from those before it; not those that it has assigned itself by then."""
    read: set[str] = set()
    assigned: set[str] = set()
    for line in statement:
        found = _ASSIGNED.match(line.lstrip())
        code = line.lstrip()[found.end() :] if found is not None else line
        read |= set(_NAME.findall(code.partition("  #")[0])) - assigned
        if found is not None:
            assigned |= set(found[1].split(", "))
    return read


def _sizes(statement: tuple[str, ...], read: set[str]) -> tuple[str] | None:
    """A line that names sizes, with those alone that are read."""
    names, _, values = statement[0].partition(" = ")
    pairs = list(zip(names.split(", "), values.split(", "), strict=False))
    if len(pairs) < 2 or not all(value == f'state.sizes["{name}"]' for name, value in pairs):
        return None
    return (" = ".join(", ".join(part) for part in zip(*(p for p in pairs if p[0] in read), strict=True)),)
