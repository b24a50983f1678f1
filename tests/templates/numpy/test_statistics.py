"""Sums over rows as functions of their own: the same numbers, never stale, those of data alone made once."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from generated import NAMES, derived_model, generated, inputs, peak_of_a_sweep, state_of

from cavi.derive.canonical import orders_of
from cavi.derive.index import Gather, Index, Literal
from cavi.derive.term import Delta, Element, Moment, Monomial
from cavi.templates.numpy.statistics import canonical_group, row_sizes, take_apart

N, D, E, K = Index("N.0", "N"), Index("D.0", "D"), Index("D.1", "D"), Index("K.0", "K")


def anew(module, state):
    """A state with the same parameters, everything else computed again."""
    other = module.State(state.data, state.hyper, state.sizes)
    for latent, values in state.params.items():
        other.store(latent, **{n: a.copy() for n, a in values.items()})
    for factor in module.KIND:
        other.refresh(factor)
    return other


def perturb(module, state, latent: str, rng: np.random.Generator) -> None:
    """Other parameters, as a user would store them."""
    params = {n: a for n, a in state.params[latent].items() if module.PARAMETERS[latent][n]["role"] == "standard"}
    power = rng.uniform(1.0, 1.2)  # of a density whose coefficients these are: some changed alone have no normaliser
    for name, array in params.items():
        domain = module.PARAMETERS[latent][name]["domain"]
        if domain in ("real", "positive"):
            by = power if name.startswith("eta_") else rng.uniform(1.0, 1.2)
            state.store(latent, **{name: array * by})
        elif domain == "simplex":
            moved = array * rng.uniform(0.5, 1.0, size=array.shape)
            state.store(latent, **{name: moved / moved.sum(axis=-1, keepdims=True)})
    factor = next(f for f in module.UPDATES if latent in f.split(","))
    if factor in module.FOLLOWS:
        module.FOLLOWS[factor](state)
    state.refresh(factor)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(2))
def test_no_stale_statistic_is_used(name: str, seed: int) -> None:
    """After updates in any order, and parameters stored in between, all is as in a state that has kept nothing."""
    module, rng = generated(name), np.random.default_rng(seed)
    state = state_of(module, seed, 60 if name == "gaussian_mixture_em" else 6, 2)
    factors = list(module.UPDATES)
    with np.errstate(all="ignore"):
        for _ in range(6):
            if rng.random() < 0.4:
                perturb(module, state, str(rng.choice(list(module.PARAMETERS))), rng)
            fresh, factor = anew(module, state), str(rng.choice(factors))
            np.testing.assert_allclose(module.elbo(state), module.elbo(fresh), rtol=1e-9)
            for s in (state, fresh):
                module.UPDATES[factor](s)
            for latent in factor.split(","):
                for n, a in state.params[latent].items():
                    np.testing.assert_allclose(a, fresh.params[latent][n], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["ard_regression", "linear_regression", "linear_regression_joint", "normal"])
def test_sums_of_data_alone_are_made_once(name: str) -> None:
    """After one sweep the data are not looked at again."""
    module = generated(name)
    state = state_of(module, 0, 9, 3)
    module.elbo(state)
    state.data.clear()
    before = module.elbo(state)
    for _ in range(3):
        for update in module.UPDATES.values():
            update(state)
    assert module.elbo(state) >= before - 1e-9 * abs(before)


def test_rows_are_contracted_first() -> None:
    x = [(Element("x", (N, i)), 1) for i in (D, E)]
    z, weight = (Moment("z", "[z]", (N, K)), 1), (Moment("L", "L", (K, D, E)), 1)
    taken = take_apart(Monomial(1, (*x, z, weight), (N, D, E, K)), frozenset({"N"}), {"z": ("z",), "L": ("L",)})
    assert taken is not None
    ((statistic, subs),) = taken.statistics
    assert statistic.reads == ("z",) and len(statistic.axes) == 3
    assert set(subs) == {D, E, K} and set(taken.rest.bound) == {D, E, K}


def test_a_gather_becomes_a_sum_by_segments() -> None:
    doc = Gather("doc", (N,), "D")
    m = Monomial(1, ((Moment("z", "[z]", (N, K)), 1), (Moment("t", "log t", (doc, K)), 1)), (N, K))
    taken = take_apart(m, frozenset({"N"}), {"z": ("z",), "t": ("t",)})
    assert taken is not None
    ((statistic, _),) = taken.statistics
    assert statistic.reads == ("z",)
    assert any(isinstance(a, Delta) and a.right.name == "doc" for a in statistic.monomial.atoms)


def test_the_name_of_an_index_does_not_matter() -> None:
    def statistic(first: Index, second: Index):
        powers = ((Element("x", (N, first)), 1), (Element("x", (N, second)), 1), (Moment("z", "[z]", (N, K)), 1))
        return take_apart(Monomial(1, powers, (N,)), frozenset({"N"}), {"z": ("z",)}).statistics[0][0]

    assert statistic(Index("d", "D"), Index("e", "D")) == statistic(Index("q", "D"), Index("a", "D"))


def test_a_sum_that_keeps_rows_is_left_alone() -> None:
    other = Index("n", "N")
    m = Monomial(1, ((Element("y", (other, N)), 1), (Moment("z", "[z]", (N, K)), 1)), (N,))
    assert take_apart(m, frozenset({"N"}), {"z": ("z",)}) is None
    assert take_apart(Monomial(1, ((Element("y", (Literal(0, "N"),)), 1),), ()), frozenset({"N"}), {}) is None


def test_rows_are_the_first_axes_of_what_was_observed() -> None:
    assert row_sizes(derived_model("gaussian_mixture_full")) == {"N"}
    assert row_sizes(derived_model("hmm_gaussian")) == {"T"}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_its_updates_one_after_another(name: str) -> None:
    """`fit` need not keep every factor during its sweeps; bound and parameters are those of the plain updates."""
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 60 if name == "gaussian_mixture_em" else 6, 2)
    found = module.fit(data, hyper, sizes, seed=4, max_iter=5, tol=0.0)
    bounds: list[float] = []
    plain = module.fit(data, hyper, sizes, seed=4, max_iter=5, tol=0.0, callback=lambda i, b, s: bounds.append(b))
    np.testing.assert_allclose(found.elbo_trace, bounds[: found.n_iter], rtol=1e-10)
    for latent, values in plain.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-8, atol=1e-10)


def test_responsibilities_are_not_kept_during_sweeps() -> None:
    """Peak memory of a run beyond the data and what it returns is that of a block."""
    module = generated("gaussian_mixture_full")
    rows, side, groups = 120_000, 4, 6
    rng = np.random.default_rng(0)
    hyper = {"alpha_0": 1.0, "m_0": np.zeros(side), "beta_0": 0.1, "nu_0": side + 1.0, "W_0": np.eye(side)}
    state = module.State(*module.prepare({"x": rng.normal(size=(rows, side))}, hyper, {"K": groups}))
    order = module.initialise(state, None, rng)
    assert set(module.COLLECT) == {"z"}
    peak = peak_of_a_sweep(module, state, order)
    assert "E_z" not in state.moments
    assert peak < rows * groups * 8 / 2


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "diagonal_gaussian_mixture", "poisson_mixture"])
def test_single_precision(name: str) -> None:
    """Blocks in single precision: bound and parameters to five digits, the results themselves in double precision."""
    module = generated(name)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 5000, 3)
    double = module.fit(data, hyper, sizes, seed=0, max_iter=5, tol=0.0)
    single = module.fit(data, hyper, sizes, seed=0, max_iter=5, tol=0.0, dtype=np.float32)
    np.testing.assert_allclose(single.elbo_trace, double.elbo_trace, rtol=1e-6)
    for latent, values in double.params.items():
        for n, a in values.items():
            assert single.params[latent][n].dtype == a.dtype
            np.testing.assert_allclose(single.params[latent][n], a, rtol=1e-3, atol=1e-4)
    with pytest.raises(module.DataError, match="float16"):
        module.fit(data, hyper, sizes, dtype=np.float16)


def test_the_plan_is_in_the_docstring() -> None:
    words = " ".join(str(generated("gaussian_mixture_full").__doc__).split())
    assert "T of F = 1 + D + D * (D + 1) // 2 lines" in words
    assert "4·N·K·F flops" in words
    assert "sum_n_X_X: once, 2·N·D·D flops" in " ".join(str(generated("ard_regression").__doc__).split())


def test_sums_of_squares_over_rows_make_no_array_of_squares() -> None:
    """A whole run needs less than half of the data beside them; the squares alone would be as large as the data."""
    module, rows, side = generated("linear_regression"), 100_000, 6
    rng = np.random.default_rng(0)
    data = {"X": rng.normal(size=(rows, side)), "y": rng.normal(size=rows)}
    hyper = {name: 1.0 for name, s in module.KNOWN.items() if s["where"] == "hyper"}
    tracemalloc.start()
    module.fit(data, hyper, max_iter=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * data["X"].nbytes


def test_many_indices_of_one_size_have_one_form_whatever_they_are_called() -> None:
    """Eight subscripts, as in the square of a product of four sums: what can change places is tried in one order."""
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(5):
        names = [Index(f"i{k}", "D") for k in rng.permutation(8)]
        group = [(Element("x", (N, i)), Fraction(1)) for i in names]
        group += [(Moment("a", "a", (i,)), Fraction(1)) for i in names[:3]]
        group += [(Moment("b", "b", (i,)), Fraction(1)) for i in names[3:5]]
        group.append((Delta(*sorted(names[5:7], key=str)), Fraction(1)))
        found.add(canonical_group(group, {N})[0])
    assert len(found) == 1
    alike = [Index(f"i{k}", "D") for k in range(8)]
    powers = {Element("x", (N, i)): Fraction(1) for i in alike}
    assert len(list(orders_of(alike, powers, {N, *alike}))) == 1
