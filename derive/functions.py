"""Functions of polynomials, simplified where a function has a law: log of a product, integer powers, cos(a - b)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cavi.derive.canonical import collect, deltas, normalise, power, rewrite, substitute, sum_over
from cavi.derive.index import Index, Sub, stem
from cavi.derive.term import (
    ZERO,
    Atom,
    Constant,
    Delta,
    Function,
    Matrix,
    Monomial,
    Polynomial,
    Size,
    arguments,
    atom_indices,
    from_atom,
    number,
)

UNDER_NORMAL = Constant("t")  # the Normal number that the first argument of normal_mean is a function of


def log(p: Polynomial) -> Polynomial:
    """log p: the log of a product is the sum of the logs; pure numbers stay together (log 2π)."""
    if p.number == 1:
        return ZERO
    if (parts := common(p)) is not None:
        return log(parts[0]) + log(parts[1])
    if (beside := _beside_one(p)) is not None:
        return beside
    if len(p.monomials) != 1 or p.monomials[0].bound or p.monomials[0].coefficient < 0:
        return from_atom(Function("log", (p,)))
    m = p.monomials[0]
    constants = tuple((a, e) for a, e in m.powers if isinstance(a, Constant))
    total = ZERO
    numeric = collect([normalise(m.coefficient, constants, ())])
    if numeric.number is not None and numeric.number.numerator == 1 != numeric.number.denominator:
        total = total - from_atom(Function("log", (number(numeric.number.denominator),)))
    elif numeric.number != 1:
        total = total + from_atom(Function("log", (numeric,)))
    for atom, exponent in m.powers:
        if not isinstance(atom, Constant):
            total = total + _log_atom(atom).scaled(exponent)
    return total


def _beside_one(p: Polynomial) -> Polynomial | None:
    """log(1 + exp a) = softplus a, log(1 - 1/(1 + u)) = log u - log(1 + u), and log(1 - Φ(a)) = log Φ(-a)."""
    rest = p - number(1)
    if len(p.monomials) != 2 or len(rest.monomials) != 1 or rest.monomials[0].bound:
        return None
    m = rest.monomials[0]
    if len(m.powers) != 1 or m.powers[0][1] != 1 or not isinstance(m.powers[0][0], Function):
        return None
    f = m.powers[0][0]
    if m.coefficient == 1 and f.name == "exp":
        return softplus(f.args[0])
    if m.coefficient == -1 and f.name == "exp" and (inside := _log_phi(f.args[0])) is not None:
        return log_phi(-inside)
    if m.coefficient == -1 and f.name == "pow" and f.args[1].number == -1:
        above = f.args[0] - number(1)
        if len(above.monomials) == 1 and above.monomials[0].coefficient > 0:
            return log(above) - log(f.args[0])
    return None


def log_phi(p: Polynomial) -> Polynomial:
    """log Φ(p), the log of the probability that a standard Normal is below p."""
    return from_atom(Function("log_normal_interval", (from_atom(Constant("minus_infinity")), p)))


def _log_phi(p: Polynomial) -> Polynomial | None:
    """a, where the polynomial is log Φ(a)."""
    if len(p.monomials) != 1 or p.monomials[0].coefficient != 1 or len(p.monomials[0].powers) != 1:
        return None
    f, exponent = p.monomials[0].powers[0]
    if exponent != 1 or not isinstance(f, Function) or f.name != "log_normal_interval":
        return None
    lower, upper = f.args
    return upper if lower == from_atom(Constant("minus_infinity")) else None


def softplus(p: Polynomial) -> Polynomial:
    """The logarithm of 1 + exp p, the sign of the first term made positive: log(1 + 1/u) = log(1 + u) - log u."""
    if not p:
        return log(number(2))
    if p.monomials[0].coefficient < 0:
        return softplus(-p) + p
    return from_atom(Function("softplus", (p,)))


def tanhc(p: Polynomial) -> Polynomial:
    """tanh(p)/p, which is even: with the sign of the first term made positive."""
    if not p:
        return number(1)
    return from_atom(Function("tanhc", (-p if p.monomials[0].coefficient < 0 else p,)))


def common(p: Polynomial) -> tuple[Polynomial, Polynomial] | None:
    """A product of atoms that every term of a sum has, and the sum without it; None where there is none."""
    if len(p.monomials) < 2:
        return None
    shared = dict(p.monomials[0].powers)
    for m in p.monomials:
        own = dict(m.powers)
        shared = {a: min(e, own[a]) for a, e in shared.items() if a in own and own[a] > 0 and e > 0}
        shared = {a: e for a, e in shared.items() if not set(m.bound) & set(atom_indices(a))}
    if not shared:
        return None
    factor = collect([normalise(Fraction(1), list(shared.items()), ())])
    return factor, p * collect([normalise(Fraction(1), [(a, -e) for a, e in shared.items()], ())])


def _log_atom(atom: Atom) -> Polynomial:
    if isinstance(atom, Function) and atom.name == "exp":
        return atom.args[0]
    if isinstance(atom, Function) and atom.name == "pow":
        return log(atom.args[0]) * atom.args[1]
    return from_atom(Function("log", (from_atom(atom),)))


def raise_to(p: Polynomial, exponent: Polynomial) -> Polynomial:
    """p ** exponent: expanded for natural numbers, by factors for a product, else a `pow` function."""
    value = exponent.number
    if value is None:
        if p.number == 1:
            return p
        return from_atom(Function("pow", (p, exponent)))
    if value == 0 or p.number == 1:
        return number(1)
    if value == 1:
        return p
    whole = value.denominator == 1
    if len(p.monomials) == 1 and not p.monomials[0].bound:
        m = p.monomials[0]
        if whole or (m.coefficient == 1 and len(m.powers) == 1 and m.powers[0][1] == 1):
            coefficient = m.coefficient ** int(value) if whole else Fraction(1)
            return collect([normalise(coefficient, [_power(a, e * value) for a, e in m.powers], ())])
    if whole and value > 0:
        return power(p, int(value))
    if whole and (parts := common(p)) is not None:
        return raise_to(parts[0], exponent) * raise_to(parts[1], exponent)
    return from_atom(Function("pow", (p, exponent)))


def _power(atom: Atom, exponent: Fraction) -> tuple[Atom, Fraction]:
    if isinstance(atom, Function) and atom.name == "exp":
        return Function("exp", (atom.args[0].scaled(exponent),)), Fraction(1)
    return atom, exponent


def reciprocal(p: Polynomial) -> Polynomial:
    """1 / p."""
    return raise_to(p, number(-1))


def exp(p: Polynomial) -> Polynomial:
    """exp p; exp log a = a."""
    if p.number == 0:
        return number(1)
    return from_atom(Function("exp", (p,)))


def _angle_sum(p: Polynomial) -> tuple[Polynomial, Polynomial] | None:
    if len(p.monomials) < 2:
        return None
    return Polynomial(p.monomials[:1]), Polynomial(p.monomials[1:])


def cos(p: Polynomial) -> Polynomial:
    """cos p; the cosine of a sum is expanded."""
    if p.number == 0:
        return number(1)
    if (parts := _angle_sum(p)) is not None:
        a, b = parts
        return cos(a) * cos(b) - sin(a) * sin(b)
    if p.monomials[0].coefficient < 0:
        return cos(-p)
    return from_atom(Function("cos", (p,)))


def sin(p: Polynomial) -> Polynomial:
    """sin p; the sine of a sum is expanded."""
    if p.number == 0:
        return ZERO
    if (parts := _angle_sum(p)) is not None:
        a, b = parts
        return sin(a) * cos(b) + cos(a) * sin(b)
    if p.monomials[0].coefficient < 0:
        return -sin(-p)
    return from_atom(Function("sin", (p,)))


def absolute(p: Polynomial) -> Polynomial:
    """|p|, with the sign of the first term made positive."""
    if p.number is not None:
        return number(abs(p.number))
    first: Monomial = p.monomials[0]
    return from_atom(Function("abs", (-p if first.coefficient < 0 else p,)))


def lgamma(p: Polynomial) -> Polynomial:
    """log Γ(p); zero at one and two."""
    if p.number in (1, 2):
        return ZERO
    return from_atom(Function("lgamma", (p,)))


def size_of(index: Index) -> Polynomial:
    """How many elements an index runs over."""
    return number(int(index.size)) if index.size.isdigit() else from_atom(Size(index.size))


def _scaled_matrix(value: Polynomial, row: Index, column: Index) -> tuple[Polynomial, Polynomial, bool] | None:
    """A single term as scalar · matrix; whether the matrix is diagonal. None for other polynomials."""
    if len(value.monomials) != 1 or value.monomials[0].bound:
        return None
    m = value.monomials[0]
    scalar, matrix, diagonal = number(m.coefficient), number(1), False
    for atom, exponent in m.powers:
        if not {row, column} & set(atom_indices(atom)):
            scalar = scalar * from_atom(atom, exponent)
        elif isinstance(atom, Delta):
            diagonal = True
        else:
            matrix = matrix * from_atom(atom, exponent)
    return scalar, matrix, diagonal


def _standard(value: Polynomial, row: Index, column: Index) -> tuple[Polynomial, Index, Index]:
    """The element of a matrix at the placeholders that every matrix of its size has."""
    r, c = (Index(f"{stem(row.size)}.{side}", row.size) for side in ("row", "column"))
    return substitute(value, {row: r, column: c}), r, c


def logdet(value: Polynomial, row: Index, column: Index) -> Polynomial:
    """log det of the symmetric positive-definite matrix with this element at (row, column)."""
    if (shared := common(value)) is not None and not {row, column} & shared[0].free:
        return size_of(row) * log(shared[0]) + logdet(shared[1], row, column)
    parts = _scaled_matrix(value, row, column)
    if parts is None:
        return from_atom(Matrix("logdet", *_standard(value, row, column)))
    scalar, matrix, diagonal = parts
    scale = size_of(row) * log(scalar)
    if diagonal:
        # The entries may stand at the row or at the column: δ has identified them.
        return scale + sum_over(log(substitute(matrix, {column: row})), [row])
    single = matrix.monomials[0].powers
    if len(single) == 1 and single[0][1] == 1 and isinstance(single[0][0], Matrix) and single[0][0].name == "inverse":
        inner = single[0][0]
        return scale - from_atom(Matrix("logdet", inner.value, inner.row, inner.column))
    return scale + from_atom(Matrix("logdet", *_standard(matrix, row, column)))


def inverse(value: Polynomial, row: Index, column: Index, left: Sub, right: Sub) -> Polynomial:
    """Element (left, right) of the inverse of the matrix with this element at (row, column)."""
    if (shared := common(value)) is not None and not {row, column} & shared[0].free:
        return reciprocal(shared[0]) * inverse(shared[1], row, column, left, right)
    parts = _scaled_matrix(value, row, column)
    if parts is None:
        return from_atom(Matrix("inverse", *_standard(value, row, column), (left, right)))
    scalar, matrix, diagonal = parts
    scale = reciprocal(scalar)
    if diagonal:
        entry = reciprocal(substitute(matrix, {row: left, column: left}))
        return scale * entry * deltas([left], [right])
    single = matrix.monomials[0].powers
    if len(single) == 1 and single[0][1] == 1 and isinstance(single[0][0], Matrix) and single[0][0].name == "inverse":
        inner = single[0][0]
        return scale * substitute(inner.value, {inner.row: left, inner.column: right})
    return scale * from_atom(Matrix("inverse", *_standard(matrix, row, column), (left, right)))


def telescoped(p: Polynomial) -> Polynomial:
    """log Γ(a + 1) - log Γ(a) = log a, wherever both stand with the same factors."""
    for m in p.monomials:
        for atom, exponent in m.powers:
            if not (isinstance(atom, Function) and atom.name == "lgamma" and exponent == 1):
                continue
            lower = atom.args[0] - number(1)
            rest = [(a, e) for a, e in m.powers if a is not atom]
            partner = normalise(-m.coefficient, [*rest, (Function("lgamma", (lower,)), Fraction(1))], m.bound)
            if partner is not None and partner in p.monomials:
                others = Polynomial(tuple(x for x in p.monomials if x not in (m, partner)))
                factors = collect([normalise(m.coefficient, rest, ())])
                return telescoped(others + sum_over(factors * log(lower), m.bound))
    return p


def _interval(name: str) -> Callable[[Polynomial, Polynomial], Polynomial]:
    """A function of the ends of an interval; an end that contains infinity is infinite."""

    def at_infinity(p: Polynomial) -> Polynomial:
        ends = [a for m in p.monomials for a, _ in m.powers if isinstance(a, Constant) and a.name != "pi"]
        return from_atom(ends[0]) if ends else p

    halves = [(from_atom(Constant("minus_infinity")), ZERO), (ZERO, from_atom(Constant("infinity")))]

    def apply(a: Polynomial, b: Polynomial) -> Polynomial:
        ends = at_infinity(a), at_infinity(b)
        if name == "log_normal_interval" and ends in halves:
            return -log(number(2))
        return from_atom(Function(name, ends))

    return apply


def at(p: Polynomial, placeholder: Constant, argument: Polynomial) -> Polynomial:
    """A function of a placeholder at its argument."""

    def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if atom == placeholder:
            return raise_to(argument, number(exponent))
        if isinstance(atom, Function) and any(placeholder in a.atoms() for a in atom.args):
            value = apply(atom.name, *(at(a, placeholder, argument) for a in atom.args))
            return value if exponent == 1 else raise_to(value, number(exponent))
        return None

    return rewrite(p, rule)


def _is_single(m: Monomial) -> bool:
    """Whether a term has the Normal number once: in one function, or as it is."""
    own = [(a, e) for a, e in m.powers if UNDER_NORMAL == a or any(UNDER_NORMAL in p.atoms() for p in arguments(a))]
    return len(own) <= 1 and all(a != UNDER_NORMAL or e == 1 for a, e in own)


def normal_mean(f: Polynomial, mean: Polynomial, variance: Polynomial) -> Polynomial:
    """E[f(t)], t ~ Normal(mean, variance), of a function f of `UNDER_NORMAL`.

    In closed form where f is the exponential of an affine function, else by name. With the variance zero it is f at the
    mean, and written out where f is a sum of single functions: a product of several would be multiplied out.
    """
    if not variance and all(_is_single(m) for m in f.monomials):
        return at(f, UNDER_NORMAL, mean)
    m = f.monomials[0] if len(f.monomials) == 1 and len(f.monomials[0].powers) == 1 else None
    if m is not None and not m.bound and isinstance(m.powers[0][0], Function) and m.powers[0][0].name == "exp":
        inside = m.powers[0][0].args[0].scaled(m.powers[0][1])
        level = at(inside, UNDER_NORMAL, ZERO)
        slope = at(inside, UNDER_NORMAL, number(1)) - level
        if inside == level + slope * from_atom(UNDER_NORMAL):
            spread = (slope * slope * variance).scaled(Fraction(1, 2))
            return exp(level + slope * mean + spread).scaled(m.coefficient)
    return from_atom(Function("normal_mean", (f, mean, variance)))


_SPECIAL: dict[str, Callable[..., Polynomial]] = {
    "log": log,
    "exp": exp,
    "cos": cos,
    "sin": sin,
    "abs": absolute,
    "lgamma": lgamma,
    "pow": raise_to,
    "softplus": softplus,
    "probit": lambda p: exp(log_phi(p)),
    "tanhc": tanhc,
    "normal_mean": normal_mean,
    **{n: _interval(n) for n in ("log_normal_interval", "truncated_mean", "truncated_second")},
}


def apply(name: str, *args: Polynomial) -> Polynomial:
    """The named function of its arguments, simplified where a law allows."""
    if name in _SPECIAL:
        return _SPECIAL[name](*args)
    return from_atom(Function(name, args))
