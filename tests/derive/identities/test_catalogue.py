"""The catalogue: every identity of a course, derived by named rules, with the claim a textbook states."""

import pytest
import sympy

from cavi.derive import CaviError, identities
from cavi.derive.identities.language import KL, Covariance, Elbo, Entropy, Expect, Mass, Unknown
from cavi.derive.identities.setting import ABSTRACT as S

log = sympy.log


@pytest.mark.parametrize("name", identities.names())
def test_every_identity_is_a_chain_of_named_steps(name: str) -> None:
    identity = identities.load(name)
    assert len(identity) >= 1
    lines = [identity.start, *(s.after for s in identity)]
    for step, before in zip(identity, lines, strict=False):
        assert step.before == before
        assert step.after != step.before
        assert step.rule.name
        assert step.rule.statement.endswith(".")
    assert identity.title
    assert identity.summary
    assert identity.source
    assert identity.group
    assert identity.relation in ("=", "≤", "≥")


@pytest.mark.parametrize("name", identities.names())
def test_the_claim_is_no_tautology(name: str) -> None:
    left, _, right = identities.load(name).claim
    assert left != right


def claim(name: str) -> tuple[sympy.Expr, str, sympy.Expr]:
    return identities.load(name).claim


def test_evidence() -> None:
    """Bishop (2006), 10.2-10.4; Jordan et al. (1999), section 6."""
    evidence, bound, divergence = log(S.evidence), Elbo(S.q, S.joint), KL(S.q, S.posterior)
    assert claim("elbo") == (evidence, "=", bound + divergence)
    assert claim("elbo_by_kl") == (divergence, "=", evidence - bound)
    assert claim("elbo_by_jensen") == (evidence, "≥", bound)
    assert claim("elbo_by_gibbs") == (evidence, "≥", bound)
    assert claim("elbo_tight") == (Elbo(S.posterior, S.joint), "=", evidence)
    ratio = S.joint / S.q
    assert claim("jensen_gap_is_kl") == (log(Expect(ratio, S.q)) - Expect(log(ratio), S.q), "=", divergence)


def test_readings() -> None:
    """Bishop (2006), 10.3; Kingma and Welling (2014), 3; Neal and Hinton (1998), 7."""
    bound, energy, entropy = Elbo(S.q, S.joint), Expect(log(S.joint), S.q), Entropy(S.q)
    reconstruction = Expect(log(S.likelihood), S.q) - KL(S.q, S.prior)
    assert claim("energy_entropy") == (bound, "=", energy + entropy)
    assert claim("reconstruction") == (bound, "=", reconstruction)
    assert claim("free_energy") == (-bound, "=", -energy - entropy)
    assert claim("reconstruction_to_energy") == (reconstruction, "=", energy + entropy)


def test_divergences() -> None:
    """Bishop (2006), 1.118; Cover and Thomas (2006), 2.5.3."""
    assert claim("gibbs")[1:] == ("≥", 0)
    assert isinstance(claim("kl_as_f_divergence")[2], KL)
    assert claim("kl_as_f_divergence")[2] == claim("reverse_kl_as_f_divergence")[2]
    assert isinstance(claim("f_divergence_bound")[2], Unknown)
    assert claim("f_divergence_bound")[2].arguments == (1,)


def test_mean_field() -> None:
    """Bishop (2006), 10.9 and exercise 10.2; 10.1.2 for the loss of correlation."""
    assert claim("optimal_factor")[1:] == ("=", 0)
    assert claim("factor_concavity")[1:] == ("≤", 0)
    variation = claim("first_variation")[2]
    assert isinstance(variation, Mass)
    assert identities.load("first_variation").end == identities.load("optimal_factor").start
    left, relation, right = claim("loss_of_correlation")
    assert relation == "≥"
    assert isinstance(left, Covariance)
    assert isinstance(right, Expect)
    s11, s22, s12 = (sympy.Symbol(f"Sigma_{i}", **a) for i, a in _SIGMA.items())
    left, relation, right = claim("gaussian_variance")
    assert sympy.simplify(left - (s11 - s12**2 / s22)) == 0
    assert (relation, right) == ("≤", s11)


_SIGMA = {"11": {"positive": True}, "22": {"positive": True}, "12": {"real": True}}


def test_counts() -> None:
    """Kingma and Welling (2014): numbers of parameters, symbolic in the data and the dimension."""
    n, d, m, h = (sympy.Symbol(s, integer=True, positive=True) for s in "NDMH")
    assert sympy.expand(claim("count_full_covariance")[2] - n * (d + d * (d + 1) / 2)) == 0
    assert sympy.expand(claim("count_mean_field")[2] - 2 * n * d) == 0
    assert sympy.expand(claim("count_encoder")[2] - (h * (m + 1) + 2 * d * (h + 1))) == 0
    assert claim("count_break_even")[2] == 0


def test_orders_of_bounds() -> None:
    """Burda et al. (2016), theorem 1; Li and Turner (2016), theorem 1."""
    assert claim("importance_weighted")[1:] == ("≤", log(S.evidence))
    assert claim("importance_weighted_order")[1] == "≥"
    k = sympy.Symbol("K", integer=True, positive=True)
    left, _, right = claim("importance_weighted_order")
    assert left.xreplace({k: k - 1}) == right
    assert claim("renyi_above_elbo")[1:] == ("≥", Elbo(S.q, S.joint))
    assert claim("renyi_below_evidence")[1:] == ("≤", log(S.evidence))
    assert claim("chi_upper_bound")[1:] == ("≥", log(S.evidence))


def test_every_chapter_has_identities() -> None:
    chapters = identities.chapters()
    assert len(chapters) == 11
    assert all(chapters.values())
    assert [n for names in chapters.values() for n in names] == identities.names()


def test_an_unknown_name_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(CaviError, match=r"no identity 'elbow'.*elbo"):
        identities.load("elbow")


def test_text_shows_every_line_and_rule() -> None:
    text = str(identities.load("elbo"))
    assert "log(p(x))" in text
    assert "KL(q(z) ‖ p(z | x))" in text
    assert "by Bayes' rule" in text


@pytest.mark.parametrize("name", identities.names())
def test_plain_data_are_plain(name: str) -> None:
    def check(node: object) -> None:
        assert node is None or isinstance(node, (str, int, list, dict)), node
        for child in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
            check(child)

    check(identities.load(name).plain())
