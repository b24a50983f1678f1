"""What is doubtful in a declaration that is well formed: `check(model)` lists it, each finding with an explanation."""

from __future__ import annotations

from cavi.derive.lint.dependence import dependence
from cavi.derive.lint.finding import Finding
from cavi.derive.lint.identification import identification
from cavi.derive.lint.priors import priors
from cavi.derive.model import Model

__all__ = ["Finding", "check"]

# In the order in which a reader should look at them.
CHECKS = (dependence, priors, identification)


def check(model: Model) -> tuple[Finding, ...]:
    """The findings of every check, warnings first.

    Examples:
        >>> from cavi.derive import Gamma, Model, Normal
        >>> m = Model("doubtful")
        >>> n, k = m.index("n", "N"), m.index("k", "K")
        >>> tau = m.latent("tau", Gamma(1, 1), k)
        >>> x = m.observed("x", Normal(0, 1), n)
        >>> print(check(m)[0].found)
        nothing observed depends on tau
    """
    found = [f for one in CHECKS for f in one(model)]
    return tuple(sorted(found, key=lambda f: f.severity != "warning"))
