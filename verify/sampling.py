"""Random values of every family in float64, to make up data and latents for an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cavi.verify.arithmetic import doubles
from cavi.verify.density import FAMILIES, log_density

Args = Mapping[str, Any]
Draw = Callable[[np.random.Generator, Args], Any]


def draw(family: str, args: Args, rng: np.random.Generator) -> Any:
    """One value (a list for a vector-valued family) with the given float parameters."""
    if (base := family.removeprefix("ZeroInflated")) != family:
        return 0 if rng.random() < args["inflation"] else draw(base, args, rng)
    if (base := family.removeprefix("ZeroTruncated")) != family:
        return max(1, draw(base, args, rng))
    if (base := family.removeprefix("Hurdle")) != family:
        return max(1, draw(base, args, rng)) if rng.random() < args["crossing"] else 0
    if "Censored" in family:  # the limit where it is censored
        return draw(family.partition("Censored")[2], args, rng)
    return _DRAW[family](rng, args) if family in _DRAW else _by_table(family, args, rng)


def _by_table(family: str, args: Args, rng: np.random.Generator) -> float:
    """A value drawn in proportion to the density on a grid that covers the middle of the support."""
    t = np.linspace(-6, 6, 601)
    support = FAMILIES[family].support
    low, high = args.get("lower", -np.inf), args.get("upper", np.inf)
    if support == "outside":
        x = np.concatenate([low - np.exp(-t), high + np.exp(t)])
    elif support == "interval" and np.isfinite(low) and np.isfinite(high):
        x = low + (high - low) / (1 + np.exp(-t))
    elif support == "interval" and np.isfinite(low):
        x = low + np.exp(t)
    elif support == "interval" and np.isfinite(high):
        x = high - np.exp(t)
    else:
        x = np.exp(t)
    logs = log_density(doubles(), family, x, args) + np.log(np.abs(np.gradient(x)))
    weights = np.exp(logs - logs.max())
    return float(rng.choice(x, p=weights / weights.sum()))


def _wishart(rng: np.random.Generator, dof: float, scale: Any) -> Any:
    """Bartlett's decomposition."""
    size = len(scale)
    low = np.tril(rng.normal(size=(size, size)), -1) + np.diag([rng.chisquare(dof - i) ** 0.5 for i in range(size)])
    root = np.linalg.cholesky(scale) @ low
    return root @ root.T


_DRAW: dict[str, Draw] = {
    "Normal": lambda r, a: r.normal(a["mean"], a["precision"] ** -0.5),
    "MultivariateNormal": lambda r, a: r.multivariate_normal(a["mean"], np.linalg.inv(a["precision"])),
    "MatrixNormal": lambda r, a: r.multivariate_normal(
        np.ravel(a["mean"]), np.linalg.inv(np.kron(a["row_precision"], a["column_precision"]))
    ),
    "Wishart": lambda r, a: _wishart(r, a["dof"], np.asarray(a["scale"])),
    "InverseWishart": lambda r, a: np.linalg.inv(_wishart(r, a["dof"], np.linalg.inv(a["scale"]))),
    "HalfNormal": lambda r, a: abs(r.normal(0, a["precision"] ** -0.5)),
    "LogNormal": lambda r, a: r.lognormal(a["mean"], a["precision"] ** -0.5),
    "Laplace": lambda r, a: r.laplace(a["location"], a["scale"]),
    "StudentT": lambda r, a: a["mean"] + r.standard_t(a["dof"]) * a["precision"] ** -0.5,
    "AsymmetricLaplace": lambda r, a: (
        a["mean"] + a["scale"] * (r.exponential() / a["quantile"] - r.exponential() / (1 - a["quantile"]))
    ),
    "HalfCauchy": lambda r, a: abs(a["scale"] * r.standard_cauchy()),
    "InverseNakagami": lambda r, a: (a["scale"] / r.gamma(a["shape"], 1.0)) ** 0.5,
    "VonMises": lambda r, a: float(np.ravel(r.vonmises(a["mean"], a["concentration"]))[0]),
    "Gamma": lambda r, a: r.gamma(a["shape"], 1 / a["rate"]),
    "InverseGamma": lambda r, a: a["scale"] / r.gamma(a["shape"], 1.0),
    "Exponential": lambda r, a: r.exponential(1 / a["rate"]),
    "Weibull": lambda r, a: (r.exponential() / a["rate"]) ** (1 / a["shape"]),
    "Pareto": lambda r, a: a["minimum"] * (1 + r.pareto(a["shape"])),
    "Beta": lambda r, a: r.beta(a["a"], a["b"]),
    "Dirichlet": lambda r, a: list(r.dirichlet(a["concentration"])),
    "Bernoulli": lambda r, a: int(r.random() < a["prob"]),
    "Categorical": lambda r, a: int(r.choice(len(a["probs"]), p=np.array(a["probs"]) / np.sum(a["probs"]))),
    "Binomial": lambda r, a: int(r.binomial(int(a["total"]), a["prob"])),
    "BetaBinomial": lambda r, a: int(r.binomial(int(a["total"]), r.beta(a["a"], a["b"]))),
    "Poisson": lambda r, a: int(r.poisson(a["rate"])),
    "Geometric": lambda r, a: int(r.geometric(a["prob"])) - 1,
    "NegativeBinomial": lambda r, a: int(r.negative_binomial(a["number"], a["prob"])),
    "Multinomial": lambda r, a: [
        int(c) for c in r.multinomial(int(a["total"]), np.array(a["probs"]) / np.sum(a["probs"]))
    ],
    "DirichletMultinomial": lambda r, a: [
        int(c) for c in r.multinomial(int(a["total"]), r.dirichlet(a["concentration"]))
    ],
}
