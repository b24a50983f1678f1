"""Several categories kept together: q(z, s, …) by the chain rule q(z) q(s | z) …, one softmax after another.

log q = Σ [z=k] a_k + Σ [s=l] b_l + Σ [z=k][s=l] c_kl + … = the table t_kl…
q(s=l | z=k) = softmax over l of t_kl,   log Σ_l exp t_kl is what is left for z.
"""

from __future__ import annotations

from cavi.derive import families, functions
from cavi.derive.canonical import collect, deltas, fresh_index, multiply, normalise, substitute, sum_over
from cavi.derive.factorisation import Block
from cavi.derive.families.event import xlogx
from cavi.derive.index import Index, Literal, Sub, primed
from cavi.derive.model import Variable
from cavi.derive.optimum import Link, Optimum, Request, Stage
from cavi.derive.remedies import refusal
from cavi.derive.result import ArrayOperation, Formula
from cavi.derive.rules import SUM_OUT
from cavi.derive.term import ZERO, Indicator, Parameter, Polynomial, from_atom, number


def discrete(request: Request) -> Optimum | None:
    """The optimum of a block of several categories over the same plates."""
    block = request.block
    variables = tuple(block.variables.values())
    if len(variables) < 2 or any(v.over is None for v in variables) or block.factor.point:
        return None
    if any(block.event_axes(v.name) for v in variables):
        raise refusal(
            block.factor,
            request.conditional.averaged,
            list(block.variables),
            "a table over the categories of one element: a block of categories needs the same plates for all of them",
        )
    return _Table(request, variables).optimum()


class _Table:
    """The joint table of the categories and its chain rule, in order of declaration."""

    def __init__(self, request: Request, variables: tuple[Variable, ...]) -> None:
        self.request = request
        self.variables = variables
        self.plates = request.block.factor.plates
        self.axes: list[Index] = []
        for v in variables:
            assert v.over is not None
            index = v.over
            while index in self.axes or index in self.plates:
                index = primed(index)
            self.axes.append(index)

    def optimum(self) -> Optimum:
        """The factor: the last category is summed out first."""
        formulas: list[Formula] = []
        count = len(self.variables)
        for position in reversed(range(count)):
            name = self.variables[position].name
            axes = (*self.plates, *self.axes[: position + 1])
            value = self.table() if position == count - 1 else ArrayOperation("logsumexp", "logits")
            source = name if position == count - 1 else self.variables[position + 1].name
            if position == count - 1:
                formulas.append(Formula(name, "logits", axes, value, "auxiliary"))
            else:
                formulas.append(Formula(source, "log_total", axes, value, "auxiliary"))
                left = from_atom(Parameter(source, "log_total", axes))
                formulas.append(Formula(name, "logits", axes, left, "auxiliary"))
            formulas.append(Formula(name, "probs", axes, ArrayOperation("softmax", "logits"), "standard"))
        log_q, entropy = ZERO, ZERO
        for position in range(count):
            here = self.axes[: position + 1]
            log_q = log_q + self.chosen(position, functions.log(self.probs(position, here)))
            before = self.marginal(self.axes[:position])
            entropy = entropy - sum_over(before * xlogx(self.probs(position, here)), here)
        return Optimum(
            families={v.name: families.lookup("Categorical") for v in self.variables},
            statistics=tuple((p.polynomial, c) for p, c in self.request.conditional.coefficients.items()),
            formulas=tuple(formulas),
            log_q=log_q,
            entropy=entropy,
            moment=lambda pattern: self.moment(pattern.polynomial),
            density=tuple(self.link(p) for p in range(count)),
            stages=tuple(Stage(self.stage(p), SUM_OUT) for p in range(count - 1, 0, -1)),
        )

    def stage(self, position: int) -> Polynomial:
        """The later categories given those before them, and the logits that are left for these."""
        total = ZERO
        for p in range(position, len(self.variables)):
            total = total + self.chosen(p, functions.log(self.probs(p, self.axes[: p + 1])))
        name = self.variables[position - 1].name
        left = from_atom(Parameter(name, "logits", (*self.plates, *self.axes[:position])))
        return total + self.chosen(position - 1, left)

    def chosen(self, position: int, value: Polynomial) -> Polynomial:
        """A table over the first categories at those that are taken."""
        product = value
        for w, axis in zip(self.variables[: position + 1], self.axes, strict=False):
            product = product * self.indicator(w, axis)
        return sum_over(product, self.axes[: position + 1])

    def indicator(self, v: Variable, value: Sub) -> Polynomial:
        """[v = value]; a binary latent is the indicator of its value one."""
        if v.over is not None and v.over.size == "2" and isinstance(value, Index):
            one = from_atom(Indicator(v.name, self.plates, Literal(1, "2")))
            if v.distribution is not None and v.distribution.family == "Bernoulli":
                high, low = (deltas([value], [Literal(x, "2")]) for x in (1, 0))
                return high * one + low * (number(1) - one)
        return from_atom(Indicator(v.name, self.plates, value))

    def table(self) -> Polynomial:
        """Σ of all coefficients, at one category of each latent."""
        block: Block = self.request.block
        total = ZERO
        for m in self.request.conditional.averaged.monomials:
            places: list[tuple[Index, Sub]] = []
            rest = []
            for a, e in m.powers:
                if isinstance(a, Indicator) and a.name in block.variables:
                    places.append((self.axes[[v.name for v in self.variables].index(a.name)], a.value))
                else:
                    rest.append((a, e))
            if not places:
                continue
            piece = multiply(
                collect([normalise(m.coefficient, rest, ())]), deltas([a for a, _ in places], [s for _, s in places])
            )
            total = total + sum_over(piece, m.bound)
        return total

    def probs(self, position: int, subs: list[Index] | list[Sub]) -> Polynomial:
        """q of one category given those before it."""
        return from_atom(Parameter(self.variables[position].name, "probs", (*self.plates, *subs)))

    def marginal(self, subs: list[Index] | list[Sub]) -> Polynomial:
        """q of the first categories together."""
        product = number(1)
        for position in range(len(subs)):
            product = product * self.probs(position, list(subs[: position + 1]))
        return product

    def moment(self, pattern: Polynomial) -> Polynomial | None:
        """The probability of some categories together, the others summed out."""
        if len(pattern.monomials) != 1:
            return None
        wanted: dict[str, Sub] = {}
        for a, e in pattern.monomials[0].powers:
            if not isinstance(a, Indicator) or e != 1:
                return None
            wanted[a.name] = a.value
        last = max(p for p, v in enumerate(self.variables) if v.name in wanted)
        subs: list[Sub] = []
        bound: list[Index] = []
        for v, axis in zip(self.variables[: last + 1], self.axes, strict=False):
            if v.name not in wanted:
                bound.append(fresh_index(axis.size))
            subs.append(wanted.get(v.name, bound[-1] if bound else axis))
        return sum_over(self.marginal(subs), bound)

    def link(self, position: int) -> Link:
        """One category given those before it, as a distribution."""
        v = self.variables[position]
        before = self.axes[:position]
        bound = [fresh_index(a.size) for a in before]
        value = self.probs(position, [*bound, self.axes[position]])
        for w, b in zip(self.variables[:position], bound, strict=True):
            value = value * self.indicator(w, b)
        value = sum_over(value, bound)
        if v.distribution is not None and v.distribution.family == "Bernoulli":
            one = substitute(value, {self.axes[position]: Literal(1, "2")})
            return Link(v.name, self.plates, (), "Bernoulli", {"prob": one})
        return Link(v.name, self.plates, (), "Categorical", {"probs": value}, over=self.axes[position])
