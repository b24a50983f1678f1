"""What a calibration runs on: sizes, hyperparameters, covariates, and the generated modules at work on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cavi.verify.arithmetic import to_float
from cavi.verify.calibration.declared import Values, World, drawn_exactly
from cavi.verify.claim import Claim
from cavi.verify.evaluate import positions, size_of
from cavi.verify.generated import Generated
from cavi.verify.grammar import check_claim
from cavi.verify.instance import make_instance, small_sizes

Progress = Callable[[int, int], None]
LARGEST = 8


@dataclass(frozen=True)
class Setting:
    """A model with everything that is known but the data.

    Attributes:
        claim: the derivation.
        sizes: symbolic size -> number of elements.
        hyper: hyperparameter -> array.
        data: covariates and observed indices, and observed variables with values that are replaced by draws.
    """

    claim: Claim
    sizes: dict[str, int]
    hyper: Values
    data: Values

    def world(self) -> World:
        """The scope of the declaration."""
        return World(self.claim, self.sizes, {**self.hyper, **self.data})

    def observed(self, world: World) -> Values:
        """The data of a world, in the types that the generated modules take."""
        return {n: world.values[n].astype(old.dtype) for n, old in self.data.items()}


def make_setting(
    derived: Any, sizes: Mapping[str, int] | None, hyper: Mapping[str, Any] | None, seed: int, data: Mapping[str, Any]
) -> Setting:
    """Sizes and values as given, the others made up: small sizes, generic hyperparameters and covariates.

    Weights that make one element stand for several are one: p^w is not the density of anything that could be drawn.

    Raises:
        ValueError: for sizes or names that the model does not have.
    """
    claim = Claim(check_claim(derived.plain()))
    sparse = [n for n, v in claim.variables.items() if v.get("sparse")]
    if sparse:
        raise ValueError(
            f"{', '.join(sparse)} is declared sparse, so that a fit holds no factors of its cells to draw from; "
            "declare it without sparse=True, which has the same posterior"
        )
    _known("sizes", sizes, claim.model["sizes"])
    for name, value in (sizes or {}).items():
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError(f"sizes: {name} = {value!r}; expected a whole number of 1 or more")
    chosen = {**small_sizes(claim, LARGEST), **_told(claim, {**(hyper or {}), **data}), **(sizes or {})}
    instance = make_instance(claim, seed, chosen, single_copies=True)
    arrays = {n: _array(claim, n, table, instance.sizes) for n, table in instance.data.items()}
    of_hyper = {n: a for n, a in arrays.items() if claim.variables[n]["role"] == "hyper"}
    of_data = {n: a for n, a in arrays.items() if n not in of_hyper}
    _known("hyper", hyper, of_hyper)
    _known("data", data, of_data)
    for target, given in ((of_hyper, hyper or {}), (of_data, data)):
        for name, value in given.items():
            old = target[name]
            target[name] = np.array(np.broadcast_to(np.asarray(value, dtype=old.dtype), old.shape))
    return Setting(claim, dict(instance.sizes), of_hyper, of_data)


def _told(claim: Claim, given: Mapping[str, Any]) -> dict[str, int]:
    """Sizes that the shapes of given arrays tell."""
    found: dict[str, int] = {}
    for name, value in given.items():
        axes, shape = claim.axes(name) if name in claim.variables else [], np.shape(value)
        if len(shape) == len(axes):
            found |= {s: n for (_, s), n in zip(axes, shape, strict=True) if not s.isdigit()}
    return found


def _known(what: str, given: Mapping[str, Any] | None, names: Any) -> None:
    unknown = sorted(set(given or {}) - set(names))
    if unknown:
        raise ValueError(f"{what}: {', '.join(unknown)} not in the model; expected some of {', '.join(sorted(names))}")


def _array(claim: Claim, name: str, table: Mapping[Any, Any], sizes: Mapping[str, int]) -> np.ndarray:
    axes, v = claim.axes(name), claim.variables[name]
    out = np.zeros([size_of(sizes, s) for _, s in axes], dtype=np.intp if v["over"] is not None else float)
    for at in positions(axes, sizes):
        out[at] = to_float(table[at])
    return out


class NotDrawnError(ValueError):
    """Data of a family that is conditioned on and never drawn, such as a censored value: no test by simulation."""


class Sampler:
    """A generated Gibbs sampler at a setting."""

    def __init__(self, setting: Setting, source: str) -> None:
        self.setting, self.module = setting, Generated(source).module
        self.state = self.module.State(*self.module.prepare(setting.data, setting.hyper, setting.sizes))
        self.latents = list(self.module.PRIORS)
        forward = list(self.module.BLOCKS.values())
        # Forward and back again: the reverse of itself, as long as each block forgets its own value.
        self.sweep = (*forward, *forward[-2::-1])
        self.forward = forward
        named = setting.claim.factor_named
        self.reversible = not any(named[b]["sequential"] for b in self.module.BLOCKS if b in named)
        self.exact_draws = drawn_exactly(setting.claim)

    def declared(self, rng: np.random.Generator) -> None:
        """Draw latents and data as the plain declaration has them (by the module's own functions if a family has no
        exact method here).
        """
        self._refuse_undrawn()
        if not self.exact_draws:
            self.generated(rng)
            return
        world = self.setting.world()
        world.draw_model(rng)
        for name in self.latents:
            value = world.values[name]
            if name in self.module.CATEGORIES:
                value = np.eye(np.shape(self._template(name, rng))[-1])[value.astype(np.intp)]
            self.state.values[name] = value
        self.state.data.update(self.setting.observed(world))

    def generated(self, rng: np.random.Generator) -> None:
        """Draw latents and data by the module's own functions."""
        for draw in self.module.PRIORS.values():
            draw(self.state, rng)
        self.redraw_data(rng)

    def redraw_data(self, rng: np.random.Generator) -> None:
        """Data given the present latents.

        Raises:
            NotDrawnError: for data that the module only conditions on.
        """
        self._refuse_undrawn()
        for draw in self.module.DATA.values():
            draw(self.state, rng)
        left = [v for v in self.setting.claim.constraints if v["name"] not in self.module.DATA]
        if left:
            latents = {n: self._plain(n) for n in self.latents}
            world = World(self.setting.claim, self.setting.sizes, {**self.setting.hyper, **self.state.data, **latents})
            for v in left:
                world.observe(v)
                self.state.data[v["name"]] = world.values[v["name"]].astype(self.state.data[v["name"]].dtype)

    def _refuse_undrawn(self) -> None:
        for v in self.setting.claim.nodes:
            if v["role"] == "observed" and v["name"] not in self.module.DATA:
                raise NotDrawnError(
                    f"{v['name']} is {v['distribution']['name']}, which the sampler conditions on and does not draw; "
                    "tests by simulation need data that are drawn"
                )

    def step(self, rng: np.random.Generator, times: int = 1) -> None:
        """Reversible sweeps over all blocks."""
        for _ in range(times):
            for draw in self.sweep:
                draw(self.state, rng)

    def values(self) -> Values:
        """A copy of the latents, categories as whole numbers."""
        return {n: np.array(self._plain(n)) for n in self.latents}

    def saved(self) -> Values:
        """A copy of the latents as the module keeps them."""
        return {n: np.array(v) for n, v in self.state.values.items()}

    def restore(self, saved: Values) -> None:
        """Put a copy back."""
        self.state.values = {n: np.array(v) for n, v in saved.items()}

    def log_joint(self) -> float:
        """The module's own log joint density at the present values."""
        return float(self.module.log_joint(self.state))

    def _plain(self, name: str) -> np.ndarray:
        value = np.asarray(self.state.values[name])
        return value.argmax(axis=-1) if name in self.module.CATEGORIES else value

    def _template(self, name: str, rng: np.random.Generator) -> np.ndarray:
        if name not in self.state.values:
            self.generated(rng)
        return np.asarray(self.state.values[name])
