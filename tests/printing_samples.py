"""Random polynomials and the declarations that the printing tests share."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from cavi.derive.canonical import add, collect, multiply, normalise, sum_over
from cavi.derive.index import Gather, Index
from cavi.derive.result import MomentSpec
from cavi.derive.term import (
    Atom,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Moment,
    Polynomial,
    Size,
    from_atom,
    number,
)
from cavi.templates.notation import Notation
from cavi.templates.symbols import symbol, symbol_table
from cavi.templates.term_tree import Roles

N, K, D = Index("n", "N"), Index("k", "K"), Index("d", "D")
INDICES = (N, K, D)
NAMES = "x y X tau mu w z doc a_0 b_0 m_0 kappa_0 N K D n k d".split()


def element(name: str, *subs: object) -> Polynomial:
    return from_atom(Element(name, subs))  # type: ignore[arg-type]


def moment(factor: str, key: str, *subs: object) -> Polynomial:
    return from_atom(Moment(factor, key, subs))  # type: ignore[arg-type]


def log(p: Polynomial) -> Polynomial:
    return from_atom(Function("log", (p,)))


_SPECS = [
    ("z", "[z]", (N, K), from_atom(Indicator("z", (N,), K))),
    ("tau", "tau", (K,), element("tau", K)),
    ("tau", "log tau", (K,), log(element("tau", K))),
    ("mu", "mu", (K,), element("mu", K)),
    ("mu", "mu^2", (K,), element("mu", K) * element("mu", K)),
]

NOTATION = Notation(
    indices=INDICES,
    symbols=symbol_table(NAMES),
    whole=symbol_table(NAMES),
    taken=frozenset(NAMES),
    moments={(f, k): MomentSpec(k, i, p, None) for f, k, i, p in _SPECS},
    categories={("z", "[z]"): symbol("r")},
    roles=Roles(
        data=frozenset("xyX"),
        known=frozenset(["a_0", "b_0", "m_0", "kappa_0"]),
        positive=frozenset(["tau", "a_0", "b_0", "kappa_0"]),
    ),
    covariates=frozenset("X"),
)

LOG_TWO_PI = log(from_atom(Constant("pi")).scaled(2))


def _second(size: str) -> Index:
    return Index(f"{size}.second", size)


_ATOMS: tuple[Atom, ...] = (
    Element("x", (N,)),
    Element("y", (N,)),
    Element("X", (N, D)),
    Element("X", (N, _second("D"))),
    Element("w", (D,)),
    Element("w", (_second("D"),)),
    Element("tau", (K,)),
    Element("a_0", ()),
    Indicator("z", (N,), K),
    Moment("tau", "tau", (K,)),
    Moment("mu", "mu", (K,)),
    Moment("mu", "mu^2", (K,)),
    Size("N"),
    Function("log", (element("tau", K),)),
    Delta(D, Gather("doc", (N,), "D")),
)

_COEFFICIENTS = [Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-1, 2), Fraction(2), Fraction(-3, 4)]


@st.composite
def polynomials(draw: st.DrawFn, most: int = 6) -> Polynomial:
    """A canonical polynomial with nested and repeated sums over up to four indices."""
    total = Polynomial()
    for _ in range(draw(st.integers(1, most))):
        powers = [
            (atom, Fraction(draw(st.sampled_from([1, 1, 1, 2, -1]))))
            for atom in draw(st.lists(st.sampled_from(_ATOMS), min_size=0, max_size=4))
        ]
        bound = draw(st.sets(st.sampled_from([N, D, _second("D"), K])))
        m = normalise(draw(st.sampled_from(_COEFFICIENTS)), powers, bound | {_second("D")})
        total = add(total, collect([m]))
    return total


def squared(p: Polynomial) -> Polynomial:
    return multiply(p, p)


def over(p: Polynomial, *indices: Index) -> Polynomial:
    return sum_over(p, indices)


__all__ = ["INDICES", "LOG_TWO_PI", "NOTATION", "number", "over", "polynomials", "squared"]
