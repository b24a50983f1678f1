"""Conjugate priors constructed from likelihoods: against quadrature, and against the textbooks."""

import random
from fractions import Fraction
from functools import cache
from itertools import combinations

import mpmath
import pytest
import sympy

from cavi.derive import CaviError
from cavi.derive.families import CATALOGUE, ScalarFamily
from cavi.derive.families.split import X
from cavi.derive.identities.conjugate import NU, ConjugatePrior, conjugate_prior
from cavi.verify.arithmetic import precise
from cavi.verify.density import log_density

SUBSETS = [
    (name, known)
    for name, family in CATALOGUE.items()
    for free in [[p.name for p in family.parameters if not p.known]]
    for r in range(len(free))
    for known in combinations(free, r)
]
# What every prior that has a closed normaliser is recognised as; the others have none.
CLOSED = {
    ("Normal", ()): "Normal Gamma",
    ("Normal", ("mean",)): "Gamma",
    ("Normal", ("precision",)): "Normal",
    ("LogNormal", ()): "Normal Gamma",
    ("LogNormal", ("mean",)): "Gamma",
    ("LogNormal", ("precision",)): "Normal",
    ("Gamma", ("shape",)): "Gamma",
    ("InverseGamma", ("shape",)): "Gamma",
    ("InverseNakagami", ("shape",)): "Gamma",
    ("VonMises", ("concentration",)): "VonMises",
    ("Bernoulli", ()): "Beta",
    ("Binomial", ()): "Beta",
    ("Geometric", ()): "Beta",
    ("NegativeBinomial", ()): "Beta",
    ("Poisson", ()): "Gamma",
    ("Exponential", ()): "Gamma",
    ("Pareto", ()): "Gamma",
    ("Weibull", ()): "Gamma",
    ("HalfNormal", ()): "Gamma",
    ("Laplace", ()): "InverseGamma",
}
CASES = list(CLOSED)
SINGLE = [c for c in CASES if " " not in CLOSED[c]]
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


@cache
def setup(name: str, known: tuple[str, ...], seed: int = 0) -> tuple[ConjugatePrior, dict, list]:
    """The posterior after generic data of a prior with random rational hyperparameters: it is proper."""
    draw = random.Random(seed)
    prior = conjugate_prior(name, known)
    data = [sympy.Rational(v) for v in DATA[CATALOGUE[name].support]]
    fixed = {
        p.symbol: sympy.Rational(KNOWN[p.name]) for p in CATALOGUE[name].parameters if p.symbol not in prior.unknown
    }
    after = prior.posterior(data)
    start = {c: sympy.Rational(draw.randint(0, 20), 37) for c in prior.chi} | {
        NU: sympy.Rational(draw.randint(9, 30), 7)
    }
    return after, {**fixed, **start}, data


def integral(f, domain: str):
    """∫ f over the domain, on a line with light tails."""
    t = [mpmath.mpf(k) / 12 for k in range(-300, 301)]
    if domain == "real":
        return sum(f(u) for u in t if abs(u) < 10) / 12
    if domain == "positive":
        return sum(f(mpmath.exp(u)) * mpmath.exp(u) for u in t) / 12
    if domain == "unit":
        share = [1 / (1 + mpmath.exp(-u)) for u in t]
        return sum(f(s) * s * (1 - s) for s in share) / 12
    count = 100
    return sum(f(2 * mpmath.pi * k / count) for k in range(count)) * 2 * mpmath.pi / count


def test_the_catalogue_of_closed_priors() -> None:
    priors = {case: conjugate_prior(*case) for case in SUBSETS}
    closed = {case: p for case, p in priors.items() if p.log_normaliser is not None}
    assert {case: " ".join(b.family.name for b in p.blocks) for case, p in closed.items()} == CLOSED
    assert all(b.family is CATALOGUE[b.family.name] for p in closed.values() for b in p.blocks)
    assert all({b.variable for b in p.blocks} == set(p.unknown) == set(p.support) for p in closed.values())


@pytest.mark.parametrize(("name", "known"), [s for s in SUBSETS if s not in CASES])
def test_a_prior_without_normaliser_is_still_a_kernel(name: str, known: tuple[str, ...]) -> None:
    prior = conjugate_prior(name, known)
    assert prior.reason
    assert prior.log_kernel.free_symbols >= set(prior.unknown)
    with pytest.raises(CaviError, match="no closed normaliser"):
        prior.predictive()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("name", "known"), SINGLE)
def test_the_normaliser_is_the_integral_of_the_kernel(name: str, known: tuple[str, ...], seed: int) -> None:
    prior, table, _ = setup(name, known, seed)
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
    with mpmath.workdps(25):
        kernel = sympy.lambdify((m, p), prior.log_kernel.subs(table), "mpmath")
        centre = numeric(prior.blocks[0].args["mean"], table)
        total = mpmath.mpf(0)
        for u in (mpmath.mpf(k) / 8 for k in range(-180, 60)):
            precision = mpmath.exp(u)
            step = 1 / mpmath.sqrt(precision) / 5
            line = [centre + k * step for k in range(-30, 31)]
            total += sum(mpmath.exp(kernel(x, precision)) for x in line) * step * precision / 8
        assert abs(mpmath.log(total) - numeric(prior.log_normaliser, table)) < 1e-16


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("name", "known"), SINGLE)
def test_the_evidence_is_the_integral_of_the_textbook_densities(name: str, known: tuple[str, ...], seed: int) -> None:
    """p(x_1, x_2, x_3) = ∫ Π p(x_n | θ) p(θ) dθ, with both densities written from the books by `verify`."""
    prior, table, data = setup(name, known, seed)
    (block,) = prior.blocks
    e = precise(use_flint=False)
    with mpmath.workdps(30):
        args = {k: numeric(v, table) for k, v in block.args.items()}
        fixed = {s.name: numeric(s, table) for s in CATALOGUE[name].symbols if s not in prior.unknown}
        values = [numeric(x, {}) for x in data]

        def joint(theta: mpmath.mpf) -> mpmath.mpf:
            at = {**fixed, block.variable.name: theta}
            log_p = log_density(e, block.family.name, theta, args)
            return mpmath.exp(log_p + sum(log_density(e, name, x, at) for x in values))

        found = mpmath.log(integral(joint, prior.support[block.variable]))
        assert abs(found - numeric(prior.log_evidence(data), table)) < 1e-18


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


@pytest.mark.parametrize(("name", "known"), CASES)
def test_the_predictive_has_mass_one(name: str, known: tuple[str, ...]) -> None:
    prior, table, _ = setup(name, known)
    with mpmath.workdps(30):
        log_p = sympy.lambdify(X, _plain(prior.predictive().subs(table)), "mpmath")
        total = mass(lambda x: mpmath.exp(log_p(x)), prior.likelihood, table)
        assert abs(total - 1) < 1e-16


def mass(density, family, table: dict) -> mpmath.mpf:
    """Σ or ∫ of a predictive density over the support; its tails may be powers of x, or of log x."""
    at = {s.name: numeric(s, table) for s in family.symbols if s in table}
    match family.support:
        case "binary":
            return density(0) + density(1)
        case "bounded_count":
            return sum(density(mpmath.mpf(k)) for k in range(int(at["total"]) + 1))
        case "count":
            # Euler and Maclaurin's formula for the tail.
            top = mpmath.mpf(60)
            tail = mpmath.quad(lambda u: density(top * mpmath.exp(u)) * top * mpmath.exp(u), [0, 1, 2, 4, 8, 16])
            ends = density(top) / 2 - mpmath.diff(density, top) / 12 + mpmath.diff(density, top, 3) / 720
            ends -= mpmath.diff(density, top, 5) / 30240
            return sum(density(mpmath.mpf(k)) for k in range(60)) + tail + ends
        case "above":
            low = at["minimum"]

            def above(v: mpmath.mpf) -> mpmath.mpf:
                x = low * mpmath.exp(mpmath.expm1(v))
                return density(x) * x * mpmath.exp(v)

            return mpmath.quad(above, [0, 1, 2, 4, 8, 16])
        case "angle":
            return integral(density, "angle")
    # On the two sides of a kink, then to the ends of a line on which the tails are light.
    line = [mpmath.mpf(k) for k in (-10, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 10)]
    if family.support == "real":
        middle = at.get("location", mpmath.mpf(0))
        return mpmath.quad(lambda v: density(middle + mpmath.sinh(2 * v)) * 2 * mpmath.cosh(2 * v), line)

    def on_line(v: mpmath.mpf) -> mpmath.mpf:
        x = mpmath.exp(mpmath.sinh(v))
        return density(x) * x * mpmath.cosh(v)

    return mpmath.quad(on_line, line)


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


@pytest.mark.parametrize(("name", "known"), CASES)
def test_sums_of_statistics_do_instead_of_data(name: str, known: tuple[str, ...]) -> None:
    """With symbols for N and Σ t(x_n), the values put in afterwards."""
    prior, table, data = setup(name, known)
    n = sympy.Symbol("N", positive=True)
    sums = sympy.symbols(f"S_1:{len(prior.chi) + 1}", real=True)
    values = {n: len(data)} | {
        s: sum(t.subs(X, x) for x in data) for s, t in zip(sums, prior.parts.statistics, strict=True)
    }
    base = sum(prior.parts.log_base.subs(X, x) for x in data)
    found = (prior.log_ratio(sums, n).subs(values) + base).subs(table)
    assert abs(numeric(found, {}) - numeric(prior.log_evidence(data), table)) < 1e-25


@pytest.mark.parametrize(("name", "known"), SINGLE)
def test_values_put_in_are_values_substituted(name: str, known: tuple[str, ...]) -> None:
    start = conjugate_prior(name, known)
    after, table, data = setup(name, known)
    chi = [sympy.N(c.subs(table), 40) for c in after.chi]
    fixed = {s.name: v for s, v in table.items() if s in start.likelihood.symbols}
    there = start.at(chi, after.nu.subs(table), fixed)
    assert abs(numeric(there.log_evidence(data), {}) - numeric(after.log_evidence(data), table)) < 1e-25
    assert there.posterior(data).blocks[0].family is after.blocks[0].family


def test_what_must_hold_for_a_prior_to_be_proper() -> None:
    chi, nu = conjugate_prior("Poisson").chi[0], NU
    assert conjugate_prior("Poisson").proper == (chi + 1, nu)
    assert conjugate_prior("Normal", "precision").proper == (nu,)
    assert conjugate_prior("Laplace").proper == (nu - 1, chi)
    first, second = conjugate_prior("Normal").chi
    conditions = conjugate_prior("Normal").proper
    assert nu in conditions
    assert any(sympy.simplify(c * nu - (second * nu - first**2)) == 0 for c in conditions)
    assert conjugate_prior("Poisson").at([1], 1).proper == ()


def test_no_data_seen_and_a_flat_prior() -> None:
    """(χ, ν) = (0, 0) is the uniform density where that is one; ν may be zero or negative."""
    flat = conjugate_prior("Bernoulli").at([0], 0)
    assert flat.blocks[0].args == {"a": 1, "b": 1}
    assert sympy.simplify(flat.predictive(1) + sympy.log(2)) == 0
    # ∫ λ^(-1/2) e^(-λ) dλ = Γ(1/2)
    assert conjugate_prior("Exponential").at([1], -sympy.S.Half).log_normaliser == sympy.log(sympy.sqrt(sympy.pi))
    assert str(flat.posterior([])) == str(flat)


def test_whole_numbers_may_come_as_floats() -> None:
    assert (
        conjugate_prior("Poisson").posterior([2.0, Fraction(3)]).chi == conjugate_prior("Poisson").posterior([2, 3]).chi
    )


def test_a_family_of_ones_own() -> None:
    """The construction reads declarations: nothing in it is made for a family by its name."""
    poisson = CATALOGUE["Poisson"]
    rate = poisson.parameters[0]
    mine = ScalarFamily(
        "DoubledRate", (rate,), "positive", lambda x, rate: sympy.log(2 * rate) - 2 * rate * x, "Exponential(2 rate)"
    )
    prior = conjugate_prior(mine)
    assert str(prior) == "Gamma(rate; shape=nu + 1, rate=2*chi_1)"


NAN, OO = sympy.nan, sympy.oo
BINOMIAL = {"total": 5}
REFUSED = {
    "family": (lambda: conjugate_prior("Poison"), "no scalar family 'Poison'; did you mean 'Poisson'"),
    "vector": (lambda: conjugate_prior("Dirichlet"), "no scalar family 'Dirichlet'"),
    "parameter": (lambda: conjugate_prior("Normal", ["variance"]), "Normal has no parameter 'variance'"),
    "no names": (lambda: conjugate_prior("Normal", None), "names of known parameters are None"),
    "nothing left": (lambda: conjugate_prior("Poisson", ["rate"]), "every parameter of Poisson is known"),
    "datum": (lambda: conjugate_prior("Exponential").posterior([-1]), "the datum -1 is outside the support"),
    "coin": (lambda: conjugate_prior("Bernoulli").log_evidence([2]), "the datum 2 is outside the support"),
    "half": (lambda: conjugate_prior("Poisson").posterior([0.5]), "the datum 0.5.* is outside the support"),
    "too many": (lambda: conjugate_prior("Binomial").at([1], 2, BINOMIAL).posterior([6]), "the datum 6 is outside"),
    "below": (lambda: conjugate_prior("Pareto").at([4], 1, {"minimum": 2}).posterior([1]), "the datum 1 is outside"),
    "angle": (lambda: conjugate_prior("VonMises").posterior([4]), "the datum 4 is outside"),
    "unit": (lambda: conjugate_prior("Beta").posterior([1]), "the datum 1 is outside"),
    "predictive": (lambda: conjugate_prior("Poisson").predictive(-1), "the datum -1 is outside"),
    "nan": (lambda: conjugate_prior("Normal").posterior([float("nan")]), "the datum is nan"),
    "infinite": (lambda: conjugate_prior("Normal").posterior([float("inf")]), "the datum is oo"),
    "complex": (lambda: conjugate_prior("Normal").posterior([1j]), "the datum is 1j"),
    "text": (lambda: conjugate_prior("Normal").posterior(["2"]), "the datum is '2'; expected a real"),
    "truth": (lambda: conjugate_prior("Bernoulli").posterior([True]), "the datum is True"),
    "nothing": (lambda: conjugate_prior("Normal").posterior([None]), "the datum is None"),
    "no list": (lambda: conjugate_prior("Normal").posterior(3), "the data are 3; expected a list"),
    "improper": (lambda: conjugate_prior("Poisson").at([1], 0), "improper.* choose them so that chi_1 . 1 > 0, nu > 0"),
    "improper pair": (lambda: conjugate_prior("Normal").at([1, 1], 1), "improper.*choose them so that nu > 0"),
    "no information": (lambda: conjugate_prior("Normal").at([0, 0], 0), "improper"),
    "chi": (lambda: conjugate_prior("Normal").at([1], 1), "1 values of χ, expected 2: one for each"),
    "chi nan": (lambda: conjugate_prior("Poisson").at([NAN], 1), "a value of χ is nan"),
    "nu": (lambda: conjugate_prior("Poisson").at([1], OO), "ν is oo; expected a finite real number"),
    "known value": (lambda: conjugate_prior("Pareto").at([1], 1, {"minimum": -1}), "the minimum is -1; .* positive"),
    "known name": (lambda: conjugate_prior("Pareto").at([1], 1, {"shape": 1}), "'shape' is no known parameter"),
    "sums": (lambda: conjugate_prior("Poisson").after([1, 2], 1), "2 sums, expected 1"),
    "count": (lambda: conjugate_prior("Poisson").after([1], -1), "the count of data is -1"),
    "part": (lambda: conjugate_prior("Poisson").after([1], 1.5), "the count of data is 1.5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(CaviError, match=message):
        call()
