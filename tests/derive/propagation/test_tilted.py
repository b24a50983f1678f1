"""Closed moments of tilted densities: the formulas against SymPy's derivatives, and against quadrature by mpmath."""

from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest
import sympy
from propagation_models import logit

from cavi.derive import propagate
from cavi.derive.evaluable import evaluable
from cavi.derive.propagation.tilted import M, V, interval_normaliser, tilted
from cavi.derive.term import Constant, Element, Function, from_atom, number

CASES = [(1, None, 0.3, 0.4, 1.7), (-2, None, -0.4, -3.0, 0.2), (1, 0.1, None, 0.4, 1.7), ("1/2", -0.7, 1.2, -3.0, 0.2)]


@pytest.mark.parametrize("rate, low, high, mean, variance", CASES)
def test_an_interval_integrates_in_closed_form(rate, low, high, mean, variance) -> None:
    ends = [None if e is None else sympy.nsimplify(e) for e in (low, high)]
    place = {M: sympy.nsimplify(mean), V: sympy.nsimplify(variance)}
    value, slope, curvature = interval_normaliser(sympy.Rational(rate), *ends)
    derived = [float(evaluable(sympy.diff(value, M, k).subs(place)).evalf(20)) for k in (1, 2)]
    with mpmath.workdps(25):
        numbers = [mpmath.mpf(str(evaluable(e.subs(place)).evalf(25))) for e in (value, slope, curvature)]
        m, v, a = (
            mpmath.mpf(str(mean)),
            mpmath.mpf(str(variance)),
            mpmath.mpf(sympy.Rational(rate).p) / sympy.Rational(rate).q,
        )

        def density(h):
            below, above = (
                end if e is None else mpmath.ncdf(a * h + mpmath.mpf(str(e))) for e, end in ((low, 0), (high, 1))
            )
            return (above - below) * mpmath.npdf(h, m, mpmath.sqrt(v))

        places = [m + k * mpmath.sqrt(v) for k in range(-12, 13, 3)]
        mass, first, second = (mpmath.quad(lambda h, k=k: h**k * density(h), places) for k in range(3))
        found = [mpmath.log(mass), first / mass, second / mass - (first / mass) ** 2]
        claimed = [numbers[0], m + v * numbers[1], v + v**2 * numbers[2]]
        assert max(abs(x - y) for x, y in zip(claimed, found, strict=True)) < mpmath.mpf(10) ** -18
    assert derived == pytest.approx([float(x) for x in numbers[1:]], rel=1e-12)


def test_a_probit_site_has_closed_moments_only_for_ep() -> None:
    p = propagate(logit())
    site, y = p.sites[0], from_atom(Element("y", p.sites[0].plates))

    def below(x):
        return from_atom(Function("log_normal_interval", (from_atom(Constant("minus_infinity")), x)))

    h = from_atom(site.hole)
    probit = replace(site, function=y * below(h) + (number(1) - y) * below(-h))
    assert tilted(probit, Fraction(1), p.model).method == "closed form"
    assert tilted(probit, Fraction(1, 2), p.model).method == "quadrature"
    known = from_atom(Element("alpha_0", ()))  # of a weight that is not zero or one there is no closed form
    mixed = replace(site, function=known * below(h) + (number(1) - known) * below(-h))
    assert tilted(mixed, Fraction(1), p.model).method == "quadrature"
