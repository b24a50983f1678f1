"""The result of a run as a section of the page: the bound by sweeps, the posterior of every latent, its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import sympy
from markupsafe import Markup

from cavi.derive.families import lookup
from cavi.derive.families.base import ScalarFamily, X
from cavi.derive.result import Derived
from cavi.templates.html import plots
from cavi.templates.html.mathml import to_mathml
from cavi.templates.notation import notation
from cavi.templates.posterior import Posterior, posteriors
from cavi.templates.style import preset, restyled
from cavi.templates.words import ENGLISH, Speaker

MOST_CURVES = plots.COLOURS
MOST_LINES = 40
_SUPPORT = {"positive": (0.0, np.inf), "unit": (0.0, 1.0)}


class Fitted(Protocol):
    """What the ``fit`` of a generated module returns."""

    params: Mapping[str, Mapping[str, Any]]
    elbo: float
    elbo_trace: Any
    converged: bool
    n_iter: int


def fit_view(
    derived: Derived,
    fit: Fitted,
    say: Speaker = ENGLISH,
    style: str = "plain",
    symbols: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The holes of the section; `style` and `symbols` as for the article of the page."""
    chosen = preset(style)
    signs = notation(derived.model, derived.updates, chosen, symbols)
    shown = [p for p in posteriors(derived) if p.latent in fit.params]
    return {
        "summary": say.fixed(
            "Bound {bound} after {number} sweeps, {state}.",
            bound=f"{float(fit.elbo):.10g}".replace("-", "−"),
            number=int(fit.n_iter),
            state=say("converged" if fit.converged else "not converged"),
        ),
        "about_trace": say("The evidence lower bound after each sweep."),
        "trace": plots.trace(fit.elbo_trace, say("Evidence lower bound by sweeps"), say("sweep"), say("bound")).svg(),
        "posteriors": [
            {
                "symbol": Markup(f"<math>{to_mathml(restyled(signs.array(p.latent), chosen))}</math>"),
                **posterior_view(p, say, {n: np.asarray(a, dtype=float) for n, a in fit.params[p.latent].items()}),
            }
            for p in shown
        ],
        "parameters": parameters_view(fit.params, say),
    }


def parameters_view(params: Mapping[str, Mapping[str, Any]], say: Speaker) -> list[dict[str, str]]:
    """Every parameter of a fit: its name, its shape, its first and last values."""
    return [
        {
            "name": f"{latent}.{name}",
            "shape": " × ".join(map(str, np.shape(a))) or say("number"),
            "values": _text(a),
        }
        for latent, found in params.items()
        for name, a in found.items()
    ]


def posterior_view(p: Posterior, say: Speaker, q: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The posterior of one latent at the parameters `q` of its factor: a plot, and a table of its elements."""
    mean, deviation = p.evaluated(q)
    plot, caption = _plot(p, say, q, mean, deviation)
    return {
        "family": p.family,
        "plot": "" if plot is None else plot.svg(),
        "caption": caption,
        "axes": p.axes,
        "rows": list(_rows(mean, deviation, say)),
        "deviation": deviation is not None,
        "left_out": max(0, mean.size - MOST_LINES),
    }


def _plot(
    p: Posterior, say: Speaker, q: Mapping[str, np.ndarray], mean: np.ndarray, deviation: np.ndarray | None
) -> tuple[plots.Plot | None, str]:
    """The plot that suits the number of elements, and what it shows."""
    name = f"{p.latent}[{', '.join(p.axes)}]" if p.axes else p.latent
    if p.density is not None and deviation is not None and mean.size <= MOST_CURVES and np.isfinite(deviation).all():
        lines = list(_curves(p, q, mean, deviation))
        label = say.fixed("Density of the factor of {it}", it=p.latent)
        return plots.curves(lines, label, p.latent, say("density")), say.fixed("Density of each {it}.", it=name)
    if mean.ndim == 0:
        return None, ""
    label = say.fixed("Posterior of {it}", it=p.latent)
    if mean.ndim == 1 or (deviation is not None and mean.size <= 24):
        said = "Mean of each {it}." if deviation is None else "Mean and two standard deviations of each {it}."
        return plots.intervals(mean, deviation, label, ", ".join(p.axes), p.latent), say.fixed(said, it=name)
    rows = ", ".join(p.axes[:-1])
    flat = mean.reshape(-1, mean.shape[-1])
    said = "Probabilities" if p.kind == "probability" else "Means"
    caption = say.fixed(
        f"{said} of {{it}}: rows {{rows}}, columns {{columns}}.", it=name, rows=rows, columns=p.axes[-1]
    )
    return plots.grid(flat, label, p.axes[-1], rows), caption


def _curves(p: Posterior, q: Mapping[str, np.ndarray], mean: np.ndarray, deviation: np.ndarray) -> Iterator[plots.Line]:
    """Name, values and density of every element, four standard deviations around its mean, inside the support."""
    family = lookup(str(p.family))
    assert isinstance(family, ScalarFamily) and p.density is not None
    log_density = sympy.lambdify((X, *family.symbols), p.density, modules=["scipy", "numpy"])
    low, high = _SUPPORT.get(family.domain, (-np.inf, np.inf))
    given = [np.broadcast_to(q[s.name], mean.shape).ravel() for s in family.symbols]
    for place, where in enumerate(np.ndindex(mean.shape)):
        m, s = mean[where], deviation[where]
        inside = 1e-6 * s
        x = np.linspace(max(m - 4 * s, low + inside), min(m + 4 * s, high - inside), 161)
        with np.errstate(all="ignore"):
            y = np.exp(np.asarray(log_density(x, *(g[place] for g in given)), dtype=float))
        finite = np.isfinite(y)
        yield ", ".join(str(i + 1) for i in where), x[finite], y[finite]


def _rows(mean: np.ndarray, deviation: np.ndarray | None, say: Speaker) -> Iterator[tuple[str, str, str]]:
    """Element, mean and deviation of the first elements."""
    for place, where in enumerate(np.ndindex(mean.shape)):
        if place >= MOST_LINES:
            return
        spread = "" if deviation is None else _number(float(deviation[where]), say)
        yield ", ".join(str(i + 1) for i in where), _number(float(mean[where]), say), spread


def _number(value: float, say: Speaker) -> str:
    return say("does not exist") if not np.isfinite(value) else f"{float(value):.5g}".replace("-", "−")


def _text(values: Any) -> str:
    return np.array2string(np.asarray(values, dtype=float), precision=4, threshold=12, edgeitems=2)
