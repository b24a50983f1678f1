"""Writes a module whose shared functions read the data through totals only: sums over all rows, each a function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cavi.derive import Derived, Update
from cavi.derive.index import Index
from cavi.derive.methods import NORMAL
from cavi.derive.result import ElboTerm, Formula, MomentSpec
from cavi.derive.term import Moment, Monomial, Parameter, Polynomial, Size
from cavi.derive.text import show
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import quote, shape_comment
from cavi.templates.numpy.planned import PlannedWriter, StatisticView
from cavi.templates.numpy.statistics import Planner, statistic_text, sums_over_rows
from cavi.templates.shards.planner import ShardPlanner
from cavi.templates.shards.split import Split, is_additive, own_latents, refuse


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


class ShardWriter(PlannedWriter):
    """Writes the functions of a model whose data are cut."""

    rows_or_elements = False  # sums over rows are added up over shards

    def __init__(self, derived: Derived, names: Mapping[object, str], split: Split) -> None:
        super().__init__(derived, names)
        self.split = split
        self.parts: dict[str, Total] = {}
        self.entropies: dict[str, tuple[str, ...]] = {}
        self.rows: dict[str, tuple[str, ...]] = {}
        self.own = own_latents(split, derived)

    def _planner(self) -> Planner:
        of_rows = {(f.latent, f.name) for n in self.split.shared for f in self._row_formulas(self.derived.update(n))}
        return ShardPlanner(
            self.derived, dict(self.names), split_of=self.split, own=frozenset(self.own), of_rows=frozenset(of_rows)
        )

    @property
    def shard_planner(self) -> ShardPlanner:
        """The planner, once `plan` has begun."""
        assert isinstance(self.planner, ShardPlanner)
        return self.planner

    def _cut(self, indices: Iterable[Index]) -> bool:
        return any(i.size in self.split.cut for i in indices)

    def _row_formulas(self, update: Update) -> list[Formula]:
        """Parameters of a shared factor at single rows: E[f(x[n]·w)] by quadrature, the argument of a function."""
        return [f for f in update.formulas if update.factor.name in self.split.shared and self._cut(f.indices)]

    def _row_moments(self, update: Update) -> list[MomentSpec]:
        """Expectations under a shared factor at single rows."""
        return [s for s in update.moment_specs if update.factor.name in self.split.shared and self._cut(s.indices)]

    def _rows(self, update: Update) -> tuple[str, ...]:
        """The body that computes what a shared factor has at single rows, on a shard."""
        formulas, moments = self._row_formulas(update), self._row_moments(update)
        name = update.factor.name
        first = self._formulas(formulas, f"rows {name}") if formulas else ()
        if not moments:
            return first
        parts = self._moments(update, moments, f"moments of rows {name}")
        return (*first, *(line for line in parts if line not in first or " = state." not in line))

    def update(self, update: Update, formulas: Sequence[Formula], kind: str = "update") -> tuple[str, ...]:
        """As of the plain module; what a shared factor has at single rows is left to `rows`."""
        gone = self._row_formulas(update)
        if not gone:
            return super().update(update, formulas, kind)
        here = super().update(update, [f for f in formulas if f not in gone], kind)
        before = kind == "update" and any(f.role == "auxiliary" for f in gone)
        return (*self._on_shards(update), *here) if before else here

    def follow(self, update: Update) -> tuple[str, ...]:
        """As of the plain module, without what a shared factor has at single rows."""
        gone = self._row_formulas(update)
        return super().follow(replace(update, formulas=tuple(f for f in update.formulas if f not in gone)))

    def moments(self, update: Update) -> tuple[str, ...]:
        """As of the plain module; of a shared factor those at single rows only where there are rows."""
        gone = self._row_moments(update)
        if not gone and not self._row_formulas(update):
            return super().moments(update)
        kept = replace(update, moment_specs=tuple(s for s in update.moment_specs if s not in gone))
        self.rows[update.factor.name] = self._rows(update)
        return (*super().moments(kept), *self._on_shards(update))

    def _on_shards(self, update: Update) -> tuple[str, ...]:
        return "if not isinstance(state, Lead):", f"    {row_function(update)}(state)"

    def _write(self, u: Update) -> None:
        super()._write(u)
        if u.height is not None:
            self.height(u)

    def _found(self) -> None:
        """The totals are functions too, and use what the shards keep."""
        for position, s in enumerate(self.shard_planner.totals):
            if self.shard_planner.made_again(s):
                self.shard_planner.unsplit.add(f"total {position}")
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

    def together(self) -> tuple[tuple[str, ...], ...]:
        """Sums that a function reads at once: those of the bound, then those of heights, then those of updates."""
        planner, found = self.shard_planner, dict[str, set[str]]()
        for function, read in planner.read_by.items():
            found[function] = {planner.called(s) for s in read}
        found["elbo"] = found.get("elbo", set()) | set(self.parts) | set(self.entropies)
        kinds = ["elbo", "height", "update"]
        order = sorted(found, key=lambda f: (kinds.index(k) if (k := f.partition(" ")[0]) in kinds else 3, f))
        return tuple(tuple(sorted(found[f])) for f in order if found[f])

    @property
    def asks(self) -> bool:
        """Whether sums change within a sweep: where they read shared factors, or a factor of rows has a guard."""
        if any(set(reads) - self.own for reads in self.total_names().values()):
            return True
        return any(self.derived.update(n).chosen in NORMAL for n in self.split.own)

    def statistics(self) -> tuple[StatisticView, ...]:
        """The sums that a shard keeps, and the totals as functions of a shard."""
        totals = tuple(self._total(name, t) for name, t in self.totals().items())  # first: they use sums of the shard
        found = (*super().statistics(), *totals)
        if not self.asks:
            return found
        asked = {n for n, reads in self.total_names().items() if reads}
        return tuple(
            replace(s, body=("if isinstance(state, Lead):", f"    return state.asked({quote(s.name)})", *s.body))
            if s.name in asked
            else s
            for s in found
        )

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
        """Once everything is written: refuse shared functions that read rows, and sums that no shard can make alone.

        Raises:
            CaviError: naming what is read, and where.
        """
        kinds = ("update", "moments", "follow", "height")
        shared = {f"{kind} {f}" for f in self.split.shared for kind in kinds} | {"elbo"}
        for function in sorted((shared | self.shard_planner.beside) & set(self.reads)):
            for key in sorted(self.reads[function], key=str):
                if self._is_of_rows(key):
                    kind, _, factor = function.partition(" ")
                    where = (
                        f"the {kind} of q({factor})" if factor else "the bound" if kind == "elbo" else f"the sum {kind}"
                    )
                    raise refuse(self.split, f"{where} reads {self.names[key]} of single rows")
        for name in self.split.shared:
            self._check_shared(self.derived.update(name))

    def _check_shared(self, update: Update) -> None:
        """Refuse what shards cannot compute of a shared factor at rows, and points of rows that follow its steps."""
        name, gone = update.factor.name, self._row_formulas(update)
        if update.factor.sequential and (gone or self._row_moments(update)):
            raise refuse(
                self.split, f"the elements of q({name}) are updated one after another, with expectations at single rows"
            )
        known = {(f.latent, f.name) for f in update.formulas if f.role != "auxiliary" or f in gone}
        for f in gone:
            read = f.value.atoms() if isinstance(f.value, Polynomial) else ()
            for a in read:
                if isinstance(a, Parameter) and a.latent in update.factor.latents and (a.latent, a.name) not in known:
                    raise refuse(
                        self.split,
                        f"{f.latent}.{f.name} of single rows depends on {a.latent}.{a.name} within an update",
                    )
        late = sorted(set(update.climbs or ()) & self.own)
        if late:
            raise refuse(self.split, f"{', '.join(late)} of rows would follow each step of the shared {name}")

    def _is_of_rows(self, key: object) -> bool:
        if isinstance(key, str):
            return any(i.size in self.split.cut for i in self.derived.model.variable(key).indices)
        assert isinstance(key, tuple)
        if key[0] == "parameter":
            formula = self._formulas_of(str(key[1])).get(str(key[2]))
            return key[1] in self.own or (formula is not None and self._cut(formula.indices))
        return key[0] in self.split.own or self._cut(self._spec(str(key[0]), str(key[1])).indices)


def row_function(update: Update) -> str:
    """The name of the function that computes what a shared factor has at single rows."""
    return f"rows_of_{update.factor.name.replace(',', '_')}"
