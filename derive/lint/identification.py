"""What the data cannot tell apart: labels of components, and signs of factors that are multiplied."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cavi.derive.expression import (
    Add,
    Array,
    Condition,
    Expr,
    Mul,
    Number,
    Power,
    Probabilities,
    Ref,
    Softmax,
    SumOver,
)
from cavi.derive.index import Index, Literal, Shift
from cavi.derive.lint.dependence import expressions, walk
from cavi.derive.lint.finding import Finding
from cavi.derive.model import Model, Variable


def identification(model: Model) -> Iterator[Finding]:
    """Components that can be renamed, and products whose factors can change sign together."""
    yield from _labels(model)
    yield from _signs(model)


def _labels(model: Model) -> Iterator[Finding]:
    chosen: dict[str, list[Variable]] = {}
    for v in model.with_role("latent"):
        if v.over is not None and v.distribution is not None and v.distribution.family == "Categorical":
            chosen.setdefault(v.over.size, []).append(v)
    for size, categories in chosen.items():
        if size.isdigit() or _is_told_apart(model, size):
            continue
        names = " and ".join(v.name for v in categories)
        yield Finding(
            "labels",
            "note",
            names,
            f"the {size} values of {names} can be renamed without any change of the model",
            f"The posterior has {size}! equal copies; q describes one of them, and which one depends on the start",
            "Compare what does not depend on names (densities, co-membership), and take the best of several restarts",
        )


def _is_told_apart(model: Model, size: str) -> bool:
    """Whether anything known distinguishes the elements of a set, or the order of them matters."""
    for v in model.variables:
        known = v.role in ("hyper", "covariate", "observed", "observed_index")
        if known and (any(i.size == size for i in v.indices) or (v.over is not None and v.over.size == size)):
            return True
        for expr in expressions(v):
            for node in walk(expr):
                if _in_order(node) and _touches(node, size):
                    return True
                for sub in getattr(node, "subs", ()):
                    if isinstance(sub, Literal | Shift) and sub.size == size:
                        return True
    return False


def _in_order(node: Expr) -> bool:
    """Whether the positions of an index matter in an expression by themselves."""
    return isinstance(node, Condition | Probabilities) and not isinstance(node, Softmax)


def _touches(node: Expr, size: str) -> bool:
    axes: set[Index] = {*node.free(), *node.open}
    inner = {i for part in walk(node) for i in (*part.free(), *part.open)}
    return any(i.size == size for i in axes | inner)


def _signs(model: Model) -> Iterator[Finding]:
    symmetric = {v.name for v in model.with_role("latent") if _is_symmetric(v)}
    everything = [expr for v in model.variables for expr in expressions(v)]
    products = [node for expr in everything for node in walk(expr) if isinstance(node, Mul)]
    pairs = {pair for node in products for pair in _multiplied(node) if symmetric.issuperset(pair)}
    for pair in sorted(pairs):
        if all(_parity(expr, pair) == 0 for expr in everything):
            yield _signed(*pair)


def _multiplied(product: Mul) -> Iterator[tuple[str, str]]:
    """Names in alphabetical order that stand in two factors of a product."""
    names = [{r.name for r in factor.refs()} for factor in product.factors]
    for position, left in enumerate(names):
        for right in names[position + 1 :]:
            yield from ((a, b) if a < b else (b, a) for a in left for b in right if a != b)


def _parity(expr: Expr, names: Collection[str]) -> int | None:
    """0 where an expression stays as it is when all of `names` change sign, 1 where it changes sign, None else."""
    match expr:
        case Ref():
            return int(expr.name in names)
        case Mul():
            parities = [_parity(f, names) for f in expr.factors]
            return None if None in parities else sum(p or 0 for p in parities) % 2
        case Add() | Array() | SumOver():
            found = {_parity(part, names) for part in expr.children}
            return found.pop() if len(found) == 1 else None
        case Power(base=base, exponent=Number(value=power)) if power.denominator == 1:
            inside = _parity(base, names)
            return None if inside is None else inside * power.numerator % 2
    return 0 if all(_parity(part, names) == 0 for part in expr.children) else None


def _signed(a: str, b: str) -> Finding:
    return Finding(
        "signs",
        "note",
        f"{a} and {b}",
        f"{a} and {b} occur only as a product, and their priors do not tell signs apart",
        "Both can change sign together (and rotate, if they are summed over a factor): q describes one of these modes",
        "Compare the product, or the space that the columns span, not the columns",
    )


def _is_symmetric(v: Variable) -> bool:
    """A latent real whose prior has mean zero."""
    d = v.distribution
    if d is None or v.chain is not None or d.family not in ("Normal", "MultivariateNormal"):
        return False
    mean = d.args["mean"]
    return isinstance(mean, Number) and mean.value == 0
