"""Jensen's inequality for one function and one distribution: both sides in closed form, and the gap.

    f convex:   E_q[f(x)] ≥ f(E_q[x])          f concave:   E_q[f(x)] ≤ f(E_q[x])

Source: Bishop (2006), 1.115.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from cavi.derive.closed_form import expectation, jensen_gap, mean
from cavi.derive.errors import CaviError
from cavi.derive.expected import NoClosedForm
from cavi.derive.standalone import Standalone, standalone
from cavi.derive.support import DISCRETE, ends

if TYPE_CHECKING:
    from cavi.derive.derivation import Relation
    from cavi.derive.identities.convexity import Convexity


@dataclass(frozen=True)
class JensenInequality:
    """``E_q[f(x)]  relation  f(E_q[x])``.

    Attributes:
        function: f, as an expression in `symbol`.
        symbol: its argument.
        distribution: q.
        relation: ≥ for a convex, ≤ for a concave, = for an affine function.
        convexity: the verdict on f over the support of q, with its derivation.
        mean: E_q[x].
        expected: E_q[f(x)], or None where it has no closed form.
        at_mean: f(E_q[x]).
        gap: E_q[f(x)] - f(E_q[x]), or None where it has no closed form.
    """

    function: sympy.Expr
    symbol: sympy.Symbol
    distribution: Standalone
    relation: Relation
    convexity: Convexity
    mean: sympy.Expr
    expected: sympy.Expr | None
    at_mean: sympy.Expr
    gap: sympy.Expr | None

    def __str__(self) -> str:
        inside = f"E[{self.function}]"
        left = inside if self.expected is None else f"{inside} = {self.expected}"
        verdict = f"{self.function} is {self.convexity.verdict} on {self.convexity.domain[0]}"
        lines = [f"{verdict}; {self.symbol} ~ {self.distribution}", f"{left}  {self.relation}  {self.at_mean}"]
        return "\n".join([*lines, *([] if self.gap is None else [f"gap: {self.gap}"])])


def jensen(f: sympy.Expr, q: object, symbol: sympy.Symbol | None = None) -> JensenInequality:
    """Jensen's inequality for a convex or concave function and a distribution.

    Args:
        f: an expression in one symbol besides the parameters of q.
        q: a distribution whose arguments are numbers and SymPy expressions.
        symbol: the argument of f, where it has several symbols.

    Raises:
        CaviError: when f is neither convex nor concave on the support of q, when that is not decided, or when q
            has no mean.

    Examples:
        >>> import sympy
        >>> from cavi.derive import Gamma, jensen
        >>> x, a, b = sympy.symbols("x a b", positive=True)
        >>> print(jensen(sympy.log(x), Gamma(a, b), x))
        log(x) is concave on Interval.open(0, oo); x ~ Gamma(a, b)
        E[log(x)] = -log(b) + polygamma(0, a)  ≤  log(a/b)
        gap: -log(a) + polygamma(0, a)
    """
    from cavi.derive.identities.convexity import convexity

    member = standalone(q)
    variable = symbol or _only_symbol(f, member)
    found = convexity(f, _hull(member), symbol=variable)
    if not (found.is_convex or found.is_concave):
        raise CaviError(
            f"{f} is {found.verdict} on {found.domain[0]}, so Jensen's inequality does not apply; expected a "
            "convex or a concave function"
        )
    relation: Relation = "=" if found.is_convex and found.is_concave else "≥" if found.is_convex else "≤"
    centre = mean(member)
    try:
        expected, gap = expectation(f, member, variable), jensen_gap(f, member, variable)
    except NoClosedForm:
        expected = gap = None
    at_mean = f.subs(variable, centre)
    return JensenInequality(f, variable, member, relation, found, centre, expected, at_mean, gap)


def _hull(member: Standalone) -> sympy.Interval:
    """The interval that the values span; a discrete family may take the values at its ends."""
    support = member.family.support
    low, high = (-sympy.pi, sympy.pi) if support == "angle" else ends(member)
    return sympy.Interval(low, high) if support in DISCRETE else sympy.Interval.open(low, high)


def _only_symbol(f: sympy.Expr, member: Standalone) -> sympy.Symbol:
    if not isinstance(f, sympy.Expr):
        raise CaviError(f"found {type(f).__name__} {str(f)[:40]!r}; expected a SymPy expression")
    used = {s for v in member.args.values() for s in v.free_symbols}
    free = sorted(f.free_symbols - used, key=str)
    if len(free) != 1:
        found = ", ".join(map(str, free)) or "none but parameters"
        raise CaviError(f"{f} has the symbols {found}; say which one is the variable, symbol=x")
    return free[0]
