"""Factors of groups of rows that are updated with their rows, all times of a group in one compiled loop.

The NumPy module does this for batches of groups, each step of an update a function of arrays. Here a group is finished
before the next one begins: its rows of the other table, a few thousand numbers, stay in the nearest cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cavi.derive.canonical import add
from cavi.derive.term import ZERO, Function, Moment, Polynomial
from cavi.templates.numba.groups import Body, Known, Loops, NoLoop
from cavi.templates.numpy.inner import Inner, inner_of
from cavi.templates.numpy.planned import PlannedWriter
from cavi.templates.numpy.table_pass import InnerView, LoopsView, TablesView
from cavi.templates.numpy.tables import Tables

# exp(f(x)) where f is all that the logits have of an index.
EXPONENTIALS = {"digamma": "exp_digamma({})", "log": "{}"}


def with_loops(writer: PlannedWriter, views: Sequence[TablesView]) -> tuple[TablesView, ...]:
    """The passes with compiled loops for the factors of groups; where a formula has none, they are updated in turn."""
    return tuple(v if v.inner is None else replace(v, inner=_with_loops(writer, v)) for v in views)


def _with_loops(writer: PlannedWriter, view: TablesView) -> InnerView | None:
    assert view.inner is not None and writer.planner is not None
    plan = writer.tables[view.latent]
    inner = inner_of(writer.derived, plan, writer.planner)
    assert inner is not None
    try:
        return replace(view.inner, loops=_loops(writer, plan, inner))
    except NoLoop:
        return None


def _loops(writer: PlannedWriter, plan: Tables, inner: Inner) -> LoopsView:
    scope = writer.scope(f"natural {plan.latent}")
    loops = Loops(writer, plan, inner, Known(scope), {})
    logits = _logits(loops, plan)
    heights = _heights(loops, plan)
    updates = [
        (n, [line for f in writer.derived.update(n).formulas for line in loops.assigned(f)]) for n in inner.factors
    ]
    return LoopsView(
        body=writer.statements(scope),
        known=tuple(loops.known.code.items()),
        params=tuple((name, *key) for key, name in loops.params.items()),
        logits=tuple(logits),
        heights=tuple(heights),
        updates=tuple((n, tuple(text)) for n, text in updates),
    )


def _logits(loops: Loops, plan: Tables) -> list[str]:
    """The logits of a group, but for what is the same in all categories, which no softmax sees."""
    table = plan.tables[-1]
    at, axes = loops.places((table.place, plan.group))
    body = Body()
    code = loops.value(_inlined(loops, plan), at, body)
    return [*body.before, *loops.nested(axes, at, [*body.inside, f"out[{at[plan.group]}] = {code}"])]


def _heights(loops: Loops, plan: Tables) -> list[str]:
    """Their exponentials where they are a product of exp(ψ(x)) and x; nothing where they are not."""
    table = plan.tables[-1]
    at, axes = loops.places((table.place, plan.group))
    body, over, under = Body(), [], []
    for m in _inlined(loops, plan).monomials:
        match m.powers:
            case ((Function(name, (argument,)), 1),) if (
                name in EXPONENTIALS and abs(m.coefficient) == 1 and not m.bound
            ):
                code = loops.value(argument, at, body)
                plain = code if name == "digamma" or " " not in code else f"({code})"
                (over if m.coefficient > 0 else under).append(EXPONENTIALS[name].format(plain))
            case _:
                return []
    if not over and not under:
        return []
    code = " * ".join(over) or "1.0"
    code = " / ".join([code, *under])
    return [*body.before, *loops.nested(axes, at, [*body.inside, f"out[{at[plan.group]}] = {code}"])]


def _inlined(loops: Loops, plan: Tables) -> Polynomial:
    """What a table has of the categories, in parameters."""
    found = ZERO
    for m in plan.tables[-1].value.monomials:
        match m.powers:
            case ((Moment() as a, 1),) if a.factor in loops.inner.factors and not m.bound:
                found = add(found, loops.moment(a).scaled(m.coefficient))
            case _:
                found = add(found, Polynomial((m,)))
    return Polynomial(tuple(m for m in found.monomials if plan.group in m.free))
