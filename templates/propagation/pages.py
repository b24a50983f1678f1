"""The article of a propagation as strings of TeX and of HTML, the values of the templates' holes."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from cavi.templates.html.code import coloured
from cavi.templates.html.view import declared_table, display
from cavi.templates.html.view import sentence as html_sentence
from cavi.templates.latex.view import declared_rows, rows
from cavi.templates.latex.view import sentence as tex_sentence
from cavi.templates.propagation.article import Article, Block
from cavi.templates.symbols import tex_text


def tex_view(a: Article) -> dict[str, Any]:
    """The holes of the article."""
    return {
        "title": tex_text(a.title),
        "subtitle": tex_text(a.subtitle),
        "sections": [{"title": tex_text(s.title), "blocks": [_tex(b) for b in s.blocks]} for s in a.sections],
        "rules": [{k: tex_text(getattr(r, k)) for k in ("name", "statement", "condition", "source")} for r in a.rules],
    }


def _tex(b: Block) -> dict[str, Any]:
    declared = " \\\\\n".join(declared_rows(d) for d in b.declared)
    return {
        "text": tex_sentence(b.text),
        "display": declared or rows(b.equations),
        "lines": [tex_sentence(line) for line in b.lines],
    }


def html_view(a: Article, code: str) -> dict[str, Any]:
    """The holes of the page; what is not markup is escaped by the template."""
    return {
        "title": a.title,
        "subtitle": a.subtitle,
        "sections": [{"title": s.title, "blocks": [_html(b) for b in s.blocks]} for s in a.sections],
        "rules": a.rules,
        "code": coloured(code, {}),
    }


def _html(b: Block) -> dict[str, Any]:
    shown = declared_table(b.declared) if b.declared else display(b.equations) if b.equations else Markup("")
    return {
        "text": html_sentence(b.text),
        "display": shown,
        "lines": [html_sentence(line) for line in b.lines],
    }
