"""Helper functions that a generated JAX module may need; only those it calls are written into it."""

from __future__ import annotations

from collections.abc import Iterable

from cavi.templates.jax.spelling import spelled
from cavi.templates.numpy import helpers as numpy_helpers

LACKS = {
    "quadrature": "a factor that is normalised numerically (quadrature)",
    "log_bessel_i": "the modified Bessel function of the first kind of any order (log_bessel_i)",
}

IMPORTS = ("digamma", "expit", "gammaln", "log_ndtr", "multigammaln", "polygamma", "xlogy")

# What is written alike for both targets.
_SHARED = (
    "multidigamma",
    "one_hot_argmax",
    "log_probability",
    "softplus",
    "tanhc",
    "log_bessel_k",
    "dlog_bessel_k",
    "log_normal_interval",
    "_narrow",
    "truncated_mean",
    "truncated_second",
    "log_normal_outside",
    "outside_mean",
    "outside_second",
    "_shares_outside",
    "_normal_ratio",
    "_scaled_tail",
)

_OWN = {
    "Rows": '''
class Rows(NamedTuple):
    """Some rows next to each other: the first of them, their number, and a one for each that no block before has."""

    start: Any
    size: int
    fresh: jax.Array
''',
    "taken": '''
def taken(array: jax.Array, rows: Rows) -> jax.Array:
    """Rows of an array."""
    return lax.dynamic_slice_in_dim(array, rows.start, rows.size)
''',
    "over_blocks": '''
def over_blocks(block: Callable[[Any, Rows], Any], found: Any, size: int) -> Any:
    """found = block(found, rows) for one block of rows after another.

    The last block reaches back to be as long as the others; rows that the one before has had count nothing in it.
    """
    length = min(BLOCK, size)

    def rows_of(number: Any) -> Rows:
        start = jnp.minimum(number * length, size - length)
        return Rows(start, length, (start + jnp.arange(length) >= number * length).astype(float))

    if length == size:
        return block(found, Rows(0, size, jnp.ones(size)))
    return lax.fori_loop(0, -(-size // length), lambda number, found: block(found, rows_of(number)), found)
''',
    "by_blocks": '''
def by_blocks(block: Callable[[Rows], jax.Array], size: int) -> jax.Array:
    """What a function of blocks of rows gives, for all rows."""
    length = min(BLOCK, size)
    if length == size:
        return block(Rows(0, size, jnp.ones(size)))
    shape = jax.eval_shape(lambda: block(Rows(0, length, jnp.ones(length)))).shape

    def step(found: jax.Array, rows: Rows) -> jax.Array:
        return lax.dynamic_update_slice_in_dim(found, block(rows).astype(float), rows.start, 0)

    return over_blocks(step, jnp.zeros((size, *shape[1:])), size)
''',
    "softmax": '''
def softmax(logits: jax.Array) -> jax.Array:
    """exp(logits) normalised over the last axis, without overflow."""
    shifted = jnp.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
''',
    "normalised": '''
def normalised(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """exp(logits) normalised over the first axis, and log Σ exp(logits)."""
    top = logits.max(axis=0)
    heights = jnp.exp(logits - top)
    total = heights.sum(axis=0)
    return heights / total, top + jnp.log(total)
''',
    "logsumexp": '''
def logsumexp(logits: jax.Array) -> jax.Array:
    """log Σ exp(logits) over the last axis, without overflow."""
    top = logits.max(axis=-1, keepdims=True)
    return top[..., 0] + jnp.log(jnp.exp(logits - top).sum(axis=-1))
''',
    "row_sum": '''
def row_sum(array: jax.Array) -> jax.Array:
    """Σ_n array[n, …]."""
    return array.sum(axis=0)
''',
    "lowered": '''
def lowered(table: jax.Array) -> jax.Array:
    """A table less the largest number of each row, which no softmax sees."""
    return table - table.max(axis=-1, keepdims=True)
''',
    "gathered": '''
def gathered(
    tables: Sequence[jax.Array], exponentials: Sequence[jax.Array], indices: Sequence[jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Π exp(table)[index], a line for each element of the indices, with the sums of the lines and their logarithms.

    Where a sum is too small for a number to have all its digits, the lines are those of the logarithms, shifted.
    """
    heights = exponentials[0][indices[0]]
    for table, index in zip(exponentials[1:], indices[1:]):
        heights = heights * table[index]
    masses = heights.sum(axis=1)

    def by_logarithms() -> tuple[jax.Array, jax.Array, jax.Array]:
        logits = tables[0][indices[0]]
        for table, index in zip(tables[1:], indices[1:]):
            logits = logits + table[index]
        top = logits.max(axis=1)
        lines = jnp.exp(logits - top[:, None])
        return lines, lines.sum(axis=1), top + jnp.log(lines.sum(axis=1))

    good = (masses > jnp.finfo(masses.dtype).tiny ** 0.65).all()
    return lax.cond(good, lambda: (heights, masses, jnp.log(masses)), by_logarithms)
''',
    "pairs": '''
def pairs(x: jax.Array) -> jax.Array:
    """x[d,n] x[e,n] for d <= e, a line for each pair."""
    return jnp.concatenate([x[d:] * x[d] for d in range(len(x))])
''',
    "packed": '''
def packed(matrix: jax.Array) -> jax.Array:
    """What multiplies `pairs`: the diagonal, and off it what stands at (d, e) and (e, d) together."""
    d, e = np.triu_indices(matrix.shape[-1])
    return jnp.where(d == e, matrix[..., d, e], matrix[..., d, e] + matrix[..., e, d])
''',
    "unpacked": '''
def unpacked(sums: jax.Array, side: int) -> jax.Array:
    """Symmetric matrices from sums over `pairs`."""
    d, e = np.triu_indices(side)
    place = np.zeros((side, side), int)
    place[d, e] = place[e, d] = np.arange(len(d))
    return sums[..., place]
''',
    "quadratic_forms": '''
def quadratic_forms(x: jax.Array, matrices: jax.Array) -> jax.Array:
    """Σ_de x[n,d] x[n,e] M[…,d,e] at [n, …], over blocks of rows."""
    lead = matrices.shape[:-2]
    weights = packed(matrices.reshape(-1, *matrices.shape[-2:]))
    found = by_blocks(lambda rows: (weights @ pairs(taken(x, rows).T)).T, len(x))
    return found.reshape(len(x), *lead)
''',
    "forward_backward": '''
def forward_backward(
    logits: jax.Array, transition: jax.Array, starts: jax.Array | None = None
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Marginals and the sum of pairs (before, after) of a chain with weights exp(Σ logits + Σ transition), and log Z.

    Positions are cut into blocks. Within them the passes run in step, each block first as a matrix of what becomes of
    every category that it may begin with, so that there are about 2 √T steps, not T. The last result is the probability
    of each category given what came before. Where all weights of a step vanish in floating point, log Z is no number.
    """
    length, groups = logits.shape
    steps = max(1, int(np.sqrt(length / 4)))
    count = -(-length // steps)
    top = logits.max(axis=1, keepdims=True)
    level = transition.max()
    matrix = jnp.exp(transition - level)
    weights = jnp.pad(jnp.exp(logits - top), ((0, count * steps - length), (0, 0)), constant_values=1.0)
    weights = weights.reshape(count, steps, groups).swapaxes(0, 1)
    begins = jnp.asarray(~((np.arange(count * steps) > 0) & (np.arange(count * steps) < length)))
    if starts is not None:  # what fills up the last block is a sequence of its own
        begins = begins | jnp.pad(starts == 1, (0, count * steps - length))
    begins = begins.reshape(count, steps).T

    def grow(whole: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        weight, begin = at
        moved = (whole.reshape(-1, groups) @ matrix).reshape(whole.shape)
        moved = jnp.where(begin[:, None, None], whole.sum(axis=2, keepdims=True), moved) * weight[:, None, :]
        return moved / jnp.maximum(moved.max(axis=(1, 2), keepdims=True), 1e-300), None

    def across(state: jax.Array, block: jax.Array) -> tuple[jax.Array, jax.Array]:
        ahead = state @ block
        return ahead / ahead.sum(), state

    def back_across(state: jax.Array, block: jax.Array) -> tuple[jax.Array, jax.Array]:
        behind = block @ state
        return behind / behind.max(), state

    def forth(state: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        weight, begin = at
        moved = jnp.where(begin[:, None], 1.0, state @ matrix) * weight
        scale = moved.sum(axis=1)
        return moved / scale[:, None], (moved / scale[:, None], scale)

    def back(state: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        weight, begin = at
        here = weight * state
        moved = jnp.where(begin[:, None], here.sum(axis=1, keepdims=True), here @ matrix.T)
        return moved / moved.max(axis=1, keepdims=True), state

    whole, _ = lax.scan(grow, jnp.broadcast_to(jnp.eye(groups), (count, groups, groups)), (weights, begins))
    _, before = lax.scan(across, jnp.full(groups, 1.0 / groups), whole)
    _, after = lax.scan(back_across, jnp.ones(groups), whole, reverse=True)
    _, (forward, scale) = lax.scan(forth, before, (weights, begins))
    _, backward = lax.scan(back, after, (weights, begins), reverse=True)
    forward, backward, weights = (a.swapaxes(0, 1).reshape(-1, groups)[:length] for a in (forward, backward, weights))
    scale, begins = scale.T.reshape(-1)[:length], begins.T.reshape(-1)[:length]
    marginals = forward * backward
    marginals = marginals / marginals.sum(axis=1, keepdims=True)
    into = weights[1:] * backward[1:]
    norm = ((forward[:-1] @ matrix) * into).sum(axis=1)
    linked = ~begins[1:]
    pairs = matrix * (jnp.where(linked[:, None], forward[:-1] / norm[:, None], 0.0).T @ into)
    log_normaliser = jnp.log(scale).sum() + top.sum() + level * linked.sum()
    good = jnp.isfinite(log_normaliser) & jnp.isfinite(marginals).all() & jnp.isfinite(pairs).all()
    return marginals, pairs, jnp.where(good, log_normaliser, jnp.nan), forward
''',
    "kernels": '''
def kernels(filtered: jax.Array, transition: jax.Array, starts: jax.Array | None = None) -> jax.Array:
    """q(z_t = k | z_{t+1} = l) at [t, l, k]; without a link to the next position it does not depend on l."""
    ends = jnp.arange(len(filtered)) == len(filtered) - 1
    if starts is not None:
        ends = ends | jnp.pad(starts[1:] == 1, (0, 1))
    logs = jnp.log(jnp.maximum(filtered, 1e-300))[:, None, :]
    return softmax(jnp.where(ends[:, None, None], logs, logs + transition.T))
''',
    "inverse": '''
def inverse(matrix: jax.Array, axes: int = 1) -> jax.Array:
    """Inverse of symmetric positive definite matrices, by Cholesky factors; each side has so many of the last axes."""
    side = int(np.prod(matrix.shape[matrix.ndim - axes :]))
    square = matrix.reshape(*matrix.shape[: matrix.ndim - 2 * axes], side, side)
    half = solve_triangular(jnp.linalg.cholesky(square), jnp.broadcast_to(jnp.eye(side), square.shape), lower=True)
    return (jnp.swapaxes(half, -1, -2) @ half).reshape(matrix.shape)
''',
    "logdet": '''
def logdet(matrix: jax.Array, axes: int = 1) -> jax.Array:
    """Log-determinant of symmetric positive definite matrices; each side has so many of the last axes."""
    side, lead = int(np.prod(matrix.shape[matrix.ndim - axes :])), matrix.shape[: matrix.ndim - 2 * axes]
    diagonal = jnp.diagonal(jnp.linalg.cholesky(matrix.reshape(*lead, side, side)), axis1=-2, axis2=-1)
    return 2.0 * jnp.log(diagonal).sum(axis=-1)
''',
    "segments": '''
def segments(index: Any, size: Any) -> jax.Array:
    """The segment that each row belongs to, of all those of `size`; both may be tuples, for several axes at once."""
    if not isinstance(index, tuple):
        return index
    return jnp.ravel_multi_index(jnp.broadcast_arrays(*index), size, mode="clip")
''',
    "segment_sum": '''
def segment_sum(values: jax.Array, members: jax.Array, size: Any) -> jax.Array:
    """Add up the rows of `values` that share an index: out[i, …] = Σ_{n: index[n] = i} values[n, …]."""
    sizes = size if isinstance(size, tuple) else (size,)
    rest = values.shape[members.ndim :]
    total = jax.ops.segment_sum(values.reshape(-1, *rest), members.reshape(-1), int(np.prod(sizes)))
    return total.reshape(*sizes, *rest)
''',
    "_bessel_k_integral": '''
def _bessel_k_integral(order: Any, x: Any) -> tuple[jax.Array, jax.Array]:
    """log K and its derivative in the order, from K_v(x) = ∫_0^∞ exp(-x cosh t) cosh(v t) dt (DLMF 10.32.9).

    The trapezoid rule converges geometrically on this integrand; its range reaches from the mode to where
    the integrand has fallen by e^-60.
    """
    v, x = jnp.broadcast_arrays(jnp.abs(jnp.asarray(order, float)), jnp.asarray(x, float))
    mode = jnp.arcsinh(v / x)
    width = 1.0 / jnp.sqrt(jnp.sqrt(v**2 + x**2) + 1e-3)
    end = mode + jnp.minimum(12.0 * width + 4.0, jnp.arccosh(1.0 + 60.0 / x) + 60.0 / (v + 1.0) * (v > 1.0))
    t = np.linspace(0.0, 1.0, 2001)
    nodes = end[..., None] * t
    growth = v[..., None] * nodes
    height = jnp.logaddexp(growth, -growth) - np.log(2.0) - x[..., None] * jnp.cosh(nodes)
    top = height.max(axis=-1, keepdims=True)
    weight = jnp.exp(height - top) * np.where((t == 0.0) | (t == 1.0), 0.5, 1.0)
    mass = weight.sum(axis=-1)
    slope = (weight * nodes * jnp.tanh(growth)).sum(axis=-1) / mass
    return top[..., 0] + jnp.log(mass * end / (t.size - 1)), slope * jnp.where(jnp.asarray(order) < 0, -1.0, 1.0)
''',
}


def _shared(name: str) -> str:
    lines = spelled(numpy_helpers.SOURCES[name].splitlines())
    return "\n".join(lines).replace("jnp.ndarray", "jax.Array").replace("special.", "")


SOURCES = {**_OWN, **{n: _shared(n) for n in _SHARED}}

_NEEDS = {
    "quadratic_forms": ("by_blocks", "pairs", "packed"),
    "by_blocks": ("over_blocks", "taken"),
    "over_blocks": ("Rows", "taken"),
    "kernels": ("softmax",),
    "log_bessel_k": ("_bessel_k_integral",),
    "dlog_bessel_k": ("_bessel_k_integral",),
    "truncated_mean": ("_normal_ratio",),
    "truncated_second": ("_normal_ratio",),
    "log_normal_outside": ("log_ndtr",),
    "_shares_outside": ("log_normal_outside", "log_ndtr"),
    "outside_mean": ("_shares_outside", "truncated_mean"),
    "outside_second": ("_shares_outside", "truncated_second"),
    "_normal_ratio": ("_scaled_tail", "log_normal_interval", "_narrow"),
    "_scaled_tail": ("log_normal_interval",),
    "log_normal_interval": ("log_ndtr", "_narrow"),
    "multidigamma": ("digamma",),
    "inverse": ("solve_triangular",),
}


def closure(used: Iterable[str]) -> set[str]:
    """The helpers used and those that they call."""
    found: set[str] = set()
    left = list(used)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(_NEEDS.get(name, ()))
    return found


def sources(used: Iterable[str]) -> list[str]:
    """The helpers used and those that they call, in the order in which they are declared here."""
    wanted = closure(used)
    return [SOURCES[n].strip("\n") for n in SOURCES if n in wanted]


def imports(used: Iterable[str]) -> list[str]:
    """Import lines for the functions of JAX."""
    wanted = closure(used)
    names = [n for n in IMPORTS if n in wanted]
    lines = ["from jax.scipy.linalg import solve_triangular"] if "solve_triangular" in wanted else []
    return [*lines, *([f"from jax.scipy.special import {', '.join(names)}"] if names else [])]
