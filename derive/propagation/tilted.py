"""Moments of a tilted density N(h | m, v) exp(α f(h)): in closed form where its normaliser has one, else by quadrature.

With η = m/v the density is a member of the exponential family with statistic h, natural parameter η and base measure
exp(α f(h) - h²/(2v)), whose log-normaliser differs from log Z = log ∫ N(h | m, v) exp(α f(h)) dh by η²v/2. Hence

    mean = m + v ∂ log Z/∂m,      variance = v + v² ∂² log Z/∂m².

log Z has a closed form for a probability of intervals of a standard Normal, since
E[Φ(λh + o)] = Φ((λm + o)/√(1 + λ²v)). This covers the probit likelihood (Rasmussen and Williams 2006, 3.58, 3.82-3.85)
and intervals of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy

from cavi.derive.canonical import multiply
from cavi.derive.families.special import log_normal_interval, truncated_mean, truncated_second
from cavi.derive.from_sympy import from_sympy
from cavi.derive.model import Model
from cavi.derive.propagation.affine import affine, proportion
from cavi.derive.propagation.sites import Site
from cavi.derive.term import ZERO, Constant, Element, Function, Monomial, Polynomial, from_atom

M, V = sympy.Symbol("m", real=True), sympy.Symbol("v", positive=True)


@dataclass(frozen=True)
class Tilted:
    """How the moments of the tilted densities of a site are found.

    Attributes:
        method: ``closed form`` or ``quadrature``.
        log_normaliser: log Z in the mean and variance of the cavity; None by quadrature.
        slope: ∂ log Z/∂m.
        curvature: ∂² log Z/∂m².
        kinks: values of h at which f is not smooth, where absolute values in it are zero.
    """

    method: str
    log_normaliser: Polynomial | None = None
    slope: Polynomial | None = None
    curvature: Polynomial | None = None
    kinks: tuple[Polynomial, ...] = ()


@dataclass(frozen=True)
class _Part:
    """One interval: what multiplies its logarithm, and its ends λh + o, None where they are infinite."""

    weight: Polynomial
    ends: tuple[tuple[Fraction, Polynomial] | None, tuple[Fraction, Polynomial] | None]


def tilted(site: Site, power: Fraction, model: Model) -> Tilted:
    """The moments of a site's tilted densities."""
    parts = _parts(site)
    if power != 1 or parts is None or not _is_switch([p.weight for p in parts], model):
        return Tilted("quadrature", kinks=_kinks(site))
    mean, variance = site.quantity("cavity_mean"), site.quantity("cavity_variance")
    found = [ZERO, ZERO, ZERO]
    for part in parts:
        for order, value in enumerate(_integral(part, mean, variance)):
            found[order] = found[order] + multiply(part.weight, value)
    return Tilted("closed form", found[0], found[1], found[2])


def _kinks(site: Site) -> tuple[Polynomial, ...]:
    """-o/λ for every |λh + o| in the function of a site."""
    found: dict[Polynomial, None] = {}
    for a in site.function.atoms():
        inside = affine(a.args[0], [site.variable]) if isinstance(a, Function) and a.name == "abs" else None
        ratio = None if inside is None else proportion(inside.latent, from_atom(site.hole))
        if inside is not None and ratio is not None:
            found[inside.offset.scaled(-1 / ratio)] = None
    return tuple(found)


def _parts(site: Site) -> list[_Part] | None:
    """The function as a sum of known multiples of log(Φ(b) - Φ(a)) with ends that are affine in h."""
    by_atom: dict[Function, Polynomial] = {}
    for m in site.function.monomials:
        inside = [(a, e) for a, e in m.powers if isinstance(a, Function) and site.hole in set(_deep(a))]
        if len(inside) != 1 or inside[0][1] != 1 or m.bound:
            return None
        atom = inside[0][0]
        if not isinstance(atom, Function) or atom.name != "log_normal_interval":
            return None
        rest = Monomial(m.coefficient, tuple((a, e) for a, e in m.powers if a is not atom))
        if any(a == site.hole for a in rest.atoms):
            return None
        by_atom[atom] = by_atom.get(atom, ZERO) + Polynomial((rest,))
    found = []
    for atom, weight in by_atom.items():
        ends = [_end(a, site) for a in atom.args]
        if any(e is False for e in ends):
            return None
        low, high = (e if isinstance(e, tuple) else None for e in ends)
        if len({e[0] for e in (low, high) if e is not None}) != 1 or (low or high)[0] == 0:  # type: ignore[index]
            return None
        found.append(_Part(weight, (low, high)))
    return found or None


def _deep(atom: Function) -> list[object]:
    return [a for arg in atom.args for a in arg.atoms()]


def _end(p: Polynomial, site: Site) -> tuple[Fraction, Polynomial] | bool | None:
    """λ and o of an end; None where it is infinite, False where it is of another form."""
    if any(isinstance(a, Constant) and a.name != "pi" for a in p.atoms()):
        return None
    found = affine(p, [site.variable])
    if found is None:
        return (Fraction(0), p) if site.hole not in set(p.atoms()) else False
    ratio = proportion(found.latent, from_atom(site.hole))
    return False if ratio is None else (ratio, found.offset)


def _is_switch(weights: list[Polynomial], model: Model) -> bool:
    """Whether exactly one weight is one and the others are zero: a single one, or y and 1 - y of a binary y."""
    if len(weights) == 1:
        return weights[0].number == 1
    if len(weights) != 2 or (weights[0] + weights[1]).number != 1:
        return False
    return any(_is_binary(w, model) for w in weights)


def _is_binary(p: Polynomial, model: Model) -> bool:
    if len(p.monomials) != 1 or p.monomials[0].coefficient != 1 or p.monomials[0].bound:
        return False
    powers = p.monomials[0].powers
    if len(powers) != 1 or powers[0][1] != 1 or not isinstance(powers[0][0], Element):
        return False
    v = model.variable(powers[0][0].name)
    return v.domain == "binary" or (v.distribution is not None and v.distribution.family == "Bernoulli")


def interval_normaliser(rate: sympy.Expr, low: sympy.Expr | None, high: sympy.Expr | None) -> tuple[sympy.Expr, ...]:
    """log ∫ N(h | m, v) (Φ(λh + high) - Φ(λh + low)) dh in `M` and `V`, and its first two derivatives in m.

    An end that is None is infinite. With s = √(1 + λ²v) the ends of the integral are (λm + o)/s, so that each
    derivative is λ/s times one in the ends; the ratios of φ and Φ are the moments of a truncated standard Normal.
    """
    scale = sympy.sqrt(1 + rate**2 * V)
    a = -sympy.oo if low is None else (rate * M + low) / scale
    b = sympy.oo if high is None else (rate * M + high) / scale
    first, second = truncated_mean(a, b), truncated_second(a, b)
    step = rate / scale
    return log_normal_interval(a, b), -step * first, step**2 * (second - first**2)


def _integral(part: _Part, mean: Polynomial, variance: Polynomial) -> tuple[Polynomial, ...]:
    """log Z of an interval and its two derivatives, in the mean and variance of the cavity."""
    symbols = sympy.symbols("o_low o_high", real=True)
    env = {M: mean, V: variance}
    offsets: list[sympy.Expr | None] = []
    for end, symbol in zip(part.ends, symbols, strict=True):
        offsets.append(None if end is None else symbol)
        if end is not None:
            env[symbol] = end[1]
    rate = next(e[0] for e in part.ends if e is not None)
    exprs = interval_normaliser(sympy.Rational(rate.numerator, rate.denominator), *offsets)
    return tuple(from_sympy(e, env) for e in exprs)


__all__ = ["Tilted", "interval_normaliser", "tilted"]
