"""Function bodies for JAX: what the NumPy writer plans, with the statements that change something written anew.

The planner, the contractions and the passes over rows are those of `templates.numpy`. Here are the loops (which JAX
compiles), matrices that repeat along the rows, and what a function returns instead of changing the state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cavi.derive import CaviError, Derived, Update
from cavi.derive.index import Index
from cavi.derive.result import Along, ArrayOperation, Formula
from cavi.derive.term import Monomial, Polynomial
from cavi.templates.jax.features import stack
from cavi.templates.jax.helpers import LACKS
from cavi.templates.jax.loops import BEFORE, carried, neighbours
from cavi.templates.jax.names import jax_names
from cavi.templates.jax.spelling import hoisted
from cavi.templates.numpy.arrays import Operand, Scope
from cavi.templates.numpy.chains import Chain
from cavi.templates.numpy.dual import Dual
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.features import Features
from cavi.templates.numpy.functions import Writer
from cavi.templates.numpy.layout import assign, call
from cavi.templates.numpy.linear_pass import KEPT
from cavi.templates.numpy.local import LocalView
from cavi.templates.numpy.names import quote, shape_comment
from cavi.templates.numpy.planned import ChainView, PlannedWriter
from cavi.templates.numpy.statistics import Planner, Statistic
from cavi.templates.numpy.tables import Sum, Tables


@dataclass(frozen=True, kw_only=True)
class PassView(ChainView):
    """A chain that a sweep need not keep whole, and how it starts without being whole.

    Attributes:
        marks: the argument that has the known marks of where sequences start, if there are such.
        first: the statements that compute the logits of a start from the prior; none where it has another.
        first_transition: the log weights of a step of such a start.
    """

    marks: str
    first: tuple[str, ...]
    first_transition: str


class JaxWriter(PlannedWriter):
    """Writes the functions of a JAX module; `spelling.spelled` gives its lines their last form."""

    of_duals = frozenset({"solved_by_rows", "Outer", "Narrow", "second_of", "whole_precision", "compiled", "Lazy"})
    of_chains = frozenset({"forward_backward", "in_logarithms", "kernels", "begun", "compiled", "Lazy", "xlogy"})

    def __init__(self, derived: Derived) -> None:
        names = jax_names(derived)
        self.before: set[str] = set()
        for f in (f for u in derived.updates for f in (*u.formulas, *u.initial, *u.from_marginals)):
            if f.along is not None:
                beside = "before" if f.along[1] == "forward" else "after"
                name = f"{names['parameter', f.latent, f.name]}_{beside}"
                names["parameter", f.latent, f.name + BEFORE] = name
                self.before.add(name)
        self.writing: dict[tuple[str, str], Formula] = {}
        super().__init__(derived, names)
        self.chains = {n: c for n, c in self.chains.items() if not c.plates}  # several are a loop that XLA compiles

    def update(self, update: Update, formulas: Sequence[Formula], kind: str = "update") -> tuple[str, ...]:
        """The body of an update or a start; chains start by recursion too, vectors may have a form by rows."""
        dual, found = self.duals.get(update.factor.name), Writer.update(self, update, formulas, kind)
        return (*self._by_rows(dual, formulas, kind), *found) if dual is not None else found

    def follow(self, update: Update) -> tuple[str, ...]:
        """The body that computes what follows from the standard parameters, if they are not those of a form by rows."""
        found, dual = super().follow(update), self.duals.get(update.factor.name)
        if dual is None or not found:
            return found
        return (f'if "half" in state.params[{quote(dual.latent)}]:', "    return state", *found)

    def _formulas(
        self, formulas: Sequence[Formula], function: str = "", given: Sequence[Formula] = ()
    ) -> tuple[str, ...]:
        self.writing = {(f.latent, f.name): f for f in formulas}
        lines = super()._formulas(formulas, function, given)
        return lines if function.startswith(("update", "start")) else (*lines, "return state")

    def _unpack(self, scope: Scope, local: Iterable[str], rows: str = "") -> list[str]:
        missing = sorted(scope.helpers & set(LACKS))
        if missing:
            _, _, factor = scope.function.partition(" ")
            where = f"q({factor})" if factor else "the bound"
            raise CaviError(
                f"{self.derived.model.name}: {where} needs {LACKS[missing[0]]}, which JAX lacks; "
                "take the NumPy module, d.numpy(), or declare a factor of another family"
            )
        return super()._unpack(scope, {*local, *self.before}, rows)

    def _fewer_rows(self, plan: Dual) -> str:
        return f"state.by_rows({quote(plan.latent)}, {quote(plan.row.size)}, {quote(plan.element.size)})"

    def _solved_by_rows(self, plan: Dual, data: str, weights: str, diagonal: str) -> Iterator[str]:
        z = quote(plan.latent)
        yield f"found = solved_by_rows({data}, {weights or '0.0'}, {diagonal}, linear)"
        yield f"return state.forget({z}).store({z}, linear=linear, **found).refresh({quote(plan.update.factor.name)})"

    def _moments_by_rows(self, plan: Dual) -> Iterator[str]:
        name = plan.update.factor.name
        values = [(plan.mean, "narrow.mean")]
        values += [(plan.square, "narrow.variances() + narrow.mean ** 2")] if plan.square else []
        yield f'if "half" in state.params[{quote(plan.latent)}]:  # fewer rows than elements'
        yield f"    narrow = second_of(state, {quote(plan.latent)}, {quote(self.names[name, plan.second])})"
        yield f"    return state.expect({', '.join(f'{self.names[name, key]}={code}' for key, code in values)})"

    def narrow_start(self, update: Update) -> tuple[str, ...]:
        """The start of a vector without a proper prior that may have a form by rows."""
        name = quote(update.factor.name)
        plain = (f"state = FOLLOWS[{name}](_plain_start(state, {name}))", f"return state.refresh({name})")
        return (*self._by_rows(self.duals[update.factor.name], (), "start"), *plain)

    def _source(self, key: object) -> str:
        if isinstance(key, tuple) and any((d.update.factor.name, d.second) == key for d in self.duals.values()):
            shape = shape_comment(i.size for i in self._spec(*key).indices)
            return f"second_of(state, {quote(key[0])}, {quote(self.names[key])})  # {shape}"
        if isinstance(key, tuple) and key[0] == "parameter" and key[1] in self.maps and key[2] in KEPT:
            return f"state.whole({quote(key[1])}, {quote(key[2])})"
        return super()._source(key)

    def part(self, update: Update, wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The statements that compute some parameters of an update, and their local names."""
        self.writing = {(f.latent, f.name): f for f in update.formulas}
        return super().part(update, wanted)

    def _local(self, plan: Features, target: str = "logits") -> LocalView:
        scope = Scope(self.names, large=self.large)
        lines = stack(plan, scope)
        return replace(super()._local(plan, target), features=(*self._unpack(scope, (), plan.row.size), *lines))

    def _planner(self) -> Planner:
        return replace(super()._planner(), sparse=False)  # sparse matrices are not for XLA

    def _row_in_blocks(self, m: Monomial, among: Iterable[Index]) -> Index | None:
        return None  # XLA makes no array of what it adds up

    def _pairs_of(self, chain: Chain, s: Statistic, scope: Scope) -> Operand:
        kernel, probs = (scope.name(("parameter", chain.latent, n)) for n in ("kernel", "probs"))
        starts = f", {scope.name(chain.starts)}" if chain.starts is not None else ""
        code = f"{scope.helper('pair_sum')}({kernel}, {probs}{starts})"
        return Operand(chain.of_pairs(code, s), s.axes)

    def _pass(self, chain: Chain) -> ChainView | None:
        view = super()._pass(chain)
        if view is None:
            return None
        marks = f', state.data["{chain.starts}"]' if chain.starts is not None else ""
        first = self.first_chains.get(chain.update.factor.name)
        if first is None:
            return PassView(**vars(view), marks=marks, first=(), first_transition="")
        scope = self.scope(f"start {chain.update.factor.name}")
        body = [*self._own_logits(first.update.initial[0], scope)]
        transition = polynomial(first.transition, scope, (first.before, first.after)).code
        body.extend(self._flush(scope))
        lines = (*self._unpack(scope, {view.logits}), *body)
        return PassView(**vars(view), marks=marks, first=lines, first_transition=transition)

    def _paired(self, plan: Tables, sums: Sequence[Sum]) -> bool:
        return False

    def _product(self, name: str, plan: Features, scope: Scope) -> Iterator[str]:
        """Logits as features times natural parameters, over blocks of rows; and what is not of this form."""
        z, rows = plan.latent, scope.size(plan.row.size)
        yield f"natural = natural_{z}(state)"
        comment = f"({rows}, {scope.size(plan.group.size)})"
        yield f"{name} = by_blocks(lambda rows: (natural @ features_{z}(state, rows)).T, {rows})  # {comment}"
        self.helpers.add("by_blocks")
        if plan.rest:
            code = polynomial(plan.rest, scope, (plan.row, plan.group)).code
            yield from (*self._flush(scope), *assign(f"{name} =", f"{name} + {code}"))

    def _value(self, f: Formula, scope: Scope, target: tuple[Index, ...]) -> str:
        code = super()._value(f, scope, target)
        if not isinstance(f.value, ArrayOperation) or scope.fixed or f.value.name not in ("inverse", "logdet"):
            return code
        repeats = self._repeats(f)
        if not any(repeats):
            return code
        # One of the matrices that are the same for all rows is worked on.
        few = ", ".join(":1" if r else ":" for r in repeats[: max(i for i, r in enumerate(repeats) if r) + 1])
        name = self.names["parameter", f.latent, f.value.argument]
        code = code.replace(f"({name}", f"({name}[{few}]", 1)
        return f"np.broadcast_to({code}, {shape_comment(scope.size(i.size) for i in f.indices)})"

    def _repeats(self, f: Formula) -> tuple[bool, ...]:
        """For each axis of the matrices that a formula is of, whether they are written as the same along it."""
        assert isinstance(f.value, ArrayOperation)
        g = self.writing.get((f.latent, f.value.argument))
        if g is None or g.along is not None:
            return ()
        if isinstance(g.value, ArrayOperation):
            return self._repeats(g) if g.value.name == "inverse" else ()
        if not isinstance(g.value, Polynomial):
            return ()
        free = g.value.free
        batch = g.indices[: len(g.indices) - 2 * f.value.axes]
        return tuple(i not in free for i in batch)

    def _recursion(self, group: Sequence[Formula], along: Along, scope: Scope) -> Iterator[str]:
        """Formulas that refer to their own neighbours: a scan that carries what the next position refers to."""
        index, direction = along
        outer = frozenset(scope.fixed)
        carry = neighbours(group, index)
        keys = [(f.latent, f.name) for f in carry]
        inside = scope.within(index)
        for latent, name in [*((f.latent, f.name) for f in group), *((x, n + BEFORE) for x, n in keys)]:
            scope.sliced["parameter", latent, name] = outer | {index}
        names = {(f.latent, f.name): self.names["parameter", f.latent, f.name] for f in group}
        beside = [self.names["parameter", x, n + BEFORE] for x, n in keys]
        body = [f"{_tuple(beside)} = before" if len(beside) == 1 else f"{', '.join(beside)} = before"] if beside else []
        for f in group:
            axes = tuple(i for i in f.indices if i not in outer and i != index)
            g = replace(f, value=carried(f.value, index, keys)) if isinstance(f.value, Polynomial) else f
            code = self._value(g, inside, axes)
            if isinstance(g.value, Polynomial) and self._lacks(g.value, axes):
                code = f"np.full({shape_comment(scope.size(i.size) for i in axes)}, {code}, dtype=float)"
            body.extend((*self._flush(inside), *assign(f"{names[f.latent, f.name]} =", code)))
        body.append(f"return {_tuple([names[k] for k in keys])}, {_tuple(list(names.values()))}")
        before, body = hoisted(body) if not outer else ([], body)
        yield from before
        yield ""
        word = "before" if direction == "forward" else "after"
        yield f"def step(before, {index.name}):"
        yield f'    """One position, given what the one {word} it has left."""'
        yield from (f"    {line}" for line in body)
        yield ""
        zeros = [
            f"np.zeros({shape_comment(scope.size(i.size) for i in f.indices if i not in outer and i != index)})"
            for f in carry
        ]
        backward = ", reverse=True" if direction == "backward" else ""
        positions = f"np.arange({scope.size(index.size)})"
        yield f"_, {_tuple(list(names.values()))} = lax.scan(step, {_tuple(zeros)}, {positions}{backward})"
        for f in group:
            place = [i for i in f.indices if i not in outer].index(index)
            name = names[f.latent, f.name]
            if place:
                yield f"{name} = np.moveaxis({name}, 0, {place})"
            scope.sliced["parameter", f.latent, f.name] = outer

    def moments(self, update: Update) -> tuple[str, ...]:
        """The body that recomputes the moments of one factor from its parameters."""
        lines = super().moments(update)
        found = list(dict.fromkeys(m[1] for line in lines if (m := _MOMENT.match(line))))
        if not found:
            return ("return state",)
        body = [_MOMENT.sub(r"\1 =", line) for line in lines]
        return (*body, *call("return state.expect", [f"{n}={n}" for n in found]))

    def _one_by_one(self, update: Update) -> tuple[str, ...]:
        """Gauss-Seidel: one element after another along the coupled plates, each given the moments as they are then."""
        fixed = {i: i.name for i in update.factor.sequential}
        self.writing = {}
        scope = self.scope(f"update {update.factor.name}", fixed, update.factor.latents[0])
        scope.current = {}
        body: list[str] = []
        local: set[str] = set()
        body.extend(self._slices(update.formulas, scope, local))
        made, differences, kept = self._kept_current(scope, local)
        held: dict[str, str] = {}
        results: list[str] = []
        for f in update.formulas:
            name = self.names["parameter", f.latent, f.name]
            shape = shape_comment(scope.size(i.size) for i in f.indices)
            held[name] = f"state.room({quote(f.latent)}, {quote(f.name)}, {shape})"
            results.append(f"{quote(name)}: {self._set(name, f.indices, fixed)}.set({name}),")
        moments: list[str] = []
        for s in (s for s in update.moment_specs if s.value is not None):
            assert s.value is not None
            name = self.names[update.factor.name, s.key]
            code = polynomial(s.value, scope, tuple(i for i in s.indices if i not in fixed)).code
            body.extend(self._flush(scope))
            if s.key in differences:
                now = self._place(scope.name((update.factor.name, s.key)), s.indices, fixed)
                body.extend(assign(f"{differences[s.key]} =", f"{code} - {now}"))
            held[name] = f"state.moments[{quote(name)}]"
            results.append(f"{quote(name)}: {self._set(name, s.indices, fixed)}.set({code}),")
            moments.append(name)
        sums = [c.name for c in scope.current.values()]
        results.extend(f"{quote(n)}: {n}," for n in sums)
        unpacked = self._unpack(scope, {*local, *moments})
        at_start = [f"{n} = {held[n]}" for n in moments if any(re.search(rf"\b{n}\b", line) for line in made)]
        held |= {n: n for n in sums}
        own = [f'{n} = held["{n}"]' for n in [*moments, *sums] if n in scope.used or n in sums]
        before, inside = hoisted([*own, *body, *kept, "return {", *(f"    {r}" for r in results), "}"])
        sizes = [scope.size(i.size) for i in update.factor.sequential]
        place = [f"{i.name}" for i in update.factor.sequential]
        at = (
            f"{place[0]} = position"
            if len(place) == 1
            else f"{', '.join(place)} = np.unravel_index(position, {_tuple(sizes)})"
        )
        stores = []
        for latent in update.factor.latents:
            mine = [f for f in update.formulas if f.latent == latent]
            pairs = [f'{f.name}=held["{self.names["parameter", latent, f.name]}"]' for f in mine]
            stores.extend(call("state.store", [quote(latent), *pairs]))
        return (
            *unpacked,
            *at_start,
            *made,
            *before,
            "",
            "def one(position, held):",
            '    """The next element, given the others as they are now."""',
            f"    {at}",
            *(f"    {line}" for line in inside),
            "",
            "held = {",
            *(f'    "{n}": {code},' for n, code in held.items()),
            "}",
            f"held = lax.fori_loop(0, {' * '.join(sizes)}, one, held)",
            *stores,
            *call("return state.expect", [f'{n}=held["{n}"]' for n in moments]),
        )

    def _set(self, name: str, indices: Sequence[Index], fixed: dict[Index, str]) -> str:
        return self._place(f'held["{name}"].at', indices, fixed)

    def elbo(self) -> tuple[str, ...]:
        """The body that returns the terms of the ELBO by name."""
        lines = super().elbo()
        return (*lines[:-1], "return terms")


_MOMENT = re.compile(r'^state\.moments\["(\w+)"\] =')


def _tuple(codes: Sequence[str]) -> str:
    return f"({', '.join(codes)},)" if len(codes) == 1 else f"({', '.join(codes)})"
