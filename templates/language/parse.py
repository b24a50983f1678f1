"""The text of a model as a tree, by the grammar in ``model.lark``; syntax errors in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from cavi.templates.language.errors import TextError

Node = Tree[Token]

_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "TITLE": 'a title "..."',
    "CONSTANT": "π",
    "COMPARISON": "< or !=",
    "_NL": "the end of the line",
    "$END": "the end of the text",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "COMMA": "','",
    "TILDE": "'~'",
    "EQUAL": "'='",
}
_OPERATORS = {"PLUS", "MINUS", "STAR", "SLASH", "AT", "CIRCUMFLEX", "__ANON_0", "__ANON_1", "COMPARISON"}
_LONGEST = 1_000_000


class _Lines:
    """Ends lines where a declaration ends: not inside brackets and not after a comma."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens without the line ends that mean nothing."""
        depth, last = 0, ""
        for token in stream:
            depth += (token.type in ("LPAR", "LSQB")) - (token.type in ("RPAR", "RSQB"))
            if token.type == "_NL" and (depth > 0 or last == "COMMA"):
                continue
            last = token.type
            yield token


@cache
def _parser() -> Lark:
    grammar = files("cavi.templates.language").joinpath("model.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", postlex=_Lines(), propagate_positions=True)


def parse(text: str, source: str) -> Node:
    """The tree of a text.

    Raises:
        TextError: at the first place that no model could have, with what may stand there.
    """
    if len(text) > _LONGEST:
        raise TextError(f"found {len(text)} characters, expected at most {_LONGEST}", source, text[:80], 1, 1)
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        raise _refused(error, text, source) from None


def parts(node: Node) -> list[Any]:
    """The children of a node: tokens and nodes, as many and in the order that its rule says."""
    return node.children


def _refused(error: UnexpectedInput, text: str, source: str) -> TextError:
    line, column = error.line, error.column
    expected: Collection[str] = ()
    if isinstance(error, UnexpectedCharacters):
        found, expected = repr(error.char), error.allowed or ()
    elif isinstance(error, UnexpectedToken) and error.token.type != "$END":
        token = error.token
        found = "the end of the line" if token.type == "_NL" else repr(str(token))
        expected = error.accepts or error.expected
    else:
        found = "the end of the text"
        if isinstance(error, UnexpectedEOF | UnexpectedToken):
            expected = getattr(error, "accepts", None) or error.expected
        line = text.rstrip().count("\n") + 1
        column = len(text.rstrip().split("\n")[-1]) + 1
    return TextError(f"found {found}; expected {_listed(expected)}", source, text, line, column)


def _listed(expected: Collection[str]) -> str:
    """The terminals in words; the end of a line is left out where a declaration is not complete."""
    names = set(expected) - ({"_NL"} if {"NAME", "RPAR", "RSQB", "MODEL"} & set(expected) else set())
    words = sorted(_WORDS.get(t, repr(t.lower())) for t in names - _OPERATORS)
    if _OPERATORS & names:
        words.append("an operator")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "nothing more"
