"""The forms in which families answer: compact, inside the closed list of functions, and quick to import."""

import subprocess
import sys

import pytest
import sympy
from sympy import digamma, exp, log

from cavi.derive.families.base import ETA, Param, ScalarFamily, X
from cavi.derive.families.inverse import invert, isolate
from cavi.derive.families.scalar import CATALOGUE
from cavi.derive.families.split import exponential_form
from cavi.derive.from_sympy import from_sympy
from cavi.derive.term import Element, Parameter, from_atom

mean, location = sympy.symbols("mean location", real=True)
precision, shape, rate, scale, a, b = sympy.symbols("precision shape rate scale a b", positive=True)


@pytest.mark.parametrize(
    ("name", "f", "form"),
    [
        ("Normal", X**2, mean**2 + 1 / precision),
        ("Normal", X**4, mean**4 + 6 * mean**2 / precision + 3 / precision**2),
        ("Gamma", X, shape / rate),
        ("Gamma", 1 / X, rate / (shape - 1)),
        ("Gamma", log(X), digamma(shape) - log(rate)),
        ("InverseGamma", 1 / X, shape / scale),
        ("InverseGamma", X, scale / (shape - 1)),
        ("Beta", X, a / (a + b)),
        ("Beta", X * (1 - X), a * b / ((a + b) * (a + b + 1))),
        ("Poisson", X**2, rate**2 + rate),
        ("LogNormal", X, exp(mean + 1 / (2 * precision))),
        ("Laplace", sympy.Abs(X - location), scale),
        ("Normal", 3 * location * X + 2, 3 * location * mean + 2),
    ],
    ids=str,
)
def test_moment_is_compact(name, f, form):
    assert CATALOGUE[name].moment(f) == form


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("Normal", log(X)),
        ("Normal", 1 / X),
        ("Normal", exp(X**3)),
        ("Gamma", log(X) ** 3),  # a polygamma of order two
        ("Gamma", sympy.sin(X)),
        ("Poisson", sympy.loggamma(X + 1)),
        ("TruncatedNormal", X**4),
        ("Exponential", 1 / X),  # infinite
        ("GeneralisedInverseGaussian", log(X) ** 2),
        ("VonMises", X),
    ],
    ids=str,
)
def test_moment_without_closed_form_is_none(name, f):
    assert CATALOGUE[name].moment(f) is None


@pytest.mark.parametrize(
    ("name", "statistics", "base"),
    [
        ("Normal", (X, X**2), 0),
        ("Gamma", (log(X), X), 0),
        ("InverseGamma", (log(X), 1 / X), 0),
        ("Beta", (log(X), log(1 - X)), 0),
        ("Poisson", (X,), -sympy.loggamma(X + 1)),
        ("LogNormal", (log(X), log(X) ** 2), -log(X)),
        ("Weibull", (X ** sympy.Symbol("shape", positive=True),), (shape - 1) * log(X)),
        ("GeneralisedInverseGaussian", (log(X), X, 1 / X), 0),
        ("VonMises", (sympy.cos(X), sympy.sin(X)), 0),
    ],
)
def test_statistics_and_base_measure(name, statistics, base):
    assert CATALOGUE[name].statistics == statistics
    assert sympy.expand_mul(CATALOGUE[name].log_base - base) == 0


@pytest.mark.parametrize("family", CATALOGUE.values(), ids=str)
def test_everything_has_a_normal_form(family):
    env = {p.symbol: from_atom(Parameter("z", p.name, ())) for p in family.parameters}
    env |= {e: from_atom(Parameter("z", e.name, ())) for e in ETA}
    env |= {p.primed: from_atom(Parameter("y", p.name, ())) for p in family.parameters}
    env[X] = from_atom(Element("z", ()))
    expressions = [family.log_density, family.log_base, family.entropy_closed, family.log_normaliser, family.kl()]
    expressions += [*family.statistics, *family.natural, *(e for _, e in family.from_natural)]
    moments = map(family.moment, (*family.statistics, X, X**2, 1 / X, log(X), log(X) ** 2, X * log(X)))
    expressions += [e for e in (family.mode(), family.entropy, *moments) if e is not None]
    for e in expressions:
        from_sympy(e, env)  # raises for a function outside the closed list
    assert family.density(env[X], {p.name: env[p.symbol] for p in family.parameters}).monomials


def test_bounds_left_out_are_infinite():
    family = CATALOGUE["TruncatedNormal"]
    args = {n: from_atom(Parameter("z", n, ())) for n in ("mean", "precision")}
    x = from_atom(Element("z", ()))
    infinite = {"lower": from_sympy(-sympy.oo, {}), "upper": from_sympy(sympy.oo, {})}
    assert family.density(x, args) == family.density(x, {**args, **infinite})


@pytest.mark.parametrize("family", CATALOGUE.values(), ids=str)
def test_aliases_name_parameters_and_keep_their_domain(family):
    for keyword, (name, value) in family.aliases.items():
        assert name in {p.name for p in family.parameters if not p.known}
        assert keyword not in {p.name for p in family.parameters}
        assert value(sympy.Symbol(keyword, positive=True)).is_positive


def test_families_are_equal_by_name():
    gamma = CATALOGUE["Gamma"]
    assert gamma == "Gamma" and gamma != "Beta" and gamma != CATALOGUE["Beta"]
    assert str(gamma) == "Gamma" and len({gamma, CATALOGUE["Gamma"]}) == 1
    assert gamma != 3


def test_a_new_family_needs_only_its_density():
    """Rayleigh, from its density alone: x λ exp(-λ x²/2)."""
    family = ScalarFamily(
        "Rayleigh",
        (Param("rate", "positive", r"\lambda"),),
        "positive",
        lambda x, rate: log(x) + log(rate) - rate * x**2 / 2,
        "test",
    )
    assert family.statistics == (X**2,) and family.log_base == log(X)
    assert family.from_natural == (("rate", -2 * ETA[0]),)
    assert family.moment(X**2) == 2 / rate and family.moment(X**4) == 8 / rate**2
    assert family.entropy_closed == 1 - log(rate)


def test_inverse_undoes_each_operation():
    y = ETA[0]
    for expr in (2 * rate - 3, 1 / rate, log(rate), exp(rate), sympy.sqrt(rate), -log(1 - rate), 3 / (rate + 1)):
        found = isolate(expr, y, rate)
        assert sympy.simplify(expr.xreplace({rate: found}) - y).subs(y, sympy.Rational(2, 7)).equals(0), expr
    assert isolate(rate + log(rate), y, rate) is None


def test_inverse_that_cannot_be_found_is_asked_for():
    with pytest.raises(TypeError, match=r"Odd: cannot solve the natural parameters for rate; declare the inverse"):
        invert("Odd", (rate + log(rate),), (rate,))


def test_constant_goes_with_its_statistic_unless_declared_base():
    density = (shape - 1) * log(X) - X
    assert exponential_form(density, [shape]).natural == (shape - 1,)
    parts = exponential_form(density, [shape], base=-log(X))
    assert parts.natural == (shape,) and parts.log_base == -log(X) - X


def test_import_builds_nothing():
    """Importing the catalogue makes no expression of any family: they are built when first used."""
    code = (
        "import sys, sympy; calls = []; new = sympy.log.__new__\n"
        "def counted(cls, *args, **kw):\n"
        "    if 'families' in sys._getframe(1).f_code.co_filename: calls.append(args)\n"
        "    return new(cls, *args, **kw)\n"
        "sympy.log.__new__ = counted\n"
        "solve, sympy.solve = sympy.solve, None\n"
        "from cavi.derive.families.scalar import CATALOGUE\n"
        "assert len(calls) <= 1, calls\n"
        "assert not any('log_density' in vars(f) for f in CATALOGUE.values())\n"
        "CATALOGUE['Gamma'].log_density; assert len(calls) > 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
