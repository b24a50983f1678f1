"""A derivation as a Jupyter notebook: the mathematics, the generated module, a fit, and pictures of the posterior.

It needs NumPy, SciPy and matplotlib; only the data of a library model are loaded from this package. The format is
nbformat 4.5, written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cavi.derive.errors import CaviError
from cavi.derive.result import Derived
from cavi.templates.article import spoken
from cavi.templates.environment import environment
from cavi.templates.notebook.view import Cell, cells

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def render(
    derived: Derived,
    example: str | None = None,
    declaration: str | None = None,
    notation: str = "plain",
    symbols: Mapping[str, str] | None = None,
    lang: str = "en",
) -> str:
    """The notebook as JSON text.

    Args:
        derived: the derivation.
        example: a library model whose data the notebook fits; None for a cell to be filled in with one's own.
        declaration: Python source that declares the model, to be shown.
        notation: a preset of conventions; see `cavi.templates.style`.
        symbols: TeX of own symbols for declared names and parameters of q.
        lang: ``en`` or ``ko``, of the text; what the code prints and draws is in English.

    Raises:
        CaviError: where the example is no identifier, and for unknown notations, symbols and languages.
    """
    check_example(example)
    return notebook_json(cells(*spoken(derived, notation, symbols, lang), derived, example, declaration))


def notebook_json(cells: Iterable[Cell]) -> str:
    """Cells as the JSON text of a notebook."""
    plain = {"cells": [_cell(c) for c in cells], "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def check_example(example: str | None) -> None:
    """Refuse what is no name, before it stands in code.

    Raises:
        CaviError: where the example is no identifier.
    """
    if example is not None and not example.isidentifier():
        raise CaviError(f"example={example!r} is not the name of a library model")


def _cell(c: Cell) -> dict[str, Any]:
    text = environment("plain").get_template(f"{c.folder}/{c.template}.jinja").render(c.holes).strip("\n")
    made: dict[str, Any] = {"cell_type": c.kind, "id": c.id, "metadata": {}, "source": text.splitlines(keepends=True)}
    return made if c.kind == "markdown" else {**made, "execution_count": None, "outputs": []}
