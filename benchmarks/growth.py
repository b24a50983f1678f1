"""How time and memory grow with the number of rows, from a thousand to ten million.

Run with ``python benchmarks/growth.py [--largest 7]``; one core. A run of a mixture (two dimensions, three groups, its
own start) with two sweeps and with seven tells what a sweep takes; of a regression on five columns a whole run with
thirty sweeps is timed, since its sweeps need no rows. Each is the least of several. Memory is the peak beyond the data.
"""

from __future__ import annotations

import argparse
import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from peers import library

MORE, SWEEPS = 5, 30


def least(run: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some runs."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def peak(run: Callable[[], object]) -> float:
    """MB that a run needs at most."""
    tracemalloc.start()
    run()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def mixture(rows: int) -> Callable[[int], Callable[[], object]]:
    """Runs of a mixture with so many sweeps."""
    module, rng = library("gaussian_mixture_full"), np.random.default_rng(0)
    x = 4.0 * np.eye(3, 2)[rng.integers(3, size=rows)] + rng.normal(size=(rows, 2))
    hyper = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": 3.0, "m_0": np.zeros(2), "W_0": np.eye(2)}
    return lambda sweeps: lambda: module.fit({"x": x}, hyper, {"K": 3}, seed=0, max_iter=sweeps, tol=0.0)


def regression(rows: int) -> Callable[[int], Callable[[], object]]:
    """Runs of a linear regression with so many sweeps."""
    module, rng = library("linear_regression"), np.random.default_rng(0)
    x = rng.normal(size=(rows, 5))
    data = {"X": x, "y": x @ np.arange(5.0) + rng.normal(size=rows)}
    hyper = {name: 1.0 for name, s in module.KNOWN.items() if s["where"] == "hyper"}
    return lambda sweeps: lambda: module.fit(data, hyper, seed=0, max_iter=sweeps, tol=-1.0)


def row(rows: int) -> str:
    """One line of the table."""
    repeats = 7 if rows <= 100_000 else 3
    run = mixture(rows)
    few, many = least(run(2), repeats), least(run(2 + MORE), repeats)
    sweep, memory = (many - few) / MORE, peak(run(2))
    whole = regression(rows)
    seconds, other = least(whole(SWEEPS), repeats), peak(whole(2))
    cells = [f"{rows:,}", f"{1e3 * few:.1f}", f"{1e3 * sweep:.2f}", f"{1e9 * sweep / rows:.0f}", f"{memory:.1f}"]
    cells += [f"{1e3 * seconds:.1f}", f"{1e9 * seconds / rows:.0f}", f"{other:.1f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=7, help="the power of ten of the most rows")
    largest = parser.parse_args().largest
    mine = "mixture, start and two sweeps, ms | a sweep, ms | ns a row | MB"
    print(f"| rows | {mine} | regression, whole run, ms | ns a row | MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for power in range(3, largest + 1):
        print(row(10**power), flush=True)


if __name__ == "__main__":
    main()
