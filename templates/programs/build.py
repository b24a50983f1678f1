"""Sites → `Imported`: the declaration that a person would have written.

sites ──explicit──▶ sites ──fold, sizes──▶ sets of axes ──elements──▶ declarations on a Model
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from cavi.derive.distribution import Distribution
from cavi.derive.errors import DeclarationError
from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.templates.programs.declared import Declared
from cavi.templates.programs.elements import Elements
from cavi.templates.programs.fold import Folding
from cavi.templates.programs.graph import Node, walk
from cavi.templates.programs.latents import explicit
from cavi.templates.programs.normal_cdf import normal_cdf
from cavi.templates.programs.ordered import shares
from cavi.templates.programs.parameters import distribution_of, weight_of
from cavi.templates.programs.sites import Drawn, Imported, Site, ends
from cavi.templates.programs.sizes import Axis, Sizes

_SYMMETRIC = ("Wishart", "InverseWishart")
_FIRST = "first "  # before the names of the parameters of a chain's first element
_CATEGORIES = ("Categorical", "Bernoulli")


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Refuses graphs that are too deep to be read."""
    try:
        yield
    except RecursionError:
        raise DeclarationError(f"{name}: the operations are nested too deeply; write loops as array ones") from None


def build(name: str, sites: Sequence[Site]) -> Imported:
    """The model of a program's random variables.

    Args:
        name: of the model.
        sites: in an order in which each depends only on those before it.

    Raises:
        DeclarationError: for an operation without index notation, with the variable and its parameter.
    """
    if not sites:
        raise DeclarationError(f"{name}: found no random variable; expected at least one")
    given = list(explicit(sites))
    folding = Folding([n for n in _constants(given) if n.name is not None], (normal_cdf, shares))
    read = [_folded(s, folding) for s in given]
    drawn = {s.name: s.distribution.family for s in read if isinstance(s.distribution, Drawn)}
    sizes = Sizes({n: 2 if f == "Bernoulli" else None for n, f in drawn.items() if f in _CATEGORIES})
    for s in read:
        _join(s, sizes)
    declared = Declared(
        Model(name), sizes, frozenset(s.name for s in read), _named(read), _observing(read), _letters(read, sizes)
    )
    for s in read:
        _declare(s, declared)
    return _imported(declared)


def _graphs(s: Site) -> dict[str, Node]:
    """The graphs of a site by parameter."""
    found = dict(s.distribution.args) if isinstance(s.distribution, Drawn) else {}
    if s.initial is not None:
        found |= {_FIRST + n: a for n, a in s.initial.args.items()}
    if s.starts is not None:
        found["starts"] = s.starts
    return found if s.weight is None else {**found, "weight": s.weight}


def _folded(s: Site, folding: Folding) -> Site:
    args = {n: folding.fold(a) for n, a in _graphs(s).items()}
    weight, starts = args.pop("weight", None), args.pop("starts", None)
    first = {n: args.pop(_FIRST + n) for n in (s.initial.args if s.initial is not None else ())}
    drawn = replace(s.distribution, args=args) if isinstance(s.distribution, Drawn) else None
    initial = None if s.initial is None else replace(s.initial, args=first)
    return replace(s, distribution=drawn, weight=weight, initial=initial, starts=starts)


def _constants(sites: Sequence[Site]) -> dict[Node, None]:
    graphs = (g for s in sites for g in _graphs(s).values())
    return {n: None for g in graphs for n in walk(g) if n.op == "constant"}


def _named(sites: Sequence[Site]) -> frozenset[str]:
    return frozenset(n.name for n in _constants(sites) if n.name is not None)


def _observing(sites: Sequence[Site]) -> frozenset[Node]:
    return frozenset(_constants([s for s in sites if s.value is not None]))


def _join(s: Site, sizes: Sizes) -> None:
    """Join the axes of a site with those of its parameters."""
    own = [sizes.axis(s.node, a) for a in range(len(s.shape))]
    for axis, label in zip(own, s.labels, strict=True):
        sizes.label(axis, label)
    if s.support == "positive_definite":
        sizes.join(own[-2], own[-1], s.name)
    if not isinstance(s.distribution, Drawn):
        return
    family, last = s.distribution.family, s.distribution.rank
    plates, event = own[: len(own) - last], own[len(own) - last :]
    if family in _SYMMETRIC:
        sizes.join(event[0], event[1], s.name)
    if family == "Bernoulli":
        sizes.length[sizes.root(sizes.values(s.name))] = 2
        sizes.fixed.add(sizes.root(sizes.values(s.name)))
    for argument, node in _graphs(s).items():
        where = f"the {argument} of {s.name}"
        sizes.read(node, where)
        axes = event or [sizes.values(s.name)]
        over = [axes[e] for e in ends(family, argument.removeprefix(_FIRST))]
        at = [sizes.axis(node, a) for a in range(len(node.shape) - len(over), len(node.shape))]
        for mine, end in zip(at, over, strict=True):
            sizes.join(end, mine, where)
        sizes.aligned(node, [*plates, *at], where)


def _letters(sites: Sequence[Site], sizes: Sizes) -> dict[Axis, str]:
    """What the index of an axis without a name is called: k for categories, n for observations, d for others."""
    found = {sizes.root(sizes.values(name)): "kjl" for name in sizes.categories}
    for s in sites:
        last = s.distribution.rank if isinstance(s.distribution, Drawn) else 0
        for at in range(len(s.shape) - last if s.value is not None else 0):
            found.setdefault(sizes.root(sizes.axis(s.node, at)), "nmi")
    return found


def _declare(s: Site, declared: Declared) -> None:
    model = declared.model
    if s.support is not None:
        model.point(s.name, *declared.indices(s.node), support=s.support)
        return
    assert isinstance(s.distribution, Drawn)
    plates, over = _axes(s, declared)
    elements = Elements(declared, s.name)
    step = s.distribution

    def made(own: object = None) -> Distribution:
        """The distribution; that of a chain can be read where the variable itself is known."""
        return distribution_of(step, plates, over, elements)

    initial = None if s.initial is None else distribution_of(s.initial, plates, over, elements)
    drawn = made if s.initial is not None else made()
    weight = None if s.weight is None else weight_of(s.weight, plates, elements)
    starts = None if s.starts is None else elements.at("starts", True).element(s.starts, plates[:1])
    if s.value is None:
        model.latent(s.name, drawn, *plates, weight=weight, initial=initial, starts=starts)
    else:
        model.observed(s.name, drawn, *plates, weight=weight, initial=initial, starts=starts)
        declared.arrays[s.name] = s.value.astype(int) if s.value.dtype.kind == "b" else s.value


def _axes(s: Site, declared: Declared) -> tuple[tuple[Index, ...], tuple[Index, ...]]:
    """The plates of a site, and an index for each set that its values or categories run over."""
    axes = [declared.sizes.axis(s.node, a) for a in range(len(s.shape))]
    assert isinstance(s.distribution, Drawn)
    family, last = s.distribution.family, s.distribution.rank
    if family == "Categorical":
        axes, last = [*axes, declared.sizes.values(s.name)], 1
    elif family in _SYMMETRIC:
        axes, last = axes[:-1], 1
    found = declared.distinct(axes)
    return found[: len(axes) - last], found[len(axes) - last :]


def _imported(declared: Declared) -> Imported:
    model = declared.model
    arrays = declared.arrays
    hyper = {v.name: arrays[v.name] for v in model.with_role("hyper")}
    data = {n: a for n, a in arrays.items() if n not in hyper}
    told = {i.size for v in model.variables if v.name in arrays for i in v.indices}
    sizes = {s: declared.lengths[s] for s in model.sizes if s not in told}
    return Imported(model, data, hyper, sizes)
