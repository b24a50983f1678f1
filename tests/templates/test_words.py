"""Articles in Korean: nothing stays English that a reader has to read, holes are filled, and it compiles."""

from __future__ import annotations

import pkgutil
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest
from printing_models import ZOO

import cavi.derive
import cavi.templates
from cavi import models
from cavi.derive import CaviError
from cavi.derive.derivation import Rule
from cavi.derive.propagation.rules import CATALOGUE as RULES_OF_EP
from cavi.derive.rules import CATALOGUE
from cavi.templates.article import article, spoken
from cavi.templates.korean import KOREAN
from cavi.templates.words import ENGLISH, speaker

KO = speaker("ko")
TEMPLATES = Path(cavi.templates.__path__[0])
HANGUL = re.compile("[가-힣]")


def modules(package: ModuleType) -> list[ModuleType]:
    return [import_module(m.name) for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


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
    """Of derivations, of identities and of proofs of convexity, wherever in the package they are declared."""
    declared = [r for m in modules(cavi.derive) for v in vars(m).values() for r in (v if isinstance(v, tuple) else [v])]
    rules = dict.fromkeys(r for r in (*CATALOGUE, *RULES_OF_EP, *declared) if isinstance(r, Rule))
    assert len(rules) > len(CATALOGUE) + len(RULES_OF_EP) + 50
    for rule in rules:
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
