"""``cavi fit``: render the module, run it on the data, write parameters and the picture of the bound."""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cavi import models
from cavi.cli.formats import Manner
from cavi.cli.output import Output
from cavi.cli.shards import check_inner, fit_in_shards, fit_on_cores, tables_of
from cavi.cli.tables import read_arrays, read_json
from cavi.derive import CaviError, Derived, Model
from cavi.templates.article import spoken


def fit_model(
    derived: Derived,
    name: str,
    data: Sequence[str],
    hyper: Sequence[str],
    sizes: Sequence[str],
    out: Path,
    settings: Mapping[str, Any],
    output: Output,
    rows: int = 0,
    checkpoint: Path | None = None,
    cores: int | None = None,
    manner: Manner = ("plain", {}, "en"),
) -> tuple[dict[str, Any], list[str]]:
    """Fit the model found by `name` and write the result; `manner` is that of the page.

    With `rows` the data are gone through in shards of so many; the result is then that of the shared latents.
    With `cores` each of so many processes has a share of the rows.

    Returns:
        A summary for JSON, and the lines for a reader.
    """
    spoken(derived, *manner)  # what is wrong with it is said before the run
    if rows:
        tables = tables_of(data)
        known, hypers, counts = inputs(name, derived.model, data, hyper, sizes, tables)
        module = loaded(derived.model.name, derived.streaming())
        found = fit_in_shards(module, derived.model, known, hypers, counts, rows, tables, checkpoint, settings, output)
    elif cores is not None:
        known, hypers, counts = inputs(name, derived.model, data, hyper, sizes)
        with _importable(derived.model.name, derived.streaming()) as module:
            found = fit_on_cores(module, derived.model, known, hypers, counts, cores, checkpoint, settings, output)
    else:
        known, hypers, counts = inputs(name, derived.model, data, hyper, sizes)
        found = _run(derived, known, hypers, counts, settings, output)
    out.mkdir(parents=True, exist_ok=True)
    flat = {f"{latent}.{n}": a for latent, ps in found.params.items() for n, a in ps.items()}
    summary = {
        "model": derived.model.name,
        "elbo": found.elbo,
        "converged": bool(found.converged),
        "n_iter": int(found.n_iter),
        "sizes": found.sizes,
        "elbo_trace": [float(e) for e in found.elbo_trace],
        "params": {n: {"shape": list(np.shape(a)), "value": np.asarray(a).tolist()} for n, a in flat.items()},
    }
    paths = [out / "params.npz", out / "params.json", out / "elbo.png", out / "fit.html"]
    atomically(paths[0], lambda p: np.savez(p, **flat))
    atomically(paths[1], lambda p: p.write_text(json.dumps(summary, indent=1), encoding="utf-8"))
    atomically(paths[2], lambda p: plot_trace(derived.model, found.elbo_trace, p))
    atomically(paths[3], lambda p: p.write_text(derived.html(None, found, *manner), encoding="utf-8"))
    state = "converged" if found.converged else "not converged"
    lines = [f"ELBO {found.elbo:.10g} after {found.n_iter} sweeps, {state}"]
    lines += [f"{n:<24} {np.array2string(np.asarray(a), precision=4, threshold=12)}" for n, a in flat.items()]
    return summary, [*lines, *(f"wrote {p}" for p in paths)]


def inputs(
    name: str,
    model: Model,
    data: Sequence[str],
    hyper: Sequence[str],
    sizes: Sequence[str],
    later: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Data, hyperparameters and sizes: a library model's own, replaced by what is given; not what is for `later`."""
    known: dict[str, Any] = {}
    hypers: dict[str, Any] = {}
    counts: dict[str, int] = {}
    if name in models.names():
        own = models.data(name)
        hypers |= dict(own.hyper)
        counts |= dict(own.sizes)
        known |= {} if data else dict(own.data)
    elif not data:
        raise CaviError(f"{name}: give the data with --data FILE (.csv, .npy, .npz, .parquet or .json)")
    names = {v.name: v.role for v in model.variables}
    for path in (p for p in data if p not in later):
        for key, value in read_arrays(path, model).items():
            (hypers if names.get(key) == "hyper" else known)[key] = value
    for entry in hyper:
        hypers |= dict(read_json(entry)) if entry.endswith(".json") else dict([_pair(entry, "--hyper")])
    for entry in sizes:
        key, value = _pair(entry, "--sizes")
        counts[key] = int(value)
    return known, hypers, counts


def _pair(entry: str, option: str) -> tuple[str, Any]:
    name, equals, text = entry.partition("=")
    try:
        if not equals:
            raise ValueError
        value = [float(t) for t in text.split(",")] if "," in text else float(text)
    except ValueError:
        raise CaviError(f"{option} {entry}: expected name=number, for example {option} {name or 'a'}=1") from None
    return name.strip(), value


def loaded(name: str, source: str) -> Any:
    """The generated source as a module."""
    module = types.ModuleType(f"_cavi_generated_{name}")
    sys.modules[module.__name__] = module
    exec(compile(source, f"{name}.py", "exec"), module.__dict__)
    return module


@contextmanager
def _importable(name: str, source: str) -> Iterator[Any]:
    """The generated source as a module that other processes import too."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"_cavi_{os.getpid()}_{name}.py"
        path.write_text(source, encoding="utf-8")
        sys.path.insert(0, folder)
        try:
            importlib.invalidate_caches()
            yield importlib.import_module(path.stem)
        finally:
            sys.path.remove(folder)
            sys.modules.pop(path.stem, None)


def _run(
    derived: Derived,
    data: Mapping[str, Any],
    hyper: Mapping[str, Any],
    sizes: Mapping[str, int],
    settings: Mapping[str, Any],
    output: Output,
) -> Any:
    """Run the generated module in a module of its own; an interrupt returns what there is."""
    from rich.console import Console

    if settings.get("jobs", 1) > 1:
        with _importable(derived.model.name, derived.numpy()) as module:
            check_inner(module, derived.model, settings)
            return module.fit(data, hyper, sizes, **settings)
    module = loaded(derived.model.name, derived.numpy())
    check_inner(module, derived.model, settings)
    if output.quiet or not sys.stderr.isatty():
        return module.fit(data, hyper, sizes, **settings)
    with Console(stderr=True).status(f"fitting {derived.model.name}") as status:

        def tell(sweep: int, bound: float, state: object) -> None:
            status.update(f"sweep {sweep}: ELBO {bound:.8g}")

        return module.fit(data, hyper, sizes, callback=tell, **settings)


def plot_trace(model: Model, trace: np.ndarray, path: Path, what: str = "evidence lower bound") -> None:
    """A picture of what a run kept track of, sweep by sweep."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.plot(np.arange(1, len(trace) + 1), trace, color="#2a5db0", linewidth=1.8, marker="o", markersize=3)
    axes.set(xlabel="sweep", ylabel=what, title=model.title)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150, format="png")
    pyplot.close(figure)


def atomically(path: Path, write: Any) -> None:
    """Write beside the file, then put it in place: a reader sees the old file or the new one."""
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    write(partial)
    os.replace(partial, path)
