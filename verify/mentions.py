"""Which elements of latents an expression depends on at a binding of its indices.

A latent category that selects (``mu[z[n]]``) makes the answer depend on its value: it must be assigned, or
`Undecided` names it so that the caller can branch over its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cavi.verify.arithmetic import to_int
from cavi.verify.claim import Element
from cavi.verify.evaluate import Binding, Plain, bindings, evaluate

if TYPE_CHECKING:
    from cavi.verify.state import State


class Undecided(Exception):
    """The value of this latent category must be assigned first."""

    def __init__(self, element: Element) -> None:
        super().__init__(f"{element} is not assigned")
        self.element = element


def mentioned(
    e: Plain | Any, state: State, binding: Binding, assigned: Mapping[Element, int] | None = None
) -> set[Element]:
    """The elements of latents in an expression.

    Raises:
        Undecided: for a selecting latent without an assigned value.
    """
    assigned = assigned or {}
    found: set[Element] = set()
    match e:
        case ["ref", name, subs]:
            at = tuple(position(s, state, binding, assigned) for s in subs)
            if state.claim.is_random(name):
                found.add((name, at))
        case ["is", name, subs, category]:
            at = tuple(position(s, state, binding, assigned) for s in subs)
            position(category, state, binding, assigned)
            if state.claim.is_random(name):
                found.add((name, at))
        case ["sum", axes, body]:
            for inner in bindings(axes, state.sizes, binding):
                found |= mentioned(body, state, inner, assigned)
        case ["mul", factors]:
            if any(vanishes(f, state, binding, assigned) for f in factors):
                return set()
            for f in factors:
                found |= mentioned(f, state, binding, assigned)
        case ["add", terms] | ["fn", _, terms]:
            for t in terms:
                found |= mentioned(t, state, binding, assigned)
        case ["logdet" | "inverse", row, column, body, *_]:
            for inner in bindings([row, column], state.sizes, binding):
                found |= mentioned(body, state, inner, assigned)
        case ["pow", base, _]:
            found |= mentioned(base, state, binding, assigned)
    return found


def vanishes(e: Plain, state: State, binding: Binding, assigned: Mapping[Element, int]) -> bool:
    """Whether a factor that depends on known positions only is zero."""
    match e:
        case ["delta", left, right]:
            return position(left, state, binding, assigned) != position(right, state, binding, assigned)
        case ["before", left, right]:
            return position(left, state, binding, assigned) >= position(right, state, binding, assigned)
        case ["link", _]:
            return bool(evaluate(e, state, binding) == 0)
        case ["mul", factors]:
            if any(vanishes(f, state, binding, assigned) for f in factors):
                return True
            return any(f[0] == "link" for f in factors) and bool(evaluate(e, state, binding) == 0)
    return False


def position(s: Plain, state: State, binding: Binding, assigned: Mapping[Element, int]) -> int:
    """The position that a subscript points at."""
    match s:
        case ["index", name, _]:
            return binding[name]
        case ["int", value, _]:
            return int(value)
        case ["shift", inner, k]:
            return position(inner, state, binding, assigned) + int(k)
        case ["gather" | "select", name, subs, _]:
            at = tuple(position(i, state, binding, assigned) for i in subs)
            if not state.claim.is_random(name):
                return to_int(state.known[name][at])
            if (name, at) not in assigned:
                raise Undecided((name, at))
            return assigned[name, at]
    raise ValueError(f"no rule for the subscript {str(s)[:80]}")
