"""Rules of sums and means over an index: copies of a variable, data, components."""

from __future__ import annotations

from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.expectations import CONSTANT, EXPECTATION, LINEARITY, SUM_OF_SUMS
from cavi.derive.identities.language import (
    Average,
    Expect,
    Iid,
    Sample,
    Total,
)
from cavi.derive.identities.rewriting import Rewrite

SYMMETRY = Rule("symmetry of a mean", "Each term is left out once, so the mean of the partial means is the whole mean.")
INDEPENDENT = Rule(
    "independence",
    "Independent copies have equal laws; what concerns one of them is averaged under its own density.",
)


def _one_copy(e: Expr) -> Expr | None:
    """E over all copies of something about one of them is E under its own density."""
    if not isinstance(e, Expect) or not isinstance(e.law, Iid):
        return None
    copies = e.body.atoms(Sample)
    if len({c.args[1] for c in copies}) != 1 or e.body.atoms(Total):
        return None
    return Expect(e.body.xreplace({c: c.args[0] for c in copies}), e.law.density)


def _into_total(e: Expr) -> Expr | None:
    """E[mean_k f] = mean_k E[f]."""
    if isinstance(e, Expect) and isinstance(e.body, Total):
        body, *rest = e.body.args
        return type(e.body)(Expect(body, e.law), *rest)
    return None


def _same_for_all(e: Expr) -> Expr | None:
    """The mean of what does not depend on the index is that; the sum is a multiple."""
    if isinstance(e, Total) and e.args[1] not in e.args[0].free_symbols:
        size = e.args[2] - (1 if e.args[3] != 0 else 0)
        return e.args[0] if isinstance(e, Average) else size * e.args[0]
    return None


def _leave_one_out(e: Expr, j: Expr) -> Expr | None:
    """The mean of all is the mean over j of the mean of all but the j-th."""
    if not isinstance(e, Average) or e.args[3] != 0:
        return None
    body, k, count, _ = e.args
    return Average(Average(body, k, count, j), j, count)


def leave_one_out(j: Expr) -> Rewrite:
    """mean_k f_k = mean_j mean_{k≠j} f_k."""
    return Rewrite(SYMMETRY, lambda e: _leave_one_out(e, j))


def _fewer_copies(e: Expr) -> Expr | None:
    """E over K + 1 copies of something about all but one of them is E over K copies."""
    if not isinstance(e, Expect) or not isinstance(e.law, Iid):
        return None
    partial = [a for a in e.body.atoms(Average) if a.args[3] != 0]
    if len(partial) != 1:
        return None
    body, k, count, _ = partial[0].args
    fewer = count - 1
    return Expect(e.body.xreplace({partial[0]: Average(body, k, fewer)}), Iid(e.law.density, fewer))


FEWER_COPIES = Rewrite(INDEPENDENT, _fewer_copies)


def _as_total(e: Expr) -> Expr | None:
    """mean_n N f_n = Σ_n f_n over n ≤ N."""
    if not isinstance(e, Average) or e.args[3] != 0:
        return None
    body, n, count, without = e.args
    factor, rest = body.as_independent(n, as_Add=False)
    return factor / count * Total(rest, n, count, without)


AS_TOTAL = Rewrite(EXPECTATION, _as_total)


def _split_last(e: Expr) -> Expr | None:
    """mean_{n ≤ T + 1} f_n = (T mean_{n ≤ T} f_n + f_{T + 1})/(T + 1)."""
    if not isinstance(e, Average) or e.args[3] != 0 or not (e.args[2] - 1).is_positive:
        return None
    body, n, count, _ = e.args
    return ((count - 1) * Average(body, n, count - 1) + body.xreplace({n: count})) / count


SPLIT_LAST = Rewrite(SUM_OF_SUMS, _split_last)


def _triangular(e: Expr) -> Expr | None:
    """Σ_{i ≤ D} i = D (D + 1)/2."""
    if isinstance(e, Total) and not isinstance(e, Average) and e.args[0] == e.args[1] and e.args[3] == 0:
        return e.args[2] * (e.args[2] + 1) / 2
    return None


ARITHMETIC_SERIES = Rewrite(Rule("sum of the first whole numbers", "1 + 2 + … + D = D (D + 1)/2."), _triangular)
ONE_COPY = Rewrite(INDEPENDENT, _one_copy)
INTO_TOTAL = Rewrite(LINEARITY, _into_total)
SAME_FOR_ALL = Rewrite(CONSTANT, _same_for_all)
