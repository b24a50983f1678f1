"""Declared and without effect: latents that no observation depends on, and names that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from cavi.derive.expression import Expr, Selector, Takes, subscript_indices
from cavi.derive.index import Gather, Index, Shift
from cavi.derive.lint.finding import Finding
from cavi.derive.model import Model, Variable


def dependence(model: Model) -> Iterator[Finding]:
    """Latents without observed descendants, and what is declared but never used."""
    used = {v.name: parents(v) for v in model.variables}
    informed = {v.name for v in model.with_role("observed")}
    if not informed:
        yield Finding(
            "no_data",
            "warning",
            model.name,
            f"{model.name} observes nothing",
            "The posterior is the prior: there is nothing to infer",
            "Declare what is known with m.observed",
        )
        return
    while more := {p for name in informed for p in used[name]} - informed:
        informed |= more
    for v in model.with_role("latent", "point"):
        if v.name not in informed:
            yield Finding(
                "uninformed",
                "warning",
                v.name,
                f"nothing observed depends on {v.name}",
                "Its factor is its prior, whatever the data are",
                f"Use {v.name} in the distribution of something observed, or leave it out",
            )
    everything = {p for found in used.values() for p in found}
    for v in model.with_role("hyper", "covariate", "observed_index"):
        if v.name not in everything:
            yield Finding(
                "unused",
                "warning",
                v.name,
                f"{v.name} is declared and never used",
                "A run asks for its value all the same",
                f"Use {v.name}, or leave it out",
            )
    running = {i.name for v in model.variables for i in _indices(v)}
    for i in model.indices:
        if i.name not in running:
            yield Finding(
                "unused",
                "note",
                i.name,
                f"the index {i.name} is declared and never used",
                "It has no effect",
                "Leave it out",
            )


def expressions(v: Variable) -> Iterator[Expr]:
    """Every expression in the declaration of a variable."""
    for distribution in (v.distribution, v.chain.initial if v.chain else None):
        if distribution is not None:
            yield from distribution.args.values()
    for expr in (v.constraint, v.weight, v.chain.starts if v.chain else None):
        if expr is not None:
            yield expr


def parents(v: Variable) -> set[str]:
    """The names that a declaration refers to, those inside subscripts too."""
    found: set[str] = set()
    for expr in expressions(v):
        for node in walk(expr):
            for sub in getattr(node, "subs", ()):
                found |= _pointers(sub)
        found |= {r.name for r in expr.refs()}
        found |= {node.name for node in walk(expr) if isinstance(node, Takes)}
    return found - {v.name}


def walk(expr: Expr) -> Iterator[Expr]:
    """An expression and all parts of it."""
    yield expr
    for child in expr.children:
        yield from walk(child)


def _pointers(sub: object) -> set[str]:
    match sub:
        case Selector() | Gather():
            return {sub.name, *(n for s in sub.subs for n in _pointers(s))}
        case Shift():
            return _pointers(sub.base)
    return set()


def _indices(v: Variable) -> Iterator[Index]:
    yield from v.indices
    if v.over is not None:
        yield v.over
    for expr in expressions(v):
        yield from expr.free()
        for node in walk(expr):
            yield from getattr(node, "axes", ())
            if isinstance(index := getattr(node, "index", None), Index):
                yield index
            for sub in getattr(node, "subs", ()):
                yield from subscript_indices(sub)
