"""The catalogue of named rules that derivations cite."""

from __future__ import annotations

from cavi.derive.derivation import Rule

OPTIMAL_FACTOR = Rule(
    "optimal factor",
    "The factor that maximises the ELBO with the others held fixed is proportional to the exponential of the expected "
    "log joint, the expectation taken under the other factors.",
    "the other factors are held fixed",
    "Bishop (2006), 10.9",
)
DROP_CONSTANTS = Rule(
    "terms without the factor are constant",
    "Terms of the log joint in which no latent of the factor occurs do not change its optimum, only its normaliser.",
    "the dropped terms are free of the factor's latents",
)
RESTRICT = Rule(
    "restriction to one element",
    "The factor is a product over its plates, so the optimum of one element needs only the terms that contain it; in a "
    "term with two elements of one latent the other element is averaged over.",
    "elements on different plate positions are independent under q",
)
INDEPENDENCE = Rule(
    "linearity and independence under q",
    "The expectation of a sum is the sum of expectations, and independent factors split the expectation of a product.",
    "the factors named are independent under q",
)
RECOGNITION = Rule(
    "recognition of the family",
    "A log density is known up to a constant by its support and the coefficients of its statistics; they determine the "
    "family and its natural parameters.",
    "the statistics and the support are those of the family",
    "Bishop (2006), 10.3 and appendix B",
)
NORMALISED_NUMERICALLY = Rule(
    "normalised numerically",
    "A log density of one number or two is known up to a constant by the coefficients of its statistics. Its "
    "normaliser and its moments are integrals without closed form, found by the trapezoidal rule on the whole line, "
    "which converges geometrically for analytic densities.",
    "the density can be integrated and is analytic",
    "Trefethen and Weideman (2014), section 5",
)
CONJUGATE_COMPUTATION = Rule(
    "conjugate-computation step",
    "A Normal factor is chosen. The natural gradient of the bound in its natural parameters is that of a quadratic "
    "function with the expected slope and curvature of every other term; a step of length one makes it the log "
    "density.",
    "the factor is Normal, and steps are shortened until the bound does not fall",
    "Khan and Lin (2017), section 3",
)
MODE_AND_CURVATURE = Rule(
    "Laplace approximation",
    "A Normal factor is chosen, with the mode of the expected log joint as its mean and the negative second derivative "
    "there as its precision.",
    "the expected log joint is smooth and has a mode",
    "Wang and Blei (2013), section 3.1",
)
DELTA_METHOD = Rule(
    "delta method",
    "A Normal factor is chosen, and the expectation of every other function is replaced by that of its second-order "
    "expansion about the mean; the bound is approximated by this and is no bound any more.",
    "the functions are smooth",
    "Wang and Blei (2013), section 3.2",
)
COMPLETE_SQUARE = Rule(
    "completing the square",
    "A quadratic form in one latent is the log density of a Normal given the others, plus what the square leaves for "
    "them: half the squared linear coefficient over the precision, less half the log-determinant of the precision.",
    "the precision is positive definite",
    "Bishop (2006), 2.3.1",
)
POTENTIALS = Rule(
    "potentials of a chain",
    "The terms of a chain are collected by single elements and by pairs of neighbours.",
    "no other elements of the chain occur together",
    "Bishop (2006), 8.4.1",
)
QUADRATIC_FORM = Rule(
    "natural parameters of a quadratic form",
    "The coefficients of a quadratic form are given names: those of each latent, and of each product of two latents.",
    "every term is linear or quadratic in the latents",
    "Wainwright and Jordan (2008), 3.3",
)
FORWARD_ELIMINATION = Rule(
    "forward elimination along a chain",
    "Going forward, each element is summed or integrated out given the next one: this leaves a message for the next "
    "element, and the conditional distribution by which the chain is drawn from its last element back.",
    "elements that are not neighbours are independent given those between them",
    "Rabiner (1989), section III; Bishop (2006), 13.2 and 13.3",
)
SUM_OUT = Rule(
    "summing out a category",
    "A table over several categories is the conditional distribution of the last one, plus the logarithm of its sum "
    "over that category for the others.",
    "the categories are finitely many",
)
MAXIMISER = Rule(
    "maximiser",
    "A point factor takes the value at which the expected log joint is largest.",
    "the maximiser is inside the support",
    "Bishop (2006), 9.3",
)
ELBO_SPLIT = Rule(
    "energy and entropy",
    "The ELBO is the expected log joint plus the entropy of q; both are sums, over nodes and over factors.",
    "q is normalised and factorises",
    "Bishop (2006), 10.3",
)
ENTROPY = Rule(
    "entropy of a known family",
    "The entropy of an exponential-family member is its log-normaliser minus the inner product of natural and mean "
    "parameters, minus the expected log base measure.",
    "the factor belongs to the family named",
)
MOMENT = Rule(
    "moment of a known family",
    "The expectation of a statistic is the derivative of the log-normaliser in its natural parameter.",
    "the factor belongs to the family named",
    "Wainwright and Jordan (2008), proposition 3.1",
)

CONVEX_PART = Rule(
    "split off the convex part",
    "A function is written as a part that stays as it is plus a convex function of a statistic.",
    source="Jaakkola and Jordan (2000), section 3",
)
COUNT_INDUCTION = Rule(
    "one count more",
    "A function of a count that is convex at zero, and to which every further count adds a convex function, is convex "
    "for all counts.",
    source="Minka (2000), appendix C",
)
TANGENT_BELOW = Rule(
    "tangent of a convex function",
    "A convex function lies above each of its tangents, and touches it at the point where it is taken.",
    "the function is convex in the statistic",
    "Boyd and Vandenberghe (2004), 3.1.3",
)
TANGENT_OPTIMUM = Rule(
    "best tangent",
    "Among the tangents of a convex function of a statistic the expected value is largest for the one at the expected "
    "statistic, since there it is the function of the expected statistic, above every other tangent.",
    "the coefficient of the tangent is not negative and independent of the statistic under q",
    "Jaakkola and Jordan (2000), section 4; Bishop (2006), 10.163",
)
CAUCHY_SCHWARZ = Rule(
    "Cauchy and Schwarz",
    "The second derivative of F(Σ_k b(t_k)) along u is F' Σ_k b''_k u_k² + F'' (Σ_k b'_k u_k)², and the last square is "
    "at most Σ_k b''_k u_k² times Σ_k b'_k²/b''_k.",
    "b'' is positive, and F'' is not",
    "Boyd and Vandenberghe (2004), 3.1.5",
)
LARGEST_VARIANCE = Rule(
    "largest variance",
    "A variance is at most a quarter of the squared range, and that is at most half the sum of the squared deviations "
    "from the plain mean, whatever the weights are.",
    source="Böhning (1992), theorem 2.1",
)
ONE_MORE_FACTOR = Rule(
    "one factor more",
    "Where a product of factors 1 + u_k is not below one plus the sum of the u_k, nor is it with one factor more.",
    "the u_k are positive; for one factor both are the same",
)
SUM_BELOW_PRODUCT = Rule(
    "sum below a product",
    "A sum of positive numbers u_k is below the product of all 1 + u_k, and a common shift leaves a log-sum-exp "
    "as it is when it is added again.",
    source="Bouchard (2007), section 2",
)
TILT = Rule(
    "free tilt",
    "An equation in x that holds for every number d holds for every d that depends on x, such as a·x.",
    "the equation does not depend on d",
    "Knowles and Minka (2011), section 5.2; Saul and Jordan (1999)",
)
CONCAVE_IN_TILT = Rule(
    "concave in the tilt",
    "A tangent of the convex part is concave in the tilt and the logarithm of the place where it touches, since the "
    "product of log-convex functions is log-convex; expectations keep that.",
    "the coefficient of the term is not negative",
    "Boyd and Vandenberghe (2004), 3.5.2",
)
NEWTON = Rule(
    "Newton's method",
    "Where the gradient of a concave function is zero it is largest; a step goes to where the gradient of its "
    "second-order expansion is, and is halved until the function does not fall.",
    "the curvature is not negative",
    "Boyd and Vandenberghe (2004), 9.5",
)
GENERATING_FUNCTION = Rule(
    "generating function of an exponential family",
    "The expected exponential of statistics is the exponential of what the log-normaliser gains when their "
    "coefficients are added to the natural parameters.",
    "the sum of both is a natural parameter of the family",
    "Wainwright and Jordan (2008), section 3.1",
)
GEOMETRIC_SERIES = Rule(
    "geometric series",
    "One over one less a number is the sum of all its powers.",
    "the number lies between zero and one",
)
OUTSIDE = Rule(
    "inside or outside",
    "What a density leaves inside and what it leaves outside add up to one.",
    "the density is normalised",
)
AUGMENT = Rule(
    "augmentation by an auxiliary latent",
    "A density is written as the integral of a joint density with an auxiliary latent; every factorisation of the "
    "larger model is one, and its bound is a bound of the same evidence.",
    "integrating the auxiliary out gives the declared density",
    "Tanner and Wong (1987)",
)
BOUND = Rule(
    "lower bound of a term",
    "A function that keeps its term from being conjugate is replaced by a function below it, with a local parameter "
    "that is maximised; every bound of the new log joint is a bound of the evidence.",
    "the coefficient of the function is not negative",
    "Bishop (2006), 10.5",
)

CATALOGUE: tuple[Rule, ...] = (
    OPTIMAL_FACTOR,
    DROP_CONSTANTS,
    RESTRICT,
    INDEPENDENCE,
    RECOGNITION,
    NORMALISED_NUMERICALLY,
    CONJUGATE_COMPUTATION,
    MODE_AND_CURVATURE,
    DELTA_METHOD,
    COMPLETE_SQUARE,
    POTENTIALS,
    QUADRATIC_FORM,
    FORWARD_ELIMINATION,
    SUM_OUT,
    MAXIMISER,
    ELBO_SPLIT,
    ENTROPY,
    MOMENT,
    CONVEX_PART,
    COUNT_INDUCTION,
    TANGENT_BELOW,
    TANGENT_OPTIMUM,
    CAUCHY_SCHWARZ,
    LARGEST_VARIANCE,
    ONE_MORE_FACTOR,
    SUM_BELOW_PRODUCT,
    TILT,
    CONCAVE_IN_TILT,
    NEWTON,
    GENERATING_FUNCTION,
    GEOMETRIC_SERIES,
    OUTSIDE,
    AUGMENT,
    BOUND,
)
