"""The errors a user can meet; each message says what was found, what was expected and what to do."""

from __future__ import annotations


class CaviError(ValueError):
    """Base class of every error that cavi raises about a user's input."""


class DeclarationError(CaviError):
    """The model was declared wrongly: a name, an index, a plate, a parameter or a cycle."""


class NonConjugateError(CaviError):
    """A factor has no optimum in a known family; names the factor, the term and the remedies.

    Attributes:
        factor: name of the factor whose optimum was sought.
        terms: readable form of each offending term of the log joint.
        latents: what the term couples, where it couples several.
    """

    def __init__(
        self, message: str, factor: str = "", terms: tuple[str, ...] = (), latents: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.factor = factor
        self.terms = terms
        self.latents = latents

    def also(self, remedy: str) -> NonConjugateError:
        """The same error with a further remedy at its end."""
        return NonConjugateError(f"{self}{remedy}", self.factor, self.terms, self.latents)


class FactorisationError(CaviError):
    """The requested factorisation names an unknown latent, or one latent twice."""


class RelaxationError(CaviError):
    """A bound or an augmentation that does not exist, is not proved, or fits no term of the log joint."""


class ApproximationError(CaviError):
    """An approximation of a factor that does not exist, or that the factor has no form for."""
