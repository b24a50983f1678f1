"""Rules of algebra: logarithms, exponentials, arithmetic, inner products; SymPy does the work and is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sympy
from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.assumptions import Holds
from cavi.derive.identities.calculus import PUT_IN
from cavi.derive.identities.language import (
    Component,
    Expect,
    Inner,
    Mass,
    Node,
    Total,
    Unknown,
)
from cavi.derive.identities.rewriting import Rewrite, rebuilt

LOGARITHM = Rule(
    "logarithm of a product",
    "The logarithm of a product is the sum of the logarithms, that of a power the multiple.",
    "the factors are positive",
)
EXPONENTIAL = Rule(
    "exponential of a sum", "The exponential of a sum is the product of the exponentials; exp and log undo each other."
)
ARITHMETIC = Rule("arithmetic", "Both sides are the same by the laws of addition and multiplication.")
ASSUMED = Rule("assumption", "One side of an equation that is assumed is put in the place of the other.")
LINEAR_FORM = Rule(
    "linearity of the inner product", "An inner product is linear in each of its vectors; ∂⟨a, b⟩/∂a_i = b_i."
)


def _split_log(e: Expr) -> Expr | None:
    if not isinstance(e, sympy.log):
        return None
    wide = sympy.expand_log(e)
    return None if wide == e else wide


def _log_of_power(e: Expr) -> Expr | None:
    """log a^s = s log a; the base may be a product."""
    if not isinstance(e, sympy.log):
        return None
    above, below = e.args[0].as_numer_denom()
    if isinstance(above, sympy.Pow) and isinstance(below, sympy.Pow) and above.exp == below.exp:
        return above.exp * sympy.log(above.base / below.base)
    if isinstance(e.args[0], sympy.Pow) and e.args[0].exp != -1:
        return e.args[0].exp * sympy.log(e.args[0].base)
    return None


LOG_OF_POWER = Rewrite(LOGARITHM, _log_of_power)
LOG_OF_PRODUCT = Rewrite(LOGARITHM, _split_log)


def log_between(middle: Expr) -> Rewrite:
    """log(a/b) = log(a/m) + log(m/b)."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.log):
            return None
        above, below = e.args[0].as_numer_denom()
        if below == 1 or middle in (above, below):
            return None
        return sympy.log(above / middle) + sympy.log(middle / below)

    return Rewrite(LOGARITHM, change)


def log_apart(*factors: Expr) -> Rewrite:
    """log(a·f) = log a + log f, for the factors named (or one over them); the rest stays one logarithm."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.log):
            return None
        apart = [f for f in sympy.Mul.make_args(e.args[0]) if f in factors or 1 / f in factors]
        rest = sympy.Mul(*(f for f in sympy.Mul.make_args(e.args[0]) if f not in apart))
        if not apart or rest == 1:
            return None
        return sympy.expand_log(sympy.Add(*map(sympy.log, apart))) + sympy.log(rest)

    return Rewrite(LOGARITHM, change)


def log_part(part: Expr) -> Rewrite:
    """log a = log b + log(a/b), for a part b of the product."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.log) or e.args[0] == part:
            return None
        own = sympy.Mul.make_args(e.args[0])
        if not all(f in own for f in sympy.Mul.make_args(part)):
            return None
        rest = e.args[0] / part
        return sympy.log(part) + (-sympy.log(1 / rest) if isinstance(1 / rest, Node) else sympy.log(rest))

    return Rewrite(LOGARITHM, change)


def turn_log(below: Expr) -> Rewrite:
    """log(a/b) = -log(b/a), for the b named."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.log):
            return None
        _, denominator = e.args[0].as_numer_denom()
        return -sympy.log(1 / e.args[0]) if denominator == below else None

    return Rewrite(LOGARITHM, change)


def _join_logs(e: Expr) -> Expr | None:
    if not isinstance(e, sympy.Add):
        return None
    inside, rest = sympy.S.One, []
    count = 0
    for t in e.args:
        factor, log = t.as_coeff_Mul()
        if isinstance(log, sympy.log) and factor in (1, -1):
            inside *= log.args[0] ** factor
            count += 1
        else:
            rest.append(t)
    return sympy.Add(sympy.log(inside), *rest) if count > 1 else None


JOIN_LOGS = Rewrite(LOGARITHM, _join_logs)


def _same(a: Expr, b: Expr) -> bool:
    """Equality by SymPy's algebra alone: the difference becomes zero."""
    difference = sympy.expand(a - b)
    if difference == 0 or sympy.simplify(sympy.together(difference)) == 0:
        return True
    # Logarithms of sums of exponentials cancel only inside an exponential.
    return bool(sympy.simplify(sympy.exp(difference).rewrite(sympy.exp)) == 1)


def arithmetic(change: Callable[[Expr], Expr] | Expr, rule: Rule = ARITHMETIC) -> Rewrite:
    """The whole line brought into another form, by a function of SymPy's or by naming the form.

    The new form is only taken when its difference from the old one is zero by SymPy's algebra.
    """

    def checked(e: Expr) -> Expr | None:
        new = change if isinstance(change, sympy.Expr) else change(e)
        return new if new != e and _same(e, new) else None

    return Rewrite(rule, checked, whole=True)


def inside(kind: type[Node], change: Callable[[Expr], Expr], rule: Rule = ARITHMETIC) -> Rewrite:
    """The body of every outermost node of a kind brought into another form of the same value."""

    def checked(e: Expr) -> Expr | None:
        if not isinstance(e, kind):
            return None
        new = change(e.args[0])
        return rebuilt(e, [new, *e.args[1:]]) if new != e.args[0] and _same(e.args[0], new) else None

    return Rewrite(rule, checked)


EXPAND = arithmetic(sympy.expand_mul)


def assume(condition: Holds) -> Rewrite:
    """The right side of an assumed equation in the place of its left side."""
    return Rewrite(ASSUMED, lambda e: condition.right if e == condition.left else None)


def replace(pairs: Iterable[tuple[Expr, Expr]], rule: Rule = PUT_IN) -> Rewrite:
    """Expressions put in the places of others, anywhere in the line; for equations that are known."""
    table = dict(pairs)
    return Rewrite(rule, lambda e: table.get(e))


def _inner_linear(e: Expr) -> Expr | None:
    """⟨a + b, c⟩ = ⟨a, c⟩ + ⟨b, c⟩ with numbers taken out, in both places."""
    if isinstance(e, Component) and isinstance(e.args[0], sympy.Add | sympy.Mul):
        return sympy.Add(*(_component(t, e.args[1]) for t in sympy.Add.make_args(sympy.expand(e.args[0]))))
    if not isinstance(e, Inner):
        return None
    first = [_scalar(t) for t in sympy.Add.make_args(sympy.expand(e.args[0]))]
    second = [_scalar(t) for t in sympy.Add.make_args(sympy.expand(e.args[1]))]
    new = sympy.Add(*(a * b * Inner(v, w) for a, v in first for b, w in second))
    return None if new == e else new


def _component(term: Expr, i: Expr) -> Expr:
    scale, vector = _scalar(term)
    return scale * Component(vector, i)


def _scalar(term: Expr) -> tuple[Expr, Expr]:
    """A vector as scalar times vector: symbols of vectors and vector functions are the vectors."""
    vectors = [f for f in sympy.Mul.make_args(term) if is_vector(f)]
    if len(vectors) != 1:
        return sympy.S.One, term
    return term / vectors[0], vectors[0]


def is_vector(e: Expr) -> bool:
    """Whether an expression is a vector: by its symbols, its functions, and sums and means of such."""
    from cavi.derive.identities.language import Vector

    if isinstance(e, Vector):
        return True
    if isinstance(e, Unknown):
        return e.kind == "vector"
    if isinstance(e, Expect | Mass | Total):
        return is_vector(e.args[0])
    if isinstance(e, sympy.Add | sympy.Mul):
        return any(map(is_vector, e.args))
    return False


INNER_LINEAR = Rewrite(LINEAR_FORM, _inner_linear)


def _expectation_of_inner(e: Expr) -> Expr | None:
    """E⟨a, t⟩ = ⟨a, E t⟩ for a free of the variables."""
    if isinstance(e, Expect) and isinstance(e.body, Inner):
        a, b = e.body.args
        bound = set(e.law.variables)
        if not a.free_symbols & bound:
            return Inner(a, Expect(b, e.law))
        if not b.free_symbols & bound:
            return Inner(Expect(a, e.law), b)
    return None


def _component_of_mean(e: Expr) -> Expr | None:
    """(E t)_i = E[t_i]."""
    if isinstance(e, Component) and isinstance(e.args[0], Expect):
        return Expect(Component(e.args[0].body, e.args[1]), e.args[0].law)
    return None


COMPONENT_OF_MEAN = Rewrite(LINEAR_FORM, _component_of_mean)
EXPECTED_INNER = Rewrite(LINEAR_FORM, _expectation_of_inner)


def gather_inner(vector: Expr) -> Rewrite:
    """Σ c ⟨a, v⟩ = ⟨Σ c a, v⟩ for one vector v."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.Add):
            return None
        own = [t for t in e.args if isinstance(t.as_coeff_Mul()[1], Inner) and t.as_coeff_Mul()[1].args[1] == vector]
        if len(own) < 2:
            return None
        sign = -1 if all(t.as_coeff_Mul()[0] < 0 for t in own) else 1
        first = sympy.Add(*(sign * t.as_coeff_Mul()[0] * t.as_coeff_Mul()[1].args[0] for t in own))
        return e - sympy.Add(*own) + sign * Inner(first, vector)

    return Rewrite(LINEAR_FORM, change)


def inside_exp(form: Expr) -> Rewrite:
    """The exponent of an exponential in another form, the same by the linearity of inner products."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.exp) or e.args[0] == form:
            return None
        return sympy.exp(form) if _canonical(e.args[0] - form) == 0 else None

    return Rewrite(LINEAR_FORM, change)


def _canonical(e: Expr) -> Expr:
    """Inner products multiplied out, with their vectors in one order."""
    inner = {n: _inner_linear(n) or n for n in e.atoms(Inner)}
    e = sympy.expand(e.xreplace(inner))
    turned = {n: Inner(*sorted(n.args, key=sympy.default_sort_key)) for n in e.atoms(Inner)}
    return sympy.expand(e.xreplace(turned))


def _join_exponentials(e: Expr) -> Expr | None:
    new = sympy.powsimp(e) if isinstance(e, sympy.Mul) else e
    return None if new == e else new


def _exp_log(e: Expr) -> Expr | None:
    """exp(a + log b) = b exp(a)."""
    if not isinstance(e, sympy.exp) or not isinstance(e.args[0], sympy.Add):
        return None
    logs = [t for t in e.args[0].args if isinstance(t, sympy.log) or isinstance(-t, sympy.log)]
    if not logs:
        return None
    factors = [t.args[0] if isinstance(t, sympy.log) else 1 / (-t).args[0] for t in logs]
    return sympy.Mul(*factors) * sympy.exp(e.args[0] - sympy.Add(*logs))


JOIN_EXPONENTIALS = Rewrite(EXPONENTIAL, _join_exponentials)
EXP_LOG = Rewrite(EXPONENTIAL, _exp_log)
