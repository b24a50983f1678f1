"""The lesson: two languages with the same formulas, none of them typed, every rule translated."""

import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

from cavi.derive import CaviError, identities
from cavi.templates.korean import KOREAN

LESSON = Path(__file__).parents[2] / "docs" / "lesson"
CHAPTERS = sorted((LESSON / "chapters").glob("*.jinja"))


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lesson_build", LESSON / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def rendered(build: ModuleType, form: str, language: str):
    formulas = build.Formulas(form, language, dict.fromkeys(build.CAPTIONS, "figure"))
    return formulas, build.chapters(formulas)


def displays(shown: list[str]) -> list[str]:
    return [s for s in shown if " " in s]


def test_both_languages_show_the_same_formulas_in_the_same_order(build: ModuleType) -> None:
    (en, _), (ko, _) = rendered(build, "html", "en"), rendered(build, "html", "ko")
    assert displays(en.shown) == displays(ko.shown)
    assert set(en.shown) == set(ko.shown)
    assert len(displays(en.shown)) > 40


def test_every_output_shows_the_same_formulas(build: ModuleType) -> None:
    assert rendered(build, "tex", "en")[0].shown == rendered(build, "html", "en")[0].shown


def typed(template: str) -> list[str]:
    """What looks like mathematics outside the calls: signs, digits, Greek letters, TeX, single letters."""
    text = re.sub(r"\{[{%].*?[}%]\}", " ", template, flags=re.DOTALL)
    found = re.findall(r"[$\\^=<>_+*/|~∫∑∂≤≥−∞√∇·×÷ℒ𝔼]|[0-9]|[α-ωΑ-Ω]", text)
    # A letter that stands alone is a symbol, except in names of steps and as English words.
    alone = re.findall(
        r"(?<![A-Za-z'’])[A-Za-z](?![A-Za-z'’])", re.sub(r"\b[EM] (?:step|단계)|\b[Aa]\b|\bI\b", " ", text)
    )
    return found + alone + re.findall(r"\b[a-zA-Z]+\([a-z]", text)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_no_formula_is_typed(path: Path) -> None:
    """Outside the calls there is prose only."""
    assert typed(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text", ["the density p(x)", "then x is", "θ를", "q의 로그", "10 topics", "$u$", r"\log", "log(u)", "a = b", "KL(p"]
)
def test_a_typed_formula_is_found(text: str) -> None:
    assert typed(text)


def test_every_rule_is_translated(build: ModuleType) -> None:
    formulas, chapters = rendered(build, "html", "ko")
    shown = {KOREAN.get(step.rule.name, "") for name in formulas.used for step in identities.load(name)}
    shown |= set(formulas.rules)
    assert {"최적 인자", "옌센 부등식"} <= shown
    assert all(re.search("[가-힣]", rule) for rule in shown)
    assert not any(re.search("[A-Za-z]{2}", r) for c in chapters for r in re.findall(r"class='rule'>([^<]*)<", c.body))
    assert len(chapters) == 10


def test_both_languages_tell_the_whole_story() -> None:
    """Every paragraph is in both languages, and no chapter is a list of formulas."""
    for path in CHAPTERS:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"\{% if ko %\}\n(.*?)\{% else %\}\n(.*?)\{% endif %\}", text, flags=re.DOTALL)
        assert len(blocks) == text.count("{% if")
        for ko, en in blocks:
            assert ko.count("\n\n") == en.count("\n\n"), ko[:60]
            assert sorted(re.findall(r"{{.*?}}", ko)) == sorted(re.findall(r"{{.*?}}", en)), en[:60]
            assert not re.search("[가-힣]", en)
        words = [sum(len(re.sub(r"{{.*?}}", "F", b[k]).split()) for b in blocks) for k in (0, 1)]
        assert words[0] >= 220, path.stem  # Korean needs fewer words
        assert words[1] >= 300, path.stem


def test_counts_are_computed(build: ModuleType) -> None:
    """A million data in ten dimensions: 65 numbers each with a full covariance, 20 without."""
    formulas = build.Formulas("tex", "en", {})
    assert formulas.count("count_full_covariance") == r"65\,000\,000"
    assert formulas.count("count_mean_field") == r"20\,000\,000"
    assert formulas.count("count_encoder") == r"402\,520"  # 500 · 785 + 20 · 501
    assert formulas.break_even() == r"20\,127"  # at 20 126 data both need 402 520


def test_the_course_is_complete(build: ModuleType) -> None:
    used = set(rendered(build, "html", "en")[0].used)
    assert {"fisher", "em_monotone", "jensen", "gibbs", "elbo_by_jensen", "elbo_by_kl", "elbo"} <= used
    assert {"reconstruction", "count_encoder", "first_variation", "loss_of_correlation"} <= used
    assert {"reparameterisation", "score_gradient", "count_break_even", "moment_matching", "mode_seeking"} <= used
    shown = rendered(build, "html", "en")[0].shown
    assert {"steps gaussian mu", "steps gaussian tau", "bound gaussian", "update lda beta"} <= set(shown)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_is_whole(build: ModuleType, language: str) -> None:
    page = build.page(language, dict.fromkeys(build.CAPTIONS, "<svg></svg>"))
    main = page[page.index("<main>") : page.index("</main>") + len("</main>")].replace("&nbsp;", " ")
    tree = ElementTree.fromstring(main)
    assert len(tree.findall("section")) == 10
    assert f'<html lang="{language}">' in page
    assert "{{" not in main
    assert "{%" not in main
    assert page.count("<script") == 1 and "{%" not in page
    assert "http" not in main.replace("http://www.w3.org", "")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_document_is_balanced(build: ModuleType, language: str) -> None:
    text = build.document(language, dict.fromkeys(build.CAPTIONS, "figure.pdf"), "Font")
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert text.count(r"\section{") == 10
    assert "?" not in "".join(re.findall(r"\\derivationrule\{([^}]*)\}", text))


def test_a_failed_verification_stops_the_build(build: ModuleType, tmp_path: Path, monkeypatch) -> None:
    from cavi.verify import Report
    from cavi.verify.report import Row

    failed = Report("broken", (Row("step", "derivation", 30, 0.0, 0.0, "failed"),))
    monkeypatch.setattr(build, "verify_identity", lambda identity: failed)
    monkeypatch.setattr(build, "verify", lambda derived: failed)
    with pytest.raises(CaviError, match="not built: the evidence fails for broken"):
        build.build(tmp_path, ["en"], ["html"], verified=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_writes_everything(build: ModuleType, tmp_path: Path) -> None:
    written = build.build(tmp_path, build.LANGUAGES, ("html", "pdf"), verified=True)
    assert {p.name for p in written} == {f"lesson.{lang}.{form}" for lang in ("en", "ko") for form in ("html", "pdf")}
