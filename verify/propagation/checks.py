"""The checks of a propagation: its split, its natural parameters, its moments, its steps, its evidence, its module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, digits_of, doubles, to_mpf
from cavi.verify.evaluate import Position, bindings, evaluate
from cavi.verify.generated import ALLOWED, Generated, given
from cavi.verify.propagation.reference import Moments, Posterior, cavity_power, posterior, quadratic, tilted_moments
from cavi.verify.propagation.world import World, assigned, site_elements
from cavi.verify.report import Check, Finding, worst

CODE_DIGITS = 8  # of quantities at a fixed point that is found to 1e-10
TOL = 1e-10
STEPS, REACH = (0.8, 0.4, 0.2, 0.1, 0.05), 12.0  # of grids for the exact evidence, in standard deviations of q
NO_MASS = 1e-12  # a precision of so small a share of the cavity's is one of zero, found by subtraction
SETTLED = 1e-9  # the exact evidence has settled where a finer grid changes it by less


def agree(claimed: Value, found: Value, what: str) -> Finding:
    """Digits in which two numbers agree, relative to the larger of one and their size."""
    a, b = to_mpf(claimed), to_mpf(found)
    return Finding(digits_of(a, b, max(1, abs(b))), f"{what}: {float(a):.12g} and {float(b):.12g}")


def symbolic(world: World, power: Fraction, digits: int, seed: int) -> Iterator[Check]:
    """The checks of the derivation, at random latents, sites and cavities; each check has random numbers of its own."""
    e, plain = world.engine, world.claim.plain
    alpha = e.number(power)

    def the_split() -> Finding:
        generic = _generic(world, seed, 0)
        there = world.at(assigned(world.latents, [generic(-1.2, 1.2) for _ in world.latents]))
        whole = evaluate(plain["gaussian"], there, {})
        for s in site_elements(world):
            whole = whole + s.function(there, s.scalar(there))
        return agree(whole, there.log_joint(), "log joint")

    yield Check("log joint = Gaussian part + sites", "identity", digits, the_split)
    yield Check("natural parameters of the Gaussian part", "identity", digits, lambda: _natural(world))
    for number, site in enumerate(plain["sites"], start=1):
        elements = [s for s in site_elements(world) if s.site is site]

        def closed(elements: Any = elements, number: int = number) -> Finding:
            generic = _generic(world, seed, number)
            return worst(_same_moments(world, s, _cavity(generic), alpha, digits) for s in elements)

        def matched(elements: Any = elements, number: int = number) -> Finding:
            generic = _generic(world, seed, -number)
            return worst(
                _matched(world, s, _cavity(generic), (generic(-1, 1), generic(0.05, 0.2)), alpha, digits)
                for s in elements
            )

        if site["method"] == "closed form":
            yield Check(f"closed moments of the tilted densities of {site['name']}", "families", digits, closed)
        yield Check(f"a step of {site['name']} matches the moments", "optimality", digits, matched)

    def evidence() -> Finding:
        generic = _generic(world, seed, len(plain["sites"]) + 1)
        sites = [(generic(-0.6, 0.6), generic(0.1, 0.5)) for _ in site_elements(world)]
        found = posterior(world, sites, alpha, digits)
        return agree(_claimed_evidence(world, sites, found), found.log_evidence, "log Z_EP")

    yield Check("log Z_EP from its definition", "identity", digits, evidence)


def _generic(world: World, seed: int, check: int) -> Callable[[float, float], Value]:
    """Random fractions between two ends, for one check alone."""
    rng = np.random.default_rng([seed, abs(check), int(check < 0)])
    return lambda low, high: world.engine.number(Fraction(round(rng.uniform(low, high) * 997), 997))


def _cavity(generic: Callable[[float, float], Value]) -> tuple[Value, Value]:
    """Mean and variance of a cavity."""
    return generic(-1.5, 1.5), generic(0.2, 3.0)


def _natural(world: World) -> Finding:
    found = quadratic(world, lambda w: evaluate(w.claim.plain["gaussian"], w, {}))
    places = {x: i for i, x in enumerate(world.latents)}
    e = world.engine
    linear: list[Value] = [e.number(0)] * len(places)
    rows = [[e.number(0)] * len(places) for _ in places]
    for c in world.claim.plain["natural"]:
        for name, axes, value in c["linear"]:
            for b in bindings(axes, world.sizes, {}):
                linear[places[name, tuple(b[i] for i, _ in axes)]] = evaluate(value, world, b)
        for first, second, left, right, value in c["precision"]:
            for b in bindings([*left, *right], world.sizes, {}):
                i = places[first, tuple(b[n] for n, _ in left)]
                j = places[second, tuple(b[n] for n, _ in right)]
                rows[i][j] = evaluate(value, world, b)
                if first != second:
                    rows[j][i] = rows[i][j]
    pairs = [(evaluate(world.claim.plain["constant"], world, {}), found.constant)]
    pairs += list(zip(linear, found.linear, strict=True))
    pairs += [(rows[i][j], found.precision[i][j]) for i in range(len(rows)) for j in range(len(rows))]
    return worst(agree(a, b, "natural parameter") for a, b in pairs)


def _step(world: World, s: Any, known: dict[str, Value], names: Sequence[str]) -> dict[str, Value]:
    """The claimed quantities of an element, computed in order from those that are known."""
    variable = s.site["variable"]
    have = dict(known)
    for name, formula in s.site["formulas"]:
        if name in names and name not in ("linear", "precision"):
            scope = world.knowing({(variable, n, s.at): x for n, x in have.items()})
            have[name] = evaluate(formula, scope, s.binding)
    scope = world.knowing({(variable, n, s.at): x for n, x in have.items()})
    new = {
        n: evaluate(f, scope, s.binding) for n, f in s.site["formulas"] if n in names and n in ("linear", "precision")
    }
    return {**have, **new}


def _same_moments(world: World, s: Any, cavity: tuple[Value, Value], alpha: Value, digits: int) -> Finding:
    names = ("log_normaliser", "tilted_mean", "tilted_variance")
    claimed = _step(world, s, {"cavity_mean": cavity[0], "cavity_variance": cavity[1]}, names)
    found = tilted_moments(world, s, *cavity, alpha, digits)
    pairs = zip(names, (found.log_mass, found.mean, found.variance), strict=True)
    return worst(agree(claimed[n], x, n) for n, x in pairs)


def _matched(
    world: World, s: Any, cavity: tuple[Value, Value], site: tuple[Value, Value], alpha: Value, digits: int
) -> Finding:
    """From q = cavity · site^α the step finds the cavity, and cavity · new site^α has the moments of the tilted one."""
    precision = 1 / cavity[1] + alpha * site[1]
    mean = (cavity[0] / cavity[1] + alpha * site[0]) / precision
    tilted = tilted_moments(world, s, *cavity, alpha, digits)
    known = {"mean": mean, "variance": 1 / precision, "linear": site[0], "precision": site[1]}
    known |= {"tilted_mean": tilted.mean, "tilted_variance": tilted.variance}
    claimed = _step(world, s, known, ("cavity_mean", "cavity_variance", "linear", "precision"))
    if to_mpf(1 + cavity[1] * alpha * claimed["precision"]) <= NO_MASS:
        return Finding(0.0, "the cavity times the new site has no mass")
    new: Moments = cavity_power(world.engine, cavity, (alpha * claimed["linear"], alpha * claimed["precision"]), digits)
    pairs = [
        (claimed["cavity_mean"], cavity[0], "cavity mean"),
        (claimed["cavity_variance"], cavity[1], "cavity variance"),
        (new.mean, tilted.mean, "mean"),
        (new.variance, tilted.variance, "variance"),
    ]
    return worst(agree(a, b, n) for a, b, n in pairs)


def _claimed_evidence(world: World, sites: Sequence[tuple[Value, Value]], found: Posterior) -> Value:
    """The claimed terms at the quantities of a reference."""
    params: dict[tuple[str, str, Position], Value] = {
        ("q", "quadratic", ()): found.quadratic,
        ("q", "logdet_precision", ()): found.logdet,
    }
    rows = zip(site_elements(world), sites, found.marginals, found.cavities, found.tilted, strict=True)
    for s, site, marginal, cavity, tilted in rows:
        values = {
            "linear": site[0],
            "precision": site[1],
            "mean": marginal[0],
            "variance": marginal[1],
            "cavity_mean": cavity[0],
            "cavity_variance": cavity[1],
            "log_normaliser": tilted.log_mass,
        }
        params |= {(s.site["variable"], n, s.at): x for n, x in values.items()}
    there = world.knowing(params)
    terms = [evaluate(t["value"], there, {}) for t in world.claim.plain["evidence"]]
    return sum(terms, world.engine.number(0))


def code(world: World, power: Fraction, render: Callable[[], str]) -> Iterator[Check]:
    """The checks of the rendered module at its fixed point."""

    @cache
    def run() -> tuple[Any, Posterior]:
        source = render()
        foreign = sorted(_imports(source) - set(ALLOWED) - set(sys.stdlib_module_names))
        if foreign:
            raise ValueError(f"the module imports {', '.join(foreign)}")
        data, hyper, _ = given(world.claim, world.instance)
        fit = Generated(source).module.fit(data, hyper, dict(world.sizes), tol=TOL)
        natural = [fit.sites[s.site["name"]] for s in site_elements(world)]
        sites = [
            (_exact(world, n["linear"][s.at]), _exact(world, n["precision"][s.at]))
            for s, n in zip(site_elements(world), natural, strict=True)
        ]
        return fit, posterior(world, sites, world.engine.number(power), 2 * CODE_DIGITS)

    def parameters() -> Finding:
        fit, found = run()
        size = range(len(found.mean))
        pairs = [(fit.joint["mean"][i], found.mean[i]) for i in size]
        pairs += [(fit.joint["covariance"][i, j], found.covariance[i][j]) for i in size for j in size]
        return worst(agree(_exact(world, a), b, "q") for a, b in pairs)

    def fixed() -> Finding:
        fit, found = run()
        if not fit.converged:
            return Finding(0.0, fit.message)
        pairs = [
            pair
            for (m, v), t in zip(found.marginals, found.tilted, strict=True)
            for pair in ((m, t.mean, "mean"), (v, t.variance, "variance"))
        ]
        return worst(agree(*pair) for pair in pairs)

    def evidence() -> Finding:
        fit, found = run()
        finding = agree(_exact(world, fit.log_evidence), found.log_evidence, "log Z_EP")
        return Finding(finding.digits, f"{finding.detail}{_gap(world, fit)}")

    yield Check("q of the module is that of its sites", "code", CODE_DIGITS, parameters)
    if world.claim.plain["sites"]:
        yield Check("moments of q and of the tilted densities agree", "code", CODE_DIGITS, fixed)
    yield Check("log_evidence of the module", "code", CODE_DIGITS, evidence)
    if not world.claim.plain["sites"]:

        def exact() -> Finding:
            fit, _ = run()
            found = _exact_evidence(world, fit)
            if found is None:
                return Finding(None, "more than two elements of latents")
            return agree(_exact(world, fit.log_evidence), found[0], "exact")

        yield Check("without sites the evidence is exact", "code", CODE_DIGITS, exact)


def _exact(world: World, x: float) -> Value:
    return world.engine.number(Fraction(float(x)))


def _imports(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {a.name.partition(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _gap(world: World, fit: Any) -> str:
    """How far log Z_EP is from the exact log evidence, where that is at hand; it is no error of EP's."""
    found = _exact_evidence(world, fit)
    if found is None:
        return ""
    value, change = found
    near = "" if change < SETTLED else f" (to about {change:.0e})"
    return f"; log Z_EP less the exact log evidence: {fit.log_evidence - value:.3g}{near}"


def _exact_evidence(world: World, fit: Any) -> tuple[float, float] | None:
    """log ∫ p(x, w) dw for one or two elements of latents, and how much it has changed with the last grid."""
    if len(world.latents) > 2:
        return None
    before = _on_grid(world, fit, STEPS[0])
    change = np.inf
    for step in STEPS[1:]:
        value = _on_grid(world, fit, step)
        before, change = value, abs(value - before)
        if change < SETTLED:
            break
    return before, float(change)


def _on_grid(world: World, fit: Any, step: float) -> float:
    """log ∫ p(x, w) dw by the sum over a grid of so many standard deviations of q around it."""
    latents = world.latents
    root = np.linalg.cholesky(fit.joint["covariance"])
    line = np.arange(-REACH, REACH + step / 2, step)
    grid = np.stack(np.meshgrid(*[line] * len(latents), indexing="ij"), axis=-1).reshape(-1, len(latents))
    points = fit.joint["mean"] + grid @ root.T
    there = World(world.claim, world.instance, doubles()).at(assigned(latents, list(points.T)))
    logs = np.asarray(there.log_joint(), dtype=float)
    top = logs.max()
    scale = len(latents) * np.log(step) + np.log(np.diag(root)).sum()
    return float(top + np.log(np.exp(logs - top).sum()) + scale)
