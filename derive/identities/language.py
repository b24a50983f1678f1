r"""The language of identities: densities, sums or integrals, expectations, divergences, as SymPy expressions.

A density ``Density("p", (x, z))`` is a joint over its variables; the same name with other variables is
a marginal or a conditional of that joint. ``Mass(body, z)`` is Σ_z for a discrete and ∫ dz for a
continuous variable, so that one derivation has both forms. Nothing here simplifies: rules do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy
from sympy.core.symbol import Str

__all__ = [
    "KL",
    "At",
    "Average",
    "Component",
    "Covariance",
    "Density",
    "Elbo",
    "Entropy",
    "Expect",
    "FDivergence",
    "Gradient",
    "Iid",
    "Inner",
    "Label",
    "Mass",
    "Node",
    "Sample",
    "Total",
    "Unit",
    "Unknown",
    "Variable",
    "Vector",
    "bound_variables",
    "variables_of",
]


class Variable(sympy.Symbol):
    """A random variable: x, z, ε; a scalar, a vector or a whole collection."""

    def __new__(cls, name: str) -> Variable:
        return sympy.Symbol.__xnew__(cls, name, real=True)  # type: ignore[no-any-return]


class Vector(sympy.Symbol):
    """A vector of parameters: η, χ, μ."""

    def __new__(cls, name: str) -> Vector:
        return sympy.Symbol.__xnew__(cls, name, real=True)  # type: ignore[no-any-return]


class Unit(sympy.Symbol):
    """A parameter between zero and one."""

    def __new__(cls, name: str) -> Unit:
        return sympy.Symbol.__xnew__(cls, name, positive=True)  # type: ignore[no-any-return]


class Label(sympy.Symbol):
    """An index of a component, a copy or a datum: i, j, k, n."""

    def __new__(cls, name: str) -> Label:
        return sympy.Symbol.__xnew__(cls, name, integer=True, positive=True)  # type: ignore[no-any-return]


def _names(items: Iterable[Any]) -> sympy.Tuple:
    return sympy.Tuple(*items)


class Node(sympy.Expr):
    """Base of the language: real, commutative, never evaluated when it is built."""

    is_commutative = True
    is_extended_real = True
    is_real = True

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables that the node sums over."""
        return frozenset()

    @property
    def free_symbols(self) -> set[sympy.Symbol]:
        """The symbols that are not bound."""
        found = set().union(*(a.free_symbols for a in self.args)) if self.args else set()
        return {s for s in found if s not in self.binds}

    def _eval_derivative(self, s: sympy.Symbol) -> sympy.Expr:
        return Gradient(self, s) if s in self.free_symbols else sympy.S.Zero

    def _sympystr(self, printer: Any) -> str:
        from cavi.derive.identities.text import show

        return show(self)

    def _latex(self, printer: Any, **settings: Any) -> str:
        from cavi.derive.render import render

        return render("expression_latex", self)


class Sample(Node):
    """The k-th of several independent copies of a variable, z_k."""

    def __new__(cls, variable: Variable, k: sympy.Expr) -> Sample:
        return sympy.Expr.__new__(cls, variable, k)  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[sympy.Symbol]:
        """The variable that it is a copy of, and the index."""
        return {self.args[0], *self.args[1].free_symbols}


class Density(Node):
    """p(variables | given; parameters), positive on its support.

    Args:
        name: of the joint that it belongs to.
        variables: what it is a density of.
        given: the variables that it is conditioned on.
        parameters: what it depends on without being random.
    """

    is_positive = True
    is_extended_positive = True
    is_zero = False

    def __new__(
        cls,
        name: str,
        variables: Iterable[sympy.Expr],
        given: Iterable[sympy.Expr] = (),
        parameters: Iterable[sympy.Expr] = (),
    ) -> Density:
        return sympy.Expr.__new__(cls, Str(str(name)), _names(variables), _names(given), _names(parameters))  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """Of the joint that it belongs to."""
        return str(self.args[0])

    @property
    def variables(self) -> tuple[sympy.Expr, ...]:
        """What it is a density of."""
        return tuple(self.args[1])

    @property
    def given(self) -> tuple[sympy.Expr, ...]:
        """What it is conditioned on."""
        return tuple(self.args[2])

    @property
    def parameters(self) -> tuple[sympy.Expr, ...]:
        """What it depends on without being random."""
        return tuple(self.args[3])

    def over(self, variables: Iterable[sympy.Expr], given: Iterable[sympy.Expr] = ()) -> Density:
        """Another density of the same joint."""
        return Density(self.name, variables, given, self.parameters)

    def at(self, *parameters: sympy.Expr) -> Density:
        """The same density at other parameters."""
        return Density(self.name, self.variables, self.given, parameters)


class Iid(Node):
    """The law of independent copies z_1 … z_count, each with the density given."""

    def __new__(cls, density: Density, count: sympy.Expr) -> Iid:
        return sympy.Expr.__new__(cls, density, sympy.sympify(count))  # type: ignore[no-any-return]

    @property
    def variables(self) -> tuple[sympy.Expr, ...]:
        """The variables that are copied."""
        variables: tuple[sympy.Expr, ...] = self.args[0].variables
        return variables

    @property
    def density(self) -> Density:
        """The density of one copy."""
        density: Density = self.args[0]
        return density

    @property
    def count(self) -> sympy.Expr:
        """How many copies."""
        return self.args[1]


class Mass(Node):
    """The sum over all values of discrete variables, the integral over continuous ones."""

    def __new__(cls, body: sympy.Expr, *variables: sympy.Expr) -> Mass:
        return sympy.Expr.__new__(cls, sympy.sympify(body), *variables)  # type: ignore[no-any-return]

    @property
    def body(self) -> sympy.Expr:
        """What is summed."""
        return self.args[0]

    @property
    def variables(self) -> tuple[sympy.Expr, ...]:
        """What is summed over."""
        return tuple(self.args[1:])

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables that are summed over."""
        return frozenset(self.variables)

    def _eval_is_positive(self) -> bool | None:
        return True if self.body.is_positive else None


class Expect(Node):
    """E_law[body]; the law is a `Density`, an `Iid`, and its variables are bound."""

    def __new__(cls, body: sympy.Expr, law: Density | Iid) -> Expect:
        return sympy.Expr.__new__(cls, sympy.sympify(body), law)  # type: ignore[no-any-return]

    @property
    def body(self) -> sympy.Expr:
        """What is averaged."""
        return self.args[0]

    @property
    def law(self) -> Density | Iid:
        """What it is averaged under."""
        law: Density | Iid = self.args[1]
        return law

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables of the law."""
        return frozenset(self.law.variables)

    def _eval_is_positive(self) -> bool | None:
        return True if self.body.is_positive else None


class Covariance(Node):
    """Cov_law[first, second]; the variance when both are the same."""

    def __new__(cls, first: sympy.Expr, second: sympy.Expr, law: Density | Iid) -> Covariance:
        return sympy.Expr.__new__(cls, sympy.sympify(first), sympy.sympify(second), law)  # type: ignore[no-any-return]

    @property
    def law(self) -> Density | Iid:
        """What it is averaged under."""
        law: Density | Iid = self.args[2]
        return law

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables of the law."""
        return frozenset(self.law.variables)


class KL(Node):
    """KL(q ‖ p) = E_q[log(q/p)], of two densities of the same variables."""

    def __new__(cls, q: Density, p: Density) -> KL:
        return sympy.Expr.__new__(cls, q, p)  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables of q."""
        return frozenset(self.args[0].variables)


class FDivergence(Node):
    """D_f(p ‖ q) = E_q[f(p/q)]; f is a function of `u`."""

    def __new__(cls, p: Density, q: Density, f: sympy.Expr, u: sympy.Symbol) -> FDivergence:
        return sympy.Expr.__new__(cls, p, q, f, u)  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables of q and the argument of f."""
        return frozenset((*self.args[1].variables, self.args[3]))


class Entropy(Node):
    """H[q] = -E_q[log q]."""

    def __new__(cls, q: Density) -> Entropy:
        return sympy.Expr.__new__(cls, q)  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables of q."""
        return frozenset(self.args[0].variables)


class Elbo(Node):
    """L(q) = E_q[log(p(x, z)/q(z))]; p is the joint of data and latents."""

    def __new__(cls, q: Density, p: Density) -> Elbo:
        return sympy.Expr.__new__(cls, q, p)  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The variables of q."""
        return frozenset(self.args[0].variables)


class Unknown(Node):
    """An arbitrary function of its arguments.

    `kind` says what is known about it: real, positive, vector, convex (on the positive reals), or the
    slope of the convex function of that name.
    """

    def __new__(cls, name: str, kind: str, *args: sympy.Expr) -> Unknown:
        return sympy.Expr.__new__(cls, Str(str(name)), Str(str(kind)), *map(sympy.sympify, args))  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.args[0])

    @property
    def kind(self) -> str:
        """What is known about it."""
        return str(self.args[1])

    @property
    def arguments(self) -> tuple[sympy.Expr, ...]:
        """What it is applied to."""
        return tuple(self.args[2:])

    def _eval_is_positive(self) -> bool | None:
        return True if self.kind == "positive" else None


class Gradient(Node):
    """∂/∂s of an expression, not yet taken."""

    def __new__(cls, body: sympy.Expr, s: sympy.Expr) -> Gradient:
        return sympy.Expr.__new__(cls, body, s)  # type: ignore[no-any-return]

    @property
    def body(self) -> sympy.Expr:
        """What is differentiated."""
        return self.args[0]


class At(Node):
    """An expression at a value of one symbol, put in after everything else is done."""

    def __new__(cls, body: sympy.Expr, s: sympy.Symbol, value: sympy.Expr) -> At:
        return sympy.Expr.__new__(cls, body, s, sympy.sympify(value))  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The symbol that has a value."""
        return frozenset((self.args[1],))


class Inner(Node):
    """⟨a, b⟩ = Σ_i a_i b_i of two vectors."""

    def __new__(cls, a: sympy.Expr, b: sympy.Expr) -> Inner:
        return sympy.Expr.__new__(cls, a, b)  # type: ignore[no-any-return]


class Component(Node):
    """a_i of a vector."""

    def __new__(cls, a: sympy.Expr, i: sympy.Symbol) -> Component:
        return sympy.Expr.__new__(cls, a, i)  # type: ignore[no-any-return]


class Total(Node):
    """Σ_k body over k = 1 … count, or over all but one of them."""

    def __new__(cls, body: sympy.Expr, k: sympy.Symbol, count: sympy.Expr, without: sympy.Expr = sympy.S.Zero) -> Total:
        return sympy.Expr.__new__(cls, sympy.sympify(body), k, sympy.sympify(count), sympy.sympify(without))  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[sympy.Symbol]:
        """The index."""
        return frozenset((self.args[1],))

    def _eval_is_positive(self) -> bool | None:
        return True if self.args[0].is_positive else None


class Average(Total):
    """The mean of body over k = 1 … count, or over all but one of them."""


def variables_of(expr: sympy.Basic) -> frozenset[sympy.Symbol]:
    """The random variables that occur free."""
    return frozenset(s for s in expr.free_symbols if isinstance(s, Variable))


def bound_variables(expr: sympy.Basic) -> frozenset[sympy.Symbol]:
    """The random variables that a node of the expression binds."""
    return frozenset(s for node in expr.atoms(Node) for s in node.binds)
