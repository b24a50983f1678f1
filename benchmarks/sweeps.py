"""Time and memory of a sweep of models over tables of observed integers, given cells and chains, at one size each.

Run with ``python benchmarks/sweeps.py [NAME …]``. One core; time is that of the process, a run of eight sweeps less
one of two, the least of three; memory is the peak that `tracemalloc` sees in a run, result included.
"""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import sys
import time
import tracemalloc
import types
from typing import Any

import numpy as np

from cavi.derive import Derived, Gamma, Model, MultivariateNormal, Normal, Sum, derive, dot
from cavi.models import derived


def sparse_gaussian() -> Derived:
    """A Gaussian matrix factorisation of which every cell is observed, all but the given ones as zero."""
    m = Model("sparse_gaussian")
    u, i, k = m.index("u", "U"), m.index("i", "I"), m.index("k", "K")
    tau = m.latent("tau", Gamma(1.5, 1.2))
    a, b = m.latent("a", Normal(0, 1), u, k), m.latent("b", Normal(0, 2), i, k)
    m.observed("y", Normal(dot(a[u], b[i]), tau), u, i, sparse=True)
    return derive(m)


def kalman_sequences() -> Derived:
    """Linear dynamics of several sequences that lie end to end."""
    m = Model("kalman_sequences")
    t, d, i, j = m.index("t", "T"), m.index("d", "D"), m.index("i", "K"), m.index("j", "K")
    start, rho = m.covariate("start", t), m.latent("rho", Gamma(1, 1), d)
    a, c = m.latent("A", Normal(0, 1), i, j), m.latent("C", Normal(0, 1), d, j)
    first = MultivariateNormal(0, 1, over=i)
    x = m.latent("x", lambda x: MultivariateNormal(a @ x[t - 1], 1, over=i), t, initial=first, starts=start)
    m.observed("y", Normal(dot(c[d], x[t]), rho[d]), t, d)
    return derive(m, [("A",), ("C",)])


def three_ways() -> Derived:
    """A mean that adds up products of rows of three tables."""
    m = Model("three_ways")
    n, k, i = m.index("n", "N"), m.index("k", "K"), m.index("i", "I")
    j, t = m.index("j", "J"), m.index("t", "T")
    first, second, third = (m.observed_index(f"at_{s.name}", n, over=s) for s in (i, j, t))
    u, v, w = (m.latent(name, Normal(0, 1), s, k) for name, s in (("u", i), ("v", j), ("w", t)))
    tau = m.latent("tau", Gamma(1, 1))
    m.observed("y", Normal(Sum(u[first[n], k] * v[second[n], k] * w[third[n], k], k), tau), n)
    return derive(m)


OWN = {  # beside the models of the library
    "sparse_gaussian": sparse_gaussian,
    "kalman_sequences": kalman_sequences,
    "three_ways": three_ways,
}
SIZES: dict[str, dict[str, int]] = {
    "latent_class": {"N": 50_000, "J": 20, "V": 4, "K": 10},
    "dawid_skene": {"N": 200_000, "I": 20_000, "K": 50, "J": 5},
    "poisson_matrix_factorisation": {"N": 500_000, "I": 3_000, "J": 3_000, "K": 20},
    "matrix_factorisation_wishart": {"N": 300_000, "I": 2_000, "J": 2_000, "D": 10},
    "gaussian_matrix_factorisation": {"N": 200_000, "I": 2_000, "J": 2_000, "K": 5},
    "sparse_gaussian": {"y_cells": 300_000, "U": 3_000, "I": 3_000, "K": 10},
    "linear_dynamical_system": {"T": 3_000, "D": 6, "K": 4},
    "dynamic_level": {"N": 5_000},
    "kalman_sequences": {"T": 10_000, "D": 6, "K": 4},
    "ard_regression": {"N": 100, "D": 5_000},
    "three_ways": {"N": 500_000, "I": 3_000, "J": 3_000, "T": 50, "K": 20},
    "supervised_topics": {"N": 10_000, "D": 200, "V": 2_000, "K": 20},
    "factorial_hmm": {"T": 50_000, "D": 4, "M": 3, "K": 4},
}
LENGTH = 50  # of sequences that lie end to end


def module_of(name: str, target: str = "numpy") -> Any:
    """The generated module of a model."""
    module = types.ModuleType(f"generated_{name}")
    sys.modules[module.__name__] = module
    found = OWN[name]() if name in OWN else derived(name)
    exec(compile(found.render(target), module.__name__, "exec"), module.__dict__)
    return module


def known(module: Any, sizes: dict[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Random data and plain hyperparameters in the domains that a module asks for."""
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {}
    hyper: dict[str, Any] = {}
    for name, spec in module.KNOWN.items():
        shape = tuple(int(a) if a.isdigit() else sizes[a] for a in spec["axes"])
        if spec["where"] == "hyper":
            value: Any = np.eye(shape[-1]) if spec["domain"] == "positive_definite" else np.ones(shape)
            hyper[name] = value + sizes.get(spec["least"], 0)
        elif spec["starts"] is not None:
            data[name] = (np.arange(shape[0]) % LENGTH == 0).astype(float)
        elif spec["domain"] == "index":
            data[name] = rng.integers(sizes[spec["over"]], size=shape)
        elif spec["domain"] == "count":
            data[name] = rng.poisson(2.0, size=shape)
        else:
            data[name] = rng.normal(size=shape)
    if "y_cells" in sizes:  # each of them once
        cells = rng.choice(sizes["U"] * sizes["I"], sizes["y_cells"], replace=False)
        data["y_u"], data["y_i"] = np.divmod(cells, sizes["I"])
    return data, hyper


def row(name: str, target: str) -> str:
    """One line of the table."""
    module, sizes = module_of(name, target), SIZES[name]
    data, hyper = known(module, sizes)

    def run(sweeps: int) -> float:
        start = time.process_time()
        module.fit(data, hyper, sizes, seed=0, max_iter=sweeps, tol=-1.0)
        return time.process_time() - start

    short, long = (min(run(sweeps) for _ in range(3)) for sweeps in (2, 8))
    tracemalloc.start()
    run(2)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    words = " ".join(f"{n}={size:,}" for n, size in sizes.items())
    return f"| {name} | {words} | {1e3 * (long - short) / 6:.1f} | {peak:.0f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(SIZES)}")
    parser.add_argument("--target", default="numpy", choices=["numpy", "numba"])
    given = parser.parse_args()
    print("| model | sizes | a sweep, ms | peak, MB |")
    print("|---|---|---:|---:|")
    for name in given.names or SIZES:
        print(row(name, given.target), flush=True)


if __name__ == "__main__":
    main()
