"""A propagation as a Jupyter notebook: the mathematics, the generated module, a fit, pictures of the posterior."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cavi.derive import Derived, Elbo, Propagation
from cavi.templates.latex.view import declared_rows
from cavi.templates.notebook import check_example, notebook_json
from cavi.templates.notebook.view import Cell, aligned, data_view, display, markdown, sentence
from cavi.templates.propagation.article import Article, Block
from cavi.templates.words import Speaker

_FOLDER = "propagation/notebook"


def notebook_text(
    a: Article, say: Speaker, p: Propagation, source: str, example: str | None, declaration: str | None
) -> str:
    """The notebook as JSON text.

    Raises:
        CaviError: where the example is no identifier.
    """
    check_example(example)
    return notebook_json(_cells(a, say, p, source, example, declaration))


def _cells(
    a: Article, say: Speaker, p: Propagation, source: str, example: str | None, declaration: str | None
) -> Iterator[Cell]:
    """Every cell, in order."""
    text, name = {"t": say.fixed}, f"{p.model.name}_ep"
    known = Derived(p.model, (), p.log_density, (), Elbo((), {}))
    head = {"title": markdown(a.title), "subtitle": markdown(a.subtitle), "declaration": _fenced(declaration)}
    yield Cell("markdown", "title", "model.md", text | head, _FOLDER)
    for s in a.sections:
        holes = {"heading": markdown(s.heading), "blocks": [_block(b) for b in s.blocks]}
        yield Cell("markdown", s.anchor, "section.md", holes, _FOLDER)
    yield Cell("markdown", "code", "code.md", text, _FOLDER)
    yield Cell("code", "module", "module.py", {"name": name, "source": source.strip("\n")})
    yield Cell("markdown", "about-data", "about_data.md", text | {"example": example})
    yield Cell("code", "data", "data.py", text | data_view(known, say, example))
    yield Cell("code", "fit", "fit.py", {"name": name}, _FOLDER)
    yield Cell("code", "trace", "trace.py", {"title": repr(a.title)}, _FOLDER)
    yield Cell("code", "draw", "draw.py")
    for place, latent in enumerate(p.latents, start=1):
        axes = ", ".join(i.name for i in p.model.variable(latent).indices)
        title = f"posterior of {latent}" + (f"[{axes}]" if axes else "")
        yield Cell("code", f"posterior-{place}", "posterior.py", {"latent": latent, "title": title}, _FOLDER)


def _fenced(declaration: str | None) -> str:
    return "" if declaration is None else declaration.strip("\n").replace("```", "` ` `")


def _block(b: Block) -> dict[str, Any]:
    declared = aligned(" \\\\\n".join(map(declared_rows, b.declared))) if b.declared else ""
    return {
        "text": sentence(b.text),
        "display": declared or (display(b.equations) if b.equations else ""),
        "lines": [sentence(line) for line in b.lines],
    }
