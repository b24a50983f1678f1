"""The rules that derivations by expectation propagation cite."""

from __future__ import annotations

from cavi.derive.derivation import Rule

SITES = Rule(
    "Gaussian part and sites",
    "The log joint is a polynomial of degree two in the latents, plus functions of one affine combination of them "
    "each, the sites.",
    "every term is one or the other",
    "Minka (2001); Seeger (2008); Rasmussen and Williams (2006), 3.52",
)
CAVITY = Rule(
    "division by the site",
    "Dividing the marginal of q by a power of its approximate site leaves a Normal whose natural parameters are the "
    "difference.",
    "the difference of the precisions is positive",
    "Opper and Winther (2000); Minka (2001); Minka (2004), section 2; Rasmussen and Williams (2006), 3.56",
)
TILTED_CLOSED = Rule(
    "derivatives of the log-normaliser",
    "The tilted density is an exponential family in the mean over the variance of the cavity, so its mean and variance "
    "are derivatives of its log-normaliser.",
    "the log-normaliser has a closed form",
    "Seeger (2005); Rasmussen and Williams (2006), 3.82-3.85; identities log_normaliser_gradient and "
    "log_normaliser_hessian",
)
TILTED_GRID = Rule(
    "one-dimensional quadrature",
    "The mean and the variance of the tilted density are ratios of integrals over one variable, taken by sums over a "
    "grid.",
    "the grid covers the tilted density, and halving its step changes nothing",
    "Bishop (2006), 10.7.1",
)
MOMENT_MATCHING = Rule(
    "moment matching",
    "Among all Normals the one with the mean and the variance of a density is the one from which the forward "
    "divergence of that density is smallest; mean field minimises the divergence the other way round.",
    "the tilted density has a mean and a variance",
    "Minka (2001); Minka (2005), section 3; Bishop (2006), 10.186-10.187; identities moment_matching and pythagoras",
)
SITE_UPDATE = Rule(
    "division by the cavity",
    "The new site is what the matched Normal has beyond the cavity, divided by the power.",
    "",
    "Minka (2004), section 2; Seeger (2005)",
)
EVIDENCE = Rule(
    "evidence of the approximate sites",
    "Each site is scaled so that its power has the mass of the tilted density under the cavity; the integral of the "
    "Gaussian part times all sites approximates the evidence.",
    "this is no bound",
    "Minka (2001); Opper and Winther (2005); Rasmussen and Williams (2006), 3.65",
)

CATALOGUE: tuple[Rule, ...] = (
    SITES,
    CAVITY,
    TILTED_CLOSED,
    TILTED_GRID,
    MOMENT_MATCHING,
    SITE_UPDATE,
    EVIDENCE,
)
