"""What a derivation returns: factors, their updates, the ELBO, and the way to every rendering.

Everything here is data in the normal form of `cavi.derive.term`; the properties that return SymPy
convert on demand. Renderers live in `cavi.templates` and are found through the entry-point group
``cavi.renderers``, so that nothing in `derive` depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sympy

from cavi.derive.derivation import Derivation
from cavi.derive.errors import CaviError
from cavi.derive.index import Index
from cavi.derive.term import Polynomial

if TYPE_CHECKING:
    from cavi.derive.families.base import Family
    from cavi.derive.model import Model

Role = Literal["auxiliary", "standard", "derived"]


@dataclass(frozen=True)
class ArrayOperation:
    """A whole-array operation that has no closed form by elements.

    Attributes:
        name: ``softmax``, ``logsumexp``, ``one_hot_argmax`` over the last axis of `argument`;
            ``inverse``, ``logdet`` of its last two axes.
        argument: name of an earlier parameter of the same latent.
    """

    name: str
    argument: str


@dataclass(frozen=True)
class Formula:
    """One parameter of a latent's factor: ``q(latent).name[indices] = value``.

    `role` is ``standard`` for the parameters a user sees in ``Fit.params``, ``auxiliary`` for what
    is computed before them (natural parameters), ``derived`` for what follows from them
    (a covariance, a log-determinant).
    """

    latent: str
    name: str
    indices: tuple[Index, ...]
    value: Polynomial | ArrayOperation
    role: Role


@dataclass(frozen=True)
class MomentSpec:
    """``E_q[pattern]`` of a factor: the pattern in its latents, the value in its parameters.

    `value` is None where no closed form exists; such a moment cancels in the ELBO and occurs in
    no update.
    """

    key: str
    indices: tuple[Index, ...]
    pattern: Polynomial
    value: Polynomial | None


@dataclass(frozen=True)
class Factor:
    """A block of latents that q keeps together.

    Attributes:
        name: the latent's name; for a block the names joined by a comma, ``mu,tau``.
        latents: the names of its latents, in order of the chain rule, first conditioned last.
        plates: q is a product over these.
        event: indices kept together inside one element of the product.
        sequential: plates whose elements depend on each other and are updated one after another.
        weight: number of identical copies each element stands for, or None.
        point: whether the factor is a point mass (a parameter that is maximised over).
    """

    name: str
    latents: tuple[str, ...]
    plates: tuple[Index, ...]
    event: tuple[Index, ...] = ()
    sequential: tuple[Index, ...] = ()
    weight: Polynomial | None = None
    point: bool = False


@dataclass(frozen=True)
class Update:
    """The optimal factor ``q*`` given the others.

    Attributes:
        factor: which block this is.
        families: latent name -> recognised family (one for each latent of a block).
        statistics: pairs (statistic, coefficient): ``log q* = Σ coefficient · statistic + const``.
        formulas: how to compute the parameters, in order; later ones may use earlier ones.
        initial: the same formulas for the prior alone (the start of a run); empty if improper.
        moments: the expectations of this factor that the other updates and the ELBO need.
        entropy: entropy of one element of the product, in its parameters and moments.
        log_q: log density of one element, in its latents and parameters.
        derivation: the named steps that lead here.
    """

    factor: Factor
    families: Mapping[str, Family]
    statistics: tuple[tuple[Polynomial, Polynomial], ...]
    formulas: tuple[Formula, ...]
    initial: tuple[Formula, ...]
    moment_specs: tuple[MomentSpec, ...]
    entropy: Polynomial
    log_q: Polynomial
    derivation: Derivation = field(repr=False, compare=False)
