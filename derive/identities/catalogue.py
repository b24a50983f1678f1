"""The identities by name and by chapter, in the order of a course."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from inspect import signature

from cavi.derive.errors import CaviError
from cavi.derive.identities.proof import Identity
from cavi.derive.identities.setting import Setting, Split
from cavi.derive.names import suggestion

CHAPTERS: tuple[tuple[str, str], ...] = (
    ("likelihood", "Maximum likelihood with latent variables"),
    ("jensen", "Jensen's inequality"),
    ("divergence", "Divergences"),
    ("evidence", "The evidence lower bound"),
    ("readings", "Readings of the bound"),
    ("mean_field", "Mean field"),
    ("exponential_family", "Exponential families"),
    ("projection", "Projections"),
    ("bounds", "Bounds beyond the ELBO"),
    ("gradients", "Gradients and stochastic steps"),
    ("amortised", "Amortised inference"),
)
Builder = Callable[..., Identity]


@cache
def _builders() -> dict[str, tuple[Builder, str]]:
    found: dict[str, tuple[Builder, str]] = {}
    for module, chapter in CHAPTERS:
        for name, build in import_module(f"cavi.derive.identities.{module}").IDENTITIES.items():
            found[name] = (build, chapter)
    return found


def names() -> list[str]:
    """The names of all identities, chapter by chapter."""
    return list(_builders())


def chapters() -> dict[str, list[str]]:
    """Chapter -> the names of its identities."""
    grouped: dict[str, list[str]] = {title: [] for _, title in CHAPTERS}
    for name, (_, chapter) in _builders().items():
        grouped[chapter].append(name)
    return grouped


def takes(name: str) -> type[Setting] | type[Split] | None:
    """What an identity is an instance of: a setting, a split of the latents, or None for densities of its own.

    Raises:
        CaviError: for a name that is not in the catalogue.
    """
    parameter = signature(_builder(name)[0]).parameters.get("s")
    return None if parameter is None else type(parameter.default)


def _builder(name: str) -> tuple[Builder, str]:
    if name not in _builders():
        raise CaviError(f"no identity {name!r}; {suggestion(name, names())}")
    return _builders()[name]


@cache
def load(name: str, setting: Setting | Split | None = None) -> Identity:
    """One identity by its name, for abstract densities or for the variables of a setting.

    Raises:
        CaviError: for a name that is not in the catalogue, or an identity that has no such setting.
    """
    build, chapter = _builder(name)
    if setting is None:
        return replace(build(), name=name, group=chapter)
    if takes(name) is not type(setting):
        raise CaviError(f"the identity {name} is about densities of its own; it has no instance for a model")
    return replace(build(setting), name=name, group=chapter)
