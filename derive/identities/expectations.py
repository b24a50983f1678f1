"""Rules of expectations: linearity, constants, iteration, independence, change of variables."""

from __future__ import annotations

import sympy
from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.language import (
    Density,
    Expect,
    Iid,
    Mass,
    Total,
)
from cavi.derive.identities.rewriting import Rewrite, rebuilt

EXPECTATION = Rule(
    "definition of the expectation",
    "An expectation is the sum (or integral) of the function times the density.",
    source="Bishop (2006), 1.33 and 1.34",
)
IMPORTANCE = Rule(
    "multiply and divide by the density",
    "A sum (or integral) is the expectation of its terms divided by a density.",
    "the density is positive wherever the terms are not zero",
)
CONSTANT = Rule(
    "expectation of a constant",
    "What does not depend on the variables of the expectation can be taken out of it; a density has mass one.",
)
LINEARITY = Rule(
    "linearity of expectation",
    "The expectation of a sum is the sum of the expectations, and factors free of its variables come out.",
    "each of the expectations exists",
)
SUM_OF_SUMS = Rule("linearity of the sum or integral", "A sum (or integral) of sums is taken term by term.")
TOWER = Rule(
    "iterated expectation",
    "An expectation under a joint density is one under the marginal of one under the conditional.",
    source="Bishop (2006), exercise 2.8",
)
SUBSTITUTION = Rule(
    "change of variables",
    "An expectation under the law of a function of noise is the expectation under the noise.",
    "the latent is that function of the noise",
    "Kingma and Welling (2014), 2.4",
)


def _as_mass(e: Expr) -> Expr | None:
    if isinstance(e, Expect) and isinstance(e.law, Density):
        return Mass(e.body * e.law, *e.law.variables)
    return None


AS_MASS = Rewrite(EXPECTATION, _as_mass)


def as_expectation(law: Density) -> Rewrite:
    """Σ f q = E_q[f]: the density is a factor of what is summed."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Mass) or set(e.variables) != set(law.variables):
            return None
        if law not in sympy.Mul.make_args(e.body):
            terms = sympy.Add.make_args(sympy.expand_mul(e.body))
            if not all(law in sympy.Mul.make_args(t) for t in terms):
                return None
            return Expect(sympy.Add(*(t / law for t in terms)), law)
        return Expect(e.body / law, law)

    return Rewrite(EXPECTATION, change)


def importance(law: Density) -> Rewrite:
    """Σ f = E_q[f/q]."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Mass) or set(e.variables) != set(law.variables):
            return None
        return Expect(e.body / law, law)

    return Rewrite(IMPORTANCE, change)


def expected(law: Density, *what: Expr) -> Rewrite:
    """a = E_q[a], for the expressions named, which are free of the variables of q."""

    def change(e: Expr) -> Expr | None:
        return Expect(e, law) if e in what and not e.free_symbols & set(law.variables) else None

    return Rewrite(CONSTANT, change)


def _is_free(term: Expr, law: Density | Iid) -> bool:
    return not term.free_symbols & set(law.variables)


def _constant(e: Expr) -> Expr | None:
    """E[a] = a, E[a + f] = a + E[f], E[a f] = a E[f], for a free of the variables."""
    if isinstance(e, Mass):
        if e.body == 0:
            return sympy.S.Zero
        factor, body = e.body.as_independent(*e.variables, as_Add=False)
        return factor * Mass(body, *e.variables) if factor != 1 and body != 1 else None
    if not isinstance(e, Expect):
        return None
    if _is_free(e.body, e.law):
        return e.body
    terms = sympy.Add.make_args(e.body)
    fixed = [t for t in terms if _is_free(t, e.law)]
    rest = sympy.Add(*(t for t in terms if not _is_free(t, e.law)))
    factor, inner = rest.as_independent(*e.law.variables, as_Add=False) if not rest.is_Add else (sympy.S.One, rest)
    if not fixed and factor == 1:
        return None
    return sympy.Add(*fixed) + factor * Expect(inner, e.law)


def _linear(e: Expr) -> Expr | None:
    if isinstance(e, Total):
        terms = sympy.Add.make_args(sympy.expand_mul(e.args[0]))
        parts = []
        for t in terms:
            factor, inner = t.as_independent(e.args[1], as_Add=False)
            parts.append(factor * type(e)(inner, *e.args[1:]))
        result = sympy.Add(*parts)
        return None if result == e else result
    if not isinstance(e, Expect | Mass):
        return None
    bound = tuple(e.binds)
    # Not `expand` with all hints: logs of ratios stay logs of ratios.
    terms = sympy.Add.make_args(sympy.expand_mul(e.body))
    parts = []
    for t in terms:
        factor, inner = t.as_independent(*bound, as_Add=False)
        if isinstance(e, Expect):
            parts.append(factor if inner == 1 else factor * Expect(inner, e.law))
        else:
            parts.append(factor * Mass(inner, *e.variables))
    result = sympy.Add(*parts)
    return None if result == e else result


def _constant_in(e: Expr) -> Expr | None:
    """a + Σ c E_q[f] = E_q[a + Σ c f] and a Σ f = Σ a f, for a free of the variables and one law q."""
    if isinstance(e, sympy.Mul):
        sums = [f for f in e.args if isinstance(f, Mass | Expect)]
        if len(sums) != 1 or (e / sums[0]).free_symbols & set(sums[0].binds) or (e / sums[0]).is_Number:
            return None
        return rebuilt(sums[0], [sums[0].args[0] * (e / sums[0]), *sums[0].args[1:]])
    if not isinstance(e, sympy.Add):
        return None
    split = [(t.as_coeff_Mul(), t) for t in e.args]
    means = [(c, n) for (c, n), _ in split if isinstance(n, Expect)]
    rest = [t for (_, n), t in split if not isinstance(n, Expect)]
    if not means or len({n.law for _, n in means}) != 1:
        return None
    law = means[0][1].law
    if any(not _is_free(t, law) for t in rest):
        return None
    return Expect(sympy.Add(*rest, *(c * n.body for c, n in means)), law)


def _together(e: Expr) -> Expr | None:
    """E[f] + c E[g] = E[f + c g], other terms left alone."""
    if not isinstance(e, sympy.Add):
        return None
    pairs = [(t.as_coeff_Mul(), t) for t in e.args]
    means = [(c, n, t) for (c, n), t in pairs if isinstance(n, Expect)]
    if len(means) < 2 or len({n.law for _, n, _ in means}) != 1:
        return None
    rest = sympy.Add(*(t for t in e.args if t not in [m[2] for m in means]))
    return rest + Expect(sympy.Add(*(c * n.body for c, n, _ in means)), means[0][1].law)


def one_mass(*variables: Expr) -> Rewrite:
    """a Σ f + b Σ g = Σ (a f + b g), for sums over the same variables."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, sympy.Add):
            return None
        own = [
            t for t in e.args if any(isinstance(f, Mass) and f.variables == variables for f in sympy.Mul.make_args(t))
        ]
        if len(own) < 2:
            return None
        total = sympy.S.Zero
        for t in own:
            (mass,) = (f for f in sympy.Mul.make_args(t) if isinstance(f, Mass))
            total += t / mass * mass.body
        return e - sympy.Add(*own) + Mass(total, *variables)

    return Rewrite(SUM_OF_SUMS, change)


TOGETHER = Rewrite(LINEARITY, _together)
CONSTANT_IN = Rewrite(CONSTANT, _constant_in)
CONSTANT_OUT = Rewrite(CONSTANT, _constant)
LINEAR = Rewrite(LINEARITY, _linear)


def _tower(e: Expr, inner: tuple[Expr, ...]) -> Expr | None:
    if not isinstance(e, Expect) or not isinstance(e.law, Density) or not set(inner) < set(e.law.variables):
        return None
    outer = tuple(v for v in e.law.variables if v not in inner)
    return Expect(Expect(e.body, e.law.over(inner, (*outer, *e.law.given))), e.law.over(outer, e.law.given))


def tower(*inner: Expr) -> Rewrite:
    """E_{q(a,b)}[f] = E_{q(b)} E_{q(a|b)}[f], where `inner` are a."""
    return Rewrite(TOWER, lambda e: _tower(e, inner))


def change_of_variables(q: Density, noise: Density, path: Expr) -> Rewrite:
    """E_q[f(z)] = E_r[f(g(ε))], where z = g(ε) has the law q."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Expect) or e.law != q:
            return None
        return Expect(e.body.xreplace({q.variables[0]: path}), noise)

    return Rewrite(SUBSTITUTION, change)
