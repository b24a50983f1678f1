"""Sweeps and time to a fixed gap of the bound, ordinary and accelerated; not a test.

Run with ``python benchmarks/convergence.py [NAME …]``: models of the library with their own data, one core, one start.
The goal is within 1e-6 (relative) of the lower of the two bounds that long runs from it end at, so that both reach it.
Sweeps that were refused are counted.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import sys
import time
import types
from typing import Any

from cavi import models

SLOW = (
    "bayesian_pca factor_analysis linear_dynamical_system poisson_mixture matrix_factorisation_wishart lda "
    "gaussian_matrix_factorisation gaussian_mixture_full hmm_categorical linear_regression mixture_of_factor_analysers"
).split()


def loaded(name: str) -> Any:
    """The generated module of a model."""
    module = types.ModuleType(f"generated_{name}")
    sys.modules[module.__name__] = module
    exec(compile(models.derived(name).numpy(), module.__name__, "exec"), module.__dict__)
    return module


class Reached(Exception):
    """The bound is at its goal."""


def to_goal(module: Any, known: models.Dataset, goal: float, accelerate: bool) -> tuple[int, float]:
    """Sweeps and seconds of the process until the bound is at the goal."""
    count, plain = 0, module._swept

    def swept(*arguments: Any) -> float:
        nonlocal count
        count += 1
        bound: float = plain(*arguments)
        if bound >= goal:
            raise Reached
        return bound

    module._swept = swept
    start = time.process_time()
    try:
        module.fit(known.data, known.hyper, known.sizes, seed=0, max_iter=10**6, tol=0.0, accelerate=accelerate)
    except Reached:
        pass
    finally:
        module._swept = plain
    return count, time.process_time() - start


def main() -> None:
    print("| model | sweeps | accelerated | time, s | accelerated, s | ratio |\n|---|---:|---:|---:|---:|---:|")
    for name in sys.argv[1:] or SLOW:
        module, known = loaded(name), models.data(name)
        long = {"seed": 0, "max_iter": 12000, "tol": 1e-12}
        ends = [module.fit(known.data, known.hyper, known.sizes, accelerate=a, **long).elbo for a in (False, True)]
        goal = min(ends) - 1e-6 * abs(min(ends))  # both reach it, should they end in different optima
        (plain, slow), (ours, fast) = (to_goal(module, known, goal, a) for a in (False, True))
        print(f"| {name} | {plain} | {ours} | {slow:.3f} | {fast:.3f} | **{slow / fast:.1f}** |", flush=True)


if __name__ == "__main__":
    main()
