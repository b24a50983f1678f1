"""Sums over pairs of rows of two tables, as loops that Numba compiles."""

from __future__ import annotations

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

_REPEATED_LINES = '''
def own_arrays(state: State, wanted: Sequence[tuple[str, str]]) -> tuple[np.ndarray, ...]:
    """Copies of parameters, for loops to write to."""
    shapes = [state.shape(PARAMETERS[latent][name]["axes"]) for latent, name in wanted]
    found = [state.params[latent].get(name) for latent, name in wanted]
    return tuple(np.zeros(s) if a is None else np.array(a, order="C") for a, s in zip(found, shapes))


@numba.njit(fastmath=FAST, error_model="numpy")
def masses_of_line(rows, own, masses):  # type: ignore
    """Σ_k rows[n,k] own[k] for the pairs of a line, four at a time."""
    n, groups, zero = 0, rows.shape[1], rows.dtype.type(0)
    while n + 4 <= len(masses):
        first, second, third, fourth = zero, zero, zero, zero
        for k in range(groups):
            first += rows[n, k] * own[k]
            second += rows[n + 1, k] * own[k]
            third += rows[n + 2, k] * own[k]
            fourth += rows[n + 3, k] * own[k]
        masses[n], masses[n + 1], masses[n + 2], masses[n + 3] = first, second, third, fourth
        n += 4
    while n < len(masses):
        mass = zero
        for k in range(groups):
            mass += rows[n, k] * own[k]
        masses[n] = mass
        n += 1


@numba.njit(error_model="numpy")
def shares_of_line(masses, counts, tiny):  # type: ignore
    """Counts over masses, in place of these; -1 where a mass is too small to have all its digits, and how often."""
    vanished = 0
    for n in range(len(masses)):
        good = masses[n] > tiny
        masses[n] = counts[n] / masses[n] if good else -1.0
        vanished += not good
    return vanished


@numba.njit(fastmath=FAST, error_model="numpy")
def sums_of_line(rows, shares, sums):  # type: ignore
    """Σ_n shares[n] rows[n,k], four pairs at a time."""
    n, groups = 0, rows.shape[1]
    sums[:] = 0.0
    while n + 4 <= len(shares):
        first, second, third, fourth = shares[n], shares[n + 1], shares[n + 2], shares[n + 3]
        for k in range(groups):
            half = first * rows[n, k] + second * rows[n + 1, k]
            sums[k] += half + third * rows[n + 2, k] + fourth * rows[n + 3, k]
        n += 4
    while n < len(shares):
        for k in range(groups):
            sums[k] += shares[n] * rows[n, k]
        n += 1


@numba.njit(error_model="numpy")
def add_vanished(above, index, counts, logits, shares, sums):  # type: ignore
    """Σ count p[k] over the pairs whose shares are -1, by their logarithms; these shares become 0."""
    sums[:] = 0.0
    for n in range(len(shares)):
        if shares[n] < 0.0:
            heights = above[index[n]] + logits
            heights = np.exp(heights - heights.max())
            sums += counts[n] / heights.sum() * heights
            shares[n] = 0.0
'''

SOURCES = {"cells": _CELLS, "bilinear": _BILINEAR, "repeated_lines": _REPEATED_LINES}
