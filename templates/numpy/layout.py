"""Long assignments over several lines, one term a line."""

from __future__ import annotations

import textwrap

WIDTH = 96


def assign(left: str, code: str, comment: str = "", end: str = "") -> list[str]:
    """``left code  # comment``; a long sum is broken before its signs."""
    tail = f"  # {comment}" if comment else ""
    if len(left) + len(code) <= WIDTH:
        return [f"{left} {code}{end}{tail}"]
    terms = split_terms(code)
    if len(terms) == 1 and (parts := _of_a_sum(code)) is not None:
        function, inner = parts
        return [f"{left} {function}(", *(f"    {t}" for t in inner), f"){end}{tail}"]
    if len(terms) == 1:
        return [f"{left} {code}{end}{tail}"]
    return [f"{left} (", *(f"    {t}" for t in terms), f"){end}{tail}"]


def _of_a_sum(code: str) -> tuple[str, list[str]] | None:
    """A function and the lines of its arguments, of which the first is a sum, one term a line."""
    function, _, inside = code.partition("(")
    if not inside.endswith(")") or not function.replace(".", "_").isidentifier():
        return None
    first, *others = _arguments(inside[:-1])
    terms = split_terms(first)
    if len(terms) == 1 or first.count("(") != first.count(")"):
        return None
    return function, [*terms[:-1], f"{terms[-1]},", ", ".join(others)] if others else terms


def _arguments(code: str) -> list[str]:
    """What stands between the commas that are in no brackets."""
    depth, start, found = 0, 0, []
    for position, c in enumerate(code):
        depth += (c in "([{") - (c in ")]}")
        if depth == 0 and c == ",":
            found.append(code[start:position].strip())
            start = position + 1
    return [*found, code[start:].strip()]


def call(function: str, arguments: list[str], end: str = "") -> list[str]:
    """``function(arguments)``, the arguments over several lines where they are many."""
    whole = f"{function}({', '.join(arguments)}){end}"
    if len(whole) <= WIDTH:
        return [whole]
    lines = textwrap.wrap(", ".join(arguments), WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"{function}(", *(f"    {line}" for line in lines), f"){end}"]


def split_terms(code: str) -> list[str]:
    """The terms of a sum, each with its sign but the first."""
    depth, start, terms = 0, 0, []
    for position, c in enumerate(code):
        depth += c in "([{"
        depth -= c in ")]}"
        if depth == 0 and position > start and code[position : position + 3] in (" + ", " - "):
            terms.append(code[start:position].strip())
            start = position + 1
    terms.append(code[start:].strip())
    return terms
