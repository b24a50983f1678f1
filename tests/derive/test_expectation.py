"""Expectations under q against enumeration: a latent that is discrete in the test, whatever its family."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from brute import World
from hypothesis import given, settings
from hypothesis import strategies as st

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Normal
from cavi.derive.canonical import canonical
from cavi.derive.expectation import Expectation, Moments
from cavi.derive.factorisation import blocks
from cavi.derive.index import Index
from cavi.derive.term import Element, Function, Indicator, Monomial, Polynomial, from_atom

SIZES = {"D": 2, "K": 2, "N": 2}


def model() -> Model:
    m = Model("algebra")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    pi = m.latent("pi", Dirichlet(1, over=k))
    w = m.latent("w", Normal(0, 1), d)
    m.latent("tau", Gamma(1, 1), d)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(w[0], 1), n)
    assert z.name == "z"
    return m


D = [Index(f"{c}", "D") for c in "abc"]
N = [Index("p", "N"), Index("q", "N")]
K = [Index("u", "K"), Index("v", "K")]

atoms = st.one_of(
    st.builds(lambda i: from_atom(Element("w", (i,))), st.sampled_from(D)),
    st.builds(lambda i: from_atom(Element("tau", (i,))), st.sampled_from(D)),
    st.builds(lambda i: from_atom(Function("log", (from_atom(Element("tau", (i,))),))), st.sampled_from(D)),
    st.builds(lambda n, k: from_atom(Indicator("z", (n,), k)), st.sampled_from(N), st.sampled_from(K)),
)


@st.composite
def polynomials(draw: st.DrawFn) -> Polynomial:
    total = Polynomial()
    for _ in range(draw(st.integers(1, 2))):
        product = from_atom(Element("c", ()))
        for atom in draw(st.lists(atoms, min_size=1, max_size=4)):
            product = product * atom
        powers = product.monomials[0].powers
        total = total + canonical(Polynomial((Monomial(Fraction(1), powers, (*D, *N, *K)),)))
    return total


def states(rng: np.random.Generator, joint_w: bool):
    """A finite q: (probability, values of every latent) over all its states."""
    w_values, tau_values = (-1.3, 0.4, 2.1), (0.6, 1.7)
    if joint_w:
        table = rng.random((3, 3))
        table /= table.sum()
        w_q = {(a, b): table[a, b] for a in range(3) for b in range(3)}
    else:
        p = rng.dirichlet(np.ones(3), size=2)
        w_q = {(a, b): p[0, a] * p[1, b] for a in range(3) for b in range(3)}
    tau_p, z_p = rng.dirichlet(np.ones(2), size=2), rng.dirichlet(np.ones(2), size=2)
    out = []
    for (a, b), pw in w_q.items():
        for s in itertools.product(range(2), repeat=4):
            prob = pw * tau_p[0, s[0]] * tau_p[1, s[1]] * z_p[0, s[2]] * z_p[1, s[3]]
            values = {
                "w": np.array([w_values[a], w_values[b]]),
                "tau": np.array([tau_values[s[0]], tau_values[s[1]]]),
                "z": np.array([s[2], s[3]]),
                "c": 1.5,
            }
            out.append((prob, values))
    return out


@pytest.mark.parametrize("factors", [None, ["w"]], ids=["by element", "w joint"])
@settings(max_examples=40, deadline=None)
@given(p=polynomials(), seed=st.integers(0, 5))
def test_expectation_equals_enumeration(factors, p: Polynomial, seed: int) -> None:
    m = model()
    coupled = {"x": canonical(Polynomial((Monomial(Fraction(1), _pair().monomials[0].powers, tuple(D)),)))}
    split = blocks(m, coupled, factors)
    expectation = Expectation(split, Moments())
    claimed = expectation.of(p)
    worlds = [(q, World(SIZES, v)) for q, v in states(np.random.default_rng(seed), factors is not None)]
    moments = {
        key: sum(q * w.array(pattern.polynomial, pattern.indices) for q, w in worlds)
        for key, pattern in expectation.moments.patterns.items()
    }
    truth = sum(q * w.value(p) for q, w in worlds)
    value = World(SIZES, {"c": 1.5}, moments).value(claimed)
    assert value == pytest.approx(truth, rel=1e-9, abs=1e-9)


def _pair() -> Polynomial:
    return from_atom(Element("w", (D[0],))) * from_atom(Element("w", (D[1],)))


def test_two_elements_of_one_plate_split_into_diagonal_and_rest() -> None:
    """E[w_a w_b] = E[w_a] E[w_b] (1 - δ_ab) + δ_ab E[w_a²]."""
    split = blocks(model(), {}, None)
    expectation = Expectation(split, Moments())
    value = expectation.of(_pair())
    assert set(expectation.moments.patterns) == {("w", "w"), ("w", "w^2")}
    assert len(value.monomials) == 3
