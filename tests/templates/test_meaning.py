"""What is printed means what was meant: formulas are read back from the page and evaluated.

A small reader follows the conventions of mathematics, not those of the printer: a row is a sum of
signed products, a Σ reaches to the next sign, ``log`` applies to what stands next to it. Symbols get
pseudo-random values from their text with the numbers of their indices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from itertools import product

from hypothesis import given, note, settings
from printing_samples import NOTATION, polynomials, squared

from cavi.derive.index import Gather, Index, Sub
from cavi.derive.term import Delta, Function, Polynomial, Size
from cavi.templates.latex.tex import to_tex
from cavi.templates.layout import BigOperator, Box, Fence, Glyph, Number, Operator, Row, Script, Space
from cavi.templates.layout import Fraction as Quotient
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope

PRINTER = Printer(NOTATION)
SIZES = {"N": 2, "K": 2, "D": 3}
DOC = {1: 3, 2: 1}
Env = Mapping[str, int]


def value_of(text: str) -> Fraction:
    """A number between 1 and 2 that depends on the text alone."""
    return 1 + Fraction(int(hashlib.sha256(text.encode()).hexdigest()[:4], 16), 2**16)


def text_of(box: Box, env: Env) -> str:
    """The text of an atom with its indices as numbers."""
    match box:
        case Glyph():
            return str(env.get(box.tex, box.tex))
        case Script():
            parts = [text_of(b, env) for b in (box.base, box.sub, box.sup) if b is not None]
            return "_".join(parts)
        case Row():
            # Commas between subscripts depend on how long their names are, not on what is meant.
            commas = [isinstance(i, Operator) and i.kind == "punctuation" for i in box.items]
            return " ".join(text_of(i, env) for i, comma in zip(box.items, commas, strict=True) if not comma)
        case Fence():
            return f"{box.left}{text_of(box.body, env)}{box.right}"
        case _:
            return to_tex(box)


def read(box: Box, env: Env) -> Fraction:
    """The value of a row: signed products."""
    items = [i for i in (box.items if isinstance(box, Row) else (box,)) if not isinstance(i, Space)]
    total, sign, factors = Fraction(0), 1, []
    for item in [*items, Operator("+", "+", "binary")]:
        if isinstance(item, Operator) and item.kind in ("binary", "prefix"):
            if factors:
                total += sign * read_product(factors, env)
            sign, factors = (-1 if item.tex == "-" else 1), []
        else:
            factors.append(item)
    return total


def read_product(items: list[Box], env: Env) -> Fraction:
    """The value of factors side by side, of which the first may reach further."""
    if not items:
        return Fraction(1)
    first, rest = items[0], items[1:]
    if isinstance(first, BigOperator):
        return read_sum(first, rest, env)
    head = first.base if isinstance(first, Script) else first
    applied = isinstance(first, Operator) or to_tex(head) == r"\mathbb{E}"
    if applied:
        argument, rest = rest[0], rest[1:]
        power = Fraction(1)
        if isinstance(argument, Script) and isinstance(argument.base, Fence) and argument.sup is not None:
            power, argument = read(argument.sup, env), argument.base
        return value_of(f"{to_tex(first)} {text_of(argument, env)}") ** int(power) * read_product(rest, env)
    return read_factor(first, env) * read_product(rest, env)


def read_sum(sigma: BigOperator, rest: list[Box], env: Env) -> Fraction:
    assert isinstance(sigma.under, Row)
    name = to_tex(sigma.under.items[0])
    if sigma.over is not None:
        values = range(1, SIZES[to_tex(sigma.over)] + 1)
        return sum((read_product(rest, {**env, name: v}) for v in values), Fraction(0))
    condition = sigma.under.items[2:]
    total = Fraction(0)
    for v in range(1, SIZES["N"] + 1):
        inner = {**env, name: v}
        left, right = (position(condition[i], inner) for i in (0, 2))
        total += read_product(rest, inner) if left == right else 0
    return total


def position(box: Box, env: Env) -> int:
    """Where a subscript points: an index, or the datum ``doc_n``."""
    if isinstance(box, Script):
        assert box.sub is not None
        return DOC[position(box.sub, env)]
    return env[to_tex(box)]


def read_factor(box: Box, env: Env) -> Fraction:
    match box:
        case Number():
            return Fraction(box.text)
        case Quotient():
            return read(box.numerator, env) / read(box.denominator, env)
        case Fence(left="("):
            return read(box.body, env)
        case Script(sup=sup) if sup is not None:
            return read_factor(box.base if box.sub is None else Script(box.base, box.sub), env) ** int(read(sup, env))
        case Script(base=Glyph(tex=r"\delta"), sub=Row() as sub):
            left, _, right = sub.items
            return Fraction(position(left, env) == position(right, env))
        case Glyph() if box.tex in SIZES:
            return Fraction(SIZES[box.tex])
        case _:
            return value_of(text_of(box, env))


def evaluate(p: Polynomial, env: Mapping[Index, int]) -> Fraction:
    """The value of the normal form by its definition, atom by atom."""
    total = Fraction(0)
    for m in p.monomials:
        for values in product(*(range(1, SIZES[i.size] + 1) for i in m.bound)):
            here = {**env, **dict(zip(m.bound, values, strict=True))}
            term = m.coefficient
            for atom, exponent in m.powers:
                match atom:
                    case Size():
                        one = Fraction(SIZES[atom.name])
                    case Delta():
                        one = Fraction(place(atom.left, here) == place(atom.right, here))
                    case _:
                        # Every index gets a name of its own, so that the text is that of this element.
                        names = {i: f"i_{n}" for n, i in enumerate(here)}
                        numbers = {f"i_{n}": v for n, v in enumerate(here.values())}
                        one = single(PRINTER.atom(atom, Scope(names)), numbers, isinstance(atom, Function))
                term *= one ** int(exponent)
            total += term
    return total


def single(box: Box, numbers: Env, function: bool) -> Fraction:
    """The value of one printed atom; made-up index names are scripts ``i_0``."""
    named = replace_names(box, numbers)
    if isinstance(named, Row) and (function or to_tex(named.items[0]) == r"\mathbb{E}"):
        head, argument = named.items
        return value_of(f"{to_tex(head)} {text_of(argument, {})}")
    return value_of(text_of(named, {}))


def replace_names(box: Box, numbers: Env) -> Box:
    if isinstance(box, Script) and to_tex(box) in numbers:
        return Glyph(str(numbers[to_tex(box)]), "")
    match box:
        case Script():
            sub = None if box.sub is None else replace_names(box.sub, numbers)
            return Script(replace_names(box.base, numbers), sub, box.sup)
        case Row():
            return Row(tuple(replace_names(i, numbers) for i in box.items))
        case Fence():
            return Fence(box.left, replace_names(box.body, numbers), box.right)
        case _:
            return box


def place(sub: Sub, env: Mapping[Index, int]) -> int:
    if isinstance(sub, Gather):
        (inner,) = sub.subs
        return DOC[place(inner, env)]
    assert isinstance(sub, Index)
    return env[sub]


@settings(max_examples=120, deadline=None)
@given(polynomials(most=5))
def test_the_printed_formula_has_the_value_of_the_polynomial(p: Polynomial) -> None:
    check(p)


@settings(max_examples=60, deadline=None)
@given(polynomials(most=2))
def test_printed_squares_have_their_value(p: Polynomial) -> None:
    check(squared(p))


def check(p: Polynomial) -> None:
    free = sorted(p.free, key=lambda i: i.name)
    box = PRINTER.polynomial(p)
    note(to_tex(box))
    for values in product(*(range(1, SIZES[i.size] + 1) for i in free[:3])):
        env = dict(zip(free, values, strict=True))
        assert read(box, {i.name: v for i, v in env.items()}) == evaluate(p, env)


def test_the_reader_sees_a_wrong_formula() -> None:
    from printing_samples import N, element, over

    x = element("x", N)
    right, wrong = over(x * x, N), over(x, N) * over(x, N)
    assert read(PRINTER.polynomial(right), {}) == evaluate(right, {})
    assert read(PRINTER.polynomial(wrong), {}) != evaluate(right, {})
