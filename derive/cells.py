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

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import (
    add,
    collect,
    fresh_index,
    multiply,
    normalise,
    power,
    rewrite,
    substitute,
    with_fresh_bound,
)
from cavi.derive.errors import CaviError, DeclarationError
from cavi.derive.expression import AnySub, Expr, Ref, map_children, replace_running
from cavi.derive.expression import map_subs as map_expression_subs
from cavi.derive.index import Gather, Index, Sub
from cavi.derive.model import Model, Variable
from cavi.derive.result import Derived, ElboTerm, Formula, MomentSpec, Update
from cavi.derive.term import (
    ZERO,
    Atom,
    Delta,
    Element,
    Function,
    Matrix,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    arguments,
    atom_indices,
    from_atom,
    number,
)
from cavi.derive.text import show

ONE = Fraction(1)
Site = tuple[Sub, ...]


@dataclass(frozen=True)
class Cells:
    """An observed array that is given by its cells.

    Attributes:
        array: its name.
        plates: its axes.
        index: runs over the given cells.
        places: the names of the observed integers that say where a cell lies, an axis each.
        latents: those that have a factor at given cells only.
    """

    array: str
    plates: tuple[Index, ...]
    index: Index
    places: tuple[str, ...]
    latents: tuple[str, ...]

    @property
    def gathers(self) -> tuple[Gather, ...]:
        """Where the cell of the index lies."""
        return tuple(Gather(p, (self.index,), i.size) for p, i in zip(self.places, self.plates, strict=True))


def over_cells(derived: Derived) -> tuple[Derived, tuple[Cells, ...]]:
    """The derivation with its sums over given cells; it is returned as it is where no array is sparse.

    Raises:
        DeclarationError: where a term runs over all cells whatever the data, with the term.
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
    rule = _Rewriting(derived, array, cells)
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


@dataclass(frozen=True)
class _Rewriting:
    """Sums over the cells of one array in the formulas of one derivation."""

    derived: Derived
    array: Variable
    cells: Cells

    # --- parts of a derivation -----------------------------------------------------------------

    def update(self, u: Update) -> Update:
        """The update with its formulas over cells, and with a factor over cells where it belongs to them."""
        own = set(u.factor.latents) <= set(self.cells.latents)
        here = f"the update of {u.factor.name}"
        return replace(
            u,
            factor=replace(
                u.factor,
                plates=self.axes(u.factor.plates, own),
                sequential=self.axes(u.factor.sequential, own and set(self.cells.plates) <= set(u.factor.sequential)),
            ),
            formulas=tuple(self.formula(f, own, here) for f in u.formulas),
            initial=tuple(self.formula(f, own, f"the start of {u.factor.name}") for f in u.initial),
            from_marginals=tuple(self.formula(f, own, here) for f in u.from_marginals),
            moment_specs=tuple(self.moment(s, own, f"the moments of {u.factor.name}") for s in u.moment_specs),
            context=None,
        )

    def formula(self, f: Formula, own: bool, where: str) -> Formula:
        value = self.whole(f.value, own, where) if isinstance(f.value, Polynomial) else f.value
        indices = self.axes(f.indices, own)
        self.refuse_all_cells(indices, f"{f.latent}.{f.name}", where)
        return replace(f, indices=indices, value=value)

    def moment(self, s: MomentSpec, own: bool, where: str) -> MomentSpec:
        value = None if s.value is None else self.whole(s.value, own, where)
        pattern = self.substituted(s.pattern) if own else s.pattern
        return MomentSpec(s.key, self.axes(s.indices, own), pattern, value)

    def term(self, t: ElboTerm) -> ElboTerm:
        return replace(t, value=self.whole(t.value, False, f"the bound, the term of {t.name}"))

    def axes(self, indices: tuple[Index, ...], own: bool) -> tuple[Index, ...]:
        """The axes of an array that belongs to cells: one over cells in the place of the array's, first."""
        if not own or not set(self.cells.plates) <= set(indices):
            return indices
        return (self.cells.index, *(i for i in indices if i not in self.cells.plates))

    # --- polynomials ---------------------------------------------------------------------------

    def whole(self, p: Polynomial, own: bool, where: str) -> Polynomial:
        """The polynomial over cells; with `own` its free indices over the array's axes are those of one cell."""
        parts = []
        for m in map(with_fresh_bound, p.monomials):
            done = self.monomial(m, own, where)
            parts.append(self.substituted(done) if own else done)
        found = add(*parts)
        for m in found.monomials:
            self.check(m, where)
        return found

    def substituted(self, p: Polynomial) -> Polynomial:
        """At the place of a cell: what belongs to cells is read at it, all else where it lies."""
        moved = self._at(p, self.cells.index, self.cells.plates)
        return substitute(moved, dict(zip(self.cells.plates, self.cells.gathers, strict=True)))

    def monomial(self, m: Monomial, own: bool, where: str) -> Polynomial:
        """A monomial whose bound indices are fresh: over given cells and over all of them."""
        inside = self.arguments(m, where)
        sites = {s for a in inside.atoms for s in self.sites(a)}
        if own:
            sites.discard(self.cells.plates)
        if not sites:
            return collect([normalise(inside.coefficient, inside.powers, inside.bound)])
        if len(sites) > 1 or own:
            raise self.refused(m, where, f"reads {self.array.name} at two cells")
        (site,) = sites
        if not all(isinstance(s, Index) for s in site):
            raise self.refused(m, where, f"reads {self.array.name} at {', '.join(map(repr, site))}")
        background = self.background(inside, where)
        given = self.at_given(inside, site)
        if not background:
            return given
        over = [Monomial(b.coefficient, b.powers, (*b.bound, *inside.bound)) for b in background.monomials]
        everywhere = collect(normalise(b.coefficient, b.powers, b.bound) for b in over)
        return add(given, everywhere, *(-self.at_given(b, site) for b in over))

    def at_given(self, m: Monomial, site: Site) -> Polynomial:
        """Σ over the given cells in the place of the sums over the indices of a site."""
        cell = fresh_index(self.cells.index.size)
        places = [Gather(g.name, (cell,), g.size) for g in self.cells.gathers]
        mapping: dict[Index, Sub] = {}
        powers: list[tuple[Atom, Fraction]] = []
        for sub, place in zip(site, places, strict=True):
            if sub in m.bound and isinstance(sub, Index) and sub not in mapping:
                mapping[sub] = place
            else:
                powers.append((Delta(mapping.get(sub, sub) if isinstance(sub, Index) else sub, place), ONE))
        for a, e in m.powers:
            powers.append((self.at(a, cell, site), e))
        moved = collect([normalise(m.coefficient, powers, [])])
        bound = [cell, *(i for i in m.bound if i not in mapping)]
        placed = substitute(moved, mapping)
        return collect(normalise(x.coefficient, x.powers, [*x.bound, *bound]) for x in placed.monomials)

    def arguments(self, m: Monomial, where: str) -> Monomial:
        """Sums over cells inside the arguments of functions."""

        def inside(p: Polynomial) -> Polynomial:
            parts = []
            for one in map(with_fresh_bound, p.monomials):
                done = self.arguments(one, where)
                sites = {s for a in done.atoms for s in self.sites(a)}
                summed = any(i in done.bound for s in sites for i in s)
                kept = collect([normalise(done.coefficient, done.powers, done.bound)])
                parts.append(self.monomial(done, False, where) if summed else kept)
            return add(*parts)

        def atom(a: Atom) -> Atom:
            match a:
                case Function():
                    return Function(a.name, tuple(map(inside, a.args)))
                case Matrix():
                    return Matrix(a.name, inside(a.value), a.row, a.column, a.subs)
            return a

        return Monomial(m.coefficient, tuple((atom(a), e) for a, e in m.powers), m.bound)

    # --- what stands at a cell -----------------------------------------------------------------

    def _axes_of(self, a: Atom) -> tuple[Index, ...] | None:
        """The declared axes of an array that belongs to cells; None for other atoms."""
        match a:
            case Element() if a.name == self.array.name:
                return self.array.plates
            case Element() if a.name in self.cells.latents:
                return self.derived.model.variable(a.name).indices
            case Parameter() if a.latent in self.cells.latents:
                u = self.derived.update(a.latent)
                return next(f.indices for f in u.formulas if f.latent == a.latent and f.name == a.name)
            case Moment() if set(a.factor.split(",")) <= set(self.cells.latents):
                return self._spec(a).indices
        return None

    def _spec(self, a: Moment) -> MomentSpec:
        return next(s for s in self.derived.update(a.factor).moment_specs if s.key == a.key)

    def _site(self, a: Atom) -> Site | None:
        """The subscripts over the array's axes of what belongs to cells."""
        axes = self._axes_of(a)
        if axes is None or not isinstance(a, Element | Moment | Parameter):
            return None
        at = dict(zip(axes, a.subs, strict=True))
        return tuple(at[i] for i in self.cells.plates) if set(self.cells.plates) <= set(at) else None

    def sites(self, a: Atom) -> Iterator[Site]:
        """The cells that an atom reads, as subscripts."""
        site = self._site(a)
        if site is not None:
            yield site
        for p in arguments(a):
            for m in p.monomials:
                for b in m.atoms:
                    yield from self.sites(b)

    def at(self, a: Atom, cell: Index, site: Site | None = None) -> Atom:
        """The atom read at a cell, where it stands at the site (or anywhere)."""
        here = self._site(a)
        if here is not None and (site is None or here == site) and isinstance(a, Element | Moment | Parameter):
            axes = self._axes_of(a) or ()
            rest = tuple(s for i, s in zip(axes, a.subs, strict=True) if i not in self.cells.plates)
            return replace(a, subs=(cell, *rest))
        match a:
            case Function():
                return Function(a.name, tuple(self._at(p, cell, site) for p in a.args))
            case Matrix():
                return Matrix(a.name, self._at(a.value, cell, site), a.row, a.column, a.subs)
        return a

    def _at(self, p: Polynomial, cell: Index, site: Site | None) -> Polynomial:
        return rewrite(p, lambda a, e: from_atom(self.at(a, cell, site), e))

    # --- the background ------------------------------------------------------------------------

    def background(self, m: Monomial, where: str) -> Polynomial:
        """The product of a monomial where the array is zero, its bound indices still open."""
        found = number(m.coefficient)
        for a, e in m.powers:
            value = self.at_zero(a)
            if value is None:
                found = multiply(found, from_atom(a, e))
            elif not value and e > 0:
                return ZERO
            elif e.denominator == 1 and (e > 0 or value.number):
                found = multiply(found, power(value if e > 0 else number(1 / (value.number or ONE)), abs(int(e))))
            else:
                raise self.refused(m, where, f"has no value where {self.array.name} is zero")
        if any(_undefined(a) for a in found.atoms()):
            raise self.refused(m, where, f"has no value where {self.array.name} is zero")
        if any(self._axes_of(a) is not None for a in found.atoms()):
            raise self.refused(
                m, where, f"does not vanish where {self.array.name} is zero, so that its factor exists at every cell"
            )
        return found

    def at_zero(self, a: Atom) -> Polynomial | None:
        """An atom where the array is zero; None where it does not see the array."""
        if self._site(a) is None:
            if not isinstance(a, Function) or not any(True for _ in self.sites(a)):
                return None
            return _applied(a.name, *map(self._at_zero, a.args))
        match a:
            case Element() if a.name == self.array.name:
                return ZERO
            case Moment():
                spec = self._spec(a)
                if spec.value is not None:
                    at: Mapping[Index, Sub] = dict(zip(spec.indices, a.subs, strict=True))
                    return self._at_zero(substitute(spec.value, at))
        return None

    def _at_zero(self, p: Polynomial) -> Polynomial:
        """The polynomial at the background; one factor that is zero makes a term zero, whatever the others are."""
        parts: list[Monomial | None] = []
        for m in map(with_fresh_bound, p.monomials):
            values = [(a, e, self.at_zero(a)) for a, e in m.powers]
            if any(v is not None and not v and e > 0 for _, e, v in values):
                continue
            product = number(m.coefficient)
            for a, e, v in values:
                seen = v is not None and e.denominator == 1 and e > 0
                product = multiply(product, power(v, int(e)) if v is not None and seen else from_atom(a, e))
            parts.extend(normalise(x.coefficient, x.powers, [*x.bound, *m.bound]) for x in product.monomials)
        return collect(parts)

    # --- refusals ------------------------------------------------------------------------------

    def check(self, m: Monomial, where: str) -> None:
        """Refuse a term with a factor that has a number for every cell."""
        for a in m.atoms:
            if self._covers(atom_indices(a)):
                raise self.refused(m, where, "has a factor with a number for every cell")
            for p in arguments(a):
                for inner in p.monomials:
                    self.check(inner, where)

    def refuse_all_cells(self, indices: tuple[Index, ...], name: str, where: str) -> None:
        if self._covers(indices):
            raise self._error(f"{where}: {name} has a number for every cell of {self.array.name}")

    def _covers(self, indices: object) -> bool:
        """Whether indices run over all cells, given or not."""
        here = Counter(i.size for i in set(indices))  # type: ignore[call-overload]
        return not Counter(i.size for i in self.cells.plates) - here

    def refused(self, m: Monomial, where: str, what: str) -> DeclarationError:
        text = show(Polynomial((m,)), self.derived.model.indices)
        return self._error(f"{where}: the term {text} {what}")

    def _error(self, what: str) -> DeclarationError:
        plates = ", ".join(i.name for i in self.cells.plates)
        return DeclarationError(
            f"{self.array.name} is declared sparse over [{plates}], but in {what}; expected terms that vanish where "
            f"{self.array.name} is zero, or products of factors that have no more than one of {plates}; declare it "
            "without sparse=True, or leave out what couples all cells"
        )


def _applied(name: str, *args: Polynomial) -> Polynomial:
    """A function of arguments at the background."""
    return ZERO if name == "xlogx" and not args[0] else functions.apply(name, *args)


def _undefined(a: Atom) -> bool:
    """Whether an atom is a function at a place where it has no value, as log 0."""
    return isinstance(a, Function) and a.name in ("log", "lgamma", "digamma", "trigamma") and a.args[0].number == 0


# --- the declaration ---------------------------------------------------------------------------


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
