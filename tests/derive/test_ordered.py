"""Ordered categories between cutpoints: probabilities against McCullagh's formula, inference, and what is refused."""

import numpy as np
import pytest
from brute import World
from generated import run
from scipy.stats import gamma, norm

from cavi.derive import (
    Beta,
    Categorical,
    DeclarationError,
    Gamma,
    Model,
    Normal,
    derive,
    dot,
    ordered_logistic,
)
from cavi.derive.log_joint import log_density
from cavi.templates.language import read_model, write_model
from cavi.verify import verify

K, D = 4, 2


def answers(**given: object) -> Model:
    m = Model("answers")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    x = m.covariate("X", n, d)
    w, c = m.latent("w", Normal(0, 1), d), m.latent("c", Normal(0, 1))
    h = given.get("widths", Gamma(2, 1))
    m.observed("y", Categorical(ordered_logistic(dot(w, x[n]), c, m.latent("h", h, k))), n)
    return m


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_log_density_is_that_of_differences_between_cutpoints() -> None:
    rng = np.random.default_rng(0)
    x, w, c, h = rng.normal(size=(K, D)), rng.normal(size=D), rng.normal(), rng.gamma(2, 1, K)
    cuts = c + np.concatenate([[0], np.cumsum(h[1:-1])])
    below = np.concatenate([np.zeros((K, 1)), logistic(cuts - (x @ w)[:, None]), np.ones((K, 1))], axis=1)
    expected = np.log(np.diff(below, axis=1)[np.arange(K), np.arange(K)])
    m = answers()
    world = World({"N": K, "D": D, "K": K}, {"X": x, "w": w, "c": np.array(c), "h": h, "y": np.arange(K)})
    (n,) = m.variable("y").plates
    found = [world.value(log_density(m.variable("y"), m), {n: i}) for i in range(K)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_bound_is_below_the_evidence_and_the_means_are_those_of_the_posterior() -> None:
    """Three categories at a known location: a lowest cutpoint and one width, on a grid of both."""
    m = Model("three")
    n, k = m.index("n", "N"), m.index("k", "K")
    x = m.covariate("x", n)
    c, h = m.latent("c", Normal(0, 1)), m.latent("h", Gamma(2, 1), k)
    m.observed("y", Categorical(ordered_logistic(x[n], c, h)), n)
    rng = np.random.default_rng(1)
    at = rng.normal(0, 2, 40)
    y = (at + rng.logistic(size=40) > np.array([[-0.5], [1.5]])).sum(axis=0)
    fit = run(derive(m, relax="auto").numpy()).fit({"x": at, "y": y}, {}, {"K": 3}, tol=1e-12)

    first, width = np.linspace(-4, 4, 400)[:, None], np.linspace(1e-3, 8, 800)
    log_joint = norm.logpdf(first) + gamma.logpdf(width, 2)
    for a, b in zip(at, y, strict=True):
        low, high = logistic(first - a), logistic(first + width - a)
        log_joint = log_joint + np.log((low + 0 * high, high - low, 1 - high)[b])
    cell = (8 / 399) * ((8 - 1e-3) / 799)
    density = np.exp(log_joint - log_joint.max())
    evidence = np.log(density.sum() * cell) + log_joint.max()
    share = density / density.sum()
    for found, grid in ((fit.params["c"]["mean"], first), (fit.params["h"]["mean"][1], width)):
        mean = (share * grid).sum()
        assert abs(found - mean) < 0.35 * np.sqrt((share * (grid - mean) ** 2).sum())
    assert evidence - 1.0 < fit.elbo < evidence
    np.testing.assert_allclose(fit.params["h"]["mean"][[0, 2]], 2.0, rtol=1e-8)  # open categories keep the prior


def test_widths_that_are_nearly_zero_leave_the_bound_finite() -> None:
    m = Model("narrow")
    n, k = m.index("n", "N"), m.index("k", "K")
    a = m.hyper("a_0")
    c, h = m.latent("c", Normal(0, 1)), m.latent("h", Gamma(a, 1), k)
    m.observed("y", Categorical(ordered_logistic(0, c, h)), n)
    module = run(derive(m, relax="auto").numpy())
    for shape in (1e-1, 1e-2):  # no answer is in category 1, whose width has most of its mass below 1e-100
        fit = module.fit({"y": np.array([0, 2, 3, 3])}, {"a_0": shape}, {"K": 4})
        assert np.isfinite(fit.elbo) and np.diff(fit.elbo_trace).min() > -1e-9


def test_the_evidence_of_verify() -> None:
    report = verify(derive(answers(), bounds={"y": "jaakkola_jordan"}, approximate={"h": "quadrature"}), 15, code=False)
    assert report.ok, str(report)


def test_the_text_reads_back() -> None:
    m = answers()
    text = write_model(m)
    assert "Categorical(ordered_logistic(dot(w, X[n]), c, h))" in text
    assert write_model(read_model(text)) == text


def test_what_is_refused() -> None:
    m = Model("refused")
    k = m.index("k", "K")
    c, h = m.latent("c", Normal(0, 1), k), m.latent("h", Gamma(1, 1), k)
    with pytest.raises(DeclarationError, match=r"the first cutpoint c has the open index k; .* for example c\[k\]"):
        ordered_logistic(0, c, h)
    with pytest.raises(DeclarationError, match="ordered_logistic"):
        ordered_logistic(0, c[k], h[k])
    with pytest.raises(DeclarationError, match="expected a positive"):
        answers(widths=Normal(0, 1))


def test_a_width_may_be_a_probability() -> None:
    assert derive(answers(widths=Beta(2, 2)), relax="auto").update("h")
