"""Factors over an event index: categories, probability vectors, counts with an observed total."""

from __future__ import annotations

from cavi.derive import families, functions
from cavi.derive.errors import DeclarationError
from cavi.derive.expand import expand
from cavi.derive.expression import AnySub, Ref, SumOver
from cavi.derive.families.event import total_over, xlogx
from cavi.derive.index import Index
from cavi.derive.model import Variable
from cavi.derive.optimum import Link, Optimum, Request
from cavi.derive.recognise import not_conjugate
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import (
    Element,
    Indicator,
    Parameter,
    Polynomial,
    from_atom,
    number,
)


def category(request: Request) -> Optimum | None:
    """A categorical latent: log q* = Σ_k [z=k] logit_k + const."""
    variable = _only(request, "category")
    if variable is None or variable.over is None:
        return None
    over, plates = variable.over, request.block.factor.plates
    chosen = from_atom(Indicator(variable.name, plates, over))
    logits = _coefficient(request, variable, {chosen})[chosen]
    probs = from_atom(Parameter(variable.name, "probs", (*plates, over)))
    return Optimum(
        families={variable.name: families.lookup("Categorical")},
        statistics=((chosen, logits),),
        formulas=(
            Formula(variable.name, "logits", (*plates, over), logits, "auxiliary"),
            Formula(variable.name, "probs", (*plates, over), ArrayOperation("softmax", "logits"), "standard"),
        ),
        log_q=total_over(chosen * functions.log(probs), over),
        entropy=-total_over(xlogx(probs), over),
        moment=lambda pattern: probs if pattern.polynomial == chosen else None,
        density=(Link(variable.name, plates, (), "Categorical", {"probs": probs}, over),),
    )


def simplex(request: Request) -> Optimum | None:
    """A probability vector with statistics log π_k: a Dirichlet."""
    variable = _only(request, "simplex")
    if variable is None:
        return None
    (over,), plates = variable.event, request.block.factor.plates
    axes = (*plates, over)
    element = from_atom(Element(variable.name, axes))
    statistic = functions.log(element)
    coefficient = _coefficient(request, variable, {statistic})[statistic]
    c = from_atom(Parameter(variable.name, "concentration", axes))
    whole = total_over(c, over)
    mean_log = functions.apply("digamma", c) - functions.apply("digamma", whole)
    family = families.lookup("Dirichlet")
    normaliser = functions.lgamma(whole) - total_over(functions.lgamma(c), over)
    values = {statistic: mean_log, element: c * functions.reciprocal(whole)}
    log_q = family.density(element, {"concentration": c}, (over,))
    return Optimum(
        families={variable.name: family},
        statistics=((statistic, coefficient),),
        formulas=(Formula(variable.name, "concentration", axes, coefficient + number(1), "standard"),),
        log_q=log_q,
        entropy=-normaliser - total_over((c - number(1)) * mean_log, over),
        moment=lambda pattern: values.get(pattern.polynomial),
        density=(Link(variable.name, plates, (over,), "Dirichlet", {"concentration": c}),),
    )


def counts_with_total(request: Request) -> Optimum | None:
    """Counts whose sum is observed, or known beforehand: log q* = Σ_k s_k log r_k - log s_k!, a Multinomial."""
    block = request.block
    if len(block.variables) != 1:
        return None
    (variable,) = block.variables.values()
    found = _known_total(variable) or _observed_total(request, variable)
    if found is None:
        return None
    total, over = found
    plates = block.factor.plates
    axes = (*plates, over)
    element = from_atom(Element(variable.name, axes))
    factorial = functions.lgamma(element + number(1))
    coefficients = _coefficient(request, variable, {element, factorial})
    if coefficients[factorial] != number(-1):
        raise not_conjugate(block, factorial, coefficients, variable)
    logits = coefficients[element]
    probs = from_atom(Parameter(variable.name, "probs", axes))
    mean = total * probs
    log_q = families.lookup("Multinomial").density(element, {"total": total, "probs": probs}, (over,))
    base = request.expectation.of(total_over(factorial, over))
    entropy = -functions.lgamma(total + number(1)) - total * total_over(xlogx(probs), over) + base
    return Optimum(
        families={variable.name: families.lookup("Multinomial")},
        statistics=((element, logits), (factorial, number(-1))),
        formulas=(
            Formula(variable.name, "logits", axes, logits, "auxiliary"),
            Formula(variable.name, "probs", axes, ArrayOperation("softmax", "logits"), "standard"),
        ),
        log_q=log_q,
        entropy=entropy,
        moment=lambda pattern: mean if pattern.polynomial == element else None,
        density=(Link(variable.name, plates, (over,), "Multinomial", {"total": total, "probs": probs}),),
    )


def _known_total(variable: Variable) -> tuple[Polynomial, Index] | None:
    """The total that is declared, and the axis that the counts run over."""
    if variable.distribution is None or variable.distribution.family != "Multinomial":
        return None
    return expand(variable.distribution.args["total"]), variable.event[0]


def _only(request: Request, support: str) -> Variable | None:
    if len(request.block.variables) != 1:
        return None
    (variable,) = request.block.variables.values()
    if variable.distribution is None:
        return None
    return variable if families.lookup(variable.distribution.family).support == support else None


def _coefficient(request: Request, variable: Variable, allowed: set[Polynomial]) -> dict[Polynomial, Polynomial]:
    """The coefficients of the allowed statistics; any other statistic is refused."""
    terms: dict[Polynomial, Polynomial] = {}
    for pattern, coefficient in request.conditional.coefficients.items():
        if pattern.polynomial not in allowed:
            every = {p.polynomial: c for p, c in request.conditional.coefficients.items()}
            raise not_conjugate(request.block, pattern.polynomial, every, variable)
        terms[pattern.polynomial] = coefficient
    return {s: terms.get(s, number(0)) for s in allowed}


def _observed_total(request: Request, variable: Variable) -> tuple[Polynomial, Index] | None:
    """The observed sum that the latent's elements add up to, and the axis it runs over."""
    for observed in request.model.with_role("observed"):
        expr = observed.constraint
        if expr is None or variable.name not in {r.name for r in expr.refs()}:
            continue
        if not isinstance(expr, SumOver) or not isinstance(expr.body, Ref):
            raise DeclarationError(
                f"{observed.name} = {expr}: only the sum of one latent over one index can be observed, "
                f"as in Sum({variable.name}[...], k)"
            )
        if variable.distribution is None or families.lookup(variable.distribution.family).support != "count":
            raise DeclarationError(
                f"{observed.name} = {expr}: {variable.name} must be a count (Poisson) to have an observed sum"
            )
        subs = expr.body.subs
        axis = next((a for a, s in enumerate(subs) if s == expr.index), None)
        if axis is None or any(not isinstance(s, Index) for s in subs) or subs.count(expr.index) != 1:
            raise DeclarationError(f"{observed.name} = {expr}: write one index for each axis of {variable.name}")
        over = variable.indices[axis]
        places: dict[AnySub, Index] = dict(zip(subs, variable.indices, strict=True))
        if set(observed.plates) != set(places) - {expr.index}:
            raise DeclarationError(
                f"{observed.name} = {expr}: its plates must be those of {variable.name} but the summed one"
            )
        return from_atom(Element(observed.name, tuple(places[i] for i in observed.plates))), over
    return None
