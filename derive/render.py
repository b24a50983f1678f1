"""Text of a result, made by a renderer that is found by name, so that `derive` depends on none."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from cavi.derive.errors import CaviError
from cavi.derive.names import suggestion


def render(kind: str, result: object, **options: object) -> str:
    """The text that the renderer registered under ``cavi.renderers`` makes.

    Raises:
        CaviError: when no renderer of that name is installed.
    """
    found = {e.name: e for e in entry_points(group="cavi.renderers")}
    if kind not in found:
        raise CaviError(f"no renderer {kind!r} is installed; {suggestion(kind, found)}")
    return str(found[kind].load()(result, **options))


def write_text(target: Path, text: str) -> Path:
    """Write a file so that it appears whole or not at all."""
    temporary = target.with_name(f".{target.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
    return target
