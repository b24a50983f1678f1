"""Complete conditionals of every factor, and the model as a chain of draws: what a Gibbs sampler needs.

The complete conditional of a block is its optimal factor with every other latent at a value in place of an expectation,
so that the same recognition by form gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cavi.derive.canonical import fresh_index, multiply, substitute, sum_over
from cavi.derive.conditional import sequential_values
from cavi.derive.errors import ApproximationError, CaviError, NonConjugateError
from cavi.derive.expand import expand
from cavi.derive.expression import Selector, map_subs
from cavi.derive.factorisation import Block
from cavi.derive.families import lookup
from cavi.derive.index import Index, Literal
from cavi.derive.log_joint import condition, is_binary, linked_at, select_inside
from cavi.derive.marginal import complete_conditional
from cavi.derive.methods import QUADRATURE
from cavi.derive.model import Model, Variable
from cavi.derive.optimum import Backward, Link
from cavi.derive.result import Derived, Factor, Formula, Integral
from cavi.derive.term import Indicator, Polynomial, from_atom, number


@dataclass(frozen=True)
class CompleteConditional:
    """One block given all other variables.

    Attributes:
        factor: the block; its `sequential` plates are drawn one element after another.
        formulas: its parameters, in values of the other latents.
        density: the block as a chain of ordinary distributions, in the order of drawing; empty without a family.
        numeric: the density but for its normaliser of one number or two, where that is all that is known.
    """

    factor: Factor
    formulas: tuple[Formula, ...]
    density: tuple[Link, ...]
    numeric: Integral | None = None


def complete_conditionals(derived: Derived) -> tuple[CompleteConditional, ...]:
    """The complete conditional of every factor of a derivation.

    Raises:
        CaviError: for parameters that are maximised over, or stand for several copies.
        NonConjugateError: where a conditional is in no known family.
    """
    for f in derived.factors:
        if f.point or f.weight is not None:
            why = "is maximised over; give it a prior" if f.point else "stands for several copies; declare each copy"
            raise CaviError(f"{f.name} cannot be drawn: it {why}")
    split = tuple(block_of(f, derived.model) for f in derived.factors)
    found = []
    for block in split:
        update = derived.update(block.factor.name)
        methods = dict.fromkeys(block.variables, QUADRATURE) if update.numeric or update.chosen else {}
        try:
            conditional, best = complete_conditional(derived.model, block, derived.log_density, split, methods)
        except (ApproximationError, NonConjugateError):
            if not update.chosen:
                raise
            raise CaviError(
                f"q({block.factor.name}) was chosen by {update.chosen}: its complete conditional is in no known family "
                "and of more than two numbers, and cannot be drawn from; split it into elements, or export the "
                "declaration to Stan or NumPyro for draws"
            ) from None
        coupled = tuple(block.factor.plates[p] for p in sequential_values(block, conditional.coefficients))
        factor = replace(block.factor, sequential=coupled)
        formulas = tuple(f for f in best.formulas if not isinstance(f.value, Integral))
        densities = [f.value for f in best.formulas if isinstance(f.value, Integral)]
        found.append(CompleteConditional(factor, formulas, best.density, densities[0] if densities else None))
    return tuple(found)


def block_of(factor: Factor, model: Model) -> Block:
    """The block of a factor, with nothing yet known of the order of its elements."""
    variables = {n: model.variable(n) for n in factor.latents}
    axes = {n: tuple(v.indices.index(i) for i in factor.plates) for n, v in variables.items()}
    return Block(replace(factor, sequential=()), variables, axes, model.indices)


def generative(model: Model, without: Sequence[str] = ()) -> tuple[Link, ...]:
    """Every variable with a distribution, in order of declaration, given those before it."""
    return tuple(_link(v, model) for v in model.nodes() if v.name not in without)


def _link(v: Variable, model: Model) -> Link:
    assert v.distribution is not None
    chain = None
    if v.chain is not None:
        first = _arguments(v.chain.initial.args, model)
        chain = Backward(v.chain.index, linked_at(v.chain), first, "forward")
    over = v.over if lookup(v.distribution.family).support == "category" else None
    return Link(v.name, v.plates, v.event, v.distribution.family, _arguments(v.distribution.args, model), over, chain)


def _arguments(args: object, model: Model) -> dict[str, Polynomial]:
    """The arguments in values of the latents; where a category selects, Σ_k [z=k] of the argument at k."""
    assert hasattr(args, "items")
    found: dict[str, Polynomial] = {}
    for name, expr in args.items():
        chosen: dict[Selector, Index] = {}
        inside = select_inside(expr, model)
        value = expand(model.current(map_subs(inside, lambda s, c=chosen: condition(s, c))))  # type: ignore[misc]
        for selector, index in reversed(chosen.items()):
            subs = tuple(selector.subs)
            if index.size == "2" and is_binary(model.variable(selector.name)):
                one = from_atom(Indicator(selector.name, subs, Literal(1, "2")))  # type: ignore[arg-type]
                low, high = (substitute(value, {index: Literal(x, "2")}) for x in (0, 1))
                value = multiply(one, high) + multiply(number(1) - one, low)
            else:
                fresh = fresh_index(index.size)
                picked = multiply(
                    from_atom(Indicator(selector.name, subs, fresh)),  # type: ignore[arg-type]
                    substitute(value, {index: fresh}),
                )
                value = sum_over(picked, [fresh])
        found[name] = value
    return found
