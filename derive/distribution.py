"""The distributions a user writes: each function checks its call and returns a `Distribution`.

Arguments are kept by the standard names of the family's parameters, whichever keyword was used.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from cavi.derive import families
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import (
    AnySub,
    Condition,
    Expr,
    Mul,
    Power,
    as_expr,
    map_subs,
    materialise,
    not_a_number,
    replace_running,
)
from cavi.derive.index import Index, primed
from cavi.derive.operations import inverse

P = ParamSpec("P")
D = TypeVar("D")


@dataclass(frozen=True, eq=False)
class Distribution:
    """A family by name with its arguments.

    Attributes:
        family: its name.
        args: standard parameters; arrays by their element at the event axes (matrices at an axis and its prime).
        over: the index of its categories, or the first axis of its event.
        event: the axes of one value: one for a vector, two for a matrix.
        written: the arguments as they were written, for display.
    """

    family: str
    args: Mapping[str, Expr]
    over: Index | None = None
    event: tuple[Index, ...] = ()
    written: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.written:
            return f"{self.family}({', '.join(self.written)})"
        shown = [str(a) for a in self.args.values()]
        if self.over is not None and self.family in ("Dirichlet", "Multinomial", "DirichletMultinomial", "Categorical"):
            shown = [str(_closed(a, self.over)) for a in self.args.values()]
        return f"{self.family}({', '.join(shown)})"


def _closed(expr: Expr, over: Index) -> Expr:
    return materialise(expr, over) if expr.open else expr


def along_axes(distribution: Distribution, other: Distribution) -> Distribution:
    """The distribution over the axes of another of the same sizes: the name of an axis is only a label.

    Raises:
        DeclarationError: when such an axis runs over something else in the arguments, or the sizes differ.
    """
    pairs = list(zip(distribution.event, other.event, strict=True))
    if distribution.over is not None and other.over is not None:
        pairs.append((distribution.over, other.over))
    renaming = {old: new for old, new in pairs if old != new}
    if not renaming:
        return distribution
    for old, new in renaming.items():
        if old.size != new.size:
            raise DeclarationError(f"{distribution} runs over {old.size}, but {other} runs over {new.size}")
        if any(new in arg.free() for arg in distribution.args.values()):
            raise DeclarationError(
                f"{distribution} runs over {old.name} and uses {new.name}, which {other} runs over; give both the "
                f"same over="
            )
    renaming |= {primed(old): primed(new) for old, new in renaming.items()}

    def change(sub: AnySub) -> AnySub:
        for old, new in renaming.items():
            sub = replace_running(sub, old, new)
        return sub

    args = {name: map_subs(arg, change) for name, arg in distribution.args.items()}
    over = None if distribution.over is None else renaming.get(distribution.over, distribution.over)
    event = tuple(renaming.get(i, i) for i in distribution.event)
    return replace(distribution, args=args, over=over, event=event)


def checked_call(make: Callable[P, D]) -> Callable[P, D]:
    """Refuse arguments that are no numbers at all, by the names of the distribution and of the argument."""
    names = list(inspect.signature(make).parameters)

    @functools.wraps(make)
    def call(*args: P.args, **kwargs: P.kwargs) -> D:
        for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
            if (found := not_a_number(value)) is not None:
                raise DeclarationError(
                    f"{make.__name__}: the {name} is {found}; expected a finite number or an expression of the model"
                )
        return make(*args, **kwargs)

    return call


def one_of(family: str, given: Mapping[str, object]) -> Expr:
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


def scalars(family: str, written: tuple[str, ...] = (), **args: Expr) -> Distribution:
    """A distribution of a number.

    Raises:
        DeclarationError: for an argument with an open index.
    """
    for name, arg in args.items():
        if arg.open:
            raise DeclarationError(
                f"{family}: the {name} {arg} has the open index {arg.open[0].name}; give it, for example "
                f"{arg}[{arg.open[0].name}], or contract it with dot or Sum"
            )
    return Distribution(family, args, written=written)


def _as_written(*first: object, **given: object) -> tuple[str, ...]:
    """The arguments for display where a keyword was used in place of a standard parameter."""
    used = [(k, v) for k, v in given.items() if v is not None]
    return (*(str(as_expr(a)) for a in first), *(f"{k}={as_expr(v)}" for k, v in used)) if used else ()


@checked_call
def Normal(mean: object, precision: object = None, *, variance: object = None, std: object = None) -> Distribution:
    """Normal (Gaussian) on R by mean and precision, variance or standard deviation.

    Raises:
        DeclarationError: unless exactly one of precision, variance, std is given.
    """
    value = one_of("Normal", {"precision": precision, "variance": variance, "std": std})
    written = _as_written(mean, variance=variance, std=std)
    return scalars("Normal", written, mean=as_expr(mean), precision=value)


@checked_call
def Gamma(shape: object, rate: object = None, *, scale: object = None) -> Distribution:
    """Gamma on the positive reals by shape and rate (or scale = 1/rate)."""
    value = one_of("Gamma", {"rate": rate, "scale": scale})
    return scalars("Gamma", _as_written(shape, scale=scale), shape=as_expr(shape), rate=value)


@checked_call
def InverseGamma(shape: object, scale: object) -> Distribution:
    """Inverse Gamma on the positive reals: x^(-shape-1) exp(-scale/x)."""
    return scalars("InverseGamma", shape=as_expr(shape), scale=as_expr(scale))


@checked_call
def Beta(a: object, b: object) -> Distribution:
    """Beta on (0, 1): x^(a-1) (1-x)^(b-1)."""
    return scalars("Beta", a=as_expr(a), b=as_expr(b))


@checked_call
def Exponential(rate: object) -> Distribution:
    """Exponential on the positive reals by rate."""
    return scalars("Exponential", rate=as_expr(rate))


@checked_call
def LogNormal(mean: object, precision: object) -> Distribution:
    """Log-normal: log x is Normal(mean, precision)."""
    return scalars("LogNormal", mean=as_expr(mean), precision=as_expr(precision))


@checked_call
def Pareto(shape: object, minimum: object) -> Distribution:
    """Pareto above a known minimum: shape · minimum^shape / x^(shape+1)."""
    return scalars("Pareto", shape=as_expr(shape), minimum=as_expr(minimum))


@checked_call
def Weibull(shape: object, rate: object = None, *, scale: object = None) -> Distribution:
    """Weibull of known shape k by rate λ (or scale = λ^(-1/k)): k λ x^(k-1) exp(-λ x^k)."""
    k = as_expr(shape)
    if rate is None and scale is not None:
        rate = Power(as_expr(scale), -k)
    elif scale is not None:
        raise DeclarationError("Weibull: expected exactly one of rate, scale; found rate, scale")
    return scalars("Weibull", shape=k, rate=one_of("Weibull", {"rate": rate}))


@checked_call
def Laplace(location: object, scale: object = None, *, rate: object = None) -> Distribution:
    """Laplace by location and scale (or rate = 1/scale)."""
    value = one_of("Laplace", {"scale": scale, "rate": rate})
    return scalars("Laplace", location=as_expr(location), scale=value)


@checked_call
def StudentT(
    mean: object, precision: object = None, dof: object = None, *, variance: object = None, std: object = None
) -> Distribution:
    """Student's t by location, precision (the inverse square of its scale) and a known number of degrees of freedom.

    Raises:
        DeclarationError: without dof, and unless exactly one of precision, variance, std is given.
    """
    if dof is None:
        raise DeclarationError("StudentT: expected dof=, a known number of degrees of freedom; found none")
    value = one_of("StudentT", {"precision": precision, "variance": variance, "std": std})
    written = _as_written(mean, variance=variance, std=std)
    return scalars(
        "StudentT",
        (*written, f"dof={as_expr(dof)}") if written else (),
        mean=as_expr(mean),
        precision=value,
        dof=as_expr(dof),
    )


@checked_call
def AsymmetricLaplace(mean: object, scale: object, quantile: object) -> Distribution:
    """Asymmetric Laplace, whose quantile of a given known order is the mean: exp(-ρ((x - mean)/scale))."""
    return scalars("AsymmetricLaplace", mean=as_expr(mean), scale=as_expr(scale), quantile=as_expr(quantile))


@checked_call
def HalfCauchy(scale: object) -> Distribution:
    """Half-Cauchy on the positive reals, the usual prior of a standard deviation."""
    return scalars("HalfCauchy", scale=as_expr(scale))


@checked_call
def InverseNakagami(shape: object, scale: object) -> Distribution:
    """The square root of an inverse Gamma(shape, scale): x^(-2 shape - 1) exp(-scale/x²)."""
    return scalars("InverseNakagami", shape=as_expr(shape), scale=as_expr(scale))


@checked_call
def HalfNormal(precision: object = None, *, variance: object = None, std: object = None) -> Distribution:
    """Half-normal on the positive reals: the absolute value of a Normal of mean zero."""
    value = one_of("HalfNormal", {"precision": precision, "variance": variance, "std": std})
    return scalars("HalfNormal", _as_written(variance=variance, std=std), precision=value)


@checked_call
def TruncatedNormal(mean: object, precision: object, lower: object = None, upper: object = None) -> Distribution:
    """Normal restricted to (lower, upper), both known; a bound left out is infinite.

    Raises:
        DeclarationError: when neither bound is given (then it is a Normal).
    """
    if lower is None and upper is None:
        raise DeclarationError("TruncatedNormal: expected lower=, upper= or both; without a bound use Normal")
    args: dict[str, Any] = {"mean": as_expr(mean), "precision": as_expr(precision)}
    if lower is not None:
        args["lower"] = as_expr(lower)
    if upper is not None:
        args["upper"] = as_expr(upper)
    return scalars("TruncatedNormal", **args)


@checked_call
def OutsideNormal(mean: object, precision: object, lower: object, upper: object) -> Distribution:
    """Normal restricted to what lies outside of (lower, upper), both known."""
    return scalars(
        "OutsideNormal",
        mean=as_expr(mean),
        precision=as_expr(precision),
        lower=as_expr(lower),
        upper=as_expr(upper),
    )


@checked_call
def GeneralisedInverseGaussian(p: object, a: object, b: object) -> Distribution:
    """Generalised inverse Gaussian on the positive reals: x^(p-1) exp(-(a x + b/x)/2)."""
    return scalars("GeneralisedInverseGaussian", p=as_expr(p), a=as_expr(a), b=as_expr(b))


@checked_call
def VonMises(mean: object, concentration: object) -> Distribution:
    """Von Mises on (-π, π] with a known concentration: exp(κ cos(x - mean)) / (2π I_0(κ))."""
    return scalars("VonMises", mean=as_expr(mean), concentration=as_expr(concentration))


@checked_call
def Poisson(rate: object) -> Distribution:
    """Poisson on 0, 1, 2, … by rate."""
    return scalars("Poisson", rate=as_expr(rate))


@checked_call
def Bernoulli(prob: object) -> Distribution:
    """Bernoulli on {0, 1} by the probability of 1."""
    return scalars("Bernoulli", prob=as_expr(prob))


@checked_call
def Binomial(total: object, prob: object) -> Distribution:
    """Binomial on 0 … total, total known, by the probability of a success."""
    return scalars("Binomial", total=as_expr(total), prob=as_expr(prob))


@checked_call
def BetaBinomial(total: object, a: object, b: object) -> Distribution:
    """Beta-binomial on 0 … total, total known: a binomial whose probability is drawn from Beta(a, b)."""
    return scalars("BetaBinomial", total=as_expr(total), a=as_expr(a), b=as_expr(b))


@checked_call
def Geometric(prob: object) -> Distribution:
    """Geometric on 0, 1, 2, …: the failures before the first success."""
    return scalars("Geometric", prob=as_expr(prob))


@checked_call
def NegativeBinomial(number: object, prob: object) -> Distribution:
    """Negative binomial on 0, 1, 2, …: the failures before the number-th success, number above 0."""
    return scalars("NegativeBinomial", number=as_expr(number), prob=as_expr(prob))


@checked_call
def Dirichlet(concentration: object, over: Index | None = None) -> Distribution:
    """Dirichlet on the simplex over an index; the concentration is a scalar or an array over it.

    Raises:
        DeclarationError: when the index is neither given as over= nor known from the concentration.
    """
    return _vector("Dirichlet", "concentration", as_expr(concentration), over, {})


@checked_call
def Categorical(probs: object, over: Index | None = None) -> Distribution:
    """One of the categories of an index, by their probabilities (the one open index of `probs`)."""
    return _vector("Categorical", "probs", as_expr(probs), over, {})


@checked_call
def Multinomial(total: object, probs: object, over: Index | None = None) -> Distribution:
    """Counts over an index that add up to a known total, by the probabilities of the categories."""
    return _counted("Multinomial", total, "probs", as_expr(probs), over)


@checked_call
def DirichletMultinomial(total: object, concentration: object, over: Index | None = None) -> Distribution:
    """Counts over an index that add up to a known total, of probabilities that are drawn from a Dirichlet."""
    return _counted("DirichletMultinomial", total, "concentration", as_expr(concentration), over)


def _counted(family: str, total: object, name: str, value: Expr, over: Index | None) -> Distribution:
    counted = as_expr(total)
    if counted.open:
        raise DeclarationError(f"{family}: the total {counted} has open indices; give them")
    return _vector(family, name, value, over, {"total": counted})


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
    index = over if over is not None else _declared(value.open[0])
    if value.open and value.open[0].size != index.size:
        raise DeclarationError(
            f"{family}: the {name} {value} runs over {value.open[0].size}, but over={index.name} runs over {index.size}"
        )
    if value.open:
        value = materialise(value, index)
    event = (index,) if families.lookup(family).rank else ()
    return Distribution(family, {**others, name: value}, index, event)


@checked_call
def MultivariateNormal(
    mean: object, precision: object = None, over: Index | None = None, *, covariance: object = None
) -> Distribution:
    """Multivariate Normal over an index by mean and precision matrix, or covariance.

    A matrix with no open index is that number times the identity; with one, it is diagonal.

    Raises:
        DeclarationError: unless exactly one of precision, covariance is given, and for arrays over other sets.
    """
    if (precision is None) == (covariance is None):
        found = "none" if precision is None else "precision, covariance"
        raise DeclarationError(f"MultivariateNormal: expected exactly one of precision, covariance; found {found}")
    m = as_expr(mean)
    given = as_expr(precision if covariance is None else covariance)
    axis = _axis("MultivariateNormal", over, (m, given))
    written = (str(m), str(given) if covariance is None else f"covariance={given}")
    matrix = given if covariance is None else inverse(given) if len(given.open) == 2 else 1 / given
    args = {
        "mean": _vector_over("MultivariateNormal", "mean", m, axis),
        "precision": _matrix_over("MultivariateNormal", "precision", matrix, axis),
    }
    return Distribution("MultivariateNormal", args, axis, (axis,), written)


@checked_call
def Wishart(
    dof: object, scale: object = None, over: Index | None = None, *, inverse_scale: object = None
) -> Distribution:
    """Wishart on positive-definite matrices over an index: mean dof · scale (or inverse_scale = scale⁻¹).

    Raises:
        DeclarationError: unless exactly one of scale, inverse_scale is given, and for arrays over other sets.
    """
    if (scale is None) == (inverse_scale is None):
        found = "none" if scale is None else "scale, inverse_scale"
        raise DeclarationError(f"Wishart: expected exactly one of scale, inverse_scale; found {found}")
    given = as_expr(scale if inverse_scale is None else inverse_scale)
    matrix = given if inverse_scale is None else inverse(given) if len(given.open) == 2 else 1 / given
    written = (str(dof), str(given) if inverse_scale is None else f"inverse_scale={given}")
    return _wishart("Wishart", dof, matrix, _axis("Wishart", over, (given,)), written)


@checked_call
def InverseWishart(dof: object, scale: object, over: Index | None = None) -> Distribution:
    """Inverse Wishart on positive-definite matrices over an index: mean scale / (dof - D - 1)."""
    matrix = as_expr(scale)
    return _wishart("InverseWishart", dof, matrix, _axis("InverseWishart", over, (matrix,)), (str(dof), str(matrix)))


def _wishart(family: str, dof: object, matrix: Expr, axis: Index, written: tuple[str, ...]) -> Distribution:
    freedom = as_expr(dof)
    if freedom.open:
        raise DeclarationError(f"{family}: the dof {freedom} has open indices; give them")
    args = {"dof": freedom, "scale": _matrix_over(family, "scale", matrix, axis)}
    return Distribution(family, args, axis, (axis, primed(axis)), written)


@checked_call
def MatrixNormal(
    mean: object, row_precision: object, column_precision: object, over: tuple[Index, Index]
) -> Distribution:
    """Matrix Normal over two indices: rows with one precision matrix, columns with another.

    Raises:
        DeclarationError: unless `over` is a pair of different indices, and for arrays over other sets.
    """
    if not isinstance(over, tuple) or len(over) != 2 or not all(isinstance(i, Index) for i in over):
        raise DeclarationError(f"MatrixNormal: expected over=(i, j), two indices made by m.index, found {over!r}")
    row, column = over
    if row == column:
        raise DeclarationError(f"MatrixNormal: over=({row.name}, {column.name}) needs two different indices")
    m = as_expr(mean)
    if m.open and [i.size for i in m.open] != [row.size, column.size]:
        raise DeclarationError(f"MatrixNormal: the mean {m} does not run over ({row.size}, {column.size})")
    args = {
        "mean": materialise(materialise(m, row), column),
        "row_precision": _matrix_over("MatrixNormal", "row_precision", as_expr(row_precision), row),
        "column_precision": _matrix_over("MatrixNormal", "column_precision", as_expr(column_precision), column),
    }
    return Distribution("MatrixNormal", args, row, (row, column), (str(m), str(row_precision), str(column_precision)))


def _declared(index: Index) -> Index:
    """The index that a placeholder stands for."""
    return Index(index.name.partition(".")[0], index.size)


def _axis(family: str, over: Index | None, arrays: tuple[Expr, ...]) -> Index:
    """The index of the event: as given, or the one that an argument leaves open."""
    if over is not None and not isinstance(over, Index):
        raise DeclarationError(f"{family}: over={over!r} is not an index; make one with m.index")
    if over is not None:
        return over
    for a in arrays:
        if a.open:
            return _declared(a.open[0])
    raise DeclarationError(
        f"{family}: which index it runs over is not known; write over=d, or leave the last indices of an argument open"
    )


def _vector_over(family: str, name: str, value: Expr, axis: Index) -> Expr:
    if len(value.open) > 1 or (value.open and value.open[0].size != axis.size):
        raise DeclarationError(
            f"{family}: the {name} {value} has the open indices ({', '.join(i.size for i in value.open)}), expected a "
            f"number or a vector over {axis.size}"
        )
    return materialise(value, axis)


def _matrix_over(family: str, name: str, value: Expr, axis: Index) -> Expr:
    """The element of a matrix at (axis, axis'); numbers are multiples of the identity, vectors are diagonals."""
    if len(value.open) > 2 or any(i.size != axis.size for i in value.open):
        raise DeclarationError(
            f"{family}: the {name} {value} has the open indices ({', '.join(i.size for i in value.open)}), expected a "
            f"number (times the identity), a vector (the diagonal) or a matrix over {axis.size}"
        )
    if len(value.open) == 2:
        return materialise(materialise(value, axis), primed(axis))
    return Mul((Condition("same", (axis, primed(axis))), materialise(value, axis)))


@dataclass(frozen=True, eq=False)
class JointDistribution:
    """A location given a scale, declared together as two latents: ``mu, tau = m.latent("mu tau", NormalGamma(...))``.

    Attributes:
        name: of the pair.
        scale: the distribution of the second latent.
        location: that of the first, given the second at its plates.
    """

    name: str
    scale: Distribution
    location: Callable[[Expr], Distribution]


@checked_call
def NormalGamma(mean: object, precision_scale: object, shape: object, rate: object) -> JointDistribution:
    """Normal-Gamma: the second latent is Gamma(shape, rate), the first Normal(mean, precision_scale · second).

    Source: Bishop (2006), 2.154.
    """
    return JointDistribution(
        "NormalGamma", Gamma(shape, rate), lambda scale: Normal(mean, as_expr(precision_scale) * scale)
    )


@checked_call
def NormalWishart(
    mean: object, precision_scale: object, dof: object, scale: object, over: Index | None = None
) -> JointDistribution:
    """Normal-Wishart: the second latent is Wishart(dof, scale), the first has precision precision_scale · second.

    Source: Bishop (2006), 2.157.
    """
    matrix = Wishart(dof, scale, over)
    return JointDistribution(
        "NormalWishart",
        matrix,
        lambda precision: MultivariateNormal(mean, as_expr(precision_scale) * precision, matrix.over),
    )
