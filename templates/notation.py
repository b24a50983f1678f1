"""The notation of one model: a symbol for every variable, index, parameter of q and moment.

Built once for a derivation, it holds all that printing needs to know about the model, and makes
every symbol unambiguous: where two factors share a parameter's letter, each gets its latent as a
superscript; where a letter is declared already, the parameter gets a hat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from cavi.derive.canonical import substitute
from cavi.derive.errors import CaviError
from cavi.derive.expression import Add, Apply, Expr, Mul, Power, Ref, SumOver
from cavi.derive.index import Index, Literal
from cavi.derive.names import suggestion
from cavi.derive.result import MomentSpec, Update, sides
from cavi.derive.term import Indicator, Moment, Polynomial
from cavi.templates.layout import Accent, Box, Glyph, Script, parens
from cavi.templates.matrix_notation import Vectors
from cavi.templates.style import PLAIN, Style
from cavi.templates.symbols import bold, from_tex, symbol, symbol_table
from cavi.templates.term_tree import Roles

if TYPE_CHECKING:
    from cavi.derive.model import Model, Variable

_INDEX_LETTERS = "ijklnmpqrsuvh"


@dataclass(frozen=True, eq=False)
class Notation:
    """How the names of a model are written.

    Attributes:
        indices: the declared indices, in order; sums borrow their names.
        symbols: declared name -> symbol, without subscripts.
        whole: declared name -> symbol of the whole array, bold where it has axes.
        axes: declared name -> how many subscripts its elements have.
        taken: names that no made-up index may have.
        moments: (factor, key) -> what the moment is the expectation of.
        parameters: (latent, name) -> symbol of a parameter of q.
        categories: (factor, key) of the moments that are probabilities of a category -> their symbol.
        binary: latents whose value is 0 or 1, written without a bracket.
        points: factors that are point masses: their moments are their values.
        roles: the order of terms.
        covariates: known data, written after the coefficients that multiply them.
        average: what stands under 𝔼 where an expectation is not yet taken.
        lengths: the sizes that vectors have.
        style: the conventions of an author.
    """

    indices: tuple[Index, ...] = ()
    symbols: Mapping[str, Box] = field(default_factory=dict)
    whole: Mapping[str, Box] = field(default_factory=dict)
    axes: Mapping[str, int] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    moments: Mapping[tuple[str, str], MomentSpec] = field(default_factory=dict)
    parameters: Mapping[tuple[str, str], Box] = field(default_factory=dict)
    categories: Mapping[tuple[str, str], Box] = field(default_factory=dict)
    binary: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()
    roles: Roles = field(default_factory=Roles)
    covariates: frozenset[str] = frozenset()
    average: Box = field(default_factory=lambda: symbol("q"))
    lengths: frozenset[str] = frozenset()
    style: Style = PLAIN

    @cached_property
    def vectors(self) -> Vectors:
        """What sums over components are folded into."""
        return Vectors(self.lengths, self.pattern)

    def pattern(self, moment: Moment) -> Polynomial | None:
        """What a moment is the expectation of, at its subscripts; None for an unknown one."""
        spec = self.moments.get((moment.factor, moment.key))
        return None if spec is None else substitute(spec.pattern, dict(zip(spec.indices, moment.subs, strict=True)))

    def averaging(self, under: Box) -> Notation:
        """The same notation with another subscript to an expectation not yet taken."""
        return replace(self, average=under)

    def event_of(self, indices: tuple[Index, ...], plates: Iterable[Index]) -> tuple[Index, ...]:
        """The last axes that make an array a vector (one) or a matrix (two); none for components."""
        own = set(plates)
        count = 0
        for i in reversed(indices):
            if i in own or i.size not in self.lengths:
                break
            count += 1
        if count == 2 or sides(indices) == 1:
            pair = indices[-2:]
            return pair if all(i.size in self.lengths for i in pair) else ()
        return indices[-1:] if count == 1 else ()

    def variable(self, name: str) -> Box:
        """The symbol of a declared name."""
        return self.symbols[name] if name in self.symbols else symbol(name)

    def array(self, name: str) -> Box:
        """The symbol of a variable written whole."""
        return self.whole[name] if name in self.whole else self.variable(name)

    def parameter(self, latent: str, name: str) -> Box:
        """The symbol of a parameter of the factor of a latent."""
        return self.parameters[latent, name] if (latent, name) in self.parameters else symbol(name)

    def index_names(self, size: str) -> list[str]:
        """Names for an index of that size, best first: the declared ones, else letters not in use."""
        declared = [i.name for i in self.indices if i.size == size]
        return declared or [c for c in _INDEX_LETTERS if c not in self.taken]


def notation(
    model: Model | None,
    updates: Iterable[Update] = (),
    style: Style = PLAIN,
    symbols: Mapping[str, str] | None = None,
    scalars: Sequence[str] = (),
    quantities: Mapping[tuple[str, str], Box] | None = None,
) -> Notation:
    """The notation of a model and, where they are known, of the updates of its factors.

    Args:
        model: whose names are written; with None they are as they are spelled.
        updates: of its factors.
        style: the conventions of an author.
        symbols: TeX of a symbol for declared names, and for parameters of q by ``latent.parameter``.
        scalars: names beside the declared ones that need a symbol.
        quantities: symbols of what belongs to none of the updates, by (name, quantity).

    Raises:
        CaviError: for symbols of unknown names, that are not in the closed grammar, or that are not all different.
    """
    updates = tuple(updates)
    if model is None:
        return Notation(style=style)
    variables = model.variables
    indices = model.indices
    further = dict(quantities or {})
    names = [*(v.name for v in variables), *scalars, *(i.name for i in indices), *model.sizes]
    parameters = {f"{f.latent}.{f.name}" for u in updates for f in u.formulas} | set(map(".".join, further))
    own = _own_symbols(symbols or {}, names, parameters)
    table = symbol_table(names, {n: box for n, box in own.items() if n in names})
    whole = {v.name: bold(table[v.name]) if v.indices else table[v.name] for v in variables}
    moments = {(u.factor.name, s.key): s for u in updates for s in u.moment_specs}
    categories = _categories(updates, table, moments, style.responsibility)
    return Notation(
        indices=indices,
        symbols=table,
        whole=whole,
        axes={v.name: len(v.indices) for v in variables},
        taken=frozenset(names),
        lengths=lengths(model, updates),
        moments=moments,
        parameters=_renamed({**_parameters(updates, table, categories), **further}, own, table),
        style=style,
        categories=categories,
        binary=frozenset(v.name for v in variables if _is_binary(v)),
        points=frozenset(u.factor.name for u in updates if u.factor.point),
        covariates=frozenset(v.name for v in variables if v.role == "covariate"),
        roles=Roles(
            data=frozenset(v.name for v in variables if v.role in ("observed", "covariate")),
            known=frozenset(v.name for v in variables if v.role == "hyper"),
            positive=frozenset(v.name for v in variables if v.domain not in ("real", "angle")),
        ),
    )


def _own_symbols(symbols: Mapping[str, str], names: Sequence[str], parameters: Collection[str]) -> dict[str, Box]:
    """The symbols that the user chose, checked."""
    found: dict[str, Box] = {}
    for name, tex in symbols.items():
        if name not in names and name not in parameters:
            raise CaviError(f"symbols: nothing is called {name!r}; {suggestion(name, [*names, *sorted(parameters)])}")
        box = from_tex(tex) if isinstance(tex, str) else None
        if box is None:
            raise CaviError(
                f"symbols: {name} was given {tex!r}; expected a letter or a Greek command such as \\lambda, with a "
                "hat, tilde, or \\mathcal around it and subscripts after it if wanted: \\hat{\\beta}_{0}"
            )
        other = next((n for n, b in found.items() if b == box), None)
        if other is not None:
            raise CaviError(f"symbols: {other} and {name} were both given {tex!r}; give each its own")
        found[name] = box
    return found


def _renamed(
    parameters: Mapping[tuple[str, str], Box], own: Mapping[str, Box], table: Mapping[str, Box]
) -> dict[tuple[str, str], Box]:
    """The symbols of parameters, with those that the user chose in their place."""
    chosen = {where: own[".".join(where)] for where in parameters if ".".join(where) in own}
    kept = [*(b for where, b in parameters.items() if where not in chosen), *table.values()]
    for where, box in chosen.items():
        if box in kept:
            raise CaviError(f"symbols: the symbol chosen for {'.'.join(where)} is in use already; choose another")
    return {**parameters, **chosen}


def _is_binary(variable: Variable) -> bool:
    return variable.distribution is not None and variable.distribution.family == "Bernoulli"


def _categories(
    updates: tuple[Update, ...],
    table: Mapping[str, Box],
    moments: Mapping[tuple[str, str], MomentSpec],
    plain: Box,
) -> dict[tuple[str, str], Box]:
    """Responsibilities: `plain`, with the latent as a superscript where several latents have them."""
    found: dict[tuple[str, str], str] = {}
    for where, spec in moments.items():
        if len(spec.pattern.monomials) != 1 or len(spec.pattern.monomials[0].powers) != 1:
            continue
        atom = spec.pattern.monomials[0].powers[0][0]
        if isinstance(atom, Indicator) and not isinstance(atom.value, Literal):
            found[where] = atom.name
    latents = list(dict.fromkeys(found.values()))
    if plain in table.values():
        plain = Accent("hat", plain)
    several = len(latents) > 1
    return {where: Script(plain, sup=parens(table[latent])) if several else plain for where, latent in found.items()}


def _parameters(
    updates: tuple[Update, ...],
    table: Mapping[str, Box],
    categories: Mapping[tuple[str, str], Box],
) -> dict[tuple[str, str], Box]:
    """A symbol for each parameter of q, no two alike and none that is declared."""
    wanted: dict[tuple[str, str], Box] = {}
    final: dict[tuple[str, str], Box] = {}
    for u in updates:
        for latent in u.factor.latents:
            probs = next((box for (f, _), box in categories.items() if f == u.factor.name), None)
            for name in dict.fromkeys(f.name for f in u.formulas if f.latent == latent):
                if name == "probs" and probs is not None and u.factor.name == latent:
                    final[latent, name] = probs
                elif u.factor.point and name == "value":
                    final[latent, name] = table[latent]
                else:
                    wanted[latent, name] = _own_symbol(u, latent, name)
    declared = [*table.values(), *final.values()]
    clashing = {
        latent
        for (latent, _), box in wanted.items()
        if any(other == box and owner != latent for (owner, _), other in wanted.items())
    }
    hatted = {latent for (latent, _), box in wanted.items() if box in declared} - clashing
    for (latent, name), box in wanted.items():
        if latent in clashing:
            box = _superscript(box, table[latent])
        elif latent in hatted:
            box = _hat(box)
        while box in final.values():
            box = _hat(box)
        final[latent, name] = box
    return final


# Parameters that no family declares a symbol for.
_AUXILIARY: dict[str, Box] = {
    "logits": Glyph(r"\ell", "ℓ"),
    "linear": Glyph("h", "h"),
    "counts": Glyph("c", "c"),
    "covariance": Glyph("S", "S"),
    "precision": Glyph(r"\Lambda", "Λ", upright=True),
    "inverse_scale": Glyph("V", "V"),
    "inverse_value": Glyph("V", "V"),
    "cross": Glyph("C", "C"),
    "diagonal": Glyph("B", "B"),
    "conditional_covariance": Glyph("F", "F"),
    "information": Glyph("u", "u"),
    "offset": Glyph("o", "o"),
    "gain": Glyph("G", "G"),
    "lag_covariance": Glyph("L", "L"),
    "forward": Glyph("a", "a"),
    "message": Glyph("b", "b"),
    "weights": Glyph("w", "w"),
    "pair": Glyph("e", "e"),
    "filtered": Glyph("f", "f"),
    "transition": Glyph("g", "g"),
    "kernel": Glyph(r"\kappa", "κ"),
    "log_normaliser": Glyph("A", "A"),
    "log_total": Glyph("A", "A"),
    # A step of Newton's method: an argument ν = o + Gᵀa + aᵀBa of an exponential and its slope, the total of these.
    "bend": Glyph("B", "B"),
    "argument": Glyph(r"\nu", "ν"),
    "slope_argument": Glyph("D", "D"),
    "total": Glyph("s", "s"),
    "slope_total": Glyph("t", "t"),
    "gradient": Glyph("g", "g"),
    "curvature": Glyph("H", "H"),
    "inverse_curvature": Glyph("F", "F"),
}


# Parameters of one latent of a block that belong to another one: how its mean moves, and the term that couples them.
_RELATIVE: dict[str, Box] = {"on": Glyph("G", "G"), "cross": Glyph("C", "C")}


def _own_symbol(update: Update, latent: str, name: str) -> Box:
    scalar = all(f.indices == update.factor.plates for f in update.formulas if (f.latent, f.name) == (latent, name))
    if scalar and name == "precision":
        return symbol("lambda")
    for p in update.families[latent].parameters:
        if p.name == name:
            drawn = from_tex(p.tex)
            if drawn is not None:
                return drawn
    head, _, other = name.partition("_")
    if head in _RELATIVE and other in update.factor.latents:
        return Script(_RELATIVE[head], symbol(other))
    stem, _, number = name.rpartition("_")
    if number.isdigit() and stem in _AUXILIARY:  # the second of its kind
        return Script(_AUXILIARY[stem], sup=parens(symbol(number)))
    return _AUXILIARY.get(name) or symbol(name)


def _superscript(box: Box, latent: Box) -> Box:
    sup = parens(latent)
    return Script(box.base, box.sub, sup) if isinstance(box, Script) else Script(box, sup=sup)


def _hat(box: Box) -> Box:
    match box:
        case Script():
            return Script(_hat(box.base), box.sub, box.sup)
        case Accent(name="hat"):
            return Accent("tilde", box.body)
        case Accent():
            return Accent("hat", box)
        case _:
            return Accent("hat", box)


_VECTORS = ("MultivariateNormal", "Wishart", "InverseWishart", "MatrixNormal")


def lengths(model: Model, updates: Iterable[Update] = ()) -> frozenset[str]:
    """The sizes that vectors have: of events, of latents kept joint, of sums of products in declarations."""
    found: set[str] = set()
    for v in model.variables:
        if v.domain == "positive_definite":
            found |= {i.size for i in v.indices[-2:]}
        if v.distribution is None:
            continue
        if v.distribution.family in _VECTORS:
            found |= {i.size for i in v.event}
        for arg in v.distribution.args.values():
            found |= set(_products(arg))
    for u in updates:
        for link in u.density:
            if link.family in _VECTORS:
                found |= {i.size for i in link.event}
    return frozenset(found)


def _products(e: Expr) -> Iterator[str]:
    """The sizes of ``Σ_d a_d b_d`` inside a declaration."""
    if isinstance(e, SumOver) and isinstance(e.body, Mul):
        factors = [f for f in e.body.factors if e.index in f.free()]
        if len(factors) == 2 and all(isinstance(f, Ref) and f.subs.count(e.index) == 1 for f in factors):
            yield e.index.size
    for inner in _inside(e):
        yield from _products(inner)


def _inside(e: Expr) -> tuple[Expr, ...]:
    match e:
        case Add():
            return e.terms
        case Mul():
            return e.factors
        case Power():
            return (e.base, e.exponent)
        case Apply():
            return e.args
        case SumOver():
            return (e.body,)
    return ()
