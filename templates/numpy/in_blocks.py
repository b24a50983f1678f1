"""Sums over rows of products of what several tables have at observed integers, a block of rows after another.

Σ_nk E[u[i[n],k]] E[v[j[n],k]] E[w[l[n],k]] in one piece is arrays of all rows and k, which are as large as nothing else
in a run; a sum over rows is one over blocks of them, whose arrays stay in the cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cavi.derive.index import Gather, Index
from cavi.derive.term import Atom, Element, Moment, Monomial, atom_indices
from cavi.templates.numpy.layout import assign


def row_in_blocks(m: Monomial, among: Iterable[Index], rows: frozenset[str]) -> Index | None:
    """Which of some indices of such a product is over rows: of every array the first axis, or what it is read by."""
    running = [i for i in among if i.size in rows]
    if len(running) != 1 or len([i for i in m.free | set(m.bound) if i.size in rows]) != 1:
        return None
    (row,) = running
    over = [a for a in m.atoms if row in set(atom_indices(a))]
    read = [a for a in over if isinstance(a, Moment) and any(isinstance(s, Gather) for s in a.subs)]
    wide = [a for a in read if set(atom_indices(a)) - {row}]
    return row if len(wide) > 1 and all(_by_row(a, row) for a in over) else None


def _by_row(a: Atom, row: Index) -> bool:
    """Whether an array has `row` as its first axis and nowhere else, or reads it through integers of one row."""
    if not isinstance(a, Element | Moment):
        return False
    places = [p for p, s in enumerate(a.subs) if s == row]
    gathers = [s for s in a.subs if isinstance(s, Gather)]
    return places in ([], [0]) and all(g.subs == (row,) for g in gathers)


def added_in_blocks(unpacked: Sequence[str], lines: Sequence[str], code: str, row: Index) -> list[str]:
    """The body that adds the sum up over blocks; arrays over rows are those whose comment has that axis first."""
    of_rows = [line for line in unpacked if f"# ({row.size}," in line]
    sizes = [line for line in unpacked if line not in of_rows]
    cut = [re.sub(r"  # .*", "[rows]", line) for line in of_rows]
    return [
        *sizes,
        "total = 0.0",
        f"for rows in blocks({row.size}):",
        *(f"    {line.partition('  # ')[0]}" for line in [*cut, *lines]),
        *(f"    {line}" for line in assign("total +=", code)),
        "return total",
    ]


def filled_in_blocks(name: str, lines: Sequence[str], code: str, row: Index, of_rows: Iterable[str]) -> list[str]:
    """The statements that make what has a number for each row, given the names of arrays over rows."""
    names = re.compile(rf"\b({'|'.join(of_rows)})\b")
    cut = [names.sub(r"\1[rows]", line.partition("  # ")[0]) for line in lines]
    return [
        f"{name} = np.empty({row.size})",
        f"for rows in blocks({row.size}):",
        *(f"    {line}" for line in cut),
        *(f"    {line}" for line in assign(f"{name}[rows] =", names.sub(r"\1[rows]", code))),
    ]
