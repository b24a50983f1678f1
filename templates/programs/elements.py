"""Graphs of arrays → expressions in index notation: the element of an array at given subscripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NoReturn

import numpy as np

from cavi.derive.errors import DeclarationError
from cavi.derive.expression import Condition, Expr, Ref, SumOver, fresh
from cavi.derive.index import Gather, Index, Shift
from cavi.derive.operations import identity, inverse, size
from cavi.templates.language.evaluate import array as array_of
from cavi.templates.programs import ordered
from cavi.templates.programs.algebra import SYMBOLIC, add, known, mul, negated, number
from cavi.templates.programs.declared import Declared
from cavi.templates.programs.graph import Array, Node, Selection
from cavi.templates.programs.sizes import identity_multiple, is_range, pointer, positions

Key = Index | Shift | Ref | int


@dataclass(frozen=True)
class Elements:
    """Reads the graphs of one variable.

    Attributes:
        declared: what stands on the model so far.
        site: the variable that is read.
        argument: the parameter that is read, for errors.
        label: what a known array without a name is called after.
    """

    declared: Declared
    site: str
    argument: str = ""
    label: str = "known"

    def at(self, argument: str, whole: bool) -> Elements:
        """The same for a parameter, whose name a known array gets that is the `whole` of it."""
        return replace(self, argument=argument, label=argument if whole else "known")

    def refuse(self, found: str, remedy: str) -> NoReturn:
        """An error at the parameter that is read."""
        raise DeclarationError(f"{self.site}: found {found} in its {self.argument}; {remedy}")

    def element(self, node: Node, subs: Sequence[Key]) -> Expr:
        """The element of an array at a subscript for each of its axes."""
        match node.op:
            case "constant":
                return self._constant(node, subs)
            case "variable":
                return self._subscripted(self.declared.ref(str(node.name)), subs)
            case "axes":
                return self.element(node.args[0], self._behind(node, subs))
            case "sum":
                return self._sum(node, subs)
            case "take":
                return self._take(node, subs)
            case "inverse":
                return self._inverse(node, subs)
            case "diagonal":
                vector = self.element(node.args[0], subs[:-1])
                return mul(self._same(node, subs), vector)
            case "join":
                return self._join(node, subs)
            case "eq" | "ne" if (same := self._takes(node, subs)) is not None:
                return same if node.op == "eq" else add(number(1), negated(same))
            case "before":
                return self._before(node, subs)
            case "cumulative":
                return self._cumulative(node, subs)
            case "ordered":
                return ordered.read(node, subs, self)
            case "unknown" if node.detail == "the operation scan":
                self.refuse("a scan", "declare the chain by cavi.derive, with initial= and a function of the variable")
            case "unknown":
                self._unknown(str(node.detail))
            case "computed":
                self._unknown(str(node.detail[0]))
            case "cholesky":
                self._unknown("a Cholesky factor")
        args = [self.element(a, self.aligned(a, node.shape, subs)) for a in node.args]
        made = SYMBOLIC[node.op](*args) if node.op in SYMBOLIC else None
        if made is None:
            self.refuse(
                f"{node.op}({', '.join(map(str, args))})", f"expected {', '.join(SYMBOLIC)} of what can be read"
            )
        return made

    def _unknown(self, found: str) -> NoReturn:
        self.refuse(
            found,
            f"there is no index notation for it. Elementwise {', '.join(SYMBOLIC)}, products, sums, selections, "
            "inverse matrices and known arrays can be read; compute what is known before the model, or declare it with "
            "cavi.derive.Model",
        )

    @staticmethod
    def _subscripted(ref: Ref, subs: Sequence[Key]) -> Ref:
        return ref[tuple(subs)] if subs else ref

    @staticmethod
    def aligned(node: Node, shape: Sequence[int], subs: Sequence[Key]) -> list[Key]:
        """The subscripts of an array that broadcasts to a shape."""
        start = len(shape) - len(node.shape)
        return [0 if s == 1 < shape[start + a] else subs[start + a] for a, s in enumerate(node.shape)]

    @staticmethod
    def _behind(node: Node, subs: Sequence[Key]) -> list[Key]:
        """The subscripts of the array whose axes were arranged anew."""
        (inner,) = node.args
        found: list[Key] = [0] * len(inner.shape)
        for a, source in enumerate(node.detail):
            if source is not None and inner.shape[source] == node.shape[a]:
                found[source] = subs[a]
        return found

    def _constant(self, node: Node, subs: Sequence[Key]) -> Expr:
        values = node.array
        if values.size == 1:
            (value,) = values.reshape(-1).tolist()
            if not np.isfinite(value):
                self.refuse(f"the number {value}", "expected a finite one")
            return known(value)
        if node.name is None and (at := _fixed(subs)) is not None:
            return known(values[at].item())
        if node.name is None and (c := identity_multiple(values)) is not None:
            return mul(known(c), self._same(node, subs))
        return self._subscripted(self.declared.known(node, f"{self.site}_{self.label}"), subs)

    def _same(self, node: Node, subs: Sequence[Key]) -> Expr:
        """One on the diagonal of the last two axes."""
        return identity(self.declared.indices(node, [len(node.shape) - 1])[0])[tuple(subs[-2:])]  # type: ignore[index, no-any-return]

    def _sum(self, node: Node, subs: Sequence[Key]) -> Expr:
        (inner,) = node.args
        rest = iter(subs)
        summed: list[Index] = []
        keys: list[Key] = []
        for a, length in enumerate(inner.shape):
            if a not in node.detail:
                keys.append(next(rest))
            elif length == 1:
                keys.append(0)
            else:
                summed.append(fresh(self.declared.indices(inner, [a])[0]))
                keys.append(summed[-1])
        body = self.element(inner, keys)
        for index in reversed(summed):
            body = SumOver(index, body) if index in body.free() else mul(size(index), body)
        return body

    def _join(self, node: Node, subs: Sequence[Key]) -> Expr:
        """Single elements side by side: each where the subscript is its position."""
        axis, at = node.detail, subs[node.detail]
        starts = np.cumsum([0, *(a.shape[axis] for a in node.args)])
        if isinstance(at, int):
            held = int(np.searchsorted(starts, at, "right")) - 1
            return self.element(node.args[held], [*subs[:axis], at - int(starts[held]), *subs[axis + 1 :]])
        if any(a.shape[axis] != 1 for a in node.args):
            if ordered.between_normals(node):
                self.refuse("probabilities of a Normal between cutpoints", ordered.PROBIT)
            self._unknown("arrays laid end to end")
        (index,) = self.declared.indices(node, [axis])
        found: Expr = number(0)
        for place, part in enumerate(node.args):
            here: Expr = identity(index)[at, place]  # type: ignore[index]
            found = add(found, mul(here, self.element(part, [*subs[:axis], 0, *subs[axis + 1 :]])))
        return found

    def _takes(self, node: Node, subs: Sequence[Key]) -> Expr | None:
        """One where a category has a known value, else zero; None for any other comparison."""
        left, right = node.args[0], pointer(node.args[1])
        if right.op != "constant" or right.array.size != 1 or pointer(left).op != "variable":
            return None
        ref, value = self.declared.ref(str(pointer(left).name)), float(right.array.reshape(-1)[0])
        if ref.variable.over is None:
            return None
        over, here = ref.variable.over, self.position(left, self.aligned(left, node.shape, subs), 0)
        drawn = ref.variable.distribution
        if drawn is not None and drawn.family == "Bernoulli" and isinstance(here, Ref):  # its own indicator
            return here if value == 1 else add(number(1), negated(here)) if value == 0 else number(0)
        if value not in range(self._count(over)):
            return number(0)
        return identity(over)[here, int(value)]  # type: ignore[index, no-any-return]

    def _before(self, node: Node, subs: Sequence[Key]) -> Expr:
        at = subs[node.detail]
        if not isinstance(at, Index):
            self.refuse("the element before a fixed or selected one", "expected a chain that runs along one axis")
        return self.element(node.args[0], [*subs[: node.detail], at - 1, *subs[node.detail + 1 :]])

    def _cumulative(self, node: Node, subs: Sequence[Key]) -> Expr:
        """A running sum: the element and all those before it."""
        (array,), axis = node.args, node.detail
        at = subs[axis]

        def element(position: Key) -> Expr:
            return self.element(array, [*subs[:axis], position, *subs[axis + 1 :]])

        if isinstance(at, int):
            return reduce(add, (element(i) for i in range(at % array.shape[axis] + 1)))
        if not isinstance(at, Index):
            self.refuse("a running sum at a selected position", "select from an array that is declared")
        below = fresh(at)
        return add(SumOver(below, mul(Condition("before", (below, at)), element(below))), element(at))

    def by_category(self, values: Sequence[float], over: Index) -> Expr:
        """Known numbers, one for each category of the variable."""
        node = self._along_categories(np.asarray(values))
        return self._subscripted(self.declared.known(node, f"{self.site}_widths"), [over])

    def place_by_category(self, values: Sequence[int], size: str, over: Index) -> Gather:
        """The position in a set that each category of the variable has."""
        into = next(i for i in self.declared.model.indices if i.size == size)
        node = self._along_categories(np.asarray(values))
        ref = self.declared.positions(node, self._count(into), into, f"{self.site}_index")
        return Gather(ref.name, (over,), size)

    def _along_categories(self, values: Array) -> Node:
        node, sizes = Node("constant", (), values.shape, (values, None)), self.declared.sizes
        sizes.join(sizes.values(self.site), sizes.axis(node, 0), self.site)
        return node

    def _count(self, index: Index) -> int:
        return int(index.size) if index.size.isdigit() else self.declared.lengths[index.size]

    def _inverse(self, node: Node, subs: Sequence[Key]) -> Expr:
        (inner,) = node.args
        row, column = (fresh(self.declared.indices(inner, [len(inner.shape) - 1])[0]) for _ in range(2))
        body = self.element(inner, [*subs[:-2], row, column])
        whole: Expr = inverse(array_of(body, row, column))
        return whole[tuple(subs[-2:])]  # type: ignore[index, no-any-return]

    def _take(self, node: Node, subs: Sequence[Key]) -> Expr:
        array, *keys = node.args
        return self.element(array, self._selected(node.detail, array, keys, subs))

    def _selected(self, selection: Selection, array: Node, keys: list[Node], subs: Sequence[Key]) -> list[Key]:
        found: list[Key] = []
        shape = tuple(np.broadcast_shapes(*(k.shape for k in keys)))
        keyed = [subs[a] for a in selection.keyed]
        for axis, (kind, at) in enumerate(selection.of):
            if kind == "axis":
                found.append(subs[at])
            else:
                found.append(self.position(keys[at], self.aligned(keys[at], shape, keyed), array.shape[axis]))
        return found

    def position(self, key: Node, subs: Sequence[Key], length: int) -> Key:
        """What a key selects: a running index, one position, known integers or a category."""
        match key.op:
            case "axes":
                return self.position(key.args[0], self._behind(key, subs), length)
            case "take":
                array, *keys = key.args
                return self.position(array, self._selected(key.detail, array, keys, subs), length)
            case "before" if isinstance(here := subs[key.detail], Index):
                return self.position(key.args[0], [*subs[: key.detail], here - 1, *subs[key.detail + 1 :]], length)
            case "wrapped" if key.detail == length:
                return self.position(key.args[0], self.aligned(key.args[0], key.shape, subs), length)
            case "constant" if key.array.size == 1 or (key.array.dtype.kind in "iu" and _fixed(subs) is not None):
                value = int(key.array.reshape(-1)[0] if key.array.size == 1 else key.array[_fixed(subs)])
                return value + length if value < 0 else value
            case "constant" if is_range(key, length):
                return subs[0]
            case "constant":
                over = self.declared.index(positions(key, length))
                ref = self.declared.positions(key, length, over, f"{self.site}_index")
                return self._subscripted(ref, subs)
            case "variable":
                ref = self.declared.ref(str(key.name))
                if ref.variable.over is not None:
                    return self._subscripted(ref, subs)
                self.refuse(
                    f"a selection by {key.name}", "only a Categorical or Bernoulli variable or known integers select"
                )
        self.refuse(
            f"a selection by computed positions ({key.detail if key.op == 'unknown' else key.op})",
            "compute known positions before the model; a category selects as it is",
        )


def _fixed(subs: Sequence[Key]) -> tuple[int, ...] | None:
    """The subscripts, if all of them are fixed positions."""
    found = tuple(s for s in subs if isinstance(s, int))
    return found if len(found) == len(subs) else None
