"""Presets change conventions and nothing else; own symbols are checked."""

from __future__ import annotations

import re

import pytest
from printing_models import ZOO, mixture, normal

from cavi import models
from cavi.derive import CaviError
from cavi.templates.article import article
from cavi.templates.latex import polynomial_latex
from cavi.templates.latex.view import rows
from cavi.templates.layout import EXPECTATION, Glyph, Script, brackets, row
from cavi.templates.style import PLAIN, PRESETS, preset, restyled
from cavi.templates.symbols import from_tex, symbol

X = symbol("x")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("model", ["mixture", "crossed", "regression", "maximum_likelihood"])
def test_a_style_applied_twice_is_applied_once(name: str, model: str) -> None:
    found = article(ZOO[model]() if model in ZOO else mixture(), name)
    assert restyled(found, PRESETS[name]) == found


def test_conventions_of_the_books() -> None:
    found = models.derived("gaussian_mixture_full")
    text = {name: found.latex(notation=name) for name in PRESETS}
    assert r"\mathrm{T}" in text["bishop"] and r"{\top}" not in text["bishop"]
    assert r"\ln" in text["bishop"] and not re.search(r"\\log\b", text["bishop"])
    assert r"\phi_{nk}" in text["blei"] and "r_{nk}" not in text["blei"]
    assert r"\mathrm{ELBO}(q)" in text["blei"] and r"\mathcal{L}" not in text["blei"]
    assert r"\mathbb{H}" in text["murphy"] and "q^{*}" in text["murphy"]
    assert r"\langle" in text["beal"] and r"\mathbb{E}" not in text["beal"]
    assert r"\mathcal{F}(q)" in text["beal"]


def test_expectations_by_angle() -> None:
    beal = preset("beal")
    under = Script(EXPECTATION, symbol("z"))
    bare = beal.apply(row(EXPECTATION, brackets(X)))
    assert bare == beal.apply(bare)
    power = beal.apply(row(EXPECTATION, Script(brackets(X), sup=Glyph("2", "2"))))
    assert isinstance(power, Script) and power.sup == Glyph("2", "2")
    inner = beal.apply(row(under, brackets(row(EXPECTATION, brackets(X)))))
    assert isinstance(inner, Script) and inner.sub == symbol("z")


def test_a_variable_called_psi_keeps_its_letter() -> None:
    text = models.derived("gaussian_mixture").latex(notation="blei", symbols={"m_0": r"\psi_0"})
    assert r"\psi_0" in text and r"\Psi(" in text and r"\psi(" not in text


def test_plain_is_what_it_was() -> None:
    assert article(normal()) == article(normal(), "plain")
    assert PLAIN.apply(EXPECTATION) is EXPECTATION
    with pytest.raises(CaviError, match="notation='bishp' is not known; did you mean 'bishop'"):
        normal().latex(notation="bishp")


def test_own_symbols_are_used_everywhere() -> None:
    found = normal()
    text = found.latex(symbols={"tau": r"\lambda", "mu_0": r"\hat{\beta}_{0}", "tau.shape": r"\mathcal{A}"})
    assert r"\lambda \sim" in text.replace("&", "").replace("  ", " ")
    assert r"\hat{\beta}_0" in text and r"\mathcal{A}" in text
    assert not re.search(r"\\tau\b|\\mu_0", text)
    assert rows(article(found).updates[0].formulas) != rows(article(found, symbols={"a_0": "c"}).updates[0].formulas)


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ({"tua": r"\lambda"}, "nothing is called 'tua'; did you mean 'tau'"),
        ({"tau": r"\input{x}"}, r"was given '\\\\input\{x\}'"),
        ({"tau": r"\lambda}"}, "expected a letter or a Greek command"),
        ({"tau": r"\lambda", "mu": r"\lambda"}, "tau and mu were both given"),
        ({"tau.shape": r"\mu"}, "is in use already"),
    ],
)
def test_bad_symbols_are_refused(symbols: dict[str, str], message: str) -> None:
    with pytest.raises(CaviError, match=message):
        normal().latex(symbols=symbols)


@pytest.mark.parametrize("tex", [r"\lambda_{0,k}", r"\tilde{m}", r"\mathcal{L}_1", "x_{ab}", r"\Gamma"])
def test_the_grammar_of_symbols(tex: str) -> None:
    assert from_tex(tex) is not None


@pytest.mark.parametrize("tex", ["", "_", "x_", "x_{", r"\alpha\beta", "x^2", "{x}", r"\mathcal{l}", "x_{a b}", "ab"])
def test_what_is_outside_the_grammar(tex: str) -> None:
    assert from_tex(tex) is None


def test_polynomials_are_printed_as_before() -> None:
    assert polynomial_latex(normal().log_density["tau"], normal()).count(r"\log") == 3
