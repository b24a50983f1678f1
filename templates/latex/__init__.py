"""A derivation as LaTeX: an article that compiles on its own, or a fragment to paste into a paper.

The article needs only amsmath, amssymb, booktabs, geometry, lmodern, tikz and xcolor; the fragment has no diagram, and
so no need of tikz.
"""

from __future__ import annotations

from cavi.derive.model import Model
from cavi.derive.result import Derived
from cavi.derive.term import Polynomial
from cavi.templates.article import article
from cavi.templates.environment import environment
from cavi.templates.latex.slides import algorithm_view, frames
from cavi.templates.latex.tex import to_tex
from cavi.templates.latex.view import view
from cavi.templates.notation import Notation, notation
from cavi.templates.printer import Printer
from cavi.templates.symbols import tex_text


def render(derived: Derived) -> str:
    """A complete article: plate diagram, model, derivation step by step, updates, bound, algorithm, notation."""
    drawing = derived.model.diagram()
    return _render(derived, "latex/article.tex.jinja", drawing.tikz(), tex_text(drawing.legend()))


def render_fragment(derived: Derived) -> str:
    """The article's body, for a document that loads amsmath, amssymb, booktabs and xcolor."""
    return _render(derived, "latex/fragment.tex.jinja")


def render_beamer(derived: Derived) -> str:
    """A talk: a document of the class beamer that compiles on its own."""
    return _slides(derived, "latex/beamer.tex.jinja")


def render_frames(derived: Derived) -> str:
    """The frames of the talk, for a document of the class beamer that loads amsmath, amssymb and tikz."""
    return _slides(derived, "latex/frames.tex.jinja")


def render_algorithm(derived: Derived) -> str:
    """The loop with every update in order and the stopping rule, for a document that loads amsmath and amssymb."""
    holes = algorithm_view(article(derived))
    return environment("latex").get_template("latex/algorithm_box.tex.jinja").render(holes)


def _slides(derived: Derived, template: str) -> str:
    a, drawing = article(derived), derived.model.diagram()
    holes = {**view(a), "frames": frames(a), "diagram": drawing.tikz(), "legend": tex_text(drawing.legend())}
    return environment("latex").get_template(template).render(holes)


def _render(derived: Derived, template: str, diagram: str = "", legend: str = "") -> str:
    holes = {**view(article(derived)), "diagram": diagram, "legend": legend}
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
