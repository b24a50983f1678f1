"""Results with names on their axes, for xarray and ArviZ."""

import sys

import numpy as np
import pytest
from generated import derived_model, generated

from cavi import models
from cavi.derive import CaviError, derive
from cavi.templates.results import Data, to_arviz, to_xarray


def fitted(name: str):
    given = models.data(name)
    found = generated(name).fit(given.data, given.hyper, given.sizes, seed=0, max_iter=30)
    return found, derived_model(name), given


@pytest.mark.targets
def test_parameters_with_names_on_their_axes() -> None:
    pytest.importorskip("xarray")
    fit, derived, _ = fitted("gaussian_mixture_full")
    columns = ["sepal length", "sepal width", "petal length", "petal width"]
    found = to_xarray(fit, derived, {"D": columns, "k": ["a", "b", "c"]})
    assert found["mu_mean"].dims == ("k", "d")
    assert found["Lambda_scale"].dims == ("k", "d", "d_2")
    assert (
        found["Lambda_scale"].sel(d="petal width", d_2="sepal length", k="b") == fit.params["Lambda"]["scale"][1, 3, 0]
    )
    assert found.attrs["elbo"] == fit.elbo
    np.testing.assert_array_equal(found["elbo_trace"], fit.elbo_trace)
    assert list(found.coords["d_2"].values) == columns


@pytest.mark.targets
def test_labels_that_do_not_fit() -> None:
    pytest.importorskip("xarray")
    fit, derived, _ = fitted("gaussian_mixture_full")
    with pytest.raises(CaviError, match="coords: 2 labels for k; expected 3"):
        to_xarray(fit, derived, {"k": ["a", "b"]})
    with pytest.raises(CaviError, match="coords: 'q' is no index of gaussian_mixture_full"):
        to_xarray(fit, derived, {"q": ["a", "b"]})
    with pytest.raises(CaviError, match=r"the fit has no .* pass the derivation that its module was generated from"):
        to_xarray(fit, derived_model("bayesian_pca"))
    other = derive(models.load("linear_regression"), factors=[("w",)])
    with pytest.raises(CaviError, match="the fit has no precision of w with 2 axes"):
        to_xarray(fitted("linear_regression")[0], other)


@pytest.mark.targets
@pytest.mark.filterwarnings("ignore")  # ArviZ announces its next version
def test_draws_for_arviz(tmp_path) -> None:
    az = pytest.importorskip("arviz")
    fit, derived, given = fitted("linear_regression_joint")
    data = Data(given.data)
    data.coords = {"d": [f"x{i}" for i in range(10)]}
    found = to_arviz(fit, derived, data, draws=2000, seed=1, hyper=given.hyper)
    assert found.sample_stats["lp"].shape == (1, 2000)
    assert "sample_stats" not in to_arviz(fit, derived, data, draws=2)
    assert found.posterior["w"].dims == ("chain", "draw", "d")
    assert found.posterior.attrs["elbo"] == fit.elbo
    np.testing.assert_array_equal(found.observed_data["y"], given.data["y"])
    np.testing.assert_array_equal(found.constant_data["X"], given.data["X"])
    table = az.summary(found, var_names=["w"], kind="stats", round_to="none")
    w = fit.params["w"]
    deviation = np.sqrt(np.diagonal(np.linalg.inv(w["precision"])))
    np.testing.assert_allclose(table["mean"], w["mean"], atol=6 * deviation.max() / 2000**0.5)
    np.testing.assert_allclose(table["sd"], deviation, rtol=0.15)
    assert list(table.index) == [f"w[x{i}]" for i in range(10)]
    again = az.from_netcdf(found.to_netcdf(str(tmp_path / "draws.nc")))
    np.testing.assert_array_equal(again.posterior["tau"], found.posterior["tau"])


@pytest.mark.targets
@pytest.mark.filterwarnings("ignore")
def test_data_that_a_draw_reads_are_asked_for() -> None:
    pytest.importorskip("arviz")
    fit, derived, given = fitted("poisson_matrix_factorisation")
    with pytest.raises(CaviError, match=r"poisson_matrix_factorisation: .*missing \['x'\]"):
        to_arviz(fit, derived, draws=5)
    assert to_arviz(fit, derived, given.data, draws=5, seed=0).posterior["s"].shape[:2] == (1, 5)


@pytest.mark.parametrize(("function", "package"), [(to_xarray, "xarray"), (to_arviz, "arviz")])
def test_what_must_be_installed_is_said(function, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, derived, _ = fitted("linear_regression")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install 'cavi\[{package}\]'"):
        function(fit, derived)
