"""A factor of one or two numbers whose optimum is in no family: exact as it is, and normalised numerically.

    log q*(x) = Σ_j η_j t_j(x) - A(η),   H[q] = A(η) - Σ_j η_j E[t_j(x)]

The functions t_j are whatever stands in the complete conditional, and η_j their expected coefficients. A statistic that
contains known data, such as log(1 + exp(w x[n])), has a coefficient for each of them. The optimum of coordinate ascent
is not approximated: only A and the moments are numbers found by quadrature. Of a block of two numbers the coefficients
and the normaliser stand with the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cavi.derive.canonical import sum_over
from cavi.derive.errors import ApproximationError
from cavi.derive.expectation import Pattern
from cavi.derive.families.numeric import COORDINATES, DIGITS, MOST, NumericFamily
from cavi.derive.methods import QUADRATURE
from cavi.derive.model import Variable
from cavi.derive.optimum import Optimum, Request
from cavi.derive.recognise import element_of, support_of
from cavi.derive.result import Formula, Integral
from cavi.derive.rules import NORMALISED_NUMERICALLY
from cavi.derive.term import ZERO, Parameter, Polynomial, from_atom


def numeric(request: Request) -> Optimum | None:
    """The optimum of a number, or of a block of two, for which quadrature was asked.

    Raises:
        ApproximationError: for a factor that is not of one or two numbers on supports that have a coordinate.
    """
    asked = [m for n in request.block.variables if (m := request.approximate.get(n)) is not None]
    if QUADRATURE not in asked:
        return None
    variables = _numbers(request, asked)
    first = variables[0]
    plates = request.block.factor.plates
    terms = _terms(request)
    formulas: list[Formula] = []
    log_density, energy = ZERO, ZERO
    for number, (pattern, coefficient) in enumerate(terms.items(), start=1):
        axes = pattern.indices
        formulas.append(Formula(first.name, f"eta_{number}", axes, coefficient, "standard"))
        eta = from_atom(Parameter(first.name, f"eta_{number}", axes))
        data = [i for i in axes if i not in plates]
        log_density = log_density + sum_over(eta * pattern.polynomial, data)
        energy = energy + sum_over(eta * request.expectation.of(pattern.polynomial), data)
    supports = tuple((v.name, support_of(v)) for v in variables)
    formulas.append(
        Formula(first.name, "log_normaliser", plates, Integral("log_normaliser", log_density, supports), "derived")
    )
    for v in variables:
        mean = Integral("expectation", log_density, supports, element_of(request.block, v))
        formulas.append(Formula(v.name, "mean", plates, mean, "marginal"))
        formulas.append(Formula(v.name, "deviation", plates, Integral("deviation", log_density, supports), "marginal"))
    if len(variables) > 1:
        correlation = Integral("correlation", log_density, supports)
        formulas.append(Formula(first.name, "correlation", plates, correlation, "marginal"))
    normaliser = from_atom(Parameter(first.name, "log_normaliser", plates))
    return Optimum(
        families={n: NumericFamily(support) for n, support in supports},
        statistics=tuple((p.polynomial, c) for p, c in terms.items()),
        formulas=tuple(formulas),
        log_q=log_density - normaliser,
        entropy=normaliser - energy,
        moment=lambda pattern: None,
        recognised_by=NORMALISED_NUMERICALLY,
        known_as=f"normalised numerically, to a relative 1e-{DIGITS}",
        integral=lambda pattern: Integral("expectation", log_density, supports, pattern.polynomial),
    )


def _terms(request: Request) -> Mapping[Pattern, Polynomial]:
    """Statistic -> coefficient; statistics that the factor has at its best, but not here, with the coefficient zero."""
    found = dict(request.conditional.coefficients)
    if not request.like:
        return found
    missing = [p for p in found if p not in request.like]
    return {p: found.get(p, ZERO) for p in (*request.like, *missing)}


def _numbers(request: Request, asked: Sequence[str]) -> tuple[Variable, ...]:
    """The numbers that the factor is of.

    Raises:
        ApproximationError: for other factors, and where another method was asked for one of its latents.
    """
    factor = request.block.factor
    variables = tuple(request.block.variables.values())
    begin = f"approximate={{{factor.name!r}: 'quadrature'}}"
    if set(asked) != {QUADRATURE}:
        raise ApproximationError(
            f"{begin}: found {' and '.join(dict.fromkeys(asked))} for the latents of one factor; expected one method "
            "for all of them"
        )
    if len(variables) > MOST or factor.event:
        raise ApproximationError(
            f"{begin}: q({factor.name}) is over more than two numbers; quadrature is for factors of one number, such "
            "as a latent on its own that is no vector and not kept together along a plate, and for blocks of two such "
            "latents with the same plates"
        )
    known = ", ".join(COORDINATES)
    for v in variables:
        support = support_of(v)
        if support not in COORDINATES:
            raise ApproximationError(f"{begin}: {v.name} has the support {support}; expected one of {known}")
        if factor.point:
            raise ApproximationError(
                f"{begin}: {v.name} is a point parameter, which is maximised; declare it with m.latent"
            )
    if not request.conditional.coefficients:
        raise ApproximationError(f"{begin}: nothing depends on {', '.join(v.name for v in variables)}")
    return variables


def integrals(latent: str, best: Optimum, patterns: Sequence[tuple[str, Pattern]]) -> dict[str, Formula]:
    """A formula for every expectation that was met and has no closed form, by its key."""
    assert best.integral is not None
    found: dict[str, Formula] = {}
    for key, pattern in patterns:
        value = best.integral(pattern)
        if value is None:
            continue
        name = _word(key, {f.name for f in found.values()})
        found[key] = Formula(latent, name, pattern.indices, value, "derived")
    return found


def _word(key: str, taken: set[str]) -> str:
    """A name for the expectation of a pattern: letters and digits of its key."""
    key = key.replace("Γ", "gamma")
    word = "".join(c if c.isascii() and c.isalnum() else "_" for c in key.replace("^", "_power_")).strip("_")
    name = "E_" + "_".join(filter(None, word.split("_")))
    while name in taken:
        name += "_"
    return name
