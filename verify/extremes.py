"""Instances far from where numbers are pleasant: what is right on paper overflows there unless the code guards it.

Real data in the thousands give log weights beyond the range of exp; concentrations near zero give E[log p] of minus
thousands. A softmax that does not subtract its largest entry divides zero by zero at both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from cavi.verify.claim import Claim
from cavi.verify.density import FAMILIES
from cavi.verify.generic import Table
from cavi.verify.instance import Instance

FAR, NEAR_ZERO = Fraction(10_000), Fraction(1, 10_000)


def extremes(claim: Claim, instance: Instance) -> tuple[Instance, Instance]:
    """The instance with its real data ten thousand times as large; with the shapes of q ten thousand times as small."""
    data = {name: _scaled(table, FAR) if _is_real_data(claim, name) else table for name, table in instance.data.items()}
    q = {latent: _near_zero(claim, latent, tables) for latent, tables in instance.q.items()}
    return replace(instance, data=data), replace(instance, q=q)


def _is_real_data(claim: Claim, name: str) -> bool:
    v = claim.variables[name]
    return bool(v["role"] == "observed" and v["over"] is None and v["domain"] == "real")


def _near_zero(claim: Claim, latent: str, tables: Mapping[str, Table]) -> dict[str, Table]:
    family = FAMILIES.get(claim.family(latent))
    shapes = {p.name for p in family.parameters if p.domain == "shape"} if family is not None else set()
    return {name: _scaled(table, NEAR_ZERO) if name in shapes else table for name, table in tables.items()}


def _scaled(table: Table, factor: Fraction) -> Table:
    return {at: value * factor for at, value in table.items()}
