"""Helper functions of a generated module for matrix products over blocks of rows, and softmaxes of them.

A block of features has a line for each feature and a column for each row. With AVX-512, OpenBLAS has kernels that copy
nothing for products of at most a million multiplications (``dgemm_small_matrix_permit``), which run at up to twice the
rate of the others where an array of sums is small; so columns go in pieces of that size.
"""

from __future__ import annotations

SOURCES = {
    "pieces": '''
PRODUCT = 1_000_000  # multiplications of a product for which BLAS may have kernels that copy nothing
NUMBERS = 96 * BLOCK  # rows with few numbers are worked on in blocks of so many numbers


def rows_of_block(lines: int, groups: int, size: int) -> int:
    """Rows that are worked on at a time, each with so many numbers read and made."""
    return min(max(min(NUMBERS // (lines + groups), PRODUCT // (lines * groups)), BLOCK), size)


def piece_of(lines: int, groups: int, size: int) -> int:
    """So many rows make a product of no more than PRODUCT multiplications; all of them where these would be few."""
    piece = PRODUCT // (lines * groups)
    return piece // 8 * 8 if 96 <= piece < size else size


def pieces(array: np.ndarray, piece: int) -> np.ndarray:
    """Columns cut into pieces, which come first; a view."""
    return array.reshape(len(array), -1, piece).swapaxes(0, 1)
''',
    "product": '''
def product(natural: np.ndarray, features: np.ndarray, out: np.ndarray) -> None:
    """natural @ features, written into `out`."""
    lines, size = features.shape
    piece = piece_of(lines, len(natural), size)
    if piece == size:
        np.matmul(natural, features, out=out)
        return
    whole = size // piece * piece
    np.matmul(natural, pieces(features[:, :whole], piece), out=pieces(out[:, :whole], piece))
    if whole < size:
        np.matmul(natural, features[:, whole:], out=out[:, whole:])
''',
    "weighted": '''
def weighted(features: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """features @ shares: features of rows added up with the shares of each group."""
    (lines, size), groups = features.shape, shares.shape[1]
    piece = piece_of(lines, groups, size)
    if piece == size:
        return features @ shares
    if lines * groups > 1200:  # the kernels take the transpose of a matrix in small products alone
        if lines < 64 and not shares.flags.c_contiguous:  # turning it would cost more than they gain
            return features @ shares
        shares = np.ascontiguousarray(shares)
    whole = size // piece * piece
    parts = shares[:whole].reshape(-1, piece, groups)
    out = np.matmul(pieces(features[:, :whole], piece), parts).sum(axis=0)
    return out + features[:, whole:] @ shares[whole:] if whole < size else out
''',
    "power": '''
def power() -> tuple[np.ufunc, float]:
    """What raises numbers of a block, and the logarithm of its base.

    With AVX-512 on Linux, NumPy has exp2 as vector instructions: in single precision it takes half the time of exp, in
    double precision a tenth less. Elsewhere exp2 is a call for each number, and exp is not.
    """
    try:
        known: dict[str, Any] = np.show_config(mode="dicts") or {}
    except TypeError:  # NumPy before 1.25 does not say
        known = {}
    extensions = known.get("SIMD Extensions", {}).get("found", [])  # what is empty is left out
    if sys.platform == "linux" and {"X86_V4", "AVX512_SKX"} & {*extensions}:
        return np.exp2, float(np.log(2.0))
    return np.exp, 1.0
''',
    "Softmax": '''
class Softmax:
    """softmax(natural @ features) over the first axis, for one block of rows after another, in memory that they share.

    Logits are in units of `log_base`; `natural` is what features are multiplied by, with its rounding. Exponentials are
    taken of the logits less a level, the same for all rows: zero, until a sum is out of the range in which numbers have
    all digits. Then each row of the block is taken less its largest logit, and the mean of the logarithms of the sums
    is the level of the next. Where the block before had exponentials too small for all digits, which take six to a
    hundred times as long, those of this one end at the least number that has them.
    """

    def __init__(self, natural: np.ndarray) -> None:
        limits = np.finfo(natural.dtype)
        self.power, self.log_base = power()
        self.scaled, self.level, self.raised, self.size = natural / self.log_base, 0.0, False, 0
        self.natural = self.log_base * self.scaled.astype(float)
        self.least = (np.log(limits.tiny) + 1.0) / self.log_base
        self.small, self.most = 8.0 * limits.tiny, limits.eps / limits.tiny

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, float]:
        """Probabilities, which the next call writes over, and log Σ exp(logits) added up over the rows."""
        if features.shape[1] != self.size:
            self._make_room(features.shape[1])
        probs, inverse = self.probs, self.inverse
        product(self.scaled, features, probs)
        if self.level:
            probs -= self.level
        normaliser, added = self._exponentials(), self.log_base * self.level * self.size
        if not np.isfinite(normaliser):
            product(self.scaled, features, probs)
            top = probs.max(axis=0)
            probs -= top
            self.raised = True
            normaliser, added = self._exponentials(), self.log_base * float(top.sum(dtype=float))
            level = (normaliser + added) / self.size / self.log_base
            self.level = level if np.isfinite(level) else 0.0
        np.multiply(probs, inverse, out=probs)
        return probs, normaliser + added

    def _make_room(self, size: int) -> None:
        groups, dtype = len(self.scaled), self.scaled.dtype
        self.size, self.probs = size, np.empty((groups, size), dtype)
        self.inverse, self.logs, self.row_ones = np.ones((3, size), dtype)
        self.group_ones, self.sample = np.ones(groups, dtype), self.probs[:, ::101]

    def _exponentials(self) -> float:
        """Exponentials in the place of the logits, one over their sums, and logarithms of these; the sum of the last.

        It is not a number where a sum of exponentials is too small for all its digits, or infinite.
        """
        probs, inverse = self.probs, self.inverse
        if self.raised:
            np.maximum(probs, self.least, out=probs)
        self.power(probs, out=probs)
        self.raised = self.sample.min() <= self.small
        np.matmul(self.group_ones, probs, out=inverse)
        np.log(inverse, out=self.logs)
        np.divide(1.0, inverse, out=inverse)
        good = inverse @ self.row_ones < self.most
        return float(self.logs.sum(dtype=float)) if good else np.nan
''',
    "pair_places": '''
def pair_places(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The places (d, e) with d <= e in the order of `pairs`: by e - d."""
    d, e = np.triu_indices(side)
    order = np.argsort(e - d, kind="stable")
    return d[order], e[order]
''',
    "pairs": '''
def pairs(x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """x[d,n] x[e,n] for d <= e, a line of `out` for each pair: of one e - d at a time, which makes long loops."""
    x = np.ascontiguousarray(x)
    side, line = len(x), 0
    for apart in range(side):
        np.multiply(x[: side - apart], x[apart:], out=out[line : line + side - apart])
        line += side - apart
    return out
''',
    "packed": '''
def packed(matrix: np.ndarray) -> np.ndarray:
    """What multiplies `pairs`: the diagonal, and off it what stands at (d, e) and (e, d) together."""
    d, e = pair_places(matrix.shape[-1])
    return np.where(d == e, matrix[..., d, e], matrix[..., d, e] + matrix[..., e, d])
''',
    "quadratic_forms": '''
def quadratic_forms(x: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Σ_de x[n,d] x[n,e] M[…,d,e] at [n, …], over blocks of rows."""
    lead = matrices.shape[:-2]
    weights = packed(matrices.reshape(-1, *matrices.shape[-2:]))
    out = np.empty((len(x), len(weights)))
    lines = np.empty((weights.shape[1], min(BLOCK, len(x))))
    for rows in blocks(len(x)):
        product(weights, pairs(x[rows].T, lines[:, : rows.stop - rows.start]), out[rows].T)
    return out.reshape(len(x), *lead)
''',
    "unpacked": '''
def unpacked(sums: np.ndarray, side: int) -> np.ndarray:
    """Symmetric matrices from sums over `pairs`."""
    d, e = pair_places(side)
    out = np.empty((*sums.shape[:-1], side, side), sums.dtype)
    out[..., d, e] = out[..., e, d] = sums
    return out
''',
}

_PRODUCT = ("product", "pieces")
PACKED = ("quadratic_forms", "blocks", "pairs", "packed", "pair_places", *_PRODUCT)
NEEDS: dict[str, tuple[str, ...]] = {
    "product": ("pieces",),
    "weighted": ("pieces",),
    "Softmax": ("power", *_PRODUCT),
    "packed": ("pair_places",),
    "unpacked": ("pair_places",),
    "quadratic_forms": PACKED[1:],
}
