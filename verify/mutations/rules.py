"""Rules by which a mutant means the same as the original, each a proof from the form of the formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from cavi.verify.evaluate import Plain
from cavi.verify.mutations.normal_form import normal, renamed
from cavi.verify.mutations.operators import indices_in, terms
from cavi.verify.mutations.site import Mutant, get

Name = tuple[str, str]


class Rules:
    """The rules for mutants of one claim."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self.plain = plain

    @cached_property
    def symmetric(self) -> Symmetric:
        """The symmetric matrices of the claim."""
        return Symmetric(self.plain)

    def __call__(self, mutant: Mutant) -> str | None:
        """The name of the rule by which a mutant means the same; None if none applies."""
        site = mutant.site
        if site.kind in ("array", "bound"):
            return None
        before, after = get(self.plain, site.path), get(mutant.plain, site.path)
        one, other = normal(before), normal(after)
        if one == other:
            return "the same normal form"
        if self.symmetric.ordered(one) == self.symmetric.ordered(other):
            return "a symmetric matrix transposed"
        if site.kind in ("parameter", "statistic") and site.over:
            if all(site.over not in indices_in(t) for t in _changed(one, other)):
                return "cancels when normalised"
        return self._of_auxiliary(mutant, one, other) if site.kind == "parameter" else None

    def _of_auxiliary(self, mutant: Mutant, one: Plain, other: Plain) -> str | None:
        """What is seen only in the formulas that read the parameter."""
        p = get(self.plain, mutant.site.path[:-1])
        if p["role"] != "auxiliary":
            return None
        if not any(_readers(self.plain, p)):
            return "never read"
        if _scales_out(self.plain, p, one, other):
            return "a common factor that cancels"
        return "a shift of all categories that cancels" if _shifts_out(self.plain, p, one, other) else None


def _changed(one: Plain, other: Plain) -> list[Plain]:
    mine, theirs = terms(one), terms(other)
    return [t for t in mine if t not in theirs] + [t for t in theirs if t not in mine]


# --- symmetric matrices ------------------------------------------------------------------------


class Symmetric:
    """Which matrices of a claim are symmetric in their last two subscripts.

    Declared positive definite; inverses of symmetric ones; and formulas that exchanging the two indices leaves alone.
    """

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self.known: set[tuple[str, ...]] = {
            *(("ref", v["name"]) for v in plain["model"]["variables"] if v["domain"] == "positive_definite"),
            *(("param", p["latent"], p["name"]) for p in _parameters(plain) if p.get("domain") == "positive_definite"),
        }
        while len(found := self.known | set(self._more(plain))) > len(self.known):
            self.known = found

    def _more(self, plain: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
        for p in _parameters(plain):
            value, key = p["value"], ("param", p["latent"], p["name"])
            if key in self.known or not _square(p["indices"]):
                continue
            inverse = value[:2] == ["array", "inverse"] and ("param", p["latent"], value[2]) in self.known
            if inverse or (value[0] != "array" and self._unmoved(value, p["indices"])):
                yield key
        for f in plain["factors"]:
            for m in f["moments"]:
                if m["value"] is not None and _square(m["indices"]) and self._unmoved(m["value"], m["indices"]):
                    yield ("moment", f["name"], m["key"])

    def _unmoved(self, value: Plain, indices: list[list[str]]) -> bool:
        """Whether exchanging the last two indices leaves a formula the same."""
        (left, _), (right, _) = indices[-2:]
        exchanged = renamed(value, {left: right, right: left})
        return bool(self.ordered(normal(value)) == self.ordered(normal(exchanged)))

    def ordered(self, e: Plain) -> Plain:
        """The normal form with the last two subscripts of symmetric matrices in a fixed order."""
        return list(normal(self._order(e)))

    def _order(self, e: Any) -> Any:
        if not isinstance(e, list):
            return e
        e = [self._order(part) for part in e]
        if {tuple(map(str, e[:n])) for n in (2, 3)} & self.known:
            if len(e[-1]) >= 2:
                return [*e[:-1], [*e[-1][:-2], *sorted(e[-1][-2:], key=repr)]]
        if e[:1] == ["inverse"] and self._unmoved(e[3], [e[1], e[2]]):
            return [*e[:4], *sorted(e[4:], key=repr)]
        return e


def _square(indices: list[list[str]]) -> bool:
    return len(indices) >= 2 and indices[-1][1] == indices[-2][1]


def _parameters(plain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [p for f in plain["factors"] for p in f["parameters"]]


# --- what cancels further on -------------------------------------------------------------------


def _reads(e: Any, p: Mapping[str, Any]) -> bool:
    """Whether a formula, or an array operation, reads a parameter."""
    if isinstance(e, dict):
        return any(_reads(part, p) for part in e.values())
    if not isinstance(e, list):
        return False
    by_name = e[:1] == ["array"] and p["name"] in e
    return by_name or e[:3] == ["param", p["latent"], p["name"]] or any(_reads(part, p) for part in e)


def _readers(plain: Mapping[str, Any], p: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any] | None, Plain]]:
    """What reads a parameter: parameters with their formulas, and other formulas without one."""
    for q in _parameters(plain):
        own = q["value"][0] != "array" or q["latent"] == p["latent"]
        if q is not p and own and _reads(q["value"], p):
            yield q, q["value"]
    for f in plain["factors"]:
        rest = {k: v for k, v in f.items() if k != "parameters"}
        yield from ((None, e) for e in rest.values() if _reads(e, p))
    yield from ((None, t["value"]) for t in plain["elbo"] if _reads(t["value"], p))


def _scales_out(plain: Mapping[str, Any], p: Mapping[str, Any], one: Plain, other: Plain) -> bool:
    """Whether the change multiplies by a number that cancels in all that reads the parameter."""
    factors = [c for c in ("-1", "1/2", "2", "-2") if normal(["mul", [["num", c], one]]) == other]
    if not factors:
        return False

    def scaled(e: Any) -> Any:
        if not isinstance(e, list):
            return e
        here = ["mul", [["num", factors[0]], e]] if e[:3] == ["param", p["latent"], p["name"]] else None
        return here if here is not None else [scaled(part) for part in e]

    formulas = [e for _, e in _readers(plain, p)]
    return all(e[0] != "array" and normal(e) == normal(scaled(e)) for e in formulas)


def _shifts_out(plain: Mapping[str, Any], p: Mapping[str, Any], one: Plain, other: Plain) -> bool:
    """Whether the change adds what does not depend on the category, and every reader passes it on or cancels it.

    A sum of parameters passes a shift on, so does the logarithm of a sum of exponentials; a softmax cancels it.
    """
    categories = {i for f in plain["factors"] if p["latent"] in f["latents"] for i, _ in f["event"]}
    inside = {i for i, _ in p["indices"]} & _soft_indices(plain, p["latent"], categories)
    if not inside or any(inside & set(indices_in(t)) for t in _changed(one, other)):
        return False
    shifted, seen = [p], [(p["latent"], p["name"])]
    while shifted:
        for reader, formula in _readers(plain, shifted.pop()):
            if reader is None or reader["latent"] != p["latent"]:
                return False
            key = (reader["latent"], reader["name"])
            if formula[:2] == ["array", "softmax"] or key in seen:
                continue
            if formula[:2] != ["array", "logsumexp"] and not _passes(formula, seen, inside):
                return False
            shifted.append(reader)
            seen.append(key)
    return True


def _soft_indices(plain: Mapping[str, Any], latent: str, categories: set[str]) -> set[str]:
    """The indices of a categorical latent's parameters other than its position: its categories, now and before."""
    own = [p for p in _parameters(plain) if p["latent"] == latent]
    soft = {p["value"][2] for p in own if p["value"][:2] == ["array", "softmax"]}
    sizes = {s for f in plain["factors"] if latent in f["latents"] for i, s in f["event"] if i in categories}
    sizes &= {p["indices"][-1][1] for p in own if p["name"] in soft and p["indices"]}
    return {i for p in own for i, s in p["indices"] if s in sizes}


def _passes(formula: Plain, shifted: list[Name], categories: set[str]) -> bool:
    """Whether a formula adds shifted parameters, each multiplied by nothing that depends on a category."""
    for t in terms(normal(formula)):
        factors = t[1] if t[0] == "mul" else [t]
        inside = [f for f in factors if any(_reads(f, {"latent": a, "name": b}) for a, b in shifted)]
        rest = [f for f in factors if f not in inside]
        if len(inside) > 1 or any(f[0] != "param" for f in inside):
            return False
        if inside and any(categories & set(indices_in(f)) for f in rest):
            return False
    return True
