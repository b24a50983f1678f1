"""Illegal declarations, each with the message a user must read: what was found, what was expected, what to do."""

import numpy as np
import pytest
import sympy

from cavi.derive import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    CaviError,
    DeclarationError,
    Dirichlet,
    FactorisationError,
    Gamma,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    Sum,
    TruncatedNormal,
    derive,
    dot,
    exp,
    sigmoid,
)


def base() -> tuple:
    m = Model("m")
    return m, m.index("n", "N"), m.index("k", "K")


def undeclared_index():
    m, n, _ = base()
    other = Model("other").index("j", "J")
    m.latent("mu", Normal(0, 1), other)


def index_outside_plates():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    m.observed("x", Normal(mu[k], 1), n)


def wrong_plate():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    m.observed("x", Normal(mu[n], 1), n)


def too_many_subscripts():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    mu[k, n]


def open_index():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    m.observed("x", Normal(mu, 1), n)


def name_clash():
    m, n, k = base()
    m.latent("mu", Normal(0, 1))
    m.latent("mu", Normal(0, 1))


def clash_with_size():
    m, n, k = base()
    m.hyper("N")


def python_keyword():
    base()[0].hyper("lambda")


def reserved_name():
    base()[0].hyper("np")


def unsafe_name():
    base()[0].hyper("x;import_os")


def latex_in_name():
    base()[0].latent(r"\input{x}", Normal(0, 1))


def unsafe_index():
    Model("m").index("n m", "N")


def size_zero():
    Model("m").index("n", 0)


def not_a_distribution():
    base()[0].latent("mu", 3)


def negative_precision():
    base()[0].latent("mu", Normal(0, -1))


def probability_above_one():
    m, n, k = base()
    m.observed("x", Bernoulli(1.5), n)


def nan_parameter():
    base()[0].latent("mu", Normal(float("nan"), 1))


def undeclared_symbol():
    base()[0].latent("mu", Normal(sympy.Symbol("theta"), 1))


def array_parameter():
    base()[0].latent("mu", Normal(np.zeros(3), 1))


def text_parameter():
    base()[0].latent("mu", Normal("__import__('os').getpid()", 1))


def real_latent_as_precision():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(0, mu), n)


def difference_as_precision():
    m, n, k = base()
    a, b = m.latent("a", Gamma(1, 1)), m.latent("b", Gamma(1, 1))
    m.observed("x", Normal(0, a - b), n)


def two_scales():
    Normal(0, 1, variance=2)


def no_scale():
    Normal(0)


def latent_total():
    m, n, k = base()
    count, p = m.latent("count", Poisson(3)), m.latent("p", Beta(1, 1))
    m.observed("x", Binomial(count, p), n)


def not_a_simplex():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    m.latent("z", Categorical(mu), n)


def unnormalised_probabilities():
    m, n, k = base()
    a = m.latent("a", Dirichlet(1, over=k))
    b = m.latent("b", Dirichlet(1, over=k))
    m.latent("z", Categorical(a * b), n)


def category_as_number():
    m, n, k = base()
    pi = m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(z[n], 1), n)
    derive(m)


def select_by_a_number():
    m, n, k = base()
    mu, w = m.latent("mu", Normal(0, 1), k), m.latent("w", Normal(0, 1))
    m.observed("x", Normal(mu[w], 1), n)


def select_over_another_size():
    m, n, k = base()
    j = m.index("j", "J")
    pi = m.latent("pi", Dirichlet(1, over=k))
    z, mu = m.latent("z", Categorical(pi), n), m.latent("mu", Normal(0, 1), j)
    m.observed("x", Normal(mu[z[n]], 1), n)


def dirichlet_without_index():
    Dirichlet(1)


def dot_of_scalars():
    m, n, k = base()
    dot(m.latent("w", Normal(0, 1)), 2)


def dot_of_sizes():
    m, n, k = base()
    dot(m.latent("w", Normal(0, 1), k), m.covariate("X", n))


def sum_over_a_name():
    m, n, k = base()
    Sum(m.latent("w", Normal(0, 1), k)[k], "k")


def truth_value():
    m, n, k = base()
    bool(m.latent("w", Normal(0, 1)))


def index_as_number():
    m, n, k = base()
    m.latent("w", Normal(0, 1), k)[k] * k


def index_twice():
    m, n, k = base()
    m.latent("w", Normal(0, 1), k, k)


def truncated_nowhere():
    TruncatedNormal(0, 1)


def latent_weight():
    m, n, k = base()
    w = m.latent("w", Gamma(1, 1), n)
    m.observed("x", Normal(0, 1), n, weight=w[n])


def other_models_variable():
    m, n, k = base()
    theirs = Model("theirs").latent("mu", Normal(0, 1))
    m.observed("x", Normal(theirs, 1), n)


def no_latent():
    m, n, k = base()
    m.observed("x", Normal(0, 1), n)
    derive(m)


def no_observed():
    m, n, k = base()
    m.latent("mu", Normal(0, 1))
    derive(m)


def unknown_factor():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(mu, 1), n)
    derive(m, factors=[("mu", "sigma")])


def factor_twice():
    m, n, k = base()
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(mu, 1), n)
    derive(m, factors=["mu", "mu"])


def weight_on_one_node_only():
    m, n, k = base()
    count, pi, mu = m.covariate("count", n), m.latent("pi", Dirichlet(1, over=k)), m.latent("mu", Normal(0, 1), k)
    z = m.latent("z", Categorical(pi), n, weight=count[n])
    m.observed("x", Normal(mu[z[n]], 1), n)
    derive(m)


def poisson_log_rate():
    m, n, k = base()
    eta = m.latent("eta", Normal(0, 1))
    m.observed("x", Poisson(exp(eta)), n)
    derive(m)


def sum_of_rates():
    m, n, k = base()
    a, b = m.latent("a", Gamma(1, 1)), m.latent("b", Gamma(1, 1))
    m.observed("x", Poisson(a + b), n)
    derive(m)


def logistic_regression():
    m, n, k = base()
    w, x = m.latent("w", Normal(0, 1), k), m.covariate("x", n, k)
    m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
    derive(m)


def arithmetic_on_an_index():
    m, n, k = base()
    z = m.latent("z", Normal(0, 1), n)
    m.latent("y", Normal(z[n * 2], 1), n)


def unknown_shape():
    m, n, k = base()
    shape = m.latent("shape", Gamma(1, 1))
    m.observed("x", Gamma(shape, 2), n)
    derive(m)


def wrong_support_prior():
    m, n, k = base()
    scale = m.latent("scale", Gamma(2, 3))
    m.observed("x", Normal(0, std=scale), n)
    derive(m)


def divided_by_zero():
    m, n, k = base()
    m.latent("mu", Normal(0, 1), k) / 0


def function_of_numpy():
    m, n, k = base()
    np.exp(m.latent("eta", Normal(0, 1), k)[k])


def sum_of_numpy():
    m, n, k = base()
    np.sum(m.latent("mu", Normal(0, 1), k))


def array_of_numpy():
    m, n, k = base()
    np.ones(3) * m.latent("mu", Normal(0, 1), k)[k]


CASES = [
    (divided_by_zero, DeclarationError, ["mu by 0", "not zero"]),
    (function_of_numpy, DeclarationError, ["numpy.exp", "eta[k]", "functions of cavi.derive"]),
    (sum_of_numpy, DeclarationError, ["numpy.add", "mu", "functions of cavi.derive"]),
    (array_of_numpy, DeclarationError, ["ndarray", "m.covariate"]),
    (undeclared_index, DeclarationError, ["mu", "index j", "m.index('j', 'J')"]),
    (index_outside_plates, DeclarationError, ["x", "index k", "plates of x (n)", "Sum"]),
    (wrong_plate, DeclarationError, ["mu[n]", "runs over N", "runs over K"]),
    (too_many_subscripts, DeclarationError, ["mu[k, n]", "too many subscripts"]),
    (open_index, DeclarationError, ["mean", "open index k", "mu[k]"]),
    (name_clash, DeclarationError, ["'mu'", "already a variable"]),
    (clash_with_size, DeclarationError, ["'N'", "already a size"]),
    (python_keyword, DeclarationError, ["'lambda'", "reserved", "lambda_0"]),
    (reserved_name, DeclarationError, ["'np'", "reserved"]),
    (unsafe_name, DeclarationError, ["letter followed by"]),
    (latex_in_name, DeclarationError, ["letter followed by"]),
    (unsafe_index, DeclarationError, ["an index", "letter followed by"]),
    (size_zero, DeclarationError, ["index n", "at least 1", "found 0"]),
    (not_a_distribution, DeclarationError, ["mu", "expected a distribution", "int"]),
    (negative_precision, DeclarationError, ["mu: the precision of Normal is -1", "above 0"]),
    (probability_above_one, DeclarationError, ["x: the prob of Bernoulli is 3/2", "between 0 and 1"]),
    (nan_parameter, DeclarationError, ["nan", "finite number"]),
    (undeclared_symbol, DeclarationError, ["theta", "m.hyper('theta')"]),
    (array_parameter, DeclarationError, ["ndarray", "m.hyper(name, index)"]),
    (text_parameter, DeclarationError, ["str", "expected a number"]),
    (real_latent_as_precision, DeclarationError, ["precision of Normal is made of mu", "support is real"]),
    (difference_as_precision, DeclarationError, ["cannot be shown to be above 0", "a, b"]),
    (two_scales, DeclarationError, ["exactly one of precision, variance, std", "precision, variance"]),
    (no_scale, DeclarationError, ["exactly one of", "found none"]),
    (latent_total, DeclarationError, ["total of Binomial must be known", "latent count"]),
    (not_a_simplex, DeclarationError, ["probs of Categorical is made of mu[k]", "support is real"]),
    (unnormalised_probabilities, DeclarationError, ["cannot be shown to be a probability vector"]),
    (category_as_number, DeclarationError, ["z is a category", "select"]),
    (select_by_a_number, DeclarationError, ["w is not a category"]),
    (select_over_another_size, DeclarationError, ["z[n] runs over K", "runs over J"]),
    (dirichlet_without_index, DeclarationError, ["Dirichlet", "over=k"]),
    (dot_of_scalars, DeclarationError, ["0 open indices", "expected one to contract"]),
    (dot_of_sizes, DeclarationError, ["sizes differ: K and N"]),
    (sum_over_a_name, DeclarationError, ["made by m.index", "'k'"]),
    (truth_value, DeclarationError, ["w has no truth value"]),
    (index_as_number, DeclarationError, ["index k cannot be used as a number", "size(k)"]),
    (index_twice, DeclarationError, ["index k is given twice"]),
    (truncated_nowhere, DeclarationError, ["lower=, upper= or both"]),
    (latent_weight, DeclarationError, ["weight w[n] contains the latent w"]),
    (other_models_variable, DeclarationError, ["mu was not declared on the model m"]),
    (no_latent, DeclarationError, ["no latent variable", "m.latent"]),
    (no_observed, DeclarationError, ["no observed variable", "m.observed"]),
    (unknown_factor, FactorisationError, ["'sigma' is not a latent", "mu"]),
    (factor_twice, FactorisationError, ["'mu' is in two blocks"]),
    (weight_on_one_node_only, DeclarationError, ["count[n] copies", "no such weight"]),
    (poisson_log_rate, NonConjugateError, ["q(eta)", "exp(η)", "the term is concave", "Gamma prior on the rate"]),
    (sum_of_rates, NonConjugateError, ["q(a)", "log(", "auxiliary counts"]),
    (logistic_regression, NonConjugateError, ["q(w)", "softplus(Σ_k w[k]·x[n,k])", "Jaakkola-Jordan", "bounds={'y'"]),
    (arithmetic_on_an_index, DeclarationError, ["arithmetic on the index n", "m.observed_index"]),
    (unknown_shape, NonConjugateError, ["q(shape)", "log Γ", "log Γ"]),
    (wrong_support_prior, NonConjugateError, ["q(scale)", "scale", "Remedies"]),
]


@pytest.mark.parametrize("declare, error, parts", CASES, ids=[c[0].__name__ for c in CASES])
def test_message(declare, error: type[CaviError], parts: list[str]) -> None:
    with pytest.raises(error) as caught:
        declare()
    message = str(caught.value)
    for part in parts:
        assert part in message, message


def test_the_refusal_names_factor_and_terms() -> None:
    with pytest.raises(NonConjugateError) as caught:
        poisson_log_rate()
    assert caught.value.factor == "eta"
    assert any("exp" in t for t in caught.value.terms)


def test_numbers_of_numpy_are_numbers() -> None:
    m, _, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    assert str(np.float64(2) * mu[k] + np.int64(1)) == str(2 * mu[k] + 1)
    assert str(np.float32(1) / mu[k] - np.float64(3)) == str(1 / mu[k] - 3)
