"""Recognition by form: which family has these statistics on this support, and what its parameters are.

The prior's name plays no part. Candidates are tried in the order of `CANDIDATES`, smallest set of
statistics first; the terms of the base measure must be met exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from cavi.derive import families
from cavi.derive.canonical import sum_over
from cavi.derive.errors import NonConjugateError
from cavi.derive.expand import element, expand
from cavi.derive.expectation import Pattern
from cavi.derive.factorisation import Block
from cavi.derive.families import ScalarFamily
from cavi.derive.families.base import ETA, X
from cavi.derive.from_sympy import from_sympy
from cavi.derive.index import Index
from cavi.derive.model import Variable
from cavi.derive.remedies import refusal
from cavi.derive.result import Formula
from cavi.derive.term import (
    ZERO,
    Atom,
    Constant,
    Function,
    Parameter,
    Polynomial,
    from_atom,
    number,
)

# Support of the latent -> families to try, the smallest set of statistics first.
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "real": ("Normal", "Laplace"),
    "vector": ("Normal",),
    "positive": (
        "Gamma",
        "InverseGamma",
        "InverseNakagami",
        "HalfNormal",
        "TruncatedNormal",
        "LogNormal",
        "GeneralisedInverseGaussian",
        "Weibull",
        "PolyaGamma",
    ),
    "unit": ("Beta",),
    "count": ("Poisson", "Geometric", "NegativeBinomial"),
    "bounded_count": ("Binomial",),
    "interval": ("TruncatedExponential", "TruncatedNormal"),
    "outside": ("OutsideNormal",),
    "above": ("Pareto",),
    "angle": ("VonMises",),
    "binary": ("Bernoulli",),
}

Env = Mapping[sympy.Symbol, Polynomial]


@dataclass(frozen=True)
class Recognised:
    """A scalar family with the coefficients of its statistics, in the family's order."""

    family: ScalarFamily
    coefficients: tuple[Polynomial, ...]
    known: Env
    statistics: tuple[tuple[Polynomial, Polynomial], ...]


def recognise_scalar(block: Block, variable: Variable, coefficients: Mapping[Pattern, Polynomial]) -> Recognised:
    """The family of a scalar factor.

    Raises:
        NonConjugateError: naming the first term that no family on this support has.
    """
    x = element_of(block, variable)
    terms = {p.polynomial: c for p, c in coefficients.items()}
    support = support_of(variable)
    best: tuple[int, Polynomial] | None = None
    for name in CANDIDATES.get(support, ()):
        family = families.lookup(name)
        assert isinstance(family, ScalarFamily)
        known = known_parameters(family, variable)
        if known is None:
            continue
        found, left = _match(family, x, known, terms)
        if found is not None:
            return found
        if best is None or len(left) < best[0]:
            best = (len(left), left[0])
    raise not_conjugate(block, best[1] if best else next(iter(terms)), terms, variable)


def not_conjugate(
    block: Block, pattern: Polynomial, terms: Mapping[Polynomial, Polynomial], variable: Variable
) -> NonConjugateError:
    """The refusal of one statistic and its coefficient, summed over the data that stand in the statistic."""
    term = pattern * terms[pattern] if len(terms[pattern].monomials) == 1 else pattern
    if not block.factor.event:
        term = sum_over(term, sorted(term.free - set(block.factor.plates), key=lambda i: i.name))
    return refusal(
        block.factor,
        term,
        [variable.name],
        f"among the statistics of any known family with support {support_of(variable)}",
    )


def support_of(variable: Variable) -> str:
    """The support of a latent: that of its prior, or of its domain for a parameter without one."""
    if variable.distribution is None:
        return {"count": "count"}.get(variable.domain, variable.domain)
    return families.lookup(variable.distribution.family).support


def element_of(block: Block, variable: Variable) -> Polynomial:
    """The latent itself at the factor's plates."""
    return element(variable, block.factor.plates)


def known_parameters(family: ScalarFamily, variable: Variable) -> dict[sympy.Symbol, Polynomial] | None:
    """Values of the family's known parameters for a latent; None where it does not have them."""
    values: dict[sympy.Symbol, Polynomial] = {}
    args = variable.distribution.args if variable.distribution is not None else {}
    own = variable.distribution.family if variable.distribution is not None else ""
    for parameter in family.parameters:
        if not parameter.known:
            continue
        if own == family.name and parameter.name in args:
            values[parameter.symbol] = expand(args[parameter.name])
        elif parameter.name == "lower":
            positive = support_of(variable) == "positive"
            values[parameter.symbol] = ZERO if positive else from_atom(Constant("minus_infinity"))
        elif parameter.name == "upper":
            values[parameter.symbol] = from_atom(Constant("infinity"))
        else:
            return None
    return values


def _match(
    family: ScalarFamily, x: Polynomial, known: Env, terms: Mapping[Polynomial, Polynomial]
) -> tuple[Recognised | None, list[Polynomial]]:
    """The family if every term is one of its statistics or belongs to its base measure."""
    env = {**known, X: x}
    statistics = [from_sympy(t, env) for t in family.statistics]
    base = _base_terms(family, env, x)
    left = [p for p in terms if p not in statistics and p not in base]
    # The base measure holds with its own coefficient; what exceeds it must be a statistic too.
    for pattern, coefficient in base.items():
        if pattern not in statistics and terms.get(pattern, ZERO) != coefficient:
            left.append(pattern if pattern in terms else next(iter(terms), pattern))
    if left:
        return None, left
    found = tuple(terms.get(s, ZERO) - base.get(s, ZERO) for s in statistics)
    return (
        Recognised(family, found, known, tuple((s, terms[s]) for s in terms)),
        [],
    )


def _base_terms(family: ScalarFamily, env: Env, x: Polynomial) -> dict[Polynomial, Polynomial]:
    """log h(x) as pattern -> coefficient; its constants are left out."""
    target = x.monomials[0].powers[0][0]
    found: dict[Polynomial, Polynomial] = {}
    for m in from_sympy(family.log_base, env).monomials:
        inside = [(a, e) for a, e in m.powers if _contains(a, target)]
        if not inside:
            continue
        pattern, rest = number(1), number(m.coefficient)
        for a, e in m.powers:
            if (a, e) in inside:
                pattern = pattern * from_atom(a, e)
            else:
                rest = rest * from_atom(a, e)
        found[pattern] = found.get(pattern, ZERO) + rest
    return found


def _contains(atom: Atom, target: Atom) -> bool:
    if atom == target:
        return True
    return isinstance(atom, Function) and any(
        _contains(a, target) for p in atom.args for m in p.monomials for a in m.atoms
    )


def scalar_formulas(variable: Variable, recognised: Recognised, plates: tuple[Index, ...]) -> tuple[Formula, ...]:
    """Standard parameters from the coefficients: linear ones directly, others by way of η."""
    family = recognised.family
    formulas: list[Formula] = []
    env: dict[sympy.Symbol, Polynomial] = dict(recognised.known)
    named: set[int] = set()
    for name, expr in family.from_natural:
        used = [j for j, eta in enumerate(ETA[: len(recognised.coefficients)]) if expr.has(eta)]
        others = expr.free_symbols - set(ETA) - set(env)
        assert not others, f"{family.name}.{name} uses {others}"
        linear = all(expr.diff(ETA[j]).is_Rational for j in used)
        local = dict(env)
        for j in used:
            if linear:
                local[ETA[j]] = recognised.coefficients[j]
                continue
            if j not in named:
                named.add(j)
                formulas.append(Formula(variable.name, f"eta_{j + 1}", plates, recognised.coefficients[j], "auxiliary"))
            local[ETA[j]] = from_atom(Parameter(variable.name, f"eta_{j + 1}", plates))
        formulas.append(Formula(variable.name, name, plates, from_sympy(expr, local), "standard"))
        symbol = next(p.symbol for p in family.parameters if p.name == name)
        env[symbol] = from_atom(Parameter(variable.name, name, plates))
    return tuple(formulas)


def parameter_env(
    family: ScalarFamily, variable: Variable, plates: tuple[Index, ...], known: Env
) -> dict[sympy.Symbol, Polynomial]:
    """SymPy parameter symbols -> the factor's parameters at its plates."""
    env = dict(known)
    for p in family.parameters:
        if not p.known:
            env[p.symbol] = from_atom(Parameter(variable.name, p.name, plates))
    return env


def as_sympy(pattern: Polynomial, target: Polynomial, known: Env) -> sympy.Expr | None:
    """A pattern as an expression in X; None if it contains anything but the latent and knowns."""
    wanted = target.monomials[0].powers[0][0]
    values = {v: k for k, v in known.items()}

    def convert(p: Polynomial) -> sympy.Expr:
        if p in values:
            return values[p]
        total = sympy.Integer(0)
        for m in p.monomials:
            if m.bound:
                raise LookupError
            product = sympy.Rational(m.coefficient.numerator, m.coefficient.denominator)
            for a, e in m.powers:
                product *= atom(a) ** sympy.Rational(e.numerator, e.denominator)
            total += product
        return total

    def atom(a: Atom) -> sympy.Expr:
        if a == wanted:
            return X
        if from_atom(a) in values:
            return values[from_atom(a)]
        if isinstance(a, Function) and a.name in _TO_SYMPY:
            return _TO_SYMPY[a.name](*map(convert, a.args))
        raise LookupError

    try:
        return convert(pattern)
    except LookupError:
        return None


_TO_SYMPY = {
    "log": sympy.log,
    "exp": sympy.exp,
    "lgamma": sympy.loggamma,
    "abs": sympy.Abs,
    "cos": sympy.cos,
    "sin": sympy.sin,
    "pow": sympy.Pow,
}
