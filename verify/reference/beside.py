"""What an approximation loses, beside the posterior itself: the bound, the means and the standard deviations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cavi.verify.reference.posterior import Reference
from cavi.verify.reference.tape import Array

Moments = Mapping[str, tuple[Array, Array | None]]
APART = 1.1  # an R-hat from which the chains are in different modes, and their means describe none


@dataclass(frozen=True)
class Beside:
    """One approximation and the posterior.

    Attributes:
        name: of the method.
        value: its bound, or what it takes for the log evidence.
        bound: whether the value is a lower bound.
        gap: log p(x) less the value.
        shift: the largest distance of a mean, in posterior standard deviations; None where chains are in several modes.
        least: the smallest ratio of a standard deviation to the posterior's.
        largest: the largest.
        converged: whether the fit says so.
        seconds: of the fit.
    """

    name: str
    value: float
    bound: bool
    gap: float
    shift: float | None
    least: float | None
    largest: float | None
    converged: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The entries as plain data."""
        return asdict(self)


def beside(
    reference: Reference, name: str, value: float, bound: bool, moments: Moments, converged: bool, seconds: float
) -> Beside:
    """A row of the comparison.

    Args:
        reference: the posterior.
        name: of the method.
        value: the bound, or an approximation of log p(x).
        bound: whether it is a bound.
        moments: latent -> mean and standard deviation under q, None where it has none.
        converged: what the fit says.
        seconds: that it took.
    """
    moments = _renamed(reference, moments)
    shifts: list[float] = []
    ratios: list[Array] = []
    for latent, (mean, sd) in moments.items():
        if latent not in reference.mean or np.shape(mean) != reference.mean[latent].shape:
            continue
        scale = np.maximum(reference.sd[latent], 1e-300)
        shifts += [float(x) for x in np.ravel(np.abs((mean - reference.mean[latent]) / scale)) if np.isfinite(x)]
        if sd is not None:  # a tail may be too heavy for there to be one
            found = np.ravel(np.broadcast_to(sd, scale.shape) / scale)
            ratios.append(found[np.isfinite(found)])
    apart = reference.r_hat > APART or not shifts
    every = np.concatenate(ratios) if ratios else np.empty(0)
    return Beside(
        name,
        value,
        bound,
        reference.evidence.value - value,
        None if apart else max(shifts),
        None if apart or not len(every) else float(every.min()),
        None if apart or not len(every) else float(every.max()),
        converged,
        seconds,
    )


def _renamed(reference: Reference, moments: Moments) -> Moments:
    """The moments with the labels that bring them nearest to the posterior's, where labels are free."""
    labels = reference.labels
    if labels is None:
        return moments
    means = {n: mean for n, (mean, _) in moments.items() if n in labels.axes and n in reference.mean}
    deviations = {n: sd for n, (_, sd) in moments.items() if n in means and sd is not None}

    def distance(order: tuple[int, ...]) -> float:
        there = labels.renamed(means, order)
        gaps = ((there[n] - reference.mean[n]) / np.maximum(reference.sd[n], 1e-300) for n in means)
        return float(sum(np.square(g).sum() for g in gaps))

    order = min(labels.orders, key=distance)
    mean, sd = labels.renamed(means, order), labels.renamed(deviations, order)
    return {n: (mean.get(n, own[0]), sd.get(n, own[1])) for n, own in moments.items()}
