"""Estimators as scikit-learn uses them; what their methods return against formulas written down here."""

import pickle
import warnings

import numpy as np
import pytest
from generated import derived_model, run
from scipy.special import expit, logsumexp, psi

from cavi import models
from cavi.templates.estimators.view import class_name

pytest.importorskip("sklearn")
pytestmark = pytest.mark.targets

CHECKED = [
    "gaussian_mixture_full",
    "diagonal_gaussian_mixture",
    "gaussian_mixture_shared",
    "student_mixture",
    "mixture_of_factor_analysers",
    "bayesian_pca",
    "factor_analysis",
    "linear_regression",
    "linear_regression_joint",
    "ard_regression",
    "robust_regression",
    "multivariate_regression",
    "mixture_of_linear_regressions",
    "logistic_regression",
    "logistic_regression_polya_gamma",
]
_made: dict = {}


def estimator(name: str):
    """The class of a model, with its module."""
    if name not in _made:
        module = run(derived_model(name).estimator())
        _made[name] = getattr(module, class_name(name)), module
    return _made[name]


@pytest.mark.parametrize("name", CHECKED)
def test_the_checks_of_scikit_learn(name: str) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(estimator(name)[0](tol=1e-5), on_fail=None, on_skip=None)
    assert len(found) > 40
    assert not [(r["check_name"], r["exception"]) for r in found if r["status"] == "failed"]


def test_score_samples_of_a_mixture_is_what_the_formula_says() -> None:
    x = models.data("diagonal_gaussian_mixture").data["x"]
    found = estimator("diagonal_gaussian_mixture")[0](K=3, random_state=0).fit(x)
    q = found.params_
    alpha, shape, rate = q["pi"]["concentration"], q["tau"]["shape"], q["tau"]["rate"]
    mean, precision = q["mu"]["mean"], q["mu"]["precision"]
    tau, log_tau = shape / rate, psi(shape) - np.log(rate)
    square = tau * (x[:, None] - mean) ** 2 + tau / precision
    logits = psi(alpha) - psi(alpha.sum()) + 0.5 * (log_tau - np.log(2 * np.pi) - square).sum(axis=-1)
    np.testing.assert_allclose(found.score_samples(x), logsumexp(logits, axis=1), rtol=1e-10)
    expected = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(found.predict_proba(x), expected, rtol=1e-8, atol=1e-12)
    assert found.score(x) == pytest.approx(found.score_samples(x).mean())


@pytest.mark.parametrize(
    "name", ["gaussian_mixture_full", "bayesian_pca", "mixture_of_factor_analysers", "student_mixture", "latent_class"]
)
def test_the_bound_is_that_of_the_rows_and_of_what_they_share(name: str) -> None:
    """What is left of the bound without its rows is the same for all rows and for some."""
    data = models.data(name)
    ((x, rows),) = data.data.items()
    cls, module = estimator(name)
    sizes = {k: v for k, v in data.sizes.items() if k in cls._SIZES}
    found = cls(**sizes, **data.hyper, random_state=0, max_iter=200, tol=1e-6).fit(rows)
    left = []
    for some in (rows, rows[:31]):
        state = found._rows({x: some})
        left.append(module.elbo(state) - module.row_bound(state).sum())
    assert left[0] == pytest.approx(left[1], rel=1e-9, abs=1e-7)
    np.testing.assert_allclose(found.score_samples(rows)[:31], found.score_samples(rows[:31]), rtol=1e-6)


def test_a_regression_predicts_with_its_uncertainty() -> None:
    data = models.data("linear_regression_joint").data
    found = estimator("linear_regression_joint")[0]().fit(data["X"], data["y"])
    mean, deviation = found.predict(data["X"][:20], return_std=True)
    w, tau = found.params_["w"], found.params_["tau"]
    x = data["X"][:20]
    np.testing.assert_allclose(mean, x @ w["mean"], rtol=1e-10)
    spread = np.einsum("nd,de,ne->n", x, np.linalg.inv(w["precision"]), x) + tau["rate"] / tau["shape"]
    np.testing.assert_allclose(deviation, np.sqrt(spread), rtol=1e-8)
    assert found.score(data["X"], data["y"]) == pytest.approx(0.517, abs=0.01)  # R² of least squares: 0.5177


def test_probabilities_of_a_logistic_regression() -> None:
    data = models.data("logistic_regression").data
    labels = np.where(data["y"] == 1, "distress", "calm")
    found = estimator("logistic_regression")[0](alpha_0=0.1).fit(data["X"], labels)
    w = found.params_["w"]
    covariance = np.linalg.inv(w["precision"])
    m = data["X"] @ w["mean"]
    v = np.einsum("nd,de,ne->n", data["X"], covariance, data["X"])
    np.testing.assert_allclose(found.predict_proba(data["X"])[:, 1], expit(m / np.sqrt(1 + np.pi * v / 8)), rtol=1e-8)
    assert list(found.classes_) == ["calm", "distress"]
    assert found.score(data["X"], labels) > 0.8


def test_several_outputs() -> None:
    data = models.data("multivariate_regression").data
    found = estimator("multivariate_regression")[0](alpha_0=0.1).fit(data["X"], data["y"])
    np.testing.assert_allclose(found.predict(data["X"]), data["X"] @ found.params_["W"]["mean"].T, rtol=1e-10)
    assert found.hyper_["nu_0"] == data["y"].shape[1] + 1


def test_principal_components_come_back() -> None:
    x = models.data("bayesian_pca").data["x"]
    found = estimator("bayesian_pca")[0](Q=4, random_state=0, max_iter=300, tol=1e-6)
    z = found.fit_transform(x)
    assert z.shape == (len(x), 4)
    q = found.params_
    np.testing.assert_allclose(found.inverse_transform(z), z @ q["W"]["mean"].T + q["mu"]["mean"], rtol=1e-10)
    left = ((x - found.inverse_transform(z)) ** 2).sum() / (x**2).sum()
    assert 0.2 < left < 0.4  # four principal components leave 0.264
    assert list(found.get_feature_names_out()) == [f"bayesianpca{i}" for i in range(4)]


def test_in_a_pipeline_and_a_grid() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = models.data("gaussian_mixture_full").data["x"] * 3.0 + 5.0
    cls = estimator("gaussian_mixture_full")[0]
    pipeline = make_pipeline(StandardScaler(), cls(beta_0=0.1, random_state=0))
    search = GridSearchCV(pipeline, {"gaussianmixturefull__K": [1, 2, 3]}, cv=3, error_score="raise").fit(
        x[np.argsort(np.arange(150) % 3)]
    )
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0] + 0.1  # irises are no single cluster
    assert clone(search.best_estimator_[-1]).get_params() == search.best_estimator_[-1].get_params()
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(x), search.best_estimator_.predict(x))


def test_minibatches_come_near_all_data() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(m, 0.5, (2000, 2)) for m in (-3.0, 0.0, 3.0)])
    rng.shuffle(x)
    cls = estimator("diagonal_gaussian_mixture")[0]
    whole = cls(K=3, random_state=0).fit(x)
    known, unknown = cls(K=3, random_state=0, n_rows=len(x)), cls(K=3, random_state=0)
    for found in (known, unknown):
        for batch in np.split(x, 60):
            found.partial_fit(batch)
        assert found.score(x) == pytest.approx(whole.score(x), abs=0.02)
        assert found.n_iter_ == 60
        assert found.params_["pi"]["concentration"].sum() == pytest.approx(6003, rel=1e-6)
    first = unknown.__class__(K=3, random_state=0).partial_fit(x[:100])
    assert first.params_["pi"]["concentration"].sum() == pytest.approx(103)


def test_one_column_only() -> None:
    x = models.data("gaussian_mixture").data["x"]
    found = estimator("gaussian_mixture")[0](K=3, m_0=20.0, kappa_0=0.05, random_state=0).fit(x[:, None])
    assert found.predict_proba(x[:, None]).shape == (82, 3)
    with pytest.raises(ValueError, match="found 2 columns; expected one"):
        found.fit(np.column_stack([x, x]))


def test_categories_keep_their_number() -> None:
    y = models.data("latent_class").data["y"]
    found = estimator("latent_class")[0](K=2, V=4, random_state=0).fit(y)
    assert found.params_["theta"]["concentration"].shape[-1] == 4
    assert found.fit_predict(y).shape == (len(y),)


def test_a_module_without_scikit_learn_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    source = derived_model("linear_regression").estimator()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match="pip install -U scikit-learn"):
        run(source)


def test_minibatches_of_a_regression_and_a_classifier() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=3000)
    regression = estimator("linear_regression_joint")[0](n_rows=3000)
    whole = estimator("linear_regression_joint")[0]().fit(x, y)
    labels = np.where(y > 0, "up", "down")
    classifier = estimator("logistic_regression")[0](n_rows=3000)
    for rows in np.split(np.arange(3000), 30):
        regression.partial_fit(x[rows], y[rows])
        classifier.partial_fit(x[rows], labels[rows], classes=["up", "down"])
    np.testing.assert_allclose(regression.predict(x), whole.predict(x), atol=0.05)
    assert regression.params_["tau"]["shape"] == pytest.approx(whole.params_["tau"]["shape"])
    assert classifier.score(x, labels) > 0.9
    with pytest.raises(ValueError, match="found the classes"):
        classifier.partial_fit(x[:3], np.array(["up", "left", "up"]))
    regression.fit(x[:100], y[:100])  # forgets the minibatches
    assert regression.params_["tau"]["shape"] == pytest.approx(1.0 + 50.0)


def test_the_mean_of_a_step_is_that_of_its_normal() -> None:
    """E[exp(x·w)] under a Normal factor by choice, for rows that were not there when it was found."""
    module = run(derived_model("poisson_regression").estimator())
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    y = rng.poisson(np.exp(x @ [0.4, -0.3])).astype(float)
    model = module.PoissonRegression().fit(x, y)
    w, new = model.params_["w"], rng.normal(size=(7, 2))
    spread = np.einsum("nd,de,ne->n", new, np.linalg.inv(w["precision"]), new)
    np.testing.assert_allclose(model.predict(new), np.exp(new @ w["mean"] + 0.5 * spread), rtol=1e-12)
    steps = module.PoissonRegression()
    for part in np.array_split(np.arange(200), 4):
        steps.partial_fit(x[part], y[part])
    np.testing.assert_allclose(steps.predict(new), model.predict(new), rtol=0.3)


@pytest.mark.parametrize(
    ("name", "restarts", "jobs"),
    [
        ("gaussian_mixture_full", 1, 2),
        ("gaussian_mixture_full", 2, 2),
        ("linear_regression", 2, 3),
        ("linear_regression", 1, 2),
    ],
)
def test_jobs_change_how_long_it_takes_alone(name: str, restarts: int, jobs: int) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 6.0])
    y = x @ [1.0, -2.0] + rng.normal(size=100)
    cls = estimator(name)[0]
    one, two = (cls(random_state=3, restarts=restarts, tol=1e-12, n_jobs=n).fit(x, y) for n in (None, jobs))
    assert two.elbo_ == pytest.approx(one.elbo_, rel=1e-9)
    np.testing.assert_allclose(two.predict(x), one.predict(x), rtol=1e-5, atol=1e-5)
    assert set(two.params_) == set(one.params_)


@pytest.mark.parametrize("jobs", [None, 2])
def test_factors_of_rows_are_repeated(jobs: int | None) -> None:
    """Of models that have such; `inner` is that of `fit`."""
    x = np.random.default_rng(0).normal(size=(50, 3))
    cls, _ = estimator("mixture_of_factor_analysers")
    with pytest.warns(UserWarning, match="the bound still changed after 4 sweeps"):
        once, often = (cls(3, 2, random_state=3, tol=0.0, max_iter=4, n_jobs=jobs, inner=n).fit(x) for n in (1, 5))
    assert once.elbo_trace_[0] != pytest.approx(often.elbo_trace_[0], rel=1e-6)
    assert "inner" not in estimator("gaussian_mixture_full")[0]().get_params()
