"""Everything the templates print, decided here: one frozen view of the module."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cavi.derive import Derived, Model, Update, Variable
from cavi.derive.cell_sums import Cells
from cavi.derive.cells import over_cells
from cavi.derive.expression import Number, Ref
from cavi.derive.families import lookup
from cavi.derive.methods import KEEP_THE_BOUND, LAPLACE
from cavi.derive.report import update_text
from cavi.derive.result import sides
from cavi.derive.text import show
from cavi.templates.numpy import helpers
from cavi.templates.numpy.functions import Writer
from cavi.templates.numpy.linear_pass import LinearView
from cavi.templates.numpy.local import LocalView
from cavi.templates.numpy.names import function_name, python_names, quote
from cavi.templates.numpy.planned import ChainView, PlannedWriter, StatisticView
from cavi.templates.numpy.reads import readers, reads
from cavi.templates.numpy.starts import Start, local_factors, start_order, starts
from cavi.templates.numpy.table_pass import TablesView


@dataclass(frozen=True)
class FactorView:
    """One factor: its functions and what the runtime must know of it."""

    name: str
    function: str
    python: str
    title: str
    equations: tuple[str, ...]
    body: tuple[str, ...]
    initial: tuple[str, ...]
    moments: tuple[str, ...]
    follow: tuple[str, ...]
    from_marginals: tuple[str, ...]
    start: Start
    guard: str = ""
    height: tuple[str, ...] = ()
    followers: str = ""
    natural: tuple[str, ...] = ()
    put: tuple[str, ...] = ()
    untold: bool = False

    @property
    def guarded(self) -> str:
        """The arguments of what guards its steps, after the state."""
        given = [quote(self.name), self.function.replace("update_", "propose_")]
        given += [f"height_{self.python}"] if self.height else []
        given += [self.followers] if self.followers else []
        given += [f"natural=(natural_of_{self.python}, put_natural_{self.python})"] if self.natural else []
        return ", ".join(given)


@dataclass(frozen=True)
class CellsView:
    """An array that is given by its cells: its name, and what a module must know of it."""

    array: str
    spec: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ModuleView:
    """The generated module."""

    name: str
    title: str
    declaration: tuple[str, ...]
    usage: tuple[str, ...]
    imports: tuple[str, ...]
    helpers: tuple[str, ...]
    variables: tuple[tuple[str, dict[str, Any]], ...]
    parameters: tuple[tuple[str, dict[str, Any]], ...]
    sizes: tuple[str, ...]
    statistics: tuple[StatisticView, ...]
    locals: tuple[LocalView, ...]
    maps: tuple[LinearView, ...]
    tables: tuple[TablesView, ...]
    passes: tuple[ChainView, ...]
    factors: tuple[FactorView, ...]
    order: tuple[str, ...]
    inner: tuple[str, ...]
    elbo: tuple[str, ...]
    elbo_equations: tuple[str, ...]
    support: tuple[str, ...]
    plan: tuple[str, ...]
    blocked: bool
    needs: str
    target: str
    reads: tuple[tuple[str, tuple[str, ...]], ...]
    cells: tuple[CellsView, ...]
    at_cells: tuple[str, ...]
    guarded: bool = False
    lazy: bool = False
    readers: tuple[tuple[str, dict[str, str]], ...] = ()
    expanded: bool = False  # the bound is approximated, and may fall

    @property
    def gates(self) -> tuple[str, ...]:
        """The factors that are updated after what they let act."""
        return tuple(f.name for f in self.factors if f.start.gate)

    @property
    def told(self) -> tuple[str, ...]:
        """The factors with categories that some known array may tell apart."""
        return tuple(f.name for f in self.factors if any(s.told or s.read for s in f.start.seeds))


def module_view(
    derived: Derived, writer: PlannedWriter | None = None, kernels: helpers.Kernels = helpers.NUMPY
) -> ModuleView:
    """The view of a derived model, as a writer writes it, with helpers of a target in the place of NumPy's."""
    declared = derived.model
    derived, cells = over_cells(derived)
    writer = writer or PlannedWriter(derived, python_names(derived))
    writer.plan()
    start = starts(derived)
    order, plain = start_order(derived)
    factors = tuple(_factor(u, derived, writer, start[u.factor.name], plain) for u in derived.updates)
    elbo = writer.elbo()
    support = writer.support()
    statistics = writer.statistics()
    local = writer.locals()
    passed = kernels.compiled(writer, writer.table_passes())
    passes = writer.passes()
    maps = writer.linear_passes()
    used = writer.helpers | ({"blocks"} if local else set())
    used |= {"blocks", "lowered", "gathered"} if passed else set()
    used |= {"scattered"} if any(s.size for v in passed if not v.counts for s in v.sums) else set()
    used |= {"bilinear"} if any(v.counts for v in passed) else set()
    inner = [v.inner for v in passed if v.inner]
    used |= {"line_sums", "part_of", "join"} if any(i.loops is None for i in inner) else set()
    used |= {"repeated_lines"} if any(i.loops is not None for i in inner) else set()
    used |= {"weighted"} if local else set()
    used |= {"Softmax"} if any(v.collected for v in local) else set()
    used |= {"product"} if maps else set()
    used |= {f.guard for f in factors if f.guard}
    own = kernels.chosen(used)
    return ModuleView(
        name=derived.model.name,
        title=derived.model.title,
        declaration=tuple(str(declared).splitlines()[1:]),
        usage=(*usage(declared), *_usage_of_cells(cells)),
        imports=tuple(helpers.imports(used, own)),
        helpers=tuple(helpers.sources(used, kernels)),
        variables=known_variables(derived),
        parameters=tuple((n, _parameters(u, n)) for u in derived.updates for n in u.factor.latents),
        sizes=derived.model.sizes,
        statistics=statistics,
        locals=local,
        maps=maps,
        tables=passed,
        passes=passes,
        factors=factors,
        order=order,
        inner=local_factors(derived),
        elbo=elbo,
        elbo_equations=tuple(
            line
            for t in derived.elbo.closed_terms
            for line in wrapped(
                f"{'H' if t.kind == 'entropy' else 'E log p'}[{t.name}] = {show(t.value, derived.model.indices)}"
            )
        ),
        support=support,
        blocked="blocks" in helpers.closure(used),
        reads=reads(derived),
        guarded=any(f.guard for f in factors),
        lazy="Lazy" in helpers.closure(used),
        readers=tuple((n, {f: writer.names[f, key] for f, key in by}) for n, by in readers(derived)),
        expanded=any(u.chosen not in KEEP_THE_BOUND for u in derived.updates),
        plan=tuple(w for line in writer.plan_text() for w in wrapped(line)),
        needs=kernels.needs if own else helpers.NUMPY.needs,
        target=kernels.imports if own else "",
        cells=tuple(CellsView(c.array, _cells(c)) for c in cells),
        at_cells=tuple(v.latent for v in passed if any(v.latent in c.latents for c in cells) and _follows(derived, v)),
    )


def _cells(c: Cells) -> dict[str, tuple[str, ...]]:
    axes = tuple(i.size for i in c.plates)
    return {"keys": tuple(i.name for i in c.plates), "places": c.places, "axes": axes}


def _follows(derived: Derived, v: TablesView) -> bool:
    """Whether a factor starts as its update has it, so that a run may begin with that."""
    u = derived.update(v.latent)
    return u.initial == u.formulas


def _usage_of_cells(cells: Sequence[Cells]) -> Iterator[str]:
    """How the cells of an array are given, and what index the formulas have for them."""
    for c in cells:
        entries = ", ".join(f'"{k}": ...' for k in (*(i.name for i in c.plates), "value"))
        names = " and ".join(f'"{p}"' for p in (*c.places, c.array))
        yield from wrapped(
            f"{c.array} is a sparse matrix of SciPy or {{{entries}}}, which may also be given as {names}; cells that "
            f"are not given are 0. In the formulas {c.index.name} runs over the cells that are given."
        )


def known_variables(derived: Derived) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Data and hyperparameters by name, and what they must look like."""
    starts, least = _starts(derived), _degrees(derived)
    return tuple((v.name, _known(v, starts, least)) for v in derived.model.variables if not v.is_random)


def wrapped(equation: str) -> list[str]:
    """An equation over several lines of a docstring."""
    return textwrap.wrap(equation, 100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _factor(update: Update, derived: Derived, writer: Writer, start: Start, plain: frozenset[str]) -> FactorView:
    lines = update_text(update, derived.model.indices).strip().splitlines()
    initial: Sequence[str] = ()
    if update.initial and update.factor.name not in plain:
        initial = writer.update(update, update.initial, "start")
    elif isinstance(writer, PlannedWriter) and update.factor.name in writer.duals and not update.initial:
        initial = writer.narrow_start(update)
    return FactorView(
        name=update.factor.name,
        function=function_name(update.factor.name),
        python=update.factor.name.replace(",", "_"),
        title=lines[0],
        untold=bool(update.told_by),
        equations=tuple(w for line in lines[1:] for w in wrapped(line.strip())),
        body=writer.update(update, update.formulas),
        initial=tuple(initial),
        moments=writer.moments(update),
        follow=writer.follow(update),
        from_marginals=writer.from_marginals(update),
        start=start,
        guard="climbed" if update.climbs is not None else {"": "", LAPLACE: "settled"}.get(update.chosen, "damped"),
        height=writer.height(update) if update.height is not None else (),
        followers=str(update.climbs) if update.climbs else "",
        natural=writer.natural(update) if update.way_back else (),
        put=writer.put(update) if update.way_back else (),
    )


def _known(v: Variable, starts: dict[str, int], least: dict[str, str]) -> dict[str, Any]:
    """What the data and hyperparameters must look like."""
    support = v.domain
    if v.role == "observed_index" or (v.distribution is not None and v.distribution.family == "Categorical"):
        support = "index"
    elif v.distribution is not None:
        family = lookup(v.distribution.family)
        support = {"bounded_count": "count", "count_vector": "count", "interval": "real", "above": "positive"}.get(
            family.support, family.support
        )
        lower = v.distribution.args.get("lower")
        if family.support == "interval" and isinstance(lower, Number) and lower.value >= 0:
            support = "positive"
    return {
        "where": "hyper" if v.role == "hyper" else "data",
        "axes": tuple(i.size for i in v.indices),
        "domain": support,
        "over": v.over.size if v.over is not None and support == "index" else None,
        "starts": starts.get(v.name),
        "least": least.get(v.name),
    }


def _starts(derived: Derived) -> dict[str, int]:
    """Names of the data that mark where sequences start -> the axis along which they run."""
    found: dict[str, int] = {}
    for v in derived.model.variables:
        if v.chain is not None and v.chain.starts is not None:
            (ref,) = v.chain.starts.refs()
            found[ref.name] = ref.subs.index(v.chain.index)
    return found


def _degrees(derived: Derived) -> dict[str, str]:
    """Names of known degrees of freedom -> the size D of the matrices: they must be more than D - 1."""
    found: dict[str, str] = {}
    for v in derived.model.variables:
        for distribution in (v.distribution, v.chain.initial if v.chain else None):
            dof = distribution.args.get("dof") if distribution is not None else None
            if v.event and isinstance(dof, Ref) and not derived.model.variable(dof.name).is_random:
                found[dof.name] = v.event[0].size
    return found


def _parameters(update: Update, latent: str) -> dict[str, Any]:
    """The parameters of one latent: axes, domain, role, and what follows from which."""
    family = update.families[latent]
    domains: dict[str, str] = {}
    if update.factor.point:
        domains = {"value": {"category": "simplex"}.get(family.support, _value_domain(update, latent))}
    out: dict[str, dict[str, Any]] = {}
    for f in update.formulas:
        if f.latent != latent:
            continue
        domain = domains.get(f.name) or update.domain(f)
        out[f.name] = {"axes": tuple(i.size for i in f.indices), "domain": domain, "role": f.role}
        if domain == "positive_definite":
            out[f.name]["side"] = sides(f.indices)
    return out


def _value_domain(update: Update, latent: str) -> str:
    support = update.families[latent].support
    declared = "" if update.context is None else update.context.model.variable(latent).domain
    if declared in ("nonnegative", "positive"):
        return declared  # of a local parameter: the root of an expected square, or an array of positive places
    return support if support in ("simplex", "positive", "unit", "positive_definite") else "real"


def usage(model: Model) -> tuple[str, ...]:
    """How `fit` is called."""
    data = [v.name for v in model.with_role("observed", "covariate", "observed_index")]
    hyper = [v.name for v in model.with_role("hyper")]
    inside = ", ".join(f'"{n}": {n}' for n in data)
    given = ", ".join(f'"{n}": ...' for n in hyper)
    call = f"Use: ``fit({{{inside}}}, {{{given}}})``; sizes that the data cannot tell go into ``sizes={{...}}``."
    return tuple(wrapped(call))
