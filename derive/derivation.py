"""Derivations: chains of steps, each with the named rule that allows it.

A rule states in one sentence what it does and under which condition; a step holds the expression
before and after. In the derivation of a model both sides are polynomials in the normal form, where
``Function("E", (p,))`` stands for an expectation under q that is not yet taken; in an identity they
are SymPy expressions. So a machine can evaluate and compare them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Relation = Literal["=", "= + const", "≤", "≥", "<", ">", "→"]
E = TypeVar("E")


@dataclass(frozen=True)
class Rule:
    """A named rule of inference: a one-sentence statement, its side condition and its source."""

    name: str
    statement: str
    condition: str = ""
    source: str = ""


@dataclass(frozen=True)
class Step(Generic[E]):
    """One line of a derivation: ``before  relation  after``, by `rule`.

    `relation` is ``=``, ``≤``, ``≥`` or ``= + const``: equal up to terms free of the latents of the factor; ``→`` where
    one expression is put in the place of another, by choice.
    `conditions` are the side conditions of the rule as they read for this step; `gap` is the larger side of
    an inequality minus the smaller one, in a form that is seen to be non-negative.
    """

    before: E
    after: E
    rule: Rule
    conditions: tuple[str, ...] = ()
    relation: Relation = "="
    gap: E | None = None


@dataclass(frozen=True)
class Derivation(Generic[E]):
    """A chain of steps that ends in `conclusion` (a sentence); `left` is what is being rewritten."""

    title: str
    left: str
    steps: tuple[Step[E], ...]
    conclusion: str = ""

    def __iter__(self) -> Iterator[Step[E]]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)
