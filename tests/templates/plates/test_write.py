"""SVG and TikZ: well formed, safe, complete, and compiled."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from printing_models import HOSTILE
from zoo import ZOO

from cavi import models
from cavi.derive import CaviError, Gamma, Model, Poisson
from cavi.templates.plates import draw
from cavi.templates.plates.tspans import runs
from cavi.templates.symbols import symbol

SVG = "{http://www.w3.org/2000/svg}"
ALL = [*models.names(), *ZOO]
needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def declared(name: str) -> Model:
    return models.load(name) if name in models.names() else ZOO[name][0]()


@pytest.mark.parametrize("name", ALL)
def test_svg_and_tikz_are_well_formed_and_complete(name: str) -> None:
    drawing = draw(declared(name))
    root = ElementTree.fromstring(drawing.svg())
    assert root.get("role") == "img"
    about = root.get("aria-labelledby", "").split()
    assert [e.get("id") for e in root if e.tag in (f"{SVG}title", f"{SVG}desc")] == about
    assert len(root.findall(f"{SVG}path")) == len(drawing.diagram.edges)
    groups = root.findall(f"{SVG}g")
    assert len(groups) == len(drawing.picture.frames) + len(drawing.diagram.nodes)
    assert all(g.find(f"{SVG}title") is not None and "".join(g.find(f"{SVG}text").itertext()) for g in groups)
    assert "prefers-color-scheme" in drawing.svg() and "prefers-color-scheme" not in drawing.svg(standalone=False)
    assert "http" not in drawing.svg().replace("http://www.w3.org/2000/svg", "")
    source = drawing.tikz()
    assert len(re.findall(r"\\node\[(?:random|fixed|dot)", source)) == len(drawing.diagram.nodes)
    assert source.count(r"\draw[arrow") == len(drawing.diagram.edges)
    assert source.count(r"\draw[plate]") == len(drawing.picture.frames)
    assert source.count("{") == source.count("}")


@needs_tex
@pytest.mark.parametrize(
    "name", ["gaussian_mixture_full", "supervised_topics", "hmm_gaussian", "poisson_matrix_factorisation", "lda"]
)
def test_the_document_compiles_to_one_page(name: str, tmp_path: Path) -> None:
    path = draw(declared(name)).save(tmp_path / "diagram.tex")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-1500:]
    assert "(1 page" in log and "Overfull" not in log


def test_symbols_have_italic_letters_and_shifted_subscripts() -> None:
    found = list(runs(symbol("mu_0")))
    assert [(r.text, r.italic, r.shift > 0) for r in found] == [("μ", True, False), ("0", False, True)]
    svg = draw(models.load("gaussian_mixture")).svg()
    assert '<tspan class="i">μ</tspan><tspan class="i" font-size="11.9" dy="4.76">k</tspan>' in svg


def test_a_hostile_title_is_shown_not_obeyed() -> None:
    m = Model("hostile", title=HOSTILE + "]]>\x07")
    m.observed("x", Poisson(m.latent("rate", Gamma(2, 1))), m.index("n", "N"))
    svg = m.diagram().svg()
    assert "<script>" not in svg and ElementTree.fromstring(svg).tag == f"{SVG}svg"
    assert r"\input" not in m.diagram().tikz()


def test_save(tmp_path: Path) -> None:
    drawing = models.load("normal").diagram()
    assert drawing.save(tmp_path / "a.svg").read_text().startswith("<svg")
    assert r"\begin{document}" in drawing.save(str(tmp_path / "a.tex")).read_text()
    assert drawing._repr_svg_() == drawing.svg()
    with pytest.raises(CaviError, match=r"written as \.svg or \.tex, found the ending '\.png'"):
        drawing.save(tmp_path / "a.png")


def test_clear_errors() -> None:
    with pytest.raises(CaviError, match="layout='neato' is not known; expected one of own, dot"):
        models.load("normal").diagram(layout="neato")
    with pytest.raises(CaviError, match="the model empty has no variables to draw"):
        Model("empty").diagram()
