"""The formulas of a factor that is normalised numerically: one pass over nodes, and sums over them.

    nodes, weights, log_normaliser = quadrature(log_density, support, shape),   E[f(x)] = Σ_g weights[g] f(nodes[g])

Nodes and weights are arrays over the plates of the factor and one more axis, which for a factor of two numbers runs
over all nodes of a plane. So the expectations are formulas in the
normal form, with that axis summed, and are written like all others. The logarithms of a positive number, and of a
probability and of what it lacks to one, are nodes of their own: they are finite where the number itself is rounded to
zero or one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from cavi.derive.canonical import collect, normalise, sum_over
from cavi.derive.derivatives import at
from cavi.derive.functions import log
from cavi.derive.index import Index
from cavi.derive.result import Formula, Integral, Projected
from cavi.derive.term import ZERO, Atom, Element, Function, Parameter, Polynomial, from_atom, number
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.layout import assign, call
from cavi.templates.numpy.names import quote, shape_comment

NODE = Index("node", "NODES")
# What stands for a latent, for its logarithm, and for the logarithm of one less it, by its support.
NODES_OF = {"real": ("nodes",), "positive": ("nodes", "log_nodes"), "unit": ("nodes", "log_nodes", "log_rest_nodes")}


def integrals(
    formulas: Sequence[Formula], scope: Scope, inside: Scope, names: Mapping[object, str], plates: Sequence[Index]
) -> Iterator[str]:
    """The statements for consecutive integrals over one density; `inside` is the scope of that density."""
    (first, *_) = formulas
    assert isinstance(first.value, Integral)
    outer, supports = frozenset(scope.fixed), dict(first.value.supports)
    (leader, *_) = supports
    axes = tuple(i for i in plates if i not in outer)
    places = {n: [names["parameter", n, x] for x in NODES_OF[support]] for n, support in supports.items()}
    of_nodes = [x for found in places.values() for x in found]
    weights, normaliser = (names["parameter", leader, n] for n in ("weights", "log_normaliser"))
    for s in (scope, inside):
        for latent, support in supports.items():
            for name in (*NODES_OF[support], "weights"):
                s.sliced["parameter", latent, name] = outer
    yield from density(first.value, inside, names, axes)
    helper = scope.helper("quadrature" if len(supports) == 1 else "plane_quadrature")
    arguments = _arguments(first.value, scope, axes)
    yield from call(f"{shape_comment(of_nodes)}, {weights}, {normaliser} = {helper}", arguments)
    for f in formulas:
        if f.name == "log_normaliser":
            continue
        assert isinstance(f.value, Integral)
        target = tuple(i for i in f.indices if i not in outer)
        if f.value.name == "deviation":
            code = f"{scope.helper('deviation')}({places[f.latent][0]}, {weights})"
        elif f.value.name == "correlation":
            code = f"{scope.helper('correlation')}({', '.join(found[0] for found in places.values())}, {weights})"
        else:
            assert f.value.pattern is not None
            weight = from_atom(Parameter(leader, "weights", (*plates, NODE)))
            value = sum_over(weight * at_nodes(f.value.pattern, supports), [NODE])
            code = polynomial(value, scope, target).code
        yield from scope.lines
        scope.lines.clear()
        yield from assign(f"{names['parameter', f.latent, f.name]} =", code)


def density(value: Integral, inside: Scope, names: Mapping[object, str], axes: Sequence[Index]) -> Iterator[str]:
    """The function of a density but for its normaliser, of nodes; `inside` is its scope, `axes` are its plates."""
    supports = dict(value.supports)
    of_nodes = [names["parameter", n, x] for n, support in supports.items() for x in NODES_OF[support]]
    code = polynomial(at_nodes(value.log_density, supports), inside, (*axes, NODE)).code
    yield from call("def log_density", [f"{n}: np.ndarray" for n in of_nodes], " -> np.ndarray:")
    yield f'    """log q({", ".join(supports)}) but for its normaliser."""'
    yield from (f"    {line}" for line in (*inside.lines, *assign("return", code)))
    inside.lines.clear()


def sampler(
    value: Integral, scope: Scope, names: Mapping[object, str], plates: Sequence[Index], target: str
) -> Iterator[str]:
    """The statements that make what draws from a density, and keep it by that name."""
    outer = frozenset(scope.fixed)
    inside = scope.beside()
    for latent, support in value.supports:
        for name in NODES_OF[support]:
            inside.sliced["parameter", latent, name] = outer
    axes = tuple(i for i in plates if i not in outer)
    yield from density(value, inside, names, axes)
    helper = scope.helper("number_sampler" if len(value.supports) == 1 else "pair_sampler")
    yield from call(f"{target} = {helper}", _arguments(value, scope, axes))


def _arguments(value: Integral, scope: Scope, axes: Sequence[Index]) -> list[str]:
    """What a rule and a sampler are given: the density, its supports, and the shape of its plates."""
    quoted = [quote(support) for _, support in value.supports]
    where = quoted[0] if len(quoted) == 1 else f"({', '.join(quoted)})"
    return ["log_density", where, shape_comment(scope.size(i.size) for i in axes)]


def projected(formulas: Sequence[Formula], scope: Scope, names: Mapping[object, str]) -> Iterator[str]:
    """The statements for expectations of functions of one Normal number each, which nodes stand for."""
    outer = frozenset(scope.fixed)
    before: tuple[object, ...] = ()
    for f in formulas:
        assert isinstance(f.value, Projected)
        target = tuple(i for i in f.indices if i not in outer)
        nodes, weights = (names["parameter", f.latent, n] for n in ("nodes", "weights"))
        for name in ("nodes", "weights"):
            scope.sliced["parameter", f.latent, name] = outer
        if (argument := (f.value.mean, f.value.variance, f.indices)) != before:
            before = argument
            mean, variance = (polynomial(p, scope, target).code for p in (f.value.mean, f.value.variance))
            yield from scope.lines
            scope.lines.clear()
            scope.temporaries.clear()  # of other nodes
            yield from assign(f"{nodes}, {weights} =", f"{scope.helper('normal_nodes')}({mean}, {variance})")
        place = from_atom(Parameter(f.latent, "nodes", (*f.indices, NODE)))
        weight = from_atom(Parameter(f.latent, "weights", (NODE,)))
        code = polynomial(sum_over(weight * at(f.value.function, place), [NODE]), scope, target).code
        yield from scope.lines
        scope.lines.clear()
        yield from assign(f"{names['parameter', f.latent, f.name]} =", code)


def at_nodes(p: Polynomial, supports: Mapping[str, str]) -> Polynomial:
    """The polynomial with the nodes in the place of the latents."""
    p = _near_zero(p, supports)

    def change(atom: Atom) -> Atom:
        if isinstance(atom, Element) and atom.name in supports:
            return Parameter(atom.name, "nodes", (*atom.subs, NODE))
        if isinstance(atom, Function):
            return _logarithm(atom, supports) or Function(atom.name, tuple(at_nodes(a, supports) for a in atom.args))
        return atom

    return collect(normalise(m.coefficient, [(change(a), e) for a, e in m.powers], m.bound) for m in p.monomials)


def _near_zero(p: Polynomial, supports: Mapping[str, str]) -> Polynomial:
    """log(1 - exp(-u)) by log u, where u is a product of positive numbers of which the rule knows the logarithms.

    1 - exp(-u) = (1 + exp(-u)) (u/2) tanhc(u/2): a node may round to zero, its logarithm does not.
    """
    total = ZERO
    for m in p.monomials:
        at = next(((a, u) for a, e in m.powers if e == 1 and (u := _one_less_exp(a, supports)) is not None), None)
        if at is None:
            total = total + Polynomial((m,))
            continue
        atom, u = at
        rest = collect([normalise(m.coefficient, [(a, e) for a, e in m.powers if a is not atom], ())])
        half = log(from_atom(Function("tanhc", (u.scaled(Fraction(1, 2)),))))
        value = log(u) - log(number(2)) + half + from_atom(Function("softplus", (-u,)))
        total = total + sum_over(rest * value, m.bound)
    return total


def _one_less_exp(atom: Atom, supports: Mapping[str, str]) -> Polynomial | None:
    """u, if the atom is log(1 - exp(-u)) of a product of positive latents that nodes stand for."""
    if not isinstance(atom, Function) or atom.name != "log":
        return None
    rest = (number(1) - atom.args[0]).monomials
    if len(rest) != 1 or rest[0].coefficient != 1 or rest[0].bound or len(rest[0].powers) != 1:
        return None
    ((inner, exponent),) = rest[0].powers
    if not isinstance(inner, Function) or inner.name != "exp" or exponent != 1:
        return None
    u = -inner.args[0]
    if len(u.monomials) != 1 or u.monomials[0].coefficient < 0 or u.monomials[0].bound:
        return None
    positive = all(isinstance(a, Element) and supports.get(a.name) == "positive" for a, _ in u.monomials[0].powers)
    return u if positive else None


def _logarithm(f: Function, supports: Mapping[str, str]) -> Parameter | None:
    """The nodes of log x or log(1 - x), if the function is one of these."""
    if f.name != "log":
        return None
    for inside, name in ((f.args[0], "log_nodes"), (number(1) - f.args[0], "log_rest_nodes")):
        if len(inside.monomials) != 1 or inside.monomials[0].coefficient != 1:
            continue
        ((atom, exponent), *others) = inside.monomials[0].powers or ((None, 0),)
        if isinstance(atom, Element) and atom.name in supports and exponent == 1 and not others:
            if name in NODES_OF[supports[atom.name]]:
                return Parameter(atom.name, name, (*atom.subs, NODE))
    return None
