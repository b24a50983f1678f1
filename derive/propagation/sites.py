"""The log joint as a Gaussian part and sites: functions of one affine scalar of the latents for each plate element.

    log p(x, w) = g(w) + Σ_s Σ_n f_sn(h_sn),      g at most quadratic,      h_sn = a_sn·w + c_sn

A linear term that is a known multiple of h, such as Σ_n y_n h_n of a Poisson or a logistic likelihood, goes to its
site: where it stands makes no difference to the fixed point, but g alone is then the prior, from which a run can start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, permutations, product

from cavi.derive.canonical import add, collect, normalise, substitute, sum_over
from cavi.derive.errors import NonConjugateError
from cavi.derive.index import Index, Sub, primed
from cavi.derive.model import Model
from cavi.derive.propagation.affine import Affine, degree, in_place, is_random, standard
from cavi.derive.propagation.matching import multiple_of
from cavi.derive.propagation.rewriting import TwoScalars, in_scalar, scalars
from cavi.derive.term import ZERO, Element, Monomial, Parameter, Polynomial, atom_indices, from_atom
from cavi.derive.text import show


@dataclass(frozen=True)
class Site:
    """The terms of the log joint that are functions of one scalar on each element of some plates.

    Attributes:
        name: of the nodes that its terms come from.
        plates: one scalar for each element of them.
        variable: the name of h.
        scalar: h as an affine function of the latents, free in the plates.
        function: f, a polynomial in h and in what is known, free in the plates.
    """

    name: str
    plates: tuple[Index, ...]
    variable: str
    scalar: Affine
    function: Polynomial

    @property
    def hole(self) -> Element:
        """h on the plates."""
        return Element(self.variable, self.plates)

    def quantity(self, name: str) -> Polynomial:
        """One of the numbers that EP keeps for each element: see `steps.QUANTITIES`."""
        return from_atom(Parameter(self.variable, name, self.plates))


@dataclass(frozen=True)
class Split:
    """The log joint: its Gaussian part, with every constant, and its sites."""

    gaussian: Polynomial
    sites: tuple[Site, ...]

    @property
    def total(self) -> Polynomial:
        """The log joint put together again."""
        return add(self.gaussian, *(_of_latents(s) for s in self.sites))


def _of_latents(site: Site) -> Polynomial:
    """The terms of a site in the latents."""
    return sum_over(in_place(site.function, site.hole, site.scalar.whole), site.plates)


def split(model: Model, nodes: Mapping[str, Polynomial]) -> Split:
    """The Gaussian part and the sites of a log joint.

    Raises:
        NonConjugateError: naming the term that is neither quadratic nor a function of one affine scalar.
    """
    names = [v.name for v in model.with_role("latent")]
    found: list[Site] = []
    gaussian = ZERO
    for node, p in nodes.items():
        rest: list[Monomial] = []
        own: set[str] = set()
        for m in p.monomials:
            d = degree(m.powers, names)
            if d is not None and d <= 2:
                rest.append(m)
            else:
                own.add(_enter(found, node, m, model, names))
        left = Polynomial(tuple(rest))
        for position, site in enumerate(found):
            if site.variable in own:
                left, taken = _linear_terms(left, site, names)
                found[position] = replace(site, function=site.function + taken)
        gaussian = gaussian + left
    return Split(gaussian, tuple(found))


def _enter(found: list[Site], node: str, m: Monomial, model: Model, names: Sequence[str]) -> str:
    """Put a term into the site of its scalar, a new one if there is none yet; the name of the scalar."""
    random = [a for a in m.atoms if is_random(a, names)]
    scalar = next((s for a in random for s in scalars(a, names)), None)
    plates = sorted({i for a in random for i in atom_indices(a)}, key=lambda i: (i.size, i.name))
    others = [i for i in m.bound if i not in plates]
    opened = collect([normalise(m.coefficient, m.powers, ())])
    if scalar is None or not scalar.whole.free <= set(plates):
        raise _refusal(node, m, names)
    scalar = standard(scalar)
    try:
        for position, site in enumerate(found):
            for axes in _renamings(plates, site.plates):
                if substitute(scalar.latent, axes) == site.scalar.latent:
                    term = in_scalar(substitute(opened, axes), site.scalar, site.hole, names)
                    title = site.name if node in site.name.split(", ") else f"{site.name}, {node}"
                    more = site.function + sum_over(term, others)
                    found[position] = replace(site, name=title, function=more)
                    return site.variable
        places = _declared(plates, model, node)
        own = Affine(substitute(scalar.latent, places), substitute(scalar.offset, places))
        new = Site(node, tuple(places.values()), _free_name(model, "h", found), own, ZERO)
        term = in_scalar(substitute(opened, places), own, new.hole, names)
    except TwoScalars:
        raise _refusal(node, m, names) from None
    found.append(replace(new, function=sum_over(term, others)))
    return new.variable


def _renamings(plates: Sequence[Index], own: Sequence[Index]) -> Iterator[dict[Index, Sub]]:
    """Every way to rename some plates to others of the same sizes."""
    if sorted(i.size for i in plates) != sorted(i.size for i in own):
        return
    sizes = dict.fromkeys(i.size for i in plates)
    options = [permutations([i for i in own if i.size == size]) for size in sizes]
    for choice in product(*options):
        mapping: dict[Index, Sub] = {}
        for size, order in zip(sizes, choice, strict=True):
            mapping |= dict(zip([i for i in plates if i.size == size], order, strict=True))
        yield mapping


def _declared(plates: Sequence[Index], model: Model, node: str) -> dict[Index, Index]:
    """The plates under declared names, those of the node first."""
    candidates = list(dict.fromkeys([*model.variable(node).indices, *model.indices]))
    axes: dict[Index, Index] = {}
    for i in plates:
        own = next((j for j in candidates if j.size == i.size and j not in axes.values()), None)
        if own is None:
            own = primed(next((j for j in reversed(axes.values()) if j.size == i.size), i))
        axes[i] = own
    return axes


def _free_name(model: Model, name: str, found: Sequence[Site]) -> str:
    taken = {v.name for v in model.variables} | {i.name for i in model.indices} | set(model.sizes)
    taken |= {s.variable for s in found}
    return next(n for n in chain([name], (f"{name}_{k}" for k in count(2))) if n not in taken)


def _linear_terms(p: Polynomial, site: Site, names: Sequence[str]) -> tuple[Polynomial, Polynomial]:
    """The polynomial without the known multiples of the scalar in it, and these as terms of the site."""
    taken = ZERO
    while True:
        for m in p.monomials:
            if degree(m.powers, names) != 1:
                continue
            for factor in multiple_of(m, site.scalar.latent.monomials[0], site.plates):
                part = sum_over(factor * site.scalar.latent, site.plates)
                if set(part.monomials) <= set(p.monomials):
                    p = p - sum_over(factor * site.scalar.whole, site.plates)
                    taken = taken + factor * from_atom(site.hole)
                    break
            else:
                continue
            break
        else:
            return p, taken


def _refusal(node: str, m: Monomial, names: Sequence[str]) -> NonConjugateError:
    term = show(Polynomial((m,)))
    return NonConjugateError(
        f"expectation propagation: the term {term} of log p({node}) is neither at most quadratic in the latents "
        f"({', '.join(names)}) nor a function of one affine combination of them for each element of its plates. "
        "Expected known scales and precisions, and a likelihood of one linear predictor; for others use derive(m) with "
        "bounds=, augment= or a factorisation",
        terms=(term,),
    )
