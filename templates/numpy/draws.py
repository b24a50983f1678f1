"""Helpers that draw from a family; a sampler has those it calls. Arguments are broadcast arrays, plates first."""

from __future__ import annotations

# Family -> (its parameters in order, source of the helper).
DRAWS: dict[str, tuple[tuple[str, ...], str]] = {
    "Normal": (
        ("mean", "precision"),
        '''
def random_normal(rng: np.random.Generator, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Normal by mean and precision."""
    return mean + rng.standard_normal(np.shape(mean)) / np.sqrt(precision)
''',
    ),
    "Gamma": (
        ("shape", "rate"),
        '''
def random_gamma(rng: np.random.Generator, shape: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Gamma by shape and rate."""
    return rng.gamma(shape) / rate
''',
    ),
    "InverseGamma": (
        ("shape", "scale"),
        '''
def random_inverse_gamma(rng: np.random.Generator, shape: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Inverse Gamma by shape and scale."""
    return scale / rng.gamma(shape)
''',
    ),
    "Beta": (
        ("a", "b"),
        '''
def random_beta(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Beta, kept inside (0, 1) where rounding would leave it."""
    return np.clip(rng.beta(a, b), 1e-300, 1.0 - 1e-16)
''',
    ),
    "Exponential": (
        ("rate",),
        '''
def random_exponential(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Exponential by rate."""
    return rng.exponential(1.0 / rate)
''',
    ),
    "LogNormal": (
        ("mean", "precision"),
        '''
def random_log_normal(rng: np.random.Generator, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """exp of a Normal."""
    return np.exp(mean + rng.standard_normal(np.shape(mean)) / np.sqrt(precision))
''',
    ),
    "Pareto": (
        ("shape", "minimum"),
        '''
def random_pareto(rng: np.random.Generator, shape: np.ndarray, minimum: np.ndarray) -> np.ndarray:
    """Pareto above a minimum."""
    return minimum * (1.0 + rng.pareto(shape))
''',
    ),
    "Weibull": (
        ("shape", "rate"),
        '''
def random_weibull(rng: np.random.Generator, shape: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Weibull by shape k and rate: density proportional to x^(k-1) exp(-rate x^k)."""
    return (rng.standard_exponential(np.shape(rate)) / rate) ** (1.0 / shape)
''',
    ),
    "Laplace": (
        ("location", "scale"),
        '''
def random_laplace(rng: np.random.Generator, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Laplace by location and scale."""
    return rng.laplace(location, scale)
''',
    ),
    "InverseNakagami": (
        ("shape", "scale"),
        '''
def random_inverse_nakagami(rng: np.random.Generator, shape: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Square root of an inverse Gamma."""
    return np.sqrt(scale / rng.standard_gamma(shape))
''',
    ),
    "HalfNormal": (
        ("precision",),
        '''
def random_half_normal(rng: np.random.Generator, precision: np.ndarray) -> np.ndarray:
    """Absolute value of a Normal of mean zero."""
    return np.abs(rng.standard_normal(np.shape(precision))) / np.sqrt(precision)
''',
    ),
    "TruncatedNormal": (
        ("mean", "precision", "lower", "upper"),
        '''
def random_truncated_normal(
    rng: np.random.Generator, mean: np.ndarray, precision: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Normal restricted to an interval, by the inverse of its distribution function in the lighter tail."""
    a, b = np.sqrt(precision) * (lower - mean), np.sqrt(precision) * (upper - mean)
    flip = a > 0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    below, above = special.log_ndtr(low), special.log_ndtr(high)
    share = np.log(rng.uniform(size=np.shape(a)))
    x = special.ndtri_exp(np.logaddexp(below, share + above + np.log1p(-np.exp(np.minimum(below - above, 0.0)))))
    return mean + np.where(flip, -x, x) / np.sqrt(precision)
''',
    ),
    "TruncatedExponential": (
        ("rate", "lower", "upper"),
        '''
def random_truncated_exponential(
    rng: np.random.Generator, rate: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Exponential restricted to an interval, by the inverse of its distribution function."""
    share = rng.uniform(size=np.shape(rate))
    return lower - np.log1p(share * np.expm1(-rate * (upper - lower))) / rate
''',
    ),
    "GeneralisedInverseGaussian": (
        ("p", "a", "b"),
        '''
def random_generalised_inverse_gaussian(
    rng: np.random.Generator, p: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Generalised inverse Gaussian: density proportional to x^(p-1) exp(-(a x + b/x)/2)."""
    if np.all(p == -0.5):
        return _random_inverse_gaussian(rng, np.sqrt(b / a), b)
    if np.all(p == 0.5):
        return 1.0 / _random_inverse_gaussian(rng, np.sqrt(a / b), a)
    from scipy.stats import geninvgauss

    return np.sqrt(b / a) * geninvgauss.rvs(p, np.sqrt(a * b), size=np.shape(p), random_state=rng)


def _random_inverse_gaussian(rng: np.random.Generator, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Inverse Gaussian by the two roots of Michael, Schucany and Haas (1976), so that nothing cancels."""
    y = mean / shape * rng.standard_normal(np.shape(mean)) ** 2
    ratio = 1.0 + 0.5 * y + np.sqrt(y + 0.25 * y**2)
    return mean * np.where(rng.uniform(size=np.shape(mean)) < ratio / (1.0 + ratio), 1.0 / ratio, ratio)
''',
    ),
    "VonMises": (
        ("mean", "concentration"),
        '''
def random_von_mises(rng: np.random.Generator, mean: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    """Von Mises."""
    return rng.vonmises(mean, concentration)
''',
    ),
    "Poisson": (
        ("rate",),
        '''
def random_poisson(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Poisson."""
    return rng.poisson(rate).astype(float)
''',
    ),
    "Bernoulli": (
        ("prob",),
        '''
def random_bernoulli(rng: np.random.Generator, prob: np.ndarray) -> np.ndarray:
    """Zeros and ones."""
    return (rng.uniform(size=np.shape(prob)) < prob).astype(float)
''',
    ),
    "Binomial": (
        ("total", "prob"),
        '''
def random_binomial(rng: np.random.Generator, total: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Binomial."""
    return rng.binomial(np.asarray(total).astype(int), prob).astype(float)
''',
    ),
    "BetaBinomial": (
        ("total", "a", "b"),
        '''
def random_beta_binomial(rng: np.random.Generator, total: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Binomial whose probability is drawn from a Beta."""
    return rng.binomial(np.asarray(total).astype(int), rng.beta(a, b)).astype(float)
''',
    ),
    "Geometric": (
        ("prob",),
        '''
def random_geometric(rng: np.random.Generator, prob: np.ndarray) -> np.ndarray:
    """Failures before the first success."""
    return rng.geometric(prob) - 1.0
''',
    ),
    "NegativeBinomial": (
        ("number", "prob"),
        '''
def random_negative_binomial(rng: np.random.Generator, number: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Failures before the number-th success."""
    return rng.negative_binomial(number, prob).astype(float)
''',
    ),
    "Categorical": (
        ("probs",),
        '''
def random_categorical(rng: np.random.Generator, probs: np.ndarray) -> np.ndarray:
    """One category for each row, as a one among zeros."""
    steps = np.cumsum(probs, axis=-1)
    at = (rng.uniform(size=probs.shape[:-1])[..., None] * steps[..., -1:] >= steps[..., :-1]).sum(axis=-1)
    return np.eye(probs.shape[-1])[at]
''',
    ),
    "Dirichlet": (
        ("concentration",),
        '''
def random_dirichlet(rng: np.random.Generator, concentration: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis; log-scale Gammas, so that tiny concentrations do not give 0/0."""
    logs = np.log(rng.gamma(concentration + 1.0)) + np.log(rng.uniform(size=concentration.shape)) / concentration
    logs = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.maximum(logs / logs.sum(axis=-1, keepdims=True), 1e-300)
''',
    ),
    "Multinomial": (
        ("total", "probs"),
        '''
def random_multinomial(rng: np.random.Generator, total: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Counts that add up to a total."""
    return rng.multinomial(np.asarray(total).astype(int), probs / probs.sum(axis=-1, keepdims=True)).astype(float)
''',
    ),
    "DirichletMultinomial": (
        ("total", "concentration"),
        '''
def random_dirichlet_multinomial(
    rng: np.random.Generator, total: np.ndarray, concentration: np.ndarray
) -> np.ndarray:
    """Counts that add up to a total, of probabilities that are drawn from a Dirichlet."""
    drawn = rng.gamma(concentration)
    empty = drawn.sum(axis=-1, keepdims=True) == 0.0  # tiny concentrations: all of the total in one place
    probs = np.where(empty, np.arange(drawn.shape[-1]) == 0, drawn / np.where(empty, 1.0, drawn.sum(-1, keepdims=True)))
    return rng.multinomial(np.asarray(total).astype(int), probs).astype(float)
''',
    ),
    "MultivariateNormal": (
        ("mean", "precision"),
        '''
def random_multivariate_normal(rng: np.random.Generator, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Multivariate Normal by mean and precision, a side of which has the axes that it has in excess of the mean."""
    axes = precision.ndim - mean.ndim
    side = int(np.prod(mean.shape[mean.ndim - axes :]))
    plates = mean.shape[: mean.ndim - axes]
    factor = np.linalg.cholesky(precision.reshape(*plates, side, side))
    noise = np.linalg.solve(np.swapaxes(factor, -1, -2), rng.standard_normal((*plates, side, 1)))
    return mean + noise[..., 0].reshape(mean.shape)
''',
    ),
    "Wishart": (
        ("dof", "scale"),
        '''
def random_wishart(rng: np.random.Generator, dof: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Wishart by Bartlett's decomposition (Anderson 2003, 7.2)."""
    side = scale.shape[-1]
    lower = np.tril(rng.standard_normal(scale.shape), -1)
    chi = np.sqrt(2.0 * rng.gamma(0.5 * (np.asarray(dof)[..., None] - np.arange(side))))
    root = np.linalg.cholesky(scale) @ (lower + chi[..., None] * np.eye(side))
    return root @ np.swapaxes(root, -1, -2)
''',
    ),
    "InverseWishart": (
        ("dof", "scale"),
        '''
def random_inverse_wishart(rng: np.random.Generator, dof: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The inverse of a Wishart."""
    return np.linalg.inv(random_wishart(rng, dof, np.linalg.inv(scale)))
''',
    ),
    "MatrixNormal": (
        ("mean", "row_precision", "column_precision"),
        '''
def random_matrix_normal(
    rng: np.random.Generator, mean: np.ndarray, row_precision: np.ndarray, column_precision: np.ndarray
) -> np.ndarray:
    """Matrix Normal by the precisions of its rows and of its columns."""
    rows, columns = np.linalg.cholesky(row_precision), np.linalg.cholesky(column_precision)
    left = np.linalg.solve(np.swapaxes(rows, -1, -2), rng.standard_normal(mean.shape))
    right = np.linalg.solve(np.swapaxes(columns, -1, -2), np.swapaxes(left, -1, -2))
    return mean + np.swapaxes(right, -1, -2)
''',
    ),
    "HalfCauchy": (
        ("scale",),
        '''
def random_half_cauchy(rng: np.random.Generator, scale: np.ndarray) -> np.ndarray:
    """Absolute value of a Cauchy."""
    return scale * np.abs(rng.standard_cauchy(np.shape(scale)))
''',
    ),
    "StudentT": (
        ("mean", "precision", "dof"),
        '''
def random_student_t(
    rng: np.random.Generator, mean: np.ndarray, precision: np.ndarray, dof: np.ndarray
) -> np.ndarray:
    """Student's t by mean, precision and degrees of freedom."""
    return mean + rng.standard_t(dof) / np.sqrt(precision)
''',
    ),
    "AsymmetricLaplace": (
        ("mean", "scale", "quantile"),
        '''
def random_asymmetric_laplace(
    rng: np.random.Generator, mean: np.ndarray, scale: np.ndarray, quantile: np.ndarray
) -> np.ndarray:
    """Asymmetric Laplace: its two sides are exponential."""
    up, down = rng.standard_exponential(np.shape(mean)), rng.standard_exponential(np.shape(mean))
    return mean + scale * (up / quantile - down / (1.0 - quantile))
''',
    ),
    "ZeroInflatedPoisson": (
        ("rate", "inflation"),
        '''
def random_zero_inflated_poisson(rng: np.random.Generator, rate: np.ndarray, inflation: np.ndarray) -> np.ndarray:
    """Zero with a probability of its own, else Poisson."""
    return np.where(rng.uniform(size=np.shape(rate)) < inflation, 0.0, rng.poisson(rate))
''',
    ),
    "PolyaGamma": (
        ("shape", "tilt"),
        '''
def random_polya_gamma(rng: np.random.Generator, shape: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """Pólya-Gamma by shape b and tilt c: exact for the whole part of b, one draw of PG(1, c) for each one in it.

    What is left of b is a sum of 200 Gammas, and one Gamma with the mean and variance of all that follow.
    """
    c = np.abs(np.broadcast_to(tilt, np.shape(shape)).ravel().astype(float))
    b = np.ravel(shape).astype(float)
    whole = np.floor(b).astype(int)
    rest = b - whole
    found = np.zeros(len(b))
    np.add.at(found, np.repeat(np.arange(len(b)), whole), _polya_gamma_of_one(rng, np.repeat(c, whole)))
    some = np.flatnonzero(rest > 0)
    if some.size:
        found[some] += _polya_gamma_by_sum(rng, rest[some], c[some])
    return found.reshape(np.shape(shape))


def _polya_gamma_of_one(rng: np.random.Generator, c: np.ndarray) -> np.ndarray:
    """PG(1, c) by the alternating series (Polson, Scott and Windle 2013, algorithm 1; Devroye 2009)."""
    t, z = 0.64, c / 2.0
    rate = np.pi**2 / 8.0 + z**2 / 2.0
    right = np.log(np.pi / 2.0 / rate) - rate * t
    ends = (special.log_ndtr((t * z - 1.0) / np.sqrt(t)) - z, special.log_ndtr(-(t * z + 1.0) / np.sqrt(t)) + z)
    share = special.expit(right - np.log(2.0) - np.logaddexp(*ends))
    found, open_ = np.empty(len(c)), np.arange(len(c))
    while open_.size:
        beyond = rng.uniform(size=open_.size) < share[open_]
        x = t + rng.standard_exponential(open_.size) / rate[open_]
        x[~beyond] = _inverse_gaussian_below(rng, z[open_[~beyond]], t)
        sums, height = _series(0, x, t), rng.uniform(size=open_.size)
        height, n = height * sums, 0
        undecided, taken = np.ones(open_.size, bool), np.zeros(open_.size, bool)
        while undecided.any():
            n += 1
            sums = sums + (-1.0) ** n * _series(n, x, t)
            decided = undecided & ((height <= sums) if n % 2 else (height > sums))
            taken |= decided & (n % 2 == 1)
            undecided &= ~decided
        found[open_[taken]] = x[taken] / 4.0
        open_ = open_[~taken]
    return found


def _series(n: int, x: np.ndarray, t: float) -> np.ndarray:
    """The n-th coefficient of the alternating series of the density at tilt zero."""
    k = n + 0.5
    with np.errstate(under="ignore"):
        small = np.exp(1.5 * np.log(2.0 / (np.pi * x)) - 2.0 * k**2 / x)
        return np.pi * k * np.where(x <= t, small, np.exp(-0.5 * (k * np.pi) ** 2 * x))


def _inverse_gaussian_below(rng: np.random.Generator, z: np.ndarray, t: float) -> np.ndarray:
    """Inverse Gaussian of mean 1/z and shape 1, below t."""
    found, open_ = np.empty(len(z)), np.arange(len(z))
    while open_.size:
        own, size = z[open_], open_.size
        far = own * t < 1.0
        first, second = rng.standard_exponential(size), rng.standard_exponential(size)
        by_tail = t / (1.0 + t * first) ** 2
        good_tail = (first**2 <= 2.0 * second / t) & (rng.uniform(size=size) <= np.exp(-0.5 * own**2 * by_tail))
        mean = 1.0 / np.where(far, 1.0, own)
        y = mean * rng.standard_normal(size) ** 2
        ratio = 1.0 + 0.5 * y + np.sqrt(y + 0.25 * y**2)
        x = mean * np.where(rng.uniform(size=size) < ratio / (1.0 + ratio), 1.0 / ratio, ratio)
        x, good = np.where(far, by_tail, x), np.where(far, good_tail, x <= t)
        found[open_[good]] = x[good]
        open_ = open_[~good]
    return found


def _polya_gamma_by_sum(rng: np.random.Generator, b: np.ndarray, c: np.ndarray, terms: int = 200) -> np.ndarray:
    """Σ_k Gamma(b, 1) / (2 π² ((k - 1/2)² + a²)), a = c / 2π, its tail by one Gamma."""
    a = np.maximum(c / (2.0 * np.pi), 1e-2)
    places = (np.arange(1, terms + 1) - 0.5) ** 2 + (c / (2.0 * np.pi))[:, None] ** 2
    found = (rng.standard_gamma(np.broadcast_to(b[:, None], places.shape)) / places).sum(axis=1)
    first = np.arctan(a / terms) / a  # of the sum over k > terms of 1 / ((k - 1/2)² + a²), by the midpoint rule
    u = (a / terms) ** 2
    exact = (first - terms / (terms**2 + a**2)) / (2.0 * a**2)
    second = np.where(u < 1e-3, (1.0 / 3.0 - 0.4 * u) / terms**3, exact)
    found += rng.standard_gamma(b * first**2 / second) * second / first
    return found / (2.0 * np.pi**2)
''',
    ),
}
NEEDS = {"InverseWishart": ("Wishart",)}
SPECIAL = ("TruncatedNormal", "PolyaGamma")


def function(family: str) -> str:
    """The name of the helper that draws from a family."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in family)
    return f"random{words}"


def sources(families: set[str]) -> list[str]:
    """The helpers of these families and of those that they call, in a fixed order."""
    wanted = families | {n for f in families for n in NEEDS.get(f, ())}
    return [source.strip("\n") for name, (_, source) in DRAWS.items() if name in wanted]
