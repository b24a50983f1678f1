"""Which sums over rows a module for shards has: all that the functions of shared factors and the bound read."""

from __future__ import annotations

from dataclasses import dataclass, field

from cavi.derive.term import Monomial, Parameter, Polynomial
from cavi.templates.numpy.statistics import Planner, Statistic, Taken, local_to, name_of, sums_over_rows
from cavi.templates.shards.split import Split, is_additive, lifted, pulled


@dataclass
class ShardPlanner(Planner):
    """A planner that takes every sum over rows out of the functions of shared factors and out of the bound.

    `read` are those sums, `read_by` has them by function, `totals` are those that the plain plan lacks, `beside` other
    sums in these functions, `unsplit` functions in which nothing is taken apart. Such a sum may read expectations under
    a shared factor at single rows, E[exp(x[n]·w)], which shards know once they know the factor.

    Attributes:
        own: the latents that belong to rows.
        of_rows: parameters (latent, name) of shared factors that have a value for each row.
    """

    split_of: Split = field(kw_only=True)
    own: frozenset[str] = field(kw_only=True)
    of_rows: frozenset[tuple[str, str]] = field(kw_only=True)
    totals: dict[Statistic, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    read: set[Statistic] = field(default_factory=set)
    read_by: dict[str, set[Statistic]] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)
    unsplit: set[str] = field(default_factory=set)

    def called(self, statistic: Statistic) -> str:
        """The function that a statistic is: one that the shards have anyway, or a total of its own."""
        return self.chosen.get(statistic) or self.totals[statistic]

    def split(self, m: Monomial, function: str, own: str | None) -> Taken | None:
        """As `Planner.split`; in a shared function what runs over rows that are cut is always taken out."""
        if function in self.unsplit:
            return None
        running = {i.size for i in m.bound} & self.split_of.cut
        if not running or not self._shared(function) or not is_additive(m, self.split_of):
            found = super().split(m, function, own)
            if found is not None and self._shared(function):
                self.beside |= {self.chosen[s] for s, _ in found.statistics}
            return found
        taken = self._apart(m, function)
        again = taken is not None and any(self.made_again(s) for s, _ in taken.statistics)
        if self.choosing and not again:  # what the shards would keep anyway
            super().split(m, function, own)
        if taken is None or any(own is not None and own in s.reads for s, _ in taken.statistics):
            return None
        for s, _ in taken.statistics:
            if self.choosing:
                self.totals.setdefault(s, "")
            else:
                self.read.add(s)
                self.read_by.setdefault(function, set()).add(s)
        return None if self.choosing else taken

    def made_again(self, s: Statistic) -> bool:
        """Whether a sum reads shared factors: it is made again in every sweep, and its parts are not kept."""
        return bool(set(s.reads) - self.own)

    def _apart(self, m: Monomial, function: str) -> Taken | None:
        """The sums over rows in a monomial; those that read shared factors with what they are contracted with.

        E[u[doc[n]]] of a shared factor stands outside, as Σ_d E[u[d]] Σ_n δ[d, doc[n]] …, unless a sum that reads
        shared factors has one more axis then.
        """
        up = lifted(m, self.split_of)
        taken = sums_over_rows(up, self.split_of.cut, self.latents)
        if taken is None or any(self._computed_here(s, function) for s, _ in taken.statistics):
            return None
        again = [(s, here) for s, here in taken.statistics if self.made_again(s)]
        places = set(up.bound[len(m.bound) :])
        axes = {i for _, here in again for i in here} - places
        if axes and (places or axes & set(taken.rest.bound)):
            found = pulled(m, self.split_of, self.latents)
            if found is not None and not any(self._computed_here(s, function) for s, _ in found.statistics):
                return found
        return taken

    def _computed_here(self, s: Statistic, function: str) -> bool:
        """Whether a sum reads what the function has only just computed, which no shard knows."""
        if function.startswith("height "):  # it reads what has been stored
            return False
        return any(
            isinstance(a, Parameter) and local_to(function, a) and (a.latent, a.name) not in self.of_rows
            for a in Polynomial((s.monomial,)).atoms()
        )

    def name_totals(self) -> None:
        """After `choose`: names for the sums that are no function of the shards' own plan."""
        for s in self.totals:
            name = name_of(s, self.names, self.derived)
            while name in self.taken or name in self.chosen.values():
                name += "_"
            self.taken.add(name)
            self.totals[s] = name
            self.unsplit |= {name} if self.made_again(s) else set()
        self.totals = {s: n for s, n in self.totals.items() if s not in self.chosen}

    def _shared(self, function: str) -> bool:
        kind, _, factor = function.partition(" ")
        return function == "elbo" or (factor in self.split_of.shared and kind != "rows")
