"""Planted mistakes are caught; those that are not are equivalent, and listed with the reason."""

from collections import Counter
from itertools import pairwise

import pytest

from cavi.derive import identities
from cavi.verify.identities.mutations import OPERATORS, mutants, survivors

WITHOUT_SURVIVORS = [
    "e_step_ascends",
    "variance_non_negative",
    "kl_as_f_divergence",
    "reverse_kl_as_f_divergence",
    "elbo_by_kl",
    "complete_data",
    "multiplier",
]
# Identity -> (operator, step) of mutants that mean the same thing, and why.
EQUIVALENT = {
    "marginal_likelihood": [
        ("another density", 2, "∫ p(x) p(z) dz is p(x) as well"),
        ("another conditioning", 2, "the same change by another operator"),
        ("another density", 3, "the mean of p(x) over p(z) is p(x)"),
        ("another conditioning", 3, "the same change by another operator"),
    ],
    "e_step": [
        ("another conditioning", 1, "log p(x, z)/p(z | x) does not depend on z, so its mean is the same under any law"),
        ("log inside out", 1, "the mean of a constant: logarithm and mean commute"),
        ("another conditioning", 2, "the mean of a constant under another law"),
        ("log inside out", 2, "the mean of a constant: logarithm and mean commute"),
    ],
    "variance": [
        ("sign of a quantity", 2, "the square of minus the mean is the square of the mean"),
        ("sign of a quantity", 3, "the square of minus the mean is the square of the mean"),
    ],
    "monte_carlo": [("one term more", 2, "the mean of equal terms does not depend on how many there are")],
}


@pytest.mark.parametrize("name", WITHOUT_SURVIVORS)
def test_every_mutant_is_caught(name: str) -> None:
    assert [str(m) for m in survivors(identities.load(name).plain())] == []


@pytest.mark.parametrize("name", EQUIVALENT)
def test_only_equivalent_mutants_survive(name: str) -> None:
    found = Counter((m.operator, m.step) for m in survivors(identities.load(name).plain()))
    assert found == Counter((operator, step) for operator, step, _ in EQUIVALENT[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kl_chain_rule", "kl_of_marginals", "mean_field_elbo", "m_step_ascends"])
def test_every_mutant_of_a_long_identity_is_caught(name: str) -> None:
    assert [str(m) for m in survivors(identities.load(name).plain())] == []


def test_every_operator_is_used() -> None:
    names = [
        "em_bound",
        "fisher",
        "kl_as_bregman",
        "pythagoras",
        "first_variation",
        "importance_weighted_order",
        "mode_seeking",
    ]
    used = {m.operator for n in [*names, "kl_as_f_divergence"] for m in mutants(identities.load(n).plain())}
    assert used == set(OPERATORS) | {"relation flipped"}


def test_a_mutant_keeps_the_chain_whole() -> None:
    for m in mutants(identities.load("elbo").plain()):
        steps, claim = m.plain["steps"], m.plain["claim"]
        assert all(s["after"] == t["before"] for s, t in pairwise(steps))
        assert claim["right"] == steps[-1]["after"]
        assert m.was != m.now
