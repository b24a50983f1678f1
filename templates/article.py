"""The article: everything a page about a derivation shows, in order, before it is TeX or HTML.

    Derived ──notation──▶ symbols ──printers──▶ boxes ──equation──▶ broken lines ──article──▶ Article

An `Article` is plain data made of layout boxes, equations and text; the templates only walk it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cavi.derive.derivation import Rule
from cavi.derive.methods import KEEP_THE_BOUND
from cavi.derive.model import Model, Variable
from cavi.derive.result import Derived, ElboTerm, Update
from cavi.derive.rules import ELBO_SPLIT, ENTROPY, INDEPENDENCE, MOMENT, OPTIMAL_FACTOR
from cavi.templates.chain import LOG, P, latents_box, q_of
from cavi.templates.declaration import DeclarationPrinter, DeclaredLine, fitted
from cavi.templates.equation import Equation, Link, Sentence, equation, system
from cavi.templates.glossary import glossary
from cavi.templates.layout import (
    COMMA,
    EXPECTATION,
    GIVEN,
    LOWER_BOUND,
    PLUS,
    SEMICOLON,
    BigOperator,
    Box,
    Glyph,
    Script,
    Space,
    brackets,
    parens,
    row,
    separated,
)
from cavi.templates.layout import (
    ENTROPY as ENTROPY_SIGN,
)
from cavi.templates.notation import Notation, notation
from cavi.templates.printer import Printer
from cavi.templates.quantities import DOMAINS, Quantity, quantities
from cavi.templates.relaxation import BOUNDED, RelaxationView, relaxation_views
from cavi.templates.scope import Scope
from cavi.templates.style import preset, restyled
from cavi.templates.symbols import symbol
from cavi.templates.update_view import UpdateView, update_view
from cavi.templates.words import Speaker, speaker


@dataclass(frozen=True)
class Known:
    """Symbols of known quantities that share a kind and a domain."""

    symbols: tuple[Box, ...]
    kind: str
    domain: Sentence


@dataclass(frozen=True)
class BoundTerm:
    """One term of the ELBO, from its definition to its closed form; `name` says of what."""

    name: str
    left: Box
    rule: Rule
    equations: tuple[Equation, ...]


@dataclass(frozen=True)
class Article:
    """What a page shows."""

    title: str
    name: str
    declared: tuple[DeclaredLine, ...]
    known: tuple[Known, ...]
    joint: Equation
    factorisation: Equation
    log_densities: tuple[Equation, ...]
    relaxations: tuple[RelaxationView, ...]
    updates: tuple[UpdateView, ...]
    bound: Equation
    bound_terms: tuple[BoundTerm, ...]
    bound_symbol: Box
    chosen: tuple[Box, ...]
    expanded: tuple[Box, ...]
    data: Box
    rules: tuple[Rule, ...]
    glossary: tuple[tuple[Box, Sentence], ...]
    quantities: tuple[Quantity, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the rules, the relaxations and the formulas of families come from, each once."""
        cited = [s for u in self.updates for s in u.sources]
        cited += [r.source for r in self.rules] + [r.source for r in self.relaxations]
        return tuple(dict.fromkeys(s for s in cited if s))


def article(derived: Derived, style: str = "plain", symbols: Mapping[str, str] | None = None) -> Article:
    """The article of a derivation.

    Args:
        derived: the derivation.
        style: a preset of notation; see `cavi.templates.style`.
        symbols: TeX of a symbol for declared names, and for parameters of q by ``latent.parameter``.

    Raises:
        CaviError: for an unknown preset, and for symbols that are unknown, unsafe or not all different.
    """
    model, chosen = derived.model, preset(style)
    signs = notation(model, derived.updates, chosen, symbols)
    printer = Printer(signs)
    declaration = DeclarationPrinter(printer)
    nodes = [v for v in model.variables if v.distribution is not None or v.constraint is not None]
    local = frozenset(n for r in derived.relaxations if r.kind == "bound" for n in r.variables)
    joint = _joint(signs, model, local)
    updates = tuple(
        update_view(signs, declaration, model, u, joint, number) for number, u in enumerate(derived.updates, start=1)
    )
    relaxed = tuple(relaxation_views(derived, printer, _replaced(derived, signs)))
    bound_terms = tuple(_bound_terms(derived, signs, printer))
    rules = [OPTIMAL_FACTOR, *(s.rule for u in updates for s in u.steps), ELBO_SPLIT]
    rules += [t.rule for t in bound_terms]
    rules += [rule for r in derived.relaxations for rule in (r.allowed_by, *(s.rule for s in r.proof))]
    rules += [MOMENT] if any(u.moments for u in updates) else []
    made = Article(
        title=model.title,
        name=model.name,
        declared=fitted([line for v in nodes for line in declaration.lines(v)]),
        known=tuple(_known(model, signs, printer)),
        joint=_product(signs, model, joint),
        factorisation=_factorisation(derived, signs),
        log_densities=system(
            [
                Link(_log_density_sign(name, derived, signs), printer.polynomial(p))
                for name, p in derived.log_density.items()
            ],
            style=chosen,
        ),
        relaxations=relaxed,
        updates=updates,
        bound=_bound(derived, signs),
        bound_terms=bound_terms,
        bound_symbol=row(LOWER_BOUND, parens(symbol("q"))),
        chosen=tuple(_whole(u, signs) for u in derived.updates if u.chosen and u.chosen in KEEP_THE_BOUND),
        expanded=tuple(_whole(u, signs) for u in derived.updates if u.chosen not in KEEP_THE_BOUND),
        data=separated(signs.array(v.name) for v in model.with_role("observed")),
        rules=tuple(dict.fromkeys(rules)),
        glossary=tuple(glossary(derived, signs)),
        quantities=tuple(quantities(derived, signs, printer)),
    )
    return restyled(made, chosen)


def spoken(
    derived: Derived, notation: str = "plain", symbols: Mapping[str, str] | None = None, lang: str = "en"
) -> tuple[Article, Speaker]:
    """The article in a notation and a language, and who speaks that language."""
    say = speaker(lang)
    return say.translated(article(derived, notation, symbols)), say


def _joint(signs: Notation, model: Model, without: frozenset[str]) -> Box:
    shown = [v for v in model.with_role("observed", "latent", "point") if v.name not in without]
    return separated(signs.array(v.name) for v in shown)


def _conditional(v: Variable, signs: Notation) -> Box:
    """``x | μ, τ``: a node with its random parents, all written whole."""
    assert v.distribution is not None
    parents: dict[str, Box] = {}
    for arg in v.distribution.args.values():
        for name in random_names(arg):
            if name != v.name:
                parents.setdefault(name, signs.array(name))
    left = signs.array(v.name)
    return row(left, GIVEN, separated(parents.values())) if parents else left


def random_names(expr: object) -> Iterator[str]:
    """Names of the random variables that an expression uses, selectors included."""
    from cavi.derive.expression import Expr, Selector
    from cavi.derive.index import Gather

    def inside(subs: tuple[object, ...]) -> Iterator[str]:
        for s in subs:
            if isinstance(s, Selector):
                yield s.name
            if isinstance(s, Selector | Gather):
                yield from inside(tuple(s.subs))

    assert isinstance(expr, Expr)
    refs = list(expr.refs())
    for ref in refs:
        if ref.variable.is_random:
            yield ref.name
    for ref in refs:
        yield from inside(tuple(ref.subs))


def _log_p(v: Variable, signs: Notation) -> Box:
    return row(LOG, P, parens(_conditional(v, signs)))


def _log_density_sign(name: str, derived: Derived, signs: Notation) -> Box:
    """The sign of what stands in the log joint for a node."""
    found = _replaced(derived, signs).get(name)
    return _log_p(derived.model.variable(name), signs) if found is None else found[1]


def _replaced(derived: Derived, signs: Notation) -> dict[str, tuple[Box, Box]]:
    """Of every relaxed node the sign of its log density, and of what stands in its place."""
    found = {}
    for r in derived.relaxations:
        v = derived.model.variable(r.node)
        new = separated(signs.array(n) for n in r.variables)
        if r.kind == "bound":
            after = row(LOG, BOUNDED, parens(row(_conditional(v, signs), SEMICOLON, Space(), new)))
        else:
            after = row(LOG, P, parens(row(_conditional(v, signs), COMMA, Space(), new)))
        found[r.node] = (_log_p(v, signs), after)
    return found


def _whole(update: Update, signs: Notation) -> Box:
    """q of the latents of a factor."""
    return q_of(latents_box(signs, update.factor, element=False))


def _product(signs: Notation, model: Model, joint: Box) -> Equation:
    parts = [row(P, parens(_conditional(v, signs))) for v in reversed(list(model.nodes()))]
    return equation(row(P, parens(joint)), row(*parts), signs.style)


def _factorisation(derived: Derived, signs: Notation) -> Equation:
    parts: list[Box] = []
    for factor in derived.factors:
        for i in factor.plates:
            under = row(symbol(i.name))
            parts.append(BigOperator("prod", under))
        parts.append(q_of(latents_box(signs, factor, element=True)))
    whole = separated(signs.array(n) for f in derived.factors for n in f.latents)
    return equation(q_of(whole), row(*parts), signs.style)


_KINDS = {"hyper": "hyperparameter", "covariate": "known data", "observed_index": "observed index"}


def _known(model: Model, signs: Notation, printer: Printer) -> Iterator[Known]:
    groups: dict[tuple[str, Sentence], list[Box]] = {}
    for v in model.with_role("hyper", "covariate", "observed_index"):
        domain = DOMAINS.get(v.domain, (v.domain,))
        if v.role == "observed_index" and v.over is not None:
            domain = ("a value of ", symbol(v.over.name))
        matrix = v.domain == "positive_definite"
        base, axes = (signs.array(v.name), v.indices[:-2]) if matrix else (signs.variable(v.name), v.indices)
        box = printer.subscripted(base, axes, Scope())
        groups.setdefault((_KINDS[v.role], domain), []).append(box)
    for (kind, domain), boxes in groups.items():
        yield Known(tuple(boxes), kind, domain)


def _bound(derived: Derived, signs: Notation) -> Equation:
    parts: list[Box] = []
    for t in derived.elbo.terms:
        if parts:
            parts.append(PLUS)
        parts.append(_term_left(derived, signs, t))
    return equation(row(LOWER_BOUND, parens(symbol("q"))), row(*parts), signs.style)


def _term_left(derived: Derived, signs: Notation, t: ElboTerm) -> Box:
    if t.kind == "entropy":
        factor = derived.update(t.name).factor
        return row(ENTROPY_SIGN, brackets(q_of(latents_box(signs, factor, element=False))))
    q = Script(EXPECTATION, Glyph("q", "q"))
    return row(q, brackets(_log_density_sign(t.name, derived, signs)))


def _bound_terms(derived: Derived, signs: Notation, printer: Printer) -> Iterator[BoundTerm]:
    """Each term: definition = expectation of what = closed form; those that only close together last."""
    closed = derived.elbo.closed_terms
    together = [t for t in derived.elbo.terms if t not in closed]
    links: list[Link] = []
    for t in closed:
        parts = [t] if t in derived.elbo.terms else together
        lefts: list[Box] = []
        for part in parts:
            if lefts:
                lefts.append(PLUS)
            lefts.append(_term_left(derived, signs, part))
        inside = row(Script(EXPECTATION, Glyph("q", "q")), brackets(printer.polynomial(t.inside)))
        links += [Link(row(*lefts), inside), Link(None, printer.polynomial(t.value))]
    shown = system(links, style=signs.style)
    for place, t in enumerate(closed):
        rule = ENTROPY if t.kind == "entropy" else INDEPENDENCE
        left = links[2 * place].left
        assert left is not None
        yield BoundTerm(f"{t.kind} of {t.name}", left, rule, shown[2 * place : 2 * place + 2])
