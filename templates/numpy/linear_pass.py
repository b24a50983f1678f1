"""Vectors that are a linear map of the data of their row: the functions that make sums of them, and no row."""

from __future__ import annotations

from dataclasses import dataclass

from cavi.derive.term import Parameter
from cavi.templates.numpy.alive import alive
from cavi.templates.numpy.arrays import Operand, spread
from cavi.templates.numpy.functions import Writer
from cavi.templates.numpy.linear import LinearMap
from cavi.templates.numpy.statistics import Planner, Statistic

KEPT = ("precision", "covariance", "logdet_precision")


@dataclass(frozen=True)
class LinearView:
    """What the template prints for one factor.

    Attributes:
        latent, rows, row: the vectors, the size and the name of the index over rows.
        width, unpacked: the number of features as Python, and the statement that names the sizes it is made of.
        body: the statements that compute what is the same for all rows.
        keeps: the sums that others read, and what they are of `second`, Σ E[z zᵀ]; those of features not among them.
        moments: the names of the moments that are not made.
        stored: the parameters that are kept, with their local names.
        covariance: the local name of the covariances.
    """

    latent: str
    rows: str
    row: str
    width: str
    unpacked: str
    body: tuple[str, ...]
    keeps: tuple[tuple[str, str], ...]
    moments: tuple[str, ...]
    stored: tuple[tuple[str, str], ...]
    covariance: str

    def named(self, *read: str) -> str:
        """The statement that names sizes, with those alone that some code reads."""
        return "".join(alive((self.unpacked, f"return {', '.join(read)}"))[:-1])


def only_sums(plan: LinearMap, writer: Writer, planner: Planner) -> bool:
    """Whether others read a factor through sums over rows alone that follow from its map."""
    name, z = plan.update.factor.name, plan.latent
    mine: set[object] = {(name, s.key) for s in plan.update.moment_specs}
    mine |= {("parameter", z, f) for f in ("linear", "mean")}
    own = {f"{kind} {name}" for kind in ("update", "start", "moments", "follow", "from_marginals")}
    own |= set(planner.chosen.values())
    if any(keys & mine for function, keys in writer.reads.items() if function not in own):
        return False
    return all(_follows(s, plan) for s in planner.chosen if z in s.reads)


def _follows(s: Statistic, plan: LinearMap) -> bool:
    if plan.column_of(s) is not None or plan.of_second(s) is not None:
        return True
    return all(isinstance(a, Parameter) and a.name in KEPT for a in s.monomial.atoms)


def linear_view(plan: LinearMap, writer: Writer, planner: Planner, width: str, unpacked: str) -> LinearView:
    """What is printed for a factor whose rows are not made during sweeps."""
    z, update = plan.latent, plan.update
    body, stored = writer.part(update, KEPT)
    keeps = []
    for s, n in planner.chosen.items():
        code = plan.of_second(s) if z in s.reads else None
        if code is not None:
            keeps.append((n, spread(Operand(code, s.axes), s.axes)))
    return LinearView(
        latent=z,
        rows=plan.features.row.size,
        row=plan.features.row.name,
        width=width,
        unpacked=unpacked,
        body=body,
        keeps=tuple(keeps),
        moments=tuple(writer.names[update.factor.name, s.key] for s in update.moment_specs),
        stored=stored,
        covariance=dict(stored)["covariance"],
    )
