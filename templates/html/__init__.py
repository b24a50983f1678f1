"""A derivation as one self-contained HTML page: MathML, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from cavi.derive.result import Derived
from cavi.templates.article import article
from cavi.templates.environment import environment
from cavi.templates.html.view import view


def render(derived: Derived) -> str:
    """The page: model, derivation step by step, updates, bound, algorithm, generated code, notation."""
    template = environment("html").get_template("html/page.html.jinja")
    return template.render(view(article(derived), derived.numpy()))
