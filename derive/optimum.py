"""What a builder of optimal factors is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cavi.derive.conditional import Conditional
from cavi.derive.expectation import Expectation, Pattern
from cavi.derive.factorisation import Block
from cavi.derive.families import Family
from cavi.derive.model import Model
from cavi.derive.result import Formula
from cavi.derive.term import Polynomial


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
    """

    families: Mapping[str, Family]
    statistics: tuple[tuple[Polynomial, Polynomial], ...]
    formulas: tuple[Formula, ...]
    log_q: Polynomial
    entropy: Polynomial
    moment: Callable[[Pattern], Polynomial | None]


@dataclass(frozen=True, eq=False)
class Request:
    """What a builder is given."""

    model: Model
    block: Block
    conditional: Conditional
    expectation: Expectation
