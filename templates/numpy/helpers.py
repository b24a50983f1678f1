"""Helper functions that a generated module may need; only those it calls are written into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cavi.templates.numpy import narrow, passes, products
from cavi.templates.requirements import NEEDS


@dataclass(frozen=True)
class Kernels:
    """Helper functions of another target, in the place of those here.

    Attributes:
        needs: what a module then needs, in words.
        imports: the lines that import it.
        sources: name of a helper, or of a function that is else imported from SciPy -> its source.
        calls: name of one of these -> those that it calls.
        compiled: what a target makes of passes over tables, given the writer of the module.
    """

    needs: str = NEEDS
    imports: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    compiled: Callable[[Any, Sequence[Any]], tuple[Any, ...]] = lambda writer, passes: tuple(passes)

    def chosen(self, used: Iterable[str]) -> list[str]:
        """Those that a module calls."""
        wanted = {*closure(used), *used, *(("digamma",) if "multidigamma" in used else ())}
        wanted |= {n for user in wanted for n in self.calls.get(user, ())}
        return [n for n in self.sources if n in wanted]


NUMPY = Kernels()

IMPORTS = {
    "gammaln": "from scipy.special import gammaln",
    "digamma": "from scipy.special import digamma",
    "polygamma": "from scipy.special import polygamma",
    "xlogy": "from scipy.special import xlogy",
    "multigammaln": "from scipy.special import multigammaln",
}

SOURCES = {
    **passes.SOURCES,
    **narrow.SOURCES,
    **products.SOURCES,
    "across": '''
def across(values: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of rows with the last axis first, in memory of their own.

    What is taken over a last axis of few numbers, for each row anew, is a loop over many rows then.
    """
    size = max(1, 2080 // max(1, int(np.prod(values.shape[1:-1]))))
    for start in range(0, len(values), size):
        some = slice(start, start + size)
        yield some, np.array(np.moveaxis(values[some], -1, 0), order="C")
''',
    "softmax": '''
def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(logits) normalised over the last axis, without overflow."""
    if logits.ndim > 1 and logits.shape[-1] <= 32 < len(logits):
        out = np.empty(logits.shape, logits.dtype)
        for some, block in across(logits):
            block -= block.max(axis=0)
            np.exp(block, out=block)
            block /= block.sum(axis=0)
            out[some] = np.moveaxis(block, 0, -1)
        return out
    shifted = logits - logits.max(axis=-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=-1, keepdims=True)
    return shifted
''',
    "blocks": '''
def blocks(size: int, least: int = 0) -> Iterator[slice]:
    """Rows in blocks, so that what is computed for one of them stays in the cache."""
    step = max(BLOCK, least)
    return (slice(start, min(start + step, size)) for start in range(0, size, step))
''',
    "row_sum": '''
def row_sum(array: np.ndarray) -> np.ndarray:
    """Σ_n array[n, …]; of an array that only repeats along the first axis, by one element of it."""
    return len(array) * array[0] if array.strides[0] == 0 else array.sum(axis=0)
''',
    "lowered": '''
def lowered(table: np.ndarray) -> np.ndarray:
    """A table less the largest number of each row, which no softmax sees."""
    return np.ascontiguousarray(table - table.max(axis=-1, keepdims=True))
''',
    "raised": '''
Table = tuple[np.ndarray, np.ndarray]


def raised(table: np.ndarray) -> Table:
    """Logits less the largest of each row, and their exponentials."""
    logits = lowered(table)
    return logits, np.exp(logits)
''',
    "gathered": '''
def gathered(
    tables: Sequence[np.ndarray], exponentials: Sequence[np.ndarray], indices: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Π exp(table)[index], a line for each element of the indices, with the sums of the lines and their logarithms.

    Where a sum is too small for a number to have all its digits, the line is that of the logarithms, shifted.
    """
    heights = np.take(exponentials[0], indices[0], axis=0)
    for table, index in zip(exponentials[1:], indices[1:]):
        heights *= np.take(table, index, axis=0)
    masses = heights.sum(axis=1)
    small = np.flatnonzero(~(masses > np.finfo(masses.dtype).tiny ** 0.65))
    logits = sum(table[index[small]] for table, index in zip(tables, indices))
    top = logits.max(axis=1)
    heights[small] = np.exp(logits - top[:, None])
    masses[small] = heights[small].sum(axis=1)
    log_masses = np.log(masses)
    log_masses[small] += top
    return heights, masses, log_masses
''',
    "scattered": '''
def scattered(shares: np.ndarray, index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Σ shares[n] values[n, …] over the n that share an index, for a block of rows."""
    ones = csr_matrix((shares, index, np.arange(len(index) + 1)), shape=(len(index), size))
    return ones.T @ values
''',
    "cells": '''
# How many numbers of gathered rows are worked on at a time.
GATHERED = 256 * BLOCK


@dataclass(frozen=True)
class Cells:
    """How often pairs of a column and a line occur, as a sparse matrix that has lines of about one length together.

    `lines` tells which they are, and `batches` which of them, and of their pairs, are worked on together: the shorter
    of them end with pairs that occur 0 times.
    """

    counts: csr_matrix
    lines: np.ndarray
    batches: list[tuple[slice, slice]]


def cells(column: np.ndarray, line: np.ndarray, weight: np.ndarray, shape: tuple[int, int], groups: int) -> Cells:
    """The pairs of two observed integers, each once, with the weights of the rows that have them added up."""
    counts = csr_matrix((weight, (line, column)), shape=shape[::-1])
    lines = np.argsort(np.diff(counts.indptr), kind="stable")
    counts = counts[lines]
    lengths = np.diff(counts.indptr)
    parts, first = [], 0
    while first < len(lengths):
        last = np.searchsorted(lengths, lengths[first] + lengths[first] // 8, side="right")
        step = max(1, GATHERED // (groups * max(1, int(lengths[last - 1]))))
        parts.append(slice(first, min(int(last), first + step)))
        first = parts[-1].stop
    widths = np.concatenate([np.full(some.stop - some.start, lengths[some.stop - 1]) for some in parts])
    ends = np.concatenate([[0], np.cumsum(widths)])
    place = np.arange(counts.nnz) + np.repeat(ends[:-1] - counts.indptr[:-1], lengths)
    index, data = np.zeros(ends[-1], counts.indices.dtype), np.zeros(ends[-1])
    index[place], data[place] = counts.indices, counts.data
    batches = [(some, slice(int(ends[some.start]), int(ends[some.stop]))) for some in parts]
    return Cells(csr_matrix((data, index, ends), shape=counts.shape), lines, batches)
''',
    "batches": '''
def batches(pairs: Cells, heights: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Which lines, which pairs of theirs, and the rows of the table that they read, [line, pair, group]."""
    room = np.empty((max(inside.stop - inside.start for _, inside in pairs.batches), heights.shape[1]), heights.dtype)
    for some, inside in pairs.batches:
        index = pairs.counts.indices[inside]
        picked = heights.take(index, axis=0, out=room[: len(index)], mode="clip")
        lines = some.stop - some.start
        yield some, inside, picked.reshape(lines, len(index) // lines, heights.shape[1])
''',
    "add_small": '''
def add_small(out: np.ndarray, place: np.ndarray, counts: np.ndarray, logits: np.ndarray) -> None:
    """Add what pairs make of logarithms, of which there is nothing in a product."""
    if len(place):
        np.add.at(out, place, counts[:, None] * softmax(logits))
''',
    "bilinear": '''
def bilinear(
    pairs: Cells, columns: Table, lines: Table, dtype: Any
) -> tuple[Callable[[], np.ndarray], Callable[[], np.ndarray], Callable[[], float]]:
    """Σ count p[k] over the pairs of each column, and of each line, and Σ count log Σ_k exp(logits), when asked for.

    The logits of a pair are the sum of its rows of the two tables. Where the sum of their exponentials is too small
    for a number to have all its digits, p is that of the logarithms, shifted.
    """
    above, a = columns
    below, b = lines[0], lines[1][pairs.lines]
    right = b.astype(dtype, copy=False)
    index, ends, counts = pairs.counts.indices, pairs.counts.indptr, pairs.counts.data
    masses, sums = np.empty(len(index), dtype), np.zeros(b.shape)
    for some, inside, picked in batches(pairs, a.astype(dtype, copy=False)):
        mass = picked @ right[some, :, None]
        masses[inside] = mass.ravel()
        with np.errstate(all="ignore"):  # what comes of products that vanish is not used
            shares = (counts[inside].reshape(mass.shape) / mass).astype(dtype, copy=False)
            sums[some] = (shares.swapaxes(1, 2) @ picked)[:, 0]
    small = np.flatnonzero(~(masses > np.finfo(dtype).tiny ** 0.65))
    masses[small] = np.inf  # of these pairs there is nothing in a product
    i, j, weight = index[small], pairs.lines[np.searchsorted(ends, small, side="right") - 1], counts[small]

    @functools.cache
    def ratios() -> csr_matrix:
        return csr_matrix((counts / masses, index, ends), shape=pairs.counts.shape)

    def with_small(out: np.ndarray, place: np.ndarray) -> np.ndarray:
        for some in blocks(len(small)):
            add_small(out, place[some], weight[some], above[i[some]] + below[j[some]])
        return out

    @functools.cache
    def by_column() -> np.ndarray:
        return with_small((ratios().T @ b) * a, i)

    @functools.cache
    def by_line() -> np.ndarray:
        out = np.empty_like(b)
        out[pairs.lines] = (ratios() @ a if len(small) else sums) * b
        return with_small(out, j)

    def total() -> float:
        logs = np.log(masses, out=np.zeros(masses.shape), where=masses < np.inf)
        rest = (weight[some] @ logsumexp(above[i[some]] + below[j[some]]) for some in blocks(len(small)))
        return float(counts @ logs) + float(sum(rest))

    return by_column, by_line, total
''',
    "line_sums": '''
def line_sums(
    pairs: Cells, columns: Table, dtype: Any
) -> Iterator[tuple[np.ndarray, Callable[[Table], np.ndarray]]]:
    """Batch after batch: which lines, and what makes Σ count p[k] over the pairs of each out of their own table.

    The rows of the other table are gathered once for a batch, and stay in the cache while it is worked on.
    """
    for some, inside, picked in batches(pairs, columns[1].astype(dtype, copy=False)):
        index, counts = pairs.counts.indices[inside], pairs.counts.data[inside]
        yield pairs.lines[some], functools.partial(sums_of_lines, picked, columns[0], index, counts)
''',
    "sums_of_lines": '''
def sums_of_lines(
    picked: np.ndarray, above: np.ndarray, index: np.ndarray, counts: np.ndarray, own: Table
) -> np.ndarray:
    """Σ count p[k] over the pairs of each line of a batch; pairs whose weights vanish are added by their logarithms."""
    below, heights = own
    masses = (picked @ heights[:, :, None].astype(picked.dtype, copy=False)).reshape(-1)
    small = np.flatnonzero(~(masses > np.finfo(masses.dtype).tiny ** 0.65))
    masses[small] = np.inf
    shares = (counts / masses).astype(picked.dtype, copy=False).reshape(len(picked), 1, -1)
    out = (shares @ picked)[:, 0] * heights
    line = small * len(picked) // len(index) if len(small) else small
    add_small(out, line, counts[small], above[index[small]] + below[line])
    return out
''',
    "part_of": '''
def part_of(state: State, size: str, chosen: np.ndarray, factors: Sequence[str]) -> State:
    """A state of some elements along an axis, of what is known and of some factors; all else is shared."""

    def cut(array: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
        return array.take(chosen, axis=axes.index(size)) if size in axes else array

    known = [{n: cut(a, KNOWN[n]["axes"]) for n, a in values.items()} for values in (state.data, state.hyper)]
    shared = [dict(x) for x in (state.params, state.moments, state.versions, state.kept)]
    part = State(*known, {**state.sizes, size: len(chosen)}, *shared, state.dtype)
    for factor in factors:
        for latent in factor.split(","):
            specs = PARAMETERS[latent]
            part.params[latent] = {n: cut(a, specs[n]["axes"]) for n, a in state.params[latent].items()}
        part.refresh(factor)
    return part
''',
    "join": '''
def join(state: State, size: str, chosen: np.ndarray, parts: Sequence[State], factors: Sequence[str]) -> None:
    """Take over some factors from states of parts of an axis, `chosen` in the order of the parts."""
    place = np.argsort(chosen)
    for factor in factors:
        for latent in factor.split(","):
            found = {}
            for name, spec in PARAMETERS[latent].items():
                arrays = [part.params[latent][name] for part in parts]
                axis = spec["axes"].index(size)
                found[name] = np.concatenate(arrays, axis).take(place, axis)
            state.store(latent, **found)
        state.refresh(factor)
''',
    "logsumexp": '''
def logsumexp(logits: np.ndarray) -> np.ndarray:
    """log Σ exp(logits) over the last axis, without overflow."""
    if logits.ndim > 1 and logits.shape[-1] <= 32 < len(logits):
        out = np.empty(logits.shape[:-1], logits.dtype)
        for some, block in across(logits):
            largest = block.max(axis=0)
            block -= largest
            out[some] = np.log(np.exp(block, out=block).sum(axis=0)) + largest
        return out
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
    few = distinct(matrix, matrix.ndim - 2 * axes)
    square = few.reshape(*few.shape[: few.ndim - 2 * axes], side, side)
    factor = np.linalg.cholesky(square)
    if side > 48:
        return np.broadcast_to(_from_factors(factor).reshape(few.shape), matrix.shape)
    half = np.linalg.solve(factor, np.broadcast_to(np.eye(side), square.shape))
    return np.broadcast_to((np.swapaxes(half, -1, -2) @ half).reshape(few.shape), matrix.shape)
''',
    "_from_factors": '''
def _from_factors(factors: np.ndarray) -> np.ndarray:
    """Inverses of large matrices, one after another, by what LAPACK has for triangles: a sixth of the work."""
    out = np.empty(factors.shape)
    for at in np.ndindex(factors.shape[:-2]):
        upper, _ = lapack.dpotri(factors[at].T, lower=False)  # its other half is zero, as that of the factor
        out[at] = upper + upper.T
    diagonal = np.arange(out.shape[-1])
    out[..., diagonal, diagonal] *= 0.5
    return out
''',
    "logdet": '''
def logdet(matrix: np.ndarray, axes: int = 1) -> np.ndarray:
    """Log-determinant of symmetric positive definite matrices; each side has so many of the last axes."""
    side, lead = int(np.prod(matrix.shape[matrix.ndim - axes :])), matrix.ndim - 2 * axes
    few = distinct(matrix, lead)
    square = few.reshape(*few.shape[:lead], side, side)
    diagonal = np.diagonal(np.linalg.cholesky(square), axis1=-2, axis2=-1)
    return np.broadcast_to(2.0 * np.log(diagonal).sum(axis=-1), matrix.shape[:lead])
''',
    "distinct": '''
def distinct(array: np.ndarray, axes: int) -> np.ndarray:
    """Of an array that only repeats along some of the first axes, one element of each of these."""
    return array[tuple(slice(1) if stride == 0 else slice(None) for stride in array.strides[:axes])]
''',
    "segments": '''
def segments(index: Any, size: Any) -> tuple[csr_matrix, int]:
    """Which rows share an index, as a sparse matrix of ones over indices and rows; and how many axes the rows have.

    `index` and `size` may be tuples, for a sum into several axes at once.
    """
    indexes = index if isinstance(index, tuple) else (index,)
    sizes = size if isinstance(size, tuple) else (size,)
    place = np.ravel_multi_index(tuple(np.asarray(i).ravel() for i in indexes), sizes)
    total = int(np.prod(sizes))
    ends = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=total))])
    ones = csr_matrix((np.ones(place.size), np.argsort(place, kind="stable"), ends), shape=(total, place.size))
    return ones, np.ndim(indexes[0])
''',
    "marks": '''
def marks(lines: Any, columns: Any, weight: Any = 1.0) -> csr_matrix:
    """What occurs together at a line and a column, added up; both are observed integers and lengths of axes."""
    places = [np.ravel_multi_index(np.broadcast_arrays(*index), sizes) for index, sizes in (lines, columns)]
    line, column, weight = (a.ravel() for a in np.broadcast_arrays(*places, weight))
    shape = [int(np.prod(sizes)) for _, sizes in (lines, columns)]
    return csr_matrix((weight, (line, column)), shape=shape, dtype=float)
''',
    "segment_sum": '''
def segment_sum(values: np.ndarray, members: tuple[csr_matrix, int], size: Any) -> np.ndarray:
    """Add up the rows of `values` that share an index: out[i, …] = Σ_{n: index[n] = i} values[n, …]."""
    ones, axes = members
    sizes = size if isinstance(size, tuple) else (size,)
    return (ones @ values.reshape(ones.shape[1], -1)).reshape(*sizes, *values.shape[axes:])
''',
    "log_maximised": '''
def log_maximised(x: np.ndarray) -> np.ndarray:
    """log x, finite where a probability or a rate was maximised to zero: 0 log 0 is 0 in the counts that multiply it.

    What is below zero by more than rounding is no maximiser, and has no logarithm.
    """
    return np.log(np.where((x > -1e-12) & (x < 1e-300), 1e-300, x))
''',
    "untold": '''
def untold(axes: int, *coefficients: np.ndarray) -> np.ndarray:
    """Which elements of a point, along its first axes, have no coefficient but zero: nothing depends on those."""
    found = [np.asarray(c) for c in coefficients]
    zero = [(np.abs(c) < np.finfo(c.dtype).tiny).all(axis=tuple(range(axes, c.ndim))) for c in found]
    return functools.reduce(np.logical_and, zero)
''',
    "stays": '''
def stays(free: np.ndarray, before: np.ndarray, value: np.ndarray) -> np.ndarray:
    """A value of a point, but what was before where nothing depends on it."""
    return np.where(free.reshape(free.shape + (1,) * (np.ndim(value) - free.ndim)), before, value)
''',
    "regular": '''
def regular(free: np.ndarray, matrix: np.ndarray, axes: int = 1) -> np.ndarray:
    """Matrices, a side of which has so many axes, with the identity in the place of those that say nothing."""
    sides, rows = matrix.shape[matrix.ndim - axes :], 1
    for side in sides:
        rows *= side
    return stays(free, np.eye(rows).reshape(*sides, *sides), matrix)
''',
    "softplus": '''
def softplus(x: Any) -> np.ndarray:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(0.0, x)
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
    "placed": '''
def placed(support: str, t: np.ndarray) -> tuple[np.ndarray, ...]:
    """Numbers of a support at t of the real line: t, exp t or 1 / (1 + exp -t).

    With positive numbers and probabilities come their logarithms, with probabilities those of one less them too.
    """
    if support == "real":
        return (t,)
    log_x = t if support == "positive" else -np.logaddexp(0.0, -t)
    return (np.exp(log_x), log_x) if support == "positive" else (np.exp(log_x), log_x, -np.logaddexp(0.0, t))
''',
    "peak": '''
def peak(
    height: Callable[[np.ndarray], np.ndarray], lead: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where functions of t with one mode have it, how high they are there, and their width.

    `height` is of points on a last axis, for all functions at once. Grids of 17 points close in on the mode, and widen
    where it lies at their end, until the function falls visibly from the best point to one next to it, but by less than
    a half. A parabola through the three gives the mode and the width. Between cliffs a function may be flat in one grid
    and fall off in the next: a grid that came closer does not widen for being flat, and the width is some steps of it.
    """
    grid = np.linspace(-1.0, 1.0, 17)
    mode, half = np.zeros((*lead, 1)), np.full((*lead, 1), 32.0)
    near = np.zeros((*lead, 1), dtype=bool)
    with np.errstate(all="ignore"):
        for _ in range(100):
            points = mode + half * grid
            found = height(points)
            best = found.argmax(axis=-1)[..., None]
            inside = np.clip(best, 1, 15)
            mode = np.take_along_axis(points, inside, axis=-1)
            left, top, right = (np.take_along_axis(found, inside + k, axis=-1) for k in (-1, 0, 1))
            fall = top - np.minimum(left, right)
            alive = np.isfinite(np.take_along_axis(found, best, axis=-1))
            wider = alive & ((best != inside) | ((fall < 1e-3) & ~near))
            closer = alive & ~wider & ~(fall < 0.5)
            near |= closer
            if not (wider | closer).any():
                break
            half = np.where(wider, 4.0 * half, np.where(closer, half / 4.0, half))
        bend, tilt, step = np.maximum(2.0 * top - left - right, 1e-300), right - left, half / 8.0
        mode = mode + np.where(alive, step * np.clip(tilt / (2.0 * bend), -1.0, 1.0), 0.0)
        top = np.where(alive, top + tilt * tilt / (8.0 * bend), -np.inf)
        return mode, top, np.where(alive, step / np.sqrt(np.maximum(bend, 1e-3)), 1.0)
''',
    "reach": '''
def reach(
    height: Callable[[np.ndarray], np.ndarray],
    at: tuple[np.ndarray, np.ndarray, np.ndarray],
    sign: float,
    fall: float,
) -> np.ndarray:
    """How far from its mode, on one side and in widths, a function has fallen by that much."""
    mode, top, width = at
    far = np.geomspace(0.25, 1e15, 97)
    below = top - height(mode + sign * width * far) >= fall
    if not below.any(axis=-1).all():
        raise FloatingPointError("a factor that is normalised numerically does not vanish at an end of its support")
    first = below.argmax(axis=-1)
    low = np.where(first > 0, far[np.maximum(first - 1, 0)], 0.0)[..., None]
    steps = low + (far[first][..., None] - low) * np.linspace(0.0, 1.0, 17)
    below = top - height(mode + sign * width * steps) >= fall
    return np.take_along_axis(steps, below.argmax(axis=-1)[..., None], axis=-1)
''',
    "located": '''
def located(
    height: Callable[[np.ndarray], np.ndarray], lead: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mode and scale of functions of t with one mode, and the ends v where they have fallen by e^-FALL.

    Between these they are summed in v, t = mode + scale sinh v: both Gaussian and exponential tails in t need few
    nodes. The scale is that of the steeper side.
    """
    mode, top, width = peak(height, lead)
    if not np.isfinite(top).all():
        raise FloatingPointError("a factor that is normalised numerically has no mode inside its support")
    scale = width * np.minimum(*(reach(height, (mode, top, width), sign, 0.5) for sign in (-1.0, 1.0)))
    left, right = (np.arcsinh(reach(height, (mode, top, scale), sign, FALL)) for sign in (-1.0, 1.0))
    return mode, scale, -left, right
''',
    "spaced": '''
def spaced(places: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many nodes t, equally far apart in v, and the logarithms of dt, for the trapezoidal rule."""
    mode, scale, left, right = places
    step = (right - left) / (count - 1)
    v = left + step * np.arange(count)
    return mode + scale * np.sinh(v), np.log(scale * step * np.cosh(v))
''',
    "shares": '''
def shares(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """exp(logs) divided by its sum over the last axis, and the logarithm of the sum."""
    most = logs.max(axis=-1, keepdims=True)
    weights = np.exp(logs - most)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / total, (most + np.log(total))[..., 0]
''',
    "on_the_line": '''
def on_the_line(
    log_density: Callable[..., np.ndarray], support: str, shape: tuple[int, ...]
) -> Callable[[np.ndarray], np.ndarray]:
    """The log density in the coordinate t of `placed`, for every element of the shape at points on a last axis."""

    def height(t: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            x = placed(support, t)
            found = np.broadcast_to(log_density(*x) + sum(x[1:]), (*shape, t.shape[-1]))
        return np.where(np.isfinite(found), found, -np.inf)

    return height
''',
    "in_the_plane": '''
def in_the_plane(
    log_density: Callable[..., np.ndarray], supports: tuple[str, str], shape: tuple[int, ...]
) -> tuple[Callable[..., np.ndarray], Callable[..., Any], Callable[[np.ndarray], np.ndarray]]:
    """The log density in coordinates s and t of two numbers, as a function of t at each s, and about its sum over t."""

    def height(s: np.ndarray, t: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            x, y = placed(supports[0], s), placed(supports[1], t)
            found = np.broadcast_to(log_density(*x, *y) + sum(x[1:]) + sum(y[1:]), (*shape, t.shape[-1]))
        return np.where(np.isfinite(found), found, -np.inf)

    def along(s: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        def line(t: np.ndarray) -> np.ndarray:
            flat = (*shape, t.shape[-2] * t.shape[-1])
            return height(np.broadcast_to(s[..., None], t.shape).reshape(flat), t.reshape(flat)).reshape(t.shape)

        return line

    def ridge(s: np.ndarray) -> np.ndarray:
        _, top, width = peak(along(s), s.shape)
        with np.errstate(all="ignore"):
            return (top + np.log(width))[..., 0]

    return height, along, ridge
''',
    "quadrature": '''
def quadrature(
    log_density: Callable[..., np.ndarray], support: str, shape: tuple[int, ...]
) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Nodes, weights that add up to one, and log ∫ exp(log_density(x)) dx, for densities with one mode: one an element.

    The trapezoidal rule in the coordinate of `placed`, where the density is analytic: the error falls geometrically
    with the number of nodes. NODES give ten digits, from Gamma(0.01, 1) to 1e6 observations.
    """
    height = on_the_line(log_density, support, shape)
    t, steps = spaced(located(height, shape), NODES)
    return (placed(support, t), *shares(height(t) + steps))


NODES = 280
''',
    "plane_quadrature": '''
def plane_quadrature(
    log_density: Callable[..., np.ndarray], supports: tuple[str, str], shape: tuple[int, ...]
) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """The same as `quadrature` of two numbers, x and y, for densities with one mode on every line of fixed x.

    In the coordinates s and t of both every line of fixed s has a trapezoidal rule of its own, around its own mode and
    in its own width, so that the grid follows a ridge wherever it bends; one more rule adds up the lines. Their numbers
    of nodes are doubled until the normaliser, means and variances in s and t change by less than SETTLED of their size.
    The error of a trapezoidal rule is about squared when its nodes are doubled: ten digits are left.
    """
    height, along, ridge = in_the_plane(log_density, supports, shape)
    lines, before = located(ridge, shape), np.full(1, np.inf)
    for count in PLANE:
        s, ds = spaced(lines, count)
        t, dt = spaced(located(along(s), s.shape), count)
        flat = (*shape, count * count)
        s, steps, t = (np.broadcast_to(a, t.shape).reshape(flat) for a in (s[..., None], ds[..., None] + dt, t))
        weights, log_normaliser = shares(height(s, t) + steps)
        sums = [log_normaliser]
        for u in (s, t):
            mean = (weights * u).sum(axis=-1, keepdims=True)
            sums += [mean[..., 0], (weights * (u - mean) ** 2).sum(axis=-1)]
        now = np.stack(sums)
        if (np.abs(now - before) <= SETTLED * (1.0 + np.abs(now))).all():
            return (*placed(supports[0], s), *placed(supports[1], t)), weights, log_normaliser
        before = now
    raise FloatingPointError(
        f"a factor of two numbers that is normalised numerically did not settle on {PLANE[-1]} lines of as many nodes: "
        "it has several modes, or no mean and variance, or should be a block with its latents in the other order, so "
        "that the second has one mode and a smooth width given the first"
    )


PLANE = (40, 80, 160, 320)
SETTLED = 1e-7
''',
    "line_sampler": '''
def line_sampler(
    height: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, ...],
    places: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> Callable[[np.random.Generator], np.ndarray]:
    """What draws t from exp(height(t)), for every element of the shape.

    Between DRAWN_FROM points t is proposed from straight lines through their heights. These are above the density
    where it is convex, and below it by less than a twentieth where it is not: that much is what rejection allows for.
    """
    t, _ = spaced(places, DRAWN_FROM)
    logs = height(t)
    most = logs.max(axis=-1, keepdims=True)
    levels, widths = np.exp(logs - most), np.diff(t, axis=-1)
    edges = (0.5 * widths * (levels[..., 1:] + levels[..., :-1])).cumsum(axis=-1)

    def draw(rng: np.random.Generator) -> np.ndarray:
        found, waiting = np.zeros(shape), np.ones(shape, dtype=bool)
        while waiting.any():
            below = edges < (rng.random(shape) * edges[..., -1])[..., None]
            cell = np.minimum(below.sum(axis=-1), DRAWN_FROM - 2)[..., None]
            start, width, left, right = (
                np.take_along_axis(a, cell, axis=-1)[..., 0] for a in (t, widths, levels, levels[..., 1:])
            )
            share = rng.random(shape)
            share = share * (left + right) / (left + np.sqrt(left**2 + share * (right**2 - left**2)))
            one = start + share * width
            level = left + share * (right - left)
            taken = waiting & (1.05 * level * rng.random(shape) <= np.exp(height(one[..., None]) - most)[..., 0])
            found, waiting = np.where(taken, one, found), waiting & ~taken
        return found

    return draw


DRAWN_FROM = 280
''',
    "number_sampler": '''
def number_sampler(
    log_density: Callable[..., np.ndarray], support: str, shape: tuple[int, ...]
) -> Callable[[np.random.Generator], np.ndarray]:
    """What draws numbers of a support from exp(log_density), one for every element of the shape."""
    height = on_the_line(log_density, support, shape)
    draw = line_sampler(height, shape, located(height, shape))
    return lambda rng: placed(support, draw(rng))[0]
''',
    "pair_sampler": '''
def pair_sampler(
    log_density: Callable[..., np.ndarray], supports: tuple[str, str], shape: tuple[int, ...]
) -> Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]:
    """What draws two numbers from exp(log_density): the first from its marginal, the second given the first."""
    height, along, ridge = in_the_plane(log_density, supports, shape)

    def marginal(s: np.ndarray) -> np.ndarray:
        t, dt = spaced(located(along(s), s.shape), 80)
        return shares(along(s)(t) + dt)[1]

    first = line_sampler(marginal, shape, located(ridge, shape))

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        s = first(rng)

        def given(t: np.ndarray) -> np.ndarray:
            return height(np.broadcast_to(s[..., None], t.shape), t)

        t = line_sampler(given, shape, located(given, shape))(rng)
        return placed(supports[0], s)[0], placed(supports[1], t)[0]

    return draw
''',
    "fall": """
# Rules end where a density has fallen by e^-FALL.
FALL = 60.0
""",
    "normal_nodes": '''
def normal_nodes(mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
    """Nodes mean + sd z on a new last axis, and the weights of a standard Normal at z, 0.1 apart from -9.5 to 9.5.

    The trapezoidal rule has ten digits for functions that are analytic within a distance π of the real line, as
    log(1 + exp u) is, while the standard deviation is at most 8, and all digits where it is at most 5.
    """
    z = 0.1 * np.arange(-95, 96)
    weights = np.exp(-0.5 * z * z)
    deviations = np.sqrt(np.maximum(variance, 0.0))
    return np.asarray(mean)[..., None] + np.asarray(deviations)[..., None] * z, weights / weights.sum()
''',
    "normal_mean": '''
def normal_mean(f: Callable[[np.ndarray], np.ndarray], mean: Any, variance: Any) -> np.ndarray:
    """E[f(u)] of Normal numbers u, element by element: `f` is taken at one node of `normal_nodes` after another."""
    center, deviation = np.broadcast_arrays(np.asarray(mean, dtype=float), np.sqrt(np.maximum(variance, 0.0)))
    total = np.zeros(center.shape)
    for z, weight in zip(*normal_nodes(0.0, 1.0), strict=True):
        total += weight * f(center + z * deviation)
    return total
''',
    "damped": '''
def damped(
    state: State,
    factor: str,
    propose: Callable[[State], None],
    merit: Callable[[State], float] = lambda state: elbo(state),
    natural: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
) -> None:
    """A step of the natural parameters of a Normal to what `propose` makes of them, halved until nothing is lost.

    Where the bound is not finite, since an expectation overflows, the Normal is first drawn in around its mean.
    `natural` reads and puts the natural parameters, where they are more than those of a mean and a precision.
    """
    get, put = natural or (
        lambda state: natural_of_normal(state, factor),
        lambda state, found: put_natural_of_normal(state, factor, found),
    )
    for _ in range(DRAWN_IN):
        if np.isfinite(merit(state)):
            break
        put(state, {name: 4.0 * value for name, value in get(state).items()})
    before = get(state)
    least = merit(state)
    least -= 1e-13 * (1.0 + abs(least))
    propose(state)
    after = get(state)
    share = 1.0
    while not merit(state) >= least and share > 0.0:
        share = share / 2.0 if share > HALVED else 0.0
        put(state, blended(before, after, share))


HALVED, DRAWN_IN = 1e-9, 60
''',
    "climbed": '''
def climbed(
    state: State,
    latent: str,
    propose: Callable[[State], None],
    heights: Callable[[State], np.ndarray],
    followers: tuple[str, ...] = (),
) -> None:
    """A step of a point to what `propose` makes of it, halved for each element until its height is none the less.

    The points that follow it are at their best after it.
    """
    before = np.array(state.params[latent]["value"])
    propose(state)
    after = np.array(state.params[latent]["value"])
    state.store(latent, value=before)
    least = np.asarray(heights(state))
    least = np.where(np.isfinite(least), least - 1e-13 * (1.0 + np.abs(least)), -np.inf)
    share, value = np.ones(least.shape), after
    while True:
        state.store(latent, value=value)
        low = ~(np.asarray(heights(state)) >= least) & (share > 0.0)
        if not low.any():
            break
        share = np.where(low, np.where(share > SHORTEST, 0.5 * share, 0.0), share)
        each = share.reshape(share.shape + (1,) * (before.ndim - share.ndim))
        value = np.where(each > 0.0, before + each * (after - before), before)
    state.refresh(latent)
    for follower in followers:
        UPDATES[follower](state)


SHORTEST = 1e-9
''',
    "settled": '''
def settled(
    state: State,
    factor: str,
    propose: Callable[[State], None],
    height: Callable[[State], float],
    natural: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
) -> None:
    """Newton's method for the mode of a factor: steps of `propose` until the means stay where they are."""
    latents = factor.split(",")
    for _ in range(200):
        before = [np.array(state.params[latent]["mean"]) for latent in latents]
        damped(state, factor, propose, height, natural)
        moved = [np.max(np.abs(state.params[n]["mean"] - m), initial=0.0) for n, m in zip(latents, before)]
        if max(moved) <= 1e-13 * (1.0 + max(np.max(np.abs(m), initial=0.0) for m in before)):
            return
''',
    "blended": '''
def blended(before: dict[str, np.ndarray], after: dict[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    """Natural parameters so far from the first to the second."""
    return {name: (1.0 - share) * value + share * after[name] for name, value in before.items()}
''',
    "natural_of_normal": '''
def natural_of_normal(state: State, latent: str) -> dict[str, np.ndarray]:
    """The precisions of Normals and the products of these with their means."""
    precision, mean = (np.array(state.params[latent][name]) for name in ("precision", "mean"))
    lead, side = _sides(precision, mean)
    if not side:
        return {"precision": precision, "linear": precision * mean}
    linear = precision.reshape(*lead, side, side) @ mean.reshape(*lead, side, 1)
    return {"precision": precision, "linear": linear.reshape(mean.shape)}


def put_natural_of_normal(state: State, latent: str, natural: dict[str, np.ndarray]) -> None:
    """Normals with other precisions and products of these with their means."""
    precision, linear = natural["precision"], natural["linear"]
    lead, side = _sides(precision, linear)
    if side:
        mean = np.linalg.solve(precision.reshape(*lead, side, side), linear.reshape(*lead, side, 1))
    else:
        mean = linear / precision
    state.store(latent, precision=precision, mean=mean.reshape(linear.shape))
    if latent in FOLLOWS:
        FOLLOWS[latent](state)
    state.refresh(latent)


def _sides(precision: np.ndarray, mean: np.ndarray) -> tuple[tuple[int, ...], int]:
    """The shape of many vectors and the length of one, from their precisions; of single numbers the length 0."""
    axes = precision.ndim - mean.ndim
    lead = mean.shape[: mean.ndim - axes]
    return lead, functools.reduce(lambda a, b: a * b, mean.shape[mean.ndim - axes :]) if axes else 0
''',
    "deviation": '''
def deviation(nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The standard deviation of nodes with weights that add up to one."""
    centred = nodes - (weights * nodes).sum(axis=-1, keepdims=True)
    return np.sqrt((weights * centred * centred).sum(axis=-1))
''',
    "correlation": '''
def correlation(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The correlation of two arrays of nodes with weights that add up to one."""
    one, other = (x - (weights * x).sum(axis=-1, keepdims=True) for x in (first, second))
    spread = np.sqrt((weights * one * one).sum(axis=-1) * (weights * other * other).sum(axis=-1))
    return (weights * one * other).sum(axis=-1) / spread
''',
    "log_bessel_i": '''
def log_bessel_i(order: Any, x: Any) -> np.ndarray:
    """Log of the modified Bessel function of the first kind."""
    return np.log(special.ive(order, x)) + x
''',
    "log_bessel_k": '''
def log_bessel_k(order: Any, x: Any) -> np.ndarray:
    """Log of the modified Bessel function of the second kind, also where it over- or underflows."""
    v, x = np.broadcast_arrays(np.abs(np.asarray(order, float)), np.asarray(x, float))
    with np.errstate(all="ignore"):
        found = np.asarray(np.log(special.kve(v, x)) - x)
    beyond = ~np.isfinite(found)
    if np.any(beyond):
        found[beyond] = _bessel_k_integral(v[beyond], x[beyond])[0]
    return found
''',
    "dlog_bessel_k": '''
def dlog_bessel_k(order: Any, x: Any) -> np.ndarray:
    """Derivative of log K in its order: ±exp(2x) E_1(2x) at ±1/2 (DLMF 10.38.7), an integral elsewhere."""
    order, x = np.broadcast_arrays(np.asarray(order, float), np.asarray(x, float))
    half, found = np.abs(order) == 0.5, np.empty(x.shape)
    z = 2.0 * x[half]
    series = np.ones(z.shape)
    for k in range(20, 0, -1):  # exp(z) E_1(z) = (1 - 1/z + 2!/z² - ...)/z, to all digits from 50 on
        series = 1.0 - k / np.maximum(z, 50.0) * series
    near = np.minimum(z, 50.0)
    found[half] = np.sign(order[half]) * np.where(z < 50.0, np.exp(near) * special.exp1(near), series / z)
    found[~half] = _bessel_k_integral(order[~half], x[~half])[1]
    return found
''',
    "_bessel_k_integral": '''
def _bessel_k_integral(order: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """log K and its derivative in the order, from K_v(x) = ∫_0^∞ exp(-x cosh t) cosh(v t) dt (DLMF 10.32.9).

    The trapezoid rule converges geometrically on this integrand; its range reaches from the mode to where
    the integrand has fallen by e^-60. `order` and `x` are vectors of one length, taken a few hundred at a time.
    """
    t, value, slope = np.linspace(0.0, 1.0, 2001), np.empty(x.shape), np.empty(x.shape)
    for first in range(0, x.size, 256):
        part = slice(first, first + 256)
        v, at = np.abs(order[part]), x[part]
        mode = np.arcsinh(v / at)
        width = 1.0 / np.sqrt(np.sqrt(v**2 + at**2) + 1e-3)
        end = mode + np.minimum(12.0 * width + 4.0, np.arccosh(1.0 + 60.0 / at) + 60.0 / (v + 1.0) * (v > 1.0))
        nodes = end[:, None] * t
        growth = v[:, None] * nodes
        log_cosh = np.logaddexp(growth, -growth) - np.log(2.0)
        height = log_cosh - at[:, None] * np.cosh(nodes)
        top = height.max(axis=-1, keepdims=True)
        weight = np.exp(height - top)
        weight[:, [0, -1]] *= 0.5
        mass = weight.sum(axis=-1)
        value[part] = top[:, 0] + np.log(mass * end / (t.size - 1))
        slope[part] = (weight * nodes * np.tanh(growth)).sum(axis=-1) / mass * np.where(order[part] < 0, -1.0, 1.0)
    return value, slope
''',
    "log_normal_interval": '''
def log_normal_interval(a: Any, b: Any) -> np.ndarray:
    """log(Φ(b) - Φ(a)) for a < b, accurate in both tails and where the interval is narrow."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    narrow, inside, _, _ = _narrow(a, b)
    flip = a > 0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    upper, lower = special.log_ndtr(high), special.log_ndtr(low)
    less = np.where(narrow, 0.5, np.exp(np.minimum(lower - upper, 0.0)))
    return np.where(narrow, inside, upper + np.log1p(-less))
''',
    "_narrow": """
def _narrow(a: Any, b: Any) -> tuple[np.ndarray, ...]:
    # Where the density hardly changes between a and b: Φ(b) - Φ(a) by eight nodes of Gauss and Legendre about the
    # centre, so that nothing cancels; its log, the mean in the interval, and the second moment less one.
    low, high = np.clip(a, -1e100, 1e100), np.clip(b, -1e100, 1e100)
    width = high - low
    narrow = width * (2.0 * np.abs(low + high) + width) < 4.0
    centre, half = np.where(narrow, 0.5 * (low + high), 0.0), np.where(narrow, 0.5 * width, 0.5)
    t = np.array([0.18343464249564978, 0.525532409916329, 0.7966664774136267, 0.9602898564975362])
    weight = np.array([0.36268378337836166, 0.3137066458778869, 0.22238103445337443, 0.10122853629037706])
    tilt, flat = (centre * half)[..., None] * t, weight * np.exp(-0.5 * (half[..., None] * t) ** 2)
    mass = (flat * np.cosh(tilt)).sum(axis=-1)
    first = -half * (flat * t * np.sinh(tilt)).sum(axis=-1) / mass
    second = half**2 * (flat * t * t * np.cosh(tilt)).sum(axis=-1) / mass
    log_mass = np.log(2.0 * half * mass) - 0.5 * centre**2 - 0.5 * np.log(2.0 * np.pi)
    return narrow, log_mass, centre + first, centre * (centre + 2.0 * first) + second - 1.0
""",
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
    "log_normal_outside": '''
def log_normal_outside(a: Any, b: Any) -> np.ndarray:
    """log(Φ(a) + 1 - Φ(b)): what a standard Normal leaves outside of (a, b), accurate where that is little."""
    return np.logaddexp(special.log_ndtr(a), special.log_ndtr(-np.asarray(b)))
''',
    "outside_mean": '''
def outside_mean(a: Any, b: Any) -> np.ndarray:
    """(φ(b) - φ(a)) / (Φ(a) + 1 - Φ(b)): mean of a standard Normal restricted to what is outside of (a, b)."""
    below, above = _shares_outside(a, b)
    return below * truncated_mean(-np.inf, a) + above * truncated_mean(b, np.inf)
''',
    "outside_second": '''
def outside_second(a: Any, b: Any) -> np.ndarray:
    """(bφ(b) - aφ(a)) / (Φ(a) + 1 - Φ(b)): its second moment less one."""
    below, above = _shares_outside(a, b)
    return below * truncated_second(-np.inf, a) + above * truncated_second(b, np.inf)
''',
    "_shares_outside": """
def _shares_outside(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    # How much of what is outside of (a, b) lies below and above.
    total = log_normal_outside(a, b)
    return np.exp(special.log_ndtr(a) - total), np.exp(special.log_ndtr(-np.asarray(b)) - total)
""",
    "_normal_ratio": """
def _normal_ratio(a: Any, b: Any, power: int) -> np.ndarray:
    # Densities and mass relative to exp(-near^2/2) at the end that is nearer to zero, so that far tails do not cancel.
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    narrow, _, first, second = _narrow(a, b)
    flip = b < -a
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    near = np.maximum(low, 0.0)
    start = np.where(np.isfinite(low), low, near)
    far = np.where(np.isfinite(high), high, np.abs(start))
    fall = np.where(np.isfinite(high), np.exp(-0.5 * (far - near) * (far + near)), 0.0)
    beyond = _scaled_tail(near) - fall * _scaled_tail(far)
    mass = np.where(near > 0, beyond, np.exp(log_normal_interval(np.minimum(low, 0.0), np.maximum(high, 0.0))))
    height = np.where(np.isfinite(low), np.exp(-0.5 * (start - near) * (start + near)), 0.0)
    height = height / (np.sqrt(2.0 * np.pi) * np.where(narrow, 1.0, mass))
    # The densities at the ends differ by a factor of which an interval about zero has one less it to many digits.
    less = np.where(np.isfinite(high), -np.expm1(-0.5 * (far - start) * (far + start)), 1.0)
    if power == 0:
        value = height * less
        return np.where(narrow, first, np.where(flip, -value, value))
    return np.where(narrow, second, height * (start - far * (1.0 - less)))
""",
    "_scaled_tail": """
def _scaled_tail(x: Any) -> np.ndarray:
    # exp(x^2/2) (1 - Φ(x)) at x >= 0; far out by its asymptotic series.
    middle, far = np.minimum(x, 25.0), np.maximum(x, 25.0)
    u = 1.0 / far**2
    series = 1 - u * (1 - 3 * u * (1 - 5 * u * (1 - 7 * u * (1 - 9 * u * (1 - 11 * u)))))
    tail = np.exp(0.5 * middle**2 + log_normal_interval(middle, np.inf))
    return np.where(x > 25.0, series / (np.sqrt(2.0 * np.pi) * far), tail)
""",
}

_TRUNCATED = ("_normal_ratio", "_scaled_tail", "log_normal_interval", "_narrow")
_LINES = ("placed", "peak", "reach", "located", "spaced", "shares", "fall")  # trapezoidal rules on a line
_NEEDS = {
    "bilinear": ("blocks", "cells", "batches", "add_small", "softmax", "logsumexp", "across", "raised", "lowered"),
    "line_sums": ("cells", "batches", "sums_of_lines"),
    "quadrature": ("on_the_line", *_LINES),
    "plane_quadrature": ("in_the_plane", *_LINES),
    "number_sampler": ("on_the_line", "line_sampler", *_LINES),
    "pair_sampler": ("in_the_plane", "line_sampler", *_LINES),
    "normal_mean": ("normal_nodes",),
    "damped": ("blended", "natural_of_normal"),
    "settled": ("damped", "blended", "natural_of_normal"),
    **products.NEEDS,
    "inverse": ("distinct", "_from_factors"),
    "logdet": ("distinct",),
    "regular": ("stays",),
    "segment_sum": ("segments",),
    "forward_backward": ("Walk",),
    "softmax": ("across",),
    "logsumexp": ("across",),
    "kernels": ("softmax", "across", "blocks"),
    "pair_sum": ("rows_of", "blocks"),
    "rows_of": ("Lazy",),
    "Narrow": ("Lazy",),
    "Outer": ("Narrow", "Lazy", "squares_of", *products.PACKED),
    "squares_of": ("Narrow", "Lazy", *products.PACKED),
    "log_bessel_k": ("_bessel_k_integral",),
    "dlog_bessel_k": ("_bessel_k_integral",),
    "log_normal_interval": ("_narrow",),
    "outside_mean": ("log_normal_outside", "_shares_outside", *_TRUNCATED, "truncated_mean"),
    "outside_second": ("log_normal_outside", "_shares_outside", *_TRUNCATED, "truncated_second"),
    "truncated_mean": _TRUNCATED,
    "truncated_second": _TRUNCATED,
}
_SCIPY = {"log_bessel_i", "log_bessel_k", "dlog_bessel_k", "log_normal_interval", "log_normal_outside"}


def closure(used: Iterable[str]) -> list[str]:
    """The helpers used and those that they call, in the order in which they are declared here."""
    wanted = set(used)
    wanted |= {n for u in used for n in _NEEDS.get(u, ())}
    return [n for n in SOURCES if n in wanted]


def sources(used: Iterable[str], kernels: Kernels) -> list[str]:
    """The text of the helpers used, those of the kernels first where they stand for SciPy's."""
    own, here = kernels.chosen(used), closure(used)
    found = [kernels.sources[n] for n in own if n not in here]
    return [text.strip("\n") for text in [*found, *(kernels.sources.get(n, SOURCES[n]) for n in here)]]


def imports(used: Iterable[str], own: Iterable[str] = ()) -> list[str]:
    """Import lines for SciPy's functions, but those that the module has of its own."""
    used = {*used, *(("digamma",) if "multidigamma" in used else ())}
    names = sorted(n for n in used - {*own} if n in IMPORTS)
    lines = [f"from scipy.special import {', '.join(names)}"] if names else []
    if {"segments", "marks", "scattered", "cells"} & set(closure(used)):
        lines.insert(0, "from scipy.sparse import csr_matrix")
    if "_from_factors" in closure(used):
        lines.insert(0, "from scipy.linalg import lapack")
    if "Narrow" in closure(used):
        lines.insert(0, "from scipy.linalg import solve_triangular")
    if _SCIPY & set(closure(used)):
        lines.insert(0, "from scipy import special")
    return lines
