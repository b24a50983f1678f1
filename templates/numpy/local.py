"""The functions of a local update that is a matrix product: features, natural parameters, sums, a pass over blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cavi.derive.index import Index
from cavi.derive.term import Monomial, Polynomial, from_atom
from cavi.templates.numpy.arrays import Operand, Scope, spread
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.features import Column, Features
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import CAST, shape_comment
from cavi.templates.numpy.statistics import Statistic


@dataclass(frozen=True)
class LocalView:
    """What the templates print for one factor whose logits are T(x) @ η.T.

    Attributes:
        latent: the category, or vectors.
        target: the parameter that is a product.
        rows, groups: the sizes of its axes.
        row: the index over rows.
        width: the number of lines of T, as Python.
        unpacked: the statement that names the sizes.
        columns: the features in words, in their order.
        ones: the lines of T that are ones, as subscripts.
        features, natural: the bodies that compute T and η.
        reads: the latents that the sums of features read, the category among them.
        collected: whether fit need not keep q of the category during sweeps.
        moment: the name of its moment.
    """

    latent: str
    target: str
    rows: str
    groups: str
    row: str
    width: str
    unpacked: str
    columns: str
    ones: tuple[str, ...]
    features: tuple[str, ...]
    natural: tuple[str, ...]
    reads: tuple[str, ...]
    collected: bool
    moment: str


def width(c: Column) -> str:
    """The number of columns of T that a feature takes, as Python."""
    if c.pair is not None:
        (size,) = {i.size for i in c.axes}
        return f"{size} * ({size} + 1) // 2"
    return " * ".join(i.size for i in c.axes) or "1"


def lines_of(plan: Features) -> str:
    """The number of lines of T, as Python."""
    return _added([width(c) for c in plan.columns])


def sizes_of(plan: Features) -> list[str]:
    """The sizes of rows, groups and features."""
    return [i.size for i in (plan.row, plan.group, *(a for c in plan.columns for a in c.axes))]


def ones(plan: Features) -> tuple[str, ...]:
    """The lines of T that are ones, which are written once for all blocks."""
    return tuple(place(plan, c) for c in plan.columns if not c.monomial.powers)


def fills(plan: Features, scope: Scope) -> list[str]:
    """The statements that write the features of a block of rows, but for ones, into the lines of `out`."""
    lines: list[str] = []
    written: dict[str, str] = {}
    for c in plan.columns:
        for i in c.axes:
            scope.size(i.size)
        if not c.monomial.powers:
            continue
        target = f"out[{place(plan, c)}]"
        lines.extend(_fill(target, c, plan, scope, written))
    return lines


def _fill(target: str, c: Column, plan: Features, scope: Scope, written: dict[str, str]) -> list[str]:
    """A feature for a block of rows; what stands in lines above, side by side in memory, is read there."""
    row = next(iter(_row_of(c)), plan.row)
    if c.pair is not None:
        atom, power = c.pair
        one = polynomial(from_atom(atom, power), scope, (c.axes[0], row)).code
        others = tuple((a, e) for a, e in c.monomial.powers if not set(c.axes) & Monomial(e, ((a, e),)).free)
        lines = [f"{scope.helper('pairs')}({written.get(one, one)}, {target})"]
        if others:
            rest = polynomial(Polynomial((Monomial(c.monomial.coefficient, others, c.monomial.bound),)), scope)
            lines.append(f"{target} *= {rest.code}")
        return lines
    match c.monomial.powers:
        case ((base, 2),) if not c.monomial.bound and len(c.axes) <= 1:
            one = spread(polynomial(from_atom(base), scope), (*c.axes, row))
            return [f"np.square({written.get(one, one)}, out={target})"]
    whole = polynomial(Polynomial((c.monomial,)), scope)
    code = spread(whole, (*c.axes, row))
    if len(c.axes) > 1:
        bare = code if whole.plain or code != whole.code else f"({code})"
        code = f"{bare}.reshape(-1, out.shape[1])"
    written.setdefault(code, target)
    return assign(f"{target} =", code)


def without_casts(unpacked: Sequence[str], body: Sequence[str]) -> list[str]:
    """The statements that name arrays of a block, those that are only copied into lines of `out` as they are.

    The copy has the precision of `out`; a cast before it would go over the rows once more.
    """
    found = []
    for line in unpacked:
        name = line.partition(" = ")[0]
        uses = [s for s in body if re.search(rf"\b{re.escape(name)}\b", s)]
        copied = len(uses) == 1 and re.fullmatch(rf"out\[[^]]*\] = {re.escape(name)}(\.T)?", uses[0])
        found.append(line.removesuffix(CAST) if copied else line)
    return found


def _row_of(c: Column) -> list[Index]:
    return [i for i in c.monomial.free if i.name == "row"]


def weight(c: Column, p: Polynomial, plan: Features, scope: Scope) -> str:
    """What multiplies a feature in the logits, as an array over groups and columns."""
    axes = (plan.group, *c.axes)
    code = polynomial(p, scope, axes).code
    if not set(axes) <= set(p.free):
        code = f"np.broadcast_to({code}, {shape_comment(scope.size(i.size) for i in axes)})"
    elif not _simple(code):
        code = f"({code})"
    if c.pair is not None:
        inside = code[1:-1] if code.startswith("(") and _simple(code[1:-1]) is False else code
        return f"{scope.helper('packed')}({inside})"
    if len(axes) == 1:
        return f"{code}[:, None]"
    return code if len(axes) == 2 else f"{code}.reshape({scope.size(plan.group.size)}, -1)"


def _simple(code: str) -> bool:
    depth = 0
    for c in code:
        depth += c in "([{"
        depth -= c in ")]}"
        if depth == 0 and c in " -":
            return False
    return True


def stacked(parts: Sequence[str], how: str = "hstack", end: str = "") -> list[str]:
    """``return np.hstack([...])``, one part a line where they are long; a list where there is no `how`."""
    opening, closing = (f"return np.{how}(", f"){end}") if how else ("return ", end)
    whole = f"{opening}[{', '.join(parts)}]{closing}"
    if len(whole) <= 100:
        return [whole]
    lines = [line for p in parts for line in assign("", p, end=",")]
    if not how:
        return ["return [", *(f"    {line.strip()}" for line in lines), f"]{end}"]
    return [opening, "    [", *(f"        {line.strip()}" for line in lines), "    ]", closing]


def place(plan: Features, column: Column) -> str:
    """The columns of T at which a feature stands, as the subscript of an axis."""
    before = [width(c) for c in plan.columns[: plan.columns.index(column)]]
    start = _added(before)
    if not column.axes:
        return start
    last = column == plan.columns[-1]
    return f"{start if before else ''} : {'' if last else _added([*before, width(column)])}".strip()


def _added(widths: Sequence[str]) -> str:
    ones = sum(w == "1" for w in widths)
    others = [w for w in widths if w != "1"]
    return " + ".join([*([str(ones)] if ones or not others else []), *others])


def total(s: Statistic, plan: Features, scope: Scope) -> Operand | None:
    """A statistic as columns of the sums of all features, if it is one."""
    found = plan.column_of(s)
    if found is None:
        return None
    column, axes = found
    sums = f"sums_{plan.latent}(state)[:, {place(plan, column)}]"
    for i in column.axes:
        scope.size(i.size)
    for c in plan.columns[: plan.columns.index(column)]:
        for i in c.axes:
            scope.size(i.size)
    if column.pair is not None:
        sums = f"{scope.helper('unpacked')}({sums}, {column.axes[0].size})"
    elif len(column.axes) > 1:
        shape = ", ".join(scope.size(i.size) for i in column.axes)
        sums = f"{sums}.reshape(-1, {shape})"
    return Operand(spread(Operand(sums, axes), s.axes), s.axes)
