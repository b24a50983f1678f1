"""Helper functions of a generated module for Normal vectors of which there are fewer rows of data than elements."""

from __future__ import annotations

SOURCES = {
    "Narrow": '''
@dataclass(frozen=True)
class Narrow:
    """A Normal vector with the precision diag(a) + Σ_n weights[n] rows[n] rows[n]ᵀ, without matrices of its size.

    The covariance is diag(1 / a) - halfᵀ half, with as many lines as there are rows; as an array it is E[w wᵀ].
    """

    rows: np.ndarray
    weights: np.ndarray
    diagonal: np.ndarray
    half: np.ndarray
    mean: np.ndarray
    logdet_precision: float

    @classmethod
    def solved(cls, rows: np.ndarray, weights: Any, diagonal: Any, linear: np.ndarray) -> Narrow:
        """The one whose precision times mean is `linear`, by Woodbury's identity."""
        a, weights = (np.broadcast_to(x, n) for x, n in zip((diagonal, weights), rows.shape[::-1]))
        if min(a.min(), weights.min(initial=1.0)) < 0.0:
            raise np.linalg.LinAlgError("a weight of a row is negative")
        scaled = np.sqrt(weights)[:, None] * rows
        right = scaled / a
        factor = np.linalg.cholesky(np.eye(len(rows)) + right @ scaled.T)
        half = solve_triangular(factor, right, lower=True) if len(rows) else right  # older SciPy takes no empty matrix
        mean = linear / a - half.T @ (half @ linear)
        logdet = float(np.log(a).sum() + 2.0 * np.log(np.diagonal(factor)).sum())
        return cls(rows, weights, a, half, mean, logdet)

    @property
    def variances(self) -> np.ndarray:
        """The diagonal of the covariance."""
        return np.maximum(1.0 / self.diagonal - (self.half * self.half).sum(axis=0), 1e-16 / self.diagonal)

    def precision(self) -> np.ndarray:
        return np.diag(self.diagonal) + (self.weights[:, None] * self.rows).T @ self.rows

    def covariance(self) -> np.ndarray:
        return np.diag(1.0 / self.diagonal) - self.half.T @ self.half

    @functools.cached_property
    def own_squares(self) -> np.ndarray:
        """E[(x·w)²] for the rows themselves."""
        return self.squares(self.rows)

    def squares(self, rows: np.ndarray) -> np.ndarray:
        """E[(x·w)²] for rows x."""
        spread = (rows * rows) @ (1.0 / self.diagonal) - ((rows @ self.half.T) ** 2).sum(axis=1)
        return (rows @ self.mean) ** 2 + np.maximum(spread, 0.0)

    def params(self, linear: np.ndarray) -> Lazy:
        """Its parameters, matrices when they are asked for."""
        values = {"linear": linear, "mean": self.mean, "logdet_precision": np.asarray(self.logdet_precision)}
        return Lazy(values, {"precision": self.precision, "covariance": self.covariance}, self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.covariance() + np.outer(self.mean, self.mean)
''',
    "Outer": '''
@dataclass(frozen=True)
class Outer:
    """Σ_n weights[n] rows[n] rows[n]ᵀ, not added up."""

    rows: np.ndarray
    weights: Any = 1.0

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return (np.broadcast_to(self.weights, len(self.rows))[:, None] * self.rows).T @ self.rows


def trace_of_product(second: Any, outer: Any) -> Any:
    """Σ_de E[w wᵀ][d, e] outer[d, e], by rows where these are not added up."""
    if not isinstance(outer, Outer):
        return np.einsum("ab,ab->", np.asarray(second), outer, optimize=True)
    return np.broadcast_to(outer.weights, len(outer.rows)) @ squares_of(outer.rows, second)
''',
    "squares_of": '''
def squares_of(rows: np.ndarray, second: Any) -> np.ndarray:
    """E[(x·w)²] for rows x, from E[w wᵀ]."""
    if isinstance(second, Narrow):
        return second.own_squares if second.rows is rows else second.squares(rows)
    return quadratic_forms(rows, second)
''',
}
