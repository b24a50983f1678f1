"""A Gibbs sampler as a stand-alone NumPy module: one function a block that draws it given all the others."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cavi.derive import CaviError, Derived
from cavi.derive.canonical import multiply
from cavi.derive.conditionals import CompleteConditional, complete_conditionals, generative
from cavi.derive.families import lookup
from cavi.derive.index import Index, primed
from cavi.derive.model import Model
from cavi.derive.optimum import Link
from cavi.derive.report import formula_text
from cavi.derive.result import Formula
from cavi.derive.term import Polynomial, number
from cavi.templates.numpy import draws, helpers
from cavi.templates.numpy.alive import alive
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.functions import Writer
from cavi.templates.numpy.integrals import NODES_OF, sampler
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import _free, function_name, python_names, quote, shape_comment
from cavi.templates.numpy.view import known_variables
from cavi.templates.source import python_source


@dataclass(frozen=True)
class BlockView:
    """One block: how it is drawn."""

    name: str
    function: str
    equations: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True)
class SamplerView:
    """The generated module."""

    name: str
    title: str
    declaration: tuple[str, ...]
    imports: tuple[str, ...]
    helpers: tuple[str, ...]
    variables: tuple[tuple[str, dict[str, Any]], ...]
    sizes: tuple[str, ...]
    blocks: tuple[BlockView, ...]
    priors: tuple[BlockView, ...]
    data: tuple[BlockView, ...]
    categories: tuple[str, ...]
    ordinary: dict[str, tuple[float, float]]
    log_joint: tuple[str, ...]
    blocked: bool
    cells: tuple[str, ...] = ()  # a sampler takes every cell


def gibbs_module(derived: Derived) -> str:
    """The source of a Gibbs sampler.

    Raises:
        CaviError: for point parameters and copies.
        NonConjugateError: where a complete conditional is in no known family.
    """
    return python_source("numpy/gibbs.py.jinja", m=sampler_view(derived))


def sampler_view(derived: Derived) -> SamplerView:
    """Everything that the template prints."""
    for r in (r for r in derived.relaxations if r.kind == "bound"):
        raise CaviError(
            f"a Gibbs sampler draws from the declared model, but here log p({r.node}) was replaced by the bound "
            f"{r.name}, which is no density; derive it with augment=, which keeps the posterior, or without bounds="
        )
    conditionals = complete_conditionals(derived)
    writer = SamplerWriter(derived, conditionals)
    # An auxiliary is drawn first: it needs nothing but the latents that were declared, and none of its own past.
    auxiliary = {n for r in derived.relaxations for n in r.variables}
    conditionals = tuple(sorted(conditionals, key=lambda c: not set(c.factor.latents) <= auxiliary))
    blocks = tuple(_block(c, writer, derived) for c in conditionals)
    model = derived.model
    links = [x for x in generative(model, derived.marginalised) if x.latent not in auxiliary]
    priors = tuple(_draw_of(x, writer, "prior") for x in links if model.variable(x.latent).is_random)
    # What nothing here draws, such as a censored value, is only conditioned on.
    observed = [x for x in links if not model.variable(x.latent).is_random and drawn(x)]
    data = tuple(_draw_of(x, writer, "data") for x in observed)
    log_joint = writer.log_joint()
    imports = helpers.imports(writer.helpers)
    if writer.families & set(draws.SPECIAL) and "from scipy import special" not in imports:
        imports.insert(0, "from scipy import special")
    return SamplerView(
        name=model.name,
        title=model.title,
        declaration=tuple(str(model).splitlines()[1:]),
        imports=tuple(imports),
        helpers=(
            *(helpers.SOURCES[h].strip("\n") for h in helpers.closure(writer.helpers)),
            *draws.sources(writer.families),
        ),
        variables=known_variables(derived),
        sizes=model.sizes,
        blocks=blocks,
        priors=priors,
        data=data,
        categories=tuple(v.name for v in model.variables if v.is_random and _is_category(derived, v.name)),
        ordinary=_ordinary(links, model),
        log_joint=log_joint,
        blocked="blocks" in helpers.closure(writer.helpers),
    )


def _ordinary(links: Iterable[Link], model: Model) -> dict[str, tuple[float, float]]:
    """Latent -> bounds of values that are neither large nor small, where it may have any."""
    found = {}
    for x in links:
        support = lookup(x.family).support
        if model.variable(x.latent).is_random and support in ("real", "vector", "positive"):
            found[x.latent] = (0.01, 100.0) if support == "positive" else (-1.0, 1.0)
    return found


def declared_densities(derived: Derived) -> dict[str, Polynomial]:
    """The log densities of the nodes as declared: what an augmentation has put in their place is taken back."""
    auxiliary = {n for r in derived.relaxations for n in r.variables}
    before = {r.node: r.declared for r in derived.relaxations}
    return {n: before.get(n, p) for n, p in derived.log_density.items() if n not in auxiliary}


def drawn(link: Link) -> bool:
    """Whether there is a helper that draws every family of a link."""
    return link.family in draws.DRAWS


def _is_category(derived: Derived, name: str) -> bool:
    v = derived.model.variable(name)
    return v.distribution is not None and v.distribution.family == "Categorical"


def _block(c: CompleteConditional, writer: SamplerWriter, derived: Derived) -> BlockView:
    equations = [
        line
        for f in c.formulas
        for line in textwrap.wrap(
            formula_text(f, derived.model.indices), 100, subsequent_indent="    ", break_long_words=False
        )
    ]
    return BlockView(
        c.factor.name, function_name(c.factor.name).replace("update", "draw", 1), tuple(equations), writer.block(c)
    )


def _draw_of(link: Link, writer: SamplerWriter, what: str) -> BlockView:
    return BlockView(link.latent, f"{what}_{link.latent}", (), writer.ancestral(link))


class SamplerWriter(Writer):
    """Writes the bodies that draw."""

    def __init__(self, derived: Derived, conditionals: Sequence[CompleteConditional]) -> None:
        names = python_names(derived)
        taken = {n for n in names.values() if isinstance(n, str)} | set(derived.model.sizes)
        for c in conditionals:
            for f in c.formulas:
                key = ("parameter", f.latent, f.name)
                if key not in names:
                    names[key] = _free(f"{f.latent}_{f.name}", taken)
            for latent in c.factor.latents:
                names["parameter", latent, "value"] = _free(f"{latent}_now", taken)
            for latent, support in c.numeric.supports if c.numeric is not None else ():
                for name in NODES_OF[support]:
                    names.setdefault(("parameter", latent, name), _free(f"{latent}_{name}", taken))
        super().__init__(derived, names)
        self.conditionals = conditionals
        self.families: set[str] = set()

    def _source(self, key: object) -> str:
        if isinstance(key, str) and self.derived.model.variable(key).is_random:
            return f"state.values[{quote(key)}]"
        if isinstance(key, tuple) and key[0] == "parameter" and key[2] == "value":
            return f"state.values[{quote(key[1])}]"
        return super()._source(key)

    def _formulas_of(self, latent: str) -> dict[str, Formula]:
        formulas = next(c.formulas for c in self.conditionals if latent in c.factor.latents)
        return {f.name: f for f in formulas if f.latent == latent}

    def block(self, c: CompleteConditional) -> tuple[str, ...]:
        """The body that draws one block given the others."""
        if c.factor.sequential:
            return self._element_by_element(c)
        scope, local, body = self.scope(), set[str](), list[str]()
        for along, group in groupby(c.formulas, key=lambda f: f.along):
            members = tuple(group)
            if along is not None:
                body.extend(self._recursion(members, along, scope))
                local |= {self.names["parameter", f.latent, f.name] for f in members}
            else:
                body.extend(self._plain(members, scope, local))
        if c.numeric is not None:
            body.extend(self._numeric(c, scope, local))
        for link in c.density:
            name = self.names[link.latent]
            body.extend(self._draw(link, scope, name))
            local.add(name)
            body.append(f"state.values[{quote(link.latent)}] = {name}")
        # A draw needs less of a chain than an expectation does: no marginal covariances.
        return alive((*self._unpack(scope, local), *body))

    def _numeric(self, c: CompleteConditional, scope: Scope, local: set[str]) -> list[str]:
        """Statements that draw one number or two of which only the density is known."""
        assert c.numeric is not None
        local |= {self.names["parameter", n, x] for n, support in c.numeric.supports for x in NODES_OF[support]}
        places = [f"state.values[{quote(n)}]" for n in c.factor.latents]
        if scope.fixed:
            axes = [self.derived.model.variable(n).indices for n in c.factor.latents]
            now = [scope.name(("parameter", n, "value")) for n in c.factor.latents]
            places = [self._place(n, i, scope.fixed) for n, i in zip(now, axes, strict=True)]
        local.add("draw")
        made = sampler(c.numeric, scope, self.names, c.factor.plates, "draw")
        return [*made, f"{', '.join(places)} = draw(rng)"]

    def ancestral(self, link: Link) -> tuple[str, ...]:
        """The body that draws one variable given those declared before it."""
        scope, name = self.scope(), self.names[link.latent]
        body = list(self._draw(link, scope, name))
        where = "values" if self.derived.model.variable(link.latent).is_random else "data"
        code = name
        if where == "data" and _is_category(self.derived, link.latent):
            code = f"{name}.argmax(axis=-1)"
        body.append(f"state.{where}[{quote(link.latent)}] = {code}")
        return (*self._unpack(scope, {name}), *body)

    def _draw(self, link: Link, scope: Scope, name: str) -> list[str]:
        """Statements that draw one latent, or a chain element by element."""
        if link.chain is None:
            code = self._call(link, link.args, scope)
            return [*self._flush(scope), *assign(f"{name} =", code)]
        shape = shape_comment(scope.size(i.size) for i in self._array_axes(link))
        return [f"{name} = np.zeros({shape})", *self._draw_in_place(link, scope, name)]

    def _array_axes(self, link: Link) -> tuple[Index, ...]:
        """The axes of the array of a latent's values."""
        variable = self.derived.model.variable(link.latent)
        return (*variable.indices, *((link.over,) if link.over is not None else ()))

    def _draw_in_place(self, link: Link, scope: Scope, name: str) -> list[str]:
        """Statements that put a draw into an array: at the loop variables, and along a chain one after another."""
        axes, chain = self._array_axes(link), link.chain
        if chain is None:
            code = self._call(link, link.args, scope)
            return [*self._flush(scope), *assign(f"{self._place(name, axes, scope.fixed)} =", code)]
        inside = scope.within(chain.index)
        other = number(1) - chain.linked
        args = {k: multiply(chain.linked, a) + multiply(other, chain.last[k]) for k, a in link.args.items()}
        code = self._call(link, args, inside)
        positions = f"range({scope.size(chain.index.size)})"
        order = positions if chain.direction == "forward" else f"reversed({positions})"
        return [
            f"for {chain.index.name} in {order}:",
            *(
                f"    {line}"
                for line in (*self._flush(inside), *assign(f"{self._place(name, axes, inside.fixed)} =", code))
            ),
        ]

    def _call(self, link: Link, args: Mapping[str, Polynomial], scope: Scope) -> str:
        """The call that draws, its axes in the order of the declaration."""
        if link.family not in draws.DRAWS:
            raise CaviError(
                f"{link.latent}: a Gibbs sampler draws a {link.family}, for which there is no method here; declare its "
                "mixture, or sample with Stan"
            )
        self.families |= {link.family}
        plates = tuple(i for i in link.plates if i not in scope.fixed)
        parts = []
        for parameter in draws.DRAWS[link.family][0]:
            if parameter not in args:  # a limit that was not declared
                parts.append("-np.inf" if parameter == "lower" else "np.inf")
                continue
            axes = (*plates, *_axes(link, parameter))
            value = polynomial(args[parameter], scope, axes)
            code = value.code
            if set(axes) - set(args[parameter].free):
                sizes = shape_comment(scope.size(i.size) for i in axes)
                code = f"np.broadcast_to({code}, {sizes})" if axes else code
            parts.append(code)
        call = f"{draws.function(link.family)}(rng, {', '.join(parts)})"
        event = link.event if link.over is None else (link.over,)
        have = (*plates, *event)
        want = [i for i in self._array_axes(link) if i not in scope.fixed]
        order = [have.index(i) for i in want]
        return call if order == sorted(order) else f"{call}.transpose({', '.join(map(str, order))})"

    def _element_by_element(self, c: CompleteConditional) -> tuple[str, ...]:
        """One element after another along the coupled plates, each given the present values of the others."""
        fixed = {i: i.name for i in c.factor.sequential}
        scope, local, body = self.scope(fixed=fixed), set[str](), list[str]()
        body.extend(self._slices(c.formulas, scope, local))
        if c.numeric is not None:
            body.extend(self._numeric(c, scope, local))
        for link in c.density:
            now = scope.name(("parameter", link.latent, "value"))
            # A later link of the block, or the element before this one, refers to what has just been drawn.
            scope.names = {**scope.names, link.latent: now}
            body.extend(self._flush(scope))
            body.extend(self._draw_in_place(link, scope, now))
        loops = [
            "    " * depth + f"for {i.name} in range({scope.size(i.size)}):"
            for depth, i in enumerate(c.factor.sequential)
        ]
        indent = "    " * len(loops)
        lines = (*self._unpack(scope, local), *loops, *(indent + line for line in alive(body)))
        return alive(lines)

    def log_joint(self) -> tuple[str, ...]:
        """The body that returns the log joint density."""
        scope = self.scope()
        body: list[str] = []
        terms: list[str] = []
        for name, p in declared_densities(self.derived).items():
            code = polynomial(p, scope, ()).code
            body.extend(self._flush(scope))
            terms.extend(f"    {line}" for line in assign(f"{quote(name)}:", code, end=","))
        return (*self._unpack(scope, ()), *body, "terms = {", *terms, "}", "return float(sum(terms.values()))")


def _axes(link: Link, parameter: str) -> tuple[Index, ...]:
    """The event axes of one argument: those of the value for a location, twice those for a matrix."""
    if link.over is not None:
        return (link.over,) if parameter == "probs" else ()
    if not link.event:
        return ()
    twice = (*link.event, *(primed(i) for i in link.event))
    match parameter:
        case "mean" | "concentration" | "probs":
            return link.event
        case "row_precision":
            return (link.event[0], primed(link.event[0]))
        case "column_precision":
            return (link.event[1], primed(link.event[1]))
        case "scale":
            return link.event
        case "precision":
            return twice
    return ()
