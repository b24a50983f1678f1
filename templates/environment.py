"""The Jinja environment that every renderer shares.

Only the fixed templates of this package are loaded, a missing value is an error, and each output
language has its own syntax: TeX keeps its braces, HTML escapes by default.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Language = Literal["plain", "latex", "html"]

_FOLDER = Path(__file__).parent
_LATEX_DELIMITERS = {
    "block_start_string": "((*",
    "block_end_string": "*))",
    "variable_start_string": "(((",
    "variable_end_string": ")))",
    "comment_start_string": "((=",
    "comment_end_string": "=))",
}


@cache
def environment(language: Language = "plain") -> Environment:
    """The environment for one output language; template names are paths below ``templates/``.

    ``latex`` uses ``((* block *))``, ``((( value )))`` and ``((= comment =))``, and escapes nothing:
    its renderer passes finished TeX only. ``html`` escapes every value that is not marked as markup.
    """
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        autoescape=language == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **(_LATEX_DELIMITERS if language == "latex" else {}),
    )
