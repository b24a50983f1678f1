"""Where a mistake can be: every formula of a claim, and what can be said about it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cavi.verify.evaluate import Plain

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Site:
    """One formula of a claim.

    Attributes:
        path: where it stands in the plain data.
        kind: ``parameter``, ``array`` (an array operation), ``moment``, ``statistic``, ``elbo``, ``entropy``,
            ``log_q``.
        label: what a reader calls it.
        factor: the factor it belongs to; empty for a term of the ELBO.
        indices: the axes it is free in, where it states them.
        over: the index along which it is normalised, so that a term without it cancels; empty for none.
        matrix: whether it is a positive definite matrix.
        points: names of factors that are point masses, under which E[log x] = log E[x].
        checks: parts of the titles of the checks that read it, the ones to try first.
    """

    path: Path
    kind: str
    label: str
    factor: str = ""
    indices: tuple[tuple[str, str], ...] = ()
    over: str = ""
    matrix: bool = False
    points: frozenset[str] = frozenset()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mutant:
    """A changed claim: the operator, the place, and the plain data."""

    operator: str
    label: str
    plain: dict[str, Any]
    site: Site


def sites(plain: dict[str, Any]) -> Iterator[Site]:
    """Every formula of a claim that a mistake could be in. Its declaration is not among them."""
    points = frozenset(f["name"] for f in plain["factors"] if f["point"])
    for i, f in enumerate(plain["factors"]):
        yield from _of_factor(f, i, points)
    for j, t in enumerate(plain["elbo"]):
        label = f"ELBO {t['kind']} of {t['name']}"
        first = t["name"].split(" + ")[0]
        title = f"ELBO, entropy of {first}" if t["kind"] == "entropy" else f"log density of {first}"
        yield Site(("elbo", j, "value"), "elbo", label, points=points, checks=(title,))
    exact = plain.get("exact")
    if exact is not None:
        checks = ("evidence in the parameters",)
        yield Site(("exact", "evidence"), "elbo", "evidence of the posterior", points=points, checks=checks)


def _of_factor(f: dict[str, Any], i: int, points: frozenset[str]) -> Iterator[Site]:
    name = f["name"]
    soft = {p["value"][2] for p in f["parameters"] if p["value"][:2] == ["array", "softmax"]}
    best: tuple[str, ...] = (f"{name} is the maximiser",) if f["point"] else (f"log q*({name}) -",)
    if f.get("climbs") is not None:
        best = (f"the step of {name} is", *best)
    if f.get("chosen"):
        best = (f"q({name}) is",)
    for j, p in enumerate(f.get("way_back", ())):
        path: Path = ("factors", i, "way_back", j, "value")
        checks = (f"a shortened step of q({name})",)
        indices = tuple((n, s) for n, s in p["indices"])
        square = p.get("domain") == "positive_definite"
        yield Site(
            path, "parameter", f"way back to {p['latent']}.{p['name']}", name, indices, "", square, points, checks
        )
    for j, p in enumerate(f["parameters"]):
        if p["value"][0] == "integral":
            continue  # it says what is integrated, and that is log q
        array = p["value"][0] == "array"
        over = p["indices"][-1][0] if p["indices"] and p["name"] in soft else ""
        yield Site(
            ("factors", i, "parameters", j, "value"),
            "array" if array else "parameter",
            f"{p['latent']}.{p['name']}",
            name,
            tuple((n, s) for n, s in p["indices"]),
            over,
            p.get("domain") == "positive_definite",
            points,
            best if p["role"] in ("auxiliary", "standard") else (f"under q({name})", *best),
        )
    for j, m in enumerate(f["moments"]):
        if m["value"] is not None:
            label = f"E[{m['key']}] of {name}"
            indices = tuple((n, s) for n, s in m["indices"])
            checks = (f"E[{m['key']}] under q({name})",)
            path = ("factors", i, "moments", j, "value")
            yield Site(path, "moment", label, name, indices, points=points, checks=checks)
    if f["point"]:
        return
    for j, _ in enumerate(f["statistics"]):
        over = f["event"][-1][0] if soft and f["event"] else ""
        checks = (f"log q*({name}) has",)
        path = ("factors", i, "statistics", j, 1)
        yield Site(path, "statistic", f"statistics of {name}", name, over=over, points=points, checks=checks)
    yield Site(
        ("factors", i, "entropy"),
        "entropy",
        f"entropy of {name}",
        name,
        points=points,
        checks=(f"entropy of q({name})",),
    )
    yield Site(("factors", i, "log_q"), "log_q", f"log q({name})", name, points=points, checks=(f"log q({name})",))


def get(plain: Any, path: Path) -> Any:
    """What stands at a path of nested dicts and lists."""
    for step in path:
        plain = plain[step]
    return plain


def put(plain: dict[str, Any], path: Path, value: Plain) -> dict[str, Any]:
    """A copy of plain data with another value at a path; what the path does not touch is shared."""
    other: Any = copy.copy(plain)
    inner = other
    for step in path[:-1]:
        inner[step] = copy.copy(inner[step])
        inner = inner[step]
    inner[path[-1]] = value
    return dict(other)
