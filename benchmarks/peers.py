"""Time, memory and bound of generated modules against other libraries: same data, same start, same iterations.

Run with ``python benchmarks/peers.py [--small] [--cores] [NAME …]`` after ``pip install -e '.[peers]'``. One core for
everybody, or with ``--cores`` all of them, by the clock: ours has a process for each, peers have threads of BLAS.
Every row runs both sides in one process, in turn. Time is that of a run with many iterations less that of one with two,
over their difference, so that checks, starts and results are not counted; the least of three. Memory is the peak that
`tracemalloc` sees in a run of its own, beyond the data. Bounds are compared at the same point of both algorithms. The
floor is what the arithmetic of ours alone takes: its products and exponentials, of arrays that lie in the cache where
ours do, with nothing made, copied or checked.

OpenBLAS takes kernels for AVX2 on processors that it does not know; OPENBLAS_CORETYPE=SkylakeX before the command has
both sides use AVX-512 where there is such a thing.
"""

from __future__ import annotations

import argparse
import os
import sys

ALL_CORES = "--cores" in sys.argv
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, str(os.cpu_count()) if ALL_CORES else "1")

import importlib
import tempfile
import time
import tracemalloc
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.special import gammaln

from cavi.derive import Categorical, Gamma, Model, MultivariateNormal, Normal, derive, dot
from cavi.models import derived, info, load

# What others do on the machine counts in the time that passes, but in that of the process our other processes do not.
_one = os.environ["NUMBA_NUM_THREADS"] == os.environ["OMP_NUM_THREADS"] == "1" and not ALL_CORES
clock = time.process_time if _one else time.perf_counter

Bound = Callable[[], float]
Run = Callable[[int], Bound]


class Reached(Exception):
    """A bound is at its goal."""


@dataclass(frozen=True)
class Beginning:
    """What a run of a generated module begins with: the module, data, hyperparameters, and a start."""

    module: Any
    data: dict[str, Any]
    hyper: dict[str, Any]
    init: dict[str, Any]
    sizes: dict[str, int] | None = None


@dataclass(frozen=True)
class Case:
    """Two runs of the same iterations.

    Attributes:
        name, sizes, peer: what is compared.
        iterations: of both.
        ours, theirs: run so many, and return what computes the bound.
        more: how many times as many iterations of ours are timed, where they are short.
        whole: whether whole runs are timed, start and result included, where iterations are not what takes time.
        begin: what a run of ours begins with, where the peer tells its bound after each iteration.
        until: the iterations of the peer until its bound is at a goal.
        floor: the bare arithmetic of an iteration of ours, or of a whole run.
        seconds: of an iteration of ours, of so many, where the run tells them.
    """

    name: str
    sizes: str
    peer: str
    iterations: int
    ours: Run
    theirs: Run
    more: int = 1
    whole: bool = False
    begin: Beginning | None = None
    until: Callable[[float], int] | None = None
    floor: Callable[[], None] | None = None
    seconds: Callable[[int], float] | None = None


def module_of(source: str) -> Any:
    """The generated module of a source."""
    module = types.ModuleType("generated")
    sys.modules["generated"] = module
    exec(compile(source, "generated", "exec"), module.__dict__)
    return module


def library(name: str, target: str = "numpy") -> Any:
    """The generated module of a library model."""
    return module_of(derive(load(name), info(name).factors).render(target))


def of_all_cores(name: str) -> Any:
    """The module of a library model for data in shards, in a file, so that processes can import it."""
    stem = f"cavi_{name}_{os.getpid()}"
    if stem not in sys.modules:
        folder = tempfile.mkdtemp()
        with open(os.path.join(folder, f"{stem}.py"), "w", encoding="utf-8") as file:
            file.write(derived(name).streaming())
        sys.path.append(folder)
        importlib.invalidate_caches()
    return importlib.import_module(stem)


def within(run: Callable[..., Any], iterations: int) -> float:
    """Seconds of an iteration after the second, as a run on all cores tells of them: processes take long to start."""
    seen: list[float] = []
    run(max_iter=2 + iterations, progress=lambda _: seen.append(time.perf_counter()))
    return (seen[-1] - seen[1]) / iterations


def shared_start(module: Any, data: dict[str, Any], hyper: dict[str, Any], init: dict[str, Any]) -> dict[str, Any]:
    """The shared factors that follow from a start of those of rows, as peers begin."""
    state = module.State(*module.prepare(data, hyper, None, init))
    module.initialise(state, init, np.random.default_rng(0))
    for factor in module.SHARED:
        module.UPDATES[factor](state)
    latents = [latent for factor in module.SHARED for latent in factor.split(",")]
    found: dict[str, Any] = module._shown({n: state.params[n] for n in latents})
    return found


def bare_sweep(module: Any, n: int, lines: int, k: int, dtype: Any) -> Callable[[], None]:
    """The products and exponentials of a sweep over a mixture with so many lines of features, block by block."""
    step = module.rows_of_block(lines, k, n)
    natural, features = np.full((k, lines), 0.1, dtype), np.full((lines, step), 0.1, dtype)
    probs, sums = np.empty((k, step), dtype), np.empty((lines, k), dtype)
    power, _ = module.power()

    def sweep() -> None:
        for start in range(0, n, step):
            some = slice(0, min(step, n - start))
            np.matmul(natural, features[:, some], out=probs[:, some])
            power(probs[:, some], out=probs[:, some])
            np.matmul(features[:, some], probs[:, some].T, out=sums)

    return sweep


def groups(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping groups, and responsibilities to start from."""
    rng = np.random.default_rng(0)
    label = rng.integers(k, size=n)
    x = 3.0 * rng.normal(size=(k, d))[label] + rng.normal(size=(n, d)) @ (np.eye(d) + 0.3 * np.tri(d, k=-1))
    return x, 0.1 / k + 0.9 * np.eye(k)[label]


def full_mixture(n: int, d: int, k: int, dtype: Any = np.float64, iterations: int = 5, far: bool = False) -> Case:
    """Full covariances against scikit-learn's BayesianGaussianMixture; `far` starts at random."""
    from sklearn.mixture import BayesianGaussianMixture

    x, r = groups(n, d, k)
    r = np.random.default_rng(1).dirichlet(np.ones(k), size=n) if far else r
    module = of_all_cores("gaussian_mixture_full") if ALL_CORES else library("gaussian_mixture_full")
    hyper = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": d + 1.0, "m_0": x.mean(axis=0), "W_0": np.eye(d)}

    start = shared_start(module, {"x": x}, hyper, {"z": {"probs": r}}) if ALL_CORES else {}

    def on_cores(**options: Any) -> Any:
        return module.fit_cores({"x": x}, hyper, {"K": k}, init=start, tol=-1.0, dtype=dtype, **options)

    def ours(iterations: int) -> Bound:
        if ALL_CORES:
            whole = on_cores(max_iter=iterations)
            return lambda: float(whole.elbo)
        found = module.fit({"x": x}, hyper, init={"z": {"probs": r}}, max_iter=iterations, tol=0.0, dtype=dtype)

        def bound() -> float:  # the peer's is taken after one more update of all but z
            state = module.State(*module.prepare({"x": x}, hyper, {"K": k}))
            module.initialise(state, found.params, np.random.default_rng(0))
            for factor in ("pi", "Lambda,mu"):
                module.UPDATES[factor](state)
            return float(module.elbo(state))

        return bound

    def peer_of(iterations: int) -> Any:
        peer = BayesianGaussianMixture(
            n_components=k, covariance_type="full", reg_covar=0, tol=0, max_iter=iterations,
            weight_concentration_prior_type="dirichlet_distribution", weight_concentration_prior=1.0,
            mean_precision_prior=0.1, mean_prior=hyper["m_0"], degrees_of_freedom_prior=d + 1.0,
            covariance_prior=np.eye(d),
        )  # fmt: skip
        peer._initialize_parameters = lambda *args, **options: peer._initialize(x, r)
        return peer

    wishart = -0.5 * (d + 1) * d * np.log(2) - gammaln((d + 1 - np.arange(d)) / 2).sum()
    missing = gammaln(k) + k * wishart + 0.5 * k * d * np.log(0.1) - 0.5 * n * d * np.log(2 * np.pi)

    def theirs(iterations: int) -> Bound:
        peer = peer_of(iterations).fit(x)
        return lambda: float(peer.lower_bound_ + missing)

    def until(goal: float) -> int:
        peer, count = peer_of(10**6), 0
        plain = peer._compute_lower_bound

        def bounded(*arguments: Any) -> float:
            nonlocal count
            count += 1
            bound = float(plain(*arguments))
            if bound + missing >= goal:
                raise Reached
            return bound

        peer._compute_lower_bound = bounded
        try:
            peer.fit(x)
        except Reached:
            pass
        return count

    single = ", blocks in float32" if dtype == np.float32 else ""
    begin = Beginning(module, {"x": x}, hyper, {"z": {"probs": r}})
    text = f"N={n:,} D={d} K={k}"
    floor = bare_sweep(module, n, 1 + d + d * (d + 1) // 2, k, dtype)
    name = f"mixture, full{single}"
    seconds = (lambda count: within(on_cores, 10 * count)) if ALL_CORES else None
    return Case(
        name, text, "scikit-learn", iterations, ours, theirs, begin=begin, until=until, floor=floor, seconds=seconds
    )


def diagonal_mixture(n: int, d: int, k: int, dtype: Any = np.float64, iterations: int = 5) -> Case:
    """Diagonal covariances; scikit-learn's prior is another one in more than one dimension, so that bounds differ."""
    from sklearn.mixture import BayesianGaussianMixture

    x, r = groups(n, d, k)
    module = of_all_cores("diagonal_gaussian_mixture") if ALL_CORES else library("diagonal_gaussian_mixture")
    hyper = {name: np.ones(()) if not spec["axes"] else np.ones(d) for name, spec in module.KNOWN.items()}
    del hyper["x"]
    start = shared_start(module, {"x": x}, hyper, {"z": {"probs": r}}) if ALL_CORES else {}

    def on_cores(**options: Any) -> Any:
        return module.fit_cores({"x": x}, hyper, {"K": k}, init=start, tol=-1.0, dtype=dtype, **options)

    def ours(iterations: int) -> Bound:
        if ALL_CORES:
            return lambda: float("nan")
        module.fit({"x": x}, hyper, init={"z": {"probs": r}}, max_iter=iterations, tol=0.0, dtype=dtype)
        return lambda: float("nan")

    def theirs(iterations: int) -> Bound:
        peer = BayesianGaussianMixture(
            n_components=k, covariance_type="diag", reg_covar=0, tol=0, max_iter=iterations,
            weight_concentration_prior_type="dirichlet_distribution", weight_concentration_prior=1.0,
        )  # fmt: skip
        peer._initialize_parameters = lambda *args, **options: peer._initialize(x, r)
        peer.fit(x)
        return lambda: float("nan")

    single = ", blocks in float32" if dtype == np.float32 else ""
    floor = bare_sweep(module, n, 1 + 2 * d, k, dtype)
    name, sizes = f"mixture, diagonal{single}", f"N={n:,} D={d} K={k}"
    seconds = (lambda count: within(on_cores, 10 * count)) if ALL_CORES else None
    return Case(name, sizes, "scikit-learn", iterations, ours, theirs, floor=floor, seconds=seconds)


def chain(length: int, d: int, k: int, implementation: str, target: str = "numpy", iterations: int = 5) -> Case:
    """A Gaussian hidden Markov chain by EM against hmmlearn."""
    from hmmlearn.hmm import GaussianHMM

    m = Model("em_chain")
    t, i, j = m.index("t", "T"), m.index("j", "K"), m.index("k", "K")
    a, b = m.index("d", "D"), m.index("e", "D")
    pi, moves = m.point("pi", over=i), m.point("A", i, over=j)
    z = m.latent("z", lambda z: Categorical(moves[z[t - 1]], over=i), t, initial=Categorical(pi))
    mu, lam = m.point("mu", i, a), m.point("Lambda", i, a, b, support="positive_definite")
    m.observed("x", MultivariateNormal(mu[z[t]], lam[z[t]], over=a), t)
    module = module_of(derive(m).render(target))

    rng = np.random.default_rng(0)
    centres = 1.5 * rng.normal(size=(k, d))
    states = np.repeat(rng.integers(k, size=length // 5 + 1), 5)[:length]
    x = centres[states] + rng.normal(size=(length, d))
    first, steps = np.full(k, 1.0 / k), 0.5 / k + 0.5 * np.eye(k)

    def ours(iterations: int) -> Bound:
        init = {"pi": first, "A": steps, "mu": centres, "Lambda": np.tile(np.eye(d), (k, 1, 1))}
        given = {name: {"value": v} for name, v in init.items()}
        found = module.fit({"x": x}, {}, init=given, max_iter=iterations, tol=-1.0)

        def bound() -> float:  # log p(x) at the parameters found
            state = module.State(*module.prepare({"x": x}, {}, {"K": k}))
            module.initialise(state, found.params, np.random.default_rng(0))
            module.COLLECT["z"](state)
            return float(module.elbo(state))

        return bound

    def theirs(iterations: int) -> Bound:
        peer = GaussianHMM(
            k, "full", covars_prior=0, covars_weight=0, init_params="", tol=-np.inf, n_iter=iterations,
            implementation=implementation,
        )  # fmt: skip
        peer.startprob_, peer.transmat_, peer.means_ = first.copy(), steps.copy(), centres.copy()
        peer.covars_ = np.tile(np.eye(d), (k, 1, 1))
        peer.fit(x)
        return lambda: float(peer.score(x))

    name = "hidden Markov chain" + (f", {target}" if target != "numpy" else "")
    return Case(name, f"T={length:,} D={d} K={k}", f"hmmlearn ({implementation})", iterations, ours, theirs)


def factors(n: int, d: int, q: int, iterations: int = 5) -> Case:
    """Bayesian PCA with relevance against BayesPy."""
    from bayespy import nodes
    from bayespy.inference import VB

    m = Model("factors")
    i, j, k = m.index("n", "N"), m.index("d", "D"), m.index("q", "Q")
    a_alpha, b_alpha, a_tau, b_tau = m.hyper("a_alpha b_alpha a_tau b_tau")
    alpha = m.latent("alpha", Gamma(a_alpha, b_alpha), k)
    w = m.latent("W", Normal(0, alpha[k]), j, k)
    tau = m.latent("tau", Gamma(a_tau, b_tau))
    z = m.latent("z", MultivariateNormal(0, 1, over=k), i)
    m.observed("x", Normal(dot(w[j], z[i]), tau), i, j)
    module = module_of(derive(m, [("W",)]).numpy())
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, q)) @ rng.normal(size=(q, d)) + 0.5 * rng.normal(size=(n, d))
    begin = rng.normal(size=(d, q))
    hyper = {"a_alpha": 1.0, "b_alpha": 1.0, "a_tau": 1.0, "b_tau": 1.0}

    # z is updated first, from loadings that are as good as known, as the peer has them
    init = {
        "W": {"mean": begin, "precision": np.tile(1e12 * np.eye(q), (d, 1, 1))},
        "alpha": {"shape": np.ones(q), "rate": np.ones(q)},
        "tau": {"shape": 2.0, "rate": 2.0},
    }

    def ours(iterations: int) -> Bound:
        found = module.fit({"x": x}, hyper, init=init, max_iter=iterations, tol=-1.0)
        return lambda: float(found.elbo)

    def peer_and_order() -> tuple[Any, list[Any]]:
        alpha = nodes.Gamma(1.0, 1.0, plates=(q,))
        w = nodes.GaussianARD(0, alpha, shape=(q,), plates=(d, 1))
        z = nodes.GaussianARD(0, 1, shape=(q,), plates=(1, n))
        tau = nodes.Gamma(1.0, 1.0)
        y = nodes.GaussianARD(nodes.SumMultiply("i,i", w, z), tau)
        y.observe(x.T)
        w.initialize_from_value(begin[:, None, :])
        alpha.initialize_from_parameters(1.0, np.ones(q))
        tau.initialize_from_parameters(2.0, 2.0)
        peer = VB(y, w, z, tau, alpha)
        order = [
            *map({"alpha": alpha, "W": w, "tau": tau, "z": z}.get, ["z", *(f for f in module.UPDATES if f != "z")])
        ]
        return peer, order

    def theirs(iterations: int) -> Bound:
        peer, order = peer_and_order()
        peer.update(*order, repeat=iterations, tol=-1, verbose=False)
        return lambda: float(peer.L[peer.iter - 1])

    def until(goal: float) -> int:
        peer, order = peer_and_order()
        while peer.iter == 0 or peer.L[peer.iter - 1] < goal:
            peer.update(*order, repeat=1, tol=-1, verbose=False)
        return int(peer.iter)

    text, started = f"N={n:,} D={d} Q={q}", Beginning(module, {"x": x}, hyper, init)
    return Case("Bayesian PCA", text, "BayesPy", iterations, ours, theirs, more=20, begin=started, until=until)


def relevance(n: int, d: int, iterations: int = 10) -> Case:
    """Linear regression with relevance against BayesPy."""
    from bayespy import nodes
    from bayespy.inference import VB

    module = library("ard_regression")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    y = x @ (rng.normal(size=d) * (rng.random(d) < 0.3)) + 0.5 * rng.normal(size=n)
    hyper = dict.fromkeys([h for h, s in module.KNOWN.items() if s["where"] == "hyper"], 1.0)

    def ours(iterations: int) -> Bound:
        init = {"alpha": {"shape": np.ones(d), "rate": np.ones(d)}, "tau": {"shape": 1.0, "rate": 1.0}}
        found = module.fit({"X": x, "y": y}, hyper, init=init, max_iter=iterations, tol=-1.0)
        return lambda: float(found.elbo)

    def theirs(iterations: int) -> Bound:
        alpha = nodes.Gamma(1.0, 1.0, plates=(d,))
        w = nodes.GaussianARD(0, alpha, shape=(d,), plates=())
        tau = nodes.Gamma(1.0, 1.0)
        out = nodes.GaussianARD(nodes.SumMultiply("i,i", w, x), tau, plates=(n,))
        out.observe(y)
        alpha.initialize_from_parameters(1.0, np.ones(d))
        tau.initialize_from_parameters(1.0, 1.0)
        peer = VB(out, w, tau, alpha)
        peer.update(w, alpha, tau, repeat=iterations, tol=-1, verbose=False)
        return lambda: float(peer.L[peer.iter - 1])

    return Case("ARD regression", f"N={n:,} D={d}", "BayesPy", iterations, ours, theirs, more=50)


def regression(n: int, d: int, peer: str, iterations: int = 28) -> Case:
    """Whole runs of linear regression with relevance against scikit-learn's, which maximise what ours averages."""
    from sklearn.linear_model import ARDRegression, BayesianRidge

    module = library("ard_regression")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    y = x @ (rng.normal(size=d) * (rng.random(d) < 0.3)) + 0.5 * rng.normal(size=n)
    hyper = dict.fromkeys([h for h, s in module.KNOWN.items() if s["where"] == "hyper"], 1e-6)
    every = {"ARDRegression": {"threshold_lambda": 1e300}, "BayesianRidge": {}}  # no weight is given up
    kind = {"ARDRegression": ARDRegression, "BayesianRidge": BayesianRidge}[peer]

    def ours(iterations: int) -> Bound:
        init = {"alpha": {"shape": np.ones(d), "rate": np.ones(d)}, "tau": {"shape": 1.0, "rate": 1.0}}
        module.fit({"X": x, "y": y}, hyper, init=init, max_iter=iterations, tol=-1.0)
        return lambda: float("nan")

    def theirs(iterations: int) -> Bound:
        kind(max_iter=iterations, tol=1e-300, fit_intercept=False, **every[peer]).fit(x, y)
        return lambda: float("nan")

    def floor() -> None:  # the data are read once, and each sweep has an inverse
        gram, _ = x.T @ x, x.T @ y
        for _ in range(2 + iterations):
            lapack.dpotri(np.linalg.cholesky(gram).T, lower=False)

    sizes = f"N={n:,} D={d}, whole run of {2 + iterations} sweeps"
    return Case("ARD regression", sizes, f"scikit-learn {peer}", iterations, ours, theirs, whole=True, floor=floor)


def topics(
    documents: int, words: int, k: int, length: int, target: str = "numpy", peer: str = "", iterations: int = 2
) -> Case:
    """Topics against the batch updates of others: twenty updates of the documents for each update of the topics.

    The peer is scikit-learn, or a class of gensim: its updates of topics are made whole ones (decay of nothing), in
    single precision, which is its default. LdaMulticore has one process for each thread that BLAS is given.
    """
    from scipy.sparse import csr_matrix

    module = library("lda", target)
    rng = np.random.default_rng(0)
    doc = np.repeat(np.arange(documents), length)
    word = rng.zipf(1.3, size=doc.size) % words
    counts = csr_matrix((np.ones(doc.size), (doc, word)), shape=(documents, words))
    counts.sum_duplicates()
    rows = np.repeat(np.arange(documents), np.diff(counts.indptr))
    data, hyper = {"doc": rows, "w": counts.indices, "count": counts.data}, {"alpha": 0.1, "eta": 0.1}
    begin = np.random.RandomState(0).gamma(100.0, 0.01, (k, words))  # where the peers begin

    def bound(proportions: np.ndarray, topics: np.ndarray) -> float:
        init = {"theta": {"concentration": proportions}, "beta": {"concentration": topics}}
        state = module.State(*module.prepare(data, hyper, {"K": k, "V": words}))
        module.initialise(state, init, rng)
        module.COLLECT["z"](state)
        return float(module.elbo(state))

    def ours(iterations: int) -> Bound:
        init = {"theta": {"concentration": np.ones((documents, k))}, "beta": {"concentration": begin}}
        found = module.fit(data, hyper, {"V": words}, init=init, max_iter=iterations, tol=-1.0, inner=20)
        return lambda: bound(*(found.params[n]["concentration"] for n in init))

    def scikit_learn(iterations: int) -> Bound:
        from sklearn.decomposition import LatentDirichletAllocation

        found = LatentDirichletAllocation(
            k, doc_topic_prior=0.1, topic_word_prior=0.1, max_iter=iterations, max_doc_update_iter=20,
            mean_change_tol=0, random_state=0,
        )  # fmt: skip
        found.fit(counts)
        return lambda: bound(found._e_step(counts, cal_sstats=False, random_init=False)[0], found.components_)

    def of_gensim(iterations: int) -> Bound:
        from gensim import matutils, models

        corpus = list(matutils.Sparse2Corpus(counts, documents_columns=False))
        whole = {"batch": True, "workers": int(os.environ["OMP_NUM_THREADS"])} if peer == "LdaMulticore" else {}
        found = getattr(models, peer)(
            corpus, k, {w: str(w) for w in range(words)}, alpha=[0.1] * k, eta=0.1, passes=iterations, iterations=20,
            gamma_threshold=0.0, decay=0.0, eval_every=None, random_state=0, **(whole or {"update_every": 0}),
        )  # fmt: skip
        return lambda: bound(np.asarray(found.inference(corpus)[0], float), np.asarray(found.state.get_lambda(), float))

    name = "topics" + (f", {target}" if target != "numpy" else "")
    sizes = f"{documents:,} documents V={words:,} K={k}, {counts.nnz:,} counts"
    theirs, called = (of_gensim, f"gensim {peer}") if peer else (scikit_learn, "scikit-learn")
    return Case(name, sizes, called, iterations, ours, theirs, more=5)


def sparse_counts(rows: int, k: int, given: int, target: str = "numpy", iterations: int = 5) -> Case:
    """Hierarchical Poisson factorisation against hpfrec, on as many cores as BLAS and Numba have.

    The peer is given single precision, which is its default, and leave to add up its sums in parallel. A sweep of ours
    begins where an iteration of the peer has its local step, so that both compute the same from there on.
    """
    import hpfrec
    import pandas

    module = library("sparse_poisson_factorisation", target)
    rng = np.random.default_rng(0)
    draws = [rng.choice(rows, 2 * given, p=p / p.sum()) for p in (rng.gamma(0.5, size=rows) for _ in range(2))]
    u, i = np.divmod(rng.permutation(np.unique(draws[0] * rows + draws[1]))[:given], rows)
    y = 1.0 + rng.poisson(0.7, u.size)
    hyper = {"a": 0.3, "a_0": 0.3, "b_0": 1.0, "c": 0.3, "c_0": 0.3, "d_0": 1.0}
    data, sizes = {"y": {"u": u, "i": i, "value": y}}, {"U": rows, "I": rows, "K": k}
    table = pandas.DataFrame({"UserId": u, "ItemId": i, "Count": y})

    def peer(iterations: int) -> Any:
        found = hpfrec.HPF(
            k, a=0.3, a_prime=0.3, b_prime=1.0, c=0.3, c_prime=0.3, d_prime=1.0, maxiter=iterations,
            stop_crit="maxiter", check_every=iterations, ncores=int(os.environ["OMP_NUM_THREADS"]),
            allow_inconsistent_math=True, reindex=False, random_seed=1, verbose=False,
        )  # fmt: skip
        return found.fit(table.copy())

    def factors(p: Any) -> dict[str, Any]:
        found = {"theta": (p.Gamma_shp, p.Gamma_rte), "beta": (p.Lambda_shp, p.Lambda_rte)}
        return {n: {"shape": np.asarray(s, float), "rate": np.asarray(r, float)} for n, (s, r) in found.items()}

    def bound(params: dict[str, Any]) -> float:  # at these two factors, the others at their best
        state = module.State(*module.prepare(data, hyper, sizes))
        module.initialise(state, {n: params[n] for n in ("theta", "beta")}, rng)
        for factor in ("xi", "eta"):
            module.UPDATES[factor](state)
        return float(module.elbo(state))

    begin = factors(peer(1))

    def ours(iterations: int) -> Bound:
        found = module.fit(data, hyper, sizes, init=begin, max_iter=iterations, tol=-1.0)
        return lambda: bound(found.params)

    def theirs(iterations: int) -> Bound:
        found = peer(1 + iterations)
        return lambda: bound(factors(found))

    name = "sparse counts" + (f", {target}" if target != "numpy" else "")
    text = f"{rows:,} x {rows:,} K={k}, {u.size:,} counts"
    return Case(name, text, "hpfrec", iterations, ours, theirs, more=4)


CASES: dict[str, Callable[[bool], Case]] = {
    "full": lambda small: full_mixture(20_000 if small else 200_000, 16, 20),
    "full_narrow": lambda small: full_mixture(50_000 if small else 1_000_000, 4, 10),
    "full_single": lambda small: full_mixture(50_000 if small else 1_000_000, 4, 10, np.float32),
    "diagonal": lambda small: diagonal_mixture(50_000 if small else 1_000_000, 4, 10),
    "diagonal_single": lambda small: diagonal_mixture(50_000 if small else 1_000_000, 4, 10, np.float32),
    "chain_scaling": lambda small: chain(10_000 if small else 100_000, 4, 8, "scaling"),
    "chain_log": lambda small: chain(10_000 if small else 100_000, 4, 8, "log"),
    "factors": lambda small: factors(1_000 if small else 10_000, 50, 10),
    "relevance": lambda small: relevance(1_000 if small else 10_000, 100),
    "ridge": lambda small: regression(10_000 if small else 100_000, 100, "BayesianRidge"),
    "ard": lambda small: regression(10_000 if small else 100_000, 100, "ARDRegression"),
    "topics": lambda small: topics(500 if small else 5_000, 5_000, 50, 150),
    "topics_gensim": lambda small: topics(500 if small else 5_000, 5_000, 50, 150, peer="LdaModel"),
    "topics_gensim_numba": lambda small: topics(500 if small else 5_000, 5_000, 50, 150, "numba", peer="LdaModel"),
    "topics_multicore": lambda small: topics(500 if small else 5_000, 5_000, 50, 150, "numba", peer="LdaMulticore"),
    "topics_numba": lambda small: topics(500 if small else 5_000, 5_000, 50, 150, "numba"),
    "sparse": lambda small: sparse_counts(1_000 if small else 5_000, 50, 50_000 if small else 500_000),
    "sparse_numba": lambda small: sparse_counts(1_000 if small else 5_000, 50, 50_000 if small else 500_000, "numba"),
    "chain_numba": lambda small: chain(10_000 if small else 100_000, 4, 8, "scaling", "numba"),
}

# Those of which rows are shared out among processes.
ON_CORES = ("full", "full_narrow", "full_single", "diagonal", "diagonal_single")


def timed(run: Run, iterations: int) -> tuple[tuple[float, float], Bound]:
    """Seconds of two iterations and of so many more, and the bound."""
    seconds = []
    for count in (2, 2 + iterations):
        start = clock()
        bound = run(count)
        seconds.append(clock() - start)
    return (seconds[0], seconds[1]), bound


def each(times: list[tuple[float, float]], iterations: int) -> float:
    """Seconds an iteration: what the others on the machine do can only add to a time, so that each is the least."""
    return (min(t for _, t in times) - min(t for t, _ in times)) / iterations


def least(work: Callable[[], None], repeats: int) -> float:
    """Seconds that something takes at its least, of one run more than so many."""
    seconds = []
    for _ in range(1 + repeats):
        start = clock()
        work()
        seconds.append(clock() - start)
    return min(seconds)


def peak(run: Run) -> float:
    """MB that a run needs at most."""
    tracemalloc.start()
    run(2)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def row(case: Case, repeats: int) -> str:
    """One line of the table."""
    times = [
        (timed(case.ours, case.more * case.iterations), timed(case.theirs, case.iterations)) for _ in range(repeats)
    ]
    if case.whole:
        ours, theirs = (min(pair[1] for pair in (t[side][0] for t in times)) for side in (0, 1))
    else:
        ours = each([mine for (mine, _), _ in times], case.more * case.iterations)
        theirs = each([other for _, (other, _) in times], case.iterations)
    if case.seconds is not None:
        ours = min(case.seconds(case.iterations) for _ in range(repeats))
    bounds = [case.ours(2 + case.iterations)(), times[-1][1][1]()]
    gap = abs(bounds[0] - bounds[1]) / abs(bounds[1])
    same = "" if np.isnan(gap) else f"{gap:.0e}"
    memory = " | " if ALL_CORES else f"{peak(case.ours):.0f} | {peak(case.theirs):.0f}"
    floor = f"{1e3 * least(case.floor, 4 * repeats):.1f}" if case.floor is not None and not ALL_CORES else ""
    figures = [f"{1e3 * ours:.1f}", floor, f"{1e3 * theirs:.1f}", f"**{theirs / ours:.1f}**"]
    cells = [case.name, case.sizes, case.peer, *figures]
    return f"| {' | '.join(cells)} | {same} | {memory} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--small", action="store_true", help="a tenth of the rows or fewer")
    parser.add_argument("--cores", action="store_true", help=f"all cores, by the clock; of {', '.join(ON_CORES)}")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| model | sizes | peer | ours, ms | floor, ms | peer, ms | ratio | gap of bounds | ours, MB | peer, MB |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in given.names or (ON_CORES if ALL_CORES else CASES):
        print(row(CASES[name](given.small), given.repeats), flush=True)


if __name__ == "__main__":
    main()
