"""Reading a claim: look-ups in the plain data that every check needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Plain, Position, positions

Axes = list[list[str]]
Element = tuple[str, Position]
SELECTING = ("Categorical", "Bernoulli")


class Claim:
    """Plain data with an index: variables by name, factors by latent, elements by site."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self.plain = plain
        self.model = plain["model"]
        self.variables: dict[str, dict[str, Any]] = {v["name"]: v for v in self.model["variables"]}
        self.factors: list[dict[str, Any]] = list(plain["factors"])
        self.factor_of = {latent: f for f in self.factors for latent in f["latents"]}
        self.factor_named = {f["name"]: f for f in self.factors}
        self.marginalised = frozenset(plain.get("marginalised") or ())
        # What integrating latents out has made of some declared densities: {"nodes": [...], "value": expression}.
        self.marginal: dict[str, Any] | None = plain.get("marginal")

        # What stands in the place of the log density of a node: a bound of it, or the joint with auxiliary latents.
        self.relaxed: dict[str, dict[str, Any]] = {r["node"]: r for r in plain.get("relaxed") or ()}

    @cached_property
    def auxiliary(self) -> frozenset[str]:
        """The latents and local parameters that only a relaxation has brought in."""
        return frozenset(n for r in self.relaxed.values() for n in r["variables"])

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """The variables that contribute a log density."""
        return [v for v in self.variables.values() if v["distribution"] is not None]

    @cached_property
    def kept_nodes(self) -> list[dict[str, Any]]:
        """Those whose declared density still stands in the log joint: nothing in it is integrated out or relaxed."""
        replaced = self.marginal["nodes"] if self.marginal else ()
        return [v for v in self.nodes if v["name"] not in replaced and v["name"] not in self.relaxed]

    @cached_property
    def copies(self) -> dict[str, str]:
        """Latents that stand for a number of copies which is itself latent -> that number."""
        weights = {v["name"]: names_in(v["weight"]) for v in self.nodes if v["weight"] is not None}
        return {n: m for n, names in weights.items() for m in names if self.is_random(m)}

    @cached_property
    def constraints(self) -> list[dict[str, Any]]:
        """The observed variables that are a function of latents."""
        return [v for v in self.variables.values() if v["constraint"] is not None]

    @cached_property
    def numeric(self) -> frozenset[str]:
        """The latents whose factor is normalised numerically."""
        return frozenset(n for n in self.factor_of if self.family(n) == "Numeric")

    @cached_property
    def expanded(self) -> bool:
        """Whether some expectations are those of an expansion to second order, so that the bound is approximated."""
        return any(f.get("chosen") in ("laplace", "delta") for f in self.factors)

    @cached_property
    def beside(self) -> dict[str, frozenset[str]]:
        """Points inside functions of other factors' latents: factor -> the factors whose moments change with it."""
        found: dict[str, set[str]] = {}
        for f in self.factors:
            for m in f["moments"]:
                for n in names_in(m["pattern"]):
                    if n in self.factor_of and n not in f["latents"]:
                        found.setdefault(self.factor_of[n]["name"], set()).add(f["name"])
        return {n: frozenset(by) for n, by in found.items()}

    @cached_property
    def integrals(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The parameters that are integrals without closed form, by latent and name."""
        every = (p for f in self.factors for p in f["parameters"])
        return {(p["latent"], p["name"]): p for p in every if p["value"][0] == "integral"}

    def axes(self, name: str) -> Axes:
        """The axes of a variable's array: plates, then event."""
        v = self.variables[name]
        return [*v["plates"], *v["event"]]

    def is_random(self, name: str) -> bool:
        """Whether the variable is a latent: q has a factor for it, or it is integrated out."""
        return name in self.factor_of or name in self.marginalised

    def selects(self, name: str) -> bool:
        """Whether the latent takes finitely many values by category, which are enumerated."""
        v = self.variables[name]
        return v["distribution"] is not None and v["distribution"]["name"] in SELECTING and not v["event"]

    def site_of(self, name: str, at: Position) -> tuple[str, Position]:
        """The factor and the site of its product that an element of a latent belongs to."""
        factor = self.factor_of[name]
        by_name = {i: p for (i, _), p in zip(self.axes(name), at, strict=True)}
        return factor["name"], tuple(by_name[i] for i, _ in factor["plates"])

    def elements(self, factor: Mapping[str, Any], site: Position, sizes: Mapping[str, int]) -> Iterator[Element]:
        """The elements of a factor's latents at one site."""
        for latent in factor["latents"]:
            for at in positions(self.axes(latent), sizes):
                if self.site_of(latent, at)[1] == site:
                    yield latent, at

    def family(self, latent: str) -> str:
        """The claimed family of a latent's factor."""
        return str(self.factor_of[latent]["families"][latent])

    def support(self, latent: str) -> str:
        """The support of a latent's factor: of its family, or of its declaration where the family is numeric."""
        own = FAMILIES[self.family(latent)].support
        return FAMILIES[self.variables[latent]["distribution"]["name"]].support if own == "number" else own

    def standard(self, latent: str) -> list[dict[str, Any]]:
        """The claimed standard parameters of a latent's factor, in order."""
        return [p for p in self.factor_of[latent]["parameters"] if p["latent"] == latent and p["role"] == "standard"]


def names_in(e: Plain | Any) -> Iterator[str]:
    """Names of the declared variables that an expression mentions, those in subscripts included."""
    if not isinstance(e, list) or not e:
        return
    if e[0] in ("ref", "is", "gather", "select"):
        yield e[1]
    for part in e:
        yield from names_in(part)
