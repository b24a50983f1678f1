"""How time and memory grow with the number of rows, from a thousand to ten million.

Run with ``python benchmarks/growth.py [--largest 7]``; one core. A run of a mixture (two dimensions, three groups, its
own start) with two sweeps and with seven tells what a sweep takes; of a regression on five columns a whole run with
thirty sweeps is timed, since its sweeps need no rows. Each is the least of several. Memory is the peak beyond the data.
With ``--chains`` rows are positions of a hidden Markov chain (two dimensions, three states); time is the process's.
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


def chain(length: int) -> str:
    """One line of the table of chains."""
    module, rng = library("hmm_gaussian"), np.random.default_rng(0)
    x = 4.0 * np.eye(3, 2)[np.repeat(rng.integers(3, size=length // 5 + 1), 5)[:length]] + rng.normal(size=(length, 2))
    hyper = {n: np.eye(2) if s["domain"] == "positive_definite" else 1.0 for n, s in module.KNOWN.items() if n != "x"}
    hyper |= {
        n: np.zeros(2) if s["domain"] == "real" else 3.0 for n, s in module.KNOWN.items() if s["least"] or n == "m_0"
    }

    def run(sweeps: int) -> float:
        start = time.process_time()
        module.fit({"x": x}, hyper, {"K": 3}, seed=0, max_iter=sweeps, tol=-1.0)
        return time.process_time() - start

    few, many = (min(run(sweeps) for _ in range(3)) for sweeps in (2, 2 + MORE))
    sweep = (many - few) / MORE
    cells = [f"{length:,}", f"{1e3 * few:.1f}", f"{1e3 * sweep:.2f}", f"{1e9 * sweep / length:.0f}"]
    return f"| {' | '.join(cells)} | {peak(lambda: run(2)):.1f} |"


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
    parser.add_argument("--chains", action="store_true", help="positions of a hidden Markov chain")
    given = parser.parse_args()
    largest = given.largest
    if given.chains:
        print("| positions | start and two sweeps, ms | a sweep, ms | ns a position | MB |")
        print("|---:|---:|---:|---:|---:|")
        for power in range(3, largest + 1):
            print(chain(10**power), flush=True)
        return
    mine = "mixture, start and two sweeps, ms | a sweep, ms | ns a row | MB"
    print(f"| rows | {mine} | regression, whole run, ms | ns a row | MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for power in range(3, largest + 1):
        print(row(10**power), flush=True)


if __name__ == "__main__":
    main()
