"""Instances as JSON and back: exact rationals as text, every entry checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cavi.verify.claim import Claim
from cavi.verify.evaluate import positions
from cavi.verify.generic import Table
from cavi.verify.grammar import CertificateError, field, name, number
from cavi.verify.instance import Instance

MAX_SIZE = 6
MAX_VALUE = 10**6
MAX_COUNT = 60


def instance_to_json(instance: Instance) -> dict[str, Any]:
    """An instance as plain data."""
    return {
        "seed": instance.seed,
        "sizes": dict(instance.sizes),
        "data": {n: _table_to_json(t) for n, t in instance.data.items()},
        "q": {n: {p: _table_to_json(t) for p, t in tables.items()} for n, tables in instance.q.items()},
    }


def instance_from_json(claim: Claim, plain: object) -> Instance:
    """An instance from plain data.

    Raises:
        CertificateError: naming the entry that is missing, surplus or out of bounds.
    """
    sizes = field(plain, "sizes", dict, "instance")
    if set(sizes) != set(claim.model["sizes"]):
        raise CertificateError(f"instance: expected sizes {claim.model['sizes']}, found {sorted(sizes)}")
    for n, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_SIZE:
            raise CertificateError(f"instance: the size {n} must be a whole number 1 … {MAX_SIZE}, found {size!r}")
    seed = field(plain, "seed", int, "instance")
    data, q = field(plain, "data", dict, "instance"), field(plain, "q", dict, "instance")
    known = {n for n in claim.variables if not claim.is_random(n)}
    if set(data) != known or set(q) != set(claim.factor_of):
        raise CertificateError("instance: its data and q must name exactly the known variables and the latents")
    tables = {n: _table(claim.axes(n), sizes, data[n], n) for n in known}
    for n, table in tables.items():
        _check_support(claim.variables[n], table, sizes)
    parameters: dict[str, dict[str, Table]] = {}
    for latent in claim.factor_of:
        expected = {p["name"]: p["indices"] for p in claim.standard(latent)}
        given = field(q, latent, dict, "instance: q")
        if set(given) != set(expected):
            raise CertificateError(f"instance: q({latent}) must have the parameters {', '.join(expected)}")
        parameters[latent] = {p: _table(axes, sizes, given[p], f"q({latent}).{p}") for p, axes in expected.items()}
    return Instance(seed, sizes, tables, parameters)


def _check_support(v: Mapping[str, Any], table: Table, sizes: Mapping[str, int]) -> None:
    """Categories and observed indices must point into their set, counts be whole and small."""
    for at, x in table.items():
        if v["over"] is not None:
            size = int(v["over"][1]) if v["over"][1].isdigit() else sizes[v["over"][1]]
            if x.denominator != 1 or not 0 <= x < size:
                raise CertificateError(f"instance: {v['name']}{list(at)} must be one of 0 … {size - 1}, found {x}")
        elif v["domain"] == "count" and (x.denominator != 1 or not 0 <= x <= MAX_COUNT):
            raise CertificateError(f"instance: {v['name']}{list(at)} must be a count up to {MAX_COUNT}, found {x}")


def _table_to_json(table: Table) -> dict[str, str]:
    return {",".join(map(str, at)): str(x) for at, x in table.items()}


def _table(axes: list[list[str]], sizes: Mapping[str, int], plain: object, where: str) -> Table:
    if not isinstance(plain, dict):
        raise CertificateError(f"instance: {name(where.split('(')[0], 'instance')} must be a table of its elements")
    table: Table = {}
    for at in positions(axes, sizes):
        key = ",".join(map(str, at))
        if key not in plain:
            raise CertificateError(f"instance: {where} has no element [{key}]")
        table[at] = Fraction(number(plain[key], f"instance: {where}"))
        if abs(table[at]) > MAX_VALUE:
            raise CertificateError(f"instance: {where}[{key}] is beyond {MAX_VALUE}")
    if len(plain) != len(table):
        raise CertificateError(f"instance: {where} has {len(plain)} elements, expected {len(table)}")
    return table
