"""Modules of sparse data: the same numbers whatever way cells are given, as of whole arrays, in a block's memory."""

import tracemalloc
import types
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from generated import run
from scipy.special import gammaln
from sparse_models import MODELS, derived, linked

from cavi.derive import Gamma, Model, Poisson, Sum, derive
from cavi.verify.claim import Claim
from cavi.verify.generated import check_generated
from cavi.verify.report import Report

HYPER = {"a": 0.4, "b": 0.8}
KNOWN = {"classes": {}, "gaussian": {}, "network": {}, "tensor": {}, "overdispersed": {"r": 1.7}}


def counts(sparse: bool = True) -> Model:
    """Counts as a product of two thin matrices."""
    m = Model("counts")
    u, i, k = m.index("u", "U"), m.index("i", "I"), m.index("k", "K")
    a, b = m.hyper("a b")
    theta, beta = m.latent("theta", Gamma(a, b), u, k), m.latent("beta", Gamma(a, b), i, k)
    z = m.latent("z", Poisson(theta[u, k] * beta[i, k]), u, i, k)
    m.observed("y", Sum(z[u, i, k], k), u, i, sparse=sparse)
    return m


@cache
def module(name: str, sparse: bool = True) -> types.ModuleType:
    return run((derive(counts(sparse)) if name == "counts" else derived(name, sparse)).numpy())


def data(name: str, sizes: dict[str, int]) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Random data of which two thirds are zero, and the sizes that they have."""
    rng, plain = np.random.default_rng(1), module(name, False)
    wanted = {n: s for n, s in sizes.items() if n in plain.SIZES}
    shape = [sizes[a] for a in plain.KNOWN["y"]["axes"]]
    y = (rng.random(shape) < 0.35) * (1 if plain.KNOWN["y"]["domain"] == "binary" else 1 + rng.poisson(1.0, shape))
    known = {"y": y.astype(float)}
    return known | ({"w": rng.gamma(2.0, size=sizes["U"])} if name == "overdispersed" else {}), wanted


@pytest.mark.parametrize("name", [*MODELS, "counts"])
def test_a_run_is_that_of_the_module_for_whole_arrays(name: str) -> None:
    """From the same start; a factor of single cells starts as the others have it."""
    known, sizes = data(name, {"U": 7, "I": 5, "T": 3, "K": 2})
    hyper = HYPER if name == "counts" else KNOWN[name]
    sparse, whole = module(name), module(name, False)
    init = sparse.fit(known, hyper, sizes, seed=3, max_iter=2, tol=0.0).params
    found = sparse.fit(known, hyper, sizes, init=init, max_iter=4, tol=0.0)
    expected = whole.fit(known, hyper, sizes, init=init, max_iter=4, tol=0.0)
    np.testing.assert_allclose(found.elbo_trace, expected.elbo_trace, rtol=1e-11)
    for latent, values in found.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(a, expected.params[latent][n], rtol=1e-9, atol=1e-12)
    fast = sparse.fit(known, hyper, sizes, init=init, max_iter=4, accelerate=True)
    assert fast.elbo >= expected.elbo_trace[0]


@pytest.mark.parametrize("name", [*MODELS, "linked"])
def test_modules_are_what_is_claimed_of_all_cells(name: str) -> None:
    """In high precision, at the whole arrays, zeros among them."""
    whole = derived(name) if name in MODELS else derive(linked(True))
    report = Report("code", tuple(check_generated(Claim(whole.plain()), whole.numpy, 0)))
    assert report.ok and not report.undecided, str(report)


def test_every_form_of_the_data_is_the_same() -> None:
    known, sizes = data("counts", {"U": 7, "I": 5, "K": 2})
    y = known["y"]
    u, i = (a[np.random.default_rng(0).permutation(int((y > 0).sum()))] for a in np.nonzero(y))
    shaped = {"K": 2} | dict(zip("UI", y.shape, strict=True))
    stored = sp.coo_array((np.append(y[u, i], 0.0), (np.append(u, 0), np.append(i, int(np.argmin(y[0]))))), y.shape)
    forms = [sp.csr_array(y), sp.csc_matrix(y), stored, {"u": u, "i": i, "value": y[u, i]}]
    bounds = [module("counts").fit({"y": form}, HYPER, shaped, seed=0, max_iter=5).elbo for form in forms]
    flat = {"y": y[u, i], "y_u": u, "y_i": i}
    bounds += [module("counts").fit(flat, HYPER, shaped, seed=0, max_iter=5).elbo]
    expected = module("counts").fit(known, HYPER, {"K": 2}, seed=0, max_iter=5)
    np.testing.assert_allclose(bounds, expected.elbo, rtol=1e-12)
    probs = module("counts").at_cells(expected, {"y": forms[3]}, HYPER)["z"]["probs"]
    q = {n: module("counts").digamma(p["shape"]) - np.log(p["rate"]) for n, p in expected.params.items()}
    weights = np.exp(q["theta"][u] + q["beta"][i])
    np.testing.assert_allclose(probs, weights / weights.sum(axis=1, keepdims=True), rtol=1e-10)


CELL = {"u": [0, 0, 1], "i": [1, 2, 1], "value": [1, 2, 3]}
BAD = [
    (CELL | {"i": [1, 1, 1]}, "y: found the cell u = 0, i = 1 more than once; expected each cell once"),
    (CELL | {"i": [1, 4, 1]}, "y_i: found index 4; expected 0 to 3, as I = 4"),
    (CELL | {"u": [0, -1, 1]}, "y_u: found -1; expected whole numbers of 0 or more"),
    (CELL | {"u": [0, 0.5, 1]}, "y_u: found 0.5; expected whole numbers"),
    (CELL | {"value": [1, -2, 3]}, "y: found -2; expected whole numbers of 0 or more"),
    (CELL | {"value": [1, np.nan, 3]}, "y: found 1 NaN or infinite"),
    (CELL | {"value": [1, 2]}, "y: found length 2 on axis y_cells; expected 3, as in y_u"),
    (
        {"user": [0], "i": [1], "value": [1]},
        r"y: found the entries \['i', 'user', 'value'\]; expected \['u', 'i', 'val",
    ),
    (sp.csr_array(np.ones((2, 4))), "y: found length 2 on axis U; expected 3, as in sizes"),
    (sp.csr_array((3, 4)), "y: found no cell that is not 0"),
    (
        np.ones(3),
        r"y: found shape \(3,\); expected a matrix over U, I, sparse or not, or a dict of \['u', 'i', 'value'\]",
    ),
    ("counts", "y: found shape"),
]


@pytest.mark.parametrize("given, message", BAD, ids=[str(n) for n in range(len(BAD))])
def test_cells_that_do_not_fit(given: object, message: str) -> None:
    with pytest.raises(module("counts").DataError, match=message):
        module("counts").fit({"y": given}, HYPER, {"U": 3, "I": 4, "K": 2})


def test_the_evidence_of_a_conjugate_model_counts_every_zero() -> None:
    """One rate a column, a Gamma prior: the evidence in closed form (Gelman et al. 2013, 2.6) over all cells."""
    m = Model("rates")
    u, i = m.index("u", "U"), m.index("i", "I")
    rate = m.latent("rate", Gamma(1.5, 2.0), i)
    m.observed("y", Poisson(rate[i]), u, i, sparse=True)
    y = np.random.default_rng(0).poisson(0.3, (40, 6)).astype(float)
    y[:, 2] = 0.0
    n, rows = y.sum(axis=0), len(y)
    each = 1.5 * np.log(2) - gammaln(1.5) + gammaln(1.5 + n) - (1.5 + n) * np.log(2 + rows)
    evidence = each.sum() - gammaln(1 + y).sum()
    assert run(derive(m).numpy()).fit({"y": sp.csr_array(y)}, {}).elbo == pytest.approx(evidence, rel=1e-12)


def test_a_run_works_in_blocks_and_with_the_cells_alone() -> None:
    """No array over all cells (of 80 GB), none over the given ones and the components, not in the start either."""
    rng, size, given, groups = np.random.default_rng(0), 100_000, 100_000, 4
    y = sp.coo_array((1.0 + rng.poisson(1.0, given), (np.arange(given), rng.permutation(size))), (size, size))
    assert np.isfinite(module("counts").fit({"y": y}, HYPER, {"K": groups}, seed=0, max_iter=1).elbo)
    size, groups = 500, 60
    cells = rng.permutation(size * size)[:given]
    y = sp.coo_array((1.0 + rng.poisson(1.0, given), np.unravel_index(cells, (size, size))), (size, size))
    tracemalloc.start()
    found = module("counts").fit({"y": y}, HYPER, {"K": groups}, seed=0, max_iter=2, tol=0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found.params) == {"theta", "beta"}
    assert peak < given * groups * 8 / 2
