"""Everything that the templates of a propagation's module print, decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cavi.derive import Propagation
from cavi.derive.propagation.report import gaussian_lines, site_lines
from cavi.derive.text import show
from cavi.templates.numpy import helpers
from cavi.templates.numpy.view import known_variables, usage, wrapped
from cavi.templates.propagation.writer import ComponentView, FunctionView, SiteView, SiteWriter


@dataclass(frozen=True)
class ModuleView:
    """The generated module."""

    name: str
    title: str
    power: str
    declaration: tuple[str, ...]
    equations: tuple[str, ...]
    usage: tuple[str, ...]
    imports: tuple[str, ...]
    helpers: tuple[str, ...]
    variables: tuple[tuple[str, dict[str, Any]], ...]
    parameters: tuple[tuple[str, dict[str, Any]], ...]
    latents: tuple[tuple[str, tuple[str, ...]], ...]
    sizes: tuple[str, ...]
    functions: tuple[FunctionView, ...]
    components: tuple[ComponentView, ...]
    sites: tuple[SiteView, ...]
    support: tuple[str, ...]
    quadrature: bool
    order: tuple[str, ...]
    precision: bool


def module_view(p: Propagation) -> ModuleView:
    """The view of a propagation."""
    writer = SiteWriter(p)
    components, sites = tuple(writer.components()), tuple(writer.sites())
    writer.constant()
    support = writer.support()
    lines = [*gaussian_lines(p)]
    for s in p.sites:
        lines += ["", *(f"  {line}" for line in site_lines(p, s))]
    lines += ["", "  log Z_EP, the sum of", *(f"    {t.name}: {show(t.value, p.model.indices)}" for t in p.evidence)]
    parameters = tuple(
        (s.name, {n: {"axes": s.axes, "domain": "real", "role": "standard"} for n in ("linear", "precision")})
        for s in sites
    )
    return ModuleView(
        name=p.model.name,
        title=p.model.title,
        power=_exact(p),
        declaration=tuple(str(p.model).splitlines()[1:]),
        equations=tuple(w for line in lines for w in (wrapped(line) or [""])),
        usage=usage(p.model),
        imports=tuple(helpers.imports(writer.helpers, ())),
        helpers=tuple(helpers.sources(writer.helpers, helpers.NUMPY)),
        variables=known_variables(writer.derived),
        parameters=parameters,
        latents=tuple((n, tuple(i.size for i in p.model.variable(n).indices)) for n in p.latents),
        sizes=p.model.sizes,
        functions=tuple(writer.functions),
        components=components,
        sites=sites,
        support=support,
        quadrature=any(t.method == "quadrature" for t in p.moments),
        order=p.latents,
        precision=len(p.latents) == 1 and not components[0].covariance,
    )


def _exact(p: Propagation) -> str:
    return repr(float(p.power))
