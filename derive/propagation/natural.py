"""The natural parameters of the Gaussian part, read off by element: g(w) = constant + b·w - ½ wᵀ P w.

A latent whose precision is declared as the inverse of a covariance keeps it: nothing is inverted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive.canonical import collect, deltas, multiply, normalise, substitute, sum_over
from cavi.derive.index import Index, Sub, primed
from cavi.derive.model import Model, Variable
from cavi.derive.propagation.affine import is_random
from cavi.derive.term import ZERO, Atom, Element, Matrix, Monomial, Polynomial


@dataclass(frozen=True)
class Component:
    """Latents that quadratic terms couple, and their natural parameters.

    Attributes:
        latents: in order of declaration.
        linear: latent -> b on its axes.
        precision: pair of latents -> their part of P, on the axes of the first and the primed axes of the second; only
            pairs with terms, the first one not after the second.
        covariance: the inverse of P where it is known as it is declared, on the same axes; else None.
    """

    latents: tuple[Variable, ...]
    linear: dict[str, Polynomial]
    precision: dict[tuple[str, str], Polynomial]
    covariance: Polynomial | None = None


@dataclass(frozen=True)
class GaussianPart:
    """The terms that are at most quadratic in the latents."""

    constant: Polynomial
    components: tuple[Component, ...]


def second_axes(variable: Variable) -> tuple[Index, ...]:
    """The axes of the columns of a matrix over the elements of a latent."""
    return tuple(primed(i) for i in variable.indices)


def gaussian_part(model: Model, p: Polynomial) -> GaussianPart:
    """The natural parameters of a polynomial that is at most quadratic in the latents."""
    latents = model.with_role("latent")
    names = [v.name for v in latents]
    constant: list[Monomial] = []
    linear: dict[str, Polynomial] = {}
    precision: dict[tuple[str, str], Polynomial] = {}
    for m in p.monomials:
        elements = _elements(m, names)
        if not elements:
            constant.append(m)
        elif len(elements) == 1:
            name = elements[0].name
            value = _coefficient(m, names, zip(model.variable(name).indices, elements[0].subs, strict=True))
            linear[name] = linear.get(name, ZERO) + value
        else:
            first, second = sorted(elements, key=lambda e: names.index(e.name))
            rows, columns = model.variable(first.name).indices, second_axes(model.variable(second.name))
            at = [*zip(rows, first.subs, strict=True), *zip(columns, second.subs, strict=True)]
            value = -_coefficient(m, names, at)
            if first.name == second.name:
                swap: dict[Index, Sub] = {
                    **dict(zip(rows, columns, strict=True)),
                    **dict(zip(columns, rows, strict=True)),
                }
                value = value + substitute(value, swap)
            key = first.name, second.name
            precision[key] = precision.get(key, ZERO) + value
    groups = _coupled(names, precision)
    return GaussianPart(
        Polynomial(tuple(constant)),
        tuple(_component([model.variable(n) for n in g], linear, precision) for g in groups),
    )


def _elements(m: Monomial, names: Sequence[str]) -> list[Element]:
    return [a for a, e in m.powers if isinstance(a, Element) and a.name in names for _ in range(int(e))]


def _coefficient(m: Monomial, names: Sequence[str], at: object) -> Polynomial:
    """The coefficient of a term at the open axes of the elements in it."""
    pairs: list[tuple[Index, Sub]] = list(at)  # type: ignore[call-overload]
    rest: list[tuple[Atom, Fraction]] = [(a, e) for a, e in m.powers if not is_random(a, names)]
    opened = multiply(
        collect([normalise(m.coefficient, rest, ())]), deltas([a for a, _ in pairs], [s for _, s in pairs])
    )
    return sum_over(opened, m.bound)


def _coupled(names: Sequence[str], precision: dict[tuple[str, str], Polynomial]) -> list[list[str]]:
    """The latents in groups that no term couples with each other."""
    group = {n: {n} for n in names}
    for first, second in precision:
        together = group[first] | group[second]
        for n in together:
            group[n] = together
    found: list[list[str]] = []
    for n in names:
        if not any(n in g for g in found):
            found.append([m for m in names if m in group[n]])
    return found


def _component(
    latents: list[Variable], linear: dict[str, Polynomial], precision: dict[tuple[str, str], Polynomial]
) -> Component:
    mine = {v.name for v in latents}
    own = {k: p for k, p in precision.items() if k[0] in mine and p}
    shifts = {v.name: linear.get(v.name, ZERO) for v in latents}
    covariance = None
    if len(latents) == 1 and len(own) == 1:
        covariance = _inverse(latents[0], next(iter(own.values())))
    return Component(tuple(latents), shifts, own, covariance)


def _inverse(v: Variable, p: Polynomial) -> Polynomial | None:
    """The matrix whose inverse a precision is, on the axes of the latent, where it is one as it stands."""
    if len(p.monomials) != 1 or len(v.indices) != 1:
        return None
    m = p.monomials[0]
    if m.coefficient != 1 or m.bound or len(m.powers) != 1:
        return None
    atom, exponent = m.powers[0]
    if not isinstance(atom, Matrix) or atom.name != "inverse" or exponent != 1:
        return None
    if set(atom.subs) != {*v.indices, *second_axes(v)}:
        return None
    return substitute(atom.value, {atom.row: v.indices[0], atom.column: second_axes(v)[0]})


def design(site_scalar: Polynomial, v: Variable, names: Sequence[str]) -> Polynomial:
    """The coefficients of a latent in a scalar, free in the plates of the site and the (primed) axes of the latent."""
    columns = second_axes(v)
    total = ZERO
    for m in site_scalar.monomials:
        (element,) = _elements(m, names)
        if element.name == v.name:
            total = total + _coefficient(m, names, zip(columns, element.subs, strict=True))
    return total


__all__ = ["Component", "GaussianPart", "design", "gaussian_part", "second_axes"]
