"""The local parameter of a bound: the tangent of a convex function h of a statistic s is best at s(ξ) = E[s(x)].

The expected bound is c (h(s(ξ)) + h'(s(ξ)) (E[s(x)] - s(ξ))): a tangent of h, evaluated at E[s(x)]. All tangents lie
below h, and the one that touches there reaches it.
"""

from __future__ import annotations

from dataclasses import replace

import sympy

from cavi.derive import families, functions
from cavi.derive.canonical import substitute, sum_over
from cavi.derive.errors import RelaxationError
from cavi.derive.expectation import Pattern
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index, Sub
from cavi.derive.optimum import Optimum, Request
from cavi.derive.optimum_point import finish
from cavi.derive.relaxations.bound import INVERSES, T, X
from cavi.derive.relaxations.relaxation import Tangent
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.rules import TANGENT_OPTIMUM
from cavi.derive.term import Element, Parameter, Polynomial, from_atom

# Statistic -> the name of its expectation, from which the value follows.
AUXILIARY = {X**2: "square", sympy.log(X): "mean_log", 1 / X: "mean_reciprocal"}


def tangent(request: Request) -> Optimum | None:
    """The best touching point of a bound.

    Raises:
        RelaxationError: when the weight of the term and its argument depend on each other under q.
    """
    (name, *_) = request.block.variables
    if name not in request.tangents:
        return None
    local = request.tangents[name]
    average = request.expectation.of
    if average(local.weight * local.statistic) != average(local.weight) * average(local.statistic):
        raise RelaxationError(
            f"the best value of {name} has no closed form: what multiplies the bounded term and the term itself depend "
            "on each other under q; put their latents into different factors"
        )
    if local.over is not None:
        return _array(request, local, average(local.statistic))
    plates = request.block.factor.plates
    mean = average(local.statistic)
    formulas: tuple[Formula, ...] = (Formula(name, "value", plates, mean, "standard"),)
    if local.form in AUXILIARY:
        inside = Parameter(name, AUXILIARY[local.form], plates)
        formulas = (
            Formula(name, inside.name, plates, mean, "auxiliary"),
            Formula(name, "value", plates, from_sympy(INVERSES[local.form], {T: from_atom(inside)}), "standard"),
        )
    family = families.lookup("Normal" if local.variable.domain == "real" else "Gamma")
    found = finish(request, local.variable, formulas, family, plates)
    return replace(found, maximised_by=TANGENT_OPTIMUM)


def _array(request: Request, local: Tangent, mean: Polynomial) -> Optimum:
    """An array of touching points; where it enters by its log-sum-exp, that and the softmax are computed as such."""
    variable = local.variable
    name, plates, axes = variable.name, variable.plates, variable.indices
    formulas: tuple[Formula, ...] = (Formula(name, "value", axes, mean, "standard"),)
    known: dict[Polynomial, Polynomial] = {}
    if local.softmax:
        element = from_atom(Element(name, axes))
        total = functions.log(sum_over(functions.exp(element), variable.event))
        known[total] = from_atom(Parameter(name, "log_total", plates))
        known[functions.exp(element - total)] = from_atom(Parameter(name, "weights", axes))
        formulas += (
            Formula(name, "log_total", plates, ArrayOperation("logsumexp", "value"), "derived"),
            Formula(name, "weights", axes, ArrayOperation("softmax", "value"), "derived"),
        )
    family = families.lookup("MultivariateNormal")
    found = finish(request, variable, formulas, family, axes)

    def moment(pattern: Pattern) -> Polynomial | None:
        at: dict[Index, Sub] = dict(zip(axes, pattern.indices, strict=False))
        for p, value in known.items():
            if substitute(p, at) == pattern.polynomial:
                return substitute(value, at)
        return found.moment(pattern)

    return replace(found, maximised_by=TANGENT_OPTIMUM, moment=moment)
