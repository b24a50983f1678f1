"""How the pictures look: a light page, few lines, labels beside what they name, colours that all can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["BLACK", "BLUE", "DARK_ORANGE", "GREY", "ORANGE", "SETTINGS", "SKY", "VERMILION", "canvas", "gap", "note"]

# Okabe and Ito (2008), "Color universal design".
BLACK, ORANGE, SKY = "#000000", "#E69F00", "#56B4E9"
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#6B6B6B"
# For letters: the palette's orange is too light for text on white.
DARK_ORANGE = "#8F6300"

SETTINGS: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.0,
    "text.parse_math": True,
    "svg.hashsalt": "cavi",
    "svg.fonttype": "path",
}


def canvas(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.4, 4.2), **options: Any
) -> tuple[Any, list[Any]]:
    """A figure that belongs to no window, and its axes, row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).ravel())


def note(ax: Any, at: Sequence[float], text: str, color: str = BLACK, **options: Any) -> Any:
    """A label at a point of the picture, on a pale ground so that lines do not run through it."""
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
    return ax.text(at[0], at[1], text, **{"color": color, "bbox": ground, "zorder": 5, **options})


def gap(ax: Any, x: float, low: float, high: float, gid: str, color: str = VERMILION) -> None:
    """A vertical bar with ends between two values at x."""
    ax.plot([x, x], [low, high], color=color, marker="_", markersize=9, linewidth=2.5, gid=gid, zorder=4)
