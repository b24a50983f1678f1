"""What a relaxation has done to a model: the record that every rendering and the checker read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import sympy

from cavi.derive import functions
from cavi.derive.derivation import Derivation, Rule
from cavi.derive.index import Index
from cavi.derive.relaxations.bound import X
from cavi.derive.term import Polynomial

if TYPE_CHECKING:
    from cavi.derive.model import Variable


@dataclass(frozen=True)
class Tangent:
    """A local parameter ξ of a bound, and what its optimum follows from.

    Attributes:
        variable: ξ, a point parameter on the plates of its term.
        argument: x at those plates, where the bound touches.
        statistic: s(x): at the optimum s(ξ) is its expectation.
        weight: what multiplies the function, never negative.
        form: s as a function of x, in SymPy.
        over: the index of an array x_k: ξ is an array over it, of values of s, and touches at ξ_k = s(x_k).
        softmax: whether ξ enters as log Σ_k exp ξ_k and its derivatives.
        convex: the convex function of the statistic whose tangent it is, in `T`; None of an array and of a count.
    """

    variable: Variable
    argument: Polynomial
    statistic: Polynomial
    weight: Polynomial
    form: sympy.Expr
    over: Index | None = None
    softmax: bool = False
    convex: sympy.Expr | None = None

    @property
    def touches(self) -> Polynomial:
        """The value of ξ at which the bound touches."""
        if self.over is not None:
            return self.statistic
        return functions.absolute(self.argument) if self.form == X**2 else self.argument


@dataclass(frozen=True)
class Relaxation:
    """A node whose log density was replaced.

    Attributes:
        node: its name.
        name: of the rule.
        kind: ``bound``: what replaces it is never larger; ``augmentation``: it is what integrating `variables` out of
            the replacement leaves.
        rule: the rule with its statement and source.
        variables: the names of the local parameters or the auxiliary latents.
        declared: the log density as declared, summed over its plates.
        value: what stands in its place.
        proof: why that is allowed, in SymPy.
        allowed_by: the rule that lets it stand in the log joint.
        reasons: why it was chosen, where it was not asked for.
        tangents: the local parameters of a bound that touches, by name.
        through: for a bound in two steps, of which the first touches nowhere: what the first has put in the place of
            the density. The second touches it.
        tilts: the local parameters whose best value has no closed form.
    """

    node: str
    name: str
    kind: Literal["bound", "augmentation"]
    rule: Rule
    variables: tuple[str, ...]
    declared: Polynomial
    value: Polynomial
    proof: Derivation[Any] = field(repr=False)
    allowed_by: Rule
    reasons: tuple[str, ...] = ()
    tangents: Mapping[str, Tangent] = field(default_factory=dict, repr=False)
    through: Polynomial | None = field(default=None, repr=False)
    tilts: tuple[str, ...] = ()

    def proposed(self, names: Sequence[str], reasons: Sequence[str] = ()) -> Relaxation:
        """The record of a rule that was not asked for but chosen among these, the cheapest first; `reasons` for it."""
        if not names:
            return self
        others = ", ".join(n for n in names if n not in self.name.split(", ")) or "none"
        why = f"chosen because the node is not conjugate without it; other rules for this form: {others}"
        return replace(self, reasons=(*self.reasons, why, *reasons))


def joined(first: Relaxation, second: Relaxation) -> Relaxation:
    """The record of two bounds of one node, the second applied to what the first had left."""
    both = (first.rule, second.rule)
    rule = Rule(
        " and ".join(dict.fromkeys(r.name for r in both)),
        " ".join(r.statement for r in both),
        "; ".join(r.condition for r in both if r.condition),
        "; ".join(dict.fromkeys(r.source for r in both if r.source)),
    )
    title = f"{first.proof.title} and {second.proof.title}"
    proof = Derivation(
        title,
        first.proof.left,
        (*first.proof.steps, *second.proof.steps),
        f"{first.proof.conclusion}; {second.proof.conclusion}",
    )
    return replace(
        first,
        name=", ".join(dict.fromkeys((first.name, second.name))),
        through=second.through if first.through is None else first.through,
        rule=rule,
        variables=(*first.variables, *second.variables),
        value=second.value,
        proof=proof,
        tangents={**first.tangents, **second.tangents},
        tilts=(*first.tilts, *second.tilts),
    )
