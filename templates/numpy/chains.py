"""A chain of categories as scaled forward and backward passes: what a sweep needs of it without its pairs.

The factor of a chain is kept as q(z_t | z_{t+1}), rows times groups times groups. During sweeps the other factors need
only its marginals and the sum of its pairs, which are matrix products of scaled messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cavi.derive import Derived, Update
from cavi.derive.canonical import substitute
from cavi.derive.index import Index
from cavi.derive.result import Formula
from cavi.derive.term import Link, Moment, Monomial, Parameter, Polynomial, atom_indices
from cavi.templates.numpy.statistics import Statistic, row_sizes

FORMULAS = "logits pair weights message forward filtered transition kernel probs".split()


@dataclass(frozen=True)
class Chain:
    """A chain of categories with one matrix of transitions.

    Attributes:
        update: the update of its factor.
        row, group: positions and categories.
        transition: the log weight of a step over the two indices `before` and `after`.
        before, after: these.
        starts: known marks where sequences start, if there are such.
        marginal, pair: the keys of its two moments.
    """

    update: Update
    row: Index
    group: Index
    transition: Polynomial
    before: Index
    after: Index
    starts: str | None
    marginal: str
    pair: str

    @property
    def latent(self) -> str:
        """The category."""
        return self.update.factor.latents[0]

    def is_pair_sum(self, s: Statistic) -> tuple[Index, Index] | None:
        """The axes (category now, category before) of a statistic that is Σ_t E[z_t z_{t-1}] over linked positions."""
        match s.monomial.powers:
            case ((Moment(factor, key, (t, now, before)), 1), (Link(at), 1)) | (
                (Link(at), 1),
                (Moment(factor, key, (t, now, before)), 1),
            ):
                if (factor, key) == (self.update.factor.name, self.pair) and at == t and s.monomial.bound == (t,):
                    assert isinstance(now, Index) and isinstance(before, Index)
                    return now, before
        return None

    def pair_sum(self, s: Statistic) -> Polynomial | None:
        """A sum of pairs by the parameters of which a pair is made, without an array of pairs."""
        if self.is_pair_sum(s) is None:
            return None
        spec = next(x for x in self.update.moment_specs if x.key == self.pair)
        (pair,) = (a for a in s.monomial.atoms if isinstance(a, Moment))
        links = tuple((a, e) for a, e in s.monomial.powers if isinstance(a, Link))
        assert spec.value is not None
        made = substitute(spec.value, dict(zip(spec.indices, pair.subs, strict=True)))
        return Polynomial(
            tuple(Monomial(m.coefficient, (*m.powers, *links), (*m.bound, *s.monomial.bound)) for m in made.monomials)
        )


def chains(derived: Derived, initial: bool = False) -> dict[str, Chain]:
    """Latent -> the plan of its passes; `initial` for the factor that a run starts from."""
    found = (_chain(u, u.initial if initial else u.formulas, row_sizes(derived)) for u in derived.updates)
    return {c.latent: c for c in found if c is not None}


def _chain(update: Update, formulas: Sequence[Formula], rows: frozenset[str]) -> Chain | None:
    if [f.name for f in formulas] != FORMULAS or len(update.factor.latents) != 1 or update.factor.sequential:
        return None
    logits, pair = formulas[:2]
    if len(logits.indices) != 2 or logits.indices[0].size not in rows or not isinstance(pair.value, Polynomial):
        return None
    row, group = logits.indices
    links: set[Link] = set()
    steps: list[Monomial] = []
    for m in pair.value.monomials:
        here = [a for a, _ in m.powers if isinstance(a, Link)]
        rest = tuple((a, e) for a, e in m.powers if not isinstance(a, Link))
        if len(here) != 1 or any(row in set(atom_indices(a)) for a, _ in rest):
            return None
        links |= set(here)
        steps.append(Monomial(m.coefficient, rest, m.bound))
    if len(links) != 1 or pair.indices[0] != row or len(update.moment_specs) != 2:
        return None
    (link,) = links
    keys: dict[int, str] = {}
    for s in update.moment_specs:
        atoms = [a.name for a in s.value.atoms() if isinstance(a, Parameter)] if s.value is not None else []
        keys[len(atoms)] = s.key
    if link.sub != row or set(keys) != {1, 2}:
        return None
    starts = link.starts[0] if link.starts is not None else None
    _, before, after = pair.indices
    return Chain(update, row, group, Polynomial(tuple(steps)), before, after, starts, keys[1], keys[2])
