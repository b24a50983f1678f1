"""What an identity may consist of as plain data, checked before anything is computed.

The data may come from a file of unknown origin: heads, names and kinds come from closed lists, depth, size and the
length of numbers are bounded, and nothing is ever evaluated as code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cavi.verify.density import FAMILIES
from cavi.verify.grammar import CertificateError, field, name, number, text

Plain = list[Any]

MAX_DEPTH = 80
MAX_NODES = 200_000
MAX_STEPS = 200
RELATIONS = ("=", "≥", "≤")
CONSTANTS = ("pi", "E")
DOMAINS = ("real", "positive", "nonnegative", "unit", "whole")
KINDS = ("real", "positive", "vector", "convex", "slope")

# Head -> what its parts are; each word names a check of `_Walker`.
SIGNATURES: dict[str, tuple[str, ...]] = {
    "num": ("number",),
    "const": ("constant",),
    "sym": ("name", "domain"),
    "label": ("name",),
    "var": ("name",),
    "vec": ("name",),
    "sample": ("name", "expression"),
    "add": ("many",),
    "mul": ("many",),
    "pow": ("expression", "expression"),
    "fn": ("name", "many"),
    "density": ("name", "variables", "variables", "many"),
    "iid": ("density", "expression"),
    "mass": ("expression", "variables"),
    "expect": ("expression", "law"),
    "cov": ("expression", "expression", "law"),
    "kl": ("density", "density"),
    "fdiv": ("density", "density", "expression", "symbol"),
    "entropy": ("density",),
    "elbo": ("density", "density"),
    "unknown": ("name", "kind", "many"),
    "grad": ("expression", "place"),
    "at": ("expression", "symbol", "expression"),
    "inner": ("expression", "expression"),
    "component": ("expression", "index"),
    "total": ("expression", "label", "expression", "left out"),
    "average": ("expression", "label", "expression", "left out"),
}
HEADS: dict[str, tuple[str, ...]] = {
    "density": ("density",),
    "law": ("density", "iid"),
    "symbol": ("sym",),
    "place": ("sym", "component"),
    "label": ("label",),
    "index": ("label", "num"),
    "left out": ("label", "num"),
}


class _Walker:
    """Checks expressions and counts what it has seen."""

    def __init__(self) -> None:
        self.nodes = 0
        self.checks: dict[str, Callable[[Any, str, int], None]] = {
            "number": lambda x, where, depth: _ignore(number(x, where)),
            "name": lambda x, where, depth: _ignore(name(x, where)),
            "constant": lambda x, where, depth: one_of(x, CONSTANTS, where, "constant"),
            "domain": lambda x, where, depth: one_of(x, DOMAINS, where, "domain"),
            "kind": lambda x, where, depth: one_of(x, KINDS, where, "kind of function"),
            "expression": self.expression,
            "many": self.many,
            "variables": self.variables,
        }

    def expression(self, e: Any, where: str, depth: int = 0) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise CertificateError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        if self.nodes > MAX_NODES:
            raise CertificateError(f"{where}: more than {MAX_NODES} parts in all")
        if not isinstance(e, list) or not e or not isinstance(e[0], str):
            raise CertificateError(f"{where}: expected an expression such as ['num', '1/2'], found {short(e)}")
        if e[0] not in SIGNATURES:
            raise CertificateError(f"{where}: unknown head {short(e[0])}; expected one of {', '.join(SIGNATURES)}")
        signature = SIGNATURES[e[0]]
        if len(e) != len(signature) + 1:
            raise CertificateError(f"{where}: {e[0]!r} takes {len(signature)} parts, found {len(e) - 1}")
        for part, kind in zip(e[1:], signature, strict=True):
            if kind in HEADS:
                self.headed(part, kind, where, depth + 1)
            else:
                self.checks[kind](part, where, depth + 1)

    def headed(self, e: Any, kind: str, where: str, depth: int) -> None:
        if not isinstance(e, list) or not e or e[0] not in HEADS[kind]:
            raise CertificateError(f"{where}: expected a {kind} ({' or '.join(HEADS[kind])}), found {short(e)}")
        self.expression(e, where, depth)

    def many(self, items: Any, where: str, depth: int) -> None:
        for item in listed(items, where):
            self.expression(item, where, depth)

    def variables(self, items: Any, where: str, depth: int) -> None:
        seen = []
        for item in listed(items, where):
            if not isinstance(item, list) or not item or item[0] not in ("var", "sample"):
                raise CertificateError(f"{where}: expected a variable such as ['var', 'z'], found {short(item)}")
            self.expression(item, where, depth)
            if item in seen:
                raise CertificateError(f"{where}: the variable {item[1]} occurs twice in one place")
            seen.append(item)


def check_identity(plain: object) -> dict[str, Any]:
    """The identity, if it follows the grammar (``derive/identities/plain.py`` writes it).

    Raises:
        CertificateError: naming the first place that does not.
    """
    if not isinstance(plain, dict):
        raise CertificateError(f"expected an identity as a dict, found {type(plain).__name__}")
    if plain.get("kind") != "identity" or plain.get("schema") != 1:
        found = f"{short(plain.get('kind'))} with schema {short(plain.get('schema'))}"
        raise CertificateError(f"expected an 'identity' with schema 1, found {found}")
    text(field(plain, "title", str, "identity"), "identity")
    walk = _Walker()
    for i, a in enumerate(field(plain, "assumptions", list, "identity"), 1):
        _assumption(a, walk, f"assumption {i}")
    steps = field(plain, "steps", list, "identity")
    if len(steps) > MAX_STEPS:
        raise CertificateError(f"identity: found {len(steps)} steps, expected at most {MAX_STEPS}")
    for i, s in enumerate(steps, 1):
        where = f"step {i}"
        walk.expression(field(s, "before", list, where), where)
        walk.expression(field(s, "after", list, where), where)
        text(field(s, "rule", str, where), where)
        relation = field(s, "relation", str, where)
        one_of(relation, RELATIONS, where, "relation")
        if s.get("gap") is not None:
            if relation == "=":
                raise CertificateError(f"{where}: an equation has no gap, found {short(s['gap'])}")
            walk.expression(s["gap"], f"{where}: gap")
    claim = field(plain, "claim", dict, "identity")
    walk.expression(field(claim, "left", list, "claim"), "claim")
    walk.expression(field(claim, "right", list, "claim"), "claim")
    one_of(field(claim, "relation", str, "claim"), RELATIONS, "claim", "relation")
    return plain


def _assumption(a: Any, walk: _Walker, where: str) -> None:
    match a:
        case ["definition", left, right]:
            walk.expression(left, where)
            _placeholders(left, where)
            walk.expression(right, where)
        case ["holds", left, relation, right, list(solve_for)]:
            walk.expression(left, where)
            one_of(relation, RELATIONS, where, "relation")
            walk.expression(right, where)
            for s in solve_for:
                walk.expression(s, where)
                if s[0] not in ("sym", "vec"):
                    raise CertificateError(f"{where}: expected a parameter to solve for, found {short(s)}")
        case ["pushforward", density, noise, map_]:
            walk.headed(density, "density", where, 0)
            walk.headed(noise, "density", where, 0)
            walk.expression(map_, where)
            if map_[0] != "unknown" or len(density[2]) != 1 or len(noise[2]) != 1:
                raise CertificateError(f"{where}: expected one variable, one noise and a function, found {short(a)}")
        case ["factorises", joint, list(factors)]:
            for density in (joint, *factors):
                walk.headed(density, "density", where, 0)
        case ["law", density, family, dict(args)]:
            walk.headed(density, "density", where, 0)
            one_of(family, tuple(FAMILIES), where, "family")
            allowed = tuple(p.name for p in FAMILIES[family].parameters)
            for key, e in args.items():
                one_of(key, allowed, where, f"argument of {family}")
                walk.expression(e, where)
        case _:
            raise CertificateError(f"{where}: expected an assumption such as ['definition', …], found {short(a)}")


def _placeholders(left: Plain, where: str) -> None:
    """The left side of a definition: a symbol, or a function or density of plain placeholders."""
    match left:
        case ["sym", *_]:
            return
        case ["unknown", _, _, arguments]:
            holders = arguments
        case ["density", _, variables, given, parameters]:
            holders = [*variables, *given, *parameters]
        case _:
            raise CertificateError(f"{where}: only a symbol, a function or a density is defined, found {short(left)}")
    for h in holders:
        if h[0] not in ("sym", "vec", "var", "label"):
            raise CertificateError(f"{where}: expected placeholders as arguments, found {short(h)}")


def listed(x: object, where: str) -> list[Any]:
    """A list."""
    if not isinstance(x, list):
        raise CertificateError(f"{where}: expected a list, found {short(x)}")
    return x


def one_of(x: object, allowed: tuple[str, ...], where: str, what: str) -> None:
    """One word of a closed list."""
    if not isinstance(x, str) or x not in allowed:
        raise CertificateError(f"{where}: unknown {what} {short(x)}; expected one of {', '.join(allowed)}")


def short(x: object) -> str:
    """A short printable form of what was found."""
    try:
        shown = repr(x)[:80]
    except RecursionError:
        return f"a {type(x).__name__} nested too deeply"
    return shown if shown.isprintable() else ascii(shown)


def _ignore(_: object) -> None:
    """The checked value is not needed again."""
