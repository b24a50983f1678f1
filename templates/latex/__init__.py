"""A derivation as LaTeX: documents that compile on their own, and parts to paste into others.

The article needs only amsmath, amssymb, booktabs, geometry, lmodern, tikz and xcolor; the fragment has no diagram, and
so no need of tikz. Every renderer takes ``notation``, ``symbols`` and ``lang``, as `cavi.derive.Derived.latex` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cavi.derive.model import Model
from cavi.derive.render import renderer
from cavi.derive.result import Derived
from cavi.derive.term import Polynomial
from cavi.templates.article import spoken
from cavi.templates.environment import environment
from cavi.templates.latex.slides import algorithm_view, frames
from cavi.templates.latex.tex import to_tex
from cavi.templates.latex.view import view
from cavi.templates.notation import Notation, notation
from cavi.templates.printer import Printer


def render(derived: Derived, **manner: Any) -> str:
    """A complete article: plate diagram, model, derivation step by step, updates, bound, algorithm, notation."""
    return _render(derived, "latex/article.tex.jinja", manner, diagram=True)


def render_fragment(derived: Derived, **manner: Any) -> str:
    """The article's body, for a document that loads amsmath, amssymb, booktabs and xcolor."""
    return _render(derived, "latex/fragment.tex.jinja", manner)


def render_beamer(derived: Derived, **manner: Any) -> str:
    """A talk: a document of the class beamer that compiles on its own."""
    return _render(derived, "latex/beamer.tex.jinja", manner, diagram=True)


def render_frames(derived: Derived, **manner: Any) -> str:
    """The frames of the talk, for a document of the class beamer that loads amsmath, amssymb and tikz."""
    return _render(derived, "latex/frames.tex.jinja", manner, diagram=True)


def render_algorithm(derived: Derived, **manner: Any) -> str:
    """The loop with every update in order and the stopping rule, for a document that loads amsmath and amssymb."""
    return _render(derived, "latex/algorithm_box.tex.jinja", manner)


def _render(derived: Derived, template: str, manner: Mapping[str, Any], diagram: bool = False) -> str:
    a, say = spoken(derived, **manner)
    holes = {**view(a, say), "frames": frames(a, say), "algorithm": algorithm_view(a), "diagram": "", "legend": ""}
    if diagram:
        drawing = renderer("diagram")(derived.model, symbols=manner.get("symbols"))
        holes |= {"diagram": drawing.tikz(), "legend": say.tex(say.clauses(drawing.legend()))}
    return environment("latex").get_template(template).render(holes)


def polynomial_latex(poly: Polynomial, context: Derived | Model | Notation | None = None) -> str:
    """A polynomial as TeX for mathematics mode, on one line.

    Args:
        poly: any polynomial of a derivation.
        context: whose names and indices it uses; with None, names are written as they are spelled
            and moments cannot occur.

    Raises:
        KeyError: for a moment that the context does not know.
    """
    match context:
        case Notation():
            signs = context
        case Derived():
            signs = notation(context.model, context.updates)
        case _:
            signs = notation(context)
    return to_tex(Printer(signs).polynomial(poly))
