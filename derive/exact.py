"""The exact posterior and evidence of a model whose latents are all in one factor.

With one factor nothing is lost by factorising: q* is the posterior, and log p(x, θ) - log q*(θ) does not depend on θ.
It is the log evidence, and so is the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy

from cavi.derive.canonical import rewrite, substitute, sum_over
from cavi.derive.errors import CaviError
from cavi.derive.factorisation import random_atoms
from cavi.derive.index import Index, Sub
from cavi.derive.result import Derived, Update
from cavi.derive.term import Atom, Moment, Polynomial
from cavi.derive.text import show
from cavi.derive.to_sympy import to_sympy

# A category's statistics add up to one, so that its normaliser does not stand alone among them.
_DEPENDENT = ("Categorical", "Multinomial")


@dataclass(frozen=True)
class Exact:
    """The exact posterior of a fully conjugate model.

    Attributes:
        posterior: the update of its one factor: families, parameters, derivation.
        evidence: log p(x) in the normal form, in the posterior's parameters.
    """

    posterior: Update
    evidence: Polynomial
    indices: tuple[Index, ...] = field(default=(), repr=False)

    @property
    def log_evidence(self) -> sympy.Expr:
        """log p(x) in SymPy, in the parameters of the posterior."""
        return to_sympy(self.evidence, self.indices)

    def __str__(self) -> str:
        families = " × ".join(map(str, self.posterior.families.values()))
        names = ", ".join(self.posterior.factor.latents)
        return f"p({names} | data) is {families}\nlog p(data) = {show(self.evidence, self.indices)}"


def exact(derived: Derived) -> Exact:
    """The exact posterior and evidence.

    Raises:
        CaviError: for a model with several factors, a point parameter, or elements that depend on each other.
    """
    latents = [n for f in derived.factors for n in f.latents]
    if any(f.point for f in derived.factors):
        points = ", ".join(n for f in derived.factors if f.point for n in f.latents)
        raise CaviError(f"{derived.model.name} has no exact posterior: {points} is maximised over; give it a prior")
    if len(derived.factors) > 1:
        raise CaviError(
            f"{derived.model.name} was derived with {len(derived.factors)} factors ({', '.join(latents)}), which "
            f"approximates the posterior; derive it with factors=[{tuple(latents)!r}] to see whether that block is "
            "conjugate"
        )
    (update,) = derived.updates
    if update.numeric:
        raise CaviError(
            f"{derived.model.name}: q({', '.join(latents)}) is the exact posterior, but in no closed form: its "
            "normaliser and moments are found numerically, and so is the log evidence, the bound of a fit"
        )
    if update.chosen:
        raise CaviError(
            f"{derived.model.name}: q({', '.join(latents)}) was chosen to be Normal and is not the posterior"
        )
    if update.factor.sequential or _refers_to_itself(update):
        raise CaviError(
            f"{derived.model.name}: the elements of {', '.join(latents)} depend on each other a posteriori; keep them "
            f"in one block with factors=[{tuple(latents)!r}]"
        )
    return Exact(update, _evidence(derived, update), derived.model.indices)


def _refers_to_itself(update: Update) -> bool:
    return any(
        isinstance(a, Moment) and a.factor == update.factor.name
        for f in update.formulas
        if isinstance(f.value, Polynomial)
        for a in f.value.atoms()
    )


def _evidence(derived: Derived, update: Update) -> Polynomial:
    families = {str(f) for f in update.families.values()}
    if families & set(_DEPENDENT) or update.factor.weight is not None:
        return _closed(derived.elbo.total, update)
    joint = Polynomial()
    for p in derived.log_density.values():
        joint = joint + p
    log_q = sum_over(update.log_q, update.factor.plates)
    return _constant(joint, update) - _constant(log_q, update)


def _constant(p: Polynomial, update: Update) -> Polynomial:
    """The terms without a latent."""
    names = update.factor.latents
    return Polynomial(tuple(m for m in p.monomials if not any(True for a in m.atoms for _ in random_atoms(a, names))))


def _closed(p: Polynomial, update: Update) -> Polynomial:
    """Every expectation by its value in the parameters."""
    specs = {s.key: s for s in update.moment_specs}

    def value(atom: Atom, exponent: object) -> Polynomial | None:
        if not isinstance(atom, Moment) or specs[atom.key].value is None or exponent != 1:
            return None
        spec = specs[atom.key]
        places: dict[Index, Sub] = dict(zip(spec.indices, atom.subs, strict=True))
        found = spec.value
        assert found is not None
        return substitute(found, places)

    return rewrite(p, value)
