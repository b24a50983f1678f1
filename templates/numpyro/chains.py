"""Chains: numbers and vectors by shifted arrays, categories in a loop that NumPyro can enumerate."""

from __future__ import annotations

from collections.abc import Iterator

from cavi.derive.errors import CaviError
from cavi.derive.index import Index, Shift
from cavi.derive.model import Model, Variable
from cavi.templates.mentions import mentions
from cavi.templates.numpyro.arrays import WHOLE, Arrays, Context, extent, python_name, shape
from cavi.templates.numpyro.distributions import distribution


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


def scanned(v: Variable) -> bool:
    """Whether a chain is a loop over its elements: one of latent categories, which NumPyro can enumerate in a scan."""
    return v.chain is not None and v.role == "latent" and v.distribution is not None and v.over is not None


def _first(v: Variable, context: Context, arrays: Arrays) -> str:
    """Where a sequence begins."""
    assert v.chain is not None
    here = f"{arrays.position(v.chain.index, context)} == 0"
    if v.chain.starts is None:
        return here
    return f"({here}) | ({arrays.write(v.chain.starts, context, WHOLE)} == 1)"


def linked(v: Variable) -> Iterator[str]:
    """A chain of numbers or vectors: its density as one array expression, first elements and linked ones."""
    assert v.chain is not None and v.distribution is not None
    name, arrays = python_name(v.name), Arrays()
    if v.role == "latent":
        support = "real_vector" if v.event else "real" if v.domain == "real" else v.domain
        # One event of all elements: enumeration takes batch axes outside of plates for its own.
        sizes = shape((*v.plates, *v.event))
        yield f'{name} = numpyro.sample("{v.name}", dist.ImproperUniform(dist.constraints.{support}, (), {sizes}))'
    first = distribution(v.chain.initial, v.plates, arrays)
    linked = distribution(v.distribution, v.plates, arrays)
    yield f"{v.name}_first = {first}.log_prob({name})"
    yield f"{v.name}_linked = {linked}.log_prob({name})"
    total = f"jnp.where({_first(v, v.plates, arrays)}, {v.name}_first, {v.name}_linked)"
    if v.weight is not None:
        total = f"{arrays.write(v.weight, v.plates, 2)} * {total}"
    yield f'numpyro.factor("{v.name}_chain", jnp.sum({total}))'


def emissions(v: Variable, model: Model) -> tuple[Variable, ...]:
    """What is observed of a chain of categories, to stand in its loop; nothing if anything else mentions the chain."""
    assert v.chain is not None
    categories = [u.name for u in model.with_role("latent") if u.over is not None]
    users = [u for u in model.nodes() if u is not v and mentions(u, (v.name,))]
    if mentions(v, categories):
        return ()
    for u in users:
        rest = u.plates[len(v.plates) :]
        assert u.distribution is not None
        used = {i for a in u.distribution.args.values() for i in a.free()}
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
    """A chain of categories: each is drawn given the one before it, and then what is observed of it."""
    assert v.chain is not None and v.distribution is not None and v.over is not None
    if v.distribution.family != v.chain.initial.family:
        raise CaviError(f"NumPyro: the first element of {v.name} is {v.chain.initial}, the next ones {v.distribution}")
    t, name = v.chain.index, python_name(v.name)
    plates = tuple(p for p in v.plates if p != t)
    arrays = Arrays({t: t.name}, {v.name: (Shift(t, -1), f"{v.name}_before")})
    ((parameter, linked),) = v.distribution.args.items()
    ((_, initial),) = v.chain.initial.args.items()
    context = (*plates, v.over) if parameter == "probs" else plates
    write = arrays.full if parameter == "probs" else arrays.write
    where = _first(v, context, arrays)
    probs = f"jnp.where({where}, {write(initial, context)}, {write(linked, context)})"
    yield f"def {v.name}_step({v.name}_before, {t.name}):"
    weights = [] if v.weight is None else [f"numpyro.handlers.scale(scale={arrays.write(v.weight, plates)})"]
    drawn = f'{name} = numpyro.sample("{v.name}", dist.{v.distribution.family}(probs={probs}))'
    lines = list(within(plates, weights, drawn))
    for u in emitted:
        lines += within(plates, [], _emission(u, v, t))
    yield from (f"    {line}" for line in lines)
    yield f"    return {name}, {name}"
    yield ""
    start = f"jnp.zeros({shape(plates)}, int)"
    yield f"_, {name} = scan({v.name}_step, {start}, jnp.arange({extent(t)}))"
    if not emitted and (axis := v.plates.index(t)) > 0:
        yield f"{name} = jnp.moveaxis({name}, 0, {axis})  # the axes of its declaration"


def _emission(u: Variable, v: Variable, t: Index) -> str:
    """What is observed of the element at hand."""
    assert u.distribution is not None
    arrays = Arrays({t: t.name}, {v.name: (t, python_name(v.name))})
    inner = tuple(p for p in u.plates if p != t)
    rest = len(u.plates) - len(v.plates)
    made = distribution(u.distribution, inner, arrays) + (f".to_event({rest})" if rest else "")
    value = arrays.subscripted(python_name(u.name), u.indices, (*inner, *u.event))
    return f'numpyro.sample("{u.name}", {made}, obs={value})'
