"""The evidence p(x) of a small instance: categories enumerated, continuous latents eliminated one at a time on grids.

    p(x) = Σ_categories ∫ Π_nodes p(node | parents) d(latents)

Every latent has coordinates on the line (`axis`). The windows of the grids are moved until they hold the posterior
marginals, then the number of nodes is raised until two counts agree. Where grids over all latents are too large, the
Normals are integrated out at every node of the others (`gaussian`). Only the declared densities are used, and nothing
of q but the values of point parameters.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import mpmath
import numpy as np

from cavi.verify.arithmetic import Value, doubles, precision, to_mpf
from cavi.verify.averages import NOTHING_HELD, Held, Infeasible
from cavi.verify.axis import Axis, Key
from cavi.verify.claim import Claim
from cavi.verify.gaussian import normal_latents
from cavi.verify.instance import Instance, make_instance
from cavi.verify.joint_tables import CREASED, JointTables
from cavi.verify.state import State

DIGITS = 8
GUARDED = 70  # working digits: 1 - p is exact to the ends of the windows
COUNTS = (36, 54, 80, 120, 150, 220, 330, 500)
COUNTS_ALONE = (*COUNTS, 750, 1100, 1600)  # tables over one coordinate, in float64 over two
COUNTS_WIDE = {False: (36, 44, 52, 56), True: (44, 60, 75)}  # the widest tables, without and with a matrix
COUNT_FOR_CENTRES = 54
WIDENING = 0.04
TAIL_DIGITS = 7  # the mass beyond the windows is so much smaller than the last digit asked for
MANY = 40
MAX_WIDTH = 4
HOPELESS = 0.1  # a first step of this size is not made good on the widest tables
MAX_WIDTH_PRECISE = 2
LOST = 8  # digits that reading a quadratic form off its values may cost


def log_evidence(
    state: State, digits: int = DIGITS, held: Held = NOTHING_HELD, nodes: Collection[str] | None = None
) -> tuple[Value, float]:
    """log p(x), points held at their value under q, and the digits that a sequence of grids establishes.

    With latents held it is the log of the integral of the joint density over the others; with nodes named, of the
    densities of these nodes alone.

    Raises:
        Infeasible: when the model has too many categories or too wide scopes for elimination.
    """
    try:
        with precision(max(GUARDED, 2 * digits + 10)):
            return _log_evidence(_narrowest(state, digits, held, nodes), digits)
    except Infeasible:
        # In float64 larger tables can be afforded; it is precise enough for the digits asked of an evidence.
        with np.errstate(all="ignore"):
            return _log_evidence(_narrowest(_in_doubles(state), DIGITS, held, nodes), min(digits, DIGITS))


def evidence_instance(claim: Claim, seed: int) -> Instance:
    """The largest of some small instances whose evidence can be eliminated; the one with two of everything if none can.

    Fewer data come first, then vectors of one element; categories and steps of a chain stay two.

    Raises:
        InstanceError: when no values satisfy the declared supports.
    """
    sizes = list(claim.model["sizes"])
    vectors = {s for v in claim.variables.values() for _, s in v["event"] if v["domain"] != "simplex"}
    chains = {v["chain"]["index"][1] for v in claim.variables.values() if v.get("chain")}
    categories = {v["over"][1] for v in claim.nodes if v["over"] and claim.selects(v["name"])}
    plates = set(sizes) - vectors - chains - categories
    attempts = [set[str](), plates, vectors - chains - categories, set(sizes) - chains - categories]
    # Tables over three coordinates nearly always establish the digits; wider ones cost much more and often do not. A
    # crease takes a half line on each side of it, both long: with them tables are to be over two.
    for widest in (MAX_WIDTH - 1 - _is_creased(claim), MAX_WIDTH - 1, MAX_WIDTH):
        for ones in attempts:
            chosen = {s: 1 if s in ones else 2 for s in sizes}
            instance = make_instance(claim, seed, sizes=chosen, single_copies=True)
            if width(State(claim, instance, doubles(), DIGITS)) <= widest:
                return instance
    return make_instance(claim, seed, sizes=dict.fromkeys(sizes, 2), single_copies=True)


def _is_creased(claim: Claim) -> bool:
    return any(claim.is_random(v["name"]) and v["distribution"]["name"] in CREASED for v in claim.nodes)


def width(state: State) -> float:
    """The most coordinates that tables for the evidence are over, in float64; infinite where there are none."""
    try:
        return _narrowest(_in_doubles(state)).width()
    except Infeasible:
        return float("inf")


def _in_doubles(state: State) -> State:
    return State(state.claim, state.instance, doubles(), state.digits)


def _narrowest(
    state: State, digits: int = DIGITS, held: Held = NOTHING_HELD, nodes: Collection[str] | None = None
) -> JointTables:
    """The tables with those Normals integrated out that leave the fewest coordinates together.

    Where grids over all latents can be afforded for a few digits, nothing is integrated out.
    """
    best = JointTables(state, (), held, nodes)
    if best.width() <= MAX_WIDTH_PRECISE and digits <= DIGITS:
        return best
    for normals in normal_latents(state.claim, best.nodes):
        other = JointTables(state, normals, held, nodes)
        if other.width() < best.width():
            best = other
    return best


def _log_evidence(model: JointTables, asked: int) -> tuple[Value, float]:
    e, width = model.engine, model.width()
    largest = MAX_WIDTH if e.name == "float64" else MAX_WIDTH_PRECISE
    if e.name != "float64" and _prefers_doubles(model):
        raise Infeasible("many configurations: float64 is precise enough here")
    if width > largest:
        raise Infeasible(f"the evidence couples {width} coordinates of latents at once (limit {largest})")
    axes = model.axes()
    matrices = any(c.recentred is not None for c in model.coordinates)
    if matrices:
        _, marginals = model.total(axes, COUNT_FOR_CENTRES, marginals=True)
        axes = model.recentre(axes, marginals, COUNT_FOR_CENTRES)
    axes = _placed(model, axes, asked)
    if not axes:  # nothing is on a grid: the Normals are integrated out exactly
        return e("log", model.total(axes, 1)[0]), float(mpmath.mp.dps - LOST if e.name != "float64" else 16 - LOST)
    values: list[mpmath.mpf] = []
    digits = 0.0
    few = width == 1 or (width == 2 and e.name == "float64")
    counts = COUNTS_WIDE[matrices] if width == MAX_WIDTH else COUNTS_ALONE if few else COUNTS
    for level, count in enumerate(counts):
        # Nodes and range grow together, so that two levels agree only if both suffice.
        wider = {k: a.widened(WIDENING * level) for k, a in axes.items()}
        try:
            value = e("log", model.total(wider, count)[0])
        except Infeasible:
            if digits < asked and (e.name != "float64" or len(values) < 3):
                raise
            break
        values.append(to_mpf(value))
        digits = _established(values)
        if digits > asked or (width == MAX_WIDTH and len(values) == 2 and abs(values[1] - values[0]) > HOPELESS):
            break
    return value, digits


def _established(values: list[mpmath.mpf]) -> float:
    """The digits that a sequence of refinements establishes, from its last three steps.

    The last step bounds the error of a sequence that converges, but two values may also agree by chance. So a step
    counts for at most one digit more than the one before it, and two for each digit that the one before had gained.
    """
    steps = [abs(b - a) for a, b in pairwise(values)][-3:]
    if len(steps) < 2:
        return 0.0
    *earlier, before, last = (float(-mpmath.log10(s)) if s else 60.0 for s in steps)
    gained = max(0.0, before - earlier[0]) if earlier else 0.0
    return min(last, before + 1.0 + 2.0 * gained)


def _placed(model: JointTables, axes: dict[Key, Axis], digits: int) -> dict[Key, Axis]:
    """The axes with their windows around the mass."""
    negligible = 10.0 ** -(digits + TAIL_DIGITS)
    for _ in range(8):
        before = {k: a.window for k, a in axes.items()}
        _, marginals = model.total(axes, COUNTS[0], marginals=True)
        axes = {k: a.narrowed(marginals[k], COUNTS[0], negligible) for k, a in axes.items()}
        if all(_close(before[k], a.window) for k, a in axes.items()):
            break
    return axes


def _close(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) < 0.15 * (b[1] - b[0])


def _prefers_doubles(model: JointTables) -> bool:
    """Whether many sums are needed and no 1 - p near one can lose digits in float64."""
    many = len(model.configurations) * len(model.continuous) > MANY
    slow = model.engine.name == "mpf" and len(model.continuous) > 1
    return (many or slow) and all(model.support(x[0]) != "unit" for x in model.continuous)
