"""Expectation propagation beside the tangent bound and the exact posterior, on the library's logistic regression.

python benchmarks/propagation.py            # print the table
python benchmarks/propagation.py --write    # put it into docs/site/pages/how_to/propagation.md
"""

from __future__ import annotations

import argparse
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from cavi import models
from cavi.derive import propagate

DOCUMENT = Path(__file__).parent.parent / "docs" / "site" / "pages" / "how_to" / "propagation.md"
MODEL = "logistic_regression"
POWERS = (1, 0.5, 0.01)
Row = tuple[str, np.ndarray, np.ndarray, float]  # method, means, standard deviations, log evidence or what is like it


def loaded(source: str) -> Any:
    """A generated module."""
    module = types.ModuleType("benchmark_propagation")
    sys.modules[module.__name__] = module
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module


def exact(data: Any, alpha: float, centre: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Means, standard deviations and log evidence by sums over a grid in the two weights."""
    root, step = np.linalg.cholesky(covariance), 0.1
    line = np.arange(-14.0, 14.0, step)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    w = centre + grid @ root.T
    logs = np.log(alpha / (2.0 * np.pi)) - 0.5 * alpha * (w**2).sum(axis=1)
    for row, y in zip(data["X"], data["y"], strict=True):
        h = w @ row
        logs += y * h - np.logaddexp(0.0, h)
    weight = np.exp(logs - logs.max())
    evidence = logs.max() + np.log(weight.sum() * step**2) + np.log(np.diag(root)).sum()
    weight /= weight.sum()
    mean = weight @ w
    return mean, np.sqrt(weight @ (w - mean) ** 2), float(evidence)


def propagated() -> list[Row]:
    """The exact posterior, and EP with each power."""
    own = models.data(MODEL)
    found = []
    for power in POWERS:
        fit = loaded(propagate(models.load(MODEL), power).numpy()).fit(own.data, own.hyper)
        name = "EP" if power == 1 else f"power EP, α = {power:g}"
        found.append((name, fit.joint["mean"], np.sqrt(np.diag(fit.joint["covariance"])), fit.log_evidence))
    reference = exact(own.data, float(own.hyper["alpha_0"]), found[0][1], np.diag(found[0][2] ** 2))
    return [("exact, by quadrature", *reference), *found]


def bounded() -> Row:
    """Mean field of the tangent bound."""
    own = models.data(MODEL)
    bound = loaded(models.derived(MODEL).numpy()).fit(own.data, own.hyper, max_iter=5000, tol=1e-14)
    sd = np.sqrt(np.diag(np.linalg.inv(bound.params["w"]["precision"])))
    return "tangent bound (Jaakkola and Jordan)", bound.params["w"]["mean"], sd, bound.elbo


def table() -> str:
    """The rows as Markdown."""
    lines = ["| method | mean of w | sd of w | log evidence |", "|---|---:|---:|---:|"]
    for name, mean, sd, evidence in [*propagated(), bounded()]:
        means, sds = (", ".join(f"{x:.4f}" for x in values) for values in (mean, sd))
        lines.append(f"| {name} | {means} | {sds} | {evidence:.4f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = table()
    print(found)
    if parser.parse_args().write:
        text = DOCUMENT.read_text(encoding="utf-8")
        marked = re.sub(
            r"(<!-- comparison -->\n).*?(<!-- end of comparison -->)",
            lambda m: f"{m[1]}{found}\n{m[2]}",
            text,
            flags=re.DOTALL,
        )
        DOCUMENT.write_text(marked, encoding="utf-8")


if __name__ == "__main__":
    main()
