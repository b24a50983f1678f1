"""Models with maximised parameters of some of which data may say nothing, with such data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Derived,
    Dirichlet,
    Exponential,
    Index,
    Model,
    Multinomial,
    MultivariateNormal,
    Normal,
    Poisson,
    derive,
    dot,
    stick_breaking,
)

Data = dict[str, Any]


def groups(name: str) -> tuple[Model, Index, Index, Any]:
    """Rows that each belong to a group."""
    m = Model(name)
    n, g = m.index("n", "N"), m.index("g", "G")
    return m, n, g, m.observed_index("of", n, over=g)


def sticks() -> Derived:
    """The last part of a stick is what the others leave: its break has no data."""
    m = Model("sticks")
    k, n = m.index("k", "K"), m.index("n", "N")
    b = m.point("b", k)
    m.observed("x", Multinomial(1, stick_breaking(b)), n)
    return derive(m)


def rates() -> Derived:
    m, n, g, of = groups("rates")
    m.observed("x", Poisson(m.point("r", g)[of[n]]), n)
    return derive(m)


def waits() -> Derived:
    m, n, g, of = groups("waits")
    m.observed("x", Exponential(m.point("r", g)[of[n]]), n)
    return derive(m)


def shares() -> Derived:
    m, n, g, of = groups("shares")
    m.observed("x", Bernoulli(m.point("p", g)[of[n]]), n)
    return derive(m)


def categories() -> Derived:
    m, n, g, of = groups("categories")
    p = m.point("p", g, over=m.index("k", "K"))
    m.observed("x", Categorical(p[of[n]]), n)
    return derive(m)


def normals() -> Derived:
    m, n, g, of = groups("normals")
    mu, tau = m.point("mu", g), m.point("tau", g)
    m.observed("x", Normal(mu[of[n]], tau[of[n]]), n)
    return derive(m)


def variances() -> Derived:
    m, n, g, of = groups("variances")
    mu, v = m.latent("mu", Normal(0, 1), g), m.point("v", g)
    m.observed("x", Normal(mu[of[n]], variance=v[of[n]]), n)
    return derive(m)


def precisions() -> Derived:
    m, n, g, of = groups("precisions")
    d = m.index("d", "D")
    mu, matrix = m.point("mu", g, d), m.point("L", g, d, m.index("e", "D"), support="positive_definite")
    m.observed("x", MultivariateNormal(mu[of[n]], matrix[of[n]], over=d), n)
    return derive(m)


def regressions() -> Derived:
    m, n, g, of = groups("regressions")
    d = m.index("d", "D")
    x, w = m.covariate("X", n, d), m.point("w", g, d)
    m.observed("y", Normal(dot(w[of[n]], x[n]), m.hyper("tau")), n)
    return derive(m, [("w",)])


def weighed() -> Derived:
    """Rows that may all have the weight zero."""
    m = Model("weighed")
    n, k = m.index("n", "N"), m.index("k", "K")
    weight = m.covariate("weight", n)
    m.observed("x", Categorical(m.point("p", over=k)), n, weight=weight[n])
    return derive(m)


def matrix() -> Derived:
    m = Model("matrix")
    n, d = m.index("n", "N"), m.index("d", "D")
    found = m.point("L", d, m.index("e", "D"), support="positive_definite")
    m.observed("x", MultivariateNormal(m.hyper("mu"), found, over=d), n)
    return derive(m)


def with_beta_prior() -> Derived:
    m = Model("with_beta_prior")
    n = m.index("n", "N")
    p = m.point("p", Beta(*m.hyper("a b")))
    m.observed("x", Bernoulli(p), n)
    return derive(m)


def with_dirichlet_prior() -> Derived:
    m = Model("with_dirichlet_prior")
    n, k = m.index("n", "N"), m.index("k", "K")
    p = m.point("p", Dirichlet(m.hyper("a"), over=k))
    m.observed("x", Categorical(p), n)
    return derive(m)


_OF = np.array([0] * 6 + [2] * 6)  # nobody is in groups 1 and 3
_NUMBERS = np.random.default_rng(0).normal(size=(12, 2))
_SIZES = {"G": 4}
_EYE = np.eye(2)


@dataclass(frozen=True)
class Untold:
    """A model with data that say nothing of some elements of points.

    Attributes:
        points: name -> the elements, the value at which each starts where nothing is given, and another one.
    """

    declare: Callable[[], Derived]
    data: Data
    points: dict[str, tuple[list[int], Any, Any]]
    hyper: Data = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=lambda: _SIZES)


_HALVES = {"x": np.arange(12) // 6, "of": _OF}
_REALS = {"x": _NUMBERS[:, 0], "of": _OF}
_ROWS = {"X": _NUMBERS, "y": _NUMBERS[::-1, 0], "of": _OF}
UNTOLD = {
    "sticks": Untold(sticks, {"x": np.eye(4)[[0, 1, 1]]}, {"b": ([2, 3], 0.5, 0.3)}, sizes={}),
    "rates": Untold(rates, _HALVES, {"r": ([1, 3], 1.0, 3.0)}),
    "waits": Untold(waits, {"x": np.arange(1.0, 13.0), "of": _OF}, {"r": ([1, 3], 1.0, 3.0)}),
    "shares": Untold(shares, _HALVES, {"p": ([1, 3], 0.5, 0.3)}),
    "categories": Untold(categories, _HALVES, {"p": ([1, 3], 1 / 3, [0.2, 0.3, 0.5])}, sizes={"K": 3, **_SIZES}),
    "normals": Untold(normals, _REALS, {"mu": ([1, 3], 0.0, 3.0), "tau": ([1, 3], 1.0, 3.0)}),
    "variances": Untold(variances, _REALS, {"v": ([1, 3], 1.0, 3.0)}),
    "precisions": Untold(
        precisions, {"x": _NUMBERS, "of": _OF}, {"mu": ([1, 3], 0.0, 3.0), "L": ([1, 3], _EYE, _EYE + 1.0)}
    ),
    "regressions": Untold(regressions, _ROWS, {"w": ([1, 3], 0.0, 3.0)}, {"tau": 2.0}),
    "weighed": Untold(
        weighed,
        {"x": np.array([0, 0, 1]), "weight": np.zeros(3)},
        {"p": ([0, 1, 2], 1 / 3, [0.2, 0.3, 0.5])},
        sizes={"K": 3},
    ),
}
