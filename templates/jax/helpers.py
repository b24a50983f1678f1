"""Helper functions that a generated JAX module may need; only those it calls are written into it."""

from __future__ import annotations

from collections.abc import Iterable

from cavi.templates.jax.spelling import spelled
from cavi.templates.numpy import helpers as numpy_helpers

LACKS = {
    "log_bessel_i": "the modified Bessel function of the first kind of any order (log_bessel_i)",
}

IMPORTS = ("digamma", "expit", "gammaln", "log_ndtr", "multigammaln", "polygamma", "xlogy")

# What is written alike for both targets.
_SHARED = (
    "Lazy",
    "blended",
    "placed",
    "spaced",
    "shares",
    "normal_nodes",
    "deviation",
    "correlation",
    "fall",
    "multidigamma",
    "one_hot_argmax",
    "log_maximised",
    "untold",
    "stays",
    "regular",
    "softplus",
    "tanhc",
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
    "peak": '''
def peak(
    height: Callable[[jax.Array], jax.Array], lead: tuple[int, ...]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Where functions of t with one mode have it, how high they are there, and their width.

    `height` is of points on a last axis, for all functions at once. Grids of 17 points close in on the mode, and widen
    where it lies at their end, until the function falls visibly from the best point to one next to it, but by less than
    a half. A parabola through the three gives the mode and the width. Between cliffs a function may be flat in one grid
    and fall off in the next: a grid that came closer does not widen for being flat, and the width is some steps of it.
    """
    grid = np.linspace(-1.0, 1.0, 17)

    def turn(carry: Any) -> Any:
        mode, half, near, _, _, turns = carry
        points = mode + half * grid
        found = height(points)
        best = found.argmax(axis=-1)[..., None]
        inside = jnp.clip(best, 1, 15)
        mode = jnp.take_along_axis(points, inside, axis=-1)
        left, top, right = (jnp.take_along_axis(found, inside + k, axis=-1) for k in (-1, 0, 1))
        fall = top - jnp.minimum(left, right)
        alive = jnp.isfinite(jnp.take_along_axis(found, best, axis=-1))
        wider = alive & ((best != inside) | ((fall < 1e-3) & ~near))
        closer = alive & ~wider & ~(fall < 0.5)
        after = jnp.where(wider, 4.0 * half, jnp.where(closer, half / 4.0, half))
        return mode, after, near | closer, (left, top, right, half, alive), (wider | closer).any(), turns + 1

    flat = jnp.zeros((*lead, 1))
    carry = (flat, flat + 32.0, flat > 0, (flat, flat, flat, flat, flat > 0), jnp.array(True), 0)
    mode, _, _, (left, top, right, half, alive), _, _ = lax.while_loop(lambda c: c[4] & (c[5] < 100), turn, carry)
    bend, tilt, step = jnp.maximum(2.0 * top - left - right, 1e-300), right - left, half / 8.0
    mode = mode + jnp.where(alive, step * jnp.clip(tilt / (2.0 * bend), -1.0, 1.0), 0.0)
    top = jnp.where(alive, top + tilt * tilt / (8.0 * bend), -jnp.inf)
    return mode, top, jnp.where(alive, step / jnp.sqrt(jnp.maximum(bend, 1e-3)), 1.0)
''',
    "reach": '''
def reach(
    height: Callable[[jax.Array], jax.Array], at: tuple[jax.Array, jax.Array, jax.Array], sign: float, fall: float
) -> jax.Array:
    """How far from its mode, on one side and in widths, a function has fallen by that much; no number if nowhere."""
    mode, top, width = at
    far = jnp.geomspace(0.25, 1e15, 97)
    below = top - height(mode + sign * width * far) >= fall
    first = below.argmax(axis=-1)
    low = jnp.where(first > 0, far[jnp.maximum(first - 1, 0)], 0.0)[..., None]
    steps = low + (far[first][..., None] - low) * np.linspace(0.0, 1.0, 17)
    beyond = top - height(mode + sign * width * steps) >= fall
    found = jnp.take_along_axis(steps, beyond.argmax(axis=-1)[..., None], axis=-1)
    return jnp.where(below.any(axis=-1)[..., None] & jnp.isfinite(top), found, jnp.nan)
''',
    "located": '''
def located(
    height: Callable[[jax.Array], jax.Array], lead: tuple[int, ...]
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Mode and scale of functions of t with one mode, and the ends v where they have fallen by e^-FALL.

    Between these they are summed in v, t = mode + scale sinh v: both Gaussian and exponential tails in t need few
    nodes. The scale is that of the steeper side. A function without a mode or an end has no numbers, and then the bound
    is none.
    """
    mode, top, width = peak(height, lead)
    scale = width * jnp.minimum(*(reach(height, (mode, top, width), sign, 0.5) for sign in (-1.0, 1.0)))
    left, right = (jnp.arcsinh(reach(height, (mode, top, scale), sign, FALL)) for sign in (-1.0, 1.0))
    return mode, scale, -left, right
''',
    "normal_mean": '''
def normal_mean(f: Callable[[jax.Array], jax.Array], mean: Any, variance: Any) -> jax.Array:
    """E[f(u)] of Normal numbers u, element by element, at the nodes of `normal_nodes` one after another."""
    center, deviation = jnp.broadcast_arrays(jnp.asarray(mean, dtype=float), jnp.sqrt(jnp.maximum(variance, 0.0)))
    z, weights = normal_nodes(0.0, 1.0)

    def add(total: jax.Array, node: Any) -> tuple[jax.Array, None]:
        return total + node[1] * f(center + node[0] * deviation), None

    return lax.scan(add, jnp.zeros(center.shape), (z, weights))[0]
''',
    "quadrature": '''
def quadrature(
    log_density: Callable[..., jax.Array], support: str, shape: tuple[int, ...]
) -> tuple[tuple[jax.Array, ...], jax.Array, jax.Array]:
    """Nodes, weights that add up to one, and log ∫ exp(log_density(x)) dx, for densities with one mode: one an element.

    The trapezoidal rule in the coordinate of `placed`, where the density is analytic: the error falls geometrically
    with the number of nodes. NODES give ten digits, from Gamma(0.01, 1) to 1e6 observations.
    """

    def height(t: jax.Array) -> jax.Array:
        x = placed(support, t)
        found = jnp.broadcast_to(log_density(*x) + sum(x[1:]), (*shape, t.shape[-1]))
        return jnp.where(jnp.isfinite(found), found, -jnp.inf)

    t, steps = spaced(located(height, shape), NODES)
    return (placed(support, t), *shares(height(t) + steps))


NODES = 280
''',
    "plane_quadrature": '''
def plane_quadrature(
    log_density: Callable[..., jax.Array], supports: tuple[str, str], shape: tuple[int, ...]
) -> tuple[tuple[jax.Array, ...], jax.Array, jax.Array]:
    """The same as `quadrature` of two numbers, x and y, for densities with one mode on every line of fixed x.

    In the coordinates s and t of both every line of fixed s has a trapezoidal rule of its own, around its own mode and
    in its own width, so that the grid follows a ridge wherever it bends; one more rule adds up the lines. PLANE lines
    of as many nodes give ten digits where the density has a variance.
    """

    def height(s: jax.Array, t: jax.Array) -> jax.Array:
        x, y = placed(supports[0], s), placed(supports[1], t)
        found = jnp.broadcast_to(log_density(*x, *y) + sum(x[1:]) + sum(y[1:]), (*shape, t.shape[-1]))
        return jnp.where(jnp.isfinite(found), found, -jnp.inf)

    def along(s: jax.Array) -> Callable[[jax.Array], jax.Array]:
        """The function of t on the lines of fixed s."""

        def line(t: jax.Array) -> jax.Array:
            flat = (*shape, t.shape[-2] * t.shape[-1])
            return height(jnp.broadcast_to(s[..., None], t.shape).reshape(flat), t.reshape(flat)).reshape(t.shape)

        return line

    def ridge(s: jax.Array) -> jax.Array:
        """About log ∫ exp(height(s, t)) dt, to find out where s matters."""
        _, top, width = peak(along(s), s.shape)
        return (top + jnp.log(width))[..., 0]

    s, ds = spaced(located(ridge, shape), PLANE)
    t, dt = spaced(located(along(s), s.shape), PLANE)
    flat = (*shape, PLANE * PLANE)
    s, steps, t = (jnp.broadcast_to(a, t.shape).reshape(flat) for a in (s[..., None], ds[..., None] + dt, t))
    weights, log_normaliser = shares(height(s, t) + steps)
    return (*placed(supports[0], s), *placed(supports[1], t)), weights, log_normaliser


PLANE = 120
''',
    "damped": '''
def damped(
    state: State,
    factor: str,
    propose: Callable[[State], State],
    merit: Callable[[State], jax.Array] = lambda state: elbo(state),
    natural: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
) -> State:
    """A step of the natural parameters of a Normal to what `propose` makes of them, halved until nothing is lost.

    Where the bound is not finite, since an expectation overflows, the Normal is first drawn in around its mean.
    `natural` reads and puts the natural parameters, where they are more than those of a mean and a precision.
    """
    get, put = natural or (
        lambda state: natural_of_normal(state, factor),
        lambda state, found: put_natural_of_normal(state, factor, found),
    )

    def narrower(carry: Any) -> Any:
        now, _, turns = carry
        now = {name: 4.0 * value for name, value in now.items()}
        return now, merit(put(state, now)), turns + 1

    now = get(state)
    carry = (now, merit(put(state, now)), 0)
    before, least, _ = lax.while_loop(lambda c: ~jnp.isfinite(c[1]) & (c[2] < DRAWN_IN), narrower, carry)
    least = least - 1e-13 * (1.0 + jnp.abs(least))
    after = get(propose(put(state, before)))

    def shorter(carry: Any) -> Any:
        share, _, _ = carry
        share = jnp.where(share > HALVED, share / 2.0, 0.0)
        found = blended(before, after, share)
        return share, found, merit(put(state, found))

    carry = (jnp.array(1.0), after, merit(put(state, after)))
    _, found, _ = lax.while_loop(lambda c: ~(c[2] >= least) & (c[0] > 0.0), shorter, carry)
    return put(state, found)


HALVED, DRAWN_IN = 1e-9, 60
''',
    "climbed": '''
def climbed(
    state: State,
    latent: str,
    propose: Callable[[State], State],
    heights: Callable[[State], jax.Array],
    followers: tuple[str, ...] = (),
) -> State:
    """A step of a point to what `propose` makes of it, halved for each element until its height is none the less.

    The points that follow it are at their best after it.
    """
    before = state.whole(latent, "value")
    proposed = propose(state)
    after = proposed.whole(latent, "value")

    def at(value: jax.Array) -> State:
        return proposed.store(latent, value=value)

    least = heights(at(before))
    least = jnp.where(jnp.isfinite(least), least - 1e-13 * (1.0 + jnp.abs(least)), -jnp.inf)

    def low(share: jax.Array, value: jax.Array) -> jax.Array:
        return ~(heights(at(value)) >= least) & (share > 0.0)

    def shorter(carry: Any) -> Any:
        share, _, lost = carry
        share = jnp.where(lost, jnp.where(share > SHORTEST, 0.5 * share, 0.0), share)
        each = share.reshape(share.shape + (1,) * (before.ndim - share.ndim))
        value = jnp.where(each > 0.0, before + each * (after - before), before)
        return share, value, low(share, value)

    carry = (jnp.ones(least.shape), after, low(jnp.ones(least.shape), after))
    _, value, _ = lax.while_loop(lambda c: c[2].any(), shorter, carry)
    found = at(value).refresh(latent)
    for follower in followers:
        found = UPDATES[follower](found)
    return found


SHORTEST = 1e-9
''',
    "settled": '''
def settled(
    state: State,
    factor: str,
    propose: Callable[[State], State],
    height: Callable[[State], jax.Array],
    natural: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
) -> State:
    """Newton's method for the mode of a factor: steps of `propose` until the means stay where they are."""
    get, put = natural or (
        lambda state: natural_of_normal(state, factor),
        lambda state, found: put_natural_of_normal(state, factor, found),
    )

    def largest(means: list[jax.Array]) -> jax.Array:
        return jnp.max(jnp.array([jnp.max(jnp.abs(m), initial=0.0) for m in means]))

    def turn(carry: Any) -> Any:
        now, _, turns = carry
        begun = put(state, now)
        found = damped(begun, factor, propose, height, natural)
        before, after = ([s.whole(n, "mean") for n in factor.split(",")] for s in (begun, found))
        moved = largest([a - b for a, b in zip(after, before)])
        return get(found), moved > 1e-13 * (1.0 + largest(before)), turns + 1

    found, _, _ = lax.while_loop(lambda c: c[1] & (c[2] < 200), turn, (get(state), jnp.array(True), 0))
    return put(state, found)
''',
    "natural_of_normal": '''
def natural_of_normal(state: State, latent: str) -> dict[str, jax.Array]:
    """The precisions of Normals and the products of these with their means."""
    precision, mean = (state.whole(latent, name) for name in ("precision", "mean"))
    lead, side = _sides(precision, mean)
    if not side:
        return {"precision": precision, "linear": precision * mean}
    linear = precision.reshape(*lead, side, side) @ mean.reshape(*lead, side, 1)
    return {"precision": precision, "linear": linear.reshape(mean.shape)}


def put_natural_of_normal(state: State, latent: str, natural: dict[str, jax.Array]) -> State:
    """Normals with other precisions and products of these with their means."""
    precision, linear = natural["precision"], natural["linear"]
    lead, side = _sides(precision, linear)
    if side:
        mean = jnp.linalg.solve(precision.reshape(*lead, side, side), linear.reshape(*lead, side, 1))
    else:
        mean = linear / precision
    after = state.store(latent, precision=precision, mean=mean.reshape(linear.shape))
    return (FOLLOWS[latent](after) if latent in FOLLOWS else after).refresh(latent)


def _sides(precision: jax.Array, mean: jax.Array) -> tuple[tuple[int, ...], int]:
    """The shape of many vectors and the length of one, from their precisions; of single numbers the length 0."""
    axes = precision.ndim - mean.ndim
    lead = mean.shape[: mean.ndim - axes]
    return lead, functools.reduce(lambda a, b: a * b, mean.shape[mean.ndim - axes :]) if axes else 0
''',
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
) -> tuple[jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
    """Marginals and the sum of pairs (before, after) of a chain with weights exp(Σ logits + Σ transition), and log Z.

    Positions are cut into blocks. Within them the passes run in step, each block first as a matrix of what becomes of
    every category that it may begin with, so that there are about 2 √T steps, not T. The last result has the
    probabilities of each category given what came before. Where all weights of a step vanish in floating point, log Z
    is no number.
    """
    length, groups = logits.shape
    steps = max(1, int(np.sqrt(length / 4)))
    count = -(-length // steps)
    top = logits.max(axis=1, keepdims=True)
    level = transition.max()
    matrix = jnp.exp(transition - level)
    weights = jnp.pad(jnp.exp(logits - top), ((0, count * steps - length), (0, 0)), constant_values=1.0)
    weights = weights.reshape(count, steps, groups).swapaxes(0, 1)
    # What fills up the last block is a sequence of its own.
    begins = jnp.pad(begun(length, starts), (0, count * steps - length), constant_values=True)
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
    return marginals, pairs, jnp.where(good, log_normaliser, jnp.nan), {"filtered": forward}
''',
    "in_logarithms": '''
def in_logarithms(
    logits: jax.Array, transition: jax.Array, starts: jax.Array | None = None
) -> tuple[jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
    """What `forward_backward` gives, position after position in logarithms, which nothing makes vanish.

    Pairs are added up on the way back, so that no array has positions and pairs of categories. `forward` has the
    logarithms of the probabilities given what came before, also of those that are no numbers.
    """
    begins = begun(len(logits), starts)

    def forth(before: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        logit, begin = at
        here = logit + jnp.where(begin, 0.0, logsumexp(before + transition.T))
        mass = logsumexp(here)
        return here - mass, (here - mass, mass)

    def back(
        carry: tuple[jax.Array, jax.Array], at: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        after, pairs = carry
        here, end = at
        found = after[:, None] * softmax(here + transition.T)  # (after, before)
        probs = jnp.where(end, jnp.exp(here), found.sum(axis=0))
        return (probs, pairs + jnp.where(end, 0.0, found.T)), probs

    nothing = jnp.zeros(logits.shape[1])
    _, (forward, masses) = lax.scan(forth, nothing, (logits, begins))
    ends = jnp.roll(begins, -1)
    (_, pairs), marginals = lax.scan(back, (nothing, jnp.zeros(transition.shape)), (forward, ends), reverse=True)
    return marginals, pairs, masses.sum(), {"filtered": jnp.exp(forward), "forward": forward}
''',
    "begun": '''
def begun(length: int, starts: jax.Array | None = None) -> jax.Array:
    """The positions at which a sequence begins: the first, and where there is a mark."""
    first = jnp.arange(length) == 0
    return first if starts is None else first | (starts == 1)
''',
    "compiled": '''
def compiled(function: Callable[..., jax.Array], *arrays: jax.Array) -> np.ndarray:
    """What a function makes of arrays, on the host."""
    return np.array(jax.jit(function)(*arrays))
''',
    "pair_sum": '''
def pair_sum(kernel: jax.Array, probs: jax.Array, starts: jax.Array | None = None) -> jax.Array:
    """Σ_t q(z_t) q(z_{t-1} | z_t) over the positions with a link to the one before, at [now, before], by blocks."""
    now = jnp.roll(jnp.where(begun(len(probs), starts)[:, None], 0.0, probs), -1, axis=0)

    def block(total: jax.Array, rows: Rows) -> jax.Array:
        return total + jnp.einsum("abc,ab->bc", taken(kernel, rows), taken(now, rows) * rows.fresh[:, None])

    return over_blocks(block, jnp.zeros(kernel.shape[1:]), len(probs))
''',
    "log_bessel_k": '''
def log_bessel_k(order: Any, x: Any) -> jax.Array:
    """Log of the modified Bessel function of the second kind, also where it over- or underflows."""
    return _bessel_k_integral(order, x)[0]
''',
    "kernels": '''
def kernels(forward: jax.Array, transition: jax.Array, begins: jax.Array) -> jax.Array:
    """q(z_t = k | z_{t+1} = l) at [t, l, k], from logarithms of q(z_t) given what came before.

    Where a sequence begins at the next position it does not depend on l.
    """
    ends = jnp.roll(begins, -1)[:, None, None]
    return softmax(forward[:, None, :] + jnp.where(ends, 0.0, transition.T))
''',
    "Narrow": '''
class Narrow(NamedTuple):
    """E[w wᵀ] of Normal vectors whose covariance is diag(1 / diagonal) - halfᵀ half, with a line a row of the data."""

    half: jax.Array
    diagonal: jax.Array
    mean: jax.Array

    def variances(self) -> jax.Array:
        """The diagonal of the covariance."""
        return jnp.maximum(1.0 / self.diagonal - (self.half * self.half).sum(axis=0), 1e-16 / self.diagonal)

    def squares(self, rows: jax.Array) -> jax.Array:
        """E[(x·w)²] for rows x."""
        spread = (rows * rows) @ (1.0 / self.diagonal) - ((rows @ self.half.T) ** 2).sum(axis=1)
        return (rows @ self.mean) ** 2 + jnp.maximum(spread, 0.0)


def second_of(state: State, latent: str, moment: str) -> Any:
    """E[w wᵀ]: an array, or what it follows from where there are fewer rows than elements."""
    params = state.params[latent]
    if "half" not in params:
        return state.moments[moment]
    return Narrow(params["half"], params["diagonal"], params["mean"])
''',
    "solved_by_rows": '''
def solved_by_rows(rows: jax.Array, weights: Any, diagonal: Any, linear: jax.Array) -> Arrays:
    """A Normal vector with the precision diag(diagonal) + Σ_n weights[n] rows[n] rows[n]ᵀ, by Woodbury's identity.

    The product of its precision and mean is `linear`. The largest matrix is of rows and rows.
    """
    a, weights = jnp.broadcast_to(diagonal, rows.shape[1]), jnp.broadcast_to(weights, len(rows))
    scaled = jnp.sqrt(weights)[:, None] * rows
    factor = jnp.linalg.cholesky(jnp.eye(len(rows)) + (scaled / a) @ scaled.T)
    half = solve_triangular(factor, scaled / a, lower=True)
    mean = linear / a - half.T @ (half @ linear)
    logdet = jnp.log(a).sum() + 2.0 * jnp.log(jnp.diagonal(factor)).sum()
    return {"mean": mean, "logdet_precision": logdet, "half": half, "diagonal": a, "weights": weights}


def whole_precision(rows: jax.Array, weights: jax.Array, diagonal: jax.Array) -> jax.Array:
    """That precision as a matrix."""
    return jnp.diag(diagonal) + (weights[:, None] * rows).T @ rows
''',
    "Outer": '''
class Outer(NamedTuple):
    """Σ_n weights[n] rows[n] rows[n]ᵀ, not added up."""

    rows: jax.Array
    weights: Any = 1.0


def trace_of_product(second: Any, outer: Any) -> jax.Array:
    """Σ_de E[w wᵀ][d, e] outer[d, e], by rows where these are not added up."""
    if not isinstance(outer, Outer):
        return jnp.vdot(second, outer)
    return jnp.broadcast_to(outer.weights, len(outer.rows)) @ squares_of(outer.rows, second)
''',
    "squares_of": '''
def squares_of(rows: jax.Array, second: Any) -> jax.Array:
    """E[(x·w)²] for rows x, from E[w wᵀ]."""
    return second.squares(rows) if isinstance(second, Narrow) else quadratic_forms(rows, second)
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
    "dlog_bessel_k": '''
def dlog_bessel_k(order: Any, x: Any) -> jax.Array:
    """Derivative of log K in its order."""
    return _bessel_k_integral(order, x)[1]
''',
    "_bessel_k_integral": '''
def _bessel_k_integral(order: Any, x: Any) -> tuple[jax.Array, jax.Array]:
    """log K and its derivative in the order, from K_v(x) = ∫_0^∞ exp(-x cosh t) cosh(v t) dt (DLMF 10.32.9).

    The trapezoid rule converges geometrically on this integrand; its range reaches from the mode to where
    the integrand has fallen by e^-60. A few hundred numbers are taken at a time.
    """
    t = np.linspace(0.0, 1.0, 2001)

    def one(order: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        v = jnp.abs(order)
        mode = jnp.arcsinh(v / x)
        width = 1.0 / jnp.sqrt(jnp.sqrt(v**2 + x**2) + 1e-3)
        end = mode + jnp.minimum(12.0 * width + 4.0, jnp.arccosh(1.0 + 60.0 / x) + 60.0 / (v + 1.0) * (v > 1.0))
        nodes = end * t
        growth = v * nodes
        height = jnp.logaddexp(growth, -growth) - np.log(2.0) - x * jnp.cosh(nodes)
        top = height.max()
        weight = jnp.exp(height - top) * np.where((t == 0.0) | (t == 1.0), 0.5, 1.0)
        mass = weight.sum()
        slope = (weight * nodes * jnp.tanh(growth)).sum() / mass
        return top + jnp.log(mass * end / (t.size - 1)), slope * jnp.where(order < 0, -1.0, 1.0)

    order, x = jnp.broadcast_arrays(jnp.asarray(order, float), jnp.asarray(x, float))
    value, slope = lax.map(lambda pair: one(*pair), (order.ravel(), x.ravel()), batch_size=256)
    return value.reshape(x.shape), slope.reshape(x.shape)
''',
}


def _shared(name: str) -> str:
    lines = spelled(numpy_helpers.SOURCES[name].splitlines())
    return "\n".join(lines).replace("jnp.ndarray", "jax.Array").replace("special.", "")


SOURCES = {**_OWN, **{n: _shared(n) for n in _SHARED}}

_LINES = ("placed", "peak", "reach", "located", "spaced", "shares", "fall")
_NEEDS = {
    "quadrature": _LINES,
    "plane_quadrature": _LINES,
    "normal_mean": ("normal_nodes",),
    "damped": ("blended", "natural_of_normal"),
    "settled": ("damped", "natural_of_normal"),
    "quadratic_forms": ("by_blocks", "pairs", "packed"),
    "by_blocks": ("over_blocks", "taken"),
    "over_blocks": ("Rows", "taken"),
    "kernels": ("softmax",),
    "forward_backward": ("begun",),
    "in_logarithms": ("begun", "softmax", "logsumexp"),
    "pair_sum": ("begun", "over_blocks", "taken"),
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
    "solved_by_rows": ("solve_triangular",),
    "second_of": ("Narrow",),
    "whole_precision": ("solved_by_rows",),
    "Outer": ("squares_of",),
    "squares_of": ("Narrow", "quadratic_forms"),
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
