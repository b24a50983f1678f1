"""A distribution that stands alone: its family and its arguments as SymPy expressions, outside any model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from cavi.derive import families
from cavi.derive.distribution import Distribution
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import Add, Apply, Expr, Formal, Mul, NamedConstant, Number, Power
from cavi.derive.families import ScalarFamily

_FUNCTIONS = {"log": sympy.log, "exp": sympy.exp, "abs": sympy.Abs, "cos": sympy.cos, "sin": sympy.sin}


@dataclass(frozen=True)
class Standalone:
    """A member of a scalar family.

    Attributes:
        family: of the catalogue.
        args: name of each parameter -> its value, in order.
    """

    family: ScalarFamily
    args: Mapping[str, sympy.Expr]

    @property
    def values(self) -> dict[sympy.Symbol, sympy.Expr]:
        """The family's own symbol of each parameter -> its value."""
        return {p.symbol: self.args[p.name] for p in self.family.parameters}

    @property
    def known(self) -> dict[str, sympy.Expr]:
        """The known parameters, which another member of the family may have differently."""
        return {p.name: self.args[p.name] for p in self.family.parameters if p.known}

    def put_in(self, expr: sympy.Expr) -> sympy.Expr:
        """An expression in the family's symbols with the values for them.

        Infinite bounds come first: their products with other symbols vanish only while the signs of those are known.
        """
        infinite = {s: v for s, v in self.values.items() if v.is_infinite}
        return expr.xreplace(infinite).xreplace(self.values)

    @property
    def log_density(self) -> sympy.Expr:
        """log p(x) in `X`, with the values put in."""
        return self.put_in(self.family.log_density)

    def __str__(self) -> str:
        shown = (v for v in self.args.values() if not v.is_infinite)
        return f"{self.family.name}({', '.join(map(str, shown))})"


def standalone(distribution: object) -> Standalone:
    """The family and the arguments of a distribution whose arguments are numbers and SymPy expressions.

    Raises:
        DeclarationError: for anything else, for a family of vectors, and for a number outside its domain.

    Examples:
        >>> from cavi.derive import Gamma
        >>> print(standalone(Gamma(2, scale=4)))
        Gamma(2, 1/4)
    """
    if isinstance(distribution, Standalone):
        return distribution
    if not isinstance(distribution, Distribution):
        raise DeclarationError(
            f"expected a distribution such as Normal(0, 1), found {type(distribution).__name__} "
            f"{str(distribution)[:60]!r}"
        )
    family = families.lookup(distribution.family)
    if not isinstance(family, ScalarFamily):
        why = "runs over an index" if family.rank or distribution.over else "is no exponential family"
        raise DeclarationError(
            f"{distribution}: a {family.name} {why}; closed forms of single distributions are there for scalar "
            "exponential families; for this one declare a model and derive it"
        )
    args: dict[str, sympy.Expr] = {}
    for p in family.parameters:
        value = p.default if p.name not in distribution.args else as_sympy(distribution.args[p.name], distribution)
        if value is None:
            raise DeclarationError(f"{distribution}: the {p.name} is missing")
        if p.name in distribution.args:
            _check_domain(value, p.domain, f"{distribution}: the {p.name}")
        args[p.name] = value
    if "lower" in args and (args["upper"] - args["lower"]).is_nonpositive:
        raise DeclarationError(f"{distribution}: the lower bound {args['lower']} is not below {args['upper']}")
    return Standalone(family, args)


def as_sympy(expr: Expr, where: object) -> sympy.Expr:
    """A whiteboard expression of numbers and SymPy symbols as a SymPy expression.

    Raises:
        DeclarationError: for a variable of a model.
    """
    match expr:
        case Number():
            return sympy.Rational(expr.value.numerator, expr.value.denominator)
        case NamedConstant():
            return sympy.pi
        case Formal():
            return expr.symbol
        case Add():
            return sympy.Add(*(as_sympy(t, where) for t in expr.terms))
        case Mul():
            return sympy.Mul(*(as_sympy(f, where) for f in expr.factors))
        case Power():
            return sympy.Pow(as_sympy(expr.base, where), as_sympy(expr.exponent, where))
        case Apply() if expr.name in _FUNCTIONS:
            return _FUNCTIONS[expr.name](*(as_sympy(a, where) for a in expr.args))
    raise DeclarationError(
        f"{where}: found {expr}, which belongs to a model, where a number or a SymPy expression was expected; derive "
        "the model for expectations under its factors"
    )


def _check_domain(value: sympy.Expr, domain: str, where: str) -> None:
    """A number, or an expression whose sign is known, must lie in the domain."""
    if value.is_finite is False or value.is_real is False or value.has(sympy.nan, sympy.zoo):
        raise DeclarationError(f"{where} is {value}; expected a finite real number")
    if domain in ("positive", "unit") and value.is_nonpositive:
        raise DeclarationError(f"{where} is {value}; expected a number above 0")
    if domain == "unit" and (value - 1).is_nonnegative:
        raise DeclarationError(f"{where} is {value}; expected a number below 1")
    if domain == "count" and (value.is_negative or value.is_integer is False):
        raise DeclarationError(f"{where} is {value}; expected a whole number, 0 or more")
