"""Brute force for tests: polynomials evaluated by nested loops over small arrays, sharing nothing with `derive`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from cavi.derive.index import Gather, Index, Literal, Shift
from cavi.derive.result import Integral
from cavi.derive.term import (
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Matrix,
    Moment,
    Parameter,
    Polynomial,
    Size,
)


def _tail(x: float) -> float:
    return float(special.ndtr(-x))


def _height(x: float, power: int = 0) -> float:
    return 0.0 if np.isinf(x) else float(x**power * np.exp(-x * x / 2) / np.sqrt(2 * np.pi))


FUNCTIONS = {
    "log": np.log,
    "exp": np.exp,
    "lgamma": special.gammaln,
    "digamma": special.digamma,
    "trigamma": lambda x: special.polygamma(1, x),
    "abs": abs,
    "cos": np.cos,
    "sin": np.sin,
    "pow": lambda a, b: a**b,
    "xlogx": lambda p: special.xlogy(p, p),
    "softplus": lambda x: np.logaddexp(0, x),
    "log_normal_interval": lambda a, b: np.log(_tail(a) - _tail(b)),
    "truncated_mean": lambda a, b: (_height(a) - _height(b)) / (_tail(a) - _tail(b)),
    "truncated_second": lambda a, b: (_height(a, 1) - _height(b, 1)) / (_tail(a) - _tail(b)),
    "tanhc": lambda x: np.tanh(x) / x if x else 1.0,
    "atan2": np.arctan2,
    "lmultigamma": lambda a, d: special.multigammaln(a, int(d)),
    "multidigamma": lambda a, d: sum(special.digamma(a - i / 2) for i in range(int(d))),
}
CONDITIONS = (Link, Before, Delta, Indicator)


def _around_the_mode(log_density: Callable[[tuple[float, ...]], float]) -> tuple[list, np.ndarray, float]:
    """The points of a lattice in the plane that neighbours lead to from the best one, while the density counts."""
    step = 0.15
    start = max(itertools.product(range(-60, 30, 3), repeat=2), key=lambda p: log_density((step * p[0], step * p[1])))
    found, edge = {}, [start]
    while edge:
        for p in edge:
            found[p] = log_density((step * p[0], step * p[1]))
        most = max(found.values())
        near = (
            (i + a, j + b) for i, j in edge if found[i, j] > most - 32 for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))
        )
        edge = [p for p in dict.fromkeys(near) if p not in found]
    return [(step * i, step * j) for i, j in found], np.array(list(found.values())), step * step


class World:
    """Sizes and values: arrays of variables, of moments by (factor, key) and of parameters by (latent, name)."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        arrays: Mapping[str, Any],
        moments: Mapping[tuple[str, str], Any] | None = None,
        parameters: Mapping[tuple[str, str], Any] | None = None,
    ) -> None:
        self.sizes = dict(sizes)
        self.arrays = {k: np.asarray(v) for k, v in arrays.items()}
        self.moments = {k: np.asarray(v) for k, v in (moments or {}).items()}
        self.parameters = {k: np.asarray(v) for k, v in (parameters or {}).items()}
        self.number = math.nan  # t, inside of a mean under a Normal
        self.grids: dict[object, tuple[list[tuple[float, ...]], np.ndarray, float]] = {}

    def size(self, name: str) -> int:
        return int(name) if name.isdigit() else self.sizes[name]

    def sub(self, sub: Any, at: Mapping[Index, int]) -> int:
        match sub:
            case Index():
                return at[sub]
            case Literal():
                return sub.value
            case Gather():
                return int(self.arrays[sub.name][tuple(self.sub(s, at) for s in sub.subs)])
            case Shift():
                return self.sub(sub.base, at) + sub.offset
        raise TypeError(sub)

    def subs(self, subs: Any, at: Mapping[Index, int]) -> tuple[int, ...]:
        return tuple(self.sub(s, at) for s in subs)

    def atom(self, atom: Any, at: Mapping[Index, int]) -> float:
        match atom:
            case Constant(name="t"):
                return self.number
            case Constant():
                return {"pi": math.pi, "infinity": math.inf, "minus_infinity": -math.inf}[atom.name]
            case Size():
                return self.size(atom.name)
            case Element():
                return float(self.arrays[atom.name][self.subs(atom.subs, at)])
            case Indicator():
                return float(self.arrays[atom.name][self.subs(atom.subs, at)] == self.sub(atom.value, at))
            case Delta():
                return float(self.sub(atom.left, at) == self.sub(atom.right, at))
            case Link():
                place = self.sub(atom.sub, at)
                if not 1 <= place < self.size(atom.sub.size):
                    return 0.0
                return 1.0 - float(self.arrays[atom.starts[0]][self.subs(atom.starts[1], at)]) if atom.starts else 1.0
            case Before():
                return float(self.sub(atom.left, at) < self.sub(atom.right, at))
            case Matrix():
                side = range(self.size(atom.row.size))
                entries = [[self.value(atom.value, {**at, atom.row: r, atom.column: c}) for c in side] for r in side]
                if atom.name == "logdet":
                    return float(np.linalg.slogdet(np.array(entries))[1])
                return float(np.linalg.inv(np.array(entries))[self.subs(atom.subs, at)])
            case Moment():
                return float(self.moments[atom.factor, atom.key][self.subs(atom.subs, at)])
            case Parameter():
                return float(self.parameters[atom.latent, atom.name][self.subs(atom.subs, at)])
            case Function(name="normal_mean", args=(f, mean, variance)):
                return self.under_normal(f, self.value(mean, at), self.value(variance, at) ** 0.5, at)
            case Function():
                return float(FUNCTIONS[atom.name](*(self.value(a, at) for a in atom.args)))
        raise TypeError(atom)

    def under_normal(self, f: Polynomial, mean: float, deviation: float, at: Mapping[Index, int]) -> float:
        """E[f(t)], t ~ Normal(mean, deviation²), by the trapezoidal rule over twelve deviations."""
        total, weights = 0.0, 0.0
        for z in np.linspace(-12.0, 12.0, 481):
            self.number, weight = mean + deviation * z, math.exp(-z * z / 2)
            total, weights = total + weight * self.value(f, at), weights + weight
        return total / weights

    def value(self, p: Polynomial, at: Mapping[Index, int] | None = None) -> float:
        at = at or {}
        total = 0.0
        for m in p.monomials:
            for places in itertools.product(*(range(self.size(i.size)) for i in m.bound)):
                here = {**at, **dict(zip(m.bound, places, strict=True))}
                term = float(m.coefficient)
                # What stands beside a condition that fails may not exist (x[t-1] at the first t).
                for a, e in sorted(m.powers, key=lambda power: not isinstance(power[0], (Link, Before, Delta))):
                    if not term:
                        break
                    term *= self.atom(a, here) ** float(e)
                total += term
        return total

    def array(self, p: Polynomial, indices: tuple[Index, ...]) -> np.ndarray:
        shape = tuple(self.size(i.size) for i in indices)
        out = np.empty(shape)
        for places in itertools.product(*map(range, shape)):
            out[places] = self.value(p, dict(zip(indices, places, strict=True)))
        return out

    def integral(self, latent: str, f: Integral, plates: tuple[Index, ...], at: Mapping[Index, int]) -> float:
        """A plain sum over a fine grid in coordinates on the whole line, one density at a time."""
        shape = tuple(self.size(i.size) for i in plates)
        names = [n for n, _ in f.supports]

        def log_density(place: tuple[float, ...]) -> float:
            slope = 0.0
            for (name, support), t in zip(f.supports, place, strict=True):
                x = {"real": t, "positive": math.exp(t), "unit": special.expit(t)}[support]
                slope += {"real": 0.0, "positive": t, "unit": -np.logaddexp(0, t) - np.logaddexp(0, -t)}[support]
                self.arrays[name] = np.full(shape, x)
            return self.value(f.log_density, at) + slope

        key = (f.log_density, tuple(sorted((i.name, p) for i, p in at.items() if i in plates)))
        if key not in self.grids and len(names) == 1:
            places = [(t,) for t in np.linspace(-45.0, 25.0, 2801)]
            self.grids[key] = places, np.array([log_density(p) for p in places]), 70.0 / 2800
        elif key not in self.grids:
            self.grids[key] = _around_the_mode(log_density)
        places, logs, cell = self.grids[key]
        top = logs.max()
        weights = np.exp(logs - top)
        if f.name == "log_normaliser":
            total = float(top + np.log(weights.sum() * cell))
        weights /= weights.sum()
        patterns, values = np.zeros(len(places)), np.zeros((len(places), len(names)))
        for g in np.flatnonzero(weights > 1e-22):
            log_density(places[g])
            patterns[g] = 0.0 if f.pattern is None else self.value(f.pattern, at)
            values[g] = [self.arrays[n].flat[0] for n in names]
        for n in names:
            del self.arrays[n]
        if f.name == "log_normaliser":
            return total
        away = values - weights @ values
        if f.name == "deviation":
            return float(np.sqrt(weights @ away[:, names.index(latent)] ** 2))
        if f.name == "correlation":
            return float(weights @ away.prod(axis=1) / np.sqrt((weights @ away**2).prod()))
        return float(weights @ patterns)
