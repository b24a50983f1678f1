"""The distributions a user writes: each function checks its call and returns a `Distribution`.

Arguments are kept by the standard names of the family's parameters, whichever keyword was used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cavi.derive import families
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import Expr, Power, as_expr, materialise
from cavi.derive.index import Index


@dataclass(frozen=True, eq=False)
class Distribution:
    """A family by name with its arguments; `over` is the index of its categories or its event."""

    family: str
    args: Mapping[str, Expr]
    over: Index | None = None

    def __str__(self) -> str:
        shown = [str(a) for a in self.args.values()]
        if self.over is not None and self.family in ("Dirichlet", "Multinomial", "Categorical"):
            shown = [str(_closed(a, self.over)) for a in self.args.values()]
        return f"{self.family}({', '.join(shown)})"


def _closed(expr: Expr, over: Index) -> Expr:
    return materialise(expr, over) if expr.open else expr


def _one_of(family: str, given: Mapping[str, object]) -> Expr:
    """The first of the given, a standard parameter, from whichever of its keywords was used."""
    chosen = [(k, v) for k, v in given.items() if v is not None]
    if len(chosen) != 1:
        names = ", ".join(given)
        found = ", ".join(k for k, _ in chosen) or "none"
        raise DeclarationError(f"{family}: expected exactly one of {names}; found {found}")
    keyword, value = chosen[0][0], as_expr(chosen[0][1])
    if keyword == next(iter(given)):
        return value
    rewritten: Expr = families.lookup(family).aliases[keyword][1](value)
    return rewritten


def _scalars(family: str, **args: Expr) -> Distribution:
    for name, arg in args.items():
        if arg.open:
            raise DeclarationError(
                f"{family}: the {name} {arg} has the open index {arg.open[0].name}; give it, for example "
                f"{arg}[{arg.open[0].name}], or contract it with dot or Sum"
            )
    return Distribution(family, args)


def Normal(mean: object, precision: object = None, *, variance: object = None, std: object = None) -> Distribution:
    """Normal (Gaussian) on R by mean and precision, variance or standard deviation.

    Raises:
        DeclarationError: unless exactly one of precision, variance, std is given.
    """
    value = _one_of("Normal", {"precision": precision, "variance": variance, "std": std})
    return _scalars("Normal", mean=as_expr(mean), precision=value)


def Gamma(shape: object, rate: object = None, *, scale: object = None) -> Distribution:
    """Gamma on the positive reals by shape and rate (or scale = 1/rate)."""
    return _scalars("Gamma", shape=as_expr(shape), rate=_one_of("Gamma", {"rate": rate, "scale": scale}))


def InverseGamma(shape: object, scale: object) -> Distribution:
    """Inverse Gamma on the positive reals: x^(-shape-1) exp(-scale/x)."""
    return _scalars("InverseGamma", shape=as_expr(shape), scale=as_expr(scale))


def Beta(a: object, b: object) -> Distribution:
    """Beta on (0, 1): x^(a-1) (1-x)^(b-1)."""
    return _scalars("Beta", a=as_expr(a), b=as_expr(b))


def Exponential(rate: object) -> Distribution:
    """Exponential on the positive reals by rate."""
    return _scalars("Exponential", rate=as_expr(rate))


def LogNormal(mean: object, precision: object) -> Distribution:
    """Log-normal: log x is Normal(mean, precision)."""
    return _scalars("LogNormal", mean=as_expr(mean), precision=as_expr(precision))


def Pareto(shape: object, minimum: object) -> Distribution:
    """Pareto above a known minimum: shape · minimum^shape / x^(shape+1)."""
    return _scalars("Pareto", shape=as_expr(shape), minimum=as_expr(minimum))


def Weibull(shape: object, rate: object = None, *, scale: object = None) -> Distribution:
    """Weibull of known shape k by rate λ (or scale = λ^(-1/k)): k λ x^(k-1) exp(-λ x^k)."""
    k = as_expr(shape)
    if rate is None and scale is not None:
        rate = Power(as_expr(scale), -k)
    elif scale is not None:
        raise DeclarationError("Weibull: expected exactly one of rate, scale; found rate, scale")
    return _scalars("Weibull", shape=k, rate=_one_of("Weibull", {"rate": rate}))


def Laplace(location: object, scale: object = None, *, rate: object = None) -> Distribution:
    """Laplace of known location by scale (or rate = 1/scale)."""
    value = _one_of("Laplace", {"scale": scale, "rate": rate})
    return _scalars("Laplace", location=as_expr(location), scale=value)


def HalfNormal(precision: object = None, *, variance: object = None, std: object = None) -> Distribution:
    """Half-normal on the positive reals: the absolute value of a Normal of mean zero."""
    value = _one_of("HalfNormal", {"precision": precision, "variance": variance, "std": std})
    return _scalars("HalfNormal", precision=value)


def TruncatedNormal(mean: object, precision: object, lower: object = None, upper: object = None) -> Distribution:
    """Normal restricted to (lower, upper), both known; a bound left out is infinite.

    Raises:
        DeclarationError: when neither bound is given (then it is a Normal).
    """
    if lower is None and upper is None:
        raise DeclarationError("TruncatedNormal: expected lower=, upper= or both; without a bound use Normal")
    args = {"mean": as_expr(mean), "precision": as_expr(precision)}
    if lower is not None:
        args["lower"] = as_expr(lower)
    if upper is not None:
        args["upper"] = as_expr(upper)
    return _scalars("TruncatedNormal", **args)


def GeneralisedInverseGaussian(p: object, a: object, b: object) -> Distribution:
    """Generalised inverse Gaussian on the positive reals: x^(p-1) exp(-(a x + b/x)/2)."""
    return _scalars("GeneralisedInverseGaussian", p=as_expr(p), a=as_expr(a), b=as_expr(b))


def VonMises(mean: object, concentration: object) -> Distribution:
    """Von Mises on (-π, π] with a known concentration: exp(κ cos(x - mean)) / (2π I_0(κ))."""
    return _scalars("VonMises", mean=as_expr(mean), concentration=as_expr(concentration))


def Poisson(rate: object) -> Distribution:
    """Poisson on 0, 1, 2, … by rate."""
    return _scalars("Poisson", rate=as_expr(rate))


def Bernoulli(prob: object) -> Distribution:
    """Bernoulli on {0, 1} by the probability of 1."""
    return _scalars("Bernoulli", prob=as_expr(prob))


def Binomial(total: object, prob: object) -> Distribution:
    """Binomial on 0 … total, total known, by the probability of a success."""
    return _scalars("Binomial", total=as_expr(total), prob=as_expr(prob))


def Geometric(prob: object) -> Distribution:
    """Geometric on 0, 1, 2, …: the failures before the first success."""
    return _scalars("Geometric", prob=as_expr(prob))


def NegativeBinomial(number: object, prob: object) -> Distribution:
    """Negative binomial on 0, 1, 2, …: the failures before the number-th success, number known."""
    return _scalars("NegativeBinomial", number=as_expr(number), prob=as_expr(prob))


def Dirichlet(concentration: object, over: Index | None = None) -> Distribution:
    """Dirichlet on the simplex over an index; the concentration is a scalar or an array over it.

    Raises:
        DeclarationError: when the index is neither given as over= nor known from the concentration.
    """
    return _vector("Dirichlet", "concentration", as_expr(concentration), over, {})


def Categorical(probs: object, over: Index | None = None) -> Distribution:
    """One of the categories of an index, by their probabilities (the one open index of `probs`)."""
    return _vector("Categorical", "probs", as_expr(probs), over, {})


def Multinomial(total: object, probs: object, over: Index | None = None) -> Distribution:
    """Counts over an index that add up to a known total, by the probabilities of the categories."""
    counted = as_expr(total)
    if counted.open:
        raise DeclarationError(f"Multinomial: the total {counted} has open indices; give them")
    return _vector("Multinomial", "probs", as_expr(probs), over, {"total": counted})


def _vector(family: str, name: str, value: Expr, over: Index | None, others: Mapping[str, Expr]) -> Distribution:
    if over is not None and not isinstance(over, Index):
        raise DeclarationError(f"{family}: over={over!r} is not an index; make one with m.index")
    if len(value.open) > 1:
        raise DeclarationError(
            f"{family}: the {name} {value} has {len(value.open)} open indices, expected one; give the first ones"
        )
    if over is None and not value.open:
        raise DeclarationError(
            f"{family}: which index it runs over is not known; write {family}({value}, over=k), or leave the last "
            f"index of the {name} open"
        )
    index = over if over is not None else value.open[0]
    if value.open and value.open[0].size != index.size:
        raise DeclarationError(
            f"{family}: the {name} {value} runs over {value.open[0].size}, but over={index.name} runs over {index.size}"
        )
    if value.open:
        value = materialise(value, index)
    return Distribution(family, {**others, name: value}, index)
