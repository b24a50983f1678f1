"""Python names for a JAX module: those of the NumPy module, apart from the few that only its loops need."""

from __future__ import annotations

import re

from cavi.derive import Derived
from cavi.templates.numpy.names import python_names

_OURS = re.compile(
    r"lax|jax|jnp|one|step|held|before|position|places|by_blocks|over_blocks|taken|begun|in_logarithms|passes|compiled|known"
    r"|narrow|transition|pair_sum|energy|entropy|begins|forward|params|\w+_now"
)


def jax_names(derived: Derived) -> dict[object, str]:
    """Moments by (factor, key), parameters by ("parameter", latent, name) and variables by name."""
    names = python_names(derived)
    return {k: f"{n}_" if isinstance(k, str) and _OURS.fullmatch(n) else n for k, n in names.items()}
