"""Random functions that stand for the arbitrary ones of an identity.

On the line (continuous variables) log densities are a quadratic with bounded sines, entire functions with Gaussian
tails, so that the trapezoidal rule converges faster than geometrically; unknown functions are bounded sines, and those
that are summed by themselves fall off a little faster than the root of a density, so that the sums exist and a density
may be varied along them. For discrete variables only the values at the points matter: sines with large frequencies make
generic tables. Coefficients are drawn from the name of the function, so that the order of evaluation does not matter.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value

GRAIN = 997  # a prime, so that coefficients have no common denominators with the numbers of an identity


@dataclass
class Draws:
    """Coefficients by name: the same name has the same value, whatever is asked for in between."""

    seed: tuple[int, ...]
    memory: dict[str, Fraction] = field(default_factory=dict)

    def __call__(self, key: str, low: float, high: float) -> Fraction:
        """A fraction between low and high."""
        if key not in self.memory:
            u = np.random.default_rng([*self.seed, zlib.crc32(key.encode())]).random()
            self.memory[key] = Fraction(round((low + (high - low) * u) * GRAIN), GRAIN)
        return self.memory[key]

    def signed(self, key: str, low: float, high: float) -> Fraction:
        """A fraction of either sign with its size between low and high."""
        return self(key, low, high) * (1 if self(key + "±", 0, 1) > Fraction(1, 2) else -1)

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number low … high."""
        return min(high, int(self(key, low, high + 1)))


@dataclass(frozen=True)
class Functions:
    """Values of the random functions of one instance."""

    engine: Engine
    draws: Draws
    continuous: bool

    def wave(self, key: str, args: Sequence[Value], fast: bool) -> Value:
        """sin(Σ w_i a_i + c) with random w and c."""
        low, high = (1.3, 3.4) if fast else (0.3, 0.65)
        phase = self.engine.number(self.draws(key + " phase", -2, 2))
        for i, a in enumerate(args):
            phase = phase + self.engine.number(self.draws.signed(f"{key} {i}", low, high)) * a
        return self.engine("sin", phase)

    def log_factors(self, key: str, values: Sequence[Value], parameters: Sequence[Value]) -> list[Value]:
        """Terms of an unnormalised log density, each of at most two values (three if they are discrete)."""
        e, d = self.engine, self.draws
        found = []
        for i, v in enumerate(values):
            k = f"{key} {i}"
            bump = e.number(d.signed(k + " size", 0.2, 0.35))
            if not self.continuous:
                found.append(3 * bump * self.wave(k, [v, *parameters], True))
                continue
            gap = v - e.number(d(k + " centre", -0.4, 0.4))
            curvature = e.number(d(k + " curvature", 0.95, 1.05))
            term = bump * self.wave(k, [v, *parameters], False) - curvature * gap * gap / 2
            if parameters:
                term = term + v * self.wave(k + " tilt", parameters, False) / 3
            found.append(term)
        for i, j in combinations(range(len(values)), 2):
            k = f"{key} {i} {j}"
            size = e.number(d.signed(k + " size", 0.2, 0.35))
            u, v = values[i], values[j]
            wave = size * self.wave(k, [u, v, *parameters], not self.continuous)
            if self.continuous:
                found.append(wave + e.number(d.signed(k + " slope", 0.1, 0.3) / len(values)) * u * v)
            else:
                found.append(4 * wave)
        if len(values) > 2 and not self.continuous:
            found.append(self.wave(key + " all", [*values, *parameters], True) / 2)
        return found

    def real(self, name: str, args: Sequence[Value], decaying: bool = False) -> Value:
        """A bounded function of any real arguments, which falls off like a Gaussian if `decaying`."""
        e, d = self.engine, self.draws
        if not args:
            return e.number(d.signed(name, 0.3, 1.4))
        fast = not self.continuous
        value = e.number(d.signed(name + " level", 0.3, 1.2))
        for t in ("first", "second"):
            size = e.number(d.signed(f"{name} {t} size", 0.4, 0.9))
            value = value + (size if fast else size / 2) * self.wave(f"{name} {t}", args, fast)
        if not decaying or not self.continuous:
            return value
        square = args[0] * args[0]
        for a in args[1:]:
            square = square + a * a
        return value * e("exp", -e.number(Fraction(3, 5)) * square)

    def positive(self, name: str, args: Sequence[Value]) -> Value:
        """The exponential of a bounded function."""
        return self.engine("exp", self.real(name, args) / 2)

    def convex(self, name: str, u: Value, slope: bool) -> Value:
        """a u log u - b log u + c u² - s √u + d u + e on the positive reals, or its derivative."""
        e = self.engine
        a, b, c, s = (e.number(self.draws(f"{name} {k}", 0.3, 1.2)) for k in "abcs")
        d, level = (e.number(self.draws.signed(f"{name} {k}", 0.2, 1.2)) for k in ("linear", "level"))
        log_u, root = e("log", u), e("sqrt", u)
        if slope:
            return a * (log_u + 1) - b / u + 2 * c * u - s / (2 * root) + d
        return a * u * log_u - b * log_u + c * u * u - s * root + d * u + level


def flat(args: Sequence[Any]) -> list[Value]:
    """Vectors among the arguments as their components."""
    return [x for a in args for x in (a if isinstance(a, tuple) else (a,))]
