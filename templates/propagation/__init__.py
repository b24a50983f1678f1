"""Expectation propagation as a stand-alone NumPy module, an article and a page."""

from __future__ import annotations

from cavi.derive import Propagation
from cavi.templates.environment import environment
from cavi.templates.propagation.article import article
from cavi.templates.propagation.pages import html_view, tex_view
from cavi.templates.propagation.view import module_view


def render_numpy(p: Propagation) -> str:
    """Source of a module that needs only NumPy and SciPy and imports nothing of ours."""
    return environment("plain").get_template("propagation/module.py.jinja").render(m=module_view(p))


def render_latex(p: Propagation) -> str:
    """An article that compiles on its own: the split, a step for every site, the evidence, the algorithm."""
    return environment("latex").get_template("propagation/document.tex.jinja").render(tex_view(article(p)))


def render_html(p: Propagation) -> str:
    """The same as a self-contained page, with the code of the module."""
    holes = html_view(article(p), render_numpy(p))
    return environment("html").get_template("propagation/page.html.jinja").render(holes)
