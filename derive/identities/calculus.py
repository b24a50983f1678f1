"""Rules of calculus: derivatives, under a sum or integral too, and values put in for symbols."""

from __future__ import annotations

import sympy
from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.language import (
    At,
    Component,
    Density,
    Expect,
    Gradient,
    Inner,
    Mass,
    Node,
    Total,
    Unknown,
)
from cavi.derive.identities.rewriting import Rewrite, rebuilt

CALCULUS = Rule(
    "rules of differentiation", "The sum, product and chain rules, and the derivatives of elementary functions."
)
UNDER_THE_SUM = Rule(
    "differentiation under the sum or integral",
    "The derivative of a sum (or integral) is the sum of the derivatives.",
    "the derivative is dominated by an integrable function",
)
LOG_DERIVATIVE = Rule(
    "derivative of a logarithm",
    "The derivative of a positive function is the function times the derivative of its logarithm.",
    "the function is positive",
    "Williams (1992)",
)
PUT_IN = Rule("substitution", "The value is put in for the symbol.")


def differentiate(e: Expr) -> Expr | None:
    """A gradient taken by SymPy as far as elementary functions go; nodes keep theirs."""
    if not isinstance(e, Gradient):
        return None
    body, s = e.args
    if isinstance(body, Node | sympy.Symbol) and not isinstance(body, Inner | Unknown):
        return (sympy.S.One if body == s else sympy.S.Zero) if _constant_in(body, s) or body == s else None
    new = _derivative(body, s)
    return None if new == e else new


def _constant_in(body: Expr, s: Expr) -> bool:
    wanted = s.free_symbols if isinstance(s, Component) else {s}
    return not wanted & body.free_symbols


def _derivative(body: Expr, s: Expr) -> Expr:
    """∂ body/∂s by the rules of calculus; a component of a vector stands for a symbol of its own."""
    if _constant_in(body, s):
        return sympy.S.Zero
    if isinstance(body, Inner) and isinstance(s, Component):
        a, b = body.args
        return _inner_slope(a, b, s) + _inner_slope(b, a, s)
    if isinstance(body, Unknown) and body.kind == "convex":
        (u,) = body.arguments
        return Unknown(body.name, "slope", u) * _derivative(u, s)
    if isinstance(body, Node):
        return Gradient(body, s)
    if isinstance(body, sympy.Add):
        return sympy.Add(*(_derivative(a, s) for a in body.args))
    if isinstance(body, sympy.Mul):
        parts = []
        for k, a in enumerate(body.args):
            rest = sympy.Mul(*body.args[:k], *body.args[k + 1 :])
            parts.append(rest * _derivative(a, s))
        return sympy.Add(*parts)
    if not isinstance(s, sympy.Symbol):
        holes = {a: sympy.Dummy(positive=a.is_positive, real=True) for a in body.args}
        outside = body.func(*holes.values())
        return sympy.Add(
            *(outside.diff(h).xreplace({h: a for a, h in holes.items()}) * _derivative(a, s) for a, h in holes.items())
        )
    return body.diff(s)


def _inner_slope(a: Expr, b: Expr, s: Component) -> Expr:
    """The part of ∂⟨a, b⟩/∂s that comes from a, which is linear in the vector of s."""
    vector, i = s.args
    if vector not in a.free_symbols:
        return sympy.S.Zero
    slope = a.coeff(vector) if a != vector else sympy.S.One
    if sympy.expand(a - slope * vector).has(vector):
        return Gradient(Inner(a, b), s)
    return slope * Component(b, i)


def _under(e: Expr) -> Expr | None:
    if not isinstance(e, Gradient):
        return None
    body, s = e.args
    if isinstance(body, Mass | Total):
        return rebuilt(body, [Gradient(body.args[0], s), *body.args[1:]])
    if isinstance(body, Expect) and _constant_in(body.law, s):
        return Expect(Gradient(body.body, s), body.law)
    return None


def _log_derivative(e: Expr) -> Expr | None:
    if isinstance(e, Gradient) and isinstance(e.body, Density | Mass):
        return e.body * Gradient(sympy.log(e.body), e.args[1])
    return None


def _log_gradient(e: Expr) -> Expr | None:
    """∂ log f = (∂f)/f."""
    if isinstance(e, Gradient) and isinstance(e.body, sympy.log):
        return Gradient(e.body.args[0], e.args[1]) / e.body.args[0]
    return None


def _out_of_sum(e: Expr) -> Expr | None:
    """Σ ∂f = ∂ Σ f."""
    if isinstance(e, Mass) and isinstance(e.body, Gradient) and not set(e.variables) & e.body.args[1].free_symbols:
        return Gradient(Mass(e.body.body, *e.variables), e.body.args[1])
    return None


OUT_OF_SUM = Rewrite(UNDER_THE_SUM, _out_of_sum)
DIFFERENTIATE = Rewrite(CALCULUS, differentiate)
UNDER = Rewrite(UNDER_THE_SUM, _under)
LOG_TRICK = Rewrite(LOG_DERIVATIVE, _log_derivative)
LOG_GRADIENT = Rewrite(LOG_DERIVATIVE, _log_gradient)


def gradient_as(target: Expr, s: Expr) -> Rewrite:
    """The gradient of one expression, named because several rules of calculus act at once."""

    def change(e: Expr) -> Expr | None:
        return _derivative(target, s) if e == Gradient(target, s) else None

    return Rewrite(CALCULUS, change)


def _put_in(e: Expr) -> Expr | None:
    if not isinstance(e, At):
        return None
    body, s, value = e.args
    return body.xreplace({s: value})


AT_VALUE = Rewrite(PUT_IN, _put_in)
