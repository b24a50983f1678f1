"""Formulas of one group of rows as loops over numbers, of which Numba makes code.

A document's factor reads sums over its own rows, its own parameters and what all documents share. Shared factors of a
term are contracted by NumPy once, before the loops; what is left is arithmetic at one position along the axis of the
groups, with a loop for every other axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cavi.derive.canonical import substitute
from cavi.derive.index import Index, Literal, Sub
from cavi.derive.result import Formula
from cavi.derive.term import Atom, Element, Function, Moment, Monomial, Parameter, Polynomial, Powers, atom_indices
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.inner import Inner
from cavi.templates.numpy.names import quote, shape_comment
from cavi.templates.numpy.planned import PlannedWriter
from cavi.templates.numpy.statistics import ONE, take_apart
from cavi.templates.numpy.tables import Tables

FUNCTIONS = {"digamma": "digamma_of", "log": "log_of", "exp": "exp_of", "lgamma": "gammaln_of"}
# Where along the axis of the groups; and the sums over the rows of this group.
PLACE, SUMS = "at", "sums"


class NoLoop(Exception):
    """A formula of which no loop is made: NumPy carries it out."""


@dataclass
class Known:
    """What the loops read that does not change while they run: a local name -> how NumPy computes it."""

    scope: Scope
    code: dict[str, str] = field(default_factory=dict)

    def named(self, name: str, code: str) -> str:
        """The name of an array; the same code met again is the same array."""
        for taken, found in self.code.items():
            if found == code:
                return taken
        while name in self.code:
            name += "_"
        self.code[name] = code
        return name

    def size(self, size: str) -> str:
        """A number of elements."""
        return size if size.isdigit() else self.named(size, f"state.sizes[{quote(size)}]")

    def array(self, p: Polynomial, axes: tuple[Index, ...]) -> str:
        """A polynomial of what is shared, at each element of some axes, as NumPy computes it."""
        found = polynomial(p, self.scope, axes)
        if not axes:
            return self.named(f"known_{len(self.code) + 1}", f"float({found.code})")
        shape = shape_comment(self.scope.size(i.size) for i in axes)
        whole = found.code if found.axes == axes else f"np.broadcast_to({found.code}, {shape})"
        return self.named(f"known_{len(self.code) + 1}", f"np.ascontiguousarray({whole}, dtype=float)")


@dataclass
class Body:
    """The statements of a function at one group: those before its loop, those inside, and names taken."""

    before: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    totals: int = 0

    def total(self, outside: bool) -> tuple[str, list[str]]:
        """A new local variable and the statements among which it is computed."""
        self.totals += 1
        return f"total_{self.totals}", self.before if outside else self.inside


@dataclass(frozen=True)
class Loops:
    """Writes formulas of the groups of one category."""

    writer: PlannedWriter
    plan: Tables
    inner: Inner
    known: Known
    params: dict[tuple[str, str], str]

    @property
    def latents(self) -> frozenset[str]:
        """The latents of the factors of the groups."""
        return frozenset(n for f in self.inner.factors for n in self.writer.derived.update(f).factor.latents)

    def assigned(self, f: Formula) -> list[str]:
        """The statements that compute a parameter at one group."""
        if not isinstance(f.value, Polynomial):
            raise NoLoop
        at, axes = self.places(f.indices)
        body = Body()
        code = self.value(f.value, at, body)
        name = self.parameter(f.latent, f.name)
        target = f"{name}[{', '.join(at[i] for i in f.indices)}]"
        return [*body.before, *self.nested(axes, at, [*body.inside, f"{target} = {code}"])]

    def places(self, indices: Sequence[Index]) -> tuple[dict[Index, str], list[Index]]:
        """The loop variable of every index, and those over which there is a loop."""
        at = {i: PLACE for i in indices if i.size == self.inner.size}
        axes = [i for i in indices if i not in at]
        return at | {i: f"{PLACE}_{n}" for n, i in enumerate(axes, start=1)}, axes

    def nested(self, axes: Sequence[Index], at: Mapping[Index, str], lines: Sequence[str]) -> list[str]:
        """Statements inside loops over some axes."""
        if not axes:
            return list(lines)
        first, *rest = axes
        inside = self.nested(rest, at, lines)
        return [f"for {at[first]} in range({self.known.size(first.size)}):", *(f"    {line}" for line in inside)]

    def parameter(self, latent: str, name: str) -> str:
        """The local name of the array of a parameter."""
        return self.params.setdefault((latent, name), self.writer.names["parameter", latent, name])

    def value(self, p: Polynomial, at: Mapping[Index, str], body: Body) -> str:
        """A polynomial at the present values of the loop variables."""
        terms = [(m.coefficient, self.monomial(m, at, body)) for m in p.monomials]
        terms.sort(key=lambda term: term[0] < 0)
        text = "".join(
            (" + " if c > 0 else " - ")
            + (code if abs(c) == 1 and code else " * ".join(filter(None, [_number(c), code])))
            for c, code in terms
        )
        return (text[3:] if text.startswith(" + ") else text.strip().replace("- ", "-", 1)) or "0.0"

    def monomial(self, m: Monomial, at: Mapping[Index, str], body: Body) -> str:
        """A product without its coefficient; sums over indices that are bound in it are local variables."""
        places, m = self.sums(m)
        own = [(a, e) for a, e in m.powers if self.is_own(a)]
        shared = tuple((a, e) for a, e in m.powers if (a, e) not in own)
        running = {i for a, _ in own for i in atom_indices(a)} | {i for subs in places for i in subs}
        summed = tuple(i for i in m.bound if i in running)
        inside = dict(at) | {i: f"{PLACE}_{len(at) + n}" for n, i in enumerate(summed)}
        if any(self.subscript(place, inside) != PLACE for place, _ in places):
            raise NoLoop
        factors = [f"{SUMS}[{self.subscript(group, inside)}]" for _, group in places]
        if shared:
            factors.append(self.shared(shared, [i for i in m.bound if i not in running], inside))
        mine = self.product(own, inside, body)
        if (
            factors
            and len(summed) == 1
            and "(" in mine
            and not factors_at({i for a, _ in own for i in atom_indices(a)}, at)
        ):
            mine = self.listed(mine, summed[0], inside, body)
        code = _times(factors, mine)
        if not summed:
            return code
        free = ({i for a in m.atoms for i in atom_indices(a)} | running) - set(m.bound)
        name, lines = body.total(outside=not factors_at(free, at))
        lines.append(f"{name} = 0.0")
        lines += self.nested(summed, inside, [f"{name} += {code}"])
        return name

    def sums(self, m: Monomial) -> tuple[list[tuple[Sub, Sub]], Monomial]:
        """The sums over rows in a monomial, by group and category at which they stand, and what is left of it."""
        planner = self.writer.planner
        assert planner is not None
        taken = take_apart(m, planner.rows, planner.latents)
        if taken is None:
            return [], m
        found = []
        for s, here in taken.statistics:
            one = self.plan.sum_of(s)
            if one is None or one[0] != self.inner.total:
                raise NoLoop
            place, group = (here[s.axes.index(i)] for i in one[1])
            found.append((place, group))
        return found, taken.rest

    def is_own(self, a: Atom) -> bool:
        """Whether an atom is of one group, and not of what all groups share."""
        return any(i.size == self.inner.size for i in atom_indices(a))

    def shared(self, powers: Powers, summed: Sequence[Index], at: Mapping[Index, str]) -> str:
        """A product of what is shared: an array that NumPy computes, at the present position."""
        used = dict.fromkeys(i for a, _ in powers for i in atom_indices(a))
        axes = tuple(i for i in used if i not in summed)
        name = self.known.array(Polynomial((Monomial(ONE, powers, tuple(summed)),)), axes)
        return f"{name}[{', '.join(self.subscript(i, at) for i in axes)}]" if axes else name

    def product(self, powers: Sequence[tuple[Atom, Fraction]], at: Mapping[Index, str], body: Body) -> str:
        """A product of what is of the group; empty where there is nothing."""
        over, under = [], []
        for a, e in powers:
            code = self.atom(a, at, body)
            size = abs(e)
            if size == Fraction(1, 2):
                code = f"np.sqrt({code})"
            elif size != 1:
                code = f"{code if code.isidentifier() else f'({code})'} ** {_number(size)}"
            (over if e > 0 else under).append(code)
        if not under:
            return " * ".join(over)
        return f"{' * '.join(over) or '1.0'} / {under[0] if len(under) == 1 else '(' + ' * '.join(under) + ')'}"

    def listed(self, code: str, index: Index, at: Mapping[Index, str], body: Body) -> str:
        """What a sum reads at every element of its index, computed once for all the sums of the loop around it."""
        name, lines = body.total(outside=True)
        size = self.known.size(index.size)
        lines += [f"{name} = np.empty({size})", *self.nested([index], at, [f"{name}[{at[index]}] = {code}"])]
        return f"{name}[{at[index]}]"

    def atom(self, a: Atom, at: Mapping[Index, str], body: Body) -> str:
        """One factor at the present values of the loop variables."""
        match a:
            case Element():
                name = self.writer.names[a.name]
                return self.element(self.known.named(name, self.known.scope.name(a.name)), a.subs, at)
            case Parameter() if a.latent in self.latents:
                return self.element(self.parameter(a.latent, a.name), a.subs, at)
            case Moment() if a.factor in self.inner.factors:
                return f"({self.value(self.moment(a), at, body)})"
            case Function() if a.name in FUNCTIONS:
                return f"{FUNCTIONS[a.name]}({', '.join(self.value(p, at, body) for p in a.args)})"
        raise NoLoop

    def moment(self, a: Moment) -> Polynomial:
        """An expectation in the parameters of its factor."""
        specs = self.writer.derived.update(a.factor).moment_specs
        spec = next(s for s in specs if s.key == a.key)
        if spec.value is None:
            raise NoLoop
        return substitute(spec.value, dict(zip(spec.indices, a.subs, strict=True)))

    def element(self, name: str, subs: Sequence[Sub], at: Mapping[Index, str]) -> str:
        """One number of an array."""
        return f"{name}[{', '.join(self.subscript(s, at) for s in subs)}]" if subs else name

    def subscript(self, s: Sub, at: Mapping[Index, str]) -> str:
        """A position along an axis."""
        match s:
            case Literal():
                return str(s.value)
            case Index() if s in at:
                return at[s]
            case Index() if s.size == self.inner.size:
                return PLACE
        raise NoLoop


def _times(factors: Sequence[str], last: str) -> str:
    """A product, of which the last may be a quotient."""
    return " * ".join([*factors, last] if last else factors)


def factors_at(free: set[Index], at: Mapping[Index, str]) -> bool:
    """Whether something depends on a loop variable beside the place of the group."""
    return any(at.get(i, PLACE) != PLACE for i in free)


def _number(c: Fraction) -> str:
    size = abs(c)
    return f"{size.numerator}.0" if size.denominator == 1 else f"({size.numerator}/{size.denominator})"
