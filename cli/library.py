"""Verifying the whole library: models side by side in processes, and what has not changed only once."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from cavi import models
from cavi.cli.output import Output
from cavi.cli.sources import derived_model
from cavi.derive.render import write_text
from cavi.verify import Report, canonical, verify
from cavi.verify import __path__ as verify_folders


def default_cache() -> Path:
    """Where reports are kept between runs: ``$XDG_CACHE_HOME/cavi/verify``, else ``~/.cache/cavi/verify``."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "cavi" / "verify"


def verify_library(
    digits: int,
    seed: int,
    jobs: int | None,
    cache: Path | None,
    output: Output,
    names: Sequence[str] | None = None,
) -> list[Report]:
    """The reports on all models of the library, with a line for each as it is found.

    Args:
        digits: decimal digits asked for.
        seed: of the random instances.
        jobs: processes at once; by default one for each processor.
        cache: folder of reports of earlier runs (a report is taken from there if neither the derivation, the code it
            generates, the checker nor its numerical packages have changed); None to keep none.
        output: where the lines go.
        names: models; all by default.
    """
    chosen = list(models.names() if names is None else names)
    found: dict[str, Report] = {}
    checker = _checker()
    with output.progress(len(chosen), "verifying the library") as step:
        for name, report in _reports(chosen, digits, seed, jobs, cache, checker):
            found[name] = report
            step(name)
            verdict = "ok" if report.ok else "FAILED"
            counts = f"{len(report.rows)} checks, {len(report.failed)} failed, {len(report.undecided)} undecided"
            output.text(f"{verdict:6} {name:<32} {counts}")
    return [found[name] for name in chosen]


def _reports(
    names: Sequence[str], digits: int, seed: int, jobs: int | None, cache: Path | None, checker: str
) -> Iterator[tuple[str, Report]]:
    count = min(jobs or os.cpu_count() or 1, len(names))
    if count <= 1:
        for name in names:
            yield name, _one(name, digits, seed, cache, checker)
        return
    with ProcessPoolExecutor(count) as pool:
        waiting = {pool.submit(_one, name, digits, seed, cache, checker): name for name in names}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(name: str, digits: int, seed: int, cache: Path | None, checker: str) -> Report:
    derived = derived_model(name, None)
    if cache is None:
        return verify(derived, digits=digits, seed=seed)
    content = canonical({"claim": derived.plain(), "source": derived.numpy(), "asked": [digits, seed], "with": checker})
    kept = cache / f"{hashlib.sha256(content.encode()).hexdigest()}.json"
    try:
        return Report.from_dict(json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError):  # not there, or not whole: found anew
        pass
    report = verify(derived, digits=digits, seed=seed)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_text(kept, json.dumps(report.as_dict()))
    return report


def _checker() -> str:
    """The text of the checker and the versions of what it computes with, as one hash."""
    digest = hashlib.sha256()
    for path in sorted(p for folder in verify_folders for p in Path(folder).rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for package in ("mpmath", "numpy", "scipy", "python-flint"):
        try:
            digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
        except importlib.metadata.PackageNotFoundError:
            digest.update(f"{package} none\n".encode())
    return digest.hexdigest()
