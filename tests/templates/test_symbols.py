"""Names and free text reach TeX and HTML only as harmless symbols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cavi.templates.html.mathml import to_mathml
from cavi.templates.latex.tex import to_tex
from cavi.templates.symbols import bold, from_tex, html_text, symbol, symbol_table, tex_text


@pytest.mark.parametrize(
    ("name", "tex"),
    [
        ("mu", r"\mu"),
        ("Lambda", r"\Lambda"),
        ("lam", r"\lambda"),
        ("m_0", "m_0"),
        ("alpha_0", r"\alpha_0"),
        ("tau_a", r"\tau_a"),
        ("x1", "x_1"),
        ("doc", r"\mathrm{doc}"),
        ("grand_mean", r"\mathrm{grand}_{\mathrm{mean}}"),
        ("mu_beta_2", r"\mu_{\beta,2}"),
        ("omicron", "o"),
    ],
)
def test_symbol_as_an_author_sets_it(name: str, tex: str) -> None:
    assert to_tex(symbol(name)) == tex


@pytest.mark.parametrize("name", ["", "a b", r"\input{x}", "<b>", "a-b", "_a", "1a", "é", "a$"])
def test_only_identifiers_become_symbols(name: str) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        symbol(name)


def test_two_names_never_share_a_symbol() -> None:
    table = symbol_table(["lam", "lambda_", "lambd", "m_0", "m0", "x"])
    drawn = [to_tex(b) for b in table.values()]
    assert len(set(drawn)) == len(drawn)
    assert drawn[0] == r"\lambda"
    assert drawn[1] == r"\mathrm{lambda\_}"


@given(st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True), unique=True, max_size=6))
def test_symbols_of_a_table_differ_and_hold_no_markup(names: list[str]) -> None:
    table = symbol_table(names)
    assert len(set(table.values())) == len(names)
    for box in table.values():
        assert not set("<>&") & set(to_tex(box))
        assert not set("$%#&~") & set(to_tex(box))


@pytest.mark.parametrize(
    ("tex", "found"), [("m", "m"), (r"\lambda", r"\lambda"), (r"\hat{p}", r"\hat{p}"), ("m_0", "m_0")]
)
def test_symbols_that_families_declare(tex: str, found: str) -> None:
    box = from_tex(tex)
    assert box is not None
    assert to_tex(box) == found


@pytest.mark.parametrize("tex", ["", r"\input", "m^2", r"\hat{\write}", "a b", "mean"])
def test_other_tex_of_a_family_is_not_taken_over(tex: str) -> None:
    assert from_tex(tex) is None


@pytest.mark.parametrize(
    ("name", "tex", "char"),
    [("x", r"\mathbf{x}", "𝐱"), ("mu", r"\boldsymbol{\mu}", "𝝁"), ("Lambda", r"\boldsymbol{\Lambda}", "𝚲")],
)
def test_vectors_are_bold(name: str, tex: str, char: str) -> None:
    assert to_tex(bold(symbol(name))) == tex
    assert char in to_mathml(bold(symbol(name)))


def test_every_tex_special_is_escaped() -> None:
    escaped = tex_text(r"\input{x} $a_b^c~d & #1 100% <t> |u| " + '"v" `w')
    assert escaped == (
        r"\textbackslash{}input\{x\} \$a\_b\textasciicircum{}c\textasciitilde{}d \& \#1 100\% "
        r"\textless{}t\textgreater{} \textbar{}u\textbar{} \textquotedbl{}v\textquotedbl{} \textasciigrave{}w"
    )


@given(st.text(max_size=40))
def test_escaped_text_has_no_active_character(text: str) -> None:
    escaped = tex_text(text)
    for command in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}"):
        escaped = escaped.replace(command, "")
    assert not {"~", "\n", "\x00"} & set(escaped)
    for special in "$&#%_":
        assert escaped.count(special) == escaped.count("\\" + special)
    assert not {"<", ">"} & set(html_text(text))


def test_greek_and_unknown_characters_in_text() -> None:
    assert tex_text("the μ of a ≥ b") == r"the \ensuremath{\mu} of a \ensuremath{\geq} b"
    assert tex_text("漢") == "?"
    assert tex_text("Poincaré") == "Poincaré"
