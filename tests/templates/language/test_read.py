"""Reading: what may be written in several ways, and errors that show the place."""

import pytest

from cavi.derive import DeclarationError, Gamma, Model, Normal, dot
from cavi.derive.plain import plain_model
from cavi.templates.language import TextError, read_file, read_model

WHITEBOARD = """
# The model of Bishop (2006), section 10.2, in one dimension.
model gaussian_mixture "Bayesian Gaussian mixture"
index n in N, k in K
hyper alpha_0, m_0,
      kappa_0, a_0, b_0          # a list goes on after a comma

pi ~ Dirichlet(alpha_0, over=k)
tau[k] ~ Gamma(a_0, b_0)
latent mu[k] ~ Normal(
    m_0,
    kappa_0 * tau[k],
)
z[n] ~ Categorical(pi)
observed x[n] ~ Normal(mu[z[n]], tau[z[n]])
"""


def test_the_whiteboard_is_the_model_of_the_library() -> None:
    from cavi import models

    assert plain_model(read_model(WHITEBOARD)) == plain_model(models.load("gaussian_mixture"))
    assert plain_model(read_model(WHITEBOARD.replace("\n", "\r\n"))) == plain_model(models.load("gaussian_mixture"))


def one(distribution, *index):
    m = Model("m")
    n, d = m.index("n", "N"), m.index("d", "D")
    a, u, x = m.hyper("a"), m.hyper("u", d), m.covariate("X", n, d)
    m.observed("y", distribution(a, u, x, n, d), n)
    return m


HEAD = "model m\nindex n in N, d in D\nhyper a, u[d]\ncovariate X[n, d]\nobserved y[n] ~ "


@pytest.mark.parametrize(
    "text, distribution",
    [
        ("Normal(dot(u, X[n]), a)", lambda a, u, x, n, d: Normal(dot(u, x[n]), a)),
        ("Normal(u @ X[n], precision=a)", lambda a, u, x, n, d: Normal(dot(u, x[n]), a)),
        ("Normal(Sum(u[d] * X[n, d], d), a)", lambda a, u, x, n, d: Normal(dot(u, x[n]), a)),
        ("Normal(a ** 2, variance=a)", lambda a, u, x, n, d: Normal(a**2, variance=a)),
        ("Gamma(+a, 1/3)", lambda a, u, x, n, d: Gamma(a, __import__("fractions").Fraction(1, 3))),
        ("Normal(u[0] - .5, 1e2)", lambda a, u, x, n, d: Normal(u[0] - 0.5, 100)),
    ],
)
def test_notations(text: str, distribution) -> None:
    assert plain_model(read_model(HEAD + text)) == plain_model(one(distribution))


@pytest.mark.parametrize(
    "text, line, column, problem",
    [
        ("", 1, 1, "found the end of the text; expected 'model'"),
        ("model", 1, 6, "found the end of the text; expected a name"),
        ("model m\nindex n in", 2, 11, "expected a name or a number"),
        ("model m\nx ~ Normal(0, 1\n", 2, 16, "found the end of the text; expected ')' or ','"),
        ("model m\nx = 3", 2, 3, "found '='; expected ',' or '~'"),
        ("model m\nx ~ Normal(0; 1)", 2, 13, "found ';'"),
        ("model m\nx ~ Normal(0, 1) y ~ Normal(0, 1)", 2, 18, "found 'y'; expected ',', the end of the line"),
        ('model m "a\\q"', 1, 9, "a quote in a title"),
        ("model m\nx ~ Norml(0, 1)", 2, 5, "found Norml, expected a distribution; did you mean 'Normal'"),
        ("model m\nx ~ Normal(lug(2), 1)", 2, 12, "found lug, expected a function; did you mean 'log'"),
        ("model m\nx ~ Normal(0, 1, 2, 3)", 2, 5, "expected Normal(mean, precision, variance, std)"),
        ("model m\nx ~ Normal(0, presicion=1)", 2, 5, "expected Normal(mean, precision"),
        ("model m\nx ~ Normal(0)", 2, 5, "expected exactly one of precision, variance, std"),
        ("model m\nx ~ Normal(mean=0, 1)", 2, 20, "an argument without a name follows one with a name"),
        ("model m\nhyper mu_0\nx ~ Normal(1 + mu, 1)", 3, 16, "the name mu is not declared on a line above; did you"),
        ("model m\nx ~ Normal(__import__('os'), 1)", 2, 12, "found '_'"),
        ("model m\nx ~ Normal(0 .real, 1)", 2, 14, "found '.'"),
        ("model m\nx ~ Normal(x, 1)", 2, 12, "x refers to itself; a chain"),
        ("model m\nx ~ Normal(1/0, 1)", 2, 14, "a division by zero"),
        ("model m\nx ~ Normal(1e999999999, 1)", 2, 12, "more than 300 digits"),
        ("model m\nx ~ Normal(" + "-" * 100_000 + "1, 1)", 1, 1, "nested too deeply"),
        ("model m\nlambda ~ Normal(0, 1)", 2, 1, "is reserved"),
        ("model m\nmu ~ Normal(0, 1)\nmu ~ Normal(0, 1)", 3, 1, "is already a variable"),
        ("model m\nindex k in 0", 2, 7, "the size must be at least 1"),
        ("model m\nindex k in 2.5", 2, 12, "expected a name or a whole number"),
        ("model m\nindex n in N, k in K\nmu[k] ~ Normal(0, 1)\nobserved x[n] ~ Normal(mu[n], 1)", 4, 24, "runs over N"),
        ("model m\nindex t in T\nx[t] ~ Normal(x[t-2], 1), first ~ Normal(0, 1)", 3, 17, "its neighbours are t-1"),
        ("model m\nindex k in K\nmu[k] ~ NormalGamma(0, 1, 1, 1)", 3, 9, "declares two latents of the same plates"),
        ("model m\npoint mu ~ NormalGamma(0, 1, 1, 1)", 2, 12, "declares two latents, not a point"),
        ("model m\na, b ~ Normal(0, 1)", 2, 4, "Normal declares one variable, found a, b"),
        ("model m\nindex i in N\nobserved x[i] ~ Normal(0, 1), where i < 3", 3, 37, "a comparison of two indices"),
        ("model m\nx ~ Normal(0, 1), weight = 2, weight = 3", 2, 31, "found weight twice"),
        ("model m\nx ~ Normal(Sum(2), 1)", 2, 12, "expected an expression and at least one index"),
        ("model m\nindex k in K\npoint p[k] in heaven", 3, 7, "expected one of real"),
        ("model m\nx[n] ~ Normal(0, 1)", 2, 3, "found n, expected an index"),
        ("model m\nindex n in N\n\tx ~ Normal(\tn, 1)", 3, 6, "index n cannot be used as a number"),
    ],
)
def test_errors_show_the_place(text: str, line: int, column: int, problem: str) -> None:
    with pytest.raises(TextError) as caught:
        read_model(text, "model.cavi")
    error = caught.value
    assert (error.line, error.column) == (line, column) and problem in error.problem
    message, shown, caret = str(error).split("\n")
    assert message.startswith(f"model.cavi:{line}:{column}: ")
    assert shown == f"{line} | {text.splitlines()[line - 1] if text else ''}"
    assert caret.index("^") == len(f"{line} | ") + column - 1
    assert isinstance(error, DeclarationError)


def test_files(tmp_path) -> None:
    path = tmp_path / "model.cavi"
    path.write_bytes(b"\xef\xbb\xbf" + WHITEBOARD.encode())
    assert read_file(path).name == "gaussian_mixture"
    path.write_bytes(b"model m\xff")
    with pytest.raises(ValueError, match="save it as UTF-8"):
        read_file(path)
    with pytest.raises(ValueError, match="no such file"):
        read_file(tmp_path / "none.cavi")
