"""Identities and readings of a declared model, with its own variables."""

import pytest

from cavi import models
from cavi.derive import CaviError, Gamma, Model, Normal, derive, identities
from cavi.derive.identities.language import Density, Expect, Variable, variables_of
from cavi.derive.reading import READINGS


def normal():
    m = Model("normal")
    n = m.index("n", "N")
    tau = m.latent("tau", Gamma(2, 3))
    mu = m.latent("mu", Normal(0, tau))
    m.observed("x", Normal(mu, tau), n)
    return derive(m)


@pytest.fixture(scope="module")
def derived():
    return normal()


def test_the_variables_are_those_of_the_model(derived) -> None:
    identity = derived.identity()
    assert variables_of(identity.start) == {Variable("x")}
    assert identity.end.has(Density("p", (Variable("tau"), Variable("mu")), (Variable("x"),)))


def test_the_bound_goes_on_to_nodes_and_factors(derived) -> None:
    end = derived.identity().end
    x, tau, mu = (Variable(v) for v in ("x", "tau", "mu"))
    assert end.has(Density("p", (x,), (tau, mu)))
    assert end.has(Density("p", (mu,), (tau,)))
    assert end.has(Density("q", (tau,)))
    assert not end.has(Density("p", (x, tau, mu)))


def test_a_block_keeps_its_latents_together() -> None:
    d = normal()
    block = derive(d.model, factors=[("mu", "tau")])
    tau, mu = Variable("tau"), Variable("mu")
    laws = {e.law for e in block.identity("energy_entropy").end.atoms(Expect)}
    assert all(set(law.variables) == {tau, mu} for law in laws)


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize("reading", READINGS)
def test_a_reading_adds_up_to_the_bound(name: str, reading: str) -> None:
    d = models.derived(name)
    found = d.elbo.reading(reading)
    assert found.total == d.elbo.total.scaled(found.left)
    assert found.identity.steps


def test_reconstruction_takes_the_data_and_the_divergence_the_rest(derived) -> None:
    found = derived.elbo.reading("reconstruction")
    assert [n for n, _ in found.part("reconstruction").terms] == ["x"]
    assert sorted(n for n, _ in found.part("divergence").terms) == ["mu", "mu", "tau", "tau"]
    with pytest.raises(CaviError, match="no part 'prior'"):
        found.part("prior")


def test_point_parameters_are_parameters() -> None:
    d = derive(models.load("gaussian_mixture_em"))
    identity = d.identity("em_monotone")
    assert {s.name for s in identity.start.args[0].parameters} == {"pi_new", "mu_new", "tau_new"}
    assert str(d.identity("fisher", "tau").start.args[1]) == "tau"
    with pytest.raises(CaviError, match="no point parameter 'sigma'"):
        d.identity("fisher", "sigma")


def test_mean_field_looks_at_one_factor_of_the_model(derived) -> None:
    tau, mu = Variable("tau"), Variable("mu")
    identity = derived.identity("optimal_factor_by_kl", factor="tau")
    assert identity.end.has(Density("q_1", (tau,)))
    assert identity.assumptions[0].right.law == Density("q_2", (mu,))
    assert derived.identity("first_variation", factor="mu").end.has(Density("q_1", (mu,)))
    assert (
        derived.identity("first_variation", factor="tau").end == derived.identity("optimal_factor", factor="tau").start
    )
    with pytest.raises(CaviError, match="no factor 'sigma'"):
        derived.identity("optimal_factor", factor="sigma")
    with pytest.raises(CaviError, match="is not about one factor of q"):
        derived.identity("elbo", factor="mu")
    with pytest.raises(CaviError, match="has a single factor"):
        derive(derived.model, factors=[("mu", "tau")]).identity("optimal_factor")


def test_most_of_the_theory_has_an_instance(derived) -> None:
    found = []
    for name in identities.names():
        try:
            found.append(derived.identity(name))
        except CaviError as error:
            assert "no instance" in str(error) or "point parameters" in str(error)
    assert len(found) >= 35
    x, tau, mu = Variable("x"), Variable("tau"), Variable("mu")
    assert all(variables_of(i.start) <= {x, tau, mu} for i in found)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("elbow", "no identity 'elbow'"),
        ("kl_chain_rule", "has no instance for a model"),
        ("fisher", "the model has no point parameters"),
    ],
)
def test_what_has_no_instance_is_refused(derived, name: str, message: str) -> None:
    with pytest.raises(CaviError, match=message):
        derived.identity(name)


def test_an_unknown_reading_is_refused(derived) -> None:
    with pytest.raises(CaviError, match=r"no reading 'reconstrction'.*reconstruction"):
        derived.elbo.reading("reconstrction")
