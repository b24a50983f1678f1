"""How many planted mistakes verification catches, over the library or for one model, and how often it cries wolf."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from cavi import models
from cavi.cli.output import Output
from cavi.cli.sources import derived_model
from cavi.verify.mutations.sweep import OUTCOMES, Sample, correct_rows, counted, sample

CAUGHT = ("killed", "equivalent", "no difference found")


def verify_mutations(
    model: str | None, limit: int, correct: int, seed: int, jobs: int | None, output: Output
) -> dict[str, Any]:
    """Plant mistakes, print what became of them by operator and by model, and return the same as plain data.

    Args:
        model: a library model or ``path.py:object``; None for the whole library.
        limit: of mutants of each model's claim, and as many of its generated source.
        correct: unchanged instances of each model, which must pass.
        seed: of the choice of mutants and of the first instance.
        jobs: processes at once; by default one for each processor.
        output: where the tables go.
    """
    names = [model] if model is not None else list(models.names())
    tasks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [(_mutants, (n, limit, seed)) for n in names]
    tasks += [(_correct, (n, seed + i)) for n in names for i in range(correct)]
    samples: dict[str, Sample] = {}
    rows, alarms = 0, list[str]()
    with output.progress(len(tasks), "planting mistakes") as step:
        for task, arguments, found in _done(tasks, jobs):
            step(str(arguments[0]))
            if task is _mutants:
                samples[arguments[0]] = found
            else:
                rows += found[0]
                alarms += found[1]
    result = _result(names, samples)
    result["correct"] = {"instances": correct * len(names), "rows": rows, "false_alarms": alarms}
    _print(result, output)
    return result


def _mutants(name: str, limit: int, seed: int) -> Sample:
    derived = derived_model(name, None)
    return sample(derived.plain(), derived.numpy(), limit, seed)


def _correct(name: str, seed: int) -> tuple[int, list[str]]:
    """How many rows an unchanged instance has, and those that fail."""
    derived = derived_model(name, None)
    rows = correct_rows(derived.plain(), derived.numpy(), seed)
    return len(rows), [f"{name}, seed {seed}: {r.name}: {r.detail}" for r in rows if r.verdict == "failed"]


def _done(
    tasks: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]], jobs: int | None
) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...], Any]]:
    count = min(jobs or os.cpu_count() or 1, len(tasks))
    if count <= 1:
        for task, arguments in tasks:
            yield task, arguments, task(*arguments)
        return
    with ProcessPoolExecutor(count) as pool:
        waiting: dict[Future[Any], tuple[Callable[..., Any], tuple[Any, ...]]] = {
            pool.submit(task, *arguments): (task, arguments) for task, arguments in tasks
        }
        try:
            for future in as_completed(waiting):
                yield *waiting[future], future.result()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _result(names: Sequence[str], samples: dict[str, Sample]) -> dict[str, Any]:
    verdicts = {
        "claim": [(n, v) for n in names for v in samples[n].claim],
        "code": [(n, v) for n in names for v in samples[n].code],
    }
    by_operator = {tier: counted(v for _, v in found) for tier, found in verdicts.items()}
    by_model = {
        n: {o: sum(v.outcome == o for v in [*samples[n].claim, *samples[n].code]) for o in OUTCOMES} for n in names
    }
    missed = [
        {"model": n, "tier": tier, **asdict(v)}
        for tier, found in verdicts.items()
        for n, v in found
        if v.outcome not in ("killed", "equivalent")
    ]
    available = {n: sum(samples[n].available) for n in names}
    return {"available": available, "by_operator": by_operator, "by_model": by_model, "not_killed": missed}


def _print(result: dict[str, Any], output: Output) -> None:
    columns = ["name", "all", "killed", "equal", "no diff.", "survived", "too long"]
    for tier, title in (("claim", "Mistakes planted in derivations"), ("code", "Mistakes planted in code")):
        table = result["by_operator"][tier]
        output.table(title, columns, [_line(operator, counts) for operator, counts in [*table.items(), _sum(table)]])
    table = result["by_model"]
    output.table("By model", columns, [_line(*item) for item in [*table.items(), _sum(table)]])
    for m in result["not_killed"]:
        if m["outcome"] not in CAUGHT:
            output.text(f"{m['outcome'].upper()} {m['model']}: {m['operator']} in {m['label']} ({m['by']})")
    correct = result["correct"]
    for alarm in correct["false_alarms"]:
        output.text(f"FALSE ALARM {alarm}")
    alarms = len(correct["false_alarms"])
    output.text(f"{correct['instances']} correct instances, {correct['rows']} checks: {alarms} false alarms")


def _sum(table: dict[str, dict[str, int]]) -> tuple[str, dict[str, int]]:
    return "all", {o: sum(row[o] for row in table.values()) for o in OUTCOMES}


def _line(name: str, counts: dict[str, int]) -> list[str]:
    return [name, str(sum(counts.values())), *(str(counts[o]) for o in OUTCOMES)]


def all_caught(result: dict[str, Any]) -> bool:
    """Whether no mutant survived or ran out of time, and nothing correct failed."""
    return all(m["outcome"] in CAUGHT for m in result["not_killed"]) and not result["correct"]["false_alarms"]
