"""The distributions of PyMC by the names of their operations, with their parameters in the words of cavi.

PyMC converts what a user gives (a precision, a rate, a Cholesky factor) to one form before it builds the graph; what is
read here is that form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cavi import derive
from cavi.derive.errors import DeclarationError
from cavi.templates.programs.fold import value
from cavi.templates.programs.graph import Node, constant, elementwise, take
from cavi.templates.programs.sites import Drawn, Mixed, StudentT, precision
from cavi.templates.pymc.graph import Graphs, kind

Found = Drawn | Mixed | StudentT
_REMEDIES: Mapping[str, str] = {
    "Censored": "which values are limits is known data in cavi.derive: RightCensoredNormal(mean, precision, event)",
    "HalfStudentT": "a HalfNormal, or an InverseGamma for the variance, can be derived",
    "Cauchy": "it is a StudentT of one degree of freedom",
    "Uniform": "declare a Beta, or a Normal or Gamma that is wide enough",
    "DiscreteUniform": "use a Categorical with equal probabilities",
    "Geometric": "PyMC counts trials; cavi.derive.Geometric counts failures, one less",
    "_LKJCholeskyCov": "declare the precision matrix by a Wishart in cavi.derive",
    "LKJCorr": "declare the precision matrix by a Wishart in cavi.derive",
}


def _zero(node: Node, where: str) -> None:
    found = value(node, {}) if node.known else np.array(np.nan)
    if (found != 0).any():
        raise DeclarationError(f"{where}: found a location other than zero; expected a distribution that starts there")


def _half_normal(where: str, loc: Node, sigma: Node) -> Found:
    _zero(loc, where)
    return Drawn("HalfNormal", {"std": sigma})


def _half_cauchy(where: str, *args: Node) -> Found:
    *loc, scale = args
    for found in loc:
        _zero(found, where)
    return Drawn("HalfCauchy", {"scale": scale})


def _asymmetric(where: str, rate: Node, kappa: Node, mean: Node) -> Found:
    """With a density of b κ on the right and b/κ on the left: the quantile κ²/(1 + κ²), the scale κ/(b (1 + κ²))."""
    square = elementwise("square", kappa)
    above = elementwise("add", constant(1), square)
    scale = elementwise("div", kappa, elementwise("mul", rate, above))
    return Drawn("AsymmetricLaplace", {"mean": mean, "scale": scale, "quantile": elementwise("div", square, above)})


def _exponential(where: str, scale: Node) -> Found:
    return Drawn("Exponential", {"rate": elementwise("reciprocal", scale)})


def _truncated(where: str, mean: Node, sigma: Node, lower: Node, upper: Node) -> Found:
    args = {"mean": mean, "precision": precision(sigma)}
    for name, bound in (("lower", lower), ("upper", upper)):
        if not (bound.known and np.isinf(value(bound, {})).all()):
            args[name] = bound
    return Drawn("TruncatedNormal", args) if len(args) > 2 else Drawn("Normal", {"mean": mean, "std": sigma})


def _uniform(where: str, lower: Node, upper: Node) -> Found:
    ends = [value(n, {}) if n.known else np.array(np.nan) for n in (lower, upper)]
    if (ends[0] == 0).all() and (ends[1] == 1).all():
        return Drawn("Beta", {"a": constant(1), "b": constant(1)})
    raise DeclarationError(f"{where}: found Uniform({ends[0]}, {ends[1]}); {_REMEDIES['Uniform']}")


_FOUND: Mapping[str, Callable[..., Found]] = {
    "Normal": lambda w, mu, sigma: Drawn("Normal", {"mean": mu, "std": sigma}),
    "HalfNormal": _half_normal,
    "LogNormal": lambda w, mu, sigma: Drawn("LogNormal", {"mean": mu, "precision": precision(sigma)}),
    "TruncatedNormal": _truncated,
    "Gamma": lambda w, alpha, scale: Drawn("Gamma", {"shape": alpha, "scale": scale}),
    "InvGamma": lambda w, alpha, beta: Drawn("InverseGamma", {"shape": alpha, "scale": beta}),
    "Beta": lambda w, a, b: Drawn("Beta", {"a": a, "b": b}),
    "Uniform": _uniform,
    "Exponential": _exponential,
    "HalfCauchy": _half_cauchy,
    "AsymmetricLaplace": _asymmetric,
    "Laplace": lambda w, mu, b: Drawn("Laplace", {"location": mu, "scale": b}),
    "Pareto": lambda w, alpha, m: Drawn("Pareto", {"shape": alpha, "minimum": m}),
    "WeibullBeta": lambda w, alpha, beta: Drawn("Weibull", {"shape": alpha, "scale": beta}),
    "VonMises": lambda w, mu, kappa: Drawn("VonMises", {"mean": mu, "concentration": kappa}),
    "StudentT": lambda w, nu, mu, sigma: StudentT(nu, mu, sigma),
    "Poisson": lambda w, mu: Drawn("Poisson", {"rate": mu}),
    "Bernoulli": lambda w, p: Drawn("Bernoulli", {"prob": p}),
    "Binomial": lambda w, n, p: Drawn("Binomial", {"total": n, "prob": p}),
    "BetaBinomial": lambda w, n, a, b: Drawn("BetaBinomial", {"total": n, "a": a, "b": b}),
    "NegativeBinomial": lambda w, n, p: Drawn("NegativeBinomial", {"number": n, "prob": p}),
    "Categorical": lambda w, p: Drawn("Categorical", {"probs": p}),
    "Multinomial": lambda w, n, p: Drawn("Multinomial", {"total": n, "probs": p}),
    "DirichletMultinomial": lambda w, n, a: Drawn("DirichletMultinomial", {"total": n, "concentration": a}),
    "Dirichlet": lambda w, a: Drawn("Dirichlet", {"concentration": a}),
    "MvNormal": lambda w, mu, cov: Drawn("MultivariateNormal", {"mean": mu, "covariance": cov}),
    "Wishart": lambda w, nu, scale: Drawn("Wishart", {"dof": nu, "scale": scale}),
}
_SPELLED = {
    "BetaClipped": "Beta",
    "MarginalMixture": "Mixture",
    "MultivariateNormal": "MvNormal",
    "NegBinomial": "NegativeBinomial",
}


def distribution(name: str, rv: Any, graphs: Graphs) -> Found:
    """The distribution of a PyMC variable.

    Raises:
        DeclarationError: for one that cavi does not have, with what to declare in its place.
    """
    op = rv.owner.op
    found = kind(op).removesuffix("RV")
    found = _SPELLED.get(found, found)
    if found == "Mixture":
        return _mixture(name, rv, graphs)
    if found not in _FOUND:
        remedy = _REMEDIES.get(found, f"expected one of {', '.join(_FOUND)} or a Mixture of them")
        raise DeclarationError(f"{name}: found the distribution {found.strip('_')}, which cannot be read; {remedy}")
    return _FOUND[found](name, *(graphs.read(p) for p in parameters(rv)))


def parameters(rv: Any) -> Sequence[Any]:
    """The parameters of a random variable, its generator and size left out."""
    op, inputs = rv.owner.op, rv.owner.inputs
    if hasattr(op, "dist_params"):
        found: Sequence[Any] = op.dist_params(rv.owner)
        return found
    return [i for i in inputs[1:] if type(i.type).__name__ != "RandomGeneratorType"]


def _mixture(name: str, rv: Any, graphs: Graphs) -> Found:
    weights, *components = parameters(rv)
    if len(components) == 2 and kind(components[0].owner.op).removesuffix("RV") == "DiracDelta":
        return _inflated(name, graphs.read(weights), components, graphs)
    if len(components) != 1:
        raise DeclarationError(
            f"{name}: found a mixture of {len(components)} distributions; expected one whose parameters have the "
            "components as their last axis, such as pm.Normal.dist(mu, sigma) with vectors mu and sigma"
        )
    component = distribution(f"the components of {name}", components[0], graphs)
    if not isinstance(component, Drawn):
        raise DeclarationError(f"{name}: found a mixture of mixtures; declare the categories as pm.Categorical")
    return Mixed(graphs.read(weights), component)


def _inflated(name: str, weights: Node, components: Sequence[Any], graphs: Graphs) -> Found:
    """A point at zero beside a count: the count with further zeros."""
    (point,) = (graphs.read(p) for p in parameters(components[0]))
    _zero(point, name)
    base = distribution(f"the count of {name}", components[1], graphs)
    family = f"ZeroInflated{base.family}" if isinstance(base, Drawn) else ""
    if not isinstance(base, Drawn) or not hasattr(derive, family):
        known = sorted(n.removeprefix("ZeroInflated") for n in vars(derive) if n.startswith("ZeroInflated"))
        found = getattr(base, "family", type(base).__name__)
        raise DeclarationError(f"{name}: found a {found} with further zeros; expected one of {', '.join(known)}")
    axes = [None] * (len(weights.shape) - 1)
    return Drawn(family, {**base.args, "inflation": take(weights, [*axes, constant(0)])})
