"""Frames fit their height and width, and hold every formula of the article; the algorithm is pasted and compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from printing_models import HOSTILE, ZOO, normal

from cavi import models
from cavi.derive import CaviError
from cavi.derive.result import Derived
from cavi.templates.article import article
from cavi.templates.latex.slides import ROOM, frames
from cavi.templates.latex.view import rows
from cavi.templates.words import ENGLISH

needs_beamer = pytest.mark.skipif(
    shutil.which("kpsewhich") is None
    or not subprocess.run(["kpsewhich", "beamer.cls"], capture_output=True, check=False).stdout,
    reason="beamer is not installed: install texlive-latex-recommended to check that the frames fit",
)
PASTED = r"\documentclass[11pt,a4paper]{article}\usepackage[margin=25mm]{geometry}\usepackage{amsmath,amssymb}"
LONG = ["gaussian_mixture", "linear_dynamical_system", "switching_level"]


def compiled(source: str, folder: Path) -> str:
    (folder / "talk.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "talk.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, "\n".join(re.findall(r"^!.*(?:\n.*){4}", log, re.MULTILINE)) or log[-2000:]
    assert "Missing character" not in log
    return log


def derived(name: str) -> Derived:
    return models.derived(name) if name in models.names() else ZOO[name]()


@needs_beamer
@pytest.mark.parametrize("name", [*LONG, "hostile", "maximum_likelihood"])
def test_frames_fit(name: str, tmp_path: Path) -> None:
    log = compiled(derived(name).latex(kind="beamer"), tmp_path)
    assert not re.findall(r"Overfull \\[hv]box \((?:[5-9]|\d\d+)", log)


@needs_beamer
def test_the_check_can_fail(tmp_path: Path) -> None:
    crowded = normal().latex(kind="frames").replace(r"\begin{align*}", r"\rule{1pt}{9cm}\begin{align*}", 1)
    document = r"\documentclass[9pt,aspectratio=169]{beamer}\usepackage{amsmath,amssymb,tikz}"
    libraries = r"\usetikzlibrary{arrows.meta,shapes.geometric}"
    log = compiled(rf"{document}{libraries}\begin{{document}}{crowded}\end{{document}}", tmp_path)
    assert re.findall(r"Overfull \\vbox", log)


@pytest.mark.parametrize("name", LONG)
def test_every_equation_is_on_one_frame(name: str) -> None:
    a = article(derived(name))
    dealt = [row for f in frames(a, ENGLISH) for b in f.blocks for row in b.rows]
    for u in a.updates:
        for equations in (u.formulas, u.moments, *(s.equations for s in u.steps)):
            for row in rows(equations).split(" \\\\\n"):
                assert not row or row in dealt
    assert all(sum(b.height for b in f.blocks) <= ROOM or len(f.blocks) == 1 for f in frames(a, ENGLISH))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", ["gaussian_mixture", "linear_dynamical_system", "logistic_regression"])
def test_the_algorithm_compiles_where_it_is_pasted(name: str, tmp_path: Path) -> None:
    log = compiled(rf"{PASTED}\begin{{document}}{derived(name).latex(kind='algorithm')}\end{{document}}", tmp_path)
    assert not re.findall(r"Overfull \\hbox|Float too large", log)


def test_the_algorithm_has_every_update_in_order() -> None:
    found = models.derived("gaussian_mixture")
    text = found.latex(kind="algorithm")
    places = [text.index(rows(u.formulas)) for u in article(found).updates]
    assert places == sorted(places)
    assert r"\lvert\Delta\rvert \leq \varepsilon\max\bigl(1,\lvert\mathcal{L}(q)\rvert\bigr)" in text


def test_kinds_are_checked_and_titles_are_not_obeyed() -> None:
    with pytest.raises(CaviError, match="kind='slides' is not known"):
        normal().latex(kind="slides")
    for kind in ("beamer", "frames", "algorithm", "fragment"):
        assert HOSTILE not in ZOO["hostile"]().latex(kind=kind)
