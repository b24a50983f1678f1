"""Evidence for points that data may say nothing of, or that lie at an end, and mistakes planted in them."""

import copy
import re

import pytest
from point_models import UNTOLD, matrix, sticks

from cavi.derive import Bernoulli, Categorical, Model, derive
from cavi.verify import verify
from cavi.verify.arithmetic import precise, precision
from cavi.verify.check_optimality import check_optimality
from cavi.verify.claim import Claim
from cavi.verify.generated import check_generated
from cavi.verify.grammar import CertificateError
from cavi.verify.instance import make_instance
from cavi.verify.state import State


@pytest.mark.parametrize("name", UNTOLD)
def test_models_with_such_points_are_verified(name: str) -> None:
    report = verify(UNTOLD[name].declare(), digits=12)
    assert report.ok, str(report)


def test_a_maximised_matrix_is_verified() -> None:
    report = verify(matrix(), digits=12)
    assert report.ok, str(report)
    rows = {row.name: row.verdict for row in report.rows}
    assert rows["L is the maximiser"] == rows["update_L"] == rows["elbo"] == "checked"


@pytest.mark.parametrize(("share", "row"), [("9/10", "L is the maximiser"), ("-1", "L is the maximiser")])
def test_a_wrong_matrix_is_caught(share: str, row: str) -> None:
    data = copy.deepcopy(matrix().plain())
    (value,) = (p for p in data["factors"][0]["parameters"] if p["name"] == "inverse_value")
    value["value"] = ["mul", [["num", share], value["value"]]]
    assert not verify(data, digits=12, only=row).ok


def test_a_claim_that_does_not_say_where_a_point_stays_is_refuted() -> None:
    data = copy.deepcopy(sticks().plain())
    assert verify(data, digits=12).ok
    del data["factors"][0]["told_by"]
    rows = check_generated(Claim(data), sticks().numpy, 0)
    assert {row.name for row in rows if row.verdict == "failed"} >= {"update_b"}


@pytest.mark.parametrize("wrong", ["", "b_value = np.where(np.isfinite(b_value), b_value, 0.3)"])
def test_code_that_moves_such_a_point_is_caught(wrong: str) -> None:
    """Nothing is kept, or something else is put in its place."""
    derived = sticks()
    source = re.sub(r"b_value = stays\(.*\)\n", f"{wrong or 'pass'}\n", derived.numpy())
    assert source != derived.numpy()
    rows = check_generated(Claim(derived.plain()), lambda: source, 0)
    assert {row.name for row in rows if row.verdict == "failed"} >= {"update_b"}


def test_what_tells_of_a_point_are_parameters_of_it() -> None:
    data = copy.deepcopy(sticks().plain())
    data["factors"][0]["told_by"] = ["eta_3"]
    with pytest.raises(CertificateError, match="what a point is told by are parameters of it"):
        verify(data)


def at_ends(kind: str) -> tuple[Claim, State]:
    """Shares of successes that are all zeros or ones, or categories of which one never occurs."""
    m = Model("ends")
    n, k = m.index("n", "N"), m.index("k", "K")
    if kind == "unit":
        m.observed("x", Bernoulli(m.point("p")), n)
    else:
        m.observed("x", Categorical(m.point("p", over=k)), n)
    claim = Claim(derive(m).plain())
    instance = make_instance(claim, 0, sizes={"N": 3, "K": 3} if kind == "simplex" else {"N": 3})
    for at in instance.data["x"]:
        instance.data["x"][at] = type(instance.data["x"][at])(1 if kind == "unit" else at[0] % 2)
    return claim, State(claim, instance, precise(), 12)


@pytest.mark.parametrize("kind", ["unit", "simplex"])
def test_a_maximum_at_an_end_is_seen_from_inside(kind: str) -> None:
    with precision(40):
        claim, state = at_ends(kind)
        (check,) = (c for c in check_optimality(state) if "maximiser" in c.name)
        assert check.row().verdict == "checked", check.row()
        parameters = claim.factors[0]["parameters"]
        # The other end, or a category too many.
        number = ["add", [["num", "1"], ["mul", [["num", "-1"], copy.deepcopy(parameters[-1]["value"])]]]]
        parameters[-1]["value"] = number if kind == "unit" else ["num", "1/3"]
        assert check.row().verdict == "failed"
