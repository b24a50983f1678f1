"""Helper functions of a generated module that run along chains: passes over categories, recursions of numbers."""

from __future__ import annotations

SOURCES = {
    "forward_backward": '''
def forward_backward(
    logits: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, float] | None:
    """Passes over a chain of categories with weights exp(Σ logits + Σ transition).

    The marginals, which take the place of the logits; the sum of pairs (before, after); log Z; the probability of each
    category given what came before; the entropy. None where weights of a step vanish in floating point, or
    probabilities that what comes later asks for.
    """
    level = float(transition.max())
    walk = Walk.along(logits, transition - level, starts)
    log_normaliser = walk.forward()
    if not np.isfinite(log_normaliser):
        return None
    pairs, energy = walk.backward()
    if not (np.abs(logits.sum(axis=1) - 1.0) < 1e-9).all() or not np.isfinite(pairs).all():
        return None
    entropy = log_normaliser - energy - float((pairs * (transition - level)).sum())
    links = len(logits) - sum(map(len, walk.begins.values()))
    return logits, pairs, log_normaliser + level * links, walk.filtered, entropy
''',
    "Walk": '''
@dataclass
class Walk:
    """Passes over a chain in blocks of `steps` positions that run in step; i is a place in a block.

    The first pass over a block does not know how the block before it ends. The next one begins with that, and runs
    until it meets the first: a chain forgets where it was. Where it never does, or blocks are short, each block is
    taken as a matrix of what becomes of every category. So there are some √T steps, not T.

    Attributes:
        logits: what is summed at each position; the marginals take its place.
        filtered: probabilities given what came before.
        matrix: exp(transition).
        begins: place -> the blocks in which a sequence begins there.
        masses: logarithms of what is divided by, added up over the blocks, a place each.
        whole: the matrices of the blocks, where they were needed.
    """

    logits: np.ndarray
    filtered: np.ndarray
    matrix: np.ndarray
    steps: int
    begins: dict[int, list[int]]
    masses: np.ndarray
    whole: np.ndarray | None = None

    @classmethod
    def along(cls, logits: np.ndarray, transition: np.ndarray, starts: np.ndarray | None) -> Walk:
        """The blocks of a chain; `starts` marks where sequences begin, as the first position does in any case."""
        steps = max(1, int(np.sqrt(len(logits) / 4)))
        begins: dict[int, list[int]] = {0: [0]}
        for t in np.flatnonzero(starts[1:] == 1) + 1 if starts is not None else ():
            begins.setdefault(int(t % steps), []).append(int(t // steps))
        return cls(logits, np.empty(logits.shape), np.exp(transition), steps, begins, np.zeros(steps))

    def forward(self) -> float:
        """Find `filtered`; log Z, which is not finite where a step vanishes."""
        state, met = self._before() if self.steps < 32 else self._uniform(), False
        for attempt in range(4):
            for i in range(self.steps):
                self._ahead(i, state)
                here = self._at(self.filtered, i)
                if attempt and i % 4 == 0 and (met := self._same(state[:, : here.shape[1]], here)):
                    break
                self.filtered[i :: self.steps] = state[:, : here.shape[1]].T
            if met or not np.isfinite(self.masses).all():
                break
            state = self._before() if attempt == 2 else np.hstack([self._uniform()[:, :1], state[:, :-1]])
        return float(self.masses.sum())

    def backward(self) -> tuple[np.ndarray, float]:
        """Put the marginals in the place of the logits; the sum of pairs, and E[logits]."""
        pairs, energies = np.zeros((self.steps, *self.matrix.shape)), np.zeros(self.steps)
        ends = self._at(self.filtered, self.steps - 1)
        ends = np.hstack([ends, self.filtered[-1:].T])[:, : self._count()]  # the last block may be shorter
        state, met = self._after() if self.steps < 32 else ends, False
        for attempt in range(4):
            for i in reversed(range(self.steps)):
                pairs[i] = self._behind(i, state)
                here = self._at(self.logits, i)
                width = here.shape[1]
                if attempt and (self.steps - 1 - i) % 4 == 0 and (met := self._same(state[:, :width], here)):
                    break
                if attempt:  # the marginals have taken the place of the logits
                    here = np.log(self._weights(i))
                energies[i] = np.vdot(state[:, :width], here) + (self.masses[i] if attempt else 0.0)
                self.logits[i :: self.steps] = state[:, :width].T
            if met:
                break
            state = self._after() if attempt == 2 else self._ends(state)[0]
        pairs[-1] = self._ends(self._at(self.logits, 0))[1]
        return self.matrix * pairs.sum(axis=0), float(energies.sum())

    def _count(self) -> int:
        return -(-len(self.logits) // self.steps)

    def _uniform(self) -> np.ndarray:
        return np.full((len(self.matrix), self._count()), 1.0 / len(self.matrix))

    def _at(self, rows: np.ndarray, i: int) -> np.ndarray:
        """A copy of what stands at a place of the blocks, a column for each; the last block may be shorter."""
        return np.array(rows[i :: self.steps].T, order="C")

    @staticmethod
    def _same(found: np.ndarray, known: np.ndarray) -> bool:
        return bool((np.abs(found - known) <= 1e-13 * known + 1e-290).all())

    def _ahead(self, i: int, state: np.ndarray) -> None:
        """Move probabilities given what came before from the place before to the next."""
        weights = self._at(self.logits, i)
        top = weights.max(axis=0)
        weights -= top
        np.exp(weights, out=weights)
        moved = self.matrix.T @ state[:, : weights.shape[1]]
        if i in self.begins:
            moved[:, self.begins[i]] = 1.0
        moved *= weights
        mass = moved.sum(axis=0)
        np.divide(moved, mass, out=state[:, : weights.shape[1]])
        self.masses[i] = np.log(mass).sum() + top.sum() if mass.min() > 1e-290 else np.nan

    def _behind(self, i: int, state: np.ndarray) -> np.ndarray:
        """Move marginals from the place after to a place, for blocks that have both; the sum of pairs of the two."""
        width = len(self.filtered[i + 1 :: self.steps]) if i + 1 < self.steps else 0
        before = self.filtered[i :: self.steps][:width]
        state[:, :width], pairs = self._back(before, state[:, :width], self.begins.get(i + 1, []))
        return pairs

    def _ends(self, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The marginals that blocks end with, given those that the next ones begin with; the sum of pairs of these."""
        before = self.filtered[self.steps - 1 :: self.steps][: begin.shape[1] - 1]
        ends, pairs = self._back(before, begin[:, 1:], [block - 1 for block in self.begins[0] if block])
        return np.hstack([ends, self.filtered[-1:].T]), pairs

    def _back(self, before: np.ndarray, after: np.ndarray, begins: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Marginals one position earlier, Σ q(z_t | z_{t+1}) q(z_{t+1}); what of the sum of pairs is not the matrix."""
        ratios = self.matrix.T @ before.T
        np.maximum(ratios, 1e-300, out=ratios)
        np.divide(after, ratios, out=ratios)
        if begins:
            ratios[:, begins] = 0.0
        out = self.matrix @ ratios
        if begins:
            out[:, begins] = 1.0
        out *= before.T
        return out, before.T @ ratios.T

    def _weights(self, i: int) -> np.ndarray:
        """Exponentials of the logits, less what makes a step add up to one, out of `filtered`."""
        here, before = self.filtered[i :: self.steps], self.filtered[i - 1 :: self.steps]
        if i == 0:
            before = np.vstack([here[:1], self.filtered[self.steps - 1 :: self.steps]])
        expected = before[: len(here)] @ self.matrix
        expected[self.begins.get(i, [])] = 1.0
        return (np.maximum(here, 1e-300) / np.maximum(expected, 1e-300)).T

    def _blocks(self, known: bool) -> np.ndarray:
        """What becomes of every category that a block may begin with, [block, category now, category before]."""
        groups = len(self.matrix)
        whole = np.repeat(np.eye(groups)[:, :, None], self._count(), axis=2)
        for i in range(self.steps):
            logits = np.log(self._weights(i)) if known else self._at(self.logits, i)
            weights = np.exp(logits - logits.max(axis=0))
            part = np.ascontiguousarray(whole[:, :, : weights.shape[1]])
            moved = (self.matrix.T @ part.reshape(groups, -1)).reshape(part.shape)
            if i in self.begins:
                moved[:, :, self.begins[i]] = part[:, :, self.begins[i]].sum(axis=0)
            moved *= weights[:, None, :]
            moved /= np.maximum(moved.max(axis=(0, 1)), 1e-300)
            whole[:, :, : weights.shape[1]] = moved
        return np.ascontiguousarray(whole.transpose(2, 0, 1))

    def _before(self) -> np.ndarray:
        """What blocks begin with, by matrices."""
        self.whole = self._blocks(known=False)
        out = self._uniform()
        for block in range(1, out.shape[1]):
            state = self.whole[block - 1] @ out[:, block - 1]
            out[:, block] = state / state.sum()
        return out

    def _after(self) -> np.ndarray:
        """The marginals that blocks end with, by matrices."""
        whole = self._blocks(known=True) if self.whole is None else self.whole
        out, state = self._uniform(), np.ones(len(self.matrix))
        for block in reversed(range(out.shape[1])):
            ends = self.filtered[min((block + 1) * self.steps, len(self.filtered)) - 1] * state
            out[:, block] = ends / ends.sum()
            state = state @ whole[block]
            state = state / state.max()
        return out
''',
    "kernels": '''
def kernels(
    filtered: np.ndarray, transition: np.ndarray, starts: np.ndarray | None = None, rows: slice = slice(None)
) -> np.ndarray:
    """q(z_t = k | z_{t+1} = l) at [t, l, k]; without a link to the next position it does not depend on l.

    Of several chains each has its own, along the first axis.
    """
    if filtered.ndim > 2:
        return np.stack([kernels(f, step, starts) for f, step in zip(filtered, transition)])[rows]
    ends = np.zeros(len(filtered), dtype=bool)
    ends[-1] = True
    if starts is not None:
        ends[:-1] |= starts[1:] == 1
    filtered, ends = filtered[rows], ends[rows]
    out = np.empty((*filtered.shape, filtered.shape[1]))
    for some in blocks(len(out)):
        before = np.log(np.maximum(filtered[some], 1e-300))[:, None, :]
        out[some] = softmax(np.where(ends[some, None, None], before, before + transition.T))
    return out
''',
    "Lazy": '''
class Lazy(dict[str, Any]):
    """Parameters of which some are made when they are first asked for: `makers` has what makes rows of each, or all.

    `source` is what they all follow from, until one of them is set.
    """

    def __init__(
        self, values: Mapping[str, Any], makers: Mapping[str, Callable[..., np.ndarray]], source: Any = None
    ) -> None:
        super().__init__(values)
        self.makers = {n: make for n, make in makers.items() if n not in values}
        self.source = source

    def __missing__(self, name: str) -> np.ndarray:
        made = self.makers[name]()
        super().__setitem__(name, made)
        return made

    def __setitem__(self, name: str, value: Any) -> None:
        self.source = None
        super().__setitem__(name, value)

    def update(self, *values: Any, **named: Any) -> None:
        self.source = None
        super().update(*values, **named)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.makers

    def __iter__(self) -> Iterator[str]:
        return iter([*super().__iter__(), *(n for n in self.makers if not dict.__contains__(self, n))])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def keys(self) -> Any:
        return {n: None for n in self}.keys()

    def values(self) -> Any:
        return {n: self[n] for n in self}.values()

    def items(self) -> Any:
        return {n: self[n] for n in self}.items()

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == other

    def __reduce__(self) -> Any:
        return Lazy, (dict(zip(super().keys(), super().values())), self.makers)

    def only(self, names: list[str]) -> Lazy:
        """Some of them, none made for it."""
        return Lazy(
            {n: self[n] for n in names if dict.__contains__(self, n)},
            {n: self.makers[n] for n in names if n in self.makers},
        )
''',
    "rows_of": '''
def rows_of(params: Mapping[str, Any], name: str, rows: slice) -> np.ndarray:
    """Some rows of a parameter, which is not made whole for it."""
    if isinstance(params, Lazy) and not dict.__contains__(params, name):
        return params.makers[name](rows=rows)
    return params[name][rows]
''',
    "pair_sum": '''
def pair_sum(params: Mapping[str, Any], starts: np.ndarray | None = None) -> np.ndarray:
    """Σ_t q(z_t) q(z_{t-1} | z_t) over positions linked to the one before, at [now, before]; for each chain."""
    probs = params["probs"]
    if probs.ndim > 2:
        return np.stack([pair_sum({"probs": p, "kernel": k}, starts) for p, k in zip(probs, params["kernel"])])
    linked = np.ones(len(probs)) if starts is None else (starts != 1).astype(float)
    total = np.zeros((probs.shape[1], probs.shape[1]))
    for rows in blocks(len(probs) - 1):
        now = slice(rows.start + 1, rows.stop + 1)
        total += np.einsum("abc,ab->bc", rows_of(params, "kernel", rows), probs[now] * linked[now, None])
    return total
''',
    "scanned": '''
def scanned(steps: np.ndarray, values: np.ndarray, reverse: bool = False) -> np.ndarray:
    """x[t] = steps[t] x[t-1] + values[t], with nothing before the first; in reverse of x[t+1].

    Positions are cut into blocks that run in step: first to see what becomes of any x before a block, then of that
    which there is. So there are about 3 √T steps, not T.
    """
    if reverse:
        return scanned(steps[::-1], values[::-1])[::-1]
    length, side = len(values), int(np.prod(values.shape[1:]))
    size = -(-length // max(1, int(np.sqrt(length))))
    count = -(-length // size)
    maps, added = np.zeros((count * size, side, side)), np.zeros((count * size, side, 1))
    maps[:length], added[:length] = steps.reshape(length, side, side), values.reshape(length, side, 1)
    maps, added = maps.reshape(count, size, side, side), added.reshape(count, size, side, 1)
    whole, end = np.eye(side), np.zeros((side, 1))
    for i in range(size):
        whole, end = maps[:, i] @ whole, maps[:, i] @ end + added[:, i]
    state = np.zeros((count, side, 1))
    for block in range(1, count):
        state[block] = whole[block - 1] @ state[block - 1] + end[block - 1]
    out = np.empty((count, size, side, 1))
    for i in range(size):
        out[:, i] = state = maps[:, i] @ state + added[:, i]
    return out.reshape(count * size, side)[:length].reshape(values.shape)
''',
    "unsettled": '''
def unsettled(known: list[np.ndarray], own: list[np.ndarray], reverse: bool = False) -> Iterator[int]:
    """The positions at which a recursion has to be carried out; `own` are its arrays, `known` what it reads.

    Where a step changes no more than last digits, as elements of a matrix are measured by its diagonal, so does the
    next one if it reads the same: what it would find is filled in up to where it reads something else.
    """
    length, way = len(own[0]), -1 if reverse else 1
    turned = [array[::way] for array in own]
    changes = np.zeros(length, dtype=bool)
    for array in known:
        changes[1:] |= (np.diff(array[::way], axis=0) != 0.0).any(axis=tuple(range(1, array.ndim)))
    ends = np.append(np.flatnonzero(changes), length)
    i = 0
    while i < length:
        yield length - 1 - i if reverse else i
        if i > 1 and i % 8 == 0 and all(_settled(array[i], array[i - 1]) for array in turned):
            end = ends[np.searchsorted(ends, i, side="right")]
            for array in turned:
                array[i + 1 : end] = array[i]
            i = end
        else:
            i += 1


def _settled(now: np.ndarray, before: np.ndarray) -> bool:
    size = np.abs(now)
    if now.ndim == 2 and now.shape[0] == now.shape[1]:
        root = np.sqrt(np.diagonal(size))
        size = root[:, None] * root
    return bool((np.abs(now - before) <= 4.0 * np.finfo(float).eps * size).all())
''',
    "in_step": '''
def in_step(starts: np.ndarray, reverse: bool = False) -> Iterator[np.ndarray]:
    """The positions of sequences that lie end to end: all first ones, all second ones, …; in reverse from the last."""
    first = np.union1d(np.flatnonzero(starts == 1), 0)
    lengths = np.diff(np.append(first, len(starts)))
    place = np.arange(len(starts)) - np.repeat(first, lengths)
    if reverse:
        place = np.repeat(lengths, lengths) - 1 - place
    return iter(np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1]))
''',
}
