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
    if len(terms) == 1:
        return [f"{left} {code}{end}{tail}"]
    return [f"{left} (", *(f"    {t}" for t in terms), f"){end}{tail}"]


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
