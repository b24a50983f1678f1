"""The log density of one element of a declared node, in Stan's parametrisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.expression import Condition, Expr, InverseOf, Mul, Number, Ordered, Power
from cavi.derive.index import primed
from cavi.derive.model import Variable
from cavi.templates.infix import PRODUCT, WHOLE
from cavi.templates.stan.elements import LOG_2PI, Elements, nested


def log_density(v: Variable, d: Distribution, e: Elements) -> str:
    """log p of an element; what it needs is added to ``e.before``.

    Raises:
        CaviError: for a family that Stan does not have.
    """
    if d.family.startswith("ZeroInflated"):
        return _zero_inflated(v, replace(d, family=d.family.removeprefix("ZeroInflated")), e)
    for prefix, write in _INCOMPLETE:
        if d.family.startswith(prefix) and d.family not in _DENSITIES:
            return write(v, replace(d, family=d.family.removeprefix(prefix)), e)
    side, censored, base = d.family.partition("Censored")
    if censored and d.family not in _DENSITIES:
        return _censored(v, replace(d, family=base), e, {"Right": "_lccdf", "Left": "_lcdf"}[side])
    if d.family not in _DENSITIES:
        raise CaviError(f"Stan has no {d.family} ({v.name}); declare it by others")
    return _DENSITIES[d.family](v, d, e)


def deviation(precision: Expr, e: Elements) -> str:
    """1/sqrt(precision), without the detour where the precision was given as a variance or standard deviation."""
    match precision:
        case Power(base=base, exponent=Number(value=value)) if value == -2:
            return e.write(base)
        case Power(base=base, exponent=Number(value=value)) if value == -1:
            return f"sqrt({e.write(base)})"
        case Mul(factors=(Number(value=one), Power(base=base, exponent=Number(value=value)))) if one == 1 == -value:
            return f"sqrt({e.write(base)})"
        case Number(value=value) if value == 1:
            return "1"
    return f"inv_sqrt({e.write(precision)})"


def _value(v: Variable, e: Elements) -> str:
    return (e.categories.get(v.name, "") and f"{e.categories[v.name]} - 1") or e.element(v.name, v.plates)


def _by(name: str, *parameters: str) -> Callable[[Variable, Distribution, Elements], str]:
    """A density of Stan with the same parameters."""

    def write(v: Variable, d: Distribution, e: Elements) -> str:
        args = ", ".join(deviation(d.args[p], e) if p == "precision" else e.write(d.args[p]) for p in parameters)
        return f"{name}({_value(v, e)} | {args})"

    return write


def _half_normal(v: Variable, d: Distribution, e: Elements) -> str:
    return f"normal_lpdf({_value(v, e)} | 0, {deviation(d.args['precision'], e)}) + log(2.0)"


def _zero_inflated(v: Variable, d: Distribution, e: Elements) -> str:
    """log(1 - π) + log f(y), and for a zero what the odds of an extra one add."""
    value, extra, seen = _value(v, e), e.write(d.args["inflation"]), _DENSITIES[d.family](v, d, e)
    at_zero = seen.replace(f"({value} |", "(0 |", 1)
    return f"log1m({extra}) + {seen} + ({value} == 0) * log1p_exp(logit({extra}) - {at_zero})"


def _zero_truncated(v: Variable, d: Distribution, e: Elements) -> str:
    """log f(y) - log(1 - f(0))."""
    seen = _DENSITIES[d.family](v, d, e)
    return f"{seen} - log1m_exp({seen.replace(f'({_value(v, e)} |', '(0 |', 1)})"


def _hurdle(v: Variable, d: Distribution, e: Elements) -> str:
    """Of a zero the log probability of not crossing, else that of crossing and the density without its zero."""
    value, crossing = _value(v, e), e.write(d.args["crossing"])
    zero = f"({value} == 0)"
    return f"{zero} * log1m({crossing}) + (1 - {zero}) * (log({crossing}) + {_zero_truncated(v, d, e)})"


def _beyond(seen: str, v: Variable, e: Elements, at: str) -> str:
    """The log probability beyond a value, from the text of the density."""
    return seen.replace("_lpdf", "_lccdf", 1).replace(f"({_value(v, e)} |", f"({at} |", 1)


def _between(v: Variable, d: Distribution, e: Elements) -> str:
    """A density between two known limits."""
    seen = _DENSITIES[d.family](v, d, e)
    low, high = (_beyond(seen, v, e, e.write(d.args[end])) for end in ("lower", "upper"))
    return f"{seen} - log_diff_exp({low}, {high})"


def _left_truncated(v: Variable, d: Distribution, e: Elements) -> str:
    """A density above a known limit."""
    seen = _DENSITIES[d.family](v, d, e)
    return f"{seen} - {_beyond(seen, v, e, e.write(d.args['minimum']))}"


def _censored(v: Variable, d: Distribution, e: Elements, beyond: str) -> str:
    event, seen = e.write(d.args["event"], WHOLE), _DENSITIES[d.family](v, d, e)
    return f"{event} * {seen} + (1 - {event}) * {seen.replace('_lpdf', beyond, 1)}"


def _interval_censored(v: Variable, d: Distribution, e: Elements) -> str:
    """The log probability of the interval above a value."""
    seen, low = _DENSITIES[d.family](v, d, e).replace("_lpdf", "_lcdf", 1), _value(v, e)
    high = f"{low} + {e.write(d.args['width'])}"
    return f"log_diff_exp({seen.replace(f'({low} |', f'({high} |', 1)}, {seen})"


def _half_cauchy(v: Variable, d: Distribution, e: Elements) -> str:
    return f"cauchy_lpdf({_value(v, e)} | 0, {e.write(d.args['scale'])}) + log(2.0)"


def _inverse_nakagami(v: Variable, d: Distribution, e: Elements) -> str:
    args = f"{e.write(d.args['shape'])}, {e.write(d.args['scale'])}"
    return f"inv_gamma_lpdf(square({_value(v, e)}) | {args}) + log(2.0) + log({_value(v, e)})"


def _asymmetric_laplace(v: Variable, d: Distribution, e: Elements) -> str:
    """Its scale is half of that of Stan."""
    mean, quantile = e.write(d.args["mean"]), e.write(d.args["quantile"])
    return f"skew_double_exponential_lpdf({_value(v, e)} | {mean}, 2 * {e.write(d.args['scale'], WHOLE)}, {quantile})"


def _truncated_normal(v: Variable, d: Distribution, e: Elements) -> str:
    args = f"{e.write(d.args['mean'])}, {deviation(d.args['precision'], e)}"
    bounds = {n: e.write(d.args[n]) for n in ("lower", "upper") if n in d.args}
    inside = {
        ("lower",): lambda: f"normal_lccdf({bounds['lower']} | {args})",
        ("upper",): lambda: f"normal_lcdf({bounds['upper']} | {args})",
        ("lower", "upper"): lambda: (
            f"log_diff_exp(normal_lcdf({bounds['upper']} | {args}), normal_lcdf({bounds['lower']} | {args}))"
        ),
    }[tuple(bounds)]()
    return f"normal_lpdf({_value(v, e)} | {args}) - {inside}"


def _weibull(v: Variable, d: Distribution, e: Elements) -> str:
    shape = e.write(d.args["shape"], WHOLE)
    return f"weibull_lpdf({_value(v, e)} | {shape}, {e.write(d.args['rate'], WHOLE)} ^ (-inv({shape})))"


def _geometric(v: Variable, d: Distribution, e: Elements) -> str:
    prob = e.write(d.args["prob"])
    return f"log({prob}) + {_value(v, e)} * log1m({prob})"


def _negative_binomial(v: Variable, d: Distribution, e: Elements) -> str:
    prob = e.write(d.args["prob"], WHOLE)
    return f"neg_binomial_lpmf({_value(v, e)} | {e.write(d.args['number'])}, {prob} / (1 - {prob}))"


def _categorical(v: Variable, d: Distribution, e: Elements) -> str:
    """The log of one probability: that of the category."""
    assert d.over is not None
    place = e.categories.get(v.name) or f"{e.element(v.name, v.plates)} + 1"
    if isinstance(probs := d.args["probs"], Ordered) and probs.sub == d.over:
        return f"ordered_logistic_lpmf({place} | {e.write(probs.location)}, {_cutpoints(probs, e)})"
    inner = replace(e, at={**e.at, d.over: place})
    return f"log({inner.write(d.args['probs'])})"


def _cutpoints(probs: Ordered, e: Elements) -> str:
    """The lowest cutpoint and a running sum of the widths above it; those of the open categories do not count."""
    count = e.size(probs.axis)
    with e.outside(probs.first, probs.part) as outer:
        first, widths = outer.write(probs.first, PRODUCT), outer.vector(probs.part, probs.axis)
        if " " in widths:
            widths = f"({widths})"
        name = e.names.new("cutpoints")
        above = f"cumulative_sum(append_row(0, {widths}[2:({count} - 1)]))"
        outer.before.append(f"vector[{count} - 1] {name} = {first} + {above};")
    return name


def _dirichlet(v: Variable, d: Distribution, e: Elements) -> str:
    return f"dirichlet_lpdf({e.element(v.name, v.plates)} | {e.vector(d.args['concentration'], d.event[0])})"


def _multinomial(v: Variable, d: Distribution, e: Elements) -> str:
    return f"multinomial_lpmf({e.element(v.name, v.plates)} | {e.vector(d.args['probs'], d.event[0])})"


def _dirichlet_multinomial(v: Variable, d: Distribution, e: Elements) -> str:
    value, concentration = e.element(v.name, v.plates), e.vector(d.args["concentration"], d.event[0])
    return f"dirichlet_multinomial_lpmf({value} | {concentration})"


def _multivariate_normal(v: Variable, d: Distribution, e: Elements) -> str:
    (axis,) = d.event
    mean, precision, square = d.args["mean"], d.args["precision"], (axis, primed(axis))
    match precision:
        case Mul(factors=(Condition(name="same", subs=subs), diagonal)) if subs == square:
            return _independent(v, mean, diagonal, e)
        case InverseOf(body=body, row=row, column=column, subs=subs) if subs == square:
            name, matrix = "multi_normal_lpdf", e.matrix(body, (row, column))
        case _:
            name, matrix = "multi_normal_prec_lpdf", e.matrix(precision, square)
    return f"{name}({e.element(v.name, v.plates)} | {e.vector(mean, axis)}, {matrix})"


def _independent(v: Variable, mean: Expr, precision: Expr, e: Elements) -> str:
    """A sum over the elements of a vector that are independent."""
    total = e.names.new("sum")
    at, heads = e.loop(*v.event)
    inner = e.inside(at=at)
    term = f"normal_lpdf({inner.element(v.name, v.indices)} | {inner.write(mean)}, {deviation(precision, inner)})"
    e.before.append(f"real {total} = 0;")
    e.before.extend(nested(heads, [*inner.before, f"{total} += {term};"]))
    return total


def _wishart(v: Variable, d: Distribution, e: Elements) -> str:
    name = {"Wishart": "wishart_lpdf", "InverseWishart": "inv_wishart_lpdf"}[d.family]
    scale = e.matrix(d.args["scale"], (d.event[0], primed(d.event[0])))
    return f"{name}({e.element(v.name, v.plates)} | {e.write(d.args['dof'])}, {scale})"


def _matrix_normal(v: Variable, d: Distribution, e: Elements) -> str:
    row, column = d.event
    rows, columns = e.size(row), e.size(column)
    left = e.matrix(d.args["row_precision"], (row, primed(row)))
    right = e.matrix(d.args["column_precision"], (column, primed(column)))
    gap = f"({e.element(v.name, v.plates)} - {e.matrix(d.args['mean'], (row, column))})"
    return (
        f"0.5 * ({columns} * log_determinant_spd({left}) + {rows} * log_determinant_spd({right}) "
        f"- trace({left} * {gap} * {right} * {gap}') - {rows} * {columns} * {LOG_2PI})"
    )


_INCOMPLETE: tuple[tuple[str, Callable[[Variable, Distribution, Elements], str]], ...] = (
    ("ZeroTruncated", _zero_truncated),
    ("Hurdle", _hurdle),
    ("IntervalCensored", _interval_censored),
    ("LeftTruncated", _left_truncated),
    ("Truncated", _between),
)

_DENSITIES: Mapping[str, Callable[[Variable, Distribution, Elements], str]] = {
    "Normal": _by("normal_lpdf", "mean", "precision"),
    "LogNormal": _by("lognormal_lpdf", "mean", "precision"),
    "HalfNormal": _half_normal,
    "TruncatedNormal": _truncated_normal,
    "Gamma": _by("gamma_lpdf", "shape", "rate"),
    "InverseGamma": _by("inv_gamma_lpdf", "shape", "scale"),
    "Beta": _by("beta_lpdf", "a", "b"),
    "Exponential": _by("exponential_lpdf", "rate"),
    "Laplace": _by("double_exponential_lpdf", "location", "scale"),
    "StudentT": _by("student_t_lpdf", "dof", "mean", "precision"),
    "AsymmetricLaplace": _asymmetric_laplace,
    "HalfCauchy": _half_cauchy,
    "InverseNakagami": _inverse_nakagami,
    "Pareto": _by("pareto_lpdf", "minimum", "shape"),
    "Weibull": _weibull,
    "VonMises": _by("von_mises_lpdf", "mean", "concentration"),
    "Poisson": _by("poisson_lpmf", "rate"),
    "Bernoulli": _by("bernoulli_lpmf", "prob"),
    "Binomial": _by("binomial_lpmf", "total", "prob"),
    "BetaBinomial": _by("beta_binomial_lpmf", "total", "a", "b"),
    "Geometric": _geometric,
    "NegativeBinomial": _negative_binomial,
    "Categorical": _categorical,
    "Dirichlet": _dirichlet,
    "Multinomial": _multinomial,
    "DirichletMultinomial": _dirichlet_multinomial,
    "MultivariateNormal": _multivariate_normal,
    "Wishart": _wishart,
    "InverseWishart": _wishart,
    "MatrixNormal": _matrix_normal,
}
