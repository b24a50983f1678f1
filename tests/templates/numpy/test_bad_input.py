"""Data, hyperparameters, sizes and starts that do not fit: the message says what was found and what was expected."""

import numpy as np
import pytest
from generated import generated, run

from cavi import models
from cavi.derive import Beta, Binomial, Exponential, Gamma, Model, MultivariateNormal, Wishart, derive

HYPER = {"alpha_0": 1.0, "m_0": 0.0, "kappa_0": 0.1, "a_0": 1.0, "b_0": 1.0}
X = np.array([0.1, 2.0, -1.0, 3.0])


def mixture(data=None, hyper=None, sizes=None, **options):
    return generated("gaussian_mixture").fit(
        {"x": X} if data is None else data,
        HYPER if hyper is None else hyper,
        {"K": 2} if sizes is None else sizes,
        **options,
    )


def topics(**changes):
    data = {"w": np.array([0, 1, 2]), "doc": np.array([0, 0, 1]), "count": np.array([1.0, 2.0, 1.0])} | changes
    return generated("lda").fit(data, {"alpha": 0.3, "eta": 0.2}, {"K": 2}, max_iter=2)


def regression(**changes):
    data = {"X": np.ones((3, 2)), "y": np.ones(3)} | changes
    return generated("linear_regression").fit(data, {"alpha_0": 1.0, "a_0": 1.0, "b_0": 1.0}, max_iter=2)


CASES = {
    "missing data": (lambda: mixture(data={}), ["data", "missing ['x']"]),
    "unknown data": (lambda: mixture(data={"x": X, "y": X}), ["unknown ['y']", "expected exactly ['x']"]),
    "data of another kind": (lambda: mixture(data=[X]), ["data", "list", "dict"]),
    "missing hyperparameter": (lambda: mixture(hyper={}), ["hyper", "alpha_0", "missing"]),
    "NaN": (lambda: mixture(data={"x": np.array([1.0, np.nan])}), ["x", "1 NaN or infinite"]),
    "infinity": (lambda: mixture(data={"x": np.array([1.0, np.inf])}), ["x", "NaN or infinite"]),
    "text": (lambda: mixture(data={"x": ["a", "b"]}), ["x", "not an array of real numbers"]),
    "complex": (lambda: mixture(data={"x": np.array([1j, 2.0])}), ["x", "complex128", "real numbers"]),
    "ragged": (lambda: mixture(data={"x": [[1.0], [1.0, 2.0]]}), ["x", "not an array of real numbers"]),
    "masked": (lambda: mixture(data={"x": np.ma.masked_array(X, X > 1)}), ["x", "2 masked value(s)", "weight="]),
    "empty": (lambda: mixture(data={"x": np.array([])}), ["x", "axis N is empty"]),
    "two axes": (lambda: mixture(data={"x": np.ones((2, 2))}), ["x", "shape (2, 2)", "1 axes (N)"]),
    "size unknown": (lambda: mixture(sizes={}), ["sizes", "'K'"]),
    "size zero": (lambda: mixture(sizes={"K": 0}), ["K = 0", "1 or more"]),
    "size half": (lambda: mixture(sizes={"K": 1.5}), ["K = 1.5", "whole number"]),
    "size as text": (lambda: mixture(sizes={"K": "2"}), ["K = '2'", "whole number"]),
    "size not a number": (lambda: mixture(sizes={"K": np.nan}), ["K = nan", "whole number"]),
    "size not of the model": (lambda: mixture(sizes={"K": 2, "Q": 3}), ["'Q' is not a size"]),
    "size against data": (lambda: mixture(sizes={"K": 2, "N": 7}), ["x", "found length 4", "expected 7"]),
    "negative hyperparameter": (lambda: mixture(hyper=HYPER | {"b_0": -1.0}), ["b_0", "-1", "above 0"]),
    "NaN hyperparameter": (lambda: mixture(hyper=HYPER | {"b_0": np.nan}), ["b_0", "NaN"]),
    "start of an unknown latent": (lambda: mixture(init={"q": {}}), ["'q' is not a latent", "mu"]),
    "start without parameters": (lambda: mixture(init={"mu": {"mean": [0, 1]}}), ["mu has ['mean']", "precision"]),
    "start of a wrong shape": (lambda: mixture(init={"z": {"probs": np.ones((4, 3)) / 3}}), ["(4, 3)", "(4, 2)"]),
    "start not normalised": (lambda: mixture(init={"z": {"probs": np.ones((4, 2))}}), ["add up to 2", "expected 1"]),
    "start not positive": (lambda: mixture(init={"tau": {"shape": [1, -1], "rate": [1, 1]}}), ["tau shape", "above 0"]),
    "no sweeps": (lambda: mixture(max_iter=0), ["max_iter = 0"]),
    "half a sweep": (lambda: mixture(max_iter=2.5), ["max_iter = 2.5", "whole numbers"]),
    "tolerance not a number": (lambda: mixture(tol=np.nan), ["tol = nan", "expected a number"]),
    "seed as text": (lambda: mixture(seed="a"), ["seed = 'a'", "0 or more"]),
    "seed below zero": (lambda: mixture(seed=-1), ["seed = -1", "0 or more"]),
    "index below zero": (lambda: topics(doc=np.array([0, -1, 1])), ["doc", "-1"]),
    "index not whole": (lambda: topics(doc=np.array([0, 0.5, 1])), ["doc", "0.5", "whole numbers"]),
    "lengths differ": (lambda: topics(count=np.array([1.0, 2.0])), ["doc", "length 3", "expected 2, as in count"]),
    "an identifier for an index": (
        lambda: topics(doc=np.array([0, 10**9, 1])),
        ["doc", "index 1000000000 among 3 entries", "D would be 1000000001", "sizes={'D': 1000000001}"],
    ),
    "weight of zero": (lambda: topics(count=np.array([1.0, 0.0, 2.0])), ["count", "above 0"]),
    "design of another length": (lambda: regression(X=np.ones((4, 2))), ["y", "length 3", "expected 4, as in X"]),
    "not binary": (
        lambda: generated("beta_bernoulli").fit({"x": [0, 2], "player": [0, 1]}, {"a_0": 1.0, "b_0": 1.0}),
        ["x", "found 2", "zeros and ones"],
    ),
    "not a count": (
        lambda: generated("poisson_gamma").fit({"y": [1, -2], "exposure": [1, 1]}, {"a_0": 1, "c_0": 1, "d_0": 1}),
        ["y", "found -2", "whole numbers of 0 or more"],
    ),
    "exposure of zero": (
        lambda: generated("poisson_gamma").fit({"y": [1, 2], "exposure": [1, 0]}, {"a_0": 1, "c_0": 1, "d_0": 1}),
        ["exposure", "found 0", "above 0"],
    ),
    "index past a given size": (
        lambda: generated("switching_mean").fit(
            {"x": X, "group": [0, 5]}, {k: 1.0 for k in ("alpha_0", "m_0", "kappa_0", "a_0", "b_0")}, {"J": 2}
        ),
        ["group", "index 5", "0 to 1"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case: str) -> None:
    call, parts = CASES[case]
    with pytest.raises(ValueError) as caught:
        call()
    assert type(caught.value).__name__ == "DataError"
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_one_number_stands_for_an_array_of_hyperparameters() -> None:
    found = mixture(max_iter=3, seed=0)
    assert found.params["pi"]["concentration"].shape == (2,)


def test_a_mask_that_hides_nothing_is_no_mask() -> None:
    plain, masked = (mixture(data={"x": x}, seed=0) for x in (X, np.ma.masked_array(X, X > 10)))
    assert plain.elbo == masked.elbo


def test_a_start_tells_the_sizes() -> None:
    found = generated("gaussian_mixture").fit({"x": X}, HYPER, init={"z": {"probs": np.full((4, 3), 1 / 3)}})
    assert found.sizes["K"] == 3


def test_an_interrupted_run_returns_what_it_has() -> None:
    def stop(sweep: int, bound: float, state: object) -> None:
        if sweep == 3:
            raise KeyboardInterrupt

    found = mixture(seed=0, callback=stop, tol=0.0)
    assert found.n_iter == 3
    assert not found.converged
    assert np.isfinite(found.params["mu"]["mean"]).all()


def test_a_callback_can_end_a_run() -> None:
    assert mixture(seed=0, tol=0.0, callback=lambda sweep, bound, state: sweep == 2).n_iter == 2


def test_a_collapsed_point_estimate_is_an_error_not_nan() -> None:
    with pytest.raises(ArithmeticError, match="collapsed"):
        generated("gaussian_mixture_em").fit({"x": [0.0, 5.0]}, {}, {"K": 2}, seed=0)


def test_restarts_return_the_best_bound() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(m, 0.3, 30) for m in (-6, -2, 2, 6)])
    module = generated("gaussian_mixture")
    many = module.fit({"x": x}, HYPER, {"K": 4}, seed=3, restarts=6)
    one = module.fit({"x": x}, HYPER, {"K": 4}, seed=3)
    assert many.elbo >= one.elbo


def test_command_line(tmp_path, capsys) -> None:
    module = generated("gaussian_mixture")
    (tmp_path / "data.csv").write_text("x\n0.1\n2.0\n-1.0\n3.0\n")
    arguments = [str(tmp_path / "data.csv"), "--hyper", *(f"{k}={v}" for k, v in HYPER.items())]
    assert module.main([*arguments, "--sizes", "K=2", "--seed", "0", "--out", str(tmp_path / "p.npz")]) == 0
    assert "bound" in capsys.readouterr().out
    with np.load(tmp_path / "p.npz") as archive:
        assert archive["z_probs"].shape == (4, 2)
    assert module.main(arguments) == 2
    assert "the data do not tell ['K']" in capsys.readouterr().err


def test_counts_above_their_total_are_refused() -> None:
    m = Model("trials")
    n = m.index("n", "N")
    total, p = m.covariate("trials", n), m.latent("p", Beta(1.5, 2))
    m.observed("x", Binomial(total[n], p), n)
    module = run(derive(m).numpy())
    assert module.fit({"x": [1, 2], "trials": [3, 2]}, {}).converged
    with pytest.raises(module.DataError, match="x: found values that are not at most the total of its Binomial"):
        module.fit({"x": [1, 4], "trials": [3, 2]}, {})


def test_vectors_of_counts_add_up_to_their_total() -> None:
    found = models.data("naive_bayes")
    data = dict(found.data) | {"labelled_total": np.asarray(found.data["labelled_total"]) + 1}
    with pytest.raises(ValueError, match="labelled: found values that are not adding up to the total"):
        generated("naive_bayes").fit(data, found.hyper)


def test_values_below_a_known_minimum_are_refused() -> None:
    with pytest.raises(ValueError, match="x: found values that are not at least the minimum of its Pareto"):
        generated("pareto_of_known_minimum").fit({"x": [0.005]}, {})


def test_names_that_look_like_temporaries_stay_apart() -> None:
    m = Model("names")
    n = m.index("n", "N")
    a, b = m.hyper("total_1 total_2")
    m.observed("x", Exponential(m.latent("lam", Gamma(a, b))), n)
    found = run(derive(m).numpy()).fit({"x": [1.0, 3.0]}, {"total_1": 2.0, "total_2": 5.0})
    assert found.params["lam"]["shape"] == 4.0
    assert found.params["lam"]["rate"] == 9.0


def test_degrees_of_freedom_for_the_size_of_the_data():
    m = Model("scatter")
    n, d = m.index("n", "N"), m.index("d", "D")
    noise = m.latent("L", Wishart(3, 1, over=d))
    m.observed("x", MultivariateNormal(0, noise), n)
    module = run(derive(m).numpy())
    module.fit({"x": np.eye(3)}, {})
    with pytest.raises(
        module.DataError, match=r"3 degrees of freedom; it needs more than D - 1, and the data have D = 4"
    ):
        module.fit({"x": np.eye(4)}, {})


def test_large_numbers_are_finite() -> None:
    """Their squares add up to no number, and so do those of an array with something that is none."""
    module = generated("linear_regression")
    for array in (np.array([[1e200, 2.0], [3.0, 4.0]]), np.full((2, 4), 1e200)[:, ::2], np.array(1e200)):
        assert (module._array("x", array) == array).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("spread", [np.ascontiguousarray, np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]])
def test_one_number_that_is_none_is_found(wrong: float, spread) -> None:
    array = spread(np.array([[1.0, 2.0], [wrong, 1e200]]))
    with pytest.raises(generated("linear_regression").DataError, match="found 1 NaN or infinite"):
        generated("linear_regression")._array("x", array)
