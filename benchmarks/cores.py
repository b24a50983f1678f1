"""A sweep on one core and on more: `fit`, and `fit_cores` with one process and with as many as the machine has.

Run with ``python benchmarks/cores.py [--small] [MODEL …]`` after ``pip install -e .``. Time is that on the clock, of a
run with many sweeps less that of one with two, so that starts are not counted; they have a column of their own. BLAS
has one thread everywhere. The bounds of all runs are compared, from the same shared factors.

On a machine that others use, ``--busy``: CPU time of a sweep of `fit`, and of a sweep on cores that of the process that
leads and of the busiest member, of which one works while the other waits. Three times each, in turn.
"""

from __future__ import annotations

import argparse
import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peers import of_all_cores

Inputs = tuple[dict[str, Any], dict[str, Any], dict[str, int]]


def mixture(columns: int, groups: int, rows: int) -> Callable[[Any, int], Inputs]:
    """Points around centres."""

    def make(module: Any, shrink: int) -> Inputs:
        rng = np.random.default_rng(0)
        n = rows // shrink
        x = 3.0 * rng.normal(size=(groups, columns))[rng.integers(groups, size=n)] + rng.normal(size=(n, columns))
        values = {"m_0": 0.0, "nu_0": columns + 1.0}
        hyper = {h: values.get(h, 1.0) for h, s in module.KNOWN.items() if s["where"] == "hyper"}
        data = {name: x for name, s in module.KNOWN.items() if s["where"] == "data"}
        return data, hyper, {"K": groups} | {s: 2 for s in module.SIZES if s not in ("N", "D", "K")}

    return make


def topics(module: Any, shrink: int) -> Inputs:
    """Documents with a hundred counts each."""
    rng = np.random.default_rng(0)
    documents, words = 5_000 // shrink, 5_000
    doc = np.repeat(np.arange(documents), 100)
    word = rng.zipf(1.3, size=doc.size) % words
    pairs, counts = np.unique(doc * words + word, return_counts=True)
    data = {"doc": pairs // words, "w": pairs % words, "count": counts.astype(float)}
    return data, {"alpha": 0.1, "eta": 0.1}, {"K": 50, "V": words}


def regression(columns: int, rows: int, binary: bool = False) -> Callable[[Any, int], Inputs]:
    """Responses to some columns."""

    def make(module: Any, shrink: int) -> Inputs:
        rng = np.random.default_rng(0)
        n = rows // shrink
        x = rng.normal(size=(n, columns))
        score = x @ rng.normal(size=columns) / np.sqrt(columns)
        y = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(float) if binary else score + rng.standard_t(3, size=n)
        hyper = {h: 1.0 for h, s in module.KNOWN.items() if s["where"] == "hyper"}
        return {"X": x, "y": y}, hyper, {}

    return make


CASES: dict[str, tuple[str, Callable[[Any, int], Inputs]]] = {
    "mixture, D=16 K=20": ("gaussian_mixture_full", mixture(16, 20, 200_000)),
    "mixture, D=4 K=10": ("gaussian_mixture_full", mixture(4, 10, 1_000_000)),
    "mixture of factor analysers, D=8 K=3": ("mixture_of_factor_analysers", mixture(8, 3, 100_000)),
    "topics, K=50 V=5,000": ("lda", topics),
    "logistic regression, D=20": ("logistic_regression", regression(20, 500_000, binary=True)),
    "regression with Student noise, D=20": ("student_regression", regression(20, 500_000)),
}


def sweep_of(run: Callable[[int], Any], sweeps: int, repeats: int = 3) -> tuple[float, float, Any]:
    """Seconds of two sweeps with all that a run begins with, seconds of one more, and the bound of the longest run."""
    times: list[tuple[float, float]] = []
    for _ in range(repeats):
        pair = []
        for count in (2, 2 + sweeps):
            began = time.perf_counter()
            found = run(count)
            pair.append(time.perf_counter() - began)
        times.append((pair[0], pair[1]))
    first = min(t for t, _ in times)
    return first, (min(t for _, t in times) - first) / sweeps, found


def problem(name: str, shrink: int) -> tuple[Any, Inputs, dict[str, Any]]:
    """A module, its data, and what all runs are given."""
    model, make = CASES[name]
    module = of_all_cores(model)
    data, hyper, sizes = make(module, shrink)
    start = module.fit(data, hyper, sizes, seed=0, max_iter=2, tol=0.0).params
    init = {latent: start[latent] for factor in module.SHARED for latent in factor.split(",")}
    return module, (data, hyper, sizes), {"init": init, "tol": -1.0}


def on_the_way(module: Any, inputs: Inputs, known: dict[str, Any], cores: int, sweeps: int = 30) -> tuple[float, float]:
    """Seconds of CPU of a sweep in the process that leads, and in the busiest member; Linux only."""
    marks: list[tuple[float, dict[int, float]]] = []

    def tell(_: Any) -> None:
        pids = [child.pid for child in multiprocessing.active_children() if child.pid is not None]
        spent = {pid: 1e-9 * int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids}
        marks.append((time.process_time(), spent))

    module.fit_cores(*inputs, cores=cores, max_iter=sweeps + 2, progress=tell, **known)
    (first, before), (last, after) = marks[1], marks[-1]
    return (last - first) / sweeps, max(after[pid] - before[pid] for pid in after) / sweeps


def busy_row(name: str, shrink: int, cores: int) -> str:
    """One line of the table of CPU times."""
    module, inputs, known = problem(name, shrink)
    found = []
    for _ in range(3):
        began = time.process_time()
        module.fit(*inputs, max_iter=2, **known)
        middle = time.process_time()
        module.fit(*inputs, max_iter=32, **known)
        plain = (time.process_time() - middle - (middle - began)) / 30
        found.append((plain, *on_the_way(module, inputs, known, cores)))
    plain, lead, member = np.median(found, axis=0)
    return f"| {name} | {1e3 * plain:.1f} | {1e3 * lead:.1f} | {1e3 * member:.1f} | **{plain / (lead + member):.2f}** |"


def row(name: str, shrink: int, cores: int) -> str:
    """One line of the table."""
    module, (data, hyper, sizes), known = problem(name, shrink)
    runs: list[Callable[[int], Any]] = [
        lambda n: module.fit(data, hyper, sizes, max_iter=n, **known),
        lambda n: module.fit_cores(data, hyper, sizes, max_iter=n, cores=1, **known),
        lambda n: module.fit_cores(data, hyper, sizes, max_iter=n, cores=cores, **known),
    ]
    _, rough, _ = sweep_of(runs[0], 3, 1)
    sweeps = int(min(200, max(5, 3.0 / max(rough, 1e-3))))
    (_, plain, a), (_, one, b), (begin, many, c) = (sweep_of(run, sweeps) for run in runs)
    gap = max(abs(found.elbo / a.elbo - 1.0) for found in (b, c))
    size = f"{next(iter(data.values())).shape[0]:,}"
    figures = [f"{1e3 * t:.1f}" for t in (plain, one, many)]
    return f"| {name} | {size} | {' | '.join(figures)} | **{plain / many:.2f}** | {begin:.2f} | {gap:.0e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {'; '.join(CASES)}")
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--busy", action="store_true", help="CPU times, where others use the machine")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if given.busy:
        print("| model | `fit`, CPU ms | lead, CPU ms | busiest member, CPU ms | ratio |\n|---|---:|---:|---:|---:|")
        for name in given.names or CASES:
            print(busy_row(name, 10 if given.small else 1, given.cores), flush=True)
        return
    columns = ("`fit`, ms", "one process, ms", f"{given.cores} processes, ms", "ratio", "start, s", "gap of bounds")
    print(f"| model | rows | {' | '.join(columns)} |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in given.names or CASES:
        print(row(name, 10 if given.small else 1, given.cores), flush=True)


if __name__ == "__main__":
    main()
