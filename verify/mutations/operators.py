"""Mutation operators: the mistakes that people and rules make, over the grammar of expressions.

Each yields changed copies of one formula. None knows a model; all follow from the form of the expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from cavi.verify.evaluate import Plain
from cavi.verify.mutations.site import Site

Operator = Callable[[Plain, Site], Iterator[Plain]]
Change = Callable[[list[Any]], Iterator[Any]]
FORMULAS = ("parameter", "moment", "statistic", "elbo", "entropy", "log_q")


def terms(e: Plain) -> list[Plain]:
    """The summands of an expression."""
    return list(e[1]) if e[0] == "add" else [e]


def everywhere(e: Any, change: Change) -> Iterator[Any]:
    """The expression with one inner node changed, for every node and every way of changing it."""
    if not isinstance(e, list):
        return
    if e and isinstance(e[0], str):
        yield from change(e)
    for i, part in enumerate(e):
        for new in everywhere(part, change):
            yield [*e[:i], new, *e[i + 1 :]]


def indices_in(e: Any) -> dict[str, str]:
    """The indices that an expression mentions, with their sizes."""
    if not isinstance(e, list):
        return {}
    found = {str(e[1]): str(e[2])} if e[:1] == ["index"] else {}
    for part in e:
        found |= indices_in(part)
    return found


def _replaced(e: Any, old: Any, new: Any) -> Any:
    if e == old:
        return new
    return [_replaced(part, old, new) for part in e] if isinstance(e, list) else e


def _fixed(e: Any, names: set[str]) -> Any:
    if isinstance(e, list):
        return ["int", 0, e[2]] if e[:1] == ["index"] and e[1] in names else [_fixed(part, names) for part in e]
    return e


def _per_term(change: Callable[[Plain], list[Plain]]) -> Operator:
    """Each summand in its turn replaced by others."""

    def operator(e: Plain, site: Site) -> Iterator[Plain]:
        all_of_them = terms(e)
        for i, t in enumerate(all_of_them):
            yield ["add", [*all_of_them[:i], *change(t), *all_of_them[i + 1 :]]]

    return operator


def _times(factor: str) -> Operator:
    return _per_term(lambda t: [["mul", [["num", factor], t]]])


def _drop(e: Plain, site: Site) -> Iterator[Plain]:
    if len(terms(e)) > 1:
        yield from _per_term(lambda t: [])(e, site)


def _plus(amount: str) -> Operator:
    def operator(e: Plain, site: Site) -> Iterator[Plain]:
        yield ["add", [e, ["num", amount]]]

    return operator


def _inner(change: Change) -> Operator:
    """A change of one node, wherever it stands."""

    def operator(e: Plain, site: Site) -> Iterator[Plain]:
        yield from everywhere(e, change)

    return operator


def _log_of_mean(e: Plain, site: Site) -> Iterator[Plain]:
    def change(node: list[Any]) -> Iterator[Any]:
        if node[0] == "moment" and node[1] not in site.points:
            if node[2].startswith("log ") and node[2][4:].isidentifier():
                yield ["fn", "log", [["moment", node[1], node[2][4:], node[3]]]]
        elif node[:2] == ["fn", "digamma"]:
            yield ["fn", "log", node[2]]

    yield from everywhere(e, change)


def _square_of_mean(e: Plain, site: Site) -> Iterator[Plain]:
    def change(node: list[Any]) -> Iterator[Any]:
        if node[0] == "moment" and node[1] not in site.points:
            if node[2].endswith("^2") and node[2][:-2].isidentifier():
                yield ["pow", ["moment", node[1], node[2][:-2], node[3]], "2"]

    yield from everywhere(e, change)


def _first(node: list[Any]) -> Iterator[Any]:
    if node[0] == "index":
        yield ["int", 0, node[2]]


def _other_index(e: Plain, site: Site) -> Iterator[Plain]:
    """One index of a subscript for another of the same size."""
    known = indices_in(e) | dict(site.indices)

    def change(node: list[Any]) -> Iterator[Any]:
        if node[0] == "index":
            yield from (["index", n, s] for n, s in known.items() if n != node[1] and s == node[2])

    yield from everywhere(e, change)


def _wrong_gather(node: list[Any]) -> Iterator[Any]:
    if node[0] == "gather":
        yield ["int", 0, node[3]]


def _one_of_many(node: list[Any]) -> Iterator[Any]:
    if node[0] == "sum":
        yield _fixed(node[2], {name for name, _ in node[1]})


def _size(node: list[Any]) -> Iterator[Any]:
    if node[0] == "size":
        yield ["num", "1"]
        yield ["add", [node, ["num", "-1"]]]


def _swapped_known(e: Plain, site: Site) -> Iterator[Plain]:
    """Two known values of the same axes exchanged: a rate for a shape, a prior mean for a prior precision."""
    found: list[Any] = []

    def collect(node: list[Any]) -> Iterator[Any]:
        if node[0] == "ref" and node not in found:
            found.append(node)
        yield from ()

    list(everywhere(e, collect))
    for i, a in enumerate(found):
        for b in found[:i]:
            if a[1] != b[1] and a[2] == b[2]:
                yield _replaced(_replaced(_replaced(e, a, ["ref", "?", []]), b, a), ["ref", "?", []], b)


def _transposed(node: list[Any]) -> Iterator[Any]:
    if node[0] in ("ref", "moment", "param"):
        subs = node[-1]
        for i in range(1, len(subs)):
            if subs[i - 1] != subs[i] and subs[i - 1][-1] == subs[i][-1]:
                yield [*node[:-1], [*subs[: i - 1], subs[i], subs[i - 1], *subs[i + 1 :]]]


def _inverse(node: list[Any]) -> Iterator[Any]:
    if node[0] == "inverse":
        _, row, column, body, left, right = node
        inner = _replaced(body, ["index", *row], ["index", "?", row[1]])
        inner = _replaced(inner, ["index", *column], right)
        yield _replaced(inner, ["index", "?", row[1]], left)
    if node[0] == "pow" and Fraction(node[2]) < 0:
        yield ["pow", node[1], str(-Fraction(node[2]))]


def _logdet(node: list[Any]) -> Iterator[Any]:
    if node[0] == "logdet":
        yield from (["mul", [["num", factor], node]] for factor in ("-1", "1/2"))


def _constant(node: list[Any]) -> Iterator[Any]:
    if node[0] == "num" and node[1] in ("1/2", "-1/2", "2", "-2", "-1", "1"):
        value = Fraction(node[1])
        yield from (["num", str(v)] for v in (-value, 2 * value, value / 2))


def _power(node: list[Any]) -> Iterator[Any]:
    if node[0] == "pow" and node[2] in ("2", "-2"):
        yield ["pow", node[1], str(int(node[2]) // 2)]


def _function(node: list[Any]) -> Iterator[Any]:
    if node[0] == "fn":
        other = {"lgamma": "digamma", "digamma": "trigamma", "cos": "sin", "sin": "cos"}
        if node[1] in other:
            yield ["fn", other[node[1]], node[2]]
        if node[1] in ("log", "exp"):
            yield node[2][0]


def _shift(node: list[Any]) -> Iterator[Any]:
    if node[0] == "shift":
        yield node[1]


def _link(node: list[Any]) -> Iterator[Any]:
    if node[0] == "link":
        yield ["add", [["num", "1"], ["mul", [["num", "-1"], node]]]]
    if node[0] == "before":
        yield ["num", "1"]
        yield ["before", node[2], node[1]]


def _delta(node: list[Any]) -> Iterator[Any]:
    if node[0] == "delta":
        yield ["num", "1"]


def _factor(node: list[Any]) -> Iterator[Any]:
    if node[0] == "mul" and len(node[1]) > 1:
        for i, f in enumerate(node[1]):
            if f[0] not in ("link", "before", "delta", "num"):
                yield ["mul", [*node[1][:i], *node[1][i + 1 :]]]


def _reciprocal(e: Plain, site: Site) -> Iterator[Plain]:
    if site.kind in ("parameter", "moment"):
        yield ["pow", e, "-1"]


def _diagonal(e: Plain, site: Site) -> Iterator[Plain]:
    if site.matrix and len(site.indices) >= 2:
        left, right = site.indices[-2:]
        yield ["mul", [["delta", ["index", *left], ["index", *right]], e]]


def _no_normaliser(e: Plain, site: Site) -> Iterator[Plain]:
    """log q without the terms that its latents do not stand in."""
    if site.kind == "log_q":
        kept = [t for t in terms(e) if _has_latent(t)]
        if kept:
            yield ["add", kept]


def _has_latent(e: Any) -> bool:
    return isinstance(e, list) and (e[:1] in (["ref"], ["is"]) or any(map(_has_latent, e)))


OPERATORS: dict[str, Operator] = {
    "sign flip": _times("-1"),
    "dropped term": _drop,
    "doubled term": _times("2"),
    "half": _times("1/2"),
    "plus one half": _plus("1/2"),
    "minus one half": _plus("-1/2"),
    "plus one": _plus("1"),
    "minus one": _plus("-1"),
    "wrong constant": _inner(_constant),
    "wrong power": _inner(_power),
    "wrong function": _inner(_function),
    "dropped factor": _inner(_factor),
    "E[log x] as log E[x]": _log_of_mean,
    "E[x^2] as E[x]^2": _square_of_mean,
    "first for running index": _inner(_first),
    "wrong index": _other_index,
    "wrong gather": _inner(_wrong_gather),
    "one instead of all": _inner(_one_of_many),
    "wrong size": _inner(_size),
    "swapped known values": _swapped_known,
    "transposed": _inner(_transposed),
    "inverse": _inner(_inverse),
    "log-determinant": _inner(_logdet),
    "shift dropped": _inner(_shift),
    "wrong positions": _inner(_link),
    "dropped delta": _inner(_delta),
    "reciprocal": _reciprocal,
    "off-diagonal dropped": _diagonal,
    "normaliser dropped": _no_normaliser,
}
