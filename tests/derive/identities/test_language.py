"""The language: what is bound, what is free, what SymPy may and may not do with it."""

import sympy

from cavi.derive.identities.language import (
    KL,
    Component,
    Density,
    Elbo,
    Entropy,
    Expect,
    Gradient,
    Inner,
    Mass,
    Unknown,
    Variable,
    Vector,
    variables_of,
)

X, Z = Variable("x"), Variable("z")
P, Q = Density("p", (X, Z)), Density("q", (Z,))


def test_a_variable_is_not_a_symbol_of_the_same_name() -> None:
    assert Variable("x") == X
    assert sympy.Symbol("x", real=True) != X


def test_expectations_and_sums_bind_their_variables() -> None:
    assert variables_of(Expect(sympy.log(P / Q), Q)) == {X}
    assert variables_of(Mass(P, Z)) == {X}
    assert variables_of(KL(Q, P.over((Z,), (X,)))) == {X}
    assert variables_of(Elbo(Q, P)) == {X}
    assert variables_of(Entropy(Q)) == frozenset()


def test_a_density_is_positive_and_cancels() -> None:
    assert (P / Q * Q) == P
    assert sympy.expand_log(sympy.log(P / Q)) == sympy.log(P) - sympy.log(Q)


def test_nodes_are_not_evaluated_when_they_are_built() -> None:
    assert Expect(sympy.Integer(1), Q) != 1
    assert Mass(Q, Z) != 1


def test_derivatives_stop_at_nodes() -> None:
    theta = sympy.Symbol("theta", real=True)
    p = Density("p", (X,), (), (theta,))
    assert sympy.log(p).diff(theta) == Gradient(p, theta) / p
    assert sympy.log(P).diff(theta) == 0


def test_a_conditional_and_a_joint_differ_in_what_they_hold() -> None:
    posterior = P.over((Z,), (X,))
    assert posterior.given == (X,)
    assert posterior.name == "p"
    assert posterior != P.over((Z,))


def test_vectors_have_components() -> None:
    eta, i = Vector("eta"), sympy.Symbol("i")
    t = Unknown("t", "vector", X)
    assert Inner(eta, t).free_symbols == {eta, X}
    assert eta in Component(eta, i).free_symbols


def test_nodes_print_as_they_are_read() -> None:
    divergence = KL(Q, P.over((Z,), (X,)))
    assert str(divergence) == "KL(q(z) ‖ p(z | x))"
    assert set(str(sympy.log(P) + divergence).split(" + ")) == {"KL(q(z) ‖ p(z | x))", "log(p(x, z))"}
    assert sympy.latex(2 * divergence) == r"2 \mathrm{KL}\bigl(q(z)\,\Vert\,p(z \mid x)\bigr)"
