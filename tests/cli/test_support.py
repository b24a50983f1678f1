"""``cavi supported``: the table comes from derivations; a few entries that a textbook gives."""

import json

import pytest
from typer.testing import CliRunner

from cavi.cli import app
from cavi.cli.support import VERDICTS, Entry, supported, table
from cavi.derive import families


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str, str], Entry]:
    return {(e.family, e.argument, e.place): e for e in supported()}


@pytest.mark.parametrize(
    ("family", "argument", "place", "verdict", "detail"),
    [
        ("Normal", "mean", "a Normal", "exact", "Normal"),
        ("Normal", "precision", "a Gamma", "exact", "Gamma"),
        ("Normal", "variance", "an inverse Gamma", "exact", "InverseGamma"),
        ("Normal", "variance", "a Gamma", "exact", "GeneralisedInverseGaussian"),
        ("Poisson", "rate", "a Gamma", "exact", "Gamma"),
        ("Bernoulli", "prob", "a Beta", "exact", "Beta"),
        ("Categorical", "probs", "a Dirichlet", "exact", "Dirichlet"),
        ("MultivariateNormal", "precision", "a Wishart", "exact", "Wishart"),
        ("MultivariateNormal", "covariance", "an inverse Wishart", "exact", "InverseWishart"),
        ("MatrixNormal", "column_precision", "a Wishart", "exact", "Wishart"),
    ],
)
def test_conjugate_pairs_of_textbooks(found, family, argument, place, verdict, detail) -> None:
    entry = found[family, argument, place]
    assert (entry.verdict, entry.detail) == (verdict, detail)


def test_what_needs_a_rule_names_it(found) -> None:
    entry = found["Bernoulli", "prob", "sigmoid of a regression"]
    assert entry.verdict in ("bound", "augmentation")
    assert entry.detail in ("jaakkola jordan", "polya gamma", "boehning")


@pytest.mark.parametrize(
    ("family", "argument", "place", "rule"),
    [
        ("Categorical", "probs", "softmax of regressions", "boehning"),
        ("Multinomial", "probs", "softmax of Normals", "boehning"),
        ("Laplace", "scale", "a sum of Gammas", "harmonic and bound tangent"),
    ],
)
def test_a_function_of_an_array_is_bounded(found, family, argument, place, rule) -> None:
    entry = found[family, argument, place]
    assert (entry.verdict, entry.detail) == ("bound", rule)


def test_a_density_that_is_a_mixture_has_its_rule(found) -> None:
    entry = found["Bernoulli", "prob", "probit of a regression"]
    assert (entry.verdict, entry.detail) == ("augmentation", "albert chib")
    counts = found["Poisson", "rate", "a sum of Gammas"]  # the bound of jensen at about its cost
    assert (counts.verdict, counts.detail) == ("augmentation", "thinning")
    assert found["StudentT", "mean", "a regression"].verdict != "refused"
    assert found["RightCensoredWeibull", "rate", "a Gamma"].verdict == "exact"
    assert found["IntervalCensoredNormal", "mean", "a Normal"].verdict == "augmentation"  # beside the root of a number
    assert found["ZeroInflatedPoisson", "rate", "a Gamma"].verdict != "refused"


def test_a_factor_in_no_family_says_how_it_is_found(found) -> None:
    shape, rate = found["Gamma", "shape", "a Gamma"], found["Poisson", "rate", "exp of a regression"]
    assert (shape.verdict, shape.detail) == ("numeric", "by quadrature")
    assert (rate.verdict, rate.detail) == ("numeric", "a Normal by conjugate-computation VI")


def test_what_is_refused_says_why(found) -> None:
    entry = found["HalfCauchy", "scale", "a sum of Gammas"]
    assert entry.verdict == "refused"
    assert "log Σ_j w[j]" in entry.detail


def test_what_no_rule_parts_is_bounded_and_found_numerically(found) -> None:
    entry = found["Gamma", "shape", "a sum of Gammas"]
    assert (entry.verdict, entry.detail) == ("bound", "log gamma and bound jensen, by quadrature")


def test_every_family_is_there(found) -> None:
    from cavi import derive

    named = {
        n for n in (*families.CATALOGUE, *families.MIXED_FAMILIES, *families.VECTOR_FAMILIES) if hasattr(derive, n)
    }
    assert {e.family for e in found.values()} == named
    assert {e.verdict for e in found.values()} <= set(VERDICTS)
    assert not [e for e in found.values() if e.verdict == "refused" and "does not run over" in e.detail]
    assert len(table(supported()).splitlines()) == len(found) + 2


def test_the_command(found) -> None:
    rows = json.loads(CliRunner().invoke(app, ["supported", "--json"]).output)
    assert len(rows) == len(found)
