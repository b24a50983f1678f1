"""An identity as plain data: nested lists, dicts and strings, ready for JSON; all that `verify` sees.

The grammar of expressions, in which every node is a list that starts with its kind:

    ["num", "3/2"]  ["const", "pi"|"E"]  ["sym", name, real|positive|nonnegative|unit|whole]  ["label", name]
    ["var", name]  ["vec", name]  ["sample", name, label]
    ["add", [e, ...]]  ["mul", [e, ...]]  ["pow", base, exponent]  ["fn", name, [e, ...]]
    ["density", name, [variable, ...], [given, ...], [parameter, ...]]  ["iid", density, count]
    ["mass", body, [variable, ...]]  ["expect", body, law]  ["cov", f, g, law]
    ["kl", q, p]  ["fdiv", p, q, f, u]  ["entropy", q]  ["elbo", q, p]
    ["unknown", name, real|positive|vector|convex|slope, [argument, ...]]
    ["grad", body, symbol or component]  ["at", body, symbol, value]
    ["inner", a, b]  ["component", vector, label]
    ["total", body, label, count, label to leave out or 0]  ["average", ...]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from cavi.derive.identities import language as lang
from cavi.derive.identities.assumptions import Assumption, Definition, Factorises, Holds, Law, Pushforward

if TYPE_CHECKING:
    from cavi.derive.identities.proof import Identity

SCHEMA = 1
Plain = list[Any]

_NODES: dict[type[sympy.Basic], str] = {
    lang.Iid: "iid",
    lang.Expect: "expect",
    lang.Covariance: "cov",
    lang.KL: "kl",
    lang.FDivergence: "fdiv",
    lang.Entropy: "entropy",
    lang.Elbo: "elbo",
    lang.Gradient: "grad",
    lang.At: "at",
    lang.Inner: "inner",
    lang.Component: "component",
    lang.Total: "total",
    lang.Average: "average",
}


def plain(identity: Identity) -> dict[str, Any]:
    """The whole identity: assumptions, every step with its relation and its gap, the claim."""
    left, relation, right = identity.claim
    return {
        "schema": SCHEMA,
        "kind": "identity",
        "name": identity.name,
        "group": identity.group,
        "title": identity.title,
        "assumptions": [_assumption(a) for a in identity.assumptions],
        "steps": [
            {
                "before": expression(s.before),
                "relation": s.relation,
                "after": expression(s.after),
                "rule": s.rule.name,
                "gap": None if s.gap is None else expression(s.gap),
            }
            for s in identity
        ],
        "claim": {"left": expression(left), "relation": relation, "right": expression(right)},
    }


def _assumption(a: Assumption) -> Plain:
    match a:
        case Definition():
            return ["definition", expression(a.left), expression(a.right)]
        case Holds():
            return ["holds", expression(a.left), a.relation, expression(a.right), [expression(s) for s in a.solve_for]]
        case Pushforward():
            return ["pushforward", expression(a.density), expression(a.noise), expression(a.map)]
        case Factorises():
            return ["factorises", expression(a.joint), [expression(f) for f in a.factors]]
        case Law():
            return ["law", expression(a.density), a.family, {k: expression(v) for k, v in a.args.items()}]


def expression(e: sympy.Basic) -> Plain:
    """One expression of the language.

    Raises:
        TypeError: for a SymPy object outside the language.
    """
    match e:
        case lang.Variable():
            return ["var", e.name]
        case lang.Vector():
            return ["vec", e.name]
        case lang.Label():
            return ["label", e.name]
        case sympy.Symbol():
            return ["sym", e.name, _domain(e)]
        case sympy.Rational():
            return ["num", str(e)]
        case sympy.Add():
            return ["add", [expression(a) for a in e.args]]
        case sympy.Mul():
            return ["mul", [expression(a) for a in e.args]]
        case sympy.exp():
            return ["fn", "exp", [expression(e.args[0])]]
        case sympy.Pow():
            return ["pow", expression(e.base), expression(e.exp)]
        case lang.Sample():
            return ["sample", e.args[0].name, expression(e.args[1])]
        case lang.Density():
            return ["density", e.name, *([expression(v) for v in part] for part in e.args[1:])]
        case lang.Mass():
            return ["mass", expression(e.body), [expression(v) for v in e.variables]]
        case lang.Unknown():
            return ["unknown", e.name, e.kind, [expression(a) for a in e.arguments]]
        case lang.Node() if type(e) in _NODES:
            return [_NODES[type(e)], *(expression(a) for a in e.args)]
        case sympy.Function():
            return ["fn", type(e).__name__, [expression(a) for a in e.args]]
    if e in (sympy.pi, sympy.E):
        return ["const", str(e)]
    raise TypeError(f"the SymPy object {e!r} ({type(e).__name__}) is not part of the language of identities")


def _domain(s: sympy.Symbol) -> str:
    if isinstance(s, lang.Unit):
        return "unit"
    if s.is_integer:
        return "whole"
    if s.is_positive:
        return "positive"
    return "nonnegative" if s.is_nonnegative else "real"
