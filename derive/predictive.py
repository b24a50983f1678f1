"""What q expects of an observation: E[mean | covariates] and the spread of that mean, and the bound row by row.

The mean of an observation is an argument of its declared distribution, a polynomial in latents and data, so that its
expectation under q is taken like any other. Only moments that the factors have anyway are used: where one is missing,
there is no such prediction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from cavi.derive.canonical import add, multiply, rewrite, substitute
from cavi.derive.conditionals import block_of, generative
from cavi.derive.errors import CaviError
from cavi.derive.expectation import Expectation, Moments, Pattern
from cavi.derive.index import Index
from cavi.derive.methods import NORMAL
from cavi.derive.result import Derived
from cavi.derive.term import (
    Atom,
    Element,
    Function,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Size,
    from_atom,
    number,
)

# Which argument of a distribution is its mean.
MEANS = {"Normal": "mean", "MultivariateNormal": "mean", "Bernoulli": "prob", "Poisson": "rate"}


@dataclass(frozen=True)
class Prediction:
    """An observation given its covariates, under q.

    Attributes:
        family: of the observation.
        indices: of its array.
        mean: E_q of its mean; with `link`, of what the link function is applied to.
        variance: the variance of that under q; None where a moment that it takes is not one of the factors'.
        precision: E_q of its precision at two places for a vector; None for families without one.
        link: ``logistic`` where the mean is 1 / (1 + exp(-f)), else None.
    """

    family: str
    indices: tuple[Index, ...]
    mean: Polynomial
    variance: Polynomial | None
    precision: Polynomial | None
    link: str | None


def predicted(derived: Derived, name: str) -> Prediction:
    """What q expects of an observed variable.

    Raises:
        CaviError: for a family whose mean is no argument, and a mean that takes moments which the factors do not have.
    """
    link = next(x for x in generative(derived.model, derived.marginalised) if x.latent == name)
    if link.family not in MEANS:
        raise CaviError(
            f"{name} is {link.family}, whose mean is none of its arguments; expected one of {', '.join(MEANS)}"
        )
    f = link.args[MEANS[link.family]]
    inside = _logistic(f) if link.family == "Bernoulli" else None
    f = f if inside is None else inside
    expectation = _expectation(derived)
    mean = _known(expectation.of(f), expectation, derived)
    if mean is None:
        raise CaviError(f"the mean of {name} takes moments that the factors do not have; derive it with other blocks")
    square = _known(expectation.of(multiply(f, f)), expectation, derived)
    variance = None if square is None else square - multiply(mean, mean)
    precision = None
    if "precision" in link.args:
        precision = _known(expectation.of(link.args["precision"]), expectation, derived)
    return Prediction(
        link.family,
        (*link.plates, *link.event),
        mean,
        variance,
        precision,
        None if inside is None else "logistic",
    )


def mean_given(derived: Derived, name: str, latent: str) -> Polynomial | None:
    """E_q of the mean of a variable with one latent left as it is; None where it has no closed form."""
    link = next(x for x in generative(derived.model, derived.marginalised) if x.latent == name)
    if link.family not in MEANS:
        return None
    expectation = _expectation(derived)
    keep = next(b for b in expectation.blocks if latent in b.variables)
    if len(keep.variables) > 1:
        return None
    return _known(expectation.of(link.args[MEANS[link.family]], keep), expectation, derived)


def row_terms(derived: Derived, index: Index) -> Polynomial:
    """What one row adds to the bound: its terms with their sum over rows left out, at `index`.

    Raises:
        CaviError: where a term runs over two rows at once.
    """
    found = []
    for term in derived.elbo.closed_terms:
        for m in term.value.monomials:
            running = [i for i in m.bound if i.size == index.size]
            sizes = [(a, e) for a, e in m.powers if isinstance(a, Size) and a.name == index.size]
            if not running and not sizes:
                continue  # of shared factors alone
            if len(running) + sum(e for _, e in sizes) != 1:
                raise CaviError(f"the bound runs over two rows at once in the term of {term.name}")
            powers = tuple((a, e) for a, e in m.powers if (a, e) not in sizes)
            bound = tuple(i for i in m.bound if i not in running)
            one = Polynomial((Monomial(m.coefficient, powers, bound),))
            found.append(substitute(one, dict.fromkeys(running, index)))
    return add(*found)


def _expectation(derived: Derived) -> Expectation:
    """The expectation under q that knows the moments of the factors by their names."""
    moments = Moments()
    for u in derived.updates:
        for s in u.moment_specs:
            (m,) = s.pattern.monomials
            moments.patterns[u.factor.name, s.key] = Pattern(m.powers, s.indices, m.bound)
    chosen = {u.factor.name for u in derived.updates if u.chosen in NORMAL}
    blocks = (block_of(f, derived.model) for f in derived.factors)
    return Expectation(tuple(replace(b, projected=b.factor.name in chosen) for b in blocks), moments)


def _known(p: Polynomial, expectation: Expectation, derived: Derived) -> Polynomial | None:
    """The polynomial in closed moments of the factors, or in parameters that are means; None where there are others."""
    closed = {(u.factor.name, s.key) for u in derived.updates for s in u.moment_specs if s.value is not None}

    def as_mean(atom: Atom, exponent: Fraction) -> Polynomial | None:
        if not isinstance(atom, Moment) or (atom.factor, atom.key) in closed:
            return None
        pattern = expectation.moments.patterns[atom.factor, atom.key]
        element = pattern.powers[0][0]
        if pattern.bound or len(pattern.powers) != 1 or pattern.powers[0][1] != 1 or not isinstance(element, Element):
            return None
        axes = derived.model.variable(element.name).indices
        mean = [f for f in derived.update(element.name).formulas if (f.latent, f.name) == (element.name, "mean")]
        if not mean:
            return None
        places = dict(zip(pattern.indices, atom.subs, strict=True))
        at = dict(zip(axes, (places[s] for s in element.subs if isinstance(s, Index)), strict=True))
        return from_atom(Parameter(element.name, "mean", tuple(at[i] for i in mean[0].indices)), exponent)

    p = rewrite(p, as_mean)
    met = {(a.factor, a.key) for a in p.atoms() if isinstance(a, Moment)}
    return p if met <= closed else None


def _logistic(p: Polynomial) -> Polynomial | None:
    """f where p = 1 / (1 + exp(-f)); None where it has another form."""
    if len(p.monomials) != 1 or len(p.monomials[0].powers) != 1 or p.monomials[0].coefficient != 1:
        return None
    ((atom, exponent),) = p.monomials[0].powers
    if exponent != 1 or not isinstance(atom, Function) or atom.name != "pow" or atom.args[1] != number(-1):
        return None
    rest = atom.args[0] - number(1)
    if len(rest.monomials) != 1 or rest.monomials[0].coefficient != 1 or len(rest.monomials[0].powers) != 1:
        return None
    ((inner, power),) = rest.monomials[0].powers
    if power != 1 or not isinstance(inner, Function) or inner.name != "exp":
        return None
    return -inner.args[0]
