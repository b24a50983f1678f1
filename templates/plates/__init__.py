"""Plate diagrams of declared models.

    Model ──diagram──▶ PlateDiagram ──grid, place | dot──▶ Picture ──svg, tikz──▶ text

A circle is random and a square is not; shaded is known. Dots are hyperparameters, an open square is maximised over, a
double circle is an observed function of latents, a dashed circle the element before in a chain. Arrows run from the
arguments; a dashed one from what selects among them, a dotted one from a weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cavi.derive.errors import CaviError
from cavi.derive.model import Model
from cavi.derive.render import write_text
from cavi.templates.plates.diagram import PlateDiagram, plate_diagram
from cavi.templates.plates.dot import placed_by_dot
from cavi.templates.plates.picture import Picture
from cavi.templates.plates.place import placed
from cavi.templates.plates.svg import svg
from cavi.templates.plates.tikz import tikz
from cavi.templates.words import speaker

__all__ = ["Drawing", "Picture", "PlateDiagram", "draw", "plate_diagram"]

_LAYOUTS = {"own": placed, "dot": placed_by_dot}


@dataclass(frozen=True)
class Drawing:
    """A plate diagram, laid out when it is first written."""

    diagram: PlateDiagram
    layout: str = "own"

    @cached_property
    def picture(self) -> Picture:
        """Every node, plate and arrow with its place."""
        return _LAYOUTS[self.layout](self.diagram)

    def svg(self, standalone: bool = True, lang: str = "en") -> str:
        """One self-contained SVG element, in dark ink or light by the reader's preference.

        With ``standalone=False`` it takes the colour of the text of the page it stands in. What it says
        to readers who do not see it, and where a pointer rests, is in the language ``en`` or ``ko``.
        """
        return svg(self.picture, standalone, speaker(lang))

    def tikz(self, standalone: bool = False) -> str:
        """A ``tikzpicture`` (with the libraries arrows.meta and shapes.geometric), or a document with it."""
        return tikz(self.picture, standalone)

    def legend(self) -> str:
        """What its signs mean, in a sentence."""
        return self.diagram.legend()

    def save(self, path: str | Path) -> Path:
        """Write an SVG file or a TeX document, by the ending of the path: ``.svg`` or ``.tex``.

        Raises:
            CaviError: for another ending.
            OSError: where the file cannot be written.
        """
        target = Path(path)
        match target.suffix.lower():
            case ".svg":
                return write_text(target, self.svg() + "\n")
            case ".tex":
                return write_text(target, self.tikz(standalone=True) + "\n")
        raise CaviError(f"{target}: a diagram is written as .svg or .tex, found the ending {target.suffix!r}")

    def _repr_svg_(self) -> str:
        return self.svg()


def draw(model: Model, layout: str = "own", symbols: Mapping[str, str] | None = None) -> Drawing:
    """The plate diagram of a declared model.

    Args:
        model: any model with at least one variable.
        layout: ``own``, the same on every machine, or ``dot`` for that of Graphviz.
        symbols: TeX of own symbols for declared names.

    Raises:
        CaviError: for an unknown layout, a model without variables, and ``dot`` where it is missing or plates cross.

    Examples:
        >>> from cavi.derive import Gamma, Model, Poisson
        >>> m = Model("rates")
        >>> x = m.observed("x", Poisson(m.latent("rate", Gamma(2, 1))), m.index("n", "N"))
        >>> draw(m).picture.faults()
        []
    """
    if layout not in _LAYOUTS:
        raise CaviError(f"layout={layout!r} is not known; expected one of {', '.join(_LAYOUTS)}")
    if not model.variables:
        raise CaviError(f"the model {model.name} has no variables to draw; declare some")
    drawing = Drawing(plate_diagram(model, symbols), layout)
    if layout == "dot":
        _ = drawing.picture
    return drawing
