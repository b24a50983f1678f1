"""Plots for the page: scales, ticks and marks decided here, in pixels; the template writes them as SVG.

Colours are classes of the page's style, so that a plot follows the reader's choice of light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cavi.templates.environment import environment

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 40
COLOURS = 6
MOST_POINTS = 400
MOST_ROWS, MOST_COLUMNS = 80, 60


@dataclass(frozen=True)
class Mark:
    """One thing drawn: a line, a dot, a vertical bar of uncertainty, a cell or a name; numbers in pixels."""

    kind: str
    colour: int
    points: tuple[tuple[float, float], ...]
    opacity: float = 1.0
    text: str = ""


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A plot, ready to be written."""

    label: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    height: int = HEIGHT

    def svg(self) -> Markup:
        """The plot as an SVG element that takes its colours from the page."""
        frame = {"width": WIDTH, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": self.height - BOTTOM}
        return Markup(environment("html").get_template("html/plot.svg.jinja").render(p=self, **frame).strip())


@dataclass(frozen=True)
class Scale:
    """Values onto pixels, linearly; NaN where the value is."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where a value is."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 2)


def scale(values: Sequence[float] | np.ndarray, start: float, stop: float, margin: float = 0.05) -> Scale:
    """A scale that holds all finite values, with a margin; of a single one, some room around it."""
    found = np.asarray(values, dtype=float)
    found = found[np.isfinite(found)]
    low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 1.0)
    room = margin * (high - low) or 0.1 * abs(low) or 1.0
    return Scale(low - room, high + room, start, stop)


def ticks(s: Scale, most: int = 6, whole: bool = False) -> tuple[Tick, ...]:
    """Round numbers inside a scale: multiples of 1, 2 or 5 times a power of ten."""
    raw = (s.high - s.low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(s.low / step - 1e-9)
    values = [k * step for k in range(first, math.floor(s.high / step + 1e-9) + 1)]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    large = max(map(abs, values), default=0.0) >= 1e6 or digits > 5
    return tuple(Tick(s(v), f"{v:.3g}" if large else f"{v:.{digits}f}".replace("-", "−")) for v in values)


def _y(values: Sequence[float] | np.ndarray, height: int = HEIGHT) -> Scale:
    return scale(values, height - BOTTOM, TOP)


def trace(values: np.ndarray, label: str, x_title: str, y_title: str) -> Plot:
    """A value for each sweep, as a line with its points."""
    found = np.asarray(values, dtype=float)
    sweeps = np.arange(1, found.size + 1)
    x, y = scale(sweeps, LEFT, WIDTH - RIGHT, 0.02), _y(found)
    at = tuple((x(float(s)), y(float(v))) for s, v in zip(sweeps, found, strict=True) if math.isfinite(v))
    dots = tuple(Mark("dot", 0, (p,)) for p in at) if len(at) <= 60 else ()
    return Plot(label, x_title, y_title, ticks(x, whole=True), ticks(y), (Mark("line", 0, at), *dots))


Line = tuple[str, np.ndarray, np.ndarray]


def curves(lines: Sequence[Line], label: str, x_title: str, y_title: str) -> Plot:
    """Densities over one axis, each with a colour and its name at its peak."""
    x = scale(np.concatenate([a for _, a, _ in lines]), LEFT, WIDTH - RIGHT, 0.0)
    y = _y([0.0, *(1.1 * float(v) for _, _, b in lines for v in b)])
    marks = []
    for n, (name, a, b) in enumerate(lines):
        at = tuple((x(float(u)), y(float(v))) for u, v in zip(a, b, strict=True))
        peak = min(at, key=lambda point: point[1])
        marks += [Mark("line", n % COLOURS, at), Mark("name", n % COLOURS, ((peak[0], peak[1] - 5),), text=name)]
    return Plot(label, x_title, y_title, ticks(x), ticks(y, 4), tuple(marks))


def intervals(mean: np.ndarray, deviation: np.ndarray | None, label: str, x_title: str, y_title: str) -> Plot:
    """A dot for each element, with a bar of two standard deviations; of very many, evenly chosen ones."""
    chosen = np.unique(np.linspace(0, mean.size - 1, min(mean.size, MOST_POINTS)).round().astype(int))
    centre = mean.ravel()[chosen]
    spread = None if deviation is None else 2 * deviation.ravel()[chosen]
    x = scale([0.5, mean.size + 0.5], LEFT, WIDTH - RIGHT, 0.0)
    y = _y(centre if spread is None else np.concatenate([centre - spread, centre + spread, centre]))
    marks = []
    for place, n in enumerate(chosen):
        if not math.isfinite(centre[place]):
            continue
        across = x(float(n + 1))
        if spread is not None and math.isfinite(spread[place]):
            ends = (centre[place] - spread[place], centre[place] + spread[place])
            marks.append(Mark("bar", 0, tuple((across, y(float(e))) for e in ends)))
        marks.append(Mark("dot", 0, ((across, y(float(centre[place]))),)))
    return Plot(label, x_title, y_title, ticks(x, whole=True), ticks(y), tuple(marks))


def grid(mean: np.ndarray, label: str, x_title: str, y_title: str) -> Plot:
    """A cell for each element, darker the larger its size, in a second colour below zero; large ones thinned out."""
    rows_of, columns_of = mean.shape
    rows = np.unique(np.linspace(0, rows_of - 1, min(rows_of, MOST_ROWS)).round().astype(int))
    columns = np.unique(np.linspace(0, columns_of - 1, min(columns_of, MOST_COLUMNS)).round().astype(int))
    shown = mean[np.ix_(rows, columns)]
    height = int(TOP + BOTTOM + min(360, max(60, 24 * len(rows))))
    wide, tall = (WIDTH - LEFT - RIGHT) / len(columns), (height - TOP - BOTTOM) / len(rows)
    largest = float(np.nanmax(np.abs(shown))) if np.isfinite(shown).any() else 1.0
    marks = []
    for (i, j), value in np.ndenumerate(shown):
        if math.isfinite(value) and value != 0 and largest > 0:
            corner = (round(LEFT + j * wide, 2), round(TOP + i * tall, 2))
            end = (round(corner[0] + wide, 2), round(corner[1] + tall, 2))
            marks.append(Mark("cell", 0 if value > 0 else 1, (corner, end), round(abs(value) / largest, 3)))
    x_ticks = _cells(columns, LEFT, wide)
    y_ticks = _cells(rows, TOP, tall)
    return Plot(label, x_title, y_title, x_ticks, y_ticks, tuple(m for m in marks if m.opacity >= 0.004), height)


def _cells(numbers: np.ndarray, start: float, step: float) -> tuple[Tick, ...]:
    every = max(1, math.ceil(len(numbers) / 12))
    return tuple(
        Tick(round(start + (k + 0.5) * step, 2), str(int(n) + 1)) for k, n in enumerate(numbers) if k % every == 0
    )
