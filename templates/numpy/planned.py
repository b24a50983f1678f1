"""What a module computes over rows of data: sums that are kept, products of features, passes over chains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cavi.derive import Update
from cavi.derive.index import Gather, Index
from cavi.derive.result import ElboTerm, Formula
from cavi.derive.term import Delta, Element, Monomial, Polynomial
from cavi.templates.numpy.alive import alive
from cavi.templates.numpy.arrays import Operand, Scope, spread
from cavi.templates.numpy.chains import Chain
from cavi.templates.numpy.dual import Dual, duals
from cavi.templates.numpy.emit import polynomial, segments
from cavi.templates.numpy.features import Features, column_text
from cavi.templates.numpy.functions import Writer
from cavi.templates.numpy.in_blocks import added_in_blocks
from cavi.templates.numpy.inner import inner_of
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.linear import LinearMap
from cavi.templates.numpy.linear_pass import LinearView, linear_view, only_sums
from cavi.templates.numpy.local import LocalView, fills, lines_of, ones, sizes_of, stacked, total, weight, without_casts
from cavi.templates.numpy.marks import matrix_code, sides_text
from cavi.templates.numpy.names import CAST, quote, shape_comment
from cavi.templates.numpy.repeated import Repeated, repeated
from cavi.templates.numpy.statistics import ONE, Marks, Planner, Statistic, flops, statistic_text
from cavi.templates.numpy.table_pass import (
    InnerView,
    PartView,
    SumView,
    TablesView,
    is_bilinear,
    reads_of,
    size_code,
    sum_views,
    table_code,
    weight_code,
)
from cavi.templates.numpy.tables import Sum, Table, Tables, entropy_weight

PARTS = ("columns", "lines")


@dataclass(frozen=True)
class ChainView:
    """A chain that a sweep need not keep whole.

    Attributes:
        latent: the category.
        logits, transition, starts: what its passes are made of.
        keeps: the sums of pairs and what they are of the passes.
        marginal, pair: the names of its moments.
        body: the statements that compute the logits; before: of several chains those before the first of them.
        row: the index over positions.
        loops: of several chains, the loops over them; at: the chain that is gone through.
        shape: the sizes of the sums of pairs.
    """

    latent: str
    logits: str
    transition: str
    starts: str
    keeps: tuple[tuple[str, str], ...]
    marginal: str
    pair: str
    body: tuple[str, ...]
    row: str
    before: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    at: str = ""
    shape: str = ""

    @property
    def indent(self) -> str:
        """What stands before the lines inside the loops."""
        return "    " * len(self.loops)


@dataclass(frozen=True)
class StatisticView:
    """A sum over rows: its function, the formula, the latents that it reads, the statements."""

    name: str
    formula: str
    reads: tuple[str, ...]
    body: tuple[str, ...]


class PlannedWriter(Writer):
    """Writes functions that share sums over rows, after one pass over all of them to see which are shared."""

    rows_or_elements = True  # whether a module may decide by its data to work on N x N and not D x D numbers
    of_duals = frozenset({"Outer", "Narrow"})  # the helpers that vectors with fewer rows than elements call
    of_chains = frozenset({"forward_backward", "kernels", "Lazy"})  # the helpers that passes over chains call

    def update(self, update: Update, formulas: Sequence[Formula], kind: str = "update") -> tuple[str, ...]:
        """The body of an update or a start; a chain starts by passes, a vector may have a form by rows."""
        dual = self.duals.get(update.factor.name)
        if dual is not None:
            return (*self._by_rows(dual, formulas, kind), *super().update(update, formulas, kind))
        chain = self.first_chains.get(update.factor.name)
        if chain is not None and formulas is update.initial and not chain.plates:
            return self._first_passes(update, chain)
        return super().update(update, formulas, kind)

    def _by_rows(self, plan: Dual, formulas: Sequence[Formula], kind: str) -> Iterator[str]:
        """The update or start of a vector where there are fewer rows than elements."""
        name, starts = plan.update.factor.name, formulas is plan.update.initial or not formulas
        scope, d = self.scope(f"{kind} {name}"), plan.element
        size = scope.size(d.size)
        linear, diagonal = f"np.zeros({size})", f"np.ones({size})"
        if formulas:
            linear = self._whole(_value_of(formulas, "linear"), scope, formulas[0].indices)
            diagonal = polynomial(plan.diagonal(formulas), scope, formulas[1].indices[:1]).code
        data = scope.name(plan.data)
        weights = polynomial(plan.weights(), scope, (plan.row,)).code if not starts else ""
        lines = self._flush(scope)
        self.helpers |= self.of_duals
        body = (
            *self._unpack(scope, ()),
            *lines,
            *assign("linear =", linear),
            *self._solved_by_rows(plan, data, weights, diagonal),
        )
        yield f"if {self._fewer_rows(plan)}:  # fewer rows than elements"
        yield from (f"    {line}" for line in body)

    def _fewer_rows(self, plan: Dual) -> str:
        """Whether a vector has its form by rows."""
        return f"state.sizes[{quote(plan.row.size)}] < state.sizes[{quote(plan.element.size)}]"

    def _solved_by_rows(self, plan: Dual, data: str, weights: str, diagonal: str) -> Iterator[str]:
        """The statements that end an update of a vector by rows; a start has no weights, and no rows."""
        rows = f"{data}, {weights}" if weights else f"{data}[:0], 1.0"
        yield f"narrow = Narrow.solved({rows}, {diagonal}, linear)"
        yield f"state.params[{quote(plan.latent)}] = narrow.params(linear)"
        yield f"state.refresh({quote(plan.update.factor.name)})"
        yield "return"

    def moments(self, update: Update) -> tuple[str, ...]:
        """The body that computes moments; those of a vector in its form by rows are its own."""
        found, plan = super().moments(update), self.duals.get(update.factor.name)
        if plan is None:
            return found
        return (*self._moments_by_rows(plan), *found)

    def _moments_by_rows(self, plan: Dual) -> Iterator[str]:
        """The statements that make the moments of a vector in its form by rows, if it is in it."""
        values = [(plan.mean, "narrow.mean"), (plan.second, "narrow")]
        values += [(plan.square, "narrow.variances + narrow.mean ** 2")] if plan.square else []
        yield f'narrow = getattr(state.params[{quote(plan.latent)}], "source", None)'
        yield "if narrow is not None:  # fewer rows than elements"
        yield from (f"    state.moments[{quote(self.names[plan.latent, key])}] = {code}" for key, code in values)
        yield "    return"

    def narrow_start(self, update: Update) -> tuple[str, ...]:
        """The start of a vector without a proper prior that may have a form by rows."""
        name = quote(update.factor.name)
        plain = (f"_plain_start(state, {name})", f"_follow(state, {name})", f"state.refresh({name})")
        return (*self._by_rows(self.duals[update.factor.name], (), "start"), *plain)

    def plan(self) -> None:
        """Write every function once, to see which sums over rows several of them need."""
        self.planner = self._planner()
        for u in self.derived.updates:
            self._write(u)
            self.moments(u)
        self.elbo()
        self._found()
        self.helpers = set()
        self.reads = {}
        self.planner.clear()
        self.planner.choose(
            [*self.names.values(), *self.derived.model.sizes], {*self.plans, *self.tables, *self.chains, *self.maps}
        )
        self._chosen()
        if self.rows_or_elements:
            self.duals = duals(self.derived, self.planner.chosen)
            for d in self.duals.values():
                second = self.names[d.update.factor.name, d.second]
                self.planner.traced[second] = f"{self.planner.called(d.gram)}(state)"
        self._leave_out()

    def _planner(self) -> Planner:
        return Planner(self.derived, dict(self.names))

    def _found(self) -> None:
        """For writers with more functions: write those that the first pass has found."""

    def _chosen(self) -> None:
        """For writers with more functions: what follows from the choice of sums."""

    def _write(self, u: Update) -> None:
        """Every function of a factor but its moments, to see what they use."""
        self.update(u, u.formulas)
        if u.initial:
            self.update(u, u.initial, "start")
        self.follow(u)
        self.from_marginals(u)

    def _leave_out(self) -> None:
        """Moments that only sums over rows need, which are made without them: found by writing all but the moments."""
        assert self.planner is not None
        found = [repeated(s, self.derived) for s in self.planner.chosen]
        moments = {r.moment for r in found if r is not None and r.moment is not None}
        moments |= {
            (c.update.factor.name, c.pair) for c in self.chains.values() if any(map(c.is_pair_sum, self.planner.chosen))
        }
        if not moments:
            return
        for u in self.derived.updates:
            self._write(u)
        self.elbo()
        self.statistics()
        self.locals()
        self.left_out = moments - {key for keys in self.reads.values() for key in keys}
        self.helpers, self.reads = set(), {}
        self.planner.clear()

    def statistics(self) -> tuple[StatisticView, ...]:
        """The sums over rows that are functions of their own."""
        if self.planner is None:
            return ()
        found = [self._statistic(s, name) for s, name in self.planner.chosen.items()]
        entropies = [self._entropy(t) for t in self._parts() if self._has_entropy(t)]
        members = [self._members(n, d) for n, d in self.planner.scattered.items()]
        return (*members, *(self._marks(x, n) for x, n in self.planner.marked.items()), *found, *entropies)

    def statements(self, scope: Scope) -> tuple[str, ...]:
        """What names all that the code in a scope refers to."""
        return (*self._unpack(scope, ()), *self._flush(scope))

    def _parts(self) -> list[ElboTerm]:
        """The terms of the bound as they are written."""
        return [part for _, parts in self.terms for part in parts]

    def _entropy(self, term: ElboTerm) -> StatisticView:
        scope = Scope(self.names, large=self.large, function=f"entropy_{term.name}", statistic=True)
        code = polynomial(term.value, scope, ()).code
        lines = self._flush(scope)
        body = (*self._unpack(scope, ()), *lines, *assign("return", code))
        return StatisticView(f"entropy_{term.name}", f"The entropy of q({term.name}).", (term.name,), body)

    def _members(self, name: str, deltas: tuple[Delta, ...]) -> StatisticView:
        scope = Scope(self.names, large=self.large, function=name)
        code = segments(deltas, scope)
        words = " and ".join(d.right.name for d in deltas if isinstance(d.right, Gather))
        return StatisticView(name, f"Which rows share {words}.", (), (*self._unpack(scope, ()), f"return {code}"))

    def _marks(self, marks: Marks, name: str) -> StatisticView:
        scope = Scope(self.names, large=self.large, function=name)
        code = matrix_code(marks, scope)
        lines, columns = sides_text(marks, self.derived.model)
        text = f"Which of {lines} and {columns} occur together{', by weight' if marks.weight else ''}."
        return StatisticView(name, text, (), (*self._unpack(scope, ()), *self._flush(scope), *assign("return", code)))

    def _statistic(self, s: Statistic, name: str) -> StatisticView:
        scope = Scope(self.names, large=self.large, planner=self.planner, function=name, statistic=True)
        plans = [*self.plans.values(), *(m.features for m in self._mapped() if m.column_of(s) is not None)]
        out = next((o for plan in plans if (o := total(s, plan, scope)) is not None), None)
        parts = repeated(s, self.derived) if out is None else None
        if parts is not None:
            out = self._repeated(parts, s, scope)
        chain = next((c for c in self.chains.values() if c.is_pair_sum(s)), None)
        if chain is not None:
            out = out or self._pairs_of(chain, s, scope)
        row = self._row_in_blocks(s.monomial, s.monomial.bound) if out is None else None
        out = out or polynomial(Polynomial((s.monomial,)), scope, s.axes)
        if row is not None:
            scope.size(row.size)
            scope.helper("blocks")
        lines = self._flush(scope)
        comment = f"  # {shape_comment(i.size for i in s.axes)}"
        if lines and lines[-1].startswith(f"{out.code} = "):
            code = lines.pop().removeprefix(f"{out.code} = ").partition("  # ")[0]
        else:
            code = out.code
        unpacked = self._unpack(scope, ())
        added = added_in_blocks(unpacked, lines, code, row) if row is not None else [*lines, f"return {code}{comment}"]
        body = alive((*(() if row is not None else unpacked), *added))
        dual = next((d for d in self.duals.values() if d.gram == s), None)
        if dual is not None:
            body = (*self._not_added_up(dual, s), *body)
        return StatisticView(name, statistic_text(s, self.derived), s.reads, body)

    def _not_added_up(self, plan: Dual, s: Statistic) -> Iterator[str]:
        """A sum of outer products as its rows, where there are fewer of them than elements."""
        scope = Scope(self.names, large=self.large, planner=self.planner, statistic=True)
        row = plan.row_of(s.monomial)
        rest = tuple((a, e) for a, e in s.monomial.powers if not (isinstance(a, Element) and a.name == plan.data))
        bound = tuple(i for i in s.monomial.bound if i != row)
        weights = f", {polynomial(Polynomial((Monomial(ONE, rest, bound),)), scope, (row,)).code}" if rest else ""
        code = f"Outer({scope.name(plan.data)}{weights})"
        lines = self._flush(scope)
        self.helpers |= self.of_duals
        yield f"if {self._fewer_rows(plan)}:"
        yield from (f"    {line}" for line in (*self._unpack(scope, ()), *lines, f"return {code}"))

    def _pairs_of(self, chain: Chain, s: Statistic, scope: Scope) -> Operand:
        """A sum of pairs out of q, a block of rows after another."""
        starts = f", {scope.name(chain.starts)}" if chain.starts is not None else ""
        code = f"{scope.helper('pair_sum')}(state.params[{quote(chain.latent)}]{starts})"
        return Operand(chain.of_pairs(code, s), s.axes)

    def _repeated(self, parts: Repeated, s: Statistic, scope: Scope) -> Operand:
        """Σ_n of what is the same for all rows, and of the rest."""
        same = []
        for p in parts.same:
            axes = tuple(i for i in p.subs[1:] if isinstance(i, Index))
            code = f"{scope.helper('row_sum')}({scope.name(('parameter', p.latent, p.name))})"
            same.append(spread(Operand(code, axes), s.axes))
        rest = [polynomial(parts.rest, scope, s.axes).code] if parts.rest else []
        return Operand(" + ".join([*same, *rest]), s.axes, plain=False)

    def plan_text(self) -> tuple[str, ...]:
        """What is computed when, and what it costs: for the docstring of the module."""
        assert self.planner is not None
        lines = []
        for v in self.locals():
            if v.latent in self.maps:
                lines.append(
                    f"gram_{v.latent}: once, 2·{v.rows}·F² flops, F = {v.width}; E[{v.latent}] is a linear map of the "
                    "data of a row, and a sweep of fit makes sums over rows of it only, from these"
                )
                continue
            kept = "; during sweeps of fit q is not kept" if v.collected else ""
            lines.append(
                f"features_{v.latent}, natural_{v.latent}: logits of q({v.latent}) = η T in blocks of rows, "
                f"T of F = {v.width} lines ({v.columns}); a sweep has 4·{v.rows}·{v.groups}·F flops, reads the data "
                f"once and works on blocks of F + {v.groups} numbers a row{kept}"
            )
        for g in self.table_passes():
            how = (
                f"multiplies rows of them once for each pair ({g.places}), three times 2·{g.groups} flops"
                if g.counts
                else f"multiplies rows of them in blocks of {g.groups} numbers a row of the data"
            )
            lines.append(
                f"tables_{g.latent}: logits of q({g.latent}) are added up of rows of tables at {g.places}; "
                f"a sweep takes exponentials of the tables and {how}; during sweeps of fit q is not kept"
            )
        for c in self.chains.values():
            lines.append(
                f"forward_backward: passes over q({c.latent}) in some √{c.row.size} steps; "
                f"10·{c.row.size}·{c.group.size}² flops where the chain forgets"
            )
        for d in self.duals.values():
            n, size = d.row.size, d.element.size
            lines.append(
                f"Narrow: with {n} < {size} a sweep has some 6·{n}²·{size} flops for q({d.latent}) and no matrix of "
                f"{size} x {size} numbers; else 2·{size}³"
            )
        plans: list[Features | LinearMap] = [*self.plans.values(), *self._mapped()]
        for s, name in self.planner.chosen.items():
            when = f"kept for the present q({', '.join(s.reads)})" if s.reads else "once"
            part = next((p.latent for p in plans if p.column_of(s) is not None), None)
            cost = f"a part of sums_{part}" if part else f"{flops(s)} flops"
            if s.monomial.bound:
                lines.append(f"{name}: {when}, {cost}")
        return tuple(lines)

    def locals(self) -> tuple[LocalView, ...]:
        """The local updates that are matrix products."""
        return (
            *(self._local(plan) for plan in self.plans.values()),
            *(self._local(m.features, "linear parameter") for m in self._mapped()),
        )

    def linear_passes(self) -> tuple[LinearView, ...]:
        """The vectors of which a sweep makes sums only."""
        assert self.planner is not None
        return tuple(
            linear_view(m, self, self.planner, lines_of(m.features), self._sizes(sizes_of(m.features)))
            for m in self._mapped()
        )

    def _mapped(self) -> list[LinearMap]:
        assert self.planner is not None
        return [m for m in self.maps.values() if only_sums(m, self, self.planner)]

    def _local(self, plan: Features, target: str = "logits") -> LocalView:
        inside, outside = Scope(self.names, large=self.large), self.scope(f"natural {plan.latent}")
        filled = fills(plan, inside)
        weights = [weight(c, p, plan, outside) for c, p in zip(plan.columns, plan.weights, strict=True)]
        natural = [*self._flush(outside), *stacked(weights, end=CAST)]
        blocks = self._flush(inside)
        update, z = plan.update, plan.latent
        entropies = [t for t in self._parts() if t.name == z and self._has_entropy(t)]
        once = any(entropy_weight(t, z, plan.row) == () for t in entropies)
        return LocalView(
            latent=z,
            target=target,
            rows=plan.row.size,
            groups=plan.group.size,
            width=lines_of(plan),
            unpacked=self._sizes(sizes_of(plan)),
            row=plan.row.name,
            columns=", ".join(column_text(c, self.derived) for c in plan.columns),
            ones=ones(plan),
            features=(
                *without_casts(self._unpack(inside, (), plan.row.size), (*blocks, *filled)),
                *blocks,
                "if out is None:",
                f"    out = np.empty(({lines_of(plan)}, len({next(iter(inside.used))})), state.dtype)",
                *(f"    out[{line}] = 1.0" for line in ones(plan)),
                *filled,
                "return out",
            ),
            natural=(*self._unpack(outside, ()), *natural),
            reads=(z, *plan.reads),
            collected=plan.whole and once and self._collected(plan),
            moment=self._moment(update),
        )

    def _moment(self, update: Update) -> str:
        """The name of the one moment of a category."""
        return self.names[update.factor.name, next(s.key for s in update.moment_specs if s.value is not None)]

    def _first_passes(self, update: Update, chain: Chain) -> tuple[str, ...]:
        """The start of a chain by passes; by recursion in logarithms where weights vanish in floating point."""
        z, name = chain.latent, update.factor.name
        logits = self.names["parameter", z, "logits"]
        recursion = self._formulas(update.initial, f"start {name}")
        scope, body = self.scope(f"start {name}"), list[str]()
        body.extend(self._own_logits(update.initial[0], scope))
        transition = polynomial(chain.transition, scope, (chain.before, chain.after)).code
        starts = f", {scope.name(chain.starts)}" if chain.starts is not None else ""
        self.helpers |= self.of_chains
        return (
            *self._unpack(scope, {logits}),
            *body,
            *self._flush(scope),
            f"transition = {transition}",
            f"found = forward_backward({logits}, transition{starts})",
            "if found is not None:",
            "    marginals, _, _, filtered, _ = found",
            f"    kernel = functools.partial(kernels, filtered, transition{starts})",
            f'    state.params[{quote(z)}] = Lazy({{"filtered": filtered, "probs": marginals}}, {{"kernel": kernel}})',
            f"    state.refresh({quote(name)})",
            "    return",
            *recursion,
            f"state.refresh({quote(name)})",
        )

    def _own_logits(self, logits: Formula, scope: Scope) -> Iterator[str]:
        """The logits of a chain in memory of their own, which the marginals take."""
        yield from self._plain((logits,), scope, set())
        plan, name = self.plans.get(logits.latent), self.names["parameter", logits.latent, logits.name]
        if plan is None or logits.value is not plan.logits:
            yield f"{name} = np.array({name})"

    def passes(self) -> tuple[ChainView, ...]:
        """The chains that a sweep need not keep whole."""
        return tuple(v for c in self.chains.values() if (v := self._pass(c)) is not None)

    def _pass(self, chain: Chain) -> ChainView | None:
        """What the forward and backward passes of a chain are written with; None where others read its pairs."""
        assert self.planner is not None
        update, z = chain.update, chain.latent
        name = update.factor.name
        entropy = any(t.name == z and self._has_entropy(t) for t in self._parts())
        kept: set[object] = {("parameter", z, f.name) for f in update.formulas}
        kept.add((name, chain.pair))
        own = {f"{kind} {name}" for kind in ("update", "start", "moments", "follow", "from_marginals")}
        own |= {f"entropy_{z}"}
        sums = {s: n for s, n in self.planner.chosen.items() if chain.is_pair_sum(s)}
        own |= set(sums.values())
        if not entropy or any(keys & kept for function, keys in self.reads.items() if function not in own):
            return None
        turned = "pairs.swapaxes(-1, -2)" if chain.plates else "pairs.T"
        keeps = tuple((n, chain.of_pairs(turned, s)) for s, n in sums.items())
        if chain.plates and (name, chain.pair) not in self.left_out:
            return None  # the update of one chain would need the pairs of the others
        at = {i: i.name for i in chain.plates}
        scope, body, local = self.scope(f"update {name}", at, z if at else None), list[str](), set[str]()
        if chain.plates:
            body.extend(self._slices(update.formulas[:1], scope, local))
        else:
            body.extend(self._own_logits(update.formulas[0], scope))
        transition = polynomial(chain.transition, scope, (chain.before, chain.after)).code
        body.extend(self._flush(scope))
        starts = scope.name(chain.starts) if chain.starts is not None else ""
        self.helpers |= self.of_chains
        sizes = [scope.size(i.size) for i in (*chain.plates, chain.group, chain.group)]
        known = tuple(self._unpack(scope, {self.names["parameter", z, "logits"]}))
        loops = tuple("    " * depth + f"for {i.name} in range({scope.size(i.size)}):" for depth, i in enumerate(at))
        passed = f"return {self.names['parameter', z, 'logits']}, {transition}, {starts}"  # what the passes are given
        return ChainView(
            latent=z,
            logits=self.names["parameter", z, "logits"],
            transition=transition,
            starts=starts,
            keeps=keeps,
            marginal=self.names[name, chain.marginal],
            pair=self.names[name, chain.pair],
            body=tuple(body) if chain.plates else alive((*known, *body, passed))[:-1],
            row=chain.row.name,
            before=known if chain.plates else (),
            loops=loops,
            at=", ".join(at.values()),
            shape=shape_comment(sizes) if chain.plates else "",
        )

    def _collected(self, plan: Features) -> bool:
        """Whether nothing reads q of a category but through sums over rows of its features and its entropy."""
        assert self.planner is not None
        statistics = [s for s in self.planner.chosen if plan.latent in s.reads]
        return self._only_sums(plan.update) and all(plan.column_of(s) is not None for s in statistics)

    def _only_sums(self, update: Update) -> bool:
        """Whether nothing reads a factor but its own functions, sums over rows and its entropy."""
        assert self.planner is not None
        name = update.factor.name
        mine: set[object] = {(name, s.key) for s in update.moment_specs}
        mine |= {("parameter", f.latent, f.name) for f in update.formulas}
        own = {f"{kind} {name}" for kind in ("update", "start", "moments", "follow", "from_marginals")}
        own |= {*self.planner.chosen.values(), f"entropy_{name}"}
        return not any(keys & mine for function, keys in self.reads.items() if function not in own)

    def _paired(self, plan: Tables, sums: Sequence[Sum]) -> bool:
        """Whether a pass over tables goes over pairs of their rows, not over the rows of the data."""
        return is_bilinear(plan, sums)

    def table_passes(self) -> tuple[TablesView, ...]:
        """The categories whose logits add up rows of tables, where a sweep need not keep them."""
        return tuple(v for plan in self.tables.values() if (v := self._table_pass(plan)) is not None)

    def _table_part(self, name: str, t: Table, plan: Tables) -> PartView:
        """One of two tables with its exponentials; the first is kept while others are updated repeatedly."""
        assert self.planner is not None
        scope = self.scope(f"natural {plan.latent}")
        code = table_code(t, plan, scope, "raised")
        body = (*self._flush(scope), f"return {code}")
        reads = ", ".join(quote(n) for n in reads_of(t, self.planner.latents))
        place = f"{t.gather.name}[{plan.row.name}]"
        return PartView(name, place, reads, (*self._unpack(scope, ()), *body), kept=name == PARTS[0])

    def _inner(
        self, plan: Tables, views: Sequence[SumView], found: Mapping[str, tuple[Statistic, Sum, tuple[Index, ...]]]
    ) -> InnerView | None:
        """The factors of groups of rows that are updated with a category, if their updates read one sum of it only."""
        assert self.planner is not None
        inner = inner_of(self.derived, plan, self.planner)
        if inner is None:
            return None
        total, words = views[1].name, plan.tables[1].gather.name
        keeps = tuple(
            (n, spread(Operand(total, axes), s.axes)) for n, (s, one, axes) in found.items() if one == inner.total
        )
        return InnerView(inner.factors, inner.size, words, keeps)

    def _table_pass(self, plan: Tables) -> TablesView | None:
        """What the pass of a category is written with; None where others read it otherwise than through its sums."""
        assert self.planner is not None
        update, z, part = plan.update, plan.latent, plan.features
        entropy = any(t.name == z and self._has_entropy(t) for t in self._parts())
        if not entropy or not self._only_sums(update):
            return None
        found: dict[str, tuple[Statistic, Sum, tuple[Index, ...]]] = {}
        for s, name in self.planner.chosen.items():
            if z in s.reads and (part is None or part.column_of(s) is None):
                one = plan.sum_of(s)
                if one is None:
                    return None
                found[name] = (s, *one)
        sums = tuple(dict.fromkeys([*plan.of_tables, *(one for _, one, _ in found.values())]))
        outside, inside = self.scope(f"natural {z}"), Scope(self.names, large=self.large)
        tables = stacked([table_code(t, plan, outside) for t in plan.tables], "")
        lines = self._flush(outside)
        weights = [weight_code(s, plan, inside) for s in sums]
        views, shares = sum_views(sums, weights, self.names, plan.group.size)
        paired = self._paired(plan, sums)
        local = {s: f"{v.name}()" if paired else v.name for s, v in zip(sums, views, strict=True)}
        if paired:  # a sum over all rows is one of those by an index, added up
            local |= {s: f"{views[0].name}().sum(axis=0)" for s in sums if s.gather is None}
        gathers = dict.fromkeys(s.gather[0] for s in sums if s.gather is not None)
        return TablesView(
            latent=z,
            rows=plan.row.size,
            groups=plan.group.size,
            width=size_code(plan.group.size),
            row=plan.row.name,
            places=", ".join(f"{t.gather.name}[{plan.row.name}]" for t in plan.tables),
            body=(*self._unpack(outside, ()), *lines, *tables),
            parts=tuple(self._table_part(n, t, plan) for n, t in zip(PARTS, plan.tables, strict=True))
            if paired
            else (),
            inner=self._inner(plan, views, found) if paired else None,
            data=(
                *self._unpack(inside, (), "" if paired else plan.row.size),
                *self._flush(inside),
                *(f"{self.names[g]} = state.data[{quote(g)}]{'' if paired else '[rows]'}" for g in gathers),
            ),
            lengths=tuple(size_code(t.gather.size) for t in plan.tables),
            reads=tuple(f"{self.names[t.gather.name]} = state.data[{quote(t.gather.name)}][rows]" for t in plan.tables),
            indices=tuple(self.names[t.gather.name] for t in plan.tables),
            shares=shares,
            weight=weights[0],
            sums=views,
            keeps=tuple((n, spread(Operand(local[one], axes), s.axes)) for n, (s, one, axes) in found.items()),
            energies=tuple(local[s] for s in plan.of_tables),
            features=part is not None,
            counts=(weights[0] or f"np.ones({size_code(plan.row.size)})") if paired else "",
            moment=self._moment(update),
        )


def _value_of(formulas: Sequence[Formula], name: str) -> Polynomial:
    value = next(f.value for f in formulas if f.name == name)
    assert isinstance(value, Polynomial)
    return value
