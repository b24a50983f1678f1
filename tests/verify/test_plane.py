"""Rules in the plane: the points of a lattice that count, known normalisers, and what states share."""

import itertools
import math

import mpmath
import numpy as np
import pytest

from cavi import models
from cavi.verify.arithmetic import exact, precise, precision, to_mpf
from cavi.verify.claim import Claim
from cavi.verify.grammar import check_claim
from cavi.verify.instance import make_instance
from cavi.verify.lattice import Axis, column, reached
from cavi.verify.plane import MOST_NODES, plane_rule
from cavi.verify.report import Check
from cavi.verify.rules import OutOfReachError, half_line, real_line
from cavi.verify.state import State


def heights(places):
    return (np.array([-(i * i + i * j + j * j) / 2 for i, j in places]), column(places))


@pytest.mark.parametrize("start", [[(0, 0)], [(0, 0), (2, -1), (9, 9)]])
def test_points_are_those_where_the_density_counts(start: list[tuple[int, int]]) -> None:
    found = reached(heights, 20.0, 1000, start)
    square = itertools.product(range(-20, 21), repeat=2)
    assert found is not None and set(found) == {(i, j) for i, j in square if i * i + i * j + j * j < 40}
    assert reached(heights, 20.0, len(found), start) is not None
    assert reached(heights, 20.0, len(found) - 1, start) is None


def test_equal_positions_share_what_is_made_once() -> None:
    made = []
    axis = Axis(lambda at: (made.append(list(at)), (column([precise().number(i) for i in at]),))[1])
    ((numbers),) = axis.columns([3, 1, 3])
    assert numbers[0] is numbers[2] and made == [[3, 1]]
    axis.columns([1, 2])
    assert made == [[3, 1], [2]]


@pytest.mark.parametrize("step", [1.0, 0.9])
def test_known_normalisers(step: float) -> None:
    """A Normal given a Gamma, exp(a log t - b t - t (x - 1)² / 2): Γ(a + ½) √(2π) / b^(a + ½)."""
    with precision(60):
        e, a, b = precise(), 2, 3
        rule = plane_rule(
            e,
            lambda x, t: a * e("log", t) - b * t - t * (x - 1) * (x - 1) / 2,
            [real_line(), half_line()],
            20,
            "known",
            step,
        )
        known = mpmath.loggamma(a + mpmath.mpf(1) / 2) + mpmath.log(2 * mpmath.pi) / 2
        known -= (a + mpmath.mpf(1) / 2) * mpmath.log(b)
        assert abs(to_mpf(rule.log_normaliser) - known) < mpmath.mpf(10) ** -20
        mean = to_mpf((rule.weights * rule.nodes[1]).sum())
        assert abs(mean - (a + mpmath.mpf(1) / 2) / b) < mpmath.mpf(10) ** -19


def test_a_rule_with_too_many_nodes_is_not_tried_at_more_digits() -> None:
    def far() -> None:
        raise OutOfReachError(f"q: a rule in the plane needs more than {MOST_NODES} nodes")

    row = Check("q", "families", 30, far).row()
    assert row.verdict == "undecided" and row.final


def test_states_share_a_rule_only_where_their_numbers_are_the_same() -> None:
    claim = Claim(check_claim(models.derived("gamma_shape_rate").plain()))
    (factor,) = claim.factors
    with precision(40):
        state = State(claim, make_instance(claim, 0), precise(), 6)
        first, other = state.density(factor, ()), state.solve(factor, ()).density(factor, ())
        again = state.solve(factor, ()).density(factor, ())
        assert first.log_normaliser is not other.log_normaliser
        assert exact(first.log_normaliser) != exact(other.log_normaliser)
        assert again is not other and again.log_normaliser is other.log_normaliser
        (formula, *_) = claim.standard("a")
        key = formula["latent"], formula["name"]
        moved = state.with_parameters(factor, (), {key: {at: x * 101 / 100 for at, x in state.params[key].items()}})
        assert exact(moved.density(factor, ()).log_normaliser) != exact(first.log_normaliser)
    assert math.isfinite(float(first.log_normaliser))
