"""Linear regression with unknown noise precision and the weights in one joint Normal factor."""

from __future__ import annotations

from cavi.derive import Model
from cavi.models.linear_regression import dataset, regression

__all__ = ["DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Bishop (2006), section 10.3, equations 10.87-10.100"
DATA = "442 diabetes patients, ten predictors (Efron et al. 2004), standardised"
FACTORS = (("w",),)


def declare() -> Model:
    """The model as on the whiteboard."""
    return regression("linear_regression_joint", "Linear regression, joint weights")
