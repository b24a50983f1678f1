"""A propagation as plain data: nested lists, dicts and strings, in the grammar of ``docs/architecture.md``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cavi.derive.index import Index
from cavi.derive.plain import plain_model, polynomial
from cavi.derive.propagation.natural import second_axes
from cavi.derive.propagation.result import Propagation


def plain(p: Propagation) -> dict[str, Any]:
    """Model, Gaussian part, sites and evidence."""
    return {
        "kind": "propagation",
        "schema": 1,
        "model": plain_model(p.model),
        "power": str(p.power),
        "gaussian": polynomial(p.split.gaussian),
        "natural": [
            {
                "latents": [v.name for v in c.latents],
                "linear": [[v.name, _axes(v.indices), polynomial(c.linear[v.name])] for v in c.latents],
                "precision": [
                    [a, b, _axes(_axes_of(p, a)), _axes(second_axes(p.model.variable(b))), polynomial(value)]
                    for (a, b), value in c.precision.items()
                ],
            }
            for c in p.gaussian.components
        ],
        "constant": polynomial(p.gaussian.constant),
        "sites": [
            {
                "name": s.name,
                "variable": s.variable,
                "plates": _axes(s.plates),
                "scalar": polynomial(s.scalar.whole),
                "function": polynomial(s.function),
                "method": t.method,
                "log_normaliser": None if t.log_normaliser is None else polynomial(t.log_normaliser),
                "formulas": [[f.name, polynomial(f.value)] for f in p.formulas(s)],  # type: ignore[arg-type]
            }
            for s, t in zip(p.sites, p.moments, strict=True)
        ],
        "evidence": [{"name": t.name, "value": polynomial(t.value)} for t in p.evidence],
    }


def _axes(indices: Iterable[Index]) -> list[list[str]]:
    return [[i.name, i.size] for i in indices]


def _axes_of(p: Propagation, name: str) -> tuple[Index, ...]:
    return p.model.variable(name).indices
