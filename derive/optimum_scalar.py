"""A factor of one scalar latent: any family of the catalogue, by support and statistics."""

from __future__ import annotations

from collections.abc import Mapping

from cavi.derive.expectation import Pattern
from cavi.derive.families.base import X
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.model import Variable
from cavi.derive.optimum import Link, Optimum, Request
from cavi.derive.recognise import (
    Recognised,
    as_sympy,
    element_of,
    parameter_env,
    recognise_scalar,
    scalar_formulas,
)
from cavi.derive.remedies import refusal
from cavi.derive.result import Formula
from cavi.derive.term import Polynomial


def scalar(request: Request) -> Optimum:
    """The optimum of a single scalar latent."""
    block = request.block
    if len(block.variables) > 1 or block.factor.event:
        raise refusal(
            block.factor,
            request.conditional.averaged,
            list(block.variables),
            "of a form that a joint block is known for (a Normal given a scale, or jointly Normal elements)",
        )
    (variable,) = block.variables.values()
    return scalar_optimum(request, variable, request.conditional.coefficients, ())


def scalar_optimum(
    request: Request,
    variable: Variable,
    coefficients: Mapping[Pattern, Polynomial],
    before: tuple[Formula, ...],
) -> Optimum:
    """The optimum of a scalar latent whose statistics have these coefficients."""
    block = request.block
    plates = block.factor.plates
    recognised = recognise_scalar(block, variable, coefficients)
    family = recognised.family
    env = parameter_env(family, variable, plates, recognised.known)
    x = element_of(block, variable)
    log_base = from_sympy(family.log_base, {**recognised.known, X: x})
    entropy = from_sympy(family.entropy_closed, env) - request.expectation.of(log_base)
    return Optimum(
        families={variable.name: family},
        statistics=recognised.statistics,
        formulas=(*before, *scalar_formulas(variable, recognised, plates)),
        log_q=from_sympy(family.log_density, {**env, X: x}),
        entropy=entropy,
        moment=lambda pattern: scalar_moment(recognised, variable, plates, x, pattern.polynomial),
        density=(Link(variable.name, plates, (), family.name, {p.name: env[p.symbol] for p in family.parameters}),),
    )


def scalar_moment(
    recognised: Recognised, variable: Variable, plates: tuple[Index, ...], x: Polynomial, pattern: Polynomial
) -> Polynomial | None:
    """E[pattern] in the parameters of a recognised family; None where there is no closed form."""
    expr = as_sympy(pattern, x, recognised.known)
    if expr is None:
        return None
    value = recognised.family.moment(expr)
    if value is None:
        return None
    return from_sympy(value, parameter_env(recognised.family, variable, plates, recognised.known))
