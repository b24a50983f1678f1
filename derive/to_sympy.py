"""The normal form into SymPy, for the user: sums as `Sum`, elements as `Indexed`, moments as ``E[...]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy

from cavi.derive.index import Gather, Index, Literal, Shift, Sub
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
from cavi.derive.text import Scope

_FUNCTIONS = {
    "log": sympy.log,
    "exp": sympy.exp,
    "lgamma": sympy.loggamma,
    "digamma": sympy.digamma,
    "trigamma": lambda x: sympy.polygamma(1, x),
    "abs": sympy.Abs,
    "cos": sympy.cos,
    "sin": sympy.sin,
    "atan2": sympy.atan2,
    "pow": sympy.Pow,
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "tanhc": lambda x: sympy.tanh(x) / x,
}


def to_sympy(p: Polynomial, declared: Iterable[Index] = ()) -> sympy.Expr:
    """A SymPy expression of a polynomial; bound indices get the declared names of their sizes."""
    return _polynomial(p, {}, Scope(declared))


def _polynomial(p: Polynomial, names: Mapping[Index, str], scope: Scope) -> sympy.Expr:
    return sympy.Add(*(_monomial(m, names, scope) for m in p.monomials))


def _monomial(m: Monomial, names: Mapping[Index, str], scope: Scope) -> sympy.Expr:
    new, inner = scope.enter(m.bound, (i for i in m.free if i not in names))
    names = {**names, **new}
    coefficient = sympy.Rational(m.coefficient.numerator, m.coefficient.denominator)
    factors = [_atom(a, names, inner) ** sympy.Rational(e.numerator, e.denominator) for a, e in m.powers]
    body = sympy.Mul(*factors)
    if m.bound:
        limits = [(symbol_of_index(new[i]), 1, size_symbol(i.size)) for i in m.bound]
        body = sympy.Sum(body, *limits)
    return coefficient * body


def symbol_of_index(name: str) -> sympy.Symbol:
    """The SymPy symbol of an index."""
    return sympy.Symbol(name, integer=True, positive=True)


def size_symbol(size: str) -> sympy.Expr:
    """The SymPy symbol (or number) of a size."""
    return sympy.Integer(size) if size.isdigit() else sympy.Symbol(size, integer=True, positive=True)


def _sub(sub: Sub, names: Mapping[Index, str]) -> sympy.Expr:
    match sub:
        case Index():
            return symbol_of_index(names.get(sub, sub.name))
        case Literal():
            return sympy.Integer(sub.value)
        case Gather():
            return _indexed(sub.name, tuple(_sub(s, names) for s in sub.subs))
        case Shift():
            return _sub(sub.base, names) + sub.offset


def _truth(condition: sympy.Basic) -> sympy.Expr:
    """One where the condition holds, else zero."""
    return sympy.Piecewise((1, condition), (0, True))


def _indexed(name: str, subs: tuple[sympy.Expr, ...]) -> sympy.Expr:
    return sympy.IndexedBase(name)[subs] if subs else sympy.Symbol(name)


def _atom(atom: Atom, names: Mapping[Index, str], scope: Scope) -> sympy.Expr:
    match atom:
        case Constant():
            return {"pi": sympy.pi, "infinity": sympy.oo, "minus_infinity": -sympy.oo}.get(atom.name) or sympy.Symbol(
                "u"
            )
        case Size():
            return size_symbol(atom.name)
        case Element():
            return _indexed(atom.name, tuple(_sub(s, names) for s in atom.subs))
        case Indicator():
            left = _indexed(atom.name, tuple(_sub(s, names) for s in atom.subs))
            return sympy.KroneckerDelta(left, _sub(atom.value, names))
        case Delta():
            return sympy.KroneckerDelta(_sub(atom.left, names), _sub(atom.right, names))
        case Link(starts=starts) if starts is not None:
            return 1 - _indexed(starts[0], tuple(_sub(s, names) for s in starts[1]))
        case Link():
            place = _sub(atom.sub, names)
            return _truth(sympy.Ge(place, 2) & sympy.Le(place, size_symbol(atom.sub.size)))
        case Before():
            return _truth(sympy.Lt(_sub(atom.left, names), _sub(atom.right, names)))
        case Matrix():
            new, inner = scope.enter((atom.row, atom.column), ())
            value = _polynomial(atom.value, {**names, **new}, inner)
            symbols = [symbol_of_index(new[i]) for i in (atom.row, atom.column)]
            matrix = sympy.Lambda(tuple(symbols), value)
            return sympy.Function(atom.name)(matrix, *(_sub(s, names) for s in atom.subs))
        case Parameter():
            return _indexed(f"{atom.latent}.{atom.name}", tuple(_sub(s, names) for s in atom.subs))
        case Moment():
            return _indexed(f"E[{atom.key}]", tuple(_sub(s, names) for s in atom.subs))
        case Function(name="normal_mean", args=(f, mean, variance)):
            m, v = (_polynomial(a, names, scope) for a in (mean, variance))
            u = sympy.Dummy("u", real=True)
            body = _polynomial(f, names, scope).xreplace({sympy.Symbol("u"): u})
            if v == 0:
                return body.xreplace({u: m})
            density = sympy.exp(-((u - m) ** 2) / (2 * v)) / sympy.sqrt(2 * sympy.pi * v)
            return sympy.Integral(body * density, (u, -sympy.oo, sympy.oo))
        case Function():
            args = [_polynomial(a, names, scope) for a in atom.args]
            known = _FUNCTIONS.get(atom.name)
            return known(*args) if known else sympy.Function(atom.name)(*args)
