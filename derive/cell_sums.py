"""Sums over given cells in the place of sums over all of them: the rewriting of monomials, and what it refuses.

See `cavi.derive.cells` for the rule and for what it is used for.
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
from cavi.derive.errors import DeclarationError
from cavi.derive.index import Gather, Index, Sub
from cavi.derive.model import Variable
from cavi.derive.result import ArrayOperation, Derived, ElboTerm, Formula, MomentSpec, Update
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


@dataclass(frozen=True)
class Rewriting:
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
        """A parameter, one for each cell where its factor is `own`."""
        value = f.value if isinstance(f.value, ArrayOperation) else self.closed(f.value, f.name, own, where)
        indices = self.axes(f.indices, own)
        self.refuse_all_cells(indices, f"{f.latent}.{f.name}", where)
        return replace(f, indices=indices, value=value)

    def moment(self, s: MomentSpec, own: bool, where: str) -> MomentSpec:
        """An expectation, likewise."""
        value = None if s.value is None else self.closed(s.value, s.key, own, where)
        pattern = self.substituted(s.pattern) if own else s.pattern
        return MomentSpec(s.key, self.axes(s.indices, own), pattern, value)

    def closed(self, value: object, name: str, own: bool, where: str) -> Polynomial:
        """A closed form over cells; what is integrated numerically is not looked into."""
        if not isinstance(value, Polynomial):
            raise self._error(f"{where}: {name} is a numerical integral, which is not written over given cells")
        return self.whole(value, own, where)

    def term(self, t: ElboTerm) -> ElboTerm:
        """A term of the bound."""
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
                if isinstance(spec.value, Polynomial):
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
        """Refuse a parameter with a number for every cell."""
        if self._covers(indices):
            raise self._error(f"{where}: {name} has a number for every cell of {self.array.name}")

    def _covers(self, indices: object) -> bool:
        """Whether indices run over all cells, given or not."""
        here = Counter(i.size for i in set(indices))  # type: ignore[call-overload]
        return not Counter(i.size for i in self.cells.plates) - here

    def refused(self, m: Monomial, where: str, what: str) -> DeclarationError:
        """The error for a term."""
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
