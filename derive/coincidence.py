"""Which of several elements of one plate are the same: the cases into which a product over them falls.

A product Π_s f_s(w[s]) over sites s = i, j, … of independent elements has another expectation where sites coincide. By
inclusion and exclusion over partitions, with δ_ρ = 1 where the sites of each group of ρ are one element,

    E[Π_s f_s] = Σ_ρ δ_ρ Π_{B in ρ} κ(B),
    κ(B) = Σ_{σ partition of B} (-1)^(|σ|-1) (|σ|-1)! Π_{S in σ} E[Π_{s in S} f_s]

(κ are the joint cumulants, which vanish between independent elements), and where one element is held as it is, a group
of its own has Σ (-1)^|σ| |σ|! in the same place, over the sites that are held and the partitions of the others.

Sites that can change places in a sum have as many equal terms as there are ways to choose among them, so that the terms
are those of partitions of numbers, not of sets: of the six sites of (Σ_j w_j x_j)^6 there are 58, where sets have 2471.
Source: Stanley (2012), example 3.10.4; McCullagh (1987), section 2.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import comb, factorial, prod

from cavi.derive.canonical import exchanges
from cavi.derive.index import Index, Sub
from cavi.derive.term import Atom, Monomial

MOST = 2_000  # cases: a derivation of some seconds

Counts = tuple[int, ...]  # how many sites of each kind
Group = tuple[int, ...]  # positions of sites


class TooManyCasesError(Exception):
    """A product falls into more cases than are worth writing down."""


@dataclass(frozen=True)
class Case:
    """One term of the sum over partitions.

    Attributes:
        weight: how often it occurs, with its sign.
        same: the groups of ρ; where an element is held, the first is that of the sites which are it.
        held: the sites whose factors stay as they are; empty where no element is held.
        averaged: the groups S, each one expectation.
    """

    weight: int
    same: tuple[Group, ...]
    held: Group
    averaged: tuple[Group, ...]


def kinds(m: Monomial, sites: Sequence[tuple[Sub, ...]]) -> list[list[int]]:
    """The positions of sites, those together that can change places in a summed monomial."""
    powers, bound = dict(m.powers), set(m.bound)
    found: list[list[int]] = []
    for position, site in enumerate(sites):
        for kind in found:
            if _alike(powers, bound, sites[kind[0]], site):
                kind.append(position)
                break
        else:
            found.append([position])
    return found


def _alike(powers: Mapping[Atom, Fraction], bound: set[Index], left: tuple[Sub, ...], right: tuple[Sub, ...]) -> bool:
    """Whether the monomial is the same with two sites exchanged."""
    pairs: dict[Index, Index] = {}
    for a, b in zip(left, right, strict=True):
        if a == b:
            continue
        if not (isinstance(a, Index) and isinstance(b, Index) and a.size == b.size and {a, b} <= bound):
            return False
        if pairs.setdefault(a, b) != b or pairs.setdefault(b, a) != a:
            return False
    return exchanges(powers, pairs)


def cases(alike: Sequence[Sequence[int]], holding: bool = False) -> Iterator[Case]:
    """The terms of a product over sites, given by kind; `holding` where one element stays and some site is it.

    Raises:
        TooManyCasesError: when there are more than `MOST`.
    """
    for count, case in enumerate(_cases(alike, tuple(map(len, alike)), holding)):
        if count == MOST:
            raise TooManyCasesError
        yield case


def _cases(alike: Sequence[Sequence[int]], whole: Counts, holding: bool) -> Iterator[Case]:
    for first in _parts(whole) if holding else [tuple(0 for _ in whole)]:
        if holding and not any(first):
            continue
        chosen = prod(map(comb, whole, first))
        rest = _less(whole, first)
        for times, blocks in _partitions(rest):
            for ways, inner in _inner(Counter(blocks)):
                for weight, held, others in _of_held(first) if holding else [(1, first, ())]:
                    yield _placed(alike, chosen * times * ways * weight, held, others, inner)


def _of_held(first: Counts) -> Iterator[tuple[int, Counts, tuple[Counts, ...]]]:
    """The group of the held element: the sites that are held, the partition of those averaged and taken away."""
    for held in _parts(first):
        if any(held):
            for times, averaged in _partitions(_less(first, held)):
                k = len(averaged)
                yield times * prod(map(comb, first, held)) * (-1) ** k * factorial(k), held, averaged


def _cumulant(block: Counts) -> list[tuple[int, tuple[Counts, ...]]]:
    """κ of a group: signed multiplicities and the expectations of their products."""
    return [
        (times * (-1) ** (len(parts) - 1) * factorial(len(parts) - 1), parts) for times, parts in _partitions(block)
    ]


def _inner(blocks: Mapping[Counts, int]) -> Iterator[tuple[int, tuple[tuple[Counts, ...], ...]]]:
    """The products of the cumulants of groups; those of equal groups in any order are one."""
    options = []
    for block, repeats in blocks.items():
        terms = []
        for choice in combinations_with_replacement(_cumulant(block), repeats):
            orders = factorial(repeats) // prod(map(factorial, Counter(parts for _, parts in choice).values()))
            terms.append((orders * prod(w for w, _ in choice), tuple(parts for _, parts in choice)))
        options.append(terms)
    for chosen in product(*options):
        yield prod(w for w, _ in chosen), tuple(group for _, groups in chosen for group in groups)


def _placed(
    alike: Sequence[Sequence[int]],
    weight: int,
    held: Counts,
    others: tuple[Counts, ...],
    inner: tuple[tuple[Counts, ...], ...],
) -> Case:
    """The case with sites in the place of counts."""
    left = [list(kind) for kind in alike]

    def take(counts: Counts) -> Group:
        return tuple(kind.pop(0) for kind, count in zip(left, counts, strict=True) for _ in range(count))

    kept = take(held)
    beside = tuple(map(take, others))
    groups = [tuple(map(take, parts)) for parts in inner]
    same = [tuple(s for part in parts for s in part) for parts in groups]
    if kept:
        same.insert(0, (*kept, *(s for part in beside for s in part)))
    return Case(weight, tuple(same), kept, (*beside, *(part for parts in groups for part in parts)))


def _partitions(whole: Counts) -> Iterator[tuple[int, tuple[Counts, ...]]]:
    """The partitions of so many sites of each kind, the largest group first, and of how many sets each is the form."""
    for blocks in _forms(whole, whole):
        ways = prod(map(factorial, whole))
        for block in blocks:
            ways //= prod(map(factorial, block))
        for repeats in Counter(blocks).values():
            ways //= factorial(repeats)
        yield ways, blocks


def _forms(whole: Counts, largest: Counts) -> Iterator[tuple[Counts, ...]]:
    if not any(whole):
        yield ()
        return
    for block in _parts(whole):
        if any(block) and block <= largest:
            for others in _forms(_less(whole, block), block):
                yield (block, *others)


def _parts(whole: Counts) -> Iterator[Counts]:
    """The ways to take some of each kind."""
    return product(*(range(n + 1) for n in whole))


def _less(whole: Counts, part: Counts) -> Counts:
    return tuple(a - b for a, b in zip(whole, part, strict=True))
