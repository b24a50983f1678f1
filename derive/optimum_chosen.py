r"""Normal factors that are chosen, not optimal: terms c f(u) with u affine in the latent that keep it from being one.

Every method replaces such a term by a quadratic function of the latent with a slope G and a curvature H,

    c f(u)  →  c ((G - H E[u]) u + ½ H u²),

and takes the optimal, Normal factor of what results; H, G and E[u] are those of the present factor, so that a step is
repeated until it changes nothing.

    cvi      G = E[f'(u)],              H = E[f''(u)]     a step of the natural gradient of the bound, of length one
    laplace  G = f'(E[u]),              H = f''(E[u])     Newton's method for the mode of the expected log joint
    delta    G = f'(E[u]) + ½ f'''(E[u]) V[u],  H = f''(E[u])     the same for the bound by E[f(u)] ≈ f + ½ f'' V[u]

With cvi the expectations are exact (in closed form for f = exp, else by quadrature in one dimension), and the bound is
one. With the other two E[f(u)] is f + ½ f'' V[u] at the mean, and the bound is approximated.
Sources: Khan and Lin (2017), section 3; Wang and Blei (2013), sections 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.along import along_one
from cavi.derive.canonical import collect, multiply, normalise, rewrite, sum_over
from cavi.derive.conditional import by_statistic
from cavi.derive.derivation import Rule
from cavi.derive.derivatives import HALF, PLACEHOLDER, at, contains, derivative, has_placeholder, split
from cavi.derive.errors import ApproximationError, NonConjugateError
from cavi.derive.expectation import Expectation, Pattern, localise
from cavi.derive.factorisation import Block, random_atoms
from cavi.derive.gaussian import Quadratic, is_quadratic
from cavi.derive.index import Index
from cavi.derive.methods import CVI, DELTA, LAPLACE, WORDS
from cavi.derive.natural import Natural
from cavi.derive.optimum import Optimum, Request, Stage
from cavi.derive.optimum_gaussian import gaussian
from cavi.derive.optimum_kalman import kalman
from cavi.derive.optimum_scalar import scalar
from cavi.derive.recognise import support_of
from cavi.derive.result import Projected
from cavi.derive.rules import CONJUGATE_COMPUTATION, DELTA_METHOD, MODE_AND_CURVATURE, QUADRATIC_FORM
from cavi.derive.term import ZERO, Atom, Element, Function, Moment, Monomial, Parameter, Polynomial, from_atom, number
from cavi.derive.text import show

RULES: Mapping[str, Rule] = {CVI: CONJUGATE_COMPUTATION, LAPLACE: MODE_AND_CURVATURE, DELTA: DELTA_METHOD}


@dataclass(frozen=True)
class Term:
    """A term c f(u): the function of the placeholder, its argument, and what it is multiplied by."""

    function: Polynomial
    argument: Polynomial
    outside: Polynomial
    bound: tuple[Index, ...]

    @property
    def is_beside_others(self) -> bool:
        """Whether expectations of other factors stand in it, so that its own are functions of these too."""
        return any(
            isinstance(a, Moment) or (isinstance(a, Function) and a.name == "normal_mean")
            for p in (self.function, self.argument)
            for a in p.atoms()
        )


def chosen(request: Request) -> Optimum | None:
    """The Normal factor of a latent for which one was asked.

    Raises:
        ApproximationError: where the latent is not real, or a term is no function of an affine argument.
    """
    block = request.block
    methods = {m for n in block.variables if (m := request.approximate.get(n)) in RULES and m is not None}
    if not methods:
        return None
    (method,) = methods
    names = _real(request, method)
    plain, terms = _divided(request, names, method)
    step = _Step(method, request.expectation)
    surrogate = plain
    for t in terms:
        surrogate = surrogate + step.quadratic(t)
    # Points inside a function have stayed there, and come out of it with the argument.
    surrogate = request.expectation.of(surrogate, block)
    try:
        base = _optimum_of(surrogate, request)
    except NonConjugateError as error:
        raise ApproximationError(f"approximate={{{block.factor.name!r}: {method!r}}}: {error}") from None
    if not {str(f) for f in base.families.values()} <= {"Normal", "MultivariateNormal"}:
        family = ", ".join(map(str, base.families.values()))
        raise ApproximationError(
            f"approximate={{{block.factor.name!r}: {method!r}}}: with its terms replaced by quadratic ones the factor "
            f"is {family}; expected a Normal one, whose prior is quadratic too"
        )
    points = tuple(n for b in request.expectation.blocks if b.factor.point for n in b.variables)
    known = _Known(block, base, method, {}, {}, points)
    for t in terms:
        if not t.is_beside_others:
            known.add(t)
    return replace(
        base,
        moment=known.moment,
        integral=known.integral if known.numeric else None,
        stages=(Stage(surrogate, RULES[method], (WORDS[method],), "→"), *base.stages),
        chosen=method,
        height=_at_mean(request.conditional.averaged, block, base) if method == LAPLACE else None,
    )


def _optimum_of(form: Polynomial, request: Request) -> Optimum:
    """The Normal factor of a quadratic form, by its natural parameters where it is more than a mean and a precision."""
    block = request.block
    names = tuple(block.variables)

    def given(averaged: Polynomial) -> Request:
        cond = replace(request.conditional, averaged=averaged, coefficients=by_statistic(block, names, averaged))
        return replace(request, conditional=cond, approximate={})

    if not block.is_joint:
        whole = given(form)
        return kalman(whole) or gaussian(whole) or scalar(whole)
    if not is_quadratic(form, names):
        return scalar(given(form))  # which refuses it
    natural = Natural(Quadratic(block, form), names)
    first = gaussian(given(natural.form())) or scalar(given(form))
    natural = natural.known_as(first.formulas)
    named = natural.form()
    base = gaussian(given(named)) or first
    return replace(
        base,
        statistics=tuple((p.polynomial, c) for p, c in by_statistic(block, names, form).items()),
        formulas=(*natural.read(form), *natural.beside(base.formulas)),
        stages=(Stage(named, QUADRATIC_FORM, (), "="), *base.stages),
        way_back=natural.read(base.log_q),
    )


def _at_mean(p: Polynomial, block: Block, base: Optimum) -> Polynomial:
    """The expected log joint at the mean of the factor: what Newton's method raises."""

    def mean(atom: Element) -> Polynomial:
        value = base.moment(Pattern(((atom, Fraction(1)),), block.factor.plates))
        assert value is not None
        return value

    return _at(p, tuple(block.variables), mean)


def _at_values(p: Polynomial, points: tuple[str, ...]) -> Polynomial:
    """What has points in it, at their values."""
    return at_parameter(p, points, "value")


def at_parameter(p: Polynomial, names: Collection[str], parameter: str) -> Polynomial:
    """Elements of some latents replaced by a parameter of their factor, inside functions too."""
    return _at(p, names, lambda atom: from_atom(Parameter(atom.name, parameter, atom.subs)))


def _at(p: Polynomial, names: Collection[str], value_of: Callable[[Element], Polynomial]) -> Polynomial:
    """Elements of some latents replaced by what stands for them, inside functions too."""

    def rule(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if isinstance(atom, Element) and atom.name in names:
            return functions.raise_to(value_of(atom), number(exponent))
        if isinstance(atom, Function) and any(True for _ in random_atoms(atom, names)):
            value = functions.apply(atom.name, *(_at(a, names, value_of) for a in atom.args))
            return functions.raise_to(value, number(exponent))
        return None

    return rewrite(p, rule)


def _real(request: Request, method: str) -> tuple[str, ...]:
    """The latents of the factor.

    Raises:
        ApproximationError: where one of them is not real.
    """
    factor = request.block.factor
    asked = f"approximate={{{factor.name!r}: {method!r}}}"
    for variable in request.block.variables.values():
        if support_of(variable) not in ("real", "vector") or factor.point:
            raise ApproximationError(
                f"{asked}: {variable.name} has the support {support_of(variable)}; expected real numbers, as a Normal "
                "has; for one positive number or probability take 'quadrature'"
            )
    return tuple(request.block.variables)


def _divided(request: Request, names: tuple[str, ...], method: str) -> tuple[Polynomial, list[Term]]:
    """The terms that are polynomials in the latents, and those that are functions of them.

    Raises:
        ApproximationError: for a function of something else, and where there is none.
    """
    plain: list[Monomial] = []
    terms: list[Term] = []
    asked = f"approximate={{{request.block.factor.name!r}: {method!r}}}"
    for m in request.conditional.averaged.monomials:
        own = [(a, e) for a, e in m.powers if any(True for _ in random_atoms(a, names))]
        if all(isinstance(a, Element) and e.denominator == 1 and e > 0 for a, e in own):
            plain.append(m)
            continue
        rest = [(a, e) for a, e in m.powers if (a, e) not in own]
        found = _function(own, names)
        if found is None:
            of = ", ".join(names)
            raise ApproximationError(
                f"{asked}: found a term that is no function of one affine expression in {of}; expected f(u) with u = a "
                + "".join(f"+ Σ b_{n} {n}" if len(names) > 1 else f"+ Σ b {n}" for n in names)
            )
        function, argument = found
        orders = 3 if method == DELTA else 2
        if (without := _without_derivative(function, orders)) is not None:
            unknown = ", ".join(dict.fromkeys(a.name for a in without.atoms() if isinstance(a, Function)))
            raise ApproximationError(
                f"{asked}: no derivative of {unknown} is known, and the method takes {orders} of a function; expected "
                "exp, log, softplus, …"
            )
        terms.append(Term(function, argument, collect([normalise(m.coefficient, rest, ())]), m.bound))
    if not terms:
        degree, highest = max(((_degree(m, names), m) for m in plain), key=lambda found: found[0])
        if degree > 2:
            raise ApproximationError(
                f"{asked}: found {show(Polynomial((highest,)))}, a term of degree {degree} in {', '.join(names)}; "
                "expected functions f(u) of an affine u, such as exp(u), beside terms that are quadratic; of a "
                "polynomial the optimum itself is had by 'quadrature', for elements on their own or two numbers"
            )
        raise ApproximationError(
            f"{asked}: every term of q({request.block.factor.name}) is quadratic, so that its optimum is Normal; leave "
            "the approximation out"
        )
    return Polynomial(tuple(plain)), terms


def _degree(m: Monomial, names: tuple[str, ...]) -> int:
    """How many elements of the latents a term is a product of."""
    return sum(int(e) for a, e in m.powers if any(True for _ in random_atoms(a, names)))


def _without_derivative(f: Polynomial, orders: int) -> Polynomial | None:
    """The first of a function and its derivatives that has no derivative in the normal form, of so many."""
    for _ in range(orders):
        further = derivative(f)
        if further is None:
            return f
        f = further
    return None


def _function(own: list[tuple[Atom, Fraction]], names: tuple[str, ...]) -> tuple[Polynomial, Polynomial] | None:
    """The function of the placeholder and its affine argument."""
    return along_one(collect([normalise(Fraction(1), own, ())]), names)


@dataclass(frozen=True)
class _Step:
    """How a method makes a quadratic function of a term."""

    method: str
    expectation: Expectation

    def quadratic(self, t: Term) -> Polynomial:
        """c ((G - H E[u]) u + ½ H u²)."""
        mean = self.expectation.of(t.argument)
        first = derivative(t.function)
        second = None if first is None else derivative(first)
        assert first is not None and second is not None
        if self.method == CVI:
            slope, bend = (self.expectation.of(at(split(p), t.argument)) for p in (first, second))
        else:
            slope, bend = at(first, mean), at(second, mean)
        if self.method == DELTA:
            third = derivative(second)
            assert third is not None
            spread = self.expectation.of(t.argument * t.argument) - mean * mean
            slope = slope + (at(third, mean) * spread).scaled(HALF)
        linear = (slope - bend * mean) * t.argument
        square = (bend * t.argument * t.argument).scaled(HALF)
        return sum_over(multiply(t.outside, linear + square), t.bound)


@dataclass(frozen=True)
class _Known:
    """The expectations of functions of an affine argument, in the parameters of the Normal factor."""

    block: Block
    base: Optimum
    method: str
    closed: dict[Polynomial, Polynomial]
    numeric: dict[Polynomial, Projected]
    points: tuple[str, ...] = ()

    def add(self, t: Term) -> None:
        """The function of a term, and with cvi its derivatives."""
        first = derivative(t.function)
        second = None if first is None else derivative(first)
        assert first is not None and second is not None
        wanted = [t.function]
        if self.method == CVI:
            parts = [m for p in (first, second) for m in split(p).monomials]
            wanted += [from_atom(a, e) for m in parts for a, e in m.powers if a == PLACEHOLDER or has_placeholder(a)]
        for function in wanted:
            self._add(function, t.argument, second)

    def _add(self, function: Polynomial, argument: Polynomial, second: Polynomial) -> None:
        pattern, _ = localise(self.block, at(function, argument).monomials[0].powers, (), share=True)
        # Data in the argument stand at the placeholders of the pattern from here on.
        alone, _ = localise(self.block, ((Function("pow", (argument, number(1))), Fraction(1)),), (), share=True)
        (placed,) = (a for a, _ in alone.powers)
        assert isinstance(placed, Function)
        argument = placed.args[0]
        if at(function, argument) != pattern.polynomial:
            raise ApproximationError(
                f"approximate={{{self.block.factor.name!r}: {self.method!r}}}: found a function with data beside its "
                "affine argument; expected data inside the argument alone"
            )
        mean = _at_values(self.expected(argument), self.points)
        variance = _at_values(self.expected(argument * argument), self.points) - mean * mean
        if self.method != CVI:
            value = at(function, mean) + (at(second, mean) * variance).scaled(HALF)
            self.closed[pattern.polynomial] = value
            return
        atom = function.monomials[0].powers[0][0]
        exponent = atom.args[0] if isinstance(atom, Function) and atom.name == "exp" else None
        slope = None if exponent is None else derivative(exponent)
        if exponent is not None and slope is not None and not contains(slope):
            # E[exp(a + b u)] = exp(a + b E[u] + ½ b² V[u])
            self.closed[pattern.polynomial] = functions.exp(
                at(exponent, mean) + (slope * slope * variance).scaled(HALF)
            )
            return
        self.numeric[pattern.polynomial] = Projected(pattern.polynomial, function, mean, variance)

    def moment(self, pattern: Pattern) -> Polynomial | None:
        """E of a pattern, where it has a closed form."""
        found = self.closed.get(pattern.polynomial)
        return self.base.moment(pattern) if found is None else found

    def integral(self, pattern: Pattern) -> Projected | None:
        """E of a pattern as a sum over nodes along its argument."""
        return self.numeric.get(pattern.polynomial)

    def expected(self, p: Polynomial) -> Polynomial:
        """E of a polynomial in the latent, in the parameters."""
        total = ZERO
        for m in p.monomials:
            own = tuple((a, e) for a, e in m.powers if any(True for _ in random_atoms(a, self.block.variables)))
            rest = [(a, e) for a, e in m.powers if (a, e) not in own]
            value = self.base.moment(Pattern(own, self.block.factor.plates)) if own else number(1)
            assert value is not None
            total = total + sum_over(multiply(collect([normalise(m.coefficient, rest, ())]), value), m.bound)
        return total
