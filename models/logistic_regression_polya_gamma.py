"""Logistic regression by Pólya-Gamma augmentation: the weights are those of the tangent bound."""

from __future__ import annotations

from cavi.derive import Model
from cavi.models.logistic_regression import DATA, dataset, logistic

__all__ = ["AUGMENT", "DATA", "FACTORS", "SOURCE", "dataset", "declare"]

SOURCE = "Polson, Scott and Windle (2013), JASA 108, 1339-1349; Durante and Rigon (2019), Statist. Sci. 34, 472-485"
FACTORS = (("w",),)
AUGMENT = {"y": "polya_gamma"}


def declare() -> Model:
    """The model as on the whiteboard."""
    return logistic("logistic_regression_polya_gamma", "Logistic regression with Pólya-Gamma variables")
