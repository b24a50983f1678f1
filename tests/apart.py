"""Generated modules apart from cavi: they say from which Python, NumPy and SciPy on they run, and here they run there.

    python tests/apart.py write FOLDER    # where cavi is installed: modules of the library, data, and what came out
    python tests/apart.py run FOLDER      # where only NumPy and SciPy are, whatever their versions: the same comes out
    python tests/apart.py oldest          # what pip has to install for the oldest versions that modules name

Every kind of module that needs only NumPy and SciPy is written: `fit`, with the library's data and with fewer rows than
columns, expectation propagation, shards, samplers, and draws from a fit. Bounds of all sweeps have to agree; draws have
to be finite numbers in arrays of the same shapes, since NumPy may change how it draws. Warnings are errors.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

SWEEPS = 4
CLOSE = 1e-7  # relative


def write(folder: Path, only: list[str]) -> None:
    """Modules as `cavi` writes them, data, and what comes out where they are written."""
    from generated import inputs

    from cavi import models
    from cavi.derive import CaviError
    from cavi.derive.propagation import propagate

    cases: list[list[str]] = []
    for name in only or models.names():
        derived = models.derived(name)
        makers: dict[str, Callable[[], str]] = {
            "fit": derived.numpy,
            "streaming": derived.streaming,
            "gibbs": derived.gibbs,
            "posterior": derived.posterior,
            "ep": lambda name=name: propagate(models.load(name)).numpy(),
        }
        given = models.data(name)
        stored(folder / f"{name}.npz", given.data, given.hyper, given.sizes)
        for kind, make in makers.items():
            try:
                (folder / f"{name}_{kind}.py").write_text(make(), encoding="utf-8")
            except CaviError:  # there is no such module of this model
                continue
            cases.append([name, kind, name])
        few = inputs(imported(folder, f"{name}_fit"), np.random.default_rng(0), 3, 5)
        stored(folder / f"{name}_few.npz", *few)
        cases.append([name, "fit", f"{name}_few"])
    found = []
    for case in cases:
        try:
            found.append([*case, outcome(folder, *case)])
        except ArithmeticError:
            if not case[-1].endswith("_few"):  # where a maximum has no bound, few rows may have none
                raise
    (folder / "cases.json").write_text(json.dumps(found))


def run(folder: Path) -> int:
    """How many modules do not give what they gave where they were written; they are named."""
    import scipy

    cases = json.loads((folder / "cases.json").read_text())
    failed = 0
    for name, kind, data, expected in cases:
        try:
            told = different(outcome(folder, name, kind, data), expected)
        except Exception as error:  # whatever it is, the next module is another
            told = f"{type(error).__name__}: {error}"
        if told:
            failed += 1
            print(f"{name} {kind}, data {data}: {told}", flush=True)
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, SciPy {scipy.__version__}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return failed


def outcome(folder: Path, name: str, kind: str, data: str) -> Any:
    """What comes out of a module, as plain data."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return OUTCOMES[kind](
            imported(folder, f"{name}_{kind}"), imported(folder, f"{name}_fit"), **read(folder / f"{data}.npz")
        )


def stored(path: Path, data: Mapping[str, Any], hyper: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """One file of what `fit` is given."""
    groups = {"data": data, "hyper": hyper, "sizes": sizes}
    np.savez(path, **{f"{group}/{n}": v for group, values in groups.items() for n, v in values.items()})


def read(path: Path) -> dict[str, dict[str, Any]]:
    """What `stored` has written."""
    known: dict[str, dict[str, Any]] = {"data": {}, "hyper": {}, "sizes": {}}
    with np.load(path) as archive:
        for key in archive.files:
            group, _, name = key.partition("/")
            known[group][name] = archive[key] if archive[key].ndim else archive[key].item()
    return known


def imported(folder: Path, name: str) -> ModuleType:
    """The module of a file."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def fitted(module: ModuleType, fit: ModuleType, **known: Any) -> Any:
    """Bounds of a few sweeps."""
    return list(module.fit(**known, seed=0, max_iter=SWEEPS).elbo_trace)


def streamed(module: ModuleType, fit: ModuleType, data: Any, hyper: Any, sizes: Any) -> Any:
    """Bounds of a few sweeps over shards."""
    whole = module.fit(data, hyper, sizes, seed=0, max_iter=1).sizes
    shards = list(module.cut(data, -(-whole[module.CUT[0]] // 3), whole))
    common = {n: size for n, size in whole.items() if n not in module.CUT}
    return list(module.fit_chunks(shards, hyper, common, seed=0, max_iter=SWEEPS).elbo_trace)


def sampled(module: ModuleType, fit: ModuleType, **known: Any) -> Any:
    """Shapes of draws from complete conditionals."""
    return shapes(module.sample(**known, draws=3, warmup=1, seed=0).values)


def drawn(module: ModuleType, fit: ModuleType, data: Any, hyper: Any, sizes: Any) -> Any:
    """Shapes of draws from a fit."""
    found = fit.fit(data, hyper, sizes, seed=0, max_iter=SWEEPS)
    return shapes(module.draw(found.params, found.sizes, data=data, hyper=hyper, draws=3, seed=0).values)


def propagated(module: ModuleType, fit: ModuleType, **known: Any) -> Any:
    """Evidence by expectation propagation."""
    return [module.fit(**known).log_evidence]


def shapes(values: Mapping[str, np.ndarray]) -> dict[str, list[int]]:
    """Shapes by name.

    Raises:
        ArithmeticError: where something is no finite number.
    """
    for name, array in values.items():
        if not np.isfinite(array).all():
            raise ArithmeticError(f"{name}: found {array}, expected finite numbers")
    return {name: list(np.shape(array)) for name, array in values.items()}


def different(found: Any, expected: Any) -> str:
    """What differs, in words; empty where nothing does."""
    if isinstance(expected, dict):
        same = found == expected
    else:
        same = len(found) == len(expected) and bool(np.allclose(found, expected, rtol=CLOSE, atol=0.0))
    return "" if same else f"found {found}, expected {expected}"


OUTCOMES: dict[str, Callable[..., Any]] = {
    "fit": fitted,
    "streaming": streamed,
    "gibbs": sampled,
    "posterior": drawn,
    "ep": propagated,
}


def oldest() -> str:
    """The oldest versions that modules name, for pip."""
    from cavi.templates.requirements import OLDEST

    return " ".join(f"{name.lower()}=={OLDEST[name]}" for name in ("NumPy", "SciPy"))


def main() -> int:
    """What the docstring above says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    tasks = parser.add_subparsers(dest="task", required=True)
    for task in ("write", "run"):
        tasks.add_parser(task).add_argument("folder", type=Path)
    tasks.choices["write"].add_argument("models", nargs="*")
    tasks.add_parser("oldest")
    given = parser.parse_args()
    if given.task == "oldest":
        print(oldest())
        return 0
    if given.task == "run":
        return 1 if run(given.folder) else 0
    given.folder.mkdir(parents=True, exist_ok=True)
    write(given.folder, given.models)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
