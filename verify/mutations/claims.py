"""Mutants of a claim: every operator at every formula, and mistakes in the bound as a whole.

The claim's *declaration* is left alone, since it is what the rest is measured against; so are its derivations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cavi.verify.evaluate import Plain
from cavi.verify.mutations.operators import OPERATORS
from cavi.verify.mutations.site import Mutant, Site, get, put, sites

NEGATED, LOST, ARRAY = "KL the wrong way round", "dropped ELBO term", "wrong array operation"
ON_THE_WHOLE = (NEGATED, LOST, ARRAY)
OTHER_ARRAYS = {"softmax": ("one_hot_argmax",), "inverse": (), "logdet": (), "logsumexp": ()}


def mutants(plain: dict[str, Any], operators: Sequence[str] | None = None) -> Iterator[Mutant]:
    """Every mutant of a claim by the operators named (all by default), site by site, no formula twice."""
    wanted = {*OPERATORS, *ON_THE_WHOLE} if operators is None else set(operators)
    for site in sites(plain):
        expr = get(plain, site.path)
        if site.kind == "array":
            if ARRAY in wanted:
                for other in _arrays(plain, site, expr):
                    yield Mutant(ARRAY, site.label, put(plain, site.path, other), site)
            continue
        seen = [expr]
        for name, operator in OPERATORS.items():
            if name in wanted:
                for changed in operator(expr, site):
                    if changed not in seen:
                        seen.append(changed)
                        yield Mutant(name, site.label, put(plain, site.path, changed), site)
    yield from _of_bound(plain, wanted)


def _arrays(plain: dict[str, Any], site: Site, value: Plain) -> Iterator[Plain]:
    """Another operation; a matrix in the place of its inverse; no log-determinant; the sum of what a softmax takes."""
    _, operation, argument, *_rest = value
    for other in OTHER_ARRAYS[operation]:
        yield ["array", other, argument]
    latent = get(plain, site.path[:-1])["latent"]
    if operation == "inverse":
        yield ["param", latent, argument, [["index", n, s] for n, s in site.indices]]
    if operation in ("logdet", "logsumexp"):
        yield ["num", "0"]


def _of_bound(plain: dict[str, Any], wanted: set[str]) -> Iterator[Mutant]:
    """E_q[log q - log p] for E_q[log p - log q]; a term left out, an entropy among them."""
    whole = Site(("elbo",), "bound", "ELBO", checks=("ELBO",))
    live = [j for j, t in enumerate(plain["elbo"]) if t["value"] not in (["num", "0"], ["add", []])]
    if NEGATED in wanted and live:
        negated = [{**t, "value": ["mul", [["num", "-1"], t["value"]]]} for t in plain["elbo"]]
        yield Mutant(NEGATED, "ELBO", put(plain, ("elbo",), negated), whole)
    if LOST in wanted:
        for j in live:
            t = plain["elbo"][j]
            left = [*plain["elbo"][:j], *plain["elbo"][j + 1 :]]
            yield Mutant(LOST, f"ELBO {t['kind']} of {t['name']}", put(plain, ("elbo",), left), whole)
