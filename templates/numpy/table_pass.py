"""The functions of a category whose logits add up rows of tables: the tables, a pass over blocks of rows, q itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cavi.derive.term import Moment, Monomial, Parameter, Polynomial
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.names import quote, shape_comment
from cavi.templates.numpy.statistics import ONE
from cavi.templates.numpy.tables import Sum, Table, Tables


@dataclass(frozen=True)
class SumView:
    """A sum that a pass adds up: its local name, its shape, its share of a row and the index that rows share."""

    name: str
    shape: str
    share: str
    index: str
    size: str


@dataclass(frozen=True)
class PartView:
    """One of two tables: its name, where it is read, the latents it is of, its statements, and whether it is kept."""

    name: str
    place: str
    reads: str
    body: tuple[str, ...]
    kept: bool


@dataclass(frozen=True)
class LoopsView:
    """What the templates print for factors of groups that are updated by compiled loops.

    Attributes:
        body: the statements before, which name what the loops read.
        known: its local names, and how they are computed.
        params: the arrays of parameters: local name, latent, parameter.
        logits: the statements for the logits of a group, into `out`.
        heights: those for their exponentials, less a factor that all have; empty where they are made of the logits.
        updates: the factors and the statements that update each at one group.
    """

    body: tuple[str, ...]
    known: tuple[tuple[str, str], ...]
    params: tuple[tuple[str, str, str], ...]
    logits: tuple[str, ...]
    heights: tuple[str, ...]
    updates: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class InnerView:
    """Factors of groups of rows, the size of the index over groups, its name in words, and the sums that they read.

    `loops` are those of a target that compiles them, in the place of steps of batches.
    """

    factors: tuple[str, ...]
    size: str
    words: str
    keeps: tuple[tuple[str, str], ...]
    loops: LoopsView | None = None


@dataclass(frozen=True)
class TablesView:
    """What the templates print for one factor whose logits add up rows of tables.

    Attributes:
        latent: the category.
        rows, groups: the sizes of its axes; width: the second as Python.
        row: the index over rows.
        places: the observed integers in words.
        body: the statements that compute the tables; parts: two of them alone, each with its own.
        inner: the factors of groups of rows that are updated with it, if such can be.
        data: the statements that name what a block of rows reads.
        lengths: of the tables.
        reads: those of them that name the observed integers of the tables.
        indices: the local names of the observed integers, a table each.
        shares: names and formulas of what multiplies the rows of p.
        weight: how often a row counts in the entropy; empty where once.
        sums: what is added up.
        keeps: the names of the sums over the data, and what they are of it.
        energies: the sums that belong to the tables, in their order.
        features: whether there are features as well.
        counts: the weight of every row, where pairs of rows of two tables are all that is needed; empty where not.
        moment: the name of its moment.
    """

    latent: str
    rows: str
    groups: str
    width: str
    row: str
    places: str
    body: tuple[str, ...]
    parts: tuple[PartView, ...]
    inner: InnerView | None
    data: tuple[str, ...]
    lengths: tuple[str, ...]
    reads: tuple[str, ...]
    indices: tuple[str, ...]
    shares: tuple[tuple[str, str], ...]
    weight: str
    sums: tuple[SumView, ...]
    keeps: tuple[tuple[str, str], ...]
    energies: tuple[str, ...]
    features: bool
    counts: str
    moment: str


def reads_of(t: Table, latents: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The latents whose factors a table is of."""
    factors = {n for a in t.value.atoms() if isinstance(a, Moment) for n in latents[a.factor]}
    return tuple(sorted(factors | {a.latent for a in t.value.atoms() if isinstance(a, Parameter)}))


def table_code(t: Table, plan: Tables, scope: Scope, helper: str = "lowered") -> str:
    """A table as an array over places and categories, or what a helper makes of it."""
    axes = (t.place, plan.group)
    code = polynomial(t.value, scope, axes).code
    if not set(axes) <= set(t.value.free):
        code = f"np.broadcast_to({code}, {shape_comment(scope.size(i.size) for i in axes)})"
    return f"{scope.helper(helper)}({code})"


def weight_code(s: Sum, plan: Tables, scope: Scope) -> str:
    """What a row counts in a sum; empty where once."""
    if not s.weight:
        return ""
    found = polynomial(Polynomial((Monomial(ONE, s.weight),)), scope, (plan.row,))
    return found.code if found.plain else f"({found.code})"


def is_bilinear(plan: Tables, sums: Sequence[Sum]) -> bool:
    """Whether all that is needed are sums over pairs of rows of two tables, weighted as the rows of the data are.

    The weight of a pair over its normaliser is then a sparse matrix S, and the sums are A ∘ (S B) and B ∘ (Sᵀ A).
    """
    own = {s.gather for s in plan.of_tables}
    return (
        len(plan.tables) == 2
        and plan.features is None
        and all(s.weight == plan.weight and (s.gather is None or s.gather in own) for s in sums)
    )


def sum_views(
    sums: Sequence[Sum], weights: Sequence[str], names: Mapping[object, str], groups: str
) -> tuple[tuple[SumView, ...], tuple[tuple[str, str], ...]]:
    """The sums of a pass, and what multiplies the rows of p in them."""
    shares: dict[str, str] = {}
    views = []
    for number, (s, weight) in enumerate(zip(sums, weights, strict=True), start=1):
        share = shares.setdefault(weight, f"per_{len(shares) + 1}")
        index = names[s.gather[0]] if s.gather is not None else ""
        size = size_code(s.gather[1]) if s.gather is not None else ""
        shape = f"({size}, {size_code(groups)})" if size else size_code(groups)
        views.append(SumView(f"by_{number}", shape, share, index, size))
    return tuple(views), tuple((name, f"{weight or '1.0'} / masses") for weight, name in shares.items())


def size_code(size: str) -> str:
    """A size as Python, read from the state."""
    return size if size.isdigit() else f"state.sizes[{quote(size)}]"
