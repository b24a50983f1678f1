"""Rules of probability: definitions, Bayes' rule, expectations, normalisation, each as a rewrite."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sympy
from sympy import Expr

from cavi.derive.derivation import Rule
from cavi.derive.identities.assumptions import Definition
from cavi.derive.identities.language import (
    KL,
    Average,
    Covariance,
    Density,
    Elbo,
    Entropy,
    Expect,
    FDivergence,
    Iid,
    Mass,
    Sample,
    Total,
    Variable,
)
from cavi.derive.identities.rewriting import Rewrite, rebuilt

# --- definitions -----------------------------------------------------------------------------


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


# --- joint, marginal, conditional ------------------------------------------------------------

PRODUCT_RULE = Rule(
    "product rule",
    "A joint density is a conditional times a marginal density.",
    source="Bishop (2006), 1.32",
)
BAYES = Rule(
    "Bayes' rule",
    "A conditional density is the joint divided by the marginal of what it is conditioned on.",
    "the marginal is positive",
    "Bishop (2006), 1.43",
)
SUM_RULE = Rule(
    "sum rule",
    "A marginal density is the joint summed (or integrated) over the other variables.",
    source="Bishop (2006), 1.31",
)
NORMALISATION = Rule("normalisation", "A density sums (or integrates) to one.", source="Bishop (2006), 1.26")


def product_rule(*variables: Expr) -> Rewrite:
    """p(a, b) = p(a | b) p(b), where `variables` are a."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or not set(variables) < set(e.variables):
            return None
        rest = tuple(v for v in e.variables if v not in variables)
        return e.over(variables, (*rest, *e.given)) * e.over(rest, e.given)

    return Rewrite(PRODUCT_RULE, change)


def _bayes(e: Expr) -> Expr | None:
    if not isinstance(e, Density) or not e.given:
        return None
    joint = tuple(sorted((*e.variables, *e.given), key=lambda v: (v not in e.given, str(v))))
    return e.over(joint) / e.over(e.given)


BAYES_RULE = Rewrite(BAYES, _bayes)


def _joined(e: Expr) -> Expr | None:
    """p(a | b) p(b) = p(a, b), as factors of a product."""
    if not isinstance(e, sympy.Mul):
        return None
    densities = [d for d in e.args if isinstance(d, Density)]
    for first in densities:
        for second in densities:
            rest = tuple(v for v in first.given if v not in second.variables)
            if second == first.over(second.variables, rest) and set(second.variables) <= set(first.given):
                order = {v: k for k, v in enumerate((*second.variables, *first.variables))}
                both = tuple(sorted((*first.variables, *second.variables), key=lambda v: (str(v), order[v])))
                return e / first / second * first.over(both, rest)
    return None


PRODUCT_FOLD = Rewrite(PRODUCT_RULE, _joined)


def _conditional(e: Expr) -> Expr | None:
    """p(a, b)/p(b) = p(a | b), as factors of a product."""
    if not isinstance(e, sympy.Mul):
        return None
    for joint in e.args:
        for below in e.args:
            if not isinstance(joint, Density) or not isinstance(1 / below, Density):
                continue
            marginal = 1 / below
            rest = tuple(v for v in joint.variables if v not in marginal.variables)
            if marginal == joint.over(marginal.variables, joint.given) and 0 < len(rest) < len(joint.variables):
                given = tuple(v for v in joint.variables if v not in rest)
                return e / joint * marginal * joint.over(rest, (*given, *joint.given))
    return None


CONDITIONAL = Rewrite(BAYES, _conditional)


def marginal_by_bayes(variables: Iterable[Expr]) -> Rewrite:
    """p(a) = p(a, b) / p(b | a), where `variables` are b."""
    wanted = tuple(variables)

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or set(wanted) & {*e.variables, *e.given} or e.given:
            return None
        return e.over((*e.variables, *wanted)) / e.over(wanted, e.variables)

    return Rewrite(BAYES, change)


def bayes_for(variables: Iterable[Expr]) -> Rewrite:
    """p(a | b) = p(b | a) p(a) / p(b), where `variables` are b."""
    wanted = tuple(variables)

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or set(e.given) != set(wanted):
            return None
        return e.over(wanted, e.variables) * e.over(e.variables) / e.over(wanted)

    return Rewrite(BAYES, change)


def marginalise(*variables: Variable) -> Rewrite:
    """p(a) = Σ_b p(a, b), where `variables` are b."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Density) or set(variables) & set((*e.variables, *e.given)) or e.name == "q":
            return None
        return Mass(e.over((*e.variables, *variables), e.given), *variables)

    return Rewrite(SUM_RULE, change)


def _sum_out(e: Expr) -> Expr | None:
    """Σ_b p(a, b) = p(a), and one when nothing is left."""
    if not isinstance(e, Mass):
        return None
    constant, body = e.body.as_independent(*e.variables, as_Add=False)
    if not isinstance(body, Density) or set(body.given) & set(e.variables):
        return None
    left = tuple(v for v in body.variables if v not in e.variables)
    if not set(e.variables) <= set(body.variables):
        return None
    return constant * (body.over(left, body.given) if left else sympy.S.One)


MARGINAL = Rewrite(SUM_RULE, lambda e: _sum_out(e) if _has_rest(e) else None)
NORMALISED = Rewrite(NORMALISATION, lambda e: None if _has_rest(e) else _sum_out(e))


def _has_rest(e: Expr) -> bool:
    if not isinstance(e, Mass):
        return False
    densities = [d for d in sympy.Mul.make_args(e.body) if isinstance(d, Density)]
    return any(set(d.variables) - set(e.variables) for d in densities)


# --- expectations ----------------------------------------------------------------------------

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
SYMMETRY = Rule("symmetry of a mean", "Each term is left out once, so the mean of the partial means is the whole mean.")
SUBSTITUTION = Rule(
    "change of variables",
    "An expectation under the law of a function of noise is the expectation under the noise.",
    "the latent is that function of the noise",
    "Kingma and Welling (2014), 2.4",
)
INDEPENDENT = Rule(
    "independence",
    "Independent copies have equal laws; what concerns one of them is averaged under its own density.",
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


def _one_copy(e: Expr) -> Expr | None:
    """E over all copies of something about one of them is E under its own density."""
    if not isinstance(e, Expect) or not isinstance(e.law, Iid):
        return None
    copies = e.body.atoms(Sample)
    if len({c.args[1] for c in copies}) != 1 or e.body.atoms(Total):
        return None
    return Expect(e.body.xreplace({c: c.args[0] for c in copies}), e.law.density)


def _into_total(e: Expr) -> Expr | None:
    """E[mean_k f] = mean_k E[f]."""
    if isinstance(e, Expect) and isinstance(e.body, Total):
        body, *rest = e.body.args
        return type(e.body)(Expect(body, e.law), *rest)
    return None


def _same_for_all(e: Expr) -> Expr | None:
    """The mean of what does not depend on the index is that; the sum is a multiple."""
    if isinstance(e, Total) and e.args[1] not in e.args[0].free_symbols:
        size = e.args[2] - (1 if e.args[3] != 0 else 0)
        return e.args[0] if isinstance(e, Average) else size * e.args[0]
    return None


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


def _leave_one_out(e: Expr, j: Expr) -> Expr | None:
    """The mean of all is the mean over j of the mean of all but the j-th."""
    if not isinstance(e, Average) or e.args[3] != 0:
        return None
    body, k, count, _ = e.args
    return Average(Average(body, k, count, j), j, count)


def leave_one_out(j: Expr) -> Rewrite:
    """mean_k f_k = mean_j mean_{k≠j} f_k."""
    return Rewrite(SYMMETRY, lambda e: _leave_one_out(e, j))


def _fewer_copies(e: Expr) -> Expr | None:
    """E over K + 1 copies of something about all but one of them is E over K copies."""
    if not isinstance(e, Expect) or not isinstance(e.law, Iid):
        return None
    partial = [a for a in e.body.atoms(Average) if a.args[3] != 0]
    if len(partial) != 1:
        return None
    body, k, count, _ = partial[0].args
    fewer = count - 1
    return Expect(e.body.xreplace({partial[0]: Average(body, k, fewer)}), Iid(e.law.density, fewer))


FEWER_COPIES = Rewrite(INDEPENDENT, _fewer_copies)


def _as_total(e: Expr) -> Expr | None:
    """mean_n N f_n = Σ_n f_n over n ≤ N."""
    if not isinstance(e, Average) or e.args[3] != 0:
        return None
    body, n, count, without = e.args
    factor, rest = body.as_independent(n, as_Add=False)
    return factor / count * Total(rest, n, count, without)


AS_TOTAL = Rewrite(EXPECTATION, _as_total)


def _split_last(e: Expr) -> Expr | None:
    """mean_{n ≤ T + 1} f_n = (T mean_{n ≤ T} f_n + f_{T + 1})/(T + 1)."""
    if not isinstance(e, Average) or e.args[3] != 0 or not (e.args[2] - 1).is_positive:
        return None
    body, n, count, _ = e.args
    return ((count - 1) * Average(body, n, count - 1) + body.xreplace({n: count})) / count


SPLIT_LAST = Rewrite(SUM_OF_SUMS, _split_last)


def _triangular(e: Expr) -> Expr | None:
    """Σ_{i ≤ D} i = D (D + 1)/2."""
    if isinstance(e, Total) and not isinstance(e, Average) and e.args[0] == e.args[1] and e.args[3] == 0:
        return e.args[2] * (e.args[2] + 1) / 2
    return None


ARITHMETIC_SERIES = Rewrite(Rule("sum of the first whole numbers", "1 + 2 + … + D = D (D + 1)/2."), _triangular)


def change_of_variables(q: Density, noise: Density, path: Expr) -> Rewrite:
    """E_q[f(z)] = E_r[f(g(ε))], where z = g(ε) has the law q."""

    def change(e: Expr) -> Expr | None:
        if not isinstance(e, Expect) or e.law != q:
            return None
        return Expect(e.body.xreplace({q.variables[0]: path}), noise)

    return Rewrite(SUBSTITUTION, change)


ONE_COPY = Rewrite(INDEPENDENT, _one_copy)
INTO_TOTAL = Rewrite(LINEARITY, _into_total)
SAME_FOR_ALL = Rewrite(CONSTANT, _same_for_all)
