"""Logistic regression by a bound: the equations of the textbook, and the errors that name what to write."""

import numpy as np
import pytest
from generated import run

from cavi import models
from cavi.derive import (
    Binomial,
    Categorical,
    Dirichlet,
    Model,
    NonConjugateError,
    Normal,
    Poisson,
    RelaxationError,
    derive,
    dot,
    exp,
    sigmoid,
)
from cavi.models.logistic_regression import logistic


def sigma(a):
    return 1 / (1 + np.exp(-a))


def lam(xi):
    """Bishop (2006), 10.150."""
    return (sigma(xi) - 0.5) / (2 * xi)


def fitted(bound: str):
    found = models.data("logistic_regression")
    derived = derive(logistic("logistic_regression", "Logistic regression"), [("w",)], bounds={"y": bound})
    module = run(derived.numpy())
    fit = module.fit(found.data, found.hyper, tol=0.0)
    for _ in range(30):  # the parameters settle later than the bound
        fit = module.fit(found.data, found.hyper, tol=0.0, init=fit.params)
    return found, fit


def test_the_variational_logistic_regression_of_the_textbook() -> None:
    """Bishop (2006), 10.156, 10.157, 10.163, and the bound 10.159, written down independently."""
    found, ours = fitted("jaakkola_jordan")
    x, t = found.data["X"], found.data["y"]
    s0_inverse = found.hyper["alpha_0"] * np.eye(2)
    xi = np.ones(len(t))
    for _ in range(2000):
        s_inverse = s0_inverse + 2 * (x * lam(xi)[:, None]).T @ x
        s = np.linalg.inv(s_inverse)
        m = s @ ((t - 0.5) @ x)
        xi = np.sqrt(np.einsum("nd,de,ne->n", x, s + np.outer(m, m), x))
    bound = 0.5 * np.linalg.slogdet(s)[1] - 0.5 * np.linalg.slogdet(np.linalg.inv(s0_inverse))[1]
    bound += 0.5 * m @ s_inverse @ m
    bound += (np.log(sigma(xi)) - xi / 2 + lam(xi) * xi**2).sum()
    np.testing.assert_allclose(ours.params["w"]["mean"], m, rtol=1e-10)
    np.testing.assert_allclose(np.linalg.inv(ours.params["w"]["precision"]), s, rtol=1e-9)
    np.testing.assert_allclose(ours.params["xi"]["value"], xi, rtol=1e-8)
    assert ours.elbo == pytest.approx(bound, rel=1e-10)


def test_the_quadratic_bound_of_fixed_curvature() -> None:
    """Böhning (1992); Murphy (2012), 21.8.2: precision αI + XᵀX/4, ψ = Xm."""
    found, ours = fitted("boehning")
    x, t = found.data["X"], found.data["y"]
    precision = found.hyper["alpha_0"] * np.eye(2) + x.T @ x / 4
    m = np.zeros(2)
    for _ in range(3000):
        psi = x @ m
        m = np.linalg.solve(precision, x.T @ (t - sigma(psi) + psi / 4))
    np.testing.assert_allclose(ours.params["w"]["mean"], m, rtol=1e-7)
    np.testing.assert_allclose(ours.params["w"]["precision"], precision, rtol=1e-12)


def test_both_are_below_the_evidence_and_the_tangent_bound_is_tighter() -> None:
    found, tangent = fitted("jaakkola_jordan")
    _, quadratic = fitted("boehning")
    x, t, alpha = found.data["X"], found.data["y"], found.hyper["alpha_0"]
    grid = np.linspace(-9, 9, 700)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    eta = a[..., None] * x[:, 0] + b[..., None] * x[:, 1]
    log_joint = (t * eta - np.logaddexp(0, eta)).sum(-1) - alpha / 2 * (a**2 + b**2) + np.log(alpha / (2 * np.pi))
    top = log_joint.max()
    evidence = top + np.log(np.exp(log_joint - top).sum() * (grid[1] - grid[0]) ** 2)
    assert quadratic.elbo < tangent.elbo < evidence < tangent.elbo + 1


def test_a_row_of_zeros_is_no_obstacle() -> None:
    """There ξ = 0, where λ(ξ) is 1/8 in the limit."""
    module = run(models.derived("logistic_regression").numpy())
    x = np.vstack([np.zeros(2), np.eye(2)])
    found = module.fit({"X": x, "y": np.array([1.0, 0.0, 1.0])}, {"alpha_0": 1.0})
    assert np.isfinite(found.elbo) and found.params["xi"]["value"][0] == 0


def test_counts_of_successes_and_categories_that_select() -> None:
    """The same bound acts on binomial counts and inside a mixture: by the form of the term alone."""
    m = Model("mixture_of_logistic_regressions")
    n, k, d = m.index("n", "N"), m.index("k", "K"), m.index("d", "D")
    x, total = m.covariate("X", n, d), m.covariate("total", n)
    pi = m.latent("pi", Dirichlet(1, over=k))
    w = m.latent("w", Normal(0, 1), k, d)
    z = m.latent("z", Categorical(pi), n)
    m.observed("y", Binomial(total[n], sigmoid(dot(w[z[n]], x[n]))), n)
    derived = derive(m, relax="auto")
    (found,) = derived.relaxations
    assert found.name == "jaakkola_jordan"
    assert [i.name for i in derived.update("xi").factor.plates] == ["k", "n"]


def test_the_refusal_names_the_argument_to_pass() -> None:
    with pytest.raises(NonConjugateError, match=r"derive\(m, bounds=\{'y': 'jaakkola_jordan'\}") as found:
        derive(logistic("m", "M"))
    assert "relax='auto'" in str(found.value)


def test_the_automatic_choice_says_what_it_took_and_what_else_there_was() -> None:
    text = str(derive(logistic("m", "M"), relax="auto"))
    assert "bound jaakkola jordan" in text and "other rules for this form: boehning" in text
    assert "a lower bound of it" in text


def test_the_model_that_was_declared_stays_as_it_is() -> None:
    m = logistic("m", "M")
    derive(m, bounds={"y": "boehning"})
    assert [v.name for v in m.variables] == ["alpha_0", "X", "w", "y"]


def test_a_coefficient_that_may_be_negative_is_not_bounded() -> None:
    """-exp(x) is concave: its tangent is an upper bound, of no use here, and none of the rules fits."""
    m = Model("m")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", Poisson(exp(dot(w, x[n]))), n)
    found = derive(m, relax="auto")
    assert not found.relaxations and found.update("w").chosen == "cvi"  # the last remedy


ILLEGAL = {
    "node": (dict(bounds={"t": "boehning"}), "'t' is not a node"),
    "rule": (dict(bounds={"y": "jakkola_jordan"}), "jaakkola_jordan"),
    "term": (dict(bounds={"w": "boehning"}), "no term of the log density of w"),
    "container": (dict(bounds="boehning"), "expected a dict"),
    "relax": (dict(relax="yes"), "expected 'auto'"),
    "marginalise": (dict(bounds={"y": "boehning"}, marginalise=["w"]), "found marginalise= beside bounds="),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_wrong_requests_are_refused_with_the_remedy(name: str) -> None:
    given, message = ILLEGAL[name]
    with pytest.raises(RelaxationError) as found:
        derive(logistic("m", "M"), **given)
    assert message in str(found.value)


def test_both_sides_of_the_bound_are_typeset() -> None:
    derived = models.derived("logistic_regression")
    tex, html = derived.latex(), derived.html()
    assert r"\underline{p}" in tex and r"\geq" in tex and "lower bound of the bound" in tex
    assert "Relaxation" in html and "lower bound of the bound" in html
