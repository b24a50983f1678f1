"""How q factorises: which latents a factor keeps together, and over which plates it is a product.

A latent on its own is a product over all its plates (mean field down to the element); a vector, a matrix or a chain
is kept whole. A block that the user asks for stays joint over exactly those axes that some term of the log joint
couples; `split` makes it a product there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cavi.derive.canonical import with_fresh_bound
from cavi.derive.errors import FactorisationError
from cavi.derive.expand import expand
from cavi.derive.expression import Expr, Ref, Split, SumOver
from cavi.derive.families import lookup
from cavi.derive.index import Index, Sub, indices_of
from cavi.derive.model import Model, Variable
from cavi.derive.names import suggestion
from cavi.derive.result import Factor
from cavi.derive.term import Atom, Element, Function, Indicator, Monomial, Polynomial, arguments, atom_indices

Site = tuple[Sub, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """A factor with the place of its plates among the axes of each of its latents.

    Attributes:
        factor: what the result will show.
        variables: its latents by name.
        plate_axes: latent -> position of each plate of the factor among the latent's indices.
        declared: the indices of the model, by which data inside a function of the latents are named.
        projected: whether a function of several elements of the factor has an expectation: that of a sum of them, which
            is one number, or that of two numbers, by quadrature over both.
        normal: whether that is the exact one under a Normal factor, so that E[exp u] is known.
        expanded: whether it is that of the expansion to second order about the mean of a Normal factor.
        chosen: whether it is a Normal factor that is chosen, under which a function of a sum has one expectation for
            each datum in it.
    """

    factor: Factor
    variables: Mapping[str, Variable]
    plate_axes: Mapping[str, tuple[int, ...]]
    declared: tuple[Index, ...] = ()
    projected: bool = False
    normal: bool = False
    expanded: bool = False
    chosen: bool = False

    def site(self, atom: Element | Indicator) -> Site:
        """The plate subscripts of an atom: which element of the product it belongs to."""
        return tuple(atom.subs[a] for a in self.plate_axes[atom.name])

    def event_subs(self, atom: Element | Indicator) -> tuple[Sub, ...]:
        """The other subscripts, and the category of an indicator."""
        rest = tuple(s for a, s in enumerate(atom.subs) if a not in self.plate_axes[atom.name])
        return (*rest, atom.value) if isinstance(atom, Indicator) else rest

    @property
    def is_joint(self) -> bool:
        """Whether the factor holds several latents."""
        return len(self.variables) > 1

    def event_axes(self, name: str) -> tuple[Index, ...]:
        """The axes of a latent that one element of the factor keeps together."""
        return tuple(i for a, i in enumerate(self.variables[name].indices) if a not in self.plate_axes[name])

    def chain_axis(self, name: str) -> int | None:
        """The position of the chain among the event axes of a latent, if the factor keeps it together."""
        chain = self.variables[name].chain
        axes = self.event_axes(name)
        return axes.index(chain.index) if chain is not None and chain.index in axes else None

    def with_subs(self, atom: Element | Indicator, site: Site, event: Sequence[Sub]) -> Element | Indicator:
        """The atom at another site and event position."""
        places = iter(event)
        by_axis = dict(zip(self.plate_axes[atom.name], site, strict=True))
        subs = tuple(by_axis[a] if a in by_axis else next(places) for a in range(len(atom.subs)))
        if isinstance(atom, Indicator):
            return Indicator(atom.name, subs, next(places))
        return Element(atom.name, subs, atom.symmetric)


def random_atoms(atom: Atom, names: Iterable[str]) -> Iterator[Element | Indicator]:
    """The elements and indicators of the named variables in an atom, function arguments included."""
    names = set(names)
    if isinstance(atom, Element | Indicator):
        if atom.name in names:
            yield atom
    else:
        for arg in arguments(atom):
            for m in arg.monomials:
                for a in m.atoms:
                    yield from random_atoms(a, names)


def placed_atoms(atom: Atom, names: Iterable[str]) -> Iterator[Element | Indicator]:
    """The same, with names of their own for indices that functions sum over, which may be those of others outside."""
    names = set(names)
    if isinstance(atom, Element | Indicator):
        if atom.name in names:
            yield atom
    else:
        for arg in arguments(atom):
            for m in arg.monomials:
                for a in with_fresh_bound(m).atoms:
                    yield from placed_atoms(a, names)


def blocks(
    model: Model,
    nodes: Mapping[str, Polynomial],
    requested: Sequence[object] | None,
    without: Sequence[str] = (),
) -> tuple[Block, ...]:
    """The factors of q, in order of declaration of their first latent; `without` those integrated out.

    Raises:
        FactorisationError: for unknown or repeated latents, points inside a block, empty blocks.
    """
    random = {v.name: v for v in model.with_role("latent", "point") if v.name not in without}
    if isinstance(requested, str | Ref | Split):
        requested = [requested]
    if requested is not None and not isinstance(requested, Sequence):
        raise FactorisationError(
            f"factors: found {type(requested).__name__} {str(requested)[:40]!r}; expected a list of blocks such as "
            "[('mu', 'tau'), 'w']"
        )
    asked = [_names(entry, random) for entry in requested or ()]
    split = {s.name: s.indices for entry in requested or () for s in _entries(entry) if isinstance(s, Split)}
    taken = {n for names in asked for n in names}
    asked += [pair for pair in model.joint if not taken & set(pair) and set(pair) <= set(random)]
    seen: set[str] = set()
    for names in asked:
        for name in names:
            if name in seen:
                raise FactorisationError(f"factors: {name!r} is in two blocks; q keeps each latent in one factor")
            seen.add(name)
            if random[name].role == "point" and len(names) > 1:
                raise FactorisationError(
                    f"factors: {name!r} is a point parameter and cannot share a block; leave it out of {names}"
                )
    everything = [*asked, *((n,) for n in random if n not in seen)]
    order = list(random)
    everything.sort(key=lambda names: min(order.index(n) for n in names))
    couplings = _constraint_axes(model)
    found = (_block(names, random, nodes, set(names) <= seen, couplings, split) for names in everything)
    return tuple(replace(b, declared=model.indices) for b in found)


def _entries(entry: object) -> Sequence[object]:
    return entry if isinstance(entry, tuple | list) else (entry,)


def _names(entry: object, random: Mapping[str, Variable]) -> tuple[str, ...]:
    names = []
    for e in _entries(entry):
        name = e.name if isinstance(e, Ref | Split) else e
        if not isinstance(name, str):
            raise FactorisationError(f"factors: {e!r} is neither a latent nor the name of one")
        for part in name.replace(" ", "").split(","):
            if part not in random:
                raise FactorisationError(f"factors: {part!r} is not a latent of the model; {suggestion(part, random)}")
            names.append(part)
    if not names:
        raise FactorisationError("factors: found an empty block; name at least one latent in each")
    if len(set(names)) < len(names):
        raise FactorisationError(f"factors: the block {tuple(names)} names a latent twice")
    return tuple(sorted(names, key=list(random).index))


def _block(
    names: tuple[str, ...],
    random: Mapping[str, Variable],
    nodes: Mapping[str, Polynomial],
    asked: bool,
    couplings: Mapping[str, frozenset[int]],
    split: Mapping[str, tuple[Index, ...]],
) -> Block:
    variables = {n: random[n] for n in names}
    point = any(v.role == "point" for v in variables.values())
    products = [_product_axes(v, split.get(n, ())) for n, v in variables.items()]
    plates: list[Index] = [i for i in products[0] if all(i in p for p in products)]
    axes = {n: tuple(v.indices.index(i) for i in plates) for n, v in variables.items()}
    kept = set(range(len(plates)))
    for n, coupled in couplings.items():
        if n in axes:
            kept -= {p for p, a in enumerate(axes[n]) if a in coupled}
    if asked:
        forced = {i for n in names for i in split.get(n, ())}
        kept -= {p for p in _coupled(names, nodes, axes) if plates[p] not in forced}
    plates = [p for i, p in enumerate(plates) if i in kept]
    axes = {n: tuple(a for i, a in enumerate(ax) if i in kept) for n, ax in axes.items()}
    event: list[Index] = []
    for n, v in variables.items():
        event.extend(i for a, i in enumerate(v.indices) if a not in axes[n])
        if v.over is not None and v.distribution is not None and v.distribution.family == "Categorical":
            event.append(v.over)
    weights = {v.name: v.weight for v in variables.values() if v.weight is not None}
    if weights and len(variables) > 1:
        raise FactorisationError(
            f"factors: {', '.join(weights)} has a weight and cannot share a block; give it its own"
        )
    weight = expand(next(iter(weights.values()))) if weights else None
    factor = Factor(",".join(names), names, tuple(plates), tuple(event), (), weight, point)
    return Block(factor, variables, axes)


def _product_axes(v: Variable, split: tuple[Index, ...]) -> tuple[Index, ...]:
    """The axes over which the factor of a latent may be a product: its plates but a chain, and what is split."""
    if split and v.event and v.distribution is not None and lookup(v.distribution.family).support != "vector":
        inside = [i.name for i in split if i in v.event]
        if inside:
            raise FactorisationError(
                f"factors: {v.name}.split({', '.join(inside)}) would cut a {v.distribution.family} apart, whose "
                "elements are tied to each other; only Normal vectors and matrices can be split"
            )
    chain = {v.chain.index} if v.chain is not None else set()
    return tuple(i for i in v.indices if i in split or (i in v.plates and i not in chain))


def _coupled(names: tuple[str, ...], nodes: Mapping[str, Polynomial], axes: Mapping[str, tuple[int, ...]]) -> set[int]:
    """The plates along which some term multiplies two different elements of the block."""
    found: set[int] = set()
    for poly in nodes.values():
        for m in poly.monomials:
            for atom in m.atoms:
                found |= _summed_inside(atom, names, axes)
            sites = _sites(m, names, axes)
            for site in sites[1:]:
                found |= {p for p, (a, b) in enumerate(zip(sites[0], site, strict=True)) if a != b}
    return found


def _summed_inside(atom: Atom, names: tuple[str, ...], axes: Mapping[str, tuple[int, ...]]) -> set[int]:
    """The plates along which a function of a sum couples the elements of the block."""
    if not isinstance(atom, Function):
        return set()
    outside = set(atom_indices(atom))
    inner = list(placed_atoms(atom, names))
    several = {tuple(a.subs[i] for i in axes[a.name]) for a in inner}
    found = {p for a in inner for p, i in enumerate(axes[a.name]) if not set(indices_of(a.subs[i])) <= outside}
    return found | {
        p for site in several for p, (a, b) in enumerate(zip(site, min(several, key=str), strict=True)) if a != b
    }


def _sites(m: Monomial, names: tuple[str, ...], axes: Mapping[str, tuple[int, ...]]) -> list[Site]:
    atoms = [a for atom in m.atoms for a in random_atoms(atom, names)]
    return [tuple(a.subs[i] for i in axes[a.name]) for a in atoms]


def _constraint_axes(model: Model) -> dict[str, frozenset[int]]:
    """Latent -> axes that an observed sum runs over: its elements there are tied together."""
    found: dict[str, set[int]] = {}
    for v in model.with_role("observed"):
        if v.constraint is None:
            continue
        summed = set(_summed(v.constraint))
        for ref in v.constraint.refs():
            axes = {a for a, s in enumerate(ref.subs) if isinstance(s, Index) and s in summed}
            found.setdefault(ref.name, set()).update(axes)
    return {n: frozenset(a) for n, a in found.items()}


def _summed(expr: Expr) -> Iterator[Index]:
    if isinstance(expr, SumOver):
        yield expr.index
    for child in expr.children:
        yield from _summed(child)
