"""Helper functions that a generated module may need; only those it calls are written into it."""

from __future__ import annotations

from collections.abc import Iterable

IMPORTS = {
    "gammaln": "from scipy.special import gammaln",
    "digamma": "from scipy.special import digamma",
    "polygamma": "from scipy.special import polygamma",
    "xlogy": "from scipy.special import xlogy",
    "multigammaln": "from scipy.special import multigammaln",
}

SOURCES = {
    "softmax": '''
def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(logits) normalised over the last axis, without overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
''',
    "logsumexp": '''
def logsumexp(logits: np.ndarray) -> np.ndarray:
    """log Σ exp(logits) over the last axis, without overflow."""
    top = logits.max(axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(logits - top).sum(axis=-1))
''',
    "multidigamma": '''
def multidigamma(a: Any, dimension: int) -> np.ndarray:
    """Derivative of the log of the multivariate gamma function: Σ_{i=1}^D ψ(a + (1 - i)/2)."""
    return digamma(np.asarray(a, dtype=float)[..., None] - 0.5 * np.arange(dimension)).sum(axis=-1)
''',
    "one_hot_argmax": '''
def one_hot_argmax(logits: np.ndarray) -> np.ndarray:
    """One at the largest entry of the last axis, zero elsewhere."""
    return np.eye(logits.shape[-1])[logits.argmax(axis=-1)]
''',
    "inverse": '''
def inverse(matrix: np.ndarray, axes: int = 1) -> np.ndarray:
    """Inverse of symmetric positive definite matrices, by Cholesky factors; each side has so many of the last axes."""
    side = int(np.prod(matrix.shape[matrix.ndim - axes :]))
    square = matrix.reshape(*matrix.shape[: matrix.ndim - 2 * axes], side, side)
    half = np.linalg.solve(np.linalg.cholesky(square), np.broadcast_to(np.eye(side), square.shape))
    return (np.swapaxes(half, -1, -2) @ half).reshape(matrix.shape)
''',
    "logdet": '''
def logdet(matrix: np.ndarray, axes: int = 1) -> np.ndarray:
    """Log-determinant of symmetric positive definite matrices; each side has so many of the last axes."""
    side = int(np.prod(matrix.shape[matrix.ndim - axes :]))
    square = matrix.reshape(*matrix.shape[: matrix.ndim - 2 * axes], side, side)
    diagonal = np.diagonal(np.linalg.cholesky(square), axis1=-2, axis2=-1)
    return 2.0 * np.log(diagonal).sum(axis=-1)
''',
    "segment_sum": '''
def segment_sum(values: np.ndarray, index: Any, size: Any) -> np.ndarray:
    """Add up the rows of `values` that share an index: out[i, …] = Σ_{n: index[n] = i} values[n, …].

    `index` and `size` may be tuples, for a sum into several axes at once.
    """
    indexes = index if isinstance(index, tuple) else (index,)
    sizes = size if isinstance(size, tuple) else (size,)
    rows = np.ravel_multi_index(tuple(np.asarray(i).ravel() for i in indexes), sizes)
    trailing = values.shape[np.asarray(indexes[0]).ndim :]
    flat = np.reshape(values, (rows.size, -1))
    total = int(np.prod(sizes))
    out = np.empty((total, flat.shape[1]))
    for column in range(flat.shape[1]):
        out[:, column] = np.bincount(rows, weights=flat[:, column], minlength=total)
    return out.reshape(*sizes, *trailing)
''',
    "log_probability": '''
def log_probability(p: np.ndarray) -> np.ndarray:
    """log p, finite where a probability was maximised to zero: 0 log 0 is 0 in the counts that multiply it."""
    return np.log(np.maximum(p, 1e-300))
''',
    "tanhc": '''
def tanhc(x: Any) -> np.ndarray:
    """tanh(x) / x, one at zero."""
    x = np.abs(np.asarray(x, dtype=float))
    return np.where(x < 1e-4, 1.0 - x * x / 3.0, np.tanh(x) / np.maximum(x, 1e-4))
''',
    "expit": '''
def expit(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))
''',
    "log_bessel_i": '''
def log_bessel_i(order: Any, x: Any) -> np.ndarray:
    """Log of the modified Bessel function of the first kind."""
    return np.log(special.ive(order, x)) + x
''',
    "log_bessel_k": '''
def log_bessel_k(order: Any, x: Any) -> np.ndarray:
    """Log of the modified Bessel function of the second kind, also where it over- or underflows."""
    return _bessel_k_integral(order, x)[0]
''',
    "dlog_bessel_k": '''
def dlog_bessel_k(order: Any, x: Any) -> np.ndarray:
    """Derivative of log K in its order."""
    return _bessel_k_integral(order, x)[1]
''',
    "_bessel_k_integral": '''
def _bessel_k_integral(order: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """log K and its derivative in the order, from K_v(x) = ∫_0^∞ exp(-x cosh t) cosh(v t) dt (DLMF 10.32.9).

    The trapezoid rule converges geometrically on this integrand; its range reaches from the mode to where
    the integrand has fallen by e^-60.
    """
    v, x = np.broadcast_arrays(np.abs(np.asarray(order, float)), np.asarray(x, float))
    mode = np.arcsinh(v / x)
    width = 1.0 / np.sqrt(np.sqrt(v**2 + x**2) + 1e-3)
    end = mode + np.minimum(12.0 * width + 4.0, np.arccosh(1.0 + 60.0 / x) + 60.0 / (v + 1.0) * (v > 1.0))
    t = np.linspace(0.0, 1.0, 2001)
    nodes = end[..., None] * t
    growth = v[..., None] * nodes
    log_cosh = np.logaddexp(growth, -growth) - np.log(2.0)
    height = log_cosh - x[..., None] * np.cosh(nodes)
    top = height.max(axis=-1, keepdims=True)
    weight = np.exp(height - top)
    weight[..., [0, -1]] *= 0.5
    mass = weight.sum(axis=-1)
    slope = (weight * nodes * np.tanh(growth)).sum(axis=-1) / mass
    return top[..., 0] + np.log(mass * end / (t.size - 1)), slope * np.where(np.asarray(order) < 0, -1.0, 1.0)
''',
    "log_normal_interval": '''
def log_normal_interval(a: Any, b: Any) -> np.ndarray:
    """log(Φ(b) - Φ(a)) for a < b, accurate in both tails."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    flip = a > 0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    upper, lower = special.log_ndtr(high), special.log_ndtr(low)
    return upper + np.log1p(-np.exp(np.minimum(lower - upper, 0.0)))
''',
    "truncated_mean": '''
def truncated_mean(a: Any, b: Any) -> np.ndarray:
    """(φ(a) - φ(b)) / (Φ(b) - Φ(a)): mean of a standard Normal restricted to (a, b)."""
    return _normal_ratio(a, b, 0)
''',
    "truncated_second": '''
def truncated_second(a: Any, b: Any) -> np.ndarray:
    """(aφ(a) - bφ(b)) / (Φ(b) - Φ(a)): its second moment less one."""
    return _normal_ratio(a, b, 1)
''',
    "_normal_ratio": """
def _normal_ratio(a: Any, b: Any, power: int) -> np.ndarray:
    scale = log_normal_interval(a, b)

    def end(x: Any) -> np.ndarray:
        x = np.asarray(x, float)
        finite = np.where(np.isfinite(x), x, 0.0)
        height = np.exp(-0.5 * finite**2 - 0.5 * np.log(2.0 * np.pi) - scale)
        return np.where(np.isfinite(x), finite**power * height, 0.0)

    return end(a) - end(b)
""",
}

_NEEDS = {
    "log_bessel_k": ("_bessel_k_integral",),
    "dlog_bessel_k": ("_bessel_k_integral",),
    "truncated_mean": ("_normal_ratio", "log_normal_interval"),
    "truncated_second": ("_normal_ratio", "log_normal_interval"),
}
_SCIPY = {"log_bessel_i", "log_normal_interval"}


def closure(used: Iterable[str]) -> list[str]:
    """The helpers used and those that they call, in the order in which they are declared here."""
    wanted = set(used)
    wanted |= {n for u in used for n in _NEEDS.get(u, ())}
    return [n for n in SOURCES if n in wanted]


def imports(used: Iterable[str]) -> list[str]:
    """Import lines for SciPy's functions."""
    used = {*used, *(("digamma",) if "multidigamma" in used else ())}
    names = sorted(n for n in used if n in IMPORTS)
    lines = [f"from scipy.special import {', '.join(names)}"] if names else []
    if _SCIPY & set(closure(used)):
        lines.insert(0, "from scipy import special")
    return lines
