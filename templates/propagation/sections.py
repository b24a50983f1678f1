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
from cavi.templates.layout import (
    EQUALS,
    PLUS,
    SEMICOLON,
    Accent,
    Box,
    Glyph,
    Number,
    Operator,
    Script,
    Words,
    parens,
    row,
    separated,
)
from cavi.templates.printer import Printer
from cavi.templates.propagation.example import projections
from cavi.templates.propagation.signs import APPROXIMATE_SITE
from cavi.templates.scope import scope_of
from cavi.templates.symbols import symbol

_LOG = Operator(r"\log", "log", "function")
_BECOMES = Operator(r"\leftarrow", "←", "relation")
_Q = symbol("q")
_FROM = Operator(r"\,\|\,", "‖", "punctuation")
_NORMAL = Glyph(r"\mathcal{N}", "𝒩", upright=True)

Parts = list[dict[str, Any]]
Titled = tuple[str, str, Parts]
"""What it is about, the heading, and the fields of each `Block`."""


def said(*parts: str | Box) -> dict[str, Any]:
    """A paragraph."""
    return {"text": parts}


def _divergence(a: Box, b: Box) -> Box:
    return row(Glyph(r"\mathrm{KL}", "KL", upright=True), parens(row(a, _FROM, b)))


@dataclass(frozen=True)
class Sections:
    """The sections of a propagation in its notation."""

    p: Propagation
    printer: Printer

    def _draw(self, poly: Polynomial) -> Box:
        return self.printer.polynomial(poly)

    def _shown(self, *links: Link) -> tuple[Equation, ...]:
        return system(links, style=self.printer.notation.style)

    def model(self) -> Titled:
        """What was declared."""
        declaration = DeclarationPrinter(self.printer)
        nodes = [v for v in self.p.model.variables if v.distribution is not None]
        lines = tuple(fitted([line for v in nodes for line in declaration.lines(v)]))
        return "model", "Model", [{"declared": lines}]

    def split(self) -> Titled:
        """The log joint, the scalars, the natural parameters."""
        own = self.printer.notation
        variables = self.p.model.with_role("observed", "latent")
        log_p = row(_LOG, symbol("p"), parens(separated(own.array(v.name) for v in variables)))
        head = (
            "The log joint density is a polynomial of degree two in the latents, plus functions of one affine "
            "combination of them:"
            if self.p.sites
            else "The log joint density is a polynomial of degree two in the latents, so that the posterior is Normal:"
        )
        whole = self._shown(Link(log_p, self._draw(self.p.derivation.steps[0].after)))
        parts: Parts = [said(head)]
        parts.append({"equations": whole, "rule": rules.SITES, "checks": ("log joint = Gaussian part + sites",)})
        if self.p.sites:
            scalars = [Link(self._draw(from_atom(s.hole)), self._draw(s.scalar.whole)) for s in self.p.sites]
            parts += [said("with"), {"equations": self._shown(*scalars)}]
        natural = [link for c in self.p.gaussian.components for link in self._natural(c)]
        b, precision = symbol("b"), symbol("P")
        parts += [
            said("The quadratic part has the linear coefficients ", b, " and the precisions ", precision, ":"),
            {"equations": self._shown(*natural), "checks": ("natural parameters of the Gaussian part",)},
        ]
        return "sites", "Gaussian part and sites", parts

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
        links = [
            Link(row(_LOG, APPROXIMATE_SITE, parens(self._draw(from_atom(s.hole)))), self._draw(site_log(s)))
            for s in self.p.sites
        ]
        yield (
            "approximation",
            "Approximation",
            [
                said(_Q, " is one joint Normal: the Gaussian part times a site that is Gaussian in its scalar,"),
                {"equations": self._shown(*links)},
                said(
                    "EP lowers the forward divergence ",
                    _divergence(Accent("hat", symbol("p")), _Q),
                    ": its slope is a difference of mean statistics, so that ",
                    _Q,
                    " takes over the mean and the variance of the tilted density and covers it (identities "
                    "moment_matching and pythagoras).",
                ),
                said(
                    "Mean field lowers the reverse one, ",
                    _divergence(_Q, symbol("p")),
                    ": its slope is an average under ",
                    _Q,
                    ", so that places where ",
                    _Q,
                    " has no mass do not count and ",
                    _Q,
                    " is narrower (identity mode_seeking).",
                ),
                self._example(),
            ],
        )

    @staticmethod
    def _example() -> dict[str, Any]:
        """Both divergences on one target, in numbers."""
        found = projections()
        h, variance = symbol("h"), Number(str(found.variance))
        target = row(_NORMAL, parens(row(h, SEMICOLON, separated([Number("0"), variance]))), symbol("Phi"), parens(h))
        numbers = [Number(f"{x:.3f}") for x in (*found.forward, *found.reverse)]
        return said(
            "For a target proportional to ",
            target,
            " the mean and the standard deviation are ",
            numbers[0],
            " and ",
            numbers[1],
            " by the forward divergence, ",
            numbers[2],
            " and ",
            numbers[3],
            " by the reverse one.",
        )

    def steps(self) -> Iterator[Titled]:
        """What is done for every element of a site."""
        found = self.p.derivation.steps[1:]
        share = len(found) // max(1, len(self.p.sites))
        for number, site in enumerate(self.p.sites):
            mine = found[number * share : (number + 1) * share]
            parts: Parts = []
            for s in mine:
                parts += [b for b in self._step(site, s) if b not in parts]  # a rule used twice is named once
            parts[-1]["checks"] = (f"a step of {site.name} matches the moments",)
            yield f"site-{number + 1}", f"A step for the site of {site.name}", parts

    def _step(self, site: Site, s: Step[Polynomial]) -> Parts:
        formulas = {f.name: f.value for f in self.p.formulas(site)}
        under = "; ".join(c for c in s.conditions if "as named" not in c)
        text = said(f"By {s.rule.name}{f' ({under})' if under else ''}:")
        checks: tuple[str, ...] = ()
        computed = s.rule is not rules.MOMENT_MATCHING
        if s.rule is rules.CAVITY:
            shown = self._defined(site, formulas, ("cavity_variance", "cavity_mean"))
        elif s.rule is rules.SITE_UPDATE:
            shown = self._defined(site, formulas, ("precision", "linear"), _BECOMES)
        elif s.rule is rules.TILTED_CLOSED:
            if s.before != from_atom(Function("E", (from_atom(site.hole),))):
                return []
            shown = self._defined(site, formulas, ("log_normaliser", "tilted_mean", "tilted_variance"))
            checks = (f"closed moments of the tilted densities of {site.name}",)
        else:
            shown = self._shown(Link(self._draw(s.before), self._draw(s.after)))
        return [text, {"equations": shown, "rule": s.rule, "checks": checks, "computed": computed}]

    def _defined(
        self, site: Site, formulas: Mapping[str, object], names: tuple[str, ...], sign: Operator = EQUALS
    ) -> tuple[Equation, ...]:
        links = []
        for n in names:
            value = formulas[n]
            assert isinstance(value, Polynomial)
            links.append(Link(self._draw(site.quantity(n)), self._draw(value), relation=sign))
        return self._shown(*links)

    def evidence(self) -> Titled:
        """log Z_EP, term by term."""
        log_z = row(_LOG, Script(symbol("Z"), Words("EP")))
        links = [Link(row(_LOG, Script(symbol("Z"), self._of(t.name))), self._draw(t.value)) for t in self.p.evidence]
        total: list[Box] = []
        for link in links:
            assert link.left is not None
            total += [PLUS, link.left] if total else [link.left]
        head = (
            "The integral of the Gaussian part times all scaled sites approximates the evidence, and is no bound:"
            if self.p.sites
            else "There is no site, so that the evidence is exact:"
        )
        shown = self._shown(Link(log_z, row(*total)), *links)
        checks = ("log Z_EP from its definition", "log_evidence of the module")
        terms = {"equations": shown, "rule": rules.EVIDENCE, "checks": checks}
        return "log-evidence", "Model evidence", [said(head), terms]

    def _of(self, term: str) -> Box:
        """The sign of what a term of the evidence belongs to."""
        return _Q if term == "q" else separated(self.printer.notation.array(n) for n in term.split(", "))

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
        yield "algorithm", "Algorithm", [{"lines": tuple((line,) for line in lines)}]
