"""Arrays that are given by their cells: the same derivation with its sums over cells only, for whoever writes code.

An observed array y[i,j] declared with ``sparse=True`` is zero but for the cells that are given, c = 1 … C, cell c at
i = y_i[c], j = y_j[c]. Nothing changes on the whiteboard: the log joint sums over all i and j. What a program computes
does change, term by term:

    Σ_ij M(y[i,j])  =  Σ_c ( M(y[c]) - M(0) )  +  Σ_ij M(0)

where M(0) is the term at the background: zero for y·E[log u], for log Γ(1 + y), and for the expectation of a count
whose total is y; E[u]·E[v] for the mean of a Poisson count, and its sum over all pairs is a product of sums. A latent
that belongs to single cells and says nothing at the background (the counts behind a total) has a factor at given cells
only. What would still run over all cells after that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cavi.derive.cell_sums import Cells, Rewriting
from cavi.derive.errors import CaviError
from cavi.derive.expression import AnySub, Expr, Ref, map_children, replace_running
from cavi.derive.expression import map_subs as map_expression_subs
from cavi.derive.index import Index
from cavi.derive.model import Model, Variable
from cavi.derive.result import Derived


def over_cells(derived: Derived) -> tuple[Derived, tuple[Cells, ...]]:
    """The derivation with its sums over given cells; it is returned as it is where no array is sparse.

    Raises:
        DeclarationError: where a term runs over all cells whatever the data, with the term.

    Example:
        >>> from cavi.derive import Gamma, Model, Poisson, derive
        >>> from cavi.derive.report import update_text
        >>> m = Model("rates")
        >>> u, i = m.index("u", "U"), m.index("i", "I")
        >>> y = m.observed("y", Poisson(m.latent("rate", Gamma(2, 1), i)[i]), u, i, sparse=True)
        >>> spread, (cells,) = over_cells(derive(m))
        >>> cells.places
        ('y_u', 'y_i')
        >>> print(update_text(spread.update("rate"), spread.model.indices).strip())
        q*(rate[i]) = Gamma
          rate.shape[i] = 2 + Σ_c y[c]·δ[i,y_i[c]]
          rate.rate[i] = 1 + U
          E[log rate[i]] = ψ(rate.shape[i]) - log rate.rate[i]
          E[rate[i]] = rate.shape[i]/rate.rate[i]
    """
    found: list[Cells] = []
    for v in derived.model.with_role("observed"):
        if v.sparse:
            derived, cells = _spread(derived, v)
            found.append(cells)
    return derived, tuple(found)


def latents_at_cells(derived: Derived) -> frozenset[str]:
    """The latents that have a factor at given cells only, which no result holds."""
    arrays = [v for v in derived.model.with_role("observed") if v.sparse]
    return frozenset(n for v in arrays for n in _at_cells(derived, v))


def place_names(model: Model, array: Variable) -> tuple[str, ...]:
    """The names of the observed integers that say where the given cells of a sparse array lie, an axis each."""
    return _named(model, array)[1]


def refuse_sparse(derived: Derived, what: str) -> None:
    """Refuse to write what needs whole arrays, where one is given by its cells.

    Raises:
        CaviError: naming the array.
    """
    for v in derived.model.with_role("observed"):
        if v.sparse:
            raise CaviError(
                f"{v.name} is declared sparse, and {what} needs every cell of it; declare it without sparse=True (the "
                "derivation is the same), or use the modules for NumPy, Numba or JAX"
            )


def _spread(derived: Derived, array: Variable) -> tuple[Derived, Cells]:
    cells = Cells(array.name, array.plates, *_named(derived.model, array), _at_cells(derived, array))
    rule = Rewriting(derived, array, cells)
    updates = tuple(rule.update(u) for u in derived.updates)
    terms = tuple(rule.term(t) for t in derived.elbo.closed_terms)
    specs = {u.factor.name: u.moment_specs for u in updates}
    model = _model(derived.model, cells)
    elbo = replace(derived.elbo, terms=terms, specs=specs, indices=model.indices)
    factors = tuple(u.factor for u in updates)
    return replace(derived, model=model, factors=factors, updates=updates, elbo=elbo), cells


def _named(model: Model, array: Variable) -> tuple[Index, tuple[str, ...]]:
    """Names that are still free, for the index over cells and for the places."""
    taken = {*(v.name for v in model.variables), *(i.name for i in model.indices), *model.sizes}

    def free(name: str) -> str:
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    letter = next((x for x in "cnlrstm" if x not in taken), "c")
    index = Index(free(letter), free(f"{array.name}_cells"))
    return index, tuple(free(f"{array.name}_{i.name}") for i in array.plates)


def _at_cells(derived: Derived, array: Variable) -> tuple[str, ...]:
    """The latents whose factor is a product over the cells of an array."""
    over = set(array.plates)
    return tuple(n for u in derived.updates if over <= set(u.factor.plates) for n in u.factor.latents)


def _model(model: Model, cells: Cells) -> Model:
    """The declaration over given cells: what belongs to them has their index, and the places are observed."""
    variables: dict[str, Variable] = {}
    for v in model.variables:
        if v.name in (cells.array, *cells.latents):
            for place, axis in zip(cells.places, cells.plates, strict=True):
                variables.setdefault(place, Variable(place, "observed_index", (cells.index,), over=axis))
        variables[v.name] = v
    own = {n: _moved(variables[n], cells) for n in (cells.array, *cells.latents)}
    for name, v in own.items():
        variables[name] = _declared(v, cells, own)
    return model.with_parts((*model.indices, cells.index), variables)


def _moved(v: Variable, cells: Cells) -> Variable:
    return replace(v, plates=(cells.index, *(i for i in v.plates if i not in cells.plates)), sparse=False)


def _declared(v: Variable, cells: Cells, own: Mapping[str, Variable]) -> Variable:
    """A variable at a cell, with the expressions that declare it."""

    def at_cell(sub: AnySub) -> AnySub:
        for i, place in zip(cells.plates, cells.gathers, strict=True):
            sub = replace_running(sub, i, place)
        return sub

    def moved(e: Expr) -> Expr:
        if isinstance(e, Ref) and e.name in own:
            at = zip(e.variable.indices, e.subs, strict=False)
            rest = tuple(s for i, s in at if i not in cells.plates)
            return Ref(own[e.name], (cells.index, *rest))
        if isinstance(e, Ref):
            return map_expression_subs(e, at_cell)
        return map_expression_subs(map_children(e, moved), at_cell)

    distribution = v.distribution
    if distribution is not None:
        distribution = replace(distribution, args={n: moved(a) for n, a in distribution.args.items()})
    return replace(
        v,
        distribution=distribution,
        constraint=None if v.constraint is None else moved(v.constraint),
        weight=None if v.weight is None else moved(v.weight),
    )
