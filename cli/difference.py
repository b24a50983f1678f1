"""``cavi diff``: what changed between two derivations: families, formulas of parameters, terms of the bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cavi.derive import Derived
from cavi.derive.report import formula_text
from cavi.derive.text import show


@dataclass(frozen=True)
class Change:
    """One thing that differs: its name, and its text before and after; None where it does not exist."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Difference:
    """What changed, by kind; in the order of the first derivation, then of the second.

    Attributes:
        factors: families of factors, by the name of the factor.
        parameters: formulas, by latent and parameter.
        elbo: terms of the bound, by what they are of.
    """

    factors: tuple[Change, ...]
    parameters: tuple[Change, ...]
    elbo: tuple[Change, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing changed."""
        return not (self.factors or self.parameters or self.elbo)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"equal": self.equal, **asdict(self)}

    def __str__(self) -> str:
        if self.equal:
            return "no difference: the same families, formulas and bound"
        lines: list[str] = []
        for title, changes in (("factors", self.factors), ("parameters", self.parameters), ("ELBO", self.elbo)):
            if changes:
                lines.append(title)
            for c in changes:
                lines.append(f"  {c.name}")
                lines += [f"    {sign} {text}" for sign, text in (("-", c.before), ("+", c.after)) if text is not None]
        return "\n".join(lines)


def difference(before: Derived, after: Derived) -> Difference:
    """The difference between two derivations, compared by their text.

    Examples:
        >>> from cavi import models
        >>> from cavi.derive import derive
        >>> d = derive(models.load("normal"))
        >>> difference(d, d).equal
        True
    """
    return Difference(
        _changes(_families(before), _families(after)),
        _changes(_formulas(before), _formulas(after)),
        _changes(_terms(before), _terms(after)),
    )


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(Change(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))


def _families(d: Derived) -> dict[str, str]:
    found = {}
    for u in d.updates:
        plates = ", ".join(i.name for i in u.factor.plates)
        family = "point mass" if u.factor.point else str(u.family)
        found[f"q({u.factor.name})"] = f"{family}{f' for each {plates}' if plates else ''}"
    return found


def _formulas(d: Derived) -> dict[str, str]:
    return {f"{f.latent}.{f.name}": formula_text(f, d.model.indices) for u in d.updates for f in u.formulas}


def _terms(d: Derived) -> dict[str, str]:
    return {f"{t.kind} of {t.name}": show(t.value, d.model.indices) for t in d.elbo.terms}
