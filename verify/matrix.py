"""Small dense matrices in the numbers of an engine: Cholesky factor and inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine

Rows = list[list[Any]]


def cholesky(e: Engine, matrix: Any) -> Rows:
    """The lower triangular L with L Lᵀ = matrix, given as rows; only the lower triangle is read.

    Entries are numbers or arrays of them, and one that is the number zero is zero everywhere: it costs nothing.
    """
    size = len(matrix)
    low = [[e.number(0)] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j]
            for k in range(j):
                if not (is_zero(low[i][k]) or is_zero(low[j][k])):
                    rest = rest - low[i][k] * low[j][k]
            if i == j:
                low[i][j] = e("sqrt", rest)
            elif not is_zero(rest):
                low[i][j] = rest / low[j][j]
    return low


def is_zero(value: Any) -> bool:
    """Whether an entry is the number zero itself."""
    return not isinstance(value, np.ndarray) and bool(value == 0)


def lower_inverse(e: Engine, low: Rows) -> Rows:
    """The inverse of a lower triangular matrix."""
    size = len(low)
    out = [[e.number(0)] * size for _ in range(size)]
    for j in range(size):
        for i in range(j, size):
            rest = e.number(int(i == j))
            for k in range(j, i):
                rest = rest - low[i][k] * out[k][j]
            out[i][j] = rest / low[i][i]
    return out


def inverse(e: Engine, matrix: Any) -> Rows:
    """The inverse of a symmetric positive definite matrix."""
    size = range(len(matrix))
    low = lower_inverse(e, cholesky(e, matrix))
    return [[sum((low[k][i] * low[k][j] for k in size), e.number(0)) for j in size] for i in size]


def log_determinant(e: Engine, matrix: Any) -> Any:
    """log det of a symmetric positive definite matrix."""
    low = cholesky(e, matrix)
    return sum((2 * e("log", low[i][i]) for i in range(len(low))), e.number(0))
