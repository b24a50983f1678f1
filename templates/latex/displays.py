"""Parts of a derivation as displays for MathJax, which notebooks use: no packages, no text mode."""

from __future__ import annotations

from cavi.derive.model import Model
from cavi.derive.result import Derived, Elbo, Update
from cavi.templates.article import article
from cavi.templates.chain import P
from cavi.templates.declaration import DeclarationPrinter, fitted
from cavi.templates.latex.view import declared_rows, rows
from cavi.templates.notation import notation
from cavi.templates.printer import Printer
from cavi.templates.update_view import update_view


def aligned(*parts: str) -> str:
    """Rows of TeX as one display, the parts a little apart."""
    lines = " \\\\[6pt]\n".join(p for p in parts if p)
    return f"$$\\begin{{aligned}}\n{lines}\n\\end{{aligned}}$$"


def render_display(derived: Derived) -> str:
    """The update equations of all factors."""
    return aligned(*(rows(u.formulas) for u in article(derived).updates))


def render_model(model: Model) -> str:
    """What was declared, a line a variable."""
    declaration = DeclarationPrinter(Printer(notation(model)))
    nodes = [v for v in model.variables if v.distribution is not None or v.constraint is not None]
    lines = fitted([line for v in nodes for line in declaration.lines(v)])
    return aligned(" \\\\\n".join(map(declared_rows, lines)))


def render_update(update: Update) -> str:
    """The optimal factor and its update equations; of an update on its own, which has no notation, plain text."""
    context = update.context
    if context is None:
        return f"`{update!r}`"
    signs = notation(context.model, context.updates)
    view = update_view(signs, DeclarationPrinter(Printer(signs)), context.model, update, P, 1)
    return aligned(rows(view.families), rows(view.formulas))


def render_elbo(elbo: Elbo) -> str:
    """The bound, and each of its terms in closed form."""
    if elbo.context is None:
        return f"`{elbo}`"
    a = article(elbo.context)
    return aligned(rows([a.bound]), *(rows(t.equations) for t in a.bound_terms))
