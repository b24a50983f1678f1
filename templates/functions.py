"""How the named functions of the normal form are drawn."""

from __future__ import annotations

from cavi.derive.term import Constant, Function, Polynomial, from_atom
from cavi.templates.layout import (
    COMMA,
    DISTRIBUTED,
    EQUALS,
    EXPECTATION,
    GIVEN,
    PLUS,
    Accent,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
    Root,
    Row,
    Script,
    brackets,
    function,
    parens,
    row,
    separated,
)
from cavi.templates.symbols import symbol

_LOG = function("log")
_GAMMA = symbol("Gamma")
_PSI = symbol("psi")
_TRIGAMMA = Glyph(r"\psi'", "ψ′")
_BESSEL_I = Glyph("I", "I")
_BESSEL_K = Glyph("K", "K")
_PARTIAL = Glyph(r"\partial", "∂")
_INTERVAL = Glyph(r"\mathcal{Z}", "𝒵", upright=True)
_TRUNCATED = Glyph(r"\mathcal{M}", "ℳ", upright=True)
_OUTSIDE = Glyph(r"\mathcal{O}", "𝒪", upright=True)
_OF_INTERVALS = {"log_normal_interval", "truncated_mean", "truncated_second"}
_OF_OUTSIDE = {"log_normal_outside", "outside_mean", "outside_second"}


def draw(f: Function, args: list[Box], digamma: Box = _PSI) -> Box:
    """A function of arguments that are drawn already; `digamma` is the letter of the digamma function.

    Raises:
        ValueError: for a function outside the closed list.
    """
    match f.name:
        case "log":
            return row(_LOG, args[0] if _is_simple(f.args[0], args[0]) else parens(args[0]))
        case "exp" | "cos" | "sin":
            return row(function(f.name), parens(args[0]))
        case "atan2":
            return row(function("atan2"), parens(separated(args)))
        case "lgamma":
            return row(_LOG, _GAMMA, parens(args[0]))
        case "lmultigamma":
            return row(_LOG, Script(_GAMMA, args[1]), parens(args[0]))
        case "multidigamma":
            return row(Script(digamma, args[1]), parens(args[0]))
        case "digamma":
            return row(digamma, parens(args[0]))
        case "trigamma":
            return row(_TRIGAMMA, parens(args[0]))
        case "abs":
            return Fence("|", args[0], "|")
        case "pow" if f.args[0].number == 0:  # one where the exponent is zero, else zero
            return brackets(row(args[1], EQUALS, args[0]))
        case "pow":
            return _power(f.args[1], args)
        case "xlogx":
            inner = args[0] if _is_simple(f.args[0], args[0]) else parens(args[0])
            return row(inner, _LOG, inner)
        case "softplus":
            exponential = row(function("exp"), parens(args[0]))
            return row(_LOG, parens(row(Number("1"), PLUS, exponential)))
        case "log_polya_gamma":
            density = Script(Glyph("p", "p"), Glyph(r"\mathrm{PG}", "PG", upright=True))
            return row(_LOG, density, parens(row(args[1], GIVEN, args[0])))
        case "normal_mean" if not f.args[2]:  # at the mean
            return Script(brackets(args[0]), row(symbol("u"), EQUALS, args[1]))
        case "normal_mean":
            normal = row(Glyph(r"\mathcal{N}", "𝒩", upright=True), parens(separated(args[1:])))
            return row(EXPECTATION, brackets(row(args[0], GIVEN, symbol("u"), DISTRIBUTED, normal)))
        case "tanhc":
            return Fraction(row(function("tanh"), parens(args[0])), args[0])
        case "log_bessel_i":
            return row(_LOG, Script(_BESSEL_I, args[0]), parens(args[1]))
        case "log_bessel_k":
            return row(_LOG, Script(_BESSEL_K, args[0]), parens(args[1]))
        case "dlog_bessel_k":
            return row(Script(_PARTIAL, args[0]), _LOG, Script(_BESSEL_K, args[0]), parens(args[1]))
        case "log_normal_interval" if f.args[0] == from_atom(Constant("minus_infinity")):
            return row(_LOG, symbol("Phi"), parens(args[1]))
        case "log_normal_interval":
            return row(_LOG, _INTERVAL, parens(separated(args)))
        case "truncated_mean":
            return row(Script(_TRUNCATED, Number("1")), parens(separated(args)))
        case "truncated_second":
            return row(Script(_TRUNCATED, Number("2")), parens(separated(args)))
        case "log_normal_outside":
            return row(_LOG, parens(row(Number("1"), Operator("-", "−", "binary"), _INTERVAL, parens(separated(args)))))
        case "outside_mean":
            return row(Script(_OUTSIDE, Number("1")), parens(separated(args)))
        case "outside_second":
            return row(Script(_OUTSIDE, Number("2")), parens(separated(args)))
    raise ValueError(f"no way to write the function {f.name!r}; it is not in the closed list of functions")


def _power(exponent: Polynomial, args: list[Box]) -> Box:
    base, sup = args
    if exponent.number is not None and exponent.number.numerator == 1 and exponent.number.denominator == 2:
        return Root(base)
    return Script(base if isinstance(base, Glyph | Number) else parens(base), sup=sup)


def _is_simple(p: Polynomial, box: Box) -> bool:
    """Whether ``log`` needs no brackets around its argument: one symbol, a number, or 2π."""
    if isinstance(box, Glyph | Script | Number | Root | Fence | Accent) or (isinstance(box, Fraction) and box.small):
        return True
    m = p.monomials[0] if len(p.monomials) == 1 else None
    if m is None or m.bound or m.coefficient < 0:
        return False
    return isinstance(box, Row) and m.coefficient.denominator == 1 and all(isinstance(a, Constant) for a in m.atoms)


# Functions that a reader may not know, with what they mean; listed in the notation where they occur.
def explanations(names: set[str], digamma: Box = _PSI) -> list[tuple[Box, Box | str]]:
    """(symbol, meaning) for each unusual function among the names."""
    a, b = symbol("a"), symbol("b")
    ab = parens(row(a, COMMA, b))
    phi, big_phi = symbol("phi"), symbol("Phi")

    def at(g: Box, x: Box) -> Box:
        return row(g, parens(x))

    minus = Operator("-", "−", "binary")
    mass = row(at(big_phi, b), minus, at(big_phi, a))
    rest = row(Number("1"), minus, at(big_phi, b), PLUS, at(big_phi, a))
    known: list[tuple[set[str], Box, Box | str]] = [
        ({"digamma"}, row(digamma, parens(symbol("x"))), "digamma function, the derivative of log Γ"),
        (
            {"lmultigamma"},
            row(Script(_GAMMA, symbol("D")), parens(symbol("x"))),
            "multivariate Gamma function",
        ),
        (
            {"multidigamma"},
            row(Script(digamma, symbol("D")), parens(symbol("x"))),
            "derivative of the logarithm of the multivariate Gamma function",
        ),
        ({"trigamma"}, row(_TRIGAMMA, parens(symbol("x"))), "trigamma function, the derivative of ψ"),
        (
            {"log_bessel_i"},
            row(Script(_BESSEL_I, symbol("p")), parens(symbol("x"))),
            "modified Bessel function of the first kind",
        ),
        (
            {"log_bessel_k", "dlog_bessel_k"},
            row(Script(_BESSEL_K, symbol("p")), parens(symbol("x"))),
            "modified Bessel function of the second kind",
        ),
        ({*_OF_INTERVALS, "log_normal_outside"}, row(_INTERVAL, ab), mass),
        (
            {"log_polya_gamma"},
            Script(Glyph("p", "p"), Glyph(r"\mathrm{PG}", "PG", upright=True)),
            "density of the Pólya-Gamma distribution with tilt 0, which has no closed form",
        ),
        (
            {"truncated_mean"},
            row(Script(_TRUNCATED, Number("1")), ab),
            Fraction(row(at(phi, a), minus, at(phi, b)), mass),
        ),
        (
            {"truncated_second"},
            row(Script(_TRUNCATED, Number("2")), ab),
            Fraction(row(a, at(phi, a), minus, b, at(phi, b)), mass),
        ),
        (
            {"outside_mean"},
            row(Script(_OUTSIDE, Number("1")), ab),
            Fraction(row(at(phi, b), minus, at(phi, a)), rest),
        ),
        (
            {"outside_second"},
            row(Script(_OUTSIDE, Number("2")), ab),
            Fraction(row(b, at(phi, b), minus, a, at(phi, a)), rest),
        ),
        (
            _OF_INTERVALS | _OF_OUTSIDE,
            row(phi, COMMA, big_phi),
            "density and distribution function of the standard Normal",
        ),
    ]
    return [(left, right) for used, left, right in known if used & names]
