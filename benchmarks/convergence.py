"""Sweeps and time to a fixed gap of the bound, ordinary and accelerated; not a test.

Run with ``python benchmarks/convergence.py [NAME …]``: models of the library with their own data, one core, one start.
The goal is within 1e-6 (relative) of the lower of the two bounds that long runs from it end at, so that both reach it.
Sweeps that were refused are counted. The names of `PEERS` are runs beside those of other libraries from the same start,
whose bounds are the same numbers (``pip install -e '.[peers]'``).
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import sys
import time
import types
from collections.abc import Callable
from typing import Any

from peers import Beginning, Case, Reached, factors, full_mixture

from cavi import models

PEERS: dict[str, Callable[[], Case]] = {
    "scikit-learn": lambda: full_mixture(5_000, 4, 6, far=True),
    "BayesPy": lambda: factors(200, 10, 3),
}
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


def library(name: str) -> Beginning:
    """A run of a library model on its own data."""
    known = models.data(name)
    return Beginning(loaded(name), known.data, known.hyper, {}, known.sizes)


def fit(run: Beginning, **options: Any) -> Any:
    """The generated module's own fit."""
    start = {"init": run.init} if run.init else {"seed": 0}
    return run.module.fit(run.data, run.hyper, run.sizes, **start, **options)


def to_goal(run: Beginning, goal: float, accelerate: bool) -> tuple[int, float]:
    """Sweeps and seconds of the process until the bound is at the goal."""
    module = run.module
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
        fit(run, max_iter=10**6, tol=0.0, accelerate=accelerate)
    except Reached:
        pass
    finally:
        module._swept = plain
    return count, time.process_time() - start


def both(run: Beginning) -> tuple[float, tuple[int, float], tuple[int, float]]:
    """The goal, and what ordinary and accelerated sweeps need to reach it."""
    ends = [fit(run, max_iter=12000, tol=1e-12, accelerate=a).elbo for a in (False, True)]
    goal = min(ends) - 1e-6 * abs(min(ends))  # both reach it, should they end in different optima
    return goal, to_goal(run, goal, False), to_goal(run, goal, True)


def beside(case: Case) -> str:
    """A row with the iterations and seconds of a peer."""
    assert case.begin is not None and case.until is not None
    goal, (plain, slow), (ours, fast) = both(case.begin)
    start = time.process_time()
    theirs = case.until(goal)
    seconds = time.process_time() - start
    cells = [case.name, case.sizes, case.peer, f"{theirs}", f"{plain}", f"{ours}"]
    return f"| {' | '.join(cells)} | {seconds:.3f} | {slow:.3f} | {fast:.3f} | **{seconds / fast:.0f}** |"


def main() -> None:
    names = sys.argv[1:] or [*SLOW, *PEERS]
    if mine := [n for n in names if n not in PEERS]:
        print("| model | sweeps | accelerated | time, s | accelerated, s | ratio |\n|---|---:|---:|---:|---:|---:|")
    for name in mine:
        _, (plain, slow), (ours, fast) = both(library(name))
        print(f"| {name} | {plain} | {ours} | {slow:.3f} | {fast:.3f} | **{slow / fast:.1f}** |", flush=True)
    if others := [n for n in names if n in PEERS]:
        print()
        print(
            "| model | sizes | peer | its iterations | sweeps | accelerated | peer, s | ours, s | accelerated | ratio |"
        )
        print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in others:
        print(beside(PEERS[name]()), flush=True)


if __name__ == "__main__":
    main()
