"""From statistics to an optimal factor: family, parameters, density, moments and entropy.

One builder for each kind of factor, tried in the order of `BUILDERS`; a builder returns None to
decline. A builder never looks at the name of a prior, only at the support and the statistics.
"""

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


Builder = Callable[[Request], Optimum | None]


def optimum(request: Request) -> Optimum:
    """The optimal factor of a block.

    Raises:
        NonConjugateError: when no builder knows the form.
    """
    from cavi.derive.optimum_chain import chain
    from cavi.derive.optimum_joint import joint_normal
    from cavi.derive.optimum_point import point
    from cavi.derive.optimum_scalar import scalar
    from cavi.derive.optimum_vector import category, counts_with_total, simplex

    builders: tuple[Builder, ...] = (point, category, simplex, counts_with_total, chain, joint_normal, scalar)
    for builder in builders:
        found = builder(request)
        if found is not None:
            return found
    raise AssertionError("the scalar builder refuses what it cannot build")
