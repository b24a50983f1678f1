"""The cast of an identity: its data, latents, parameters and densities, abstract or those of a model."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from cavi.derive.identities.language import Density, Variable


@dataclass(frozen=True)
class Setting:
    """Names of data and latents; the abstract setting has one of each, a model its own.

    Attributes:
        x: the observed variables.
        z: the latent variables.
        parameters: of the joint p that are maximised over, empty where none matter.
    """

    x: tuple[Variable, ...] = (Variable("x"),)
    z: tuple[Variable, ...] = (Variable("z"),)
    parameters: tuple[sympy.Symbol, ...] = ()

    @property
    def joint(self) -> Density:
        """p(x, z)."""
        return Density("p", (*self.x, *self.z), (), self.parameters)

    @property
    def evidence(self) -> Density:
        """p(x)."""
        return self.joint.over(self.x)

    @property
    def posterior(self) -> Density:
        """p(z | x)."""
        return self.joint.over(self.z, self.x)

    @property
    def prior(self) -> Density:
        """p(z)."""
        return self.joint.over(self.z)

    @property
    def likelihood(self) -> Density:
        """p(x | z)."""
        return self.joint.over(self.x, self.z)

    @property
    def q(self) -> Density:
        """The approximate density of the latents."""
        return Density("q", self.z)


@dataclass(frozen=True)
class Split:
    """Latents divided into those of one factor and the rest, independent under q.

    Attributes:
        x: the observed variables.
        own: the latents of the factor that is looked at.
        rest: the other latents.
    """

    x: tuple[Variable, ...] = (Variable("x"),)
    own: tuple[Variable, ...] = (Variable("z_1"),)
    rest: tuple[Variable, ...] = (Variable("z_2"),)

    @property
    def joint(self) -> Density:
        """p(x, z_1, z_2)."""
        return Density("p", (*self.x, *self.own, *self.rest))

    @property
    def q1(self) -> Density:
        """The factor that is looked at."""
        return Density("q_1", self.own)

    @property
    def q2(self) -> Density:
        """The density of the rest."""
        return Density("q_2", self.rest)


ABSTRACT = Setting()
SPLIT = Split()
# Without data the posterior is any density p(z).
PLAIN = Setting(x=())
PARAMETRIC = Setting(parameters=(sympy.Symbol("theta", real=True),))
