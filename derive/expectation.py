"""Expectations under q: independent factors split a product, atoms of one element become a moment.

Two elements i, j of one plate split into the off-diagonal product and a δ_ij part:
E[w_i w_j] = E[w_i] E[w_j] (1 - δ_ij) + δ_ij E[w_i²]. Inside a joint block they stay one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from cavi.derive.canonical import (
    add,
    atom_key,
    collect,
    deltas,
    multiply,
    normalise,
    replace_sub,
    substitute,
    sum_over,
    summed_product,
    with_fresh_bound,
)
from cavi.derive.coincidence import MOST, Case, TooManyCasesError, cases, kinds
from cavi.derive.crossing import crossed, crosses
from cavi.derive.factorisation import Block, Site, placed_atoms, random_atoms
from cavi.derive.index import Gather, Index, Shift, Sub, indices_of, primed, shifted
from cavi.derive.remedies import refusal
from cavi.derive.term import (
    Atom,
    Element,
    Function,
    Indicator,
    Matrix,
    Moment,
    Monomial,
    Polynomial,
    Powers,
    atom_indices,
    from_atom,
    number,
)
from cavi.derive.text import key_of

ONE = Fraction(1)


@dataclass(frozen=True)
class Pattern:
    """What stands inside an expectation, at the factor's plates and event placeholders; `bound` is summed inside."""

    powers: Powers
    indices: tuple[Index, ...]
    bound: tuple[Index, ...] = ()

    @property
    def polynomial(self) -> Polynomial:
        """The pattern as a polynomial."""
        if not self.bound:
            return Polynomial((Monomial(ONE, self.powers),))
        return collect([normalise(ONE, self.powers, self.bound)])


@dataclass
class Moments:
    """The expectations met so far: (factor, key) -> pattern, in order of appearance."""

    patterns: dict[tuple[str, str], Pattern] = field(default_factory=dict)

    def of(self, block: Block, powers: Powers, site: Site, bound: tuple[Index, ...] = ()) -> Polynomial:
        """E[Π atoms] of one element of a factor, summed over `bound`, as a moment of its table."""
        pattern, event = localise(block, powers, bound, share=True)
        name = key_of(pattern.polynomial)
        if all(isinstance(a, Indicator) and a.value == _literal_one(a) for a, _ in pattern.powers):
            name = block.factor.name
        # Patterns that differ in their positions only, such as x[t] x[t] and x[t] x[t-1], are told apart by primes.
        while self.patterns.setdefault((block.factor.name, name), pattern) != pattern:
            name += "'"
        return from_atom(Moment(block.factor.name, name, (*site, *event), _symmetric(pattern, len(event))))


def _literal_one(atom: Indicator) -> Sub | None:
    return atom.value if not isinstance(atom.value, Index) else None


def _symmetric(pattern: Pattern, count: int) -> int:
    """How many of the last placeholders can change places, as a half, with those before them."""
    event = pattern.indices[len(pattern.indices) - count :]
    for half in range(1, count // 2 + 1):
        left, right = event[-2 * half : -half], event[-half:]
        if [i.size for i in left] != [i.size for i in right]:
            continue
        swap: dict[Index, Sub] = {**dict(zip(left, right, strict=True)), **dict(zip(right, left, strict=True))}
        if substitute(pattern.polynomial, swap) == pattern.polynomial:
            return half
    return 0


class _Placeholders:
    """Names for the event positions of a pattern: the declared index, primed for its further occurrences."""

    def __init__(self, kept: Iterable[Index], share: bool) -> None:
        self.kept = set(kept)
        self.share = share
        self.names: list[Index] = []
        self.places: list[Sub] = []

    def at(self, sub: Sub, axis: Index, chain: bool) -> Sub:
        """The placeholder of one subscript; neighbours along a chain keep their relation."""
        if isinstance(sub, Index) and sub in self.kept:
            return sub
        if self.share or chain:
            for name, place in zip(self.names, self.places, strict=True):
                if name.size == axis.size and place == sub:
                    return name
        if chain:
            for name, place in zip(self.names, self.places, strict=True):
                if name.size == axis.size and (step := _step(place, sub)) is not None:
                    return shifted(name, step)
        index = axis
        while index in self.names:
            index = primed(index)
        self.names.append(index)
        self.places.append(sub)
        return index

    def of_data(self, block: Block, f: Function) -> Function:
        """Known data inside a function of one element: the expectation is one for each of them."""
        here = {*self.kept, *block.factor.plates, *self.names}
        moves: dict[Index, Sub] = {}
        for index in dict.fromkeys(atom_indices(f)):
            if index not in here:
                axis = next(i for i in block.declared if i.size == index.size)
                moves[index] = self._placeholder(index, axis, here)
        return Function(f.name, tuple(substitute(a, moves) for a in f.args)) if moves else f

    def _placeholder(self, sub: Index, axis: Index, taken: Iterable[Index]) -> Index:
        for name, place in zip(self.names, self.places, strict=True):
            if place == sub:
                return name
        while axis in taken or axis in self.names:
            axis = primed(axis)
        self.names.append(axis)
        self.places.append(sub)
        return axis


def _step(place: Sub, sub: Sub) -> int | None:
    """How many positions a subscript lies after another; None if they are not neighbours by form."""
    base, offset = (place.base, place.offset) if isinstance(place, Shift) else (place, 0)
    other, further = (sub.base, sub.offset) if isinstance(sub, Shift) else (sub, 0)
    return further - offset if base == other and abs(further - offset) == 1 else None


def localise(
    block: Block, powers: Powers, bound: tuple[Index, ...] = (), share: bool = False
) -> tuple[Pattern, tuple[Sub, ...]]:
    """The atoms of one element at the factor's plates, and the event subscripts they stood at.

    Event positions get placeholders, one for each occurrence, or with `share` one for each position. Indices in `bound`
    stay as they are: the pattern is summed over them.
    """
    places = _Placeholders(bound, share)

    def place(atom: Atom) -> Atom:
        if isinstance(atom, Element | Indicator) and atom.name in block.variables:
            axes = list(block.event_axes(atom.name))
            if block.variables[atom.name].symmetric:
                axes[-1] = axes[-2]  # row and column are alike
            variable, chain = block.variables[atom.name], block.chain_axis(atom.name)
            if isinstance(atom, Indicator) and variable.over is not None:
                axes.append(variable.over)
            own: list[Sub] = []
            for position, (sub, axis) in enumerate(zip(block.event_subs(atom), axes, strict=True)):
                if isinstance(atom, Indicator) and not isinstance(sub, Index) and axis.size == "2":
                    own.append(sub)  # the value one of a binary variable is part of the pattern
                else:
                    own.append(places.at(sub, axis, position == chain))
            return block.with_subs(atom, block.factor.plates, own)
        if isinstance(atom, Matrix):
            inner = {a.name for a in random_atoms(atom, block.variables)}
            sides = block.event_axes(min(inner))
            if len(sides) < 2:  # a determinant or inverse of a matrix in which the latent is one part
                raise refusal(block.factor, from_atom(atom), sorted(inner))
            axis = sides[-2]
            value = _map(atom.value, lambda a: _at_site(block, a))
            subs = tuple(places.at(s, axis, False) for s in atom.subs)
            return Matrix(atom.name, value, atom.row, atom.column, subs)
        if isinstance(atom, Function):
            before = set(places.kept)
            placed = Function(atom.name, tuple(_map(a, place, places.kept) for a in atom.args))
            places.kept = before  # what the function sums over stays in it, and is no place outside
            return places.of_data(block, _known_at_site(block, atom, placed))
        return atom

    # A position before its neighbour, so that the placeholder is that of t in x[t] x[t-1].
    placed: list[tuple[Atom, Fraction]] = []
    for atom, exponent in sorted(powers, key=lambda power: (_shifts(power[0]), atom_key(power[0]))):
        inner = list(random_atoms(atom, block.variables))
        repeated = any(block.event_subs(a) for a in inner if isinstance(a, Element))
        copies = int(exponent) if exponent > 1 and exponent.denominator == 1 else 1
        if repeated and isinstance(atom, Element) and copies > 1 and not share:
            placed.extend((place(atom), ONE) for _ in range(copies))
        else:
            placed.append((place(atom), exponent))
    placed.sort(key=lambda power: atom_key(power[0]))
    pattern = normalise(ONE, placed, bound) if bound else Monomial(ONE, tuple(placed))
    assert pattern is not None
    return Pattern(pattern.powers, (*block.factor.plates, *places.names), pattern.bound), tuple(places.places)


def _known_at_site(block: Block, atom: Function, placed: Function) -> Function:
    """Known data inside a function of one element go to the factor's plates with it."""
    first = next(random_atoms(atom, block.variables), None)
    if first is None:
        return placed
    for s, i in zip(block.site(first), block.factor.plates, strict=True):
        if isinstance(s, Gather):  # points of the same documents, a[doc[n]]
            placed = Function(placed.name, tuple(replace_sub(a, s, i) for a in placed.args))
    moves: dict[Index, Sub] = {
        s: i for s, i in zip(block.site(first), block.factor.plates, strict=True) if isinstance(s, Index) and s != i
    }
    used = set(atom_indices(atom))
    if not moves or used & set(block.factor.plates) or not used & set(moves):
        return placed
    return Function(placed.name, tuple(substitute(a, moves) for a in placed.args))


def _shifts(atom: Atom) -> int:
    """How many subscripts of an atom are neighbours of others."""
    subs = atom.subs if isinstance(atom, Element | Indicator) else ()
    return sum(isinstance(s, Shift) for s in subs)


def _at_site(block: Block, atom: Atom) -> Atom:
    """An element inside a matrix function, moved to the factor's plates."""
    if isinstance(atom, Element) and atom.name in block.variables:
        return block.with_subs(atom, block.factor.plates, block.event_subs(atom))
    return atom


def internal(block: Block, powers: Powers, bound: Iterable[Index]) -> tuple[Index, ...]:
    """The summed indices that tie atoms of different latents of one block together, and nothing else.

    Every occurrence must be a subscript itself: positions such as group[n] become arguments of the moment, outside.
    """
    found = []
    for index in bound:
        names = set()
        for atom, _ in powers:
            if index in set(atom_indices(atom)):
                inner = list(random_atoms(atom, block.variables))
                names |= {a.name for a in inner} or {""}
                if any(s != index and index in set(indices_of(s)) for a in inner for s in a.subs):
                    names.add("")
        if "" not in names and len(names) > 1 and not (block.chosen and _in_a_function(powers, index)):
            found.append(index)
    return tuple(found)


def _in_a_function(powers: Powers, index: Index) -> bool:
    return any(isinstance(a, Function) and index in set(atom_indices(a)) for a, _ in powers)


def _map(p: Polynomial, place: Callable[[Atom], Atom], kept: set[Index] | None = None) -> Polynomial:
    """The atoms of a polynomial changed; what it sums over inside stays in place, and is entered in `kept`."""
    monomials = [with_fresh_bound(m) for m in p.monomials]
    if kept is not None:
        kept.update(i for m in monomials for i in m.bound)
    return collect(normalise(m.coefficient, [(place(a), e) for a, e in m.powers], m.bound) for m in monomials)


def _one_site(block: Block, inner: Iterable[Element | Indicator], atom: Atom) -> bool:
    """Whether an atom is a function of one element of the factor, and of no sum over many."""
    sites = {block.site(a) for a in inner}
    return len(sites) == 1 and all(set(indices_of(s)) <= set(atom_indices(atom)) for s in next(iter(sites)))


@dataclass(frozen=True, eq=False)
class Expectation:
    """E_q over all factors of a model; the moments met are recorded in `moments`."""

    blocks: tuple[Block, ...]
    moments: Moments

    def of(self, p: Polynomial, keep: Block | None = None) -> Polynomial:
        """E[p] under every factor, but for the atoms of `keep`, which stay as they are."""
        return add(*(self._monomial(m, keep) for m in p.monomials))

    def block_of(self, atom: Atom) -> Block | None:
        """The one factor that an atom belongs to.

        Raises:
            NonConjugateError: when a function mixes latents of several factors or elements.
        """
        touched = [b for b in self.blocks if any(True for _ in random_atoms(atom, b.variables))]
        if not touched:
            return None
        inner = {a for b in touched for a in random_atoms(atom, b.variables)}
        if len(touched) == 1 and touched[0].factor.point and _one_site(touched[0], inner, atom):
            return touched[0]  # at a point any function of one element has its value there
        free = [b for b in touched if not b.factor.point]
        if len(free) == 1 and free[0].projected and isinstance(atom, Function) and len(touched) > 1:
            # A point beside the latents has one value, which is known data to their expectation.
            touched, inner = free, set(placed_atoms(atom, free[0].variables))
        if len(touched) == 1 and touched[0].projected and isinstance(atom, Function):
            if _one_site(touched[0], inner, atom):
                return touched[0]
        if len(touched) > 1 or (isinstance(atom, Function | Matrix) and len(inner) > 1):
            # What keeps the others from having an expectation is the factor without a method.
            open_ = next((b for b in touched if not (b.normal or b.expanded)), touched[0])
            raise refusal(open_.factor, from_atom(atom), sorted({a.name for a in inner}))
        if isinstance(atom, Function) and any(not set(atom_indices(a)) <= set(atom_indices(atom)) for a in inner):
            # A function of a sum over many elements: no element of the factor stands alone in it.
            raise refusal(touched[0].factor, from_atom(atom), sorted({a.name for a in inner}))
        return touched[0]

    def _monomial(self, m: Monomial, keep: Block | None) -> Polynomial:
        rest: list[tuple[Atom, Fraction]] = []
        known = number(1)
        by_block: dict[str, tuple[Block, dict[Site, list[tuple[Atom, Fraction]]]]] = {}
        across, single = self._across(m, keep)
        if across:
            known = crossed(self, across, keep)
        for atom, exponent in single:
            block = self.block_of(atom)
            if block is None or block is keep:
                rest.append((atom, exponent))
                continue
            if keep is not None and keep.factor.point and any(True for _ in random_atoms(atom, keep.variables)):
                known = multiply(known, self._at_points(block, atom, exponent, keep))
                continue
            inner = next(random_atoms(atom, block.variables))
            sites = by_block.setdefault(block.factor.name, (block, {}))[1]
            sites.setdefault(block.site(inner), []).append((atom, exponent))
        if not by_block and known == number(1):
            return Polynomial((m,))
        result = multiply(collect([normalise(m.coefficient, rest, ())]), known)
        absorbed: list[Index] = []
        # Terms that are equal after the sum are told for one factor: exchanging its sites moves those of the others.
        largest = max((len(sites) for _, sites in by_block.values()), default=0)
        for block, sites in by_block.values():
            inside = self._inside(block, sites, m)
            absorbed.extend(inside)
            alike = kinds(m, list(sites)) if 2 < len(sites) == largest else None
            largest = 0 if alike else largest
            result = multiply(result, self.sites(block, sites, inside, alike))
        return sum_over(result, [i for i in m.bound if i not in absorbed])

    def _across(self, m: Monomial, keep: Block | None) -> tuple[Powers, Powers]:
        """The functions of sums over several factors, some of which are to be averaged over, and the other atoms.

        Raises:
            NonConjugateError: where other atoms depend on the same factors.
        """
        found = tuple((a, e) for a, e in m.powers if crosses(self.blocks, a))
        averaged = [b for b in self.blocks if b is not keep]
        mine = [b for b in averaged if any(True for a, _ in found for _ in random_atoms(a, b.variables))]
        if not mine:
            return (), m.powers
        rest = tuple(x for x in m.powers if x not in found)
        for b in mine:
            if not b.factor.point and any(True for a, _ in rest for _ in random_atoms(a, b.variables)):
                term = collect([normalise(ONE, m.powers, ())])
                raise refusal(
                    b.factor, term, b.variables, "a function of one sum alone: something else beside it is random"
                )
        return found, rest

    def _at_points(self, block: Block, atom: Atom, exponent: Fraction, keep: Block) -> Polynomial:
        """E[exp u] = exp(E[u] + ½ V[u]) under a Normal factor, as a function of a point in u.

        Raises:
            NonConjugateError: for another function, and another factor.
        """
        if not (block.normal and isinstance(atom, Function) and atom.name == "exp"):
            raise refusal(
                block.factor,
                from_atom(atom),
                sorted({a.name for a in random_atoms(atom, (*block.variables, *keep.variables))}),
                f"of known expectation as a function of {', '.join(keep.variables)}, as an exponential under a Normal "
                f"factor is, approximate={{{block.factor.name!r}: 'cvi'}}",
            )
        u = atom.args[0].scaled(exponent)
        mean = self.of(u, keep)
        spread = self.of(multiply(u, u), keep) - multiply(mean, mean)
        return from_atom(Function("exp", (mean + spread.scaled(Fraction(1, 2)),)))

    def _inside(self, block: Block, sites: dict[Site, list[tuple[Atom, Fraction]]], m: Monomial) -> tuple[Index, ...]:
        """The sums that belong inside the expectation of a joint block."""
        if len(sites) > 1 or len(block.variables) < 2:
            return ()
        ((site, own),) = sites.items()
        outside = {i for a, e in m.powers if (a, e) not in own for i in atom_indices(a)}
        outside |= {i for s in site for i in indices_of(s)}
        return tuple(i for i in internal(block, tuple(own), m.bound) if i not in outside)

    def sites(
        self,
        block: Block,
        sites: dict[Site, list[tuple[Atom, Fraction]]],
        inside: tuple[Index, ...] = (),
        alike: Sequence[Sequence[int]] | None = None,
    ) -> Polynomial:
        """E of a product over elements of one factor, split by which of them coincide; `inside` is summed there.

        Positions of sites that can change places in what is summed are together in `alike`, if that is known.
        """
        if not sites:
            return number(1)
        if block.factor.point:
            return self.together(block, sites)
        places = list(sites)
        total: list[Polynomial] = []
        together = cache(lambda group: self.together(block, {places[s]: sites[places[s]] for s in group}, inside))
        for case in found_cases(block, sites, alike or [[s] for s in range(len(places))]):
            condition = coinciding([places[s] for s in group] for group in case.same)
            if condition:
                averaged = map(together, case.averaged)
                total.append(summed_product([condition.scaled(Fraction(case.weight)), *averaged]))
        return add(*total)

    def together(
        self, block: Block, sites: dict[Site, list[tuple[Atom, Fraction]]], inside: tuple[Index, ...] = ()
    ) -> Polynomial:
        """E of a product over sites that are one element of a factor: all of it at the first."""
        if block.factor.point:
            return self._at_values(block, sites)
        first = next(iter(sites))
        merged: dict[Atom, Fraction] = {}
        for site, powers in sites.items():
            for atom, exponent in powers:
                moved = atom if site == first else _move(block, atom, first)
                merged[moved] = merged.get(moved, Fraction(0)) + exponent
        whole = collect([normalise(ONE, list(merged.items()), ())])
        return add(*(self._one_site(block, m, first, inside) for m in whole.monomials))

    def _at_values(self, block: Block, sites: dict[Site, list[tuple[Atom, Fraction]]]) -> Polynomial:
        """The product of the values at points."""
        product = number(1)
        for site, powers in sites.items():
            for atom, exponent in powers:
                one = self.moments.of(block, ((atom, ONE),), site)
                product = multiply(product, from_atom(one.monomials[0].powers[0][0], exponent))
        return product

    def _one_site(self, block: Block, m: Monomial, site: Site, summed: tuple[Index, ...]) -> Polynomial:
        inside = tuple((a, e) for a, e in m.powers if any(True for _ in random_atoms(a, block.variables)))
        outside = [(a, e) for a, e in m.powers if (a, e) not in inside]
        moment = self.moments.of(block, inside, site, summed)
        return multiply(collect([normalise(m.coefficient, outside, ())]), moment)


def _move(block: Block, atom: Atom, site: Site) -> Atom:
    """The atom with its elements moved to another site of the factor."""
    if isinstance(atom, Element | Indicator) and atom.name in block.variables:
        return block.with_subs(atom, site, block.event_subs(atom))
    if isinstance(atom, Function):
        return Function(atom.name, tuple(_map(a, lambda x: _move(block, x, site)) for a in atom.args))
    if isinstance(atom, Matrix):
        value = _map(atom.value, lambda x: _move(block, x, site))
        return Matrix(atom.name, value, atom.row, atom.column, atom.subs)
    return atom


def coinciding(groups: Iterable[Sequence[Site]]) -> Polynomial:
    """Π δ: where the sites of each group are one element."""
    pairs = [(a, b) for first, *others in groups for site in others for a, b in zip(first, site, strict=True)]
    return deltas(*zip(*pairs, strict=True)) if pairs else number(1)


def found_cases(
    block: Block,
    sites: Mapping[Site, Sequence[tuple[Atom, Fraction]]],
    alike: Sequence[Sequence[int]],
    holding: bool = False,
) -> list[Case]:
    """The cases into which a product over sites falls.

    Raises:
        NonConjugateError: when there are too many of them.
    """
    try:
        return list(cases(alike, holding))
    except TooManyCasesError:
        term = collect([normalise(ONE, [x for powers in sites.values() for x in powers], ())])
        raise refusal(
            block.factor,
            term,
            block.variables,
            f"of few enough elements: which of the {len(sites)} of {block.factor.name} coincide has more than {MOST} "
            f"cases; expected a polynomial of lower degree in {', '.join(block.variables)}",
        ) from None
