"""Text of a result, made by a renderer that is found by name, so that `derive` depends on none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cavi.derive.errors import CaviError
from cavi.derive.names import suggestion


class Diagram(Protocol):
    """A drawing of a model, as `Model.diagram` returns it."""

    def svg(self, standalone: bool = True) -> str:
        """An SVG element, on its own or to stand inside a page."""

    def tikz(self, standalone: bool = False) -> str:
        """A ``tikzpicture``, or a document with it."""

    def legend(self) -> str:
        """What its signs mean, in a sentence."""

    def save(self, path: str | Path) -> Path:
        """Write it as ``.svg`` or ``.tex``, by the ending of the path."""

    def _repr_svg_(self) -> str: ...


def renderer(kind: str) -> Callable[..., Any]:
    """The renderer registered under ``cavi.renderers``.

    Raises:
        CaviError: when no renderer of that name is installed.
    """
    from importlib.metadata import entry_points  # reads what is installed, which few callers need

    found = {e.name: e for e in entry_points(group="cavi.renderers")}
    if kind not in found:
        raise CaviError(f"no renderer {kind!r} is installed; {suggestion(kind, found)}")
    made: Callable[..., Any] = found[kind].load()
    return made


def render(kind: str, result: object, **options: object) -> str:
    """The text that the renderer of that name makes.

    Raises:
        CaviError: when no renderer of that name is installed.
    """
    return str(renderer(kind)(result, **options))


def write_text(target: Path, text: str) -> Path:
    """Write a file so that it appears whole or not at all."""
    temporary = target.with_name(f".{target.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
    return target
