"""`derive`: the stages from a declared model to its mean-field inference.

Model ──log_joint──▶ node polynomials ──blocks──▶ factors
  for each factor: ──conditional──▶ coefficients by statistic ──optimum──▶ family, parameters
──elbo──▶ expected log densities and entropies ──close──▶ every moment in closed form ──▶ Derived
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cavi.derive.approximations import applicable, approached, checked, companions
from cavi.derive.asked import Asked
from cavi.derive.automatic import automatic
from cavi.derive.builders import optimum
from cavi.derive.canonical import add
from cavi.derive.conditional import Conditional, conditional, sequential_plates
from cavi.derive.copies import copied, copied_by, with_expected_weights
from cavi.derive.derivation import Derivation, Step
from cavi.derive.elbo import elbo_terms
from cavi.derive.errors import DeclarationError, NonConjugateError, RelaxationError
from cavi.derive.expectation import Expectation, Pattern
from cavi.derive.factorisation import Block, blocks
from cavi.derive.index import Index
from cavi.derive.joint_remedy import block_that_does, requested_blocks
from cavi.derive.log_joint import log_joint
from cavi.derive.marginal import marginalise as integrate_out
from cavi.derive.methods import NEWTON, QUADRATURE
from cavi.derive.model import Model
from cavi.derive.optimum import Optimum, Request
from cavi.derive.optimum_numeric import integrals
from cavi.derive.relaxations.apply import Proposal, Relaxed, proposals
from cavi.derive.relaxations.apply import relax as apply_relaxations
from cavi.derive.remedies import refusal
from cavi.derive.result import Derived, Elbo, Factor, Formula, MomentSpec, Update
from cavi.derive.rules import DROP_CONSTANTS, INDEPENDENCE, NORMALISED_NUMERICALLY, RESTRICT
from cavi.derive.separation import separated
from cavi.derive.term import ZERO, Function, Moment, Parameter, Polynomial, from_atom
from cavi.derive.text import show


def derive(
    model: Model,
    factors: Sequence[object] | None = None,
    *,
    marginalise: Sequence[object] = (),
    bounds: Mapping[str, object] | None = None,
    augment: Mapping[str, object] | None = None,
    relax: str | None = None,
    approximate: Mapping[Any, str] | None = None,
) -> Derived:
    """The mean-field inference of a model: one factor for each latent, or blocks as asked.

    Args:
        model: what was declared.
        factors: blocks that q keeps together, each a latent, a name or a tuple of them, such as
            ``[("mu", "tau")]``; latents that are not named stay alone, independent by element.
        marginalise: latents (or tuples of them) to integrate out of the log joint exactly before it is factorised.
        bounds: node -> a `Bound`, `ArrayBound` or `Tilt` or the name of one (or several), for terms of its log
            density that are not conjugate; ``"tangent"`` makes one from each function that is convex.
        augment: node -> an `Augmentation` or the name of one, likewise.
        relax: ``"auto"`` looks for a rule that makes the model conjugate where it is not, and applies the cheapest
            with which it is; the derivation says which it took and what else there was. Where no rule does, the last
            remedy is a factor that is normalised numerically or, of more than two numbers, a Normal that is chosen.
        approximate: latent, or block as a tuple -> a method for a factor in no family: ``"quadrature"``, for the
            optimum of one number or two, its normaliser and moments found numerically, ``"cvi"``, ``"laplace"`` or
            ``"delta"``, for a Normal that is chosen, or ``"newton"``, for a maximised parameter found by steps.

    Raises:
        DeclarationError: for a model without latents or observations.
        FactorisationError: for blocks that name unknown or repeated latents, and integrals without closed form.
        RelaxationError: for a bound that is unknown, not proved, or fits no term.
        ApproximationError: for a method that is unknown, or that the factor has no form for.
        NonConjugateError: naming the factor, the term and the remedies, when an optimum is in no known family.

    Examples:
        >>> from cavi.derive import Gamma, Model, Poisson, derive
        >>> m = Model("rate")
        >>> n = m.index("n", "N")
        >>> rate = m.latent("rate", Gamma(2, 3))
        >>> x = m.observed("x", Poisson(rate), n)
        >>> update = derive(m).update("rate")
        >>> str(update.family), update.parameters["rate"]
        ('Gamma', N + 3)
        >>> update.parameters["shape"]
        Sum(x[n], (n, 1, N)) + 2
    """
    _check(model)
    if relax not in (None, "auto"):
        raise RelaxationError(f"relax={relax!r} is not known; expected 'auto', or name the rules: bounds={{'y': ...}}")
    methods = checked(model, approximate or {})
    asked = Asked(model, log_joint(model), factors, marginalise, bounds or {}, augment or {}, methods)
    try:
        return _derived(asked)
    except NonConjugateError as refused:
        error = with_approximations(refused, asked)
        known = [p for p in proposals(model, asked.nodes) if not asked.has_rule(p.node)]
        if relax is None and known:
            arguments = "; ".join(map(str, known))
            raise error.also(f". Known for this form: derive(m, {arguments}), or derive(m, relax='auto')") from None
        if relax is None:
            raise (with_block(error, asked, known) if error is refused else error) from None
    try:
        return automatic(_derived, asked, known)
    except NonConjugateError as refused:
        raise with_block(refused, asked, known) from None


def with_approximations(error: NonConjugateError, asked: Asked) -> NonConjugateError:
    """The error with the approximations of the factor that would do, where there are any."""
    if set(error.factor.split(",")) & set(asked.methods) or asked.marginalise:
        return error
    relaxed = apply_relaxations(asked.model, asked.nodes, asked.bounds, asked.augment)
    names = applicable(error.factor, relaxed.model, relaxed.nodes, asked.factors, asked.methods)
    if not names:
        return error
    together = (error.factor, *companions(error.factor, relaxed.model, relaxed.nodes, asked.factors, asked.methods))
    methods = ({**asked.methods, **dict.fromkeys(together, n)} for n in names)
    known = " or ".join(f"derive(m, {_beside(asked)}approximate={m!r})" for m in methods)
    return error.also(f"; or {known}")


def with_block(error: NonConjugateError, asked: Asked, known: Sequence[Proposal]) -> NonConjugateError:
    """The error with a joint block with which `relax="auto"` finds an optimum for every factor, where there is one."""
    block = block_that_does(lambda wider: automatic(_derived, wider, known), error, asked)
    if block is None:
        return error
    factors = [*requested_blocks(asked.factors), block]
    methods = f"approximate={dict(asked.methods)!r}, " if asked.methods else ""
    return error.also(f"; or, found by trying, derive(m, factors={factors!r}, {_beside(asked)}{methods}relax='auto')")


def _beside(asked: Asked) -> str:
    """The rules that were asked for, as they stand in a call."""
    return "".join(f"{k}={dict(v)!r}, " for k, v in (("bounds", asked.bounds), ("augment", asked.augment)) if v)


def _derived(asked: Asked) -> Derived:
    """The stages, once it is known what to relax."""
    relaxed = apply_relaxations(asked.model, asked.nodes, asked.bounds, asked.augment)
    if relaxed.relaxations and asked.marginalise:
        raise RelaxationError(
            "found marginalise= beside bounds= or augment=: the best local parameter of a bound is an expectation "
            "under factors that would be gone, and an integral is checked on declared densities only; keep "
            f"{', '.join(map(str, asked.marginalise))} as a factor, or in a block (factors=) with what it depends on"
        )
    model, methods = relaxed.model, {**asked.methods, **dict.fromkeys(relaxed.tilts, NEWTON)}
    nodes, gone = integrate_out(model, relaxed.nodes, asked.marginalise)
    split = tuple(approached(b, methods) for b in blocks(model, nodes, asked.factors, gone))
    split, expectation = with_expected_weights(split)
    nodes = {name: separated(p, split) for name, p in nodes.items()}
    found = _optima(model, split, nodes, expectation, relaxed, methods)
    terms = elbo_terms(nodes, [(b.factor, o) for b, _, o in found], expectation)
    specs = _close(found, expectation)
    updates = tuple(
        _update(model, block, cond, best, nodes, expectation, specs[block.factor.name], copied_by(block, split))
        for block, cond, best in found
    )
    # A start from the prior may have met further moments: close them too.
    specs = _close(found, expectation)
    updates = tuple(
        _followed(replace(u, moment_specs=specs[u.factor.name]), o) for u, (_, _, o) in zip(updates, found, strict=True)
    )
    # An auxiliary says nothing before the data have been seen: a run starts with the others.
    auxiliary = {n for r in relaxed.relaxations for n in r.variables}
    updates = tuple(replace(u, initial=()) if u.factor.name in auxiliary else u for u in updates)
    _refuse_open_moments(updates, terms)
    roles = {v.name: v.role for v in model.with_role("observed", "latent", "point")}
    elbo = Elbo(terms, specs, model.indices, roles)
    whole = Derived(model, tuple(u.factor for u in updates), nodes, updates, elbo, gone, relaxed.relaxations)
    # On their own an update and the bound are written in the notation of the whole.
    updates = tuple(replace(u, context=whole) for u in updates)
    return replace(whole, updates=updates, elbo=replace(elbo, context=whole))


def _check(model: object) -> None:
    if not isinstance(model, Model):
        raise DeclarationError(f"derive expects a Model, found {type(model).__name__}; declare one with Model('name')")
    if not model.with_role("latent", "point"):
        raise DeclarationError(f"{model.name} has no latent variable; declare one with m.latent or m.point")
    if not model.with_role("observed"):
        raise DeclarationError(f"{model.name} has no observed variable; declare one with m.observed")


def _optima(
    model: Model,
    split: Sequence[Block],
    nodes: Mapping[str, Polynomial],
    expectation: Expectation,
    relaxed: Relaxed,
    methods: Mapping[str, str],
) -> list[tuple[Block, Conditional, Optimum]]:
    """The optimum of every block; what is a number of copies comes after that of which there are so many."""
    best: dict[str, tuple[Block, Conditional, Optimum]] = {}
    for b in sorted(split, key=lambda b: bool(copied_by(b, split))):
        copies = add(*(copied(c, best[c.factor.name][2].entropy) for c in copied_by(b, split)))
        best[b.factor.name] = (b, *_optimum(model, b, nodes, expectation, relaxed, methods, copies=copies))
    return [best[b.factor.name] for b in split]


def _optimum(
    model: Model,
    block: Block,
    nodes: Mapping[str, Polynomial],
    expectation: Expectation,
    relaxed: Relaxed | None = None,
    methods: Mapping[str, str] | None = None,
    like: tuple[Pattern, ...] = (),
    copies: Polynomial = ZERO,
) -> tuple[Conditional, Optimum]:
    cond = conditional(block, nodes, expectation, copies)
    tangents, tilts = (relaxed.tangents, relaxed.tilts) if relaxed is not None else ({}, ())
    return cond, optimum(Request(model, block, cond, expectation, tangents, methods or {}, like, tilts))


def _close(
    found: Sequence[tuple[Block, Conditional, Optimum]], expectation: Expectation
) -> dict[str, tuple[MomentSpec, ...]]:
    """Every moment met, with its closed form."""
    by_factor: dict[str, tuple[MomentSpec, ...]] = {}
    for block, _, best in found:
        name = block.factor.name
        mine: dict[str, Pattern] = {k: p for (f, k), p in expectation.moments.patterns.items() if f == name}
        ordered = sorted(mine.items())
        named = integrals(block.factor.latents[0], best, ordered) if best.integral is not None else {}
        by_factor[name] = tuple(
            MomentSpec(key, p.indices, p.polynomial, _parameter(named[key]) if key in named else best.moment(p))
            for key, p in ordered
        )
    return by_factor


def _parameter(f: Formula) -> Polynomial:
    return from_atom(Parameter(f.latent, f.name, f.indices))


def _followed(update: Update, best: Optimum) -> Update:
    """With the integrals that its moments are, where they have no closed form."""
    if best.integral is None:
        return update
    ordered = [
        (s.key, Pattern(s.pattern.monomials[0].powers, s.indices, s.pattern.monomials[0].bound))
        for s in update.moment_specs
    ]
    found = tuple(integrals(update.factor.latents[0], best, ordered).values())
    initial = (*update.initial, *found) if update.initial else ()
    return replace(update, formulas=(*update.formulas, *found), initial=initial)


def _update(
    model: Model,
    block: Block,
    cond: Conditional,
    best: Optimum,
    nodes: Mapping[str, Polynomial],
    expectation: Expectation,
    specs: tuple[MomentSpec, ...],
    copies: Sequence[Block] = (),
) -> Update:
    positions = sequential_plates(block, cond.coefficients)
    factor = replace(block.factor, sequential=tuple(block.factor.plates[p] for p in positions))
    return Update(
        factor=factor,
        families=best.families,
        statistics=best.statistics,
        formulas=best.formulas,
        initial=_initial(model, block, cond, best, nodes, expectation),
        moment_specs=specs,
        entropy=best.entropy,
        log_q=best.log_q,
        derivation=_derivation(model, factor, cond, best, copies),
        density=best.density,
        from_marginals=best.from_marginals,
        chosen=best.chosen,
        height=best.height,
        climbs=best.climbs,
        way_back=best.way_back if best.chosen else (),
        told_by=best.told_by,
    )


def _initial(
    model: Model,
    block: Block,
    cond: Conditional,
    best: Optimum,
    nodes: Mapping[str, Polynomial],
    expectation: Expectation,
) -> tuple[Formula, ...]:
    """The factor of the prior alone; empty where it is improper or of another family, or the optimum found by steps.

    It is empty too for a point whose support has an end: there the mode of a prior may lie, or beyond it.
    """
    if block.factor.point and any(v.domain not in ("real", "positive_definite") for v in block.variables.values()):
        return ()
    prior = {n: nodes[n] for n in block.variables if n in nodes}
    if len(prior) < len(block.variables) or best.climbs is not None:
        return ()
    like = tuple(cond.coefficients)
    methods = {n: QUADRATURE for n in block.variables} if best.recognised_by == NORMALISED_NUMERICALLY else {}
    try:
        start = _optimum(model, block, prior, expectation, methods=methods, like=like)[1]
    except NonConjugateError:
        return ()
    same = dict(start.families) == dict(best.families) and _axes(start) == _axes(best)
    return start.formulas if same else ()


def _axes(best: Optimum) -> dict[tuple[str, str], tuple[Index, ...]]:
    """The axes of every standard parameter."""
    return {(f.latent, f.name): f.indices for f in best.formulas if f.role == "standard"}


def _derivation(
    model: Model, factor: Factor, cond: Conditional, best: Optimum, copies: Sequence[Block]
) -> Derivation[Polynomial]:
    def expected(p: Polynomial) -> Polynomial:
        return from_atom(Function("E", (p,)))

    names = ", ".join(factor.latents)
    family = ", ".join(str(f) for f in best.families.values())
    stages, present = [], cond.averaged
    for stage in best.stages:
        stages.append(Step(present, stage.value, stage.rule, stage.conditions, stage.relation))
        present = stage.value
    last = (
        Step(
            present,
            best.log_q,
            best.recognised_by,
            (best.known_as.partition(", ")[2] or f"the statistics are those of {family}",),
            "= + const",
        )
        if not factor.point
        else Step(cond.averaged, cond.averaged, best.maximised_by, ("the coefficients as named",))
    )
    plates = ", ".join(f"{i.name} = 1…{i.size}" for i in factor.plates)
    return Derivation(
        title=f"{'chosen' if best.chosen else 'optimal'} factor of {names}",
        left=f"log q*({names})",
        steps=(
            Step(
                expected(cond.touching),
                expected(cond.local),
                RESTRICT if factor.plates else DROP_CONSTANTS,
                (
                    *([f"for each {plates}"] if plates else []),
                    *(f"each copy of {', '.join(c.factor.latents)} brings the entropy of its factor" for c in copies),
                ),
                "= + const",
            ),
            Step(expected(cond.local), cond.averaged, INDEPENDENCE, (), "="),
            *stages,
            last,
        ),
        conclusion=f"q{'' if best.chosen else '*'}({names}) is {best.known_as or family}"
        if not factor.point
        else f"{names} takes its maximising value",
    )


def _refuse_open_moments(updates: Sequence[Update], terms: Sequence[object]) -> None:
    """A moment without closed form may occur in no update and must cancel in the ELBO."""
    unclosed = {(u.factor.name, s.key): (u, s) for u in updates for s in u.moment_specs if s.value is None}
    if not unclosed:
        return
    for update in updates:
        for formula in (*update.formulas, *update.initial):
            if isinstance(formula.value, Polynomial):
                _refuse_if_open(formula.value, unclosed, update)
    total = add(*(t.value for t in terms))  # type: ignore[attr-defined]
    _refuse_if_open(total, unclosed, None)


def _refuse_if_open(
    p: Polynomial, unclosed: Mapping[tuple[str, str], tuple[Update, MomentSpec]], where: Update | None
) -> None:
    for atom in p.atoms():
        if isinstance(atom, Moment) and (atom.factor, atom.key) in unclosed:
            update, spec = unclosed[atom.factor, atom.key]
            family = ", ".join(map(str, update.families.values()))
            place = f"the update of {where.factor.name}" if where else "the ELBO"
            raise refusal(
                update.factor,
                spec.pattern,
                list(update.factor.latents),
                f"of closed-form expectation under its {family} factor, and {place} needs E[{show(spec.pattern)}]",
            )
