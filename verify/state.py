"""A state of inference at an instance: known values, parameters of q, and everything a claim says follows from them.

`State` is the scope in which claimed formulas are evaluated: moments by their claimed closed forms (by quadrature
where the claim has none), updates by their claimed formulas.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, exact, to_mpf
from cavi.verify.claim import Claim, Element
from cavi.verify.degree import NORMALS, degree
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate, positions, size_of
from cavi.verify.instance import Instance
from cavi.verify.joint_normal import vector_of
from cavi.verify.matrix import inverse, log_determinant
from cavi.verify.numeric import FAMILY as NUMERIC
from cavi.verify.numeric import Density
from cavi.verify.plane import PlaneRule
from cavi.verify.projection import projected
from cavi.verify.rules import QuadratureError
from cavi.verify.units import Unit, build_unit, several_axes

LEAST = Fraction(1, 10**300)  # a number in the place of zero in logarithms
Tables = dict[tuple[str, str], dict[Position, Any]]


class State:
    """Parameters of q at an instance, with what the claim derives from them."""

    def __init__(self, claim: Claim, instance: Instance, engine: Engine, digits: int) -> None:
        self.claim, self.instance, self.engine, self.digits = claim, instance, engine, digits
        self.sizes = instance.sizes
        self.known = {n: {at: engine.number(v) for at, v in t.items()} for n, t in instance.data.items()}
        self.params: Tables = {
            (latent, name): {at: engine.number(v) for at, v in table.items()}
            for latent, tables in instance.q.items()
            for name, table in tables.items()
        }
        self._units: dict[tuple[str, Position, int], Unit | QuadratureError] = {}
        self._moments: dict[tuple[str, str, Position], Value] = {}
        self._densities: dict[tuple[str, Position], Density] = {}
        self._vectors: dict[tuple[str, Position], tuple[list[Value], list[list[Value]]]] = {}
        self.averaged: dict[Hashable, Value] = {}  # what `Averages` has found
        self.planes: dict[Hashable, PlaneRule] = {}  # of all states at this instance, by what each rests on
        for factor in claim.factors:
            for site in positions(factor["plates"], self.sizes):
                self._derive(factor, site)

    # --- scope -----------------------------------------------------------------------------

    def element(self, name: str, at: Position) -> Value:
        """A known variable's element; of a point its value."""
        known = self.known.get(name)
        return self.params[name, "value"][at] if known is None else known[at]

    def param(self, latent: str, name: str, at: Position) -> Value:
        """A parameter of q; an integral is found when it is asked for."""
        table = self.params[latent, name]
        if at not in table and (latent, name) in self.claim.integrals:
            formula, factor = self.claim.integrals[latent, name], self.claim.factor_of[latent]
            binding = {i: p for (i, _), p in zip(formula["indices"], at, strict=True)}
            _, kind, pattern = formula["value"]
            if latent in self.claim.numeric:
                density = self.density(factor, tuple(binding[i] for i, _ in factor["plates"]))
                table[at] = density.integral(latent, kind, pattern, binding)
            else:
                table[at] = self.moment_by_quadrature(factor["name"], {"pattern": pattern}, binding)
        return table[at]

    def moment(self, factor: str, key: str, at: Position) -> Value:
        """A moment by its claimed closed form, or by quadrature where there is none."""
        place = (factor, key, at)
        if place not in self._moments:
            spec = self.specs[factor, key]
            binding = {i: p for (i, _), p in zip(spec["indices"], at, strict=True)}
            if spec["value"] is None:
                self._moments[place] = self.moment_by_quadrature(factor, spec, binding)
            else:
                scope = _AtAnEnd(self) if self.claim.factor_named[factor]["point"] else self
                self._moments[place] = evaluate(spec["value"], scope, binding)
        return self._moments[place]

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        """Taken by `Averages`, which knows what is held fixed."""
        raise KeyError("an expectation that is not yet taken stands only in derivation steps")

    # --- what follows ----------------------------------------------------------------------

    @cached_property
    def specs(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(factor, key) -> the claimed moment."""
        return {(f["name"], m["key"]): m for f in self.claim.factors for m in f["moments"]}

    def unit(self, factor: Mapping[str, Any], site: Position, order: int = 0) -> Unit:
        """The quadrature of one independent piece of q.

        With an order it is exact for polynomials in Normals of degree 2·order - 1, else adaptive.
        """
        place = (factor["name"], site, order)
        if place not in self._units:
            try:
                self._units[place] = build_unit(self, factor, site, order)
            except QuadratureError as error:
                self._units[place] = error
        found = self._units[place]
        if isinstance(found, QuadratureError):
            raise found
        return found

    def moment_by_quadrature(self, factor: str, spec: Mapping[str, Any], binding: Binding) -> Value:
        """E_q[pattern] from the density alone."""
        f = self.claim.factor_named[factor]
        if f.get("chosen") == "cvi":
            found = self._projected(f, spec["pattern"], binding)
            if found is not None:
                return found
        normal = [n for n in f["latents"] if self.claim.family(n) in NORMALS]
        total = degree(spec["pattern"], normal)
        order = total // 2 + 1 if normal and total < 12 else 0
        site = tuple(binding[i] for i, _ in f["plates"])
        unit = self.unit(f, site, order) if several_axes(self, f, site) else self.unit(f, site)
        values = evaluate(spec["pattern"], _AtNodes(self, unit), binding)
        return unit.mean(values)

    def _projected(self, factor: Mapping[str, Any], pattern: Plain, binding: Binding) -> Value | None:
        """E_q[pattern] where it is a function of one combination of the elements of a Normal vector."""
        site = tuple(binding[i] for i, _ in factor["plates"])
        elements = list(self.claim.elements(factor, site, self.sizes))
        mean, precision = self.normal(factor, site)
        args = {"mean": mean, "precision": precision}

        def at(values: Mapping[Element, Value]) -> Value:
            return evaluate(pattern, _AtNodes(self, Unit(factor["name"], site, values, None, None)), binding)

        return projected(self, elements, args, at)

    def weight(self, factor: Mapping[str, Any], site: Position) -> Value:
        """How many identical copies the element stands for."""
        if factor["weight"] is None:
            return self.engine.number(1)
        return evaluate(factor["weight"], self, dict(zip((i for i, _ in factor["plates"]), site, strict=True)))

    def arguments(self, latent: str, site: Position) -> dict[str, Any]:
        """Parameters of the family of a latent's factor at a site; known ones come from the declaration."""
        claim, factor = self.claim, self.claim.factor_of[latent]
        declared = claim.variables[latent]["distribution"]
        family = FAMILIES[claim.family(latent)]
        if family.name == NUMERIC:
            return {"density": self.density(factor, site)}
        binding = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
        args: dict[str, Any] = {}
        for p in family.parameters:
            if (latent, p.name) in self.params:
                args[p.name] = self._at_site(factor, latent, p.name, site)
            elif declared is not None and declared["name"] == family.name and p.name in declared["args"]:
                args[p.name] = evaluate(declared["args"][p.name], self, binding)
            elif p.name == "lower" and declared is not None and FAMILIES[declared["name"]].support == "positive":
                args[p.name] = self.engine.number(0)
        return args

    def normal(self, factor: Mapping[str, Any], site: Position) -> tuple[list[Value], list[list[Value]]]:
        """Mean and precision of one element of a Normal factor, all its axes and latents as one."""
        if len(factor["latents"]) > 1 or any(link["chain"] for link in factor.get("q", ())):
            place = (factor["name"], site)
            if place not in self._vectors:
                self._vectors[place] = vector_of(self, factor, site)
            return self._vectors[place]
        (latent,) = factor["latents"]
        axes = {p["name"]: p["indices"] for p in self.claim.standard(latent)}
        plates = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
        own = [a for a in axes["mean"] if a not in factor["plates"]]
        places = list(positions(own, self.sizes))

        def at(name: str, *inner: int) -> Value:
            event = iter(inner)
            place = tuple(plates[i] if [i, s] in factor["plates"] else next(event) for i, s in axes[name])
            return self.params[latent, name][place]

        return [at("mean", *x) for x in places], [[at("precision", *x, *y) for y in places] for x in places]

    def density(self, factor: Mapping[str, Any], site: Position) -> Density:
        """The density of one element of a factor that is normalised numerically."""
        place = factor["name"], site
        if place not in self._densities:
            elements = list(self.claim.elements(factor, site, self.sizes))
            self._densities[place] = Density(self, factor, elements, site)
        return self._densities[place]

    def numbers(self) -> Hashable:
        """All parameters but integrals, which follow from the others, as what can be compared."""
        tables = (item for item in self.params.items() if item[0] not in self.claim.integrals)
        return tuple((key, *((at, exact(x)) for at, x in sorted(table.items()))) for key, table in sorted(tables))

    def _at_site(self, factor: Mapping[str, Any], latent: str, name: str, site: Position) -> Any:
        """A parameter at a site: a number, a list over the event, or a list of rows."""
        formula = next(p for p in self.claim.standard(latent) if p["name"] == name)
        extra = [a for a in formula["indices"] if a not in factor["plates"]]
        plates = dict(zip((i for i, _ in factor["plates"]), site, strict=True))

        def at(inner: Position) -> Any:
            event = iter(inner)
            place = tuple(plates[i] if [i, s] in factor["plates"] else next(event) for i, s in formula["indices"])
            return self.params[latent, name][place]

        if not extra:
            return at(())
        if len(extra) == 1:
            return [at(p) for p in positions(extra, self.sizes)]
        rows, columns = (range(size_of(self.sizes, s)) for _, s in extra)
        return [[at((i, j)) for j in columns] for i in rows]

    def solve(self, factor: Mapping[str, Any], site: Position, now: State | None = None) -> State:
        """The state with one element of a factor at its claimed optimum, given the moments of the state `now`.

        The others are as they are here, and `now` is this state if it is not given.
        """
        after = self._copy()
        after._run(factor, factor["parameters"], site, now or self)
        after._forget(factor, site)
        return after

    def with_parameters(self, factor: Mapping[str, Any], site: Position, tables: Tables) -> State:
        """The state with other standard parameters of a factor at a site, and what follows from them."""
        after = self._copy()
        for key, table in tables.items():
            after.params[key].update(table)
        after._forget(factor, site)
        after._derive(factor, site)
        return after

    def with_natural(self, factor: Mapping[str, Any], site: Position, tables: Tables) -> State:
        """The state with other natural parameters of a factor at a site, and all that the claim makes of them."""
        after = self._copy()
        for key, table in tables.items():
            after.params.setdefault(key, {}).update(table)
        rest = [p for p in factor["parameters"] if (p["latent"], p["name"]) not in tables]
        after._run(factor, rest, site, self)
        after._forget(factor, site)
        return after

    def with_moments_of(self, before: State) -> State:
        """The parameters of this state beside the moments and quadratures of another."""
        mixed = self._copy()
        mixed.moment = before.moment  # type: ignore[method-assign]
        mixed.unit = before.unit  # type: ignore[method-assign]
        return mixed

    def _derive(self, factor: Mapping[str, Any], site: Position) -> None:
        self._run(factor, [p for p in factor["parameters"] if p["role"] == "derived"], site, self)

    def _run(
        self, factor: Mapping[str, Any], formulas: Sequence[Mapping[str, Any]], site: Position, now: State
    ) -> None:
        """Formulas in order; consecutive ones with the same recursion together, one position after another.

        Nothing follows for a point all of whose coefficients are zero: it stays as it is.
        """
        told_by = factor.get("told_by")
        if told_by and {p["name"] for p in formulas} >= set(told_by):
            for p in (p for p in formulas if p["name"] in told_by):
                self._compute(factor, p, site, now, {})
            if all(x == 0 for name in told_by for x in self._values(factor, name, site)):
                return
        for along, group in groupby(formulas, key=lambda p: p.get("along")):
            together = list(group)
            if along is None:
                for formula in together:
                    self._compute(factor, formula, site, now, {})
                continue
            (index, size), direction = along
            steps = range(size_of(self.sizes, size))
            for t in steps if direction == "forward" else reversed(steps):
                for formula in together:
                    self._compute(factor, formula, site, now, {index: t})

    def _values(self, factor: Mapping[str, Any], name: str, site: Position) -> Iterator[Value]:
        """The numbers of a parameter of a point at a site."""
        formula = next(p for p in factor["parameters"] if p["name"] == name)
        outer = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
        for binding in bindings([a for a in formula["indices"] if a[0] not in outer], self.sizes, outer):
            yield self.params[formula["latent"], name][tuple(binding[i] for i, _ in formula["indices"])]

    def _compute(
        self,
        factor: Mapping[str, Any],
        formula: Mapping[str, Any],
        site: Position,
        now: State,
        step: Mapping[str, int],
    ) -> None:
        """One formula at one site, with the moments of the state `now` and the parameters computed before it."""
        latent, name, value = formula["latent"], formula["name"], formula["value"]
        table = self.params.setdefault((latent, name), {})
        outer = {**dict(zip((i for i, _ in factor["plates"]), site, strict=True)), **step}
        event = [a for a in formula["indices"] if a[0] not in outer]
        if value[0] == "array":
            axes = next(p for p in factor["parameters"] if p["latent"] == latent and p["name"] == value[2])["indices"]
            count = (value[3] if len(value) > 3 else 1) * (2 if value[1] in ("inverse", "logdet") else 1)
            lead, inner = axes[:-count], axes[-count:]
            source = self.params[latent, value[2]]
            for b in bindings([a for a in lead if a[0] not in outer], self.sizes, outer):
                start = tuple(b[i] for i, _ in lead)
                array = {at: source[(*start, *at)] for at in positions(inner, self.sizes)}
                for at, x in array_operation(self.engine, value[1], array).items():
                    table[(*start, *at)] = x
            return
        if value[0] == "integral":
            self._densities.pop((factor["name"], site), None)
            for binding in bindings(event, self.sizes, outer):
                table.pop(tuple(binding[i] for i, _ in formula["indices"]), None)
            return
        scope = _Updating(self, now)
        for binding in bindings(event, self.sizes, outer):
            table[tuple(binding[i] for i, _ in formula["indices"])] = evaluate(value, scope, binding)

    def _copy(self) -> State:
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        other.params = {k: dict(t) for k, t in self.params.items()}
        other._units, other._moments, other.averaged = dict(self._units), dict(self._moments), {}
        other._densities, other._vectors = dict(self._densities), dict(self._vectors)
        return other

    def forget(self) -> None:
        """Drop what was computed from formulas of the claim, which have changed."""
        self._densities.clear()
        for key in self.claim.integrals:
            self.params[key] = {}
        self._moments.clear()
        self.averaged.clear()

    def _forget(self, factor: Mapping[str, Any], site: Position) -> None:
        self._densities.pop((factor["name"], site), None)
        self._vectors.pop((factor["name"], site), None)
        self._units = {k: u for k, u in self._units.items() if k[:2] != (factor["name"], site)}
        gone = {factor["name"], *self.claim.beside.get(factor["name"], ())}
        self._moments = {k: v for k, v in self._moments.items() if k[0] not in gone}


class _Updating:
    """Scope of an update: parameters as computed so far, moments of the state before."""

    def __init__(self, after: State, before: State) -> None:
        self.engine, self.sizes = after.engine, after.sizes
        self.element, self.param, self.moment = after.element, after.param, before.moment
        self.expectation = before.expectation


class _AtAnEnd:
    """Scope of the moments of a point, which may be zero: there log 0 stands for log 1e-300.

    A maximum lies at zero only where what multiplies the logarithm is zero, and the product with it.
    """

    def __init__(self, state: State) -> None:
        engine = state.engine
        log, least = engine.functions["log"], engine("log", engine.number(LEAST))
        self.engine = replace(engine, functions={**engine.functions, "log": lambda x: least if _is_zero(x) else log(x)})
        self.sizes, self.element, self.param, self.moment = state.sizes, state.element, state.param, state.moment
        self.expectation = state.expectation


def _is_zero(x: Value) -> bool:
    return not isinstance(x, np.ndarray) and bool(x == 0)


class _AtNodes:
    """Scope of a pattern: the latents of one unit at its quadrature nodes."""

    def __init__(self, state: State, unit: Unit) -> None:
        self.engine, self.sizes, self.state, self.unit = state.engine, state.sizes, state, unit
        self.param, self.moment, self.expectation = state.param, state.moment, state.expectation

    def element(self, name: str, at: Position) -> Value:
        """A latent of the unit, or a known value."""
        found = self.unit.values.get((name, at))
        return self.state.element(name, at) if found is None else found


def at_nodes(state: State, unit: Unit) -> _AtNodes:
    """The scope of expressions in the latents of one unit, at its quadrature nodes."""
    return _AtNodes(state, unit)


def array_operation(e: Engine, name: str, array: Mapping[Position, Any]) -> dict[Position, Any]:
    """softmax, logsumexp, one_hot_argmax of a vector; inverse, logdet of a positive definite matrix.

    Raises:
        ValueError: for an operation that the grammar does not have.
    """
    if name in ("inverse", "logdet"):
        places = sorted({at[: len(at) // 2] for at in array})
        rows = [[array[(*i, *j)] for j in places] for i in places]
        if name == "logdet":
            return {(): log_determinant(e, rows)}
        found = inverse(e, rows)
        return {(*i, *j): found[a][b] for a, i in enumerate(places) for b, j in enumerate(places)}
    best = max(array, key=lambda at: float(to_mpf(array[at])))
    if name == "one_hot_argmax":
        return {at: e.number(int(at == best)) for at in array}
    terms = {at: e("exp", x - array[best]) for at, x in array.items()}
    total = sum(terms.values(), e.number(0))
    if name == "softmax":
        return {at: x / total for at, x in terms.items()}
    if name == "logsumexp":
        return {(): array[best] + e("log", total)}
    raise ValueError(f"no rule for the array operation {name!r}")
