"""A world: one concrete choice of everything that an identity leaves open.

Each variable has nodes and weights. In a *discrete* world the nodes are its values and every weight is one; in a
*continuous* world they are a trapezoidal rule on the line, and every log density is a quadratic form plus
bounded sines: an entire function with Gaussian tails, for which that rule converges faster than any power
of the step. So one evaluator serves both. Functions and parameters are random, and the same on every grid.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import numpy as np

from cavi.verify.arithmetic import Engine, Value
from cavi.verify.identities.semantics import Node, Undecided, along

Mode = Literal["discrete", "continuous"]
DIMENSION = 2


@dataclass(frozen=True)
class Grid:
    """Step and reach of the trapezoidal rule; two of them tell what the rule leaves out."""

    step: Fraction
    reach: Fraction


COARSE, FINE = Grid(Fraction(3, 10), Fraction(14)), Grid(Fraction(1, 4), Fraction(16))


@dataclass(eq=False)
class World:
    """Nodes, tables, functions and values for one identity.

    Attributes:
        engine: the arithmetic.
        mode: discrete or continuous.
        seed: of every random choice.
        joints: name of a density -> its variables, sorted.
        free: the variables that stay fixed, at a node.
        assumptions: of the identity.
        grid: of the continuous variables.
        chosen: values that conditions have fixed.
        draw: which draw of the parameters this is; conditions that are inequalities may need several.
    """

    engine: Engine
    mode: Mode
    seed: int
    joints: Mapping[str, tuple[str, ...]]
    free: frozenset[str]
    assumptions: list[Node]
    grid: Grid = COARSE
    chosen: dict[str, Any] = field(default_factory=dict)
    draw: int = 0
    _tables: dict[Any, Any] = field(default_factory=dict)
    _nodes: dict[str, tuple[Value, Value]] = field(default_factory=dict)

    def _random(self, *key: object) -> random.Random:
        return random.Random(f"{self.seed}|{self.mode}|{'|'.join(map(str, key))}")

    def _rational(self, rng: random.Random, low: float, high: float) -> Any:
        """A random rational number with a small denominator."""
        return self.engine.number(Fraction(round(rng.uniform(low, high) * 997), 997))

    # --- variables ---------------------------------------------------------------------------

    def nodes(self, variable: str) -> Value:
        """The values of a variable."""
        return self._rule(variable)[0]

    def weights(self, variable: str) -> Value:
        """The weights of its values in a sum."""
        return self._rule(variable)[1]

    def _rule(self, variable: str) -> tuple[Value, Value]:
        if variable not in self._nodes:
            self._nodes[variable] = self._made(variable)
        return self._nodes[variable]

    def _made(self, variable: str) -> tuple[Value, Value]:
        rng, e = self._random("variable", variable), self.engine
        if self.mode == "discrete":
            many = max((len(v) for v in self.joints.values() if variable in v), default=1) > 3
            count = 2 if many else rng.choice((3, 4))
            values = [self._rational(rng, -2, 2) for _ in range(count)]
            return _array(values), _array([e.number(1)] * count)
        step = e.number(self.grid.step)
        shift = self._rational(rng, -0.5, 0.5)
        half = int(self.grid.reach / self.grid.step)
        # A free variable keeps its value on every grid, so its node at zero is the shift itself.
        values = [shift + step * k for k in range(-half, half + 1)]
        return _array(values), _array([step] * len(values))

    def fixed(self, key: str) -> int:
        """The node at which a free variable stays."""
        count = len(self.nodes(key.partition("@")[0]))
        return count // 2 if self.mode == "continuous" else self._random("fixed", key).randrange(count)

    # --- parameters and functions ------------------------------------------------------------

    def label(self, name: str) -> int:
        """The value of a free index."""
        return self._random("label", name).randint(1, DIMENSION)

    def parameter(self, name: str, domain: str) -> Any:
        """The value of a free symbol (a list for a vector)."""
        if name in self.chosen:
            return self.chosen[name]
        rng = self._random("parameter", name, self.draw)
        if domain == "vector":
            return [self._rational(rng, -0.8, 0.8) for _ in range(DIMENSION)]
        if domain == "whole":
            return self.engine.number(1 if self.mode == "continuous" else rng.randint(2, 3))
        low, high = {"real": (-1.5, 1.5), "unit": (0.15, 0.85), "nonnegative": (0.1, 2), "positive": (0.3, 2)}[domain]
        return self._rational(rng, low, high)

    def function(self, name: str, kind: str, arguments: list[Any]) -> Any:
        """The value of an arbitrary function; a vector-valued one has a list of them."""
        if (path := self._path(name)) is not None:
            noise, *parameters = arguments
            return self._location(path, parameters) + self._scale(path, parameters) * noise
        flat = [a for argument in arguments for a in (argument if isinstance(argument, list) else [argument])]
        if kind in ("convex", "slope"):
            return self._convex(name, kind, flat[0])
        if kind == "vector":
            return [self._smooth(f"{name}.{i}", flat) for i in range(DIMENSION)]
        value = self._smooth(name, flat)
        return self.engine("exp", value / 3) if kind == "positive" else value

    def _smooth(self, name: str, arguments: list[Any]) -> Any:
        """a + Σ b_i u_i + c sin(Σ d_i u_i + f): grows no faster than linearly, so that integrals exist."""
        rng, e = self._random("function", name), self.engine
        total, phase = self._rational(rng, -1, 1), self._rational(rng, 0, 3)
        for u in arguments:
            total = total + self._rational(rng, -0.7, 0.7) * u
            phase = phase + self._rational(rng, 0.4, 1) * u
        return total + self._rational(rng, 0.2, 0.6) * e("sin", phase)

    def _convex(self, name: str, kind: str, u: Any) -> Any:
        """a u log u + b (u - c)² + d u, or its derivative, on the positive reals."""
        rng, e = self._random("function", name), self.engine
        a, b, c = (self._rational(rng, 0.3, 1.5) for _ in range(3))
        d = self._rational(rng, -1, 1)
        if kind == "slope":
            return a * (e("log", u) + 1) + 2 * b * (u - c) + d
        return a * u * e("log", u) + b * (u - c) * (u - c) + d * u

    # --- densities ---------------------------------------------------------------------------

    def marginal(self, name: str, variables: tuple[str, ...], parameters: list[Any]) -> tuple[Value, tuple[str, ...]]:
        """The table of the density of some variables of a joint, and the order of its dimensions."""
        key = (name, variables, _key(parameters))
        if key not in self._tables:
            self._tables[key] = self._summed(name, variables, parameters)
        return self._tables[key], variables

    def _summed(self, name: str, variables: tuple[str, ...], parameters: list[Any]) -> Value:
        own = self.joints[name]
        if variables == own:
            return self._joint(name, parameters)
        table, _ = self.marginal(name, own, parameters)
        for k in reversed(range(len(own))):
            if own[k] not in variables:
                shape = [1] * table.ndim
                shape[k] = -1
                table = (table * self.weights(own[k]).reshape(shape)).sum(axis=k)
        return table

    def _joint(self, name: str, parameters: list[Any]) -> Value:
        variables = self.joints[name]
        if any(isinstance(p, np.ndarray) for p in parameters):
            raise Undecided(f"the parameters of {name} depend on a variable that is summed over")
        if (path := self._pushed(name)) is not None:
            return self._pushforward(path, parameters)
        product_form = self._factors(name)
        if product_form is not None:
            return self._product(name, product_form, parameters)
        flat = [p for q in parameters for p in (q if isinstance(q, list) else [q])]
        logs = self._log_table(name, variables, flat)
        table = self.engine("exp", logs)
        total = table
        for k in reversed(range(len(variables))):
            total = (total * self.weights(variables[k])).sum(axis=-1) if k == total.ndim - 1 else total
        return table / total

    def _log_table(self, name: str, variables: tuple[str, ...], parameters: list[Any]) -> Value:
        """The log density but for a constant, on the whole grid."""
        if self.mode == "continuous":
            depth = len(variables)
            values = [along(self.nodes(v), [k], depth) for k, v in enumerate(variables)]
            return self.log_density(name, values, parameters)
        e = self.engine
        shape = tuple(len(self.nodes(v)) for v in variables)
        table = np.empty(shape, dtype=object)
        for cell in product(*map(range, shape)):
            rng = self._random("density", name, *cell)
            value = self._rational(rng, -1, 1)
            for p in parameters:
                value = value + self._rational(rng, 0.2, 0.9) * e("sin", p * self._rational(rng, 0.3, 1.2) + value)
            table[cell] = value
        return table

    def log_density(self, name: str, values: list[Any], parameters: list[Any]) -> Value:
        """-Σ a_i (u_i - m_i)²/2 + Σ_{i<j} c_ij u_i u_j + b sin(Σ k_i u_i + f) + terms with each parameter."""
        rng, e = self._random("density", name), self.engine
        total: Any = e.number(0)
        narrow = (0.95, 1.25) if name != "q" else (0.7, 0.9)
        for k, u in enumerate(values):
            gap = u - self._rational(rng, -0.4, 0.4)
            total = total - self._rational(rng, *narrow) * gap * gap / 2
            for w in values[:k]:
                total = total + self._rational(rng, -0.3, 0.3) * u * w
        total = total + self._rational(rng, 0.2, 0.5) * self._wave(rng, values, [])
        for p in parameters:
            total = total + self._rational(rng, 0.2, 0.5) * self._wave(rng, values, [p])
        return total

    def _wave(self, rng: random.Random, values: list[Any], parameters: list[Any]) -> Any:
        """sin of a linear form, by the addition theorem so that sines are taken of one variable at a time."""
        e = self.engine
        phase = self._rational(rng, 0, 3)
        for p in parameters:
            phase = phase + self._rational(rng, 0.5, 1.2) * p
        sine, cosine = e("sin", phase), e("cos", phase)
        for u in values:
            angle = self._rational(rng, 0.4, 0.9) * u
            s, c = e("sin", angle), e("cos", angle)
            sine, cosine = sine * c + cosine * s, cosine * c - sine * s
        return sine

    # --- assumptions -------------------------------------------------------------------------

    def definition(self, kind: str, name: str) -> tuple[Node, Node] | None:
        """The definition of a symbol, an unknown or a density of that name."""
        for a in self.assumptions:
            if a[0] == "definition" and a[1][0] == kind and a[1][1] == name:
                return a[1], a[2]
        return None

    def _pushforwards(self) -> Iterator[Node]:
        return (a for a in self.assumptions if a[0] == "pushforward")

    def _path(self, name: str) -> Node | None:
        return next((a for a in self._pushforwards() if a[3][1] == name), None)

    def _pushed(self, name: str) -> Node | None:
        return next((a for a in self._pushforwards() if a[1][1] == name), None)

    def _location(self, path: Node, parameters: list[Any]) -> Any:
        return self._smooth(f"{path[3][1]}.location", parameters)

    def _scale(self, path: Node, parameters: list[Any]) -> Any:
        return self.engine("exp", self.engine("sin", self._smooth(f"{path[3][1]}.scale", parameters)) / 4)

    def _pushforward(self, path: Node, parameters: list[Any]) -> Value:
        """The density of m + s ε at the nodes of its variable: r((z - m)/s)/s."""
        if self.mode == "discrete":
            raise Undecided("a function of noise with a parameter needs continuous variables")
        noise = path[2]
        (own,) = self.joints[path[1][1]]
        (source,) = self.joints[noise[1]]
        scale = self._scale(path, parameters)
        points = (self.nodes(own) - self._location(path, parameters)) / scale
        logs, at_nodes = (self.log_density(noise[1], [u], []) for u in (points, self.nodes(source)))
        mass = (self.engine("exp", at_nodes) * self.weights(source)).sum()
        return self.engine("exp", logs) / mass / scale

    def _factors(self, name: str) -> list[Node] | None:
        for a in self.assumptions:
            if a[0] == "factorises" and a[1][1] == name:
                return list(a[2])
        return None

    def _product(self, name: str, factors: list[Node], parameters: list[Any]) -> Value:
        """The joint as the product of random conditional tables."""
        if self.mode == "continuous":
            raise Undecided("a model with several latents is checked on discrete tables only")
        variables = self.joints[name]
        own_parameters = {s[1]: p for s, p in zip(self._parameter_nodes(name), parameters, strict=True)}
        table: Any = self.engine.number(1)
        for factor in factors:
            child, parents = [v[1] for v in factor[2]], [v[1] for v in factor[3]]
            order = tuple(sorted([*child, *parents]))
            used = [own_parameters[s[1]] for s in factor[4]]
            logs = self._log_table(f"{name}({','.join(child)})", order, used)
            part = self.engine("exp", logs)
            axes = tuple(k for k, v in enumerate(order) if v in child)
            part = part / part.sum(axis=axes, keepdims=True)
            table = table * along(part, [variables.index(v) for v in order], len(variables))
        return table

    def _parameter_nodes(self, name: str) -> list[Node]:
        for a in self.assumptions:
            if a[0] == "factorises" and a[1][1] == name:
                return list(a[1][4])
        return []


def _array(values: list[Any]) -> Value:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _key(parameters: list[Any]) -> tuple[Any, ...]:
    """The values of parameters, for a dictionary; arrays are told apart by identity."""
    return tuple(
        _key(p) if isinstance(p, list) else id(p) if isinstance(p, np.ndarray) else _text(p) for p in parameters
    )


def _text(value: Any) -> str:
    return str(value.mid().man_exp()) if hasattr(value, "mid") else repr(value)
