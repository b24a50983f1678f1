"""Ancestral draws and log densities of declared nodes, and of the links of q, in float64.

Both are read from plain data and drawn with this package's own densities, so that they say nothing about the priors
that a generated sampler draws from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from cavi.verify import sampling
from cavi.verify.arithmetic import Engine, Value, doubles, to_float
from cavi.verify.claim import Claim
from cavi.verify.density import FAMILIES, log_density
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate, size_of
from cavi.verify.nodes import distribution_at, family_arguments, node_arguments

Values = dict[str, np.ndarray]
Parameters = Mapping[str, Mapping[str, np.ndarray]]


class World:
    """Values of the variables of a model, and parameters of q: the scope in which both are evaluated."""

    def __init__(
        self, claim: Claim, sizes: Mapping[str, int], values: Values, parameters: Parameters | None = None
    ) -> None:
        self.claim, self.sizes, self.values = claim, sizes, dict(values)
        self.parameters: Parameters = parameters or {}
        self.engine: Engine = doubles()
        self.counts = {n for n, v in claim.variables.items() if v["domain"] == "count"}

    def element(self, name: str, at: Position) -> Value:
        """A variable's element."""
        value = self.values[name][at]
        return int(value) if name in self.counts and value == int(value) else float(value)

    def param(self, latent: str, name: str, at: Position) -> Value:
        """A parameter of q."""
        return float(self.parameters[latent][name][at])

    def moment(self, factor: str, key: str, at: Position) -> Value:
        """Neither a declaration nor a density of q has moments."""
        raise KeyError(f"{factor}.{key} is a moment; expected values and parameters only")

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        """Neither a declaration nor a density of q has expectations."""
        raise KeyError("an expectation that is not yet taken stands only in derivation steps")

    def draw_model(self, rng: np.random.Generator) -> None:
        """Draw latents and data as the model declares them, and what is observed of latents; no auxiliary."""
        for v in self.claim.variables.values():
            if v["name"] in self.claim.auxiliary:
                continue
            if v["distribution"] is not None:
                self._draw(v["name"], v, rng)
            elif v["constraint"] is not None:
                self.observe(v)

    def observe(self, v: Mapping[str, Any]) -> None:
        """The value of an observed function of latents."""
        out = np.zeros([size_of(self.sizes, s) for _, s in v["plates"]])
        for b in bindings(v["plates"], self.sizes, {}):
            out[tuple(b[i] for i, _ in v["plates"])] = evaluate(v["constraint"], self, b)
        self.values[v["name"]] = out

    def draw_q(self, rng: np.random.Generator) -> None:
        """Draw every declared latent from its factor, by the chain rule of each block."""
        for link in self._links():
            self._draw(link["latent"], link, rng)

    def log_p(self) -> float:
        """log p of the present values: latents and data, as declared."""
        return sum(self._log(v["name"], v) for v in self.claim.nodes if v["name"] not in self.claim.auxiliary)

    def log_q(self) -> float:
        """log q of the present values of the latents."""
        return sum(self._log(link["latent"], link) for link in self._links())

    def _links(self) -> Iterator[Mapping[str, Any]]:
        for factor in self.claim.factors:
            yield from (link for link in factor["q"] if link["latent"] not in self.claim.auxiliary)

    def _draw(self, name: str, v: Mapping[str, Any], rng: np.random.Generator) -> None:
        axes = self.claim.axes(name)
        out = self.values[name] = np.zeros([size_of(self.sizes, s) for _, s in axes])
        for binding in self._order(v):
            distribution = distribution_at(v, self, binding)
            args = family_arguments(distribution, v, self, binding)
            found = sampling.draw(distribution["name"], {n: _floats(a) for n, a in args.items()}, rng)
            if not v["event"]:
                out[tuple(binding[i] for i, _ in axes)] = found
                continue
            for x, b in zip(np.ravel(found), bindings(v["event"], self.sizes, binding), strict=True):
                out[tuple(b[i] for i, _ in axes)] = x

    def _order(self, v: Mapping[str, Any]) -> Iterable[dict[str, int]]:
        """Plate positions; those of a chain that is given from its end on run backward."""
        found = list(bindings(v["plates"], self.sizes, {}))
        return reversed(found) if v.get("chain") and "last" in v["chain"] else found

    def _log(self, name: str, v: Mapping[str, Any]) -> float:
        named, axes, total = {**v, "name": name}, self.claim.axes(name), 0.0
        for binding in bindings(v["plates"], self.sizes, {}):
            value, args = node_arguments(named, self, binding, axes)
            family = distribution_at(v, self, binding)["name"]
            weight = 1.0 if v.get("weight") is None else float(evaluate(v["weight"], self, binding))
            if FAMILIES[family].support == "category":
                total += weight * float(np.log(args["probs"][int(value)]))
            else:
                total += weight * to_float(log_density(self.engine, family, value, args))
        return total


def declared_latents(claim: Claim) -> list[str]:
    """The latents that q has factors for, without those that an augmentation has brought in."""
    return [n for n in claim.factor_of if n not in claim.auxiliary]


def drawn_exactly(claim: Claim) -> bool:
    """Whether every declared family is drawn by its own method, none from a table of its density."""
    declared = [v for v in claim.nodes if v["name"] not in claim.auxiliary]
    named = [v["distribution"] for v in declared]
    named += [v["chain"]["initial"] for v in declared if v.get("chain")]
    return all(d["name"] in sampling._DRAW for d in named)


def _floats(a: Any) -> Any:
    return [_floats(x) for x in a] if isinstance(a, list) else float(a)
