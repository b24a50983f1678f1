"""Normals kept together with a category: q(z) q(f | z), a Normal for each category.

    log q = Σ_k [z=k] (c_k + h_k·f - ½ f P_k f)
    f | z=k ~ Normal(P_k⁻¹ h_k, P_k),   logit_k = c_k + ½ h_k P_k⁻¹ h_k - ½ log det P_k

The category is one more plate of the Normals' parameters; the quadratic form at each k is eliminated as any other.
Source: Ghahramani and Beal (2000), Variational inference for Bayesian mixtures of factor analysers, section 3.
"""

from __future__ import annotations

from cavi.derive import families, functions
from cavi.derive.canonical import collect, deltas, fresh_index, multiply, normalise, substitute, sum_over
from cavi.derive.factorisation import random_atoms
from cavi.derive.families.event import xlogx
from cavi.derive.families.matrix import log_two_pi
from cavi.derive.gaussian import HALF, InverseScale, Joint, Normal, Quadratic, is_quadratic, joint
from cavi.derive.index import Literal, Sub, primed
from cavi.derive.model import Variable
from cavi.derive.optimum import Link, Optimum, Request, Stage
from cavi.derive.optimum_gaussian import isserlis
from cavi.derive.recognise import support_of
from cavi.derive.remedies import refusal
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.rules import COMPLETE_SQUARE
from cavi.derive.term import ZERO, Element, Indicator, Parameter, Polynomial, from_atom, number


def mixed(request: Request) -> Optimum | None:
    """The optimum of a block of one category and Normals."""
    block = request.block
    categories = [v for v in block.variables.values() if v.over is not None]
    names = [n for n, v in block.variables.items() if support_of(v) in ("real", "vector")]
    chained = any(v.chain is not None for v in block.variables.values())
    if len(categories) != 1 or not names or len(names) + 1 != len(block.variables) or chained or block.factor.point:
        return None
    if block.event_axes(categories[0].name):
        raise refusal(
            block.factor,
            request.conditional.averaged,
            list(block.variables),
            "one category with its Normals: the category must have no plate that the block does not have",
        )
    return _Mixed(request, categories[0], names).optimum()


class _Mixed:
    """The Normals at each value of the category, and what they leave to its logits."""

    def __init__(self, request: Request, category: Variable, names: list[str]) -> None:
        self.request, self.block, self.category = request, request.block, category
        self.plates = request.block.factor.plates
        assert category.over is not None
        self.k = category.over
        taken = {*self.plates, *(a for n in names for a in self.block.event_axes(n))}
        while self.k in taken:
            self.k = primed(self.k)
        self.binary = category.distribution is not None and category.distribution.family == "Bernoulli"
        lifted = self._lifted(request.conditional.averaged)
        inside, self.rest = _split(lifted, names)
        form = Quadratic(self.block, inside, plates=(*self.plates, self.k))
        found = joint(form, names) if is_quadratic(inside, names) else None
        if found is None:
            raise refusal(
                self.block.factor,
                request.conditional.averaged,
                names,
                "a proper quadratic form in the Normals at each value of the category",
            )
        self.found: Joint = found

    def _lifted(self, p: Polynomial) -> Polynomial:
        """The terms at the value k of the category: [z = c] becomes δ[k, c]."""
        total = ZERO
        for m in p.monomials:
            own = [a for a, _ in m.powers if isinstance(a, Indicator) and a.name == self.category.name]
            kept = collect([normalise(m.coefficient, [(a, e) for a, e in m.powers if a not in own], ())])
            at = deltas([self.k for _ in own], [a.value for a in own])
            total = total + sum_over(multiply(kept, at), m.bound)
        return total

    def probs(self, k: Sub) -> Polynomial:
        """q(z = k)."""
        if not self.binary:
            return from_atom(Parameter(self.category.name, "probs", (*self.plates, k)))
        one = from_atom(Parameter(self.category.name, "prob", self.plates))
        high, low = (deltas([k], [Literal(x, "2")]) for x in (1, 0))
        return high * one + low * (number(1) - one)

    def indicator(self, k: Sub) -> Polynomial:
        """[z = k]."""
        if not self.binary:
            return from_atom(Indicator(self.category.name, self.plates, k))
        one = from_atom(Indicator(self.category.name, self.plates, Literal(1, "2")))
        high, low = (deltas([k], [Literal(x, "2")]) for x in (1, 0))
        return high * one + low * (number(1) - one)

    def at(self, p: Polynomial, k: Sub) -> Polynomial:
        """A parameter of the Normals at a value of the category."""
        return substitute(p, {self.k: k})

    def _logits(self) -> Polynomial:
        total = self.rest
        for v in self.found.parts:
            left = [fresh_index(a.size) for a in v.axes]
            right, bound = v.other(left)
            square = v.covariance(left, right) * v.place("linear", left) * v.place("linear", right)
            total = total + (sum_over(square, [*left, *bound]) - v.logdet()).scaled(HALF)
        return total

    def optimum(self) -> Optimum:
        """The factor: the Normals' parameters first, then the category's."""
        name, k = self.category.name, self.k
        formulas = [*self.found.formulas(), Formula(name, "logits", (*self.plates, k), self._logits(), "auxiliary")]
        both = ArrayOperation("softmax", "logits")
        if self.binary:
            one = from_atom(Parameter(name, "weights", (*self.plates, Literal(1, "2"))))
            formulas += [
                Formula(name, "weights", (*self.plates, k), both, "auxiliary"),
                Formula(name, "prob", self.plates, one, "standard"),
            ]
        else:
            formulas.append(Formula(name, "probs", (*self.plates, k), both, "standard"))
        conditional = ZERO
        entropy = -sum_over(xlogx(self.probs(k)), [k])
        if self.binary:
            one = from_atom(Parameter(name, "prob", self.plates))
            entropy = -xlogx(one) - xlogx(number(1) - one)
        for v in self.found.parts:
            conditional = conditional + self._log_density(v)
            own = (v.dimension() * (log_two_pi() + number(1)) - v.logdet()).scaled(HALF)
            entropy = entropy + sum_over(self.probs(k) * own, [k])
        logits = from_atom(Parameter(name, "logits", (*self.plates, k)))
        coefficients = self.request.conditional.coefficients
        chosen = self.indicator(k)
        kinds = {v.name: "Normal" if v.scalar else "MultivariateNormal" for v in reversed(self.found.parts)}
        log_probs = self._binary_log() if self.binary else sum_over(chosen * functions.log(self.probs(k)), [k])
        return Optimum(
            families={
                **{n: families.lookup(f) for n, f in kinds.items()},
                name: families.lookup("Bernoulli" if self.binary else "Categorical"),
            },
            statistics=tuple((p.polynomial, c) for p, c in coefficients.items()),
            formulas=tuple(formulas),
            log_q=sum_over(chosen * conditional, [k]) + log_probs,
            entropy=entropy,
            moment=lambda pattern: self.moment(pattern.polynomial),
            density=self._density(kinds),
            stages=(
                Stage(
                    sum_over(chosen * (conditional + logits), [k]), COMPLETE_SQUARE, ("at each value of the category",)
                ),
            ),
        )

    def _binary_log(self) -> Polynomial:
        one = from_atom(Parameter(self.category.name, "prob", self.plates))
        chosen = from_atom(Indicator(self.category.name, self.plates, Literal(1, "2")))
        return chosen * functions.log(one) + (number(1) - chosen) * functions.log(number(1) - one)

    def _log_density(self, v: Normal) -> Polynomial:
        left = [fresh_index(a.size) for a in v.axes]
        right, bound = v.other(left)
        distance = v.matrix("precision", left, right) * self.found.residual(v, left) * self.found.residual(v, right)
        normaliser = v.logdet() - v.dimension() * log_two_pi()
        return (normaliser - sum_over(distance, [*left, *bound])).scaled(HALF)

    def _density(self, kinds: dict[str, str]) -> tuple[Link, ...]:
        name, at = self.category.name, fresh_index(self.k.size)
        if self.binary:
            first = Link(name, self.plates, (), "Bernoulli", {"prob": self.probs(Literal(1, "2"))})
        else:
            first = Link(name, self.plates, (), "Categorical", {"probs": self.probs(self.k)}, self.k)
        links = [first]
        for v in reversed(self.found.parts):
            batch = tuple(v.axes[p] for p in sorted(v.batch))
            event = tuple(v.axes[p] for p in v.joint)
            column = [primed(a) if p in v.joint else a for p, a in enumerate(v.axes)]
            mean = v.element(v.axes) - self.found.residual(v, v.axes)
            args = {"mean": mean, "precision": v.matrix("precision", v.axes, column)}
            chosen = {n: sum_over(self.indicator(at) * self.at(p, at), [at]) for n, p in args.items()}
            links.append(Link(v.name, (*self.plates, *batch), event, kinds[v.name], chosen))
        return tuple(links)

    def moment(self, pattern: Polynomial) -> Polynomial | None:
        """Σ_k q(z=k) E[Normals | k], at the category that the pattern asks for."""
        total = ZERO
        names = [v.name for v in self.found.parts]
        for m in pattern.monomials:
            own: list[Element] = []
            at = number(1)
            k = fresh_index(self.k.size)
            for a, e in m.powers:
                if isinstance(a, Indicator) and a.name == self.category.name:
                    at = at * deltas([k], [a.value])
                elif isinstance(a, Element) and a.name in names and e.denominator == 1 and e > 0:
                    own.extend([a] * int(e))
                else:
                    return None
            value = self.at(isserlis(self.block, self.found, InverseScale(), own), k)
            total = total + sum_over((at * self.probs(k) * value).scaled(m.coefficient), [k, *m.bound])
        return total


def _split(p: Polynomial, names: list[str]) -> tuple[Polynomial, Polynomial]:
    inside = [m for m in p.monomials if any(True for a in m.atoms for _ in random_atoms(a, names))]
    return Polynomial(tuple(inside)), Polynomial(tuple(m for m in p.monomials if m not in inside))
