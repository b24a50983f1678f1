"""`certify`: rows that are proved, not only checked, with the ε that holds.

Every number is a ball of python-flint that contains the true value: rounding, quadrature and tails are all inside its
radius. A claim that lies outside is refuted; one whose ball is as small as asked is certified.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from cavi.verify.arithmetic import precision
from cavi.verify.averages import Infeasible
from cavi.verify.check_identity import claimed_elbo, entropy
from cavi.verify.claim import Claim
from cavi.verify.evaluate import evaluate, positions
from cavi.verify.grammar import check_claim
from cavi.verify.instance import Instance, InstanceError, make_instance
from cavi.verify.report import Check, Finding, Report, Row

if TYPE_CHECKING:
    from cavi.verify.rigorous.expectations import Enclosed
    from cavi.verify.state import State

MISSING = "python-flint is not installed; install cavi[rigorous] for proofs by ball arithmetic"


def certify(derived: Any, digits: int = 10, seed: int = 0, progress: Callable[[Row], None] | None = None) -> Report:
    """Enclosures of the factors, the bound, the evidence and their difference at a small random instance.

    Args:
        derived: what `cavi.derive.derive` returned, or its plain data.
        digits: ε is 10 to the minus so many.
        seed: of the instance.
        progress: called with each row.

    Returns:
        A report with rows ``certified`` (proved to ε), ``failed`` (refuted) or ``undecided`` with the reason.

    Raises:
        CertificateError: when the plain data do not follow the grammar.
        ModuleNotFoundError: without python-flint, saying what to install.
    """
    if importlib.util.find_spec("flint") is None:
        raise ModuleNotFoundError(MISSING)
    claim = Claim(check_claim(derived if isinstance(derived, dict) else derived.plain()))
    title = f"{claim.model['title']} ({claim.model['name']}), by ball arithmetic"
    rows = []
    with precision(2 * digits + 20):
        try:
            state = _small_state(claim, digits, seed)
        except (InstanceError, ValueError) as error:
            reason = str(error)
            return Report(title, (Check("instance", "rigorous", digits, lambda: Finding(None, reason)).row(),), digits)
        for check in _checks(state, digits):
            rows.append(check.row())
            if progress is not None:
                progress(rows[-1])
    return Report(title, tuple(rows), digits, (state.instance,))


def _small_state(claim: Claim, digits: int, seed: int) -> State:
    """The largest of some small instances whose evidence is enclosed; if none is, the smallest."""
    from cavi.verify.rigorous.deferred import deferring
    from cavi.verify.rigorous.evidence import log_evidence
    from cavi.verify.rigorous.jet import Unbounded
    from cavi.verify.state import State

    states: list[State] = []
    for sizes in _sizes(claim):
        instance: Instance = make_instance(claim, seed, sizes, single_copies=True)
        if any(s.instance.sizes == instance.sizes for s in states):
            continue
        states.append(State(claim, instance, deferring(), digits))
        try:
            log_evidence(states[-1], _goal(digits))
            return states[-1]
        except (Unbounded, Infeasible):
            continue
    return states[-1]


def _goal(digits: int) -> float:
    """The radius that enclosures are asked for, so that sums of some of them keep the digits."""
    return 10.0 ** -(digits + 3)


def _sizes(claim: Claim) -> Iterator[dict[str, int]]:
    names = claim.model["sizes"]
    latent = {s for v in claim.variables.values() if claim.is_random(v["name"]) for _, s in claim.axes(v["name"])}
    chains = {v["chain"]["index"][1] for v in claim.variables.values() if v.get("chain")}
    kinds = {v["over"][1] for v in claim.nodes if v["over"]}
    for single in (set[str](), latent - chains - kinds, set(names) - chains - kinds, set(names) - kinds):
        yield {s: 1 if s in single else 2 for s in names}


def _checks(state: State, digits: int) -> Iterator[Check]:
    from cavi.verify.rigorous.expectations import Enclosed

    goal = _goal(digits)
    averages = Enclosed(state, goal)
    claim = state.claim
    for factor in claim.factors:
        if _is_continuous(state, factor):
            name = factor["name"]
            yield _check(f"q({name}) integrates to one", digits, partial(_normalised, averages, factor))
            yield _check(f"entropy of q({name})", digits, partial(_entropy, averages, factor))

    def bound() -> Any:
        total = averages.log_joint()
        for f in claim.factors:
            total = total + _entropy_of(averages, f)
        return total

    def log_p() -> Any:
        from cavi.verify.rigorous.evidence import log_evidence

        return log_evidence(state, goal)

    known: dict[str, Any] = {}

    def once(name: str, find: Callable[[], Any]) -> Any:
        if name not in known:
            known[name] = find()
        return known[name]

    if claim.expanded:
        return  # expectations are claimed to second order only, and the bound is approximated
    yield _check("ELBO = E[log p] - E[log q]", digits, lambda: (claimed_elbo(state), once("bound", bound)))

    def difference() -> tuple[Any, Any]:
        divergence = once("log p", log_p) - once("bound", bound)
        if divergence < 0:
            raise ArithmeticError(f"KL(q || posterior) is proved to be negative: {divergence.str(12)}")
        return claimed_elbo(state) + divergence, known["log p"]

    yield _check("log p(x) = L(q) + KL(q || posterior)", digits, difference)
    factor = claim.factors[0]
    if len(claim.factors) == 1 and not (factor["point"] or factor["sequential"] or factor.get("chosen")):

        def exact() -> tuple[Any, Any]:
            best = state
            for site in positions(factor["plates"], state.sizes):
                best = best.solve(factor, site)
            return claimed_elbo(best), once("log p", log_p)

        yield _check("the optimum is the posterior: L(q*) = log p(x)", digits, exact)


def _is_continuous(state: State, factor: Any) -> bool:
    return not factor["point"] and not any(state.claim.selects(n) for n in factor["latents"])


def _normalised(averages: Enclosed, factor: Any) -> tuple[Any, Any]:
    product = averages.engine.number(1)
    for site in positions(factor["plates"], averages.state.sizes):
        product = product * averages.total(factor, site)
    return averages.engine.number(1), product


def _entropy(averages: Enclosed, factor: Any) -> tuple[Any, Any]:
    claimed = averages.engine.number(0)
    for site in positions(factor["plates"], averages.state.sizes):
        binding = dict(zip((i for i, _ in factor["plates"]), site, strict=True))
        weight = averages.state.weight(factor, site)
        claimed = claimed + weight * evaluate(factor["entropy"], averages.state, binding)
    return claimed, _entropy_of(averages, factor)


def _entropy_of(averages: Enclosed, factor: Any) -> Any:
    """Σ E[-log q] over the elements of a factor."""
    if not _is_continuous(averages.state, factor):
        return entropy(averages.state, factor)
    total = averages.engine.number(0)
    for site in positions(factor["plates"], averages.state.sizes):
        total = total + averages.state.weight(factor, site) * averages.entropy(factor, site)
    return total


def _check(name: str, digits: int, find: Callable[[], tuple[Any, Any]]) -> Check:
    """A claim and the ball that the true value is in: refuted if they are apart, certified if both are within ε."""

    def found() -> Finding:
        from cavi.verify.rigorous.jet import Unbounded

        try:
            claimed, true = find()
        except Unbounded as error:
            return Finding(None, str(error))
        gap = abs(claimed - true)
        if not gap.is_finite():
            return Finding(None, "the enclosure is not finite")
        if gap > 0:
            return Finding(0.0, f"refuted: claimed {claimed.str(15)}, enclosure {true.str(15)}")
        epsilon = gap.upper()
        if not epsilon < _epsilon(digits, true):
            return Finding(None, f"the enclosure has a radius of {float(epsilon):.2g}")
        return Finding(float(digits), f"|difference| <= {float(epsilon):.2g}, value {true.str(12)}", proved=True)

    return Check(name, "rigorous", digits, found)


def _epsilon(digits: int, value: Any) -> Any:
    """ε, relative to values larger than one."""
    size = abs(value).upper()
    return (size if size > 1 else size * 0 + 1) * size.__class__(10) ** (-digits)
