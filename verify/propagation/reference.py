"""What EP should give, from its definitions: Gaussian integrals by dense matrices, tilted ones by quadrature.

The coefficients of the Gaussian part are found from its values at a few points, which is exact for a polynomial of
degree two; nothing of the derivation's own algebra is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.evaluate import evaluate
from cavi.verify.matrix import Rows, inverse, log_determinant
from cavi.verify.propagation.world import SiteElement, World, assigned, site_elements
from cavi.verify.rules import half_line, interval, line_rule, real_line


@dataclass(frozen=True)
class Quadratic:
    """constant + b·w - ½ wᵀ P w."""

    constant: Value
    linear: list[Value]
    precision: Rows


def quadratic(world: World, value: Callable[[World], Value]) -> Quadratic:
    """The coefficients of a polynomial of degree two in the latents, from its values at unit vectors and their sums."""
    e, latents = world.engine, world.latents
    size = range(len(latents))

    def at(*units: tuple[int, int]) -> Value:
        point = [e.number(0)] * len(latents)
        for i, sign in units:
            point[i] = point[i] + e.number(sign)
        return value(world.at(assigned(latents, point)))

    zero = at()
    plus, minus = [at((i, 1)) for i in size], [at((i, -1)) for i in size]
    precision: Rows = [[e.number(0)] * len(latents) for _ in size]
    for i in size:
        for j in range(i + 1):
            pair = plus[i] + minus[i] - 2 * zero if i == j else at((i, 1), (j, 1)) - plus[i] - plus[j] + zero
            precision[i][j] = precision[j][i] = -pair
    return Quadratic(zero, [(p - m) / 2 for p, m in zip(plus, minus, strict=True)], precision)


@dataclass(frozen=True)
class Moments:
    """Logarithm of the mass, mean and variance of a density on the line."""

    log_mass: Value
    mean: Value
    variance: Value


def integrated(
    engine: Engine, log_f: Callable[[Value], Value], digits: int, name: str, kinks: Sequence[Value] = ()
) -> Moments:
    """The moments of exp(log_f) by quadrature, piece by piece between the points where it is not smooth."""
    pieces = [real_line()]
    if kinks:
        inner = [interval(a, b) for a, b in pairwise(kinks)]
        pieces = [half_line(kinks[0], -1), *inner, half_line(kinks[-1])]
    rules = [line_rule(engine, log_f, piece, digits, name) for piece in pieces]

    def total(value: Callable[[Value], Value]) -> Value:
        return sum(((r.weights * value(r.nodes)).sum() for r in rules), engine.number(0))

    mass = total(lambda h: h * 0 + 1)
    mean = total(lambda h: h) / mass
    return Moments(engine("log", mass), mean, total(lambda h: (h - mean) * (h - mean)) / mass)


def log_normal(engine: Engine, h: Value, mean: Value, variance: Value) -> Value:
    """log N(h | mean, variance)."""
    return -((h - mean) * (h - mean) / variance + engine("log", 2 * engine.constants("pi") * variance)) / 2


@dataclass(frozen=True)
class Posterior:
    """q and, for every element of a site, its marginal, its cavity and its tilted moments; log Z_EP."""

    mean: list[Value]
    covariance: Rows
    marginals: list[tuple[Value, Value]]
    cavities: list[tuple[Value, Value]]
    tilted: list[Moments]
    quadratic: Value
    logdet: Value
    log_evidence: Value


def posterior(world: World, sites: Sequence[tuple[Any, Any]], power: Any, digits: int) -> Posterior:
    """q for the natural parameters (linear, precision) of the sites, and what follows from it by definition."""
    e, elements = world.engine, site_elements(world)
    g = quadratic(world, lambda w: evaluate(w.claim.plain["gaussian"], w, {}))
    size = range(len(g.linear))
    rows = [coefficients(world, s) for s in elements]
    offsets = [s.scalar(_origin(world)) for s in elements]
    precision = [
        [
            g.precision[i][j] + sum((t * a[i] * a[j] for (_, t), a in zip(sites, rows, strict=True)), e.number(0))
            for j in size
        ]
        for i in size
    ]
    linear = [
        g.linear[i] + sum(((n - t * c) * a[i] for (n, t), a, c in zip(sites, rows, offsets, strict=True)), e.number(0))
        for i in size
    ]
    covariance = inverse(e, precision)
    mean = [sum((covariance[i][j] * linear[j] for j in size), e.number(0)) for i in size]
    square, logdet = sum((x * y for x, y in zip(mean, linear, strict=True)), e.number(0)), log_determinant(e, precision)
    total = g.constant + (square - logdet + len(mean) * e("log", 2 * e.constants("pi"))) / 2
    marginals, cavities, tilted = [], [], []
    for s, (n, t), a, c in zip(elements, sites, rows, offsets, strict=True):
        m = c + sum((x * y for x, y in zip(a, mean, strict=True)), e.number(0))
        v = sum((a[i] * covariance[i][j] * a[j] for i in size for j in size), e.number(0))
        marginals.append((m, v))
        rest = 1 / v - power * t
        cavities.append(((m / v - power * n) / rest, 1 / rest))
        tilted.append(tilted_moments(world, s, *cavities[-1], power, digits))
        inside = cavity_power(e, cavities[-1], (power * n, power * t), digits)
        total = total + n * c - t * c * c / 2 + (tilted[-1].log_mass - inside.log_mass) / power
    return Posterior(mean, covariance, marginals, cavities, tilted, square, logdet, total)


def tilted_moments(world: World, s: SiteElement, mean: Value, variance: Value, power: Any, digits: int) -> Moments:
    """The moments of N(h | mean, variance) exp(α f(h))."""
    e = world.engine

    def log_f(h: Value) -> Value:
        return log_normal(e, h, mean, variance) + power * s.function(world, h)

    return integrated(e, log_f, digits, f"tilted {s.key}", s.kinks(world))


def cavity_power(engine: Engine, cavity: tuple[Value, Value], site: tuple[Value, Value], digits: int) -> Moments:
    """The moments of N(h | cavity) exp(linear h - precision h²/2)."""
    n, t = site
    return integrated(engine, lambda h: log_normal(engine, h, *cavity) + n * h - t * h * h / 2, digits, "cavity · site")


def _origin(world: World) -> World:
    return world.at(assigned(world.latents, [world.engine.number(0)] * len(world.latents)))


def coefficients(world: World, s: SiteElement) -> list[Value]:
    """The coefficients of the latents in a scalar, which is affine."""
    e, latents = world.engine, world.latents
    zero = s.scalar(_origin(world))
    found = []
    for i in range(len(latents)):
        point = [e.number(int(i == j)) for j in range(len(latents))]
        found.append(s.scalar(world.at(assigned(latents, point))) - zero)
    return found
