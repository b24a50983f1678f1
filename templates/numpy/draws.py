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
    "GeneralisedInverseGaussian": (
        ("p", "a", "b"),
        '''
def random_generalised_inverse_gaussian(
    rng: np.random.Generator, p: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Generalised inverse Gaussian: density proportional to x^(p-1) exp(-(a x + b/x)/2)."""
    from scipy.stats import geninvgauss

    return np.sqrt(b / a) * geninvgauss.rvs(p, np.sqrt(a * b), size=np.shape(p), random_state=rng)
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
}
NEEDS = {"InverseWishart": ("Wishart",)}
SPECIAL = ("TruncatedNormal",)


def function(family: str) -> str:
    """The name of the helper that draws from a family."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in family)
    return f"random{words}"


def sources(families: set[str]) -> list[str]:
    """The helpers of these families and of those that they call, in a fixed order."""
    wanted = families | {n for f in families for n in NEEDS.get(f, ())}
    return [source.strip("\n") for name, (_, source) in DRAWS.items() if name in wanted]
