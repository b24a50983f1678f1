r"""E_q[f] of a distribution that stands alone, term by term, from the moments of its family.

    f = Σ_i c_i f_i(x),   E_q[f] = Σ_i c_i E_q[f_i]

Before a moment is used, the growth of its integrand at the ends of the support says whether it exists; where one does
not, the fastest of those that diverge decides between ∞ and -∞. No integral is looked up: `families` derives every
moment from its log-normaliser, and a finite support is summed.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy

from cavi.derive import growth
from cavi.derive.errors import CaviError
from cavi.derive.evaluable import evaluable
from cavi.derive.families.moments import exponential, tidy
from cavi.derive.families.split import X
from cavi.derive.growth import End
from cavi.derive.pieces import Piece, above, mirrored
from cavi.derive.standalone import Standalone
from cavi.derive.support import DISCRETE, ends

MAX_VALUES = 200
_POSITIVE = sympy.Dummy("x", positive=True)
_REST = sympy.Dummy("1 - x", positive=True)


class NoClosedForm(CaviError):
    """An expectation that exists but has no closed form here."""


def expected(body: sympy.Expr, member: Standalone) -> sympy.Expr:
    """E[body] for an expression in `X`; ±∞ where it diverges.

    Raises:
        CaviError: naming the term that has no closed form, or those that diverge in both directions.
    """
    infinite = _divergence(body, member)
    if infinite is not None:
        return infinite
    if (halves := mirrored(member)) is not None:
        return expected(_folded(body, halves), halves[0].member)
    value = evaluable(sympy.Add(*(_term(t, member) for t in expanded(body, member))))
    return min(sympy.expand_mul(value), tidy(value), key=sympy.count_ops)


def needed(body: sympy.Expr, member: Standalone) -> Iterator[sympy.Expr]:
    """Expressions that must be positive for E[body] to exist."""
    if (halves := mirrored(member)) is not None:
        yield from needed(_folded(body, halves), halves[0].member)
        return
    for term in expanded(body, member):
        for end in limits(member):
            condition = _verdict(term, member, end).condition
            if condition is not None:
                yield condition


def _folded(body: sympy.Expr, halves: tuple[Piece, Piece]) -> sympy.Expr:
    """The average over both halves. Of |x - c| it is that of |d + X| and |d - X| with d = |m - c|, either way round."""

    def shifted(size: sympy.Abs, piece: Piece) -> sympy.Expr:
        inner = size.args[0].xreplace({X: piece.value})
        slope = inner.diff(X)
        if slope == 0 or slope.has(X):
            return abs(inner)
        distance = abs(sympy.expand_mul(inner.subs(X, 0) / slope))
        return abs(slope) * abs(distance + (X if piece is halves[0] else -X))

    total = sympy.S.Zero
    for term in sympy.Add.make_args(sympy.expand_mul(sympy.expand_multinomial(body))):
        rest, pattern = term.as_independent(X, as_Add=False)
        for piece in halves:
            if isinstance(pattern, sympy.Abs):
                total += piece.probability * rest * shifted(pattern, piece)
            else:
                total += piece.probability * rest * pattern.xreplace({X: piece.value})
    return total


def limits(member: Standalone) -> tuple[End, ...]:
    """The ends at which an integral may diverge: none where there are finitely many values, or on the circle."""
    if member.family.support in ("binary", "bounded_count", "angle"):
        return ()
    low, high = ends(member)
    if member.family.support in DISCRETE:
        return (End(high, 1),)
    # A number that x may approach from above, or ∞, has side 1.
    return End(low, -1 if low.is_infinite else 1), End(high, 1 if high.is_infinite else -1)


def expanded(body: sympy.Expr, member: Standalone) -> tuple[sympy.Expr, ...]:
    """The terms of a function, with logs and powers of products taken apart where x is positive."""
    low, high = ends(member)
    body = body.replace(lambda e: isinstance(e, sympy.Abs) and e.has(X), lambda e: _signed(e, low, high))
    body = body.replace(lambda e: isinstance(e, sympy.sinh | sympy.cosh | sympy.tanh), lambda e: e.rewrite(sympy.exp))
    if low.is_nonnegative:
        body = body.xreplace({1 - X: _REST}) if high == 1 else body
        body = body.xreplace({X: _POSITIVE})
        body = sympy.expand_power_base(sympy.expand_log(body)).xreplace({_POSITIVE: X, _REST: 1 - X})
    body = sympy.expand_mul(sympy.expand_multinomial(body))
    terms: tuple[sympy.Expr, ...] = sympy.Add.make_args(sympy.expand_power_exp(body) if body.has(sympy.exp) else body)
    return terms


def _signed(size: sympy.Abs, low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
    """|a + b x| without bars where its sign is the same on the whole support."""
    inner = size.args[0]
    slope = inner.diff(X)
    if slope.has(X) or slope == 0:
        return size
    ends_of = [inner.subs(X, e) if not e.is_infinite else slope * e for e in (low, high)]
    if all(e.is_extended_nonnegative for e in ends_of):
        return inner
    return -inner if all(e.is_extended_nonpositive for e in ends_of) else size


def _verdict(term: sympy.Expr, member: Standalone, end: End) -> growth.Verdict:
    if not term.has(X):
        return growth.Verdict(True)
    try:
        return growth.verdict(member.log_density, term, end)
    except growth.UnknownGrowth as error:
        raise _none(term, member) from error


def _none(term: sympy.Expr, member: Standalone) -> NoClosedForm:
    return NoClosedForm(
        f"no closed form for E[{term}] under {member}; expected sums and products of the statistics of "
        f"{member.family} ({', '.join(map(str, member.family.statistics))}) and of what its moments give"
    )


def _divergence(body: sympy.Expr, member: Standalone) -> sympy.Expr | None:
    """∞ or -∞ where E[body] diverges; None where it converges, in symbols as far as known.

    Each half of a mirrored distribution is asked on its own: averaged first, infinities could cancel.
    """
    if (halves := mirrored(member)) is None:
        terms = expanded(body, member)
        diverging = [(t, e) for t in terms for e in limits(member) if not _verdict(t, member, e).converges]
        return _infinite(diverging, member) if diverging else None
    sides = {_divergence(body.xreplace({X: piece.value}), piece.member) for piece in halves} - {None}
    if len(sides) == 2:
        raise CaviError(f"the expectation does not exist under {member}: E[{body}] diverges in both directions")
    return sides.pop() if sides else None


def _infinite(diverging: list[tuple[sympy.Expr, End]], member: Standalone) -> sympy.Expr:
    """∞ or -∞, as the fastest of the diverging terms says at every end.

    Raises:
        CaviError: when they disagree, or their signs are not known.
    """
    signs = set()
    for end in {e for _, e in diverging}:
        sizes = [growth.of_factors(t, end) for t, e in diverging if e == end]
        for size, sign in sizes:
            ratios = [growth.leading(growth.minus(size, other)) for other, _ in sizes if other is not size]
            if all(r is not None and r.is_positive for r in ratios):
                signs.add(sign)
                break
        else:
            signs.add(sympy.nan)
    if signs == {1}:
        return sympy.oo
    if signs == {-1}:
        return -sympy.oo
    shown = ", ".join(f"E[{t}]" for t in dict.fromkeys(t for t, _ in diverging))
    raise CaviError(f"the expectation does not exist under {member}, or its sign is not known: {shown} diverges")


def _term(term: sympy.Expr, member: Standalone) -> sympy.Expr:
    """The expectation of one term that is known to exist."""
    factor, pattern = term.as_independent(X, as_Add=False)
    if pattern == 1:
        return factor
    value = _moment(pattern, member)
    if value is None:
        value = _by_parts(pattern, member)
    if value is None:
        value = _by_values(pattern, member)
    if value is None or value.has(sympy.nan, sympy.zoo) or value.is_extended_real is False:
        raise _none(pattern, member)
    return factor * value


def _moment(pattern: sympy.Expr, member: Standalone) -> sympy.Expr | None:
    """From the calculus of the family; cos and sin by the characteristic function, or as powers of cos x and sin x."""
    value = member.family.moment(pattern)
    if value is None and pattern.has(sympy.cos, sympy.sin):
        powers = sympy.expand(sympy.expand_trig(pattern))
        value = member.family.moment(powers) if powers != pattern else None
        if value is None and limits(member):  # a finite support is summed, which is simpler
            value = _by_characteristic(pattern, member)
    return None if value is None else member.put_in(value)


def _by_characteristic(pattern: sympy.Expr, member: Standalone) -> sympy.Expr | None:
    """E[f cos(s x)] as the real part of E[f e^{isx}]."""
    turned = sympy.expand_power_exp(sympy.expand_mul(pattern.rewrite(sympy.exp)))
    value = member.family.moment(turned)
    if value is None or any(f.has(sympy.I) for f in value.atoms(sympy.Function) if not f.func == sympy.exp):
        return None  # only of powers and exponentials is the branch known
    return sympy.Add(*(t.as_real_imag()[0] for t in sympy.Add.make_args(sympy.expand_mul(value))))


def _by_parts(pattern: sympy.Expr, member: Standalone) -> sympy.Expr | None:
    """E[|a + b x| g] = E[g y] + 2 P(x > c) E[-g y | x > c] for b < 0, y = a + b x, c its zero; b > 0 likewise."""
    sizes = [f for f in sympy.Mul.make_args(pattern) if isinstance(f, sympy.Abs)]
    if len(sizes) != 1:
        return None
    (size,) = sizes
    inner = size.args[0]
    slope = inner.diff(X)
    if slope == 0 or slope.has(X):
        return None
    zero = -sympy.expand(inner - slope * X) / slope
    low, high = ends(member)
    if not ((zero - low).is_extended_nonnegative and (high - zero).is_extended_nonnegative):
        return None
    piece = above(member, zero)
    if piece is None:
        return None
    rest = abs(slope) * (X - zero) * pattern / size
    upper = expected(rest.xreplace({X: piece.value}), piece.member)
    return 2 * piece.probability * upper - expected(rest, member)


def _by_values(pattern: sympy.Expr, member: Standalone) -> sympy.Expr | None:
    """The sum over a finite support; None where it is not, or has too many values."""
    if member.family.support not in ("binary", "bounded_count"):
        return None
    last = ends(member)[1]
    if not last.is_Integer or last > MAX_VALUES:
        return None
    total = sympy.S.Zero
    for value in range(int(last) + 1):
        at = pattern.subs(X, value)
        if at.has(sympy.nan, sympy.zoo, sympy.oo):
            raise CaviError(f"E[{pattern}] does not exist under {member}: it is not finite at {value}")
        total += at * exponential(member.log_density.subs(X, value))
    return total
