"""Times a sweep of the Numba and JAX modules beside one of the NumPy module, in one process; not a test.

python benchmarks/targets.py                  # large data of four kinds, then the models of the library on theirs
python benchmarks/targets.py mixture chain    # some of them
python benchmarks/targets.py topics --small   # fewer data

One core for everybody, and the time of the process. The time of a sweep is that of a long run less that of a short one,
over the sweeps between them, so that starts and results do not count, each the least of three; compiling is told apart.
"""

from __future__ import annotations

import argparse
import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import sys
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from cavi import models

TARGETS = ("numpy", "numba", "jax")
clock = time.process_time
Problem = tuple[str, dict[str, Any], dict[str, Any], dict[str, int]]


def module(name: str, target: str) -> types.ModuleType:
    found = types.ModuleType(f"{name}_{target}")
    sys.modules[found.__name__] = found
    exec(models.derived(name).render(target), found.__dict__)
    return found


def mixture(rows: int, rng: np.random.Generator) -> Problem:
    width, groups = 16, 20
    x = 3.0 * rng.normal(size=(groups, width))[rng.integers(groups, size=rows)] + rng.normal(size=(rows, width))
    hyper = {"alpha_0": 1.0, "beta_0": 0.1, "m_0": 0.0, "nu_0": width + 1.0, "W_0": 1.0}
    return "gaussian_mixture_full", {"x": x}, hyper, {"K": groups}


def chain(rows: int, rng: np.random.Generator) -> Problem:
    width, groups = 4, 8
    steps = np.where(rng.random(rows) < 0.1, rng.integers(groups, size=rows), 0).cumsum() % groups
    x = 3.0 * rng.normal(size=(groups, width))[steps] + rng.normal(size=(rows, width))
    hyper = {"u_pi": 1.0, "u_A": 1.0, "beta_0": 0.1, "m_0": 0.0, "nu_0": width + 1.0, "W_0": 1.0}
    return "hmm_gaussian", {"x": x}, hyper, {"K": groups}


def topics(rows: int, rng: np.random.Generator) -> Problem:
    documents, words, groups = max(rows // 64, 2), 5000, 50
    data = {
        "doc": np.sort(rng.integers(documents, size=rows)),
        "w": np.minimum(rng.zipf(1.3, size=rows) - 1, words - 1),
        "count": 1.0 + rng.poisson(0.5, size=rows),
    }
    return "lda", data, {"alpha": 0.1, "eta": 0.1}, {"K": groups, "D": documents, "V": words}


def sparse(rows: int, rng: np.random.Generator) -> Problem:
    side = max(rows // 100, 10)
    u, i = np.divmod(rng.choice(side * side, rows, replace=False), side)
    hyper = {"a": 0.3, "a_0": 0.3, "b_0": 1.0, "c": 0.3, "c_0": 0.3, "d_0": 1.0}
    data = {"y": {"u": u, "i": i, "value": 1.0 + rng.poisson(0.7, rows)}}
    return "sparse_poisson_factorisation", data, hyper, {"U": side, "I": side, "K": 50}


def of_library(name: str) -> Problem:
    known = models.data(name)
    return name, known.data, known.hyper, known.sizes


def timed(call: Callable[[], Any]) -> float:
    start = clock()
    call()
    return clock() - start


def compare(problem: Problem, sweeps: int, rounds: int, dtype: Any, inner: int = 1) -> str:
    name, data, hyper, sizes = problem
    found = {t: module(name, t) for t in TARGETS}
    options = {"seed": 0, "tol": -1.0, "dtype": dtype} | ({"inner": inner} if inner > 1 else {})

    def fit(target: str, count: int) -> Any:
        return found[target].fit(data, hyper, sizes, max_iter=count, **options)

    compiling = {t: timed(lambda t=t: fit(t, 1)) - timed(lambda t=t: fit(t, 1)) for t in TARGETS[1:]}
    bounds = [fit(t, 3).elbo for t in TARGETS]
    short, long = ({t: [] for t in TARGETS} for _ in range(2))
    for _ in range(rounds):  # what others do on the machine can only add to a time
        for t in TARGETS:
            short[t].append(timed(lambda t=t: fit(t, 2)))
            long[t].append(timed(lambda t=t: fit(t, 2 + sweeps)))
    each = {t: 1e3 * (min(long[t]) - min(short[t])) / sweeps for t in TARGETS}
    shape = " ".join(f"{n}={v:,}" for n, v in fit("numpy", 1).sizes.items())
    words = name + (f", {inner} updates of documents" if inner > 1 else "")
    ratios = [f"{each[t]:.1f} (**{each['numpy'] / each[t]:.1f}**)" for t in TARGETS[1:]]
    gap = max(abs(b / bounds[0] - 1.0) for b in bounds)
    columns = [words, shape, np.dtype(dtype).name, f"{each['numpy']:.1f}", *ratios]
    return f"| {' | '.join([*columns, *(f'{compiling[t]:.1f}' for t in TARGETS[1:]), f'{gap:.0e}'])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"some of {', '.join(MAKE)}, or models of the library on their own data"
    )
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    print(
        "| model | sizes | precision | NumPy, ms | Numba, ms (ratio) | JAX, ms (ratio) "
        "| compiling: Numba, s | JAX, s | gap |"
    )
    print("|---|---|---|---:|---:|---:|---:|---:|---:|")
    for name in given.names or [*MAKE, *models.names()]:
        rows = ROWS.get(name, 0) // (10 if given.small else 1)
        problem = MAKE[name](rows, rng) if name in MAKE else of_library(name)
        for dtype in (np.float64, np.float32) if name in MAKE else (np.float64,):
            for inner in (1, 20) if name == "topics" else (1,):
                print(compare(problem, 10, given.rounds, dtype, inner), flush=True)


MAKE = {"mixture": mixture, "chain": chain, "topics": topics, "sparse": sparse}
ROWS = {"mixture": 200_000, "chain": 100_000, "topics": 320_000, "sparse": 500_000}


if __name__ == "__main__":
    main()
