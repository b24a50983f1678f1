"""Which terms of a node an augmentation applies to, and which of them one auxiliary serves."""

from __future__ import annotations

import sympy

from cavi.derive import functions
from cavi.derive.expand import expand
from cavi.derive.families import lookup
from cavi.derive.model import Model
from cavi.derive.relaxations.augmentation import ENDS, Augmentation, B, S
from cavi.derive.relaxations.matching import not_negative
from cavi.derive.relaxations.rejection import RejectedDraws
from cavi.derive.relaxations.sites import Site, exclusive, is_binary, is_positive, scaled, sites
from cavi.derive.relaxations.thinning import Thinning, shares
from cavi.derive.term import Atom, Element, Function, Monomial, Polynomial, from_atom, number
from cavi.derive.text import show

AnyAugmentation = Augmentation | RejectedDraws | Thinning


def fitting(p: Polynomial, rule: AnyAugmentation, model: Model, node: str) -> tuple[Site, ...]:
    """The sites of the rule's function whose weight and argument are what the rule asks for."""
    if isinstance(rule, Thinning):
        return shares(p, model, node)
    found = tuple(s for s in _sites(p, rule, model, node) if not _misfit(s, rule, model, node))
    beside_known = rule.function.has(*ENDS)
    return tuple(scaled(s, model) for s in found) if rule.function.has(S) and not beside_known else found


def misfit(p: Polynomial, rule: AnyAugmentation, model: Model, node: str) -> str:
    """Why there are none of a node."""
    if isinstance(rule, Thinning):
        return "no term of its log density is a known count times the log of a sum of what is positive"
    found = _sites(p, rule, model, node)
    if not found:
        known = " (l and u known)" if rule.shape.has(*ENDS) else ""
        return f"no term of its log density is {rule.shape}{known} of latents with a coefficient that is not negative"
    return _misfit(found[0], rule, model, node)


def _sites(p: Polynomial, rule: Augmentation | RejectedDraws, model: Model, node: str) -> tuple[Site, ...]:
    together = rule.function.has(S) and rule.function.has(*ENDS)
    return sites(p, rule.shape, model, node, by_element=rule.weight == "binary", with_scale=together)


def _misfit(site: Site, rule: Augmentation | RejectedDraws, model: Model, node: str) -> str:
    """What keeps a rule from a site; empty if nothing does."""
    if rule.weight == "positive" and not is_positive(site.weight, model):
        return (
            f"the coefficient of {rule.shape} is {show(site.weight)}, which may be zero, and an auxiliary has no "
            "density there; expected a positive number, or a bound (bounds=), which has none"
        )
    if rule.weight == "binary" and not is_binary(site.weight, model):
        return f"the coefficient of {rule.shape} is {show(site.weight)}; expected zero or one, whatever the data"
    if rule.above == 0 and not _seen_positive(site.argument, model, node):
        return f"the argument {show(site.argument)} is not a product of what is positive"
    return ""


def _seen_positive(p: Polynomial, model: Model, node: str) -> bool:
    """Products of what is positive; logarithms of probabilities are negative and come in pairs with other signs.

    Or such a product times the difference of a power at two known ends, such as λ (u^k - l^k).
    """
    if not p.monomials or all(_positive_product(m, model) for m in p.monomials):
        return bool(p.monomials)
    shared, rest = functions.common(p) or (number(1), p)
    return _seen_positive(shared, model, node) and ascends(rest, model, ends_of(model, node))


def ends_of(model: Model, node: str) -> tuple[Polynomial, Polynomial] | None:
    """The known ends between which a node lies, the lower one first, if it has two."""
    declared = model.variable(node).distribution
    if declared is None or not {"lower", "upper"} <= set(declared.args):
        return None
    return expand(declared.args["lower"]), expand(declared.args["upper"])


def ascends(p: Polynomial, model: Model, ends: tuple[Polynomial, Polynomial] | None) -> bool:
    """Whether it is high^k - low^k of numbers that are not negative, high above low and k positive."""
    if len(p.monomials) != 2 or (sorted(m.coefficient for m in p.monomials) != [-1, 1] and ends is None):
        return False
    if ends is not None and p == ends[1] - ends[0]:
        return True
    found = [_as_power(m) for m in sorted(p.monomials, key=lambda m: m.coefficient)]
    if [m.coefficient for m in sorted(p.monomials, key=lambda m: m.coefficient)] != [-1, 1] or None in found:
        return False
    (low, k), (high, same) = (f for f in found if f is not None)
    rises = is_positive(high - low, model) or ends == (low, high)
    return k == same and is_positive(k, model) and rises


def _as_power(m: Monomial) -> tuple[Polynomial, Polynomial] | None:
    """The base and the exponent of one power without a coefficient."""
    if m.bound or len(m.powers) != 1:
        return None
    ((atom, exponent),) = m.powers
    if isinstance(atom, Function) and atom.name == "pow" and exponent == 1:
        return atom.args[0], atom.args[1]
    return from_atom(atom), number(exponent)


def _positive_product(m: Monomial, model: Model) -> bool:
    logs = [(a, e) for a, e in m.powers if e == 1 and _is_negative(a, model)]
    sign = -1 if len(logs) % 2 else 1
    return m.coefficient * sign > 0 and not_negative(tuple(p for p in m.powers if p not in logs), model)


def _is_negative(atom: Atom, model: Model) -> bool:
    """Whether it is the logarithm of a probability, log p or log(1 - p)."""
    if not isinstance(atom, Function) or atom.name != "log":
        return False
    for inside in (atom.args[0], number(1) - atom.args[0]):
        powers = inside.monomials[0].powers if len(inside.monomials) == 1 else ()
        if len(powers) == 1 and inside.monomials[0].coefficient == powers[0][1] == 1:
            element = powers[0][0]
            if isinstance(element, Element) and _is_probability(element, model):
                return True
    return False


def _is_probability(x: Element, model: Model) -> bool:
    v = model.variable(x.name)
    return v.domain in ("unit", "simplex") or (
        v.distribution is not None and lookup(v.distribution.family).support in ("unit", "simplex")
    )


def together(found: tuple[Site, ...], rule: Augmentation, model: Model) -> tuple[tuple[Site, ...], ...]:
    """Sites that one auxiliary serves: those of which the data choose one, when p(ω) is the same for all of them.

    With b zero or one, g = b g₁; where one weight is one the others are zero, and so are their parts of g.
    """
    groups: list[list[Site]] = []
    free_of_b = not any(sympy.sympify(v).has(B) for v in rule.parameters.values())
    same = rule.weight == "binary" and free_of_b and sympy.expand(rule.joint.subs(B, 0)) == 0
    for s in found:
        for g in groups:
            if same and _place(g[0]) == _place(s) and all(exclusive(s.weight, t.weight, model) for t in g):
                g.append(s)
                break
        else:
            groups.append([s])
    return tuple(map(tuple, groups))


def _place(s: Site) -> tuple[object, ...]:
    """What an auxiliary has of a site: its plates, and the ends of its interval."""
    return s.plates, s.ends
