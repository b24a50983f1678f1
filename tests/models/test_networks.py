"""The block models: counts and evidence by hand, and the blocks of the karate club."""

import itertools

import numpy as np
import pytest
from generated import derived_model, generated
from scipy.special import betaln, digamma, gammaln

from cavi import models
from cavi.models.stochastic_block_model import adjacency, pairs


def blocks(data=None, hyper=None, **options):
    found = models.data("stochastic_block_model")
    given = {**found.data, **(data or {})}, {**found.hyper, **(hyper or {})}
    return generated("stochastic_block_model").fit(*given, **options)


def memberships(data=None, hyper=None, sizes=None, **options):
    found = models.data("mixed_membership_block_model")
    given = {**found.data, **(data or {})}, {**found.hyper, **(hyper or {})}, sizes
    return generated("mixed_membership_block_model").fit(*given, **options)


def test_the_factors_have_the_families_of_the_textbook() -> None:
    derived = derived_model("stochastic_block_model")
    families = {n: derived.update(n).families[n] for n in ("alpha", "pi", "z")}
    assert families == {"alpha": "Dirichlet", "pi": "Beta", "z": "Categorical"}
    derived = derived_model("mixed_membership_block_model")
    assert derived.update("z_to").families == {"z_from": "Categorical", "z_to": "Categorical"}


def test_the_club_is_that_of_zachary() -> None:
    """Zachary (1977): 34 members, 78 friendships, the two leaders with 16 and 17."""
    x = adjacency()
    assert x.shape == (34, 34) and x.sum() == 2 * 78 and (x == x.T).all() and not np.diag(x).any()
    assert sorted(x.sum(axis=0))[-2:] == [16, 17]


def test_two_blocks_are_the_hubs_and_the_others() -> None:
    """Karrer and Newman (2011), figure 1a: without degree correction the club splits by degree."""
    found = max((blocks(seed=s) for s in range(4)), key=lambda f: f.elbo)
    block = found.params["z"]["probs"].argmax(axis=1)
    hubs = np.flatnonzero(block == block[33])
    assert set(hubs) == set(np.argsort(adjacency().sum(axis=0))[-5:])
    assert (found.params["z"]["probs"].max(axis=1) > 0.9).all()


def test_the_probabilities_of_edges_follow_from_the_blocks() -> None:
    """Latouche, Birmele and Ambroise (2012), section 3: expected edges and absences of each pair of blocks."""
    found, x = blocks(seed=1, tol=1e-13), adjacency()
    tau = found.params["z"]["probs"]
    edges, vacant = np.zeros(3), np.zeros(3)
    for i, j in itertools.combinations(range(34), 2):
        for q, r in itertools.product(range(2), repeat=2):
            edges[pairs(2)[q, r]] += tau[i, q] * tau[j, r] * x[i, j]
            vacant[pairs(2)[q, r]] += tau[i, q] * tau[j, r] * (1 - x[i, j])
    np.testing.assert_allclose(found.params["pi"]["a"], 0.5 + edges, rtol=1e-6)
    np.testing.assert_allclose(found.params["pi"]["b"], 0.5 + vacant, rtol=1e-6)
    np.testing.assert_allclose(found.params["alpha"]["concentration"], 0.5 + tau.sum(axis=0), rtol=1e-6)


def test_the_order_of_the_members_does_not_matter() -> None:
    """Only pairs i < j are used, and the pairs of blocks are unordered: any order of the vertices gives one bound."""
    order = np.random.default_rng(1).permutation(34)
    begin = np.random.default_rng(2).dirichlet(np.ones(2), size=34)
    first = blocks(init={"z": {"probs": begin}}, tol=1e-12, max_iter=1)
    x = adjacency()[np.ix_(order, order)]
    second = blocks({"x": x}, init={"z": {"probs": begin[order]}}, tol=1e-12, max_iter=1)
    np.testing.assert_allclose(first.params["pi"]["a"], second.params["pi"]["a"], rtol=1e-12)
    upper = np.triu(x, 1)
    again = blocks({"x": upper}, init={"z": {"probs": begin[order]}}, tol=1e-12)
    assert again.elbo == blocks({"x": x}, init={"z": {"probs": begin[order]}}, tol=1e-12).elbo


def test_a_small_graph_stays_below_its_exact_evidence() -> None:
    """The evidence of six vertices by listing all assignments of two blocks, each a product of Beta functions."""
    x, upper = adjacency()[:6, :6], np.triu_indices(6, 1)
    total = -np.inf
    for z in map(np.array, itertools.product(range(2), repeat=6)):
        pair, value = pairs(2)[z[upper[0]], z[upper[1]]], x[upper]
        sizes = np.bincount(z, minlength=2)
        log_p = gammaln(1.0) - 2 * gammaln(0.5) + gammaln(0.5 + sizes).sum() - gammaln(7.0)
        for u in range(3):
            ones = value[pair == u].sum()
            log_p += betaln(0.5 + ones, 0.5 + (pair == u).sum() - ones) - betaln(0.5, 0.5)
        total = np.logaddexp(total, log_p)
    bound = max(blocks({"x": x}, seed=s, tol=1e-10).elbo for s in range(3))
    assert total - 3 < bound < total


def test_one_block_has_the_exact_evidence_in_both_models() -> None:
    """With one block every pair is a toss of one coin: a ratio of Beta functions."""
    exact = betaln(0.5 + 78, 0.5 + 561 - 78) - betaln(0.5, 0.5)
    assert blocks({"pair": pairs(1)}).elbo == pytest.approx(exact, rel=1e-12)
    mixed = memberships({"pair": pairs(1)}, {"a_0": 0.5, "b_0": 0.5})
    assert mixed.elbo == pytest.approx(exact, rel=1e-12)


def test_the_two_ends_of_a_pair_are_one_joint_table() -> None:
    """Airoldi et al. (2008), section 4: both indicators of a pair, here in one factor, by their joint probabilities."""
    data, found = models.data("mixed_membership_block_model").data, memberships(seed=0, tol=1e-14, max_iter=5000)
    a, b, concentration = (found.params["B"]["a"], found.params["B"]["b"], found.params["pi"]["concentration"])
    member = digamma(concentration) - digamma(concentration.sum(axis=1, keepdims=True))
    edge, vacant = digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)
    log_q = member[data["sender"]][:, :, None] + member[data["receiver"]][:, None, :]
    log_q = log_q + np.where(data["Y"][:, None, None] == 1, edge[pairs(2)], vacant[pairs(2)])
    joint = np.exp(log_q - log_q.max(axis=(1, 2), keepdims=True))
    joint /= joint.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found.params["z_from"]["probs"], joint.sum(axis=2), atol=1e-6)
    counts = np.full((34, 2), 0.2)
    np.add.at(counts, data["sender"], joint.sum(axis=2))
    np.add.at(counts, data["receiver"], joint.sum(axis=1))
    np.testing.assert_allclose(concentration, counts, rtol=1e-5)
    ones = [(joint[data["Y"] == 1] * (pairs(2) == u)).sum() for u in range(3)]
    np.testing.assert_allclose(a, 1.0 + np.array(ones), rtol=1e-5)


def test_the_two_ends_may_be_exchanged() -> None:
    """An undirected pair has no sender: exchanging the two lists gives the same bound."""
    data = models.data("mixed_membership_block_model").data
    turned = memberships({"sender": data["receiver"], "receiver": data["sender"]}, seed=0, tol=1e-11)
    assert turned.elbo == pytest.approx(memberships(seed=0, tol=1e-11).elbo, rel=1e-8)


def test_members_with_few_friends_belong_to_one_group_and_the_leaders_to_the_other() -> None:
    found = memberships(seed=0, tol=1e-10)
    share = found.params["pi"]["concentration"] / found.params["pi"]["concentration"].sum(axis=1, keepdims=True)
    lead = int(share[33].argmax())
    degree = adjacency().sum(axis=0)
    assert (share[degree >= 12, lead] > 0.9).all()
    assert (share[degree <= 2, lead] < 0.1).all()
    assert ((share > 0.1) & (share < 0.9)).any()
