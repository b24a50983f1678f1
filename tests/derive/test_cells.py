"""Sums over given cells have the values of sums over all of them; what would need every cell is refused."""

import numpy as np
import pytest
from brute import World
from sparse_models import MODELS, derived

from cavi.derive import (
    Bernoulli,
    Categorical,
    DeclarationError,
    Dirichlet,
    Gamma,
    Model,
    Multinomial,
    Normal,
    Poisson,
    derive,
)
from cavi.derive.cells import over_cells
from cavi.derive.result import ArrayOperation

SIZES = {"U": 3, "I": 2, "T": 2, "K": 2}


def worlds(name: str) -> tuple[World, World]:
    """Random moments, parameters and data with zeros: by all cells, and by those that are not zero."""
    whole, rng = derived(name), np.random.default_rng(0)
    _, (cells,) = over_cells(whole)
    y = rng.permutation([0, 0, 1] * 9)[: np.prod([SIZES[i.size] for i in cells.plates])]
    y = y.reshape([SIZES[i.size] for i in cells.plates]) * (2 if whole.model.variable("y").domain == "count" else 1)
    at = np.nonzero(y)
    assert 0 < len(at[0]) < y.size
    arrays = {"y": y, "r": 1.7, "w": rng.gamma(2.0, size=SIZES["U"])}
    values: dict[tuple[str, str], np.ndarray] = {}
    for u in whole.updates:
        for latent, f in [(f.latent, f) for f in u.formulas]:
            values[latent, f.name] = rng.gamma(2.0, size=[SIZES[i.size] for i in f.indices])
    dense = World(SIZES, arrays, {}, values)
    for u in whole.updates:
        for s in u.moment_specs:
            if s.value is not None:
                dense.moments[u.factor.name, s.key] = dense.array(s.value, s.indices)

    def placed(a: np.ndarray, latent: str) -> np.ndarray:
        return a[at] if latent in cells.latents else a

    sparse = World(
        SIZES | {cells.index.size: len(at[0])},
        arrays | {"y": y[at], **dict(zip(cells.places, at, strict=True))},
        {key: placed(a, key[0]) for key, a in dense.moments.items()},
        {key: placed(a, key[0]) for key, a in dense.parameters.items()},
    )
    return dense, sparse


@pytest.mark.parametrize("name", MODELS)
def test_sums_over_given_cells_have_the_values_of_sums_over_all(name: str) -> None:
    whole = derived(name)
    spread, (cells,) = over_cells(whole)
    dense, sparse = worlds(name)
    at = tuple(sparse.arrays[p] for p in cells.places)
    for before, after in zip(whole.updates, spread.updates, strict=True):
        own = before.factor.name in cells.latents
        for f, g in zip(before.formulas, after.formulas, strict=True):
            if not isinstance(f.value, ArrayOperation):
                expected = dense.array(f.value, f.indices)
                found = sparse.array(g.value, g.indices)
                np.testing.assert_allclose(found, expected[at] if own else expected, rtol=1e-11, atol=1e-12)
    for t, part in zip(whole.elbo.closed_terms, spread.elbo.terms, strict=True):
        assert sparse.value(part.value) == pytest.approx(dense.value(t.value), rel=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_no_sum_is_over_all_cells(name: str) -> None:
    """Every array of the formulas lacks one of the plates, and the declaration is over cells."""
    spread, (cells,) = over_cells(derived(name))
    for u in spread.updates:
        for f in u.formulas:
            assert not {i.name for i in cells.plates} <= {i.name for i in f.indices}
    assert spread.model.variable("y").plates == (cells.index,)
    assert all(spread.model.variable(n).plates[0] == cells.index for n in cells.latents)


def test_a_derivation_without_sparse_arrays_is_left_alone() -> None:
    whole = derived("classes", sparse=False)
    assert over_cells(whole) == (whole, ())


def plates() -> tuple:
    m = Model("m")
    return m, m.index("u", "U"), m.index("i", "I"), m.latent("p", Gamma(1.5, 2.0), m.index("v", "U"))


def every_pair() -> None:
    m = Model("m")
    u, i = m.index("u", "U"), m.index("i", "U")
    m.observed("y", Poisson(m.latent("p", Gamma(1, 1), u)[u]), u, i, where=u < i, sparse=True)
    over_cells(derive(m))


def exposures() -> None:
    m, u, i, p = plates()
    m.observed("y", Poisson(p[u] * m.covariate("w", u, i)[u, i]), u, i, sparse=True)
    over_cells(derive(m))


def noise() -> None:
    m, u, i, _ = plates()
    e = m.latent("e", Gamma(1.5, 2.0), u, i)
    m.observed("y", Poisson(e[u, i]), u, i, sparse=True)
    over_cells(derive(m))


def one_plate() -> None:
    m, u, _, p = plates()
    m.observed("y", Poisson(p[u]), u, sparse=True)


def vectors() -> None:
    m, u, i, _ = plates()
    t = m.latent("t", Dirichlet(1.0, over=i))
    m.observed("y", Multinomial(3, t), u, m.index("j", "J"), sparse=True)


def positive() -> None:
    m, u, i, p = plates()
    m.observed("y", Gamma(2.0, p[u]), u, i, sparse=True)


def categories() -> None:
    m, u, i, _ = plates()
    t = m.latent("t", Dirichlet(1.0, over=m.index("k", "K")))
    m.observed("y", Categorical(t), u, i, sparse=True)


def chain() -> None:
    m, u, i, p = plates()
    m.observed("y", lambda y: Normal(y[u, i - 1], p[u]), u, i, initial=Normal(0, 1), sparse=True)


REFUSED = [
    (every_pair, r"y is declared sparse over \[u, i\], but in the update of p: .*has a factor with a number for every"),
    (exposures, r"the term Σ_i w\[v,i\] has a factor with a number for every cell; expected terms that vanish"),
    (noise, r"term of e: .* does not vanish where y is zero, so that its factor exists at every cell"),
    (one_plate, "y: found sparse=True on an array over u; expected numbers over two or more plates"),
    (vectors, "y: found sparse=True on an array over u, j, i; expected numbers"),
    (positive, "y: found sparse=True on an array whose values are Gamma, which zero is not among"),
    (categories, "y: found sparse=True on an array whose values are Categorical"),
    (chain, "y: found sparse=True on a chain"),
]


@pytest.mark.parametrize("declare, message", REFUSED, ids=lambda x: getattr(x, "__name__", ""))
def test_what_needs_every_cell_is_refused(declare, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_a_refused_declaration_has_not_been_made() -> None:
    m, u, i, p = plates()
    with pytest.raises(DeclarationError):
        m.observed("y", Gamma(2.0, p[u]), u, i, sparse=True)
    m.observed("y", Bernoulli(0.3), u, i, sparse=True)
    assert str(m.variable("y")) == "y[u, i] ~ Bernoulli(3/10), sparse"
