"""The features of a block of rows as one expression: the NumPy module writes them into memory that it uses again."""

from __future__ import annotations

from cavi.derive.term import Monomial, Polynomial, from_atom
from cavi.templates.numpy.arrays import Operand, Scope, spread
from cavi.templates.numpy.contraction import product
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.features import Column, Features
from cavi.templates.numpy.local import stacked


def stack(plan: Features, scope: Scope) -> list[str]:
    """The statements that return all features of a block of rows, a line each."""
    parts = [_feature(c, plan, scope) for c in plan.columns]
    first = next(iter(scope.used))
    ones = f"np.ones(len({first}), {first}.dtype)"
    lines = stacked([p or ones for p in parts], "vstack")
    blocks, scope.lines = scope.lines, []
    return [*blocks, *lines]


def _feature(c: Column, plan: Features, scope: Scope) -> str:
    """A feature as an array over its lines and rows, a vector where it is one line; empty for ones."""
    row = next((i for i in c.monomial.free if i.name == "row"), plan.row)
    if not c.monomial.powers:
        return ""
    if c.pair is not None:
        atom, power = c.pair
        one = polynomial(from_atom(atom, power), scope, (c.axes[0], row))
        others = tuple((a, e) for a, e in c.monomial.powers if not set(c.axes) & Monomial(e, ((a, e),)).free)
        pairs = Operand(f"{scope.helper('pairs')}({one.code})", (c.axes[0], row))
        if not others:
            return pairs.code
        rest = polynomial(Polynomial((Monomial(c.monomial.coefficient, others, c.monomial.bound),)), scope)
        return product([pairs, rest]).code
    whole = polynomial(Polynomial((c.monomial,)), scope)
    code = spread(whole, (*c.axes, row))
    if len(c.axes) <= 1:
        return code
    bare = code if whole.plain or code != whole.code else f"({code})"
    return f"{bare}.reshape(-1, {bare}.shape[-1])"
