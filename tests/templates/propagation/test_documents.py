"""Every document of a propagation in both languages and every notation: whole, cited, and nothing left in English."""

import json
import re
import shutil
import subprocess
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from generated import run
from propagation_models import MODELS, binary_data
from shown import Shown

from cavi.derive import CaviError, propagate
from cavi.derive.propagation.steps import QUANTITIES
from cavi.templates.bibliography import works
from cavi.templates.propagation import KINDS
from cavi.templates.propagation.article import article, spoken
from cavi.templates.style import PRESETS
from cavi.verify.propagation import verify_propagation

HANGUL = re.compile("[가-힣]")


@pytest.mark.parametrize("name", MODELS)
def test_every_word_of_an_article_is_translated(name: str) -> None:
    p = propagate(MODELS[name](), 0.5)
    a, _ = spoken(p, lang="ko")
    sentences = [part for s in a.sections for b in s.blocks for part in (b.text, *b.lines)]
    sentences += [q.meaning for q in a.quantities] + [q.domain for q in a.quantities] + [m for _, m in a.glossary]
    sentences += [(s.heading,) for s in a.sections] + [(a.subtitle,)]
    sentences += [(t,) for r in a.rules for t in (r.name, r.statement, r.condition) if t]
    for sentence in sentences:
        text = "".join(part for part in sentence if isinstance(part, str))
        assert HANGUL.search(text) or not re.search("[A-Za-z]{3}", text), text


def test_a_korean_page_has_no_english_but_names() -> None:
    p = propagate(MODELS["logit"]())
    data = binary_data(20, 2)
    fit = run(p.numpy()).fit(data, {"alpha_0": 1.0})
    page = Shown(p.html(verify_propagation(p, 8), fit, lang="ko"))
    names = " ".join([*article(p).sources, *(w.text() for w in works(article(p).sources).values())])
    names += (
        " NumPy SciPy Python Logit Bernoulli Normal sigmoid alpha log_evidence moment_matching pythagoras mode_seeking "
    )
    names += " ".join(unicodedata.name(chr(c), "").lower() for c in range(0x3B1, 0x3CA))
    known = set(re.findall("[A-Za-z]{4,}", names))
    assert {s for s in page.said if set(re.findall("[A-Za-z]{4,}", s)) - known} == set()
    assert "근사 로그 증거" in " ".join(page.said) and len(page.said) > 100


@pytest.mark.parametrize("notation", PRESETS)
@pytest.mark.parametrize("kind", KINDS)
def test_notations_change_the_signs_and_nothing_else(kind: str, notation: str) -> None:
    p = propagate(MODELS["groups"]())
    tex = p.latex(kind=kind, notation=notation)
    assert (r"\ln" in tex) == (notation in ("bishop", "beal") and kind != "algorithm")
    assert tex.count(r"\begin{align*}") == p.latex(kind=kind).count(r"\begin{align*}")
    assert r"\Phi" not in tex or kind in ("article", "fragment")


def test_symbols_of_the_user_stand_everywhere() -> None:
    p = propagate(MODELS["logit"]())
    own = {"w": r"\beta", "h": "g", "h.precision": r"\lambda", "h.tilted_mean": r"\hat{\mu}"}
    tex = p.latex(symbols=own)
    assert r"\lambda_n &\leftarrow" in tex and "g_n" in tex and r"\hat{\mu}_n" in tex and r"\beta_d" in tex
    assert "h_n" not in tex and r"\tilde{\tau}" not in tex
    assert r"\lambda" in p.latex(kind="algorithm", symbols=own)
    for wrong, told in (
        ({"h.precison": "x"}, "did you mean 'h.precision'"),
        ({"h.mean": "w"}, "in use already"),
        ({"h.mean": r"\input{x}"}, "expected a letter"),
    ):
        with pytest.raises(CaviError, match=told):
            p.latex(symbols=wrong)


def test_what_is_kept_is_in_the_table_with_its_domain() -> None:
    a = article(propagate(MODELS["probits"]()))
    assert len(a.quantities) == 3 + 1 + len(QUANTITIES)  # declared, the scalar, what is kept for it
    assert sum(q.domain == ("positive number",) for q in a.quantities) == 3


def test_unknown_kinds_and_a_loop_without_a_site_are_refused() -> None:
    p = propagate(MODELS["regression"]())
    with pytest.raises(CaviError, match="kind='talk' is not known"):
        p.latex(kind="talk")
    with pytest.raises(CaviError, match="no site: its posterior is Normal, and there is no loop"):
        p.latex(kind="algorithm")
    with pytest.raises(CaviError, match="lang='kr' is not known"):
        p.html(lang="kr")


def test_the_works_that_are_cited_are_listed(tmp_path: Path) -> None:
    p = propagate(MODELS["logit"](), 0.5)
    p.save(tmp_path, lang="ko")
    keys = re.findall(r"@\w+\{(\w+),", (tmp_path / "references.bib").read_text())
    assert {"minka2001", "minka2004", "minka2005", "opper2000", "opper2005", "seeger2005", "rasmussen2006"} <= set(keys)
    assert keys == re.findall(r"\\bibitem\{(\w+)\}", (tmp_path / "derivation.tex").read_text())
    assert {f.name for f in tmp_path.iterdir()} == {
        "derivation.tex",
        "derivation.html",
        "references.bib",
        "logit_ep.py",
    }


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code cells one after another, without a kernel."""
    import matplotlib

    matplotlib.use("Agg")
    notebook = json.loads(propagate(MODELS["logit"]()).notebook(lang="ko"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scope: dict[str, object] = {}
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            continue
        if text.startswith("%%writefile "):
            head, _, body = text.partition("\n")
            (tmp_path / head.split()[1]).write_text(body)
        elif cell["id"] == "data":
            assert "hyper = {" in text
            scope |= {"data": binary_data(10, 2), "hyper": {"alpha_0": 1.0}, "sizes": {}}
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                exec(text, scope)
    assert np.asarray(scope["mean"]).shape == (2,)
    assert any("사이트" in "".join(c["source"]) for c in notebook["cells"])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: install texlive-latex-extra")
@pytest.mark.parametrize("kind", ["article", "beamer"])
def test_documents_compile(kind: str, tmp_path: Path) -> None:
    (tmp_path / "it.tex").write_text(propagate(MODELS["probits"](), 0.5).latex(kind=kind), encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "it.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-1500:]
    assert not re.findall(r"Overfull \\hbox \((?:[2-9]\d|\d{3,})", log)
