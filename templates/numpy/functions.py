"""The bodies of the module's functions: unpack what is used, compute, store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cavi.derive import Derived, Update, Variable
from cavi.derive.canonical import sum_over
from cavi.derive.expand import expand
from cavi.derive.expression import Expr, Ref, selects
from cavi.derive.families import lookup
from cavi.derive.index import Index, Literal
from cavi.derive.result import Along, ArrayOperation, ElboTerm, Formula, Integral, MomentSpec, Projected
from cavi.derive.term import Atom, Element, Function, Moment, Monomial, Parameter, Polynomial, from_atom
from cavi.templates.numpy.alive import alive
from cavi.templates.numpy.arrays import Operand, Scope
from cavi.templates.numpy.chains import chains
from cavi.templates.numpy.current import changed
from cavi.templates.numpy.dual import Dual
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.features import Features, by_place, features
from cavi.templates.numpy.in_blocks import filled_in_blocks, row_in_blocks
from cavi.templates.numpy.integrals import integrals, projected
from cavi.templates.numpy.layout import WIDTH, assign, call
from cavi.templates.numpy.linear import linear_maps
from cavi.templates.numpy.names import CAST, parameter_names, quote, shape_comment
from cavi.templates.numpy.recursions import affine, components, inputs, sequences, varies
from cavi.templates.numpy.statistics import Planner, row_sizes
from cavi.templates.numpy.tables import parted, tables


@dataclass(frozen=True)
class Body:
    """The statements of a function and the helpers they call."""

    lines: tuple[str, ...]
    helpers: frozenset[str]


class Writer:
    """Writes function bodies for one derived model."""

    def __init__(self, derived: Derived, names: Mapping[object, str]) -> None:
        self.derived = derived
        self.names = names
        observed = derived.model.with_role("observed", "covariate", "observed_index")
        self.large = frozenset(i.size for v in observed for i in v.indices)
        self.helpers: set[str] = set()
        self.planner: Planner | None = None
        self.plans = features(derived)
        self.tables = tables(derived, self.plans)
        self.terms = parted(derived, self.tables)
        self.maps = linear_maps(derived)
        self.chains = chains(derived)
        self.first_chains = chains(derived, initial=True)
        self.reads: dict[str, set[object]] = {}
        self.duals: dict[str, Dual] = {}
        self.left_out: set[tuple[str, str]] = set()

    def scope(self, function: str = "", fixed: Mapping[Index, str] | None = None, own: str | None = None) -> Scope:
        """A fresh scope for a function, and for the code in it while elements of the factor `own` change."""
        return Scope(self.names, dict(fixed or {}), large=self.large, planner=self.planner, function=function, own=own)

    def _has_entropy(self, term: ElboTerm) -> bool:
        """Whether the entropy of a factor is a function of its own: where a pass over rows gives it on the way."""
        plan = self.plans.get(term.name)
        passes = (plan is not None and plan.whole) or term.name in {*self.chains, *self.tables}
        read = {a for a in term.value.atoms() if isinstance(a, Moment | Parameter)}
        return (
            passes and term.kind == "entropy" and all(isinstance(a, Parameter) and a.latent == term.name for a in read)
        )

    def update(self, update: Update, formulas: Sequence[Formula], kind: str = "update") -> tuple[str, ...]:
        """The body of an update: parameters by the formulas, then the moments."""
        if update.factor.sequential and formulas is update.formulas:
            return self._one_by_one(update)
        name = update.factor.name
        return (*self._formulas(formulas, f"{kind} {name}"), f"state.refresh({quote(name)})")

    def natural(self, update: Update) -> tuple[str, ...]:
        """The body that returns the natural parameters of a factor, read off its standard ones."""
        scope = self.scope(f"follow {update.factor.name}")
        entries: list[str] = []
        for f in update.way_back:
            assert isinstance(f.value, Polynomial)
            code = self._whole(f.value, scope, f.indices)
            entries.extend(f"    {line}" for line in assign(f"{quote(f'{f.latent}.{f.name}')}:", code, end=","))
        lines = self._flush(scope)
        return (*self._unpack(scope, ()), *lines, "return {", *entries, "}")

    def put(self, update: Update) -> tuple[str, ...]:
        """The body that takes over natural parameters and computes all that follows from them."""
        known = {(f.latent, f.name) for f in update.way_back}
        rest = [f for f in update.formulas if (f.latent, f.name) not in known]
        given = [f for f in update.formulas if (f.latent, f.name) in known]
        name = update.factor.name
        return (*self._formulas(rest, f"update {name}", given), f"state.refresh({quote(name)})")

    def _formulas(
        self, formulas: Sequence[Formula], function: str = "", given: Sequence[Formula] = ()
    ) -> tuple[str, ...]:
        """The statements that compute parameters and keep them; those that are `given` come as natural parameters."""
        scope = self.scope(function)
        local = {self.names["parameter", f.latent, f.name] for f in given}
        body = [
            f"{self.names['parameter', f.latent, f.name]} = natural[{quote(f'{f.latent}.{f.name}')}]" for f in given
        ]
        for (along, numeric), group in groupby(formulas, key=_pass):
            if numeric:
                body.extend(self._integrals(tuple(group), scope, local))
            elif along is not None:
                body.extend(self._recursion(tuple(group), along, scope))
                local |= {self.names["parameter", f.latent, f.name] for f in formulas if f.along == along}
            else:
                body.extend(self._plain(tuple(group), scope, local))
        for latent in dict.fromkeys(f.latent for f in (*given, *formulas)):
            mine = [f for f in (*given, *formulas) if f.latent == latent]
            pairs = [f"{f.name}={self.names['parameter', latent, f.name]}" for f in mine]
            body.extend(call("state.store", [quote(latent), *pairs]))
        return alive((*self._unpack(scope, local), *body))

    def _integrals(self, group: Sequence[Formula], scope: Scope, local: set[str]) -> Iterator[str]:
        """Formulas that are integrals over one number, over the nodes of one rule."""
        latent = group[0].latent
        plates = self.derived.update(latent).factor.plates
        if isinstance(group[0].value, Projected):
            yield from projected(group, scope, self.names)
        else:
            yield from integrals(group, scope, scope.beside(), self.names, plates)
        for name in parameter_names(group):
            local |= {self.names["parameter", n, name] for n in self.derived.update(latent).factor.latents}
        local |= {self.names["parameter", f.latent, f.name] for f in group}

    def part(self, update: Update, wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The statements that compute some parameters of an update, which are not stored; and their local names."""
        formulas = [f for f in update.formulas if f.name in wanted]
        scope, local = self.scope(f"update {update.factor.name}"), set[str]()
        body = list(self._plain(formulas, scope, local))
        scope.sizes.clear()  # named before
        names = tuple((f.name, self.names["parameter", f.latent, f.name]) for f in formulas)
        return (*self._unpack(scope, local), *body), names

    def _recursion(self, group: Sequence[Formula], along: Along, scope: Scope) -> Iterator[str]:
        """Formulas that refer to their own neighbours: one position after another."""
        index, direction = along
        outer = frozenset(scope.fixed)
        for f in group:
            scope.sliced["parameter", f.latent, f.name] = outer
        for part in components(group):
            found = affine(part, index, outer)
            if found is None:
                yield from self._loop(part, along, scope)
                continue
            steps, values = (
                self._whole(p, scope, axes)
                for p, axes in ((found.steps, (*found.axes, *found.before)), (found.values, found.axes))
            )
            yield from self._flush(scope)
            name = self.names["parameter", found.carried.latent, found.carried.name]
            turned = [] if direction == "forward" else ["reverse=True"]
            yield from call(f"{name} = {scope.helper('scanned')}", [steps, values, *turned])
            for f in found.others:
                assert isinstance(f.value, Polynomial)
                code = self._whole(f.value, scope, tuple(i for i in f.indices if i not in outer))
                yield from self._flush(scope)
                yield from assign(f"{self.names['parameter', f.latent, f.name]} =", code)

    def _whole(self, p: Polynomial, scope: Scope, axes: tuple[Index, ...]) -> str:
        """A formula over all of its axes, those along which it does not vary spread out."""
        code = polynomial(p, scope, axes).code
        if not self._lacks(p, axes):
            return code
        return f"np.broadcast_to({code}, {shape_comment(scope.size(i.size) for i in axes)})"

    def _loop(self, group: Sequence[Formula], along: Along, scope: Scope) -> Iterator[str]:
        """Formulas at one position after another, until they repeat themselves where what they read does."""
        index, direction = along
        outer = frozenset(scope.fixed)
        inside = scope.within(index)
        for f in group:
            sizes = [scope.size(i.size) for i in f.indices if i not in outer]
            yield f"{self.names['parameter', f.latent, f.name]} = np.zeros({shape_comment(sizes)})"
        compiled = self._compiled(group, along, scope) if not outer else None
        if compiled is not None:
            yield from compiled
            return
        positions = f"range({scope.size(index.size)})"
        read = inputs(group, along, outer)
        formulas = self._formulas_of(group[0].latent)
        first = all(next(i for i in f.indices if i not in outer) == index for f in group)
        if read is not None and first and not any(varies(f, index, formulas) for f in group):
            known = ", ".join(scope.name(key) for key in read)
            own = ", ".join(self.names["parameter", f.latent, f.name] for f in group)
            turned = "" if direction == "forward" else ", reverse=True"
            yield f"for {index.name} in {scope.helper('unsettled')}([{known}], [{own}]{turned}):"
        elif first and (marks := sequences(group, index)) is not None:
            inside = scope.within(index, many=True)
            turned = "" if direction == "forward" else ", reverse=True"
            yield f"for {index.name} in {scope.helper('in_step')}({scope.name(marks)}{turned}):"
        else:
            yield f"for {index.name} in {positions if direction == 'forward' else f'reversed({positions})'}:"
        for f in group:
            axes = [i for i in f.indices if i not in outer]
            target = self._place(self.names["parameter", f.latent, f.name], axes, {**inside.fixed, **inside.batch})
            code = self._value(f, inside, tuple(i for i in axes if i not in inside.fixed))
            for line in (*self._flush(inside), *assign(f"{target} =", code)):
                yield f"    {line}"

    def _compiled(self, group: Sequence[Formula], along: Along, scope: Scope) -> tuple[str, ...] | None:
        """The call of a compiled function that carries out a recursion; None where there is none."""
        return None

    def _plain(self, formulas: Sequence[Formula], scope: Scope, local: set[str]) -> Iterator[str]:
        for f in formulas:
            name = self.names["parameter", f.latent, f.name]
            plan = self.plans.get(f.latent)
            if plan is not None and f.value is plan.logits:
                yield from self._product(name, plan, scope)
                local.add(name)
                continue
            code = self._value(f, scope, f.indices)
            yield from self._flush(scope)
            shape = shape_comment(i.size for i in f.indices)
            if isinstance(f.value, Polynomial) and self._needs_copy(f.value):
                code = f"np.array({code})"
            if f.role == "auxiliary" and self.derived.model.variable(f.latent).domain == "nonnegative":
                code = f"np.maximum({code}, 0.0)"  # an expected square is not below zero, but for rounding
            if isinstance(f.value, Polynomial) and self._lacks(f.value, f.indices):
                sizes = [scope.size(i.size) for i in f.indices]
                used = any(isinstance(g.value, ArrayOperation) and g.value.argument == f.name for g in formulas)
                used = used or any(f is g for g in self.derived.update(f.latent).from_marginals)
                # A view repeats without memory, but an element of it cannot be set.
                repeats = used and not self.derived.update(f.latent).factor.sequential
                before, after = ("broadcast_to(", "") if repeats else ("full(", ", dtype=float")
                arguments = (code, shape_comment(sizes)) if repeats else (shape_comment(sizes), code)
                whole = f"np.{before}{', '.join(arguments)}{after})"
                yield from self._flush(scope)
                if len(whole) > WIDTH:
                    yield from assign(f"{name} =", code)
                    whole = whole.replace(code, name)
                code = whole
            yield from assign(f"{name} =", code, shape)
            local.add(name)
            yield from self._stays(f, scope)

    def _needs_copy(self, value: Polynomial) -> bool:
        """Whether a value needs a copy: what a factor updates element by element, or one row of an expectation.

        A view of a row would keep all rows from being given back.
        """
        atoms = [m.powers[0] for m in value.monomials if m.coefficient == 1 and len(m.powers) == 1]
        if len(value.monomials) != 1 or not atoms:
            return False
        atom, exponent = atoms[0]
        if not isinstance(atom, Moment | Parameter) or exponent != 1:
            return False
        owner = self.derived.update(atom.factor if isinstance(atom, Moment) else atom.latent)
        return bool(owner.factor.sequential) or (
            isinstance(atom, Moment) and any(isinstance(i, Literal) for i in atom.subs)
        )

    def _product(self, name: str, plan: Features, scope: Scope) -> Iterator[str]:
        """Logits as features times natural parameters, over blocks of rows; and what is not of this form."""
        z, shape = plan.latent, shape_comment(scope.size(i.size) for i in (plan.row, plan.group))
        yield f"natural = natural_{z}(state)"
        yield f"{name} = np.empty({shape})"
        yield f"for rows, features in blocks_{z}(state):"
        yield f"    {scope.helper('product')}(natural, features, {name}[rows].T)"
        rest, placed = by_place(plan.rest, plan.row)
        if rest:
            code = polynomial(rest, scope, (plan.row, plan.group)).code
            yield from (*self._flush(scope), *assign(f"{name} +=", code))
        for place, terms in placed.items():
            code = polynomial(terms, scope, (plan.group,)).code
            yield from (*self._flush(scope), *assign(f"{name}[{place.value}] +=", code))

    def _flush(self, scope: Scope) -> list[str]:
        lines, scope.lines = scope.lines, []
        return lines

    def _value(self, f: Formula, scope: Scope, target: tuple[Index, ...]) -> str:
        if isinstance(f.value, ArrayOperation):
            key = ("parameter", f.latent, f.value.argument)
            gone = scope.sliced.get(key, frozenset())
            axes_left = [i for i in self._indices(f.latent, f.value.argument) if i not in gone]
            argument = scope.name(key)
            here = {**scope.fixed, **scope.batch}
            if set(axes_left) & set(here):
                argument = self._place(argument, axes_left, here)
            axes = f", {f.value.axes}" if f.value.axes != 1 else ""
            if f.value.name == "inverse" and (untold := self._untold(f.latent, scope)):
                argument = f"{scope.helper('regular')}({untold}, {argument}{axes})"
            return f"{scope.helper(f.value.name)}({argument}{axes})"
        assert isinstance(f.value, Polynomial), "integrals are written together"
        return polynomial(f.value, scope, target).code

    def _untold(self, latent: str, scope: Scope) -> str:
        """Where nothing depends on a point that is updated; empty where there is no such place."""
        update = self.derived.update(latent)
        if not update.told_by or not scope.function.startswith("update"):
            return ""
        plates = [i for i in update.factor.plates if i not in scope.fixed]
        coefficients = [self.names["parameter", latent, name] for name in update.told_by]
        return f"{scope.helper('untold')}({len(plates)}, {', '.join(coefficients)})"

    def _stays(self, f: Formula, scope: Scope) -> Iterator[str]:
        """The statement by which a point stays as it is where nothing depends on it."""
        untold = self._untold(f.latent, scope) if f.role == "standard" else ""
        if untold:
            name = self.names["parameter", f.latent, f.name]
            before = f"state.params[{quote(f.latent)}][{quote(f.name)}]"
            if scope.fixed:
                before = self._place(before, f.indices, scope.fixed)
            yield f"{name} = {scope.helper('stays')}({untold}, {before}, {name})"

    def _formulas_of(self, latent: str) -> dict[str, Formula]:
        """The parameters of a latent's factor by name."""
        return {f.name: f for f in self.derived.update(latent).formulas if f.latent == latent}

    def _indices(self, latent: str, name: str) -> tuple[Index, ...]:
        return self._formulas_of(latent)[name].indices

    def follow(self, update: Update) -> tuple[str, ...]:
        """The body that computes what follows from the standard parameters; empty where nothing does."""
        derived = [f for f in update.formulas if f.role in ("derived", "marginal")]
        return self._formulas(derived, f"follow {update.factor.name}") if derived else ()

    def height(self, update: Update) -> tuple[str, ...]:
        """The body that computes the expected log joint at the means of a factor, over all its elements.

        Of a point that is found by steps it is one number for each element, since each has a step of its own.
        """
        assert update.height is not None
        scope = self.scope(f"height {update.factor.name}")
        if update.climbs is not None:
            each = polynomial(update.height, scope, update.factor.plates).code
            lines = self._flush(scope)
            return (*self._unpack(scope, ()), *lines, *assign("heights =", each), "return np.asarray(heights)")
        code = polynomial(sum_over(update.height, update.factor.plates), scope, ()).code
        lines = self._flush(scope)
        return (*self._unpack(scope, ()), *lines, *assign("return float(", code, end=")"))

    def from_marginals(self, update: Update) -> tuple[str, ...]:
        """The body that computes standard parameters from marginal ones; empty where there are none."""
        return (
            self._formulas(update.from_marginals, f"from_marginals {update.factor.name}")
            if update.from_marginals
            else ()
        )

    @staticmethod
    def _lacks(p: Polynomial, indices: Iterable[Index]) -> bool:
        """Whether no term varies over some axis, so that it must be spread out."""
        return not set(indices) <= set(p.free)

    def _unpack(self, scope: Scope, local: Iterable[str], rows: str = "") -> list[str]:
        """The statements that name what a function uses; arrays whose first axis is `rows` only at these rows."""
        self.helpers |= scope.helpers
        self.reads.setdefault(scope.function, set()).update(scope.used.values())
        local = set(local)
        lines = [self._sizes(scope.sizes)] if scope.sizes else []
        for name, key in scope.used.items():
            if name not in local:
                source = self._source(key)
                if rows and f"# ({rows}," in source:
                    source = source.partition("  # ")[0] + f"[rows]{CAST}"
                lines.append(f"{name} = {source}")
        return lines

    def _sizes(self, used: Iterable[str]) -> str:
        """The statement that names sizes."""
        sizes = sorted({s for s in used if not s.isdigit()}, key=self.derived.model.sizes.index)
        return f"{', '.join(sizes)} = {', '.join(f'state.sizes[{quote(s)}]' for s in sizes)}"

    def _source(self, key: object) -> str:
        if isinstance(key, str):
            variable = self.derived.model.variable(key)
            where = "hyper" if variable.role == "hyper" else "data"
            return f"state.{where}[{quote(key)}]  # {shape_comment(i.size for i in variable.indices)}"
        assert isinstance(key, tuple)
        if key[0] == "parameter":
            return f"state.params[{quote(key[1])}][{quote(key[2])}]"
        spec = self._spec(key[0], key[1])
        return f"state.moments[{quote(self.names[key])}]  # {shape_comment(i.size for i in spec.indices)}"

    def _spec(self, factor: str, key: str) -> MomentSpec:
        return next(s for s in self.derived.update(factor).moment_specs if s.key == key)

    def moments(self, update: Update) -> tuple[str, ...]:
        """The body that recomputes the moments of one factor from its parameters."""
        return self._moments(update, update.moment_specs, f"moments {update.factor.name}")

    def _moments(self, update: Update, specs: Sequence[MomentSpec], function: str) -> tuple[str, ...]:
        scope = self.scope(function)
        body: list[str] = []
        for s in specs:
            if s.value is None or (update.factor.name, s.key) in self.left_out:
                continue
            value = _finite_logs(s.value) if self._has_an_end(update) else s.value
            code = polynomial(value, scope, s.indices).code
            if self._lacks(s.value, s.indices):
                code = f"np.full({shape_comment(scope.size(i.size) for i in s.indices)}, {code}, dtype=float)"
            body.extend(self._flush(scope))
            body.extend(assign(f"state.moments[{quote(self.names[update.factor.name, s.key])}] =", code))
        return (*self._unpack(scope, ()), *(body or ["pass"]))

    def _has_an_end(self, update: Update) -> bool:
        """Whether it is a point whose maximum may lie at the end of its support."""
        variables = self.derived.model.variables
        domains = {v.domain for v in variables if v.name in update.factor.latents}
        return update.factor.point and bool(domains & {"simplex", "unit", "positive", "nonnegative"})

    def _one_by_one(self, update: Update) -> tuple[str, ...]:
        """Gauss-Seidel: one element after another along the coupled plates, moments kept current."""
        fixed = {i: i.name for i in update.factor.sequential}
        scope = self.scope(f"update {update.factor.name}", fixed, update.factor.latents[0])
        scope.current = {}
        body: list[str] = []
        stored: list[str] = []
        local: set[str] = set()
        body.extend(self._slices(update.formulas, scope, local))
        for f in update.formulas:
            target = self._place(f"state.params[{quote(f.latent)}][{quote(f.name)}]", f.indices, fixed)
            stored.append(f"{target} = {self.names['parameter', f.latent, f.name]}")
        made, differences, kept = self._kept_current(scope, local)
        for s in update.moment_specs:
            if s.value is not None and (update.factor.name, s.key) not in self.left_out:
                code = polynomial(s.value, scope, tuple(i for i in s.indices if i not in fixed)).code
                target = self._place(f"state.moments[{quote(self.names[update.factor.name, s.key])}]", s.indices, fixed)
                lines = self._flush(scope)
                if s.key in differences:
                    mine = self._place(scope.name((update.factor.name, s.key)), s.indices, fixed)
                    # Before anything is stored: parameters and moments may be views of one array.
                    body.extend([*lines, *assign(f"{differences[s.key]} =", f"{code} - {mine}")])
                    lines = []
                stored.extend([*lines, *assign(f"{target} =", code)])
        stored.extend(kept)
        allocated = []
        for f in update.formulas:
            shape = shape_comment(scope.size(i.size) for i in f.indices)
            allocated.append(f"state.allocate({quote(f.latent)}, {quote(f.name)}, {shape})")
        loops = [
            "    " * depth + f"for {i.name} in range({scope.size(i.size)}):"
            for depth, i in enumerate(update.factor.sequential)
        ]
        indent = "    " * len(loops)
        changed = [f"state.changed({quote(n)})" for n in update.factor.latents]
        inside = [indent + line for line in [*body, *stored]]
        return (*self._unpack(scope, local), *allocated, *changed, *made, *loops, *inside)

    def _kept_current(self, scope: Scope, local: set[str]) -> tuple[list[str], dict[str, str], list[str]]:
        """Sums over elements that are kept current: how they are made, the names of differences, how they follow."""
        made: list[str] = []
        follow: list[str] = []
        differences: dict[str, str] = {}
        for c in (scope.current or {}).values():
            (loop,) = scope.fixed
            outside = replace(scope.beside(), fixed={}, current=None)
            code = polynomial(Polynomial((c.value,)), outside, c.axes).code
            lines = self._flush(outside)
            row = self._row_in_blocks(c.value, c.axes) if len(c.axes) == 1 else None
            if row is not None:
                scope.size(row.size)
                scope.helper("blocks")
                if lines and lines[-1].startswith(f"{code} = "):
                    code = lines.pop().removeprefix(f"{code} = ").partition("  # ")[0]
                of_rows = [n for n, key in outside.used.items() if f"# ({row.size}," in self._source(key)]
                made.extend(filled_in_blocks(c.name, lines, code, row, of_rows))
            elif lines and lines[-1].startswith(f"{code} = "):
                made.extend([*lines[:-1], f"{c.name} = {lines[-1].removeprefix(f'{code} = ')}"])
            else:
                made.extend([*lines, *assign(f"{c.name} =", code)])
            name = differences.setdefault(c.moment.key, f"change_{len(differences) + 1}")
            key = ("parameter", c.moment.factor, changed(c.moment.key))
            once = dict(scope.temporaries)  # of other factors: what changes is told by the difference
            inside = replace(scope.beside(), names={**scope.names, key: name}, current={}, temporaries=once)
            inside.sliced[key] = frozenset({loop})
            local.add(name)
            code = polynomial(Polynomial((c.change(loop),)), inside, c.axes).code
            follow.extend([*self._flush(inside), *assign(f"{c.name} +=", code)])
        return made, differences, follow

    def _row_in_blocks(self, m: Monomial, among: Iterable[Index]) -> Index | None:
        """The rows of what is made a block after another, not in one piece."""
        return row_in_blocks(m, among, row_sizes(self.derived))

    def _slices(self, formulas: Sequence[Formula], scope: Scope, local: set[str]) -> Iterator[str]:
        """Parameters of one element at the loop variables."""
        outer = frozenset(scope.fixed)
        for (along, _), group in groupby(formulas, key=_pass):
            members = tuple(group)
            for f in members:
                local.add(self.names["parameter", f.latent, f.name])
            if along is not None:
                yield from self._recursion(members, along, scope)
            if isinstance(members[0].value, Integral | Projected):
                yield from self._integrals(members, scope, local)
                for f in members:
                    scope.sliced["parameter", f.latent, f.name] = outer
                continue
            for f in members if along is None else ():
                key, target = ("parameter", f.latent, f.name), tuple(i for i in f.indices if i not in outer)
                code = self._value(f, scope, target)
                if target and isinstance(f.value, Polynomial) and self._lacks(f.value, target):
                    code = f"np.full({shape_comment(scope.size(i.size) for i in target)}, {code}, dtype=float)"
                yield from self._flush(scope)
                yield from assign(f"{self.names[key]} =", code)
                scope.sliced[key] = outer
                yield from self._stays(f, scope)

    @staticmethod
    def _place(target: str, indices: Sequence[Index], fixed: Mapping[Index, str]) -> str:
        parts = [fixed.get(i, ":") for i in indices]
        while parts and parts[-1] == ":":
            parts.pop()
        return f"{target}[{', '.join(parts)}]"

    def support(self) -> tuple[str, ...]:
        """The body that compares observations and sizes with the limits that the model sets for them."""
        scope = self.scope()
        body: list[str] = []
        for v in self.derived.model.with_role("observed"):
            for name, sign, wanted in _limits(v):
                assert v.distribution is not None
                x = polynomial(from_atom(Element(v.name, v.indices)), scope, v.indices)
                if name == "total" and v.event:
                    x = Operand(f"{x.code}.sum(axis=-1)", v.plates)
                limit = polynomial(expand(v.distribution.args[name]), scope, v.plates).code
                body.extend(self._flush(scope))
                body.append(f"if np.any({x.code} {sign} {limit}):")
                message = f"{v.name}: found values that are not {wanted} the {name} of its {v.distribution.family}"
                body.append(f"    raise DataError({quote(message + '; correct the data')})")
        for v in self.derived.model.variables:
            dof = v.distribution.args.get("dof") if v.distribution is not None else None
            if v.distribution is None or not v.event or dof is None or isinstance(dof, Ref) or self._is_random(dof):
                continue  # a single hyperparameter is checked where it is read
            found, side = polynomial(expand(dof), scope, v.plates).code, v.event[0].size
            body.extend(self._flush(scope))
            body.append(f"if np.any({found} <= {scope.size(side)} - 1):")
            message = (
                f"{v.name}: its {v.distribution.family} has {dof} degrees of freedom; it needs more than {side} - 1, "
                f"and the data have {side} = "
            )
            body.append(f"    raise DataError({quote(message)} + str({scope.size(side)}))")
        return (*self._unpack(scope, ()), *body)

    def _term(self, term: ElboTerm, scope: Scope) -> str:
        """One term of the bound as an expression."""
        return f"entropy_{term.name}(state)" if self._has_entropy(term) else polynomial(term.value, scope, ()).code

    def _is_random(self, expr: Expr) -> bool:
        return any(self.derived.model.variable(r.name).is_random for r in expr.refs())

    def elbo(self) -> tuple[str, ...]:
        """The body that returns the terms of the ELBO by name."""
        scope = self.scope("elbo")
        body: list[str] = []
        entries: list[str] = []
        for t, parts in self.terms:
            code = " + ".join(self._term(part, scope) for part in parts if part.value or len(parts) == 1)
            body.extend(self._flush(scope))
            label = f"H[q({t.name})]" if t.kind == "entropy" else f"E[log p({t.name})]"
            entries.extend(f"    {line}" for line in assign(f"{quote(label)}:", code, end=","))
        return (
            *self._unpack(scope, ()),
            *body,
            "terms = {",
            *entries,
            "}",
            "return {k: float(v) for k, v in terms.items()}",
        )


def _pass(f: Formula) -> tuple[Along | None, type | None]:
    """What consecutive formulas are written together by: a recursion, or integrals of one kind."""
    return f.along, type(f.value) if isinstance(f.value, Integral | Projected) else None


def _finite_logs(value: Polynomial) -> Polynomial:
    """Logarithms of what may be maximised to zero: the counts they are multiplied by are zero too."""

    def finite(atom: Atom) -> Atom:
        return Function("log_maximised", atom.args) if isinstance(atom, Function) and atom.name == "log" else atom

    return Polynomial(tuple(replace(m, powers=tuple((finite(a), e) for a, e in m.powers)) for m in value.monomials))


def _limits(v: Variable) -> Iterator[tuple[str, str, str]]:
    """(parameter, comparison that is wrong, words) for the known limits of an observed variable."""
    if v.distribution is None or any(selects(a) for a in v.distribution.args.values()):
        return
    if lookup(v.distribution.family).support == "outside":
        return
    for name, sign, wanted in (
        ("total", "!=" if v.event else ">", "adding up to" if v.event else "at most"),
        ("minimum", "<", "at least"),
        ("lower", "<", "at least"),
        ("upper", ">", "at most"),
    ):
        if name in v.distribution.args:
            yield name, sign, wanted
