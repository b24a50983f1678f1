"""What the letters of an identity stand for in a picture: grids for variables, laws for densities, numbers.

A `World` is a finite stand-in: every variable has an `Axis` of points with weights, every density a `Law`, whose
log density is a SymPy expression put together from the families of the catalogue (`member`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import sympy

from cavi.derive.closed_form import X
from cavi.derive.errors import CaviError
from cavi.derive.identities.assumptions import Assumption, Definition
from cavi.derive.identities.language import Variable
from cavi.derive.standalone import standalone

Array = np.ndarray[Any, np.dtype[np.float64]]
Function: TypeAlias = "sympy.Lambda | tuple[sympy.Lambda, ...]"

__all__ = ["Array", "Axis", "Law", "World", "grid", "labels", "member", "observed"]


@dataclass(frozen=True, eq=False)
class Axis:
    """The points of a variable, and the weights that turn a sum over them into Σ or ∫.

    Attributes:
        points: in a row.
        weights: one for each point; None for data, which nothing sums over.
    """

    points: Array
    weights: Array | None


def grid(low: float, high: float, count: int = 801) -> Axis:
    """A continuous variable: evenly spaced points with the weights of the trapezium rule.

    Raises:
        CaviError: for bounds that are no interval, or fewer than two points.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high and count >= 2):
        raise CaviError(f"a grid of {count} points from {low} to {high}; expected two points or more and low < high")
    points, step = np.linspace(low, high, count, retstep=True)
    weights = np.full(count, float(step))
    weights[[0, -1]] /= 2
    return Axis(points, weights)


def labels(*values: float) -> Axis:
    """A discrete variable: its values, each counted once."""
    return Axis(np.array(values, dtype=float), np.ones(len(values)))


def observed(values: Iterable[float] = (0.0,)) -> Axis:
    """Data: the identity is read at each of the values, and there is no sum over them."""
    return Axis(np.array(list(values), dtype=float), None)


def member(distribution: object, at: sympy.Expr) -> sympy.Expr:
    """The log density of a distribution of the catalogue at a variable or a number.

    Raises:
        CaviError: for anything but a scalar distribution with numbers and SymPy expressions as arguments.

    Examples:
        >>> from cavi.derive import Exponential
        >>> member(Exponential(2), Variable("z"))
        -2*z + log(2)
    """
    log_density: sympy.Expr = standalone(distribution).log_density.xreplace({X: at})
    return log_density


@dataclass(frozen=True)
class Law:
    """A joint density by its logarithm.

    Attributes:
        variables: what it is a joint of; marginals and conditionals follow from it.
        log_density: an expression in the variables, the parameters, and symbols that the world has values for.
        parameters: placeholders for what stands after the semicolon of a `Density`, one for each number.
    """

    variables: tuple[Variable, ...]
    log_density: sympy.Expr
    parameters: tuple[sympy.Symbol, ...] = ()


@dataclass(frozen=True)
class World:
    """The meaning of every letter.

    Attributes:
        axes: variable -> its points; arrays have one dimension for each, in this order.
        laws: name of a density -> its joint law.
        functions: name of an `Unknown` -> what it is; a tuple of components for a vector.
        values: parameter -> a number, or the numbers of a vector.
        definitions: abbreviations that the identity declares, for the Unknowns that have no function.
    """

    axes: Mapping[Variable, Axis] = field(default_factory=dict)
    laws: Mapping[str, Law] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    values: Mapping[sympy.Symbol, Any] = field(default_factory=dict)
    definitions: tuple[Definition, ...] = ()

    def at(self, values: Mapping[sympy.Symbol, Any]) -> World:
        """The same world with other values for some parameters."""
        return replace(self, values={**self.values, **values})

    def along(self, variable: Variable, axis: Axis) -> World:
        """The same world with other points for one variable."""
        return replace(self, axes={**self.axes, variable: axis})

    def given(self, assumptions: Iterable[Assumption]) -> World:
        """The same world with the definitions among the assumptions of an identity."""
        found = tuple(a for a in assumptions if isinstance(a, Definition))
        return replace(self, definitions=(*self.definitions, *found))

    def axis(self, variable: sympy.Symbol) -> Axis:
        """The points of a variable.

        Raises:
            CaviError: for a variable without an axis.
        """
        if variable not in self.axes:
            raise CaviError(f"the variable {variable} has no points; found points for {sorted(map(str, self.axes))}")
        return self.axes[variable]

    def place(self, variable: sympy.Symbol) -> int:
        """The dimension of a variable."""
        self.axis(variable)
        return list(self.axes).index(variable)

    def shaped(self, variable: sympy.Symbol, array: Array) -> Array:
        """Numbers along the dimension of a variable."""
        place = self.place(variable)
        return array.reshape([-1 if d == place else 1 for d in range(len(self.axes))])
