"""A derivation as plain data: nested lists, dicts and strings, ready for JSON.

The grammar is written down in ``docs/architecture.md``; it is all that `verify` and a certificate see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from cavi.derive.canonical import add
from cavi.derive.distribution import Distribution
from cavi.derive.errors import CaviError
from cavi.derive.expression import (
    Add,
    AnySub,
    Apply,
    Condition,
    Expr,
    InverseOf,
    Mul,
    NamedConstant,
    Number,
    Power,
    Probabilities,
    Ref,
    Selector,
    SizeOf,
    SumOver,
    map_subs,
    replace_running,
)
from cavi.derive.index import Gather, Index, Literal, Shift
from cavi.derive.log_joint import linked_at, log_joint
from cavi.derive.model import Model, Variable
from cavi.derive.optimum import Link as QLink
from cavi.derive.relaxations.relaxation import Relaxation
from cavi.derive.result import ArrayOperation, Derived, Formula, Integral, Projected, Update
from cavi.derive.term import (
    Atom,
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Matrix,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Size,
)

SCHEMA = 2
Plain = list[Any]


def plain(derived: Derived) -> dict[str, Any]:
    """The whole result: model, factors, ELBO and derivations."""
    return {
        "schema": SCHEMA,
        "model": plain_model(derived.model),
        "marginalised": list(derived.marginalised),
        "marginal": _marginal(derived),
        "exact": _exact(derived),
        "relaxed": [_relaxed(r) for r in derived.relaxations],
        "factors": [_factor(u) for u in derived.updates],
        "elbo": [{"name": t.name, "kind": t.kind, "value": polynomial(t.value)} for t in derived.elbo.closed_terms],
        "derivations": [
            {
                "title": u.derivation.title,
                "factor": u.factor.name,
                "steps": [
                    {
                        "before": polynomial(s.before),
                        "after": polynomial(s.after),
                        "rule": s.rule.name,
                        "relation": s.relation,
                        "factor": u.factor.name,
                    }
                    for s in u.derivation
                ],
            }
            for u in derived.updates
        ],
    }


def _marginal(derived: Derived) -> dict[str, Any] | None:
    """What integrating latents out has made of the log joint: the densities replaced, and what replaces them."""
    if not derived.marginalised:
        return None
    before, after = log_joint(derived.model), derived.log_density
    replaced = [n for n, p in before.items() if after.get(n) != p]
    value = add(*(p for n, p in after.items() if before.get(n) != p))
    return {"nodes": replaced, "value": polynomial(value)}


def _relaxed(r: Relaxation) -> dict[str, Any]:
    """What stands in the place of a node's log density, and where a bound touches it."""
    touches = []
    for name, tangent in r.tangents.items():
        touches.append([name, _axes(tangent.variable.indices), polynomial(tangent.touches)])
    return {
        "node": r.node,
        "kind": r.kind,
        "rule": r.name,
        "variables": list(r.variables),
        "value": polynomial(r.value),
        "touches": touches,
        **({} if r.through is None else {"through": polynomial(r.through)}),
        **({"tilts": list(r.tilts)} if r.tilts else {}),
    }


def _exact(derived: Derived) -> dict[str, Any] | None:
    """The log evidence that is claimed to be exact, in the parameters of the one factor."""
    if derived.relaxations:
        return None
    try:
        found = derived.exact
    except CaviError:
        return None
    return {"factor": found.posterior.factor.name, "evidence": polynomial(found.evidence)}


def plain_model(model: Model) -> dict[str, Any]:
    """The declaration."""
    return {
        "name": model.name,
        "title": model.title,
        "sizes": list(model.sizes),
        "variables": [_variable(v) for v in model.variables],
    }


def _variable(v: Variable) -> dict[str, Any]:
    distribution = None
    if v.distribution is not None:
        distribution = _distribution(v.distribution)
    chain = None
    if v.chain is not None:
        chain = {
            "index": [v.chain.index.name, v.chain.index.size],
            "linked": polynomial(linked_at(v.chain)),
            "initial": _distribution(v.chain.initial),
        }
    return {
        "name": v.name,
        "role": v.role,
        "plates": _axes(v.plates),
        "event": _axes(v.event),
        "over": None if v.over is None else [v.over.name, v.over.size],
        "domain": v.domain,
        "weight": None if v.weight is None else expression(v.weight),
        "distribution": distribution,
        "constraint": None if v.constraint is None else expression(v.constraint),
        "chain": chain,
        **({"sparse": True} if v.sparse else {}),
    }


def _distribution(d: Distribution) -> dict[str, Any]:
    return {"name": d.family, "args": {k: expression(a) for k, a in d.args.items()}}


def _factor(u: Update) -> dict[str, Any]:
    f = u.factor
    return {
        "name": f.name,
        "latents": list(f.latents),
        "plates": _axes(f.plates),
        "event": _axes(f.event),
        "sequential": _axes(f.sequential),
        **({"chosen": u.chosen} if u.chosen else {}),
        **({} if u.climbs is None else {"climbs": list(u.climbs)}),
        **({"told_by": list(u.told_by)} if u.told_by else {}),
        **({"way_back": [_formula(p, u) for p in u.way_back]} if u.way_back else {}),
        "point": f.point,
        "weight": None if f.weight is None else polynomial(f.weight),
        "families": {n: str(family) for n, family in u.families.items()},
        "statistics": [[polynomial(t), polynomial(c)] for t, c in u.statistics],
        "parameters": [_formula(p, u) for p in u.formulas],
        "moments": [
            {
                "key": s.key,
                "indices": _axes(s.indices),
                "pattern": polynomial(s.pattern),
                "value": None if s.value is None else polynomial(s.value),
            }
            for s in u.moment_specs
        ],
        "entropy": polynomial(u.entropy),
        "log_q": polynomial(u.log_q),
        "q": [_link(link, u) for link in u.density],
    }


def _link(link: QLink, u: Update) -> dict[str, Any]:
    def distribution(args: Mapping[str, Polynomial]) -> dict[str, Any]:
        return {"name": link.family, "args": {k: polynomial(a) for k, a in args.items()}}

    chain = None
    if link.chain is not None:
        chain = {
            "index": [link.chain.index.name, link.chain.index.size],
            "linked": polynomial(link.chain.linked),
            "last": distribution(link.chain.last),
        }
    return {
        "latent": link.latent,
        "plates": _axes(link.plates),
        "event": _axes(link.event),
        "over": None if link.over is None else [link.over.name, link.over.size],
        "distribution": distribution(link.args),
        "chain": chain,
    }


def _formula(f: Formula, u: Update) -> dict[str, Any]:
    value: Plain
    if isinstance(f.value, Integral | Projected):
        value = ["integral", f.value.name, None if f.value.pattern is None else polynomial(f.value.pattern)]
    elif isinstance(f.value, ArrayOperation):
        value = ["array", f.value.name, f.value.argument, f.value.axes]
    else:
        value = polynomial(f.value)
    return {
        "latent": f.latent,
        "name": f.name,
        "indices": _axes(f.indices),
        "role": "derived" if f.role == "marginal" else f.role,
        "domain": u.domain(f),
        "value": value,
        "along": None if f.along is None else [[f.along[0].name, f.along[0].size], f.along[1]],
    }


def _axes(indices: Iterable[Index]) -> list[list[str]]:
    return [[i.name, i.size] for i in indices]


def _number(value: Fraction) -> Plain:
    return ["num", str(value)]


def subscript(sub: AnySub) -> Plain:
    """A subscript."""
    match sub:
        case Index():
            return ["index", sub.name, sub.size]
        case Literal():
            return ["int", sub.value, sub.size]
        case Gather():
            return ["gather", sub.name, [subscript(s) for s in sub.subs], sub.size]
        case Shift():
            return ["shift", subscript(sub.base), sub.offset]
        case Selector():
            return ["select", sub.name, [subscript(s) for s in sub.subs], sub.size]


def expression(expr: Expr) -> Plain:
    """A whiteboard expression, as the user declared it; summed indices get the plain names of their sets."""
    match expr:
        case Number():
            return _number(expr.value)
        case NamedConstant():
            return ["const", expr.name]
        case SizeOf():
            return ["size", expr.size]
        case Ref():
            return ["ref", expr.name, [subscript(s) for s in expr.subs]]
        case Add():
            return ["add", [expression(t) for t in expr.terms]]
        case Mul():
            return ["mul", [expression(f) for f in expr.factors]]
        case Power(exponent=Number(value=value)):
            return ["pow", expression(expr.base), str(value)]
        case Power():
            return ["fn", "pow", [expression(expr.base), expression(expr.exponent)]]
        case Apply(name="probit"):
            ends = [["const", "minus_infinity"], *map(expression, expr.args)]
            return ["fn", "exp", [["fn", "log_normal_interval", ends]]]
        case Apply():
            return ["fn", expr.name, [expression(a) for a in expr.args]]
        case SumOver():
            name = expr.index.name.partition(".")[0]
            taken = {i.name for i in expr.body.free()} | _summed(expr.body)
            while name in taken:
                name += "_"
            index = Index(name, expr.index.size)
            body = map_subs(expr.body, lambda s: replace_running(s, expr.index, index))
            return ["sum", _axes([index]), expression(body)]
        case Condition(name="same", subs=(left, right)):
            return ["delta", subscript(left), subscript(right)]
        case Condition():
            return [expr.name, *(subscript(s) for s in expr.subs)]
        case InverseOf():
            row, column = (Index(f"{i.name.partition('.')[0]}_{p}", i.size) for p, i in _sides(expr))
            body = map_subs(
                expr.body, lambda s: replace_running(replace_running(s, expr.row, row), expr.column, column)
            )
            return ["inverse", *_axes([row, column]), expression(body), *(subscript(s) for s in expr.subs)]
        case Probabilities():
            return expression(expr.body)
    raise TypeError(f"no plain form for {type(expr).__name__}")


def _sides(expr: InverseOf) -> tuple[tuple[str, Index], tuple[str, Index]]:
    return ("row", expr.row), ("column", expr.column)


def _summed(expr: Expr) -> set[str]:
    """The names that sums inside an expression will get, or may get."""
    inner = {n for c in expr.children for n in _summed(c)}
    if isinstance(expr, SumOver):
        name = expr.index.name.partition(".")[0]
        while name in inner:
            name += "_"
        inner.add(name)
    return inner


def polynomial(p: Polynomial) -> Plain:
    """A polynomial."""
    terms = [_monomial(m) for m in p.monomials]
    return terms[0] if len(terms) == 1 else ["add", terms] if terms else _number(Fraction(0))


def _monomial(m: Monomial) -> Plain:
    factors = [_atom(a) if e == 1 else ["pow", _atom(a), str(e)] for a, e in m.powers]
    if m.coefficient != 1 or not factors:
        factors.insert(0, _number(m.coefficient))
    body = factors[0] if len(factors) == 1 else ["mul", factors]
    return ["sum", _axes(m.bound), body] if m.bound else body


def _atom(atom: Atom) -> Plain:
    match atom:
        case Constant():
            return ["const", atom.name]
        case Size():
            return ["size", atom.name]
        case Element():
            return ["ref", atom.name, [subscript(s) for s in atom.subs]]
        case Indicator():
            return ["is", atom.name, [subscript(s) for s in atom.subs], subscript(atom.value)]
        case Delta():
            return ["delta", subscript(atom.left), subscript(atom.right)]
        case Moment():
            return ["moment", atom.factor, atom.key, [subscript(s) for s in atom.subs]]
        case Parameter():
            return ["param", atom.latent, atom.name, [subscript(s) for s in atom.subs]]
        case Function():
            return ["fn", atom.name, [polynomial(a) for a in atom.args]]
        case Link(starts=None):
            return ["link", subscript(atom.sub)]
        case Link(starts=starts):
            assert starts is not None
            mark = ["ref", starts[0], [subscript(s) for s in starts[1]]]
            other = ["add", [_number(Fraction(1)), ["mul", [_number(Fraction(-1)), mark]]]]
            return ["mul", [["link", subscript(atom.sub)], other]]
        case Before():
            return ["before", subscript(atom.left), subscript(atom.right)]
        case Matrix():
            sides = _axes([atom.row, atom.column])
            return [atom.name, *sides, polynomial(atom.value), *(subscript(s) for s in atom.subs)]
