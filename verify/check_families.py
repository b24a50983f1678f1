"""Tier 1: every factor at random parameters: its density, normaliser, moments and entropy by quadrature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Value, digits_of, to_float
from cavi.verify.evaluate import bindings, evaluate, positions, reaches
from cavi.verify.report import Check, Finding, worst
from cavi.verify.state import State, at_nodes
from cavi.verify.units import reference_unit


def check_families(state: State) -> Iterator[Check]:
    """Rows for every factor that is not a point mass, and for the moments of point masses."""
    for factor in state.claim.factors:
        name = factor["name"]
        if not factor["point"]:
            yield Check(f"q({name}) integrates to one", "families", state.digits, partial(_normalised, state, factor))
            yield Check(f"log q({name})", "families", state.digits, partial(_density, state, factor))
            yield Check(f"entropy of q({name})", "families", state.digits, partial(_entropy, state, factor))
        integrals = {p["name"] for p in factor["parameters"] if p["value"][0] == "integral"}
        for spec in factor["moments"]:
            # An expectation that is claimed to be an integral is found by that integral, and nothing is compared.
            if spec["value"] is not None and not (spec["value"][0] == "param" and spec["value"][2] in integrals):
                yield Check(
                    f"E[{spec['key']}] under q({name})",
                    "families",
                    state.digits,
                    partial(_moment, state, factor, spec),
                )


def _sites(state: State, factor: Mapping[str, Any]) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    for site in positions(factor["plates"], state.sizes):
        yield site, dict(zip((i for i, _ in factor["plates"]), site, strict=True))


def _normalised(state: State, factor: Mapping[str, Any]) -> Finding:
    def one(site: tuple[int, ...]) -> Finding:
        if set(factor["latents"]) <= state.claim.numeric:  # the unit was divided by its sum: another rule is needed
            total = state.density(factor, site).total_again()
        else:
            total = np.sum(reference_unit(state, factor, site).weights)
        return Finding(digits_of(total, state.engine.number(1)), f"total {to_float(total):.12g} at {site}")

    return worst(one(site) for site, _ in _sites(state, factor))


def _density(state: State, factor: Mapping[str, Any]) -> Finding:
    """The claimed log density against the reference at every node whose weight counts."""

    def one(site: tuple[int, ...], binding: dict[str, int]) -> Finding:
        unit = reference_unit(state, factor, site)
        claimed = evaluate(factor["log_q"], at_nodes(state, unit), binding)
        claimed, reference = np.broadcast_arrays(np.asarray(claimed, dtype=object), np.asarray(unit.log_q))
        pairs = list(zip(claimed.ravel(), reference.ravel(), strict=True))
        step = max(1, len(pairs) // 60)
        low = min(pairs[::step], key=lambda pair: digits_of(*pair))
        return Finding(digits_of(*low), f"{to_float(low[0]):.12g}, reference {to_float(low[1]):.12g} at {site}")

    return worst(one(*s) for s in _sites(state, factor))


def _entropy(state: State, factor: Mapping[str, Any]) -> Finding:
    def one(site: tuple[int, ...], binding: dict[str, int]) -> Finding:
        unit = reference_unit(state, factor, site)
        return compare(evaluate(factor["entropy"], state, binding), -unit.mean(unit.log_q), f"at {site}")

    return worst(one(*s) for s in _sites(state, factor))


def _moment(state: State, factor: Mapping[str, Any], spec: Mapping[str, Any]) -> Finding:
    def one(binding: dict[str, int]) -> Finding:
        claimed = evaluate(spec["value"], state, binding)
        return compare(claimed, state.moment_by_quadrature(factor["name"], spec, binding), f"at {binding}")

    every = bindings(spec["indices"], state.sizes, {})
    return worst(one(b) for b in every if _is_meant(state, factor, spec["pattern"], b))


def _is_meant(state: State, factor: Mapping[str, Any], pattern: Any, binding: Mapping[str, int]) -> bool:
    """Whether a moment of neighbours in a chain is one: not across an end, nor where they are not linked."""
    if not reaches(pattern, state, binding):
        return False
    chains = [state.claim.variables[n].get("chain") for n in factor["latents"]]
    if not _has_shift(pattern):
        return True
    return all(c is None or c["index"][0] not in binding or evaluate(c["linked"], state, binding) != 0 for c in chains)


def _has_shift(e: Any) -> bool:
    return isinstance(e, list) and (e[:1] == ["shift"] or any(map(_has_shift, e)))


def compare(claimed: Value, found: Value, where: str = "", scale: Any = 1) -> Finding:
    """Digits of agreement of a claimed number with one found by quadrature."""
    detail = f"claimed {to_float(claimed):.12g}, quadrature {to_float(found):.12g} {where}".rstrip()
    return Finding(digits_of(claimed, found, scale), detail)
