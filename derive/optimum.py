"""What a builder of optimal factors is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cavi.derive.conditional import Conditional
from cavi.derive.derivation import Relation, Rule
from cavi.derive.expectation import Expectation, Pattern
from cavi.derive.factorisation import Block
from cavi.derive.families import Family
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.relaxations.relaxation import Tangent
from cavi.derive.result import Formula, Integral, Projected
from cavi.derive.rules import MAXIMISER, RECOGNITION
from cavi.derive.term import Polynomial


@dataclass(frozen=True)
class Link:
    """One link of the chain rule of a factor: a latent given those before it, as an ordinary distribution.

    Attributes:
        latent: whose distribution it is.
        plates: the factor's plates, and axes along which it is independent given those before it.
        event: the axes of one value.
        family: name of the family.
        args: its standard parameters, in parameters of the factor and elements of the latents before it; arrays by
            their element at the event axes.
        over: the index of its categories.
        chain: for a latent along a chain, how one element follows from the next.
    """

    latent: str
    plates: tuple[Index, ...]
    event: tuple[Index, ...]
    family: str
    args: Mapping[str, Polynomial]
    over: Index | None = None
    chain: Backward | None = None


@dataclass(frozen=True)
class Backward:
    """A chain, drawn one element after another: where `linked` is zero, the distribution has the arguments `last`.

    `direction` is the order: a factor is drawn from its last element back, a model from its first element on.
    """

    index: Index
    linked: Polynomial
    last: Mapping[str, Polynomial]
    direction: str = "backward"


@dataclass(frozen=True)
class Stage:
    """An intermediate form of log q between the averaged terms and the recognised density."""

    value: Polynomial
    rule: Rule
    conditions: tuple[str, ...] = ()
    relation: Relation = "= + const"


@dataclass(frozen=True)
class Optimum:
    """An optimal factor.

    Attributes:
        families: latent -> family.
        statistics: (statistic, coefficient) as found.
        formulas: how its parameters are computed, in order.
        log_q: log density of one element, in latents and parameters.
        entropy: of one element.
        moment: E_q of a pattern in the parameters; None where there is no closed form.
        density: the factor by the chain rule, in the order in which one would draw from it; empty for a point.
        stages: intermediate forms of log q, in order.
        maximised_by: the rule by which a point takes its value.
        from_marginals: standard parameters from marginal ones alone, as if elements were independent: a start.
        recognised_by: the rule by which log q is known from its statistics.
        known_as: what q is, in words; empty where the family says it.
        integral: E_q of a pattern as an integral over one number, where it has no closed form but that; None else.
        chosen: the method by which q was chosen where the optimum is in no family.
        height: the expected log joint at the mean of q, where the mean is to be its mode; of a point that is found by
            steps, at its value.
        climbs: for a point that is found by steps, the points that follow each of them, at their best given it.
        way_back: of Normals that are more than a mean and a precision, the natural parameters by which the formulas
            begin, in the standard ones.
        told_by: of a point, the coefficients that say something of it: where all of them are zero, it stays as it is.
    """

    families: Mapping[str, Family]
    statistics: tuple[tuple[Polynomial, Polynomial], ...]
    formulas: tuple[Formula, ...]
    log_q: Polynomial
    entropy: Polynomial
    moment: Callable[[Pattern], Polynomial | None]
    density: tuple[Link, ...] = ()
    from_marginals: tuple[Formula, ...] = ()
    stages: tuple[Stage, ...] = ()
    maximised_by: Rule = MAXIMISER
    recognised_by: Rule = RECOGNITION
    known_as: str = ""
    integral: Callable[[Pattern], Integral | Projected | None] | None = None
    chosen: str = ""
    height: Polynomial | None = None
    climbs: tuple[str, ...] | None = None
    way_back: tuple[Formula, ...] = ()
    told_by: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Request:
    """What a builder is given.

    `approximate` names the method for latents whose factor has no closed form; `like` are the statistics of the same
    factor at its best, which that of the prior alone is to have too. In the points of `concave` the expected log joint
    is known to be concave, together with what follows them.
    """

    model: Model
    block: Block
    conditional: Conditional
    expectation: Expectation
    tangents: Mapping[str, Tangent] = field(default_factory=dict)
    approximate: Mapping[str, str] = field(default_factory=dict)
    like: tuple[Pattern, ...] = ()
    concave: tuple[str, ...] = ()
