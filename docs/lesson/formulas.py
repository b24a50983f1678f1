"""Everything mathematical that a chapter may show: objects of `cavi.derive`, printed as TeX or as MathML.

A chapter never spells a formula. It names an object (a density, a claim, a chain of steps, an update of a model,
a count) and this module prints it, so that what is shown is what was derived and verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import sympy
from words import CAPTIONS, RULES

from cavi import models
from cavi.derive import Derived, derive, identities
from cavi.derive.identities import Identity
from cavi.derive.identities.amortised import D, H, M, N
from cavi.derive.identities.jensen import F, G
from cavi.derive.identities.language import KL, Covariance, Elbo, Entropy, Expect, Gradient
from cavi.derive.identities.mean_field import energy, optimum
from cavi.derive.identities.setting import ABSTRACT, PARAMETRIC, SPLIT
from cavi.templates.article import Article, article
from cavi.templates.html.view import display
from cavi.templates.identities import (
    chain_latex,
    chain_mathml,
    claim_latex,
    claim_mathml,
    expression_latex,
    expression_mathml,
)
from cavi.templates.latex.view import rows

Form = Literal["html", "tex"]
Language = Literal["en", "ko"]
MODELS = {"gaussian": "normal", "lda": "lda"}


@cache
def names() -> dict[str, sympy.Basic]:
    """The expressions that running text speaks of, by name."""
    s, t = ABSTRACT, PARAMETRIC
    em = identities.load("em_bound").assumptions[0]
    variance = identities.load("gaussian_variance").claim
    return {
        "x": s.x[0],
        "z": s.z[0],
        "theta": t.parameters[0],
        "theta_old": em.left.arguments[1],
        "q": s.q,
        "evidence": s.evidence,
        "log_evidence": sympy.log(s.evidence),
        "joint": s.joint,
        "posterior": s.posterior,
        "prior": s.prior,
        "likelihood": s.likelihood,
        "L": Elbo(s.q, s.joint),
        "KL": KL(s.q, s.posterior),
        "KL_prior": KL(s.q, s.prior),
        "forward": identities.load("moment_matching").start.body,
        "reverse": identities.load("mode_seeking").start.body,
        "H": Entropy(s.q),
        "energy": Expect(sympy.log(s.joint), s.q),
        "fit": Expect(sympy.log(s.likelihood), s.q),
        "evidence_at": t.evidence,
        "log_likelihood": sympy.log(t.evidence),
        "joint_at": t.joint,
        "posterior_at": t.posterior,
        "slope": Gradient(sympy.log(t.evidence), t.parameters[0]),
        "Q": em.left,
        "f": F,
        "g": G,
        "mean_g": Expect(G, s.q),
        "q1": SPLIT.q1,
        "q2": SPLIT.q2,
        "z1": SPLIT.own[0],
        "z2": SPLIT.rest[0],
        "F": energy().left,
        "q_star": optimum().left,
        "variance": Covariance(SPLIT.own[0], SPLIT.own[0], s.joint.over((*SPLIT.own, *SPLIT.rest))),
        "narrow": variance[0],
        "wide": variance[2],
        "N": N,
        "D": D,
        "M": M,
        "H_units": H,
    }


@cache
def derived(name: str) -> Derived:
    """A worked model."""
    library = MODELS[name]
    return derive(models.load(library), factors=models.info(library).factors)


@cache
def _article(name: str) -> Article:
    return article(derived(name))


@dataclass
class Formulas:
    """The helpers of the templates, for one output and one language; it remembers what was shown."""

    form: Form
    language: Language
    figures: Mapping[str, str]
    shown: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)

    def helpers(self) -> dict[str, Any]:
        """What a chapter may call."""
        return {
            "ko": self.language == "ko",
            "m": self.math,
            "claim": self.claim,
            "chain": self.chain,
            "heading": self.heading,
            "figure": self.figure,
            "count": self.count,
            "declaration": self.declaration,
            "update": self.update,
            "bound": self.bound,
        }

    def heading(self, en: str, ko: str) -> str:
        """The heading of a chapter."""
        text = ko if self.language == "ko" else en
        return f"<h2>{text}</h2>" if self.form == "html" else rf"\section{{{text}}}"

    def math(self, name: str) -> str:
        """An expression in running text."""
        e = names()[name]
        self.shown.append(name)
        return str(expression_mathml(e)) if self.form == "html" else f"${expression_latex(e)}$"

    def _identity(self, name: str) -> Identity:
        self.used.append(name)
        return identities.load(name)

    def claim(self, name: str) -> str:
        """What an identity says, set off from the text."""
        self.shown.append(f"claim {name}")
        identity = self._identity(name)
        return str(claim_mathml(identity)) if self.form == "html" else claim_latex(identity)

    def chain(self, name: str) -> str:
        """An identity line by line, with the rules in the language of the text."""
        self.shown.append(f"chain {name}")
        identity = self._identity(name)
        table = RULES if self.language == "ko" else None
        if self.form == "html":
            return str(chain_mathml(identity, rule_names=table))
        return chain_latex(identity, rule_names=table)

    def figure(self, name: str) -> str:
        """A figure with its caption."""
        self.shown.append(f"figure {name}")
        caption = CAPTIONS[name][self.language]
        if self.form == "html":
            return f"<figure>{self.figures[name]}<figcaption>{caption}</figcaption></figure>"
        picture = rf"\includegraphics[width=0.78\linewidth]{{{self.figures[name]}}}"
        return f"\\begin{{center}}\n{picture}\n\n{{\\small {caption}\\par}}\n\\end{{center}}"

    def count(self, name: str, **sizes: int) -> str:
        """How many parameters, for given sizes."""
        self.shown.append(f"count {name} {sorted(sizes.items())}")
        value = self._identity(name).end.subs(
            {symbol: sizes[symbol.name] for symbol in (N, D, M, H) if symbol.name in sizes}
        )
        assert value.is_Integer, f"{name} at {sizes} is {value}"
        return f"{int(value):,}".replace(",", "\u2009" if self.form == "html" else r"\,")

    # --- worked models -----------------------------------------------------------------------

    def declaration(self, model: str) -> str:
        """The declaration of a model, a line for each variable."""
        self.shown.append(f"declaration {model}")
        lines = _article(model).declared
        if self.form == "html":
            from cavi.templates.html.view import _declared, table

            return str(table(r for d in lines for r in _declared(d)))
        from cavi.templates.latex.view import _declared as declared

        return "\\begin{align*}\n" + " \\\\\n".join(map(declared, lines)) + "\n\\end{align*}"

    def update(self, model: str, latent: str) -> str:
        """The update of one factor."""
        self.shown.append(f"update {model} {latent}")
        found = _article(model)
        number = [u.factor.name for u in derived(model).updates].index(latent)
        view = found.updates[number]
        equations = (*view.families, *view.formulas)
        if self.form == "html":
            return str(display(equations))
        return f"\\begin{{align*}}\n{rows(equations)}\n\\end{{align*}}"

    def bound(self, model: str) -> str:
        """The ELBO of a model, term by term."""
        self.shown.append(f"bound {model}")
        found = _article(model)
        equations = (found.bound, *(e for t in found.bound_terms for e in t.equations))
        if self.form == "html":
            return str(display(equations))
        return f"\\begin{{align*}}\n{rows(equations)}\n\\end{{align*}}"
