"""The distributions of NumPyro by the names of their classes, with their parameters in the words of cavi."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cavi import derive
from cavi.derive.errors import DeclarationError
from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import (
    Node,
    constant,
    elementwise,
    expanded,
    inverse,
    matmul,
    softmax,
    take,
    transposed,
)
from cavi.templates.programs.ordered import ordered
from cavi.templates.programs.sites import Drawn, Mixed, StudentT, Walk, precision

Found = Drawn | Mixed | StudentT | Walk
Read = Callable[[str], Node]
BETWEEN = "IntervalCensoredDistribution"  # whose value is a pair, the ends of an interval
_WRAPPERS = ("Independent", "ExpandedDistribution", "MaskedDistribution")
_REMEDIES: Mapping[str, str] = {
    "Unit": "a factor has no distribution: declare it as an observed variable",
    "ImproperUniform": "give it a prior, or make it a numpyro.param, which is maximised over",
    "Delta": "use the expression itself, or numpyro.deterministic",
    "TransformedDistribution": "draw from its base, and write the transformation as an expression of what was drawn",
    "MixtureGeneral": "use a MixtureSameFamily, whose parameters have the components as their last axis",
    "DiscreteUniform": "use a Categorical with equal probabilities",
    "LKJCholesky": "declare the precision matrix by a Wishart",
}


def unwrapped(found: Any) -> Any:
    """The distribution without what only repeats, masks or counts its axes."""
    while type(found).__name__ in _WRAPPERS:
        found = found.base_dist
    return found


def arrays(found: Any, name: str) -> dict[str, Any]:
    """The parameters of a distribution by NumPyro's names; those of a mixture behind ``weights.`` and ``component.``.

    Raises:
        DeclarationError: for one that cavi does not have.
    """
    found = unwrapped(found)
    kind = type(found).__name__
    if kind == "MixtureSameFamily":
        weights, component = found._mixing_distribution, found._component_distribution
        return {
            **{f"weights.{n}": a for n, a in arrays(weights, name).items()},
            **{f"component.{n}": a for n, a in arrays(component, f"the components of {name}").items()},
        }
    if kind in _AROUND:
        base = unwrapped(found.base_dist)
        own = {n: getattr(found, n) for n in _AROUND[kind]}
        return own | {f"base.{n}": a for n, a in arrays(base, f"what {name} is made of").items()}
    if kind not in _PARAMETERS:
        remedy = _REMEDIES.get(kind, f"expected one of {', '.join(_PARAMETERS)} or a MixtureSameFamily of them")
        raise DeclarationError(f"{name}: found the distribution {kind}, which cannot be read; {remedy}")
    if kind in ("Wishart", "InverseWishart"):
        found = found.base_dist
    return {n: getattr(found, n) for n in _PARAMETERS[kind] if "|" not in n} | _given(found, _PARAMETERS[kind])


def _given(found: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The first of each choice that was given and not computed: ``precision_matrix|covariance_matrix``."""
    made = {}
    for choice in (n.split("|") for n in names if "|" in n):
        own = {**getattr(found, "__dict__", {})}
        name = next(n for n in choice if n in own)
        made[name] = own[name]
    if type(found).__name__.endswith("TruncatedDistribution"):
        base = unwrapped(found.base_dist)
        if type(base).__name__ != "Normal":
            raise DeclarationError(f"found a truncated {type(base).__name__}; expected a truncated Normal")
        made |= {"loc": base.loc, "scale": base.scale}
        made |= {n: getattr(found, n) for n in ("low", "high") if hasattr(found, n)}
    return made


def distribution(found: Any, name: str, read: Read) -> Found:
    """The distribution, its parameters read by their names."""
    found = unwrapped(found)
    kind = type(found).__name__
    if kind == "MixtureSameFamily":
        weights = distribution(found._mixing_distribution, name, lambda n: read(f"weights.{n}"))
        component = distribution(found._component_distribution, name, lambda n: read(f"component.{n}"))
        if not isinstance(component, Drawn) or not isinstance(weights, Drawn):
            raise DeclarationError(f"{name}: found a mixture of mixtures; declare the categories as a Categorical")
        return Mixed(weights.args["probs"], component)
    if kind in _AROUND:
        base = distribution(unwrapped(found.base_dist), name, lambda n: read(f"base.{n}"))
        return _around(kind, name, base, read)
    return _FOUND[kind](read, frozenset(arrays(found, name)))


# Distributions around another one: what they have beside it.
_AROUND: Mapping[str, tuple[str, ...]] = {
    "ZeroInflatedProbs": ("gate",),
    "ZeroInflatedLogits": ("gate_logits",),
    "ZeroInflatedPoisson": ("gate",),
    "HurdleProbs": ("gate",),
    "HurdleLogits": ("gate_logits",),
    "HurdlePoisson": ("gate",),
    "RightCensoredDistribution": ("censored",),
    "LeftCensoredDistribution": ("censored",),
    BETWEEN: ("left_censored", "right_censored"),
}


_EXTRA_ZEROS = ("ZeroInflated", "Hurdle")


def _around(kind: str, name: str, base: Found, read: Read) -> Drawn:
    """A count with further zeros, or a value that may be censored: a family of its own, if there is one."""
    around = next((a for a in _EXTRA_ZEROS if kind.startswith(a)), kind.removesuffix("Distribution"))
    family = around + base.family if isinstance(base, Drawn) else ""
    if not isinstance(base, Drawn) or not hasattr(derive, family):
        known = sorted(n.removeprefix(around) for n in vars(derive) if n.startswith(around))
        raise DeclarationError(
            f"{name}: found a {kind} of {getattr(base, 'family', type(base).__name__)}; expected one of "
            f"{', '.join(known)}"
        )
    args = dict(base.args)
    if around in _EXTRA_ZEROS:
        gate = elementwise("sigmoid", read("gate_logits")) if kind.endswith("Logits") else read("gate")
        if around == "Hurdle":  # its gate keeps back what the probability of a declaration lets across
            return Drawn(family, {**args, "crossing": elementwise("sub", constant(1), gate)})
        return Drawn(family, {**args, "inflation": gate})
    if base.family == "Weibull":  # by the rate of x**shape
        rate = elementwise("pow", args.pop("scale"), elementwise("neg", args["shape"]))
        args["rate"] = rate
    if "std" in args:
        args["precision"] = precision(args.pop("std"))
    if kind == BETWEEN:
        return Drawn(family, {**args, "width": _width(name, read)})
    seen = elementwise("sub", constant(1), elementwise("add", read("censored"), constant(0)))
    return Drawn(family, {**args, "event": seen})


def _width(name: str, read: Read) -> Node:
    """How far the upper end of each interval is from the lower one, which is the value of a declaration."""
    try:
        ends = read("*value")
    except KeyError:
        raise DeclarationError(
            f"{name}: found an {BETWEEN} that is not observed; expected obs= with both ends"
        ) from None
    for side in ("left_censored", "right_censored"):
        is_open = read(side)
        if not is_open.known or np.any(value(is_open, {})):
            raise DeclarationError(
                f"{name}: found {side} that is not zero everywhere; expected intervals with two ends: put an open one "
                "far away, such as at forty standard deviations, or at zero where values are positive"
            )
    lower, upper = (take(ends, [*[None] * (len(ends.shape) - 1), constant(at)]) for at in (0, 1))
    return elementwise("sub", upper, lower)


def _uniform(name: str) -> Callable[[Read, frozenset[str]], Found]:
    def make(read: Read, given: frozenset[str]) -> Found:
        ends = [read("low"), read("high")]
        if [e.op == "constant" and e.array.size == 1 and float(e.array.ravel()[0]) for e in ends] == [0.0, 1.0]:
            return Drawn("Beta", {"a": constant(1), "b": constant(1)})
        raise DeclarationError(f"found a {name} that is not on (0, 1); declare a Beta, or a wide Normal or Gamma")

    return make


def _truncated(read: Read, given: frozenset[str]) -> Found:
    bounds = {ours: read(n) for ours, n in (("lower", "low"), ("upper", "high")) if n in given}
    return Drawn("TruncatedNormal", {"mean": read("loc"), "precision": precision(read("scale")), **bounds})


def _multivariate(read: Read, given: frozenset[str]) -> Found:
    if "precision_matrix" in given:
        return Drawn("MultivariateNormal", {"mean": read("loc"), "precision": read("precision_matrix")})
    covariance = read("covariance_matrix") if "covariance_matrix" in given else gram(read("scale_tril"))
    return Drawn("MultivariateNormal", {"mean": read("loc"), "covariance": covariance})


def _wishart(family: str) -> Callable[[Read, frozenset[str]], Found]:
    def make(read: Read, given: frozenset[str]) -> Found:
        if "rate_matrix" in given:
            scale = inverse(read("rate_matrix"))
        else:
            scale = read("scale_matrix") if "scale_matrix" in given else gram(read("scale_tril"))
        return Drawn(family, {"dof": read("concentration"), "scale": scale})

    return make


def _matrix_normal(read: Read, given: frozenset[str]) -> Found:
    row, column = (inverse(gram(read(f"scale_tril_{side}"))) for side in ("row", "column"))
    return Drawn("MatrixNormal", {"mean": read("loc"), "row_precision": row, "column_precision": column})


def gram(root: Node) -> Node:
    """The matrix of a triangular root."""
    return root.args[0] if root.op == "cholesky" else matmul(root, transposed(root))


def _quantile(read: Read, given: frozenset[str]) -> Found:
    args = {ours: read(theirs) for ours, theirs in (("mean", "loc"), ("scale", "scale"), ("quantile", "quantile"))}
    return Drawn("AsymmetricLaplace", args)


def _asymmetric(read: Read, given: frozenset[str]) -> Found:
    """By κ, the root of p/(1 - p) of the quantile p; its scale is ours times (1 + κ²)/κ."""
    square = elementwise("square", read("asymmetry"))
    above = elementwise("add", constant(1), square)
    scale = elementwise("div", elementwise("mul", read("scale"), read("asymmetry")), above)
    return Drawn(
        "AsymmetricLaplace", {"mean": read("loc"), "scale": scale, "quantile": elementwise("div", square, above)}
    )


def _compound(read: Read, given: frozenset[str]) -> Found:
    """A Poisson whose rate is Gamma by shape and rate r: negative binomial of r/(1 + r), which is σ(log r)."""
    prob = elementwise("sigmoid", elementwise("log", read("rate")))
    return Drawn("NegativeBinomial", {"number": read("concentration"), "prob": prob})


def _negative_binomial_logits(read: Read, given: frozenset[str]) -> Found:
    """The logits are those of the event which is counted."""
    failure = elementwise("sigmoid", elementwise("neg", read("logits")))
    return Drawn("NegativeBinomial", {"number": read("total_count"), "prob": failure})


def _negative_binomial(read: Read, given: frozenset[str]) -> Found:
    """NumPyro's probability is that of the event which is counted."""
    failure = elementwise("sub", constant(1), read("probs"))
    return Drawn("NegativeBinomial", {"number": read("total_count"), "prob": failure})


def _ordered(read: Read, given: frozenset[str]) -> Found:
    return Drawn("Categorical", {"probs": ordered(read("predictor"), read("cutpoints"))})


def _random_walk(read: Read, given: frozenset[str]) -> Found:
    """From zero: the first element is a step, too."""
    scale = read("scale")
    step = Drawn("Normal", {"mean": constant(0.0), "std": expanded(scale, [*range(len(scale.shape)), None])})
    return Walk(step, step)


def _plain(family: str, **names: str) -> Callable[[Read, frozenset[str]], Found]:
    return lambda read, given: Drawn(family, {ours: read(n) for ours, n in names.items()})


def _logits(family: str, **names: str) -> Callable[[Read, frozenset[str]], Found]:
    return lambda read, given: Drawn(
        family, {**{ours: read(n) for ours, n in names.items()}, "prob": elementwise("sigmoid", read("logits"))}
    )


def _log_normal(read: Read, given: frozenset[str]) -> Found:
    return Drawn("LogNormal", {"mean": read("loc"), "precision": precision(read("scale"))})


def _student(read: Read, given: frozenset[str]) -> Found:
    return StudentT(read("df"), read("loc"), read("scale"))


_SCALES = "scale_matrix|rate_matrix|scale_tril"
_TRUNCATED: tuple[str, ...] = ()
# The class, the attributes that hold its parameters (the first of a choice that was given), and its reading.
_TABLE: tuple[tuple[str, tuple[str, ...], Callable[[Read, frozenset[str]], Found]], ...] = (
    ("Normal", ("loc", "scale"), _plain("Normal", mean="loc", std="scale")),
    ("HalfNormal", ("scale",), _plain("HalfNormal", std="scale")),
    ("LogNormal", ("loc", "scale"), _log_normal),
    ("LeftTruncatedDistribution", _TRUNCATED, _truncated),
    ("RightTruncatedDistribution", _TRUNCATED, _truncated),
    ("TwoSidedTruncatedDistribution", _TRUNCATED, _truncated),
    ("GaussianRandomWalk", ("scale",), _random_walk),
    ("Gamma", ("concentration", "rate"), _plain("Gamma", shape="concentration", rate="rate")),
    ("InverseGamma", ("concentration", "rate"), _plain("InverseGamma", shape="concentration", scale="rate")),
    ("Beta", ("concentration1", "concentration0"), _plain("Beta", a="concentration1", b="concentration0")),
    ("Uniform", ("low", "high"), _uniform("Uniform")),
    ("Exponential", ("rate",), _plain("Exponential", rate="rate")),
    ("AsymmetricLaplace", ("loc", "scale", "asymmetry"), _asymmetric),
    ("AsymmetricLaplaceQuantile", ("loc", "scale", "quantile"), _quantile),
    ("HalfCauchy", ("scale",), _plain("HalfCauchy", scale="scale")),
    ("Laplace", ("loc", "scale"), _plain("Laplace", location="loc", scale="scale")),
    ("Pareto", ("scale", "alpha"), _plain("Pareto", shape="alpha", minimum="scale")),
    ("Weibull", ("scale", "concentration"), _plain("Weibull", shape="concentration", scale="scale")),
    ("VonMises", ("loc", "concentration"), _plain("VonMises", mean="loc", concentration="concentration")),
    ("StudentT", ("df", "loc", "scale"), _student),
    ("Poisson", ("rate",), _plain("Poisson", rate="rate")),
    ("BernoulliProbs", ("probs",), _plain("Bernoulli", prob="probs")),
    ("BernoulliLogits", ("logits",), _logits("Bernoulli")),
    ("BinomialProbs", ("probs", "total_count"), _plain("Binomial", total="total_count", prob="probs")),
    ("BinomialLogits", ("logits", "total_count"), _logits("Binomial", total="total_count")),
    (
        "BetaBinomial",
        ("concentration1", "concentration0", "total_count"),
        _plain("BetaBinomial", total="total_count", a="concentration1", b="concentration0"),
    ),
    ("GeometricProbs", ("probs",), _plain("Geometric", prob="probs")),
    ("GeometricLogits", ("logits",), _logits("Geometric")),
    ("NegativeBinomialProbs", ("total_count", "probs"), _negative_binomial),
    ("NegativeBinomialLogits", ("total_count", "logits"), _negative_binomial_logits),
    ("NegativeBinomial2", ("concentration", "rate"), _compound),
    ("GammaPoisson", ("concentration", "rate"), _compound),
    ("CategoricalProbs", ("probs",), _plain("Categorical", probs="probs")),
    ("OrderedLogistic", ("predictor", "cutpoints"), _ordered),
    ("CategoricalLogits", ("logits",), lambda read, given: Drawn("Categorical", {"probs": softmax(read("logits"))})),
    ("MultinomialProbs", ("probs", "total_count"), _plain("Multinomial", total="total_count", probs="probs")),
    (
        "MultinomialLogits",
        ("logits", "total_count"),
        lambda read, given: Drawn("Multinomial", {"total": read("total_count"), "probs": softmax(read("logits"))}),
    ),
    (
        "DirichletMultinomial",
        ("concentration", "total_count"),
        _plain("DirichletMultinomial", total="total_count", concentration="concentration"),
    ),
    ("Dirichlet", ("concentration",), _plain("Dirichlet", concentration="concentration")),
    ("MultivariateNormal", ("loc", "precision_matrix|covariance_matrix|scale_tril"), _multivariate),
    ("Wishart", ("concentration", _SCALES), _wishart("Wishart")),
    ("InverseWishart", ("concentration", _SCALES), _wishart("InverseWishart")),
    ("MatrixNormal", ("loc", "scale_tril_row", "scale_tril_column"), _matrix_normal),
)
_PARAMETERS: Mapping[str, tuple[str, ...]] = {kind: names for kind, names, _ in _TABLE}
_FOUND: Mapping[str, Callable[[Read, frozenset[str]], Found]] = {kind: make for kind, _, make in _TABLE}
