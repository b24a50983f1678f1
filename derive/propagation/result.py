"""What `propagate` returns: the Gaussian part, the sites with their moments, the evidence, and every rendering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

import sympy

from cavi.derive.canonical import add
from cavi.derive.derivation import Derivation
from cavi.derive.model import Model
from cavi.derive.pages import Pages
from cavi.derive.propagation.natural import GaussianPart
from cavi.derive.propagation.sites import Site, Split
from cavi.derive.propagation.steps import EvidenceTerm, formulas
from cavi.derive.propagation.tilted import Tilted
from cavi.derive.result import Formula
from cavi.derive.term import Polynomial
from cavi.derive.to_sympy import to_sympy


@dataclass(frozen=True)
class Propagation(Pages):
    """Expectation propagation for a model: one joint Normal q(w), and a Gaussian in h for every site.

    Attributes:
        model: what was declared.
        power: α of power EP; one is EP.
        log_density: the log joint by node.
        split: its Gaussian part and its sites, whose sum it is.
        gaussian: the natural parameters of the Gaussian part.
        moments: of the tilted densities, site by site: in closed form or by quadrature.
        evidence: the terms of log Z_EP, every constant kept.
        derivation: the named steps.
    """

    renderers: ClassVar[str] = "ep_"

    model: Model
    power: Fraction
    log_density: Mapping[str, Polynomial] = field(repr=False)
    split: Split = field(repr=False)
    gaussian: GaussianPart = field(repr=False)
    moments: tuple[Tilted, ...]
    evidence: tuple[EvidenceTerm, ...] = field(repr=False)
    derivation: Derivation[Polynomial] = field(repr=False, compare=False)

    @property
    def latents(self) -> tuple[str, ...]:
        """The latents in the order in which q's vector has their elements."""
        return tuple(v.name for c in self.gaussian.components for v in c.latents)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The functions that keep the posterior from being Normal."""
        return self.split.sites

    @property
    def is_exact(self) -> bool:
        """Whether there is nothing to approximate: no site."""
        return not self.sites

    @property
    def log_evidence(self) -> sympy.Expr:
        """log Z_EP in SymPy, in the quantities of a fixed point."""
        return to_sympy(add(*(t.value for t in self.evidence)), self.model.indices)

    def formulas(self, site: Site) -> tuple[Formula, ...]:
        """What a step computes for a site, in order."""
        return formulas(site, self.moments[self.sites.index(site)], self.power)

    @property
    def file_name(self) -> str:
        """The NumPy module's file."""
        return f"{self.model.name}_ep.py"

    def plain(self) -> dict[str, Any]:
        """The result as plain data, the only thing that `cavi.verify.propagation` reads."""
        from cavi.derive.propagation.plain import plain

        return plain(self)

    def latex(
        self,
        *,
        kind: str = "article",
        notation: str = "plain",
        symbols: Mapping[str, str] | None = None,
        lang: str = "en",
    ) -> str:
        r"""LaTeX of the derivation.

        Args:
            kind: ``article`` and ``beamer`` are documents that compile on their own; ``fragment`` (the article's
                body), ``frames`` (the talk's) and ``algorithm`` (the loop with a step for each site) are to be
                included.
            notation: whose conventions: ``plain``, ``bishop``, ``blei``, ``murphy`` or ``beal``.
            symbols: TeX of a symbol for declared names, for the scalars of sites, ``{"h": "g"}``, and for what is kept
                for them, ``{"h.precision": r"\lambda"}``.
            lang: ``en`` or ``ko``; Korean is compiled by LuaTeX or XeTeX.

        Raises:
            CaviError: for another kind, notation or language, for symbols that are unknown or clash, and for the
                algorithm where there is no site.
        """
        return self.render("latex", form=kind, notation=notation, symbols=symbols or {}, lang=lang)

    def __str__(self) -> str:
        from cavi.derive.propagation.report import report

        return report(self)
