"""Factors of a product: which belong together, which stand close, and what a power or a fraction needs."""

from __future__ import annotations

from fractions import Fraction as Rational

from cavi.derive.functions import UNDER_NORMAL
from cavi.derive.index import Gather, Index
from cavi.derive.term import (
    Atom,
    Delta,
    Function,
    Matrix,
    Moment,
    Parameter,
    Polynomial,
    atom_indices,
)
from cavi.templates.layout import (
    EXPECTATION,
    NEGATIVE,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Space,
    height,
    row,
    width,
)
from cavi.templates.symbols import symbol
from cavi.templates.term_tree import Factor, Term

_PI = symbol("pi")
_INFINITY = Glyph(r"\infty", "∞")
_NUMERATOR_LIMIT = 14.0


def rational(value: Rational) -> Box:
    """A rational number, small."""
    sign = (NEGATIVE,) if value < 0 else ()
    value = abs(value)
    if value.denominator == 1:
        return row(*sign, Number(str(value.numerator)))
    return row(*sign, Number(str(value.numerator)), Operator("/", "/", "punctuation"), Number(str(value.denominator)))


def constant(name: str) -> Box:
    """π, the infinities, and the argument u of a function that an expectation is of.

    Raises:
        ValueError: for a constant that is not in the closed list.
    """
    match name:
        case "pi":
            return _PI
        case "infinity":
            return _INFINITY
        case "minus_infinity":
            return row(NEGATIVE, _INFINITY)
        case "u" | UNDER_NORMAL.name:
            return symbol("u")
    raise ValueError(f"no symbol for the constant {name!r}; expected pi, infinity or minus_infinity")


def components(t: Term) -> list[Term]:
    """The free part and the independent sums of a product of sums; one term where there are not two."""
    if t.body or len(t.bound) < 2:
        return [t]
    groups: list[set[Index]] = [{i} for i in t.bound]
    for a, _ in t.factors:
        mine = bound_of(a, t.bound)
        touched = [g for g in groups if g & mine]
        if len(touched) > 1:
            groups = [g for g in groups if g not in touched] + [set().union(*touched)]
    if len(groups) < 2:
        return [t]
    free = tuple(f for f in t.factors if not bound_of(f[0], t.bound))
    closed = [
        Term(
            Rational(1),
            tuple(f for f in t.factors if bound_of(f[0], t.bound) & g),
            tuple(i for i in t.bound if i in g),
        )
        for g in groups
    ]
    return [Term(t.coefficient, free), *closed]


def scatter(t: Term) -> tuple[list[Delta], list[Factor]]:
    """Deltas that tie a gathered datum to something outside: conditions under the Σ."""
    conditions: list[Delta] = []
    rest: list[Factor] = []
    for a, e in t.factors:
        gathers = isinstance(a, Delta) and any(isinstance(s, Gather) for s in (a.left, a.right))
        if isinstance(a, Delta) and gathers and bound_of(a, t.bound):
            conditions.append(a)
        else:
            rest.append((a, e))
    return conditions, rest


def bound_of(atom: Atom, bound: tuple[Index, ...]) -> set[Index]:
    """The indices of an atom that are summed over."""
    return {i for i in atom_indices(atom) if i in bound}


def squared(boxes: list[Box]) -> list[Box]:
    """Equal factors as one power."""
    found = {b: boxes.count(b) for b in boxes}
    return [b if n == 1 else Script(b, sup=Number(str(n))) for b, n in found.items()]


def spaced(parts: list[Box]) -> Box:
    """Factors side by side, a thin space beside a word so that it does not run into its neighbour."""
    spaced: list[Box] = []
    for place, part in enumerate(parts):
        if place and (_is_word(part) or _is_word(parts[place - 1])):
            spaced.append(Space())
        spaced.append(part)
    return row(*spaced)


def _is_word(box: Box) -> bool:
    core = box.base if isinstance(box, Script) else box
    return isinstance(core, Glyph) and core.upright and core.char.isalpha() and len(core.char) > 1


def is_open_function(atom: Atom) -> bool:
    """Whether the atom is written as a name before its argument: what follows could be misread."""
    if isinstance(atom, Matrix | Parameter):
        return atom.name.startswith("logdet")
    return isinstance(atom, Function) and atom.name not in ("E", "abs", "pow", "fold", "form")


def averaged(atom: Atom) -> bool:
    """Whether the atom is an expectation, taken or not."""
    return isinstance(atom, Moment) or (isinstance(atom, Function) and atom.name == "E")


def reciprocal(atom: Atom) -> Polynomial | None:
    """p, if the atom is the function 1 / p."""
    if isinstance(atom, Function) and atom.name == "pow" and atom.args[1].number == -1:
        return atom.args[0]
    return None


def is_atomic(box: Box) -> bool:
    """Whether a box needs no brackets in a product."""
    return isinstance(box, Glyph | Number | Script | Fence | Fraction | Root)


def is_short(box: Box) -> bool:
    """Whether a subscript is one character, so that it can stand beside others without a comma."""
    return isinstance(box, Glyph) and len(box.char.rstrip("′")) == 1


def fits_above(body: Box) -> bool:
    """Whether a bracket is low and narrow enough to stand above a fraction line."""
    inner = body.body if isinstance(body, Fence) else body
    return height(inner) < 2 and width(inner) < _NUMERATOR_LIMIT


def atom_is_closed(box: Box) -> bool:
    """Whether a box ends in a bracket that a power can stand on without being misread: 𝔼[μ]²."""
    return isinstance(box, Row) and isinstance(box.items[-1], Fence) and len(box.items) == 2 and _is_expectation(box)


def _is_expectation(box: Row) -> bool:
    head = box.items[0]
    return head == EXPECTATION or (isinstance(head, Script) and head.base == EXPECTATION)


def raise_last(box: Row, sup: Box) -> list[Box]:
    """The boxes of a row with a power on the last one: 𝔼[μ]²."""
    return [*box.items[:-1], Script(box.items[-1], sup=sup)]
