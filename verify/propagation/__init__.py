"""Evidence that a propagation, its moments, its evidence and its module are right, from outside the algebra."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.arithmetic import doubles, precise, precision
from cavi.verify.claim import Claim
from cavi.verify.instance import Instance, InstanceError, make_instance
from cavi.verify.propagation.checks import code as code_checks
from cavi.verify.propagation.checks import symbolic
from cavi.verify.propagation.reference import coefficients
from cavi.verify.propagation.world import World, site_elements
from cavi.verify.report import TIERS, Report, Row

__all__ = ["verify_propagation"]
MIN_DIGITS, MAX_DIGITS = 6, 60
ATTEMPTS = 40


def verify_propagation(p: Any, digits: int = 20, seed: int = 0, *, code: bool = True, progress: Any = None) -> Report:
    """Checks of what `cavi.derive.propagate` returned, at random data, latents, sites and cavities.

    The log joint is evaluated by the densities of `cavi.verify.density`, Gaussian integrals by dense matrices and
    tilted moments by quadrature, in mpmath or arb. At the fixed point of the rendered module the moments of q and of
    the tilted densities must agree. How far log Z_EP is from the exact evidence is reported, and is no error: EP is an
    approximation.

    Args:
        p: a `Propagation`, or its plain data (then there is no module to check).
        digits: decimal digits of agreement asked of the derivation.
        seed: of the random values.
        code: whether to render and run the module too.
        progress: called with each row as it is found.

    Raises:
        ValueError: for digits out of range.
        InstanceError: when no data satisfy the declared supports.
    """
    if not isinstance(digits, int) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be a whole number {MIN_DIGITS} … {MAX_DIGITS}, found {digits!r}")
    plain = p if isinstance(p, dict) else p.plain()
    names = [n for c in plain["natural"] for n in c["latents"]]
    claim = Claim({**plain, "factors": [], "marginalised": names})
    instance = _instance(claim, seed)
    rows: list[Row] = []
    with precision(3 * digits + 20):
        world = World(claim, instance, precise())
        alpha = Fraction(plain["power"])
        checks = [*symbolic(world, alpha, digits, np.random.default_rng(seed + 1))]
        if code and not isinstance(p, dict):
            checks += code_checks(world, alpha, p.numpy)
        for check in checks:
            rows.append(check.row())
            if progress is not None:
                progress(rows[-1])
    rows.sort(key=lambda row: TIERS.index(row.tier))
    title = plain["model"]["title"]
    return Report(f"{title} ({plain['model']['name']}, propagation)", tuple(rows), digits, (instance,))


def _instance(claim: Claim, seed: int) -> Instance:
    """A small case in which every scalar of a site depends on a latent; larger ones where chance does not find any."""
    small = make_instance(claim, seed).sizes
    for attempt in range(ATTEMPTS):
        sizes = {s: k + attempt // 10 for s, k in small.items()}
        found = make_instance(claim, seed + 97 * attempt, sizes)
        if _moves(claim, found):
            return found
    raise InstanceError(f"{claim.model['name']}: in {ATTEMPTS} attempts no data move every scalar of a site")


def _moves(claim: Claim, instance: Instance) -> bool:
    """Whether every scalar depends on a latent: u[i] - u[j] does not where the data have i = j."""
    world = World(claim, instance, doubles())
    return all(any(coefficients(world, s)) for s in site_elements(world))
