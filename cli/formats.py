"""``cavi derive --format``: further files beside those that are always written."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cavi.derive import Derived, Propagation


class Format(StrEnum):
    """A form in which a derivation can be written too."""

    ipynb = "ipynb"
    beamer = "beamer"
    frames = "frames"
    algorithm = "algorithm"
    fragment = "fragment"


Manner = tuple[str, Mapping[str, str], str]
"""Notation, own symbols and language, as `Derived.latex` takes them."""


def write_formats(
    derived: Derived | Propagation, name: str, out: Path, formats: Sequence[Format], manner: Manner
) -> list[Path]:
    """Write the derivation of the model found by `name` in each of the forms; returns the paths."""
    return [_write(derived, name, out, form, manner) for form in dict.fromkeys(formats)]


def _write(derived: Derived | Propagation, name: str, out: Path, form: Format, manner: Manner) -> Path:
    from cavi import models
    from cavi.derive.render import write_text

    match form:
        case Format.ipynb:
            example = name if name in models.names() else None
            text = derived.notebook(example, declaration(name), *manner)
            return write_text(out / f"{derived.model.name}.ipynb", text)
        case _:
            notation, symbols, lang = manner
            return write_text(
                out / f"{form}.tex", derived.latex(kind=form.value, notation=notation, symbols=symbols, lang=lang)
            )


def parse_symbols(entries: Sequence[str] | None) -> dict[str, str]:
    r"""``["tau=\lambda"]`` as TeX by name.

    Raises:
        CaviError: where an entry has no name or no symbol.
    """
    from cavi.derive import CaviError

    found = {}
    for entry in entries or ():
        name, equals, tex = (part.strip() for part in entry.partition("="))
        if not (name and equals and tex):
            raise CaviError(f"--symbol: found {entry!r}; expected NAME=TEX, such as tau=\\lambda")
        found[name] = tex
    return found


def declaration(name: str) -> str | None:
    """The Python source that declares a model, as far as it can be told from its name."""
    from cavi import models

    if name in models.names():
        return inspect.getsource(models.module(name).declare)
    path = Path(name.rpartition(":")[0] or name)
    return path.read_text(encoding="utf-8") if path.suffix == ".py" and path.is_file() else None
