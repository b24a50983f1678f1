"""Sums over elements that are updated one after another, kept current: against the sums made anew for every element."""

import functools
import tracemalloc

import numpy as np
import pytest
from generated import assert_a_run_is_its_updates, derived_model, inputs, run

from cavi.derive import Derived, Gamma, Model, Normal, Sum, derive


@functools.cache
def three_ways() -> Derived:
    """A mean that adds up products of rows of three tables."""
    m = Model("three_ways")
    n, k = m.index("n", "N"), m.index("k", "K")
    sides = [m.index(i, s) for i, s in (("i", "I"), ("j", "J"), ("l", "L"))]
    places = [m.observed_index(f"at_{s.name}", n, over=s) for s in sides]
    tables = [m.latent(name, Normal(0, 1), s, k) for name, s in zip("uvw", sides, strict=True)]
    tau = m.latent("tau", Gamma(1, 1))
    u, v, w = (t[p[n], k] for t, p in zip(tables, places, strict=True))
    m.observed("y", Normal(Sum(u * v * w, k), tau), n)
    return derive(m)


def text_of(name: str) -> str:
    """The module of a model here, of the library or of the zoo."""
    return (three_ways() if name == "three_ways" else derived_model(name)).numpy()


def made_anew(text: str) -> str:
    """A module whose updates make these sums before every element."""
    lines, sums = list[str](), list[str]()
    for line in text.splitlines():
        in_blocks = sums and line.startswith(("    for rows in blocks(", "        current_"))
        if in_blocks or (line.startswith("    current_") and " = " in line):
            sums.append(f"    {line}")
            continue
        if not line.strip().startswith("current_"):
            lines.append(line)
        if line.startswith("    for ") and sums:
            lines.extend(sums)
            sums = []
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["three_ways", "supervised_topics"])
def test_a_sum_kept_current_is_the_sum(name: str) -> None:
    text = text_of(name)
    module, anew = run(text), run(made_anew(text))
    data, hyper, sizes = inputs(module, np.random.default_rng(0), 60, 4)
    found, expected = (x.fit(data, hyper, sizes, seed=1, max_iter=20, tol=-1.0) for x in (module, anew))
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-12)
    assert (np.diff(found.elbo_trace) > -1e-9 * np.abs(found.elbo_trace[1:])).all()
    assert_a_run_is_its_updates(module, data, hyper, sizes)


@pytest.mark.parametrize("name", ["three_ways", "supervised_topics"])
def test_a_difference_that_is_forgotten_is_found(name: str) -> None:
    """The comparison above can fail: without what is added after each element the traces part."""
    text = text_of(name)
    kept = [line for line in text.splitlines() if not line.strip().startswith("current_1 +=")]
    assert len(kept) < len(text.splitlines())
    lost, anew = run("\n".join(kept)), run(made_anew(text))
    given = inputs(lost, np.random.default_rng(0), 60, 4)
    traces = [x.fit(*given, seed=1, max_iter=5, tol=-1.0).elbo_trace for x in (lost, anew)]
    assert np.abs(traces[0] - traces[1]).max() > 1e-6


def test_what_an_update_reads_of_other_elements_is_not_made_for_each() -> None:
    text = text_of("three_ways")
    update = text[text.index("def update_u(") : text.index("def moments_u(")]
    before, loop = update.split("    for k in range(K):\n")
    assert "current_1[rows] = " in before and "einsum" not in loop
    assert all(f"E_{t}[at_{i}]" not in loop for t, i in (("u", "i"), ("v", "j"), ("w", "l")))


@pytest.mark.parametrize("name", ["linear_regression", "gaussian_matrix_factorisation", "stochastic_block_model"])
def test_sums_with_another_factor_at_both_elements_are_left_alone(name: str) -> None:
    """Σ_d' (Σ_n X[n,d] X[n,d']) E[w[d']] is another sum for every d; a sparse matrix makes it of two tables."""
    assert "current_" not in text_of(name)


def test_what_rows_read_of_other_factors_is_made_once_a_turn() -> None:
    """Sums with data, with the sum kept current and of squares share a product; what follows the change has it too."""
    text = text_of("three_ways")
    _, loop = text[text.index("def update_u(") : text.index("def moments_u(")].split("    for k in range(K):\n")
    for table, place in (("E_v", "at_j"), ("E_w", "at_l"), ("E_v_sq", "at_j"), ("E_w_sq", "at_l")):
        assert loop.count(f"{table}[:, k][{place}]") == 1
    assert loop.count("[at_") == 5  # and the change of the element


@pytest.mark.parametrize("rows", [1, 2079, 4165])
def test_sums_over_rows_of_tables_are_made_block_by_block(rows: int) -> None:
    """Of any number of rows what one piece would give; a block that is left out is seen."""
    module = run(text_of("three_ways"))
    assert "for rows in blocks(N):" in text_of("three_ways")
    data, hyper, sizes = inputs(module, np.random.default_rng(0), rows, 4)
    found = module.fit(data, hyper, sizes, seed=1, max_iter=3, tol=-1.0)
    e = {t: found.params[t]["mean"][data[f"at_{i}"]] for t, i in (("u", "i"), ("v", "j"), ("w", "l"))}
    state = module.State(*module.prepare(data, hyper, sizes))
    module.initialise(state, found.params, np.random.default_rng(0))
    fitted = (e["u"] * e["v"] * e["w"]).sum(axis=1)
    assert module.sum_k_n_y_E_u_E_v_E_w(state) == pytest.approx(data["y"] @ fitted, rel=1e-11)
    assert module.sum_k_k_n_E_u_E_u_E_v_E_v_E_w_E_w(state) == pytest.approx(fitted @ fitted, rel=1e-11)
    whole, module.BLOCK = found.elbo_trace, 7
    np.testing.assert_allclose(
        module.fit(data, hyper, sizes, seed=1, max_iter=3, tol=-1.0).elbo_trace, whole, rtol=1e-10
    )
    plain = module.blocks
    module.blocks = lambda size, least=0: list(plain(size, least))[1:]
    if rows > 7:
        module.update_w(state)
        assert module.sum_k_n_y_E_u_E_v_E_w(state) != pytest.approx(data["y"] @ fitted, rel=1e-6)


def test_a_run_over_rows_of_three_tables_has_no_array_of_rows_and_columns() -> None:
    module = run(text_of("three_ways"))
    rows, columns = 30_000, 16
    given = inputs(module, np.random.default_rng(0), rows, columns)
    tracemalloc.start()
    module.fit(*given, seed=1, max_iter=2, tol=-1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * rows * columns  # in one piece it would be three times this
