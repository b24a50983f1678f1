"""Python names for what a generated module computes: E_mu, E_log_tau, E_mu_sq, z_probs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from cavi.derive import Derived
from cavi.derive.result import Formula, Integral, Projected

CAST = ".astype(state.dtype, copy=False)"  # what is read of a block, in the precision of blocks

_OURS = re.compile(
    r"total_\d+|out|lines|memory|step|natural|transition|found|marginals|filtered|kernel|rows|features|sums|tables|exponentials|heights|masses|log_masses|by_\d+|per_\d+|lowered|row_sum|gathered|scattered|cells|bilinear|blocks|pairs|packed|unpacked|pair_places|piece|piece_of|pieces|rows_of_block|product|weighted|softmaxes|quadratic_forms|softplus|segments|marks|quadrature|plane_quadrature|on_the_line|in_the_plane|line_sampler|number_sampler|pair_sampler|placed|peak|reach|located|spaced|shares|correlation|deviation|log_density|normal_nodes|normal_mean|node|(integrand|center|spread|average|value)_\d+|damped|blended|kept|csr_matrix|lapack|settled|climbed|"
    r"known|params|at|(at|known)_\d+|(exp|log|digamma|gammaln|masses|shares|sums)_of(_line)?|exp_digamma|add_vanished|own_arrays|"
    r"batches|raised|line_sums|sums_of_lines|add_small|scanned|unsettled|part_of|part|parts|chosen|others|times|columns|second|(features|blocks|columns|lines|repeat|repeated|gram|natural|tables|cells|marks|sums|collect|expand|segments|put_natural|rows_of)_\w+"
)


def python_names(derived: Derived) -> dict[object, str]:
    """Moments by (factor, key), parameters by ("parameter", latent, name) and variables by name."""
    names: dict[object, str] = {v.name: _apart(v.name) for v in derived.model.variables}
    taken = set(names.values()) | set(derived.model.sizes)
    for update in derived.updates:
        for f in update.formulas:
            names["parameter", f.latent, f.name] = _free(f"{f.latent}_{f.name}", taken)
        for name in parameter_names(update.formulas):
            for latent in update.factor.latents:
                names["parameter", latent, name] = _free(f"{latent}_{name}", taken)
        for s in update.moment_specs:
            names[update.factor.name, s.key] = _free(f"E_{_words(s.key)}", taken)
    return names


def _apart(name: str) -> str:
    """A variable's name, unless it looks like a temporary or a function that modules may have."""
    return f"{name}_" if _OURS.fullmatch(name) else name


def _words(key: str) -> str:
    """A moment's key in words: ``mu^2`` → ``mu_sq``, ``log(1 - p)`` → ``log_1_minus_p``."""
    text = (
        key.replace("'", "_2")
        .replace("log|", "logdet_")
        .strip("[]")
        .replace("^2", "_sq")
        .replace("^-1", "_inv")
        .replace("1/", "inv_")
        .replace(" - ", "_minus_")
    )
    return re.sub(r"\W+", "_", text.replace("*", "_times_").replace("+", "_plus_")).strip("_")


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def parameter_names(formulas: Iterable[Formula]) -> tuple[str, ...]:
    """What the integrals of a factor are taken over, beside its parameters."""
    if any(isinstance(f.value, Integral) for f in formulas):
        return "nodes", "log_nodes", "log_rest_nodes", "weights"
    return ("nodes", "weights") if any(isinstance(f.value, Projected) for f in formulas) else ()


def function_name(factor: str) -> str:
    """The update function of a factor: ``update_mu_tau`` for the block ``mu,tau``."""
    return "update_" + factor.replace(",", "_")


def shape_comment(sizes: Iterable[str]) -> str:
    """``(N, K)``, ``(N,)`` or ``()``."""
    parts = list(sizes)
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def quote(text: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)
