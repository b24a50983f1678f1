"""Compares Normal factors that are chosen with the exact posteriors of two regressions; not a test.

python benchmarks/approximations.py            # print the tables
python benchmarks/approximations.py --write    # put them into benchmarks/README.md

The exact values are computed here, on a grid over the two weights (trapezoidal sums of a smooth integrand that vanishes
at the borders).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bounds import Exact, fitted, labels, on_grid, prior, shown
from scipy.special import gammaln

from cavi import models
from cavi.derive import derive

LogJoint = Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray]
MARKS = ("<!-- approximations -->", "<!-- end of approximations -->")
HEAD = (
    "| factor | bound, or what approximates it | less log p(y) | largest error of a mean, in sd | ratios of sd |\n"
    "|---|---:|---:|---:|---:|"
)
METHODS = {"cvi": "conjugate-computation VI", "laplace": "Laplace", "delta": "delta method"}


def counts(w: np.ndarray, design: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """log p(y, w) of counts for rows of weights."""
    scores = w @ design.T
    return (y * scores - np.exp(scores) - gammaln(y + 1)).sum(axis=1) + prior(w, alpha)


def row(name: str, exact: Exact, value: float, mean: np.ndarray, cover: np.ndarray) -> str:
    """The bound, the means and the standard deviations beside those of the posterior."""
    ratios = np.sqrt(np.diag(cover)) / exact.sd
    away = abs((mean - exact.mean) / exact.sd).max()
    shown = ", ".join(f"{r:.4f}" for r in ratios)
    return f"| {name} | {value:.5f} | {value - exact.evidence:+.5f} | {away:.4f} | {shown} |"


def table(model: str, what: str, log_joint: LogJoint) -> str:
    """Every method on the data of a model of the library."""
    found = models.data(model)
    design, y, alpha = found.data["X"], found.data["y"], float(found.hyper["alpha_0"])
    exact = on_grid(lambda w: log_joint(w, design, y, alpha))
    m = models.load(model)
    lines = [f"Two weights, {len(y)} {what} (`{model}`): log p(y) = {exact.evidence:.6f}.", "", HEAD]
    for method, name in METHODS.items():
        lines.append(row(name, exact, *fitted(derive(m, [("w",)], approximate={"w": method}), found.data, found.hyper)))
    return "\n".join(lines)


def main() -> None:
    """Print the tables, or write them."""
    both = (("poisson_regression", "counts", counts), ("logistic_regression", "binary labels", labels))
    shown(lambda: "\n\n".join(table(*one) for one in both), __doc__, MARKS)


if __name__ == "__main__":
    main()
