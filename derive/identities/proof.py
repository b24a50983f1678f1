"""Building a derivation: an expression, and rules applied to it one after another.

Nobody writes down the lines of a proof: each line is what the rule makes of the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy

from cavi.derive.derivation import Derivation, Relation, Rule, Step
from cavi.derive.errors import CaviError
from cavi.derive.identities.assumptions import Assumption
from cavi.derive.identities.rewriting import Rewrite, rewritten


class ProofError(CaviError):
    """A rule was cited that does not apply to the line before it."""


@dataclass(frozen=True)
class Identity(Derivation[sympy.Expr]):
    """A derivation about arbitrary densities, from the axioms named in `assumptions`.

    Attributes:
        name: in the catalogue.
        group: the chapter it belongs to.
        summary: what it says, in words.
        source: book and equation.
        start: the first line.
        assumptions: what is taken for granted about the densities, functions and parameters in it.
    """

    name: str = ""
    group: str = ""
    summary: str = ""
    source: str = ""
    start: sympy.Expr = sympy.S.Zero
    assumptions: tuple[Assumption, ...] = ()

    @property
    def end(self) -> sympy.Expr:
        """The last line."""
        return self.steps[-1].after if self.steps else self.start

    @property
    def relation(self) -> Relation:
        """How the first line compares with the last: = unless a step is an inequality."""
        found = {s.relation for s in self.steps if s.relation != "="}
        return found.pop() if found else "="

    @property
    def claim(self) -> tuple[sympy.Expr, Relation, sympy.Expr]:
        """First line, relation, last line."""
        return self.start, self.relation, self.end

    def plain(self) -> dict[str, Any]:
        """The derivation as plain data, the only thing that `verify` reads."""
        from cavi.derive.identities.plain import plain

        return plain(self)

    def latex(self, fragment: bool = True) -> str:
        """The derivation in LaTeX: displays to paste into a document, or a whole article."""
        return self._render("identity_latex" if fragment else "identity_article")

    def html(self) -> str:
        """The derivation as a self-contained HTML page."""
        return self._render("identity_html")

    def _render(self, kind: str) -> str:
        from cavi.derive.render import render

        return render(kind, self)

    def _repr_latex_(self) -> str:
        return self._render("identity_display")

    def __str__(self) -> str:
        from cavi.derive.identities.text import show_identity

        return show_identity(self)


EARLIER = Rule("earlier result", "One side of an identity that is already derived takes the place of the other.")


def lemma(identity: Identity, backwards: bool = False) -> Rewrite:
    """Zero added to the line: the right side less the left side of an identity (or `backwards`).

    Raises:
        ProofError: for an inequality.
    """
    left, relation, right = identity.claim
    if relation != "=":
        raise ProofError(f"{identity.title!r} is not an equation; it cannot be used as a lemma")
    zero = left - right if backwards else right - left
    return Rewrite(EARLIER, lambda e: e + zero, (identity.title,), whole=True)


@dataclass(frozen=True)
class Proof:
    """The lines so far; every method returns a longer proof."""

    start: sympy.Expr
    steps: tuple[Step[sympy.Expr], ...] = ()

    @property
    def line(self) -> sympy.Expr:
        """The last line."""
        return self.steps[-1].after if self.steps else self.start

    def by(self, *rewrites: Rewrite, only: Callable[[sympy.Expr], bool] | None = None) -> Proof:
        """The rules applied in turn, each to the line before it; `only` limits the places.

        Raises:
            ProofError: when a rule does not apply, or an inequality would turn the chain around.
        """
        proof = self
        for rewrite in rewrites:
            outcome = rewritten(proof.line, rewrite, only)
            if outcome is None or outcome.after == proof.line:
                raise ProofError(f"the rule {rewrite.rule.name!r} does not apply to {proof.line}")
            directions = {s.relation for s in proof.steps} | {outcome.relation}
            if {"≤", "≥"} <= directions:
                raise ProofError(f"the rule {rewrite.rule.name!r} would turn the chain of inequalities around")
            step = Step(proof.line, outcome.after, rewrite.rule, rewrite.conditions, outcome.relation, outcome.gap)
            proof = replace(proof, steps=(*proof.steps, step))
        return proof

    def titled(
        self,
        title: str,
        *,
        conclusion: str = "",
        summary: str = "",
        source: str = "",
        assumptions: tuple[Assumption, ...] = (),
    ) -> Identity:
        """The finished derivation."""
        from cavi.derive.identities.text import show

        return Identity(
            title,
            show(self.start),
            self.steps,
            conclusion,
            summary=summary,
            source=source,
            start=self.start,
            assumptions=assumptions,
        )
