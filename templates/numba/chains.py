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
    turned = np.ascontiguousarray(matrix.T)
    weights, tops = _less_the_largest(logits)
    np.exp(weights, out=weights)
    edges = _edges(weights, matrix, turned, begins)
    if edges is None:
        forward, scales = _forward(weights, matrix, begins)
        energy, pairs = _backward(weights, forward, matrix, turned, begins, logits)
    else:
        forward, scales = _forward_in_step(weights, turned, begins, edges[0])
        energy = _backward_in_step(weights, forward, scales, matrix, begins, edges[1], logits)
        rows = (slice(start, start + 8000) for start in range(0, len(logits) - 1, 8000))
        pairs = matrix * sum(forward[:-1][some].T @ weights[1:][some] for some in rows)
    with np.errstate(all="ignore"):  # a sum that vanished shows below
        log_normaliser = float(np.log(scales).sum() + tops.sum() + level * (len(begins) - begins.sum()))
    entropy = log_normaliser - energy - float((pairs * transition).sum())
    good = np.isfinite(log_normaliser) and np.isfinite(logits).all() and np.isfinite(pairs).all()
    return (logits, pairs, log_normaliser, forward, entropy) if good else None


def _edges(
    weights: np.ndarray, matrix: np.ndarray, turned: np.ndarray, begins: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """What four blocks of positions begin with, and end with, where a chain forgets what is farther away.

    Positions beside a block are gone through from every category alone. If all of them come to the same, so does
    anything else. None where they do not, and where a chain is short: it is then gone through position by position.
    """
    length, groups = weights.shape
    steps = -(-length // LANES)
    for beside in (64, 1024):
        if steps < 2 * groups * beside:
            return None
        found = _beside(weights, matrix, turned, begins, steps, beside)
        if found is not None:
            return found
    return None


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

_IN_STEP = '''
LANES = 4  # blocks of positions that are gone through in step, so that a processor has four numbers to work on at once


@numba.njit(error_model="numpy")
def _beside(weights, matrix, turned, begins, steps, beside):  # type: ignore
    """Probabilities given the past before each block, and relative ones of the future at the begin of the next."""
    length, groups = weights.shape
    before, after = np.ones((LANES, groups)), np.ones((LANES, groups))
    state, moved = np.empty((groups, groups)), np.empty((groups, groups))
    for block in range(1, LANES):
        first = block * steps
        if first >= length:
            break
        for way in range(2):
            here = before[block] if way == 0 else after[block - 1]
            state[:] = 0.0
            for k in range(groups):
                state[k, k] = 1.0
            for i in range(1, beside):
                t = first - beside + i if way == 0 else first + beside - i
                if t >= length:
                    state[:] = 1.0
                    continue
                for start in range(groups):  # each line of `state` began with one category
                    total = 0.0
                    for l in range(groups):
                        if begins[t]:
                            moved[start, l] = weights[t, l] if way == 0 else 1.0
                        else:
                            value = 0.0
                            for k in range(groups):
                                if way == 0:
                                    value += turned[l, k] * state[start, k]
                                else:
                                    value += matrix[l, k] * weights[t, k] * state[start, k]
                            moved[start, l] = value * weights[t, l] if way == 0 else value
                        total += moved[start, l]
                    inverse = 1.0 / total if total > 0.0 else 0.0  # from this category nothing is possible
                    for l in range(groups):
                        state[start, l] = moved[start, l] * inverse
            known = -1
            for start in range(groups):
                if state[start].sum() == 0.0:
                    continue
                if known < 0:
                    known = start
                for l in range(groups):
                    if not abs(state[start, l] - state[known, l]) <= 1e-13 * state[known, l] + 1e-290:
                        return None
            if known < 0:
                return None
            here[:] = state[known]
    return before, after


@numba.njit(error_model="numpy", fastmath=FAST)
def _moved(matrix, state, moved):  # type: ignore
    """matrix @ state, turned; `state` has a column for each block. Four sums are one vector to a processor."""
    groups = len(matrix)
    for l in range(groups):
        a = b = c = d = 0.0
        for k in range(groups):
            step = matrix[l, k]
            a += step * state[k, 0]
            b += step * state[k, 1]
            c += step * state[k, 2]
            d += step * state[k, 3]
        moved[0, l], moved[1, l], moved[2, l], moved[3, l] = a, b, c, d


@numba.njit(error_model="numpy", fastmath=FAST)
def _forward_in_step(weights, turned, begins, before):  # type: ignore
    """As `_forward`, in blocks; what a step is divided by is that of the step before, which is known by then."""
    length, groups = weights.shape
    steps = (length + LANES - 1) // LANES
    forward, scales = np.empty((length, groups)), np.empty(length)
    state, moved, scale = np.ascontiguousarray(before.T), np.empty((LANES, groups)), np.ones(LANES)
    for i in range(steps):
        _moved(turned, state, moved)
        for block in range(LANES):
            t = block * steps + i
            if t >= length:
                continue
            inverse, total, here = 1.0 / scale[block], 0.0, moved[block]
            if begins[t]:
                here[:] = 1.0
                inverse = 1.0
            for k in range(groups):
                value = here[k] * (weights[t, k] * inverse)
                state[k, block] = value
                here[k] = value
                total += value
            scale[block] = scales[t] = total
            inverse = 1.0 / total
            for k in range(groups):
                forward[t, k] = here[k] * inverse
    return forward, scales


@numba.njit(error_model="numpy", fastmath=FAST)
def _backward_in_step(weights, forward, scales, matrix, begins, after, logits):  # type: ignore
    """The marginals, in the place of the logits, and E[logits].

    In the place of the weights: q(z_t) over what it was given what came before, by which pairs are
    forward[t-1, k] matrix[k, l] weights[t, l]; zero where no link leads to t.
    """
    length, groups = weights.shape
    steps = (length + LANES - 1) // LANES
    energy, state, moved = 0.0, np.empty((groups, LANES)), np.empty((LANES, groups))
    for block in range(LANES):
        first = (block + 1) * steps
        for k in range(groups):
            state[k, block] = after[block, k] * weights[first, k] if first < length else 1.0
    for i in range(steps - 1, -1, -1):
        _moved(matrix, state, moved)
        for block in range(LANES):
            t = block * steps + i
            if t >= length:
                continue
            here = moved[block]
            if t + 1 == length or begins[t + 1]:
                here[:] = 1.0
            if i % 16 == 0 or i == steps - 1:  # Σ forward · here is one, but for rounding that adds up
                norm = 0.0
                for k in range(groups):
                    norm += forward[t, k] * here[k]
                inverse = 1.0 / norm
                for k in range(groups):
                    here[k] *= inverse
            inverse, part = 1.0 / scales[t], 0.0
            for k in range(groups):
                part += forward[t, k] * here[k] * logits[t, k]
            energy += part
            for k in range(groups):
                logits[t, k] = forward[t, k] * here[k]
            for k in range(groups):
                share = weights[t, k] * here[k] * inverse
                state[k, block] = share
                weights[t, k] = 0.0 if begins[t] else share
    return energy
'''

_CHAIN_KERNELS = '''
def kernels(
    filtered: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None, rows: slice = slice(None)
) -> np.ndarray:
    """q(z_t = k | z_{t+1} = l) at [t, l, k]; without a link to the next position it does not depend on l.

    Of several chains each has its own, along the first axis.
    """
    if filtered.ndim > 2:
        return np.stack([kernels(f, step, starts) for f, step in zip(filtered, transition)])[rows]
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

SOURCES = {"forward_backward": _FORWARD_BACKWARD + _IN_STEP, "kernels": _CHAIN_KERNELS, "scanned": _SCANNED}
