"""Where values may lie: each argument of a distribution is checked, and what is known is passed on.

A hyperparameter used as a precision is positive; one used as a probability lies in (0, 1). The
narrowest use counts. A number outside the domain, or a latent whose support does not fit, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from cavi.derive import families
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import (
    Add,
    Apply,
    Condition,
    Expr,
    InverseOf,
    Mul,
    NamedConstant,
    Number,
    Ordered,
    Power,
    Probabilities,
    Ref,
    SizeOf,
    Softmax,
    SumOver,
)
from cavi.derive.index import Index

if TYPE_CHECKING:
    from cavi.derive.distribution import Distribution
    from cavi.derive.model import Variable

# Of so many parts a mixture is tried at all of its corners.
LARGEST_MIXTURE = 8

# How narrow a domain is, for numbers a known value may take.
_NARROWNESS = {
    "real": 0,
    "angle": 1,
    "nonnegative": 1,
    "positive": 2,
    "unit": 3,
    "count": 3,
    "simplex": 4,
    "binary": 4,
    "positive_definite": 4,
}

# The supports of latents that may stand where a domain is asked for.
_FITTING = {
    "positive": {"positive", "unit", "simplex", "above", "interval", "count"},
    "unit": {"unit", "simplex", "interval"},
    "simplex": {"simplex"},
    "positive_definite": {"positive_definite"},
}


def check_arguments(name: str, distribution: Distribution, variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """The variables of the model with the domains that this use of them tells.

    Raises:
        DeclarationError: naming the argument, its value and what it must be.
    """
    found = dict(variables)
    for parameter in families.lookup(distribution.family).parameters:
        if parameter.name not in distribution.args:
            continue
        arg = distribution.args[parameter.name]
        if parameter.known and not parameter.free:
            _check_known(name, distribution, parameter.name, arg, found)
        _visit(arg, parameter.domain, f"{name}: the {parameter.name} of {distribution.family}", found)
    return found


def _check_known(
    name: str, distribution: Distribution, parameter: str, arg: Expr, variables: Mapping[str, Variable]
) -> None:
    for ref in arg.refs():
        if variables[ref.name].is_random:
            raise DeclarationError(
                f"{name}: the {parameter} of {distribution.family} must be known, but {arg} contains the latent "
                f"{ref.name}; make {ref.name} a hyperparameter, or choose another family"
            )


def _visit(expr: Expr, domain: str, where: str, variables: dict[str, Variable]) -> None:
    """Narrow what the expression is made of so that its value lies in the domain."""
    if isinstance(expr, InverseOf):
        _visit(expr.body, "positive_definite", where, variables)
        return
    if isinstance(expr, Softmax):
        return  # of any real numbers
    if isinstance(expr, Ordered):
        _visit(expr.part, "positive", where, variables)
        return
    if isinstance(expr, Probabilities):
        _visit(expr.part, "unit", where, variables)
        return
    if domain == "positive_definite":
        _visit_matrix(expr, where, variables)
        return
    if domain not in ("positive", "unit", "simplex"):
        if isinstance(expr, Ref | Number):
            _leaf(expr, domain, where, variables)
        return
    match expr:
        case Number() | Ref():
            _leaf(expr, domain, where, variables)
        case NamedConstant() | SizeOf() if domain == "positive":
            pass
        case Mul() if domain in ("positive", "unit"):
            for factor in expr.factors:
                if not (isinstance(factor, Number) and factor.value == 1):
                    _visit(factor, domain, where, variables)
        case Power(base=Add(terms=(Number(value=one), rest)), exponent=Number(value=minus)) if (
            domain == "unit" and one >= 1 and minus < 0
        ):
            _visit(rest, "positive", where, variables)
        case Add() if domain == "positive" and not any(map(_is_negative, expr.terms)):
            for term in expr.terms:
                _visit(term, domain, where, variables)
        case Add() if (other := _complement(expr)) is not None and (domain == "unit" or _random(expr, variables)):
            _visit(other, "unit", where, variables)
        case Add() if domain == "unit" and (mixed := _mixed(expr)) is not None:
            for part in mixed:
                _visit(part, domain, where, variables)
        case SumOver() if domain == "positive":
            _visit(expr.body, domain, where, variables)
        case Power() if domain == "positive":
            if isinstance(expr.base, Ref) or not _is_even(expr.exponent):
                _even_or_positive(expr, where, variables)
        case Apply(name="exp") if domain == "positive":
            pass
        case Apply(name="probit") if domain in ("positive", "unit"):
            pass
        case _ if domain == "simplex" and _is_uniform(expr):
            pass
        case _:
            _uncertain(expr, domain, where, variables)


def _visit_matrix(expr: Expr, where: str, variables: dict[str, Variable]) -> None:
    """An element of a positive-definite matrix: its factors are the matrix itself and positive numbers."""
    match expr:
        case Condition(name="same"):
            pass
        case InverseOf():
            _visit_matrix(expr.body, where, variables)
        case Add() if not any(map(_is_negative, expr.terms)):
            for term in expr.terms:
                _visit_matrix(term, where, variables)
        case Mul():
            for factor in expr.factors:
                if _is_matrix(factor):
                    _visit_matrix(factor, where, variables)
                elif not isinstance(factor, Condition):
                    _visit(factor, "positive", where, variables)
        case Ref() if _is_matrix(expr):
            _narrow(expr, "positive_definite", where, variables)
        case _:
            _uncertain(expr, "positive_definite", where, variables)


def _is_matrix(expr: Expr) -> bool:
    """Whether the expression is an element of a square matrix at two different indices."""
    if isinstance(expr, Ref) and len(expr.subs) >= 2:
        row, column = expr.subs[-2:]
        return isinstance(row, Index) and isinstance(column, Index) and row != column and row.size == column.size
    return isinstance(expr, InverseOf | Mul | Add) and any(map(_is_matrix, expr.children))


def _even_or_positive(expr: Power, where: str, variables: dict[str, Variable]) -> None:
    """The base is positive; a real latent under an even exponent is left to conjugacy to judge."""
    base = expr.base
    if isinstance(base, Ref) and _is_even(expr.exponent) and variables[base.name].distribution is not None:
        return
    _visit(base, "positive", where, variables)


def _is_negative(expr: Expr) -> bool:
    return isinstance(expr, Mul) and any(isinstance(f, Number) and f.value < 0 for f in expr.factors)


def _is_even(exponent: Expr) -> bool:
    return isinstance(exponent, Number) and exponent.value % 2 == 0


def _complement(expr: Add) -> Expr | None:
    """p, where the expression is 1 - p."""
    match expr.terms:
        case (Number(value=one), Mul(factors=(Number(value=minus), other))) if one == 1 and minus == -1:
            return other
    return None


def _mixed(expr: Expr) -> tuple[Expr, ...] | None:
    """What an expression mixes, if it lies between 0 and 1 wherever they do: g + (1 - g) p, or 1/5 + 4/5 p.

    A polynomial that is linear in each of its parts takes its least and its largest value where all of them are 0 or 1.
    """
    parts: dict[str, Expr] = {}
    found = _linear_in_each(expr, parts)
    if found is None or not 0 < len(parts) <= LARGEST_MIXTURE:
        return None
    for ends in product((0, 1), repeat=len(parts)):
        ones = {name for name, end in zip(parts, ends, strict=True) if end}
        if not 0 <= sum(c for names, c in found.items() if names <= ones) <= 1:
            return None
    return tuple(parts.values())


def _linear_in_each(expr: Expr, parts: dict[str, Expr]) -> dict[frozenset[str], Fraction] | None:
    """The coefficient of every product of different parts, which are entered by their text; None with a square."""
    match expr:
        case Number():
            return {frozenset(): expr.value}
        case Power(base=Number(value=base), exponent=Number(value=exponent)) if base and exponent == -1:
            return {frozenset(): 1 / base}
        case Add():
            total: dict[frozenset[str], Fraction] = {}
            for term in expr.terms:
                if (own := _linear_in_each(term, parts)) is None:
                    return None
                for names, c in own.items():
                    total[names] = total.get(names, Fraction(0)) + c
            return total
        case Mul():
            whole = {frozenset[str](): Fraction(1)}
            for factor in expr.factors:
                if (own := _linear_in_each(factor, parts)) is None:
                    return None
                pairs = list(product(whole.items(), own.items()))
                if any(a & b for (a, _), (b, _) in pairs):
                    return None
                whole = {}
                for (a, c), (b, e) in pairs:
                    whole[a | b] = whole.get(a | b, Fraction(0)) + c * e
            return whole
    parts.setdefault(str(expr), expr)
    return {frozenset({str(expr)}): Fraction(1)}


def _is_uniform(expr: Expr) -> bool:
    """Whether the expression is one over a size, the same for every category."""
    match expr:
        case Mul(factors=(Number(value=one), Power(base=SizeOf() | Number(), exponent=Number(value=minus)))):
            return one == 1 and minus == -1
    return False


def _random(expr: Expr, variables: Mapping[str, Variable]) -> list[str]:
    return sorted({r.name for r in expr.refs() if variables[r.name].is_random})


def _uncertain(expr: Expr, domain: str, where: str, variables: Mapping[str, Variable]) -> None:
    random = _random(expr, variables)
    if not random and domain != "simplex":
        return
    wanted = {
        "positive_definite": "a positive-definite matrix",
        "positive": "above 0",
        "unit": "between 0 and 1",
        "simplex": "a probability vector",
    }[domain]
    raise DeclarationError(
        f"{where} is {expr}, which cannot be shown to be {wanted} for every value of "
        f"{', '.join(random) or 'its parts'}; use a variable whose prior has that support"
    )


def _leaf(expr: Number | Ref, domain: str, where: str, variables: dict[str, Variable]) -> None:
    if isinstance(expr, Ref):
        _narrow(expr, domain, where, variables)
    elif domain != "simplex":
        _check_number(expr.value, domain, where)
    else:
        raise DeclarationError(
            f"{where} is the number {expr.value}; expected a probability vector: declare m.hyper(name, k), a latent "
            "with a Dirichlet prior, or 1/size(k) for equal probabilities"
        )


def _check_number(value: Fraction, domain: str, where: str) -> None:
    good = {
        "positive": value > 0,
        "nonnegative": value >= 0,
        "unit": 0 < value < 1,
        "simplex": 0 <= value <= 1,
        "count": value >= 0 and value.denominator == 1,
    }.get(domain, True)
    if not good:
        wanted = {
            "positive": "a number above 0",
            "nonnegative": "a number of 0 or more",
            "unit": "a number between 0 and 1",
            "simplex": "a probability",
            "count": "a whole number of 0 or more",
        }[domain]
        raise DeclarationError(f"{where} is {value}; expected {wanted}")


def _instead(support: str, domain: str) -> str:
    if support == "binary" and domain in ("positive", "unit"):
        return "let it select instead, as a Categorical latent z over an index of two does in p[z[n]]"
    wider = {"positive": ", or square it or take exp of it", "unit": ", or take sigmoid or probit of it"}
    return f"give it a prior with that support{wider.get(domain, '')}"


def _narrow(ref: Ref, domain: str, where: str, variables: dict[str, Variable]) -> None:
    variable = variables[ref.name]
    if variable.role == "latent" or variable.distribution is not None:
        allowed = _FITTING.get(domain)
        if allowed is None or variable.distribution is None:
            return
        support = families.lookup(variable.distribution.family).support
        if variable.role == "observed":
            return
        if support not in allowed:
            raise DeclarationError(
                f"{where} is made of {ref}, whose support is {support} ({variable.distribution.family}); expected a "
                f"{domain} value: {_instead(support, domain)}"
            )
        return
    if variable.role == "observed_index":
        raise DeclarationError(f"{where} is the observed index {ref}; an index selects, it is not a number")
    if variable.role == "point" and variable.domain != domain and not variable.event:
        axes = {"simplex": 1, "positive_definite": 2}.get(domain, 0)
        if axes:
            cut = len(variable.plates) - axes
            variable = replace(variable, plates=variable.plates[:cut], event=variable.plates[cut:])
    if _NARROWNESS[domain] > _NARROWNESS[variable.domain]:
        variable = replace(variable, domain=domain)
    variables[ref.name] = variable
