"""Expectation propagation as a stand-alone NumPy module, an article, a talk, a notebook and a page.

The documents take ``notation``, ``symbols`` and ``lang``, as `cavi.derive.Propagation.latex` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cavi.derive import CaviError, Propagation
from cavi.derive.names import suggestion
from cavi.derive.render import renderer
from cavi.templates import bibliography
from cavi.templates.environment import environment
from cavi.templates.html.badges import Badges
from cavi.templates.html.evidence import evidence_view
from cavi.templates.propagation.article import article, spoken
from cavi.templates.propagation.fitted import Fitted, fit_view
from cavi.templates.propagation.notebook import notebook_text
from cavi.templates.propagation.pages import algorithm_view, html_view, tex_view
from cavi.templates.propagation.talk import frames
from cavi.templates.propagation.view import module_view
from cavi.templates.source import python_source

KINDS = ("article", "beamer", "fragment", "frames", "algorithm")


def render_numpy(p: Propagation) -> str:
    """Source of a module that needs only NumPy and SciPy and imports nothing of ours."""
    return python_source("propagation/module.py.jinja", m=module_view(p))


def render_latex(p: Propagation, form: str = "article", **manner: Any) -> str:
    """A document that compiles on its own (article, beamer), or a part for another one (fragment, frames, algorithm).

    Raises:
        CaviError: for another form, and for the algorithm of a model without a site, which needs none.
    """
    if form not in KINDS:
        raise CaviError(f"kind={form!r} is not known; {suggestion(form, KINDS)}")
    if form == "algorithm" and p.is_exact:
        raise CaviError(f"{p.model.name} has no site: its posterior is Normal, and there is no loop to write down")
    a, say = spoken(p, **manner)
    holes = {**tex_view(a, say), "frames": frames(a, say), "diagram": "", "legend": ""}
    if form == "algorithm":
        holes["algorithm"] = algorithm_view(a, say)
    if form in ("article", "beamer", "frames"):
        drawing = renderer("diagram")(p.model, symbols=_declared(p, manner.get("symbols")))
        holes |= {"diagram": drawing.tikz(), "legend": say.tex(say.clauses(drawing.legend()))}
    return environment("latex").get_template(f"propagation/{form}.tex.jinja").render(holes)


def _declared(p: Propagation, symbols: Mapping[str, str] | None) -> dict[str, str]:
    """The symbols of declared names, which a diagram has."""
    own = {v.name for v in p.model.variables} | {n for i in p.model.indices for n in (i.name, i.size)}
    return {n: tex for n, tex in (symbols or {}).items() if n in own}


def render_html(
    p: Propagation,
    evidence: Mapping[str, Any] | None = None,
    fit: Fitted | None = None,
    notation: str = "plain",
    symbols: Mapping[str, str] | None = None,
    lang: str = "en",
) -> str:
    """The page: diagram, derivation, algorithm, code, and where they are given the evidence and a fit.

    Args:
        p: the propagation.
        evidence: the plain data of a report on it, ``report.as_dict()``.
        fit: what the ``fit`` of the generated module returned.
        notation: a preset of conventions; see `cavi.templates.style`.
        symbols: TeX of own symbols for declared names, and for quantities of sites (``h.precision``).
        lang: ``en`` or ``ko``.
    """
    a, say = spoken(p, notation, symbols, lang)
    badges = Badges(() if evidence is None else tuple(evidence["rows"]), say)
    drawing = renderer("diagram")(p.model, symbols=_declared(p, symbols))
    holes = {
        **html_view(a, say, render_numpy(p), badges),
        "diagram": Markup(drawing.svg(standalone=False, lang=lang)),
        "legend": say.clauses(drawing.legend()),
        "evidence": None if evidence is None else evidence_view(evidence, say),
        "fit": None if fit is None else fit_view(p, fit, say, notation, symbols),
    }
    return environment("html").get_template("propagation/page.html.jinja").render(holes)


def render_notebook(p: Propagation, example: str | None = None, declaration: str | None = None, **manner: Any) -> str:
    """The notebook as JSON text; see `cavi.derive.Propagation.notebook`."""
    a, say = spoken(p, **manner)
    return notebook_text(a, say, p, render_numpy(p), example, declaration)


def render_bibtex(p: Propagation) -> str:
    """``references.bib``: the works that the article cites."""
    return bibliography.bibtex(article(p).sources)
