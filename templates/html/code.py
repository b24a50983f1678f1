"""Python source with its parts marked for colour, and a name to link to at every definition."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping

from markupsafe import Markup, escape

_KINDS = {tokenize.STRING: "s", tokenize.COMMENT: "c", tokenize.NUMBER: "n"}


def coloured(source: str, links: Mapping[str, str] | None = None) -> Markup:
    """The source as HTML: keywords, strings, comments, numbers and names of definitions in spans.

    What is no Python is shown without colour; the text is always the source, character by character.

    Args:
        source: of a module.
        links: name of a function -> anchor of what it computes; its definition links there and is linked from there.

    Examples:
        >>> str(coloured("def f(): return 1"))
        '<span class="k">def</span> <span class="d">f</span>(): <span class="k">return</span> <span class="n">1</span>'
    """
    try:
        parts = list(_parts(source))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return escape(source)
    out = Markup("")
    for kind, text in parts:
        anchor = (links or {}).get(text) if kind == "d" else None
        if anchor is not None:
            out += Markup('<a class="d" id="code-{}" href="#{}">{}</a>').format(text, anchor, text)
        elif kind:
            out += Markup('<span class="{}">{}</span>').format(kind, text)
        else:
            out += escape(text)
    return out


def _parts(source: str) -> Iterator[tuple[str, str]]:
    """Pieces of the source in order, each with the class of its colour or none."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    done, before = 0, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = _KINDS.get(token.type, "")
        if token.type == tokenize.NAME:
            kind = "d" if before in ("def", "class") else "k" if keyword.iskeyword(token.string) else ""
        before = token.string
        if not kind:
            continue
        start, end = starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
        if start > done:
            yield "", source[done:start]
        yield kind, source[start:end]
        done = end
    if done < len(source):
        yield "", source[done:]
