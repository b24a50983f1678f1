"""The result of a fit with names on its axes: an `xarray.Dataset` of parameters, draws from q for ArviZ."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cavi.derive import CaviError, Derived
from cavi.derive.cells import latents_at_cells
from cavi.derive.index import Index
from cavi.templates.results.dims import Coords, variables
from cavi.templates.results.posterior import render_posterior

if TYPE_CHECKING:
    import arviz
    import xarray


def to_xarray(fit: Any, derived: Derived, coords: Mapping[str, Sequence[Any]] | None = None) -> xarray.Dataset:
    """The standard parameters of q as ``latent_parameter``, axes named by their indices, and the trace of the bound.

    Args:
        fit: what a generated module has returned.
        derived: the derivation that it was generated from.
        coords: labels of positions by the name of an index or of a size, such as `Data.coords`.

    Raises:
        CaviError: where the fit is not one of this derivation, or labels do not fit.
        ImportError: without xarray.
    """
    xr = _xarray()
    found = _parameters(fit, derived)
    arrays, labels = variables(found, Coords(derived, coords))
    trace = np.asarray(fit.elbo_trace)
    return xr.Dataset({**arrays, "elbo_trace": (("sweep",), trace)}, coords=labels, attrs=_attributes(fit, derived))


def to_arviz(
    fit: Any,
    derived: Derived,
    data: Mapping[str, Any] | None = None,
    *,
    draws: int = 1000,
    seed: int | None = None,
    coords: Mapping[str, Sequence[Any]] | None = None,
    hyper: Mapping[str, Any] | None = None,
) -> arviz.InferenceData:
    """Independent draws from q as one chain, with the data.

    The groups are ``posterior`` (every latent, drawn by the chain rule of its factor; what is maximised over repeats),
    ``observed_data`` and ``constant_data`` (but sparse arrays), and ``sample_stats`` with the log joint density ``lp``
    where data and hyperparameters are given. Draws of q are no sample of the posterior: mean field makes spreads too
    small.

    Args:
        fit: what a generated module has returned.
        derived: the derivation that it was generated from.
        data: the data of the fit; their labels are used if they are a `Data`.
        draws: how many.
        seed: of the random numbers.
        coords: labels of positions by the name of an index or of a size.
        hyper: the hyperparameters of the fit.

    Raises:
        CaviError: as `to_xarray`; for a family that is not drawn; where a draw needs data that are not given.
        ImportError: without ArviZ before its version 1.
    """
    az, xr = _arviz(), _xarray()
    _parameters(fit, derived)
    module = types.ModuleType(f"{derived.model.name}_posterior")
    exec(compile(render_posterior(derived), module.__name__, "exec"), module.__dict__)
    try:
        found = module.draw(fit.params, fit.sizes, data=data, hyper=hyper, draws=draws, seed=seed)
    except ValueError as error:
        raise CaviError(f"{derived.model.name}: {error}") from error
    names = Coords(derived, getattr(data, "coords", None), coords)
    drawn = {n: a[None] for n, a in found.values.items()}
    groups = {"posterior": _group(xr, drawn, derived, names, ("chain", "draw"))}
    groups["posterior"].attrs.update(_attributes(fit, derived))
    if found.log_joint is not None:
        groups["sample_stats"] = xr.Dataset({"lp": (("chain", "draw"), found.log_joint[None])})
    for group, roles in (("observed_data", ("observed",)), ("constant_data", ("covariate", "observed_index"))):
        shown = [v.name for v in derived.model.with_role(*roles) if not v.sparse]
        known = {n: data[n] for n in shown if data is not None and n in data}
        if known:
            groups[group] = _group(xr, known, derived, names)
    return az.InferenceData(**groups)


def _parameters(fit: Any, derived: Derived) -> dict[str, tuple[tuple[Index, ...], np.ndarray]]:
    """Every parameter of the fit by ``latent_parameter``, with its indices."""
    found = {}
    follow = latents_at_cells(derived)
    for u in derived.updates:
        for f in u.formulas:
            if f.role not in ("standard", "marginal") or f.latent in follow:
                continue
            value = fit.params.get(f.latent, {}).get(f.name)
            if value is None or np.ndim(value) != len(f.indices):
                raise CaviError(
                    f"the fit has no {f.name} of {f.latent} with {len(f.indices)} axes; pass the derivation that its "
                    "module was generated from, with the same factors"
                )
            found[f"{f.latent}_{f.name}"] = (f.indices, np.asarray(value))
    return found


def _group(xr: Any, values: Mapping[str, Any], derived: Derived, names: Coords, lead: tuple[str, ...] = ()) -> Any:
    arrays, labels = variables({n: (derived.model.variable(n).indices, a) for n, a in values.items()}, names, lead)
    return xr.Dataset(arrays, coords=labels)


def _attributes(fit: Any, derived: Derived) -> dict[str, Any]:
    return {
        "model": derived.model.name,
        "title": derived.model.title,
        "factors": "; ".join(f.name for f in derived.factors),
        "elbo": float(fit.elbo),
        "n_iter": int(fit.n_iter),
        "converged": int(fit.converged),  # netCDF knows no truth values
    }


def _xarray() -> Any:
    try:
        import xarray as xr
    except ImportError:
        raise ImportError("labelled arrays are those of xarray: pip install 'cavi[xarray]'") from None
    return xr


def _arviz() -> Any:
    try:
        import arviz as az
    except ImportError:
        raise ImportError("draws are put into ArviZ's InferenceData: pip install 'cavi[arviz]'") from None
    if not hasattr(az, "InferenceData"):
        raise ImportError(
            "found an ArviZ without InferenceData; expected one before version 1: pip install 'cavi[arviz]'"
        )
    return az
