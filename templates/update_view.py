"""One factor of q on the page: its derivation, its family, its update equations and its moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cavi.derive.index import Index
from cavi.derive.model import Model
from cavi.derive.result import ArrayOperation, Formula, Integral, Projected, Update
from cavi.derive.term import Element, Monomial, Parameter, Polynomial
from cavi.templates.chain import StepView, latents_box, q_of, update_steps
from cavi.templates.declaration import MATRIX_FAMILIES, DeclarationPrinter, family_symbol
from cavi.templates.density import density_lines, members
from cavi.templates.equation import BOXED_WIDTH, Equation, Link, Sentence, system
from cavi.templates.layout import (
    COMMA,
    ELLIPSIS,
    EQUALS,
    GIVEN,
    NEGATIVE,
    BigOperator,
    Box,
    Fence,
    Glyph,
    Number,
    Row,
    Script,
    Space,
    Words,
    brackets,
    function,
    parens,
    row,
    separated,
)
from cavi.templates.layout import EXPECTATION as _E
from cavi.templates.layout import Fraction as Quotient
from cavi.templates.notation import Notation
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope, free_scope, index_box, scope_of
from cavi.templates.symbols import bold, symbol


@dataclass(frozen=True)
class UpdateView:
    """A factor on the page.

    Attributes:
        number: its number among the updates, which the algorithm refers to.
        anchor: an identifier for links.
        name: of the factor; `title`: of its derivation.
        element: one element of its latents; `whole`: the latents as arrays.
        families: the optimum as a distribution, a line for each latent of a chain.
        remarks: which parameters are those of a marginal, and which of a density given others; where a point stays.
        sources: where the families' formulas come from.
        steps: the derivation.
        formulas: the update equations, in order of computation.
        moments: the expectations that others use, in the parameters.
        plates: ``k = 1, …, K``, or None.
        sequential: the indices along which elements are updated one after another.
        computed: the symbols that the update computes.
        chosen: whether it is no optimum but was chosen.
    """

    number: int
    anchor: str
    name: str
    title: str
    element: Box
    whole: Box
    families: tuple[Equation, ...]
    remarks: tuple[Sentence, ...]
    sources: tuple[str, ...]
    steps: tuple[StepView, ...]
    formulas: tuple[Equation, ...]
    moments: tuple[Equation, ...]
    plates: Box | None
    sequential: Sentence
    computed: Box
    point: bool
    chosen: bool = False


def update_view(
    signs: Notation,
    declaration: DeclarationPrinter,
    model: Model,
    update: Update,
    joint: Box,
    number: int,
) -> UpdateView:
    """The view of one update."""
    factor = update.factor
    printer = Printer(signs)
    sequential: list[str | Box] = []
    for i in factor.sequential:
        sequential += [" and " if sequential else "", index_box(i.name)]
    return UpdateView(
        number=number,
        anchor="update-" + "-".join(factor.latents),
        name=factor.name,
        title=update.derivation.title,
        element=latents_box(signs, factor, element=True),
        whole=latents_box(signs, factor, element=False),
        families=system(list(_families(signs, declaration, model, update)), style=signs.style),
        remarks=(*_remarks(printer, update), *_untold(signs, printer, update)),
        sources=tuple(dict.fromkeys(f.source for f in update.families.values() if getattr(f, "source", ""))),
        steps=update_steps(signs, update, joint),
        formulas=system(list(_formulas(printer, update)), BOXED_WIDTH, signs.style),
        moments=system(list(_moments(signs, printer, update)), style=signs.style),
        plates=declaration.ranges(factor.plates),
        sequential=tuple(sequential),
        computed=separated(
            dict.fromkeys(drawn_parameter(printer, f, factor.plates) for f in update.formulas if f.role == "standard")
        ),
        point=factor.point,
        chosen=bool(update.chosen),
    )


_NUMERICALLY = (Space("medium"), Words("normalised numerically"))
_INTEGRAL = Glyph(r"\int", "∫")


def _scope(indices: tuple[Index, ...]) -> Scope:
    return scope_of(indices)


def _is_logdet(f: Formula) -> bool:
    return isinstance(f.value, ArrayOperation) and f.value.name == "logdet"


# --- the family --------------------------------------------------------------------------------


def _families(signs: Notation, declaration: DeclarationPrinter, model: Model, update: Update) -> Iterator[Link]:
    """``q*(μ_k) = N(μ_k | m_k, λ_k⁻¹)``; in a chain each latent is conditioned on those after it."""
    if update.factor.point:
        return
    printer = declaration.printer
    if update.numeric:
        scope = _scope(update.factor.plates)
        density = row(function("exp"), parens(printer.polynomial(update.log_q, scope)))
        yield Link(q_of(latents_box(signs, update.factor, element=True), star=True), row(density, COMMA, *_NUMERICALLY))
        return
    kinds = {link.over is None for link in update.density}  # numbers given a category, or one of the two
    if len(kinds) > 1 or any(link.chain is not None or link.family in MATRIX_FAMILIES for link in update.density):
        yield from density_lines(declaration, update)
        return
    latents = list(update.families)
    for place, latent in enumerate(latents):
        plates = update.factor.plates
        vector = signs.axes.get(latent, 0) > len(plates)
        base = signs.array(latent) if vector else signs.variable(latent)
        left = printer.subscripted(base, plates, _scope(plates))
        later = latents[place + 1 :]
        given = [printer.subscripted(signs.variable(n), plates, _scope(plates)) for n in later]
        inside = row(left, GIVEN, separated(given)) if given else left
        scale = _scale(printer, update, latent) if later else None
        args = separated(_arguments(signs, declaration, model, update, latent, scale))
        family = row(family_symbol(str(update.families[latent])), parens(row(left, GIVEN, args)))
        yield Link(q_of(inside, star=not update.chosen), family)


def _remarks(printer: Printer, update: Update) -> Iterator[Sentence]:
    """Of which density the parameters are that stand in one given others."""
    plates = update.factor.plates
    drawn = {(f.latent, f.name): drawn_parameter(printer, f, plates) for f in update.formulas}
    for latent, member in members(printer, update).items():
        mean, precision = drawn.get((latent, "mean")), drawn.get((latent, "precision"))
        if member.conditional is not None and mean is not None and precision is not None:
            said = ("Here ", " is the mean of ", ", and ", " the precision of ", ".")
            yield (said[0], mean, said[1], member.marginal, said[2], precision, said[3], member.conditional, said[4])


def _untold(signs: Notation, printer: Printer, update: Update) -> Iterator[Sentence]:
    """Where a point stays as it is, since nothing depends on it."""
    if update.told_by:
        plates = update.factor.plates
        coefficients = [f for f in update.formulas if f.name in update.told_by]
        zero = [box for f in coefficients for box in (_parameter_box(signs, printer, f, plates), EQUALS)]
        element = latents_box(signs, update.factor, element=True)
        yield ("Where ", row(*zero, Number("0")), ", nothing depends on ", element, ", and it stays as it is.")


def _arguments(
    signs: Notation,
    declaration: DeclarationPrinter,
    model: Model,
    update: Update,
    latent: str,
    scale: Box | None,
) -> Iterator[Box]:
    printer = declaration.printer
    plates = update.factor.plates
    formulas = {f.name: f for f in update.formulas if f.latent == latent}
    distribution = model.variable(latent).distribution
    for p in update.families[latent].parameters:
        if p.name in formulas:
            box = _parameter_box(signs, printer, formulas[p.name], plates)
            if p.name == "precision":
                box = _inverse(box if scale is None else row(box, scale))
            yield box
        elif distribution is not None and p.name in distribution.args:
            yield declaration.whiteboard.expr(distribution.args[p.name], _scope(plates))


def _scale(printer: Printer, update: Update, latent: str) -> Box | None:
    """What multiplies the precision of a latent given the others of its block, read off log q."""
    for m in update.log_q.monomials:
        own = [(a, e) for a, e in m.powers if isinstance(a, Element) and a.name == latent]
        if sum(e for _, e in own) == 2:
            rest = [(a, e) for a, e in m.powers if (a, e) not in own and not isinstance(a, Parameter)]
            scale = Polynomial((Monomial(Fraction(1), tuple(rest)),))
            return printer.polynomial(scale, _scope(update.factor.plates)) if rest else None
    return None


def _parameter_box(signs: Notation, printer: Printer, f: Formula, plates: tuple[Index, ...]) -> Box:
    base = signs.parameter(f.latent, f.name)
    vector = len(f.indices) > len(plates)
    return printer.subscripted(bold(base) if vector else base, plates, _scope(plates))


def _inverse(box: Box) -> Box:
    one = row(NEGATIVE, Number("1"))
    if isinstance(box, Script) and box.sup is None:
        return Script(box.base, box.sub, one)
    return Script(parens(box) if isinstance(box, Row | Script) else box, sup=one)


# --- formulas and moments ----------------------------------------------------------------------


def _formulas(printer: Printer, update: Update) -> Iterator[Link]:
    """The update equations; at the first one of a recursion stands the order in which it runs."""
    before: tuple[Index, str] | None = None
    for f in update.formulas:
        shown_as_moment = isinstance(f.value, Integral) and f.value.name != "log_normaliser"
        if _is_logdet(f) or shown_as_moment or isinstance(f.value, Projected):
            continue
        link = _formula(printer, f, update)
        if f.along is not None and f.along != before:
            size = printer.size(f.along[0].size)
            ends = (Number("1"), size) if f.along[1] == "forward" else (size, Number("1"))
            steps = row(index_box(f.along[0].name), EQUALS, ends[0], COMMA, ELLIPSIS, COMMA, ends[1])
            link = replace(link, right=row(link.right, COMMA, Space("medium"), Words("for "), steps))
        before = f.along
        yield link


def drawn_parameter(printer: Printer, f: Formula, plates: tuple[Index, ...]) -> Box:
    """The left side of a formula: a vector, a matrix, or an element."""
    event = _written_over(printer, f, plates)
    if event:
        return printer.array(printer.notation.parameter(f.latent, f.name), f.indices, event, _scope(f.indices))
    return printer.atom(Parameter(f.latent, f.name, f.indices), _scope(f.indices))


def _written_over(printer: Printer, f: Formula, plates: tuple[Index, ...]) -> tuple[Index, ...]:
    """The axes that both sides of a formula can be written without."""
    event = printer.notation.event_of(f.indices, plates)
    if isinstance(f.value, Integral | Projected):
        return ()
    if isinstance(f.value, ArrayOperation):
        return event if f.value.name == "inverse" and len(event) == 2 else ()
    if not event or printer.whole(f.value, event, free_scope(f.value, f.indices)) is None:
        return ()
    return event


def _formula(printer: Printer, f: Formula, update: Update) -> Link:
    scope, plates = _scope(f.indices), update.factor.plates
    event = _written_over(printer, f, plates)
    left = drawn_parameter(printer, f, plates)
    if isinstance(f.value, Integral):
        exp = row(function("exp"), parens(printer.polynomial(f.value.log_density, scope)))
        return Link(left, row(function("log"), *_over(printer, exp, [n for n, _ in f.value.supports], plates)))
    if isinstance(f.value, ArrayOperation):
        if event:
            base = printer.notation.parameter(f.latent, f.value.argument)
            return Link(left, _inverse(printer.array(base, f.indices, event, scope)))
        argument = next(g for g in update.formulas if (g.latent, g.name) == (f.latent, f.value.argument))
        return Link(left, _operation(printer, f, f.value, scope, argument.indices))
    assert isinstance(f.value, Polynomial), "an expectation along an argument is shown as a moment"
    inside = free_scope(f.value, f.indices)
    whole = printer.whole(f.value, event, inside) if event else None
    return Link(left, printer.polynomial(f.value, inside) if whole is None else whole)


def _over(printer: Printer, body: Box, latents: Sequence[str], plates: tuple[Index, ...]) -> tuple[Box, ...]:
    """∫ … dx over one element of each latent."""
    numbers = [printer.atom(Element(latent, plates), _scope(plates)) for latent in latents]
    steps = [box for x in numbers for box in (Space("thin"), Glyph("d", "d", upright=True), x)]
    return (*[_INTEGRAL] * len(numbers), body, *steps)


def _operation(printer: Printer, f: Formula, operation: ArrayOperation, scope: Scope, axes: tuple[Index, ...]) -> Box:
    """The operation on an earlier parameter, which has the axes."""
    argument = Parameter(f.latent, operation.argument, f.indices)
    match operation.name:
        case "softmax":
            exp = function("exp")
            last = f.indices[-1]
            other = Index(last.name + ".other", last.size)
            inner = scope.enter(other, printer.notation.index_names(last.size))
            summed = Parameter(f.latent, operation.argument, (*f.indices[:-1], other))
            below = row(_sum_over(printer, other, inner), exp, parens(printer.atom(summed, inner)))
            return Quotient(row(exp, parens(printer.atom(argument, scope))), below)
        case "logsumexp":
            last = Index(f"{operation.argument}.last", axes[-1].size)
            inner = scope.enter(last, printer.notation.index_names(last.size))
            summed = Parameter(f.latent, operation.argument, (*f.indices, last))
            box = row(_sum_over(printer, last, inner), function("exp"), parens(printer.atom(summed, inner)))
            return row(function("log"), box)
        case "one_hot_argmax":
            last = f.indices[-1]
            other = Index(last.name + ".other", last.size)
            inner = scope.enter(other, printer.notation.index_names(last.size))
            largest = Parameter(f.latent, operation.argument, (*f.indices[:-1], other))
            best = row(Script(row(function("arg"), function("max")), index_box(inner.names[other])))
            return brackets(row(printer.sub(last, scope), EQUALS, best, printer.atom(largest, inner)))
        case "inverse":
            matrix = printer.notation.parameter(f.latent, operation.argument)
            count = 2 * operation.axes
            base = printer.subscripted(bold(matrix), f.indices[:-count], scope)
            return printer.subscripted(Script(brackets(_inverse(base))), f.indices[-count:], scope)
        case "logdet":
            return row(function("log"), Fence("|", printer.atom(argument, scope), "|"))
    raise ValueError(f"no way to write the array operation {operation.name!r}")


def _sum_over(printer: Printer, index: Index, scope: Scope) -> Box:
    return BigOperator("sum", row(index_box(scope.names[index]), EQUALS, Number("1")), printer.size(index.size))


def _moments(signs: Notation, printer: Printer, update: Update) -> Iterator[Link]:
    """``E[pattern] = value``; a point's moments are its own values, a probability is itself."""
    if update.factor.point:
        return
    projections = {f.value.pattern: f.value for f in update.formulas if isinstance(f.value, Projected)}
    for spec in update.moment_specs:
        if spec.value is None:
            continue
        where = (update.factor.name, spec.key)
        scope = scope_of(spec.indices)
        if update.numeric:
            pattern = printer.polynomial(spec.pattern, scope)
            density = q_of(latents_box(signs, update.factor, element=True), star=True)
            body = row(density, Space("thin"), pattern)
            yield Link(
                row(_E, brackets(pattern)), row(*_over(printer, body, update.factor.latents, update.factor.plates))
            )
            continue
        found = projections.get(spec.pattern)
        if found is not None:
            density = _normal_density(printer, found, scope)
            body = row(density, Space("thin"), printer.polynomial(found.function, scope))
            left = row(_E, brackets(printer.polynomial(spec.pattern, scope)))
            yield Link(left, row(_INTEGRAL, body, Space("thin"), Glyph("d", "d", upright=True), symbol("u")))
            continue
        event = signs.event_of(spec.indices, update.factor.plates)
        if event and where not in signs.categories:
            sides_of = [printer.whole(p, event, scope) for p in (spec.pattern, spec.value)]
            if sides_of[0] is not None and sides_of[1] is not None:
                yield Link(row(_E, brackets(sides_of[0])), sides_of[1])
                continue
        right = printer.polynomial(spec.value, scope)
        if where in signs.categories:
            left = printer.subscripted(signs.categories[where], spec.indices, scope)
            if left != right:
                yield Link(left, right)
            continue
        yield Link(row(_E, brackets(printer.polynomial(spec.pattern, scope))), right)


def _normal_density(printer: Printer, found: Projected, scope: Scope) -> Box:
    """N(u | mean, variance) of the argument of a function."""
    args = separated([printer.polynomial(found.mean, scope), printer.polynomial(found.variance, scope)])
    return row(family_symbol("Normal"), parens(row(symbol("u"), GIVEN, args)))


def polynomials_of(update: Update) -> Iterator[Polynomial]:
    """Every polynomial that the view of an update prints."""
    for step in update.derivation.steps:
        yield step.before
        yield step.after
    for f in update.formulas:
        if isinstance(f.value, Polynomial):
            yield f.value
        elif isinstance(f.value, Integral):
            yield f.value.log_density
        elif isinstance(f.value, Projected):
            yield f.value.mean
            yield f.value.variance
    for spec in update.moment_specs:
        if spec.value is not None:
            yield spec.value
