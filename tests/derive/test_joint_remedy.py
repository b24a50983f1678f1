"""A refusal names the joint block with which the model is derived, and no other."""

import pytest

from cavi.derive import Gamma, Model, NonConjugateError, Normal, Poisson, derive, dot, exp
from cavi.derive.joint_remedy import requested_blocks


def product_rate() -> Model:
    """Counts whose log rate is a product of two numbers."""
    m = Model("product")
    n = m.index("n", "N")
    u, v = m.latent("u", Normal(0, 1)), m.latent("v", Normal(1, 1))
    m.observed("y", Poisson(exp(u * v)), n)
    return m


def gamma_regression() -> Model:
    """A Gamma of log-linear mean and unknown shape."""
    m = Model("amounts")
    n, d = m.index("n", "N"), m.index("d", "D")
    X, b, a = m.covariate("X", n, d), m.latent("b", Normal(0, 1), d), m.latent("a", Gamma(2, 1))
    m.observed("y", Gamma(a, a * exp(-dot(b, X[n]))), n)
    return m


@pytest.mark.parametrize("relax", [None, "auto"])
def test_the_block_that_is_named_does(relax: str | None) -> None:
    block = ("u", "v")
    with pytest.raises(NonConjugateError) as caught:
        derive(product_rate(), relax=relax)
    assert str(caught.value).endswith(f"found by trying, derive(m, factors=[{block!r}], relax='auto')")
    assert ",".join(block) in [u.factor.name for u in derive(product_rate(), [block], relax="auto").updates]


def test_none_is_named_where_none_does() -> None:
    m = Model("positive_weights")
    n, d = m.index("n", "N"), m.index("d", "D")
    X, w = m.covariate("X", n, d), m.latent("w", Gamma(1, 1), d)
    m.observed("y", Poisson(exp(dot(w, X[n]))), n)
    with pytest.raises(NonConjugateError) as caught:
        derive(m)
    assert "found by trying" not in str(caught.value)


def test_what_was_asked_is_left_as_it_is() -> None:
    """A latent that the user has put into a block is not put into another."""
    with pytest.raises(NonConjugateError) as caught:
        derive(product_rate(), factors=[("u",), ("v",)])
    assert "found by trying" not in str(caught.value)


def test_one_block_may_be_given_by_itself() -> None:
    assert requested_blocks("w") == ["w"]
    assert requested_blocks(None) == []
    assert requested_blocks([("a", "b"), "c"]) == [("a", "b"), "c"]


def test_what_was_asked_beside_it_is_repeated() -> None:
    with pytest.raises(NonConjugateError) as caught:
        derive(gamma_regression(), approximate={"a": "quadrature"})
    assert str(caught.value).endswith("derive(m, approximate={'a': 'quadrature', 'b': 'cvi'})")
    derive(gamma_regression(), approximate={"a": "quadrature", "b": "cvi"})
