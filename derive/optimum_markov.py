"""A chain of categories: forward elimination of z[t-1] given z[t], then the marginals from the last element back.

    forward   a_t(l) = logits_t(l) + log Σ_k exp(a_{t-1}(k) + pair_t(k, l))
    kernel    q(z_t = k | z_{t+1} = l) = softmax over k of a_t(k) + pair_{t+1}(k, l)
    backward  q(z_t = k) = Σ_l q(z_t = k | z_{t+1} = l) q(z_{t+1} = l)

The last element of a sequence has q(z_T) = softmax a_T. Source: Rabiner (1989), section III; Beal (2003), section 3.3.
"""

from __future__ import annotations

from cavi.derive import families, functions
from cavi.derive.canonical import collect, deltas, fresh_index, multiply, normalise, substitute, sum_over
from cavi.derive.families.event import xlogx
from cavi.derive.index import Index, Shift, Sub, primed, shifted
from cavi.derive.log_joint import linked_at
from cavi.derive.model import Variable
from cavi.derive.optimum import Backward, Link, Optimum, Request, Stage
from cavi.derive.remedies import refusal
from cavi.derive.result import Along, ArrayOperation, Formula
from cavi.derive.rules import FORWARD_ELIMINATION, POTENTIALS
from cavi.derive.term import ZERO, Indicator, Monomial, Parameter, Polynomial, from_atom, number


def markov(request: Request) -> Optimum | None:
    """The optimum of a chain of categories that the factor keeps together."""
    block = request.block
    if len(block.variables) != 1 or block.factor.point:
        return None
    (variable,) = block.variables.values()
    if variable.over is None or variable.chain is None or variable.chain.index not in block.event_axes(variable.name):
        return None
    if block.event_axes(variable.name) != (variable.chain.index,):
        raise refusal(
            block.factor, request.conditional.averaged, [variable.name], "a chain of categories along one index only"
        )
    return _Chain(request, variable).optimum()


class _Chain:
    """The potentials of one element and of neighbours, and what follows from them."""

    def __init__(self, request: Request, variable: Variable) -> None:
        assert variable.chain is not None and variable.over is not None
        self.request, self.variable, self.name = request, variable, variable.name
        self.plates = request.block.factor.plates
        self.t = variable.chain.index
        self.k = variable.over
        self.after = primed(self.k)
        self.linked = linked_at(variable.chain)
        self.next_linked = substitute(self.linked, {self.t: shifted(self.t, 1)})

    def parameter(self, name: str, *subs: Sub) -> Polynomial:
        """A parameter at the factor's plates."""
        return from_atom(Parameter(self.name, name, (*self.plates, *subs)))

    def potentials(self) -> tuple[Polynomial, Polynomial]:
        """Coefficients of [z_t = k], and of [z_{t-1} = k][z_t = l].

        Raises:
            NonConjugateError: for a term that ties elements together that are not neighbours.
        """
        block = self.request.block
        single, pair = ZERO, ZERO
        for m in self.request.conditional.averaged.monomials:
            own = [a for a, _ in m.powers if isinstance(a, Indicator) and a.name == self.name]
            if not own:
                continue
            rest = [(a, e) for a, e in m.powers if a not in own]
            places = [block.event_subs(a) for a in own]
            piece = collect([normalise(m.coefficient, rest, ())])
            if len(own) == 1:
                ((when, what),) = places
                total = sum_over(multiply(piece, deltas([self.t, self.k], [when, what])), m.bound)
                single = single + total
                continue
            places.sort(key=lambda p: isinstance(p[0], Shift))
            if len(own) > 2 or places[1][0] != shifted(places[0][0], -1):
                raise refusal(
                    block.factor, Polynomial((m,)), [self.name], "between neighbours of the chain, which alone it keeps"
                )
            (when, after), (_, before) = places
            pair = pair + self._pair(m, piece, when, before, after)
        return single, pair

    def _pair(self, m: Monomial, piece: Polynomial, when: Sub, before: Sub, after: Sub) -> Polynomial:
        return sum_over(multiply(piece, deltas([self.t, self.k, self.after], [when, before, after])), m.bound)

    def optimum(self) -> Optimum:
        """The factor, its messages and its marginals."""
        single, pair = self.potentials()
        t, k, after, plates, name = self.t, self.k, self.after, self.plates, self.name
        previous, following = shifted(t, -1), shifted(t, 1)
        forward: Along = (t, "forward")
        backward: Along = (t, "backward")
        weights = self.linked * (self.parameter("forward", previous, k) + self.parameter("pair", t, k, after))
        message = self.linked * self.parameter("message", t, k) + self.parameter("logits", t, k)
        transition = self.parameter("forward", t, k) + self.next_linked * self.parameter("pair", following, k, after)
        later = fresh_index(k.size)
        chain = sum_over(self.parameter("kernel", t, later, k) * self.parameter("probs", following, later), [later])
        last = (number(1) - self.next_linked) * self.parameter("filtered", t, k)
        marginal = last + self.next_linked * chain
        formulas = (
            Formula(name, "logits", (*plates, t, k), single, "auxiliary"),
            Formula(name, "pair", (*plates, t, k, after), pair, "auxiliary"),
            Formula(name, "weights", (*plates, t, after, k), weights, "auxiliary", forward),
            Formula(name, "message", (*plates, t, after), ArrayOperation("logsumexp", "weights"), "auxiliary", forward),
            Formula(name, "forward", (*plates, t, k), message, "auxiliary", forward),
            Formula(name, "filtered", (*plates, t, k), ArrayOperation("softmax", "forward"), "standard"),
            Formula(name, "transition", (*plates, t, after, k), transition, "auxiliary"),
            Formula(name, "kernel", (*plates, t, after, k), ArrayOperation("softmax", "transition"), "standard"),
            Formula(name, "probs", (*plates, t, k), marginal, "marginal", backward),
        )
        return Optimum(
            families={name: families.lookup("Categorical")},
            statistics=tuple((p.polynomial, c) for p, c in self.request.conditional.coefficients.items()),
            formulas=formulas,
            log_q=self.log_q(),
            entropy=self.entropy(),
            moment=lambda pattern: self.moment(pattern.polynomial),
            density=(self.link(),),
            stages=(
                Stage(self.form(), POTENTIALS, (), "="),
                Stage(
                    self.log_q(),
                    FORWARD_ELIMINATION,
                    ("the message to an element is the log of the sum over the one before it",),
                ),
            ),
            from_marginals=(
                Formula(name, "filtered", (*plates, t, k), self.parameter("probs", t, k), "standard"),
                Formula(name, "kernel", (*plates, t, after, k), self.parameter("probs", t, k), "standard"),
            ),
        )

    def form(self) -> Polynomial:
        """Σ_t logits_t(z_t) + Σ_t pair_t(z_{t-1}, z_t)."""
        t, k, after = self.t, self.k, self.after
        here = from_atom(Indicator(self.name, self._at(t), k))
        there = from_atom(Indicator(self.name, self._at(t), after))
        before = from_atom(Indicator(self.name, self._at(shifted(t, -1)), k))
        single = sum_over(here * self.parameter("logits", t, k), [t, k])
        pair = sum_over(self.linked * before * there * self.parameter("pair", t, k, after), [t, k, after])
        return single + pair

    def log_q(self) -> Polynomial:
        """Σ_t log q(z_t | z_{t+1}), and log q of the last elements."""
        t, k, after = self.t, self.k, self.after
        here = from_atom(Indicator(self.name, self._at(t), k))
        there = from_atom(Indicator(self.name, self._at(shifted(t, 1)), after))
        inner = sum_over(here * there * functions.log(self.parameter("kernel", t, after, k)), [k, after])
        last = sum_over(here * functions.log(self.parameter("filtered", t, k)), [k])
        return sum_over(self.next_linked * inner + (number(1) - self.next_linked) * last, [t])

    def _at(self, when: Sub) -> tuple[Sub, ...]:
        by_plate = iter(self.plates)
        return tuple(when if i == self.t else next(by_plate) for i in self.variable.indices)

    def entropy(self) -> Polynomial:
        """Σ_t E[H(z_t | z_{t+1})], and the entropy of the last elements."""
        t, k, after = self.t, self.k, self.after
        inner = sum_over(
            self.parameter("probs", shifted(t, 1), after) * xlogx(self.parameter("kernel", t, after, k)), [k, after]
        )
        last = sum_over(xlogx(self.parameter("filtered", t, k)), [k])
        return -sum_over(self.next_linked * inner + (number(1) - self.next_linked) * last, [t])

    def moment(self, pattern: Polynomial) -> Polynomial | None:
        """E[[z_t = k]], and E[[z_{t-1} = k][z_t = l]] where t has one before it."""
        if len(pattern.monomials) != 1:
            return None
        atoms = [a for a, _ in pattern.monomials[0].powers if isinstance(a, Indicator)]
        block = self.request.block
        places = [block.event_subs(a) for a in atoms]
        if len(places) == 1:
            ((when, what),) = places
            return self.parameter("probs", when, what)
        if len(places) != 2:
            return None
        places.sort(key=lambda p: isinstance(p[0], Shift))
        (when, after), (earlier, before) = places
        if earlier != shifted(when, -1):
            return None
        return self.parameter("kernel", earlier, after, before) * self.parameter("probs", when, after)

    def link(self) -> Link:
        """The chain as it would be sampled: from the last element back."""
        chosen = fresh_index(self.k.size)
        after = from_atom(Indicator(self.name, self._at(shifted(self.t, 1)), chosen))
        probs = sum_over(after * self.parameter("kernel", self.t, chosen, self.k), [chosen])
        last = {"probs": self.parameter("filtered", self.t, self.k)}
        return Link(
            self.name,
            tuple(i for i in self.variable.indices),
            (),
            "Categorical",
            {"probs": probs},
            over=self.k,
            chain=Backward(self.t, self.next_linked, last),
        )


__all__ = ["Index", "markov"]
