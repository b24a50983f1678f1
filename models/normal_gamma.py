"""The same Normal with mean and precision kept in one factor: the exact posterior, a Normal-Gamma."""

from __future__ import annotations

from cavi.derive import Model
from cavi.models.normal import dataset, normal

__all__ = ["DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Bishop (2006), section 2.3.6, equations 2.153 and 2.154"
DATA = "Newcomb's passage times of light (Stigler 1977)"
FACTORS = (("mu", "tau"),)


def declare() -> Model:
    """The model as on the whiteboard."""
    return normal("normal_gamma", "Normal with a Normal-Gamma posterior")
