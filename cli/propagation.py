"""``--method ep`` of ``derive``, ``verify`` and ``fit``: expectation propagation in the place of mean field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cavi.cli.fitting import atomically, inputs, loaded
from cavi.cli.output import Output
from cavi.cli.sources import find_model
from cavi.derive import Propagation, propagate
from cavi.derive.render import write_text


def found(model: str, power: float | None) -> Propagation:
    """The propagation of a model found by name."""
    return propagate(find_model(model)[0], 1 if power is None else power)


def derive_model(
    p: Propagation, out: Path, digits: int | None, seed: int, output: Output
) -> tuple[dict[str, Any], bool]:
    """Write the article, the page, the module and, unless `digits` is None, the report; whether it holds."""
    from cavi.verify.propagation import verify_propagation

    written = p.save(out)
    report = None
    if digits is not None:
        report = verify_propagation(p, digits, seed)
        written.append(write_text(out / "report.json", json.dumps(report.as_dict(), indent=1)))
    output.text(str(p) if report is None else str(report))
    for path in written:
        output.text(f"wrote {path}")
    summary = {"model": p.model.name, "method": "ep", "power": str(p.power), "written": [str(w) for w in written]}
    return {**summary, "report": None if report is None else report.as_dict()}, report is None or report.ok


def fit_model(
    name: str,
    power: float | None,
    given: tuple[Sequence[str], Sequence[str], Sequence[str]],
    out: Path,
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """Fit a model by EP and write params.npz and params.json; a summary for JSON, and lines for a reader."""
    p = found(name, power)
    known = inputs(name, p.model, *given)
    result = loaded(p.model.name, p.numpy()).fit(*known, **settings)
    flat: dict[str, Any] = {
        f"{latent}.{n}": np.asarray(a) for latent, ps in result.params.items() for n, a in ps.items()
    }
    summary = {
        "model": p.model.name,
        "method": "ep",
        "power": str(p.power),
        "log_evidence": result.log_evidence,
        "converged": bool(result.converged),
        "message": result.message,
        "n_iter": int(result.n_iter),
        "sizes": result.sizes,
        "trace": [float(t) for t in result.trace],
        "params": {n: {"shape": list(a.shape), "value": a.tolist()} for n, a in flat.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    atomically(out / "params.npz", lambda path: np.savez(path, **flat))
    write_text(out / "params.json", json.dumps(summary, indent=1))
    lines = [f"log Z_EP {result.log_evidence:.10g} after {result.n_iter} sweeps, {result.message} (no bound)"]
    lines += [f"{n:<24} {np.array2string(a, precision=4, threshold=12)}" for n, a in flat.items()]
    return summary, [*lines, *(f"wrote {out / f}" for f in ("params.npz", "params.json"))]
