"""``cavi derive --format``: further files beside those that are always written."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cavi.derive import Derived


class Format(StrEnum):
    """A form in which a derivation can be written too."""

    ipynb = "ipynb"
    beamer = "beamer"
    frames = "frames"
    algorithm = "algorithm"
    fragment = "fragment"


def write_formats(derived: Derived, name: str, out: Path, formats: Sequence[Format]) -> list[Path]:
    """Write the derivation of the model found by `name` in each of the forms; returns the paths."""
    return [_write(derived, name, out, form) for form in dict.fromkeys(formats)]


def _write(derived: Derived, name: str, out: Path, form: Format) -> Path:
    from cavi import models
    from cavi.derive.render import write_text

    match form:
        case Format.ipynb:
            example = name if name in models.names() else None
            text = derived.notebook(example, declaration(name))
            return write_text(out / f"{derived.model.name}.ipynb", text)
        case _:
            return write_text(out / f"{form}.tex", derived.latex(kind=form.value))


def declaration(name: str) -> str | None:
    """The Python source that declares a model, as far as it can be told from its name."""
    from cavi import models

    if name in models.names():
        return inspect.getsource(models.module(name).declare)
    path = Path(name.rpartition(":")[0] or name)
    return path.read_text(encoding="utf-8") if path.suffix == ".py" and path.is_file() else None
