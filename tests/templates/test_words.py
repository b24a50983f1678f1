"""Articles in Korean: nothing stays English that a reader has to read, holes are filled, and it compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from printing_models import ZOO
from reports import report_on
from shown import Shown

import cavi.templates
from cavi import models
from cavi.derive import CaviError
from cavi.derive.propagation.rules import CATALOGUE as RULES_OF_EP
from cavi.derive.result import Derived
from cavi.derive.rules import CATALOGUE
from cavi.templates.article import article, spoken
from cavi.templates.bibliography import works
from cavi.templates.korean import KOREAN
from cavi.templates.words import ENGLISH, speaker

KO = speaker("ko")
TEMPLATES = Path(cavi.templates.__path__[0])
HANGUL = re.compile("[가-힣]")


def holes(text: str) -> list[str]:
    return sorted(name or "" for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("text", KOREAN)
def test_translations_keep_the_holes(text: str) -> None:
    english, korean = holes(text), holes(KOREAN[text])
    assert len(english) == len(korean)
    assert english == korean or set(english) == {""}
    assert HANGUL.search(KOREAN[text]) or text == "for {it}"


def test_every_fixed_word_of_the_templates_is_known() -> None:
    said = set()
    folders = ("latex", "html", "propagation", "notebook", "propagation/notebook")
    for path in (p for folder in folders for p in TEMPLATES.glob(f"{folder}/*.jinja")):
        said |= set(re.findall(r'\bt\("((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")))
    for path in [TEMPLATES / p for p in ("latex/slides.py", "html/fit.py", "propagation/fitted.py")]:
        said |= set(re.findall(r'\bsay(?:\.fixed)?\("([^"]*)"', path.read_text(encoding="utf-8")))
    assert len(said) > 60
    assert {s.replace("\\'", "'") for s in said} <= set(KOREAN)


def test_rules_are_known() -> None:
    for rule in (*CATALOGUE, *RULES_OF_EP):
        for text in (rule.name, rule.statement, rule.condition):
            assert not text or text in KOREAN, text


@pytest.mark.parametrize("name", [*models.names(), *ZOO])
def test_meanings_and_conditions_are_translated(name: str) -> None:
    derived = models.derived(name) if name in models.names() else ZOO[name]()
    found = KO.translated(article(derived))
    for sentence in (*(m for _, m in found.glossary), *(q.meaning for q in found.quantities)):
        assert HANGUL.search("".join(p for p in sentence if isinstance(p, str))) or not isinstance(sentence[0], str)
    for k in found.known:
        assert HANGUL.search(k.kind)
    for u in found.updates:
        for s in u.steps:
            assert HANGUL.search(s.rule.name)
            assert all(HANGUL.search(c) for c in s.conditions)


def test_english_is_untouched() -> None:
    a = article(ZOO["crossed"]())
    assert ENGLISH.translated(a) is a
    assert KO.translated(a).title == a.title
    assert [u.name for u in KO.translated(a).updates] == [u.name for u in a.updates]
    with pytest.raises(CaviError, match="lang='kr' is not known"):
        spoken(ZOO["crossed"](), lang="kr")


def test_the_page_says_its_language() -> None:
    text = ZOO["crossed"]().html(lang="ko")
    assert '<html lang="ko">' in text and "최적 인자" in text and ">Optimal factors<" not in text


def words_in(text: str) -> set[str]:
    return set(re.findall("[A-Za-z]{4,}", text))


def families(derived: Derived) -> Iterator[str]:
    """Names of distributions: of what was declared and of what the factors are made of."""
    for v in derived.model.variables:
        for d in (v.distribution, None if v.chain is None else v.chain.initial):
            yield "" if d is None else d.family
    for u in derived.updates:
        yield from (link.family for link in u.density)


@pytest.mark.parametrize(
    "name", ["gaussian_mixture_em", "hmm_gaussian", "logistic_regression_polya_gamma", "logistic_regression", "lda"]
)
def test_a_korean_page_has_no_english_but_names(name: str) -> None:
    derived = models.derived(name)
    page = Shown(derived.html(report_on(derived), lang="ko"))
    a = article(derived)
    relaxed = [r.name for r in a.relaxations]
    cited = [*a.sources, *(w.text() for w in works(a.sources).values())]
    names = [derived.model.title, *relaxed, *cited, *families(derived), "NumPy SciPy Python sigmoid"]
    names += [v.name for v in derived.model.variables] + [key for u in derived.updates for key in u.moments]
    names += [unicodedata.name(chr(c), "").lower() for c in range(0x3B1, 0x3CA)]
    assert len(page.said) > 200
    left = {s for s in page.said if words_in(s) - words_in(" ".join(names))}
    assert not left


@pytest.mark.skipif(shutil.which("lualatex") is None, reason="lualatex is not installed: install texlive-luatex")
@pytest.mark.parametrize("kind", ["article", "beamer"])
def test_korean_compiles(kind: str, tmp_path: Path) -> None:
    fonts = subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, text=True, check=False).stdout
    if not re.search("Nanum Myeongjo|Noto Serif CJK KR", fonts):
        pytest.skip("no font with Korean letters is installed: install fonts-nanum")
    (tmp_path / "article.tex").write_text(
        models.derived("logistic_regression").latex(kind, lang="ko"), encoding="utf-8"
    )
    command = ["lualatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=600, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-1500:]
    assert "Missing character" not in log
    assert not re.findall(r"Overfull \\hbox \((?:[2-9]\d|\d{3,})", log)
