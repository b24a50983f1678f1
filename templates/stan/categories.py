"""Which categories can be summed out where they stand: found from who refers to them, and at which elements.

Latents that one density mentions together are summed out together. An element of such a group must be all that an
element of any density depends on: ``mu[z[n]]`` and ``T[patient[n]]`` are, ``B[z[i], z[j]]`` and Σ_n eta[z[n]] are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cavi.derive.errors import CaviError
from cavi.derive.expression import AnySub, Condition, Expr, Selector, SumOver
from cavi.derive.index import Gather, Index, Shift
from cavi.derive.model import Model, Variable

DISCRETE = ("Categorical", "Bernoulli")


@dataclass(frozen=True)
class Group:
    """Latents that are summed out together, and the densities that depend on them.

    Attributes:
        latents: in order of declaration; a chain is alone.
        dependents: each with the subscripts at which it mentions the latents.
    """

    latents: tuple[Variable, ...]
    dependents: tuple[tuple[Variable, tuple[AnySub, ...]], ...]

    @property
    def chain(self) -> Variable | None:
        """The chain, if it is one."""
        return self.latents[0] if self.latents[0].chain is not None else None


def discrete(v: Variable) -> bool:
    """Whether it is a latent that takes finitely many values."""
    return v.role in ("latent", "point") and v.distribution is not None and v.distribution.family in DISCRETE


def groups(model: Model) -> tuple[Group, ...]:
    """The categories of a model in groups that are summed out together.

    Raises:
        CaviError: where an element of a density depends on several elements of them.
    """
    latents = {v.name: v for v in model.variables if discrete(v)}
    mentions = {v.name: _mentions(v, set(latents)) for v in model.nodes()}
    found: list[set[str]] = []
    for name in latents:
        together = {name} | {m for m, _ in mentions[name]}
        for v, own in mentions.items():
            if name in {m for m, _ in own}:
                together |= {m for m, _ in own} | ({v} & set(latents))
        joined = [g for g in found if g & together]
        found = [g for g in found if not g & together] + [together.union(*joined)]
    return tuple(_group(model, tuple(v for n, v in latents.items() if n in names), mentions) for names in found)


def _group(
    model: Model, latents: tuple[Variable, ...], mentions: dict[str, list[tuple[str, tuple[AnySub, ...]]]]
) -> Group:
    names = {v.name for v in latents}
    if len(latents) > 1 and any(v.chain is not None for v in latents):
        raise CaviError(
            f"Stan: {' and '.join(sorted(names))} cannot be summed out: a chain of categories depends on other "
            "categories, and its forward algorithm would run over all their combinations; use NumPyro or m.gibbs()"
        )
    if len({len(v.plates) for v in latents}) > 1:
        raise CaviError(f"Stan: {' and '.join(sorted(names))} meet in one density, but their plates differ")
    dependents = []
    for v in model.nodes():
        places = {subs for name, subs in mentions[v.name] if name in names}
        if not places or (v.name in names and v.chain is not None):
            continue
        if len(places) > 1 or _several(v, names):
            raise CaviError(
                f"Stan: {' and '.join(sorted(names))} cannot be summed out: an element of {v.name} depends on several "
                "elements at once; use NumPyro or m.gibbs()"
            )
        (subs,) = places
        if v.name in names and subs != v.plates:
            raise CaviError(f"Stan: {v.name} depends on categories at other elements than its own")
        if any(not isinstance(s, Index) and (len(latents) > 1 or latents[0].chain) for s in subs):
            raise CaviError(f"Stan: {' and '.join(sorted(names))} cannot be summed out through {v.name}: by {subs}")
        if v.name not in names:
            dependents.append((v, subs))
    return Group(latents, tuple(dependents))


def expressions(v: Variable) -> Iterator[Expr]:
    """Every expression of a density."""
    for d in (v.distribution, v.chain.initial if v.chain else None):
        if d is not None:
            yield from d.args.values()


def _mentions(v: Variable, names: set[str]) -> list[tuple[str, tuple[AnySub, ...]]]:
    """The latents of the names that the density of a node mentions beside its own value, each with its subscripts."""
    found = []
    for expr in expressions(v):
        for ref in expr.refs():
            found += [(ref.name, ref.subs)] if ref.name in names else []
            found += [m for s in ref.subs for m in _in_subscript(s, names)]
    if v.chain is not None:  # the element before is the chain's own affair
        return [(n, tuple(s.base if isinstance(s, Shift) else s for s in subs)) for n, subs in found if n != v.name]
    return found


def _in_subscript(sub: AnySub, names: set[str]) -> Iterator[tuple[str, tuple[AnySub, ...]]]:
    match sub:
        case Selector() | Gather():
            if sub.name in names:
                yield sub.name, sub.subs
            for s in sub.subs:
                yield from _in_subscript(s, names)


def _several(v: Variable, names: set[str]) -> bool:
    """Whether an element of the node depends on a latent at an index that is summed over, or of its own value."""
    summed: set[Index] = set()

    def look(expr: Expr) -> None:
        if isinstance(expr, SumOver):
            summed.add(expr.index)
        for child in expr.children:
            look(child)

    for expr in expressions(v):
        look(expr)
    free = set(v.plates)
    return any(Condition("", subs).free() - free for _, subs in _mentions(v, names))
