"""Which inference the options of a command ask for: mean field, or expectation propagation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What has no meaning for EP: options of the commands by the names of their parameters.
MEAN_FIELD = (
    "factors marginalise bounds augment relax approximate gibbs target formats notation symbol lang "
    "theory library mutations rigorous only seed restarts jobs accelerate rows checkpoint"
).split()
SPELLED = {"theory": "--identities", "formats": "--format"}


def is_propagation(options: Mapping[str, Any]) -> bool:
    """Whether EP is asked for among the parameters of a command.

    Raises:
        ValueError: for a power without EP, and for an option that belongs to mean field.
    """
    if options["method"] != "ep":
        if options["power"] is not None:
            raise ValueError("--power is that of power EP; give --method ep with it")
        return False
    evidence = {"seed"} if "digits" in options else set()
    given = [SPELLED.get(n, f"--{n}") for n in MEAN_FIELD if options.get(n) and n not in evidence]
    if given:
        raise ValueError(f"--method ep: found {', '.join(given)}; leave out what belongs to mean field")
    return True
