"""The lines of a NumPyro program: what is read from the arguments, and a site for each variable, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.expression import Condition
from cavi.derive.model import Model, Variable
from cavi.templates.numpyro.arrays import WHOLE, Arrays, Context, extent, python_name, shape
from cavi.templates.numpyro.distributions import distribution

_CATEGORIES = ("Categorical", "Bernoulli")
_INTEGERS = ("observed_index",)


@dataclass(frozen=True)
class View:
    """What the template prints."""

    title: str
    notes: tuple[str, ...]
    imports: tuple[str, ...]
    function: str
    arguments: str
    known: tuple[str, ...]
    sites: tuple[tuple[str, ...], ...]


def view(model: Model) -> View:
    """The program of a model."""
    sites = tuple(tuple(_site(v, model)) for v in model.variables if v.role in ("latent", "observed", "point"))
    return View(
        title=model.title,
        notes=_notes(model),
        imports=("from numpyro.contrib.control_flow import scan",) if any(_scanned(v) for v in model.variables) else (),
        function="model",
        arguments="`data` and `hyper`: name -> array or number; `sizes` gives those that the data cannot tell.",
        known=tuple(_known(model)),
        sites=sites,
    )


def _notes(model: Model) -> tuple[str, ...]:
    categories = [v.name for v in model.with_role("latent") if v.distribution and v.distribution.family in _CATEGORIES]
    notes = ["Categories count from zero. Precisions are converted to what NumPyro expects."]
    if categories:
        notes.append(f"Enumerate {', '.join(categories)} (numpyro.contrib.funsor.config_enumerate) before NUTS.")
    return tuple(notes)


def _known(model: Model) -> Iterator[str]:
    """Known arrays under their names, then sizes, from the first array that tells each."""
    told: dict[str, str] = {}
    for v in model.variables:
        if v.is_random:
            continue
        source = "hyper" if v.role == "hyper" else "data"
        as_integers = v.role == "observed_index" or (v.over is not None and v.role == "observed")
        kind = ", int" if as_integers else ""
        yield f'{python_name(v.name)} = jnp.asarray({source}["{v.name}"]{kind})'
        for axis, index in enumerate(v.indices):
            if not index.size.isdigit():
                told.setdefault(index.size, f"{python_name(v.name)}.shape[{axis}]")
    for size in model.sizes:
        yield f"{size} = {told[size]}" if size in told else f'{size} = sizes["{size}"]'


def _site(v: Variable, model: Model) -> Iterator[str]:
    if v.constraint is not None:
        raise CaviError(
            f"NumPyro: {v.name} is an observed function of latents, {v.constraint}, which has no density of its own; "
            "declare the distribution that it has when they are integrated out"
        )
    if v.distribution is None:
        yield _parameter(v)
    elif v.chain is None:
        yield from _within(v.plates, _weights(v), _sample(v, v.distribution))
    elif _scanned(v):
        yield from _scan(v)
    else:
        yield from _chain(v)


def _parameter(v: Variable) -> str:
    """A parameter that is maximised over."""
    size, last = shape(v.indices), extent(v.indices[-1]) if v.indices else ""
    start = {
        "real": f"lambda key: jax.random.normal(key, {size})",
        "angle": f"lambda key: jax.random.normal(key, {size})",
        "unit": f"jnp.full({size}, 0.5)",
        "simplex": f"jnp.full({size}, 1 / {last})",
        "positive_definite": f"jnp.broadcast_to(jnp.eye({last}), {size})",
    }.get(v.domain, f"jnp.ones({size})")
    support = {"unit": "unit_interval", "angle": "circular", "count": "positive"}.get(v.domain, v.domain)
    return f'{python_name(v.name)} = numpyro.param("{v.name}", {start}, constraint=dist.constraints.{support})'


def _sample(v: Variable, d: Distribution) -> str:
    name = python_name(v.name)
    made = distribution(d, v.plates, Arrays())
    if v.role == "observed":
        return f'numpyro.sample("{v.name}", {made}, obs={name})'
    return f'{name} = numpyro.sample("{v.name}", {made})'


def _within(plates: Context, handlers: list[str], line: str) -> Iterator[str]:
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


def _weights(v: Variable) -> list[str]:
    """A condition leaves elements out; a weight multiplies log densities, where it is not zero."""
    if v.weight is None:
        return []
    arrays = Arrays()
    match v.weight:
        case Condition():
            return [f"numpyro.handlers.mask(mask={arrays.write(v.weight, v.plates)})"]
    weight = arrays.write(v.weight, v.plates)
    if v.role != "observed":
        return [f"numpyro.handlers.scale(scale={weight})"]
    present = f"{arrays.write(v.weight, v.plates, WHOLE)} > 0"
    return [
        f"numpyro.handlers.mask(mask={present})",
        f"numpyro.handlers.scale(scale=jnp.where({present}, {weight}, 1))",
    ]


def _scanned(v: Variable) -> bool:
    """Whether a chain is a loop over its elements: one of latent categories, which NumPyro can enumerate in a scan."""
    return v.chain is not None and v.role == "latent" and v.distribution is not None and v.over is not None


def _first(v: Variable, context: Context, arrays: Arrays) -> str:
    """Where a sequence begins."""
    assert v.chain is not None
    here = f"{arrays.position(v.chain.index, context)} == 0"
    if v.chain.starts is None:
        return here
    return f"({here}) | ({arrays.write(v.chain.starts, context, WHOLE)} == 1)"


def _chain(v: Variable) -> Iterator[str]:
    """A chain of numbers or vectors: its density as one array expression, first elements and linked ones."""
    assert v.chain is not None and v.distribution is not None
    name, arrays = python_name(v.name), Arrays()
    if v.role == "latent":
        support = "real_vector" if v.event else "real" if v.domain == "real" else v.domain
        sizes = f"{shape(v.plates)}, {shape(v.event) if v.event else '()'}"
        yield f'{name} = numpyro.sample("{v.name}", dist.ImproperUniform(dist.constraints.{support}, {sizes}))'
    first = distribution(v.chain.initial, v.plates, arrays)
    linked = distribution(v.distribution, v.plates, arrays)
    yield f"{v.name}_first = {first}.log_prob({name})"
    yield f"{v.name}_linked = {linked}.log_prob({name})"
    total = f"jnp.where({_first(v, v.plates, arrays)}, {v.name}_first, {v.name}_linked)"
    if v.weight is not None:
        total = f"{arrays.write(v.weight, v.plates, 2)} * {total}"
    yield f'numpyro.factor("{v.name}_chain", jnp.sum({total}))'


def _scan(v: Variable) -> Iterator[str]:
    """A chain of categories: each is drawn given the one before it."""
    assert v.chain is not None and v.distribution is not None and v.over is not None
    if v.distribution.family != v.chain.initial.family:
        raise CaviError(f"NumPyro: the first element of {v.name} is {v.chain.initial}, the next ones {v.distribution}")
    t, name = v.chain.index, python_name(v.name)
    plates = tuple(p for p in v.plates if p != t)
    arrays = Arrays({t: t.name}, {v.name: f"{v.name}_before"})
    ((parameter, linked),) = v.distribution.args.items()
    ((_, initial),) = v.chain.initial.args.items()
    context = (*plates, v.over) if parameter == "probs" else plates
    write = arrays.full if parameter == "probs" else arrays.write
    where = _first(v, context, arrays)
    probs = f"jnp.where({where}, {write(initial, context)}, {write(linked, context)})"
    yield f"def {v.name}_step({v.name}_before, {t.name}):"
    weights = [] if v.weight is None else [f"numpyro.handlers.scale(scale={arrays.write(v.weight, plates)})"]
    drawn = f'{name} = numpyro.sample("{v.name}", dist.{v.distribution.family}(probs={probs}))'
    for line in _within(plates, weights, drawn):
        yield f"    {line}"
    yield f"    return {name}, {name}"
    yield ""
    start = f"jnp.zeros({shape(plates)}, int)"
    yield f"_, {name} = scan({v.name}_step, {start}, jnp.arange({extent(t)}))"
    if (axis := v.plates.index(t)) > 0:
        yield f"{name} = jnp.moveaxis({name}, 0, {axis})  # the axes of its declaration"
