"""SymPy expressions of the language of identities into the layout tree, as an author would write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import sympy

from cavi.derive.identities import language as lang
from cavi.templates.layout import (
    COMMA,
    DISTRIBUTED,
    ELLIPSIS,
    ENTROPY,
    EQUALS,
    EXPECTATION,
    GIVEN,
    LOWER_BOUND,
    MINUS,
    NEGATIVE,
    NOT_EQUAL,
    PLUS,
    SEMICOLON,
    STAR,
    Accent,
    BigOperator,
    Box,
    Fence,
    Fraction,
    Glyph,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Space,
    brackets,
    function,
    height,
    parens,
    row,
    separated,
    width,
)
from cavi.templates.symbols import symbol

Measure = Literal["integral", "sum"]

INTEGRAL = Operator(r"\int ", "∫", "prefix")
DIFFERENTIAL = Glyph(r"\mathrm{d}", "d", upright=True)
PARTIAL = Glyph(r"\partial", "∂")
PARALLEL = Operator(r"\,\Vert\,", "‖", "punctuation")
PRIME = Glyph(r"\prime", "′", upright=True)
DIVERGENCE = Glyph(r"\mathrm{KL}", "KL", upright=True)
_PI, _E = symbol("pi"), Glyph(r"\mathrm{e}", "e", upright=True)
_GAMMA, _PSI = symbol("Gamma"), symbol("psi")
_SUFFIXES: dict[str, Callable[[Box], Box]] = {
    "_star": lambda b: _raised(b, STAR),
    "_prime": lambda b: _raised(b, PRIME),
    "_hat": lambda b: Accent("hat", b),
}
_SHORT_EXPONENT = 5.0


@dataclass(frozen=True)
class ExpressionPrinter:
    """Draws expressions; sums over densities as integrals or as sums."""

    measure: Measure = "integral"

    def draw(self, e: sympy.Basic) -> Box:
        """Any expression of the language, and any scalar expression of SymPy."""
        for kind, method in _METHODS:
            if isinstance(e, kind):
                return method(self, e)
        raise TypeError(f"no way to write the SymPy object {e!r} ({type(e).__name__})")

    # --- names -------------------------------------------------------------------------------

    def name(self, name: str) -> Box:
        """A name as a symbol; _star, _prime and _hat at its end are signs."""
        for suffix, sign in _SUFFIXES.items():
            if name.endswith(suffix):
                return sign(symbol(name.removesuffix(suffix)))
        return symbol(name)

    def symbol(self, e: sympy.Symbol) -> Box:
        """A parameter, a variable, a vector or an index."""
        return self.name(e.name)

    def sample(self, e: lang.Sample) -> Box:
        """z_k."""
        return _lowered(self.draw(e.args[0]), self.draw(e.args[1]))

    def density(self, e: lang.Density) -> Box:
        """p(x | z; θ)."""
        inside = [separated(map(self.draw, e.variables))]
        if e.given:
            inside += [GIVEN, separated(map(self.draw, e.given))]
        if e.parameters:
            inside += [SEMICOLON, Space(), separated(map(self.draw, e.parameters))]
        return row(self.name(e.name), parens(row(*inside)))

    def unknown(self, e: lang.Unknown) -> Box:
        """f(u), f'(u), or a name alone."""
        base = self.name(e.name)
        if e.kind == "slope":
            base = _raised(base, PRIME)
        return row(base, parens(separated(map(self.draw, e.arguments)))) if e.arguments else base

    # --- nodes -------------------------------------------------------------------------------

    def law(self, law: sympy.Expr) -> Box:
        """What stands below an expectation: a density, or independent draws."""
        if not isinstance(law, lang.Iid):
            return self.draw(law)
        first, last = (separated(_lowered(self.draw(v), k) for v in law.variables) for k in self._ends(law))
        return row(separated([first, ELLIPSIS, last]), DISTRIBUTED, self.name(law.density.name))

    def _ends(self, law: lang.Iid) -> tuple[Box, Box]:
        return Number("1"), self.draw(law.count)

    def expectation(self, e: lang.Expect) -> Box:
        """E_q[f]."""
        return row(Script(EXPECTATION, self.law(e.law)), brackets(self.draw(e.body)))

    def covariance(self, e: lang.Covariance) -> Box:
        """Var_q[f], Cov_q[f, g]."""
        f, g, law = e.args
        word = "Var" if f == g else "Cov"
        sign = Glyph(rf"\operatorname{{{word}}}", word, upright=True)
        body = self.draw(f) if f == g else separated([self.draw(f), self.draw(g)])
        return row(Script(sign, self.law(law)), brackets(body))

    def mass(self, e: lang.Mass) -> Box:
        """∫ f dz or Σ_z f."""
        body = self._factor(e.body)
        if self.measure == "sum":
            return row(BigOperator("sum", separated(map(self.draw, e.variables))), body)
        ends = [part for v in e.variables for part in (Space(), DIFFERENTIAL, self.draw(v))]
        return row(INTEGRAL, body, *ends)

    def divergence(self, e: lang.KL) -> Box:
        """KL(q ‖ p)."""
        return row(DIVERGENCE, parens(row(self.draw(e.args[0]), PARALLEL, self.draw(e.args[1]))))

    def f_divergence(self, e: lang.FDivergence) -> Box:
        """D_f(p ‖ q)."""
        sign = Script(Glyph("D", "D"), Glyph("f", "f"))
        return row(sign, parens(row(self.draw(e.args[0]), PARALLEL, self.draw(e.args[1]))))

    def entropy(self, e: lang.Entropy) -> Box:
        """H[q]."""
        return row(ENTROPY, brackets(self.draw(e.args[0])))

    def bound(self, e: lang.Elbo) -> Box:
        """L(q, θ)."""
        q, p = e.args
        plain = not q.given and not q.parameters
        inside = [self.name(q.name) if plain else self.draw(q), *map(self.draw, p.parameters)]
        return row(LOWER_BOUND, parens(separated(inside)))

    def gradient(self, e: lang.Gradient) -> Box:
        """∂/∂s f."""
        body, s = e.args
        return row(Fraction(PARTIAL, row(PARTIAL, self.draw(s))), self._factor(body))

    def derivative(self, e: sympy.Derivative) -> Box:
        """d/dx f, d²/dx² f."""
        ((s, count),) = e.variable_count
        order: Box | None = None if count == 1 else self.draw(count)
        above: Box = DIFFERENTIAL if order is None else Script(DIFFERENTIAL, sup=order)
        below = self.draw(s) if order is None else Script(self.draw(s), sup=order)
        return row(Fraction(above, row(DIFFERENTIAL, below)), self._factor(e.expr))

    def at(self, e: lang.At) -> Box:
        """[f]_{s = value}."""
        body, s, value = e.args
        return Script(brackets(self.draw(body)), row(self.draw(s), EQUALS, self.draw(value)))

    def inner(self, e: lang.Inner) -> Box:
        """⟨a, b⟩."""
        return Fence("⟨", separated(map(self.draw, e.args)), "⟩")

    def component(self, e: lang.Component) -> Box:
        """a_i, t_i(x)."""
        a, i = e.args
        if isinstance(a, sympy.Symbol):
            return _lowered(self.draw(a), self.draw(i))
        if isinstance(a, lang.Unknown) and a.arguments:
            return row(_lowered(self.name(a.name), self.draw(i)), parens(separated(map(self.draw, a.arguments))))
        return Script(parens(self.draw(a)), self.draw(i))

    def total(self, e: lang.Total) -> Box:
        """Σ_k f, (1/K) Σ_k f."""
        body, k, count, without = e.args
        under = row(self.draw(k), EQUALS, Number("1"))
        over: Box | None = self.draw(count)
        if without != 0:
            under, over = row(self.draw(k), NOT_EQUAL, self.draw(without)), None
        total = row(BigOperator("sum", under, over), self._factor(body))
        if isinstance(e, lang.Average):
            size = count - 1 if without != 0 else count
            return row(Fraction(Number("1"), self.draw(size)), total)
        return total

    # --- algebra -----------------------------------------------------------------------------

    def add(self, e: sympy.Add) -> Box:
        """Terms with their signs, a positive one first."""
        terms = sorted(e.args, key=_term_order)
        parts: list[Box] = []
        for t in terms:
            negative = _is_negative(t)
            if parts or negative:
                parts.append((MINUS if parts else NEGATIVE) if negative else PLUS)
            body = -t if negative else t
            parts.append(parens(self.draw(body)) if isinstance(body, sympy.Add) else self.draw(body))
        return row(*parts)

    def multiply(self, e: sympy.Mul) -> Box:
        """Factors over denominators, what opens to the right last."""
        if _is_negative(e):
            inner = -e
            return row(NEGATIVE, self._factor(inner) if isinstance(inner, sympy.Add) else self.draw(inner))
        above, below = _fraction(e)
        coefficient, factors = above.as_coeff_Mul()
        own = sorted(sympy.Mul.make_args(factors), key=_factor_order) if factors != 1 else []
        opens = [f for f in own if _opens(f)]
        if below != 1:
            if below.is_number and any(isinstance(f, lang.Node | sympy.log) for f in own):
                return row(self._quotient(coefficient, below), self.product(own))
            if len(opens) == 1 and len(own) > 1:
                head = sympy.Mul(*(f for f in own if f is not opens[0])) * coefficient
                return row(self._quotient(head, below), self.draw(opens[0]))
            if len(opens) == 1 and coefficient == 1 and width(self.draw(opens[0])) > 12:
                return row(self._quotient(sympy.S.One, below), self.draw(opens[0]))
            return self._quotient(above, below)
        body = self.product(own)
        return body if coefficient == 1 else row(self.number(coefficient), body)

    def _quotient(self, above: sympy.Expr, below: sympy.Expr) -> Box:
        small = above.is_Integer and below.is_Integer
        return Fraction(self.draw(above), self.draw(below), small)

    def product(self, factors: Iterable[sympy.Expr]) -> Box:
        """Factors side by side."""
        drawn: list[Box] = []
        factors = list(factors)
        for k, f in enumerate(factors):
            last = k == len(factors) - 1
            box = self.draw(f)
            if isinstance(f, sympy.Add) or (_opens(f) and not last) or (isinstance(f, sympy.log) and not last):
                box = parens(box)
            if drawn:
                drawn.append(Space())
            drawn.append(box)
        return row(*drawn)

    def _factor(self, e: sympy.Expr) -> Box:
        """An expression as a factor: sums in brackets."""
        box = self.draw(e)
        return parens(box) if isinstance(e, sympy.Add) or _is_negative(e) else box

    def power(self, e: sympy.Pow) -> Box:
        """Powers, roots, reciprocals."""
        base, exponent = e.base, e.exp
        if exponent == sympy.Rational(1, 2):
            return Root(self.draw(base))
        if _is_negative(exponent):
            return Fraction(Number("1"), self.draw(1 / e))
        box = self.draw(base)
        if isinstance(
            base, sympy.Add | sympy.Mul | sympy.Pow | lang.Mass | lang.Total | lang.Gradient | sympy.Function
        ):
            box = parens(box)
        return _raised(box, self.draw(exponent))

    def logarithm(self, e: sympy.log) -> Box:
        """log p, log of a fraction, log of anything else in brackets."""
        return row(function("log"), self._argument(e.args[0]))

    def _argument(self, inner: sympy.Expr) -> Box:
        box = self.draw(inner)
        plain = isinstance(inner, lang.Density | lang.Unknown | sympy.Symbol | lang.KL) or inner.is_Integer
        averaged = isinstance(inner, lang.Expect)
        fraction = isinstance(box, Fraction) and not box.small
        return box if plain or averaged or fraction else parens(box)

    def exponential(self, e: sympy.exp) -> Box:
        """e^{u} while it is short, else exp{u}."""
        inner = self.draw(e.args[0])
        if width(inner) <= _SHORT_EXPONENT and height(inner) == 0:
            return Script(_E, sup=inner)
        return row(function("exp"), Fence("{", inner, "}") if height(inner) else parens(inner))

    def number(self, e: sympy.Rational) -> Box:
        """An integer or a fraction."""
        if e < 0:
            return row(NEGATIVE, self.number(-e))
        return Number(str(e)) if e.is_Integer else Fraction(Number(str(e.p)), Number(str(e.q)), small=True)

    def constant(self, e: sympy.Expr) -> Box:
        """π, e, ∞."""
        known = {sympy.pi: _PI, sympy.E: _E, sympy.oo: Glyph(r"\infty", "∞", upright=True)}
        return known[e] if e in known else row(NEGATIVE, known[-e])

    def boolean(self, e: sympy.Basic) -> Box:
        """Comparisons, as conditions of cases."""
        signs = {"<": "<", "<=": r"\leq", ">": ">", ">=": r"\geq", "==": "=", "!=": r"\neq"}
        left, right = e.args
        chars = {r"\leq": "≤", r"\geq": "≥", r"\neq": "≠"}
        tex = signs[e.rel_op]
        return row(self.draw(left), Operator(tex, chars.get(tex, tex), "relation"), self.draw(right))

    def function(self, e: sympy.Function) -> Box:
        """Other functions by their names."""
        args = [self.draw(a) for a in e.args]
        match type(e).__name__:
            case "Abs":
                return Fence("|", args[0], "|")
            case "loggamma":
                return row(function("log"), _GAMMA, parens(args[0]))
            case "Phi":
                return row(symbol("Phi"), parens(args[0]))
            case "polygamma" if e.args[0] == 0:
                return row(_PSI, parens(args[1]))
            case "polygamma":
                order = Script(_PSI, sup=parens(args[0])) if e.args[0] != 1 else _raised(_PSI, PRIME)
                return row(order, parens(args[1]))
            case name:
                return row(function(name.lower() if name in ("Max", "Min") else name), parens(separated(args)))


def _raised(box: Box, sup: Box) -> Box:
    """A superscript, on the last bracket of a row."""
    if isinstance(box, Row) and isinstance(box.items[-1], Fence):
        return row(*box.items[:-1], Script(box.items[-1], sup=sup))
    if isinstance(box, Script) and box.sup is None:
        return Script(box.base, box.sub, sup)
    return Script(box, sup=sup)


def _lowered(box: Box, sub: Box) -> Box:
    """A subscript, beside the one that may be there."""
    if isinstance(box, Script):
        return Script(box.base, sub if box.sub is None else row(box.sub, COMMA, sub), box.sup)
    return Script(box, sub)


def _is_negative(e: sympy.Expr) -> bool:
    return bool(e.is_number and e.is_negative) or bool(isinstance(e, sympy.Mul) and e.as_coeff_Mul()[0].is_negative)


def _fraction(e: sympy.Mul) -> tuple[sympy.Expr, sympy.Expr]:
    """Numerator and denominator; exponentials stay above."""
    above, below = [], []
    for f in e.args:
        if isinstance(f, sympy.Rational):
            above.append(sympy.Integer(f.p))
            below.append(sympy.Integer(f.q))
        elif isinstance(f, sympy.Pow) and not isinstance(f, sympy.exp) and _is_negative(f.exp):
            below.append(1 / f)
        else:
            above.append(f)
    return sympy.Mul(*above), sympy.Mul(*below)


def _opens(e: sympy.Expr) -> bool:
    """Whether what follows would seem to belong to it."""
    return isinstance(e, lang.Mass | lang.Total | lang.Gradient)


_TERM_KINDS: tuple[type[sympy.Basic], ...] = (lang.Elbo, sympy.log, lang.Expect, lang.Mass)
_LAST_KINDS: tuple[type[sympy.Basic], ...] = (lang.Entropy, lang.KL)


def _rank(e: sympy.Expr) -> int:
    """Bounds first, then logs and expectations; entropies and divergences last; numbers at the very end."""
    kinds = [f for f in sympy.Mul.make_args(e) if not f.is_number]
    for k, kind in enumerate(_TERM_KINDS):
        if any(isinstance(f, kind) for f in kinds):
            return k
    for k, kind in enumerate(_LAST_KINDS):
        if any(isinstance(f, kind) for f in kinds):
            return 10 + k
    return 20 if not kinds else 5


def _term_order(e: sympy.Expr) -> tuple[bool, int, str]:
    return (
        _is_negative(e),
        _rank(-e if _is_negative(e) else e),
        str(sympy.Mul(*(f for f in sympy.Mul.make_args(e) if not f.is_number))),
    )


def _factor_order(e: sympy.Expr) -> tuple[int, str]:
    """Symbols, densities, brackets, functions; what opens to the right last."""
    if _opens(e):
        return 9, str(e)
    if isinstance(e, sympy.log):
        return 7, str(e)
    if isinstance(e, lang.Expect | lang.Covariance):
        return 5, str(e)
    if isinstance(e, sympy.Add):
        return 6, str(e)
    if isinstance(e, lang.Unknown | lang.Component | lang.Inner | sympy.exp):
        return 4, str(e)
    if isinstance(e, lang.Density):
        return 3, str(e)
    return 1, str(e)


_METHODS: tuple[tuple[type[sympy.Basic], Callable[[ExpressionPrinter, sympy.Basic], Box]], ...] = (
    (sympy.Symbol, ExpressionPrinter.symbol),
    (lang.Sample, ExpressionPrinter.sample),
    (lang.Density, ExpressionPrinter.density),
    (lang.Unknown, ExpressionPrinter.unknown),
    (lang.Iid, ExpressionPrinter.law),
    (lang.Expect, ExpressionPrinter.expectation),
    (lang.Covariance, ExpressionPrinter.covariance),
    (lang.Mass, ExpressionPrinter.mass),
    (lang.KL, ExpressionPrinter.divergence),
    (lang.FDivergence, ExpressionPrinter.f_divergence),
    (lang.Entropy, ExpressionPrinter.entropy),
    (lang.Elbo, ExpressionPrinter.bound),
    (lang.Gradient, ExpressionPrinter.gradient),
    (sympy.Derivative, ExpressionPrinter.derivative),
    (lang.At, ExpressionPrinter.at),
    (lang.Inner, ExpressionPrinter.inner),
    (lang.Component, ExpressionPrinter.component),
    (lang.Total, ExpressionPrinter.total),
    (sympy.Rational, ExpressionPrinter.number),
    (sympy.Add, ExpressionPrinter.add),
    (sympy.Mul, ExpressionPrinter.multiply),
    (sympy.exp, ExpressionPrinter.exponential),
    (sympy.log, ExpressionPrinter.logarithm),
    (sympy.Pow, ExpressionPrinter.power),
    (sympy.core.relational.Relational, ExpressionPrinter.boolean),
    (sympy.Function, ExpressionPrinter.function),
    (sympy.NumberSymbol, ExpressionPrinter.constant),
    (sympy.core.numbers.Infinity, ExpressionPrinter.constant),
    (sympy.core.numbers.NegativeInfinity, ExpressionPrinter.constant),
)
