"""The one module that simplifies: canonical monomials, and the arithmetic of polynomials.

A monomial is brought to normal form by a few contractions, repeated until none applies:

* equal atoms merge their exponents;  δ[i, s] with i summed replaces i by s;  δ[s, s] = 1;
* [z=k] is idempotent, and [z=k][z=l] = [z=k] δ[k, l];
* Σ_k [z=k] = 1, also under an expectation;  Σ_i 1 = the size of i;
* what lies outside its set is zero: the link of position 0, and a place before itself;
* Σ_e Λ_de (Λ⁻¹)_ef = δ_df;

then its bound indices get canonical names (``K.0``, ``K.1``): the smallest naming over the
permutations that a colour refinement leaves open, so that renamed or reordered monomials are equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import count, product
from math import prod

from cavi.derive.index import Gather, Index, Literal, Shift, Sub, indices_of, replace_index, shifted, stem, sub_key
from cavi.derive.term import (
    ZERO,
    Atom,
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Matrix,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Powers,
    Size,
    atom_indices,
    is_category,
)

_fresh = count()

ONE = Fraction(1)


def fresh_index(size: str) -> Index:
    """A bound index that occurs nowhere else."""
    return Index(f"{stem(size)}.~{next(_fresh)}", size)


# --- keys: a total order on atoms ------------------------------------------------------------


@lru_cache(maxsize=200_000)
def atom_key(atom: Atom) -> str:
    """A string that identifies and orders atoms."""
    match atom:
        case Constant():
            return f"0 {atom.name}"
        case Size():
            return f"1 {atom.name}"
        case Element():
            return f"2 {atom.name} {atom.subs}"
        case Function():
            return f"3 {atom.name} {' ; '.join(polynomial_key(a) for a in atom.args)}"
        case Parameter():
            return f"4 {atom.latent} {atom.name} {atom.subs}"
        case Moment():
            return f"5 {atom.factor} {atom.key} {atom.subs}"
        case Indicator():
            return f"6 {atom.name} {atom.subs} {atom.value}"
        case Delta():
            return f"7 {atom.left} {atom.right}"
        case Matrix():
            return f"3 {atom.name} {polynomial_key(atom.value)} {atom.subs}"
        case Link():
            return f"8 {atom.sub} {atom.starts or ''}"
        case Before():
            return f"9 {atom.left} {atom.right}"


def monomial_key(m: Monomial) -> str:
    """A string that identifies a monomial but for its coefficient."""
    return f"{_powers_key(m.powers)} | {m.bound}"


def _powers_key(powers: Powers) -> str:
    return " ".join(f"{atom_key(a)}^{e}" for a, e in powers)


@lru_cache(maxsize=50_000)
def polynomial_key(p: Polynomial) -> str:
    """A string that identifies a canonical polynomial."""
    return " + ".join(f"{m.coefficient} {monomial_key(m)}" for m in p.monomials)


# --- substitution ----------------------------------------------------------------------------


def map_subs(atom: Atom, change: Callable[[Sub], Sub]) -> Atom:
    """The atom with its subscripts changed; inside function arguments only free indices change."""
    match atom:
        case Element():
            return Element(atom.name, tuple(map(change, atom.subs)), atom.symmetric)
        case Moment():
            return Moment(atom.factor, atom.key, tuple(map(change, atom.subs)), atom.symmetric)
        case Parameter():
            return Parameter(atom.latent, atom.name, tuple(map(change, atom.subs)), atom.symmetric)
        case Matrix():
            value = _map_subs(atom.value, change)
            return Matrix(atom.name, value, atom.row, atom.column, tuple(map(change, atom.subs)))
        case Link():
            starts = None if atom.starts is None else (atom.starts[0], tuple(map(change, atom.starts[1])))
            return Link(change(atom.sub), starts)
        case Before():
            return Before(change(atom.left), change(atom.right))
        case Indicator():
            return Indicator(atom.name, tuple(map(change, atom.subs)), change(atom.value))
        case Delta():
            return Delta(change(atom.left), change(atom.right))
        case Function():
            return Function(atom.name, tuple(_map_subs(a, change) for a in atom.args))
        case _:
            return atom


def _map_subs(p: Polynomial, change: Callable[[Sub], Sub]) -> Polynomial:
    return collect(
        normalise(m.coefficient, [(map_subs(a, change), e) for a, e in m.powers], m.bound)
        for m in map(with_fresh_bound, p.monomials)
    )


def substitute_atom(atom: Atom, mapping: Mapping[Index, Sub]) -> Atom:
    """The atom with running indices replaced, inside function arguments too."""
    if not any(i in mapping for i in atom_indices(atom)):
        return atom
    if isinstance(atom, Function):
        return Function(atom.name, tuple(substitute(a, mapping) for a in atom.args))
    if isinstance(atom, Matrix):
        subs = tuple(replace_index(s, mapping) for s in atom.subs)
        return Matrix(atom.name, substitute(atom.value, mapping), atom.row, atom.column, subs)
    return map_subs(atom, lambda s: replace_index(s, mapping))


def substitute(p: Polynomial, mapping: Mapping[Index, Sub]) -> Polynomial:
    """The polynomial with free indices replaced, all at once and without capture."""
    mapping = {i: s for i, s in mapping.items() if i != s}
    if not mapping or not any(i in mapping for i in p.free):
        return p
    return collect(
        normalise(
            m.coefficient,
            [(substitute_atom(a, mapping), e) for a, e in m.powers],
            m.bound,
        )
        for m in map(with_fresh_bound, p.monomials)
    )


def with_fresh_bound(m: Monomial) -> Monomial:
    """The same monomial, its bound indices renamed to fresh ones (not canonical)."""
    if not m.bound:
        return m
    mapping: dict[Index, Sub] = {}
    bound = []
    for i in m.bound:
        new = fresh_index(i.size)
        mapping[i] = new
        bound.append(new)
    return Monomial(m.coefficient, tuple((substitute_atom(a, mapping), e) for a, e in m.powers), tuple(bound))


# --- contraction -----------------------------------------------------------------------------


def is_category_moment(atom: Atom) -> bool:
    """Whether the atom is E[[z = k]], whose last subscript is the category."""
    return isinstance(atom, Moment) and is_category(atom.key)


_CONDITIONS = (Indicator, Delta, Link, Before)  # zero or one, and so is any power of them


def _merge(powers: Iterable[tuple[Atom, Fraction]]) -> dict[Atom, Fraction]:
    merged: dict[Atom, Fraction] = {}
    for atom, exponent in powers:
        if isinstance(atom, _CONDITIONS):
            merged[atom] = ONE
            continue
        known = merged.get(atom)
        merged[atom] = exponent if known is None else known + exponent
    return {a: e for a, e in merged.items() if e}


def _contract_delta(powers: dict[Atom, Fraction], bound: set[Index]) -> dict[Atom, Fraction] | bool | None:
    """One step of delta contraction: new powers, None if nothing to do, False if the term is zero."""
    for atom in powers:
        if not isinstance(atom, Delta):
            continue
        left, right = atom.left, atom.right
        rest = {a: e for a, e in powers.items() if a is not atom}
        if left == right:
            return rest
        if isinstance(left, Literal) and isinstance(right, Literal):
            return False
        if _base(left) == _base(right):
            return False  # a position and its neighbour
        for old, new in ((left, right), (right, left)):
            # δ[t', t-1] with t summed: t is t'+1, where there is one.
            solved = shifted(new, -old.offset) if isinstance(old, Shift) else new
            base = old.base if isinstance(old, Shift) else old
            if isinstance(base, Index) and base in bound and base not in indices_of(new):
                bound.discard(base)
                guards: list[tuple[Atom, Fraction]] = [(g, ONE) for g in _inside(solved)]
                return _merge([*((substitute_atom(a, {base: solved}), e) for a, e in rest.items()), *guards])
        if sub_key(left) > sub_key(right):
            return {**rest, Delta(right, left): ONE}
        # δ[i, s] f(s) = δ[i, s] f(i): the simpler subscript stands for both.
        replaced = _merge((_replace_sub(a, right, left), e) for a, e in rest.items())
        if replaced != rest:
            return {**replaced, atom: ONE}
    return None


def _base(sub: Sub) -> Sub:
    return sub.base if isinstance(sub, Shift) else sub


def _inside(sub: Sub) -> list[Atom]:
    """What must hold for a shifted position to lie in its set."""
    if not isinstance(sub, Shift):
        return []
    return [Link(sub.base)] if sub.offset == -1 else [Link(sub)]


def _is_outside(powers: Iterable[Atom]) -> bool:
    """Whether some condition on positions can never hold."""
    before = {(a.left, a.right) for a in powers if isinstance(a, Before)}
    if any(a == b or (b, a) in before for a, b in before):
        return True
    return any(isinstance(a, Link) and isinstance(a.sub, Literal) and a.sub.value < 1 for a in powers)


def _contract_links(powers: dict[Atom, Fraction], bound: set[Index]) -> dict[Atom, Fraction] | None:
    """A link that knows where sequences start says more than one that does not."""
    marked = {a.sub for a in powers if isinstance(a, Link) and a.starts is not None}
    plain = next((a for a in powers if isinstance(a, Link) and a.starts is None and a.sub in marked), None)
    return None if plain is None else {a: e for a, e in powers.items() if a is not plain}


def _contract_inverse(powers: dict[Atom, Fraction], bound: set[Index]) -> dict[Atom, Fraction] | None:
    """Σ_e Λ_de (Λ⁻¹)_ef = δ_df where e occurs nowhere else."""
    for atom, exponent in powers.items():
        if not isinstance(atom, Matrix) or atom.name != "inverse" or exponent != 1:
            continue
        for e, f in (atom.subs, atom.subs[::-1]):
            if e not in bound or e == f:
                continue
            others = [a for a in powers if a is not atom and e in set(atom_indices(a))]
            if len(others) != 1 or powers[others[0]] != 1 or not isinstance(others[0], Element):
                continue
            other = others[0]
            d = next((s for s in other.subs[::-1] if s != e), None)
            if d is None or other.subs.count(e) != 1 or element_at(atom, d, e) != other:
                continue
            bound -= {e}
            kept = [(a, x) for a, x in powers.items() if a is not atom and a is not other]
            return _merge([*kept, (Delta(d, f), ONE)])
    return None


def element_at(atom: Matrix, row: Sub, column: Sub) -> Atom | None:
    """The element of the matrix itself at a row and a column, where it is a single atom."""
    if len(atom.value.monomials) != 1:
        return None
    m = atom.value.monomials[0]
    if m.coefficient != 1 or m.bound or len(m.powers) != 1 or m.powers[0][1] != 1:
        return None
    return substitute_atom(m.powers[0][0], {atom.row: row, atom.column: column})


def _replace_sub(atom: Atom, old: Sub, new: Sub) -> Atom:
    """The atom with one whole subscript replaced wherever it stands."""

    def sub(s: Sub) -> Sub:
        if s == old:
            return new
        if isinstance(s, Shift):
            return shifted(sub(s.base), s.offset)
        return Gather(s.name, tuple(map(sub, s.subs)), s.size) if isinstance(s, Gather) else s

    return map_subs(atom, sub)


def replace_sub(p: Polynomial, old: Sub, new: Sub) -> Polynomial:
    """The polynomial with one whole subscript replaced wherever it stands."""
    return collect(
        normalise(m.coefficient, [(_replace_sub(a, old, new), e) for a, e in m.powers], m.bound)
        for m in map(with_fresh_bound, p.monomials)
    )


def subscripts(p: Polynomial) -> list[Sub]:
    """Every whole subscript of its atoms, those inside functions included, each once."""
    found: dict[Sub, None] = {}

    def visit(sub: Sub) -> Sub:
        found[sub] = None
        return sub

    for atom in p.atoms():
        if not isinstance(atom, Function | Matrix):
            map_subs(atom, visit)
    return list(found)


def _contract_indicators(powers: dict[Atom, Fraction], bound: set[Index]) -> dict[Atom, Fraction] | None:
    seen: dict[tuple[str, tuple[Sub, ...]], Sub] = {}
    for atom in powers:
        if not isinstance(atom, Indicator):
            continue
        site = (atom.name, atom.subs)
        if site in seen:
            rest = {a: e for a, e in powers.items() if a is not atom}
            return _merge([*rest.items(), (Delta(seen[site], atom.value), ONE)])
        seen[site] = atom.value
    return None


def _contract_category_sum(powers: dict[Atom, Fraction], bound: set[Index]) -> dict[Atom, Fraction] | None:
    """Σ_k [z=k] = 1 where k occurs nowhere else; the same for E[[z=k]]."""
    for atom, exponent in powers.items():
        if isinstance(atom, Indicator):
            value = atom.value
        elif is_category_moment(atom) and isinstance(atom, Moment):
            value = atom.subs[-1]
        else:
            continue
        if exponent != 1 or not isinstance(value, Index) or value not in bound:
            continue
        inside = list(atom_indices(atom)).count(value)
        elsewhere = any(value in set(atom_indices(a)) for a in powers if a is not atom)
        if inside == 1 and not elsewhere:
            bound.discard(value)
            return {a: e for a, e in powers.items() if a is not atom}
    return None


_CONTRACTIONS = (_contract_links, _contract_indicators, _contract_category_sum, _contract_inverse)


def normalise(
    coefficient: Fraction, powers: Iterable[tuple[Atom, Fraction]], bound: Iterable[Index]
) -> Monomial | None:
    """The canonical monomial, or None where it is zero.

    Bound indices must not be names that are free elsewhere in the monomial.
    """
    if not coefficient:
        return None
    current = _merge(powers)
    names = set(bound)
    while True:
        step = _contract_delta(current, names)
        if step is False:
            return None
        if isinstance(step, dict):
            current = step
            continue
        if _is_outside(current):
            return None
        found = next((f for rule in _CONTRACTIONS if (f := rule(current, names)) is not None), None)
        if found is None:
            break
        current = found
    used = {i for a in current for i in atom_indices(a)}
    for i in sorted(names - used, key=lambda i: (i.size, i.name)):
        names.discard(i)
        if i.size.isdigit():
            coefficient *= int(i.size)
        else:
            size = Size(i.size)
            current[size] = current.get(size, Fraction(0)) + 1
            if not current[size]:
                del current[size]
    return _name_bound(coefficient, current, names, used - names)


def _name_bound(coefficient: Fraction, powers: dict[Atom, Fraction], bound: set[Index], free: set[Index]) -> Monomial:
    if not bound:
        return Monomial(coefficient, _sorted(powers.items()))
    taken = {i.name for i in free}
    by_size: dict[str, list[Index]] = defaultdict(list)
    for i in bound:
        by_size[i.size].append(i)
    options = []
    for size in sorted(by_size):
        numbers = count()
        names: list[str] = []
        while len(names) < len(by_size[size]):
            name = f"{stem(size)}.{next(numbers)}"
            if name not in taken:
                names.append(name)
        orders = orders_of(by_size[size], powers, bound)
        options.append([{old: Index(n, size) for old, n in zip(o, names, strict=True)} for o in orders])
    named = [
        _renamed(powers, {old: new for part in choice for old, new in part.items()}) for choice in product(*options)
    ]
    best = named[0] if len(named) == 1 else min(named, key=lambda found: _powers_key(found[0]))
    return Monomial(coefficient, *best)


def _renamed(powers: Mapping[Atom, Fraction], mapping: Mapping[Index, Index]) -> tuple[Powers, tuple[Index, ...]]:
    renamed = _sorted((substitute_atom(a, mapping), e) for a, e in powers.items())
    return renamed, tuple(sorted(mapping.values(), key=sub_key))


def _sorted(powers: Iterable[tuple[Atom, Fraction]]) -> Powers:
    return tuple(sorted(powers, key=lambda pe: atom_key(pe[0])))


def orders_of(
    indices: list[Index], powers: Mapping[Atom, Fraction], unnamed: set[Index]
) -> Iterator[tuple[Index, ...]]:
    """The orders of indices of one size whose names may give different monomials; none `unnamed` has a name yet."""
    classes = _refine(indices, powers, unnamed)
    return (sum(p, ()) for p in product(*(tuple(_orders(c, powers)) for c in classes)))


def _refine(indices: list[Index], powers: Mapping[Atom, Fraction], bound: set[Index]) -> list[tuple[Index, ...]]:
    """The indices of one size in classes that structure cannot tell apart, in a fixed order."""
    if len(indices) == 1:
        return [tuple(indices)]
    signature: dict[Index, str] = {}
    for i in indices:
        blank: dict[Index, Sub] = {j: Index(f"{j.size}.?", j.size) for j in bound if j != i}
        blank[i] = Index(f"{i.size}.!", i.size)
        signature[i] = " ".join(
            sorted(f"{_either_way(substitute_atom(a, blank))}^{e}" for a, e in powers.items() if i in atom_indices(a))
        )
    classes: dict[str, list[Index]] = defaultdict(list)
    for i in indices:
        classes[signature[i]].append(i)
    return [tuple(classes[s]) for s in sorted(classes)]


def _either_way(atom: Atom) -> str:
    """The key of an atom, whichever way round its sides stand."""
    keys = [atom_key(atom)]
    if isinstance(atom, Delta):
        keys.append(atom_key(Delta(atom.right, atom.left)))
    return min(keys)


def _orders(indices: tuple[Index, ...], powers: Mapping[Atom, Fraction]) -> Iterator[tuple[Index, ...]]:
    """The orders that may give different names: those that can change places in the monomial stand in one order."""
    if len(indices) == 1:
        yield indices
        return
    alike: list[list[Index]] = []
    for i in indices:
        kind = next((k for k in alike if exchanges(powers, {k[0]: i, i: k[0]})), None)
        if kind is None:
            alike.append([i])
        else:
            kind.append(i)
    yield from _arrangements(alike, len(indices))


def _arrangements(kinds: list[list[Index]], length: int) -> Iterator[tuple[Index, ...]]:
    if not length:
        yield ()
    for k, (first, *others) in ((k, kind) for k, kind in enumerate(kinds) if kind):
        for rest in _arrangements([*kinds[:k], others, *kinds[k + 1 :]], length - 1):
            yield (first, *rest)


def exchanges(powers: Mapping[Atom, Fraction], pairs: Mapping[Index, Index]) -> bool:
    """Whether a product of powers is the same with indices exchanged; inside functions their bound ones are others."""
    mapping: dict[Index, Sub] = {**pairs}
    return all(
        powers.get(substitute_atom(a, mapping)) == e
        for a, e in powers.items()
        if any(i in mapping for i in atom_indices(a))
    )


def _counted(m: Monomial) -> tuple[Monomial, ...]:
    """Σ_t [1 < t] where t stands nowhere else: all positions but one.

    Of positions that data tell, [1 < y[n]], the sum over n depends on them.
    """
    for atom, _ in m.powers:
        if not isinstance(atom, Link) or atom.starts is not None or not isinstance(_base(atom.sub), Index):
            continue
        for t in set(indices_of(atom.sub)) & set(m.bound):
            if t not in {i for a, _ in m.powers if a is not atom for i in atom_indices(a)}:
                rest = [(a, e) for a, e in m.powers if a is not atom]
                bound = [i for i in m.bound if i != t]
                all_of_them = normalise(m.coefficient, rest, m.bound)
                one = normalise(-m.coefficient, rest, bound)
                return tuple(x for part in (all_of_them, one) if part is not None for x in _counted(part))
    return (m,)


# --- arithmetic ------------------------------------------------------------------------------


def collect(monomials: Iterable[Monomial | None]) -> Polynomial:
    """Add up canonical monomials: like ones merge, zeros vanish, the order is fixed."""
    found: dict[tuple[Powers, tuple[Index, ...]], Fraction] = {}
    for m in monomials:
        for one in () if m is None else _counted(m):
            key = (one.powers, one.bound)
            known = found.get(key)
            found[key] = one.coefficient if known is None else known + one.coefficient
    kept = [Monomial(c, p, b) for (p, b), c in found.items() if c]
    return Polynomial(tuple(sorted(kept, key=monomial_key)))


def canonical(p: Polynomial) -> Polynomial:
    """The canonical form of any polynomial; canonical polynomials are returned unchanged."""
    return collect(
        normalise(m.coefficient, [(_canonical_atom(a), e) for a, e in m.powers], m.bound)
        for m in map(with_fresh_bound, p.monomials)
    )


def _canonical_atom(atom: Atom) -> Atom:
    if isinstance(atom, Function):
        return Function(atom.name, tuple(canonical(a) for a in atom.args))
    if isinstance(atom, Matrix):
        return Matrix(atom.name, canonical(atom.value), atom.row, atom.column, atom.subs)
    return atom


def add(*polynomials: Polynomial) -> Polynomial:
    """The sum of canonical polynomials."""
    return collect(m for p in polynomials for m in p.monomials)


def multiply(p: Polynomial, q: Polynomial) -> Polynomial:
    """The product: sums multiply with fresh indices."""
    if not p or not q:
        return ZERO
    if len(p.monomials) == 1 and not p.monomials[0].powers:
        return q.scaled(p.monomials[0].coefficient)
    if len(q.monomials) == 1 and not q.monomials[0].powers:
        return p.scaled(q.monomials[0].coefficient)
    lefts = [with_fresh_bound(m) for m in p.monomials]
    rights = [with_fresh_bound(m) for m in q.monomials]
    return collect(
        normalise(a.coefficient * b.coefficient, [*a.powers, *b.powers], [*a.bound, *b.bound])
        for a in lefts
        for b in rights
    )


def summed_product(parts: Iterable[Polynomial], indices: Iterable[Index] = ()) -> Polynomial:
    """Σ over the whole of each index of a product, brought to normal form once and not factor by factor."""
    indices = tuple(indices)
    choices = product(*(tuple(map(with_fresh_bound, p.monomials)) for p in parts))
    return collect(
        normalise(
            prod((m.coefficient for m in chosen), start=ONE),
            [x for m in chosen for x in m.powers],
            [*indices, *(i for m in chosen for i in m.bound)],
        )
        for chosen in choices
    )


def power(p: Polynomial, exponent: int) -> Polynomial:
    """A non-negative integer power, expanded."""
    result = Polynomial((Monomial(ONE, ()),))
    for _ in range(exponent):
        result = multiply(result, p)
    return result


def sum_over(p: Polynomial, indices: Iterable[Index]) -> Polynomial:
    """Σ over the whole of each index."""
    indices = tuple(indices)
    if not indices:
        return p
    return collect(normalise(m.coefficient, m.powers, [*m.bound, *indices]) for m in map(with_fresh_bound, p.monomials))


def rewrite(p: Polynomial, rule: Callable[[Atom, Fraction], Polynomial | None]) -> Polynomial:
    """Replace powers of atoms: `rule(atom, exponent)` gives a polynomial, or None to keep them."""
    total: list[Polynomial] = []
    for m in map(with_fresh_bound, p.monomials):
        kept: list[tuple[Atom, Fraction]] = []
        factors: list[Polynomial] = []
        for atom, exponent in m.powers:
            replaced = rule(atom, exponent)
            if replaced is None:
                kept.append((atom, exponent))
            else:
                factors.append(replaced)
        if not factors:
            total.append(collect([normalise(m.coefficient, m.powers, m.bound)]))
            continue
        # Bound indices stay open until the replacements are multiplied in.
        piece = collect([normalise(m.coefficient, kept, ())])
        for f in factors:
            piece = multiply(piece, f)
        total.append(sum_over(piece, m.bound))
    return add(*total)


def deltas(left: Iterable[Sub], right: Iterable[Sub]) -> Polynomial:
    """Π δ[l, r], contracted."""
    powers = [(Delta(a, b), ONE) for a, b in zip(left, right, strict=True)]
    return collect([normalise(ONE, powers, ())])
