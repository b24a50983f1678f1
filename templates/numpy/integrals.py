"""The formulas of a factor that is normalised numerically: one pass over nodes, and sums over them.

    nodes, weights, log_normaliser = quadrature(log_density, support, shape),   E[f(x)] = Σ_g weights[g] f(nodes[g])

Nodes and weights are arrays over the plates of the factor and one more axis. So the expectations are formulas in the
normal form, with that axis summed, and are written like all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cavi.derive.canonical import collect, normalise, sum_over
from cavi.derive.index import Index
from cavi.derive.result import Formula, Integral
from cavi.derive.term import Atom, Element, Function, Parameter, Polynomial, from_atom
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import quote, shape_comment

NODE = Index("node", "NODES")


def integrals(
    formulas: Sequence[Formula], scope: Scope, inside: Scope, names: Mapping[object, str], plates: Sequence[Index]
) -> Iterator[str]:
    """The statements for consecutive integrals over one density; `inside` is the scope of that density."""
    (first, *_) = formulas
    assert isinstance(first.value, Integral)
    latent, outer = first.latent, frozenset(scope.fixed)
    axes = tuple(i for i in plates if i not in outer)
    nodes, weights = (names["parameter", latent, n] for n in ("nodes", "weights"))
    normaliser = names["parameter", latent, "log_normaliser"]
    for s in (scope, inside):
        for name in ("nodes", "weights"):
            s.sliced["parameter", latent, name] = outer
    code = polynomial(at_nodes(first.value.log_density, latent), inside, (*axes, NODE)).code
    yield ""
    yield f"def log_density({nodes}: np.ndarray) -> np.ndarray:"
    yield f'    """log q({latent}) but for its normaliser."""'
    yield from (f"    {line}" for line in (*inside.lines, *assign("return", code)))
    yield ""
    inside.lines.clear()
    shape = shape_comment(scope.size(i.size) for i in axes)
    helper = scope.helper("quadrature")
    yield f"{nodes}, {weights}, {normaliser} = {helper}(log_density, {quote(first.value.support)}, {shape})"
    for f in formulas:
        if f.name == "log_normaliser":
            continue
        assert isinstance(f.value, Integral)
        target = tuple(i for i in f.indices if i not in outer)
        if f.value.pattern is None:
            code = f"{scope.helper('deviation')}({nodes}, {weights})"
        else:
            weight = from_atom(Parameter(latent, "weights", (*plates, NODE)))
            value = sum_over(weight * at_nodes(f.value.pattern, latent), [NODE])
            code = polynomial(value, scope, target).code
        yield from scope.lines
        scope.lines.clear()
        yield from assign(f"{names['parameter', latent, f.name]} =", code)


def at_nodes(p: Polynomial, latent: str) -> Polynomial:
    """The polynomial with the nodes in the place of the latent."""

    def change(atom: Atom) -> Atom:
        if isinstance(atom, Element) and atom.name == latent:
            return Parameter(latent, "nodes", (*atom.subs, NODE))
        if isinstance(atom, Function):
            return Function(atom.name, tuple(at_nodes(a, latent) for a in atom.args))
        return atom

    return collect(normalise(m.coefficient, [(change(a), e) for a, e in m.powers], m.bound) for m in p.monomials)
