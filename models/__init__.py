"""The library: textbook models, each a declaration with its source, priors and a small real data set.

One file a model; the folder's listing is the list of models. `names`, `load`, `info` and `data` find them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from cavi.derive import CaviError, Derived, Model, derive
from cavi.derive.names import suggestion

__all__ = ["Dataset", "ModelInfo", "data", "derived", "info", "load", "names"]


@dataclass(frozen=True)
class Dataset:
    """What a generated module's ``fit`` takes: arrays by name, hyperparameters, sizes the data cannot tell."""

    data: Mapping[str, np.ndarray]
    hyper: Mapping[str, Any]
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelInfo:
    """What a model is and where it comes from.

    `factors` is the factorisation it is meant to be derived with (None: every latent on its own), `bounds` and
    `augment` are the rules for the terms of its nodes that are not conjugate, `approximate` the methods for
    latents whose factor has no closed form.
    """

    name: str
    title: str
    source: str
    description: str
    data: str
    factors: Sequence[tuple[str, ...]] | None = None
    bounds: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)
    approximate: Mapping[str, str] = field(default_factory=dict)


def names() -> list[str]:
    """The names of the library's models, in alphabetical order.

    Examples:
        >>> names()[:2]
        ['ard_regression', 'bayesian_lasso']
    """
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str) -> Model:
    """The declared model of that name.

    Raises:
        CaviError: when the library has none; the message lists near names.
    """
    model = module(name).declare()
    assert isinstance(model, Model)
    return model


def info(name: str) -> ModelInfo:
    """Title, source, description, data and recommended factorisation of a model."""
    found = module(name)
    first, _, rest = (found.__doc__ or "").partition("\n")
    return ModelInfo(
        name,
        load(name).title,
        found.SOURCE,
        " ".join((first + " " + rest).split()),
        found.DATA,
        getattr(found, "FACTORS", None),
        getattr(found, "BOUNDS", {}),
        getattr(found, "AUGMENT", {}),
        getattr(found, "APPROXIMATE", {}),
    )


def derived(name: str) -> Derived:
    """The model of that name, derived as it is meant to be."""
    found = info(name)
    return derive(load(name), found.factors, bounds=found.bounds, augment=found.augment, approximate=found.approximate)


def data(name: str) -> Dataset:
    """The model's data set with default hyperparameters and sizes."""
    found = module(name).dataset()
    assert isinstance(found, Dataset)
    return found


def module(name: str) -> ModuleType:
    """The module that declares a model.

    Raises:
        CaviError: when the library has none of that name.
    """
    if name not in names():
        raise CaviError(f"the library has no model {name!r}; {suggestion(name, names())}")
    return import_module(f"{__name__}.{name}")
