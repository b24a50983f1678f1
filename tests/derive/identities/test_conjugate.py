"""Conjugate priors constructed from likelihoods: against quadrature, and against the textbooks."""

from fractions import Fraction
from itertools import combinations

import mpmath
import pytest
import sympy

from cavi.derive import CaviError
from cavi.derive.families import CATALOGUE
from cavi.derive.families.split import X
from cavi.derive.identities.conjugate import NU, ConjugatePrior, conjugate_prior

SUBSETS = [
    (name, known)
    for name, family in CATALOGUE.items()
    for free in [[p.name for p in family.parameters if not p.known]]
    for r in range(len(free))
    for known in combinations(free, r)
]
CLOSED = {
    "Normal": [(), ("mean",), ("precision",)],
    "LogNormal": [(), ("mean",), ("precision",)],
    "Gamma": [("shape",)],
    "InverseGamma": [("shape",)],
    "VonMises": [("concentration",)],
    **{
        n: [()]
        for n in (
            "Bernoulli Binomial Poisson Exponential Geometric NegativeBinomial Pareto Weibull Laplace HalfNormal"
        ).split()
    },
}
CASES = [(n, k) for n, subsets in CLOSED.items() for k in subsets]
# Values of what is known, and data that are generic.
KNOWN = {
    "mean": "3/7", "precision": "13/5", "shape": "9/4", "total": "5", "number": "7/3", "minimum": "4/5",
    "location": "2/5", "concentration": "8/5",
}  # fmt: skip
DATA = {
    "real": ["11/10", "-2/5", "17/10"], "positive": ["11/10", "2/5", "17/10"], "above": ["11/10", "12/5", "17/10"],
    "count": ["2", "0", "5"], "bounded_count": ["2", "1", "5"], "binary": ["1", "0", "1"],
    "angle": ["1/2", "1", "-2/5"],
}  # fmt: skip


def numeric(expr: sympy.Expr, table: dict) -> mpmath.mpf:
    value = sympy.N(_plain(expr.subs(table)), 30)
    return mpmath.mpf(str(value))


def _plain(expr: sympy.Expr) -> sympy.Expr:
    bessel = {f for f in expr.atoms(sympy.Function) if type(f).__name__ == "log_bessel_i"}
    return expr.xreplace({f: sympy.log(sympy.besseli(*f.args)) for f in bessel})


def setup(name: str, known: tuple[str, ...]) -> tuple[ConjugatePrior, dict, list]:
    """The posterior after generic data of a prior with generic hyperparameters: it is proper."""
    prior = conjugate_prior(name, known)
    data = [sympy.Rational(v) for v in DATA[CATALOGUE[name].support]]
    fixed = {
        p.symbol: sympy.Rational(KNOWN[p.name]) for p in CATALOGUE[name].parameters if p.symbol not in prior.unknown
    }
    after = prior.posterior(data)
    start = {c: sympy.Rational(1, 10) for c in prior.chi} | {NU: sympy.Rational(7, 5)}
    return after, {**fixed, **start}, data


def integral(f, domain: str):
    """∫ f over the domain, on a line with light tails."""
    t = [mpmath.mpf(k) / 12 for k in range(-700, 701)]
    if domain == "real":
        return sum(f(u) for u in t) / 12
    if domain == "positive":
        return sum(f(mpmath.exp(u)) * mpmath.exp(u) for u in t if abs(u) < 40) / 12
    if domain == "unit":
        share = [1 / (1 + mpmath.exp(-u)) for u in t if abs(u) < 40]
        return sum(f(s) * s * (1 - s) for s in share) / 12
    count = 200
    return sum(f(2 * mpmath.pi * k / count) for k in range(count)) * 2 * mpmath.pi / count


def test_the_catalogue_of_closed_priors() -> None:
    found = [(n, k) for n, k in SUBSETS if conjugate_prior(n, k).log_normaliser is not None]
    assert sorted(found) == sorted(CASES)


@pytest.mark.parametrize(("name", "known"), [s for s in SUBSETS if s not in CASES])
def test_a_prior_without_normaliser_is_still_a_kernel(name: str, known: tuple[str, ...]) -> None:
    prior = conjugate_prior(name, known)
    assert prior.reason
    assert prior.log_kernel.free_symbols >= set(prior.unknown)
    with pytest.raises(CaviError, match="no closed normaliser"):
        prior.predictive()


@pytest.mark.parametrize(
    ("name", "known"), [c for c in CASES if c[1] or not c[0].endswith("Normal") or c[0] == "HalfNormal"]
)
def test_the_normaliser_is_the_integral_of_the_kernel(name: str, known: tuple[str, ...]) -> None:
    prior, table, _ = setup(name, known)
    (theta,) = prior.unknown
    domain = {p.symbol: p.domain for p in CATALOGUE[name].parameters}[theta]
    with mpmath.workdps(30):
        kernel = sympy.lambdify(theta, _plain(prior.log_kernel.subs(table)), "mpmath")
        found = mpmath.log(integral(lambda u: mpmath.exp(kernel(u)), domain))
        assert abs(found - numeric(prior.log_normaliser, table)) < 1e-18


@pytest.mark.parametrize("name", ["Normal", "LogNormal"])
def test_the_normaliser_of_two_parameters(name: str) -> None:
    prior, table, _ = setup(name, ())
    m, p = prior.unknown
    with mpmath.workdps(20):
        kernel = sympy.lambdify((m, p), prior.log_kernel.subs(table), "mpmath")
        outer = [mpmath.mpf(k) / 4 for k in range(-60, 30)]
        total = mpmath.mpf(0)
        for u in outer:
            precision = mpmath.exp(u)
            width = 1 / mpmath.sqrt(precision)
            line = [mpmath.mpf(k) * width / 5 for k in range(-60, 61)]
            total += sum(mpmath.exp(kernel(x, precision)) for x in line) * width / 5 * precision / 4
        assert abs(mpmath.log(total) - numeric(prior.log_normaliser, table)) < 1e-9


@pytest.mark.parametrize(("name", "known"), CASES)
def test_evidence_of_data_is_the_product_of_predictives(name: str, known: tuple[str, ...]) -> None:
    """p(x_1, x_2, x_3) = p(x_1) p(x_2 | x_1) p(x_3 | x_1, x_2)."""
    prior, table, data = setup(name, known)
    steps, current = mpmath.mpf(0), prior
    with mpmath.workdps(30):
        for x in data:
            steps += numeric(current.predictive().subs(X, x), table)
            current = current.posterior([x])
        assert abs(steps - numeric(prior.log_evidence(data), table)) < 1e-25


@pytest.mark.parametrize(("name", "known"), CASES)
def test_two_updates_are_one(name: str, known: tuple[str, ...]) -> None:
    prior, _, data = setup(name, known)
    once, twice = prior.posterior(data), prior.posterior(data[:1]).posterior(data[1:])
    assert once.nu == twice.nu
    assert all(sympy.simplify(a - b) == 0 for a, b in zip(once.chi, twice.chi, strict=True))


@pytest.mark.parametrize("name", ["Poisson", "Geometric", "Bernoulli", "Binomial", "NegativeBinomial"])
def test_the_predictive_of_counts_has_mass_one(name: str) -> None:
    prior, table, _ = setup(name, ())
    top = {"Bernoulli": 1, "Binomial": 5}.get(name, 400)
    with mpmath.workdps(30):
        log_p = sympy.lambdify(X, prior.predictive().subs(table), "mpmath")
        total = sum(mpmath.exp(log_p(mpmath.mpf(k))) for k in range(top + 1))
        tolerance = 1e-25 if top < 10 else 1e-4  # heavy tails
        assert abs(total - 1) < tolerance


def test_bernoulli_is_beta() -> None:
    """Bishop (2006), 2.18."""
    block = conjugate_prior("Bernoulli").blocks[0]
    chi = conjugate_prior("Bernoulli").chi[0]
    assert (block.family.name, block.args["a"], block.args["b"]) == ("Beta", chi + 1, NU - chi + 1)


def test_poisson_predictive_is_negative_binomial() -> None:
    """Gelman et al. (2013), 2.6: Gamma(a, b) and Poisson give NegativeBinomial(a, b/(b + 1))."""
    prior = conjugate_prior("Poisson")
    a, b = prior.blocks[0].args.values()
    textbook = CATALOGUE["NegativeBinomial"].log_density
    number, prob = CATALOGUE["NegativeBinomial"].symbols
    for k in (0, 1, 4):
        table = {prior.chi[0]: sympy.Rational(7, 3), NU: sympy.Rational(5, 4), X: k}
        expected = textbook.subs({number: a, prob: b / (b + 1)}).subs(table)
        assert abs(sympy.N(prior.predictive().subs(table) - expected, 25)) < 1e-20


def test_normal_with_known_precision() -> None:
    """Bishop (2006), 2.141-2.142: the predictive variance is the sum of two."""
    prior = conjugate_prior("Normal", ["precision"])
    tau = CATALOGUE["Normal"].symbols[1]
    mean, precision = prior.chi[0] / NU, 1 / (1 / tau + 1 / (NU * tau))
    normal = CATALOGUE["Normal"].log_density.subs(
        dict(zip(CATALOGUE["Normal"].symbols, (mean, precision), strict=True))
    )
    table = {prior.chi[0]: Fraction(3, 5), NU: Fraction(7, 4), tau: Fraction(9, 8), X: Fraction(1, 3)}
    assert abs(sympy.N((prior.predictive() - normal).subs(table), 25)) < 1e-20


def test_exponential_predictive_is_lomax() -> None:
    """Gelman et al. (2013), 2.6: (shape/rate)(1 + x/rate)^-(shape+1)."""
    prior = conjugate_prior("Exponential")
    shape, rate = prior.blocks[0].args.values()
    lomax = sympy.log(shape / rate) - (shape + 1) * sympy.log(1 + X / rate)
    table = {prior.chi[0]: Fraction(8, 5), NU: Fraction(7, 4), X: Fraction(4, 3)}
    assert abs(sympy.N((prior.predictive() - lomax).subs(table), 25)) < 1e-20


def test_normal_gamma_predictive_is_student() -> None:
    """Murphy (2007), 3.5: 2a degrees of freedom, squared scale b(κ + 1)/(a κ)."""
    prior = conjugate_prior("Normal")
    shape, rate = prior.blocks[1].args.values()
    mean, dof, scale2 = prior.chi[0] / NU, 2 * shape, rate * (NU + 1) / (shape * NU)
    student = (
        sympy.loggamma((dof + 1) / 2) - sympy.loggamma(dof / 2) - sympy.log(dof * sympy.pi * scale2) / 2
        - (dof + 1) / 2 * sympy.log(1 + (X - mean) ** 2 / (dof * scale2))
    )  # fmt: skip
    table = {prior.chi[0]: Fraction(3, 5), prior.chi[1]: Fraction(21, 5), NU: Fraction(7, 4), X: Fraction(4, 3)}
    assert abs(sympy.N((prior.predictive() - student).subs(table), 25)) < 1e-20


REFUSED = {
    "family": (lambda: conjugate_prior("Poison"), "no scalar family 'Poison'"),
    "parameter": (lambda: conjugate_prior("Normal", ["variance"]), "Normal has no parameter 'variance'"),
    "nothing left": (lambda: conjugate_prior("Poisson", ["rate"]), "every parameter of Poisson is known"),
    "datum": (lambda: conjugate_prior("Exponential").posterior([-1]), "the datum -1 is outside the support"),
    "coin": (lambda: conjugate_prior("Bernoulli").log_evidence([2]), "the datum 2 is outside the support"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(CaviError, match=message):
        call()
