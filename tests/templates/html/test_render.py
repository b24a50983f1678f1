"""The page is one well-formed file that loads nothing, runs one fixed script and escapes what it is given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from printing_models import ZOO, hostile, mixture
from printing_samples import NOTATION, polynomials

import cavi.templates
from cavi.derive.result import Derived
from cavi.derive.term import Polynomial
from cavi.templates.html import render
from cavi.templates.html.mathml import to_mathml
from cavi.templates.printer import Printer
from cavi.templates.symbols import symbol

CODE = "if 1 < 2 and 3 > 2:\n    s = '</code><script>alert(1)</script>'\n"
FOLDER = Path(cavi.templates.__path__[0]) / "html"
SCRIPT = "".join((FOLDER / name).read_text() for name in ("scroll.js.jinja", "page.js.jinja")).strip()
VOID = {"meta", "br", "link", "img", "hr"}


@pytest.fixture(autouse=True)
def generated_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page shows whatever module is generated; a short hostile one stands in for it."""
    monkeypatch.setattr(Derived, "numpy", lambda self: CODE)


@cache
def derived(name: str) -> Derived:
    return ZOO[name]()


class Page(HTMLParser):
    """Tags in order, checked to nest; text outside of style; attributes."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text.append(data)


@pytest.mark.parametrize("name", ZOO)
def test_pages_are_well_formed_and_self_contained(name: str) -> None:
    source = render(derived(name))
    page = Page(source)
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert "".join(page.scripts).strip() == SCRIPT
    assert not [a for a in page.attributes if a[1] in ("src", "style") or a[1].startswith("on")]
    assert "url(" not in source
    assert "http" not in source
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    links = [value for tag, name, value in page.attributes if tag == "a" and name == "href"]
    assert links
    assert {v.removeprefix("#") for v in links} <= set(ids)


@pytest.mark.parametrize("name", ZOO)
def test_every_formula_is_well_formed_mathml(name: str) -> None:
    formulas = re.findall(r"<math>.*?</math>", render(derived(name)), re.DOTALL)
    assert len(formulas) > 10
    counts = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "munderover": 3, "mover": 2}
    for formula in formulas:
        assert "None" not in formula
        for element in ElementTree.fromstring(formula).iter():
            assert len(element) == counts.get(element.tag, len(element))


@settings(max_examples=100, deadline=None)
@given(polynomials())
def test_random_formulas_are_well_formed(p: Polynomial) -> None:
    ElementTree.fromstring(to_mathml(Printer(NOTATION).polynomial(p)))


def test_a_hostile_title_is_shown_not_obeyed() -> None:
    source = render(hostile())
    assert "<script>" not in source
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source
    assert r"A \input{x} & <script>alert(1)</script>" in "".join(Page(source).text)


def test_the_generated_code_is_shown_as_text() -> None:
    assert CODE in "".join(Page(render(mixture())).text)


def test_the_page_has_every_part_and_one_heading_on_top() -> None:
    page = Page(render(mixture("A mixture")))
    assert page.tags.count("h1") == 1
    assert page.tags.count("main") == 1
    text = "".join(page.text)
    parts = ("Model", "Optimal factors", "Evidence lower bound", "Algorithm", "NumPy code", "Notation and rules")
    for part in parts:
        assert part in text
    assert page.tags.count("article") == 4
    summaries = page.tags.count("summary")
    assert page.tags.count("details") == summaries
    assert summaries > 15


def test_the_style_serves_light_dark_and_print() -> None:
    source = render(mixture())
    assert "@media (prefers-color-scheme: dark)" in source
    assert "@media print" in source
    assert ":focus-visible" in source


def test_a_step_lists_rule_statement_and_condition() -> None:
    model = mixture()
    text = " ".join("".join(Page(render(model)).text).split())
    for update in model.updates:
        for step in update.derivation:
            assert step.rule.name in text
            assert " ".join(step.rule.statement.split()) in text
            for condition in step.conditions:
                assert condition in text


@pytest.mark.parametrize(
    ("name", "mathml"),
    [
        ("mu", "<mi>μ</mi>"),
        ("Lambda", "<mi mathvariant='normal'>Λ</mi>"),
        ("m_0", "<msub><mi>m</mi><mn>0</mn></msub>"),
        ("doc", "<mi>doc</mi>"),
    ],
)
def test_symbols_in_mathml(name: str, mathml: str) -> None:
    assert to_mathml(symbol(name)) == mathml


def test_the_script_has_no_holes_and_reaches_nothing_outside() -> None:
    assert "{{" not in SCRIPT and "{%" not in SCRIPT
    for word in ("http", "fetch", "XMLHttp", "import", "eval", "innerHTML", "Storage", "cookie", "</"):
        assert word not in SCRIPT


def test_the_diagram_stands_before_the_declaration() -> None:
    source = render(mixture("A mixture"))
    assert source.index('<section id="model">') < source.index("<svg") < source.index("<mtable")
    assert source.count("<svg") == 1 and "<figcaption>Circles are random" in source


def test_code_and_equations_are_linked_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    model = mixture()
    monkeypatch.setattr(Derived, "numpy", lambda self: "def update_mu(state):\n    return state\n")
    source = render(model)
    assert '<a class="d" id="code-update_mu" href="#update-mu">update_mu</a>' in source
    assert '<a href="#code-update_mu"><code>update_mu</code></a>' in source
    assert "code-update_tau" not in source
