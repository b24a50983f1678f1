"""Python source as it is handed out: no unused import, blank lines as in PEP 8, lines of at most 120 characters.

Formulas make lines of any length. A long line is opened at its longest bracket, or gets brackets around what it
assigns, returns or tests, and what is inside is filled in lines that end before an operator or after a comma,
where it binds weakest. The program that is read is the same.
"""

from __future__ import annotations

import io
import re
import textwrap
import token
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from cavi.templates.environment import environment

WIDTH = 120
_STEP = "    "
_DEFINES = re.compile(r"\s*(@\w|def |class |async def )")
_DECORATOR = re.compile(r"@\w")
_GOES_ON = re.compile(r"[\s)\]}]|(else|elif|except|finally)\b")
_TESTS = frozenset({"return", "yield", "assert", "if", "elif", "while"})
_ASSIGNS = re.compile(r"(//|\*\*|<<|>>|[-+*/@%&|^])?=")
_ITEM = re.compile(r"`?\w+`?(, `?\w+`?)*: ")
_QUOTED = re.compile(r"""(f?)(["'])((?:(?!\2)[^\\{}]|\{[^{}]*\}|\{\{|\}\})*)\2""")
_IN_QUOTES = re.compile(r"""("([^"\\]|\\.)*"|'([^'\\]|\\.)*'|#.*)""")
# Where a line may be broken, the weakest first: after a comma, before all else.
_ORDERS = (
    frozenset({"for"}),
    frozenset({","}),
    frozenset({"if", "else"}),
    frozenset({"or"}),
    frozenset({"and"}),
    frozenset({"==", "!=", "<", ">", "<=", ">=", "in", "is"}),
    frozenset({"|", "&"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "@", "//", "%"}),
)
_KEYWORDS = frozenset("for if else or and not in is return yield lambda assert".split())


def python_source(template: str, **holes: Any) -> str:
    """The module that a Jinja template makes, as it is handed out."""
    return tidy(used_imports(environment("plain").get_template(template).render(**holes)))


def used_imports(source: str) -> str:
    """The same program without the names that are imported at the top, by one line each, and not used."""
    count = Counter(re.findall(r"\w+", source))

    def kept(found: re.Match[str]) -> str:
        if "__future__" in found.group():
            return found.group()
        names = [n for n in found["names"].split(", ") if count[n.split(" as ")[-1].split(".")[0]] > 1]
        return f"{found['where'] or ''}import {', '.join(names)}\n" if names else ""

    return re.sub(r"^(?P<where>from \S+ )?import (?P<names>.+)\n", kept, source, flags=re.MULTILINE)


def tidy(source: str) -> str:
    """The same program with PEP 8's blank lines, and with lines of at most 120 characters where they can be broken.

    The text at its top is left as it is.
    """
    lines = [line.rstrip() for line in source.splitlines()]
    out: list[str] = []
    quoted = False  # inside a text of several lines
    defining = False  # below a function or class
    depth = 0  # brackets that are open where a line begins
    for at, line in enumerate(lines):  # a line that is too long may put another after itself
        if quoted or not line or (not out and line.startswith('"""')):
            out.append(_reflowed(lines, at) if defining else line)
            quoted ^= _quotes(out[-1])
            continue
        begun = _begun(lines, at)
        _separate(out, line, defining, _DEFINES.match(begun) is not None)
        if not _GOES_ON.match(line):
            defining = _DEFINES.match(begun) is not None
        if _quotes(line):
            out.append(_reflowed(lines, at) if defining else line)
            quoted = _quotes(out[-1])
        else:
            out += _shortened(line, depth > 0)
            depth += _opened(line)
    return "\n".join(out).strip("\n") + "\n"


def _quotes(line: str) -> bool:
    """Whether a text of several lines begins or ends here."""
    return line.count('"""') % 2 == 1


def _reflowed(lines: list[str], at: int) -> str:
    """A line of a text; what is too long goes to the line after it, which may be a new one."""
    line = lines[at]
    if len(line) <= WIDTH:
        return line
    first, *rest = textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
    remainder = " ".join(rest)
    indent = len(line) - len(line.lstrip())
    item = _ITEM.match(line.lstrip()) is not None
    below = lines[at + 1]
    deeper = len(below) - len(below.lstrip()) - indent
    if below.strip() and (deeper > 0 if item else deeper == 0 and not _ITEM.match(below.strip())):
        lines[at + 1] = f"{below[: indent + deeper]}{remainder} {below.strip()}"
    else:
        lines.insert(at + 1, " " * (indent + 4 * item) + remainder)
    return first


def _begun(lines: Sequence[str], at: int) -> str:
    """The line itself, or of a comment what stands right below."""
    while lines[at].lstrip().startswith("#") and at + 1 < len(lines) and lines[at + 1]:
        at += 1
    return lines[at]


def _separate(out: list[str], line: str, defining: bool, defines: bool) -> None:
    """Blank lines before a line: two around what is defined at the top, and one around what is defined elsewhere."""
    blank = 0
    while out and not out[-1]:
        out.pop()
        blank += 1
    above = out[-1].lstrip() if out else ""
    if not above:
        return
    if _DECORATOR.match(above) or (above.startswith("#") and not blank):
        wanted = 0
    elif not _GOES_ON.match(line):
        wanted = 2 if defines or defining else min(blank, 2)
    elif defines and not above.endswith(":"):
        wanted = 1
    else:
        wanted = min(blank, 1)
    out += [""] * wanted


def _opened(line: str) -> int:
    """How many brackets more a line opens than it closes."""
    code = _IN_QUOTES.sub("", line)
    return sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))


def _shortened(line: str, within: bool) -> list[str]:
    """A line as several, if it is too long and can be broken; `within` a bracket that was opened before."""
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    code = line.strip()
    if code.startswith("#"):
        return textwrap.wrap(code[1:].strip(), WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
    if code.startswith('"""'):
        text = code.strip('"')
        if code.count('"""') != 2 or "\\" in text:
            return [line]
        shown = textwrap.wrap(
            f'"""{text}', WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False
        )
        return [*shown, f'{indent}"""']
    try:
        parts, comment = _tokens(code)
    except (tokenize.TokenError, SyntaxError, _UnbalancedError):
        return [line]
    if within:
        return [f"{indent}{comment}"] * bool(comment) + list(_filled(parts, indent))
    return _statement(parts, indent, f"  {comment}" if comment else "")


class _UnbalancedError(Exception):
    """A line that ends inside a bracket, or closes one that it did not open."""


# A token: its text, whether a space stands before it, and how many brackets it stands in.
Part = tuple[str, bool, int]


def _tokens(code: str) -> tuple[list[Part], str]:
    """The tokens of a line, texts whole, and its comment."""
    parts: list[Part] = []
    comment, depth, strings, end, began = "", 0, 0, 0, 0
    opens, closes = getattr(token, "FSTRING_START", -1), getattr(token, "FSTRING_END", -1)
    for found in tokenize.generate_tokens(io.StringIO(code).readline):
        if found.type == opens:
            began = began if strings else found.start[1]
            strings += 1
        if found.type == closes:
            strings -= 1
        if strings or found.type in (token.NEWLINE, token.NL, token.ENDMARKER, token.INDENT, token.DEDENT):
            continue
        start = began if found.type == closes else found.start[1]
        if found.type == token.COMMENT:
            comment = found.string
            continue
        text = code[start : found.end[1]]
        depth -= text in (")", "]", "}")
        if depth < 0:
            raise _UnbalancedError
        parts.append((text, start > end, depth))
        depth += text in ("(", "[", "{")
        end = found.end[1]
    if depth:
        raise _UnbalancedError
    return parts, comment


def _text(parts: Sequence[Part]) -> str:
    return "".join(f" {text}" if space and i else text for i, (text, space, _) in enumerate(parts))


def _statement(parts: Sequence[Part], indent: str, comment: str) -> list[str]:
    """A statement over several lines."""
    ends = len(parts) - (parts[-1][0] == ":")
    signs = [i for i, (text, _, depth) in enumerate(parts) if depth == 0 and _ASSIGNS.fullmatch(text)]
    count = signs[-1] + 1 if signs else int(parts[0][0] in _TESTS)
    if count and not _is_one_call(parts[count:ends]):
        return [
            f"{indent}{_text(parts[:count])} ({comment}",
            *_filled(parts[count:ends], indent + _STEP),
            f"{indent}){_text(parts[ends:])}",
        ]
    return list(_line(parts, indent, comment))


def _is_one_call(body: Sequence[Part]) -> bool:
    """Whether it is a name or a call whose last bracket can be opened, and no sum or product."""
    if body[-1][0] not in (")", "]", "}"):
        return False
    depth = min(d for _, _, d in body)
    group = _longest(body)
    outside = [text for text, _, d in body if d == depth and text not in ("(", ")", "[", "]", "{", "}")]
    calls = all(text == "." or (text.isidentifier() and text not in _KEYWORDS) for text in outside)
    return calls and group is not None and group[1] == len(body) - 1


def _longest(parts: Sequence[Part]) -> tuple[int, int] | None:
    """Where the longest of the outer brackets opens and closes."""
    outer = min(d for _, _, d in parts)
    opened: int | None = None
    found: list[tuple[int, tuple[int, int]]] = []
    for i, (text, _, depth) in enumerate(parts):
        if depth == outer and text in ("(", "[", "{"):
            opened = i
        elif depth == outer and text in (")", "]", "}") and opened is not None:
            found.append((len(_text(parts[opened : i + 1])), (opened, i)))
    length, group = max(found, default=(0, (0, 0)))
    return group if length > 2 else None


def _filled(body: Sequence[Part], indent: str) -> Iterator[str]:
    """What stands in a bracket: a line if it fits, else lines filled with pieces."""
    if len(indent) + len(_text(body)) <= WIDTH:
        yield indent + _text(body)
        return
    pieces = _pieces(body)
    if len(pieces) == 1:
        yield from _line(body, indent)
        return
    line: list[Part] = []
    for piece in pieces:
        if line and len(indent) + len(_text([*line, *piece])) > WIDTH:
            yield from _filled(line, indent)
            line = []
        line += piece
    yield from _filled(line, indent)


def _line(parts: Sequence[Part], indent: str, comment: str = "") -> Iterator[str]:
    """A line, its longest bracket opened where it is too long."""
    code = _text(parts)
    group = _longest(parts)
    if len(indent) + len(code) + len(comment) <= WIDTH:
        yield indent + code + comment
        return
    if group is None:
        texts = _texts(code, WIDTH - len(indent)) if len(parts) == 1 else [code]
        yield from (indent + text for text in texts)
        return
    first, last = group
    yield f"{indent}{_text(parts[: first + 1])}{comment}"
    yield from _filled(parts[first + 1 : last], indent + _STEP)
    yield indent + _text(parts[last:])


def _texts(code: str, width: int) -> list[str]:
    """A text between simple quotes as several that stand side by side, none of them cut within a hole."""
    found = _QUOTED.fullmatch(code)
    if found is None:
        return [code]
    prefix, quote, inner = found.groups()
    texts, depth = [""], 0
    for word in re.split(r"(?<= )", inner):
        if depth == 0 and texts[-1] and len(texts[-1]) + len(word) + len(prefix) + 2 > width:
            texts.append("")
        texts[-1] += word
        depth += word.count("{") - word.count("}") if prefix else 0
    return [f"{prefix if '{' in text or '}' in text else ''}{quote}{text}{quote}" for text in texts]


def _pieces(body: Sequence[Part]) -> list[list[Part]]:
    """The body cut where it binds weakest."""
    outer = min(d for _, _, d in body)

    def binary(i: int) -> bool:
        before = body[i - 1][0]
        return i > 0 and before not in _KEYWORDS and (before[-1].isalnum() or before[-1] in "_)]}'\"")

    for order in _ORDERS:
        cuts = []
        for i, (text, _, depth) in enumerate(body):
            if depth == outer and text in order:
                if text == ",":
                    cuts.append(i + 1)
                elif text.isidentifier() or binary(i):
                    cuts.append(i)
        cuts = [c for c in cuts if 0 < c < len(body)]
        if cuts:
            return [list(body[a:b]) for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    return [list(body)]
