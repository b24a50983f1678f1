"""Tier 2: the claimed ELBO at a random q against E_q[log p] - E_q[log q] of the declared densities.

Where latents are integrated out, E_q of the claimed log marginal (which has a row of its own) takes the place of the
densities that it replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from cavi.verify.arithmetic import Value
from cavi.verify.averages import Averages
from cavi.verify.check_families import compare
from cavi.verify.claim import Claim
from cavi.verify.evaluate import evaluate, positions
from cavi.verify.report import Check, Finding
from cavi.verify.state import State
from cavi.verify.units import reference_unit

Part = tuple[str, str]
MARGINAL = "expected log marginal"
WHOLE = "ELBO = E[log p] - E[log q]"


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


def declared_elbo(state: State) -> Value:
    """E_q[log p(x, z)] - E_q[log q(z)] with the declared densities, where the claim has bounds in their place."""
    factors = [f for f in state.claim.factors if f["name"] not in state.claim.auxiliary]
    entropies = sum((entropy(state, f) for f in factors), state.engine.number(0))
    averages = Averages(state)
    return sum((averages.node(v) for v in state.claim.nodes), entropies)


def check_identity(state: State) -> Iterator[Check]:
    """A row for every term that stands for one node or one factor, and one for the whole."""
    averages = Averages(state)
    claim, terms = state.claim, state.claim.plain["elbo"]
    nodes = {v["name"]: v for v in claim.kept_nodes} | {n: claim.variables[n] for n in claim.relaxed}
    replaced = set(claim.marginal["nodes"]) if claim.marginal else set[str]()
    factors = claim.factor_named
    total: dict[Part, Value] = {}

    def found(part: Part) -> Value:
        if part not in total:
            kind, name = part
            if kind == MARGINAL:
                total[part] = averages.marginal()
            elif kind == "entropy":
                total[part] = entropy(state, factors[name])
            else:
                total[part] = averages.relaxed(name) if name in claim.relaxed else averages.node(nodes[name])
        return total[part]

    alone = {t["name"] for t in terms if t["kind"] == "entropy"}
    of_marginal = [t for t in terms if t["kind"] != "entropy" and replaced & set(_names(claim, t))]
    if of_marginal:
        merged = {n for t in of_marginal for n in _names(claim, t) if n in nodes}
        parts = [(MARGINAL, ", ".join(sorted(replaced))), *(("expected log density", n) for n in sorted(merged))]
        yield Check(
            f"ELBO, {_title(parts)}", "identity", state.digits, partial(_terms, state, of_marginal, parts, found)
        )
    for term in terms:
        # A term may stand for several whose sum alone is closed; their names are joined by a plus.
        if term in of_marginal:
            continue
        if term["kind"] == "entropy":
            parts = [("entropy", term["name"])]
        else:
            names = _names(claim, term)
            parts = [("expected log density", n) for n in names if n in nodes]
            parts += [("entropy", n) for n in names if n in factors and n not in alone and not factors[n]["point"]]
        yield Check(f"ELBO, {_title(parts)}", "identity", state.digits, partial(_terms, state, [term], parts, found))

    def whole() -> Finding:
        parts: list[Part] = [("expected log density", n) for n in nodes]
        parts += [("entropy", f["name"]) for f in claim.factors]
        parts += [(MARGINAL, ", ".join(sorted(replaced)))] if replaced else []
        return compare(claimed_elbo(state), sum(map(found, parts), state.engine.number(0)))

    yield Check(WHOLE, "identity", state.digits, whole)


def _names(claim: Claim, term: Mapping[str, Any]) -> list[str]:
    """What a term stands for: names joined by a plus, or by commas where one density replaces several."""
    if term["kind"] == "entropy":
        return []
    joined = term["name"].split(" + ")
    return [n for name in joined for n in ([name] if name in claim.factor_named else name.split(","))]


def _title(parts: list[Part]) -> str:
    return " and ".join(f"{kind} of {name}" for kind, name in parts)


def _terms(state: State, terms: list[Mapping[str, Any]], parts: list[Part], found: Callable[[Part], Value]) -> Finding:
    """Claimed terms against the sum of what they stand for."""
    zero = state.engine.number(0)
    claimed = sum((evaluate(t["value"], state, {}) for t in terms), zero)
    return compare(claimed, sum(map(found, parts), zero))
