"""Factor models, mixtures of regressions and factorial chains recover what simulated data were made of."""

import itertools

import numpy as np
from generated import generated

from cavi import models


def fit(name: str, data: dict, sizes: dict | None = None, hyper: dict | None = None, seeds: int = 1, **options):
    """The best run from some starts, with the library's hyperparameters."""
    given = models.data(name)
    module = generated(name)
    settings = {"max_iter": 2000, "tol": 1e-9, **options}
    runs = [module.fit(data, {**given.hyper, **(hyper or {})}, sizes, seed=s, **settings) for s in range(seeds)]
    return max(runs, key=lambda r: r.elbo)


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """The sine of the angle between two directions."""
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return float(np.sqrt(max(0.0, 1.0 - cosine**2)))


def test_factor_analysis_explains_the_sample_covariance() -> None:
    """Bishop (2006), 12.65: the covariance is W Wᵀ + Ψ, whichever rotation W has."""
    rng = np.random.default_rng(1)
    loadings, noise = rng.normal(size=(6, 2)), rng.uniform(0.2, 0.6, size=6)
    y = rng.normal(size=(3000, 2)) @ loadings.T + noise * rng.normal(size=(3000, 6))
    found = fit("factor_analysis", {"y": y}, {"Q": 2}, tol=1e-11, max_iter=2000).params
    w, psi = found["Lambda"]["mean"], found["psi"]["shape"] / found["psi"]["rate"]
    covariance = w @ w.T + np.diag(1 / psi)
    sample = np.cov(y.T)
    # A sample of 3000 knows each entry to about one part in thirty of the scale.
    assert np.abs(covariance - sample).max() < 3 / np.sqrt(3000) * np.abs(sample).max()
    np.testing.assert_allclose(psi**-0.5, noise, rtol=0.1)


def test_two_views_share_the_simulated_direction() -> None:
    """Klami, Virtanen and Kaski (2013): the shared factor is told from what each view has of its own."""
    rng = np.random.default_rng(2)
    z, own_1, own_2 = rng.normal(size=(3, 300))
    a_1, b_1 = np.array([1.0, -0.8, 0.6]), np.array([0.5, 0.9, 0.4])
    a_2, b_2 = np.array([0.9, 0.7, -0.5]), np.array([-0.4, 0.8, 0.7])
    noise = 0.1 * rng.normal(size=(2, 300, 3))
    data = {"x_1": np.outer(z, a_1) + np.outer(own_1, b_1) + noise[0]}
    data["x_2"] = np.outer(z, a_2) + np.outer(own_2, b_2) + noise[1]
    found = fit("canonical_correlation", data, {"Q": 1, "K": 1, "R": 1}, seeds=2, tol=1e-6).params
    assert angle(found["A_1"]["mean"][:, 0], a_1) < 0.15 and angle(found["A_2"]["mean"][:, 0], a_2) < 0.15
    assert abs(np.corrcoef(found["z"]["mean"][:, 0], z)[0, 1]) > 0.95


def test_factor_analysers_find_the_direction_of_each_cluster() -> None:
    """Ghahramani and Beal (2000): clusters that are long in different directions."""
    rng = np.random.default_rng(3)
    directions, centres = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, -0.5]]), np.array([[0.0, 0, 0], [4, 4, 4]])
    label = np.repeat([0, 1], 150)
    y = centres[label] + rng.normal(size=(300, 1)) * directions[label] + 0.1 * rng.normal(size=(300, 3))
    found = fit("mixture_of_factor_analysers", {"y": y}, {"K": 2, "Q": 1}, seeds=4).params
    guess = found["s"]["probs"].argmax(axis=1)
    order = [0, 1] if (guess == label).mean() > 0.5 else [1, 0]
    assert (np.asarray(order)[guess] == label).mean() > 0.99
    for truth, k in enumerate(order):
        assert angle(found["Lambda"]["mean"][k, :, 0], directions[truth]) < 0.05


def lines(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    phi = np.column_stack([np.ones(200), rng.uniform(-2, 2, 200)])
    return phi, np.array([[1.0, 1.5], [-0.5, -1.0]]), rng.integers(0, 2, 200)


def test_lines_are_told_apart() -> None:
    """Bishop (2006), 14.5.1: two lines through one cloud of points."""
    rng = np.random.default_rng(4)
    phi, w, label = lines(rng)
    t = (phi * w[label]).sum(axis=1) + 0.1 * rng.normal(size=200)
    found = fit("mixture_of_linear_regressions", {"phi": phi, "t": t}, {"K": 2}, seeds=6).params
    distance = min(np.abs(found["w"]["mean"][list(p)] - w).max() for p in itertools.permutations(range(2)))
    assert distance < 4 * 0.1 / np.sqrt(200 / 2)  # four standard errors of a regression on half of the points


def test_experts_with_certain_gates_are_separate_regressions() -> None:
    """With gates of zero and one every expert sees its own points only (Bishop 2006, 3.49-3.51 for each)."""
    rng = np.random.default_rng(5)
    phi, w, label = lines(rng)
    t = (phi * w[label]).sum(axis=1) + 0.1 * rng.normal(size=200)
    gates = np.eye(2)[label]
    found = fit("mixture_of_experts_fixed_gates", {"phi": phi, "g": gates, "t": t}, tol=1e-13).params
    kappa = models.data("mixture_of_experts_fixed_gates").hyper["kappa_0"]
    for k in range(2):
        own, beta = label == k, found["beta"]["shape"][k] / found["beta"]["rate"][k]
        precision = kappa * np.eye(2) + beta * phi[own].T @ phi[own]
        mean = beta * np.linalg.solve(precision, phi[own].T @ t[own])
        np.testing.assert_allclose(found["w"]["mean"][k], mean, rtol=1e-5)


def test_chains_that_add_up_are_taken_apart() -> None:
    """Ghahramani and Jordan (1997), section 4: the product of the chains' states is recovered."""
    rng = np.random.default_rng(6)
    states = np.zeros((2, 200), dtype=int)
    for c, t in itertools.product(range(2), range(1, 200)):
        states[c, t] = states[c, t - 1] if rng.random() < 0.95 else 1 - states[c, t - 1]
    levels = np.array([[[0.0, 0.0], [3.0, 0.5]], [[0.0, 0.0], [0.7, -2.0]]])
    signal = levels[0, states[0]] + levels[1, states[1]]
    y = signal + 0.2 * rng.normal(size=(200, 2))
    found = fit("factorial_hmm", {"y": y}, {"M": 2, "K": 2}, seeds=3, tol=1e-6, max_iter=100).params
    probs, w = found["s"]["probs"], found["W"]["mean"]
    fitted = np.einsum("ctk,ckd->td", probs, w)
    assert np.sqrt(np.mean((fitted - signal) ** 2)) < 0.1
    differences = np.abs(w[:, 1] - w[:, 0])
    expected = np.abs(levels[:, 1] - levels[:, 0])
    assert min(np.abs(differences[list(p)] - expected).max() for p in ([0, 1], [1, 0])) < 0.2


def test_left_out_ratings_are_predicted() -> None:
    """Salakhutdinov and Mnih (2008): what two vectors of length two make is found from four fifths of the table."""
    rng = np.random.default_rng(7)
    u, v = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    table = u @ v.T + 0.3 * rng.normal(size=(40, 30))
    seen = rng.random((40, 30)) < 0.8
    user, item = np.nonzero(seen)
    hyper = {"alpha": 1 / 0.3**2}
    data = {"R": table[seen], "user": user, "item": item}
    found = fit("matrix_factorisation_wishart", data, {"I": 40, "J": 30}, hyper).params
    error = (found["U"]["mean"] @ found["V"]["mean"].T - u @ v.T)[~seen]
    assert np.sqrt(np.mean(error**2)) < 0.3 / 2  # nearer to the truth than the noisy rating itself would be
