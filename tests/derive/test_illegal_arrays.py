"""Illegal vectors, matrices, chains and blocks, each with the message a user must read."""

import pytest

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    CaviError,
    DeclarationError,
    Dirichlet,
    FactorisationError,
    Gamma,
    MatrixNormal,
    Model,
    MultivariateNormal,
    NonConjugateError,
    Normal,
    NormalWishart,
    Wishart,
    derive,
    diag,
    distinct,
    dot,
    inverse,
    outer,
    size,
    stick_breaking,
)


def base() -> tuple:
    m = Model("m")
    return m, m.index("n", "N"), m.index("d", "D"), m.index("k", "K")


def two_spreads():
    m, n, d, k = base()
    MultivariateNormal(0, 1, over=d, covariance=1)


def no_event():
    MultivariateNormal(0, 1)


def vector_over_another_set():
    m, n, d, k = base()
    MultivariateNormal(m.hyper("m_0", k), 1, over=d)


def matrix_over_another_set():
    m, n, d, k = base()
    MultivariateNormal(0, m.hyper("S", d, k), over=d)


def matrix_not_square():
    m, n, d, k = base()
    inverse(m.hyper("S", d, k))


def real_latent_as_matrix():
    m, n, d, k = base()
    e = m.index("e", "D")
    s = m.latent("S", Normal(0, 1), d, e)
    m.observed("x", MultivariateNormal(0, s, over=d), n)


def negative_scale():
    m, n, d, k = base()
    m.latent("L", Wishart(4, -1, over=d))


def both_scales():
    m, n, d, k = base()
    Wishart(4, 1, over=d, inverse_scale=1)


def event_is_a_plate():
    m, n, d, k = base()
    m.latent("mu", MultivariateNormal(0, 1, over=d), d)


def matrix_normal_over_one():
    m, n, d, k = base()
    MatrixNormal(0, 1, 1, over=d)


def product_of_other_sets():
    m, n, d, k = base()
    m.hyper("A", d, k) @ m.hyper("b", d)


def product_of_a_number():
    m, n, d, k = base()
    dot(m.hyper("A", d), 2)


def diagonal_of_a_matrix():
    m, n, d, k = base()
    diag(m.hyper("A", d, k))


def outer_of_numbers():
    m, n, d, k = base()
    outer(m.hyper("a"), m.hyper("b", d))


def sticks_that_are_not_fractions():
    m, n, d, k = base()
    v = m.latent("v", Normal(0, 1), k)
    m.latent("z", Categorical(stick_breaking(v)), n)


def a_pair_with_one_name():
    m, n, d, k = base()
    m.latent("mu", NormalWishart(0, 1, 4, 1, over=d), k)


def neighbour_without_a_chain():
    m, n, d, k = base()
    x = m.latent("x", Normal(0, 1), n)
    m.observed("y", Normal(x[n - 1], 1), n)


def chain_without_a_start():
    m, n, d, k = base()
    m.latent("x", lambda x: Normal(x[n - 1], 1), n)


def chain_that_is_not_a_function():
    m, n, d, k = base()
    m.latent("x", Normal(0, 1), n, initial=Normal(0, 1))


def chain_without_a_neighbour():
    m, n, d, k = base()
    m.latent("x", lambda x: Normal(0, 1), n, initial=Normal(0, 1))


def chain_that_looks_ahead():
    m, n, d, k = base()
    m.latent("x", lambda x: Normal(x[n + 1], 1), n, initial=Normal(0, 1))


def chain_of_second_order():
    m, n, d, k = base()
    m.latent("x", lambda x: Normal(x[n - 2], 1), n, initial=Normal(0, 1))


def chain_that_refers_to_itself():
    m, n, d, k = base()
    m.latent("x", lambda x: Normal(x[n - 1] + x[n], 1), n, initial=Normal(0, 1))


def chain_with_two_supports():
    m, n, d, k = base()
    m.latent("x", lambda x: Normal(x[n - 1], 1), n, initial=Gamma(1, 1))


def chain_over_two_indices():
    m, n, d, k = base()
    l = m.index("l", "K")
    c = m.hyper("c", k, l)
    m.latent("z", lambda z: Categorical(c[k, l], over=l), n, initial=Categorical(1 / size(k), over=k))


def latent_starts():
    m, n, d, k = base()
    s = m.latent("s", Bernoulli(0.5), n)
    m.latent("x", lambda x: Normal(x[n - 1], 1), n, initial=Normal(0, 1), starts=s)


def order_of_other_sets():
    m, n, d, k = base()
    n < d  # noqa: B015


def order_as_truth():
    m, n, d, k = base()
    bool(n < m.index("j", "N"))


def distinct_of_other_sets():
    m, n, d, k = base()
    distinct(n, d)


def split_off_nothing():
    m, n, d, k = base()
    m.latent("w", Normal(0, 1), d).split(k)


def split_of_a_simplex():
    m, n, d, k = base()
    pi = m.latent("pi", Dirichlet(1, over=k))
    m.observed("z", Categorical(pi), n)
    derive(m, [pi.split(k)])


def matrix_and_its_inverse():
    m, n, d, k = base()
    s = m.latent("S", Wishart(5, 1, over=d))
    m.observed("x", MultivariateNormal(0, s), n)
    m.observed("y", MultivariateNormal(0, covariance=s), n)
    derive(m)


def sum_of_matrices_as_precision():
    m, n, d, k = base()
    s = m.latent("S", Wishart(5, 1, over=d))
    tau = m.latent("tau", Gamma(1, 1))
    from cavi.derive import identity

    m.observed("x", MultivariateNormal(0, s + tau * identity(d)), n)
    derive(m)


def block_of_unlike_categories():
    m, n, d, k = base()
    z, s = m.latent("z", Bernoulli(0.5), n), m.latent("s", Bernoulli(0.5), n, d)
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(mu * z[n] + s[n, d], 1), n, d)
    derive(m, [("z", "s")])


def integral_over_categories():
    m, n, d, k = base()
    mu = m.latent("mu", Normal(0, 1), k)
    pi = m.latent("pi", Dirichlet(1, over=k))
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], 1), n)
    derive(m, marginalise=["z"])


def integral_without_form():
    m, n, d, k = base()
    mu = m.latent("mu", Normal(0, 1))
    tau = m.latent("tau", Gamma(1, 1))
    m.observed("x", Normal(mu * tau, tau), n)
    derive(m, marginalise=["tau"])


def integral_of_the_unknown():
    m, n, d, k = base()
    mu = m.latent("mu", Normal(0, 1))
    m.observed("x", Normal(mu, 1), n)
    derive(m, marginalise=["nu"])


def integral_of_a_maximised():
    m, n, d, k = base()
    p = m.point("p")
    q = m.latent("q", Beta(1, 1))
    m.observed("x", Bernoulli(p), n)
    m.observed("y", Bernoulli(q), n)
    derive(m, marginalise=["p"])


CASES = [
    (two_spreads, DeclarationError, ["exactly one of precision, covariance"]),
    (no_event, DeclarationError, ["MultivariateNormal", "over=d"]),
    (vector_over_another_set, DeclarationError, ["mean m_0", "(K)", "vector over D"]),
    (matrix_over_another_set, DeclarationError, ["precision S", "(D, K)", "matrix over D"]),
    (matrix_not_square, DeclarationError, ["inverse(S)", "not square", "D by K"]),
    (real_latent_as_matrix, DeclarationError, ["precision of MultivariateNormal", "S", "support is real"]),
    (negative_scale, DeclarationError, ["scale of Wishart", "above 0"]),
    (both_scales, DeclarationError, ["exactly one of scale, inverse_scale"]),
    (event_is_a_plate, DeclarationError, ["index d", "both a plate and the index", "second index of size D"]),
    (matrix_normal_over_one, DeclarationError, ["over=(i, j)"]),
    (product_of_other_sets, DeclarationError, ["sizes differ: K and D"]),
    (product_of_a_number, DeclarationError, ["0 open indices"]),
    (diagonal_of_a_matrix, DeclarationError, ["diag", "found 2 open indices"]),
    (outer_of_numbers, DeclarationError, ["outer", "found 0 open indices"]),
    (sticks_that_are_not_fractions, DeclarationError, ["probs of Categorical", "support is real"]),
    (a_pair_with_one_name, DeclarationError, ["NormalWishart declares two latents", "'mu tau'"]),
    (neighbour_without_a_chain, DeclarationError, ["n:N-1", "initial="]),
    (chain_without_a_start, DeclarationError, ["initial=Normal(0, 1)"]),
    (chain_that_is_not_a_function, DeclarationError, ["lambda x:"]),
    (chain_without_a_neighbour, DeclarationError, ["one neighbour", "found none"]),
    (chain_that_looks_ahead, DeclarationError, ["only the element before"]),
    (chain_of_second_order, DeclarationError, ["n-1 and n+1"]),
    (chain_that_refers_to_itself, DeclarationError, ["other positions"]),
    (chain_over_two_indices, DeclarationError, ["runs over l and uses k", "same over="]),
    (chain_with_two_supports, DeclarationError, ["supports differ"]),
    (latent_starts, DeclarationError, ["known zeros and ones"]),
    (order_of_other_sets, DeclarationError, ["another index of size N"]),
    (order_as_truth, DeclarationError, ["where="]),
    (distinct_of_other_sets, DeclarationError, ["two indices of one size"]),
    (split_off_nothing, DeclarationError, ["w.split", "expected an axis of w (d)"]),
    (split_of_a_simplex, FactorisationError, ["would cut a Dirichlet apart"]),
    (matrix_and_its_inverse, NonConjugateError, ["q(S)", "positive_definite"]),
    (sum_of_matrices_as_precision, NonConjugateError, ["S", "tau"]),
    (block_of_unlike_categories, NonConjugateError, ["same plates"]),
    (integral_over_categories, FactorisationError, ["z cannot be integrated out", "sum over its categories"]),
    (integral_without_form, FactorisationError, ["tau cannot be integrated out", "tau"]),
    (integral_of_the_unknown, FactorisationError, ["'nu' is not a latent"]),
    (integral_of_a_maximised, FactorisationError, ["p is maximised over"]),
]


@pytest.mark.parametrize("declare, error, parts", CASES, ids=[c[0].__name__ for c in CASES])
def test_message(declare, error: type[CaviError], parts: list[str]) -> None:
    with pytest.raises(error) as caught:
        declare()
    message = str(caught.value)
    for part in parts:
        assert part in message, message


def test_a_refused_chain_has_not_been_declared() -> None:
    m, n, d, k = base()
    with pytest.raises(DeclarationError):
        m.latent("x", lambda x: Normal(x[n + 1], 1), n, initial=Normal(0, 1))
    m.latent("x", lambda x: Normal(x[n - 1], 1), n, initial=Normal(0, 1))
    assert m.variable("x").chain is not None
