"""`Model` → text: a line for each declaration, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from cavi.derive import families
from cavi.derive.distribution import Distribution
from cavi.derive.expression import Add, Condition, Expr, Mul, Number, Power
from cavi.derive.index import Index, primed
from cavi.derive.model import Model, Variable
from cavi.derive.plain import expression as plain_expression
from cavi.templates.language.expressions import Writer, base_name, last_axis

_KEYWORDS = ("index", "hyper", "covariate", "observed_index", "latent", "observed", "point")
_MATRICES = ("precision", "scale", "row_precision", "column_precision")
_WIDTH = 100


def write_model(model: Model) -> str:
    """The text form, which `read_model` reads back as the same model.

    Args:
        model: any declared model.

    Example:
        >>> from cavi.models import load
        >>> print(write_model(load("normal")), end="")
        model normal "Normal with unknown mean and precision"
        index n in N
        hyper m_0, kappa_0, a_0, b_0
        tau ~ Gamma(a_0, b_0)
        mu ~ Normal(m_0, kappa_0 * tau)
        observed x[n] ~ Normal(mu, tau)
    """
    return "\n".join(_Text(model).lines()) + "\n"


class _Text:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.writer = Writer(model.indices)
        self.pairs = {location: scale for scale, location in model.joint}

    def lines(self) -> Iterator[str]:
        model = self.model
        title = "" if model.title == Model(model.name).title else f" {json.dumps(model.title, ensure_ascii=False)}"
        yield f"model {model.name}{title}"
        if model.indices:
            yield "index " + ", ".join(f"{i.name} in {i.size}" for i in model.indices)
        scales = set(self.pairs.values())
        shown = [v for v in model.variables if v.name not in scales]
        for known, group in groupby(shown, lambda v: v.role if v.role in ("hyper", "covariate") else ""):
            if known:
                yield from _wrapped(f"{known} ", [_item(v) for v in group])
            else:
                for v in group:
                    yield self.variable(v)

    def variable(self, v: Variable) -> str:
        if v.role == "observed_index":
            assert v.over is not None
            return f"observed_index {_item(v)} over {v.over.name}"
        if v.constraint is not None:
            sparse = ", sparse" if v.sparse else ""
            return f"observed {_item(v)} = {self.writer.expression(v.constraint, {})}{sparse}"
        if v.name in self.pairs:
            return self.pair(v, self.model.variable(self.pairs[v.name]))
        if v.distribution is None:
            return self.point(v)
        role = "" if v.role == "latent" and v.name not in _KEYWORDS else f"{v.role} "
        head = f"{role}{_item(v)} ~ {self.distribution(v.distribution)}"
        text = ", ".join((head, *self.clauses(v)))
        return text if len(text) <= _WIDTH else ",\n    ".join((head, *self.clauses(v)))

    def point(self, v: Variable) -> str:
        """A parameter without a prior; a domain that its use tells is stated all the same."""
        if v.domain == "simplex":
            return f"point {_item(v)} over {v.event[0].name}"
        axes = v.indices
        left = f"{v.name}[{', '.join(i.name for i in axes)}]" if axes else v.name
        return f"point {left}" + ("" if v.domain == "real" else f" in {v.domain}")

    def clauses(self, v: Variable) -> Iterator[str]:
        if v.chain is not None:
            yield f"first ~ {self.distribution(v.chain.initial)}"
            if v.chain.starts is not None:
                yield f"starts = {self.writer.expression(v.chain.starts, {})}"
        if v.weight is not None:
            where, weight = _where(v.weight) if v.role == "observed" else (None, v.weight)
            if weight is not None:
                yield f"weight = {self.writer.expression(weight, {})}"
            if where is not None:
                yield f"where {where}"
        if v.sparse:
            yield "sparse"

    def pair(self, location: Variable, scale: Variable) -> str:
        """Two latents that were declared together."""
        assert location.distribution is not None and scale.distribution is not None
        given, family = location.distribution.args, scale.distribution
        product = given["precision"]
        assert isinstance(product, Mul)
        name = "NormalGamma" if family.family == "Gamma" else "NormalWishart"
        mean = self.argument(location.distribution, "mean")
        parts = [mean, self.writer.expression(product.factors[0], {})]
        parts += [self.argument(family, a) for a in family.args]
        over = [] if family.over is None else [f"over={family.over.name}"]
        return f"{_item(location)}, {_item(scale)} ~ {name}({', '.join([*parts, *over])})"

    def distribution(self, d: Distribution) -> str:
        shown = [self.alias(d, name) or self.argument(d, name, position) for position, name in enumerate(d.args)]
        return f"{d.family}({', '.join((*shown, *self.over(d)))})"

    def over(self, d: Distribution) -> Iterator[str]:
        """The axes of a value, left out where an argument tells them."""
        if len(d.event) == 2 and d.event[1] != primed(d.event[0]):
            yield f"over=({d.event[0].name}, {d.event[1].name})"
        elif d.over is not None:
            value = next((d.args[a] for a in ("probs", "concentration") if a in d.args), None)
            value = d.args.get("mean", value)
            told = value is not None and self.writer.open(value, (d.over,), {}) is not None
            if value is None or not told or last_axis(value, d.over) != d.over:
                yield f"over={d.over.name}"

    def argument(self, d: Distribution, name: str, position: int = 0) -> str:
        """An argument: whole arrays where they are declared ones, else the element at the axes of a value."""
        value = d.args[name]
        key = f"{name}=" if name in ("lower", "upper") else ""
        if d.event and name in _MATRICES:
            axis = d.event[0] if name != "column_precision" else d.event[1]
            return key + self.matrix(value, axis)
        if len(d.event) == 2 and name == "mean":
            open_axes = value.free() & set(d.event)
            return key + (self.writer.opened(value, d.event, {}) if open_axes else self.writer.expression(value, {}))
        if d.over is not None and (short := self.writer.open(value, (d.over,), {})) is not None:
            return key + short
        return key + self.writer.expression(value, {})

    def matrix(self, value: Expr, axis: Index) -> str:
        """A matrix: a number times the identity and a diagonal are written as the number and the vector."""
        match value:
            case Mul(factors=(Condition(name="same", subs=subs), part)) if subs == (axis, primed(axis)):
                return self.vector(part, axis)
        return self.writer.opened(value, (axis, primed(axis)), {})

    def vector(self, value: Expr, axis: Index) -> str:
        return self.writer.opened(value, (axis,), {}) if axis in value.free() else self.writer.expression(value, {})

    def alias(self, d: Distribution, name: str) -> str | None:
        """``variance=v`` where that keyword was used in place of the precision 1/v."""
        used = {w.partition("=")[0] for w in d.written if "=" in w}
        if d.event:
            return self.inverse_matrix(d, name, used)
        for keyword, (parameter, rule) in families.lookup(d.family).aliases.items():
            if parameter == name and keyword in used and (inner := _inverted(d.args[name])) is not None:
                if plain_expression(rule(inner)) == plain_expression(d.args[name]):
                    return f"{keyword}={self.writer.expression(inner, {})}"
        return None

    def inverse_matrix(self, d: Distribution, name: str, used: set[str]) -> str | None:
        keyword = {"precision": "covariance", "scale": "inverse_scale"}.get(name)
        axis = d.event[0]
        if keyword not in used:
            return None
        match self.writer.open(d.args[name], (axis, primed(axis)), {}):
            case str(text) if text.startswith("inverse(") and text.endswith(")"):
                return f"{keyword}={text[8:-1]}"
        return None


def _inverted(value: Expr) -> Expr | None:
    """The base of a negative power, as of 1/v."""
    match value:
        case Power(base=base, exponent=Number()) | Mul(factors=(Number(), Power(base=base, exponent=Number()))):
            return base
    return None


def _where(weight: Expr) -> tuple[str | None, Expr | None]:
    """The condition on two indices that a weight starts with, and the rest of it."""
    first, rest = weight, None
    match weight:
        case Mul(factors=(Condition() | Add() as condition, other)):
            first, rest = condition, other
    match first:
        case Condition(name="before", subs=(Index() as i, Index() as j)):
            return f"{base_name(i)} < {base_name(j)}", rest
        case Add(
            terms=(Number(value=one), Mul(factors=(Number(value=minus), Condition(name="same", subs=(i, j)))))
        ) if one == 1 and minus == -1 and isinstance(i, Index) and isinstance(j, Index):
            return f"{base_name(i)} != {base_name(j)}", rest
    return None, weight


def _item(v: Variable) -> str:
    return f"{v.name}[{', '.join(i.name for i in v.plates)}]" if v.plates else v.name


def _wrapped(head: str, items: Iterable[str]) -> Iterator[str]:
    """Items side by side, as many as a line holds."""
    line = head
    for item in items:
        if line != head and len(line) + len(item) > _WIDTH:
            yield line.removesuffix(", ")
            line = head
        line += f"{item}, "
    yield line.removesuffix(", ")
