"""Definitions as rules: divergences, entropies, the ELBO, covariances, and abbreviations of a proof."""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.assumptions import Definition
from cavi.derive.identities.language import (
    KL,
    Covariance,
    Density,
    Elbo,
    Entropy,
    Expect,
    FDivergence,
)
from cavi.derive.identities.rewriting import Rewrite


def unfolded(node: Expr) -> Expr | None:
    """A divergence, an entropy, the ELBO or a covariance by its definition; None for anything else."""
    match node:
        case KL():
            q, p = node.args
            return Expect(sympy.log(q / p), q)
        case Elbo():
            q, p = node.args
            return Expect(sympy.log(p / q), q)
        case Entropy():
            (q,) = node.args
            return -Expect(sympy.log(q), q)
        case FDivergence():
            p, q, f, u = node.args
            return Expect(f.xreplace({u: p / q}), q)
        case Covariance():
            f, g, law = node.args
            return Expect((f - Expect(f, law)) * (g - Expect(g, law)), law)
    return None


DEFINITION = Rule(
    "definition",
    "A name is replaced by what it stands for, or the other way round.",
    source="Bishop (2006), 1.93, 1.113 and 10.3",
)
KL_DEFINITION = Rule(
    "definition of the Kullback-Leibler divergence",
    "KL(q ‖ p) is the expectation under q of the log ratio q/p.",
    "p is positive wherever q is",
    "Bishop (2006), 1.113",
)
ELBO_DEFINITION = Rule(
    "definition of the ELBO",
    "The evidence lower bound L(q) is the expectation under q of the log joint density less log q.",
    "q is positive only where the joint is",
    "Bishop (2006), 10.3",
)
ENTROPY_DEFINITION = Rule(
    "definition of the entropy",
    "The entropy is the expectation of minus the log density.",
    source="Bishop (2006), 1.93",
)
COVARIANCE_DEFINITION = Rule(
    "definition of the covariance",
    "The covariance is the expected product of the deviations from the means.",
    source="Bishop (2006), 1.41",
)
F_DEFINITION = Rule(
    "definition of an f-divergence",
    "The f-divergence of p from q is the expectation under q of f at the ratio p/q.",
    "f is convex and f(1) = 0",
    "Csiszár (1967)",
)


def _only(kind: type[Expr]) -> Callable[[Expr], Expr | None]:
    return lambda e: unfolded(e) if isinstance(e, kind) else None


KL_UNFOLD = Rewrite(KL_DEFINITION, _only(KL))
ELBO_UNFOLD = Rewrite(ELBO_DEFINITION, _only(Elbo))
ENTROPY_UNFOLD = Rewrite(ENTROPY_DEFINITION, _only(Entropy))
COVARIANCE_UNFOLD = Rewrite(COVARIANCE_DEFINITION, _only(Covariance))
F_UNFOLD = Rewrite(F_DEFINITION, _only(FDivergence))


def _log_ratio(e: Expr) -> tuple[Density, Density] | None:
    """Two densities a, b with e = E[log(a/b)]."""
    if not isinstance(e, Expect) or not isinstance(e.body, sympy.log):
        return None
    above, below = e.body.args[0].as_numer_denom()
    if isinstance(above, Density) and isinstance(below, Density):
        return above, below
    return None


def _fold_kl(e: Expr) -> Expr | None:
    found = _log_ratio(e)
    if found is None or e.law not in found or set(found[1].variables) != set(found[0].variables):
        return None
    return KL(*found) if found[0] == e.law else -KL(*reversed(found))


def _fold_elbo(e: Expr) -> Expr | None:
    found = _log_ratio(e)
    if found is None or e.law not in found:
        return None
    other = found[0] if found[1] == e.law else found[1]
    if not set(e.law.variables) < set(other.variables):
        return None
    return Elbo(e.law, other) if found[1] == e.law else -Elbo(e.law, other)


def _fold_entropy(e: Expr) -> Expr | None:
    if isinstance(e, Expect) and e.body == sympy.log(e.law):
        return -Entropy(e.law)
    return None


KL_FOLD = Rewrite(KL_DEFINITION, _fold_kl)
ELBO_FOLD = Rewrite(ELBO_DEFINITION, _fold_elbo)
ENTROPY_FOLD = Rewrite(ENTROPY_DEFINITION, _fold_entropy)


def unfold(definition: Definition) -> Rewrite:
    """The name of a definition replaced by its meaning, wherever it occurs."""
    return Rewrite(DEFINITION, definition.at)


def fold(definition: Definition, *uses: Expr) -> Rewrite:
    """The meaning of a definition replaced by its name; `uses` are the names with the arguments meant."""
    names = uses or (definition.left,)
    table = {definition.at(n): n for n in names}
    return Rewrite(DEFINITION, lambda e: table.get(e))


def factor_as(old: Expr, new: Expr, rule: Rule = DEFINITION) -> Rewrite:
    """The factors of `old` inside a product replaced by `new`, which equals their product."""

    def change(e: Expr) -> Expr | None:
        if e == old:
            return new
        if not isinstance(e, sympy.Mul):
            return None
        wanted = sympy.Mul.make_args(old)
        rest = [f for f in e.args if f not in wanted]
        return sympy.Mul(*rest) * new if len(rest) + len(wanted) == len(e.args) else None

    return Rewrite(rule, change)


def _covariance(e: Expr) -> Expr | None:
    """E[f g] - E[f] E[g] = Cov[f, g]."""
    if not isinstance(e, sympy.Add):
        return None
    for product in (t for t in e.args if isinstance(t, Expect) and isinstance(t.body, sympy.Mul | sympy.Pow)):
        body = product.body
        pairs = (
            [(body.base, body.base)]
            if body.is_Pow and body.exp == 2
            else [(f, body / f) for f in sympy.Mul.make_args(body)]
        )
        for f, g in pairs:
            means = Expect(f, product.law) * Expect(g, product.law)
            if -means in e.args:
                return e - product + means + Covariance(f, g, product.law)
    return None


def second_moment(law: Density) -> Rewrite:
    """E[f²] = Var[f] + E[f]², under the law named."""

    def change(e: Expr) -> Expr | None:
        if isinstance(e, Expect) and e.law == law and e.body.is_Pow and e.body.exp == 2:
            f = e.body.base
            return Covariance(f, f, law) + Expect(f, law) ** 2
        return None

    return Rewrite(COVARIANCE_DEFINITION, change)


def second_moment_about(point: Expr) -> Rewrite:
    """Var[f] = E[(f - c)²] - (E[f] - c)², about any point c."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Covariance) or e.args[0] != e.args[1]:
            return None
        f, _, law = e.args
        return Expect((f - point) ** 2, law) - (Expect(f, law) - point) ** 2

    return Rewrite(COVARIANCE_DEFINITION, change)


COVARIANCE_FOLD = Rewrite(COVARIANCE_DEFINITION, _covariance)
