"""The lines of a NumPyro program: what is read from the arguments, and a site for each variable, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.expression import Condition
from cavi.derive.model import Model, Variable
from cavi.templates.infix import WHOLE
from cavi.templates.mentions import mentions
from cavi.templates.numpyro.arrays import Arrays, Context, extent, python_name, shape
from cavi.templates.numpyro.chains import emissions, scan, stepwise, within
from cavi.templates.numpyro.distributions import axes_of, between, distribution, observed

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
    emitted = {v.name: emissions(v, model) for v in model.variables if v.chain is not None and v.role == "latent"}
    # A loop over a chain that draws its emissions, too, stands where the last of them is declared.
    last = {found[-1].name: name for name, found in emitted.items() if found}
    inside = {e.name for found in emitted.values() for e in found} | {n for n, found in emitted.items() if found}
    sites = []
    for v in model.variables:
        if v.name in last:
            chain = model.variable(last[v.name])
            sites.append(tuple(scan(chain, emitted[chain.name])))
        elif v.name not in inside and v.role in ("latent", "observed", "point"):
            sites.append(tuple(_site(v, model)))
    return View(
        title=model.title,
        notes=_notes(model, emitted),
        imports=("from numpyro.contrib.control_flow import scan",) if emitted else (),
        function="model",
        arguments="`data` and `hyper`: name -> array or number; `sizes` gives those that the data cannot tell.",
        known=tuple(_known(model)),
        sites=tuple(sites),
    )


def _notes(model: Model, emitted: Mapping[str, tuple[Variable, ...]]) -> tuple[str, ...]:
    """What a reader should know, and which categories NumPyro can sum out as the program stands."""
    notes = ["Categories count from zero. Precisions are converted to what NumPyro expects."]
    if any(v.distribution is not None and between(v.distribution) for v in model.variables):
        notes.append("NumPyro subtracts two distribution functions: an interval far in the upper tail loses digits.")
    categories = [v for v in model.with_role("latent") if v.over is not None]
    able = [v.name for v in categories if emitted.get(v.name) or (v.chain is None and _enumerated(v, model))]
    if able:
        notes.append(f"numpyro.contrib.funsor.config_enumerate sums out {', '.join(able)}, so that NUTS can be used.")
    if others := [v.name for v in categories if v.name not in able]:
        notes.append(f"NUTS cannot be used: NumPyro cannot sum out {', '.join(others)}, which other densities mix.")
    return tuple(notes)


def _enumerated(v: Variable, model: Model) -> bool:
    """Whether everything that mentions a category stands in the plates of the category."""
    users = [u for u in model.nodes() if u is not v and mentions(u, (v.name,))]
    return all(
        u.chain is None and _outer(u, model) == v.plates and all(subs == v.plates for _, subs in mentions(u, (v.name,)))
        for u in users
    )


def _outer(v: Variable, model: Model) -> Context:
    """The plates of a node; those of its categories alone where the others can be axes of its value.

    A plate must be one axis for all of its nodes, so that a category which is summed out stands at the same axis.
    """
    assert v.distribution is not None
    categories = [u.name for u in model.with_role("latent") if u.over is not None]
    places = {subs for _, subs in mentions(v, categories)}
    if len(places) != 1 or v.weight is not None:
        return v.plates
    (subs,) = places
    rest = v.plates[len(subs) :]
    used = axes_of(v.distribution)
    return v.plates[: len(subs)] if subs == v.plates[: len(subs)] and set(rest) <= used else v.plates


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
        outer = _outer(v, model)
        yield from within(outer, _weights(v), _sample(v, v.distribution, len(v.plates) - len(outer)))
    elif v.role == "latent":
        yield from scan(v, ())
    else:
        yield from within(v.plates, _weights(v), _sample(v, stepwise(v), 0))


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


def _sample(v: Variable, d: Distribution, inner: int) -> str:
    """The site; the last `inner` plates are axes of its value."""
    name = python_name(v.name)
    made = distribution(d, v.plates, Arrays()) + (f".to_event({inner})" if inner else "")
    if v.role == "observed":
        return f'numpyro.sample("{v.name}", {made}, obs={observed(d, v.plates, Arrays(), name)})'
    return f'{name} = numpyro.sample("{v.name}", {made})'


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
