"""The finite field: its laws, functions left uninterpreted, and what NumPy makes of arrays of its elements."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cavi.verify.mutations.residue import PRIME, Residue, determinant, inverse, uninterpreted

elements = st.integers(0, PRIME - 1).map(Residue)


@given(elements, elements, elements)
def test_laws_of_a_field(a: Residue, b: Residue, c: Residue) -> None:
    assert a + b == b + a and a * b == b * a
    assert (a + b) + c == a + (b + c) and (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0 and 2 - a == -(a - 2)
    if a.value:
        assert a / a == 1 and b / a * a == b and 1 / a == a**-1


@given(st.floats(-1e6, 1e6), st.fractions(max_denominator=1000))
def test_numbers_keep_their_value(x: float, y: Fraction) -> None:
    assert Residue.of(x) + Residue.of(Fraction(x)) == 2 * Residue.of(x)
    assert Residue.of(y) * y.denominator == y.numerator


def test_functions_are_uninterpreted() -> None:
    x = np.array([Residue(2), Residue(3)], dtype=object)
    assert list(np.exp(x)) == [uninterpreted("exp", 2), uninterpreted("exp", 3)]
    assert np.exp(x)[0] * np.exp(x)[1] != np.exp(x.sum()), "only the laws of a field hold"
    assert np.log(Residue(2)) != np.exp(Residue(2))


def test_arrays() -> None:
    a = np.array([[Residue(2), Residue(1)], [Residue(1), Residue(3)]], dtype=object)
    assert ((a @ inverse(a)) == np.eye(2)).all()
    assert determinant(a) == 5 and determinant(a[::-1]) == -5
    assert (Residue(3) * a).shape == (2, 2) and (a / Residue(3) * 3 == a).all()
    assert (np.einsum("ab,cb->ac", a, a, optimize=True) == a @ a.T).all()
    with pytest.raises(ZeroDivisionError, match="singular"):
        inverse(np.array([[Residue(1), Residue(2)], [Residue(2), Residue(4)]], dtype=object))
    assert determinant(np.zeros((2, 2))) == 0
