"""Blocks of Normal latents, alone or with a common scale: multivariate Normal, Normal-Gamma, Normal-Wishart and more.

All terms with the Normal latents are linear or quadratic in them, times one common function of a further latent, the
scale: a function g(u), or the elements of a matrix Λ. Without the scale they are a quadratic form, which `gaussian`
eliminates latent by latent; integrating them out adds g · ½ h P⁻¹ h and -½ dim · log g to the terms of the scale, and
what remains is the factor of the scale, whatever family that is. No list of named pairs exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import families, functions
from cavi.derive.canonical import collect, deltas, fresh_index, multiply, normalise, sum_over
from cavi.derive.expectation import Pattern
from cavi.derive.factorisation import Block, random_atoms
from cavi.derive.families.matrix import log_two_pi
from cavi.derive.gaussian import HALF, InverseScale, Joint, Normal, Quadratic, element, is_quadratic, joint
from cavi.derive.index import Sub, primed
from cavi.derive.model import Variable
from cavi.derive.optimum import Link, Optimum, Request, Stage
from cavi.derive.optimum_matrix import is_matrix, matrix_optimum
from cavi.derive.optimum_scalar import scalar_optimum
from cavi.derive.recognise import support_of
from cavi.derive.remedies import refusal
from cavi.derive.rules import COMPLETE_SQUARE
from cavi.derive.term import ZERO, Atom, Element, Matrix, Monomial, Polynomial, from_atom, number


@dataclass(frozen=True)
class Scale:
    """What multiplies every precision: a function of one latent (or its elements as a matrix)."""

    latent: Variable
    value: Polynomial | None
    atom: Atom | None

    def entry(self, row: Sub, column: Sub) -> Polynomial:
        """The matrix at a row and a column."""
        assert self.atom is not None
        return from_atom(_matrix_at(self.atom, row, column))


class _OneOver(InverseScale):
    """1/g, or an entry of Λ⁻¹."""

    def __init__(self, scale: Scale | None) -> None:
        self.scale = scale

    def __call__(self, scaled: Sequence[tuple[Sub, Sub]]) -> Polynomial:
        if self.scale is None:
            return number(1)
        if self.scale.value is not None:
            return functions.reciprocal(self.scale.value)
        ((row, column),) = scaled
        r, c = (fresh_index(row.size) for _ in range(2))
        return functions.inverse(self.scale.entry(r, c), r, c, row, column)


def gaussian(request: Request) -> Optimum | None:
    """The optimum of a block whose latents are jointly Normal, given a scale if there is one."""
    block = request.block
    split = _split(request)
    if split is None:
        return None
    names, outer = split
    inside, rest = _with(request.conditional.averaged, names)
    stripped = _strip(block, inside, names, outer)
    if stripped is None:
        if outer is None and len(block.variables) == 1:
            raise refusal(block.factor, inside, [], "a quadratic form in the elements of a joint factor")
        return None
    scale, quadratic = stripped
    found = joint(quadratic, names)
    if found is None:
        raise refusal(block.factor, inside, names, "a proper quadratic form: some element has no quadratic term")
    return _build(request, found, scale, rest)


def _split(request: Request) -> tuple[list[str], Variable | None] | None:
    """The Normal latents of a block and the scale, by form; None for other blocks."""
    block, averaged = request.block, request.conditional.averaged
    if any(v.chain is not None and v.chain.index in block.event_axes(n) for n, v in block.variables.items()):
        return None
    real = [n for n, v in block.variables.items() if support_of(v) in ("real", "vector")]
    names = [n for n in real if is_quadratic(averaged, [n])]
    others = [v for n, v in block.variables.items() if n not in names]
    if not names or len(others) > 1 or (not others and len(names) == 1 and not block.event_axes(names[0])):
        return None
    if not others:
        return (names, None) if is_quadratic(averaged, names) else None
    (outer,) = others
    if len(outer.indices) != len(block.factor.plates) + (2 if is_matrix(outer) else 0):
        return None
    return names, outer


def _with(p: Polynomial, names: Sequence[str]) -> tuple[Polynomial, Polynomial]:
    """The terms that contain one of the latents, and the others."""
    inside: list[Monomial] = []
    rest: list[Monomial] = []
    for m in p.monomials:
        (inside if any(True for a in m.atoms for _ in random_atoms(a, names)) else rest).append(m)
    return Polynomial(tuple(inside)), Polynomial(tuple(rest))


def _strip(
    block: Block, inside: Polynomial, names: Sequence[str], outer: Variable | None
) -> tuple[Scale | None, Quadratic] | None:
    """The common scale of all terms, and the quadratic form without it."""
    if outer is None:
        return None, Quadratic(block, inside)
    if is_matrix(outer):
        return _strip_matrix(block, inside, names, outer)
    scales: set[Polynomial] = set()
    kept: list[Monomial | None] = []
    for m in inside.monomials:
        scale, left = number(1), []
        for a, e in m.powers:
            if any(True for _ in random_atoms(a, [outer.name])):
                scale = scale * from_atom(a, e)
            else:
                left.append((a, e))
        scales.add(scale)
        kept.append(normalise(m.coefficient, left, m.bound))
    if len(scales) != 1 or number(1) in scales:
        return None
    return Scale(outer, scales.pop(), None), Quadratic(block, collect(kept))


def _matrix_at(atom: Atom, row: Sub, column: Sub) -> Atom:
    """The same matrix at another row and column."""
    if isinstance(atom, Matrix):
        return Matrix(atom.name, atom.value, atom.row, atom.column, (row, column))
    assert isinstance(atom, Element)
    return Element(atom.name, (*atom.subs[:-2], row, column), atom.symmetric)


def _strip_matrix(
    block: Block, inside: Polynomial, names: Sequence[str], outer: Variable
) -> tuple[Scale, Quadratic] | None:
    """Every term has one element Λ_xy; without it x and y are one, and the axes they stand on are scaled."""
    total, kinds = ZERO, set()
    scaled: dict[str, set[int]] = {n: set() for n in names}
    for m in inside.monomials:
        own = [(a, e) for a, e in m.powers if any(True for _ in random_atoms(a, [outer.name]))]
        if len(own) != 1 or own[0][1] != 1 or not isinstance(own[0][0], Element | Matrix):
            return None
        atom = own[0][0]
        if isinstance(atom, Matrix) and atom.name != "inverse":
            return None
        kinds.add(_matrix_at(atom, outer.event[0], outer.event[1]))
        left, right = atom.subs[-2:]
        for a, _ in m.powers:
            if isinstance(a, Element) and a.name in scaled:
                scaled[a.name] |= {p for p, s in enumerate(block.event_subs(a)) if s in (left, right)}
        rest = collect([normalise(m.coefficient, [x for x in m.powers if x[0] is not atom], ())])
        total = total + sum_over(multiply(rest, deltas([left], [right])), m.bound)
    if len(kinds) != 1 or any(len(p) != 1 for p in scaled.values()):
        return None
    (kind,) = kinds
    quadratic = Quadratic(block, total, {n: frozenset(p) for n, p in scaled.items()})
    # An axis that carries the matrix must be coupled by nothing else.
    if any(not quadratic.scaled[n] <= quadratic.batch(n) for n in names):
        return None
    return Scale(outer, None, kind), quadratic


def _build(request: Request, found: Joint, scale: Scale | None, rest: Polynomial) -> Optimum:
    block = request.block
    below = None if scale is None else _scale_optimum(request, found, scale, rest)
    log_q, entropy = ZERO, ZERO
    for v in found.parts:
        log_q = log_q + _log_density(v, found, scale)
        entropy = entropy + _entropy(v, scale, request)
    if below is not None:
        log_q, entropy = log_q + below.log_q, entropy + below.entropy
    stages: list[Stage] = []
    if scale is None:
        done = ZERO
        for v, form in zip(found.parts[:-1], found.left[:-1], strict=True):
            done = done + _log_density(v, found, None)
            stages.append(Stage(done + form + rest, COMPLETE_SQUARE, (f"for {v.name} given the others",)))
    else:
        conditional = ZERO
        for v in found.parts:
            conditional = conditional + _log_density(v, found, scale)
        names = ", ".join(v.name for v in found.parts)
        remaining = _left_for_scale(found, scale, rest)
        stages.append(Stage(conditional + remaining, COMPLETE_SQUARE, (f"for {names} given {scale.latent.name}",)))
    coefficients = request.conditional.coefficients
    density = tuple(_density(v, found, scale) for v in reversed(found.parts))
    return Optimum(
        families={
            **{v.name: families.lookup(_family(v)) for v in reversed(found.parts)},
            **({} if below is None else below.families),
        },
        statistics=tuple((p.polynomial, c) for p, c in coefficients.items()),
        formulas=(*found.formulas(), *(() if below is None else below.formulas)),
        log_q=log_q,
        entropy=entropy,
        moment=lambda pattern: _moment(block, found, scale, below, pattern.polynomial),
        density=(*(() if below is None else below.density), *density),
        stages=tuple(stages),
    )


def _family(v: Normal) -> str:
    if v.scaled and not v.scalar:
        return "MatrixNormal" if len(v.joint) == 1 else "MultivariateNormal"
    return "Normal" if v.scalar and not v.scaled else "MultivariateNormal"


def _log_scale(scale: Scale | None) -> Polynomial:
    """log g, or log det Λ."""
    if scale is None:
        return ZERO
    if scale.value is not None:
        return functions.log(scale.value)
    row, column = scale.latent.event
    return functions.logdet(scale.entry(row, column), row, column)


def _dimensions(v: Normal, scale: Scale | None) -> Polynomial:
    """How often log of the scale is counted."""
    return v.scaled_dimension() if scale is not None and scale.atom is not None else v.dimension()


def _log_density(v: Normal, found: Joint, scale: Scale | None) -> Polynomial:
    """log q(v | the others, scale)."""
    normaliser = v.logdet() + _dimensions(v, scale) * _log_scale(scale) - v.dimension() * log_two_pi()
    left = [fresh_index(a.size) for a in v.axes]
    right, bound = v.other(left)
    between = v.matrix("precision", left, right)
    if scale is not None and scale.value is not None:
        between = between * scale.value
    for p in v.scaled:
        assert scale is not None
        right[p] = fresh_index(v.axes[p].size)
        bound.append(right[p])  # type: ignore[arg-type]
        between = between * scale.entry(left[p], right[p])
    distance = between * found.residual(v, left) * found.residual(v, right)
    return (normaliser - sum_over(distance, [*left, *bound])).scaled(HALF)


def _entropy(v: Normal, scale: Scale | None, request: Request) -> Polynomial:
    expected = request.expectation.of(_log_scale(scale)) if scale is not None else ZERO
    return (v.dimension() * (log_two_pi() + number(1)) - v.logdet() - _dimensions(v, scale) * expected).scaled(HALF)


def _density(v: Normal, found: Joint, scale: Scale | None) -> Link:
    """q(v | the others, scale) as a distribution."""
    batch = [v.axes[p] for p in sorted(v.own_batch)]
    event = [a for p, a in enumerate(v.axes) if p not in v.own_batch]
    mean = v.place("mean", v.axes)
    for link in v.given:
        theirs = [fresh_index(a.size) for a in link.axes]
        distance = element(v.block, link.name, theirs) - found.part(link.name).place("mean", theirs)
        mean = mean + sum_over(v.coefficient(link, v.axes, theirs) * distance, theirs)
    column = [primed(a) if p in v.joint else a for p, a in enumerate(v.axes)]
    precision = v.matrix("precision", v.axes, column)
    if scale is not None and scale.value is not None:
        precision = precision * scale.value
    family = _family(v)
    args = {"mean": mean, "precision": precision}
    if v.scaled:
        assert scale is not None
        (p,) = v.scaled
        matrix = scale.entry(v.axes[p], primed(v.axes[p]))
        if family == "MatrixNormal":
            # Rows first: the axis that stands first in the declaration.
            args = {"mean": mean, "row_precision": matrix, "column_precision": precision}
            if event[0] != v.axes[p]:
                args = {"mean": mean, "row_precision": precision, "column_precision": matrix}
        else:
            args = {"mean": mean, "precision": precision * matrix}
    return Link(v.name, (*v.plates, *batch), tuple(event), family, args)


def _left_for_scale(found: Joint, scale: Scale, rest: Polynomial) -> Polynomial:
    """The terms of the scale: its own, and what integrating the Normals out adds."""
    total = rest
    for v in found.parts:
        left = [fresh_index(a.size) for a in v.axes]
        right, bound = v.other(left)
        piece = v.covariance(left, right) * v.place("linear", left)
        if scale.value is not None:
            piece = piece * scale.value
        for p in v.scaled:
            right[p] = fresh_index(v.axes[p].size)
            bound.append(right[p])  # type: ignore[arg-type]
            piece = piece * scale.entry(left[p], right[p])
        piece = piece * v.place("linear", right)
        total = total + sum_over(piece, [*left, *bound]).scaled(HALF)
        total = total - (_dimensions(v, scale) * _log_scale(scale)).scaled(HALF)
    return total


def _scale_optimum(request: Request, found: Joint, scale: Scale, rest: Polynomial) -> Optimum:
    """The factor of the scale."""
    coefficients = _coefficients(request.block, scale.latent, _left_for_scale(found, scale, rest))
    build = matrix_optimum if is_matrix(scale.latent) else scalar_optimum
    return build(request, scale.latent, coefficients, ())


def _coefficients(block: Block, variable: Variable, p: Polynomial) -> dict[Pattern, Polynomial]:
    """The terms of one latent by statistic."""
    from cavi.derive.conditional import by_statistic

    return by_statistic(block, [variable.name], p)


def _moment(
    block: Block, found: Joint, scale: Scale | None, below: Optimum | None, pattern: Polynomial
) -> Polynomial | None:
    """E of a product: over the Normals given the scale (Isserlis), then over the scale."""
    total = ZERO
    names = [v.name for v in found.parts]
    one_over = _OneOver(scale)
    for m in pattern.monomials:
        own: list[Element] = []
        rest: list[tuple[Atom, Fraction]] = []
        for a, e in m.powers:
            if isinstance(a, Element) and a.name in names:
                if e.denominator != 1 or e < 0:
                    return None
                own.extend([a] * int(e))
            elif any(True for _ in random_atoms(a, names)):
                return None
            else:
                rest.append((a, e))
        value = isserlis(block, found, one_over, own)
        outside = collect([normalise(m.coefficient, rest, ())])
        total = total + sum_over(multiply(outside, value), m.bound)
    if below is None:
        return total
    return _expected(block, total, below, scale)


def isserlis(block: Block, found: Joint, one_over: InverseScale, atoms: list[Element]) -> Polynomial:
    """E[Π x] = m E[Π rest] + Σ cov(x, y) E[Π without both]."""
    if not atoms:
        return number(1)
    first, *others = atoms
    v = found.part(first.name)
    total = v.place("mean", block.event_subs(first)) * isserlis(block, found, one_over, others)
    for i, other in enumerate(others):
        left = others[:i] + others[i + 1 :]
        total = total + found.covariance(first, other, one_over) * isserlis(block, found, one_over, left)
    return total


def _expected(block: Block, p: Polynomial, below: Optimum, scale: Scale | None) -> Polynomial | None:
    """E over the scale, term by term."""
    assert scale is not None
    total = ZERO
    for m in p.monomials:
        own = [(a, e) for a, e in m.powers if any(True for _ in random_atoms(a, [scale.latent.name]))]
        outside = [(a, e) for a, e in m.powers if (a, e) not in own]
        value: Polynomial | None = number(1)
        if own:
            value = below.moment(Pattern(tuple(own), block.factor.plates))
        if value is None:
            return None
        total = total + sum_over(multiply(collect([normalise(m.coefficient, outside, ())]), value), m.bound)
    return total
