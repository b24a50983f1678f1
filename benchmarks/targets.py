"""Times a sweep of the JAX module beside one of the NumPy module, in one process, runs alternating; not a test.

python benchmarks/targets.py           # the sizes of the page
python benchmarks/targets.py --small   # fewer data

Both modules run on the processors that the machine lends this process: set OMP_NUM_THREADS=1 and
XLA_FLAGS="--xla_cpu_multi_thread_eigen=false" for one core. The time of a sweep is that of a long run less that of a
short one, over the sweeps between them, so that starts and results do not count; compiling is told apart.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from cavi import models

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


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(problem: Problem, sweeps: int, rounds: int, dtype: Any) -> str:
    name, data, hyper, sizes = problem
    ours, jax = module(name, "numpy"), module(name, "jax")

    def fit(target: types.ModuleType, count: int) -> Any:
        return target.fit(data, hyper, sizes, seed=0, max_iter=count, tol=0.0, dtype=dtype)

    first = timed(lambda: fit(jax, 1))
    compiled = first - timed(lambda: fit(jax, 1))
    gap = abs(fit(ours, 3).elbo / fit(jax, 3).elbo - 1.0)
    spent: dict[str, list[float]] = {"numpy": [], "jax": []}
    for _ in range(rounds):
        for target, found in (("numpy", ours), ("jax", jax)):
            short, long = timed(lambda t=found: fit(t, 2)), timed(lambda t=found: fit(t, 2 + sweeps))
            spent[target].append((long - short) / sweeps)
    numpy_time, jax_time = (1e3 * statistics.median(spent[t]) for t in ("numpy", "jax"))
    shape = " ".join(f"{n}={v:,}" for n, v in jax.fit(data, hyper, sizes, seed=0, max_iter=1).sizes.items())
    ratio = numpy_time / jax_time
    columns = [name, shape, np.dtype(dtype).name, f"{numpy_time:.1f}", f"{jax_time:.1f}", f"**{ratio:.2f}**"]
    return f"| {' | '.join([*columns, f'{compiled:.1f}', f'{gap:.0e}'])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", choices=["mixture", "chain", "topics"])
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = {"mixture": 200_000, "chain": 100_000, "topics": 320_000}
    make = {"mixture": mixture, "chain": chain, "topics": topics}
    print("| model | sizes | precision | NumPy, ms | JAX, ms | ratio | compiling, s | gap |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for kind in [given.only] if given.only else list(make):
        problem = make[kind](rows[kind] // (10 if given.small else 1), rng)
        for dtype in (np.float64, np.float32):
            print(compare(problem, 10, 3, dtype), flush=True)


if __name__ == "__main__":
    main()
