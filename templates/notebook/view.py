"""The cells of the notebook, in order: which template each is made by, and what fills its holes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from cavi.derive.result import Derived
from cavi.templates.article import Article
from cavi.templates.chain import StepView
from cavi.templates.equation import Equation, Sentence
from cavi.templates.latex.tex import to_tex
from cavi.templates.latex.view import declared_rows, rows
from cavi.templates.layout import Box
from cavi.templates.numpy.view import known_variables
from cavi.templates.posterior import Posterior, posteriors
from cavi.templates.symbols import html_text
from cavi.templates.update_view import UpdateView
from cavi.templates.words import Speaker

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|$~^])")
_EXPECTED = {
    "real": "real numbers",
    "positive": "numbers above 0",
    "nonnegative": "numbers of 0 or more",
    "unit": "numbers between 0 and 1",
    "count": "whole numbers of 0 or more",
    "binary": "zeros and ones",
    "simplex": "probabilities",
    "angle": "angles",
    "positive_definite": "a positive-definite matrix",
}


@dataclass(frozen=True)
class Cell:
    """One cell: its kind, an identifier that stays the same, its template in a folder and what fills the holes."""

    kind: Literal["markdown", "code"]
    id: str
    template: str
    holes: dict[str, Any] = field(default_factory=dict)
    folder: str = "notebook"


def cells(a: Article, say: Speaker, derived: Derived, example: str | None, declaration: str | None) -> list[Cell]:
    """Every cell of the notebook."""
    name = derived.model.name
    text = {"t": say.fixed}
    return [
        Cell("markdown", "model", "model.md", text | _model(a, declaration)),
        *(Cell("markdown", f"factor-{u.number}", "update.md", text | _update(u)) for u in a.updates),
        Cell("markdown", "bound", "bound.md", text | _bound(a)),
        Cell("code", "module", "module.py", {"name": name, "source": derived.numpy().strip("\n")}),
        Cell("markdown", "about-data", "about_data.md", text | {"example": example}),
        Cell("code", "data", "data.py", text | data_view(derived, say, example)),
        Cell("code", "fit", "fit.py", {"name": name}),
        Cell("code", "elbo", "elbo.py", {"title": repr(derived.model.title)}),
        Cell("code", "draw", "draw.py"),
        *(
            Cell("code", f"posterior-{place}", "posterior.py", {"p": p, "title": _title(p)})
            for place, p in enumerate(posteriors(derived), start=1)
        ),
    ]


def _title(p: Posterior) -> str:
    """``posterior of mu[k]``, as in the code."""
    return f"posterior of {p.latent}" + (f"[{', '.join(p.axes)}]" if p.axes else "")


def markdown(text: str) -> str:
    """Free text made safe for Markdown: its signs are shown, its markup is not obeyed."""
    return _SPECIAL.sub(r"\\\1", html_text(" ".join(text.split())))


def inline(box: Box) -> str:
    """A formula in running text."""
    return f"${to_tex(box)}$"


def sentence(parts: Sentence) -> str:
    """Running text with formulas between dollars, and with the spaces around them."""
    return "".join(_between(p) if isinstance(p, str) else inline(p) for p in parts)


def _between(text: str) -> str:
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before and ' '}{markdown(text)}{after and ' '}" if text.strip() else " " * bool(text)


def display(equations: Iterable[Equation]) -> str:
    """Equations set off from the text."""
    return aligned(rows(equations))


def aligned(lines: str) -> str:
    """Rows of TeX as one display."""
    return f"$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$"


def _model(a: Article, declaration: str | None) -> dict[str, Any]:
    return {
        "title": markdown(a.title),
        "declaration": "" if declaration is None else declaration.strip("\n").replace("```", "` ` `"),
        "declared": aligned(" \\\\\n".join(map(declared_rows, a.declared))),
        "known": [
            {"symbols": ", ".join(map(inline, k.symbols)), "kind": markdown(k.kind), "domain": sentence(k.domain)}
            for k in a.known
        ],
        "joint": display([a.joint]),
        "factorisation": display([a.factorisation]),
    }


def _update(u: UpdateView) -> dict[str, Any]:
    return {
        "number": u.number,
        "whole": inline(u.whole),
        "steps": [_step(s) for s in u.steps],
        "families": display(u.families) if u.families else "",
        "remarks": [sentence(r) for r in u.remarks],
        "plates": "" if u.plates is None else inline(u.plates),
        "sequential": sentence(u.sequential),
        "formulas": display(u.formulas),
        "moments": display(u.moments) if u.moments else "",
        "element": inline(u.element),
        "point": u.point,
        "chosen": u.chosen,
    }


def _step(s: StepView) -> dict[str, str]:
    said = "; ".join(map(markdown, s.conditions)) or markdown(s.rule.statement)
    return {"name": markdown(s.rule.name), "said": said, "equations": display(s.equations) if s.equations else ""}


def _bound(a: Article) -> dict[str, Any]:
    return {"bound": display([a.bound]), "terms": [display(t.equations) for t in a.bound_terms]}


def data_view(derived: Derived, say: Speaker, example: str | None) -> dict[str, Any]:
    """What is to be given: the names of the data, hyperparameters and sizes, and what is expected of each."""
    groups: dict[str, list[tuple[str, str]]] = {"data": [], "hyper": []}
    for name, known in known_variables(derived):
        expected = say(_EXPECTED.get(known["domain"], ""))
        if known["domain"] == "index":
            expected = say.fixed("whole numbers from 0 to {size} - 1", size=known["over"])
        if known["axes"]:
            expected = say.fixed("{expected}, shape ({axes})", expected=expected, axes=", ".join(known["axes"]))
        groups[known["where"]].append((name, expected))
    sizes = {i for _, known in known_variables(derived) if known["where"] == "data" for i in known["axes"]}
    return {"example": example, **groups, "sizes": [s for s in derived.model.sizes if s not in sizes]}
