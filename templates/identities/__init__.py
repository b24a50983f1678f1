"""Identities in print: LaTeX and HTML of expressions, of whole derivations, and of a collection of them."""

from cavi.templates.identities.render import (
    chain_latex,
    chain_mathml,
    claim_latex,
    claim_mathml,
    expression_latex,
    expression_mathml,
    render_article,
    render_display,
    render_html,
    render_latex,
)

__all__ = [
    "chain_latex",
    "chain_mathml",
    "claim_latex",
    "claim_mathml",
    "expression_latex",
    "expression_mathml",
    "render_article",
    "render_display",
    "render_html",
    "render_latex",
]
