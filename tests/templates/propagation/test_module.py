"""Modules of propagations: exact where EP is exact, the fixed point of a plain loop, and honest about trouble."""

from functools import cache

import mpmath
import numpy as np
import pytest
from generated import run
from propagation_models import MODELS, binary_data, regression

from cavi.derive import Bernoulli, Model, Normal, derive, exp, propagate, sigmoid


@cache
def module(name: str, power: float = 1):
    return run(propagate(MODELS[name](), power).numpy())


def test_without_sites_it_is_the_exact_posterior() -> None:
    rng = np.random.default_rng(0)
    data, hyper = {"X": rng.normal(size=(9, 3)), "y": rng.normal(size=9)}, {"a": 0.7, "s": 1.9}
    found = module("regression").fit(data, hyper)
    exact = run(derive(regression(), [("w",)]).numpy()).fit(data, hyper)
    assert found.n_iter == 1 and found.converged
    assert abs(found.log_evidence - exact.elbo) < 1e-10
    for n in ("mean", "precision"):
        np.testing.assert_allclose(found.params["w"][n], exact.params["w"][n], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.inv(found.params["w"]["precision"]), found.params["w"]["covariance"], rtol=1e-9
    )


def test_with_one_site_it_is_exact() -> None:
    y = np.array([0.3, 1.2, 0.7])
    found = module("response").fit({"y": y}, {})

    def density(w):
        likelihood = mpmath.fsum(-((mpmath.mpf(v) - mpmath.exp(w)) ** 2) - mpmath.log(mpmath.pi) / 2 for v in y)
        return mpmath.npdf(w) * mpmath.exp(likelihood)

    mass, first, second = (mpmath.quad(lambda w, k=k: w**k * density(w), [-12, -3, -1, 0, 1, 4]) for k in range(3))
    mean = first / mass
    assert found.converged and found.n_iter == 2
    assert abs(found.log_evidence - mpmath.log(mass)) < 1e-11
    assert abs(found.params["w"]["mean"] - mean) < 1e-11
    assert abs(found.params["w"]["covariance"] - (second / mass - mean**2)) < 1e-11


def sequential(x: np.ndarray, y: np.ndarray, alpha: float, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Power EP for logistic regression, one site after another, by plain sums on a fixed grid."""
    linear, precision = np.zeros(len(y)), np.zeros(len(y))
    for _ in range(60):
        for n, row in enumerate(x):
            covariance = np.linalg.inv(alpha * np.eye(x.shape[1]) + (x.T * precision) @ x)
            m, v = row @ covariance @ (x.T @ linear), row @ covariance @ row
            rest, shift = 1 / v - power * precision[n], m / v - power * linear[n]
            h = shift / rest + np.linspace(-12, 12, 2001) / np.sqrt(rest)
            weight = np.exp(-0.5 * rest * (h - shift / rest) ** 2 + power * (y[n] * h - np.logaddexp(0, h)))
            weight /= weight.sum()
            mean = weight @ h
            variance = weight @ (h - mean) ** 2
            precision[n] = (1 / variance - rest) / power
            linear[n] = (mean / variance - shift) / power
    covariance = np.linalg.inv(alpha * np.eye(x.shape[1]) + (x.T * precision) @ x)
    return covariance @ (x.T @ linear), covariance


@pytest.mark.parametrize("power", [1, 0.5])
def test_its_fixed_point_is_that_of_sites_one_after_another(power: float) -> None:
    data = binary_data(6, 2)
    found = module("logit", power).fit(data, {"alpha_0": 0.3}, tol=1e-11)
    mean, covariance = sequential(data["X"], data["y"], 0.3, power)
    np.testing.assert_allclose(found.params["w"]["mean"], mean, atol=1e-8)
    np.testing.assert_allclose(found.params["w"]["covariance"], covariance, atol=1e-8)
    again = module("logit", power).fit(data, {"alpha_0": 0.3}, init=found.sites)
    assert again.n_iter == 1 and abs(again.log_evidence - found.log_evidence) < 1e-9


def test_sites_that_are_not_log_concave_converge() -> None:
    """Outliers make sites with negative precisions; what a run says of itself is then what the moments say."""
    rng = np.random.default_rng(1)
    x, member = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    y = x @ [1.0, -1.0] + 0.3 * rng.normal(size=60)
    y[:5] += 8.0
    code = module("heavy_tails")
    found = code.fit({"X": x, "E": np.zeros(60), "member": member, "y": y}, {})
    assert found.converged and found.mismatch <= 1e-8
    assert found.sites["y"]["precision"].min() < 0 < found.sites["y"]["precision"].max()
    np.testing.assert_allclose(found.params["w"]["mean"], [1.0, -1.0], atol=0.15)


def test_closed_moments_are_those_of_the_grid() -> None:
    """Probit sites, also far in the tails, beside quadrature of their own function."""
    code, n = module("probits"), 6
    data = {"X": np.zeros((n, 1)), "y": np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])}
    state = code.State(*code.prepare(data, {}))
    mean, variance = np.array([0.3, -0.2, 9.0, -12.0, 4.0, -5.0]), np.array([1.0, 4.0, 2.0, 9.0, 0.01, 100.0])
    closed = code.moments_y(state, mean, variance)
    grid = module("logit").quadrature(lambda h: code.log_y(state, h), mean, variance, [])
    for a, b in zip(closed, grid[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-10)


def test_more_latents_than_sites_are_those_of_the_kernel() -> None:
    """w in 30 dimensions seen through 8 rows is a Gaussian process on these rows with the kernel X Xᵀ/α."""
    data = binary_data(8, 30)
    weights = module("logit").fit(data, {"alpha_0": 2.0})
    x = data["X"]
    kernel = module("classifier").fit({"y": data["y"], "y_total": np.ones(8)}, {"K": x @ x.T / 2.0})
    assert abs(weights.log_evidence - kernel.log_evidence) < 1e-9
    np.testing.assert_allclose(x @ weights.params["w"]["mean"], kernel.params["f"]["mean"], atol=1e-9)
    covariance = weights.params["w"]["covariance"]
    np.testing.assert_allclose(x @ covariance @ x.T, kernel.params["f"]["covariance"], atol=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_a_kernel_that_is_nearly_singular_is_not_inverted() -> None:
    x = np.linspace(0, 3, 40)
    kernel = 4 * np.exp(-0.5 * (x[:, None] - x) ** 2) + 1e-11 * np.eye(40)
    found = module("classifier").fit({"y": (x > 1).astype(float), "y_total": np.ones(40)}, {"K": kernel})
    assert found.converged and "precision" not in found.params["f"]
    assert -12 < found.log_evidence < 0


@pytest.mark.parametrize("mean, variance", [(0.0, 1.0), (-40.0, 400.0), (25.0, 1e-4), (3.0, 1e6)])
def test_quadrature_finds_narrow_and_far_densities(mean: float, variance: float) -> None:
    """exp(200 h - e^h) under cavities that are far from its peak, and much narrower or wider than it."""
    code = module("rates")
    log_mass, m, v, accurate = code.quadrature(
        lambda h: 200.0 * h - np.exp(h), np.array([mean]), np.array([variance]), []
    )
    with mpmath.workdps(30):
        sd = mpmath.sqrt(variance)

        def log_f(h):
            return 200 * h - mpmath.exp(h) - (h - mpmath.mpf(mean)) ** 2 / (2 * mpmath.mpf(variance))

        slope = mpmath.findroot(lambda h: 200 - mpmath.exp(h) - (h - mean) / mpmath.mpf(variance), float(m[0]))
        scale = 1 / mpmath.sqrt(mpmath.exp(slope) + 1 / mpmath.mpf(variance))
        places = [slope + k * scale for k in range(-12, 13, 3)]
        mass, first, second = (
            mpmath.quad(lambda h, k=k: (h - slope) ** k * mpmath.exp(log_f(h) - log_f(slope)), places) for k in range(3)
        )
        wanted = mpmath.log(mass) + log_f(slope) - mpmath.log(2 * mpmath.pi) / 2 - mpmath.log(sd)
        spread = second / mass - (first / mass) ** 2
        assert accurate
        assert abs(log_mass[0] - wanted) < 1e-10 * (1 + abs(wanted))
        assert abs(m[0] - slope - first / mass) < 1e-10 * mpmath.sqrt(spread) + 1e-14 * abs(slope)
        assert abs(v[0] / spread - 1) < 1e-9


def test_a_scalar_without_latents_is_a_known_factor() -> None:
    """A level compared with itself: the factor σ(0) = ½, and no trouble for the others."""
    m = Model("pairs")
    n, k = m.index("n", "N"), m.index("k", "K")
    left, right = m.observed_index("left", n, over=k), m.observed_index("right", n, over=k)
    s = m.latent("s", Normal(0, 1), k)
    m.observed("y", Bernoulli(sigmoid(s[left[n]] - s[right[n]])), n)
    code, sizes = run(propagate(m).numpy()), {"K": 3}
    data = {"left": np.array([0, 1, 2]), "right": np.array([1, 2, 0]), "y": np.array([1.0, 1.0, 0.0])}
    more = {"left": np.r_[data["left"], 1], "right": np.r_[data["right"], 1], "y": np.r_[data["y"], 1.0]}
    few, all_of_them = code.fit(data, {}, sizes), code.fit(more, {}, sizes)
    assert all_of_them.converged
    assert abs(all_of_them.log_evidence - few.log_evidence + np.log(2.0)) < 1e-9
    np.testing.assert_allclose(all_of_them.params["s"]["mean"], few.params["s"]["mean"], atol=1e-9)


def test_what_goes_wrong_is_told() -> None:
    data = binary_data(6, 2)
    code = module("logit")
    with pytest.warns(RuntimeWarning, match="not converged in 2 sweeps: the moments are"):
        cut = code.fit(data, {"alpha_0": 1.0}, max_iter=2)
    assert not cut.converged and cut.n_iter == 2 and "not converged" in cut.message
    with pytest.warns(RuntimeWarning, match="stopped by the callback"):
        assert code.fit(data, {"alpha_0": 1.0}, callback=lambda sweep, value, q: sweep == 3).n_iter == 3
    for wrong, told in (
        ({"init": {"z": {}}}, "'z' is not a site"),
        ({"init": {"y": {"linear": np.zeros(3)}}}, r"length 3|shape \(3,\)"),
        ({"init": {"y": {"precision": np.full(6, -9.0)}}}, "with these sites q is no Normal"),
        ({"damping": 0.0}, "damping"),
        ({"max_iter": 0}, "max_iter = 0"),
    ):
        with pytest.raises(code.DataError, match=told):
            code.fit(data, {"alpha_0": 1.0}, **wrong)
    with pytest.raises(code.DataError, match="expected zeros and ones"):
        code.fit({**data, "y": data["y"] + 0.5}, {"alpha_0": 1.0})
    bad = module("classifier")
    with pytest.raises(bad.DataError, match=r"not.*the total of its Binomial|at most the total"):
        bad.fit({"y": np.array([3.0]), "y_total": np.array([2.0])}, {"K": np.eye(1)})
    lasso = module("lasso")
    with pytest.raises(ArithmeticError, match="the prior precision of w is not positive definite"):
        lasso.fit({"X": np.zeros((3, 2)), "y": np.zeros(3)}, {"s": 1.0})


def test_names_of_the_user_do_not_meet_those_of_the_module() -> None:
    m = Model("names")
    n = m.index("n", "N")
    h, value = m.latent("h", Normal(0, 1)), m.covariate("value", n)
    shape = m.latent("shape", Normal(0, 1), n)
    m.observed("cavity", Normal(exp(h + shape[n]) * value[n], 1), n)
    code = run(propagate(m).numpy())
    found = code.fit({"value": np.array([1.0, 0.5]), "cavity": np.array([0.5, 1.5])}, {})
    assert found.converged and set(found.params) == {"h", "shape"}
