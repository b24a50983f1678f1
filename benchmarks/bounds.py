"""Compares the bounds and augmentations of logistic likelihoods with the exact posterior; not a test.

python benchmarks/bounds.py            # print the tables
python benchmarks/bounds.py --write    # put them into benchmarks/README.md

The exact values are computed here: two weights on a grid (trapezoidal sums of a smooth integrand that vanishes at the
borders), more of them by importance sampling from a Student t about the mode, with its standard error.
"""

from __future__ import annotations

import argparse
import re
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, multivariate_t

from cavi import models
from cavi.derive import Derived, Model, derive

README = Path(__file__).with_name("README.md")
MARKS = ("<!-- bounds -->", "<!-- end of bounds -->")
DRAWS = 400_000


@dataclass(frozen=True)
class Exact:
    """The posterior of a flat vector of weights: log evidence, mean, standard deviation, and the log joint itself."""

    evidence: float
    mean: np.ndarray
    sd: np.ndarray
    log_joint: object
    error: float


def labels(w: np.ndarray, design: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """log p(y, w) of binary labels for rows of weights."""
    scores = w @ design.T
    likelihood = (y * scores - np.logaddexp(0, scores)).sum(axis=1)
    return likelihood + prior(w, alpha)


def classes(w: np.ndarray, design: np.ndarray, y: np.ndarray, alpha: float, count: int) -> np.ndarray:
    """log p(y, w) of classes for rows of weights, class after class."""
    scores = np.einsum("skd,nd->snk", w.reshape(len(w), count, -1), design)
    chosen = scores[:, np.arange(len(y)), y.astype(int)]
    return (chosen - logsumexp(scores, axis=2)).sum(axis=1) + prior(w, alpha)


def prior(w: np.ndarray, alpha: float) -> np.ndarray:
    """Independent Normals of precision alpha."""
    return 0.5 * w.shape[1] * np.log(alpha / (2 * np.pi)) - 0.5 * alpha * (w**2).sum(axis=1)


def laplace(log_joint: object, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The mode, and the inverse of the curvature there by differences."""
    f = lambda w: -float(log_joint(w[None])[0])  # noqa: E731
    mode = minimize(f, np.zeros(size), method="BFGS", options={"gtol": 1e-8}).x
    step, eye = 1e-3, np.eye(size)
    points = np.array([mode + step * (s * a + t * b) for a in eye for b in eye for s in (1, -1) for t in (1, -1)])
    values = log_joint(points).reshape(size, size, 2, 2)
    bend = (values[..., 0, 0] - values[..., 0, 1] - values[..., 1, 0] + values[..., 1, 1]) / (4 * step**2)
    return mode, np.linalg.inv(-bend)


def on_grid(log_joint: object, points: int = 801, reach: float = 12.0) -> Exact:
    """Two weights on a grid along the axes of the curvature at the mode."""
    mode, cover = laplace(log_joint, 2)
    root = np.linalg.cholesky(cover)
    line = np.linspace(-reach, reach, points)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2) @ root.T + mode
    logs = np.concatenate([log_joint(part) for part in np.array_split(grid, 50)])
    total = logsumexp(logs)
    cell = 2 * np.log(line[1] - line[0]) + np.linalg.slogdet(root)[1]
    weights = np.exp(logs - total)
    mean = weights @ grid
    return Exact(total + cell, mean, np.sqrt(weights @ (grid - mean) ** 2), log_joint, 0.0)


def by_sampling(log_joint: object, size: int) -> Exact:
    """More weights by importance sampling."""
    mode, cover = laplace(log_joint, size)
    proposal = multivariate_t(mode, 1.2 * cover, df=8, seed=1)
    draws = proposal.rvs(DRAWS)
    logs = np.concatenate([log_joint(part) for part in np.array_split(draws, 50)]) - proposal.logpdf(draws)
    total = logsumexp(logs)
    weights = np.exp(logs - total)
    mean = weights @ draws
    relative = np.sqrt(np.var(np.exp(logs - logs.max())) / DRAWS) / np.exp(logs - logs.max()).mean()
    return Exact(total - np.log(DRAWS), mean, np.sqrt(weights @ (draws - mean) ** 2), log_joint, float(relative))


def fitted(d: Derived, data: Mapping[str, object], hyper: Mapping[str, object]) -> tuple[float, np.ndarray, np.ndarray]:
    """The bound of a run, and the mean and covariance of the weights, flat."""
    module = types.ModuleType(f"bounds_{id(d)}")
    sys.modules[module.__name__] = module
    exec(compile(d.numpy(), module.__name__, "exec"), module.__dict__)
    found = module.fit(data, hyper, {"K": 3} if "K" in module.SIZES else {}, seed=0, tol=1e-13, max_iter=20_000)
    q = found.params["w"]
    mean, precision = np.asarray(q["mean"]), np.asarray(q["precision"])
    if precision.ndim == 2 * mean.ndim:
        cover = np.linalg.inv(precision.reshape(mean.size, mean.size))
    else:  # one matrix a class
        size = mean.shape[-1]
        cover = np.zeros((mean.size, mean.size))
        for k, block in enumerate(precision):
            cover[k * size : (k + 1) * size, k * size : (k + 1) * size] = np.linalg.inv(block)
    return float(found.elbo), mean.ravel(), cover


def row(name: str, exact: Exact, elbo: float, mean: np.ndarray, cover: np.ndarray) -> str:
    """What a rule loses: log p(y) - L = KL(q ‖ posterior) + gap of the rule."""
    q = multivariate_normal(mean, cover, seed=2)
    draws = q.rvs(DRAWS)
    kl = exact.evidence - float((exact.log_joint(draws) - q.logpdf(draws)).mean())
    sd = np.sqrt(np.diag(cover))
    away = abs((mean - exact.mean) / exact.sd).max()
    return (
        f"| {name} | {elbo:.4f} | {exact.evidence - elbo:.4f} | {kl:.4f} | {exact.evidence - elbo - kl:.4f} | "
        f"{away:.3f} | {(sd / exact.sd).min():.3f} |"
    )


HEAD = (
    "| rule | bound | below log p(y) by | of that KL(q ‖ posterior) | of that gap of the rule | "
    "largest error of a mean, in sd | least ratio of sd |\n|---|---:|---:|---:|---:|---:|---:|"
)


def binary() -> str:
    """Two weights: the shuttle launches of the library."""
    from cavi.models.logistic_regression import logistic

    found = models.data("logistic_regression")
    design, y, alpha = found.data["X"], found.data["y"], float(found.hyper["alpha_0"])
    exact = on_grid(lambda w: labels(w, design, y, alpha))
    m = logistic("bounds", "Bounds")
    lines = [f"Two weights, {len(y)} binary labels (`logistic_regression`): log p(y) = {exact.evidence:.6f}.", "", HEAD]
    for name, given in (
        ("Jaakkola-Jordan", {"bounds": {"y": "jaakkola_jordan"}}),
        ("Pólya-Gamma", {"augment": {"y": "polya_gamma"}}),
        ("Böhning", {"bounds": {"y": "boehning"}}),
        ("Knowles-Minka, Saul-Jordan", {"bounds": {"y": "knowles_minka"}, "approximate": {"w": "cvi"}}),
    ):
        lines.append(row(name, exact, *fitted(derive(m, [("w",)], **given), found.data, found.hyper)))
    return "\n".join(lines)


def several() -> str:
    """Three classes by an intercept and one measurement."""
    found = models.data("multinomial_logistic_regression")
    design, y = np.asarray(found.data["X"])[:, [0, 3]], np.asarray(found.data["y"])
    alpha = float(found.hyper["alpha_0"])
    exact = by_sampling(lambda w: classes(w, design, y, alpha, 3), 6)
    m: Model = models.load("multinomial_logistic_regression")
    lines = [
        f"Six weights, {len(y)} labels of three classes (`multinomial_logistic_regression`, petal length): "
        f"log p(y) = {exact.evidence:.4f} ± {exact.error:.4f}.",
        "",
        HEAD,
    ]
    data = {"X": design, "y": y}
    for name, given in (
        ("Böhning", {"bounds": {"y": "boehning"}}),
        ("Bouchard", {"bounds": {"y": "bouchard"}}),
        ("Blei-Lafferty", {"bounds": {"y": "tangent"}, "approximate": {"w": "cvi"}}),
        ("Knowles-Minka", {"bounds": {"y": "knowles_minka"}, "approximate": {"w": "cvi"}}),
    ):
        lines.append(row(name, exact, *fitted(derive(m, [("w",)], **given), data, found.hyper)))
    return "\n".join(lines)


def shown(text: Callable[[], str], about: str | None, marks: tuple[str, str]) -> None:
    """Print a text and, with ``--write``, put it between its marks into the page of figures."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    made = text()
    print(made)
    if write:
        page = README.read_text(encoding="utf-8")
        new = f"{marks[0]}\n{made}\n{marks[1]}"
        README.write_text(re.sub(f"{marks[0]}.*?{marks[1]}", lambda _: new, page, flags=re.S), encoding="utf-8")


def main() -> None:
    """Print the tables, or write them."""
    shown(lambda: f"{binary()}\n\n{several()}", __doc__, MARKS)


if __name__ == "__main__":
    main()
