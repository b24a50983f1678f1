"""Lines fit, nothing is lost, and brackets keep their size over a break."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from printing_samples import NOTATION, polynomials

from cavi.derive.term import Polynomial
from cavi.templates.breaking import break_lines, loosen
from cavi.templates.equation import Link, system
from cavi.templates.latex.tex import to_tex
from cavi.templates.layout import (
    PLUS,
    TIMES,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Root,
    Row,
    Script,
    Words,
    parens,
    row,
    width,
)
from cavi.templates.printer import Printer

X = Glyph("x", "x")


def _sum(count: int, box: Box = X) -> Box:
    parts: list[Box] = [box]
    for _ in range(count - 1):
        parts += [PLUS, box]
    return row(*parts)


def _bare(tex: str) -> str:
    return re.sub(r"\s+|\\bigg?[lr]|\\Bigg?[lr]|\{\}|\\times", "", tex)


@settings(max_examples=150, deadline=None)
@given(polynomials())
def test_the_lines_hold_the_formula(p: Polynomial) -> None:
    box = Printer(NOTATION).polynomial(p)
    if width(loosen(box, 11.0)) != width(box):
        return
    lines = break_lines(box, 15.0)
    assert "".join(_bare(to_tex(line.box)) for line in lines) == _bare(to_tex(box))


@settings(max_examples=150, deadline=None)
@given(polynomials())
def test_lines_fit_where_there_is_a_place_to_break(p: Polynomial) -> None:
    for line in break_lines(Printer(NOTATION).polynomial(p), 26.0):
        assert width(line.box) + line.indent <= 26.0 + 1e-9


def test_a_short_formula_stays_whole() -> None:
    (line,) = break_lines(_sum(3), 20.0)
    assert line.box == _sum(3)
    assert line.indent == 0.0


def test_breaks_come_before_signs() -> None:
    lines = break_lines(_sum(40), 20.0)
    assert len(lines) > 2
    for line in lines[1:]:
        assert isinstance(line.box, Row)
        assert line.box.items[0] == PLUS
        assert line.indent > 0


def test_brackets_are_taken_apart_with_one_size() -> None:
    lines = break_lines(row(X, PLUS, parens(_sum(40, Fraction(X, X)))), 20.0)
    text = [to_tex(line.box) for line in lines]
    assert sum(t.count(r"\Bigl(") for t in text) == 1
    assert text[-1].endswith(r"\Bigr)")


def test_a_power_of_a_long_bracket_stays_with_the_closing_one() -> None:
    lines = break_lines(Script(parens(_sum(30)), sup=Number("2")), 12.0)
    assert to_tex(lines[-1].box).endswith(")^2")


def test_a_wide_fraction_becomes_a_product() -> None:
    wide = Fraction(_sum(40), X)
    loose = loosen(wide, 20.0)
    assert to_tex(loose).startswith(r"\frac{1}{x}(x + x")
    assert all(width(line.box) <= 20.0 for line in break_lines(wide, 20.0))
    both = loosen(Fraction(_sum(30), _sum(30)), 10.0)
    assert to_tex(both).count("^{-1}") == 1


def test_a_wide_root_becomes_a_power() -> None:
    assert to_tex(loosen(Root(_sum(30)), 10.0)).endswith("^{1/2}")


def test_a_product_is_broken_between_factors_as_a_last_resort() -> None:
    word = Glyph(r"\mathrm{abcdefghij}", "abcdefghij", upright=True)
    lines = break_lines(row(*[word] * 6), 15.0)
    assert len(lines) > 1
    assert isinstance(lines[1].box, Row)
    assert lines[1].box.items[0] == TIMES


def test_the_constant_does_not_stand_alone() -> None:
    for count in range(3, 40):
        last = break_lines(row(_sum(count), PLUS, Words("const")), 20.0)[-1]
        assert to_tex(last.box) != r"+ \text{const}"


@pytest.mark.parametrize("name", [r"\mathbb{E}", r"\psi", "p"])
def test_a_name_is_not_parted_from_its_argument(name: str) -> None:
    call = row(Glyph(name, "e", upright=True), Fence("(", _sum(8), ")"))
    for line in break_lines(_sum(6, call), 18.0):
        assert not to_tex(line.box).endswith(name)


def test_a_system_leaves_room_for_its_widest_left_side() -> None:
    short, long = X, _sum(6)
    found = system([Link(short, _sum(30)), Link(long, _sum(30)), Link(None, _sum(30))], 30.0)
    assert not any(e.flush for e in found)
    room = 30.0 - width(long) - 1.4
    assert all(width(line.box) <= room for e in found for line in e.lines)
    assert found[2].hang == long


def test_a_system_with_a_very_long_left_side_starts_at_the_margin() -> None:
    found = system([Link(X, _sum(30)), Link(_sum(20), _sum(30))], 39.0)
    assert all(e.flush for e in found)
    assert [e.below for e in found] == [False, True]
