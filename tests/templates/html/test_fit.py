"""The page after a fit: what it shows is the fit, and the page is still self-contained."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from generated import run
from scipy import stats

from cavi import models
from cavi.derive.result import Derived
from cavi.templates.html import render
from cavi.templates.html.fit import _curves, fit_view
from cavi.templates.posterior import posteriors


def fitted(name: str) -> tuple[Derived, SimpleNamespace]:
    derived, data = models.derived(name), models.data(name)
    return derived, run(derived.numpy()).fit(data.data, data.hyper, data.sizes, seed=0, max_iter=3)


@pytest.mark.parametrize(
    "name", ["gaussian_mixture", "dynamic_level", "multivariate_regression", "gaussian_mixture_em"]
)
def test_the_page_shows_every_latent_and_loads_nothing(name: str) -> None:
    derived, found = fitted(name)
    text = render(derived, fit=found)
    section = text[text.index('<section id="fit">') : text.index('<section id="model">')]
    assert section.count("<h3>The posterior of") == len(found.params)
    assert f"{found.elbo:.10g}".replace("-", "−") in section
    state = "converged" if found.converged else "not converged"
    assert f"after {found.n_iter} sweeps, {state}." in section
    assert not re.search(r"https?:|url\(|\bsrc=|\bstyle=|\bon\w+=", section)
    for latent, parameters in found.params.items():
        for parameter in parameters:
            assert f"<code>{latent}.{parameter}</code>" in section


def test_without_a_fit_there_is_no_section() -> None:
    assert 'id="fit"' not in render(models.derived("normal"))


def test_the_table_is_of_the_fit() -> None:
    derived, found = fitted("gaussian_mixture")
    view = {p["family"]: p for p in fit_view(derived, found)["posteriors"]}
    tau = found.params["tau"]
    mean, spread = tau["shape"] / tau["rate"], np.sqrt(tau["shape"]) / tau["rate"]
    assert view["Gamma"]["rows"] == [(str(k + 1), f"{mean[k]:.5g}", f"{spread[k]:.5g}") for k in range(4)]
    assert view["Categorical"]["left_out"] == 82 * 4 - 40


def test_densities_are_those_of_scipy() -> None:
    derived = models.derived("gaussian_mixture")
    (p,) = [p for p in posteriors(derived) if p.latent == "tau"]
    q = {"shape": np.array([0.5, 3.0]), "rate": np.array([1.0, 2.0])}
    lines = list(_curves(p, q, *p.evaluated(q)))
    for (name, x, y), a, b in zip(lines, q["shape"], q["rate"], strict=True):
        assert name in "12"
        assert np.all(x > 0)
        assert y == pytest.approx(stats.gamma(a, scale=1 / b).pdf(x))
