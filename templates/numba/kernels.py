"""Helper functions as loops that Numba compiles: in the place of those of the same name that NumPy modules have."""

from __future__ import annotations

from cavi.templates.numpy.helpers import Kernels

_IMPORT = """
try:
    import numba
except ImportError as error:
    raise ImportError("this module compiles its loops with Numba: pip install numba") from error

# Sums may be added up in another order; what is not a number or infinite stays so.
FAST = {"reassoc", "contract"}
"""

_DIGAMMA = '''
def digamma(x: Any) -> Any:
    """d/dx log Γ(x) of positive numbers, on all cores."""
    array = np.ascontiguousarray(x, dtype=float)
    out = np.empty(array.size)
    _digamma(array.reshape(-1), out)
    return out.reshape(np.shape(x)) if np.ndim(x) else out[0]


@numba.njit(parallel=True, error_model="numpy")
def _digamma(x: np.ndarray, out: np.ndarray) -> None:
    """ψ(x) = ψ(x + 8) - d/dx log x(x + 1) … (x + 7), and for ψ(x + 8) the asymptotic series (DLMF 5.11.2)."""
    for n in numba.prange(len(x)):
        near = min(x[n], 1e30)  # beyond, the difference is less than the last digit
        t = near * (near + 7.0)
        product = (((t + 28.0) * t + 252.0) * t + 720.0) * t
        slope = (2.0 * near + 7.0) * (((4.0 * t + 84.0) * t + 504.0) * t + 720.0)
        inverse = 1.0 / (x[n] + 8.0)
        s = inverse * inverse
        series = 1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12)))))
        out[n] = np.log(x[n] + 8.0) - 0.5 * inverse - s * series - slope / product
'''

_GAMMALN = '''
def gammaln(x: Any) -> Any:
    """log Γ(x) of positive numbers, on all cores."""
    array = np.ascontiguousarray(x, dtype=float)
    out = np.empty(array.size)
    _gammaln(array.reshape(-1), out)
    return out.reshape(np.shape(x)) if np.ndim(x) else out[0]


@numba.njit(parallel=True, error_model="numpy")
def _gammaln(x: np.ndarray, out: np.ndarray) -> None:
    """log Γ(x) = log Γ(x + 8) - log x(x + 1) … (x + 7), and for log Γ(x + 8) Stirling's series (DLMF 5.11.1)."""
    for n in numba.prange(len(x)):
        far = x[n] > 1e6
        z = x[n] if far else x[n] + 8.0
        t = x[n] * (x[n] + 7.0)
        product = 1.0 if far else (((t + 28.0) * t + 252.0) * t + 720.0) * t
        inverse = 1.0 / z
        s = inverse * inverse
        series = 1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156)))
        series = inverse * (1 / 12 - s * (1 / 360 - s * series))
        out[n] = (z - 0.5) * np.log(z) - z + 0.9189385332046727 + series - np.log(product)
'''

_CELLS = '''
@dataclass(frozen=True)
class Cells:
    """How often pairs of a column and a line occur, by lines, and where the pairs of each column are among them.

    The parts are ranges of lines, and of columns, with about as many pairs each.
    """

    counts: csr_matrix
    places: csr_matrix
    line_parts: np.ndarray
    column_parts: np.ndarray


def cells(column: np.ndarray, line: np.ndarray, weight: np.ndarray, shape: tuple[int, int], groups: int) -> Cells:
    """The pairs of two observed integers, each once, with the weights of the rows that have them added up."""
    counts = csr_matrix((weight, (line, column)), shape=shape[::-1])
    places = csr_matrix((np.arange(counts.nnz), counts.indices, counts.indptr), shape=counts.shape).T.tocsr()
    steps = np.linspace(0, counts.nnz, 64 * numba.get_num_threads() + 1)
    parts = []
    for ends in (counts.indptr, places.indptr):
        parts.append(np.searchsorted(ends, steps))
        parts[-1][0], parts[-1][-1] = 0, len(ends) - 1
    return Cells(counts, places, *parts)
'''

_BATCHES = '''
def batches(pairs: Cells) -> Iterator[np.ndarray]:
    """Ranges of lines, a part of them for each thread: what is made of their elements stays in the cache."""
    step = BATCH * numba.get_num_threads()
    for first in range(0, len(pairs.line_parts) - 1, step):
        yield pairs.line_parts[first : first + step + 1]
'''

_BILINEAR = '''
def bilinear(
    pairs: Cells, columns: Table, lines: Table, dtype: Any
) -> tuple[Callable[[], np.ndarray], Callable[[], np.ndarray], Callable[[], float]]:
    """Σ count p[k] over the pairs of each column, and of each line, and Σ count log Σ_k exp(logits), when asked for.

    The logits of a pair are the sum of its rows of the two tables. Where the sum of their exponentials is too small
    for a number to have all its digits, p is that of the logarithms, shifted.
    """
    above, below = columns[0], lines[0]
    a, b = columns[1].astype(dtype, copy=False), lines[1].astype(dtype, copy=False)
    index, ends, counts = pairs.counts.indices, pairs.counts.indptr, pairs.counts.data
    masses = _masses(pairs.line_parts, ends, index, a, b)
    small = np.flatnonzero(~(masses > np.finfo(dtype).tiny ** 0.65))
    masses[small] = np.inf
    i, j, weight = index[small], np.searchsorted(ends, small, side="right") - 1, counts[small]

    def with_small(out: np.ndarray, place: np.ndarray) -> np.ndarray:
        for some in blocks(len(small)):
            add_small(out, place[some], weight[some], above[i[some]] + below[j[some]])
        return out

    @functools.cache
    def by_column() -> np.ndarray:
        shares = (counts / masses)[pairs.places.data]
        return with_small(_weighted(pairs.column_parts, pairs.places.indptr, pairs.places.indices, shares, b, a), i)

    @functools.cache
    def by_line() -> np.ndarray:
        return with_small(_weighted(pairs.line_parts, ends, index, counts / masses, a, b), j)

    def total() -> float:
        logs = np.log(masses, out=np.zeros(masses.shape), where=masses < np.inf)
        rest = (weight[some] @ logsumexp(above[i[some]] + below[j[some]]) for some in blocks(len(small)))
        return float(counts @ logs) + float(sum(rest))

    return by_column, by_line, total


@numba.njit(parallel=True, fastmath=FAST, error_model="numpy")
def _masses(parts, ends, index, columns, lines):  # type: ignore
    """Σ_k columns[i,k] lines[j,k] for the pairs, those of a line after one another and four at a time."""
    masses, groups = np.empty(len(index)), columns.shape[1]
    for part in numba.prange(len(parts) - 1):
        for j in range(parts[part], parts[part + 1]):
            n = ends[j]
            while n + 4 <= ends[j + 1]:
                p, q, r, s = index[n], index[n + 1], index[n + 2], index[n + 3]
                first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
                for k in range(groups):
                    own = lines[j, k]
                    first += columns[p, k] * own
                    second += columns[q, k] * own
                    third += columns[r, k] * own
                    fourth += columns[s, k] * own
                masses[n], masses[n + 1], masses[n + 2], masses[n + 3] = first, second, third, fourth
                n += 4
            while n < ends[j + 1]:
                i, mass = index[n], 0.0
                for k in range(groups):
                    mass += columns[i, k] * lines[j, k]
                masses[n] = mass
                n += 1
    return masses


@numba.njit(parallel=True, fastmath=FAST, error_model="numpy")
def _weighted(parts, ends, index, shares, others, own):  # type: ignore
    """own[j,k] Σ_n shares[n] others[index[n],k] over the pairs of each j, four at a time."""
    out, groups = np.empty(own.shape), own.shape[1]
    for part in numba.prange(len(parts) - 1):
        sums = np.empty(groups)
        for j in range(parts[part], parts[part + 1]):
            sums[:] = 0.0
            n = ends[j]
            while n + 4 <= ends[j + 1]:
                p, q, r, s = index[n], index[n + 1], index[n + 2], index[n + 3]
                first, second, third, fourth = shares[n], shares[n + 1], shares[n + 2], shares[n + 3]
                for k in range(groups):
                    half = first * others[p, k] + second * others[q, k]
                    sums[k] += half + third * others[r, k] + fourth * others[s, k]
                n += 4
            while n < ends[j + 1]:
                i, share = index[n], shares[n]
                for k in range(groups):
                    sums[k] += share * others[i, k]
                n += 1
            for k in range(groups):
                out[j, k] = sums[k] * own[j, k]
    return out
'''

_LINE_SUMS = '''
# How many parts of the lines a thread works on before the next lines.
BATCH = 8


def line_sums(
    pairs: Cells, columns: Table, dtype: Any
) -> Iterator[tuple[np.ndarray, Callable[[Table], np.ndarray]]]:
    """Batch after batch: which lines, and what makes Σ count p[k] over the pairs of each out of their own table."""
    heights = columns[1].astype(dtype, copy=False)
    for parts in batches(pairs):
        yield np.arange(parts[0], parts[-1]), functools.partial(sums_of_lines, pairs, parts, columns[0], heights)
'''

_SUMS_OF_LINES = '''
def sums_of_lines(pairs: Cells, parts: np.ndarray, above: np.ndarray, heights: np.ndarray, own: Table) -> np.ndarray:
    """Σ count p[k] over the pairs of each line of a batch; pairs whose weights vanish are added by their logarithms."""
    below, here = own[0], own[1].astype(heights.dtype, copy=False)
    ends = pairs.counts.indptr[parts[0] : parts[-1] + 1]
    inside = slice(ends[0], ends[-1])
    index, counts = pairs.counts.indices[inside], pairs.counts.data[inside]
    parts, ends = parts - parts[0], ends - ends[0]
    masses = _masses(parts, ends, index, heights, here)
    small = np.flatnonzero(~(masses > np.finfo(heights.dtype).tiny ** 0.65))
    masses[small] = np.inf
    out = _weighted(parts, ends, index, counts / masses, heights, here)
    line = np.searchsorted(ends, small, side="right") - 1
    add_small(out, line, counts[small], above[index[small]] + below[line])
    return out
'''

_FORWARD_BACKWARD = '''
def forward_backward(
    logits: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, float] | None:
    """Passes over a chain of categories with weights exp(Σ logits + Σ transition).

    The marginals, which take the place of the logits; the sum of pairs (before, after); log Z; the probability of each
    category given what came before; the entropy. None where all weights of a step vanish in floating point.
    """
    begins = np.zeros(len(logits), dtype=np.bool_) if starts is None else starts == 1
    begins[0] = True
    level = transition.max()
    matrix = np.exp(transition - level)
    weights, tops = _less_the_largest(logits)
    np.exp(weights, out=weights)
    forward, scales = _forward(weights, matrix, begins)
    energy, pairs = _backward(weights, forward, matrix, np.ascontiguousarray(matrix.T), begins, logits)
    with np.errstate(all="ignore"):  # a sum that vanished shows below
        log_normaliser = float(np.log(scales).sum() + tops.sum() + level * (len(begins) - begins.sum()))
    entropy = log_normaliser - energy - float((pairs * transition).sum())
    good = np.isfinite(log_normaliser) and np.isfinite(logits).all() and np.isfinite(pairs).all()
    return (logits, pairs, log_normaliser, forward, entropy) if good else None


@numba.njit(parallel=True)
def _less_the_largest(logits):  # type: ignore
    """Each row less its largest number, and these numbers."""
    length, groups = logits.shape
    out, tops = np.empty((length, groups)), np.empty(length)
    for t in numba.prange(length):
        top = logits[t, 0]
        for k in range(1, groups):
            top = max(top, logits[t, k])
        tops[t] = top
        for k in range(groups):
            out[t, k] = logits[t, k] - top
    return out, tops


@numba.njit(error_model="numpy")
def _forward(weights, matrix, begins):  # type: ignore
    """Probabilities given what came before, and the sums that were divided by."""
    length, groups = weights.shape
    forward, scales = np.empty((length, groups)), np.empty(length)
    moved = np.empty(groups)
    for t in range(length):
        if begins[t]:
            moved[:] = 1.0
        else:
            moved[:] = 0.0
            for k in range(groups):
                for l in range(groups):
                    moved[l] += forward[t - 1, k] * matrix[k, l]
        scale = 0.0
        for k in range(groups):
            forward[t, k] = moved[k] * weights[t, k]
            scale += forward[t, k]
        inverse = 1.0 / scale
        for k in range(groups):
            forward[t, k] *= inverse
        scales[t] = scale
    return forward, scales


@numba.njit(error_model="numpy")
def _backward(weights, forward, matrix, turned, begins, logits):  # type: ignore
    """The marginals, in the place of the logits; E[logits], and the sum of the pairs."""
    length, groups = weights.shape
    energy, pairs = 0.0, np.zeros((groups, groups))
    after, into = np.ones(groups), np.empty(groups)
    for t in range(length - 1, -1, -1):
        norm = 0.0
        for k in range(groups):
            into[k] = weights[t, k] * after[k]
            norm += forward[t, k] * after[k]
        inverse = 1.0 / norm
        for k in range(groups):
            share = forward[t, k] * after[k] * inverse
            energy += share * logits[t, k]
            logits[t, k] = share
        if begins[t]:
            after[:] = 1.0
            continue
        after[:] = 0.0
        for l in range(groups):
            for k in range(groups):
                after[k] += into[l] * turned[l, k]
        norm, most = 0.0, 0.0
        for k in range(groups):
            norm += forward[t - 1, k] * after[k]
            most = max(most, after[k])
        inverse = 1.0 / norm
        for k in range(groups):
            share = forward[t - 1, k] * inverse
            for l in range(groups):
                pairs[k, l] += share * into[l]
        inverse = 1.0 / most
        for k in range(groups):
            after[k] *= inverse
    return energy, pairs * matrix
'''

_CHAIN_KERNELS = '''
def kernels(
    filtered: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None, rows: slice = slice(None)
) -> np.ndarray:
    """q(z_t = k | z_{t+1} = l) at [t, l, k]; without a link to the next position it does not depend on l."""
    ends = np.zeros(len(filtered), dtype=np.bool_)
    ends[-1] = True
    if starts is not None:
        ends[:-1] |= starts[1:] == 1
    filtered, ends = filtered[rows], ends[rows]
    out = np.empty((len(filtered), *transition.shape))
    _kernels(np.ascontiguousarray(filtered), np.ascontiguousarray(transition.T), ends, out)
    return out


@numba.njit(parallel=True, error_model="numpy")
def _kernels(filtered, turned, ends, out):  # type: ignore
    """Probabilities before times exp(transition), normalised."""
    length, groups = filtered.shape
    for t in numba.prange(length):
        for l in range(groups):
            top = -np.inf
            for k in range(groups):
                step = 0.0 if ends[t] else turned[l, k]
                out[t, l, k] = np.log(max(filtered[t, k], 1e-300)) + step
                top = max(top, out[t, l, k])
            total = 0.0
            for k in range(groups):
                out[t, l, k] = np.exp(out[t, l, k] - top)
                total += out[t, l, k]
            for k in range(groups):
                out[t, l, k] /= total
'''

_SCANNED = '''
def scanned(steps: np.ndarray, values: np.ndarray, reverse: bool = False) -> np.ndarray:
    """x[t] = steps[t] x[t-1] + values[t], with nothing before the first; in reverse of x[t+1]."""
    length, side = len(values), int(np.prod(values.shape[1:]))
    out = np.empty((length, side))
    maps, added = steps.reshape(length, side, side), values.reshape(length, side)
    _scanned(np.ascontiguousarray(maps, dtype=float), np.ascontiguousarray(added, dtype=float), reverse, out)
    return out.reshape(values.shape)


@numba.njit(error_model="numpy")
def _scanned(maps, added, reverse, out):  # type: ignore
    """One position after another."""
    length, side = added.shape
    for n in range(length):
        t, before = (length - 1 - n, length - n) if reverse else (n, n - 1)
        for i in range(side):
            total = added[t, i]
            if n:
                for j in range(side):
                    total += maps[t, i, j] * out[before, j]
            out[t, i] = total
'''

KERNELS = Kernels(
    needs="NumPy, SciPy and Numba",
    imports=_IMPORT.strip("\n"),
    sources={
        "digamma": _DIGAMMA,
        "gammaln": _GAMMALN,
        "cells": _CELLS,
        "batches": _BATCHES,
        "bilinear": _BILINEAR,
        "line_sums": _LINE_SUMS,
        "sums_of_lines": _SUMS_OF_LINES,
        "forward_backward": _FORWARD_BACKWARD,
        "kernels": _CHAIN_KERNELS,
        "scanned": _SCANNED,
    },
)
