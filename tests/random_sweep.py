"""Settles many seeds, shrinks every fault and keeps a log, so that a sweep that was broken off goes on where it was.

python tests/random_sweep.py 0 2000 --log sweep --jobs 2
"""

import argparse
import collections
import itertools
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from random_drive import settle
from random_models import draw
from random_shrink import same_fault, shrink

OF_A_KIND = 3


def sweep(seeds: range, log: Path, seconds: float = 60.0) -> collections.Counter:
    """Settle every seed that the log does not have yet; each outcome is a line of it, a fault with its declaration.

    The first few faults of a kind are shrunk; more of them would say the same.
    """
    done: dict[int, str] = {}
    kinds: collections.Counter = collections.Counter()
    if log.exists():
        for line in log.read_text().splitlines():
            row = json.loads(line)
            done[row["seed"]] = row["verdict"]
            kinds[row["verdict"], row.get("stage"), row.get("kind")] += 1
    for seed in seeds:
        if seed not in done:
            program = draw(seed)
            outcome = settle(program)
            row = {"seed": seed, **asdict(outcome)}
            if outcome.verdict == "fault":
                kinds[outcome.signature] += 1
                worth = outcome.kind != "time" and kinds[outcome.signature] <= OF_A_KIND
                small = shrink(program, same_fault(outcome), seconds) if worth else program
                row["program"] = str(small)
                print(
                    f"# seed {seed}: {outcome.stage}: {outcome.kind}: {headline(outcome.detail)}\n{small}", flush=True
                )
            with log.open("a") as file:
                file.write(json.dumps(row) + "\n")
            done[seed] = outcome.verdict
    return collections.Counter(done[s] for s in seeds)


def headline(detail: str) -> str:
    """The failed rows of a report, or the first line of a message."""
    lines = detail.splitlines()
    rows = [f"{a} | {b.strip()}" for a, b in itertools.pairwise(lines) if a.endswith("failed")]
    return "; ".join(rows)[:600] if rows else (lines or [""])[0][:300]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--log", type=Path, required=True, help="each process adds its number to the name")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    parts = [range(given.first + j, given.last, given.jobs) for j in range(given.jobs)]
    logs = [given.log.with_name(f"{given.log.stem}.{j}.jsonl") for j in range(given.jobs)]
    with ProcessPoolExecutor(given.jobs) as pool:
        counts = sum(pool.map(sweep, parts, logs), collections.Counter())
    print(dict(counts))
    raise SystemExit(1 if counts["fault"] else 0)
