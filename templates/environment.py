"""The Jinja environment that every renderer shares.

Only the fixed templates of this package are loaded, a missing value is an error, and each output
language has its own syntax: TeX keeps its braces, HTML escapes by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cavi.templates.requirements import NEEDS

Language = Literal["plain", "latex", "html"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class _Delimiters:
    block: tuple[str, str] = ("{%", "%}")
    value: tuple[str, str] = ("{{", "}}")
    comment: tuple[str, str] = ("{#", "#}")


_DELIMITERS: dict[Language, _Delimiters] = {
    "plain": _Delimiters(),
    "html": _Delimiters(),
    "latex": _Delimiters(("((*", "*))"), ("(((", ")))"), ("((=", "=))")),
}


@cache
def environment(language: Language = "plain") -> Environment:
    """The environment for one output language; template names are paths below ``templates/``.

    ``latex`` uses ``((* block *))``, ``((( value )))`` and ``((= comment =))``, and escapes nothing:
    its renderer passes finished TeX only. ``html`` escapes every value that is not marked as markup. Every template
    may say what a module ``needs``.
    """
    marks = _DELIMITERS[language]
    made = Environment(
        block_start_string=marks.block[0],
        block_end_string=marks.block[1],
        variable_start_string=marks.value[0],
        variable_end_string=marks.value[1],
        comment_start_string=marks.comment[0],
        comment_end_string=marks.comment[1],
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        autoescape=language == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["needs"] = NEEDS
    return made
