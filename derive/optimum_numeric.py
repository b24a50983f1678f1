"""A factor of one number whose optimum is in no family: exact as it is, and normalised numerically.

    log q*(x) = Σ_j η_j t_j(x) - A(η),   H[q] = A(η) - Σ_j η_j E[t_j(x)]

The functions t_j are whatever stands in the complete conditional, and η_j their expected coefficients. A statistic that
contains known data, such as log(1 + exp(w x[n])), has a coefficient for each of them. The optimum of coordinate ascent
is not approximated: only A and the moments are numbers found by quadrature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cavi.derive.canonical import sum_over
from cavi.derive.errors import ApproximationError
from cavi.derive.expectation import Pattern
from cavi.derive.families.numeric import COORDINATES, DIGITS, NumericFamily
from cavi.derive.methods import QUADRATURE
from cavi.derive.model import Variable
from cavi.derive.optimum import Optimum, Request
from cavi.derive.recognise import element_of, support_of
from cavi.derive.result import Formula, Integral
from cavi.derive.rules import NORMALISED_NUMERICALLY
from cavi.derive.term import ZERO, Parameter, Polynomial, from_atom


def numeric(request: Request) -> Optimum | None:
    """The optimum of a number for which quadrature was asked.

    Raises:
        ApproximationError: for a factor that is not one number on a support that has a coordinate.
    """
    names = list(request.block.variables)
    if QUADRATURE not in {request.approximate.get(n) for n in names}:
        return None
    variable = _one_number(request)
    plates = request.block.factor.plates
    terms = _terms(request)
    formulas: list[Formula] = []
    log_density, energy = ZERO, ZERO
    for number, (pattern, coefficient) in enumerate(terms.items(), start=1):
        axes = pattern.indices
        formulas.append(Formula(variable.name, f"eta_{number}", axes, coefficient, "standard"))
        eta = from_atom(Parameter(variable.name, f"eta_{number}", axes))
        data = [i for i in axes if i not in plates]
        log_density = log_density + sum_over(eta * pattern.polynomial, data)
        energy = energy + sum_over(eta * request.expectation.of(pattern.polynomial), data)
    support = support_of(variable)
    x = element_of(request.block, variable)
    for name, role, value in (
        ("log_normaliser", "derived", None),
        ("mean", "marginal", x),
        ("deviation", "marginal", None),
    ):
        kind = "expectation" if value is not None else name
        formulas.append(Formula(variable.name, name, plates, Integral(kind, log_density, support, value), role))  # type: ignore[arg-type]
    normaliser = from_atom(Parameter(variable.name, "log_normaliser", plates))
    return Optimum(
        families={variable.name: NumericFamily(support)},
        statistics=tuple((p.polynomial, c) for p, c in terms.items()),
        formulas=tuple(formulas),
        log_q=log_density - normaliser,
        entropy=normaliser - energy,
        moment=lambda pattern: None,
        recognised_by=NORMALISED_NUMERICALLY,
        known_as=f"normalised numerically, to a relative 1e-{DIGITS}",
        integral=lambda pattern: Integral("expectation", log_density, support, pattern.polynomial),
    )


def _terms(request: Request) -> Mapping[Pattern, Polynomial]:
    """Statistic -> coefficient; statistics that the factor has at its best, but not here, with the coefficient zero."""
    found = dict(request.conditional.coefficients)
    if not request.like:
        return found
    missing = [p for p in found if p not in request.like]
    return {p: found.get(p, ZERO) for p in (*request.like, *missing)}


def _one_number(request: Request) -> Variable:
    """The one number that the factor is of.

    Raises:
        ApproximationError: for other factors.
    """
    factor = request.block.factor
    if len(request.block.variables) > 1 or factor.event:
        raise ApproximationError(
            f"approximate={{{factor.name!r}: 'quadrature'}}: q({factor.name}) is over more than one number; quadrature "
            "is for factors of one number, such as a latent on its own that is no vector and not kept together along a "
            "plate"
        )
    (variable,) = request.block.variables.values()
    support = support_of(variable)
    if support not in COORDINATES:
        known = ", ".join(COORDINATES)
        raise ApproximationError(
            f"approximate={{{factor.name!r}: 'quadrature'}}: {variable.name} has the support {support}; expected one "
            f"of {known}"
        )
    if factor.point:
        raise ApproximationError(
            f"approximate={{{factor.name!r}: 'quadrature'}}: {variable.name} is a point parameter, which is maximised; "
            "declare it with m.latent"
        )
    if not request.conditional.coefficients:
        raise ApproximationError(f"approximate={{{factor.name!r}: 'quadrature'}}: nothing depends on {variable.name}")
    return variable


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
