"""Which variables a declared density mentions, and at which subscripts."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cavi.derive.expression import AnySub, Expr, Selector
from cavi.derive.index import Gather, Shift
from cavi.derive.model import Variable

Mention = tuple[str, tuple[AnySub, ...]]


def expressions(v: Variable) -> Iterator[Expr]:
    """Every expression of a density."""
    for d in (v.distribution, v.chain.initial if v.chain else None):
        if d is not None:
            yield from d.args.values()


def mentions(v: Variable, names: Collection[str]) -> list[Mention]:
    """The latents of the names that the density of a node mentions beside its own value, each with its subscripts."""
    found = []
    for expr in expressions(v):
        for ref in expr.refs():
            found += [(ref.name, ref.subs)] if ref.name in names else []
            found += [m for s in ref.subs for m in _in_subscript(s, names)]
    if v.chain is not None:  # the element before is the chain's own affair
        return [(n, tuple(s.base if isinstance(s, Shift) else s for s in subs)) for n, subs in found if n != v.name]
    return found


def _in_subscript(sub: AnySub, names: Collection[str]) -> Iterator[Mention]:
    match sub:
        case Selector() | Gather():
            if sub.name in names:
                yield sub.name, sub.subs
            for s in sub.subs:
                yield from _in_subscript(s, names)
