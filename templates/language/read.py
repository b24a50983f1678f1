"""Text → `Model`: each declaration of the tree calls the method of `Model` that a Python declaration would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lark import Token, Tree

from cavi.derive.distribution import JointDistribution
from cavi.derive.errors import CaviError, DeclarationError
from cavi.derive.expression import Ref
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.templates.language.errors import TextError
from cavi.templates.language.evaluate import Scope, condition, distribution, evaluate
from cavi.templates.language.parse import Node, parse, parts


def read_model(text: str, source: str = "<text>") -> Model:
    """The model that a text declares; nothing of it is run as Python.

    Args:
        text: lines such as ``mu[k] ~ Normal(m_0, kappa_0 * tau[k])``, the first of them ``model NAME "Title"``.
        source: the name that errors give the text.

    Raises:
        TextError: (a `DeclarationError`) with line, column and what to do, for anything that is no model.

    Example:
        >>> from cavi.templates.language import read_model
        >>> print(read_model('''
        ...     model rates "Rates of Poisson counts"
        ...     index n in N
        ...     lam ~ Gamma(2, 1)
        ...     observed x[n] ~ Poisson(lam)
        ... '''))
        Rates of Poisson counts (rates)
          n = 1…N
          lam ~ Gamma(2, 1)                            latent
          x[n] ~ Poisson(lam)                          observed over n
    """
    try:
        return _model(parse(text, source), text, source)
    except RecursionError:
        raise TextError("the expressions are nested too deeply; expected fewer brackets", source, text, 1, 1) from None


def read_file(path: str | Path) -> Model:
    """The model of a ``.cavi`` file.

    Raises:
        CaviError: when there is no such file, it is no text, or its text declares no model.
    """
    file = Path(path)
    if not file.is_file():
        raise CaviError(f"{path}: no such file")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaviError(f"{path}: found bytes that are no UTF-8 text ({error.reason}); save it as UTF-8") from None
    return read_model(text, str(path))


def _model(tree: Node, text: str, source: str) -> Model:
    header, *declarations = parts(tree)
    name, *title = parts(header)
    try:
        model = Model(str(name), json.loads(str(title[0])) if title else None)
    except json.JSONDecodeError:
        problem = 'found a title with a wrong escape; a quote in a title is written \\"'
        raise Scope(Model("m"), text, source).refuse(problem, title[0]) from None
    except DeclarationError as error:
        raise Scope(Model("m"), text, source).refuse(str(error), name) from None
    scope = Scope(model, text, source)
    for node in declarations:
        with scope.at(_place(node)):
            _DECLARE[str(node.data)](node, scope)
    return model


def _place(node: Node) -> Node | Token:
    """Where an error of a declaration is shown: at the name that it declares."""
    first = parts(node)[0]
    return _place(first) if isinstance(first, Tree) else first


def _item(node: Any, scope: Scope) -> tuple[str, tuple[Index, ...]]:
    """A name and its plates."""
    name, *plates = parts(node)
    return str(name), tuple(scope.index(p) for p in plates)


def _indices(node: Node, scope: Scope) -> None:
    for item in parts(node):
        name, size = parts(item)
        with scope.at(name):
            number = size.type == "NUMBER"
            if number and not str(size).isdigit():
                raise scope.refuse(f"found the size {size}; expected a name or a whole number", size)
            scope.model.index(str(name), int(str(size)[:20]) if number else str(size))


def _known(node: Node, scope: Scope) -> None:
    declare = scope.model.hyper if node.data == "hyper" else scope.model.covariate
    for item in parts(node):
        with scope.at(_place(item)):
            name, plates = _item(item, scope)
            declare(name, *plates)


def _observed_index(node: Node, scope: Scope) -> None:
    item, over = parts(node)
    name, plates = _item(item, scope)
    scope.model.observed_index(name, *plates, over=scope.index(over))


def _node(node: Node, scope: Scope) -> None:
    """A latent or observed variable, or a pair of latents."""
    items = [c for c in parts(node) if isinstance(c, Tree) and c.data == "item"]
    call, *clauses = parts(node)[len(items) :]
    options = _clauses(clauses, scope)
    names, plates = zip(*(_item(i, scope) for i in items), strict=True)
    scope = replace(scope, declaring=names)
    declare: Callable[..., Any] = scope.model.latent if node.data == "latent" else scope.model.observed
    if "initial" in options:

        def step(own: Ref) -> Any:
            return distribution(call, scope)

        declare(" ".join(names), step, *plates[0], **options)
        return
    made = distribution(call, scope)
    if isinstance(made, JointDistribution) and (len(items) != 2 or plates[0] != plates[1] or options):
        raise scope.refuse(
            f"{made.name} declares two latents of the same plates, as in mu[k], tau[k] ~ {made.name}(...)", call
        )
    if not isinstance(made, JointDistribution) and len(items) > 1:
        raise scope.refuse(f"{made.family} declares one variable, found {', '.join(names)}", items[1])
    declare(" ".join(names), made, *plates[0], **options)


def _clauses(clauses: list[Any], scope: Scope) -> dict[str, Any]:
    """The options that clauses stand for."""
    found: dict[str, Any] = {}
    for clause in clauses:
        key = {"first": "initial"}.get(str(clause.data), str(clause.data))
        if key in found:
            raise scope.refuse(f"found {clause.data} twice", clause)
        if key == "sparse":
            found[key] = True
            continue
        (part,) = clause.children
        match key:
            case "initial":
                found[key] = distribution(part, scope)
            case "where":
                found[key] = condition(part, scope)
            case _:
                found[key] = evaluate(part, scope)
    return found


def _latent(node: Node, scope: Scope) -> None:
    clauses = [c for c in parts(node) if isinstance(c, Tree) and c.data in ("where", "sparse")]
    for clause in clauses:
        raise scope.refuse(f"a latent takes no {clause.data}; only an observed variable does", clause)
    _node(node, scope)


def _function(node: Node, scope: Scope) -> None:
    item, expression, *clauses = parts(node)
    name, plates = _item(item, scope)
    scope.model.observed(name, evaluate(expression, scope), *plates, sparse=bool(clauses))


def _point(node: Node, scope: Scope) -> None:
    item, *rest = parts(node)
    name, plates = _item(item, scope)
    if not rest:
        scope.model.point(name, *plates)
        return
    (clause,) = rest
    (part,) = parts(clause)
    match str(clause.data):
        case "prior":
            made = distribution(part, scope)
            if isinstance(made, JointDistribution):
                raise scope.refuse(f"{made.name} declares two latents, not a point", part)
            scope.model.point(name, made, *plates)
        case "over":
            scope.model.point(name, *plates, over=scope.index(part))
        case _:
            scope.model.point(name, *plates, support=str(part))


_DECLARE: Mapping[str, Any] = {
    "indices": _indices,
    "hyper": _known,
    "covariate": _known,
    "observed_index": _observed_index,
    "latent": _latent,
    "observed": _node,
    "function": _function,
    "point": _point,
}
