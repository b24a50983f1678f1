"""Documents whose updates are repeated in one compiled loop, against updates of all documents in turn."""

import types

import numpy as np
import pytest
from generated import derived_model, generated, run

from cavi.derive import (
    Beta,
    Categorical,
    Dirichlet,
    Gamma,
    Model,
    MultivariateNormal,
    Normal,
    Poisson,
    Sum,
    derive,
    stick_breaking,
)
from cavi.derive.result import Derived
from cavi.templates.numba.special import SOURCES

pytestmark = pytest.mark.targets
pytest.importorskip("numba")

DOCUMENTS, WORDS, TOPICS, ROWS = 12, 9, 3, 90


def words(name: str, concentration, by_document=lambda m, d, doc: None) -> Model:
    """Topics of words, with a prior of the proportions and what else a document has."""
    m = Model(name)
    n, d, k, v = m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("v", "V")
    doc = m.observed_index("doc", n, over=d)
    theta = m.latent("theta", Dirichlet(concentration(m, k), over=k), d)
    beta = m.latent("beta", Dirichlet(0.4, over=v), k)
    z = m.latent("z", Categorical(theta[doc[n]]), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    by_document(m, d, doc)
    return m


def asymmetric() -> Model:
    return words("asymmetric", lambda m, k: m.hyper("alpha", k)[k])


def visited() -> Model:
    """A rate of a document that no word sees, and of which a level of its own is known too."""

    def rates(m: Model, d, doc) -> None:
        level = m.latent("level", Gamma(2.0, 1.0), d)
        rate = m.latent("rate", Gamma(2.0, level[d]), d)
        m.observed("visits", Poisson(rate[d]), d)

    return words("visited", lambda m, k: 0.7, rates)


def placed() -> Model:
    """A vector of a document, of whose factor there is a matrix: no loop is made of it."""

    def places(m: Model, d, doc) -> None:
        a, b = m.index("a", "A"), m.index("b", "A")
        place = m.latent("place", MultivariateNormal(0, 1, over=a), d)
        turn = m.covariate("turn", b, a)
        m.observed("x", Normal(Sum(turn[b, a] * place[d, a], a), 2.0), d, b)

    return words("placed", lambda m, k: 0.7, places)


def sticks() -> Model:
    """Proportions by breaking a stick of a document, whose pieces its own rate makes smaller or larger."""
    m = Model("sticks")
    n, d, k, v = m.index("n", "N"), m.index("d", "D"), m.index("k", "K"), m.index("v", "V")
    doc = m.observed_index("doc", n, over=d)
    rate = m.latent("rate", Gamma(2.0, m.latent("level", Gamma(2.0, 1.0))), d)
    stick = m.latent("stick", Beta(1, rate[d]), d, k)
    beta = m.latent("beta", Dirichlet(m.hyper("eta", v)[v], over=v), k)
    z = m.latent("z", Categorical(stick_breaking(stick[doc[n]])), n)
    m.observed("w", Categorical(beta[z[n]]), n)
    return m


MODELS = {f.__name__: f for f in (asymmetric, visited, placed, sticks)}
DERIVED: dict[str, Derived] = {}
MODULES: dict[tuple[str, str], types.ModuleType] = {}


def module_of(name: str, target: str) -> types.ModuleType:
    if name not in DERIVED:
        DERIVED[name] = derive(MODELS[name]()) if name in MODELS else derived_model(name)
    if (name, target) not in MODULES:
        MODULES[name, target] = run(DERIVED[name].render(target))
    return MODULES[name, target]


def case(name: str, target: str) -> tuple[types.ModuleType, dict, dict, dict, dict]:
    """A module with data, some of whose words vanish in products of probabilities, and a start of the topics."""
    module, rng = module_of(name, target), np.random.default_rng(3)
    sizes = {"D": DOCUMENTS, "K": TOPICS, "V": WORDS, "A": 2}
    where = {"doc": rng.integers(DOCUMENTS, size=ROWS), "w": rng.integers(WORDS, size=ROWS)}
    where["doc"][where["doc"] == 5] = 4  # a document without words
    given = {
        **where, "count": rng.uniform(0.5, 2.0, ROWS), "visits": rng.poisson(3.0, DOCUMENTS),
        "turn": rng.normal(size=(2, 2)), "x": rng.normal(size=(DOCUMENTS, 2)),
    }  # fmt: skip
    known = {n for n, s in module.KNOWN.items() if s["where"] == "data"}
    data = {n: a for n, a in given.items() if n in known}
    shapes = {n: tuple(sizes[a] for a in s["axes"]) for n, s in module.KNOWN.items() if s["where"] == "hyper"}
    hyper = {n: rng.uniform(0.3, 0.9, shape) for n, shape in shapes.items()}
    init = {"beta": {"concentration": 10.0 ** rng.uniform(-3.6, 1.0, (TOPICS, WORDS))}}
    init = {n: p for n, p in init.items() if n in module.UPDATES}
    return module, data, hyper, {s: n for s, n in sizes.items() if s in module.SIZES}, init


@pytest.mark.parametrize("name", ["lda", *MODELS])
@pytest.mark.parametrize("given", [False, True])
def test_all_times_of_a_document_are_those_of_all_documents_in_turn(name: str, given: bool) -> None:
    module, data, hyper, sizes, init = case(name, "numba")
    assert bool(module.REPEAT) is (name != "placed")
    assert ("= exp_digamma(" in DERIVED[name].numba()) is (name not in ("placed", "sticks"))
    runs = [
        module.fit(
            data, hyper, sizes, init=init if given else None, seed=1, max_iter=3, tol=-1.0, inner=5, callback=callback
        )
        for callback in (None, lambda *_: False)
    ]
    np.testing.assert_allclose(runs[0].elbo_trace, runs[1].elbo_trace, rtol=1e-12)
    for latent, values in runs[1].params.items():
        for n, a in values.items():
            np.testing.assert_allclose(runs[0].params[latent][n], a, rtol=1e-9, atol=1e-14, err_msg=f"{latent}.{n}")


@pytest.mark.parametrize("name", ["lda", "sticks"])
def test_runs_are_those_of_numpy(name: str) -> None:
    traces = []
    for target in ("numpy", "numba"):
        module, data, hyper, sizes, init = case(name, target)
        traces.append(module.fit(data, hyper, sizes, init=init, seed=1, max_iter=4, tol=-1.0, inner=3).elbo_trace)
    np.testing.assert_allclose(traces[0], traces[1], rtol=1e-12)


def test_logits_are_there_where_products_vanish() -> None:
    """Words that are in no topic of their document but by a number that a double cannot hold."""
    module, data, hyper, sizes, _ = case("lda", "numba")
    init = {
        "beta": {"concentration": np.where(np.arange(WORDS) % TOPICS == np.arange(TOPICS)[:, None], 5.0, 1e-3)},
        "theta": {"concentration": np.full((DOCUMENTS, TOPICS), 2e-3)},
    }
    hyper = {"alpha": 1e-3, "eta": 1e-3}
    runs = [
        module.fit(data, hyper, sizes, init=init, max_iter=2, tol=-1.0, inner=3, callback=callback)
        for callback in (None, lambda *_: False)
    ]
    np.testing.assert_allclose(runs[0].elbo_trace, runs[1].elbo_trace, rtol=1e-11)
    assert np.isfinite(runs[0].elbo_trace).all()


def test_blocks_in_single_precision() -> None:
    module, data, hyper, sizes, init = case("lda", "numba")
    exact, single = (
        module.fit(data, hyper, sizes, init=init, seed=1, max_iter=3, tol=-1.0, inner=5, dtype=dtype).elbo
        for dtype in (np.float64, np.float32)
    )
    assert single == pytest.approx(exact, rel=1e-5) and single != exact


def test_a_document_is_the_same_whatever_threads_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    module, data, hyper, sizes, init = case("sticks", "numba")
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(module.numba, "get_num_threads", lambda threads=threads: threads)  # parts of lines
        found.append(module.fit(data, hyper, sizes, init=init, seed=1, max_iter=2, tol=-1.0, inner=4).params["stick"])
    np.testing.assert_allclose(found[0]["a"], found[1]["a"], rtol=1e-12)


def test_special_functions_have_their_digits() -> None:
    """Against mpmath: 2e-15 of ψ, and of exp ψ as many digits as ψ itself leaves it; exp and log are right to 2e-16."""
    mpmath = pytest.importorskip("mpmath")
    calls = {"psi": "digamma_of", "exp_psi": "exp_digamma", "loggamma": "gammaln_of", "exp": "exp_of", "log": "log_of"}
    loops = "".join(
        f'\n@numba.njit(error_model="numpy")\ndef {n}(x, out):\n'
        f"    for i in range(len(x)):\n        out[i] = {f}(x[i])\n"
        for n, f in calls.items()
    )
    module = run("from typing import Any\nimport numba\nimport numpy as np\n" + SOURCES["scalars"] + loops)
    x = np.concatenate(
        [10.0 ** np.random.default_rng(0).uniform(-8, 8, 400), [1e-8, 1.0, 1.4616321449683622, 2.0, 1e8]]
    )
    y = np.random.default_rng(1).uniform(-700.0, 700.0, 400)

    def errors(name: str, x: np.ndarray, scale) -> float:
        out = np.empty_like(x)
        getattr(module, name)(x, out)
        reference = {
            "psi": mpmath.digamma, "exp_psi": lambda a: mpmath.exp(mpmath.digamma(a)), "loggamma": mpmath.loggamma,
            "exp": mpmath.exp, "log": mpmath.log,
        }[name]  # fmt: skip
        with mpmath.workdps(40):
            exact = [reference(mpmath.mpf(float(a))) for a in x]
            found = [abs(mpmath.mpf(float(a)) - e) for a, e in zip(out, exact, strict=True)]
            return max(float(f / scale(mpmath.mpf(float(a)), e)) for f, e, a in zip(found, exact, x, strict=True))

    assert errors("psi", x, lambda a, e: max(1, abs(e))) < 2e-15
    assert errors("exp_psi", x[x > 1 / 700], lambda a, e: e * max(1, abs(mpmath.digamma(a)))) < 2e-15
    assert errors("loggamma", x, lambda a, e: max(1, abs(e))) < 1e-14
    assert errors("exp", y, lambda a, e: e) < 2.3e-16
    assert errors("log", x[np.abs(x - 1) > 1e-3], lambda a, e: abs(e)) < 2.3e-16
    out = np.empty(4)
    module.exp_psi(np.array([1e-8, 1e-3, np.nan, np.inf]), out)
    assert out[0] == 0.0 and np.isnan(out[2]) and out[3] == np.inf
    module.psi(np.array([np.inf, 1e300, np.nan, 1e-300]), out)
    assert (
        out[0] == np.inf
        and out[1] == pytest.approx(np.log(1e300))
        and np.isnan(out[2])
        and out[3] == pytest.approx(-1e300)
    )
    module.exp(np.array([-np.inf, 0.0, 800.0, np.nan]), out)
    np.testing.assert_array_equal(out, [0.0, 1.0, np.inf, np.nan])


def test_a_numpy_module_has_none_of_it() -> None:
    assert "exp_digamma" not in derived_model("lda").numpy() and hasattr(generated("lda"), "line_sums")
