"""Runs the model block of a Stan program at given values: the subset of the language that the export writes.

Densities are those of scipy.stats in the parametrisation of the Stan manual; integers divide as Stan's do.
"""

import math

import numpy as np
from lark import Lark, Token, Tree
from scipy import special, stats

GRAMMAR = r"""
start: statement*
?statement: declare | assign | loop | branch | block
declare: TYPE ["[" expr ("," expr)* "]"] NAME ["=" expr] ";"
assign: target (SET | ADD) expr ";"
target: NAME ["[" expr ("," expr)* "]"]
loop: "for" "(" NAME "in" expr ":" expr ")" statement
branch: "if" "(" expr ")" statement ["else" statement]
block: "{" statement* "}"
?expr: either
?either: both | either "||" both -> or_
?both: equal | both "&&" equal -> and_
?equal: order | equal "==" order -> eq
?order: sum | order "<" sum -> lt | order "<=" sum -> le | order ">" sum -> gt
?sum: product | sum "+" product -> add | sum "-" product -> sub
?product: signed | product "*" signed -> mul | product "/" signed -> div
?signed: power | "-" signed -> neg
?power: postfix | postfix "^" signed -> pow
?postfix: atom | postfix "[" expr ("," expr)* "]" -> element | postfix "'" -> transpose
    | postfix "[" expr ":" expr "]" -> run
?atom: NUMBER -> number | NAME -> name | "(" expr ")" | NAME "(" expr (("|" | ",") expr)* ")" -> function
TYPE.2: /(real|vector|matrix)\b/
SET: "="
ADD: "+="
NAME: /[A-Za-z]\w*/
NUMBER: /\d+(\.\d*)?([eE][-+]?\d+)?/
%ignore /\s+/
"""
PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)


def multi_normal(x, m, s):
    return stats.multivariate_normal.logpdf(x, m, s)


def ordered_logistic(y, eta, cuts):
    assert 1 <= y <= len(cuts) + 1 and (np.diff(cuts) > 0).all()
    above = stats.logistic.sf(np.concatenate([[-np.inf], cuts, [np.inf]]), eta)
    return np.log(above[y - 1] - above[y])


FUNCTIONS = {
    "log": np.log,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": abs,
    "cos": np.cos,
    "sin": np.sin,
    "inv": lambda x: 1.0 / x,
    "inv_sqrt": lambda x: 1.0 / math.sqrt(x),
    "log1m": lambda x: np.log1p(-x),
    "log1p_exp": lambda x: np.logaddexp(0, x),
    "log1m_exp": lambda x: np.log1p(-np.exp(x)),
    "logit": lambda p: np.log(p) - np.log1p(-p),
    "Phi": stats.norm.cdf,
    "log_sum_exp": lambda x: special.logsumexp(x),
    "log_diff_exp": lambda a, b: a + np.log1p(-np.exp(b - a)),
    "to_vector": lambda x: np.asarray(x, float),
    "rep_vector": lambda x, n: np.full(n, float(x)),
    "identity_matrix": np.eye,
    "diag_matrix": np.diag,
    "inverse_spd": np.linalg.inv,
    "log_determinant_spd": lambda s: np.linalg.slogdet(s)[1],
    "trace": np.trace,
    "cumulative_sum": np.cumsum,
    "append_row": lambda a, b: np.concatenate([np.atleast_1d(a), np.atleast_1d(b)]),
    "normal_lpdf": lambda x, m, s: stats.norm.logpdf(x, m, s),
    "normal_lcdf": lambda x, m, s: stats.norm.logcdf(x, m, s),
    "normal_lccdf": lambda x, m, s: stats.norm.logsf(x, m, s),
    "lognormal_lpdf": lambda x, m, s: stats.lognorm.logpdf(x, s, scale=math.exp(m)),
    "gamma_lpdf": lambda x, a, b: stats.gamma.logpdf(x, a, scale=1 / b),
    "inv_gamma_lpdf": lambda x, a, b: stats.invgamma.logpdf(x, a, scale=b),
    "beta_lpdf": lambda x, a, b: stats.beta.logpdf(x, a, b),
    "exponential_lpdf": lambda x, b: stats.expon.logpdf(x, scale=1 / b),
    "exponential_lcdf": lambda x, b: stats.expon.logcdf(x, scale=1 / b),
    "double_exponential_lpdf": lambda x, m, s: stats.laplace.logpdf(x, m, s),
    "student_t_lpdf": lambda x, nu, m, s: stats.t.logpdf(x, nu, m, s),
    "cauchy_lpdf": lambda x, m, s: stats.cauchy.logpdf(x, m, s),
    "skew_double_exponential_lpdf": lambda x, m, s, t: stats.laplace_asymmetric.logpdf(
        x, (t / (1 - t)) ** 0.5, m, s / (2 * (t * (1 - t)) ** 0.5)
    ),
    "exponential_lccdf": lambda x, b: stats.expon.logsf(x, scale=1 / b),
    "weibull_lcdf": lambda x, a, s: stats.weibull_min.logcdf(x, a, scale=s),
    "weibull_lccdf": lambda x, a, s: stats.weibull_min.logsf(x, a, scale=s),
    "pareto_lpdf": lambda x, least, a: stats.pareto.logpdf(x, a, scale=least),
    "weibull_lpdf": lambda x, a, s: stats.weibull_min.logpdf(x, a, scale=s),
    "von_mises_lpdf": lambda x, m, k: stats.vonmises.logpdf(x, k, loc=m),
    "poisson_lpmf": lambda x, r: stats.poisson.logpmf(x, r),
    "ordered_logistic_lpmf": ordered_logistic,
    "bernoulli_lpmf": lambda x, p: stats.bernoulli.logpmf(x, p),
    "binomial_lpmf": lambda x, n, p: stats.binom.logpmf(x, n, p),
    "neg_binomial_lpmf": lambda x, a, b: stats.nbinom.logpmf(x, a, b / (b + 1)),
    "dirichlet_lpdf": lambda x, a: stats.dirichlet.logpdf(x / x.sum(), a),
    "beta_binomial_lpmf": lambda x, n, a, b: stats.betabinom.logpmf(x, n, a, b),
    "dirichlet_multinomial_lpmf": lambda x, a: stats.dirichlet_multinomial.logpmf(x, a, x.sum()),
    "multinomial_lpmf": lambda x, p: stats.multinomial.logpmf(x, x.sum(), p / p.sum()),
    "multi_normal_lpdf": multi_normal,
    "multi_normal_prec_lpdf": lambda x, m, s: multi_normal(x, m, np.linalg.inv(s)),
    "wishart_lpdf": lambda x, n, s: stats.wishart.logpdf(x, n, s),
    "inv_wishart_lpdf": lambda x, n, s: stats.invwishart.logpdf(x, n, s),
}
WHOLE = (int, np.integer, np.bool_)


def target(program, values):
    """The log density of a program at values of its data and parameters."""
    _, _, body = program.partition("\nmodel {")
    body = body.strip().removesuffix("}")
    scope = {**values, "target": 0.0}
    for part in PARSER.parse(body).children:
        run(part, scope)
    return float(scope["target"])


def run(node, scope):
    match node:
        case Tree(data="declare", children=[_, *rest]):
            *sizes, name, start = rest
            sizes = [value(s, scope) for s in sizes if s is not None]
            scope[str(name)] = value(start, scope) if start is not None else np.full(sizes, np.nan)
        case Tree(data="assign", children=[Tree(children=[name, *subs]), sign, expr]):
            at = tuple(value(s, scope) - 1 for s in subs if s is not None)
            found = value(expr, scope)
            if at:
                scope[str(name)][at] = found + (scope[str(name)][at] if sign == "+=" else 0)
            else:
                scope[str(name)] = found + scope[str(name)] if sign == "+=" else np.copy(found)
        case Tree(data="loop", children=[name, first, last, body]):
            for i in range(value(first, scope), value(last, scope) + 1):
                scope[str(name)] = i
                run(body, scope)
        case Tree(data="branch", children=[condition, then, other]):
            if value(condition, scope):
                run(then, scope)
            elif other is not None:
                run(other, scope)
        case Tree(data="block", children=parts):
            for part in parts:
                run(part, scope)
        case _:
            raise AssertionError(node)


def value(node, scope):
    match node:
        case Tree(data="number", children=[Token() as t]):
            return int(t) if t.isdigit() else float(t)
        case Tree(data="name", children=[name]):
            found = scope[str(name)]
            return found.item() if isinstance(found, np.ndarray) and found.ndim == 0 else found
        case Tree(data="function", children=[name, *args]):
            return FUNCTIONS[str(name)](*(value(a, scope) for a in args))
        case Tree(data="element", children=[whole, *subs]):
            at = tuple(value(s, scope) - 1 for s in subs)
            assert all(i >= 0 for i in at), "Stan counts from one"
            return value(whole, scope)[at]
        case Tree(data="run", children=[whole, first, last]):
            start, stop = value(first, scope) - 1, value(last, scope)
            assert start >= 0 and stop <= len(value(whole, scope)), "Stan checks the ends of a slice"
            return value(whole, scope)[start:stop]
        case Tree(data="transpose", children=[part]):
            return value(part, scope).T
        case Tree(data="neg", children=[part]):
            return -value(part, scope)
        case Tree(data="or_", children=[left, right]):
            return value(left, scope) or value(right, scope)
        case Tree(data="and_", children=[left, right]):
            return value(left, scope) and value(right, scope)
        case Tree(data=operator, children=[left, right]):
            return OPERATORS[operator](value(left, scope), value(right, scope))
    raise AssertionError(node)


def multiply(a, b):
    return a @ b if np.ndim(a) and np.ndim(b) else a * b


def divide(a, b):
    return int(a / b) if isinstance(a, WHOLE) and isinstance(b, WHOLE) else a / b


OPERATORS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": multiply,
    "div": divide,
    "pow": lambda a, b: float(a) ** b,
    "eq": lambda a, b: int(a == b),
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
    "gt": lambda a, b: int(a > b),
}
