"""A derivation as one self-contained HTML page: MathML, nothing loaded from elsewhere.

Its only script is the fixed text of ``page.js.jinja``, which adds buttons to a page that is whole without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cavi.derive.render import renderer
from cavi.derive.result import Derived
from cavi.templates.article import spoken
from cavi.templates.environment import environment
from cavi.templates.html.badges import Badges
from cavi.templates.html.evidence import evidence_view
from cavi.templates.html.fit import Fitted, fit_view
from cavi.templates.html.view import view


def render(
    derived: Derived,
    evidence: Mapping[str, Any] | None = None,
    fit: Fitted | None = None,
    notation: str = "plain",
    symbols: Mapping[str, str] | None = None,
    lang: str = "en",
) -> str:
    """The page: plate diagram, model, derivation step by step, bound, algorithm, generated code, evidence, notation.

    Args:
        derived: the derivation.
        evidence: the plain data of a report on it, ``report.as_dict()``; without it the page has no such section.
        fit: what the ``fit`` of the generated module returned; the page then shows the bound and the posteriors.
        notation: a preset of conventions; see `cavi.templates.style`.
        symbols: TeX of own symbols for declared names and parameters of q.
        lang: ``en`` or ``ko``.
    """
    template = environment("html").get_template("html/page.html.jinja")
    a, say = spoken(derived, notation, symbols, lang)
    found = None if evidence is None else evidence_view(evidence, say)
    badges = Badges(() if evidence is None else tuple(evidence["rows"]), say)
    drawing = renderer("diagram")(derived.model, symbols=symbols)
    figure = {"diagram": Markup(drawing.svg(standalone=False, lang=lang)), "legend": say.clauses(drawing.legend())}
    run = None if fit is None else fit_view(derived, fit, say, notation, symbols)
    holes = {**view(a, say, derived.numpy(), badges), **figure, "evidence": found, "fit": run}
    return template.render(holes)
