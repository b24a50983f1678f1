"""Data from a file in shards: time a row and peak memory as N grows, against the run on arrays in memory.

python benchmarks/streaming.py [largest N]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np

from cavi import models

HYPER = {"alpha_0": 1.0, "beta_0": 1.0, "nu_0": 9.0, "m_0": 0.0, "W_0": 1.0}
SIZES, DIMENSION, ROWS, SWEEPS = {"K": 10}, 8, 100_000, 3


def write(path: Path, size: int) -> None:
    """Points around ten centres, written in parts so that they are never in memory together."""
    rng = np.random.default_rng(0)
    centres = 6.0 * rng.normal(size=(SIZES["K"], DIMENSION))
    file = np.lib.format.open_memmap(path, mode="w+", dtype=float, shape=(size, DIMENSION))
    for first in range(0, size, ROWS):
        part = min(ROWS, size - first)
        file[first : first + part] = centres[rng.integers(SIZES["K"], size=part)] + rng.normal(size=(part, DIMENSION))
    file.flush()


def measure(path: str, how: str) -> tuple[float, float]:
    """Seconds a sweep without the start, and the peak of resident memory in MB beyond that of the imports."""
    module = types.ModuleType("mixture")
    sys.modules["mixture"] = module
    exec(compile(models.derived("gaussian_mixture_full").streaming(), "mixture", "exec"), module.__dict__)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    mapped = np.load(path, mmap_mode="r")
    for sweeps in (1, SWEEPS + 1):
        started = time.perf_counter()
        if how == "shards":
            module.fit_chunks(lambda: module.cut({"x": mapped}, ROWS), HYPER, SIZES, seed=0, max_iter=sweeps, tol=0.0)
        else:
            module.fit({"x": np.array(mapped)}, HYPER, SIZES, seed=0, max_iter=sweeps, tol=0.0)
        times.append(time.perf_counter() - started)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (times[1] - times[0]) / SWEEPS, (after - before) / 1024


def main(largest: int) -> None:
    print(
        "| N | in shards, s a sweep | ns a row | peak MB | in memory, s a sweep | peak MB |\n"
        "|---:|---:|---:|---:|---:|---:|"
    )
    size = 10_000
    while size <= largest:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.npy"
            write(path, size)
            found = {}
            for how in ("shards", "memory"):
                command = [sys.executable, __file__, "--one", str(path), how]
                out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
                found[how] = float(out[0]), float(out[1])
        (s, m), (t, w) = found["shards"], found["memory"]
        print(f"| {size:,} | {s:.3f} | {1e9 * s / size:.0f} | {m:.0f} | {t:.3f} | {w:.0f} |", flush=True)
        size *= 10


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(*measure(sys.argv[2], sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
