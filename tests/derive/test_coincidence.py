"""Products over elements of one plate, by which of them coincide: against enumeration of all places and values."""

import itertools
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from brute import World

from cavi.derive import (
    ApproximationError,
    Bernoulli,
    Derived,
    Gamma,
    Model,
    NonConjugateError,
    Normal,
    derive,
    dot,
)
from cavi.derive.canonical import canonical
from cavi.derive.coincidence import MOST, Case, TooManyCasesError, cases, kinds
from cavi.derive.expectation import Expectation, Moments
from cavi.derive.factorisation import blocks
from cavi.derive.index import Gather, Index, Literal
from cavi.derive.term import Element, Monomial, Polynomial
from cavi.verify import verify

PLACES, VALUES = 3, 3
KINDS = [[[0]], [[0], [1]], [[0, 1, 2]], [[0, 2], [1]], [[0], [1], [2], [3]], [[0, 3, 1], [2]], [[2, 0, 3, 1]]]


class Elements:
    """Independent elements with few values each, and a function of an element for every site; alike sites share one."""

    def __init__(self, alike: list[list[int]], seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.probs = rng.dirichlet(np.ones(VALUES), size=PLACES)
        self.count = sum(map(len, alike))
        # Coefficients depend on the place, as those of data do, and are those of the kind.
        table = {kind[0]: rng.normal(size=(PLACES, VALUES)) for kind in alike}
        self.f = [next(table[kind[0]] for kind in alike if s in kind) for s in range(self.count)]
        self.held = 1, 2  # the element that is held, and its value

    def places(self) -> itertools.product:
        return itertools.product(range(PLACES), repeat=self.count)

    def expected(self, at: tuple[int, ...], sites: range | tuple[int, ...]) -> float:
        """E of the product over some sites that are at one place."""
        (place,) = {at[s] for s in sites}
        return self.probs[place] @ np.prod([self.f[s][place] for s in sites], axis=0)

    def product(self, at: tuple[int, ...], holding: bool) -> float:
        """E of the product of all sites at their places; with an element held, zero where no site is it."""
        if holding and self.held[0] not in at:
            return 0.0
        total = 1.0
        for place in set(at):
            sites = tuple(s for s in range(self.count) if at[s] == place)
            if holding and place == self.held[0]:
                total *= prod(self.f[s][self.held] for s in sites)
            else:
                total *= self.expected(at, sites)
        return total

    def of_case(self, case: Case, at: tuple[int, ...], holding: bool) -> float:
        if any(len({at[s] for s in group}) > 1 for group in case.same):
            return 0.0
        if holding and {at[s] for s in case.same[0]} != {self.held[0]}:
            return 0.0
        value = float(case.weight) * prod(self.f[s][self.held] for s in case.held)
        return value * prod(self.expected(at, group) for group in case.averaged)


@pytest.mark.parametrize("holding", [False, True])
@pytest.mark.parametrize("alike", KINDS)
def test_cases_add_up_to_the_product_over_all_places(alike: list[list[int]], holding: bool) -> None:
    world = Elements(alike)
    found = sum(world.of_case(case, at, holding) for case in cases(alike, holding) for at in world.places())
    assert found == pytest.approx(sum(world.product(at, holding) for at in world.places()), rel=1e-11)


@pytest.mark.parametrize("holding", [False, True])
def test_sites_of_kinds_of_their_own_are_right_at_every_place(holding: bool) -> None:
    alike = [[0], [1], [2], [3]]
    world = Elements(alike, seed=1)
    for at in world.places():
        found = sum(world.of_case(case, at, holding) for case in cases(alike, holding))
        assert found == pytest.approx(world.product(at, holding), rel=1e-10, abs=1e-12)


def test_partitions_of_numbers_take_the_place_of_those_of_sets() -> None:
    assert len(list(cases([[0, 1, 2, 3, 4, 5]]))) == 58  # 1, 3, 6, 14, 27, 58: Sloane's A001970
    assert len(list(cases([[0], [1], [2], [3]]))) == 60  # 1, 3, 12, 60: Sloane's A000258


def test_too_many_cases_are_refused() -> None:
    with pytest.raises(TooManyCasesError):
        list(cases([list(range(12))], holding=True))


def test_sites_that_change_places_are_of_one_kind() -> None:
    i, j, k, n = (Index(*x) for x in (("i", "J"), ("j", "J"), ("k", "J"), ("n", "N")))
    w = [(Element("w", (s,)), 1) for s in (i, j, k)]
    x = [(Element("x", (n, s)), 1) for s in (i, j)]
    both = Monomial(1, tuple([*w, *x]), (i, j, k, n))
    assert kinds(both, [(i,), (j,), (k,)]) == [[0, 1], [2]]
    assert kinds(Monomial(1, tuple([*w, *x]), (j, k, n)), [(i,), (j,), (k,)]) == [[0], [1], [2]]  # i is given
    assert kinds(both, [(i,), (Literal(0, "J"),), (Gather("g", (n,), "J"),)]) == [[0], [1], [2]]


def powers(power: int, latent: object = None, rate: bool = False) -> Model:
    """A Normal about a power of a sum of latents times known numbers."""
    m = Model("powers")
    n, j = m.index("n", "N"), m.index("j", "J")
    w = m.latent("w", Normal(0, 1) if latent is None else latent, j)
    x = m.covariate("x", n, j)
    tau = m.latent("tau", Gamma(2, 1)) if rate else 1
    m.observed("y", Normal(dot(w, x[n]) ** power, tau), n)
    return m


@pytest.mark.parametrize("power", [3, 4, 6])
def test_the_expectation_of_a_power_of_a_sum(power: int) -> None:
    m = powers(1)
    sites = [Index(f"{c}", "J") for c in "abcdef"[:power]]
    atoms = [(Element(name, (s,)), 1) for s in sites for name in ("w", "x")]
    moments = Moments()
    split = blocks(m, {}, None)
    found = Expectation(split, moments).of(summed(atoms, sites))
    rng = np.random.default_rng(2)
    x, probs, values = rng.normal(size=PLACES), rng.dirichlet(np.ones(VALUES), size=PLACES), rng.normal(size=VALUES)
    known = {
        ("w", key): np.array([p @ values ** float(pattern.powers[0][1]) for p in probs])
        for (_, key), pattern in moments.patterns.items()
    }
    assert len(known) == power
    got = World({"J": PLACES}, {"x": x}, moments=known).value(found)
    expected = sum(
        prod(probs[j][a] for j, a in enumerate(at)) * float(values[list(at)] @ x) ** power
        for at in itertools.product(range(VALUES), repeat=PLACES)
    )
    assert got == pytest.approx(expected, rel=1e-10)


def summed(atoms: list[tuple[Element, int]], bound: list[Index]) -> Polynomial:
    return canonical(Polynomial((Monomial(Fraction(1), tuple((a, Fraction(e)) for a, e in atoms), tuple(bound)),)))


@pytest.mark.slow
def test_the_cube_of_a_sum_of_coins_is_conjugate_and_verified() -> None:
    report = verify(derive(powers(3, Bernoulli(0.3), rate=True)), digits=15)
    assert report.ok, report


def cubic() -> Derived:
    return derive(powers(3), approximate={"w": "quadrature"})


@pytest.mark.slow
def test_the_cube_of_a_sum_of_normals_is_verified_by_quadrature() -> None:
    report = verify(cubic(), digits=12, code=False)
    assert report.ok, report


@pytest.mark.parametrize("power", [2, 3])
def test_powers_of_a_sum_are_refused_with_what_does(power: int) -> None:
    with pytest.raises(NonConjugateError, match=r"approximate=\{'w': 'quadrature'\}"):
        derive(powers(power))


def test_a_polynomial_is_no_function_that_a_normal_is_chosen_for() -> None:
    with pytest.raises(ApproximationError, match=r"found .*w\[j\]⁴.* degree 4 in w; expected functions f\(u\)"):
        derive(powers(2), approximate={"w": "cvi"})


def test_what_falls_into_too_many_cases_is_refused_in_words() -> None:
    with pytest.raises(NonConjugateError, match=f"coincide has more than {MOST} cases; expected a polynomial of lower"):
        derive(powers(6))
