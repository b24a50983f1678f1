"""Point factors: the maximiser of Σ coefficient · statistic in closed form; EM and empirical Bayes."""

from __future__ import annotations

from dataclasses import replace

from cavi.derive import families, functions
from cavi.derive.canonical import collect, fresh_index, normalise, substitute, sum_over
from cavi.derive.families import ScalarFamily
from cavi.derive.families.base import ETA
from cavi.derive.families.event import total_over
from cavi.derive.from_sympy import from_sympy
from cavi.derive.gaussian import Quadratic, is_quadratic, joint
from cavi.derive.index import Index, primed
from cavi.derive.model import Variable
from cavi.derive.optimum import Optimum, Request
from cavi.derive.optimum_matrix import is_matrix
from cavi.derive.recognise import recognise_scalar
from cavi.derive.remedies import refusal
from cavi.derive.result import ArrayOperation, Formula, sides
from cavi.derive.term import (
    ZERO,
    Atom,
    Element,
    Function,
    Indicator,
    Matrix,
    Parameter,
    Polynomial,
    from_atom,
)
from cavi.derive.untold import always_told


def point(request: Request) -> Optimum | None:
    """The maximiser for a point factor."""
    if not request.block.factor.point:
        return None
    (variable,) = request.block.variables.values()
    if not request.conditional.coefficients:
        raise refusal(request.block.factor, ZERO, [], "informative: nothing observed depends on this point parameter")
    if variable.domain == "simplex":
        return _simplex(request, variable)
    if (
        variable.over is not None
        and variable.distribution is not None
        and variable.distribution.family == "Categorical"
    ):
        return _category(request, variable)
    if is_matrix(variable):
        return _matrix(request, variable)
    if request.block.event_axes(variable.name):
        return _vector(request, variable)
    return _scalar(request, variable)


def finish(
    request: Request,
    variable: Variable,
    formulas: tuple[Formula, ...],
    family: families.Family,
    axes: tuple[Index, ...],
    told_by: tuple[str, ...] = (),
) -> Optimum:
    """The optimum of a point parameter whose value the formulas compute.

    Where all the coefficients whose names it is `told_by` are zero, it stays as it is.
    """
    value = from_atom(Parameter(variable.name, "value", axes, variable.symmetric))
    return Optimum(
        families={variable.name: family},
        statistics=tuple((p.polynomial, c) for p, c in request.conditional.coefficients.items()),
        formulas=formulas,
        log_q=ZERO,
        entropy=ZERO,
        moment=lambda pattern: _at_value(pattern.polynomial, variable, value),
        told_by=told_by,
    )


def _at_value(p: Polynomial, variable: Variable, value: Polynomial) -> Polynomial:
    """The pattern with the point's value in place of its element."""
    parameter = value.monomials[0].powers[0][0]

    def change(atom: Atom) -> Atom:
        if isinstance(atom, Element) and atom.name == variable.name:
            assert isinstance(parameter, Parameter)
            return Parameter(parameter.latent, parameter.name, atom.subs, atom.symmetric)
        if isinstance(atom, Indicator) and atom.name == variable.name:
            return parameter
        if isinstance(atom, Function):
            return Function(atom.name, tuple(_at_value(a, variable, value) for a in atom.args))
        if isinstance(atom, Matrix):
            return Matrix(atom.name, _at_value(atom.value, variable, value), atom.row, atom.column, atom.subs)
        return atom

    return collect(normalise(m.coefficient, [(change(a), e) for a, e in m.powers], m.bound) for m in p.monomials)


def _simplex(request: Request, variable: Variable) -> Optimum:
    """Σ_k c_k log π_k is largest on the simplex at π_k = c_k / Σ_j c_j (Lagrange multiplier)."""
    plates = request.block.factor.plates
    over = variable.event[0]
    axes = (*plates, over)
    statistic = functions.log(from_atom(Element(variable.name, axes)))
    terms = {p.polynomial: c for p, c in request.conditional.coefficients.items()}
    other = next((p for p in terms if p != statistic), None)
    if other is not None:
        raise refusal(request.block.factor, other, [variable.name], "maximised over the simplex in closed form")
    counts = from_atom(Parameter(variable.name, "counts", axes))
    told = always_told(request.model, request.expectation, [total_over(terms[statistic], over)])
    formulas = (
        Formula(variable.name, "counts", axes, terms[statistic], "auxiliary"),
        Formula(variable.name, "value", axes, counts * functions.reciprocal(total_over(counts, over)), "standard"),
    )
    return finish(request, variable, formulas, families.lookup("Dirichlet"), axes, () if told else ("counts",))


def _matrix(request: Request, variable: Variable) -> Optimum:
    """c log|Λ| + Tr(CΛ) is largest at Λ = (-C/c)⁻¹, and c log|Σ| + Tr(CΣ⁻¹) at Σ = C/c, C made symmetric."""
    block = request.block
    row = variable.event[0]
    column = primed(row)
    axes = (*block.factor.plates, row, column)
    element = from_atom(Element(variable.name, axes, 1))
    logdet = functions.logdet(element, row, column)
    inverse = functions.inverse(element, row, column, row, column)
    terms = {p.polynomial: c for p, c in request.conditional.coefficients.items()}
    linear = inverse if inverse in terms and element not in terms else element
    other = next((p for p in terms if p not in (logdet, linear)), None)
    if other is not None or len(terms) < 2:
        raise refusal(
            block.factor,
            other or next(iter(terms)),
            [variable.name],
            "maximised over positive-definite matrices in closed form",
        )
    weight, scatter = terms[logdet], terms[linear]
    coefficients: tuple[Formula, ...] = ()
    if not always_told(request.model, request.expectation, [weight]):
        plates = block.factor.plates
        coefficients = (
            Formula(variable.name, "eta_1", plates, weight, "auxiliary"),
            Formula(variable.name, "eta_2", axes, scatter, "auxiliary"),
        )
        weight, scatter = (from_atom(Parameter(variable.name, f.name, f.indices)) for f in coefficients)
    turned = substitute(scatter, {row: column, column: row})
    ratio = (scatter + turned) * functions.reciprocal(weight.scaled(2))
    formulas: tuple[Formula, ...] = (Formula(variable.name, "value", axes, ratio, "standard"),)
    if linear == element:
        formulas = (
            Formula(variable.name, "inverse_value", axes, -ratio, "auxiliary"),
            Formula(variable.name, "value", axes, ArrayOperation("inverse", "inverse_value"), "standard"),
        )
    told_by = tuple(f.name for f in coefficients)
    return finish(request, variable, (*coefficients, *formulas), families.lookup("Wishart"), axes, told_by)


def _vector(request: Request, variable: Variable) -> Optimum:
    """A quadratic form is largest where its gradient vanishes: P⁻¹ h."""
    block, form = request.block, request.conditional.averaged
    found = joint(Quadratic(block, form), [variable.name]) if is_quadratic(form, [variable.name]) else None
    if found is None:
        raise refusal(block.factor, form, [variable.name], "a proper quadratic form, to be maximised in closed form")
    formulas = tuple(
        replace(f, name="value") if f.name == "mean" else replace(f, role="auxiliary")
        for f in found.formulas()
        if not (isinstance(f.value, ArrayOperation) and f.value.name == "logdet")
    )
    axes = (*block.factor.plates, *block.event_axes(variable.name))
    told = always_told(request.model, request.expectation, [_trace(f) for f in formulas if f.name == "precision"])
    told_by = () if told else ("linear", "precision")
    return finish(request, variable, formulas, families.lookup("MultivariateNormal"), axes, told_by)


def _trace(f: Formula) -> Polynomial:
    """The sum over the diagonal of a matrix that a formula computes."""
    assert isinstance(f.value, Polynomial)
    count = sides(f.indices)
    rows, columns = f.indices[-2 * count : -count], f.indices[-count:]
    there = [fresh_index(i.size) for i in rows]
    both = zip((*rows, *columns), (*there, *there), strict=True)
    return sum_over(substitute(f.value, dict(both)), there)


def _category(request: Request, variable: Variable) -> Optimum:
    """A hard assignment: the category with the largest coefficient."""
    assert variable.over is not None
    axes = (*request.block.factor.plates, variable.over)
    ((_, logits),) = request.conditional.coefficients.items()
    formulas = (
        Formula(variable.name, "logits", axes, logits, "auxiliary"),
        Formula(variable.name, "value", axes, ArrayOperation("one_hot_argmax", "logits"), "standard"),
    )
    return finish(request, variable, formulas, families.lookup("Categorical"), axes)


def _scalar(request: Request, variable: Variable) -> Optimum:
    plates = request.block.factor.plates
    recognised = recognise_scalar(request.block, variable, request.conditional.coefficients)
    family: ScalarFamily = recognised.family
    mode = family.mode()
    if mode is None:
        raise refusal(
            request.block.factor,
            request.conditional.averaged,
            [variable.name],
            f"maximised in closed form (a {family.name} has no closed-form mode)",
        )
    used = [j for j, eta in enumerate(ETA[: len(recognised.coefficients)]) if mode.has(eta)]
    env = dict(recognised.known)
    formulas = []
    for j in used:
        name = f"eta_{j + 1}"
        formulas.append(Formula(variable.name, name, plates, recognised.coefficients[j], "auxiliary"))
        env[ETA[j]] = from_atom(Parameter(variable.name, name, plates))
    formulas.append(Formula(variable.name, "value", plates, from_sympy(mode, env), "standard"))
    told = always_told(request.model, request.expectation, [recognised.coefficients[j] for j in used])
    told_by = () if told else tuple(f"eta_{j + 1}" for j in used)
    return finish(request, variable, tuple(formulas), family, plates, told_by)
