"""The log joint, node by node, in the normal form.

A latent category that selects is conditioned on: log p(x | z, …) = Σ_k [z = k] log p(x | z = k, …),
so that selection needs no rule of its own in the densities.
"""

from __future__ import annotations

from collections.abc import Mapping

from cavi.derive import families, functions
from cavi.derive.canonical import deltas, fresh_index, multiply, substitute, sum_over
from cavi.derive.distribution import Distribution
from cavi.derive.expand import element, expand
from cavi.derive.expression import (
    AnySub,
    Condition,
    Expr,
    Mul,
    Selector,
    SumOver,
    Takes,
    map_children,
    map_subs,
    subscript_indices,
)
from cavi.derive.index import Gather, Index, Literal, Sub
from cavi.derive.model import Chain, Model, Variable
from cavi.derive.term import Indicator, Link, Polynomial, from_atom, number


def log_joint(model: Model) -> dict[str, Polynomial]:
    """log p of every node, summed over its plates: node name -> polynomial."""
    return {v.name: sum_over(log_density(v, model), v.plates) for v in model.nodes()}


def log_density(node: Variable, model: Model) -> Polynomial:
    """log p of one element of a node, at its plate indices, times its weight."""
    assert node.distribution is not None
    density = _given(node, node.distribution, model)
    if node.chain is not None:
        linked = linked_at(node.chain)
        first = _given(node, node.chain.initial, model)
        density = multiply(linked, density) + multiply(starts_at(node.chain), first)
    return density if node.weight is None else expand(node.weight) * density


def linked_at(chain: Chain) -> Polynomial:
    """One where the element is the next of the one before it, zero where a sequence starts."""
    starts = None
    if chain.starts is not None:
        (ref,) = chain.starts.refs()
        starts = (ref.name, tuple(_plain(s) for s in ref.subs))
    return from_atom(Link(chain.index, starts))


def starts_at(chain: Chain) -> Polynomial:
    """One where a sequence starts: at the first position, or where the data say so."""
    if chain.starts is not None:
        return expand(chain.starts)
    return deltas([Literal(0, chain.index.size)], [chain.index])


def _given(node: Variable, distribution: Distribution, model: Model) -> Polynomial:
    """log p of one element under a distribution, latent categories that select conditioned on."""
    chosen: dict[Selector, Index] = {}
    summed = {k: select_inside(a, model) for k, a in distribution.args.items()}
    args = {k: model.current(map_subs(a, lambda s: condition(s, chosen))) for k, a in summed.items()}
    density = functions.telescoped(_density(node, distribution, {k: expand(a) for k, a in args.items()}))
    for selector, index in reversed(chosen.items()):
        subs = tuple(_plain(s) for s in selector.subs)
        if index.size == "2" and is_binary(model.variable(selector.name)):
            one = from_atom(Indicator(selector.name, subs, Literal(1, "2")))
            low, high = (substitute(density, {index: Literal(v, "2")}) for v in (0, 1))
            density = multiply(one, high) + multiply(number(1) - one, low)
        else:
            density = sum_over(multiply(from_atom(Indicator(selector.name, subs, index)), density), [index])
    return density


def condition(sub: AnySub, chosen: dict[Selector, Index]) -> AnySub:
    """Replace every latent category by the index of its value, inner ones first."""
    if isinstance(sub, Gather):
        inner = tuple(_plain(condition(s, chosen)) for s in sub.subs)
        return Gather(sub.name, inner, sub.size)
    if isinstance(sub, Selector):
        key = Selector(sub.name, tuple(condition(s, chosen) for s in sub.subs), sub.size)
        if key not in chosen:
            chosen[key] = fresh_index(sub.size)
        return chosen[key]
    return sub


def select_inside(expr: Expr, model: Model) -> Expr:
    """Categories that select inside a sum over their own elements: Σ_w eta[z[w]] = Σ_w Σ_k [z[w]=k] eta[k]."""
    if not isinstance(expr, SumOver):
        return map_children(expr, lambda e: select_inside(e, model))
    body = select_inside(expr.body, model)
    inner: dict[Selector, Index] = {}

    def change(sub: AnySub) -> AnySub:
        if isinstance(sub, Selector) and expr.index in set(subscript_indices(sub)):
            return condition(sub, inner)
        return sub

    body = map_subs(body, change)
    for selector, index in reversed(inner.items()):
        chosen: Expr = Takes(selector.name, selector.subs, index)
        if index.size == "2" and is_binary(model.variable(selector.name)):
            one = Takes(selector.name, selector.subs, Literal(1, "2"))
            high, low = (Condition("same", (index, Literal(v, "2"))) for v in (1, 0))
            chosen = high * one + low * (1 - one)
        body = SumOver(index, Mul((chosen, body)))
    return SumOver(expr.index, body)


def is_binary(variable: Variable) -> bool:
    """Whether a variable takes the values zero and one with a probability each."""
    return variable.distribution is not None and variable.distribution.family == "Bernoulli"


def _plain(sub: AnySub) -> Sub:
    if isinstance(sub, Selector):
        raise TypeError(f"{sub} was not conditioned on")
    return sub


def _density(node: Variable, distribution: Distribution, args: Mapping[str, Polynomial]) -> Polynomial:
    family = families.lookup(distribution.family)
    over = distribution.over
    if family.name == "Categorical":
        return _categorical(node, args["probs"], over)
    if family.name == "Bernoulli":
        return _bernoulli(node, args["prob"])
    return family.density(element(node, node.indices), args, node.event)


def _categorical(node: Variable, probs: Polynomial, over: Index | None) -> Polynomial:
    assert over is not None
    log_probs = functions.log(probs)
    if node.is_random:
        chosen = from_atom(Indicator(node.name, node.plates, over))
        return sum_over(multiply(chosen, log_probs), [over])
    return substitute(log_probs, {over: Gather(node.name, node.plates, over.size)})


def _bernoulli(node: Variable, prob: Polynomial) -> Polynomial:
    one = element(node, node.plates)
    return one * functions.log(prob) + (number(1) - one) * functions.log(number(1) - prob)
