"""A chain of categories as scaled forward and backward passes: what a sweep needs of it without its pairs.

The factor of a chain is kept as q(z_t | z_{t+1}), rows times groups times groups. During sweeps the other factors need
only its marginals and the sum of its pairs, which are matrix products of scaled messages. Several chains that depend on
each other, since they add to the same observations, are gone through in turn, each given the marginals of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cavi.derive import Derived, Update
from cavi.derive.index import Index
from cavi.derive.result import Formula
from cavi.derive.term import Link, Moment, Monomial, Parameter, Polynomial, atom_indices
from cavi.templates.numpy.arrays import Operand, spread
from cavi.templates.numpy.statistics import Statistic, row_sizes

FORMULAS = "logits pair weights message forward filtered transition kernel probs".split()


@dataclass(frozen=True)
class Chain:
    """A chain of categories with one matrix of transitions, or several that are updated one after another.

    Attributes:
        update: the update of its factor.
        plates: the index over the chains, of several.
        row, group: positions and categories.
        transition: the log weight of a step over the two indices `before` and `after`.
        before, after: these.
        starts: known marks where sequences start, if there are such.
        marginal, pair: the keys of its two moments.
    """

    update: Update
    plates: tuple[Index, ...]
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

    def is_pair_sum(self, s: Statistic) -> bool:
        """Whether a statistic is Σ_t E[z_t z_{t-1}] over linked positions, of every chain or added up over chains."""
        return self._pair_axes(s) is not None

    def _pair_axes(self, s: Statistic) -> tuple[Index, ...] | None:
        """The indices of such a sum in the order of the pairs: chain, category now, category before."""
        match s.monomial.powers:
            case ((Moment(factor, key, subs), 1), (Link(at), 1)) | ((Link(at), 1), (Moment(factor, key, subs), 1)):
                if (factor, key) != (self.update.factor.name, self.pair) or subs[len(self.plates)] != at:
                    return None
                axes = tuple(i for i in subs if isinstance(i, Index) and i != at)
                free = {*axes} - {*s.monomial.bound}
                whole = len(set(axes)) == len(subs) - 1 and free == {*s.axes} and {*axes[-2:]} <= free
                return axes if whole and at in s.monomial.bound and s.monomial.coefficient == 1 else None
        return None

    def of_pairs(self, code: str, s: Statistic) -> str:
        """Such a sum of an array of pairs at [chain, now, before], its axes in the order of the statistic."""
        axes = self._pair_axes(s)
        assert axes is not None
        gone = tuple(p for p, i in enumerate(axes) if i in s.monomial.bound)
        code += f".sum(axis={gone if len(gone) > 1 else gone[0]})" if gone else ""
        return spread(Operand(code, tuple(i for i in axes if i not in s.monomial.bound)), s.axes)


def chains(derived: Derived, initial: bool = False) -> dict[str, Chain]:
    """Latent -> the plan of its passes; `initial` for the factor that a run starts from."""
    found = (_chain(u, u.initial if initial else u.formulas, row_sizes(derived)) for u in derived.updates)
    return {c.latent: c for c in found if c is not None}


def _chain(update: Update, formulas: Sequence[Formula], rows: frozenset[str]) -> Chain | None:
    if [f.name for f in formulas] != FORMULAS or len(update.factor.latents) != 1:
        return None
    logits, pair = formulas[:2]
    *plates, row, group = logits.indices
    if tuple(plates) != update.factor.sequential or row.size not in rows or not isinstance(pair.value, Polynomial):
        return None
    links: set[Link] = set()
    steps: list[Monomial] = []
    for m in pair.value.monomials:
        here = [a for a, _ in m.powers if isinstance(a, Link)]
        rest = tuple((a, e) for a, e in m.powers if not isinstance(a, Link))
        if len(here) != 1 or any(row in set(atom_indices(a)) for a, _ in rest):
            return None
        links |= set(here)
        steps.append(Monomial(m.coefficient, rest, m.bound))
    if len(links) != 1 or pair.indices[:-2] != (*plates, row) or len(update.moment_specs) != 2:
        return None
    (link,) = links
    keys: dict[int, str] = {}
    for s in update.moment_specs:
        atoms = [a.name for a in s.value.atoms() if isinstance(a, Parameter)] if s.value is not None else []
        keys[len(atoms)] = s.key
    if link.sub != row or set(keys) != {1, 2}:
        return None
    if link.starts is not None and link.starts[1] != (row,):
        return None
    starts = link.starts[0] if link.starts is not None else None
    before, after = pair.indices[-2:]
    return Chain(update, tuple(plates), row, group, Polynomial(tuple(steps)), before, after, starts, keys[1], keys[2])
