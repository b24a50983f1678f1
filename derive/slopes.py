"""Derivatives of the normal form along an element of an array, with named intermediate results.

    ∂a[n,k]/∂a[n,j] = δ[k,j],     ∂p[n,…]/∂a[n,j] as a table says,     f(u)' = f'(u) u'

A table makes long chains short: where a parameter stands for what was computed before, its derivative is another
parameter. Source of the derivatives of functions: `derivatives`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cavi.derive.canonical import collect, deltas, multiply, normalise, substitute, sum_over, with_fresh_bound
from cavi.derive.derivatives import U, at, derivative
from cavi.derive.errors import ApproximationError
from cavi.derive.index import Index, Sub
from cavi.derive.term import ZERO, Atom, Element, Function, Parameter, Polynomial, from_atom


@dataclass(frozen=True)
class Known:
    """The derivative of a parameter: its own axes, and the value there along the direction of the table."""

    axes: tuple[Index, ...]
    value: Polynomial


@dataclass(frozen=True)
class Slopes:
    """Derivatives along ``variable[site, direction]``.

    Attributes:
        variable: the name of the array.
        event: the positions among its subscripts that the direction has; at the others all elements are at one site.
        direction: an index for each of them.
        table: parameters that depend on the array.
    """

    variable: str
    event: tuple[int, ...]
    direction: tuple[Index, ...]
    table: Mapping[tuple[str, str], Known]

    def of(self, p: Polynomial) -> Polynomial:
        """dp along the direction.

        Raises:
            ApproximationError: for a function without a derivative in the closed list.
        """
        total = ZERO
        for plain in p.monomials:
            m = with_fresh_bound(plain)
            for place, (atom, exponent) in enumerate(m.powers):
                inner = self._atom(atom)
                if not inner:
                    continue
                rest = [(a, e) for i, (a, e) in enumerate(m.powers) if i != place]
                if exponent != 1:
                    rest.append((atom, exponent - 1))
                outside = collect([normalise(m.coefficient * exponent, rest, ())])
                total = total + sum_over(multiply(outside, inner), m.bound)
        return total

    def _atom(self, atom: Atom) -> Polynomial:
        match atom:
            case Element(name=self.variable):
                return deltas([atom.subs[i] for i in self.event], self.direction)
            case Parameter() if (atom.latent, atom.name) in self.table:
                known = self.table[atom.latent, atom.name]
                moves: dict[Index, Sub] = dict(zip(known.axes, atom.subs, strict=True))
                return substitute(known.value, moves)
            case Function():
                return self._function(atom)
        return ZERO

    def _function(self, f: Function) -> Polynomial:
        total = ZERO
        for place, argument in enumerate(f.args):
            inner = self.of(argument)
            if not inner:
                continue
            placed = Function(f.name, tuple(U if i == place else a for i, a in enumerate(f.args)))
            outer = derivative(from_atom(placed, Fraction(1)))
            if outer is None:
                raise ApproximationError(
                    f"approximate={{{self.variable!r}: 'newton'}}: no derivative of {f.name} is known; expected exp, "
                    "log, softplus, lgamma, …"
                )
            total = total + multiply(at(outer, argument), inner)
        return total
