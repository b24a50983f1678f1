"""A chain of Normal vectors (or numbers): the Kalman filter and the Rauch-Tung-Striebel smoother, by elimination.

With log q = Σ_t h_t·x_t - ½ x_t P_t x_t + x_{t-1} B_t x_t, eliminating x_{t-1} given x_t leaves for x_t

    J_t = P_t - B_tᵀ J_{t-1}⁻¹ B_t,    g_t = h_t + B_tᵀ J_{t-1}⁻¹ g_{t-1}

    x_t | x_{t+1} ~ Normal(J_t⁻¹ (g_t + B_{t+1} x_{t+1}), J_t)

and from the last element back, with c_t = J_t⁻¹ g_t and the gain G_t = J_t⁻¹ B_{t+1},

    m_t = c_t + G_t m_{t+1},    V_t = J_t⁻¹ + G_t V_{t+1} G_tᵀ,    cov(x_t, x_{t+1}) = G_t V_{t+1}.
 Source: Beal (2003), section 5.3; Bishop (2006), section 13.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cavi.derive import families, functions
from cavi.derive.canonical import collect, deltas, fresh_index, multiply, normalise, substitute, sum_over
from cavi.derive.families.matrix import log_two_pi
from cavi.derive.gaussian import is_quadratic
from cavi.derive.index import Index, Shift, Sub, primed, shifted
from cavi.derive.log_joint import linked_at
from cavi.derive.model import Variable
from cavi.derive.optimum import Backward, Link, Optimum, Request, Stage
from cavi.derive.recognise import support_of
from cavi.derive.remedies import refusal
from cavi.derive.result import Along, ArrayOperation, Formula
from cavi.derive.rules import FORWARD_ELIMINATION, POTENTIALS
from cavi.derive.term import ZERO, Atom, Element, Monomial, Parameter, Polynomial, from_atom, number

HALF = Fraction(1, 2)
Subs = tuple[Sub, ...]


def kalman(request: Request) -> Optimum | None:
    """The optimum of a chain of Normals that the factor keeps together."""
    block = request.block
    if len(block.variables) != 1 or block.factor.point:
        return None
    (variable,) = block.variables.values()
    axes = block.event_axes(variable.name)
    if variable.chain is None or variable.chain.index not in axes or support_of(variable) not in ("real", "vector"):
        return None
    if not is_quadratic(request.conditional.averaged, [variable.name]):
        raise refusal(
            block.factor,
            request.conditional.averaged,
            [variable.name],
            "linear or quadratic in the elements of a chain",
        )
    return _Chain(request, variable).optimum()


class _Chain:
    """Potentials of single elements and of neighbours, and what follows from them.

    `axes` are those of one element along the chain, `wide` the same primed; a chain of numbers has none.
    """

    def __init__(self, request: Request, variable: Variable) -> None:
        assert variable.chain is not None
        self.request, self.variable, self.name = request, variable, variable.name
        self.block, self.plates = request.block, request.block.factor.plates
        self.t = variable.chain.index
        self.axes = tuple(a for a in self.block.event_axes(self.name) if a != self.t)
        self.wide = tuple(primed(a) for a in self.axes)
        self.linked = linked_at(variable.chain)
        self.next_linked = substitute(self.linked, {self.t: shifted(self.t, 1)})

    def parameter(self, name: str, *subs: Sub, symmetric: bool = False) -> Polynomial:
        """A parameter at the factor's plates."""
        return from_atom(Parameter(self.name, name, (*self.plates, *subs), len(self.axes) if symmetric else 0))

    def fresh(self) -> list[Index]:
        """Summed indices over the axes of one element."""
        return [fresh_index(a.size) for a in self.axes]

    def place(self, atom: Atom) -> tuple[Sub, Subs]:
        """When an element stands, and where."""
        assert isinstance(atom, Element)
        subs = self.block.event_subs(atom)
        position = self.block.event_axes(self.name).index(self.t)
        return subs[position], subs[:position] + subs[position + 1 :]

    def potentials(self) -> tuple[Polynomial, Polynomial, Polynomial]:
        """h_t, P_t and B_t.

        Raises:
            NonConjugateError: for a term that ties elements together that are not neighbours.
        """
        linear, square, cross = ZERO, ZERO, ZERO
        for m in self.request.conditional.averaged.monomials:
            own = [(self.place(a), e) for a, e in m.powers if isinstance(a, Element) and a.name == self.name]
            if not own:
                continue
            places = [p for p, e in own for _ in range(int(e))]
            rest = [(a, e) for a, e in m.powers if not (isinstance(a, Element) and a.name == self.name)]
            piece = collect([normalise(m.coefficient, rest, ())])
            if len(places) == 1:
                linear = linear + self._opened(m, piece, places[0][0], self.axes, places[0][1])
                continue
            places.sort(key=lambda p: isinstance(p[0], Shift))
            (when, after), (other, before) = places
            if other == when:
                square = square + self._opened(m, piece, when, (*self.axes, *self.wide), (*after, *before))
            elif other == shifted(when, -1):
                cross = cross + self._opened(m, piece, when, (*self.axes, *self.wide), (*before, *after))
            else:
                raise refusal(
                    self.block.factor,
                    Polynomial((m,)),
                    [self.name],
                    "between neighbours of the chain, which alone it keeps",
                )
        swap: dict[Index, Sub] = {
            **dict(zip(self.axes, self.wide, strict=True)),
            **dict(zip(self.wide, self.axes, strict=True)),
        }
        return linear, -(square + substitute(square, swap)), cross

    def _opened(
        self, m: Monomial, piece: Polynomial, when: Sub, axes: Sequence[Index], subs: Sequence[Sub]
    ) -> Polynomial:
        return sum_over(multiply(piece, deltas([self.t, *axes], [when, *subs])), m.bound)

    def covariance(self, when: Sub, left: Sequence[Sub], right: Sequence[Sub]) -> Polynomial:
        """J_t⁻¹."""
        return self.parameter("conditional_covariance", when, *left, *right, symmetric=True)

    def optimum(self) -> Optimum:
        """The factor: forward elimination, then means and covariances from the last element back."""
        linear, square, cross = self.potentials()
        t, a, w, plates, name = self.t, self.axes, self.wide, self.plates, self.name
        before, after = shifted(t, -1), shifted(t, 1)
        forward: Along = (t, "forward")
        backward: Along = (t, "backward")
        here, matrix = (*plates, t, *a), (*plates, t, *a, *w)
        i, j = self.fresh(), self.fresh()
        between = self.covariance(before, i, j)
        precision = self.parameter("diagonal", t, *a, *w, symmetric=True) - self.linked * sum_over(
            self.parameter("cross", t, *i, *a) * between * self.parameter("cross", t, *j, *w), [*i, *j]
        )
        filtered = self.parameter("linear", t, *a) + self.linked * sum_over(
            self.parameter("cross", t, *i, *a) * self.parameter("offset", before, *i), i
        )
        offset = sum_over(self.covariance(t, a, i) * self.parameter("information", t, *i), i)
        gain = self.next_linked * sum_over(self.covariance(t, a, i) * self.parameter("cross", after, *i, *w), i)
        mean = self.parameter("offset", t, *a) + self.next_linked * sum_over(
            self.parameter("gain", t, *a, *i) * self.parameter("mean", after, *i), i
        )
        spread = self.covariance(t, a, w) + self.next_linked * sum_over(
            self.parameter("gain", t, *a, *i)
            * self.parameter("covariance", after, *i, *j, symmetric=True)
            * self.parameter("gain", t, *w, *j),
            [*i, *j],
        )
        lag = self.next_linked * sum_over(
            self.parameter("gain", t, *a, *i) * self.parameter("covariance", after, *i, *w, symmetric=True), i
        )
        formulas = [
            Formula(name, "linear", here, linear, "auxiliary"),
            Formula(name, "diagonal", matrix, square, "auxiliary"),
            Formula(name, "cross", matrix, cross, "auxiliary"),
            Formula(name, "precision", matrix, precision, "standard", forward),
        ]
        inverse: ArrayOperation | Polynomial = functions.reciprocal(self.parameter("precision", t))
        if a:
            inverse = ArrayOperation("inverse", "precision", len(a))
        formulas += [
            Formula(name, "conditional_covariance", matrix, inverse, "derived", forward),
            Formula(name, "information", here, filtered, "auxiliary", forward),
            Formula(name, "offset", here, offset, "standard", forward),
            Formula(name, "gain", matrix, gain, "standard"),
        ]
        if a:
            logdet = ArrayOperation("logdet", "precision", len(a))
            formulas.append(Formula(name, "logdet_precision", (*plates, t), logdet, "derived"))
        formulas += [
            Formula(name, "mean", here, mean, "marginal", backward),
            Formula(name, "covariance", matrix, spread, "marginal", backward),
            Formula(name, "lag_covariance", matrix, lag, "derived"),
        ]
        return Optimum(
            families={name: families.lookup("MultivariateNormal" if a else "Normal")},
            statistics=tuple((p.polynomial, c) for p, c in self.request.conditional.coefficients.items()),
            formulas=tuple(formulas),
            log_q=self.log_q(),
            entropy=self.entropy(),
            moment=lambda pattern: self.moment(pattern.polynomial),
            density=(self.link(),),
            stages=(
                Stage(self.form(), POTENTIALS, (), "="),
                Stage(
                    self.log_q(),
                    FORWARD_ELIMINATION,
                    ("the message to an element is Normal: a precision and a linear coefficient",),
                ),
            ),
            from_marginals=self.from_marginals(here, matrix),
            way_back=self.way_back(here, matrix),
        )

    def way_back(self, here: tuple[Index, ...], matrix: tuple[Index, ...]) -> tuple[Formula, ...]:
        """h_t = J_t c_t - G_{t-1}ᵀ J_{t-1} c_{t-1}, P_t = J_t + G_{t-1}ᵀ J_{t-1} G_{t-1}, B_t = J_{t-1} G_{t-1}."""
        t, a, w, i, j = self.t, self.axes, self.wide, self.fresh(), self.fresh()
        before = shifted(t, -1)

        def precision(when: Sub, left: Sequence[Sub], right: Sequence[Sub]) -> Polynomial:
            return self.parameter("precision", when, *left, *right, symmetric=True)

        def gained(column: Sequence[Sub]) -> Polynomial:
            return self.parameter("gain", before, *i, *column) * precision(before, i, j)

        linear = sum_over(precision(t, a, j) * self.parameter("offset", t, *j), j) - self.linked * sum_over(
            gained(a) * self.parameter("offset", before, *j), [*i, *j]
        )
        square = precision(t, a, w) + self.linked * sum_over(
            gained(a) * self.parameter("gain", before, *j, *w), [*i, *j]
        )
        cross = self.linked * sum_over(precision(before, a, j) * self.parameter("gain", before, *j, *w), j)
        return (
            Formula(self.name, "linear", here, linear, "auxiliary"),
            Formula(self.name, "diagonal", matrix, square, "auxiliary"),
            Formula(self.name, "cross", matrix, cross, "auxiliary"),
        )

    def from_marginals(self, here: tuple[Index, ...], matrix: tuple[Index, ...]) -> tuple[Formula, ...]:
        """Independent elements with the given means and covariances."""
        covariance = self.parameter("covariance", self.t, *self.axes, *self.wide, symmetric=True)
        inverse = ArrayOperation("inverse", "covariance", len(self.axes))
        return (
            Formula(self.name, "offset", here, self.parameter("mean", self.t, *self.axes), "standard"),
            Formula(self.name, "gain", matrix, ZERO, "standard"),
            Formula(
                self.name, "precision", matrix, inverse if self.axes else functions.reciprocal(covariance), "standard"
            ),
        )

    def dimension(self) -> Polynomial:
        """The number of elements at one position."""
        total = number(1)
        for a in self.axes:
            total = total * functions.size_of(a)
        return total

    def logdet(self) -> Polynomial:
        """log det J_t."""
        if not self.axes:
            return functions.log(self.parameter("precision", self.t))
        return self.parameter("logdet_precision", self.t)

    def element(self, when: Sub, subs: Sequence[Sub]) -> Polynomial:
        """One element of the chain."""
        places = iter(subs)
        event = [when if a == self.t else next(places) for a in self.block.event_axes(self.name)]
        atom = Element(self.name, tuple(self.variable.indices))
        return from_atom(self.block.with_subs(atom, self.plates, event))

    def conditional_mean(self, subs: Sequence[Sub]) -> Polynomial:
        """c_t + G_t x_{t+1}."""
        i = self.fresh()
        after = sum_over(self.parameter("gain", self.t, *subs, *i) * self.element(shifted(self.t, 1), i), i)
        return self.parameter("offset", self.t, *subs) + self.next_linked * after

    def form(self) -> Polynomial:
        """Σ_t h_t·x_t - ½ x_t P_t x_t + x_{t-1} B_t x_t."""
        t, i, j = self.t, self.fresh(), self.fresh()
        linear = sum_over(self.parameter("linear", t, *i) * self.element(t, i), [t, *i])
        square = self.parameter("diagonal", t, *i, *j, symmetric=True) * self.element(t, i) * self.element(t, j)
        cross = self.linked * self.parameter("cross", t, *i, *j) * self.element(shifted(t, -1), i) * self.element(t, j)
        return linear - sum_over(square, [t, *i, *j]).scaled(HALF) + sum_over(cross, [t, *i, *j])

    def log_q(self) -> Polynomial:
        """Σ_t log q(x_t | x_{t+1})."""
        i, j = self.fresh(), self.fresh()
        left = self.element(self.t, i) - self.conditional_mean(i)
        right = self.element(self.t, j) - self.conditional_mean(j)
        distance = sum_over(self.parameter("precision", self.t, *i, *j, symmetric=True) * left * right, [*i, *j])
        one = self.logdet() - self.dimension() * log_two_pi() - distance
        return sum_over(one, [self.t]).scaled(HALF)

    def entropy(self) -> Polynomial:
        """½ Σ_t (D log 2πe - log det J_t)."""
        one = self.dimension() * (log_two_pi() + number(1)) - self.logdet()
        return sum_over(one, [self.t]).scaled(HALF)

    def moment(self, pattern: Polynomial) -> Polynomial | None:
        """E[x_t], E[x_t x_tᵀ], E[x_{t-1} x_tᵀ]."""
        if len(pattern.monomials) != 1 or not is_quadratic(pattern, [self.name]):
            return None
        places = [self.place(a) for a, e in pattern.monomials[0].powers for _ in range(int(e))]
        mean = number(1)
        for when, subs in places:
            mean = mean * self.parameter("mean", when, *subs)
        if len(places) == 1:
            return mean
        places.sort(key=lambda p: isinstance(p[0], Shift))
        (when, first), (other, second) = places
        if other == when:
            return mean + self.parameter("covariance", when, *first, *second, symmetric=True)
        if other == shifted(when, -1):
            return mean + self.parameter("lag_covariance", other, *second, *first)
        return None

    def link(self) -> Link:
        """The chain as it would be sampled: from the last element back."""
        family = "MultivariateNormal" if self.axes else "Normal"
        precision = self.parameter("precision", self.t, *self.axes, *self.wide, symmetric=True)
        args = {"mean": self.conditional_mean(self.axes), "precision": precision}
        last = {"mean": self.parameter("offset", self.t, *self.axes), "precision": precision}
        plates = tuple(i for i in self.variable.indices if i not in self.axes)
        return Link(self.name, plates, self.axes, family, args, chain=Backward(self.t, self.next_linked, last))
