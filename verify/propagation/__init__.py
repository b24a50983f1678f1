"""Evidence that a propagation, its moments, its evidence and its module are right, from outside the algebra."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from cavi.verify.arithmetic import doubles, precise, precision
from cavi.verify.claim import Claim
from cavi.verify.instance import Instance, InstanceError, make_instance
from cavi.verify.propagation.checks import code as code_checks
from cavi.verify.propagation.checks import symbolic
from cavi.verify.propagation.grammar import check_propagation
from cavi.verify.propagation.reference import coefficients
from cavi.verify.propagation.world import World, site_elements
from cavi.verify.report import TIERS, Check, Report, Row, worst

__all__ = ["check_propagation", "claim_of", "code_rows", "symbolic_rows", "verify_propagation"]
MIN_DIGITS, MAX_DIGITS = 6, 60
ATTEMPTS = 40
# A mistake in a term with a factor that the data make zero shows elsewhere.
INSTANCES, AGAIN = 2, 4999
Wanted = Callable[[Check], bool]


def verify_propagation(
    p: Any, digits: int = 20, seed: int = 0, *, code: bool = True, only: str | None = None, progress: Any = None
) -> Report:
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
        only: carry out the checks whose name contains this text, or whose tier it is.
        progress: called with each row as it is found.

    Raises:
        CertificateError: when the plain data do not follow the grammar.
        ValueError: for digits out of range, and when no check is called as `only` says.
        InstanceError: when no data satisfy the declared supports.
    """
    if not isinstance(digits, int) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be a whole number {MIN_DIGITS} … {MAX_DIGITS}, found {digits!r}")
    claim = claim_of(check_propagation(p if isinstance(p, dict) else p.plain()))
    instances = tuple(_instance(claim, seed + AGAIN * n) for n in range(INSTANCES))
    rows: list[Row] = []
    names: list[str] = []

    def wanted(check: Check) -> bool:
        names.append(check.name)
        return only is None or only.lower() in check.name.lower() or only == check.tier

    def found() -> Iterator[Row]:
        yield from symbolic_rows(claim, instances, digits, wanted)
        if code and not isinstance(p, dict):
            yield from code_rows(claim, instances[0], p.numpy, digits, wanted)

    for row in found():
        rows.append(row)
        if progress is not None:
            progress(row)
    if not rows:
        raise ValueError(f"no check is called {only!r}; there are: {'; '.join(dict.fromkeys(names))}")
    rows.sort(key=lambda row: TIERS.index(row.tier))
    model = claim.model
    return Report(f"{model['title']} ({model['name']}, propagation)", tuple(rows), digits, instances)


def claim_of(plain: Mapping[str, Any]) -> Claim:
    """The claim of a propagation with its latents as what is integrated out: q is no product of factors."""
    names = [n for c in plain["natural"] for n in c["latents"]]
    return Claim({**plain, "factors": [], "marginalised": names})


def _all(check: Check) -> bool:
    return True


def symbolic_rows(claim: Claim, instances: Sequence[Instance], digits: int, wanted: Wanted = _all) -> Iterator[Row]:
    """The checks of the derivation, each at all instances, whose seeds tell the latents, sites and cavities too."""
    with precision(3 * digits + 20):
        found = [
            symbolic(World(claim, instance, precise()), _power(claim), digits, instance.seed) for instance in instances
        ]
        for same in zip(*found, strict=True):
            check = replace(same[0], find=lambda same=same: worst(c.find() for c in same))
            if wanted(check):
                yield check.row()


def code_rows(
    claim: Claim, instance: Instance, render: Callable[[], str], digits: int, wanted: Wanted = _all
) -> Iterator[Row]:
    """The checks of a module at its fixed point."""
    with precision(3 * digits + 20):
        world = World(claim, instance, precise())
        yield from (c.row() for c in code_checks(world, _power(claim), render) if wanted(c))


def _power(claim: Claim) -> Fraction:
    return Fraction(claim.plain["power"])


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
    try:
        return all(any(coefficients(world, s)) for s in site_elements(world))
    except (ArithmeticError, LookupError, ValueError):
        return True  # what cannot be evaluated is for the checks to tell
