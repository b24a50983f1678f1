"""The algebra against brute force: canonical forms keep the value, and do not depend on names or order."""

from fractions import Fraction

import numpy as np
import pytest
from brute import World
from hypothesis import given, settings
from hypothesis import strategies as st

from cavi.derive import functions
from cavi.derive.canonical import canonical, collect, deltas, multiply, normalise, substitute, sum_over
from cavi.derive.index import Gather, Index, Literal
from cavi.derive.term import (
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Moment,
    Monomial,
    Polynomial,
    Size,
    from_atom,
    number,
)

SIZES = {"N": 3, "K": 2}
FREE = (Index("n", "N"), Index("k", "K"))
BOUND = (Index("a", "N"), Index("b", "N"), Index("c", "K"), Index("d", "K"))


def world(seed: int) -> World:
    rng = np.random.default_rng(seed)
    probs = rng.random((3, 2))
    return World(
        SIZES,
        {
            "x": rng.normal(size=3),
            "mu": rng.normal(size=2),
            "w": rng.uniform(0.5, 2, size=(3, 2)),
            "z": rng.integers(0, 2, size=3),
            "doc": rng.integers(0, 2, size=3),
            "s": 0.7,
        },
        {("z", "[z]"): probs / probs.sum(axis=1, keepdims=True), ("mu", "mu"): rng.normal(size=2)},
    )


def of_size(size: str, deep: bool = True) -> st.SearchStrategy:
    choices = [st.sampled_from([i for i in (*FREE, *BOUND) if i.size == size]), st.just(Literal(1, size))]
    if size == "K" and deep:
        choices.append(st.builds(lambda n: Gather("doc", (n,), "K"), of_size("N")))
    return st.one_of(choices)


def plain_atoms() -> st.SearchStrategy:
    n, k = of_size("N"), of_size("K")
    return st.one_of(
        st.builds(lambda n: Element("x", (n,)), n),
        st.builds(lambda k: Element("mu", (k,)), k),
        st.builds(lambda n, k: Element("w", (n, k)), n, k),
        st.just(Element("s", ())),
        st.just(Size("N")),
        st.builds(lambda n, k: Indicator("z", (n,), k), n, k),
        st.builds(lambda n, k: Moment("z", "[z]", (n, k)), n, k),
        st.builds(lambda k: Moment("mu", "mu", (k,)), k),
        st.builds(Delta, n, n),
        st.builds(Delta, k, k),
    )


@st.composite
def atoms(draw: st.DrawFn):
    if draw(st.integers(0, 5)):
        return draw(plain_atoms())
    inside = draw(st.lists(st.tuples(st.just(Fraction(1, 2)), plain_atoms()), min_size=1, max_size=2))
    inner = collect(normalise(c, [(a, Fraction(1))], ()) for c, a in inside) + number(3)
    return Function("exp", (inner,))


@st.composite
def monomials(draw: st.DrawFn) -> Monomial:
    chosen = draw(st.lists(atoms(), max_size=4))
    powers = tuple((a, Fraction(draw(st.integers(1, 2)))) for a in dict.fromkeys(chosen))
    coefficient = Fraction(draw(st.integers(-3, 3)), draw(st.integers(1, 3)))
    return Monomial(coefficient, powers, BOUND[: draw(st.integers(0, 4))])


polynomials = st.lists(monomials(), max_size=3).map(lambda ms: Polynomial(tuple(ms)))


def everywhere(p: Polynomial, w: World) -> np.ndarray:
    return w.array(p, (*FREE, *BOUND))


@settings(max_examples=150, deadline=None)
@given(polynomials, st.integers(0, 9))
def test_canonical_form_keeps_the_value(p: Polynomial, seed: int) -> None:
    w = world(seed)
    np.testing.assert_allclose(everywhere(canonical(p), w), everywhere(p, w), rtol=1e-9, atol=1e-9)


@settings(max_examples=150, deadline=None)
@given(polynomials)
def test_canonical_form_is_a_fixed_point(p: Polynomial) -> None:
    once = canonical(p)
    assert canonical(once) == once
    assert hash(canonical(once)) == hash(once)


@settings(max_examples=150, deadline=None)
@given(polynomials, st.randoms(use_true_random=False))
def test_names_of_bound_indices_and_order_do_not_matter(p: Polynomial, random) -> None:
    shuffled = []
    for m in p.monomials:
        fresh = {i: Index(f"{i.name}{random.randint(100, 999)}", i.size) for i in m.bound}
        renamed = substitute(Polynomial((Monomial(m.coefficient, m.powers),)), fresh)
        bound = list(fresh.values())
        random.shuffle(bound)
        for piece in renamed.monomials:
            powers = list(piece.powers)
            random.shuffle(powers)
            shuffled.append(Monomial(piece.coefficient, tuple(powers), tuple(bound) + piece.bound))
    random.shuffle(shuffled)
    assert canonical(Polynomial(tuple(shuffled))) == canonical(p)


@settings(max_examples=80, deadline=None)
@given(polynomials, polynomials, st.integers(0, 9))
def test_sum_and_product_against_numbers(p: Polynomial, q: Polynomial, seed: int) -> None:
    w = world(seed)
    p, q = canonical(p), canonical(q)
    left, right = everywhere(p, w), everywhere(q, w)
    np.testing.assert_allclose(everywhere(p + q, w), left + right, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(everywhere(p * q, w), left * right, rtol=1e-8, atol=1e-8)
    assert p * q == q * p
    assert p + q == q + p
    assert not (p - p)


@settings(max_examples=80, deadline=None)
@given(polynomials, st.integers(0, 9))
def test_sums_over_plates(p: Polynomial, seed: int) -> None:
    w = world(seed)
    p = canonical(p)
    expected = everywhere(p, w).sum(axis=(0, 1))
    summed = w.array(sum_over(p, FREE), BOUND)
    np.testing.assert_allclose(summed, expected, rtol=1e-8, atol=1e-8)


@settings(max_examples=80, deadline=None)
@given(polynomials, st.integers(0, 9), st.sampled_from(list(np.ndindex(2, 3, 3, 2, 2))))
def test_substitution_does_not_capture(p: Polynomial, seed: int, places: tuple[int, ...]) -> None:
    w = world(seed)
    p = canonical(p)
    moved = substitute(p, {FREE[0]: BOUND[0]})
    at = dict(zip((FREE[1], *BOUND), places, strict=True))
    at[FREE[0]] = at[BOUND[0]]
    assert w.value(moved, at) == pytest.approx(w.value(p, at), rel=1e-8, abs=1e-8)


def test_kronecker_deltas_contract_and_rename_gathers() -> None:
    n, k = FREE
    a = BOUND[0]
    row = Gather("doc", (a,), "K")
    p = sum_over(multiply(from_atom(Element("mu", (row,))), deltas([k], [row])), [a])
    (m,) = p.monomials
    assert Element("mu", (k,)) in m.atoms  # δ[k, doc_a] mu[doc_a] = δ[k, doc_a] mu[k]
    one = sum_over(deltas([BOUND[2]], [k]) * from_atom(Element("mu", (BOUND[2],))), [BOUND[2]])
    assert one == from_atom(Element("mu", (k,)))


def test_sums_over_untouched_plates_become_sizes() -> None:
    assert sum_over(number(2), [BOUND[0]]) == from_atom(Size("N")).scaled(2)
    assert sum_over(number(2), [Index("j", "7")]) == number(14)


def test_category_probabilities_sum_to_one() -> None:
    n, k = FREE
    assert sum_over(from_atom(Indicator("z", (n,), k)), [k]) == number(1)
    assert sum_over(from_atom(Moment("z", "[z]", (n, k))), [k]) == number(1)
    both = from_atom(Indicator("z", (n,), k)) * from_atom(Element("mu", (k,)))
    assert len(sum_over(both, [k]).monomials[0].bound) == 1


def test_integer_powers_and_logs_of_products() -> None:
    k = FREE[1]
    mu, s = from_atom(Element("mu", (k,))), from_atom(Element("s", ()))
    assert functions.raise_to(mu - s, number(2)) == mu * mu - (mu * s).scaled(2) + s * s
    assert functions.log(mu * s) == functions.log(mu) + functions.log(s)
    assert functions.reciprocal(mu * mu) * mu == functions.reciprocal(mu)
    assert functions.log(number(1)) == number(0)


def test_a_sum_over_known_positions_is_not_the_number_of_positions() -> None:
    """Σ_t [1 < t] = T - 1, but Σ_n [1 < y[n]] depends on the data."""
    t, n = Index("t", "T"), Index("n", "N")
    one = Fraction(1)
    assert str(sum_over(collect([normalise(one, [(Link(t), one)], ())]), [t])) == str(from_atom(Size("T")) - number(1))
    told = sum_over(collect([normalise(one, [(Link(Gather("y", (n,), "T")), one)], ())]), [n])
    assert World({"N": 4, "T": 3}, {"y": np.array([0, 2, 1, 0])}).value(told) == 2
