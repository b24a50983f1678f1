"""Priors that are missing, and priors that do not have the moments that one would ask of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from cavi.derive.distribution import Distribution
from cavi.derive.expression import Expr, Number
from cavi.derive.lint.finding import Finding
from cavi.derive.model import Model, Variable

# family -> (argument, what it must exceed for a mean, for a variance, as functions of the dimension; a source)
TAILS: dict[str, tuple[str, Callable[[int], int], Callable[[int], int]]] = {
    "InverseGamma": ("shape", lambda _: 1, lambda _: 2),
    "Pareto": ("shape", lambda _: 1, lambda _: 2),
    "InverseWishart": ("dof", lambda side: side + 1, lambda side: side + 3),
}
VAGUE = Fraction(1, 50)


def priors(model: Model) -> Iterator[Finding]:
    """Points without a prior, infinite means and variances, and vague Gammas on the precision of effects."""
    for v in model.with_role("latent", "point"):
        if v.distribution is None:
            yield Finding(
                "no_prior",
                "note",
                v.name,
                f"{v.name} is maximised and has no prior",
                "Its prior is flat, which is improper where its values are not bounded"
                + ("; a scale may collapse onto one data point" if v.domain == "positive" else ""),
                f"Give it one, m.point({v.name!r}, prior, …), if the likelihood alone may have no maximum",
            )
            continue
        yield from _tails(v, v.distribution)
    yield from _vague(model)


def _tails(v: Variable, distribution: Distribution) -> Iterator[Finding]:
    if distribution.family not in TAILS:
        return
    argument, mean, variance = TAILS[distribution.family]
    value = number(distribution.args[argument])
    side = distribution.event[0].size if distribution.event else "1"
    if value is None or not side.isdigit():
        return
    for what, least in (("mean", mean(int(side))), ("variance", variance(int(side)))):
        if value <= least:
            yield Finding(
                "infinite_moment",
                "warning" if what == "mean" else "note",
                v.name,
                f"the prior of {v.name}, {distribution}, has no finite {what}",
                f"A {distribution.family} has one only where its {argument} exceeds {least}; until data say more, "
                f"expectations under it are infinite or depend on a few draws",
                f"Use a {argument} above {least}, or compare medians",
            )
            return


def _vague(model: Model) -> Iterator[Finding]:
    """Gamma(ε, ε) for the precision of a group of effects is not uninformative (Gelman 2006)."""
    for v in model.with_role("latent"):
        d = v.distribution
        if d is None or d.family != "Gamma":
            continue
        shape, rate = number(d.args["shape"]), number(d.args["rate"])
        if shape is None or rate is None or max(shape, rate) > VAGUE:
            continue
        groups = [
            w.name
            for w in model.with_role("latent")
            if w.distribution is not None
            and w.plates
            and w.distribution.family in ("Normal", "MultivariateNormal")
            and not set(v.plates) & set(w.plates)
            and v.name in {r.name for r in w.distribution.args["precision"].refs()}
        ]
        if groups:
            yield Finding(
                "vague_precision",
                "note",
                v.name,
                f"the precision {v.name} of {' and '.join(groups)} has the prior {d}",
                "It is not uninformative: it has most of its mass at tiny precisions and a peak at a spread of zero, "
                "and with few groups the result depends on its parameters (Gelman 2006)",
                "Use a rate in the units of the squared spread, such as Gamma(1, expected variance), and vary it",
            )


def number(expr: Expr) -> Fraction | None:
    """The value of an argument that is a number."""
    return expr.value if isinstance(expr, Number) else None
