"""Identities in print: every node in both languages, golden fragments, an article that compiles."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import sympy

from cavi import models
from cavi.derive import derive, identities
from cavi.derive.identities.language import (
    KL,
    At,
    Average,
    Component,
    Covariance,
    Density,
    Elbo,
    Entropy,
    Expect,
    FDivergence,
    Gradient,
    Iid,
    Inner,
    Label,
    Mass,
    Sample,
    Total,
    Unknown,
    Variable,
    Vector,
)
from cavi.templates.identities import (
    chain_latex,
    chain_mathml,
    claim_latex,
    expression_latex,
    expression_mathml,
    render_article,
    render_display,
    render_html,
    render_latex,
)

GOLDEN = Path(__file__).parent / "golden"
SHOWN = ("elbo_by_jensen", "log_normaliser_gradient", "importance_weighted_order")

X, Z, ETA = Variable("x"), Variable("z"), Vector("eta")
INDEX, K = Label("i"), Label("k")
P, Q = Density("p", (X, Z)), Density("q", (Z,))
COUNT, THETA, T = (
    sympy.Symbol("K", integer=True, positive=True),
    sympy.Symbol("theta", real=True),
    Unknown("t", "vector", Z),
)
U = sympy.Symbol("u", positive=True)

# All different, and each with what a reader must see.
EXPRESSIONS = {
    "joint": (P, "p(x,z)"),
    "conditional": (P.over((Z,), (X,)), r"p(z \mid x)"),
    "parameters": (P.at(THETA), r"p(x,z;\,\theta)"),
    "star": (Density("q_1_star", (Z,)), r"q_1^{\star}(z)"),
    "integral": (Mass(P, Z), r"\int p(x,z)\,\mathrm{d}z"),
    "expectation": (Expect(sympy.log(P / Q), Q), r"\mathbb{E}_{q(z)}\Bigl[\log\frac{p(x,z)}{q(z)}\Bigr]"),
    "iid": (Expect(Sample(Z, K), Iid(Q, COUNT)), r"\mathbb{E}_{z_1,\dots,z_K \sim q}[z_k]"),
    "variance": (Covariance(Z, Z, Q), r"\operatorname{Var}_{q(z)}[z]"),
    "covariance": (Covariance(Z, Z**2, Q), r"\operatorname{Cov}_{q(z)}"),
    "kl": (KL(Q, P.over((Z,))), r"\mathrm{KL}\bigl(q(z)\,\Vert\,p(z)\bigr)"),
    "f": (FDivergence(Q, P.over((Z,)), U**2, U), r"D_f\bigl("),
    "entropy": (Entropy(Q), r"\mathrm{H}\bigl[q(z)\bigr]"),
    "bound": (Elbo(Q, P), r"\mathcal{L}(q)"),
    "bound at parameters": (Elbo(Q, P.at(THETA)), r"\mathcal{L}(q,\theta)"),
    "slope": (Unknown("f", "slope", U), r"f^{\prime}(u)"),
    "function": (Unknown("f", "convex", U), "f(u)"),
    "gradient": (Gradient(P.at(THETA), THETA), r"\frac{\partial}{\partial\theta}p"),
    "at": (At(Gradient(P.at(THETA), THETA), THETA, 0), r"_{\theta = 0}"),
    "inner": (Inner(ETA, T), r"\langle\eta,t(z)\bigr\rangle"),
    "component": (Component(ETA, INDEX), r"\eta_i"),
    "component of a function": (Component(T, INDEX), "t_i(z)"),
    "sum": (Total(Sample(Z, K), K, COUNT), r"\sum_{k = 1}^{K} z_k"),
    "mean": (Average(Sample(Z, K), K, COUNT), r"\frac{1}{K}\sum_{k = 1}^{K} z_k"),
    "mean of the others": (Average(Sample(Z, K), K, COUNT, Label("j")), r"\sum_{k \neq j} z_k"),
    "difference": (sympy.log(P) - sympy.log(Q), r"\log p(x,z) - \log q(z)"),
    "negative": (-Entropy(Q), r"-\mathrm{H}"),
    "fraction": (Entropy(Q) / 2, r"\tfrac{1}{2}\mathrm{H}"),
    "root": (sympy.sqrt(THETA**2 + 1), r"\sqrt{"),
    "gamma": (sympy.loggamma(U), r"\log\Gamma(u)"),
    "digamma": (sympy.polygamma(0, U), r"\psi(u)"),
    "absolute": (sympy.Abs(THETA), r"\lvert\theta\rvert"),
    "prime": (sympy.Symbol("eta_prime"), r"\eta^{\prime}"),
    "hat": (sympy.Symbol("eta_hat"), r"\hat{\eta}"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_in_both_languages(name: str) -> None:
    expr, expected = EXPRESSIONS[name]
    tex = expression_latex(expr)
    assert expected in tex
    assert balanced(tex)
    assert ElementTree.fromstring(str(expression_mathml(expr))).tag == "math"


def balanced(tex: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", tex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_different_expressions_print_differently() -> None:
    assert len({expression_latex(e) for e, _ in EXPRESSIONS.values()}) == len(EXPRESSIONS)
    assert len({str(expression_mathml(e)) for e, _ in EXPRESSIONS.values()}) == len(EXPRESSIONS)


def test_a_sum_over_a_discrete_variable() -> None:
    assert expression_latex(Mass(P, Z), "sum") == r"\sum_{z} p(x,z)"
    assert "∑" in str(expression_mathml(Mass(P, Z), "sum"))


@pytest.mark.parametrize("name", identities.names())
def test_every_identity_prints(name: str) -> None:
    identity = identities.load(name)
    tex = render_latex(identity)
    assert balanced(tex)
    assert tex.count(r"&\quad& \derivationrule{") == len(identity)
    assert render_display(identity).startswith("$$")
    page = render_html(identity)
    ElementTree.fromstring(page[page.index("<main") : page.index("</main>")] + "</main>")
    for step in identity:
        assert step.rule.name.replace("'", "&#39;") in page


def test_rules_can_be_left_out_or_translated() -> None:
    identity = identities.load("gibbs")
    assert "sum" not in chain_latex(identity, with_rules=False)
    assert r"\derivationrule" not in chain_latex(identity, with_rules=False)
    assert "정규화" in chain_mathml(identity, rule_names={"normalisation": "정규화"})
    assert "rule" not in chain_mathml(identity, with_rules=False)


@pytest.mark.parametrize("name", SHOWN)
def test_golden_fragments(name: str) -> None:
    identity = identities.load(name)
    assert render_latex(identity) == (GOLDEN / f"{name}.tex").read_text(encoding="utf-8")
    assert str(chain_mathml(identity)) + "\n" == (GOLDEN / f"{name}.html").read_text(encoding="utf-8")


def test_text_of_a_user_is_never_markup() -> None:
    hostile = Density("p", (Variable("x"),))
    assert "<script>" not in str(expression_mathml(hostile))
    with pytest.raises(ValueError, match="not an identifier"):
        expression_latex(Variable(r"\input{x}"))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_article_compiles_and_fits_the_page(tmp_path: Path) -> None:
    own = derive(models.load("gaussian_mixture")).identity()
    article = render_article([*(identities.load(n) for n in identities.names()), own])
    (tmp_path / "article.tex").write_text(article, encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull \\hbox" not in log
    assert "Missing character" not in log


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_fragment_needs_amsmath_alone(tmp_path: Path) -> None:
    fragments = "\n".join(render_latex(identities.load(n)) for n in ("elbo", "em_monotone", "boehning"))
    preamble = r"\documentclass{article}\usepackage{amsmath,amssymb}\begin{document}"
    (tmp_path / "paper.tex").write_text(f"{preamble}\n{fragments}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-2000:]


def test_claims_have_the_relation() -> None:
    assert r"&\geq" in claim_latex(identities.load("elbo_by_jensen"))
    assert "&=" in claim_latex(identities.load("elbo"))
