"""What stands on the model that is being built; indices and known arrays are declared when they are needed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from cavi.derive.errors import DeclarationError
from cavi.derive.expression import Ref
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.names import check_name
from cavi.templates.programs.graph import Array, Node
from cavi.templates.programs.sizes import Axis, Sizes, unique

_LETTERS = "dejlmhrstuvwpqkabcfgixyzn"


@dataclass(frozen=True)
class Declared:
    """The model so far.

    Attributes:
        model: its declaration.
        sizes: which axes run over one set.
        drawn: the names of the program's variables.
        named: the names of its known arrays.
        observing: the known arrays that densities of observations mention; they are data.
        letters: what the index of an axis is called that the program does not name.
        arrays: the values of everything known.
        lengths: the number behind each size.
    """

    model: Model
    sizes: Sizes
    drawn: frozenset[str]
    named: frozenset[str]
    observing: frozenset[Node]
    letters: Mapping[Axis, str]
    arrays: dict[str, Array] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    _indices: dict[Axis, list[Index]] = field(default_factory=dict)
    _known: dict[object, str] = field(default_factory=dict)

    def ref(self, name: str) -> Ref:
        """A declared variable."""
        return Ref(self.model.variable(name))

    @property
    def taken(self) -> set[str]:
        """Every name that is in use, or will be."""
        own = {n for i in self.model.indices for n in (i.name, i.size)}
        return own | {v.name for v in self.model.variables} | self.drawn | self.named

    def index(self, axis: Axis, nth: int = 0) -> Index:
        """The n-th running index over the set of an axis."""
        root = self.sizes.root(axis)
        made = self._indices.setdefault(root, [])
        while len(made) <= nth:
            made.append(self._new_index(root, made))
        return made[nth]

    def indices(self, node: Node, axes: Sequence[int] | None = None) -> tuple[Index, ...]:
        """A running index for each axis of an array; those over one set differ."""
        return self.distinct([self.sizes.axis(node, a) for a in (range(len(node.shape)) if axes is None else axes)])

    def distinct(self, axes: Sequence[Axis]) -> tuple[Index, ...]:
        """A running index for each axis; those over one set differ."""
        seen: Counter[Axis] = Counter()
        found = []
        for axis in axes:
            root = self.sizes.root(axis)
            found.append(self.index(root, seen[root]))
            seen[root] += 1
        return tuple(found)

    def _new_index(self, root: Axis, made: list[Index]) -> Index:
        label = _clean(self.sizes.labels.get(root))
        taken = self.taken
        letters = (
            a
            for a in (*self.letters.get(root, ""), *_LETTERS, *(f"{a}{b}" for a in "ij" for b in "0123456789"))
            if _usable(a)
        )
        if label is None or (made and len(label) == 1):
            name = next(a for a in letters if a not in taken and (made or a.upper() not in taken))
        else:
            start = len(made) + 1
            name = unique((label if n == 1 else f"{label}_{n}" for n in count(start)), taken)
        if made:
            size = made[0].size
        elif root in self.sizes.fixed:
            size = str(self.sizes.length[root])
        else:
            size = unique(_size_names(name), taken | {name})
            self.lengths[size] = self.sizes.length[root]
        return self.model.index(name, int(size) if size.isdigit() else size)

    def known(self, node: Node, name: str) -> Ref:
        """A known array: data where densities of observations mention it, else of a prior."""
        if node not in self._known:
            name = self._name(node, name)
            axes = self.indices(node)
            if node in self.observing:
                self.model.covariate(name, *axes)
            else:
                self.model.hyper(name, *axes)
            self.arrays[name] = node.array * 1.0
            self._known[node] = name
        return self.ref(self._known[node])

    def positions(self, node: Node, length: int, over: Index, name: str) -> Ref:
        """Known integers to select by."""
        key = (node, length)
        if key not in self._known:
            found = np.asarray(node.array)
            if found.dtype.kind not in "iu" or ((found < -length) | (found >= length)).any():
                raise DeclarationError(
                    f"{name}: found positions of type {found.dtype} from {found.min()} to {found.max()}; expected "
                    f"integers from 0 to {length - 1}"
                )
            name = self._name(node, name)
            self.model.observed_index(name, *self.indices(node), over=over)
            self.arrays[name] = np.where(found < 0, found + length, found)
            self._known[key] = name
        return self.ref(self._known[key])

    def _name(self, node: Node, name: str) -> str:
        """Its own name where nothing else has it, else one by where it is used."""
        declared = {v.name for v in self.model.variables} | self.drawn
        if node.name is not None and node.name not in declared and _usable(node.name):
            return node.name
        return unique((name if n == 1 else f"{name}_{n}" for n in count(1)), self.taken)


def _clean(label: str | None) -> str | None:
    """The name of an axis as an identifier, None where nothing is left of it."""
    found = re.sub(r"\W+", "_", label or "", flags=re.ASCII).strip("_")
    return found if found and _usable(found) else None


def _usable(name: str) -> bool:
    try:
        check_name(name, "an index")
    except DeclarationError:
        return False
    return True


def _size_names(name: str) -> Iterator[str]:
    if len(name) == 1:
        yield name.upper()
    yield f"N_{name}"
    yield from (f"N_{name}_{n}" for n in count(2))
