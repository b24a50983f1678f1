"""Sums of what stands at observed integers as products with sparse matrices of the data."""

import tracemalloc

import numpy as np
import pytest
from generated import derived_model, generated, inputs

from cavi.derive import Gamma, Model, Normal, Sum, derive
from cavi.verify.claim import Claim
from cavi.verify.generated import check_generated
from cavi.verify.report import Report


def test_weights_of_what_occurs_together_are_added_up() -> None:
    """Lines (j, y[n, j]) and columns n, weighted by row; and pairs that occur several times."""
    marks = generated("latent_class").marks
    y, weight = np.array([[0, 1], [1, 1], [0, 0]]), np.array([1.0, 2.0, 4.0])
    found = marks(((np.arange(2)[:, None], y.T), (2, 3)), ((np.arange(3),), (3,)), weight)
    dense = np.zeros((2, 3, 3))
    for n, j in np.ndindex(3, 2):
        dense[j, y[n, j], n] += weight[n]
    np.testing.assert_array_equal(found.toarray(), dense.reshape(6, 3))
    twice = marks(((np.array([1, 1, 0]),), (2,)), ((np.array([2, 2, 0]),), (3,)))
    np.testing.assert_array_equal(twice.toarray(), [[1, 0, 0], [0, 0, 2]])


@pytest.mark.parametrize(
    "name, matrices, read",
    [
        ("latent_class", {"marks_y"}, lambda s: s["J"] * s["V"]),
        ("dawid_skene", {"marks_observer_x_patient"}, lambda s: s["J"]),
        ("poisson_matrix_factorisation", {"marks_column_row"}, lambda s: s["K"]),
        ("matrix_factorisation_wishart", {"marks_item_user", "marks_item_user_R"}, lambda s: s["D"] ** 2),
    ],
)
def test_no_array_has_rows_and_what_they_read(name: str, matrices: set[str], read) -> None:
    """One matrix for the sums of both sides, made once; a sweep takes less than an array of rows by what they read."""
    module, rows = generated(name), 20_000
    assert {n for n in vars(module) if n.startswith("marks_")} == matrices
    data, hyper, sizes = inputs(module, np.random.default_rng(0), rows, 6)
    state = module.State(*module.prepare(data, hyper, sizes))
    order = module.initialise(state, None, np.random.default_rng(0))
    updates = {**module.UPDATES, **module.COLLECT}
    for _ in range(2):  # of the second the peak is taken
        tracemalloc.start()
        for factor in order:
            updates[factor](state)
        module.elbo(state)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    own = sum(a.size for values in state.params.values() for a in values.values() if a.shape[:1] == (rows,))
    assert peak < 8 * (rows * read(state.sizes) + 4 * own)


def test_a_sum_by_segments_and_a_plain_gather_stay_what_they_are() -> None:
    assert "marks" not in derived_model("lda").numpy()


def test_no_sparse_matrix_is_written_for_jax() -> None:
    assert "marks_" not in derived_model("latent_class").render("jax")


@pytest.mark.parametrize("latent", ["u", "v"])
def test_columns_one_after_another_need_no_array_over_rows(latent: str) -> None:
    """What rows read of both factors is a product with the sparse matrix of rows, inside the loop over columns too."""
    module = generated("gaussian_matrix_factorisation")
    rng = np.random.default_rng(0)
    rows, size, width = 100_000, 30, 3
    data = {"row": rng.integers(size, size=rows), "column": rng.integers(size, size=rows), "x": rng.normal(size=rows)}
    hyper = {name: 1.0 for name, s in module.KNOWN.items() if s["where"] == "hyper"}
    state = module.State(*module.prepare(data, hyper, {"I": size, "J": size, "K": width}))
    module.initialise(state, None, rng)
    before = {n: np.array(state.moments[n]) for n in ("E_u", "E_v")}
    module.UPDATES[latent](state)  # makes the sparse matrices
    tracemalloc.start()
    state.moments.update({n: np.array(a) for n, a in before.items()})
    state.changed("u"), state.changed("v")
    module.UPDATES[latent](state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * rows
    mine, other = (before[n] for n in (("E_u", "E_v") if latent == "u" else ("E_v", "E_u")))
    here, there = (data[n] for n in (("row", "column") if latent == "u" else ("column", "row")))
    tau, second = state.moments["E_tau"], state.moments[f"E_{'v' if latent == 'u' else 'u'}_sq"][there]
    for k in range(width):  # row by row, from what is left of x without column k
        rest = data["x"] - (np.delete(mine, k, 1)[here] * np.delete(other, k, 1)[there]).sum(axis=1)
        precision = 1.0 + tau * np.bincount(here, second[:, k], size)
        mine[:, k] = tau * np.bincount(here, rest * other[there, k], size) / precision
    np.testing.assert_allclose(state.moments[f"E_{latent}"], mine, rtol=1e-9, atol=1e-12)


def test_products_of_moments_at_one_place_are_what_is_claimed() -> None:
    """Weighted ratings with an effect of each column and of each time, which is not where the columns are."""
    m = Model("ratings")
    n, i, j, k, t = (m.index(*name) for name in (("n", "N"), ("i", "I"), ("j", "J"), ("k", "K"), ("t", "T")))
    row, column, when = (m.observed_index(name, n, over=o) for name, o in (("row", i), ("column", j), ("when", t)))
    tau, weight = m.latent("tau", Gamma(1.5, 1.2)), m.covariate("w", n)
    b, s = m.latent("b", Normal(0, 1), j), m.latent("s", Normal(1, 2), t)
    u, v = m.latent("u", Normal(0, 1), i, k), m.latent("v", Normal(0, 2), j, k)
    mean = b[column[n]] + s[when[n]] + Sum(u[row[n], k] * v[column[n], k], k)
    m.observed("x", Normal(mean, weight[n] * tau), n)
    d = derive(m)
    assert ".T @ (E_b * E_v[:, k])" in d.numpy()
    report = Report("code", tuple(check_generated(Claim(d.plain()), d.numpy, 0)))
    assert report.ok and not report.undecided, str(report)
