"""The sections of the article: what each says, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cavi.derive import Propagation
from cavi.derive.derivation import Step
from cavi.derive.propagation import Site, rules
from cavi.derive.propagation.natural import Component
from cavi.derive.propagation.steps import site_log
from cavi.derive.term import Function, Polynomial, from_atom
from cavi.templates.declaration import DeclarationPrinter, fitted
from cavi.templates.equation import Equation, Link, system
from cavi.templates.layout import EQUALS, PLUS, Box, Glyph, Operator, Script, Words, parens, row, separated
from cavi.templates.printer import Printer
from cavi.templates.propagation.example import projections
from cavi.templates.propagation.symbols import MEAN_OF_Q, PRECISION_OF_Q, signs
from cavi.templates.scope import scope_of
from cavi.templates.symbols import symbol

_LOG = Operator(r"\log", "log", "function")
_BECOMES = Operator(r"\leftarrow", "←", "relation")
_SITE = Glyph(r"\tilde{t}", "t̃")
_Q = symbol("q")
_FROM = Operator(r"\,\|\,", "‖", "punctuation")

Blocks = list[tuple[str, Any]]
Titled = tuple[str, Blocks]


def said(*parts: str | Box) -> tuple[str, Any]:
    """A paragraph."""
    return "text", parts


def shown(*links: Link) -> tuple[str, Any]:
    """A display of equations."""
    return "equations", system(links)


def _divergence(a: Box, b: Box) -> Box:
    return row(Glyph(r"\mathrm{KL}", "KL", upright=True), parens(row(a, _FROM, b)))


@dataclass(frozen=True)
class Sections:
    """The sections of a propagation in its notation."""

    p: Propagation
    printer: Printer

    @classmethod
    def of(cls, p: Propagation) -> Sections:
        """In the notation of the model."""
        return cls(p, Printer(signs(p)))

    def _draw(self, poly: Polynomial) -> Box:
        return self.printer.polynomial(poly)

    def model(self) -> Titled:
        """What was declared."""
        declaration = DeclarationPrinter(self.printer)
        nodes = [v for v in self.p.model.variables if v.distribution is not None]
        return "Model", [("declared", tuple(fitted([line for v in nodes for line in declaration.lines(v)])))]

    def split(self) -> Titled:
        """The log joint, the scalars, the natural parameters."""
        own = self.printer.notation
        variables = self.p.model.with_role("observed", "latent")
        log_p = row(_LOG, symbol("p"), parens(separated(own.array(v.name) for v in variables)))
        rest = "plus functions of one affine combination of them" if self.p.sites else "so that the posterior is Normal"
        blocks = [said(f"The log joint density is a polynomial of degree two in the latents, {rest}:")]
        blocks.append(shown(Link(log_p, self._draw(self.p.derivation.steps[0].after))))
        if self.p.sites:
            scalars = [Link(self._draw(from_atom(s.hole)), self._draw(s.scalar.whole)) for s in self.p.sites]
            blocks += [said("with"), shown(*scalars)]
        natural = [link for c in self.p.gaussian.components for link in self._natural(c)]
        blocks += [said("The quadratic part has the linear coefficients b and the precisions P:"), shown(*natural)]
        return "Gaussian part and sites", blocks

    def _natural(self, c: Component) -> Iterator[Link]:
        own = self.printer.notation
        for v in c.latents:
            left = Script(symbol("b"), sup=parens(own.variable(v.name)))
            yield Link(self.printer.subscripted(left, v.indices, scope_of(v.indices)), self._draw(c.linear[v.name]))
        for pair, value in c.precision.items():
            left = Script(symbol("P"), sup=parens(separated(own.variable(n) for n in dict.fromkeys(pair))))
            axes = tuple(sorted(value.free, key=lambda i: (i.name, i.size)))
            yield Link(self.printer.subscripted(left, axes, scope_of(axes)), self._draw(value))

    def approximation(self) -> Iterator[Titled]:
        """The form of q, and why the forward divergence."""
        if not self.p.sites:
            return
        found = projections()
        forward, reverse = (f"{mean:.3f} and {sd:.3f}" for mean, sd in (found.forward, found.reverse))
        links = [
            Link(row(_LOG, _SITE, parens(self._draw(from_atom(s.hole)))), self._draw(site_log(s))) for s in self.p.sites
        ]
        yield (
            "Approximation",
            [
                said("q is one joint Normal: the Gaussian part times a site that is Gaussian in its scalar,"),
                shown(*links),
                said(
                    "EP lowers the forward divergence ",
                    _divergence(Words("tilted"), _Q),
                    ": its slope is a difference of mean statistics, so that q takes over the mean and the variance of "
                    "the tilted density and covers it (identities moment_matching and pythagoras). Mean field lowers "
                    "the reverse one, ",
                    _divergence(_Q, symbol("p")),
                    ": its slope is an average under q, so that places where q has no mass do not count and q is "
                    "narrower (identity mode_seeking); for a target proportional to "
                    f"N(h; 0, {found.variance}) Φ(h) the mean and "
                    f"the standard deviation are {forward} by the forward divergence, {reverse} by the reverse one.",
                ),
            ],
        )

    def steps(self) -> Iterator[Titled]:
        """What is done for every element of a site."""
        found = self.p.derivation.steps[1:]
        share = len(found) // max(1, len(self.p.sites))
        for number, site in enumerate(self.p.sites):
            mine = found[number * share : (number + 1) * share]
            blocks: Blocks = []
            for s in mine:
                blocks += [b for b in self._step(site, s) if b not in blocks]  # a rule used twice is named once
            yield f"A step for the site of {site.name}", blocks

    def _step(self, site: Site, s: Step[Polynomial]) -> Blocks:
        formulas = {f.name: f.value for f in self.p.formulas(site)}
        under = "; ".join(c for c in s.conditions if "as named" not in c)
        text = said(f"By {s.rule.name}{f' ({under})' if under else ''}:")
        if s.rule is rules.CAVITY:
            return [text, ("equations", self._defined(site, formulas, ("cavity_variance", "cavity_mean")))]
        if s.rule is rules.SITE_UPDATE:
            return [text, ("equations", self._defined(site, formulas, ("precision", "linear"), _BECOMES))]
        if s.rule is rules.TILTED_CLOSED:
            if s.before != from_atom(Function("E", (from_atom(site.hole),))):
                return []
            names = ("log_normaliser", "tilted_mean", "tilted_variance")
            return [text, ("equations", self._defined(site, formulas, names))]
        return [text, shown(Link(self._draw(s.before), self._draw(s.after)))]

    def _defined(
        self, site: Site, formulas: Mapping[str, object], names: tuple[str, ...], sign: Operator = EQUALS
    ) -> tuple[Equation, ...]:
        links = []
        for n in names:
            value = formulas[n]
            assert isinstance(value, Polynomial)
            links.append(Link(self._draw(site.quantity(n)), self._draw(value), relation=sign))
        return system(links)

    def evidence(self) -> Titled:
        """log Z_EP, term by term."""
        log_z = row(_LOG, Script(symbol("Z"), Words("EP")))
        links = [Link(row(_LOG, Script(symbol("Z"), Words(t.name))), self._draw(t.value)) for t in self.p.evidence]
        total: list[Box] = []
        for link in links:
            assert link.left is not None
            total += [PLUS, link.left] if total else [link.left]
        if self.p.sites:
            head = (
                "The integral of the Gaussian part times all scaled sites approximates the evidence, and is no bound:"
            )
        else:
            head = "There is no site, so that the evidence is exact:"
        about: list[str | Box] = ["where ", MEAN_OF_Q, " and ", PRECISION_OF_Q, " are the mean and the precision of q"]
        for site in self.p.sites:
            about += [
                ", ",
                self._draw(site.quantity("log_normaliser")),
                " the logarithm of the mass of a tilted density",
            ]
        return "Evidence", [said(head), shown(Link(log_z, row(*total)), *links), said(*about, ".")]

    def algorithm(self) -> Iterator[Titled]:
        """The loop."""
        if not self.p.sites:
            return
        lines = [
            "Set the linear coefficients and the precisions of all sites to zero.",
            "Repeat: form q from the Gaussian part and all sites, with the mean and the variance of every scalar;",
        ]
        for s, t in zip(self.p.sites, self.p.moments, strict=True):
            over = f"for each {', '.join(i.name for i in s.plates)}: " if s.plates else ""
            how = "in closed form" if t.method == "closed form" else "by quadrature"
            lines.append(
                f"{over}take the cavity, find the moments of the tilted density {how}, and move the site of {s.name} "
                "towards its match, by the damping;"
            )
        lines += [
            "let elements wait whose cavity has no positive variance, and shorten the step where q would be no Normal;",
            "until the moments of q and of the tilted densities agree to the tolerance.",
        ]
        yield "Algorithm", [("lines", tuple((line,) for line in lines))]
