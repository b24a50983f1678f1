"""Tier 2: the claimed ELBO at a random q against E_q[log p] - E_q[log q] of the declared densities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from cavi.verify.arithmetic import Value
from cavi.verify.averages import Averages
from cavi.verify.check_families import compare
from cavi.verify.evaluate import evaluate, positions
from cavi.verify.report import Finding, Row, run
from cavi.verify.state import State
from cavi.verify.units import reference_unit


def claimed_elbo(state: State) -> Value:
    """The sum of the claimed terms."""
    return sum((evaluate(t["value"], state, {}) for t in state.claim.plain["elbo"]), state.engine.number(0))


def entropy(state: State, factor: Mapping[str, Any]) -> Value:
    """E[-log q] of a factor by quadrature of the reference density, every copy counted."""
    total = state.engine.number(0)
    if factor["point"]:
        return total
    for site in positions(factor["plates"], state.sizes):
        unit = reference_unit(state, factor, site)
        total = total - state.weight(factor, site) * unit.mean(unit.log_q)
    return total


def elbo_by_quadrature(state: State) -> Value:
    """E_q[log p(x, z)] - E_q[log q(z)]."""
    entropies = sum((entropy(state, f) for f in state.claim.factors), state.engine.number(0))
    return Averages(state).log_joint() + entropies


def check_identity(state: State) -> Iterator[Row]:
    """A row for every term that stands for one node or one factor, and one for the whole."""
    averages = Averages(state)
    nodes = {v["name"]: v for v in state.claim.nodes}
    factors = state.claim.factor_named
    total: dict[str, Value] = {}

    def found(kind: str, name: str) -> Value:
        if (key := f"{kind} {name}") not in total:
            total[key] = (
                entropy(state, state.claim.factor_named[name]) if kind == "entropy" else averages.node(nodes[name])
            )
        return total[key]

    terms = state.claim.plain["elbo"]
    alone = {t["name"] for t in terms if t["kind"] == "entropy"}
    for term in terms:
        # A term may stand for several whose sum alone is closed; their names are joined by a plus.
        if term["kind"] == "entropy":
            parts = [("entropy", term["name"])]
        else:
            names = term["name"].split(" + ")
            parts = [("expected log density", n) for n in names if n in nodes]
            parts += [("entropy", n) for n in names if n in factors and n not in alone and not factors[n]["point"]]

        title = f"ELBO, {' and '.join(f'{kind} of {name}' for kind, name in parts)}"
        yield run(title, "identity", state.digits, partial(_term, state, term, parts, found))

    def whole() -> Finding:
        parts = [found("expected log density", n) for n in nodes]
        parts += [found("entropy", f["name"]) for f in state.claim.factors]
        return compare(claimed_elbo(state), sum(parts, state.engine.number(0)))

    yield run("ELBO = E[log p] - E[log q]", "identity", state.digits, whole)


def _term(state: State, term: Mapping[str, Any], parts: list[tuple[str, str]], found: Callable[..., Value]) -> Finding:
    """One claimed term against the sum of what it stands for."""
    total = sum((found(kind, name) for kind, name in parts), state.engine.number(0))
    return compare(evaluate(term["value"], state, {}), total)
