"""From statistics to an optimal factor: family, parameters, density, moments and entropy.

One builder for each kind of factor, tried in the order of `BUILDERS`; a builder returns None to
decline. A builder never looks at the name of a prior, only at the support and the statistics.
"""

from __future__ import annotations

from collections.abc import Callable

from cavi.derive.optimum import Optimum, Request
from cavi.derive.optimum_chosen import chosen
from cavi.derive.optimum_discrete import discrete
from cavi.derive.optimum_gaussian import gaussian
from cavi.derive.optimum_kalman import kalman
from cavi.derive.optimum_markov import markov
from cavi.derive.optimum_matrix import matrix
from cavi.derive.optimum_mixed import mixed
from cavi.derive.optimum_newton import newton
from cavi.derive.optimum_numeric import numeric
from cavi.derive.optimum_point import point
from cavi.derive.optimum_scalar import scalar
from cavi.derive.optimum_tangent import tangent
from cavi.derive.optimum_vector import category, counts_with_total, simplex

Builder = Callable[[Request], Optimum | None]

# The last one declines nothing: it refuses what it cannot build.
BUILDERS: tuple[Builder, ...] = (
    tangent,
    newton,
    numeric,
    chosen,
    point,
    markov,
    discrete,
    mixed,
    category,
    simplex,
    counts_with_total,
    matrix,
    kalman,
    gaussian,
    scalar,
)


def optimum(request: Request) -> Optimum:
    """The optimal factor of a block.

    Raises:
        NonConjugateError: when no builder knows the form.
    """
    for builder in BUILDERS:
        found = builder(request)
        if found is not None:
            return found
    raise AssertionError("the scalar builder declined")
