"""One step of EP for a site, as formulas and as a derivation; and the log evidence.

With q(h) = N(mean, variance) and the site exp(linear · h - ½ precision · h²), for the power α:

    cavity      1/v = 1/variance - α precision,          m/v = mean/variance - α linear
    tilted      N(h | m, v) exp(α f(h)) / Z  has the mean m̂ and the variance v̂
    site        precision ← (1/v̂ - 1/v)/α,               linear ← (m̂/v̂ - m/v)/α
    evidence    log Z_EP = log ∫ exp(g) Π sites dw + Σ (log Z - log ∫ N(h | m, v) site^α dh)/α
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive import functions
from cavi.derive.canonical import add, sum_over
from cavi.derive.derivation import Derivation, Step
from cavi.derive.model import Model, Variable
from cavi.derive.propagation import rules
from cavi.derive.propagation.sites import Site, Split
from cavi.derive.propagation.tilted import Tilted
from cavi.derive.result import Formula
from cavi.derive.term import Constant, Function, Parameter, Polynomial, from_atom, number
from cavi.derive.text import show

# What EP keeps for each element of a site.
QUANTITIES: Mapping[str, str] = {
    "mean": "mean of h under q",
    "variance": "variance of h under q",
    "linear": "coefficient of h in the logarithm of the approximate site",
    "precision": "precision of h in the approximate site",
    "cavity_mean": "mean of h without the site",
    "cavity_variance": "variance of h without the site",
    "log_normaliser": "log of the mass Z of the tilted density",
    "tilted_mean": "mean of h under the tilted density",
    "tilted_variance": "variance of h under the tilted density",
}
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class EvidenceTerm:
    """One term of log Z_EP: of the whole of q, or of a site, summed over its plates."""

    name: str
    value: Polynomial


def _inverse(p: Polynomial) -> Polynomial:
    return functions.reciprocal(p)


def formulas(site: Site, tilted: Tilted, power: Fraction) -> tuple[Formula, ...]:
    """The quantities of a site in the order in which they are computed; those by quadrature are left out."""
    q = site.quantity
    found = [
        ("cavity_variance", _inverse(_inverse(q("variance")) - q("precision").scaled(power))),
        ("cavity_mean", q("cavity_variance") * (q("mean") * _inverse(q("variance")) - q("linear").scaled(power))),
    ]
    if tilted.log_normaliser is not None and tilted.slope is not None and tilted.curvature is not None:
        v = q("cavity_variance")
        found += [
            ("log_normaliser", tilted.log_normaliser),
            ("tilted_mean", q("cavity_mean") + v * tilted.slope),
            ("tilted_variance", v + v * v * tilted.curvature),
        ]
    found += [
        ("precision", (_inverse(q("tilted_variance")) - _inverse(q("cavity_variance"))).scaled(1 / power)),
        (
            "linear",
            (
                q("tilted_mean") * _inverse(q("tilted_variance")) - q("cavity_mean") * _inverse(q("cavity_variance"))
            ).scaled(1 / power),
        ),
    ]
    return tuple(Formula(site.variable, name, site.plates, value, "auxiliary") for name, value in found)


def normal_log(site: Site, mean: str, variance: str) -> Polynomial:
    """The terms with h of the log density of a Normal."""
    h, precision = from_atom(site.hole), _inverse(site.quantity(variance))
    return site.quantity(mean) * precision * h - (precision * h * h).scaled(HALF)


def site_log(site: Site) -> Polynomial:
    """The logarithm of the approximate site, its scale left out."""
    h = from_atom(site.hole)
    return site.quantity("linear") * h - (site.quantity("precision") * h * h).scaled(HALF)


def derivation(split: Split, moments: Sequence[Tilted], power: Fraction, model: Model) -> Derivation[Polynomial]:
    """From the log joint to the update of every site."""
    whole = add(split.gaussian, *(sum_over(s.function, s.plates) for s in split.sites))
    told = tuple(f"{show(from_atom(s.hole))} = {show(s.scalar.whole, model.indices)}" for s in split.sites)
    steps = [Step(split.total, whole, rules.SITES, told)]
    for site, tilted in zip(split.sites, moments, strict=True):
        steps += _site_steps(site, tilted, power)
    return Derivation(
        "expectation propagation" if power == 1 else f"power expectation propagation, α = {power}",
        "log p",
        tuple(steps),
        "at a fixed point the mean and the variance of every scalar are the same under q and under its tilted density",
    )


def _site_steps(site: Site, tilted: Tilted, power: Fraction) -> list[Step[Polynomial]]:
    def expected(p: Polynomial) -> Polynomial:
        return from_atom(Function("E", (p,)))

    q, h = site.quantity, from_atom(site.hole)
    cavity, matched = (
        normal_log(site, "cavity_mean", "cavity_variance"),
        normal_log(site, "tilted_mean", "tilted_variance"),
    )
    steps = [
        Step(
            normal_log(site, "mean", "variance") - site_log(site).scaled(power),
            cavity,
            rules.CAVITY,
            ("cavity_variance and cavity_mean as named",),
        )
    ]
    under = "the expectation under the tilted density"
    if tilted.slope is None or tilted.curvature is None:
        first, second, by = (
            q("tilted_mean"),
            q("tilted_variance") + q("tilted_mean") * q("tilted_mean"),
            rules.TILTED_GRID,
        )
        steps += [Step(expected(h), first, by, (under,)), Step(expected(h * h), second, by, (under,))]
    else:
        v = q("cavity_variance")
        mean, by = q("cavity_mean") + v * tilted.slope, rules.TILTED_CLOSED
        steps += [
            Step(expected(h), mean, by, (under,)),
            Step(expected(h * h), v + v * v * tilted.curvature + mean * mean, by, (under,)),
        ]
    whole = cavity + site_log(site).scaled(power)
    return [
        *steps,
        Step(whole, matched, rules.MOMENT_MATCHING, ("with the mean and the variance of the tilted density",)),
        Step((matched - cavity).scaled(1 / power), site_log(site), rules.SITE_UPDATE, ("the new site",)),
    ]


def evidence(
    split: Split, constant: Polynomial, power: Fraction, latents: Sequence[Variable]
) -> tuple[EvidenceTerm, ...]:
    """The terms of log Z_EP, every constant kept.

    ``q.quadratic`` is mean' P mean and ``q.logdet_precision`` is log det P, for the precision P of the whole of q.
    """
    dimension = add(*(_dimension(v) for v in latents))
    log_two_pi = functions.log(number(2) * from_atom(Constant("pi")))
    quadratic, logdet = (from_atom(Parameter("q", n, ())) for n in ("quadratic", "logdet_precision"))
    whole = add(quadratic.scaled(HALF), logdet.scaled(-HALF), (dimension * log_two_pi).scaled(HALF), constant)
    terms = [EvidenceTerm("q", whole)]
    for site in split.sites:
        q, offset = site.quantity, site.scalar.offset
        shift = q("linear") * offset - (q("precision") * offset * offset).scaled(HALF)
        mass = _log_mass(site, "mean", "variance") - _log_mass(site, "cavity_mean", "cavity_variance")
        inside = shift + (q("log_normaliser") - mass).scaled(1 / power)
        terms.append(EvidenceTerm(site.name, sum_over(inside, site.plates)))
    return tuple(terms)


def _log_mass(site: Site, mean: str, variance: str) -> Polynomial:
    """The log-normaliser of a Normal, (mean²/variance + log variance)/2."""
    m, v = site.quantity(mean), site.quantity(variance)
    return (m * m * _inverse(v) + functions.log(v)).scaled(HALF)


def _dimension(v: Variable) -> Polynomial:
    total = number(1)
    for i in v.indices:
        total = total * functions.size_of(i)
    return total
