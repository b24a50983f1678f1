"""A declared model as a graph with plates: what a plate diagram shows, before anything has a place.

Nodes are the declared variables; an edge runs from every variable that a declaration mentions to the one declared.
Indices over one set that never stand together on a variable are one plate (``mu[k]`` and ``A[j]``, both of size K);
those that do are several (``Y[i, j]``), and such plates cross. The axes of a vector are no plate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cavi.derive.expression import (
    AnySub,
    Condition,
    Expr,
    InverseOf,
    Probabilities,
    Ref,
    Selector,
    Takes,
    subscript_indices,
)
from cavi.derive.index import Gather, Index, Shift, primed
from cavi.derive.model import Model, Variable, VariableRole
from cavi.templates.layout import Box
from cavi.templates.notation import notation
from cavi.templates.printer import Printer
from cavi.templates.scope import Scope
from cavi.templates.whiteboard import WhiteboardPrinter
from cavi.templates.words import ENGLISH, Speaker

NodeKind = Literal["latent", "observed", "function", "point", "hyper", "known", "before"]
EdgeKind = Literal["value", "selects", "weight", "before"]


@dataclass(frozen=True)
class Node:
    """One variable.

    Attributes:
        name: of the variable; that of the element one before, in a chain, ends in an apostrophe.
        kind: latent, observed, function (an observed function of latents), point (maximised over), hyper, known
            (a covariate or an observed index), or before (the neighbour of an element in a chain).
        label: its symbol with the indices of its plates.
        about: one line, its declaration.
        word: what it is, in words.
        shaded: whether its value is known.
    """

    name: str
    kind: NodeKind
    label: Box
    about: str
    word: str
    shaded: bool = False


@dataclass(frozen=True)
class Edge:
    """`tail` stands in the declaration of `head`.

    It does so as a value, as what selects among values, as a weight, or as the element before it in a chain.
    """

    tail: str
    head: str
    kind: EdgeKind = "value"


@dataclass(frozen=True)
class Plate:
    """What is repeated together: the symbol of its size, its indices, and the names of its nodes."""

    name: str
    label: Box
    indices: tuple[str, ...]
    members: frozenset[str]


@dataclass(frozen=True)
class PlateDiagram:
    """Nodes in the order of the declarations, edges, and plates from the outermost inward."""

    name: str
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    plates: tuple[Plate, ...]

    @property
    def nested(self) -> bool:
        """Whether any two plates are disjoint or one inside the other."""
        sets = [p.members for p in self.plates]
        return all(not a & b or a <= b or b <= a for a in sets for b in sets)

    def legend(self) -> str:
        """What the signs that occur in it mean, as one sentence."""
        kinds = {n.kind for n in self.nodes}
        arrows = {e.kind for e in self.edges}
        signs = ["circles are random"] if kinds & {"latent", "observed"} else []
        signs += ["shaded ones are observed"] if any(n.shaded for n in self.nodes) else []
        signs += ["a double circle is an observed function of latents"] if "function" in kinds else []
        signs += ["shaded squares are known data"] if "known" in kinds else []
        signs += ["open squares are maximised over"] if "point" in kinds else []
        signs += ["dots are hyperparameters"] if "hyper" in kinds else []
        signs += ["a dashed circle is the element before"] if "before" in kinds else []
        signs += ["a dashed arrow comes from what selects"] if "selects" in arrows else []
        signs += ["a dotted arrow from a weight"] if "weight" in arrows else []
        said = ", ".join(signs)
        return f"{said[:1].upper()}{said[1:]}."

    def described(self, say: Speaker = ENGLISH) -> str:
        """The diagram in words, for readers who do not see it."""
        kinds = {
            "latent": "Latent: {it}.",
            "observed": "Observed: {it}.",
            "function": "Observed function of latents: {it}.",
            "point": "Maximised over: {it}.",
            "hyper": "Hyperparameters: {it}.",
            "known": "Known data: {it}.",
        }
        said = []
        for kind, words in kinds.items():
            names = [n.name for n in self.nodes if n.kind == kind]
            if names:
                said.append(say.fixed(words, it=", ".join(names)))
        for p in self.plates:
            inside = ", ".join(n.name for n in self.nodes if n.name in p.members and n.kind != "before")
            indices = ", ".join(p.indices)
            said.append(
                say.fixed("Plate {name} ({indices}) repeats {nodes}.", name=p.name, indices=indices, nodes=inside)
            )
        for n in self.nodes:
            tails = [e for e in self.edges if e.head == n.name]
            if tails:
                marked = ", ".join(_tail(e, say) for e in tails)
                said.append(say.fixed("{it} depends on {parents}.", it=n.name, parents=marked))
        return " ".join(said)


def _tail(e: Edge, say: Speaker) -> str:
    if e.kind == "before":
        return say("the one before it")
    remark = {"value": "{it}", "selects": "{it} (selects)", "weight": "{it} (weight)"}[e.kind]
    return say.fixed(remark, it=e.tail)


@dataclass(frozen=True)
class _Mention:
    """A variable in an expression with its subscripts; `selects` where it stands inside brackets."""

    name: str
    subs: tuple[AnySub, ...]
    selects: bool


def plate_diagram(model: Model, symbols: Mapping[str, str] | None = None) -> PlateDiagram:
    """The diagram of any declared model.

    Examples:
        >>> from cavi.derive import Gamma, Model, Poisson
        >>> m = Model("rates")
        >>> n = m.index("n", "N")
        >>> rate = m.latent("rate", Gamma(2, 1))
        >>> x = m.observed("x", Poisson(rate), n)
        >>> d = plate_diagram(m)
        >>> [(e.tail, e.head) for e in d.edges], sorted(d.plates[0].members)
        ([('rate', 'x')], ['x'])
    """
    colours = _colours(model)
    drawn = {(i.size, colours[i]) for v in model.variables if not _is_known(v) for i in v.plates}
    uses = _known_uses(model)
    chosen = {name: tex for name, tex in (symbols or {}).items() if "." not in name}  # others are of parameters of q
    inside = {v.name: _plates_of(v, colours, drawn, uses.get(v.name, {})) for v in model.variables}
    writer = WhiteboardPrinter(Printer(notation(model, symbols=chosen)))
    nodes: list[Node] = []
    edges: dict[tuple[str, str], Edge] = {}
    for v in model.variables:
        for mention, kind in _arguments(v):
            if mention.name != v.name:
                known = edges.get((mention.name, v.name))
                if known is None or (known.kind != "value" and kind == "value"):
                    edges[mention.name, v.name] = Edge(mention.name, v.name, kind)
            elif (f"{v.name}'", v.name) not in edges:
                own = tuple(mention.subs[: len(v.plates)])
                nodes.append(_before(v, own, writer))
                edges[f"{v.name}'", v.name] = Edge(f"{v.name}'", v.name, "before")
                inside[f"{v.name}'"] = inside[v.name]
        nodes.append(_node(v, inside[v.name], writer))
    return PlateDiagram(
        model.name, model.title, tuple(nodes), tuple(edges.values()), tuple(_plates(model, colours, inside, writer))
    )


def mentions(e: Expr) -> Iterator[_Mention]:
    """Every variable in an expression, those that select included."""
    match e:
        case Ref():
            yield _Mention(e.name, e.subs, False)
            yield from _inside(e.subs)
        case Condition():
            yield from _inside(e.subs)
        case Takes():
            yield _Mention(e.name, e.subs, True)
            yield from _inside((*e.subs, e.value))
            yield from mentions(e.value) if isinstance(e.value, Expr) else ()
        case InverseOf():
            yield from _inside(e.subs)
            yield from mentions(e.body)
        case Probabilities():
            yield from mentions(e.body)
            yield from mentions(e.part)
        case _:
            for child in e.children:
                yield from mentions(child)


def _inside(subs: Iterable[AnySub]) -> Iterator[_Mention]:
    for sub in subs:
        if isinstance(sub, Selector | Gather):
            yield _Mention(sub.name, tuple(sub.subs), True)
            yield from _inside(sub.subs)
        elif isinstance(sub, Shift):
            yield from _inside((sub.base,))


def _arguments(v: Variable) -> Iterator[tuple[_Mention, EdgeKind]]:
    """What a declaration mentions, and how."""
    expressions: list[Expr] = [] if v.constraint is None else [v.constraint]
    known: list[Expr] = [] if v.weight is None else [v.weight]
    if v.distribution is not None:
        expressions += v.distribution.args.values()
    if v.chain is not None:
        expressions += v.chain.initial.args.values()
        known += [] if v.chain.starts is None else [v.chain.starts]
    for e in expressions:
        for m in mentions(e):
            yield m, "selects" if m.selects else "value"
    for e in known:
        for m in mentions(e):
            yield m, "weight"


def _colours(model: Model) -> dict[Index, int]:
    """Which of the plates of its size an index is: another one for two indices of one variable."""
    together: dict[Index, set[Index]] = {i: set() for i in model.indices}
    for v in model.variables:
        for i in v.indices:
            together.setdefault(i, set()).update(j for j in v.indices if j != i and j.size == i.size)
    colours: dict[Index, int] = {}
    for i in together:
        taken = {colours[j] for j in together[i] if j in colours}
        colours[i] = next(c for c in range(len(together) + 1) if c not in taken)
    return colours


def _is_known(v: Variable) -> bool:
    return v.role in ("hyper", "covariate", "observed_index")


def _known_uses(model: Model) -> dict[str, dict[int, bool]]:
    """Of known arrays, for each axis: whether it is anywhere more than the axis of a vector."""
    found: dict[str, dict[int, bool]] = {}
    for v in model.variables:
        event: set[Index] = set(v.event)
        for d in (v.distribution, None if v.chain is None else v.chain.initial):
            if d is not None:
                event |= {*d.event, *([] if d.over is None else [d.over])}
        event -= set(v.plates)
        event |= {primed(i) for i in event}
        for mention, _ in _arguments(v):
            axes = found.setdefault(mention.name, {})
            for place, sub in enumerate(mention.subs):
                vector = not isinstance(sub, Selector | Gather) and set(subscript_indices(sub)) <= event
                axes[place] = axes.get(place, False) or not vector
    return found


def _plates_of(
    v: Variable, colours: dict[Index, int], drawn: set[tuple[str, int]], uses: dict[int, bool]
) -> tuple[Index, ...]:
    """The indices of a variable that are plates of the diagram.

    Of a known array only those that repeat something else too, and of a matrix over one set none.
    """
    if not _is_known(v):
        return v.plates
    axes = v.indices[:-2] if v.domain == "positive_definite" else v.indices
    axes = tuple(i for place, i in enumerate(axes) if uses.get(place, False))
    missing = {i.size for i in v.indices if (i.size, colours[i]) not in drawn}
    return tuple(i for i in axes if i.size not in missing)


def _plates(
    model: Model, colours: dict[Index, int], inside: dict[str, tuple[Index, ...]], writer: WhiteboardPrinter
) -> Iterator[Plate]:
    found: dict[tuple[str, int], set[str]] = {}
    names: dict[tuple[str, int], dict[str, None]] = {}
    for node, indices in inside.items():
        for i in indices:
            key = (i.size, colours[i])
            found.setdefault(key, set()).add(node)
            names.setdefault(key, {})[i.name] = None
    several = {size for size, colour in found if colour}
    order = sorted(found, key=lambda key: (-len(found[key]), [i.size for i in model.indices].index(key[0]), key[1]))
    for size, colour in order:
        name = f"{size} ({', '.join(names[size, colour])})" if size in several else size
        yield Plate(name, writer.printer.size(size), tuple(names[size, colour]), frozenset(found[size, colour]))


_KINDS: dict[VariableRole, NodeKind] = {
    "latent": "latent",
    "observed": "observed",
    "point": "point",
    "hyper": "hyper",
    "covariate": "known",
    "observed_index": "known",
}
_WORDS = {
    "latent": "latent",
    "observed": "observed",
    "point": "maximised over",
    "hyper": "hyperparameter",
    "covariate": "known data",
    "observed_index": "observed index",
}


def _node(v: Variable, plates: tuple[Index, ...], writer: WhiteboardPrinter) -> Node:
    kind = _KINDS[v.role] if v.constraint is None else "function"
    signs = writer.printer.notation
    base = signs.variable(v.name) if len(plates) == len(v.indices) else signs.array(v.name)
    label = writer.printer.subscripted(base, plates, Scope({}, frozenset(i.name for i in plates)))
    return Node(v.name, kind, label, str(v), _WORDS[v.role], v.role in ("observed", "covariate", "observed_index"))


def _before(v: Variable, subs: tuple[AnySub, ...], writer: WhiteboardPrinter) -> Node:
    signs = writer.printer.notation
    base = signs.array(v.name) if v.event else signs.variable(v.name)
    label = writer.subscripted(base, subs, Scope({}, frozenset(i.name for i in v.plates)))
    return Node(f"{v.name}'", "before", label, v.name, "the element before", v.role == "observed")
