"""``--method ep`` of ``derive``, ``verify`` and ``fit``: expectation propagation in the place of mean field."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cavi.cli.fitting import atomically, inputs, loaded, plot_trace
from cavi.cli.formats import Format, Manner, write_formats
from cavi.cli.output import Output
from cavi.cli.sources import find_model
from cavi.derive import Propagation, propagate
from cavi.derive.render import write_text
from cavi.templates.propagation.article import spoken


def found(model: str, power: float | None) -> Propagation:
    """The propagation of a model found by name."""
    return propagate(find_model(model)[0], 1 if power is None else power)


def derive_model(
    model: str,
    power: float | None,
    out: Path,
    formats: Sequence[Format],
    manner: Manner,
    digits: int | None,
    seed: int,
    output: Output,
) -> tuple[dict[str, Any], bool]:
    """Write all that ``cavi derive`` writes; without `digits` no certificate, and a module without a seal.

    Returns:
        A summary for JSON, and whether the evidence holds.
    """
    from cavi.verify import sealed, write_certificate

    p = found(model, power)
    written = p.save(out, *manner)
    written += write_formats(p, model, out, formats, manner)
    report = None
    if digits is not None:
        report = output.verified(p, digits, seed)
        written.append(write_certificate(p, report, out / "certificate.json"))
        write_text(out / "derivation.html", p.html(report, None, *manner))
        write_text(out / f"{p.model.name}_ep.py", sealed(p.numpy(), p.plain()))
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
    manner: Manner,
    output: Output,
) -> tuple[dict[str, Any], list[str]]:
    """Fit a model by EP and write params.npz, params.json, evidence.png and fit.html.

    Returns:
        A summary for JSON, and lines for a reader.
    """
    p = found(name, power)
    spoken(p, *manner)  # what is wrong with it is said before the run
    known = inputs(name, p.model, *given)
    result = _run(p, known, settings, output)
    flat: dict[str, Any] = {
        f"{latent}.{n}": np.asarray(a) for latent, ps in result.params.items() for n, a in ps.items()
    }
    flat |= {f"site {site}.{n}": np.asarray(a) for site, ps in result.sites.items() for n, a in ps.items()}
    summary = {
        "model": p.model.name,
        "method": "ep",
        "power": str(p.power),
        "log_evidence": result.log_evidence,
        "converged": bool(result.converged),
        "message": result.message,
        "mismatch": float(result.mismatch),
        "n_iter": int(result.n_iter),
        "sizes": result.sizes,
        "trace": [float(t) for t in result.trace],
        "params": {n: {"shape": list(a.shape), "value": a.tolist()} for n, a in flat.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f for f in ("params.npz", "params.json", "evidence.png", "fit.html")]
    atomically(paths[0], lambda path: np.savez(path, **flat))
    atomically(paths[1], lambda path: path.write_text(json.dumps(summary, indent=1), encoding="utf-8"))
    atomically(paths[2], lambda path: plot_trace(p.model, result.trace, path, "approximate log evidence"))
    atomically(paths[3], lambda path: path.write_text(p.html(None, result, *manner), encoding="utf-8"))
    lines = [f"log Z_EP {result.log_evidence:.10g} after {result.n_iter} sweeps, {result.message} (no bound)"]
    lines += [f"{n:<24} {np.array2string(a, precision=4, threshold=12)}" for n, a in flat.items()]
    return summary, [*lines, *(f"wrote {path}" for path in paths)]


def _run(p: Propagation, known: tuple[Any, Any, Any], settings: Mapping[str, Any], output: Output) -> Any:
    """Run the module, with the sweep on a terminal; what its warning says is in the message of the result."""
    from rich.console import Console

    module = loaded(p.model.name, p.numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if output.quiet or not sys.stderr.isatty():
            return module.fit(*known, **settings)
        with Console(stderr=True).status(f"fitting {p.model.name}") as status:

            def tell(sweep: int, value: float, q: object) -> None:
                status.update(f"sweep {sweep}: log Z_EP {value:.8g}")

            return module.fit(*known, callback=tell, **settings)
