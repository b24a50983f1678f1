"""What a sweep of a Gaussian mixture costs on a cluster, against a model of the cost.

Run with ``python benchmarks/cluster.py [--rows N] [--sweeps N]`` after ``pip install -e '.[dask]'``. Workers are
processes of this machine with one thread each, so that there are as many as it has cores; runs with one and with two
take turns. Rows are made on the workers. A sweep includes everything that the client does. Time of the processor is
given beside that on the clock, since the latter means little on a machine that others use.
"""

from __future__ import annotations

import argparse
import logging
import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log
from typing import Any

import numpy as np
from distributed import Client, LocalCluster
from distributed.protocol import serialize
from peers import module_of

from cavi.models import derived

COLUMNS, GROUPS = 8, 10
HYPER = {"alpha_0": 1.0, "m_0": 0.0, "beta_0": 1.0, "W_0": 1.0, "nu_0": COLUMNS + 2.0}


def loader(rows: int, seed: int) -> Callable[[], dict[str, Any]]:
    """What makes a shard on the worker that calls it."""

    def load() -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        centres = 3.0 * np.random.default_rng(0).normal(size=(GROUPS, COLUMNS))
        return {"x": centres[rng.integers(GROUPS, size=rows)] + rng.normal(size=(rows, COLUMNS))}

    return load


def start(module: Any) -> dict[str, Any]:
    """Shared factors after some sweeps over few rows."""
    data = loader(2_000, 1)()
    found = module.fit(data, HYPER, {"K": GROUPS}, seed=0, max_iter=3).params
    return {latent: found[latent] for factor in module.SHARED for latent in factor.split(",")}


@dataclass(frozen=True)
class Cost:
    """Seconds of a sweep: on the clock, of the processor of the busiest worker, and of that of client and scheduler."""

    clock: float
    worker: float
    client: float

    def __str__(self) -> str:
        clock, worker, client = (1e3 * t for t in (self.clock, self.worker, self.client))
        return f"{clock:.1f} ms; busiest worker {worker:.1f}, client and scheduler {client:.1f}"


def sweep_on(client: Client, module: Any, init: Any, rows: int, shards: int, sweeps: int) -> Cost:
    """The cost of a sweep over so many rows in so many shards, the mean after the first."""
    seen: list[tuple[float, float, dict[str, float]]] = []

    def look(progress: Any) -> None:
        if progress.sweep in (1, sweeps + 1):
            seen.append((time.perf_counter(), time.process_time(), client.run(time.process_time)))

    module.fit_dask(
        [loader(rows // shards, i) for i in range(shards)], HYPER, {"K": GROUPS}, client=client, init=init, tol=-1.0,
        max_iter=sweeps + 1, progress=look,
    )  # fmt: skip
    (clock, here, workers), (clock_, here_, workers_) = seen
    busiest = max(workers_[w] - workers[w] for w in workers)
    return Cost((clock_ - clock) / sweeps, busiest / sweeps, (here_ - here) / sweeps)


def sweep_here(module: Any, init: Any, rows: int, sweeps: int) -> tuple[float, int, int]:
    """Seconds of the processor for a sweep in this process; the bytes that go out and come back for a shard."""
    state = module.shard_state(loader(rows, 0)(), HYPER, {"K": GROUPS}, None)
    lead = module.leading_state(state, init, np.random.default_rng(0))
    began = time.process_time()
    for _ in range(sweeps):
        totals = module.own_sweep(module.joined(state, lead.params, lead.moments))
        module.shared_sweep(lead, totals)
    taken = (time.process_time() - began) / sweeps
    out, back = {"params": lead.params, "moments": lead.moments}, (totals.values, totals.sizes)
    return taken, size(out), size(back)


def size(value: Any) -> int:
    """Bytes of a value on its way."""
    _, frames = serialize(value)
    return sum(memoryview(frame).nbytes for frame in frames)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sweeps", type=int, default=3)
    given = parser.parse_args()
    module = module_of(derived("gaussian_mixture_full").dask())
    init, rows, sweeps = start(module), given.rows, given.sweeps
    features = COLUMNS * (COLUMNS + 1) // 2 + COLUMNS + 1
    flops = 4 * features * GROUPS
    for n in (rows // 10, rows):
        alone, out, back = sweep_here(module, init, n, sweeps)
        rate = flops * n / alone / 1e9
        print(f"here, N={n:,}: {alone * 1e3:.1f} ms, {rate:.2f} GFLOP/s; out {out:,} B, back {back:,} B")
    quiet = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL, "memory_limit": 0}
    clusters = [LocalCluster(n_workers=w, threads_per_worker=1, **quiet) for w in (1, 2)]
    clients = [Client(cluster) for cluster in clusters]
    found: dict[tuple[str, int], Cost] = {}
    cases = [("latency", 100, 1), ("32 shards", 3200, 32), ("strong", rows, 4), ("weak", rows // 2, 2)]
    for name, n, shards in cases:
        for workers, client in zip((1, 2), clients, strict=True):
            grown = workers if name == "weak" else 1
            many = 20 if n < 10_000 else sweeps
            cost = found[name, workers] = sweep_on(client, module, init, n * grown, shards * grown, many)
            print(f"{name}, {workers} worker(s): {cost}", flush=True)
    for name in ("strong", "weak"):
        one, two = found[name, 1], found[name, 2]
        print(
            f"{name}, 1 over 2 workers: clock {one.clock / two.clock:.2f}, busiest worker {one.worker / two.worker:.2f}"
        )
    first, many = found["latency", 1], found["32 shards", 1]
    latency = first.client + first.worker
    each = (many.client - first.client) / (32 + 5 - 1)  # shards, and sums of eight
    print(f"latency {latency * 1e3:.1f} ms, a task {each * 1e3:.2f} ms of the scheduler")
    for n, workers in ((1e10, 100), (1e10, 1000)):
        compute, tasks = alone * n / rows / workers, each * (workers + ceil(workers / 7))
        total = compute + latency * ceil(log(workers, 8)) + tasks
        print(f"N={n:.0e} on {workers}: compute {compute:.2f} s, tasks {tasks:.2f} s, a sweep {total:.2f} s")
    for client, cluster in zip(clients, clusters, strict=True):
        client.close()
        cluster.close()


if __name__ == "__main__":
    main()
