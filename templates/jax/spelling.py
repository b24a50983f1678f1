"""Statements of the NumPy module as JAX spells them.

Both targets compute the same array expressions; they differ in the name of the namespace, in how a truth value under a
trace becomes a number, in how some rows are taken, and in that a state is not changed but followed by the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r", optimize=True\)", ")"),
        (r", copy=False\)", ")"),
        (r"\bnp\.", "jnp."),
        (r"\bfloat\(", "jnp.float64("),
        (r'(state\.\w+\["[^"]+"\](?:\["[^"]+"\])?)\[rows\]', r"taken(\1, rows)"),
        (r"^(\s*)state\.store\(", r"\1state = state.store("),
        (r"^(\s*)state\.refresh\(", r"\1return state.refresh("),
    )
)
_CALL = re.compile(r"\b([a-z]\w*)\(state\)")


def spelled(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines with every rule applied."""
    return tuple(map(one, lines))


def named(codes: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Names and expressions, these with every rule applied."""
    return tuple((name, one(code)) for name, code in codes)


def one(line: str) -> str:
    """A line with every rule applied."""
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    return line


def hoisted(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """What a loop reads of the state, as statements before it, and the lines of the loop that use them.

    A sum over the data is kept by the state that it is of. Inside a loop it would belong to one turn of the loop.
    """
    lines = list(lines)
    names = dict.fromkeys(n for line in lines for n in _CALL.findall(line))
    return [f"{n}_now = {n}(state)" for n in names], [_CALL.sub(r"\1_now", line) for line in lines]
