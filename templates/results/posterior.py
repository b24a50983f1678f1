"""Draws from q as a stand-alone NumPy module: one function a factor, along the chain rule of its density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cavi.derive import CaviError, Derived, Update
from cavi.derive.cells import latents_at_cells
from cavi.derive.result import Integral
from cavi.templates.numpy import draws, helpers
from cavi.templates.numpy.gibbs import SamplerWriter
from cavi.templates.numpy.integrals import NODES_OF, sampler
from cavi.templates.numpy.names import quote
from cavi.templates.numpy.view import known_variables
from cavi.templates.source import python_source


@dataclass(frozen=True)
class DrawView:
    """How one factor is drawn."""

    name: str
    function: str
    body: tuple[str, ...]


@dataclass(frozen=True)
class PosteriorView:
    """The generated module."""

    title: str
    imports: tuple[str, ...]
    helpers: tuple[str, ...]
    draws: tuple[DrawView, ...]
    points: tuple[str, ...]
    categories: tuple[str, ...]
    reads: tuple[str, ...]
    variables: tuple[tuple[str, dict[str, Any]], ...]
    sizes: tuple[str, ...]
    log_joint: tuple[str, ...]
    blocked: bool
    whole_data: bool


def render_posterior(derived: Derived) -> str:
    """Source of a module that draws from the factors of a fit; needs only NumPy and SciPy.

    Raises:
        CaviError: for a factor of a family that is not drawn.
    """
    return python_source("results/posterior.py.jinja", m=posterior_view(derived))


def posterior_view(derived: Derived) -> PosteriorView:
    """Everything that the template prints; what bounds and augmentations brought is left out, and single cells."""
    writer = PosteriorWriter(derived, ())
    follow = latents_at_cells(derived)
    auxiliary = follow | {name for r in derived.relaxations for name in r.variables}
    mine = [u for u in derived.updates if not set(u.factor.latents) <= auxiliary]
    found = tuple(writer.draw(u) for u in mine if not u.factor.point)
    used = {key for keys in writer.reads.values() for key in keys if isinstance(key, str)}
    log_joint = () if derived.relaxations or follow else writer.log_joint()
    latents = [n for u in mine for n in u.factor.latents]
    imports = helpers.imports(writer.helpers)
    if writer.families & set(draws.SPECIAL) and "from scipy import special" not in imports:
        imports.insert(0, "from scipy import special")
    variables = {name: derived.model.variable(name) for name in latents}
    return PosteriorView(
        title=derived.model.title,
        imports=tuple(imports),
        helpers=(
            *(helpers.SOURCES[h].strip("\n") for h in helpers.closure(writer.helpers)),
            *draws.sources(writer.families),
        ),
        draws=found,
        points=tuple(n for u in mine if u.factor.point for n in u.factor.latents),
        categories=tuple(
            n for n, v in variables.items() if v.distribution is not None and v.distribution.family == "Categorical"
        ),
        reads=tuple(sorted(used - set(latents))),
        variables=known_variables(derived),
        sizes=derived.model.sizes,
        log_joint=log_joint,
        blocked="blocks" in helpers.closure(writer.helpers),
        whole_data=not follow,
    )


class PosteriorWriter(SamplerWriter):
    """Writes the bodies that draw the latents of a factor, given its parameters."""

    def draw(self, update: Update) -> DrawView:
        """How a factor is drawn."""
        name = update.factor.name
        function = f"draw_{name.replace(',', '_')}"
        scope, local, body = self.scope(f"draw {name}"), set[str](), list[str]()
        if update.numeric:
            value = next(f.value for f in update.formulas if isinstance(f.value, Integral))
            target = f"state.samplers[{quote(name)}]"
            made = list(sampler(value, scope, self.names, update.factor.plates, target))
            nodes = {self.names["parameter", n, x] for n, support in value.supports for x in NODES_OF[support]}
            made = [*self._unpack(scope, nodes), *made]
            body.append(f"if {quote(name)} not in state.samplers:  # the same for all draws")
            body.extend(f"    {line}" for line in made)
            drawn = ", ".join(f"state.values[{quote(n)}]" for n in update.factor.latents)
            return DrawView(name, function, (*body, f"{drawn} = {target}(rng)"))
        for link in update.density:
            if link.family not in draws.DRAWS:
                raise CaviError(f"q({link.latent}) is {link.family}, which is not drawn; use the parameters of the fit")
            variable = self.names[link.latent]
            body.extend(self._draw(link, scope, variable))
            local.add(variable)
            body.append(f"state.values[{quote(link.latent)}] = {variable}")
        return DrawView(name, function, (*self._unpack(scope, local), *body))
