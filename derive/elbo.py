"""The ELBO term by term: the expected log density of every node, the entropy of every factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cavi.derive.canonical import multiply, sum_over
from cavi.derive.expectation import Expectation
from cavi.derive.optimum import Optimum
from cavi.derive.result import ElboTerm, Factor
from cavi.derive.term import Polynomial


def elbo_terms(
    nodes: Mapping[str, Polynomial], factors: Sequence[tuple[Factor, Optimum]], expectation: Expectation
) -> tuple[ElboTerm, ...]:
    """L = Σ_nodes E[log p(node | parents)] + Σ_factors H[q]; a point factor has no entropy."""
    terms = [ElboTerm(name, "expected log density", expectation.of(p), p) for name, p in nodes.items()]
    for factor, best in factors:
        if factor.point:
            continue
        one = best.entropy if factor.weight is None else multiply(factor.weight, best.entropy)
        minus = -best.log_q if factor.weight is None else multiply(factor.weight, -best.log_q)
        terms.append(ElboTerm(factor.name, "entropy", sum_over(one, factor.plates), sum_over(minus, factor.plates)))
    return tuple(terms)
