"""Passes over chains, as loops that Numba compiles."""

from __future__ import annotations

_FORWARD_BACKWARD = '''
def forward_backward(
    logits: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray] | None:
    """Marginals and the sum of pairs (before, after) of a chain with weights exp(Σ logits + Σ transition), and log Z.

    The last result is the probability of each category given what came before. None where all weights of a step vanish
    in floating point.
    """
    begins = np.zeros(len(logits), dtype=np.bool_) if starts is None else starts == 1
    begins[0] = True
    level = transition.max()
    matrix = np.exp(transition - level)
    weights, tops = _less_the_largest(np.ascontiguousarray(logits))
    np.exp(weights, out=weights)
    forward, scales = _forward(weights, matrix, begins)
    marginals, pairs = _backward(weights, forward, matrix, np.ascontiguousarray(matrix.T), begins)
    with np.errstate(all="ignore"):  # a sum that vanished shows below
        log_normaliser = float(np.log(scales).sum() + tops.sum() + level * (len(begins) - begins.sum()))
    good = np.isfinite(log_normaliser) and np.isfinite(marginals).all() and np.isfinite(pairs).all()
    return (marginals, pairs, log_normaliser, forward) if good else None


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
def _backward(weights, forward, matrix, turned, begins):  # type: ignore
    """The marginals, and the sum of the pairs."""
    length, groups = weights.shape
    marginals, pairs = np.empty((length, groups)), np.zeros((groups, groups))
    after, into = np.ones(groups), np.empty(groups)
    for t in range(length - 1, -1, -1):
        norm = 0.0
        for k in range(groups):
            into[k] = weights[t, k] * after[k]
            marginals[t, k] = forward[t, k] * after[k]
            norm += marginals[t, k]
        inverse = 1.0 / norm
        for k in range(groups):
            marginals[t, k] *= inverse
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
    return marginals, pairs * matrix
'''

_CHAIN_KERNELS = '''
def kernels(filtered: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None) -> np.ndarray:
    """q(z_t = k | z_{t+1} = l) at [t, l, k]; without a link to the next position it does not depend on l."""
    ends = np.zeros(len(filtered), dtype=np.bool_)
    ends[-1] = True
    if starts is not None:
        ends[:-1] |= starts[1:] == 1
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

SOURCES = {"forward_backward": _FORWARD_BACKWARD, "kernels": _CHAIN_KERNELS}
