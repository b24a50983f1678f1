"""The hidden Markov models: chains against enumeration, emissions against the textbook, fits against published ones."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.special import digamma, gammaln, logsumexp, multigammaln

from cavi import models
from cavi.models._files import table

FAMILIES = {
    "hmm_categorical": {"pi": "Dirichlet", "A": "Dirichlet", "C": "Dirichlet", "s": "Categorical"},
    "hmm_poisson": {"delta": "Dirichlet", "Gamma": "Dirichlet", "lam": "Gamma", "c": "Categorical"},
    "hmm_gaussian": {"pi": "Dirichlet", "A": "Dirichlet", "z": "Categorical"},
    "hmm_autoregression": {"xi": "Dirichlet", "tau": "Gamma", "s": "Categorical"},
}


def fitted(name: str, *, data=None, hyper=None, sizes=None, seed=0, **options):
    found = models.data(name)
    given = {**found.data, **(data or {})}, {**found.hyper, **(hyper or {})}, {**found.sizes, **(sizes or {})}
    return generated(name).fit(*given, seed=seed, **options)


def expected_log(concentration: np.ndarray) -> np.ndarray:
    return digamma(concentration) - digamma(concentration.sum(axis=-1, keepdims=True))


def enumerated(initial: np.ndarray, step: np.ndarray, emission: np.ndarray, start: np.ndarray):
    """Marginals, expected transitions and entropy of the states, by listing every path."""
    length, states = emission.shape
    paths = np.array(list(itertools.product(range(states), repeat=length)))
    log_q = emission[np.arange(length), paths].sum(axis=1)
    for t in range(length):
        log_q += initial[paths[:, t]] if start[t] else step[paths[:, t - 1], paths[:, t]]
    log_q -= logsumexp(log_q)
    q = np.exp(log_q)
    marginal = np.stack([q @ (paths == k) for k in range(states)], axis=1)
    moves = np.zeros((states, states))
    for t in np.flatnonzero(start == 0):
        np.add.at(moves, (paths[:, t - 1], paths[:, t]), q)
    return marginal, moves, -(q @ log_q)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_factors_have_the_families_of_the_textbook(name: str) -> None:
    derived = derived_model(name)
    for factor, family in FAMILIES[name].items():
        assert derived.update(factor).families[factor] == family


def test_the_emissions_of_the_gaussian_chain_are_normal_wishart() -> None:
    """Bishop (2006), 10.59."""
    families = derived_model("hmm_gaussian").update("mu").families
    assert families == {"Lambda": "Wishart", "mu": "MultivariateNormal"}


def test_the_forward_backward_pass_agrees_with_every_path_listed() -> None:
    """Beal (2003), 3.4: q of the path is a chain with exp(E log A), exp(E log C) in place of A and C."""
    words = models.data("hmm_categorical").data
    y, start = words["y"][:9].astype(int), words["start"][:9]
    assert start.sum() == 3
    found = fitted("hmm_categorical", data={"y": y, "start": start}, max_iter=5000, tol=1e-14)
    pi, a, c = (found.params[n]["concentration"] for n in ("pi", "A", "C"))
    emission = expected_log(c)[:, y].T
    marginal, moves, _ = enumerated(expected_log(pi), expected_log(a), emission, start)
    np.testing.assert_allclose(found.params["s"]["probs"], marginal, atol=1e-6)
    np.testing.assert_allclose(a, 1.0 + moves, atol=1e-6)
    np.testing.assert_allclose(pi, 1.0 + start @ marginal, atol=1e-6)


def test_the_bound_of_the_chain_is_that_of_the_listed_paths() -> None:
    """Beal (2003), 3.4: the entropy of the chain and its expected log joint, every term by hand."""
    x = models.data("hmm_poisson").data["x"][:7]
    found = fitted("hmm_poisson", data={"x": x}, max_iter=5000, tol=1e-14)
    shape, rate = found.params["lam"]["shape"], found.params["lam"]["rate"]
    emission = x[:, None] * (digamma(shape) - np.log(rate)) - shape / rate
    delta, gamma = (expected_log(found.params[n]["concentration"]) for n in ("delta", "Gamma"))
    first = np.arange(7) == 0
    marginal, moves, entropy = enumerated(delta, gamma, emission, first)
    np.testing.assert_allclose(found.params["c"]["probs"], marginal, atol=1e-6)
    np.testing.assert_allclose(shape, 2.0 + x @ marginal, rtol=1e-6)
    bound = entropy + (marginal * emission).sum() - gammaln(x + 1).sum() + marginal[0] @ delta + (moves * gamma).sum()
    for q in [found.params["delta"]["concentration"], *found.params["Gamma"]["concentration"]]:
        bound -= gammaln(q.sum()) - gammaln(q).sum() + ((q - 1) * expected_log(q)).sum() - gammaln(3)
    log_rate = digamma(shape) - np.log(rate)
    bound -= (shape * np.log(rate) - gammaln(shape) + (shape - 2.0) * log_rate - shape / rate * (rate - 0.1)).sum()
    bound += 3 * (2 * np.log(0.1) - gammaln(2.0))
    assert found.elbo == pytest.approx(bound, rel=1e-9)


def test_earthquakes_have_the_published_rates() -> None:
    """Zucchini and MacDonald (2009), chapter 3: three states of rates 13.1, 19.7 and 29.7, log-likelihood -329.46."""
    found = fitted("hmm_poisson", tol=1e-10)
    rates = np.sort(found.params["lam"]["shape"] / found.params["lam"]["rate"])
    np.testing.assert_allclose(rates, [13.146, 19.721, 29.714], rtol=0.02)
    assert -360 < found.elbo < -329.46
    assert found.elbo > max(fitted("hmm_poisson", sizes={"K": k}).elbo for k in (1, 2))


def test_one_state_of_counts_has_the_exact_evidence() -> None:
    """Gelman et al. (2013), 2.6: Poisson counts with a Gamma rate."""
    x = models.data("hmm_poisson").data["x"]
    a, b = 2.0, 0.1
    shape, rate = a + x.sum(), b + len(x)
    evidence = a * np.log(b) - gammaln(a) + gammaln(shape) - shape * np.log(rate) - gammaln(x + 1).sum()
    assert fitted("hmm_poisson", sizes={"K": 1}).elbo == pytest.approx(evidence, rel=1e-12)


def test_the_letters_spell_the_vocabulary() -> None:
    words = (Path(models.__file__).parent / "data" / "library_words_vocabulary.txt").read_text().split()
    data = models.data("hmm_categorical").data
    spelt = "".join(chr(97 + int(c)) for c in data["y"])
    starts = [*np.flatnonzero(data["start"]), len(spelt)]
    assert [spelt[a:b] for a, b in itertools.pairwise(starts)] == words


def test_letters_fall_into_vowels_and_consonants_that_alternate() -> None:
    """Cave and Neuwirth (1980): two states of English letters are the vowels and the consonants."""
    found = fitted("hmm_categorical", tol=1e-8)
    letters = found.params["C"]["concentration"]
    move = found.params["A"]["concentration"] / found.params["A"]["concentration"].sum(axis=1, keepdims=True)
    vowel = int(letters[:, ord("e") - 97].argmax())
    state = (letters / letters.sum(axis=1, keepdims=True)).argmax(axis=0)
    assert all(state[ord(c) - 97] == vowel for c in "aeiouy")
    assert all(state[ord(c) - 97] != vowel for c in "bcdfhjklmnpqrstvwxz")
    assert move[vowel, 1 - vowel] > 0.7 and move[1 - vowel, vowel] > 0.7


def test_words_of_one_letter_are_a_mixture() -> None:
    """With every position a start, the chain has no links and is a latent class model of one item."""
    y = models.data("hmm_categorical").data["y"][:200]
    begin = np.random.default_rng(3).dirichlet(np.ones(2), size=200)
    chain = fitted(
        "hmm_categorical",
        data={"y": y, "start": np.ones(200)},
        init={"s": {"probs": begin}},
        max_iter=3000,
        tol=1e-13,
    )
    mixture = generated("latent_class").fit(
        {"y": y[:, None]},
        {"alpha_0": 1.0, "beta_0": 0.5},
        {"K": 2, "V": 26},
        init={"z": {"probs": begin}},
        max_iter=3000,
        tol=1e-13,
    )
    assert chain.elbo == pytest.approx(mixture.elbo, rel=1e-9)
    np.testing.assert_allclose(chain.params["A"]["concentration"], 1.0)


def test_the_gaussian_emissions_follow_from_the_responsibilities() -> None:
    """Bishop (2006), 10.51-10.53 and 10.60-10.63."""
    found, data = fitted("hmm_gaussian", seed=1, tol=1e-13, max_iter=3000), models.data("hmm_gaussian")
    x, r = data.data["x"], found.params["z"]["probs"]
    counts = r.sum(axis=0)
    means = (r.T @ x) / counts[:, None]
    np.testing.assert_allclose(found.params["mu"]["precision"], 0.1 + counts, rtol=1e-6)
    np.testing.assert_allclose(found.params["Lambda"]["dof"], 3.0 + counts, rtol=1e-6)
    np.testing.assert_allclose(found.params["mu"]["mean"], counts[:, None] * means / (0.1 + counts)[:, None], rtol=1e-5)
    for k in range(2):
        centred = x - means[k]
        inverse = np.eye(2) + (r[:, k, None] * centred).T @ centred
        inverse += 0.1 * counts[k] / (0.1 + counts[k]) * np.outer(means[k], means[k])
        np.testing.assert_allclose(np.linalg.inv(found.params["Lambda"]["scale"][k]), inverse, rtol=1e-5)


def test_one_state_of_vectors_has_the_exact_evidence() -> None:
    """Murphy (2007), Conjugate Bayesian analysis of the Gaussian distribution, equation 266."""
    x = models.data("hmm_gaussian").data["x"]
    n, d, kappa, nu = len(x), 2, 0.1, 3.0
    mean = x.mean(axis=0)
    inverse = np.eye(2) + (x - mean).T @ (x - mean) + kappa * n / (kappa + n) * np.outer(mean, mean)
    evidence = -n * d / 2 * np.log(np.pi) + multigammaln((nu + n) / 2, d) - multigammaln(nu / 2, d)
    evidence += -(nu + n) / 2 * np.linalg.slogdet(inverse)[1] + d / 2 * np.log(kappa / (kappa + n))
    assert fitted("hmm_gaussian", sizes={"K": 1}).elbo == pytest.approx(evidence, rel=1e-12)


def test_recessions_are_one_state() -> None:
    """Hamilton (1989): the state of low growth and rising unemployment holds the recessions dated by the NBER."""
    found = max((fitted("hmm_gaussian", seed=s) for s in range(3)), key=lambda f: f.elbo)
    low = int(found.params["mu"]["mean"][:, 0].argmin())
    assert found.params["mu"]["mean"][low, 1] > found.params["mu"]["mean"][1 - low, 1]
    columns = table("macro")
    when = (columns["year"] + columns["quarter"] / 10)[1:]
    recession = np.isin(np.round(when, 1), [1960.4, 1970.4, 1974.4, 1975.1, 1980.2, 1981.4, 1982.1, 1990.4, 2008.4])
    assert recession.sum() == 9
    probability = found.params["z"]["probs"][:, low]
    assert probability[recession].min() > 0.9 > 0.5 > probability.mean()


def test_the_quiet_state_of_growth_is_the_great_moderation() -> None:
    """McConnell and Perez-Quiros (2000): the variance of growth fell in the first quarter of 1984."""
    found = fitted("hmm_autoregression", tol=1e-9)
    precision = found.params["tau"]["shape"] / found.params["tau"]["rate"]
    quiet = int(precision.argmax())
    year, probability = table("macro")["year"][1:], found.params["s"]["probs"][:, quiet]
    assert precision[quiet] > 3 * precision[1 - quiet]
    assert (probability[(year > 1984) & (year < 2007)] > 0.5).mean() > 0.9
    assert (probability[(year > 1969) & (year < 1984)] > 0.5).mean() < 0.1


def test_one_regime_is_a_regression_on_the_value_before() -> None:
    """With one state the bound is that of linear_regression_joint, plus the density of the first value."""
    y = models.data("hmm_autoregression").data["y"]
    chain = fitted("hmm_autoregression", sizes={"K": 1}, tol=1e-13)
    design = np.column_stack([np.ones(len(y) - 1), y[:-1]])
    regression = generated("linear_regression_joint").fit(
        {"X": design, "y": y[1:]}, {"alpha_0": 1.0, "a_0": 2.0, "b_0": 1.0}, tol=1e-13
    )
    first = -0.5 * np.log(2 * np.pi) - 0.5 * (y[0] - 0.8) ** 2
    assert chain.elbo == pytest.approx(regression.elbo + first, rel=1e-10)
    found = [chain.params[n]["mean"][0] for n in ("zeta", "phi")]
    np.testing.assert_allclose(found, regression.params["w"]["mean"], rtol=1e-6)
