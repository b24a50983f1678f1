"""A latent kept joint over a plate with linear and quadratic statistics: a multivariate Normal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import families, functions
from cavi.derive.canonical import fresh_index, substitute, sum_over
from cavi.derive.index import Index
from cavi.derive.model import Variable
from cavi.derive.optimum import Optimum, Request
from cavi.derive.recognise import support_of
from cavi.derive.remedies import refusal
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import (
    ZERO,
    Constant,
    Element,
    Parameter,
    Polynomial,
    Size,
    from_atom,
    number,
)

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Quadratic:
    """Σ_d h_d w_d + Σ_de c_de w_d w_e of one latent over one event index."""

    variable: Variable
    plates: tuple[Index, ...]
    event: Index
    linear: Polynomial
    quadratic: Polynomial

    @property
    def other(self) -> Index:
        """The second index of the matrix."""
        return Index(self.event.name + "'", self.event.size)

    @property
    def size(self) -> Polynomial:
        """The dimension."""
        return number(int(self.event.size)) if self.event.size.isdigit() else from_atom(Size(self.event.size))

    def parameter(self, name: str, *event: Index) -> Polynomial:
        """A parameter of the factor at its plates."""
        return from_atom(Parameter(self.variable.name, name, (*self.plates, *event)))

    def element(self, index: Index) -> Polynomial:
        """One element of the latent."""
        by_axis = iter(self.plates)
        subs = tuple(index if i == self.event else next(by_axis) for i in self.variable.indices)
        return from_atom(Element(self.variable.name, subs))

    def formulas(self) -> tuple[Formula, ...]:
        """precision = -(c + cᵀ), covariance = precision⁻¹, mean = covariance h."""
        name, d, e = self.variable.name, self.event, self.other
        swap = {d: e, e: d}
        precision = -(self.quadratic + substitute(self.quadratic, swap))
        inner = fresh_index(d.size)
        mean = sum_over(self.parameter("covariance", d, inner) * self.parameter("linear", inner), [inner])
        axes = (*self.plates, d)
        square = (*axes, e)
        return (
            Formula(name, "linear", axes, self.linear, "auxiliary"),
            Formula(name, "precision", square, precision, "standard"),
            Formula(name, "covariance", square, ArrayOperation("inverse", "precision"), "derived"),
            Formula(name, "logdet_precision", self.plates, ArrayOperation("logdet", "precision"), "derived"),
            Formula(name, "mean", axes, mean, "standard"),
        )

    def squared_distance(self) -> Polynomial:
        """(w - m)ᵀ Λ (w - m)."""
        a, b = fresh_index(self.event.size), fresh_index(self.event.size)
        left = self.element(a) - self.parameter("mean", a)
        right = self.element(b) - self.parameter("mean", b)
        return sum_over(self.parameter("precision", a, b) * left * right, [a, b])

    def mean_square(self) -> Polynomial:
        """mᵀ Λ m."""
        a, b = fresh_index(self.event.size), fresh_index(self.event.size)
        return sum_over(
            self.parameter("precision", a, b) * self.parameter("mean", a) * self.parameter("mean", b), [a, b]
        )


def quadratic_form(
    request: Request, variable: Variable, coefficients: Mapping[Polynomial, Polynomial]
) -> Quadratic | None:
    """The quadratic form of a latent over its one event index; None if other statistics occur."""
    block = request.block
    axes = [i for a, i in enumerate(variable.indices) if a not in block.plate_axes[variable.name]]
    if len(axes) != 1 or support_of(variable) != "real":
        return None
    form = Quadratic(variable, block.factor.plates, axes[0], ZERO, ZERO)
    first, second = form.element(form.event), form.element(form.other)
    if any(p not in (first, first * second) for p in coefficients):
        return None
    return Quadratic(
        variable,
        block.factor.plates,
        axes[0],
        coefficients.get(first, ZERO),
        coefficients.get(first * second, ZERO),
    )


def two_pi() -> Polynomial:
    """2π."""
    return from_atom(Constant("pi")).scaled(2)


def joint_normal(request: Request) -> Optimum | None:
    """One latent, joint over one plate, with statistics w_d and w_d w_e."""
    block = request.block
    if not block.factor.event or len(block.variables) > 1:
        return None
    (variable,) = block.variables.values()
    terms = {p.polynomial: c for p, c in request.conditional.coefficients.items()}
    form = quadratic_form(request, variable, terms)
    if form is None:
        if support_of(variable) == "real":
            raise refusal(
                block.factor,
                request.conditional.averaged,
                [],
                "a quadratic form over one index of a joint factor",
            )
        return None
    log_two_pi = functions.log(two_pi())
    logdet = form.parameter("logdet_precision")
    log_q = (logdet - form.size * log_two_pi - form.squared_distance()).scaled(HALF)
    d, e = form.event, form.other
    values = {
        form.element(d): form.parameter("mean", d),
        form.element(d) * form.element(e): form.parameter("mean", d) * form.parameter("mean", e)
        + form.parameter("covariance", d, e),
    }
    entropy = (form.size * (log_two_pi + number(1)) - logdet).scaled(HALF)
    return Optimum(
        families={variable.name: families.lookup("MultivariateNormal")},
        statistics=tuple(terms.items()),
        formulas=form.formulas(),
        log_q=log_q,
        entropy=entropy,
        moment=lambda pattern: values.get(pattern.polynomial),
    )
