"""Chains: a latent one is a loop, which NumPyro can enumerate for categories; an observed one has shifted arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.expression import Condition, Expr, Mul
from cavi.derive.index import Index, Shift
from cavi.derive.model import Chain, Model, Variable
from cavi.templates.mentions import mentions
from cavi.templates.numpyro.arrays import Arrays, Choice, Context, extent, python_name, shape
from cavi.templates.numpyro.distributions import axes_of, distribution, observed


def within(plates: Context, handlers: list[str], line: str) -> Iterator[str]:
    """A line inside its plates, the first of them the first axis."""
    entered = [f'numpyro.plate("{p.name}", {extent(p)}, dim={at - len(plates)})' for at, p in enumerate(plates)]
    entered += handlers
    if not entered:
        yield line
    elif len(", ".join(entered)) < 100:
        yield f"with {', '.join(entered)}:"
        yield f"    {line}"
    else:
        yield "with ("
        yield from (f"    {e}," for e in entered)
        yield "):"
        yield f"    {line}"


def _one_family(v: Variable) -> bool:
    assert v.chain is not None and v.distribution is not None
    return v.distribution.family == v.chain.initial.family and set(v.distribution.args) == set(v.chain.initial.args)


def stepwise(v: Variable) -> Distribution:
    """The distribution of any element of a chain: that of a first one where a sequence begins.

    Raises:
        CaviError: where a first element is of another family than the others.
    """
    assert v.chain is not None and v.distribution is not None
    if not _one_family(v):
        raise CaviError(
            f"NumPyro: the first element of {v.name} is {v.chain.initial}, the next ones {v.distribution}; declare "
            "both of one family with the same parameters"
        )
    first, other, chain = v.chain.initial.args, v.distribution.args, v.chain
    return replace(v.distribution, args={n: _either(first[n], other[n], chain) for n in other})


def _either(first: Expr, other: Expr, chain: Chain) -> Expr:
    """One of two expressions, chosen as far inside as their forms are the same."""
    if str(first) == str(other):
        return other
    match first, other:
        case Mul(factors=(Condition() as a, x)), Mul(factors=(Condition() as b, y)) if str(a) == str(b):
            return Mul((b, _either(x, y, chain)))
    return Choice(first, other, chain)


def emissions(v: Variable, model: Model) -> tuple[Variable, ...]:
    """What is observed of a chain of categories, to stand in its loop; nothing if anything else mentions the chain."""
    assert v.chain is not None
    if v.over is None:
        return ()
    categories = [u.name for u in model.with_role("latent") if u.over is not None]
    users = [u for u in model.nodes() if u is not v and mentions(u, (v.name,))]
    if mentions(v, categories):
        return ()
    for u in users:
        rest = u.plates[len(v.plates) :]
        assert u.distribution is not None
        used = axes_of(u.distribution)
        places = set(mentions(u, categories))
        plain = u.role == "observed" and u.chain is None and u.weight is None
        if (
            not plain
            or places != {(v.name, v.plates)}
            or u.plates[: len(v.plates)] != v.plates
            or not set(rest) <= used
        ):
            return ()
    return tuple(users)


def scan(v: Variable, emitted: tuple[Variable, ...]) -> Iterator[str]:
    """A chain as a loop: each element is drawn given the one before it, and then what is observed of it."""
    assert v.chain is not None and v.distribution is not None
    t, name = v.chain.index, python_name(v.name)
    plates = tuple(p for p in v.plates if p != t)
    arrays = Arrays({t: t.name}, {v.name: (Shift(t, -1), f"{v.name}_before")})
    yield f"def {v.name}_step({v.name}_before, {t.name}):"
    weights = [] if v.weight is None else [f"numpyro.handlers.scale(scale={arrays.write(v.weight, plates)})"]
    drawn = f'{name} = numpyro.sample("{v.name}", {distribution(stepwise(v), plates, arrays)})'
    lines = list(within(plates, weights, drawn))
    for u in emitted:
        lines += within(plates, [], _emission(u, v, t))
    yield from (f"    {line}" for line in lines)
    yield f"    return {name}, {name}"
    yield ""
    yield f"_, {name} = scan({v.name}_step, {_start(v, (*plates, *v.event))}, jnp.arange({extent(t)}))"
    if not emitted and (axis := v.plates.index(t)) > 0:
        yield f"{name} = jnp.moveaxis({name}, 0, {axis})  # the axes of its declaration"


def _start(v: Variable, axes: Context) -> str:
    """What stands before the first element; nothing depends on it, but it must be in the support."""
    if v.over is not None:
        return f"jnp.zeros({shape(axes)}, int)"
    if v.domain == "positive_definite":
        return f"jnp.broadcast_to(jnp.eye({extent(axes[-1])}), {shape(axes)})"
    if v.domain in ("unit", "simplex"):
        return f"jnp.full({shape(axes)}, {'0.5' if v.domain == 'unit' else f'1 / {extent(axes[-1])}'})"
    return f"jnp.{'zeros' if v.domain == 'real' else 'ones'}({shape(axes)})"


def _emission(u: Variable, v: Variable, t: Index) -> str:
    """What is observed of the element at hand."""
    assert u.distribution is not None
    arrays = Arrays({t: t.name}, {v.name: (t, python_name(v.name))})
    inner = tuple(p for p in u.plates if p != t)
    rest = len(u.plates) - len(v.plates)
    made = distribution(u.distribution, inner, arrays) + (f".to_event({rest})" if rest else "")
    value = arrays.subscripted(python_name(u.name), u.indices, (*inner, *u.event))
    seen = observed(u.distribution, inner, arrays, value)
    return f'numpyro.sample("{u.name}", {made}, obs={seen})'
