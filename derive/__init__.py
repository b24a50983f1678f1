"""Declare a probabilistic model and derive its variational inference.

from cavi.derive import Model, Normal, Gamma, derive

m = Model("normal")
n = m.index("n", "N")
m0, kappa, a, b = m.hyper("m_0 kappa_0 a_0 b_0")
tau = m.latent("tau", Gamma(a, b))
mu = m.latent("mu", Normal(m0, kappa * tau))
x = m.observed("x", Normal(mu, tau), n)
d = derive(m)
"""

from cavi.derive.closed_form import conditions, cross_entropy, entropy, expectation, jensen_gap, kl
from cavi.derive.derivation import Derivation, Rule, Step
from cavi.derive.distribution import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Dirichlet,
    Distribution,
    Exponential,
    Gamma,
    GeneralisedInverseGaussian,
    Geometric,
    HalfNormal,
    InverseGamma,
    InverseWishart,
    Laplace,
    LogNormal,
    MatrixNormal,
    Multinomial,
    MultivariateNormal,
    NegativeBinomial,
    Normal,
    NormalGamma,
    NormalWishart,
    Pareto,
    Poisson,
    TruncatedNormal,
    VonMises,
    Weibull,
    Wishart,
)
from cavi.derive.errors import (
    ApproximationError,
    CaviError,
    DeclarationError,
    FactorisationError,
    NonConjugateError,
    RelaxationError,
)
from cavi.derive.identities.convexity import Convexity, convexity
from cavi.derive.index import Index
from cavi.derive.jensen import JensenInequality, jensen
from cavi.derive.model import Model, Variable
from cavi.derive.operations import (
    Sum,
    cos,
    diag,
    distinct,
    dot,
    exp,
    identity,
    inverse,
    log,
    outer,
    sigmoid,
    sin,
    size,
    softmax,
    sqrt,
    stick_breaking,
)
from cavi.derive.pipeline import derive
from cavi.derive.propagation import Propagation, propagate
from cavi.derive.relaxations import ArrayBound, Augmentation, Bound
from cavi.derive.result import Derived, Elbo, Factor, Update

__all__ = [
    "ApproximationError",
    "ArrayBound",
    "Augmentation",
    "Bernoulli",
    "Beta",
    "Binomial",
    "Bound",
    "Categorical",
    "CaviError",
    "Convexity",
    "DeclarationError",
    "Derivation",
    "Derived",
    "Dirichlet",
    "Distribution",
    "Elbo",
    "Exponential",
    "Factor",
    "FactorisationError",
    "Gamma",
    "GeneralisedInverseGaussian",
    "Geometric",
    "HalfNormal",
    "Index",
    "InverseGamma",
    "InverseWishart",
    "JensenInequality",
    "Laplace",
    "LogNormal",
    "MatrixNormal",
    "Model",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "NonConjugateError",
    "Normal",
    "NormalGamma",
    "NormalWishart",
    "Pareto",
    "Poisson",
    "Propagation",
    "RelaxationError",
    "Rule",
    "Step",
    "Sum",
    "TruncatedNormal",
    "Update",
    "Variable",
    "VonMises",
    "Weibull",
    "Wishart",
    "conditions",
    "convexity",
    "cos",
    "cross_entropy",
    "derive",
    "diag",
    "distinct",
    "dot",
    "entropy",
    "exp",
    "expectation",
    "identity",
    "inverse",
    "jensen",
    "jensen_gap",
    "kl",
    "log",
    "outer",
    "propagate",
    "sigmoid",
    "sin",
    "size",
    "softmax",
    "sqrt",
    "stick_breaking",
]
