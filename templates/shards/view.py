"""What the templates of a module for shards print."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from cavi.derive import CaviError, Derived
from cavi.derive.cells import refuse_sparse
from cavi.derive.index import Index
from cavi.derive.term import Moment, Parameter, Polynomial
from cavi.templates.numpy.names import python_names
from cavi.templates.numpy.reads import readers
from cavi.templates.numpy.view import ModuleView, module_view
from cavi.templates.shards.split import (
    Split,
    candidates,
    check_data,
    check_own,
    own_latents,
    refuse,
    sequences,
    split_along,
)
from cavi.templates.shards.writer import ShardWriter, row_function


@dataclass(frozen=True)
class ShardView:
    """A module whose data are cut.

    Attributes:
        module: the plain module, with the totals among its statistics.
        index: the name of the index along which the data are cut.
        sizes: the sizes that are cut, that of the index first.
        axes: data that are cut -> the axis along which they are.
        pointers: observed integers that point into the set of the index -> nothing else; in order of use.
        own: the factors of rows.
        shared: the shared factors.
        moments: the names of the expectations under shared factors.
        starts: sizes that are cut where a sequence starts -> the data that say where.
        totals: functions that are added up over shards -> the latents that they depend on.
        alone: whether a row's factors follow from the shared ones alone, so that nothing of them need be kept.
        rows: shared factor -> the function that computes what it has at single rows, and its statements.
        asks: whether sums over rows change within a sweep, so that shards are asked for them more than once.
        together: sums that one function reads, which are asked for at once.
        held: latents of rows whose factors shards must hold, since sums of them change with others.
        changes: factor of rows -> the latents whose sums change with it.
    """

    module: ModuleView
    index: str
    sizes: tuple[str, ...]
    axes: dict[str, tuple[str, int]]
    pointers: tuple[str, ...]
    own: tuple[str, ...]
    shared: tuple[str, ...]
    moments: tuple[str, ...]
    starts: dict[str, str]
    totals: dict[str, tuple[str, ...]]
    alone: bool
    rows: dict[str, tuple[str, tuple[str, ...]]]
    asks: bool
    together: tuple[tuple[str, ...], ...]
    held: tuple[str, ...]
    changes: dict[str, tuple[str, ...]]

    @property
    def guarded(self) -> bool:
        """Whether the length of a step of a factor of rows is decided by all shards."""
        return any(f.name in self.own and f.guard in DECIDED for f in self.module.factors)

    @property
    def steps(self) -> tuple[str, ...]:
        """The factors that take steps, but for points of rows, which take them on their own."""
        return tuple(f.name for f in self.module.factors if f.guard and (f.name in self.shared or f.guard in DECIDED))

    @property
    def normals(self) -> bool:
        """Whether some of these are Normals."""
        return any(f.guard in DECIDED for f in self.module.factors)


# Guards that look at the whole bound or at a factor as a whole; a point has a step for each element.
DECIDED = ("damped", "settled")


Make = Callable[[Derived, Mapping[object, str], Split], ShardWriter]


def sharded_view(derived: Derived, over: str | None = None, make: Make = ShardWriter) -> ShardView:
    """The view along the index named, or along the first that the formulas allow, as a writer writes it.

    Raises:
        CaviError: where there is none, or for an index that the model does not have.
    """
    refuse_sparse(derived, "a module for data in shards")
    found = candidates(derived)
    if over is not None:
        named = [i for i in derived.model.indices if i.name == over]
        if not named:
            known = ", ".join(i.name for i in found)
            raise CaviError(f"over={over!r}: {derived.model.name} has no such index; expected one of {known}")
        found = tuple(named)
    if not found:
        raise CaviError(f"{derived.model.name} has no rows of data that could be cut")
    refusals = []
    for index in found:
        try:
            return _view(derived, index, make)
        except CaviError as error:
            refusals.append(str(error))
    raise CaviError("\n".join(refusals))


def _view(derived: Derived, index: Index, make: Make) -> ShardView:
    split = split_along(derived, index)
    if not split.shared:
        raise refuse(split, "no factor is shared; fit the shards one by one")
    check_data(split, derived)
    check_own(split, derived)
    names = python_names(derived)
    writer = make(derived, names, split)
    module = module_view(derived, writer)
    totals = writer.total_names()
    writer.check()
    module = replace(module, blocked=True, plan=(*module.plan, *_plan(split, totals)))
    axes = {
        v.name: next((i.size, axis) for axis, i in enumerate(v.indices) if i.size in split.cut)
        for v in derived.model.with_role("observed", "covariate", "observed_index")
        if {i.size for i in v.indices} & split.cut
    }
    guards = {f.name for f in module.factors if f.guard in DECIDED} & set(split.own)
    held = _held(split, derived, totals, bool(guards))
    return ShardView(
        module=module,
        index=index.name,
        sizes=split.sizes,
        axes=axes,
        pointers=split.pointers,
        own=split.own,
        shared=split.shared,
        moments=tuple(names[f, s.key] for f in split.shared for s in derived.update(f).moment_specs),
        starts={size: name for size, name in sequences(derived).items() if size in split.cut},
        totals=dict(sorted(totals.items())),
        alone=_alone(split, derived) and not held and not guards,
        rows={n: (row_function(derived.update(n)), body) for n, body in writer.rows.items()},
        asks=writer.asks,
        together=writer.together(),
        held=held,
        changes={n: _changes(n, derived) for n in split.own},
    )


def _held(split: Split, derived: Derived, totals: Mapping[str, tuple[str, ...]], guarded: bool) -> tuple[str, ...]:
    """The latents of rows in sums that are made again within a sweep; all where the step of one is shortened."""
    own = own_latents(split, derived)
    if guarded:
        return tuple(sorted(own))
    return tuple(sorted({n for reads in totals.values() if set(reads) - own for n in reads if n in own}))


def _changes(name: str, derived: Derived) -> tuple[str, ...]:
    """The latents of a factor, and those of factors whose expectations are taken at its points."""
    by = [factor for read, found in readers(derived) if read == name for factor, _ in found]
    return tuple(latent for n in dict.fromkeys([name, *by]) for latent in derived.update(n).factor.latents)


def _plan(split: Split, totals: Iterable[str]) -> list[str]:
    """How the data are cut and what goes between shards, for the docstring of the module."""
    own = ", ".join(f"q({f})" for f in split.own)
    brought = "".join(f", {p}[…] brings its rows along" for p in split.pointers)
    rows = f"; {own} belong{'s' if len(split.own) == 1 else ''} to rows" if own else ""
    shared, reads = ", ".join(f"q({f})" for f in split.shared), "is shared and reads"
    text = (
        f"shards: the data are cut along {split.index.name} = 1…{split.index.size}{brought}{rows}; {shared} "
        f"{reads if len(split.shared) == 1 else 'are shared and read'} the rows through sums alone, whatever their "
        f"number: {', '.join(sorted(totals))}"
    )
    return textwrap.wrap(text, 100, subsequent_indent="    ", break_long_words=False)


def _alone(split: Split, derived: Derived) -> bool:
    """Whether no factor of a row reads one of a row, nor an expectation that is taken at a point of a row."""
    at_points = {factor for read, by in readers(derived) if read in split.own for factor, _ in by}
    return not any(set(_factors(derived, name)) & {*split.own, *at_points} for name in split.own)


def _factors(derived: Derived, name: str) -> Iterable[str]:
    update = derived.update(name)
    for f in update.formulas:
        if isinstance(f.value, Polynomial):
            for a in f.value.atoms():
                if isinstance(a, Moment):
                    yield a.factor
                elif isinstance(a, Parameter) and a.latent not in update.factor.latents:
                    yield derived.update(a.latent).factor.name
