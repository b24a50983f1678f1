"""The evaluator against plain Python, and the elements that expressions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from cavi.verify.arithmetic import Engine, doubles
from cavi.verify.evaluate import evaluate

DATA = {"x": [2.0, 3.0, 5.0], "c": [1, 0, 1], "A": [[1.0, 2.0], [3.0, 4.0]], "g": [0, 1, 0]}
N, K = ["index", "n", "N"], ["index", "k", "K"]


class Table:
    """A scope with fixed values."""

    engine: Engine = doubles()
    sizes: Mapping[str, int] = MappingProxyType({"N": 3, "K": 2})

    def element(self, name: str, at: tuple[int, ...]) -> Any:
        value: Any = DATA[name]
        for i in at:
            value = value[i]
        return value

    def moment(self, factor: str, key: str, at: tuple[int, ...]) -> Any:
        return {"m": 7.0}[key] + at[0]

    def param(self, latent: str, name: str, at: tuple[int, ...]) -> Any:
        return {"p": 11.0}[name]

    def expectation(self, expr: list[Any], binding: Any) -> Any:
        raise KeyError("none here")


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (["num", "-3/4"], -0.75),
        (["size", "N"], 3),
        (["size", "5"], 5),
        (["sum", [["n", "N"]], ["ref", "x", [N]]], 10),
        (["sum", [["n", "N"]], ["pow", ["ref", "x", [N]], "2"]], 38),
        (["sum", [["n", "N"], ["k", "K"]], ["mul", [["is", "c", [N], K], ["ref", "x", [N]]]]], 10),
        (["sum", [["n", "N"]], ["ref", "A", [["gather", "g", [N], "K"], ["gather", "c", [N], "K"]]]], 7),
        (["sum", [["n", "N"]], ["ref", "A", [["select", "c", [N], "K"], ["int", 0, "K"]]]], 7),
        (["sum", [["n", "N"], ["k", "K"]], ["mul", [["delta", K, ["gather", "g", [N], "K"]], ["ref", "x", [N]]]]], 10),
        (["pow", ["ref", "x", [["int", 0, "N"]]], "1/2"], 2**0.5),
        (["fn", "xlogx", [["num", "0"]]], 0),
        (["mul", [["moment", "f", "m", [["int", 2, "N"]]], ["param", "f", "p", []]]], 99),
        (["add", []], 0),
    ],
)
def test_values(expr: list[Any], expected: float) -> None:
    assert evaluate(expr, Table(), {}) == pytest.approx(expected)


def test_inner_indices_shadow_outer_ones() -> None:
    inner = ["sum", [["n", "N"]], ["ref", "x", [N]]]
    expr = ["sum", [["n", "N"]], ["mul", [["ref", "x", [N]], inner]]]
    assert evaluate(expr, Table(), {}) == pytest.approx(100)


def test_free_indices_must_be_bound() -> None:
    assert evaluate(["ref", "x", [N]], Table(), {"n": 1}) == 3.0
    with pytest.raises(KeyError):
        evaluate(["ref", "x", [N]], Table(), {})


def test_unknown_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="no rule to evaluate"):
        evaluate(["product", []], Table(), {})
