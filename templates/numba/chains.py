"""Passes over chains, as loops that Numba compiles."""

from __future__ import annotations

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

SOURCES = {"forward_backward": _FORWARD_BACKWARD, "kernels": _CHAIN_KERNELS, "scanned": _SCANNED}
