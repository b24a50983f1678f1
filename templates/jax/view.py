"""Everything the templates print for JAX: the view of the NumPy module, its statements spelled for JAX."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cavi.derive import CaviError, Derived
from cavi.derive.cells import over_cells
from cavi.templates.jax import helpers
from cavi.templates.jax.spelling import named, one, spelled
from cavi.templates.jax.writer import JaxWriter
from cavi.templates.numpy import view as numpy_view
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
    """

    base: ModuleView
    latents: tuple[tuple[str, tuple[str, ...]], ...]


def module_view(derived: Derived) -> JaxView:
    """The view of a derived model."""
    for u in (u for u in derived.updates if u.climbs is not None):
        raise CaviError(
            f"{u.factor.name} is found by steps of Newton's method, which are shortened by trying them; the JAX module "
            "does not do that; use the NumPy module, d.numpy()"
        )
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
    )
    return JaxView(base, tuple((u.factor.name, u.factor.latents) for u in derived.updates))


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
    return replace(v, body=spelled(v.body), transition=one(v.transition), keeps=named(v.keeps))


def _factor(f: FactorView) -> FactorView:
    return replace(
        f,
        body=spelled(f.body),
        height=spelled(f.height),
        initial=spelled(f.initial),
        moments=spelled(f.moments),
        follow=spelled(f.follow),
        from_marginals=spelled(f.from_marginals),
    )
