"""Vectors and matrices on the page have the value of their components.

What is printed is read back with NumPy: a bold symbol is an array, ``⊤`` turns it, a row of symbols is a product of
matrices, ``Tr`` a trace. An expectation is read as the value of what stands in it, as if q were a point.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from cavi.derive.canonical import sum_over
from cavi.derive.index import Index, Literal, Shift, Sub, primed
from cavi.derive.result import MomentSpec
from cavi.derive.term import (
    Before,
    Delta,
    Element,
    Link,
    Matrix,
    Moment,
    Polynomial,
    Size,
    from_atom,
    number,
)
from cavi.templates.grouping import group
from cavi.templates.latex.tex import to_tex
from cavi.templates.layout import (
    IDENTITY,
    TRANSPOSE,
    BigOperator,
    Box,
    Fence,
    Glyph,
    Number,
    Operator,
    Row,
    Script,
    Space,
)
from cavi.templates.layout import Fraction as Quotient
from cavi.templates.notation import Notation
from cavi.templates.printer import Printer
from cavi.templates.quadratic_forms import unfolded
from cavi.templates.scope import free_scope
from cavi.templates.symbols import bold, symbol_table
from cavi.templates.term_tree import flatten

N, K, D, E, T = Index("n", "N"), Index("k", "K"), Index("d", "D"), Index("e", "E"), Index("t", "T")
ROW, COLUMN = Index("D.row", "D"), Index("D.column", "D")
D2, D3, E2 = primed(D), Index("d''", "D"), primed(E)
SIZES = {"N": 2, "K": 2, "D": 3, "E": 2, "T": 4}
AXES: dict[str, tuple[Index, ...]] = {
    "a": (N, D),
    "b": (D,),
    "m": (K, D),
    "L": (K, D, D2),
    "W": (D, E),
    "z": (N, E),
    "r": (N, K),
    "s": (N,),
    "y": (T, D),
    "g": (N, N),
}
RANDOM = np.random.default_rng(5)
ARRAYS = {name: RANDOM.normal(size=[SIZES[i.size] for i in axes]) for name, axes in AXES.items()}
ARRAYS["L"] = ARRAYS["L"] @ np.swapaxes(ARRAYS["L"], 1, 2) + np.eye(3)
EVENTS = {"a": 1, "b": 1, "m": 1, "L": 2, "W": 2, "z": 1, "y": 1}


def element(name: str, *subs: Sub) -> Polynomial:
    return from_atom(Element(name, subs, 1 if name == "L" else 0))


def mean(*subs: Sub) -> Polynomial:
    return from_atom(Moment("m", "m", subs))


def second(*subs: Sub) -> Polynomial:
    return from_atom(Moment("m", "m*m", subs, 1))


def inverse(k: Sub, left: Sub, right: Sub) -> Polynomial:
    return from_atom(Matrix("inverse", element("L", k, ROW, COLUMN), ROW, COLUMN, (left, right)))


NAMES = [*AXES, *SIZES, "n", "k", "d", "e", "t"]
NOTATION = Notation(
    indices=(N, K, D, E, T),
    symbols=symbol_table(NAMES),
    whole={n: bold(s) for n, s in symbol_table(NAMES).items()},
    taken=frozenset(NAMES),
    moments={
        ("m", "m"): MomentSpec("m", (K, D), element("m", K, D), None),
        ("m", "m*m"): MomentSpec("m*m", (K, D, D2), element("m", K, D) * element("m", K, D2), None),
    },
    lengths=frozenset({"D", "E"}),
)
PRINTER = Printer(NOTATION)
Env = Mapping[Index, int]
Value = float | np.ndarray


# --- by components -------------------------------------------------------------------------------


def place(sub: Sub, env: Env) -> int:
    match sub:
        case Index():
            return env[sub]
        case Literal():
            return sub.value
        case Shift():
            return place(sub.base, env) + sub.offset
    raise TypeError(sub)


def components(p: Polynomial, env: Env) -> float:
    total = 0.0
    for m in p.monomials:
        for values in product(*(range(SIZES[i.size]) for i in m.bound)):
            here = {**env, **dict(zip(m.bound, values, strict=True))}
            # What says that a neighbour exists comes first: where it is zero, nothing else is looked up.
            powers = sorted(m.powers, key=lambda f: not isinstance(f[0], Link))
            term = float(m.coefficient)
            for a, e in powers:
                if term == 0:
                    break
                term *= one(a, here) ** int(e)
            total += term
    return total


def one(atom: object, env: Env) -> float:
    match atom:
        case Element():
            return float(ARRAYS[atom.name][tuple(place(s, env) for s in atom.subs)])
        case Moment(key="m"):
            return float(ARRAYS["m"][tuple(place(s, env) for s in atom.subs)])
        case Moment():
            k, i, j = (place(s, env) for s in atom.subs)
            return float(ARRAYS["m"][k, i] * ARRAYS["m"][k, j])
        case Matrix():
            (inner,) = atom.value.monomials[0].atoms
            assert isinstance(inner, Element)
            i, j = (place(s, env) for s in atom.subs)
            return float(np.linalg.inv(ARRAYS["L"][place(inner.subs[0], env)])[i, j])
        case Delta():
            return float(place(atom.left, env) == place(atom.right, env))
        case Link():
            return float(1 <= place(atom.sub, env) < SIZES[atom.sub.size])
        case Before():
            return float(place(atom.left, env) < place(atom.right, env))
        case Size():
            return float(SIZES[atom.name])
    raise TypeError(atom)


# --- from the page -------------------------------------------------------------------------------


def times(left: Value, right: Value) -> Value:
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        result = left @ right
        return float(result[0, 0]) if result.shape == (1, 1) else result
    return left * right


def read(box: Box, env: Mapping[str, int]) -> Value:
    items = [i for i in (box.items if isinstance(box, Row) else (box,)) if not isinstance(i, Space)]
    total: Value | None = None
    sign, factors = 1, []
    for item in [*items, Operator("+", "+", "binary")]:
        if isinstance(item, Operator) and item.kind in ("binary", "prefix"):
            if factors:
                value = times(float(sign), read_product(factors, env))
                total = value if total is None else total + value
            sign, factors = (-1 if item.tex == "-" else 1), []
        else:
            factors.append(item)
    return 0.0 if total is None else total


def read_product(items: list[Box], env: Mapping[str, int]) -> Value:
    if not items:
        return 1.0
    first, rest = items[0], items[1:]
    if isinstance(first, BigOperator):
        return read_sum(first, rest, env)
    if isinstance(first, Operator):  # a trace
        body = rest[0]
        assert isinstance(body, Fence)
        matrix = read(body.body, env)
        assert isinstance(matrix, np.ndarray)
        return times(float(np.trace(matrix)), read_product(rest[1:], env))
    if to_tex(first) == r"\mathbb{E}":
        return times(read_factor(rest[0], env), read_product(rest[1:], env))
    return times(read_factor(first, env), read_product(rest, env))


def read_sum(sigma: BigOperator, rest: list[Box], env: Mapping[str, int]) -> Value:
    assert isinstance(sigma.under, Row)
    name, sign, *after = sigma.under.items
    if to_tex(sign).strip() == "<":
        pairs = product(range(SIZES["N"]), repeat=2)
        chosen = [{to_tex(name): i, to_tex(after[0]): j} for i, j in pairs if i < j]
    else:
        assert sigma.over is not None
        last = sigma.over.items if isinstance(sigma.over, Row) else (sigma.over,)
        stop = SIZES[to_tex(last[0])] - (len(last) > 1)
        assert isinstance(after[0], Number)
        chosen = [{to_tex(name): v} for v in range(int(after[0].text) - 1, stop)]
    total: Value = 0.0
    for c in chosen:
        total = total + read_product(rest, {**env, **c})
    return total


def read_factor(box: Box, env: Mapping[str, int]) -> Value:
    match box:
        case Number():
            return float(box.text)
        case Quotient():
            return times(read(box.numerator, env), 1 / float(read(box.denominator, env)))
        case Fence(left="[", body=Row(items=items)) if any(to_tex(i).strip() == "<" for i in items):
            return read_condition(items, env)
        case Fence(left="‖"):
            vector = read(box.body, env)
            assert isinstance(vector, np.ndarray)
            return float(np.sqrt((vector**2).sum()))
        case Fence():
            return read(box.body, env)
        case Script(base=Glyph(tex=r"\delta"), sub=Row(items=(left, _, right))):
            return float(env[to_tex(left)] == env[to_tex(right)])
        case Script(sub=Row() | Glyph() as sub, base=Fence() as base, sup=None):
            matrix = read_factor(base, env)
            assert isinstance(matrix, np.ndarray)
            return float(matrix[tuple(positions(sub, env))])
        case Script(sup=sup) if sup is not None:
            value = read_factor(box.base if box.sub is None else Script(box.base, box.sub), env)
            if sup == TRANSPOSE:
                assert isinstance(value, np.ndarray)
                return value.T
            exponent = int(float(read(sup, env)))
            if isinstance(value, np.ndarray):
                assert exponent == -1
                return np.linalg.inv(value)
            return value**exponent
        case _ if box == IDENTITY:
            return np.eye(SIZES["D"])
        case Glyph() if box.tex in SIZES:
            return float(SIZES[box.tex])
    base, sub = (box.base, box.sub) if isinstance(box, Script) else (box, None)
    spots = positions(sub, env) if sub is not None else []
    for name, array in ARRAYS.items():
        if base == NOTATION.symbols[name]:
            return float(array[tuple(spots)])
        if base == bold(NOTATION.symbols[name]):
            value = array[tuple(spots)]
            return value[:, None] if value.ndim == 1 else value
    raise AssertionError(f"not read: {box}")


def positions(sub: Box, env: Mapping[str, int]) -> list[int]:
    found: list[int] = []
    shift = 0
    for item in sub.items if isinstance(sub, Row) else (sub,):
        if isinstance(item, Operator) and item.kind == "binary":
            shift = 1 if item.tex == "+" else -1
        elif isinstance(item, Number):
            if shift:
                found[-1] += shift * int(item.text)
                shift = 0
            else:
                found.append(int(item.text) - 1)
        elif isinstance(item, Glyph):
            found.append(env[to_tex(item)])
    return found


def read_condition(items: tuple[Box, ...], env: Mapping[str, int]) -> float:
    def value(b: Box) -> int:
        return (
            int(b.text) - 1 if isinstance(b, Number) else SIZES[to_tex(b)] - 1 if to_tex(b) in SIZES else env[to_tex(b)]
        )

    left, _, right = items
    return float(value(left) < value(right))


# --- random polynomials --------------------------------------------------------------------------

FORMS = [
    sum_over(element("b", D) * element("a", N, D), [D]),
    sum_over(element("a", N, D) * element("a", N, D), [D]),
    sum_over(element("a", N, D) * element("L", K, D, D2) * element("b", D2), [D, D2]),
    sum_over(element("L", K, D, D2) * mean(K, D) * element("a", N, D2), [D, D2]),
    sum_over(element("L", K, D, D2) * second(K, D, D2), [D, D2]),
    sum_over(inverse(K, D, D2) * element("L", K, D2, D), [D, D2]),
    sum_over(element("b", D) * inverse(K, D, D2) * element("b", D2), [D, D2]),
    sum_over(element("b", D) * element("W", D, E) * element("z", N, E), [D, E]),
    sum_over(element("z", N, E) * element("W", D, E) * element("W", D, E2) * element("z", N, E2), [D, E, E2]),
    sum_over(element("W", D, E) * element("L", K, D, D2) * element("W", D2, E), [D, E, D2]),
    sum_over(element("W", D, E) * element("z", N, E), [D, E]),
    sum_over(element("L", K, D, D), [D]),
    sum_over(element("b", D), [D]),
    element("b", D),
    sum_over(element("b", D) * element("b", D) * element("a", N, D), [D]),
]
LINEAR = [
    element("b", D),
    element("a", N, D),
    mean(K, D),
    sum_over(element("L", K, D, D2) * element("b", D2), [D2]),
    sum_over(element("W", D, E) * element("z", N, E), [E]),
    sum_over(element("L", K, D, D2) * element("W", D2, E) * element("z", N, E), [E, D2]),
    sum_over(inverse(K, D, D2) * mean(K, D2), [D2]),
]
SQUARE = [
    from_atom(Delta(D, D2)),
    element("L", K, D, D2),
    inverse(K, D, D2),
    second(K, D, D2),
    element("a", N, D) * element("b", D2),
    element("b", D) * element("b", D2),
    sum_over(element("W", D, E) * element("W", D2, E), [E]),
    sum_over(element("L", K, D, D3) * element("b", D3), [D3]) * element("a", N, D2),
]
SCALARS = [number(1), element("r", N, K), element("s", N), from_atom(Size("N")), element("s", N) * element("r", N, K)]
COEFFICIENTS = [Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2)]


@st.composite
def sums(draw: st.DrawFn, parts: list[Polynomial], most: int = 4) -> Polynomial:
    total = Polynomial()
    for _ in range(draw(st.integers(1, most))):
        one = draw(st.sampled_from(parts)) * draw(st.sampled_from(SCALARS))
        total = total + one.scaled(draw(st.sampled_from(COEFFICIENTS)))
    return sum_over(total, draw(st.sets(st.sampled_from([N, K]))))


@settings(max_examples=150, deadline=None)
@given(sums(FORMS))
def test_printed_products_have_the_value_of_their_components(p: Polynomial) -> None:
    check(p)


@settings(max_examples=80, deadline=None)
@given(sums([a * b for a in FORMS[:9] for b in FORMS[:3]], most=2))
def test_products_of_products_too(p: Polynomial) -> None:
    check(p)


@settings(max_examples=80, deadline=None)
@given(sums(LINEAR))
def test_a_vector_equation_has_its_components(p: Polynomial) -> None:
    check(p, (D,))


@settings(max_examples=80, deadline=None)
@given(sums(SQUARE))
def test_a_matrix_equation_has_its_components(p: Polynomial) -> None:
    check(p, (D, D2))


VECTORS = [element("a", N, D), element("m", K, D), element("b", D), LINEAR[4]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(VECTORS), min_size=1, max_size=3, unique=True), st.booleans(), sums(FORMS, most=2))
def test_completed_forms_have_their_value(vectors: list[Polynomial], weighted: bool, beside: Polynomial) -> None:
    check(sum_over(quadratic(vectors, weighted), [N]) + beside)


def quadratic(vectors: list[Polynomial], weighted: bool) -> Polynomial:
    from cavi.derive.canonical import substitute

    v = vectors[0]
    for w in vectors[1:]:
        v = v - w
    if weighted:
        return sum_over(v * element("L", K, D, D2) * substitute(v, {D: D2}), [D, D2])
    return sum_over(v * v, [D])


def check(p: Polynomial, opened: tuple[Index, ...] = ()) -> None:
    folded = NOTATION.vectors.fold(p, opened)
    assert folded is not None
    assert unfolded(flatten(group(folded, NOTATION.roles))) == p
    box = PRINTER.whole(p, opened, free_scope(p)) if opened else PRINTER.polynomial(p)
    assert box is not None
    note(to_tex(box))
    plates = sorted(p.free - set(opened), key=lambda i: i.name)
    for values in product(*(range(SIZES[i.size]) for i in plates)):
        env = dict(zip(plates, values, strict=True))
        printed = read(box, {i.name: v for i, v in env.items()})
        if not opened:
            assert printed == pytest.approx(components(p, env), rel=1e-9, abs=1e-9)
            continue
        assert isinstance(printed, np.ndarray) or not p
        for spot in product(*(range(SIZES[i.size]) for i in opened)):
            whole = printed if not p else printed[spot if len(opened) == 2 else (*spot, 0)]
            assert whole == pytest.approx(components(p, {**env, **dict(zip(opened, spot, strict=True))}), abs=1e-9)


# --- what an author would write ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "opened", "tex"),
    [
        (FORMS[0], (), r"\mathbf{a}_n^{\top}\mathbf{b}"),
        (FORMS[2], (), r"\mathbf{a}_n^{\top}\mathbf{L}_k\mathbf{b}"),
        (FORMS[4], (), r"\operatorname{Tr}\bigl(\mathbf{L}_k\mathbb{E}[\mathbf{m}_k\mathbf{m}_k^{\top}]\bigr)"),
        (
            quadratic(VECTORS[:2], True),
            (),
            r"(\mathbf{a}_n - \mathbf{m}_k)^{\top}\mathbf{L}_k(\mathbf{a}_n - \mathbf{m}_k)",
        ),
        (quadratic([VECTORS[0], VECTORS[3]], False), (), r"\|\mathbf{a}_n - \mathbf{W}\mathbf{z}_n\|^2"),
        (LINEAR[3], (D,), r"\mathbf{L}_k\mathbf{b}"),
        (SQUARE[4], (D, D2), r"\mathbf{a}_n\mathbf{b}^{\top}"),
        (SQUARE[6], (D, D2), r"\mathbf{W}\mathbf{W}^{\top}"),
        (SQUARE[0], (D, D2), r"\mathbf{I}"),
        (element("b", D), (), "b_d"),
    ],
)
def test_notation(p: Polynomial, opened: tuple[Index, ...], tex: str) -> None:
    box = PRINTER.whole(p, opened, free_scope(p)) if opened else PRINTER.polynomial(p)
    assert box is not None
    assert to_tex(box) == tex


def test_what_is_no_vector_stays_in_components() -> None:
    assert PRINTER.whole(FORMS[0], (D,), free_scope(FORMS[0])) is None
    cubic = sum_over(element("b", D) * element("b", D) * element("a", N, D), [D])
    assert to_tex(PRINTER.polynomial(cubic)) == r"\sum_{d = 1}^{D} a_{nd}b_d^2"


# --- chains and pairs ----------------------------------------------------------------------------

BACK, ON = Shift(T, -1), Shift(T, 1)


@pytest.mark.parametrize(
    ("p", "start"),
    [
        (sum_over(from_atom(Link(T)) * element("y", T, D) * element("y", BACK, D), [T, D]), r"\sum_{t = 2}^{T}"),
        (sum_over(from_atom(Link(ON)) * element("y", T, D) * element("y", ON, D), [T, D]), r"\sum_{t = 1}^{T - 1}"),
        (sum_over(from_atom(Link(T)) * element("y", BACK, D), [T]), r"\sum_{t = 2}^{T}"),
    ],
)
def test_a_link_under_a_sum_is_a_limit(p: Polynomial, start: str) -> None:
    assert to_tex(PRINTER.polynomial(p)).startswith(start)
    env = {i: 1 for i in p.free}
    assert read(PRINTER.polynomial(p), {i.name: v for i, v in env.items()}) == pytest.approx(components(p, env))


def test_a_link_outside_a_sum_is_a_bracket() -> None:
    p = from_atom(Link(T)) * element("y", BACK, D) + from_atom(Link(ON)) * element("y", ON, D)
    box = PRINTER.polynomial(p)
    assert "[1 < t]" in to_tex(box)
    assert "[t < T]" in to_tex(box)
    for t in (1, 2):
        assert read(box, {"t": t, "d": 0}) == pytest.approx(components(p, {T: t, D: 0}))


def test_pairs_in_order_are_one_sum() -> None:
    i, j = Index("i", "N"), Index("j", "N")
    p = sum_over(from_atom(Before(i, j)) * element("g", i, j), [i, j])
    box = PRINTER.polynomial(p)
    assert to_tex(box).count(r"\sum") == 1
    assert read(box, {}) == pytest.approx(components(p, {}))


def test_a_reader_sees_a_wrong_product() -> None:
    right = sum_over(element("b", D) * element("L", K, D, D2) * element("a", N, D2), [D, D2])
    wrong = sum_over(element("b", D) * inverse(K, D, D2) * element("a", N, D2), [D, D2])
    env, names = {N: 0, K: 1}, {"n": 0, "k": 1}
    assert read(PRINTER.polynomial(right), names) == pytest.approx(components(right, env))
    assert read(PRINTER.polynomial(wrong), names) != pytest.approx(components(right, env))
