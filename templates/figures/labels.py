"""Formulas in pictures: the LaTeX of an expression in the part of LaTeX that Matplotlib can draw."""

from __future__ import annotations

import re

import sympy

from cavi.derive.identities import Identity
from cavi.templates.identities import expression_latex

__all__ = ["claim", "formula"]

# Matplotlib has no delimiters of a fixed size; those that grow with their content take their place.
_DELIMITERS = re.compile(r"\\(?:big|Big|bigg|Bigg)([lr])(?![a-z])")
_SIDES = {"l": r"\left", "r": r"\right"}
_RELATIONS = {"=": "=", "≤": r"\leq", "≥": r"\geq", "<": "<", ">": ">"}


def formula(*parts: sympy.Basic | str) -> str:
    r"""A formula for a label: expressions, with relations and LaTeX as text between them.

    Examples:
        >>> formula(sympy.Symbol("tau") ** 2, "≥", sympy.Integer(0))
        '$\\tau^2\\;\\geq\\;0$'
    """
    # Braces keep the sign of a number from being set as an operation.
    written = (_RELATIONS.get(p, f"{{{p}}}") if isinstance(p, str) else _delimited(expression_latex(p)) for p in parts)
    return "$" + r"\;".join(written) + "$"


def claim(identity: Identity) -> str:
    """First line, relation and last line of an identity as a formula."""
    return formula(*identity.claim)


def _delimited(tex: str) -> str:
    return _DELIMITERS.sub(lambda m: _SIDES[m[1]], tex)
