"""The statements that add the log density of one element of a node to a total."""

from __future__ import annotations

from cavi.derive.expression import AnySub, Condition
from cavi.derive.index import Index
from cavi.derive.model import Variable
from cavi.templates.infix import PRODUCT
from cavi.templates.stan.densities import log_density
from cavi.templates.stan.elements import Elements, indented, nested


def element(v: Variable, e: Elements, total: str) -> list[str]:
    """The statements that add the log density of one element of a node to a total."""
    assert v.distribution is not None
    if v.chain is not None:
        initial, linked = e.inside(), e.inside()
        first = log_density(v, v.chain.initial, initial)
        following = log_density(v, v.distribution, linked)
        factor = "" if v.weight is None else f"{e.write(v.weight, PRODUCT)} * "
        begins = begin(v, e)
        return [
            *e.before,
            f"if ({begins}) {{",
            *indented([*initial.before, f"{total} += {factor}({first});" if factor else f"{total} += {first};"]),
            "} else {",
            *indented([*linked.before, f"{total} += {factor}({following});" if factor else f"{total} += {following};"]),
            "}",
        ]
    if isinstance(v.weight, Condition):
        inner = e.inside()
        value = log_density(v, v.distribution, inner)
        return nested([f"if {e.write(v.weight)}"], [*inner.before, f"{total} += {value};"])
    value = log_density(v, v.distribution, e)
    if v.weight is not None:
        value = f"{e.write(v.weight, PRODUCT)} * ({value})"
    return [*e.before, f"{total} += {value};"]


def begin(v: Variable, e: Elements) -> str:
    """Whether a sequence begins at an element of a chain."""
    assert v.chain is not None
    here = f"{e.at[v.chain.index]} == 1"
    return here if v.chain.starts is None else f"{here} || {e.write(v.chain.starts)} == 1"


def dependent(v: Variable, subs: tuple[AnySub, ...], places: list[str], e: Elements, total: str) -> list[str]:
    """The densities of a node that depend on one element of a latent, which stands at the given places."""
    same = {s: place for s, place in zip(subs, places, strict=True) if isinstance(s, Index)}
    rest = tuple(p for p in v.plates if p not in same)
    at, heads = e.inside(at={**e.at, **same}).loop(*rest)
    inner = e.inside(at=at)
    chosen = [
        f"{inner.position(s)} == {place}" for s, place in zip(subs, places, strict=True) if not isinstance(s, Index)
    ]
    if chosen:
        heads = [*heads, f"if ({' && '.join(chosen)})"]
    return nested(heads, element(v, inner, total))
