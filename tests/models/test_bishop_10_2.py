"""The Bayesian mixture of Gaussians of Bishop (2006), section 10.2, term by term, written by hand from the book."""

from types import SimpleNamespace

import numpy as np
import pytest
from generated import generated
from scipy.special import digamma, gammaln

N, K, D = 13, 3, 2


def log_c(alpha: np.ndarray) -> float:
    """B.23: the normaliser of a Dirichlet."""
    return gammaln(alpha.sum()) - gammaln(alpha).sum()


def log_b(w: np.ndarray, nu: float) -> float:
    """B.79: the normaliser of a Wishart."""
    i = np.arange(1, D + 1)
    gammas = gammaln((nu + 1 - i) / 2).sum()
    return -nu / 2 * np.linalg.slogdet(w)[1] - nu * D / 2 * np.log(2) - D * (D - 1) / 4 * np.log(np.pi) - gammas


@pytest.fixture(scope="module")
def run() -> SimpleNamespace:
    """A state far from any optimum, and what the book computes at the same place.

    The first half of the sweep (10.58-10.63) is taken from random responsibilities; the ELBO is compared afterwards
    with other random responsibilities, so that no term is simplified by being optimal.
    """
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, D)) @ np.array([[1.0, 0.4], [0.0, 0.7]]) + rng.integers(0, 3, size=(N, 1))
    root = rng.normal(size=(D, D))
    hyper = {"alpha_0": 0.7, "beta_0": 0.3, "nu_0": 4.5, "m_0": np.array([0.4, -0.8]), "W_0": root @ root.T + np.eye(D)}
    module = generated("gaussian_mixture_full")
    r = rng.dirichlet(np.ones(K), size=N)
    state = module.State(*module.prepare({"x": x}, hyper, {"K": K}))
    module.initialise(state, {"z": {"probs": r}}, rng)
    joint = next(f for f in module.UPDATES if "mu" in f)
    module.UPDATES["pi"](state)
    module.UPDATES[joint](state)
    return SimpleNamespace(module=module, state=state, x=x, r=r, hyper=hyper, rng=rng, joint=joint)


def moments(x: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """10.51-10.53: the counts, means and covariances of the responsibilities."""
    count = r.sum(axis=0)
    mean = r.T @ x / count[:, None]
    centred = x[:, None, :] - mean
    return count, mean, np.einsum("nk,nkd,nke->kde", r, centred, centred) / count[:, None, None]


@pytest.fixture(scope="module")
def book(run: SimpleNamespace) -> SimpleNamespace:
    """10.58 and 10.60-10.63, 10.65, 10.66."""
    h, (count, mean, s) = run.hyper, moments(run.x, run.r)
    alpha, beta, nu = h["alpha_0"] + count, h["beta_0"] + count, h["nu_0"] + count
    m = (h["beta_0"] * h["m_0"] + count[:, None] * mean) / beta[:, None]
    away = mean - h["m_0"]
    inverse = np.linalg.inv(h["W_0"]) + count[:, None, None] * s
    inverse += (h["beta_0"] * count / beta)[:, None, None] * np.einsum("kd,ke->kde", away, away)
    w = np.linalg.inv(inverse)
    i = np.arange(1, D + 1)
    log_lambda = digamma((nu[:, None] + 1 - i) / 2).sum(axis=1) + D * np.log(2) + np.linalg.slogdet(w)[1]
    log_pi = digamma(alpha) - digamma(alpha.sum())
    return SimpleNamespace(alpha=alpha, beta=beta, nu=nu, m=m, w=w, log_lambda=log_lambda, log_pi=log_pi)


def test_the_m_step(run: SimpleNamespace, book: SimpleNamespace) -> None:
    """10.58, 10.60-10.63."""
    p = run.state.params
    np.testing.assert_allclose(p["pi"]["concentration"], book.alpha, rtol=1e-12)
    np.testing.assert_allclose(p["mu"]["precision"], book.beta, rtol=1e-12)
    np.testing.assert_allclose(p["mu"]["mean"], book.m, rtol=1e-10)
    np.testing.assert_allclose(p["Lambda"]["dof"], book.nu, rtol=1e-12)
    np.testing.assert_allclose(p["Lambda"]["scale"], book.w, rtol=1e-9)


def test_the_e_step(run: SimpleNamespace, book: SimpleNamespace) -> None:
    """10.46 and 10.49 with 10.64-10.66."""
    run.module.UPDATES["z"](run.state)
    away = run.x[:, None, :] - book.m
    distance = D / book.beta + book.nu * np.einsum("nkd,kde,nke->nk", away, book.w, away)
    log_rho = book.log_pi + book.log_lambda / 2 - D / 2 * np.log(2 * np.pi) - distance / 2
    rho = np.exp(log_rho - log_rho.max(axis=1, keepdims=True))
    np.testing.assert_allclose(run.state.params["z"]["probs"], rho / rho.sum(axis=1, keepdims=True), rtol=1e-10)


def test_the_bound_term_by_term(run: SimpleNamespace, book: SimpleNamespace) -> None:
    """10.71-10.77, at responsibilities that are not those of the E step."""
    r, h = run.rng.dirichlet(np.ones(K), size=N), run.hyper
    run.state.store("z", probs=r)
    run.state.refresh("z")
    found = run.module.elbo_terms(run.state)
    count, mean, s = moments(run.x, r)
    off, away = mean - book.m, book.m - h["m_0"]
    quadratic = np.einsum("kd,kde,ke->k", off, book.w, off)
    likelihood = book.log_lambda - D / book.beta - book.nu * np.einsum("kde,ked->k", s, book.w)
    likelihood = 0.5 * (count * (likelihood - book.nu * quadratic - D * np.log(2 * np.pi))).sum()  # 10.71
    assignments = (r * book.log_pi).sum()  # 10.72
    weights = log_c(np.full(K, h["alpha_0"])) + (h["alpha_0"] - 1) * book.log_pi.sum()  # 10.73
    centre = D * np.log(h["beta_0"] / (2 * np.pi)) + book.log_lambda - D * h["beta_0"] / book.beta
    centre -= h["beta_0"] * book.nu * np.einsum("kd,kde,ke->k", away, book.w, away)
    spread = K * log_b(h["W_0"], h["nu_0"]) + (h["nu_0"] - D - 1) / 2 * book.log_lambda.sum()
    spread -= 0.5 * (book.nu * np.einsum("de,ked->k", np.linalg.inv(h["W_0"]), book.w)).sum()  # 10.74 is both parts
    q_assignments = (r * np.log(r)).sum()  # 10.75
    q_weights = ((book.alpha - 1) * book.log_pi).sum() + log_c(book.alpha)  # 10.76
    normalisers = np.array([log_b(w, nu) for w, nu in zip(book.w, book.nu, strict=True)])
    entropy = -normalisers - (book.nu - D - 1) / 2 * book.log_lambda + book.nu * D / 2  # B.82
    q_clusters = (book.log_lambda / 2 + D / 2 * np.log(book.beta / (2 * np.pi)) - D / 2 - entropy).sum()  # 10.77
    expected = {
        "E[log p(x)]": likelihood,
        "E[log p(z)]": assignments,
        "E[log p(pi)]": weights,
        "E[log p(mu)]": centre.sum() / 2,
        "E[log p(Lambda)]": spread,
        "H[q(z)]": -q_assignments,
        "H[q(pi)]": -q_weights,
        f"H[q({run.joint})]": -q_clusters,
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-10), name
    assert run.module.elbo(run.state) == pytest.approx(sum(expected.values()), rel=1e-10)
