"""Distributions that are integrals over a latent, with the latent: mixtures and Student's t."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cavi.templates.programs.graph import Node, Selection, constant, elementwise, reshaped, variable
from cavi.templates.programs.sites import Drawn, Mixed, Site, StudentT, ends
from cavi.templates.programs.sizes import unique


def explicit(sites: Sequence[Site]) -> Iterator[Site]:
    """The sites with a latent before each that is integrated out in the program.

    Sources: Bishop (2006), 9.10 to 9.12 for the category of a mixture, 2.158 to 2.160 for the scale of a t.
    """
    taken = {s.name for s in sites}
    for s in sites:
        match s.distribution:
            case Mixed() as mixed:
                name = unique((f"{s.name}_{n}" for n in ("category", "component", "mixture_category")), taken)
                yield from _mixture(s, mixed, name)
            case StudentT() as student:
                name = unique((f"{s.name}_{n}" for n in ("scale", "scaling", "student_scale")), taken)
                yield from _student(s, student, name)
            case _:
                yield s


def _mixture(s: Site, mixed: Mixed, name: str) -> Iterator[Site]:
    """A category by the weights, then the component that it selects."""
    plates = len(s.shape) - mixed.component.rank
    category = variable(name, s.shape[:plates])
    yield Site(category, Drawn("Categorical", {"probs": mixed.weights}), s.labels[:plates])
    family = mixed.component.family
    chosen = {n: _selected(a, category, len(ends(family, n))) for n, a in mixed.component.args.items()}
    yield Site(s.node, Drawn(family, chosen), s.labels, s.value, s.weight)


def _selected(argument: Node, category: Node, last: int) -> Node:
    """The elements of an argument at the category; its components are its last axis, the event axes excepted."""
    at = len(argument.shape) - last - 1
    if at < 0:
        return argument
    if argument.shape[at] == 1:
        return reshaped(argument, argument.shape[:at] + argument.shape[at + 1 :])
    plates = len(category.shape)
    of = [("axis", plates - at + a) if argument.shape[a] > 1 else ("key", 1) for a in range(at)]
    of += [("key", 0), *(("axis", plates + i) for i in range(last))]
    keys = (category, constant(0)) if ("key", 1) in of else (category,)
    shape = (*category.shape, *argument.shape[at + 1 :])
    return Node("take", (argument, *keys), shape, Selection(tuple(of), tuple(range(plates))))


def _student(s: Site, student: StudentT, name: str) -> Iterator[Site]:
    """A Normal whose precision is scaled by a Gamma."""
    scaling = variable(name, s.shape)
    half = elementwise("div", student.dof, constant(2))
    yield Site(scaling, Drawn("Gamma", {"shape": half, "rate": half}), s.labels)
    precision = elementwise("div", scaling, elementwise("square", student.scale))
    yield Site(s.node, Drawn("Normal", {"mean": student.location, "precision": precision}), s.labels, s.value, s.weight)
