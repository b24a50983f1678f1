"""The parameters of a site → a distribution of cavi, each by its element at the plates and at the axes of a value."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from cavi import derive
from cavi.derive.distribution import Distribution
from cavi.derive.expression import (
    AnySub,
    Condition,
    Expr,
    Mul,
    Number,
    Ordered,
    Power,
    Ref,
    fresh,
    map_subs,
    replace_running,
)
from cavi.derive.index import Index
from cavi.derive.operations import size
from cavi.templates.language.evaluate import array as array_of
from cavi.templates.programs.algebra import mul, number, power
from cavi.templates.programs.elements import Elements
from cavi.templates.programs.graph import Node, inverted
from cavi.templates.programs.normalised import normalised
from cavi.templates.programs.sites import Drawn, ends
from cavi.templates.programs.sizes import pointer
from cavi.templates.programs.sticks import fractions

# A parameter, the keyword that programs give it by, and the power of that which it is.
_CONVERTED = {
    "std": ("precision", Fraction(-2)),
    "variance": ("precision", Fraction(-1)),
    "scale": ("rate", Fraction(-1)),
}


def weight_of(node: Node, plates: Sequence[Index], elements: Elements) -> Expr:
    """The weight of a density."""
    return _element(node, plates, _at(elements, "weight", node))


def _at(elements: Elements, argument: str, node: Node) -> Elements:
    return elements.at(argument, pointer(node).op == "constant")


def _element(node: Node, plates: Sequence[Index], elements: Elements, ends: Sequence[Index] = ()) -> Expr:
    """The element of a parameter at plates, from the right, and at the axes of one value."""
    batch = len(node.shape) - len(ends)
    if batch > len(plates):
        elements.refuse(
            f"an array of shape {node.shape}", f"expected at most {len(plates)} axes before those of a value"
        )
    lengths = [_length(p, elements) for p in plates[len(plates) - batch :]]
    subs = [0 if n == 1 < m else p for n, m, p in zip(node.shape, lengths, plates[len(plates) - batch :], strict=False)]
    return elements.element(node, [*subs, *ends])


def _length(index: Index, elements: Elements) -> int:
    """The number of elements that an index runs over."""
    return int(index.size) if index.size.isdigit() else elements.declared.lengths[index.size]


def distribution_of(drawn: Drawn, plates: Sequence[Index], over: Sequence[Index], elements: Elements) -> Distribution:
    """The distribution of a site, over the indices of its values or categories."""
    given: dict[str, Any] = {}
    for argument, node in _turned(drawn).items():
        at, axes = _at(elements, argument, node), [over[e] for e in ends(drawn.family, argument)]
        if len(axes) == 2 and axes[0] == axes[1]:
            given[argument] = _matrix(node, plates, axes[0], at)
        elif argument == "probs" and (v := fractions(node)) is not None:
            given[argument] = derive.stick_breaking(elements.declared.ref(str(v.name)))
        elif axes:
            value = _element(node, plates, at, axes)
            if argument == "probs":
                given[argument] = _probabilities(value, axes[0], elements)
            else:
                given[argument] = _opened(value, tuple(axes))
        else:
            keyword, value = argument, _element(node, plates, at)
            if drawn.family in ("Normal", "HalfNormal", "Gamma") and argument in _CONVERTED:
                keyword, value = _converted(argument, value)
            given[keyword] = value
    if over:
        given["over"] = tuple(over) if len(over) > 1 else over[0]
    made: Distribution = getattr(derive, drawn.family)(**given)
    return made


def _probabilities(value: Expr, over: Index, elements: Elements) -> Expr:
    """Probabilities, those that are so by their form as such: equal ones in floats, normalised exponentials."""
    if isinstance(value, Number) and abs(float(value.value) * _length(over, elements) - 1) < 1e-12:
        return 1 / size(over)
    if isinstance(value, Ordered) and value.sub == over:
        widths = map_subs(value.part, lambda sub: replace_running(sub, value.axis, over))
        opened = _opened(widths, (over,)) if over in widths.free() else array_of(widths, over)
        return derive.ordered_logistic(value.location, value.first, opened)
    soft = normalised(value, over)
    return _opened(value, (over,)) if soft is None else soft


def _turned(drawn: Drawn) -> dict[str, Node]:
    """The arguments, with a precision in place of a covariance that is its inverse."""
    turned = {"covariance": "precision"}
    found: dict[str, Node] = {}
    for argument, node in drawn.args.items():
        inner = inverted(node) if argument in turned else None
        found |= {argument: node} if inner is None else {turned[argument]: inner}
    return found


def _converted(keyword: str, value: Expr) -> tuple[str, Expr]:
    """The standard parameter in place of the keyword, unless it is a bare power of what was written."""
    standard, exponent = _CONVERTED[keyword]
    made = power(value, exponent)
    match made:
        case Power(base=base, exponent=Number(value=found)) if found == exponent and not isinstance(base, Number):
            return keyword, value
        case Number() if keyword == "std" and isinstance(value, Number):
            return keyword, value
        case Power(base=base, exponent=Number(value=found)) if keyword == "std" and found == -1:
            return "variance", base
    return standard, made


def _matrix(node: Node, plates: Sequence[Index], over: Index, elements: Elements) -> Expr:
    """A matrix; a multiple of the identity as the number, a diagonal one as the vector."""
    row, column = fresh(over), fresh(over)
    expr = _element(node, plates, elements, (row, column))
    factors = expr.factors if isinstance(expr, Mul) else (expr,)
    same = [f for f in factors if isinstance(f, Condition) and f.name == "same" and set(f.subs) == {row, column}]
    if not same:
        return _opened(expr, (row, column))
    rest = mul(number(1), *(f for f in factors if f not in same))

    def diagonal(sub: AnySub) -> AnySub:
        return replace_running(replace_running(sub, row, over), column, over)

    return _opened(map_subs(rest, diagonal), (over,))


def _opened(expr: Expr, axes: tuple[Index, ...]) -> Expr:
    """The array of an element: a declared array without its last subscripts where it is one."""
    if not expr.free() & set(axes):
        return expr
    if (short := _short(expr, axes)) is not None:
        return short
    return array_of(expr, *axes)


def _short(expr: Expr, axes: tuple[Index, ...]) -> Expr | None:
    match expr:
        case Ref(subs=subs) if subs[-len(axes) :] == axes:
            rest = Ref(expr.variable, subs[: -len(axes)])
            return None if rest.free() & set(axes) else rest
        case Mul(factors=factors):
            parts = [f if not f.free() & set(axes) else _short(f, axes) for f in factors]
            return None if None in parts else Mul(tuple(p for p in parts if p is not None))
    return None
