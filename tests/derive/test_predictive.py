"""What q expects of an observation, and the bound taken apart into rows."""

import pytest
from generated import derived_model

from cavi.derive import CaviError
from cavi.derive.canonical import add, sum_over
from cavi.derive.predictive import mean_given, predicted, row_terms
from cavi.derive.text import show
from cavi.templates.shards.split import candidates

MODELS = [
    "gaussian_mixture_full",
    "bayesian_pca",
    "mixture_of_factor_analysers",
    "student_mixture",
    "latent_class",
    "robust_regression",
    "logistic_regression",
    "gaussian_mixture_em",
]


@pytest.mark.parametrize("name", MODELS)
def test_rows_and_what_they_share_add_up_to_the_bound(name: str) -> None:
    derived = derived_model(name)
    row = candidates(derived)[0]
    shared = [t.value for t in derived.elbo.terms if not _mentions(t.value, row.size)]
    whole = add(sum_over(row_terms(derived, row), [row]), *shared)
    assert show(whole - derived.elbo.total) == "0"
    assert not {i for i in row_terms(derived, row).free} - {row}


def _mentions(p, size: str) -> bool:
    return any(i.size == size for m in p.monomials for i in m.bound) or f"Size(name='{size}')" in repr(p)


@pytest.mark.parametrize(
    ("name", "y", "mean", "variance"),
    [
        ("linear_regression", "y", "Σ_d X[n,d]·E[w][d]", "-Σ_d X[n,d]²·E[w][d]² + Σ_d X[n,d]²·E[w^2][d]"),
        ("multivariate_regression", "y", "Σ_p X[n,p]·W.mean[d,p]", None),
        ("mixture_of_linear_regressions", "t", "Σ_d,k φ[n,d]·E[w][k,d]·E[z[n]=k]", "mixed"),
        (
            "logistic_regression",
            "y",
            "Σ_d X[n,d]·E[w][d]",
            "-Σ_d,d' X[n,d]·X[n,d']·E[w][d]·E[w][d'] + Σ_d,d' X[n,d]·X[n,d']·E[w*w][d,d']",
        ),
    ],
)
def test_a_prediction(name: str, y: str, mean: str, variance: str | None) -> None:
    derived = derived_model(name)
    found = predicted(derived, y)
    indices = derived.model.indices
    assert show(found.mean, indices) == mean
    if variance != "mixed":
        assert (None if found.variance is None else show(found.variance, indices)) == variance
    assert found.link == ("logistic" if name.startswith("logistic") else None)


def test_the_mean_given_a_latent_keeps_it() -> None:
    derived = derived_model("bayesian_pca")
    found = mean_given(derived, "x", "z")
    assert found is not None
    assert show(found, derived.model.indices) == "Σ_q z[n,q]·E[W][d,q] + E[μ][d]"


def test_a_family_without_a_mean_among_its_arguments() -> None:
    with pytest.raises(CaviError, match="y is Categorical, whose mean is none of its arguments"):
        predicted(derived_model("latent_class"), "y")
