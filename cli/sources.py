"""Where a model comes from: the library, or a file of the user's, in the text form or in Python."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cavi import models
from cavi.derive import CaviError, Derived, Model, derive
from cavi.templates.language import read_file


def find_model(name: str) -> tuple[Model, list[tuple[str, ...]] | None]:
    """A model and the factorisation it is meant for.

    Args:
        name: a library model, ``path.cavi`` in the text form, or ``path.py:object`` where the object is a `Model`, a
            PyMC model, a NumPyro program without arguments, or makes one (``path.py`` alone: the object ``model``; the
            file is run).

    Raises:
        CaviError: when there is no such model, file or object.
    """
    if name.endswith(".cavi"):
        return read_file(name), None
    path, colon, attribute = name.rpartition(":")
    if not (colon and path.endswith(".py")):
        if name.endswith(".py"):
            return _from_file(name, None), None
        factors = models.info(name).factors if name in models.names() else None
        return models.load(name), list(factors) if factors else None
    return _from_file(path, attribute), None


def _from_file(path: str, attribute: str | None) -> Model:
    """The model that a file has under a name, or as ``model`` where no name is given."""
    file = Path(path)
    if not file.is_file():
        raise CaviError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"_cavi_user_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        exec(compile(file.read_bytes(), path, "exec"), module.__dict__)  # not a stale cache, however fast one saves
    except CaviError:
        raise
    except Exception as error:
        raise CaviError(f"{path}: running it failed with {type(error).__name__}: {error}") from error
    if attribute is None:
        if not hasattr(module, "model"):
            raise CaviError(
                f"{path}: which object of the file is the model? write {path}:NAME, or call it model in the file"
            )
        attribute = "model"
    if not hasattr(module, attribute):
        found = [n for n, v in vars(module).items() if isinstance(v, Model)]
        raise CaviError(f"{path}: it has no object {attribute!r}; its models: {', '.join(found) or 'none'}")
    found_object = getattr(module, attribute)
    if (model := _as_model(found_object, attribute)) is not None:
        return model
    if callable(found_object) and (model := _as_model(found_object(), attribute)) is not None:
        return model
    raise CaviError(
        f"{path}:{attribute} is {type(found_object).__name__}; expected a Model, a PyMC model, a NumPyro program, or a "
        "function that makes one"
    )


def _as_model(found: object, name: str) -> Model | None:
    """The model that an object is, or that is read from it; None where it is no model."""
    if isinstance(found, Model):
        return found
    from cavi.templates.numpyro import from_numpyro, is_numpyro
    from cavi.templates.programs import Imported
    from cavi.templates.pymc import from_pymc, is_pymc

    if isinstance(found, Imported):
        return found.model
    if is_pymc(found):
        return from_pymc(found, name=name).model
    if callable(found) and is_numpyro(found):
        return from_numpyro(found).model
    return None


Asked = str | Sequence[str] | None  # what follows an option, once or each time that it is given


def _entries(asked: str | Sequence[str]) -> list[str]:
    """What stands between semicolons, in every text that was given."""
    texts = [asked] if isinstance(asked, str) else asked
    return [entry for text in texts for e in text.split(";") if (entry := e.strip())]


def parse_factors(asked: Asked) -> list[tuple[str, ...]] | None:
    """``"mu,tau;w"`` as blocks of names."""
    if asked is None:
        return None
    return [tuple(n.strip() for n in block.split(",") if n.strip()) for block in _entries(asked)]


AUTO = "auto"


def parse_rules(asked: Asked, option: str, form: str = "NODE=RULE, such as y=jaakkola_jordan") -> dict[str, str] | None:
    """``"y=jaakkola_jordan;x=boehning"`` as a rule for each node, or a method for each latent.

    Raises:
        CaviError: where no rule, or more than one, follows a name.
    """
    if asked is None:
        return None
    found = {}
    for entry in _entries(asked):
        node, equals, rule = (part.strip() for part in entry.partition("="))
        if not (node and equals and rule) or "=" in rule:
            raise CaviError(f"{option}: found {entry!r}; expected {form}; several are parted by semicolons")
        found[node] = rule
    return found


def derived_model(
    name: str,
    factors: Asked,
    marginalise: Asked = None,
    bounds: Asked = None,
    augment: Asked = None,
    relax: bool = False,
    approximate: Asked = None,
) -> Derived:
    """The derivation of a model found by name, with the blocks, rules and approximations asked for or its own."""
    model, own = find_model(name)
    blocks = own if factors is None else parse_factors(factors)
    gone = parse_factors(marginalise) or []
    names = {n for entry in gone for n in entry}
    if factors is None and blocks:  # the model's own blocks, without what has been integrated out
        blocks = [b for b in (tuple(n for n in block if n not in names) for block in blocks) if b]
    by_bound: Mapping[str, str] | None = parse_rules(bounds, "--bounds")
    by_latent: Mapping[str, str] | None = parse_rules(augment, "--augment")
    methods: Mapping[str, str] | None = parse_rules(approximate, "--approximate", "LATENT=METHOD, such as a=quadrature")
    if by_bound is by_latent is methods is None and not relax and name in models.names():
        own_rules = models.info(name)
        by_bound, by_latent, methods = own_rules.bounds, own_rules.augment, own_rules.approximate
    chosen = AUTO if relax else None
    return derive(
        model,
        factors=blocks,
        marginalise=gone,
        bounds=by_bound,
        augment=by_latent,
        relax=chosen,
        approximate=methods,
    )
