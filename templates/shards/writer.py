"""Writes a module whose shared functions read the data through totals only: sums over all rows, each a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cavi.derive import Derived
from cavi.derive.index import Index
from cavi.derive.result import ElboTerm
from cavi.derive.term import Moment, Monomial, Parameter, Polynomial, Size
from cavi.derive.text import show
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import shape_comment
from cavi.templates.numpy.planned import PlannedWriter, StatisticView
from cavi.templates.numpy.statistics import Planner, Statistic, Taken, name_of, statistic_text, sums_over_rows
from cavi.templates.shards.split import Split, is_additive, lifted, own_latents, refuse


@dataclass(frozen=True)
class Total:
    """A sum over all rows that shared functions read.

    Attributes:
        value: the sum.
        axes: the axes of its array.
        formula: for people.
        reads: the latents on which it depends.
    """

    value: Polynomial
    axes: tuple[Index, ...]
    formula: str
    reads: tuple[str, ...]


@dataclass
class ShardPlanner(Planner):
    """A planner that takes every sum over rows out of the functions of shared factors and out of the bound.

    `read` are those sums, `totals` those of them that the plain plan lacks, `beside` other sums in these functions.
    """

    split_of: Split = field(kw_only=True)
    totals: dict[Statistic, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    read: set[Statistic] = field(default_factory=set)
    beside: set[str] = field(default_factory=set)

    def called(self, statistic: Statistic) -> str:
        """The function that a statistic is: one that the shards have anyway, or a total of its own."""
        return self.chosen.get(statistic) or self.totals[statistic]

    def split(self, m: Monomial, function: str, own: str | None) -> Taken | None:
        """As `Planner.split`; in a shared function what runs over rows that are cut is always taken out."""
        running = {i.size for i in m.bound} & self.split_of.cut
        if not running or not self._shared(function) or not is_additive(m, self.split_of):
            found = super().split(m, function, own)
            if found is not None and self._shared(function):
                self.beside |= {self.chosen[s] for s, _ in found.statistics}
            return found
        if self.choosing:  # what the shards would keep anyway
            super().split(m, function, own)
        taken = sums_over_rows(lifted(m, self.split_of), self.split_of.cut, self.latents)
        if taken is None or any(own is not None and own in s.reads for s, _ in taken.statistics):
            return None
        for s, _ in taken.statistics:
            if self.choosing:
                self.totals.setdefault(s, "")
            else:
                self.read.add(s)
        return None if self.choosing else taken

    def name_totals(self) -> None:
        """After `choose`: names for the sums that are no function of the shards' own plan."""
        for s in self.totals:
            name = name_of(s, self.names, self.derived)
            while name in self.taken or name in self.chosen.values():
                name += "_"
            self.taken.add(name)
            self.totals[s] = name
        self.totals = {s: n for s, n in self.totals.items() if s not in self.chosen}

    def _shared(self, function: str) -> bool:
        return function == "elbo" or function.partition(" ")[2] in self.split_of.shared


class ShardWriter(PlannedWriter):
    """Writes the functions of a model whose data are cut."""

    rows_or_elements = False  # sums over rows are added up over shards

    def __init__(self, derived: Derived, names: Mapping[object, str], split: Split) -> None:
        super().__init__(derived, names)
        self.split = split
        self.parts: dict[str, Total] = {}
        self.entropies: dict[str, tuple[str, ...]] = {}
        self.own = own_latents(split, derived)

    def _planner(self) -> Planner:
        return ShardPlanner(self.derived, dict(self.names), split_of=self.split)

    @property
    def shard_planner(self) -> ShardPlanner:
        """The planner, once `plan` has begun."""
        assert isinstance(self.planner, ShardPlanner)
        return self.planner

    def _found(self) -> None:
        """The totals are functions too, and use what the shards keep."""
        for position, s in enumerate(self.shard_planner.totals):
            self._total(f"total {position}", Total(Polynomial((s.monomial,)), s.axes, "", s.reads))
        for name, part in self.parts.items():
            self._total(name, part)

    def _chosen(self) -> None:
        self.shard_planner.taken |= {*self.names.values(), *self.derived.model.sizes}
        self.shard_planner.name_totals()

    def _term(self, term: ElboTerm, scope: Scope) -> str:
        """A term of the bound: what runs over rows and reads nothing shared is one total."""
        if self._has_entropy(term):
            if term.name in self.split.own:
                self.entropies[f"entropy_{term.name}"] = self.derived.update(term.name).factor.latents
            return super()._term(term, scope)
        mine = [m for m in term.value.monomials if self._of_rows(m)]
        if not mine:
            return super()._term(term, scope)
        value = Polynomial(tuple(mine))
        kind = "entropy" if term.kind == "entropy" else "energy"
        name = f"{kind}_of_rows_{''.join(c if c.isalnum() else '_' for c in term.name)}"
        formula = show(value, self.derived.model.indices)
        self.parts[name] = Total(value, (), formula, self._latents(value))
        rest = Polynomial(tuple(m for m in term.value.monomials if m not in mine))
        call = f"{name}(state)"
        return f"{polynomial(rest, scope, ()).code} + {call}" if rest else call

    def _of_rows(self, m: Monomial) -> bool:
        """Whether a term runs over rows that are cut and reads no shared factor."""
        if not {i.size for i in m.bound} & self.split.cut or set(self._latents(Polynomial((m,)))) - self.own:
            return False
        if any(isinstance(a, Size) and a.name in self.split.cut for a in m.atoms) or not is_additive(m, self.split):
            return False
        assert self.planner is not None
        taken = sums_over_rows(m, self.split.cut, self.planner.latents)
        return taken is None or len(taken.statistics) == 1  # (Σ_n a)(Σ_n b) is not additive

    def _latents(self, p: Polynomial) -> tuple[str, ...]:
        found: set[str] = set()
        for a in p.atoms():
            if isinstance(a, Moment):
                found |= set(self.derived.update(a.factor).factor.latents)
            elif isinstance(a, Parameter):
                found.add(a.latent)
        return tuple(sorted(found))

    def totals(self) -> dict[str, Total]:
        """Every sum over rows that shared functions read and that is no function of the shards' plan, by name."""
        sums = {
            n: Total(
                Polynomial((s.monomial,)),
                s.axes,
                statistic_text(s, self.derived),
                s.reads,
            )
            for s, n in self.shard_planner.totals.items()
        }
        return {**sums, **self.parts}

    def total_names(self) -> dict[str, tuple[str, ...]]:
        """The functions that are added up over shards, and the latents that each depends on."""
        planner = self.shard_planner
        plain = {n: s.reads for s, n in planner.chosen.items() if s in planner.read}
        return {**plain, **{n: t.reads for n, t in self.totals().items()}, **self.entropies}

    def statistics(self) -> tuple[StatisticView, ...]:
        """The sums that a shard keeps, and the totals as functions of a shard."""
        totals = tuple(self._total(name, t) for name, t in self.totals().items())  # first: they use sums of the shard
        return (*super().statistics(), *totals)

    def _total(self, name: str, t: Total) -> StatisticView:
        scope = self.scope(name)
        code = polynomial(t.value, scope, t.axes).code
        lines = self._flush(scope)
        comment = f"  # {shape_comment(i.size for i in t.axes)}"
        body: Sequence[str] = (*self._unpack(scope, ()), *lines, *assign("return", code))
        if len(body) and len(body[-1]) + len(comment) < 120 and t.axes:
            body = (*body[:-1], body[-1] + comment)
        return StatisticView(name, t.formula, t.reads, tuple(body))

    def check(self) -> None:
        """Once everything is written: refuse shared functions that read rows, and totals that read shared factors.

        Raises:
            CaviError: naming what is read, and where.
        """
        shared = {f"{kind} {f}" for f in self.split.shared for kind in ("update", "moments", "follow")} | {"elbo"}
        for function in sorted((shared | self.shard_planner.beside) & set(self.reads)):
            for key in sorted(self.reads[function], key=str):
                if self._is_of_rows(key):
                    kind, _, factor = function.partition(" ")
                    where = (
                        f"the {kind} of q({factor})" if factor else "the bound" if kind == "elbo" else f"the sum {kind}"
                    )
                    raise refuse(self.split, f"{where} reads {self.names[key]} of single rows")
        for name, reads in self.total_names().items():
            if set(reads) - self.own:
                latents = ", ".join(sorted(set(reads) - self.own))
                raise refuse(self.split, f"the sum {name} over rows depends on the shared {latents} row by row")

    def _is_of_rows(self, key: object) -> bool:
        if isinstance(key, str):
            return any(i.size in self.split.cut for i in self.derived.model.variable(key).indices)
        assert isinstance(key, tuple)
        return key[1] in self.own if key[0] == "parameter" else key[0] in self.split.own
