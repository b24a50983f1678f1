"""The value of an expression of the language at an instance.

A variable that is summed over is an axis: its nodes stand in an array with the axis in front, so that expressions
broadcast and a sum or integral is a weighted sum over the first axis. Divergences, entropies and bounds are evaluated
by their textbook definitions; derivatives by central differences, to which a precision beyond the digits
asked for leaves half of them twice over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import Engine, Value, to_float, to_int, to_mpf
from cavi.verify.averages import Infeasible
from cavi.verify.identities.contract import affordable, contract
from cavi.verify.identities.functions import Functions, flat
from cavi.verify.identities.grammar import Plain, short
from cavi.verify.identities.instance import DIMENSIONS, Grid, Instance
from cavi.verify.identities.scan import Joint, arguments, definition_key

MAX_TERMS = 5_000
MAX_UNFOLDED = 12
MAX_WORK = 100_000
MAX_AXES = 40
KEPT_POINTS, KEPT = 30_000, 400
Vector = tuple[Value, ...]


@dataclass(frozen=True)
class Scope:
    """What names stand for, and how many axes there are."""

    variables: Mapping[str, Value]
    copies: Mapping[str, Mapping[int, Value]]
    symbols: Mapping[tuple[str, str], Any]
    labels: Mapping[str, int]
    depth: int = 0
    unfolded: int = 0

    def at(self, head: str, name: str, value: Any) -> Scope:
        """With a value for a symbol, vector, variable or label."""
        if head == "var":
            return replace(self, variables={**self.variables, name: value})
        if head == "label":
            return replace(self, labels={**self.labels, name: to_int(value)})
        return replace(self, symbols={**self.symbols, (head, name): value})


def direct(engine: Engine) -> Engine:
    """The engine without its conversions, which cost more than the functions; all numbers here are its own."""
    if engine.name != "arb":
        return engine
    kind = type(engine.number(1))
    quick = {n: np.frompyfunc(getattr(kind, n), 1, 1) for n in ("log", "exp", "sin", "cos", "sqrt")}
    return replace(engine, functions={**engine.functions, **quick})


class Evaluator:
    """Values of expressions at an instance, on one grid, in one precision."""

    def __init__(self, engine: Engine, instance: Instance, grid: Grid, digits: int) -> None:
        self.engine = engine = direct(engine)
        self.instance = instance
        self.grid = grid
        self.functions = Functions(engine, instance.draws, instance.continuous)
        self.difference = engine.number(Fraction(2 + grid.finer, 10 ** (digits // 2 + 5 + grid.finer)))
        self._work = 0
        self._nodes: dict[tuple[str, int, bool], tuple[Value, Value]] = {}
        self._kept: dict[tuple[Any, ...], tuple[tuple[Any, ...], Value]] = {}
        number = engine.number
        self.scope = Scope(
            {n: number(v) for n, v in instance.points.items()},
            {},
            {k: tuple(map(number, v)) if isinstance(v, tuple) else number(v) for k, v in instance.symbols.items()},
            instance.labels,
        )

    def value(self, e: Plain, scope: Scope | None = None) -> Any:
        """A number, an array over the axes of the scope, or a tuple of them for a vector.

        Raises:
            Infeasible: for a sum over too many points, or something that has no numerical meaning here.
        """
        s = self.scope if scope is None else scope
        self._work += 1
        if self._work > MAX_WORK:
            raise Infeasible(f"more than {MAX_WORK} evaluations")
        method = getattr(self, f"_{e[0]}", None)
        if method is None:
            raise Infeasible(f"no value for {short(e)}")
        return method(e, s)

    # --- atoms ---------------------------------------------------------------------------------

    def _num(self, e: Plain, s: Scope) -> Value:
        return self.engine.number(Fraction(e[1]))

    def _const(self, e: Plain, s: Scope) -> Value:
        return self.engine.constants("pi") if e[1] == "pi" else self.engine("exp", self.engine.number(1))

    def _sym(self, e: Plain, s: Scope) -> Value:
        if ("sym", e[1]) in s.symbols:
            return s.symbols["sym", e[1]]
        return self._defined(e, s)

    def _vec(self, e: Plain, s: Scope) -> Vector:
        vector: Vector = s.symbols["vec", e[1]]
        return vector

    def _label(self, e: Plain, s: Scope) -> Value:
        return self.engine.number(s.labels[e[1]])

    def _var(self, e: Plain, s: Scope) -> Value:
        return s.variables[e[1]]

    def _sample(self, e: Plain, s: Scope) -> Value:
        k = to_int(self.value(e[2], s))
        if k not in s.copies.get(e[1], {}):
            raise Infeasible(f"copy {k} of {e[1]} stands outside an expectation over so many copies")
        return s.copies[e[1]][k]

    # --- arithmetic ----------------------------------------------------------------------------

    def _add(self, e: Plain, s: Scope) -> Any:
        return reduce(_plus, (self.value(t, s) for t in e[1]), self.engine.number(0)) if e[1] else self._zero()

    def _mul(self, e: Plain, s: Scope) -> Any:
        return reduce(_times, (self.value(t, s) for t in e[1]), self.engine.number(1))

    def _pow(self, e: Plain, s: Scope) -> Value:
        base = _scalar(self.value(e[1], s), e)
        if e[2][0] == "num" and Fraction(e[2][1]).denominator <= 2 and abs(Fraction(e[2][1])) <= 64:
            return self.engine.power(base, Fraction(e[2][1]))
        return self.engine("pow", base, _scalar(self.value(e[2], s), e))

    def _fn(self, e: Plain, s: Scope) -> Value:
        args = [_scalar(self.value(a, s), e) for a in e[2]]
        g = self.engine
        match e[1], args:
            case (("log" | "exp" | "digamma" | "sqrt" as f), [x]):
                return g(f, x)
            case "Abs", [x]:
                return g("abs", x)
            case "loggamma", [x]:
                return g("lgamma", x)
            case "polygamma", [n, x] if np.ndim(n) == 0 and to_float(n) in (0, 1):
                return g("trigamma" if to_float(n) else "digamma", x)
            case "cosh", [x]:
                return (g("exp", x) + g("exp", -x)) / 2
            case "sinh", [x]:
                return (g("exp", x) - g("exp", -x)) / 2
            case "tanh", [x]:
                return 1 - 2 / (g("exp", 2 * x) + 1)
            case (("sin" | "cos" as f), [x]):
                return g(f, x)
            case "erf", [x]:
                return np.frompyfunc(lambda v: self._borrowed(mpmath.erf, v), 1, 1)(x)
            case (("Max" | "Min" as f), [first, *rest]):
                sign = 1 if f == "Max" else -1
                return reduce(lambda a, b: (a + b + sign * g("abs", a - b)) / 2, rest, first)
        raise Infeasible(f"no rule to evaluate the function {e[1]} of {len(args)} arguments")

    def _borrowed(self, function: Any, x: Any) -> Any:
        """A function that only mpmath has."""
        return self.rounded(function(to_mpf(x)))

    def rounded(self, x: Any) -> Any:
        """A number of mpmath as one of the engine, rounded to the working precision."""
        scale = 2 ** (mpmath.mp.prec + 8)
        return self.engine.number(Fraction(int(mpmath.nint(mpmath.mpf(x) * scale)), scale))

    def _zero(self) -> Value:
        return self.engine.number(0)

    # --- functions and vectors -----------------------------------------------------------------

    def _unknown(self, e: Plain, s: Scope) -> Any:
        if definition_key(e) in self.instance.definitions:
            return self._defined(e, s)
        if e[1] in self.instance.maps:
            return self._mapped(e, s)
        args = flat([self.value(a, s) for a in e[3]])
        if args:
            affordable(args)
        name, decaying = f"function {e[1]} of {len(args)}", e[1] in self.instance.decaying
        match e[2]:
            case "vector":
                return tuple(self.functions.real(f"{name} [{i}]", args, decaying) for i in range(DIMENSIONS))
            case "positive":
                return self.functions.positive(name, args)
            case "convex" | "slope" if len(args) == 1:
                return self.functions.convex(name, args[0], e[2] == "slope")
            case "real":
                return self.functions.real(name, args, decaying)
        raise Infeasible(f"a {e[2]} function of {len(args)} arguments has no meaning")

    def _defined(self, e: Plain, s: Scope) -> Any:
        key = definition_key(e)
        if key not in self.instance.definitions:
            raise Infeasible(f"{e[1]} has no value and no definition for {key[2]} arguments")
        if s.unfolded >= MAX_UNFOLDED:
            raise Infeasible(f"definitions are nested more than {MAX_UNFOLDED} deep at {e[1]}, or go round in a circle")
        left, right = self.instance.definitions[key]
        inner = replace(s, unfolded=s.unfolded + 1)
        for holder, arg in zip(left, arguments(e), strict=True):
            inner = inner.at(holder[0], holder[1], self.value(arg, s))
        return self.value(right, inner)

    def _inner(self, e: Plain, s: Scope) -> Value:
        a, b = (_vector(self.value(x, s), e) for x in e[1:])
        return reduce(_plus, (_times(x, y) for x, y in zip(a, b, strict=True)))

    def _component(self, e: Plain, s: Scope) -> Value:
        vector, i = _vector(self.value(e[1], s), e), to_int(self.value(e[2], s))
        if not 1 <= i <= len(vector):
            raise Infeasible(f"component {i} of a vector of {len(vector)}")
        return vector[i - 1]

    def _total(self, e: Plain, s: Scope) -> Any:
        terms = self._terms(e, s)
        return reduce(_plus, terms, self.engine.number(0))

    def _average(self, e: Plain, s: Scope) -> Any:
        terms = self._terms(e, s)
        if not terms:
            raise Infeasible("a mean over nothing")
        return _times(1 / self.engine.number(len(terms)), reduce(_plus, terms))

    def _terms(self, e: Plain, s: Scope) -> list[Any]:
        _, body, label, count, without = e
        n, left_out = to_int(self.value(count, s)), to_int(self.value(without, s))
        if n > MAX_TERMS:
            raise Infeasible(f"a sum of {n} terms")
        scopes = (replace(s, labels={**s.labels, label[1]: k}) for k in range(1, n + 1) if k != left_out)
        return [self.value(body, inner) for inner in scopes]

    # --- derivatives ---------------------------------------------------------------------------

    def _grad(self, e: Plain, s: Scope) -> Any:
        _, body, place = e
        h = self.difference
        key, i = self._place(place, s)
        now = s.symbols[key]

        def moved(by: Value) -> Any:
            if i is None:
                return self.value(body, replace(s, symbols={**s.symbols, key: now + by}))
            parts = tuple(x + by if k == i else x for k, x in enumerate(now))
            return self.value(body, replace(s, symbols={**s.symbols, key: parts}))

        return _times(1 / (2 * h), _plus(moved(h), _times(self.engine.number(-1), moved(-h))))

    def _place(self, place: Plain, s: Scope) -> tuple[tuple[str, str], int | None]:
        if place[0] == "sym":
            key, i = ("sym", place[1]), None
        else:
            if place[1][0] != "vec":
                raise Infeasible(f"no derivative in {short(place)}")
            key, i = ("vec", place[1][1]), to_int(self.value(place[2], s)) - 1
        if key not in s.symbols:
            raise Infeasible(f"no derivative in {place[1]}, which is defined by something else")
        return key, i

    def _at(self, e: Plain, s: Scope) -> Any:
        _, body, symbol, value = e
        return self.value(body, s.at("sym", symbol[1], self.value(value, s)))

    # --- sums and expectations -----------------------------------------------------------------

    def _mass(self, e: Plain, s: Scope) -> Any:
        inner, weights = self.bound([v[1] for v in e[2]], s)
        return self._summed(self.value(e[1], inner), weights)

    def _expect(self, e: Plain, s: Scope) -> Any:
        inner, weights = self._law(e[2], s)
        return self._summed(self.value(e[1], inner), weights, len(weights) // 2)

    def _cov(self, e: Plain, s: Scope) -> Value:
        inner, weights = self._law(e[3], s)
        count = len(weights) // 2
        f, g = (_scalar(self.value(x, inner), e) for x in e[1:3])
        f, g = (_plus(x, -self._summed(x, weights, count)) for x in (f, g))
        return self._summed(_times(f, g), weights, count)

    def _entropy(self, e: Plain, s: Scope) -> Value:
        return -self._mean_log([e[1]], e[1], s)

    def _kl(self, e: Plain, s: Scope) -> Value:
        return self._mean_log(e[1:3], e[1], s)

    def _elbo(self, e: Plain, s: Scope) -> Value:
        return -self._mean_log(e[1:3], e[1], s)

    def _mean_log(self, densities: Plain, law: Plain, s: Scope) -> Value:
        """The mean of the logarithm of the first density, less that of the second."""
        inner, weights = self._law(law, s)
        logs = [self.engine("log", self.value(d, inner)) for d in densities]
        body = logs[0] if len(logs) == 1 else _plus(logs[0], -logs[1])
        return self._summed(body, weights, len(weights) // 2)

    def _fdiv(self, e: Plain, s: Scope) -> Value:
        _, p, q, f, u = e
        inner, weights = self._law(q, s)
        ratio = _times(self.value(p, inner), 1 / self.value(q, inner))
        return self._summed(self.value(f, inner.at("sym", u[1], ratio)), weights, len(weights) // 2)

    def _law(self, law: Plain, s: Scope) -> tuple[Scope, list[Value]]:
        """The scope with the variables of a law bound, and for each of them two factors: weights and density.

        A density of several variables stands once, with ones for the other variables.
        """
        one = self.engine.number(1)
        density, copies = (law[1], to_int(self.value(law[2], s))) if law[0] == "iid" else (law, None)
        if copies is not None and not 1 <= copies <= 12:
            raise Infeasible(f"an expectation over {copies} copies")
        names = [v[1] for v in density[2]]
        inner, factors = s, []
        found: dict[str, dict[int, Value]] = {n: {} for n in names}
        for k in range(1, (copies or 1) + 1):
            inner, weights = self.bound(names, inner)
            factors += [*weights, self.value(density, inner), *[one] * (len(names) - 1)]
            for n in names:
                found[n][k] = inner.variables[n]
        if copies is not None:
            # Only the copies are random: the variable itself keeps the value that it has outside.
            variables = {**inner.variables, **{n: s.variables[n] for n in names}}
            inner = replace(inner, copies={**inner.copies, **found}, variables=variables)
        return inner, factors

    def bound(self, names: Sequence[str], s: Scope, coarse: bool = False) -> tuple[Scope, list[Value]]:
        """The scope with an axis for each variable, and the weights of the nodes of each."""
        variables, depth, found = dict(s.variables), s.depth, []
        for n in names:
            variables[n], weights = self._axis(n, depth, coarse)
            found.append(weights)
            depth += 1
        if depth > MAX_AXES:
            raise Infeasible(f"sums over more than {MAX_AXES} variables inside one another")
        return replace(s, variables=variables, depth=depth), found

    def _axis(self, name: str, depth: int, coarse: bool) -> tuple[Value, Value]:
        key = (name, depth, coarse)
        if key not in self._nodes:
            number = self.engine.number
            if name in self.instance.supports:
                nodes = [number(v) for v in self.instance.supports[name]]
                weight = number(1)
            else:
                step = self.grid.step * (Fraction(7, 5) if coarse else 1)
                reach = int(self.grid.reach / step)
                nodes = [number(k * step + Fraction(3, 100)) for k in range(-reach, reach + 1)]
                weight = number(step)
            array, weights = np.empty(len(nodes), dtype=object), np.empty(len(nodes), dtype=object)
            array[:], weights[:] = nodes, [weight] * len(nodes)
            shape = (len(nodes),) + (1,) * depth
            self._nodes[key] = array.reshape(shape), weights.reshape(shape)
        return self._nodes[key]

    def _summed(self, value: Any, weights: Sequence[Value], count: int | None = None) -> Any:
        """Σ of the value times the weights over the axes in front, as many as there are weights unless said."""
        if isinstance(value, tuple):
            return tuple(self._summed(v, weights, count) for v in value)
        return contract([value, *weights], len(weights) if count is None else count)

    # --- densities -----------------------------------------------------------------------------

    def _density(self, e: Plain, s: Scope) -> Value:
        if definition_key(e) in self.instance.definitions:
            return self._defined(e, s)
        _, name, variables, given, parameters = e
        if name not in self.instance.joints:
            raise Infeasible(f"the density {name} is defined for other arguments")
        joint = self.instance.joints[name]
        of = {v[1]: self.value(v, s) for v in variables}
        on = {v[1]: self.value(v, s) for v in given}
        if missing := [n for n in joint.given if n not in on]:
            raise Infeasible(f"{name} is only known given {', '.join(missing)}")
        values = self._parameters(joint, parameters, s)
        key: tuple[Any, ...] = (
            name,
            tuple(of),
            tuple(map(_token, of.values())),
            tuple(map(_token, on.values())),
            s.depth,
        )
        key += tuple(map(_token, flat(values)))
        if key in self._kept:
            return self._kept[key][1]
        if set(on) == set(joint.given):
            below = self._normaliser(joint, on, values, s)
        else:
            below = self._marginal(joint, on, values, s)
        found = _times(self._marginal(joint, {**of, **on}, values, s), 1 / below)
        if np.size(found) <= KEPT_POINTS and len(self._kept) < KEPT:
            # The arrays are kept too: a token is their address.
            self._kept[key] = ((*of.values(), *on.values(), *values), found)
        return found

    def _parameters(self, joint: Joint, parameters: Plain, s: Scope) -> list[Any]:
        """All parameters of the joint: those written, the others as they are written elsewhere."""
        if len(parameters) == len(joint.parameters):
            return [self.value(p, s) for p in parameters]
        if self.instance.special.get(joint.name, [""])[0] != "factorises":
            raise Infeasible(f"{joint.name} has {len(joint.parameters)} parameters in one place, fewer in another")
        return [self.value(p, s) for p in joint.parameters]

    def _normaliser(self, joint: Joint, given: Mapping[str, Value], values: list[Any], s: Scope) -> Value:
        key = ("normaliser", joint.name, tuple(map(_token, given.values())), *map(_token, flat(values)))
        if key not in self._kept:
            flat_scope = s if given or any(np.ndim(v) for v in flat(values)) else replace(s, depth=0)
            self._kept[key] = ((*given.values(), *values), self._marginal(joint, given, values, flat_scope))
        return self._kept[key][1]

    def _marginal(self, joint: Joint, at: Mapping[str, Value], values: list[Any], s: Scope) -> Value:
        """The unnormalised joint, summed over the variables that are not at a value."""
        missing = [n for n in joint.variables if n not in at]
        inner, weights = self.bound(missing, s, coarse=len(missing) > 2)
        placed = {n: inner.variables[n] for n in missing} | dict(at)
        return contract([*self._factors(joint, placed, values, inner), *weights], len(missing))

    def _factors(self, joint: Joint, at: Mapping[str, Value], values: list[Any], s: Scope) -> list[Value]:
        special = self.instance.special.get(joint.name)
        names = [*joint.variables, *joint.given]
        if special is None:
            logs = self.functions.log_factors(f"density {joint.name}", [at[n] for n in names], flat(values))
            return [self.engine("exp", t) for t in logs]
        if special[0] == "pushforward":
            return self._pushed(special, at, values, s)
        inner = s
        for p, v in zip(joint.parameters, values, strict=True):
            inner = inner.at(p[0], p[1], v)
        return [self._part(k, f, at, inner) for k, f in enumerate(special[2])]

    def _part(self, k: int, f: Plain, at: Mapping[str, Value], s: Scope) -> Value:
        """One factor of a joint, a random conditional density of its own."""
        own, on = [v[1] for v in f[2]], [v[1] for v in f[3]]
        part = Joint(f"{f[1]} part {k}", tuple(own), tuple(on), tuple(f[4]))
        given = {n: at[n] for n in on}
        values = [self.value(p, s) for p in f[4]]
        below = self._marginal(part, given, values, s)
        return self._marginal(part, {n: at[n] for n in own} | given, values, s) / below

    # --- a density that a map makes of a noise ---------------------------------------------------

    def _pushed(self, special: Plain, at: Mapping[str, Value], values: list[Any], s: Scope) -> list[Value]:
        _, density, noise, map_ = special
        inner = s
        for p, v in zip(density[4], values, strict=True):
            inner = inner.at(p[0], p[1], v)
        level, scale = self._affine(map_, map_[3], inner)
        back = (at[density[2][0][1]] - level) / scale
        placed = inner.at("var", noise[2][0][1], back)
        return [self.value(noise, placed), 1 / scale]

    def _mapped(self, e: Plain, s: Scope) -> Value:
        noise = self.instance.maps[e[1]][2]
        level, scale = self._affine(self.instance.maps[e[1]][3], e[3], s)
        slot = self.instance.maps[e[1]][3][3].index(noise[2][0])
        return level + scale * self.value(e[3][slot], s)

    def _affine(self, map_: Plain, args: Plain, s: Scope) -> tuple[Value, Value]:
        """a(φ) and b(φ) > 0 of the map a + b ε, from the arguments other than the noise."""
        noise = self.instance.maps[map_[1]][2][2][0]
        if len(args) != len(map_[3]) or noise not in map_[3]:
            raise Infeasible(f"the map {map_[1]} has other arguments than its assumption says")
        slot = map_[3].index(noise)
        rest = flat([self.value(a, s) for i, a in enumerate(args) if i != slot])
        level = self.functions.wave(f"map {map_[1]} level", rest, False) / 3
        return level, self.engine("exp", self.functions.wave(f"map {map_[1]} scale", rest, False) / 7)


def _token(x: Any) -> Any:
    """What tells values apart: the number itself, or the address of an array (which is kept alive)."""
    if isinstance(x, np.ndarray):
        return id(x)
    return (x.mid().man_exp(), x.rad().man_exp()) if hasattr(x, "rad") else x


def _plus(a: Any, b: Any) -> Any:
    """a + b; zero may be added to a vector."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return tuple(x + y for x, y in zip(a, b, strict=True))
    if isinstance(a, tuple) or isinstance(b, tuple):
        vector, number = (a, b) if isinstance(a, tuple) else (b, a)
        if np.ndim(number) or number != 0:
            raise Infeasible("a number is added to a vector")
        return vector
    affordable((a, b))
    return a + b


def _times(a: Any, b: Any) -> Any:
    if isinstance(a, tuple) and isinstance(b, tuple):
        raise Infeasible("a product of two vectors")
    if isinstance(a, tuple):
        return tuple(_times(x, b) for x in a)
    if isinstance(b, tuple):
        return tuple(_times(a, x) for x in b)
    affordable((a, b))
    return a * b


def _scalar(x: Any, e: Plain) -> Value:
    if isinstance(x, tuple):
        raise Infeasible(f"a vector where a number is expected: {short(e)}")
    return x


def _vector(x: Any, e: Plain) -> Vector:
    if not isinstance(x, tuple):
        raise Infeasible(f"a number where a vector is expected: {short(e)}")
    return x
