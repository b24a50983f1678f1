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


ABSTRACT = Setting()
PARAMETRIC = Setting(parameters=(sympy.Symbol("theta", real=True),))
