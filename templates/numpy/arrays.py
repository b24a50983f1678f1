"""Atoms of the normal form as NumPy array expressions with named axes.

An `Operand` is a Python expression together with the indices of its axes, in order. Subscripts by an
observed integer become fancy indexing, a repeated or fixed subscript is taken by position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from cavi.derive.functions import UNDER_NORMAL
from cavi.derive.index import Gather, Index, Literal, Shift, Sub, indices_of
from cavi.derive.term import (
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
    from_atom,
    number,
)
from cavi.templates.numpy.statistics import Planner

if TYPE_CHECKING:
    from cavi.templates.numpy.current import Current

Axes = tuple[Index, ...]


@dataclass(frozen=True)
class Operand:
    """A Python expression and the indices of its axes."""

    code: str
    axes: Axes = ()
    plain: bool = True  # a name, a call or an indexed name: needs no brackets as a factor


@dataclass
class Scope:
    """What a function of the generated module may refer to.

    Attributes:
        names: moment (factor, key), parameter (latent, name) or variable name -> Python name.
        fixed: indices that are loop variables here -> the name of the loop variable.
        batch: indices of which an array of positions is worked on at a time here -> the name of that array.
        used: names referred to so far, in order: the function unpacks them first.
        helpers: helper functions referred to so far.
        sizes: sizes referred to so far.
        lines: statements that compute temporaries.
        temporaries: the code of what has been computed already -> its local variable.
        sliced: parameters whose local variable is already the slice at some loop variables -> these.
        large: sizes that are expected to be much larger than the others, those of observed plates.
        planner: decides which sums over rows are functions of their own; None where there are none.
        function: the function that is being written.
        statistic: whether the function is itself a sum over rows.
        own: a factor whose elements change while this code runs, one after another.
        normal: the axes of the nodes of the Normal number that a function is of, where its mean is taken.
        current: the sums over elements of `own` that the code keeps current; None where it keeps none.
    """

    names: Mapping[object, str]
    fixed: Mapping[Index, str] = field(default_factory=dict)
    used: dict[str, object] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    temporaries: dict[str, str] = field(default_factory=dict)
    large: frozenset[str] = frozenset()
    sliced: dict[object, frozenset[Index]] = field(default_factory=dict)
    planner: Planner | None = None
    function: str = ""
    statistic: bool = False
    own: str | None = None
    batch: Mapping[Index, str] = field(default_factory=dict)
    normal: Axes = ()
    current: dict[Monomial, Current] | None = None

    def within(self, index: Index, many: bool = False) -> Scope:
        """The scope inside a loop over one more index, or over arrays of `many` positions of it.

        What it refers to is unpacked outside.
        """
        return Scope(
            self.names,
            self.fixed if many else {**self.fixed, index: index.name},
            used=self.used,
            helpers=self.helpers,
            sizes=self.sizes,
            large=self.large,
            sliced=self.sliced,
            planner=self.planner,
            function=self.function,
            own=self.own,
            batch={index: index.name} if many else {},
        )

    def beside(self) -> Scope:
        """The scope of a function inside this one, with temporaries of its own."""
        return replace(self, lines=[], temporaries={}, sliced=dict(self.sliced))

    def name(self, key: object) -> str:
        """The Python name of a moment, parameter or variable; it will be unpacked."""
        name = self.names[key]
        self.used.setdefault(name, key)
        return name

    def size(self, size: str) -> str:
        """A size as Python: a number, or a local variable."""
        if not size.isdigit():
            self.sizes.add(size)
        return size

    def helper(self, name: str) -> str:
        """A helper function of the module."""
        self.helpers.add(name)
        return name


def name_it(o: Operand, hint: str, scope: Scope) -> Operand:
    """Compute a contraction once: the same one met again is the same local variable."""
    if o.code in scope.temporaries:  # the same numbers, though their axes may stand for other indices
        return Operand(scope.temporaries[o.code], o.axes)
    name = f"{hint}_{len(scope.temporaries) + 1}"
    comment = f"  # ({', '.join(i.size for i in o.axes)},)" if len(o.axes) == 1 else ""
    if len(o.axes) > 1:
        comment = f"  # ({', '.join(i.size for i in o.axes)})"
    scope.lines.append(f"{name} = {o.code}{comment}")
    scope.temporaries[o.code] = name
    return Operand(name, o.axes)


def indexed(name: str, subs: tuple[Sub, ...], scope: Scope) -> Operand:
    """``name[subs]`` as an array over the distinct running indices of its subscripts."""
    gathers = [s for s in subs if isinstance(s, Gather)]
    if scope.batch and not gathers:
        name, subs = _picked(name, subs, scope)
    for axis, s in enumerate(subs):
        if isinstance(s, Shift) and isinstance(s.base, Index) and s.base not in {*scope.fixed, *scope.batch}:
            # What is rolled in from the other end stands under a link that is zero there.
            rolled = f"np.roll({name}, {-s.offset}, axis={axis})"
            return indexed(rolled, (*subs[:axis], s.base, *subs[axis + 1 :]), scope)
    if gathers and not scope.batch and any(s in scope.fixed for s in subs):  # of a column: half the time of [doc, k]
        parts = [scope.fixed.get(s, ":") if isinstance(s, Index) else ":" for s in subs]
        while parts[-1] == ":":
            parts.pop()
        return indexed(f"{name}[{', '.join(parts)}]", tuple(s for s in subs if s not in scope.fixed), scope)
    running = [i for s in subs for i in indices_of(s) if i not in scope.fixed]
    axes = tuple(dict.fromkeys(running))
    if all(isinstance(s, Index) and s not in scope.fixed for s in subs) and len(axes) == len(subs):
        return Operand(name, axes)
    plain = [s for s in subs if isinstance(s, Index) and s not in scope.fixed]
    inner = {i for g in gathers for i in indices_of(g)}
    apart = len(set(plain)) == len(plain) and not inner & set(plain) and not (scope.batch and gathers)
    if apart and _adjacent(subs, scope) and _same_running(gathers):
        parts = [_subscript(s, scope) for s in subs]
        while parts and parts[-1] == ":":
            parts.pop()
        out: list[Index] = []
        for s in subs:
            if isinstance(s, Gather):
                out.extend(i for i in indices_of(s) if i not in out and i not in scope.fixed)
            elif isinstance(s, Index) and s not in scope.fixed:
                out.append(s)
        return Operand(f"{name}[{', '.join(parts)}]", tuple(out))
    if all(isinstance(s, Index) and s not in scope.fixed for s in subs):  # a diagonal
        letters = {i: "abcdefghij"[p] for p, i in enumerate(axes)}
        spec = "".join(letters[s] for s in subs if isinstance(s, Index))
        return Operand(f'np.einsum("{spec}->{"".join(letters.values())}", {name})', axes)
    return Operand(f"{name}[{', '.join(_grid(s, axes, scope) for s in subs)}]", axes)


def _picked(name: str, subs: tuple[Sub, ...], scope: Scope) -> tuple[str, tuple[Sub, ...]]:
    """The part of an array at the positions that are worked on, and its subscripts."""
    for axis, s in enumerate(subs):
        base = s.base if isinstance(s, Shift) else s
        if isinstance(base, Index) and base in scope.batch:
            place = _neighbour(scope.batch[base], s, scope) if isinstance(s, Shift) else scope.batch[base]
            name, subs = f"{name}[{':, ' * axis}{place}]", (*subs[:axis], base, *subs[axis + 1 :])
    return name, subs


def _same_running(gathers: list[Gather]) -> bool:
    """Whether several index arrays broadcast against each other as they stand: same running indices."""
    return len({tuple(indices_of(g)) for g in gathers}) <= 1


def _adjacent(subs: tuple[Sub, ...], scope: Scope) -> bool:
    """Index arrays and positions that stand side by side keep their place in NumPy's result."""
    if not any(isinstance(s, Gather) for s in subs):
        return True
    places = [p for p, s in enumerate(subs) if not isinstance(s, Index) or s in scope.fixed]
    return places[-1] - places[0] + 1 == len(places)


def _subscript(sub: Sub, scope: Scope) -> str:
    match sub:
        case Literal():
            return str(sub.value)
        case Gather():
            return indexed(scope.name(sub.name), sub.subs, scope).code
        case Shift():
            return _neighbour(_subscript(sub.base, scope), sub, scope)
        case Index():
            return scope.fixed.get(sub, ":")


def _neighbour(base: str, sub: Shift, scope: Scope) -> str:
    """One position before (the last one before the first) or after (the first one after the last)."""
    return f"{base} - 1" if sub.offset == -1 else f"({base} + 1) % {scope.size(sub.size)}"


def _grid(sub: Sub, axes: Axes, scope: Scope) -> str:
    """A subscript as an index array that broadcasts over all axes."""
    match sub:
        case Literal():
            return str(sub.value)
        case Index() if sub in scope.fixed:
            return scope.fixed[sub]
        case Index() if sub in scope.batch:
            return spread(Operand(scope.batch[sub], (sub,)), axes)
        case Index():
            return spread(Operand(f"np.arange({scope.size(sub.size)})", (sub,)), axes)
        case Gather():
            return spread(indexed(scope.name(sub.name), sub.subs, scope), axes)
        case Shift():
            return _neighbour(_grid(sub.base, axes, scope), sub, scope)


def spread(operand: Operand, axes: Axes) -> str:
    """The operand's code, its axes in the order of `axes` with new ones between; unchanged where they fit."""
    order = [operand.axes.index(i) for i in axes if i in operand.axes]
    here = [i for i in axes if i in operand.axes]
    wanted = axes[axes.index(here[0]) :] if here else ()  # leading new axes come from broadcasting
    if not here or (order == sorted(order) and len(wanted) == len(here)):
        return operand.code
    code = operand.code if operand.plain else f"({operand.code})"
    if order != sorted(order):
        code = f"{code}.T" if len(order) == 2 else f"{code}.transpose({', '.join(map(str, order))})"
    if len(wanted) == len(here):
        return code
    parts = [":" if i in operand.axes else "None" for i in wanted]
    return f"{code}[{', '.join(parts)}]"


def atom(a: object, scope: Scope) -> Operand:
    """An atom as an array expression."""
    from cavi.templates.numpy.emit import polynomial

    match a:
        case Constant(name="pi"):
            return Operand("np.pi")
        case Constant() if a == UNDER_NORMAL:
            return Operand("node", scope.normal)
        case Constant():
            return Operand("np.inf" if a.name == "infinity" else "-np.inf", plain=a.name == "infinity")
        case Size():
            return Operand(scope.size(a.name))
        case Element():
            return indexed(scope.name(a.name), a.subs, scope)
        case Indicator():
            binary = isinstance(a.value, Literal) and a.value.size == "2"
            return indexed(scope.name(a.name), a.subs if binary else (*a.subs, a.value), scope)
        case Moment():
            return indexed(scope.name((a.factor, a.key)), a.subs, scope)
        case Parameter():
            key = ("parameter", a.latent, a.name)
            gone = scope.sliced.get(key, frozenset())
            subs = tuple(s for s in a.subs if s not in gone)
            return indexed(scope.name(key), subs, scope)
        case Delta():
            return delta(a, scope)
        case Link():
            return link(a, scope)
        case Before():
            return before(a, scope)
        case Matrix():
            return matrix(a, scope)
        case Function(name="pow", args=(base, exponent)) if (logit := _logistic(base, exponent)) is not None:
            one = polynomial(logit, scope)
            return Operand(f"{scope.helper('expit')}({one.code})", one.axes)
        case Function() if (
            scope.planner is not None
            and not scope.statistic
            and not scope.fixed
            and (shared := scope.planner.shared(a, scope.function))
        ):
            return indexed(f"{shared[0]}(state)", shared[1], scope)
        case Function(name="log", args=(p,)) if (inside := _exponent(number(1) - p)) is not None:
            one = polynomial(inside, scope)  # log(1 - exp a): 1 - exp a has no digits left where a is near zero
            return Operand(f"np.log(-np.expm1({one.code}))", one.axes)
        case Function(name="normal_mean"):
            return normal_mean(a, scope)
        case Function(name="exp", args=(p,)) if (share := _logistic_power(p)) is not None:
            inside, power_ = share
            one = polynomial(inside, scope)
            return power(Operand(f"{scope.helper('expit')}({one.code})", one.axes), power_)
        case Function():
            return function(a.name, [_argument(p, scope) for p in a.args], scope)
    raise TypeError(f"no array for {a!r}")


def normal_mean(a: Function, scope: Scope) -> Operand:
    """The mean of a function of a Normal number, with the function as one of Python; computed once."""
    from cavi.templates.numpy.emit import polynomial

    f, *moments = a.args
    middle, variance = (_named(polynomial(p, scope), word, scope) for p, word in zip(moments, _MOMENTS, strict=True))
    free = tuple(i for i in sorted(f.free, key=lambda i: (i.size, i.name)) if i not in scope.fixed)
    axes = tuple(dict.fromkeys((*middle.axes, *variance.axes, *free)))
    code = polynomial(f, replace(scope, normal=axes), axes).code
    integrand = scope.temporaries.get(f"def {code}")
    if integrand is None:
        integrand = f"integrand_{len(scope.temporaries) + 1}"
        scope.temporaries[f"def {code}"] = integrand
        scope.lines.extend([f"def {integrand}(node: np.ndarray) -> np.ndarray:", f"    return {code}"])
    if not a.args[2]:  # at the mean
        return name_it(Operand(f"{integrand}({spread(middle, axes)})", axes), "value", scope)
    arguments = ", ".join([integrand, *(spread(o, axes) for o in (middle, variance))])
    return name_it(Operand(f"{scope.helper('normal_mean')}({arguments})", axes), "average", scope)


_MOMENTS = ("center", "spread")


def _named(o: Operand, hint: str, scope: Scope) -> Operand:
    """What is more than a name or a number, by a name: it is needed more than once."""
    return o if not o.axes or o.code.isidentifier() else name_it(o, hint, scope)


def _argument(p: Polynomial, scope: Scope) -> Operand:
    """What a function is taken of, a root that all terms share before brackets: √τ (y - μ), computed once."""
    from cavi.templates.numpy.contraction import product
    from cavi.templates.numpy.emit import polynomial

    terms = [dict(m.powers) for m in p.monomials]
    roots = {
        a: e
        for a, e in (terms[0].items() if len(terms) > 1 else ())
        if e.denominator > 1 and all(t.get(a) == e for t in terms) and not any(m.bound for m in p.monomials)
    }
    if not roots:
        return polynomial(p, scope)
    rest = p
    for a, e in roots.items():
        rest = rest * from_atom(a, -e)
    return product([*(power(atom(a, scope), e) for a, e in roots.items()), polynomial(rest, scope)])


def _logistic(base: Polynomial, exponent: Polynomial) -> Polynomial | None:
    """x, where base ** exponent is 1 / (1 + exp(-x))."""
    if exponent.number != -1 or len(base.monomials) != 2:
        return None
    inside = _exponent(base - number(1))
    return None if inside is None else -inside


def _logistic_power(p: Polynomial) -> tuple[Polynomial, Fraction] | None:
    """x and k, where the polynomial is k (x - log(1 + exp x)), so that its exponential is 1 / (1 + exp(-x)) ** k."""
    for m in p.monomials:
        match m.powers:
            case ((Function(name="softplus", args=(x,)), 1),) if m.coefficient < 0 and not m.bound:
                k = -m.coefficient
                rest = p - Polynomial((m,))
                if rest == x.scaled(k):
                    return x, k
                if not rest:  # exp(-k log(1 + exp x))
                    return -x, k
    return None


def _exponent(p: Polynomial) -> Polynomial | None:
    """a, where the polynomial is exp(a)."""
    if len(p.monomials) != 1 or p.monomials[0].coefficient != 1 or p.monomials[0].bound:
        return None
    powers = p.monomials[0].powers
    if len(powers) != 1 or powers[0][1] != 1 or not isinstance(powers[0][0], Function) or powers[0][0].name != "exp":
        return None
    inside: Polynomial = powers[0][0].args[0]
    return inside


def delta(a: Delta, scope: Scope) -> Operand:
    """A Kronecker delta as an array of zeros and ones."""
    left, right = a.left, a.right
    if isinstance(left, Index) and isinstance(right, Index) and not {left, right} & {*scope.fixed, *scope.batch}:
        return Operand(f"np.eye({scope.size(left.size)})", (left, right))
    axes = tuple(dict.fromkeys(i for s in (left, right) for i in indices_of(s) if i not in scope.fixed))
    same = f"{_grid(left, axes, scope)} == {_grid(right, axes, scope)}"
    # As numbers: a product of truth values would be one again, not a count.
    return Operand(f"({same}).astype(float)" if axes else f"float({same})", axes)


def link(a: Link, scope: Scope) -> Operand:
    """Zeros where a sequence starts (or ends, for the link of the next position), ones elsewhere."""
    if a.starts is not None:
        name, subs = a.starts
        mark = indexed(scope.name(name), subs, scope)
        return Operand(f"(1.0 - {mark.code})", mark.axes)
    here = a.sub.base if isinstance(a.sub, Shift) else a.sub
    axes = tuple(dict.fromkeys(i for i in indices_of(here) if i not in scope.fixed))
    place = _grid(here, axes, scope)
    inside = f"{place} < {scope.size(here.size)} - 1" if isinstance(a.sub, Shift) else f"{place} > 0"
    return Operand(f"({inside}).astype(float)" if axes else f"float({inside})", axes)


def before(a: Before, scope: Scope) -> Operand:
    """Ones where the left position comes first."""
    left, right = a.left, a.right
    if isinstance(left, Index) and isinstance(right, Index) and not {left, right} & {*scope.fixed, *scope.batch}:
        size = scope.size(left.size)
        return Operand(f"np.triu(np.ones(({size}, {size})), 1)", (left, right))
    axes = tuple(dict.fromkeys(i for s in (left, right) for i in indices_of(s) if i not in scope.fixed))
    less = f"{_grid(left, axes, scope)} < {_grid(right, axes, scope)}"
    return Operand(f"({less}).astype(float)" if axes else f"float({less})", axes)


def matrix(a: Matrix, scope: Scope) -> Operand:
    """A log-determinant, or an inverse, of the matrices in the last two axes; computed once."""
    from cavi.templates.numpy.emit import polynomial

    free = tuple(sorted(a.value.free - {a.row, a.column} - set(scope.fixed), key=lambda i: (i.size, i.name)))
    inside = polynomial(a.value, scope, (*free, a.row, a.column))
    single = a.value.monomials[0].powers if len(a.value.monomials) == 1 else ()
    code = inside.code
    if len(single) == 1 and isinstance(single[0][0], Element | Parameter | Moment) and single[0][0].symmetric:
        code = code.removesuffix(".T")  # a symmetric array is its own transpose
    whole = name_it(
        Operand(f"{scope.helper(a.name)}({code})", (*free, *((a.row, a.column) if a.subs else ()))), "total", scope
    )
    if not a.subs:
        return whole
    return indexed(whole.code, (*free, *a.subs), scope)


_NUMPY = {"log": "np.log", "exp": "np.exp", "abs": "np.abs", "cos": "np.cos", "sin": "np.sin", "atan2": "np.arctan2"}
_SCIPY = {"lgamma": "gammaln", "digamma": "digamma", "lmultigamma": "multigammaln"}


def function(name: str, args: list[Operand], scope: Scope) -> Operand:
    """A named function of arrays, broadcast over the union of their axes."""
    axes = tuple(dict.fromkeys(i for a in args for i in a.axes))
    codes = [spread(a, axes) if len(args) > 1 else a.code for a in args]
    if name == "pow":
        base = codes[0] if args[0].plain else f"({codes[0]})"
        exponent = codes[1]
        if exponent == "-1":
            return Operand(f"1 / {base}", axes, plain=False)
        if exponent == "0.5":
            return Operand(f"np.sqrt({codes[0]})", axes)
        return Operand(f"{base} ** ({exponent})", axes, plain=False)
    if name == "xlogx":
        scope.helper("xlogy")
        return Operand(f"xlogy({codes[0]}, {codes[0]})", axes)
    if name == "trigamma":
        scope.helper("polygamma")
        return Operand(f"polygamma(1, {codes[0]})", axes)
    if name in _NUMPY:
        return Operand(f"{_NUMPY[name]}({', '.join(codes)})", axes)
    helper = scope.helper(_SCIPY.get(name, name))
    return Operand(f"{helper}({', '.join(codes)})", axes)


def power(operand: Operand, exponent: Fraction) -> Operand:
    """A power of an operand, written as a person would."""
    if exponent == 1:
        return operand
    code = operand.code if operand.plain else f"({operand.code})"
    if exponent.denominator == 1:
        return Operand(
            f"{code} ** {exponent}" if exponent > 0 else f"{code} ** ({exponent})", operand.axes, plain=False
        )
    if exponent == Fraction(1, 2):
        return Operand(f"np.sqrt({operand.code})", operand.axes)
    return Operand(f"{code} ** ({float(exponent)})", operand.axes, plain=False)


def is_free_scatter(a: object, bound: set[Index], scope: Scope) -> bool:
    """Whether an atom is δ[i, doc[n]] with i kept and n summed: a sum by segments."""
    return (
        isinstance(a, Delta)
        and isinstance(a.left, Index)
        and a.left not in bound
        and a.left not in scope.fixed
        and isinstance(a.right, Gather)
        and all(i in bound for i in indices_of(a.right))
    )


__all__ = ["Axes", "Operand", "Polynomial", "Scope", "atom", "is_free_scatter", "power", "spread"]
