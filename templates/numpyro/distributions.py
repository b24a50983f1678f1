"""Declared distributions as NumPyro ones: the parametrisations differ (standard deviations, scales, counts)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.expression import Condition, Expr, InverseOf, Mul, Number, Ordered, Power
from cavi.derive.index import Index, primed
from cavi.templates.infix import WHOLE
from cavi.templates.numpyro.arrays import Arrays, Choice, Context, extent


def distribution(d: Distribution, plates: Context, arrays: Arrays) -> str:
    """The call that makes a distribution for every element of the plates.

    Raises:
        CaviError: for a family that NumPyro does not have.
    """
    if d.family in _SCALAR:
        args = {n: arrays.write(a, plates) for n, a in d.args.items()}
        return f"dist.{_SCALAR[d.family](_Scalar(d, plates, arrays, args))}"
    if d.family in _VECTOR:
        return f"dist.{_VECTOR[d.family](d, plates, arrays)}"
    raise CaviError(f"NumPyro has no {d.family}; declare it by others, or sample from the posterior by m.gibbs()")


class _Scalar:
    """The arguments of a scalar distribution, as they are and converted."""

    def __init__(self, d: Distribution, plates: Context, arrays: Arrays, args: Mapping[str, str]) -> None:
        self.d, self.plates, self.arrays, self.args = d, plates, arrays, args

    def __getitem__(self, name: str) -> str:
        return self.args[name]

    def std(self) -> str:
        """The standard deviation of a precision."""
        return deviation(self.d.args["precision"], self.plates, self.arrays)

    def signed(self, name: str) -> str:
        """An argument as a factor."""
        return self.arrays.write(self.d.args[name], self.plates, WHOLE)


def deviation(precision: Expr, context: Context, arrays: Arrays) -> str:
    """1/sqrt(precision), without the detour where the precision was given as a variance or standard deviation."""
    match precision:
        case Power(base=base, exponent=Number(value=value)) if value == -2:
            return arrays.write(base, context)
        case Power(base=base, exponent=Number(value=value)) if value == -1:
            return f"jnp.sqrt({arrays.write(base, context)})"
        case Mul(factors=(Number(value=one), Power(base=base, exponent=Number(value=value)))) if one == 1 == -value:
            return f"jnp.sqrt({arrays.write(base, context)})"
        case Number(value=value) if value == 1:
            return "1"
        case Choice(first=first, other=other, chain=chain):
            branches = ", ".join(deviation(e, context, arrays) for e in (first, other))
            return f"jnp.where({arrays.begins(chain, context)}, {branches})"
    return f"1 / jnp.sqrt({arrays.write(precision, context)})"


def _truncated(a: _Scalar) -> str:
    bounds = [f"{ours}={a[name]}" for name, ours in (("lower", "low"), ("upper", "high")) if name in a.args]
    return f"TruncatedNormal({a['mean']}, {a.std()}, {', '.join(bounds)})"


def _zero_inflated(base: str) -> Callable[[_Scalar], str]:
    return lambda a: f"ZeroInflatedDistribution(dist.{_SCALAR[base](a)}, gate={a['inflation']})"


def _hurdle(base: str) -> Callable[[_Scalar], str]:
    """NumPyro's gate is the probability of zero, that of a declaration of crossing it."""
    return lambda a: f"HurdleDistribution(dist.{_SCALAR[base](a)}, gate=1 - {a.signed('crossing')})"


def _censored(side: str, base: str) -> Callable[[_Scalar], str]:
    """NumPyro's indicator is of being censored, that of a declaration of being seen."""
    return lambda a: f"{side}CensoredDistribution(dist.{_SCALAR[base](a)}, censored={a.signed('event')} == 0)"


def between(d: Distribution) -> bool:
    """Whether a value tells an interval, of which NumPyro observes both ends."""
    return d.family.startswith("IntervalCensored")


def axes_of(d: Distribution) -> set[Index]:
    """The indices that the arguments of the NumPyro distribution have; the width of an interval is in its value."""
    return {i for n, a in d.args.items() if not (between(d) and n == "width") for i in a.free()}


def observed(d: Distribution, plates: Context, arrays: Arrays, value: str) -> str:
    """What is observed: the value, and of an interval above it, both of its ends."""
    if not between(d):
        return value
    return f"jnp.stack([{value}, {value} + {arrays.write(d.args['width'], plates, WHOLE)}], -1)"


def _between(base: str) -> Callable[[_Scalar], str]:
    return lambda a: f"IntervalCensoredDistribution(dist.{_SCALAR[base](a)}, left_censored=False, right_censored=False)"


_CENSORED = (*(("Right", n) for n in ("Exponential", "Weibull", "LogNormal", "Normal")), ("Left", "Normal"))
_SCALAR: Mapping[str, Callable[[_Scalar], str]] = {
    "Normal": lambda a: f"Normal({a['mean']}, {a.std()})",
    "LogNormal": lambda a: f"LogNormal({a['mean']}, {a.std()})",
    "HalfNormal": lambda a: f"HalfNormal({a.std()})",
    "TruncatedNormal": _truncated,
    "Gamma": lambda a: f"Gamma({a['shape']}, {a['rate']})",
    "InverseGamma": lambda a: f"InverseGamma({a['shape']}, {a['scale']})",
    "Beta": lambda a: f"Beta({a['a']}, {a['b']})",
    "Exponential": lambda a: f"Exponential({a['rate']})",
    "Laplace": lambda a: f"Laplace({a['location']}, {a['scale']})",
    "StudentT": lambda a: f"StudentT({a['dof']}, {a['mean']}, {a.std()})",
    "AsymmetricLaplace": lambda a: f"AsymmetricLaplaceQuantile({a['mean']}, {a['scale']}, {a['quantile']})",
    "HalfCauchy": lambda a: f"HalfCauchy({a['scale']})",
    "Pareto": lambda a: f"Pareto({a['minimum']}, {a['shape']})",
    "Weibull": lambda a: f"Weibull({a.signed('rate')} ** (-1 / {a.signed('shape')}), {a['shape']})",
    "VonMises": lambda a: f"VonMises({a['mean']}, {a['concentration']})",
    "Poisson": lambda a: f"Poisson({a['rate']})",
    "Bernoulli": lambda a: f"Bernoulli(probs={a['prob']})",
    "Binomial": lambda a: f"Binomial({a['total']}, probs={a['prob']})",
    "BetaBinomial": lambda a: f"BetaBinomial({a['a']}, {a['b']}, {a['total']})",
    "Geometric": lambda a: f"GeometricProbs({a['prob']})",
    **{f"{side}Censored{n}": _censored(side, n) for side, n in _CENSORED},
    **{f"IntervalCensored{n}": _between(n) for n in ("Exponential", "Weibull", "Normal")},
    **{f"Hurdle{n}": _hurdle(n) for n in ("Poisson", "Binomial", "NegativeBinomial")},
    **{f"ZeroInflated{n}": _zero_inflated(n) for n in ("Poisson", "Binomial", "NegativeBinomial")},
    "NegativeBinomial": lambda a: f"NegativeBinomialProbs({a['number']}, 1 - {a.signed('prob')})",
}


def _dirichlet(d: Distribution, plates: Context, arrays: Arrays) -> str:
    return f"Dirichlet({arrays.full(d.args['concentration'], (*plates, *d.event))})"


def _categorical(d: Distribution, plates: Context, arrays: Arrays) -> str:
    assert d.over is not None
    probs = d.args["probs"]
    if isinstance(probs, Ordered) and probs.sub == d.over:
        return f"OrderedLogistic({arrays.write(probs.location, plates)}, {_cutpoints(probs, plates, arrays)})"
    return f"Categorical(probs={arrays.full(d.args['probs'], (*plates, d.over))})"


def _cutpoints(probs: Ordered, plates: Context, arrays: Arrays) -> str:
    """The lowest cutpoint and a running sum of the widths above it; those of the open categories do not count."""
    context = (*plates, probs.axis)
    first, widths = arrays.write(probs.first, context), arrays.full(probs.part, context)
    if not probs.part.free() & set(plates):
        above = f"jnp.cumsum({_set_to_zero(widths, '0')})[:-1]"
    else:
        above = f"jnp.cumsum({_set_to_zero(widths, '..., 0')}, -1)[..., :-1]"
    return above if first == "0" else f"{first} + {above}"


def _set_to_zero(array: str, where: str) -> str:
    whole = array if array.isidentifier() else f"({array})"
    return f"{whole}.at[{where}].set(0.0)"


def _multinomial(d: Distribution, plates: Context, arrays: Arrays) -> str:
    probs = arrays.full(d.args["probs"], (*plates, *d.event))
    return f"Multinomial({arrays.write(d.args['total'], plates)}, probs={probs})"


def _dirichlet_multinomial(d: Distribution, plates: Context, arrays: Arrays) -> str:
    concentration = arrays.full(d.args["concentration"], (*plates, *d.event))
    return f"DirichletMultinomial({concentration}, {arrays.write(d.args['total'], plates)})"


def _multivariate_normal(d: Distribution, plates: Context, arrays: Arrays) -> str:
    (axis,) = d.event
    mean, precision = d.args["mean"], d.args["precision"]
    context = (*plates, axis)
    if (diagonal := on_diagonal(precision, axis)) is not None:
        return f"Normal({arrays.full(mean, context)}, {deviation(diagonal, context, arrays)}).to_event(1)"
    loc = arrays.full(mean, context)
    match precision:
        case InverseOf(body=body, row=row, column=column, subs=subs) if subs == (axis, primed(axis)):
            return f"MultivariateNormal({loc}, covariance_matrix={arrays.write(body, (*plates, row, column))})"
    return f"MultivariateNormal({loc}, precision_matrix={arrays.write(precision, (*context, primed(axis)))})"


def on_diagonal(matrix: Expr, axis: Index) -> Expr | None:
    """The number or vector of a multiple of the identity, or of a diagonal matrix."""
    match matrix:
        case Mul(factors=(Condition(name="same", subs=subs), value)) if subs == (axis, primed(axis)):
            return value
    return None


def _matrix(d: Distribution, name: str, axis: Index, plates: Context, arrays: Arrays) -> str:
    value = d.args[name]
    if isinstance(diagonal := on_diagonal(value, axis), Number) and diagonal.value == 1:
        return f"jnp.eye({extent(axis)})"
    return arrays.write(value, (*plates, axis, primed(axis)))


def _root(d: Distribution, name: str, axis: Index, plates: Context, arrays: Arrays) -> str:
    """The triangular root of the covariance that belongs to a precision matrix."""
    diagonal = on_diagonal(d.args[name], axis)
    if diagonal is None:
        return f"jnp.linalg.cholesky(jnp.linalg.inv({_matrix(d, name, axis, plates, arrays)}))"
    scale = deviation(diagonal, (*plates, axis, primed(axis)), arrays)
    return f"jnp.eye({extent(axis)})" + ("" if scale == "1" else f" * ({scale})")


def _wishart(d: Distribution, plates: Context, arrays: Arrays) -> str:
    dof = arrays.write(d.args["dof"], plates)
    return f"{d.family}({dof}, scale_matrix={_matrix(d, 'scale', d.event[0], plates, arrays)})"


def _inverse_wishart(d: Distribution, plates: Context, arrays: Arrays) -> str:
    dof = arrays.write(d.args["dof"], plates)
    return f"InverseWishart({dof}, scale_matrix={_matrix(d, 'scale', d.event[0], plates, arrays)})"


def _matrix_normal(d: Distribution, plates: Context, arrays: Arrays) -> str:
    row, column = d.event
    sides = [_root(d, n, i, plates, arrays) for n, i in (("row_precision", row), ("column_precision", column))]
    mean = arrays.full(d.args["mean"], (*plates, row, column), last=2)
    return f"MatrixNormal({mean}, {sides[0]}, {sides[1]})"


_VECTOR: Mapping[str, Callable[[Distribution, Context, Arrays], str]] = {
    "Dirichlet": _dirichlet,
    "Categorical": _categorical,
    "Multinomial": _multinomial,
    "DirichletMultinomial": _dirichlet_multinomial,
    "MultivariateNormal": _multivariate_normal,
    "Wishart": _wishart,
    "InverseWishart": _inverse_wishart,
    "MatrixNormal": _matrix_normal,
}
