"""Tier 4: the rendered NumPy module against the claimed formulas in high precision, at random shapes.

The module runs in a namespace of its own. From a random q every update and the bound are compared with the claim; then
sweeps of all updates must never lower the bound.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property, partial
from types import ModuleType
from typing import Any

import numpy as np

from cavi.verify.arithmetic import precise, precision, to_float
from cavi.verify.cells import at_cells, belongs_to_cells, given_cells, thinned
from cavi.verify.check_identity import claimed_elbo
from cavi.verify.chosen import stepped
from cavi.verify.claim import Axes, Claim
from cavi.verify.climbs import at_the_top, climbed
from cavi.verify.evaluate import evaluate, positions, size_of
from cavi.verify.extremes import extremes
from cavi.verify.generic import Table
from cavi.verify.instance import Instance, InstanceError, make_instance, small_sizes
from cavi.verify.report import Check, Finding, Row, worst
from cavi.verify.state import State

DIGITS = 10
SWEEPS = 12
LARGEST = 4
FAR_AWAY = 3  # times the mean of a Normal, and its variance
RUNS = "the module runs and imports NumPy and SciPy only"
ALLOWED = ("numpy", "scipy", "__future__")


class Generated:
    """A rendered module, executed in a namespace of its own."""

    def __init__(self, source: str) -> None:
        name = "_cavi_generated_module"
        self.module = ModuleType(name)
        sys.modules[name] = self.module  # dataclasses look their module up by name
        try:
            exec(compile(source, f"<{name}>", "exec"), self.module.__dict__)
        finally:
            del sys.modules[name]

    def state(self, claim: Claim, instance: Instance) -> Any:
        """A state of the module at an instance, every factor given."""
        data, hyper, init = given(claim, instance)
        known = self.module.prepare(data, hyper, dict(instance.sizes))
        state = self.module.State(*known)
        self.module.initialise(state, init, np.random.default_rng(0))
        return state


Arrays = dict[str, Any]


def given(claim: Claim, instance: Instance) -> tuple[Arrays, Arrays, dict[str, Arrays]]:
    """The data, the hyperparameters and q of an instance as a user would pass them to a module."""
    data: Arrays = {}
    hyper: Arrays = {}
    for name, table in instance.data.items():
        v = claim.variables[name]
        array = floats(table, claim.axes(name), instance.sizes)
        (hyper if v["role"] == "hyper" else data)[name] = array.astype(int) if v["over"] is not None else array
        if v.get("sparse"):
            data[name] = given_cells(claim, name, array)

    def parameter(latent: str, table: Table, axes: Axes) -> Any:
        return at_cells(claim, data, latent, axes, floats(table, axes, instance.sizes))

    init = {
        latent: {p["name"]: parameter(latent, tables[p["name"]], p["indices"]) for p in claim.standard(latent)}
        for latent, tables in instance.q.items()
    }
    return data, hyper, init


def check_generated(claim: Claim, render: Callable[[], str], seed: int) -> Iterator[Row]:
    """Rows for rendering, imports, and for every update and the bound at three random shapes."""
    return (check.row() for check in generated_checks(claim, render, seed))


def generated_checks(claim: Claim, render: Callable[[], str], seed: int) -> Iterator[Check]:
    """The checks of a rendered module, which is rendered and executed when the first of them is carried out.

    Where that has failed there is no module to compare, and no further check.
    """

    @cache
    def module() -> tuple[Generated | None, str]:
        """The module, or what went wrong."""
        try:
            source = render()
            foreign = sorted(set(_imports(source)) - set(ALLOWED) - set(sys.stdlib_module_names))
            return Generated(source), f"imports {', '.join(foreign)}" if foreign else ""
        except Exception as error:  # whatever a renderer or its output raises, it is not a module that runs
            return None, f"{type(error).__name__}: {error}"

    def load() -> Finding:
        wrong = module()[1]
        return Finding(0.0 if wrong else float(DIGITS), wrong)

    @cache
    def known() -> list[Case]:
        return list(cases(claim, seed))

    def each(check: Comparison, name: str = "") -> Finding:
        found, wrong = module()
        return Finding(0.0, wrong) if found is None else over(found, known(), check, name)

    yield Check(RUNS, "code", DIGITS, load)
    if module.cache_info().currsize and module()[0] is None:
        return
    for title, check, name in comparisons(claim):
        yield Check(title, "code", DIGITS, partial(each, check, name))


def comparisons(claim: Claim) -> Iterator[tuple[str, Comparison, str]]:
    """What is compared of a module: the title, how, and the factor that it is about."""
    for factor in claim.factors:
        yield f"update_{factor['name']}", same_update, factor["name"]
        if any(p["value"][0] == "integral" for p in factor["parameters"]):
            yield f"integrals of q({factor['name']}) by its nodes", same_integrals, factor["name"]
        if factor.get("chosen") or factor.get("climbs") is not None:
            yield f"update_{factor['name']} from far away", shortened, factor["name"]
    yield "elbo", same_bound, ""
    yield "fit makes the sweeps of the updates", swept, ""
    if not claim.expanded:  # an approximated bound may fall
        yield "the bound never falls", ascent, ""
    yield "finite at extreme values", finite, ""
    for factor in claim.factors:
        if any(link.get("chain") for link in factor.get("q", ())):
            yield f"start of {factor['name']} from marginals", started, factor["name"]


@dataclass(frozen=True)
class Case:
    """A claim at one shape; what the module must give there, in high precision, is computed when it is asked for."""

    claim: Claim
    where: str
    instance: Instance

    @cached_property
    def updated(self) -> dict[str, dict[tuple[str, str], Any]]:
        """The standard parameters of each factor after its update alone, by latent and name."""
        return {f["name"]: self._after(self._state(), f) for f in self.claim.factors}

    @cached_property
    def integrals(self) -> dict[str, dict[tuple[str, str], Any]]:
        """The integrals of each factor after its update alone, by quadratures of the checker, by latent and name."""
        found: dict[str, dict[tuple[str, str], Any]] = {}
        for factor in self.claim.factors:
            own = [p for p in factor["parameters"] if p["value"][0] == "integral"]
            after = solve_all(self._state(), factor) if own else None
            for p in own:
                assert after is not None
                places = positions(p["indices"], self.instance.sizes)
                table = {at: after.param(p["latent"], p["name"], at) for at in places}
                values = floats(table, p["indices"], self.instance.sizes)
                found.setdefault(factor["name"], {})[p["latent"], p["name"]] = values
        return found

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The bound at the random q, and after one sweep of all updates."""
        state = self._state()
        before = to_float(claimed_elbo(state))
        for factor in self.claim.factors:
            state = solve_all(state, factor)
        return before, to_float(claimed_elbo(state))

    @cached_property
    def terms(self) -> dict[str, float]:
        """The terms of the bound at the random q, by the names that a module gives them."""
        state = self._state()
        return {_title(t): to_float(evaluate(t["value"], state, {})) for t in self.claim.plain["elbo"]}

    def _state(self) -> State:
        return State(self.claim, self.instance, precise(), DIGITS)

    def _after(self, state: State, factor: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
        after, sizes = solve_all(state, factor), self.instance.sizes
        data, _, _ = given(self.claim, self.instance)
        found = {}
        for latent in factor["latents"]:
            for p in self.claim.standard(latent):
                whole = floats(after.params[latent, p["name"]], p["indices"], sizes)
                found[latent, p["name"]] = at_cells(self.claim, data, latent, p["indices"], whole)
        return found


Comparison = Callable[[Generated, Case, str], Finding]


def cases(claim: Claim, seed: int) -> Iterator[Case]:
    """Cases at mixed sizes, at sizes that are all one, and at sizes of which data say most."""
    rng = np.random.default_rng(seed + 7)
    names = claim.model["sizes"]
    for sizes in (
        {s: int(rng.integers(2, 4)) for s in names},
        dict.fromkeys(names, 1),
        small_sizes(claim, LARGEST),
    ):
        try:
            yield Case(claim, f"{sizes}", thinned(claim, make_instance(claim, seed + 11, sizes=sizes), rng))
        except InstanceError:
            continue


def over(module: Generated, known: Iterable[Case], check: Comparison, name: str = "") -> Finding:
    """The worst finding of a comparison over several cases; whatever the module raises is a failed one."""

    def one(case: Case) -> Finding:
        try:
            with precision(40), np.errstate(all="ignore"):
                finding = check(module, case, name)
        except Exception as error:  # generated code may raise anything; that is a failed check
            finding = Finding(0.0, f"{type(error).__name__}: {error}")
        return Finding(finding.digits, f"{finding.detail} at {case.where}".strip())

    return worst(one(c) for c in known)


def same_update(module: Generated, case: Case, name: str) -> Finding:
    """The standard parameters of a factor after its update by the module."""
    state = module.state(case.claim, case.instance)
    module.module.UPDATES[name](state)

    def one(latent: str, parameter: str, reference: Any) -> Finding:
        got = np.asarray(state.params[latent][parameter], dtype=float)
        return _compare(got, reference, f"{latent}.{parameter}")

    return worst(one(*key, reference) for key, reference in case.updated[name].items())


def same_integrals(module: Generated, case: Case, name: str) -> Finding:
    """The normaliser and the moments of a factor that its update by the module has added up over nodes."""
    state = module.state(case.claim, case.instance)
    module.module.UPDATES[name](state)
    found = case.integrals[name]
    return worst(_compare(state.params[a][b], value, f"{a}.{b}") for (a, b), value in found.items())


def shortened(module: Generated, case: Case, name: str) -> Finding:
    """An update that starts at a wide Normal or a point far from the data, where a whole step may be too long."""
    q, latents = dict(case.instance.q), case.claim.factor_named[name]["latents"]
    added_up = sum(len(q[n]["mean"]) for n in latents) if len(latents) > 1 else 1
    far_away = 1 + Fraction(FAR_AWAY - 1, added_up)  # for each number of a block; what is far is their sum
    for latent in latents:
        own = q[latent]
        wide = {n: {at: far_away * x for at, x in own[n].items()} for n in ("mean", "value", "offset") if n in own}
        if "precision" in own:
            wide["precision"] = {at: x / far_away for at, x in own["precision"].items()}
        q[latent] = {**own, **wide}
    far = replace(case.instance, q=q)
    if case.claim.factor_named[name].get("chosen"):
        far = _with_points_at_their_best(case.claim, far)
    return same_update(module, Case(case.claim, f"{case.where}, far away", far), name)


def _with_points_at_their_best(claim: Claim, instance: Instance) -> Instance:
    """Points that are found by steps where a run would have them: beside random ones exponentials leave all bounds."""
    state = State(claim, instance, precise(), DIGITS)
    moved: set[str] = set()
    for factor in claim.factors:
        if factor.get("climbs") is not None:
            state = at_the_top(state, factor, claimed_elbo)
            moved |= {*factor["latents"], *factor["climbs"]}
    tables = {n: {at: Fraction(to_float(x)) for at, x in state.params[n, "value"].items()} for n in moved}
    return replace(instance, q={**instance.q, **{n: {"value": t} for n, t in tables.items()}})


def same_bound(module: Generated, case: Case, name: str) -> Finding:
    """At the random q, and again after every factor was updated once by the module itself."""
    state = module.state(case.claim, case.instance)
    before, after = case.bounds
    findings = [_compare(np.array(module.module.elbo(state)), np.array(before), "elbo")]
    # Mistakes in two terms may cancel in their sum.
    terms = module.module.elbo_terms(state)
    findings += [_compare(np.array(terms[name]), np.array(value), name) for name, value in case.terms.items()]
    for factor in case.claim.factors:
        module.module.UPDATES[factor["name"]](state)
    findings.append(_compare(np.array(module.module.elbo(state)), np.array(after), "elbo after one sweep"))
    return worst(iter(findings))


def _title(term: Mapping[str, Any]) -> str:
    return f"H[q({term['name']})]" if term["kind"] == "entropy" else f"E[log p({term['name']})]"


def swept(module: Generated, case: Case, name: str) -> Finding:
    """The parameters and the bound after two sweeps of `fit`, which may take another way than the updates alone."""
    claim, instance = case.claim, case.instance
    state = module.state(claim, instance)
    for _ in range(2):
        for update in module.module.UPDATES.values():
            update(state)
    bound = float(module.module.elbo(state))
    data, hyper, init = given(claim, instance)
    try:
        found = module.module.fit(data, hyper, dict(instance.sizes), init=init, max_iter=2, tol=0.0)
    except ArithmeticError:
        if not np.isfinite(bound) and any(f["point"] for f in claim.factors):
            return Finding(float(DIGITS), "a maximised parameter collapses in both")
        raise
    kept = [n for n in claim.factor_of if n in found.params or not belongs_to_cells(claim, n)]
    standard = [(latent, p["name"]) for latent in kept for p in claim.standard(latent)]
    compared = [_compare(np.asarray(found.params[a][b]), state.params[a][b], f"{a}.{b}") for a, b in standard]
    return worst(iter([_compare(np.array(found.elbo), np.array(bound), "elbo"), *compared]))


def ascent(module: Generated, case: Case, name: str) -> Finding:
    """The bound after every update of some sweeps, which must not be less than before it."""
    claim = case.claim
    state = module.state(claim, case.instance)
    last, fall = float(module.module.elbo(state)), 0.0
    for _ in range(SWEEPS):
        for factor in claim.factors:
            module.module.UPDATES[factor["name"]](state)
            bound = float(module.module.elbo(state))
            if not np.isfinite(bound):
                collapse = any(f["point"] for f in claim.factors)
                return Finding(float(DIGITS) if collapse else 0.0, "the bound is not finite")
            fall = max(fall, (last - bound) / (1 + abs(bound)))
            last = bound
    digits = float(DIGITS + 5) if fall <= 0 else float(-np.log10(fall))
    return Finding(max(0.0, digits), f"falls by {fall:.3g} relative")


def finite(module: Generated, case: Case, name: str) -> Finding:
    """All numbers after each update alone, and after a sweep, from data far from zero and from shapes near it."""
    claim, updates = case.claim, module.module.UPDATES
    found = 0
    for instance in extremes(claim, case.instance):
        for several in [*([name] for name in updates), list(updates)]:
            if any(claim.factor_named[name]["point"] for name in several):
                continue  # a maximised scale may shrink to nothing
            state = module.state(claim, instance)
            for name in several:
                updates[name](state)
            arrays = [a for params in state.params.values() for a in params.values()]
            numbers = [*arrays, *state.moments.values(), module.module.elbo(state)]
            found += sum(int((~np.isfinite(np.asarray(a, dtype=float))).sum()) for a in numbers)
    return Finding(0.0 if found else float(DIGITS), f"{found} numbers not finite" if found else "")


def started(module: Generated, case: Case, name: str) -> Finding:
    """A chain that starts from marginals alone has these marginals, and every standard parameter in its shape."""
    factor = case.claim.factor_named[name]
    state = module.state(case.claim, case.instance)
    marginals = {
        (latent, p): np.array(state.params[latent][p], dtype=float)
        for latent in factor["latents"]
        for p, spec in module.module.PARAMETERS[latent].items()
        if spec["role"] == "marginal"
    }
    module.module.FROM_MARGINALS[name](state)
    for latent in factor["latents"]:
        for p in case.claim.standard(latent):
            shape = tuple(size_of(case.instance.sizes, s) for _, s in p["indices"])
            if np.shape(state.params[latent][p["name"]]) != shape:
                return Finding(0.0, f"{latent}.{p['name']} has another shape than {shape}")
    module.module.FOLLOWS[name](state)
    return worst(_compare(state.params[a][b], value, f"{a}.{b}") for (a, b), value in marginals.items())


def solve_all(state: State, factor: Mapping[str, Any]) -> State:
    """Every element of a factor at its claimed optimum, one after another; after a step where none is closed."""
    if factor.get("chosen"):
        return stepped(state, factor, claimed_elbo)
    if factor.get("climbs") is not None:
        return climbed(state, factor, claimed_elbo)
    for site in positions(factor["plates"], state.sizes):
        state = state.solve(factor, site)
    return state


def _compare(got: Any, reference: Any, what: str) -> Finding:
    if np.shape(got) != np.shape(reference):
        return Finding(0.0, f"{what} has shape {np.shape(got)}, expected {np.shape(reference)}")
    if not np.all(np.isfinite(reference)):  # a maximised parameter that collapses onto its data
        same = bool(np.array_equal(np.isfinite(got), np.isfinite(reference)))
        return Finding(16.0 if same else 0.0, f"{what} is finite where the claim is not, or not where it is")
    if not np.all(np.isfinite(got)):
        return Finding(0.0, f"{what} is not finite")
    # A bound may be exactly zero, and rounding is relative to the terms that cancel in it.
    scale = max(1.0 if np.ndim(reference) == 0 else 1e-3, float(np.max(np.abs(reference))))
    worst_gap = float(np.max(np.abs(got - reference))) / scale
    digits = 16.0 if worst_gap == 0 else float(-np.log10(worst_gap))
    return Finding(max(0.0, digits), f"{what} differs by {worst_gap:.3g} relative")


def floats(table: Mapping[Any, Any], axes: Axes, sizes: Mapping[str, int]) -> Any:
    """A table as an array over axes."""
    out = np.zeros(tuple(size_of(sizes, s) for _, s in axes))
    for at in positions(axes, sizes):
        out[at] = to_float(table[at])
    return out


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
