"""What to say when a term is not conjugate: the term, the factor, and the remedies known for its form."""

from __future__ import annotations

from collections.abc import Iterable

from cavi.derive.errors import NonConjugateError
from cavi.derive.result import Factor
from cavi.derive.term import Function, Polynomial
from cavi.derive.text import show

_BY_FUNCTION = {
    "exp": "a tangent of exp where its factor is positive (where it is negative the term is concave and has none below "
    "it), or a Gamma prior on the rate itself in place of a Normal on its logarithm",
    "log": "a Jensen bound of the logarithm of the sum, or an augmentation by auxiliary counts or categories, one for "
    "each term of the sum; of log(1 + x), as in Student's t or a half-Cauchy, an augmentation by a Gamma",
    "lgamma": "a factor by quadrature, a fixed value, or a prior whose statistics contain log Γ (no lower bound of "
    "-log Γ lies in the statistics of a known family: it falls like log a at zero and like -a log a at infinity)",
    "pow": "a parametrisation by the power itself (for example by the precision instead of the standard deviation)",
    "abs": "an augmentation as a scale mixture of Normals (normal_mixture), or a known location",
    "softplus": "a tangent (Jaakkola-Jordan) or quadratic (Böhning) bound of the logistic function, or a Pólya-Gamma "
    "augmentation",
    "log_normal_interval": "an augmentation by a Normal that is truncated to where the data are (albert_chib, or "
    "ordered_probit where both ends are known)",
    "cos": "a known concentration",
    "log_bessel_i": "a known concentration",
}
_ALWAYS = (
    "a joint block of the latents it couples, factors=[(...)], a conjugate prior, or m.point for a maximised parameter"
)


def _functions(p: Polynomial) -> Iterable[str]:
    return dict.fromkeys(a.name for a in p.atoms() if isinstance(a, Function))


def refusal(factor: Factor, term: Polynomial, latents: Iterable[str] = (), why: str = "") -> NonConjugateError:
    """The error for a term that keeps a factor from having a closed-form optimum."""
    readable = show(term)
    latents = [n for n in latents if n]
    couples = f" (it couples {', '.join(latents)})" if len(latents) > 1 else ""
    known = [_BY_FUNCTION[n] for n in _functions(term) if n in _BY_FUNCTION]
    return NonConjugateError(
        f"the factor q({factor.name}) has no closed-form optimum: the term {readable}{couples} of the log joint is not "
        f"{why or 'conjugate'}. Remedies: {'; '.join([*known, _ALWAYS])}",
        factor=factor.name,
        terms=(readable,),
        latents=tuple(latents),
    )
