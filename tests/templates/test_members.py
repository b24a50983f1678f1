"""Which parameters of a block of Normals are of a marginal and which of a density given others, on the page."""

from __future__ import annotations

import numpy as np
import pytest
from generated import run

from cavi import models
from cavi.derive import Gamma, Model, Normal, derive
from cavi.derive.result import Derived


def two_levels(factors: list[tuple[str, ...]]) -> Derived:
    m = Model("two_levels")
    n, g = m.index("n", "N"), m.index("g", "G")
    group = m.observed_index("group", n, over=g)
    u = m.latent("u", Normal(0, 1))
    b = m.latent("b", Normal(u, 2), g)
    m.observed("y", Normal(b[group[n]], 4), n)
    return derive(m, factors)


REMARK = r"Here $m_g^{(b)}$ is the mean of $q(b_g)$, and $\lambda_g^{(b)}$ the precision of $q(b_g \mid u)$."


def test_of_each_parameter_it_is_said_of_which_density_it_is() -> None:
    text = two_levels([("u", "b")]).latex()
    assert REMARK in text
    for row in (
        r"& mean of $q(u)$ &",
        r"& precision of $q(u)$ &",
        r"& mean of $q(b_g)$ &",
        r"& precision of $q(b_g \mid u)$ &",
        r"& coefficient of $u$ in the mean of $q(b_g \mid u)$ &",
    ):
        assert row in text
    assert " on u of" not in text


def test_the_korean_page_says_it() -> None:
    text = two_levels([("u", "b")]).latex(lang="ko")
    assert r"여기서 $m_g^{(b)}$는 $q(b_g)$의 평균이고, $\lambda_g^{(b)}$는 $q(b_g \mid u)$의 정밀도이다." in text
    assert r"& $q(b_g \mid u)$의 평균에 있는 $u$의 계수 &" in text


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_html_and_notebook_say_it(lang: str) -> None:
    derived = models.derived("mixed_model")
    said = {"en": ("Here ", " is the mean of "), "ko": ("여기서 ", "의 평균이고, ")}[lang]
    assert all(s in derived.html(lang=lang) for s in said)
    assert all(s in derived.notebook(lang=lang) for s in said)


def test_what_is_said_is_what_the_code_stores() -> None:
    """By the whole precision matrix of the block: its inverse has the marginals, its diagonal the conditionals."""
    group, y = np.array([0, 0, 1, 2, 2, 2]), np.array([1.0, 2.0, -1.0, 0.5, 1.5, 0.3])
    fit = run(two_levels([("u", "b")]).numpy()).fit({"group": group, "y": y}, {}, {"G": 3})
    counts = np.bincount(group)
    whole = np.diag(np.concatenate([[1 + 2 * 3], 2 + 4.0 * counts]))
    whole[0, 1:] = whole[1:, 0] = -2.0
    means = np.linalg.solve(whole, np.concatenate([[0.0], 4 * np.bincount(group, y)]))
    assert fit.params["b"]["mean"] == pytest.approx(means[1:])
    assert fit.params["u"]["mean"] == pytest.approx(means[0])
    assert fit.params["b"]["precision"] == pytest.approx(np.diag(whole)[1:])
    assert fit.params["u"]["precision"] == pytest.approx(1 / np.linalg.inv(whole)[0, 0])


def test_nothing_is_said_where_there_is_nothing_to_tell_apart() -> None:
    assert "Here $" not in two_levels([("u",), ("b",)]).latex()
    m = Model("scaled")  # what is stored of mu is a factor of its precision
    n = m.index("n", "N")
    tau = m.latent("tau", Gamma(2, 1))
    u = m.latent("u", Normal(0, tau))
    mu = m.latent("mu", Normal(u, tau))
    m.observed("x", Normal(mu, tau), n)
    assert "Here $" not in derive(m, [("mu", "u", "tau")]).latex()
