"""The grammar of the claim of a propagation: its Gaussian part, its sites with a step for each, log Z_EP."""

from __future__ import annotations

import re
from typing import Any

from cavi.verify.grammar import CertificateError, Walker, axes, check_model, field, listed, name, one_of, short, text

KIND = "propagation"
SCHEMA = 1
METHODS = ("closed form", "quadrature")
# What a step computes for an element of a site; those of the tilted density only in closed form.
COMPUTED = ("cavity_variance", "cavity_mean", "precision", "linear")
CLOSED = ("log_normaliser", "tilted_mean", "tilted_variance")
POWER = re.compile(r"1|[0-9]{1,9}/[1-9][0-9]{0,9}")


def check_propagation(plain: object) -> dict[str, Any]:
    """The claim, if it follows the grammar.

    Raises:
        CertificateError: naming the first place that does not.
    """
    if not isinstance(plain, dict):
        raise CertificateError(f"expected a claim as a dict, found {type(plain).__name__}")
    if plain.get("schema") != SCHEMA:
        raise CertificateError(f"expected schema {SCHEMA} of a propagation, found {short(plain.get('schema'))}")
    walk = Walker()
    check_model(plain, walk)
    variables = {v["name"]: v for v in plain["model"]["variables"]}
    _power(field(plain, "power", str, "claim"))
    for key in ("gaussian", "constant"):
        walk.expression(field(plain, key, list, "claim"), key)
    latents = [n for c in field(plain, "natural", list, "claim") for n in _component(c, walk)]
    wanted = [n for n, v in variables.items() if v["role"] == "latent"]
    if sorted(latents) != sorted(wanted):
        raise CertificateError(f"natural: found the latents {latents}, expected {wanted}, each once")
    scalars: set[str] = set()
    for s in field(plain, "sites", list, "claim"):
        scalars.add(_site(s, {*variables, *scalars}, walk))
    for t in field(plain, "evidence", list, "claim"):
        text(field(t, "name", str, "evidence"), "evidence")
        walk.expression(field(t, "value", list, "evidence"), "evidence")
    return plain


def _power(found: str) -> None:
    top, _, bottom = found.partition("/")
    if not POWER.fullmatch(found) or not 0 < int(top) <= int(bottom or 1):
        raise CertificateError(f"power: expected a fraction above 0 and at most 1, found {short(found)}")


def _component(c: object, walk: Walker) -> list[str]:
    """Latents that are coupled, with their natural parameters."""
    latents = [name(n, "natural: latents") for n in field(c, "latents", list, "natural")]
    linear = field(c, "linear", list, "natural")
    for entry in linear:
        own, over, value = _parts(entry, 3, "natural: linear")
        _among(own, latents, "natural: linear")
        axes(over, "natural: linear")
        walk.expression(value, "natural: linear")
    if sorted(e[0] for e in linear) != sorted(latents):
        raise CertificateError("natural: linear coefficients are given for each of its latents once")
    for entry in field(c, "precision", list, "natural"):
        first, second, left, right, value = _parts(entry, 5, "natural: precision")
        _among(first, latents, "natural: precision")
        _among(second, latents, "natural: precision")
        axes(left, "natural: precision")
        axes(right, "natural: precision")
        walk.expression(value, "natural: precision")
    return latents


def _parts(entry: object, count: int, where: str) -> list[Any]:
    found = listed(entry, where)
    if len(found) != count:
        raise CertificateError(f"{where}: expected {count} parts, found {len(found)}")
    return found


def _among(n: object, latents: list[str], where: str) -> None:
    if name(n, where) not in latents:
        raise CertificateError(f"{where}: {n} is none of its latents {', '.join(latents)}")


def _site(s: object, taken: set[str], walk: Walker) -> str:
    """A site; the name of its scalar, which nothing else has."""
    where = f"site {short(s.get('name')) if isinstance(s, dict) else ''}"
    text(field(s, "name", str, where), where)
    scalar = name(field(s, "variable", str, where), where)
    assert isinstance(s, dict)
    if scalar in taken:
        raise CertificateError(f"{where}: its scalar is called {scalar}, as something else is")
    axes(field(s, "plates", list, where), where)
    for key in ("scalar", "function"):
        walk.expression(field(s, key, list, where), f"{where}: {key}")
    closed = one_of(field(s, "method", str, where), METHODS, where, "method") == METHODS[0]
    if s.get("log_normaliser") is not None:
        walk.expression(s["log_normaliser"], f"{where}: log_normaliser")
    found = []
    for formula in field(s, "formulas", list, where):
        key, value = _parts(formula, 2, f"{where}: formulas")
        found.append(one_of(key, (*COMPUTED, *CLOSED), where, "quantity"))
        walk.expression(value, f"{where}: {key}")
    wanted = {*COMPUTED, *(CLOSED if closed else ())}
    if len(found) != len(wanted) or set(found) != wanted:
        raise CertificateError(f"{where}: found the formulas {found}, expected {sorted(wanted)}, each once")
    return scalar
