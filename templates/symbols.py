"""Names into mathematical symbols: the one door through which a declared name reaches TeX or HTML.

``mu_0`` becomes μ₀, ``Lambda`` Λ, ``doc`` an upright word. Only identifiers (a letter, then letters,
digits and underscores) pass, and every character that comes out is from this module's tables, so no
name can carry markup. Free text such as a title goes through `tex_text` or `html_text` instead.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

from cavi.templates.layout import Accent, Box, Glyph, Number, Script, separated

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PART = re.compile(r"([A-Za-z]+)([0-9]*)|([0-9]+)([A-Za-z]*)")

_LOWER = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "sigma tau upsilon phi chi psi omega"
).split()
_LOWER_CHARS = "αβγδϵζηθικλμνξοπρστυϕχψω"
# Spellings that authors use because Python reserves a word or because it is shorter.
_ALIASES = {"lam": "lambda", "lambd": "lambda", "eps": "epsilon", "sig": "sigma"}
_WITHOUT_COMMAND = {"omicron": "o"}
_CAPITALS = {
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Upsilon": "Υ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
}
_GREEK = {
    name: Glyph(_WITHOUT_COMMAND.get(name, rf"\{name}"), char) for name, char in zip(_LOWER, _LOWER_CHARS, strict=True)
} | {name: Glyph(rf"\{name}", char, upright=True) for name, char in _CAPITALS.items()}

# Calligraphic capitals that have a place of their own in Unicode.
_SCRIPT = {"B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ"}
# First characters of the mathematical alphabets of Unicode.
_BOLD = {"A": 0x1D400, "a": 0x1D41A}
_BOLD_GREEK_LOWER = 0x1D736
_BOLD_GREEK_CAPITAL = {"Γ": 0x1D6AA, "Δ": 0x1D6AB, "Θ": 0x1D6AF, "Λ": 0x1D6B2, "Ξ": 0x1D6B5, "Π": 0x1D6B7}
_BOLD_GREEK_CAPITAL |= {"Σ": 0x1D6BA, "Υ": 0x1D6BC, "Φ": 0x1D6BD, "Ψ": 0x1D6BF, "Ω": 0x1D6C0}
_BOLD_GREEK = "αβγδεζηθικλμνξοπρςστυφχψω"


def letters(word: str) -> Glyph:
    """A run of ASCII letters: a Greek letter by its name, a single letter, or an upright word."""
    word = _ALIASES.get(word, word)
    if word in _GREEK:
        return _GREEK[word]
    if len(word) == 1:
        return Glyph(word, word)
    return Glyph(rf"\mathrm{{{word}}}", word, upright=True)


def symbol(name: str) -> Box:
    """The symbol of a declared name; parts after an underscore, and digits, become subscripts.

    Raises:
        ValueError: when the name is not an identifier; names are checked when they are declared.
    """
    return _symbol(name, plain=False)


def _symbol(name: str, plain: bool) -> Box:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"the name {name!r} is not an identifier; it cannot be typeset")
    if plain:
        # A word kept whole, for a name whose symbol another name has taken already.
        text = name.replace("_", r"\_")
        return Glyph(rf"\mathrm{{{text}}}", name, upright=True)
    parts: list[Box] = []
    for piece in name.split("_"):
        for match in _PART.finditer(piece):
            word, digits, first_digits, rest = match.groups()
            parts += [letters(w) if w.isalpha() else Number(w) for w in (word, digits) if w]
            parts += [letters(w) if w.isalpha() else Number(w) for w in (first_digits, rest) if w]
    base, *subs = parts
    return Script(base, separated(subs)) if subs else base


def symbol_table(names: Iterable[str], given: Mapping[str, Box] | None = None) -> dict[str, Box]:
    """A symbol for each name, all different: those given, and a name whose symbol is taken keeps its spelling."""
    given = given or {}
    taken = list(given.values())
    table: dict[str, Box] = {}
    for name in names:
        drawn = given.get(name) or symbol(name)
        table[name] = _symbol(name, plain=True) if name not in given and drawn in taken else drawn
        taken.append(table[name])
    return table


_SUB = re.compile(r"(\\?[A-Za-z]+|[0-9]+)(?:,|$)")


def from_tex(tex: str) -> Box | None:
    r"""What a little TeX means: ``m``, ``\lambda``, ``\hat{p}``, ``\mathcal{L}``, ``\beta_{0,k}``; None for any other.

    Only letters, Greek commands, hats, tildes, calligraphic capitals and subscripts of letters and digits are known.
    """
    head, under, sub = tex.partition("_")
    if under:
        sub = sub[1:-1] if sub.startswith("{") and sub.endswith("}") else sub
        base, parts = from_tex(head), _subscripts(sub)
        return None if base is None or isinstance(base, Script) or not parts else Script(base, separated(parts))
    if match := re.fullmatch(r"\\(hat|tilde)(?:\{(\\?[A-Za-z]+)\}|(\\[A-Za-z]+))", tex):
        body = from_tex(match[2] or match[3])
        return None if body is None else Accent("hat" if match[1] == "hat" else "tilde", body)
    if match := re.fullmatch(r"\\mathcal\{([A-Z])\}", tex):
        return Glyph(tex, _SCRIPT.get(match[1]) or chr(0x1D49C + ord(match[1]) - ord("A")), upright=True)
    if tex.startswith("\\"):
        return _GREEK.get(tex[1:])
    return letters(tex) if len(tex) == 1 and tex.isalpha() and tex.isascii() else None


def _subscripts(text: str) -> list[Box]:
    """The parts of a subscript; none where one is not known."""
    found: list[Box | None] = []
    place = 0
    while match := _SUB.match(text, place):
        word = match[1]
        found.append(Number(word) if word.isdigit() else from_tex(word) if word.startswith("\\") else letters(word))
        place = match.end()
    parts = [b for b in found if b is not None]
    return parts if place == len(text) and len(parts) == len(found) else []


def bold(box: Box) -> Box:
    """The symbol in bold: a vector or a whole array."""
    match box:
        case Script():
            return Script(bold(box.base), box.sub, box.sup)
        case Accent():
            return Accent(box.name, bold(box.body))
        case Glyph():
            if box.tex.startswith(r"\mathrm{"):
                inner = box.tex.removeprefix(r"\mathrm{").removesuffix("}")
                return Glyph(rf"\mathbf{{{inner}}}", "".join(map(_bold_character, box.char)), upright=True)
            command = r"\boldsymbol" if box.tex.startswith("\\") else r"\mathbf"
            return Glyph(f"{command}{{{box.tex}}}", _bold_character(box.char), upright=True)
        case _:
            return box


def _bold_character(char: str) -> str:
    if char in _BOLD_GREEK_CAPITAL:
        return chr(_BOLD_GREEK_CAPITAL[char])
    plain = {"ϵ": "ε", "ϕ": "φ"}.get(char, char)
    if plain in _BOLD_GREEK:
        return chr(_BOLD_GREEK_LOWER + _BOLD_GREEK.index(plain))
    if char.isascii() and char.isalpha():
        first = "A" if char.isupper() else "a"
        return chr(_BOLD[first] + ord(char) - ord(first))
    return char


_TEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "…": r"\dots{}",
}
# Characters that a standard TeX font encoding (T1) has, besides ASCII.
_TEX_PLAIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœŒšŠžŽłŁşŞğĞıİćĆčČřŘńŃőŐűŰůŮ")


def tex_text(text: str, every_script: bool = False) -> str:
    """Free text made safe for TeX: specials are escaped, so that they are seen and never obeyed.

    Characters outside ASCII and the accented Latin letters become TeX mathematics where they are
    Greek or common signs, and a visible ``?`` otherwise; an engine with fonts for `every_script`
    (LuaTeX, XeTeX) keeps the letters of other scripts.
    """
    return "".join(c if every_script and c.isalpha() and not c.isascii() else _tex_character(c) for c in text)


_TEX_SIGNS = {char: glyph.tex for glyph in _GREEK.values() for char in glyph.char} | {
    "ε": r"\varepsilon",
    "φ": r"\varphi",
    "×": r"\times",
    "·": r"\cdot",
    "−": "-",
    "→": r"\to",
    "≥": r"\geq",
    "≤": r"\leq",
    "≠": r"\neq",
    "∞": r"\infty",
    "±": r"\pm",
    "²": "^2",
    "³": "^3",
    "½": r"\tfrac12",
    "∈": r"\in",
    "Σ": r"\Sigma",
    "Π": r"\Pi",
    "∑": r"\sum",
    "∏": r"\prod",
    "∇": r"\nabla",
    "∂": r"\partial",
    "≈": r"\approx",
    "∝": r"\propto",
    "∼": r"\sim",
    "δ": r"\delta",
    "ψ": r"\psi",
    "⋆": r"\star",
}


def _tex_character(char: str) -> str:
    if char in _TEX_SPECIAL:
        return _TEX_SPECIAL[char]
    if char.isspace():
        return " "
    if (char.isascii() and char.isprintable()) or char in _TEX_PLAIN:
        return char
    if char in _TEX_SIGNS:
        return rf"\ensuremath{{{_TEX_SIGNS[char]}}}"
    return "?"


def html_text(text: str) -> str:
    """Free text made safe for HTML; control characters become visible question marks."""
    return html.escape("".join(c if c.isprintable() or c.isspace() else "?" for c in text), quote=True)
