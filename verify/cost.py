"""How much work a claim asks for: nested sums over the sizes of an instance.

A certificate may come from anywhere, and a few nested sums can ask for more terms than a computer ever adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TERMS = 20_000_000


def terms(e: Any, sizes: Mapping[str, int]) -> int:
    """The number of terms that evaluating every expression inside plain data adds up, at most about `MAX_TERMS`."""
    if isinstance(e, dict):
        e = list(e.values())
    if not isinstance(e, list):
        return 0
    inside = 1
    for part in e:
        inside += terms(part, sizes)
    if e[:1] == ["sum"]:
        bound = e[1]
    elif e[:1] in (["logdet"], ["inverse"]):
        bound = e[1:3]
    else:
        bound = []
    for _, size in bound:
        inside *= int(size) if size.isdigit() else sizes.get(size, 1)
        if inside > MAX_TERMS:
            return inside
    return inside
