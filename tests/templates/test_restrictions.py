"""Which pairs are kept stands beside the plates; what is left of a weight is a number of copies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cavi.derive import Gamma, Index, Model, Poisson, derive, distinct
from cavi.templates.latex import render

PAIRS: dict[str, Callable[[Index, Index], object]] = {
    "i < j": lambda i, j: i < j,
    "j < i": lambda i, j: j < i,
    r"i \neq j": distinct,
}


def declared(where: Callable[[Index, Index], object] | None, weighted: bool) -> str:
    """The line that declares the pairs, as it stands in the article."""
    m = Model("pairs")
    i, j = m.index("i", "N"), m.index("j", "N")
    w = m.covariate("w", i, j)
    a = m.latent("a", Gamma(1, 1))
    kept = None if where is None else where(i, j)
    m.observed("y", Poisson(a), i, j, where=kept, weight=w[i, j] if weighted else None)
    (line,) = [s for s in render(derive(m)).splitlines() if r"y_{ij} \mid a &\sim" in s]
    return line


@pytest.mark.parametrize("condition", PAIRS)
@pytest.mark.parametrize("weighted", [False, True])
def test_kept_pairs_stand_beside_the_plates(condition: str, weighted: bool) -> None:
    distribution, plates = declared(PAIRS[condition], weighted).split("&&")
    assert plates.replace("\\\\", "").rstrip().endswith(f",{condition}")
    assert (r"w_{ij}\,\text{times)}" in distribution) == weighted
    assert "[" not in distribution


def test_without_a_condition_there_is_none() -> None:
    distribution, plates = declared(None, True).split("&&")
    assert "<" not in plates
    assert r"\neq" not in plates
    assert r"\text{(}w_{ij}\,\text{times)}" in distribution
