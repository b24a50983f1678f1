"""Identities for a declared model: its data and latents in the places of x and z, and its factorisation.

The abstract derivation is run again with the model's own variables. A line that has the ELBO in it goes on
to the densities of the model's nodes and the entropies of its factors, the terms of ``derived.elbo``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from cavi.derive.derivation import Rule
from cavi.derive.errors import CaviError
from cavi.derive.identities.algebra import LOG_OF_PRODUCT
from cavi.derive.identities.assumptions import Factorises
from cavi.derive.identities.catalogue import load, takes
from cavi.derive.identities.expectations import LINEAR
from cavi.derive.identities.language import Density, Elbo, Entropy, Expect, Variable
from cavi.derive.identities.proof import EARLIER, Identity, Proof
from cavi.derive.identities.rewriting import Rewrite
from cavi.derive.identities.setting import Setting, Split
from cavi.derive.names import suggestion
from cavi.derive.term import Element, Indicator

if TYPE_CHECKING:
    from cavi.derive.result import Derived

NODES = Rule(
    "factorisation of the model",
    "The joint density is the product of the densities of the nodes, each given its parents.",
    source="Bishop (2006), 8.5",
)
FACTORS = Rule(
    "factorisation of q",
    "The latents of different factors are independent under q, so entropies add, and an expectation needs only the "
    "factors of the latents that occur in it.",
    source="Bishop (2006), 10.5",
)


def setting_of(roles: Mapping[str, str]) -> Setting:
    """The setting of a model, from its nodes and their roles; points are parameters."""
    by_role: dict[str, list[str]] = {"observed": [], "latent": [], "point": []}
    for name, role in roles.items():
        if role in by_role:
            by_role[role].append(name)
    return Setting(
        tuple(map(Variable, by_role["observed"])),
        tuple(map(Variable, by_role["latent"])),
        tuple(sympy.Symbol(n, real=True) for n in by_role["point"]),
    )


def instance(derived: Derived, name: str, parameter: str | None = None, factor: str | None = None) -> Identity:
    """An identity of the catalogue with the variables of a derived model; see `Derived.identity`."""
    setting = setting_of(derived.elbo.roles)
    if parameter is not None:
        setting = _first(setting, parameter)
    if not setting.z:
        raise CaviError(f"{derived.model.name} has no latent variables with a density, so no bound and no identity")
    if takes(name) is Split:
        return load(name, _split(derived, setting, factor))
    if factor is not None:
        raise CaviError(f"the identity {name} is not about one factor of q; leave out factor={factor!r}")
    found = load(name, setting)
    if not found.start.has(Elbo) and not found.end.has(Elbo):
        return found
    return _in_terms(found, derived, setting)


def _split(derived: Derived, setting: Setting, factor: str | None) -> Split:
    """The latents of one factor, the first one if none is named, and the others."""
    blocks = [f for f in derived.factors if not f.point]
    if len(blocks) < 2:
        raise CaviError(f"q of {derived.model.name} has a single factor; a mean-field identity needs at least two")
    named = {n: f for f in blocks for n in (f.name, *f.latents)}
    if factor is not None and factor.replace(" ", "") not in named:
        raise CaviError(f"no factor {factor!r}; {suggestion(factor, named)}")
    own = named[factor.replace(" ", "")].latents if factor is not None else blocks[0].latents
    rest = tuple(v for v in setting.z if v.name not in own)
    return Split(setting.x, tuple(v for v in setting.z if v.name in own), rest)


def _first(setting: Setting, parameter: str) -> Setting:
    """The setting with one parameter first: the one that gradients are taken in."""
    by_name = {s.name: s for s in setting.parameters}
    if parameter not in by_name:
        raise CaviError(f"no point parameter {parameter!r}; {suggestion(parameter, by_name)}")
    rest = tuple(s for s in setting.parameters if s.name != parameter)
    return replace(setting, parameters=(by_name[parameter], *rest))


def _in_terms(found: Identity, derived: Derived, setting: Setting) -> Identity:
    """The identity with its ELBO written out by nodes and factors, where its last line has one."""
    nodes = _nodes(derived, setting)
    factors = tuple(Density("q", tuple(Variable(n) for n in f.latents)) for f in derived.factors if not f.point)
    assumptions = [*found.assumptions, Factorises(setting.joint, nodes)]
    if len(factors) > 1:
        assumptions.append(Factorises(setting.q, factors))
    bound = Elbo(setting.q, setting.joint)
    proof = Proof(found.start, found.steps)
    if found.end.has(bound):
        energy = Expect(sympy.log(setting.joint), setting.q) + Entropy(setting.q)
        proof = proof.by(Rewrite(EARLIER, lambda e: energy if e == bound else None))
        if len(nodes) > 1:
            proof = proof.by(_factorisation(setting.joint, nodes), LOG_OF_PRODUCT, LINEAR)
        if len(factors) > 1:
            proof = proof.by(_independence(setting.q, factors))
    return replace(found, steps=proof.steps, assumptions=tuple(assumptions))


def _nodes(derived: Derived, setting: Setting) -> tuple[Density, ...]:
    """p(node | parents; point parameters) for every node that is random in the setting."""
    random = {v.name: v for v in (*setting.x, *setting.z)}
    points = {s.name: s for s in setting.parameters}
    found = []
    for name, log_density in derived.log_density.items():
        if name not in random:
            continue
        used = {a.name for a in log_density.atoms() if isinstance(a, Element | Indicator)}
        parents = tuple(v for n, v in random.items() if n in used and n != name)
        found.append(Density("p", (random[name],), parents, tuple(s for n, s in points.items() if n in used)))
    for variable in derived.model.variables:
        # What is observed as a sum of latents has no density of its own, but it depends on them.
        if variable.constraint is not None and variable.name in random:
            used = {r.name for r in variable.constraint.refs()}
            parents = tuple(v for n, v in random.items() if n in used)
            found.append(Density("p", (random[variable.name],), parents))
    return tuple(found)


def _factorisation(joint: Density, nodes: tuple[Density, ...]) -> Rewrite:
    return Rewrite(NODES, lambda e: sympy.Mul(*nodes) if e == joint else None)


def _independence(q: Density, factors: tuple[Density, ...]) -> Rewrite:
    def change(e: sympy.Expr) -> sympy.Expr | None:
        if e == Entropy(q):
            return sympy.Add(*map(Entropy, factors))
        if isinstance(e, Expect) and e.law == q:
            used = [f for f in factors if set(f.variables) & e.body.free_symbols]
            body = e.body
            for f in reversed(used):
                body = Expect(body, f)
            return body if len(used) < len(factors) else None
        return None

    return Rewrite(FACTORS, change)
