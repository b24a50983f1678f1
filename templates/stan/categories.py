"""Which categories can be summed out where they stand: found from who refers to them, and at which elements.

Latents that one density mentions together are summed out together. An element of such a group must be all that an
element of any density depends on: ``mu[z[n]]`` and ``T[patient[n]]`` are, ``B[z[i], z[j]]`` and Σ_n eta[z[n]] are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cavi.derive.errors import CaviError
from cavi.derive.expression import AnySub, Condition
from cavi.derive.index import Index
from cavi.derive.model import Model, Variable
from cavi.templates.mentions import Mention, mentions

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
    return v.role == "latent" and v.distribution is not None and v.distribution.family in DISCRETE


def groups(model: Model) -> tuple[Group, ...]:
    """The categories of a model in groups that are summed out together.

    Raises:
        CaviError: where an element of a density depends on several elements of them.
    """
    latents = {v.name: v for v in model.variables if discrete(v)}
    by_node = {v.name: mentions(v, latents) for v in model.nodes()}
    found: list[set[str]] = []
    for name in latents:
        together = {name} | {m for m, _ in by_node[name]}
        for node, mentioned in by_node.items():
            if name in {m for m, _ in mentioned}:
                together |= {m for m, _ in mentioned} | ({node} & set(latents))
        joined = [g for g in found if g & together]
        found = [g for g in found if not g & together] + [together.union(*joined)]
    return tuple(_group(model, tuple(v for n, v in latents.items() if n in names), by_node) for names in found)


def _group(model: Model, latents: tuple[Variable, ...], by_node: Mapping[str, list[Mention]]) -> Group:
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
        places = {subs for name, subs in by_node[v.name] if name in names}
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


def _several(v: Variable, names: set[str]) -> bool:
    """Whether an element of the node depends on a latent at an index that is summed over, or of its own value."""
    return any(Condition("", subs).free() - set(v.plates) for _, subs in mentions(v, names))
