"""Numbers for the expressions of the language of identities, once a `World` says what their letters stand for.

Densities are kept as logarithms, sums over grids are taken as log-sum-exp, and abbreviations (KL, ELBO, entropy,
covariance) are unfolded by the very rewrites that the derivations use. Nothing here knows a particular identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy
from scipy.special import gammaln, logsumexp

from cavi.derive.errors import CaviError
from cavi.derive.identities import language as lang
from cavi.derive.identities.definitions import COVARIANCE_UNFOLD, ELBO_UNFOLD, ENTROPY_UNFOLD, F_UNFOLD, KL_UNFOLD
from cavi.templates.figures.world import Array, Axis, World

__all__ = ["evaluate", "number"]

_UNFOLD = {
    lang.KL: KL_UNFOLD,
    lang.Elbo: ELBO_UNFOLD,
    lang.Entropy: ENTROPY_UNFOLD,
    lang.Covariance: COVARIANCE_UNFOLD,
    lang.FDivergence: F_UNFOLD,
}


def evaluate(e: sympy.Expr, world: World) -> Array:
    """The values of an expression: one dimension for each axis of the world, of length 1 where it is free of that.

    Without axes the values have the shape of the parameters' values.

    Raises:
        CaviError: for a letter that the world does not know, and for gradients, which a derivation has to take.

    Examples:
        >>> from cavi.derive import Normal, identities
        >>> from cavi.templates.figures.world import Law, grid, member
        >>> z = lang.Variable("z")
        >>> q = Law((z,), member(Normal(0, 4), z))
        >>> float(evaluate(lang.Entropy(lang.Density("q", (z,))), World({z: grid(-9, 9)}, {"q": q})).round(4).item())
        0.7258
    """
    if isinstance(e, sympy.log) and e.has(lang.Node):
        return _log(e.args[0], world)
    if isinstance(e, lang.Node):
        return _node(e, world)
    return _plain(e, world)


def number(e: sympy.Expr, world: World) -> float:
    """The value of an expression that depends on no variable.

    Raises:
        CaviError: as `evaluate`, and where there is more than one value.
    """
    found = evaluate(e, world)
    if found.size != 1:
        raise CaviError(f"{e} has {found.size} values, one for each point of a variable; expected one")
    return float(found.item())


def _node(e: sympy.Expr, world: World) -> Array:
    match e:
        case lang.Density():
            return np.asarray(np.exp(_density(e, world)))
        case lang.Mass():
            return _summed(evaluate(e.body, world), e.variables, world)
        case lang.Expect():
            return _expected(e, world)
        case lang.Unknown():
            return evaluate(_meaning(e, world), world)
        case lang.Component(args=(lang.Unknown() as vector, i)):
            return evaluate(_component(vector, i, world), world)
        case lang.Average() | lang.Total():
            return np.asarray(np.exp(_log(e, world)))
    if type(e) in _UNFOLD:
        return evaluate(_UNFOLD[type(e)].change(e), world)
    raise CaviError(f"a {type(e).__name__} has no value on a grid: {e}; let a derivation remove it first")


# --- SymPy's own part ----------------------------------------------------------------------------


def _plain(e: sympy.Expr, world: World) -> Array:
    """Arithmetic and functions of SymPy, around whatever parts are of the language."""
    parts: dict[sympy.Expr, sympy.Symbol] = {}
    shell = _shell(e, parts)
    known = {symbol: evaluate(part, world) for part, symbol in parts.items()}
    symbols = tuple(sorted(shell.free_symbols, key=sympy.default_sort_key))
    return np.asarray(_compiled(shell, symbols)(*(_symbol(s, known, world) for s in symbols)), dtype=float)


def _shell(e: sympy.Expr, parts: dict[sympy.Expr, sympy.Symbol]) -> sympy.Expr:
    """The expression with a symbol in the place of every part that is of the language."""
    if not e.has(lang.Node):
        return e
    if isinstance(e, lang.Node | sympy.log):
        return parts.setdefault(e, sympy.Symbol(f"part_{len(parts)}", real=True))
    return e.func(*(_shell(a, parts) for a in e.args))


@cache
def _compiled(e: sympy.Expr, symbols: tuple[sympy.Symbol, ...]) -> Any:
    # SymPy's printers take a class called Variable for one of their own, so plain symbols take the places.
    plain = {s: sympy.Dummy() for s in symbols}
    return sympy.lambdify(tuple(plain.values()), e.xreplace(plain), modules=["scipy", "numpy"])


def _symbol(s: sympy.Symbol, known: dict[sympy.Symbol, Array], world: World) -> Any:
    if s in known:
        return known[s]
    if s in world.axes:
        return world.shaped(s, world.axes[s].points)
    if s in world.values:
        return world.values[s]
    raise CaviError(f"the letter {s} has no value; found values for {sorted(map(str, {*world.axes, *world.values}))}")


def _meaning(e: lang.Unknown, world: World) -> sympy.Expr:
    """What an `Unknown` is at its arguments."""
    function = world.functions.get(e.name)
    if isinstance(function, sympy.Lambda):
        return function(*e.arguments)
    for definition in world.definitions:
        found = definition.at(e)
        if found is not None:
            return found
    raise CaviError(f"the function {e.name} is not given; found functions {sorted(world.functions)}")


def _component(vector: lang.Unknown, i: sympy.Expr, world: World) -> sympy.Expr:
    components = world.functions.get(vector.name)
    if not isinstance(components, tuple):
        raise CaviError(f"the vector function {vector.name} is not given; give a tuple of components")
    place = int(number(i, world))
    if not 1 <= place <= len(components):
        raise CaviError(f"component {place} of {vector.name}, which has {len(components)}")
    return components[place - 1](*vector.arguments)


# --- densities, sums and expectations ------------------------------------------------------------


def _density(d: lang.Density, world: World) -> Array:
    """log of a joint, marginal or conditional density, all from one joint law."""
    if d.name not in world.laws:
        raise CaviError(f"the density {d.name} has no law; found laws for {sorted(world.laws)}")
    law = world.laws[d.name]
    numbers = [v for p in d.parameters for v in np.ravel(evaluate(p, world))]
    if len(numbers) != len(law.parameters):
        raise CaviError(f"{d.name} has {len(numbers)} parameters, its law {len(law.parameters)}")
    mentioned = {*d.variables, *d.given}
    if not mentioned <= set(law.variables):
        raise CaviError(f"{d.name} is a law of {law.variables}; found {tuple(mentioned)}")
    joint = evaluate(law.log_density, world.at(dict(zip(law.parameters, numbers, strict=True))))
    for v in law.variables:
        joint = joint + world.shaped(v, np.zeros(len(world.axis(v).points)))
    table = _log_summed(joint, [v for v in law.variables if v not in mentioned], world)
    return table - _log_summed(table, d.variables, world) if d.given else table


def _weights(variable: sympy.Symbol, world: World) -> Array:
    weights = world.axis(variable).weights
    if weights is None:
        raise CaviError(f"{variable} is data; expected no sum over it")
    return world.shaped(variable, weights)


def _summed(values: Array, variables: Any, world: World) -> Array:
    for v in variables:
        values = np.sum(values * _weights(v, world), axis=world.place(v), keepdims=True)
    return values


def _log_summed(logs: Array, variables: Any, world: World) -> Array:
    for v in variables:
        # A density that is zero somewhere is no reason to warn.
        logs = np.asarray(logsumexp(logs + np.log(_weights(v, world)), axis=world.place(v), keepdims=True))
    return logs


def _expected(e: lang.Expect, world: World) -> Array:
    body, world, logs = _under(e, world)
    mass = np.exp(logs)
    # What has no mass does not count, however infinite it is there.
    values = np.where(mass > 0, evaluate(body, world), 0.0)
    return _summed(values * mass, e.law.variables, world)


def _under(e: lang.Expect, world: World) -> tuple[sympy.Expr, World, Array]:
    """The body of an expectation, the world that it is read in, and the log density that it is weighted by."""
    if not isinstance(e.law, lang.Iid):
        return e.body, world, _density(e.law, world)
    return _copies(e, world)


def _log(e: sympy.Expr, world: World) -> Array:
    """log of a positive expression, without leaving the log scale where it is a product, a power or a sum."""
    match e:
        case lang.Density():
            return _density(e, world)
        case lang.Unknown() if e.name not in world.functions:
            return _log(_meaning(e, world), world)
        case lang.Mass() if e.body.is_positive:
            return _log_summed(_log(e.body, world), e.variables, world)
        case lang.Expect() if e.body.is_positive:
            body, inner, logs = _under(e, world)
            return _log_summed(_log(body, inner) + logs, e.law.variables, inner)
        case lang.Total():
            return _over_copies(e, world)
        case sympy.Mul() if all(f.is_positive for f in e.args):
            total = np.zeros(())
            for f in e.args:
                total = total + _log(f, world)
            return total
        case sympy.Pow() if e.base.is_positive and e.base != sympy.E:
            return evaluate(e.exp, world) * _log(e.base, world)
    return np.asarray(np.log(evaluate(e, world)))


# --- independent copies --------------------------------------------------------------------------


def _copies(e: lang.Expect, world: World) -> tuple[sympy.Expr, World, Array]:
    """An expectation over K copies of a discrete variable: a sum over how often each value occurs.

    The order of the copies must not matter, which is so where they occur only under sums over all of them. The
    points of the variable's axis become the ways to distribute K copies over its values.
    """
    (z,) = e.law.variables
    axis, count = world.axis(z), int(number(e.law.count, world))
    if axis.weights is None or not np.all(axis.weights == 1):
        raise CaviError(
            f"{z} is not discrete; expected values that can be counted for an expectation over {count} copies"
        )
    outside = e.body.replace(lambda n: isinstance(n, lang.Total), lambda n: sympy.S.Zero)
    if outside.has(lang.Sample):
        raise CaviError(f"a single copy stands outside a sum over all copies in {e.body}")
    counts = _compositions(count, len(axis.points))
    logs = np.ravel(_density(e.law.density, world))
    ways = gammaln(count + 1) - gammaln(counts + 1).sum(axis=1) + counts @ logs
    inner = world.along(z, _Counted(axis.points, np.ones(len(counts)), counts, axis))
    return e.body, inner, inner.shaped(z, ways)


@dataclass(frozen=True, eq=False)
class _Counted(Axis):
    """The axis of a variable inside an expectation over copies: the counts of its values, and its own axis."""

    counts: Array
    single: Axis


def _over_copies(e: lang.Total, world: World) -> Array:
    """log of Σ_k or of the mean over k of a positive function of the k-th copy."""
    body, k, count, without = e.args
    copied = {s.args[0] for s in body.atoms(lang.Sample)}
    if without != 0 or len(copied) != 1 or any(s.args[1] != k for s in body.atoms(lang.Sample)):
        raise CaviError(f"{e} has no value on a grid; expected a sum over all copies of one variable")
    (z,) = copied
    axis = world.axis(z)
    if not isinstance(axis, _Counted):
        raise CaviError(f"{e} stands outside an expectation over the copies of {z}")
    single = world.along(z, axis.single)
    one = body.xreplace({s: z for s in body.atoms(lang.Sample)})
    logs = np.moveaxis(np.asarray(_log(one, single)), world.place(z), -1)
    shares = axis.counts / number(count, world) if isinstance(e, lang.Average) else axis.counts
    with np.errstate(divide="ignore"):
        found = logsumexp(logs[..., None, :] + np.log(shares), axis=-1)
    return np.moveaxis(np.asarray(found), -1, world.place(z))


@cache
def _compositions(total: int, parts: int) -> Array:
    """All ways to write `total` as an ordered sum of `parts` counts, one in a row."""
    if parts == 1:
        return np.array([[float(total)]])
    rows = [
        np.hstack([np.full((len(rest), 1), float(first)), rest])
        for first in range(total + 1)
        for rest in (_compositions(total - first, parts - 1),)
    ]
    return np.vstack(rows)
