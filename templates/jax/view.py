"""Everything the templates print for JAX: the view of the NumPy module, its statements spelled for JAX."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cavi.derive import Derived, Update
from cavi.derive.cells import over_cells
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.term import Polynomial
from cavi.templates.jax import helpers
from cavi.templates.jax.spelling import named, one, spelled
from cavi.templates.jax.writer import JaxWriter, PassView
from cavi.templates.numpy import view as numpy_view
from cavi.templates.numpy.dual import Dual
from cavi.templates.numpy.linear_pass import LinearView
from cavi.templates.numpy.local import LocalView
from cavi.templates.numpy.planned import ChainView, StatisticView
from cavi.templates.numpy.table_pass import TablesView
from cavi.templates.numpy.view import FactorView, ModuleView


@dataclass(frozen=True)
class JaxView:
    """The generated module: what it shares with the NumPy one, and what JAX needs beside it.

    Attributes:
        base: the view of the NumPy module with statements, helpers and imports of JAX.
        latents: of each factor, in their order.
        alike: latent, parameter -> the axes along which all of its matrices are one.
        duals: the vectors that are kept without their matrices where there are fewer rows than elements.
    """

    base: ModuleView
    latents: tuple[tuple[str, tuple[str, ...]], ...]
    alike: tuple[tuple[tuple[str, str], tuple[int, ...]], ...]
    duals: tuple[Dual, ...]


def module_view(derived: Derived) -> JaxView:
    """The view of a derived model."""
    spread, _ = over_cells(derived)
    writer = JaxWriter(spread)
    base = numpy_view.module_view(derived, writer)
    used = set(writer.helpers)
    if base.maps:
        used |= {"by_blocks"}
    if base.locals or base.tables:
        used |= {"over_blocks"}
    if any(v.collected for v in base.locals):
        used |= {"normalised", "by_blocks"}
    if base.tables:
        used |= {"gathered", "lowered", "by_blocks"}
    used |= {f.guard for f in base.factors if f.guard}
    base = replace(
        base,
        imports=tuple(helpers.imports(used)),
        helpers=tuple(helpers.sources(used)),
        statistics=tuple(map(_statistic, base.statistics)),
        locals=tuple(map(_local, base.locals)),
        maps=tuple(map(_map, base.maps)),
        tables=tuple(map(_tables, base.tables)),
        passes=tuple(map(_chain, base.passes)),
        factors=tuple(map(_factor, base.factors)),
        elbo=spelled(base.elbo),
        blocked="over_blocks" in helpers.closure(used),
        lazy="Lazy" in used,
    )
    alike = tuple(
        ((f.latent, f.name), axes)
        for u in derived.updates
        for f in u.formulas
        if f.role == "standard" and (axes := _alike(u, f))
    )
    latents = tuple((u.factor.name, u.factor.latents) for u in derived.updates)
    return JaxView(base, latents, alike, tuple(writer.duals.values()))


def _alike(update: Update, f: Formula) -> tuple[int, ...]:
    """The axes along which all matrices of a parameter are one, which is inverted once: NumPy has a view of it."""
    if isinstance(f.value, ArrayOperation):
        inside = next(g for g in update.formulas if (g.latent, g.name) == (f.latent, f.value.argument))
        return _alike(update, inside) if f.value.name == "inverse" else ()
    read = {g.value.argument for g in update.formulas if isinstance(g.value, ArrayOperation) and g.latent == f.latent}
    if not isinstance(f.value, Polynomial) or f.name not in read or update.factor.sequential:
        return ()
    return tuple(axis for axis, i in enumerate(f.indices) if i not in f.value.free)


def _statistic(s: StatisticView) -> StatisticView:
    return replace(s, body=spelled(s.body))


def _local(v: LocalView) -> LocalView:
    return replace(v, features=spelled(v.features), natural=spelled(v.natural))


def _map(v: LinearView) -> LinearView:
    return replace(v, body=spelled(v.body), keeps=named(v.keeps))


def _tables(v: TablesView) -> TablesView:
    return replace(
        v,
        body=spelled(v.body),
        data=spelled(v.data),
        reads=spelled(v.reads),
        shares=named(v.shares),
        keeps=named(v.keeps),
        weight=one(v.weight),
    )


def _chain(v: ChainView) -> ChainView:
    assert isinstance(v, PassView)
    return replace(
        v,
        body=spelled(v.body),
        transition=one(v.transition),
        keeps=named(v.keeps),
        first=spelled(v.first),
        first_transition=one(v.first_transition),
    )


def _factor(f: FactorView) -> FactorView:
    return replace(
        f,
        body=spelled(f.body),
        height=spelled(f.height),
        natural=spelled(f.natural),
        put=spelled(f.put),
        initial=spelled(f.initial),
        moments=spelled(f.moments),
        follow=spelled(f.follow),
        from_marginals=spelled(f.from_marginals),
    )
