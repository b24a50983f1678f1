"""Everything mathematical that a chapter may show: objects of `cavi.derive`, printed as TeX or as MathML.

A chapter never spells a formula. It names an object (a density, a claim, a chain of steps, an update of a model,
a count) and this module prints it, so that what is shown is what was derived and verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import sympy
from words import CAPTIONS

from cavi import models
from cavi.derive import CaviError, Derived, identities
from cavi.derive.identities import Identity
from cavi.derive.identities.amortised import D, H, M, N
from cavi.derive.identities.assumptions import Definition
from cavi.derive.identities.convexity import convexity
from cavi.derive.identities.jensen import F, G
from cavi.derive.identities.language import KL, Covariance, Elbo, Entropy, Expect, Gradient
from cavi.derive.identities.mean_field import energy, optimum
from cavi.derive.identities.setting import ABSTRACT, PARAMETRIC, SPLIT
from cavi.templates.article import Article, article
from cavi.templates.equation import TEXT_WIDTH, Equation, Link, system
from cavi.templates.html.view import display, table
from cavi.templates.html.view import rows as html_rows
from cavi.templates.identities import (
    chain_latex,
    chain_mathml,
    claim_latex,
    claim_mathml,
    expression_latex,
    expression_mathml,
)
from cavi.templates.identities.expression import ExpressionPrinter
from cavi.templates.identities.lines import DEFINED
from cavi.templates.korean import KOREAN
from cavi.templates.latex.view import rows
from cavi.templates.symbols import tex_text
from cavi.templates.update_view import UpdateView
from cavi.templates.words import speaker

Form = Literal["html", "tex"]
Language = Literal["en", "ko"]
MODELS = {"gaussian": "normal", "lda": "lda"}
# The encoder that the text counts: a million pictures of 28 by 28 points, ten latent dimensions.
SIZES = {N: 1_000_000, D: 10, M: 784, H: 500}

# Room for the formulas of a page, in em, where the names of rules stand beside them.
CHAIN_WIDTH = TEXT_WIDTH - 8.0


@cache
def names() -> dict[str, sympy.Basic]:
    """The expressions that running text speaks of, by name."""
    s, t = ABSTRACT, PARAMETRIC
    em = identities.load("em_bound").assumptions[0]
    variance = identities.load("gaussian_variance").claim
    logarithm = convexity(sympy.log(sympy.Symbol("u", positive=True)))
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
        "log": logarithm.function,
        "log_bend": logarithm.second_derivative,
        "log_q": sympy.log(s.q),
        "mean_log": Expect(sympy.log(G), s.q),
        "log_mean": sympy.log(Expect(G, s.q)),
        "ratio": s.joint / s.q,
        "break_even": identities.load("count_break_even").start.args[2],
    }


@cache
def definitions() -> dict[str, Definition]:
    """The definitions that the text states, by name."""
    em = identities.load("em_bound").assumptions[0]
    return {"Q": em, "F": energy(), "q_star": optimum()}


def grouped(number: int, form: Form) -> str:
    """A number with its digits in groups of three."""
    return f"{number:,}".replace(",", "\u2009" if form == "html" else r"\,")


@cache
def derived(name: str) -> Derived:
    """A worked model."""
    library = MODELS[name]
    return models.derived(library)


@cache
def _article(name: str, language: Language) -> Article:
    return speaker(language).translated(article(derived(name)))


@dataclass
class Formulas:
    """The helpers of the templates, for one output and one language; it remembers what was shown."""

    form: Form
    language: Language
    figures: Mapping[str, str]
    shown: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

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
            "size": self.size,
            "break_even": self.break_even,
            "define": self.define,
            "steps": self.steps,
            "moments": self.moments,
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
        table = KOREAN if self.language == "ko" else None
        if self.form == "html":
            return str(chain_mathml(identity, rule_names=table, limit=CHAIN_WIDTH))
        return chain_latex(identity, rule_names=table)

    def figure(self, name: str) -> str:
        """A figure with its caption."""
        self.shown.append(f"figure {name}")
        caption = CAPTIONS[name][self.language]
        if self.form == "html":
            return f"<figure>{self.figures[name]}<figcaption>{caption}</figcaption></figure>"
        size = r"width=0.78\linewidth,height=0.4\textheight,keepaspectratio"
        picture = rf"\includegraphics[{size}]{{{self.figures[name]}}}"
        # The box keeps a caption on the page of its figure.
        inside = f"\\centering\n{picture}\n\n{{\\small {caption}\\par}}\n"
        return f"\\begin{{center}}\n\\begin{{minipage}}{{\\linewidth}}{inside}\\end{{minipage}}\n\\end{{center}}"

    def count(self, name: str) -> str:
        """How many parameters, for the sizes of the example."""
        self.shown.append(f"count {name}")
        return self._number(self._identity(name).end)

    def size(self, name: str) -> str:
        """One of the sizes of the example."""
        self.shown.append(f"size {name}")
        return self._number(names()[name])

    def break_even(self) -> str:
        """The least whole number of data with which the encoder of the example is the smaller description."""
        self.shown.append("count break even")
        self._identity("count_break_even")
        return self._number(sympy.floor(names()["break_even"]) + 1)

    def _number(self, e: sympy.Basic) -> str:
        value = e.subs(SIZES)
        if not value.is_Integer:
            raise CaviError(f"{e} at the sizes of the example is {value}; expected a whole number")
        return grouped(int(value), self.form)

    def define(self, name: str) -> str:
        """A definition, set off from the text."""
        self.shown.append(f"define {name}")
        found, printer = definitions()[name], ExpressionPrinter()
        return self._display(
            system([Link(printer.draw(found.left), printer.draw(found.right), relation=DEFINED)], TEXT_WIDTH)
        )

    def _display(self, equations: Iterable[Equation]) -> str:
        if self.form == "html":
            return str(display(equations))
        return f"\\begin{{align*}}\n{rows(equations)}\n\\end{{align*}}"

    # --- worked models -----------------------------------------------------------------------

    def declaration(self, model: str) -> str:
        """The declaration of a model, a line for each variable."""
        self.shown.append(f"declaration {model}")
        lines = _article(model, self.language).declared
        if self.form == "html":
            from cavi.templates.html.view import _declared

            return str(table(r for d in lines for r in _declared(d)))
        from cavi.templates.latex.view import declared_rows as declared

        return "\\begin{align*}\n" + " \\\\\n".join(map(declared, lines)) + "\n\\end{align*}"

    def _view(self, model: str, latent: str) -> UpdateView:
        number = [u.factor.name for u in derived(model).updates].index(latent)
        return _article(model, self.language).updates[number]

    def update(self, model: str, latent: str) -> str:
        """The update of one factor."""
        self.shown.append(f"update {model} {latent}")
        view = self._view(model, latent)
        return self._display((*view.families, *view.formulas))

    def moments(self, model: str, latent: str) -> str:
        """The expectations under one factor that the others use."""
        self.shown.append(f"moments {model} {latent}")
        return self._display(self._view(model, latent).moments)

    def steps(self, model: str, latent: str) -> str:
        """How the update of one factor is derived, line by line, with the rules in the language of the text."""
        self.shown.append(f"steps {model} {latent}")
        said = [(s.equations, s.rule.name) for s in self._view(model, latent).steps if s.equations]
        self.rules += [rule for _, rule in said]
        if self.form == "html":
            cells = []
            for equations, rule in said:
                first, *others = [c for e in equations for c in html_rows(e)]
                cells += [(first[0], first[1], f"<mtext class='rule'>{rule}</mtext>"), *others]
            return str(table(cells))
        lines = []
        for equations, rule in said:
            first, *rest = rows(equations).split(" \\\\\n")
            beside = tex_text(rule, every_script=self.language == "ko")
            lines += [rf"{first} &\quad& \derivationrule{{{beside}}}", *rest]
        return "\\begin{alignat*}{2}\n" + " \\\\\n".join(lines) + "\n\\end{alignat*}"

    def bound(self, model: str) -> str:
        """The ELBO of a model, term by term."""
        self.shown.append(f"bound {model}")
        found = _article(model, self.language)
        return self._display((found.bound, *(e for t in found.bound_terms for e in t.equations)))
