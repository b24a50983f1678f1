"""Expressions of the text form: each node of the tree calls what a Python declaration would have called.

The functions and distributions are those of two tables; nothing else can be called, and nothing is run as Python.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy
from lark import Token, Tree

from cavi import derive
from cavi.derive import operations
from cavi.derive.distribution import Distribution, JointDistribution
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import Apply, Array, Expr, Number, Ref, SizeOf, as_expr, fresh, map_subs, replace_running
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.names import suggestion
from cavi.templates.language.errors import TextError
from cavi.templates.language.parse import Node, parts

DISTRIBUTIONS: Mapping[str, Callable[..., Any]] = {
    name: made
    for name in derive.__all__
    if inspect.isfunction(made := getattr(derive, name))
    and inspect.signature(made).return_annotation in ("Distribution", "JointDistribution")
}
_ELEMENTWISE = ("log", "exp", "sqrt", "cos", "sin", "sigmoid", "probit")
_ARRAYS = (
    "dot",
    "identity",
    "diag",
    "outer",
    "inverse",
    "stick_breaking",
    "ordered_logistic",
    "softmax",
    "distinct",
    "size",
)
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(operations, name) for name in (*_ELEMENTWISE, *_ARRAYS)},
    "abs": lambda value: Apply("abs", (as_expr(value),)),
}
BINDERS = ("Sum", "array")
_DIGITS = 300  # more than any floating-point number needs


def array(element: object, *axes: Index) -> Expr:
    """The array of an element over some indices: what stands for no product of declared arrays."""
    body, placeholders = as_expr(element), []
    for axis in axes:
        placeholders.append(placeholder := fresh(axis))
        body = map_subs(body, lambda s, old=axis, new=placeholder: replace_running(s, old, new))  # type: ignore[misc]
    return Array(body, tuple(placeholders), f"array({element})")


@dataclass(frozen=True)
class Scope:
    """What names mean at a place of a text: the model so far, the indices bound around it, what is declared there."""

    model: Model
    text: str
    source: str
    bound: Mapping[str, Index] = field(default_factory=dict)
    declaring: tuple[str, ...] = ()

    def refuse(self, problem: str, at: Node | Token) -> TextError:
        """The error at a place."""
        place = at.meta if isinstance(at, Tree) else at
        return TextError(problem, self.source, self.text, place.line or 1, place.column or 1)

    @contextmanager
    def at(self, place: Node | Token) -> Iterator[None]:
        """Errors of the declaration inside are shown at a place, the innermost one."""
        try:
            yield
        except TextError:
            raise
        except DeclarationError as error:
            raise self.refuse(str(error), place) from None

    def index(self, name: Token) -> Index:
        """The index of a name; ``d'`` is a second index over the set of a declared ``d``."""
        declared = {i.name: i for i in self.model.indices} | dict(self.bound)
        if name in declared:
            return declared[str(name)]
        base = declared.get(name.rstrip("'"))
        if base is None or not name.endswith("'"):
            raise self.refuse(f"found {name}, expected an index; {suggestion(str(name), declared)}", name)
        return Index(str(name), base.size)

    def named(self, name: Token) -> Expr | Index:
        """What a name stands for: a variable, an index or a size."""
        variables = {v.name: v for v in self.model.variables}
        if name in self.bound or name.endswith("'") or any(i.name == name for i in self.model.indices):
            return self.index(name)
        if name in variables:
            return Ref(variables[str(name)])
        if name in self.model.sizes:
            return SizeOf(str(name))
        if name in self.declaring:
            raise self.refuse(
                f"{name} refers to itself; a chain tells the distribution of its first element: {name}[t] ~ "
                f"Normal({name}[t-1], 1), first ~ Normal(0, 1)",
                name,
            )
        known = {*variables, *self.model.sizes, *(i.name for i in self.model.indices)}
        raise self.refuse(f"the name {name} is not declared on a line above; {suggestion(str(name), known)}", name)


def evaluate(node: Node, scope: Scope) -> Any:
    """The value of an expression: an `Expr`, or an `Index` where the text has only its name."""
    with scope.at(node):
        return _evaluate(node, scope)


def _evaluate(node: Node, scope: Scope) -> Any:
    def value(part: Any) -> Any:
        return evaluate(part, scope)

    match str(node.data), parts(node):
        case "number", [token]:
            return Number(number(token, scope))
        case "constant", _:
            return as_expr(sympy.pi)
        case "name", [name]:
            return scope.named(name)
        case "negative", [Tree(data="number") as part]:
            return Number(-number(parts(part)[0], scope))
        case "negative", [part]:
            return -as_expr(value(part))
        case "divide", [left, right]:
            above, below = value(left), value(right)
            if _literal(right) and not below.value:
                raise scope.refuse("found a division by zero; expected a finite number", right)
            # A quotient of two written numbers is one number, 1/3.
            exact = _literal(left) and _literal(right)
            return Number(above.value / below.value) if exact else above / below
        case "add", [left, right]:
            return value(left) + value(right)
        case "subtract", [left, right]:
            return value(left) - value(right)
        case "multiply", [left, right]:
            return value(left) * value(right)
        case "contract", [left, right]:
            return value(left) @ value(right)
        case "power", [left, right]:
            return as_expr(value(left)) ** value(right)
        case "transpose", [part]:
            return as_expr(value(part)).T
        case "subscript", [whole, *subs]:
            indexed: Any = value(whole)
            if not isinstance(indexed, Ref | Array):
                raise scope.refuse(f"{indexed} takes no subscript; only a variable or an array does", node)
            return indexed[tuple(subscript(s, scope) for s in subs)]
        case "condition", [inside]:
            return condition(inside, scope)
        case "call", [name, *arguments] if name in BINDERS:
            return _bind(name, arguments, scope)
        case "call", [name, *arguments]:
            return call(name, arguments, scope, FUNCTIONS, "a function")
    raise scope.refuse(f"found {node.data}; expected an expression", node)


def number(token: Token, scope: Scope) -> Fraction:
    """The exact value of a decimal number."""
    digits, _, exponent = token.lower().partition("e")
    if len(digits) > _DIGITS or abs(int(exponent or 0)) > _DIGITS:
        raise scope.refuse("found a number of more than 300 digits; no computation could hold it", token)
    return Fraction(str(token))


def _literal(node: Node) -> bool:
    return node.data == "number" or (node.data == "negative" and parts(node)[0].data == "number")


def subscript(node: Node, scope: Scope) -> Any:
    """What selects: an index, a neighbour of it, a position from zero, a category or an observed index."""
    with scope.at(node):
        match str(node.data), parts(node):
            case "number", [token]:
                position = number(token, scope)
                if position.denominator != 1:
                    raise scope.refuse(f"found {token}; expected an index or a position from 0 upward", node)
                return int(position)
            case "add", [left, right]:
                return subscript(left, scope) + subscript(right, scope)
            case "subtract", [left, right]:
                return subscript(left, scope) - subscript(right, scope)
    return evaluate(node, scope)


def condition(node: Node, scope: Scope) -> Expr:
    """``i < j``, ``i != j`` or ``i == j`` on two indices; elsewhere an expression of known data."""
    if node.data != "comparison":
        return as_expr(evaluate(node, scope))
    left, sign, right = parts(node)
    with scope.at(node):
        a, b = evaluate(left, scope), evaluate(right, scope)
        if not (isinstance(a, Index) and isinstance(b, Index)):
            found = f"{getattr(a, 'name', a)} {sign} {getattr(b, 'name', b)}"
            raise scope.refuse(f"found {found}; expected a comparison of two indices, such as i < j", node)
        if sign in ("<", ">"):
            return as_expr(a < b if sign == "<" else a > b)
        differ = operations.distinct(a, b)
        return differ if sign == "!=" else operations.identity(a)[a, b]  # type: ignore[index]


def _bind(name: Token, arguments: list[Any], scope: Scope) -> Expr:
    """``Sum(expression, k)`` and ``array(expression, i, j)``; ``k in K`` names an index that is not declared."""
    if len(arguments) < 2:
        raise scope.refuse(f"{name}: expected an expression and at least one index, as in {name}(w[k], k)", name)
    indices = []
    for argument in arguments[1:]:
        match argument:
            case Tree(data="binder"):
                index, size = parts(argument)
                if size.type == "NAME" and size not in scope.model.sizes:
                    raise scope.refuse(f"found {size}, expected a size; {suggestion(size, scope.model.sizes)}", size)
                indices.append(Index(str(index), str(size)))
            case Tree(data="name"):
                indices.append(scope.index(parts(argument)[0]))
            case _:
                raise scope.refuse(f"{name}: expected an index such as k, or k in K", argument)
    inside = replace(scope, bound={**scope.bound, **{i.name: i for i in indices}})
    body = evaluate(arguments[0], inside)
    return operations.Sum(body, *indices) if name == "Sum" else array(body, *indices)


def call(name: Token, arguments: list[Any], scope: Scope, known: Mapping[str, Callable[..., Any]], what: str) -> Any:
    """What a function or distribution of the table makes of its arguments."""
    if name not in known:
        raise scope.refuse(f"found {name}, expected {what}; {suggestion(str(name), known)}", name)
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for argument in arguments:
        match argument:
            case Tree(data="named", children=[keyword, Tree(data="indices_of", children=indices)]):
                keywords[str(keyword)] = tuple(map(scope.index, indices))  # type: ignore[arg-type]
            case Tree(data="named", children=[keyword, part]):
                keywords[str(keyword)] = evaluate(part, scope)
            case Tree(data="binder"):
                raise scope.refuse(f"{name} binds no index; only {' and '.join(BINDERS)} do", argument)
            case _ if keywords:
                raise scope.refuse(f"{name}: an argument without a name follows one with a name", argument)
            case _:
                positional.append(evaluate(argument, scope))
    made = known[str(name)]
    try:
        inspect.signature(made).bind(*positional, **keywords)
    except TypeError as error:
        expected = ", ".join(inspect.signature(made).parameters)
        raise scope.refuse(f"{name}: {error}; expected {name}({expected})", name) from None
    with scope.at(name):
        return made(*positional, **keywords)


def distribution(node: Node, scope: Scope) -> Distribution | JointDistribution:
    """The distribution that a call names."""
    name, *arguments = parts(node)
    found: Distribution | JointDistribution = call(name, arguments, scope, DISTRIBUTIONS, "a distribution")
    return found
