"""The article compiles, fits the page, and shows free text without obeying it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from printing_models import HOSTILE, ZOO, mixture, normal, rates

from cavi import models
from cavi.derive.result import Derived
from cavi.templates.grouping import group
from cavi.templates.latex import polynomial_latex, render, render_fragment
from cavi.templates.notation import notation
from cavi.templates.quadratic_forms import unfolded
from cavi.templates.term_order import stable_key
from cavi.templates.term_tree import flatten
from cavi.templates.update_view import polynomials_of

GOLDEN = Path(__file__).parent / "golden"
WIDEST_OVERFULL = 20.0

needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="pdflatex is not installed: install texlive-latex-recommended to check that the articles compile",
)


@cache
def derived(name: str) -> Derived:
    return ZOO[name]()


def compile_tex(source: str, folder: Path) -> str:
    """Compile, and return the log; a TeX error fails the test with its message."""
    (folder / "article.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, "\n".join(re.findall(r"^!.*(?:\n.*){4}", log, re.MULTILINE)) or log[-2000:]
    return log


def overfull(log: str) -> list[float]:
    return [float(w) for w in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide", log)]


@needs_tex
@pytest.mark.parametrize("name", ZOO)
def test_articles_compile_and_fit_the_page(name: str, tmp_path: Path) -> None:
    log = compile_tex(render(derived(name)), tmp_path)
    assert all(w <= WIDEST_OVERFULL for w in overfull(log))
    assert "Missing character" not in log


@cache
def from_library(name: str) -> Derived:
    return models.derived(name)


@needs_tex
@pytest.mark.parametrize("name", models.names())
def test_articles_of_the_library_compile_and_fit_the_page(name: str, tmp_path: Path) -> None:
    log = compile_tex(render(from_library(name)), tmp_path)
    assert all(w <= WIDEST_OVERFULL for w in overfull(log))
    assert "Missing character" not in log


@pytest.mark.parametrize("name", models.names())
def test_grouping_keeps_the_value_of_every_formula_of_the_library(name: str) -> None:
    found = from_library(name)
    signs = notation(found.model, found.updates)
    formulas = [p for u in found.updates for p in polynomials_of(u)]
    formulas += [p for t in found.elbo.terms for p in (t.value, t.inside)]
    assert len(formulas) > 5
    for p in formulas:
        assert flatten(group(p, signs.roles)) == p
        folded = signs.vectors.fold(p)
        assert folded is not None
        assert unfolded(flatten(group(folded, signs.roles))) == p


@needs_tex
def test_the_check_can_fail(tmp_path: Path) -> None:
    wide = render(rates()).replace(r"\section{Model}", r"\section{Model}\noindent\rule{30cm}{1pt}\par")
    assert max(overfull(compile_tex(wide, tmp_path))) > WIDEST_OVERFULL
    with pytest.raises(AssertionError, match="Undefined control sequence"):
        compile_tex(render(rates()).replace(r"\section{Model}", r"\undefinedcommand"), tmp_path)


@needs_tex
def test_a_fragment_compiles_inside_another_document(tmp_path: Path) -> None:
    packages = r"\usepackage[T1]{fontenc}\usepackage{amsmath,amssymb,booktabs,xcolor}"
    source = rf"\documentclass{{article}}{packages}\begin{{document}}{render_fragment(normal())}\end{{document}}"
    compile_tex(source, tmp_path)


def test_a_hostile_title_is_shown_not_obeyed() -> None:
    source = render(derived("hostile"))
    assert r"\input" not in source
    assert r"\textbackslash{}input\{x\}" in source
    assert HOSTILE not in source


def test_the_article_has_every_part() -> None:
    source = render(mixture("A mixture"))
    for part in ("Model", "Factorisation", "Log joint density", "Optimal factors", "Evidence lower bound", "Algorithm"):
        assert rf"\section{{{part}}}" in source
    assert r"x_n \mid \boldsymbol{\mu},\boldsymbol{\tau},z_n &\sim \mathcal{N}(\mu_{z_n},\tau_{z_n}^{-1})" in source
    assert source.count(r"\boxed{") == 4
    for update in (
        r"\alpha_k &= \alpha_0 + \sum_{n = 1}^{N} r_{nk}",
        r"a_k &= a_0 + \tfrac{1}{2} + \tfrac{1}{2}\sum_{n = 1}^{N} r_{nk}",
        r"\lambda_k &= \mathbb{E}[\tau_k]\biggl(\kappa_0 + \sum_{n = 1}^{N} r_{nk}\biggr)",
        r"r_{nk} &= \frac{\exp(\ell_{nk})}{\sum_{k' = 1}^{K} \exp(\ell_{nk'})}",
    ):
        assert update in source


def test_every_step_names_its_rule() -> None:
    model = mixture()
    source = render(model)
    for update in model.updates:
        for step in update.derivation:
            assert rf"\emph{{{step.rule.name}}}" in source
            assert step.rule.statement.split(",")[0].split("[")[0] in source


def test_parameters_that_two_factors_share_carry_their_latent() -> None:
    source = render(derived("crossed"))
    assert r"m^{(\mu)}" in source
    assert r"m_i^{(\alpha)}" in source
    assert r"a^{(\tau_a)}" in source


def test_a_parameter_whose_letter_is_declared_gets_a_hat() -> None:
    source = render(rates())
    assert r"\hat{a}_j &= a + y_j" in source


def test_a_block_is_written_by_the_chain_rule() -> None:
    source = render(derived("normal_block"))
    assert r"q^{\star}(\mu \mid \tau) &= \mathcal{N}\bigl(\mu \mid m,(\lambda\tau)^{-1}\bigr)" in source


def test_moments_of_a_point_are_its_values() -> None:
    source = render(derived("maximum_likelihood"))
    assert r"\mathbb{E}[\mu" not in source
    assert r"\ell_{nk} &= \log\pi_k" in source


def test_polynomials_for_notebooks() -> None:
    model = mixture()
    formula = model.update("pi").formulas[0].value
    expected = r"\alpha_0 + \sum_{n = 1}^{N} r_{nk}"
    assert polynomial_latex(formula, model) == expected  # type: ignore[arg-type]
    assert polynomial_latex(model.log_density["x"], model.model).startswith(r"\tfrac{1}{2}\sum_{n = 1}^{N}")
    with pytest.raises(KeyError, match="moment"):
        polynomial_latex(formula)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [normal, rates])
def test_golden_articles(make: Callable[[], Derived]) -> None:
    """The whole text; after an intended change run ``python tests/templates/latex/regenerate.py``."""
    model = make()
    assert render(model) == (GOLDEN / f"{model.model.name}.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["gaussian_mixture_full", "linear_dynamical_system"])
def test_golden_articles_of_the_library(name: str) -> None:
    assert render(from_library(name)) == (GOLDEN / f"{name}.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["hostile", "crossed", "regression"])
def test_rendering_again_from_scratch_gives_the_same_text(name: str) -> None:
    first = render(ZOO[name]())
    group.cache_clear()
    stable_key.cache_clear()
    assert render(ZOO[name]()) == first
