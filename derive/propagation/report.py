"""``print(propagation)``: the whole result as Unicode text for a terminal."""

from __future__ import annotations

from cavi.derive.propagation.natural import Component
from cavi.derive.propagation.result import Propagation
from cavi.derive.propagation.sites import Site
from cavi.derive.report import formula_text
from cavi.derive.result import Formula
from cavi.derive.term import from_atom
from cavi.derive.text import name_text, show


def report(p: Propagation) -> str:
    """Model, the form of q, the Gaussian part, every site with its step, and the evidence."""
    title = "expectation propagation" if p.power == 1 else f"power expectation propagation, α = {p.power}"
    parts = [str(p.model), f"\n{title}: q({', '.join(map(name_text, p.latents))}) = Normal", *gaussian_lines(p)]
    for site in p.sites:
        parts += ["", *site_lines(p, site)]
    parts.append("\nlog Z_EP = sum of")
    parts += [f"  {name_text(t.name)}: {show(t.value, p.model.indices)}" for t in p.evidence]
    exact = "there is no site, so that q and the evidence are exact" if p.is_exact else "an approximation, and no bound"
    return "\n".join([*parts, f"  ({exact})"])


def gaussian_lines(p: Propagation) -> list[str]:
    """The natural parameters of the Gaussian part."""
    return [f"  {line}" for c in p.gaussian.components for line in _component_lines(p, c)]


def _component_lines(p: Propagation, c: Component) -> list[str]:
    lines = []
    for v in c.latents:
        lines.append(formula_text(Formula(v.name, "linear", v.indices, c.linear[v.name], "auxiliary"), p.model.indices))
    for (first, second), value in c.precision.items():
        name = "precision" if first == second else f"precision with {second}"
        lines.append(f"{name_text(first)}.{name} = {show(value, p.model.indices)}")
    return lines


def site_lines(p: Propagation, site: Site) -> list[str]:
    """A site, and one step for it."""
    method = p.moments[p.sites.index(site)].method
    declared = p.model.indices
    over = f" for each {', '.join(i.name for i in site.plates)}" if site.plates else ""
    return [
        f"site of {site.name}{over}: exp({show(site.function, declared)})",
        f"  {show(from_atom(site.hole))} = {show(site.scalar.whole, declared)}",
        f"  moments of the tilted density: {method}",
        *(f"  {formula_text(f, declared)}" for f in p.formulas(site)),
    ]
