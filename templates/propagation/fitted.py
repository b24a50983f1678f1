"""The result of a run of EP as a section of the page: log Z_EP by sweeps, the marginals of q, all parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from markupsafe import Markup

from cavi.derive import Propagation
from cavi.derive.families import ScalarFamily, lookup
from cavi.templates.html import plots
from cavi.templates.html.fit import parameters_view, posterior_view
from cavi.templates.html.mathml import to_mathml
from cavi.templates.posterior import Posterior
from cavi.templates.propagation.symbols import signs
from cavi.templates.style import preset, restyled
from cavi.templates.words import Speaker


class Fitted(Protocol):
    """What the ``fit`` of a generated module returns."""

    params: Mapping[str, Mapping[str, Any]]
    log_evidence: float
    trace: Any
    converged: bool
    message: str
    n_iter: int


def fit_view(
    p: Propagation, fit: Fitted, say: Speaker, style: str = "plain", symbols: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The holes of the section; `style` and `symbols` as for the article of the page."""
    chosen = preset(style)
    own = signs(p, chosen, symbols)
    return {
        "summary": say.fixed(
            "Approximate log evidence {value} after {number} sweeps, {state}.",
            value=f"{float(fit.log_evidence):.10g}".replace("-", "−"),
            number=int(fit.n_iter),
            state=say("converged" if fit.converged else "not converged"),
        ),
        "about_trace": say("The approximate log evidence in each sweep; it is no bound and need not rise."),
        "trace": plots.trace(
            fit.trace, say("Approximate log evidence by sweeps"), say("sweep"), say("log evidence")
        ).svg(),
        "posteriors": [
            {
                "symbol": Markup(f"<math>{to_mathml(restyled(own.array(n), chosen))}</math>"),
                **posterior_view(_marginals(p, n), say, _parameters(fit.params[n])),
            }
            for n in p.latents
        ],
        "parameters": parameters_view(fit.params, say),
    }


def _marginals(p: Propagation, latent: str) -> Posterior:
    """The marginals of q of the elements of a latent: Normal, by mean and precision."""
    family = lookup("Normal")
    assert isinstance(family, ScalarFamily)
    axes = tuple(i.name for i in p.model.variable(latent).indices)
    return Posterior(latent, axes, "value", 'q["mean"]', 'q["precision"] ** -0.5', "Normal", family.log_density)


def _parameters(found: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Mean and precision of every element on its own."""
    mean = np.asarray(found["mean"], dtype=float)
    variance = np.diagonal(np.reshape(found["covariance"], (mean.size, mean.size))).reshape(mean.shape)
    return {"mean": mean, "precision": 1.0 / variance}
