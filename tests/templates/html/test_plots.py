"""Plots put what they show where it belongs, and are well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from cavi.templates.html import plots


def numbers(ticks: tuple[plots.Tick, ...]) -> list[float]:
    return [float(t.text.replace("−", "-")) for t in ticks]


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-283.6, -234.8), (1e-7, 3e-7), (0.9999, 1.0001), (-2e9, 5e9)])
def test_ticks_are_round_and_stand_at_their_value(low: float, high: float) -> None:
    s = plots.scale([low, high], 0.0, 100.0, 0.0)
    found = plots.ticks(s)
    assert 2 <= len(found) <= 7
    for tick, value in zip(found, numbers(found), strict=True):
        assert tick.at == pytest.approx(s(value), abs=2.0)


def test_a_trace_rises_towards_the_top() -> None:
    line = plots.trace(np.array([-3.0, -2.0, -1.0]), "bound", "sweep", "bound").marks[0]
    assert [x for x, _ in line.points] == sorted(x for x, _ in line.points)
    assert [y for _, y in line.points] == sorted((y for _, y in line.points), reverse=True)


def test_bars_are_two_deviations_around_the_dot() -> None:
    marks = plots.intervals(np.array([1.0, 2.0]), np.array([0.5, 0.0]), "l", "k", "mu").marks
    bars, dots = [m for m in marks if m.kind == "bar"], [m for m in marks if m.kind == "dot"]
    ends = [y for _, y in bars[0].points]
    unit = dots[0].points[0][1] - dots[1].points[0][1]
    assert sum(ends) / 2 == pytest.approx(dots[0].points[0][1], abs=0.02)
    assert ends[0] - ends[1] == pytest.approx(2 * unit, abs=0.05)


def test_cells_grow_darker_and_change_colour_below_zero() -> None:
    marks = plots.grid(np.array([[0.0, 1.0], [-2.0, 0.5]]), "l", "k", "n").marks
    assert [(m.colour, m.opacity) for m in marks] == [(0, 0.5), (1, 1.0), (0, 0.25)]


def test_large_arrays_are_thinned_out() -> None:
    assert len(plots.grid(np.ones((5000, 300)), "l", "k", "n").marks) == plots.MOST_ROWS * plots.MOST_COLUMNS
    dots = [m for m in plots.intervals(np.ones(10_000), None, "l", "n", "x").marks if m.kind == "dot"]
    assert len(dots) == plots.MOST_POINTS


@pytest.mark.parametrize(
    "plot",
    [
        plots.trace(np.array([1.0]), 'a "<b>"', "x", "y"),
        plots.trace(np.array([np.nan, 1.0, 1.0]), "l", "x", "y"),
        plots.intervals(np.array([np.nan, np.inf]), None, "l", "x", "y"),
        plots.grid(np.full((2, 2), np.nan), "l", "x", "y"),
        plots.grid(np.zeros((1, 1)), "l", "x", "y"),
    ],
)
def test_plots_of_odd_numbers_are_well_formed(plot: plots.Plot) -> None:
    text = str(plot.svg())
    assert ElementTree.fromstring(text).tag == "svg"
    assert "nan" not in text and "inf" not in text
    assert "<b>" not in text
