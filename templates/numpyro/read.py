"""A NumPyro function → `Imported`: its sites are traced, and their parameters as functions of the sites before them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from cavi.derive.errors import DeclarationError
from cavi.templates.numpyro.jaxprs import Scope
from cavi.templates.numpyro.known import BETWEEN, arrays, distribution, unwrapped
from cavi.templates.programs import Imported, build, reading
from cavi.templates.programs.chains import chained, vectors
from cavi.templates.programs.fold import value as value_of
from cavi.templates.programs.graph import Array, Node, constant, elementwise, reshaped, variable, walk
from cavi.templates.programs.sites import Drawn, Site, Walk

_READ = ("sample", "param")
_SUPPORTS = {
    "real": "real",
    "positive": "positive",
    "unit_interval": "unit",
    "simplex": "simplex",
    "circular": "angle",
    "positive_definite": "positive_definite",
}


def from_numpyro(function: Callable[..., Any], *args: Any, name: str | None = None, **kwargs: Any) -> Imported:
    """The declaration of a NumPyro program, called with the given arguments.

    Plates name indices, and an array among the arguments names known data. A mixture gets the category of each
    observation as a latent, and Student's t the scale of each; a ``param`` is maximised over.

    Args:
        function: the program.
        args: what it is called with; observed values and known data are taken from them.
        name: of the declaration; the function's own where none is given.
        kwargs: further arguments of the program.

    Raises:
        DeclarationError: for what has no notation (a factor, a scan, a distribution or operation that cavi lacks),
            naming the site, what was found and what to do.

    Example::

        imported = from_numpyro(program, X, y)
        derived = derive(imported.model)
        fit(**imported.arguments)  # of the module that derived.numpy() writes
    """
    import jax
    from numpyro import handlers

    if not callable(function):
        raise DeclarationError(
            f"from_numpyro: found {type(function).__name__}; expected a function with numpyro.sample"
        )
    with jax.enable_x64(True), reading(name or _name(function)):
        sites: dict[str, Any] = {}

        def drawn() -> dict[str, Any]:
            traced = handlers.trace(handlers.seed(function, 0)).get_trace(*args, **kwargs)
            _refuse_subsamples(traced)
            return {n: s["value"] for n, s in traced.items() if s["type"] in _READ and not s.get("is_observed")}

        def parameters(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
            handled = handlers.trace(handlers.substitute(handlers.seed(function, 0), data=values))
            sites.update((n, s) for n, s in handled.get_trace(*args, **kwargs).items() if s["type"] in _READ)
            return {n: dict(_outputs(n, s)) for n, s in sites.items()}

        with _named_roots():
            shapes = _traced(jax.eval_shape, function, drawn)
            closed, outputs = _traced(jax.make_jaxpr(parameters, return_shape=True), function, shapes)
        known = _Known(dict(_arrays(function, args, kwargs)))
        nodes = {n: variable(n, _shape(s)) for n, s in sites.items()}
        scope = Scope.of(closed.jaxpr, closed.consts, [nodes[n] for n in sorted(shapes)], known.node)
        # JAX lists what a dictionary holds by the order of its keys.
        order = [(n, key) for n in sorted(outputs) for key in sorted(outputs[n])]
        read: dict[str, dict[str, Node]] = {n: {} for n in sites}
        for (n, key), result in zip(order, closed.jaxpr.outvars, strict=True):
            read[n][key] = scope.read(result)
        made = [_site(n, s, nodes[n], read[n]) for n, s in sites.items()]
        return build(name or _name(function), made)


def is_numpyro(found: object) -> bool:
    """Whether an object is a function whose code mentions NumPyro, without importing it."""
    function = inspect.unwrap(getattr(found, "func", found))  # type: ignore[arg-type]
    code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    used = (names[n] for n in getattr(code, "co_names", ()) if n in names)
    return any(_root(u) == "numpyro" for u in used)


def _root(found: object) -> str:
    name = found.__name__ if inspect.ismodule(found) else getattr(found, "__module__", None)
    return str(name).partition(".")[0]


def _name(function: Any) -> str:
    found = getattr(getattr(function, "func", function), "__name__", "")
    return found if found.isidentifier() and not found.startswith("_") else "numpyro_model"


def _traced(trace: Callable[..., Any], function: Any, *given: Any) -> Any:
    """What JAX makes of the program, without running it."""
    import jax

    try:
        return trace(*given)
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        found = str(error).partition("\n")[0]
        raise DeclarationError(
            f"{_name(function)}: found a computation outside JAX with what is drawn ({found}); use jax.numpy in the "
            "program, and no if or loop on random values"
        ) from None
    except NotImplementedError:
        raise DeclarationError(
            f"{_name(function)}: found a distribution that cannot be drawn from, such as an ImproperUniform; give its "
            "variable a prior, or make it a numpyro.param, which is maximised over"
        ) from None
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise DeclarationError(f"{_name(function)}: {error}; pass from_numpyro the arguments of the program") from None


@contextmanager
def _named_roots() -> Iterator[None]:
    """The root of an inverse under its name: of a Normal vector by its precision, a loop keeps that alone."""
    import jax
    from numpyro.distributions import continuous

    whole = continuous.cholesky_of_inverse
    continuous.cholesky_of_inverse = jax.jit(whole)
    try:
        yield
    finally:
        continuous.cholesky_of_inverse = whole


def _refuse_subsamples(traced: Mapping[str, Any]) -> None:
    for name, site in traced.items():
        if site["type"] == "plate" and site["args"][1] not in (None, site["args"][0]):
            raise DeclarationError(
                f"the plate {name}: found a subsample of {site['args'][1]} of {site['args'][0]}; read it with all of "
                "its data, and give the generated code batches"
            )


def _support(name: str, constraint: Any) -> str:
    """Where a parameter that is maximised over may lie."""
    from numpyro.distributions import constraints

    for theirs, ours in _SUPPORTS.items():
        if constraint is None or constraint == getattr(constraints, theirs):
            return ours
    raise DeclarationError(f"{name}: found a param on {constraint}; expected one of {', '.join(_SUPPORTS)}")


def _outputs(name: str, site: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parameters of a site by name, and what else its density depends on."""
    if site["type"] == "param":
        return
    found = arrays(site["fn"], name)
    if site["scale"] is not None:
        found["*scale"] = site["scale"]
    if (mask := _mask(site["fn"])) is not None:
        found["*mask"] = mask
    if site["is_observed"]:
        found["*value"] = site["value"]
    for key, array in found.items():
        yield key, jax_array(array)


def jax_array(found: Any) -> Any:
    """An array of JAX."""
    import jax

    return jax.numpy.asarray(found)


def _mask(fn: Any) -> Any:
    while hasattr(fn, "base_dist") and type(fn).__name__ in ("Independent", "ExpandedDistribution"):
        fn = fn.base_dist
    return fn._mask if type(fn).__name__ == "MaskedDistribution" else None


def _site(name: str, site: Mapping[str, Any], node: Node, read: Mapping[str, Node]) -> Site:
    labels = _labels(name, site, len(node.shape))
    if site["type"] == "param":
        return Site(node, None, labels, support=_support(name, site["kwargs"].get("constraint")))
    found = distribution(site["fn"], name, read.__getitem__)
    weights = [read[k] for k in ("*mask", "*scale") if k in read]
    if "*mask" in read:
        weights[0] = elementwise("add", weights[0], constant(0))
    weight = None if not weights else weights[0] if len(weights) == 1 else elementwise("mul", *weights)
    value = _observed(name, read["*value"]) if site["is_observed"] else None
    if value is not None and _pairs(site):
        value = value[..., 0]
    if isinstance(found, Walk):
        return Site(node, found.linked(node), labels, value, weight, initial=found.initial)
    chain = chained(node, found) if isinstance(found, Drawn) else None
    if chain is None:
        return Site(node, found, labels, value, weight)
    if chain.linked.family == "Normal" and len(site["fn"].event_shape) == 1:
        chain = vectors(chain, node.shape[-1])
    return Site(node, chain.linked, labels, value, weight, initial=chain.initial, starts=chain.starts)


def _pairs(site: Mapping[str, Any]) -> bool:
    """Whether a value is the two ends of an interval, which are no axis of a declaration."""
    return site["type"] == "sample" and type(unwrapped(site["fn"])).__name__ == BETWEEN


def _shape(site: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of a value as declared."""
    shape: tuple[int, ...] = np.shape(site["value"])
    return shape[:-1] if _pairs(site) else shape


def _observed(name: str, node: Node) -> Array:
    if not node.known:
        details = sorted({str(n.detail) for n in walk(node) if n.op == "unknown"})
        found = next((d for d in details if d.startswith("the operation")), "random variables")
        raise DeclarationError(
            f"{name}: found observed values that depend on {found}; expected known data, outside any scan (declare a "
            "chain by cavi.derive, with initial= and a function of the variable)"
        )
    return np.array(value_of(node, {}))


def _labels(name: str, site: Mapping[str, Any], rank: int) -> tuple[str | None, ...]:
    """The plates by their axes, which are counted from the axes of one value."""
    labels: list[str | None] = [None] * rank
    event = len(getattr(site["fn"], "event_shape", ())) - _pairs(site)
    for frame in site.get("cond_indep_stack", ()):
        at = rank - event + frame.dim
        if 0 <= at < rank:
            labels[at] = frame.name
    return tuple(labels)


class _Known:
    """Known arrays by their values: one among the arguments of the program has its name."""

    def __init__(self, named: Mapping[str, Array]) -> None:
        self.named = named
        self.made: dict[tuple[Any, ...], Node] = {}

    def node(self, found: Any) -> Node:
        """The node of a known array."""
        array = np.asarray(found)
        name = next((n for n, a in self.named.items() if array.size > 1 and _equal(a, array)), None)
        if name is not None:
            return reshaped(self._constant(name, self.named[name]), array.shape)
        return self._constant(None, array)

    def _constant(self, name: str | None, array: Array) -> Node:
        key = (name, array.shape, array.dtype.kind, array.tobytes())
        if key not in self.made:
            self.made[key] = constant(array, name)
        return self.made[key]


def _equal(one: Array, other: Array) -> bool:
    """Whether two arrays are the same but for axes of one element."""
    a, b = np.squeeze(one), np.squeeze(other)
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _arrays(function: Any, args: Any, kwargs: Any) -> Iterator[tuple[str, Array]]:
    """The arrays among the arguments of a call, those in dictionaries under their own names."""
    bound = inspect.signature(function).bind(*args, **kwargs).arguments

    def inside(name: str, found: Any) -> Iterator[tuple[str, Array]]:
        if isinstance(found, Mapping):
            for key, value in found.items():
                yield from inside(str(key), value)
        elif isinstance(found, list | tuple) and any(hasattr(v, "shape") for v in found):
            for at, value in enumerate(found):
                yield from inside(f"{name}_{at}", value)
        elif found is not None and not isinstance(found, str):
            array = np.asarray(found)
            if array.dtype.kind in "biuf" and array.size > 1:
                yield name, array

    for name, found in bound.items():
        yield from inside(name, found)
