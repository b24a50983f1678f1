"""Which models are estimators, of which kind, and why others are none."""

import pytest
from generated import derived_model

from cavi.derive import Categorical, CaviError, Dirichlet, Model, Normal, derive
from cavi.templates.estimators.view import class_name, estimator_view

KINDS = {
    "gaussian_mixture_full": ("ClusterMixin",),
    "latent_class": ("ClusterMixin",),
    "bayesian_pca": ("ClassNamePrefixFeaturesOutMixin", "TransformerMixin"),
    "mixture_of_factor_analysers": ("ClusterMixin", "ClassNamePrefixFeaturesOutMixin", "TransformerMixin"),
    "linear_regression": ("RegressorMixin",),
    "multivariate_regression": ("RegressorMixin",),
    "mixture_of_linear_regressions": ("RegressorMixin",),
    "logistic_regression": ("ClassifierMixin",),
}
REFUSED = {
    "lda": "observed integers doc",
    "canonical_correlation": "its data are x_1, x_2",
    "normal": "no row has a category",
    "eight_schools": "does not depend on sigma through a latent that rows share",
    "gaussian_process": "the hyperparameter K has a value for each row",
    "hmm_gaussian": "runs along a chain",
    "poisson_mixture": "stands for several copies",
    "observed_scatter_matrices": "has the axes \\(N, D, D\\)",
}


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_is_read_off_the_declaration(name: str) -> None:
    found = estimator_view(derived_model(name)).bases
    assert found == (*(f"sklearn_base.{base}" for base in KINDS[name]), "RowsEstimator")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_estimator_is_refused_by_name(name: str) -> None:
    with pytest.raises(CaviError, match=f"{name} is no estimator.*{REFUSED[name]}"):
        estimator_view(derived_model(name))


def test_what_can_be_predicted_how() -> None:
    views = {n: estimator_view(derived_model(n)) for n in ("linear_regression", "robust_regression", "bayesian_pca")}
    assert views["linear_regression"].std
    assert not views["robust_regression"].std  # its noise belongs to rows
    assert views["bayesian_pca"].inverse
    assert not estimator_view(derived_model("mixture_of_factor_analysers")).inverse


def test_names_of_a_model_that_arguments_have_already() -> None:
    m = Model("state")
    n, k = m.index("n", "N"), m.index("k", "K")
    concentration, rows = m.hyper("random_state n_rows")
    pi = m.latent("pi", Dirichlet(concentration, over=k))
    mu = m.latent("mu", Normal(0, rows), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Normal(mu[z[n]], 1), n)
    view = estimator_view(derive(m))
    assert [(a.name, a.of) for a in view.hyper] == [("random_state_", "random_state"), ("n_rows_", "n_rows")]
    assert view.name == class_name(m.name) == "StateEstimator"
    assert view.column
