"""Which inference the options of a command ask for: mean field, or expectation propagation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ONE_NORMAL = "q is one joint Normal, with nothing to choose"
_NOT_RANDOM = "a run starts at sites that are one, so that nothing in it is random"
_SITES = "what is not Gaussian becomes a site and is not replaced"
# What has no meaning for EP: options of the commands by the names of their parameters, each with the reason.
MEAN_FIELD: Mapping[str, str] = {
    "factors": _ONE_NORMAL,
    "marginalise": _ONE_NORMAL,
    "bounds": _SITES,
    "augment": _SITES,
    "relax": _SITES,
    "approximate": _SITES,
    "gibbs": "a Gibbs sampler needs complete conditionals, and sites have none",
    "target": "its module is for NumPy alone: a sweep is a factorisation by LAPACK, which no compiler makes faster",
    "theory": "the identities belong to no method",
    "library": "verify a model of the library by its name",
    "mutations": "its planted mistakes are in the tests of this package, not on the command line",
    "rigorous": "balls enclose bounds of the evidence, and log Z_EP is none",
    "seed": _NOT_RANDOM,
    "restarts": _NOT_RANDOM,
    "jobs": _NOT_RANDOM,
    "accelerate": "all sites move in every sweep, and damping is what steers them; give --damping",
    "inner": "all sites move in every sweep",
    "rows": "a sweep needs all sites at once",
    "cores": "a sweep needs all sites at once",
    "checkpoint": "a sweep needs all sites at once",
}
SPELLED = {"theory": "--identities"}


def is_propagation(options: Mapping[str, Any]) -> bool:
    """Whether EP is asked for among the parameters of a command.

    Raises:
        ValueError: for a power or a damping without EP, and for an option that belongs to mean field.
    """
    if options["method"] != "ep":
        for name, what in (("power", "power EP"), ("damping", "EP")):
            if options.get(name) is not None:
                raise ValueError(f"--{name} is that of {what}; give --method ep with it")
        return False
    evidence = {"seed"} if "digits" in options else set()
    given = [n for n in MEAN_FIELD if options.get(n) and n not in evidence]
    if given:
        named = ", ".join(SPELLED.get(n, f"--{n}") for n in given)
        why = "; ".join(dict.fromkeys(MEAN_FIELD[n] for n in given))
        raise ValueError(f"--method ep: found {named}; leave out what belongs to mean field ({why})")
    return True
