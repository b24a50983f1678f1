"""The random variables of a program in the words of cavi: what a reader hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cavi.derive import families
from cavi.derive.model import Model
from cavi.templates.programs.graph import Array, Node, before, elementwise

# The axes of one value that the last axes of an argument run over; none where nothing is said.
_ENDS: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("Dirichlet", "concentration"): (0,),
    ("Categorical", "probs"): (0,),
    ("Multinomial", "probs"): (0,),
    ("MultivariateNormal", "mean"): (0,),
    ("MultivariateNormal", "precision"): (0, 0),
    ("MultivariateNormal", "covariance"): (0, 0),
    ("Wishart", "scale"): (0, 0),
    ("InverseWishart", "scale"): (0, 0),
    ("MatrixNormal", "mean"): (0, 1),
    ("MatrixNormal", "row_precision"): (0, 0),
    ("MatrixNormal", "column_precision"): (1, 1),
}


def ends(family: str, argument: str) -> tuple[int, ...]:
    """The axes of one value that the last axes of an argument run over, one for each."""
    return _ENDS.get((family, argument), ())


def precision(scale: Node) -> Node:
    """One over the square of a standard deviation."""
    return elementwise("reciprocal", elementwise("square", scale))


@dataclass(frozen=True, eq=False)
class Drawn:
    """A distribution: a family by its name in `cavi.derive`, arguments by the keywords of its function."""

    family: str
    args: Mapping[str, Node]

    @property
    def rank(self) -> int:
        """How many axes one value has."""
        return int(families.lookup(self.family).rank)


@dataclass(frozen=True, eq=False)
class Mixed:
    """A mixture: weights along their last axis, components along the last axis of the arguments of one distribution."""

    weights: Node
    component: Drawn


@dataclass(frozen=True, eq=False)
class Walk:
    """A chain along the last axis of a value: its first element, and the steps that are added to what was before."""

    initial: Drawn
    step: Drawn

    def linked(self, node: Node, axis: int = -1) -> Drawn:
        """The distribution of an element of the walk, whose values are a node, given the one before."""
        mean = elementwise("add", before(node, axis), self.step.args["mean"])
        return Drawn(self.step.family, {**self.step.args, "mean": mean})


@dataclass(frozen=True, eq=False)
class StudentT:
    """Student's t by degrees of freedom, location and scale."""

    dof: Node
    location: Node
    scale: Node


@dataclass(frozen=True, eq=False)
class Site:
    """A variable of a program.

    Attributes:
        node: its value in the graphs of others.
        distribution: None for a parameter that is maximised over.
        labels: the name of each axis, None where the program gives none.
        value: what was observed.
        weight: a factor of its log density.
        support: of a parameter that is maximised over.
        initial: of a chain along one axis the distribution of its first element; `distribution` is that of the
            others, in terms of ``before`` of the site's own node.
        starts: known ones and zeros along a chain: where a sequence starts; None for a single one.
    """

    node: Node
    distribution: Drawn | Mixed | StudentT | None
    labels: tuple[str | None, ...]
    value: Array | None = None
    weight: Node | None = None
    support: str | None = None
    initial: Drawn | None = None
    starts: Node | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.node.detail)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return self.node.shape


@dataclass(frozen=True)
class Imported:
    """A model read from a program, with the known values that stood in it.

    Attributes:
        model: the declaration.
        data: observed values and known data, by name.
        hyper: known arrays of priors, by name.
        sizes: the sizes that no array tells.
    """

    model: Model
    data: Mapping[str, Array] = field(default_factory=dict)
    hyper: Mapping[str, Array] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, dict[str, Any]]:
        """What ``fit`` of a generated module takes: ``fit(**imported.arguments)``."""
        return {"data": dict(self.data), "hyper": dict(self.hyper), "sizes": dict(self.sizes)}
