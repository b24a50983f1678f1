"""Degrees of log densities in their means, on which exact rules for Normals rest."""

import pytest

from cavi.verify.degree import polynomial_degree

W = ["ref", "w", []]
SQUARE = ["pow", W, "2"]


def node(family: str, mean: object, name: str = "x") -> dict:
    return {"name": name, "distribution": {"name": family, "args": {"mean": mean, "precision": ["num", "2"]}}}


@pytest.mark.parametrize("family", ["Normal", "LogNormal", "MultivariateNormal"])
def test_a_log_density_is_quadratic_in_its_mean(family: str) -> None:
    assert polynomial_degree(node(family, W), ["w"]) == 2
    assert polynomial_degree(node(family, SQUARE), ["w"]) == 4
    assert polynomial_degree(node(family, ["fn", "exp", [W]]), ["w"]) == 198
    assert polynomial_degree(node(family, ["num", "1"]), ["w"]) == 0


def test_the_logarithm_of_the_value_itself_is_no_polynomial() -> None:
    assert polynomial_degree(node("LogNormal", W, "w"), ["w"]) == 99
    assert polynomial_degree(node("Normal", ["num", "0"], "w"), ["w"]) == 2
