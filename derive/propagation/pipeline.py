"""`propagate`: the stages from a declared model to expectation propagation.

Model ──log_joint──▶ node polynomials ──split──▶ Gaussian part and sites
  ──gaussian_part──▶ natural parameters;  for each site ──tilted──▶ moments;  ──steps──▶ Propagation
"""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational

from cavi.derive.errors import CaviError, DeclarationError, NonConjugateError
from cavi.derive.families import lookup
from cavi.derive.log_joint import log_joint
from cavi.derive.model import Model, Variable
from cavi.derive.propagation.natural import gaussian_part
from cavi.derive.propagation.result import Propagation
from cavi.derive.propagation.sites import split
from cavi.derive.propagation.steps import derivation, evidence
from cavi.derive.propagation.tilted import tilted

_REAL = ("real", "vector", "matrix")


def propagate(model: Model, power: float | Fraction = 1) -> Propagation:
    """Expectation propagation, or power EP, for latents that are jointly Normal but for sites.

    With q(w) one joint Normal, each function exp f_n(h_n) of one affine scalar h_n = a_n·w + c_n is replaced by a
    Gaussian in h_n, such that q has the mean and the variance of h_n under the tilted density: the minimum of the
    forward divergence KL(tilted ‖ q), where mean field minimises the reverse one. Power EP matches with exp(α f_n); as
    α → 0 it becomes variational message passing, the coordinate ascent of the evidence bound.

    Args:
        model: what was declared; latents are real, scales and precisions are known.
        power: α in (0, 1]; one is EP.

    Raises:
        DeclarationError: for a model without latents or observations, and for another power.
        NonConjugateError: for latents that are not real, and naming the term that is neither at most quadratic nor a
            function of one affine combination of the latents.

    Source: Minka (2001); Minka (2004) for powers; Rasmussen and Williams (2006), section 3.6; Bishop (2006), 10.7.

    Examples:
        >>> from cavi.derive import Bernoulli, Model, Normal, dot, propagate, sigmoid
        >>> m = Model("logit")
        >>> n, d = m.index("n", "N"), m.index("d", "D")
        >>> x = m.covariate("X", n, d)
        >>> w = m.latent("w", Normal(0, 1), d)
        >>> y = m.observed("y", Bernoulli(sigmoid(dot(w, x[n]))), n)
        >>> p = propagate(m)
        >>> [(s.name, t.method) for s, t in zip(p.sites, p.moments)]
        [('y', 'quadrature')]
    """
    if not isinstance(model, Model):
        raise DeclarationError(
            f"propagate expects a Model, found {type(model).__name__}; declare one with Model('name')"
        )
    alpha = _power(power)
    latents = model.with_role("latent")
    if not latents:
        raise DeclarationError(f"{model.name} has no latent variable; declare one with m.latent")
    if not model.with_role("observed"):
        raise DeclarationError(f"{model.name} has no observed variable; declare one with m.observed")
    for v in model.with_role("latent", "point"):
        _check_real(v)
    nodes = log_joint(model)
    parts = split(model, nodes)
    gaussian = gaussian_part(model, parts.gaussian)
    moments = tuple(tilted(s, alpha, model) for s in parts.sites)
    steps = derivation(parts, moments, alpha, model)
    terms = evidence(parts, gaussian.constant, alpha, latents)
    return Propagation(model, alpha, nodes, parts, gaussian, moments, terms, steps)


def _power(power: object) -> Fraction:
    try:
        if isinstance(power, bool) or not isinstance(power, int | float | Rational):
            raise TypeError
        alpha = Fraction(power).limit_denominator(10**6) if isinstance(power, float) else Fraction(power)
    except (TypeError, ValueError, OverflowError):
        raise DeclarationError(f"power = {power!r}; expected a number above 0 and at most 1") from None
    if alpha == 0:
        raise DeclarationError(
            "power = 0 is the limit of variational message passing, which maximises the evidence bound; use derive(m)"
        )
    if not 0 < alpha <= 1:
        raise DeclarationError(f"power = {power}; expected a number above 0 and at most 1, where 1 is EP")
    return alpha


def _check_real(v: Variable) -> None:
    if v.role == "point":
        raise NonConjugateError(
            f"expectation propagation: {v.name} is a point parameter, which is maximised; declare it with m.hyper, or "
            "use derive(m)",
            factor=v.name,
        )
    if v.weight is not None:
        raise CaviError(
            f"expectation propagation: {v.name} has a weight, so that q would be that of one copy; leave it out"
        )
    for distribution in (v.distribution, v.chain.initial if v.chain else None):
        if distribution is not None and (found := lookup(distribution.family).support) not in _REAL:
            raise NonConjugateError(
                f"expectation propagation: the latent {v.name} is {distribution.family} with the support {found}; "
                "expected real latents, of which q is one joint Normal. Make it a hyperparameter, or use derive(m)",
                factor=v.name,
            )
