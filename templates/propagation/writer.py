"""The functions of a module that are written out for a model: its Gaussian part, its designs, its sites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cavi.derive import Derived, Elbo, Propagation
from cavi.derive.index import Index
from cavi.derive.propagation import Site, Tilted
from cavi.derive.propagation.affine import in_place
from cavi.derive.propagation.natural import Component, design, second_axes
from cavi.derive.term import Element, Polynomial, from_atom
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.functions import Writer
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import python_names, shape_comment

CAVITY = ("cavity_mean", "cavity_variance")
TILTED = ("log_normaliser", "tilted_mean", "tilted_variance")
# The axis of the points at which sites are evaluated.
GRID = Index("grid.", "P")


@dataclass(frozen=True)
class FunctionView:
    """One function: its name, its arguments after the state, what it is in words, its statements."""

    name: str
    arguments: tuple[str, ...]
    title: str
    body: tuple[str, ...]


@dataclass(frozen=True)
class ComponentView:
    """Latents that are coupled: how their natural parameters are put together."""

    latents: tuple[str, ...]
    linear: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]
    covariance: str


@dataclass(frozen=True)
class SiteView:
    """A site: the functions that belong to it and the axes of its plates."""

    name: str
    axes: tuple[str, ...]
    columns: tuple[str, ...]
    offset: str
    log_site: str
    moments: str
    kinks: tuple[str, ...]


class SiteWriter(Writer):
    """Writes functions of what is known, of the points of a grid, and of cavities."""

    def __init__(self, p: Propagation) -> None:
        empty = Derived(p.model, (), p.log_density, (), Elbo((), {}))
        super().__init__(empty, python_names(empty))
        self.propagation = p
        self.names = {**self.names, **{s.variable: s.variable for s in p.sites}}
        taken = {*self.names.values(), *p.model.sizes}
        for s in p.sites:
            for quantity in (*CAVITY, *TILTED):
                name = f"{s.variable}_{quantity}"
                while name in taken:
                    name += "_"
                taken.add(name)
                self.names["parameter", s.variable, quantity] = name
        self.functions: list[FunctionView] = []
        self.blocks: dict[tuple[str, str], str] = {}

    def components(self) -> Iterator[ComponentView]:
        """The latents in coupled groups."""
        for c in self.propagation.gaussian.components:
            yield self._component(c)

    def sites(self) -> Iterator[SiteView]:
        """The sites in order."""
        for s, t in zip(self.propagation.sites, self.propagation.moments, strict=True):
            yield self._site(s, t)

    def constant(self) -> str:
        """The terms of the log joint without latents."""
        value = self.propagation.gaussian.constant
        return self._function("constant", "The terms of the log joint without latents.", value, ())

    def _component(self, c: Component) -> ComponentView:
        linear, rows = [], []
        for v in c.latents:
            title = f"The coefficients of {v.name} in the Gaussian part."
            linear.append(self._function(f"linear_{v.name}", title, c.linear[v.name], v.indices))
        covariance = ""
        if c.covariance is not None:
            (v,) = c.latents
            title = f"The prior covariance of {v.name}."
            covariance = self._function(
                f"covariance_{v.name}",
                title,
                c.covariance,
                (*v.indices, *second_axes(v)),
                (v.indices, second_axes(v)),
            )
        else:
            for a in c.latents:
                rows.append(tuple(self._block(c, a.name, b.name) for b in c.latents))
        return ComponentView(tuple(v.name for v in c.latents), tuple(linear), tuple(rows), covariance)

    def _block(self, c: Component, first: str, second: str) -> str:
        """A part of the precision as an expression over (elements, elements)."""
        if (first, second) not in c.precision:
            if (second, first) in c.precision:
                return f"{self._block(c, second, first)}.T"
            return f"np.zeros(({_count(first)}, {_count(second)}))"
        if (first, second) not in self.blocks:
            a, b = (self.propagation.model.variable(n) for n in (first, second))
            title = f"Minus the second derivative of the Gaussian part in {first} and {second}."
            axes, groups = (*a.indices, *second_axes(b)), (a.indices, b.indices)
            name = "_".join(dict.fromkeys((first, second)))
            self.blocks[first, second] = self._function(
                f"precision_{name}", title, c.precision[first, second], axes, groups
            )
        return f"{self.blocks[first, second]}(state)"

    def _site(self, site: Site, tilted: Tilted) -> SiteView:
        label = site.name.replace(", ", "_")
        names = list(self.propagation.latents)
        columns = []
        for n in names:
            v = self.propagation.model.variable(n)
            value = design(site.scalar.latent, v, names)
            if not value:
                columns.append(f"np.zeros((elements(state, {_axes(site.plates)}), {_count(n)}))")
                continue
            title = f"The coefficients of {n} in {site.variable}, a row for each of its elements."
            axes = (*site.plates, *second_axes(v))
            columns.append(
                self._function(f"design_{label}_{n}", title, value, axes, (site.plates, v.indices)) + "(state)"
            )
        offset = self._function(
            f"offset_{label}", f"What is known in {site.variable}.", site.scalar.offset, site.plates, (site.plates,)
        )
        log_site, moments = self._log(site, label), self._tilted_moments(site, tilted, label)
        title = f"Values of {site.variable} at which the site of {site.name} is not smooth."
        kinks = tuple(self._function(f"kink_{label}", title, k, site.plates, (site.plates,)) for k in tilted.kinks)
        return SiteView(site.name, _sizes(site.plates), tuple(columns), offset, log_site, moments, kinks)

    def _log(self, site: Site, label: str) -> str:
        """The function of a site at points of a grid, (points, elements)."""
        axes = (GRID, *site.plates)
        value = in_place(site.function, site.hole, from_atom(Element(site.variable, axes)))
        title = f"log of the site of {site.name} at {site.variable}, a row for each point of a grid."
        scope = self.scope(f"log_{label}")
        code = polynomial(value, scope, axes).code
        name = self._unique(f"log_{label}")
        inner = ", ".join(["-1", *(scope.size(i.size) for i in site.plates)])
        h = site.variable
        last = assign("return", f"np.broadcast_to({code}, {h}.shape).reshape(len({h}), -1)")
        lines = (*self._unpack(scope, {h}), f"{h} = {h}.reshape({inner})", *self._flush(scope), *last)
        self.functions.append(FunctionView(name, (f"{site.variable}: np.ndarray",), title, lines))
        return name

    def _tilted_moments(self, site: Site, tilted: Tilted, label: str) -> str:
        """The function with the closed form of a site's tilted moments; empty where there is none."""
        if tilted.method != "closed form":
            return ""
        found = {f.name: f.value for f in self.propagation.formulas(site) if f.name in TILTED}
        scope, body = self.scope(f"moments_{label}"), list[str]()
        names, outs = ([self.names["parameter", site.variable, q] for q in group] for group in (CAVITY, TILTED))
        inner = ", ".join(scope.size(i.size) for i in site.plates)
        for name in names:
            body.append(f"{name} = {name}.reshape({inner})" if site.plates else f"{name} = {name}[0]")
        for key, name in zip(TILTED, outs, strict=True):
            value = found[key]
            assert isinstance(value, Polynomial)
            code = polynomial(value, scope, site.plates).code
            body += [*self._flush(scope), *assign(f"{name} =", code)]
        body.append(f"return {', '.join(f'np.ravel({n})' for n in outs)}")
        title = f"log Z, mean and variance of the tilted densities of {site.name}, in closed form."
        lines = (*self._unpack(scope, (*names, *outs)), *body)
        function = self._unique(f"moments_{label}")
        self.functions.append(FunctionView(function, tuple(f"{n}: np.ndarray" for n in names), title, lines))
        return function

    def _unique(self, name: str) -> str:
        """A name that no other function has."""
        while name in {f.name for f in self.functions}:
            name += "_"
        return name

    def _function(
        self,
        name: str,
        title: str,
        value: Polynomial,
        axes: tuple[Index, ...],
        flat: tuple[tuple[Index, ...], ...] | None = None,
    ) -> str:
        """A function of the state that returns an array on these axes, each group of them made one axis."""
        name = self._unique(name)
        scope = self.scope(name)
        code = polynomial(value, scope, axes).code
        lines = self._flush(scope)
        shape = shape_comment(scope.size(i.size) for i in axes)
        inner = ", ".join(_product(scope.size(i.size) for i in g) for g in flat or (axes,))
        last = assign("return", f"np.broadcast_to({code}, {shape}).reshape({inner})")
        body = (*self._unpack(scope, ()), *lines, *last)
        self.functions.append(FunctionView(name, (), title, body))
        return name


def _count(latent: str) -> str:
    """How many elements a latent has, as code."""
    return f'elements(state, LATENTS["{latent}"])'


def _axes(indices: Sequence[Index]) -> str:
    """The names of sizes as a tuple in code."""
    return "(" + "".join(f'"{i.size}", ' for i in indices).strip() + ")"


def _product(sizes: Iterable[str]) -> str:
    return " * ".join(sizes) or "1"


def _sizes(indices: Sequence[Index]) -> tuple[str, ...]:
    return tuple(i.size for i in indices)
