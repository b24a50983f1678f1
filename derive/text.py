"""Polynomials and derivations as plain Unicode text: for terminals, messages and keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from cavi.derive.index import Gather, Index, Literal, Shift, Sub, stem
from cavi.derive.term import (
    Atom,
    Before,
    Constant,
    Delta,
    Element,
    Function,
    Indicator,
    Link,
    Matrix,
    Moment,
    Monomial,
    Parameter,
    Polynomial,
    Size,
    is_category,
)

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
    "phi chi psi omega"
).split()
_LETTERS = {n: chr(0x3B1 + i + (i >= 17)) for i, n in enumerate(_GREEK)}
_LETTERS |= {n.capitalize(): chr(0x391 + i + (i >= 17)) for i, n in enumerate(_GREEK)}
_LETTERS["lam"] = "λ"
_DIGITS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_FUNCTIONS = {"digamma": "ψ", "trigamma": "ψ′", "lgamma": "log Γ", "lmultigamma": "log Γ_D", "multidigamma": "ψ_D"}


def name_text(name: str) -> str:
    """``alpha_0`` → ``α₀``, ``tau`` → ``τ``; other names as they are."""
    head, _, tail = name.partition("_")
    head = _LETTERS.get(head, head)
    if not tail:
        return head
    return head + (tail.translate(_SUBSCRIPTS) if tail.isdigit() else "_" + _LETTERS.get(tail, tail))


class Scope:
    """Display names of bound indices: the declared index of the size, primed until it is free."""

    def __init__(self, declared: Iterable[Index] = (), taken: Iterable[str] = ()) -> None:
        self.declared = tuple(declared)
        self.taken = frozenset(taken)

    def enter(self, bound: Iterable[Index], free: Iterable[Index]) -> tuple[dict[Index, str], Scope]:
        """Names for newly bound indices, and the scope inside them."""
        taken = set(self.taken) | {i.name for i in free if "." not in i.name}
        names: dict[Index, str] = {}
        for index in bound:
            fallback = "i" if index.size.isdigit() else index.size.lower()
            candidates = [d.name for d in self.declared if d.size == index.size] or [fallback]
            base = next((c for c in candidates if c not in taken), None)
            if base is None:
                base = candidates[0]
                while base in taken:
                    base += "'"
            names[index] = base
            taken.add(base)
        return names, Scope(self.declared, taken)


def _shown_outside(index: Index) -> str:
    """An index by its name; a summed one that is shown outside its sum is named after its set."""
    if not index.name.startswith(f"{stem(index.size)}."):
        return index.name
    return "i" if index.size.isdigit() else index.size.lower()


class Printer:
    """Prints polynomials; `subscripts=False` leaves them out (for the keys of moments)."""

    def __init__(self, scope: Scope | None = None, subscripts: bool = True, unicode: bool = True) -> None:
        self.scope = scope or Scope()
        self.subscripts = subscripts
        self.unicode = unicode

    def name(self, name: str) -> str:
        """A declared name."""
        return name_text(name) if self.unicode else name

    def key(self, key: str) -> str:
        """The key of a moment with its names set in Greek."""
        return re.sub(r"[A-Za-z]\w*", lambda m: name_text(m.group()), key) if self.unicode else key

    def sub(self, sub: Sub, names: Mapping[Index, str]) -> str:
        """One subscript."""
        match sub:
            case Index():
                return names.get(sub) or _shown_outside(sub)
            case Literal():
                return str(sub.value + 1)  # indices are shown running from one
            case Gather():
                return f"{self.name(sub.name)}[{','.join(self.sub(s, names) for s in sub.subs)}]"
            case Shift():
                return f"{self.sub(sub.base, names)}{sub.offset:+d}"

    def subs(self, subs: Iterable[Sub], names: Mapping[Index, str]) -> str:
        """All subscripts in brackets."""
        subs = tuple(subs)
        if not subs or not self.subscripts:
            return ""
        return "[" + ",".join(self.sub(s, names) for s in subs) + "]"

    def atom(self, atom: Atom, names: Mapping[Index, str], scope: Scope) -> str:
        """One atom."""
        match atom:
            case Constant():
                return {"pi": "π", "infinity": "∞", "minus_infinity": "-∞"}.get(atom.name, "u")
            case Size():
                return atom.name
            case Element():
                return self.name(atom.name) + self.subs(atom.subs, names)
            case Indicator():
                if not self.subscripts:
                    return f"[{self.name(atom.name)}]"
                left = self.name(atom.name) + self.subs(atom.subs, names)
                value = str(atom.value.value) if isinstance(atom.value, Literal) else self.sub(atom.value, names)
                return f"[{left}={value}]"
            case Delta():
                return f"δ[{self.sub(atom.left, names)},{self.sub(atom.right, names)}]"
            case Link() if atom.starts is not None:
                return f"(1-{self.name(atom.starts[0])}{self.subs(atom.starts[1], names)})"
            case Link():
                return (
                    f"[1<{self.sub(atom.sub, names)}]"
                    if not isinstance(atom.sub, Shift)
                    else (f"[{self.sub(atom.sub.base, names)}<{atom.sub.size}]")
                )
            case Before():
                return f"[{self.sub(atom.left, names)}<{self.sub(atom.right, names)}]"
            case Matrix(name="logdet"):
                return f"log|{self.matrix(atom, names, scope)}|"
            case Matrix():
                matrix, where = self.matrix(atom, names, scope), self.subs(atom.subs, names)
                return f"({matrix})⁻¹{where}" if self.unicode else f"inverse({matrix}){where}"
            case Moment() if is_category(atom.key) and self.subscripts:
                where = self.subs(atom.subs[:-1], names)
                return f"E[{self.name(atom.key[1:-1])}{where}={self.sub(atom.subs[-1], names)}]"
            case Moment():
                return f"E[{self.key(atom.key)}]{self.subs(atom.subs, names)}"
            case Parameter():
                return f"{self.name(atom.latent)}.{atom.name}{self.subs(atom.subs, names)}"
            case Function(name="pow"):
                base, exponent = (self.polynomial(a, names, scope) for a in atom.args)
                return f"[{exponent} = 0]" if atom.args[0].number == 0 else f"({base})^({exponent})"
            case Function(name="abs"):
                return f"|{self.polynomial(atom.args[0], names, scope)}|"
            case Function():
                inside = [self.polynomial(a, names, scope) for a in atom.args]
                label = _FUNCTIONS.get(atom.name, atom.name)
                if len(inside) == 1 and atom.name == "log" and _is_plain(atom.args[0]):
                    return f"log {inside[0]}"
                if atom.name == "normal_mean" and not atom.args[2]:
                    return f"({inside[0]} at u = {inside[1]})"
                if atom.name == "normal_mean":
                    return f"E[{inside[0]} | u ~ N({inside[1]}, {inside[2]})]"
                if atom.name == "E":
                    return f"E[ {inside[0]} ]"
                return f"{label}({', '.join(inside)})"

    def matrix(self, atom: Matrix, names: Mapping[Index, str], scope: Scope) -> str:
        """The matrix inside a log-determinant or an inverse, without its own two subscripts where it is a name."""
        single = atom.value.monomials[0].powers if len(atom.value.monomials) == 1 else ()
        if len(single) == 1 and isinstance(single[0][0], Element):
            return self.name(single[0][0].name) + self.subs(single[0][0].subs[:-2], names)
        new, inner = scope.enter((atom.row, atom.column), ())
        return self.polynomial(atom.value, {**names, **new}, inner)

    def exponent(self, exponent: Fraction) -> str:
        """The exponent of an atom, empty for one."""
        if exponent == 1:
            return ""
        if exponent.denominator == 1:
            return str(exponent).translate(_DIGITS) if self.unicode else f"^{exponent}"
        return f"^({exponent})"

    def monomial(self, m: Monomial, names: Mapping[Index, str], scope: Scope) -> str:
        """One monomial with its sign, ``- 1/2 Σ_n τ x[n]^2``."""
        free = {i for i in m.free if i not in names}
        new, inner = scope.enter(m.bound, free)
        all_names = {**names, **new}
        parts, below = [], []
        for atom, exponent in sorted(m.powers, key=lambda pe: _place(pe[0])):
            text = self.atom(atom, all_names, inner)
            if isinstance(atom, Function) and atom.name not in ("log", "abs") and exponent != 1:
                text = f"({text})"
            if exponent < 0:
                below.append(text + self.exponent(-exponent))
            elif exponent == 1 and isinstance(atom, Function) and atom.name == "log":
                parts.append(f"({text})" if " " in text and len(m.powers) > 1 else text)
            else:
                parts.append(text + self.exponent(exponent))
        coefficient = abs(m.coefficient)
        sign = "-" if m.coefficient < 0 else "+"
        sums = f"Σ_{','.join(new[i] for i in m.bound)} " if m.bound and self.subscripts else ""
        number = "" if coefficient == 1 and (parts or sums) else str(coefficient)
        times = "·" if self.unicode else "*"
        body = " ".join(p for p in (number, sums.strip(), times.join(parts)) if p)
        if below:
            body = f"{body or '1'}/{below[0] if len(below) == 1 else '(' + times.join(below) + ')'}"
        return f"{sign} {body}"

    def polynomial(self, p: Polynomial, names: Mapping[Index, str] | None = None, scope: Scope | None = None) -> str:
        """The whole polynomial."""
        names = names or {}
        scope = scope or self.scope
        if not p.monomials:
            return "0"
        text = " ".join(self.monomial(m, names, scope) for m in p.monomials)
        return text[2:] if text.startswith("+ ") else "-" + text[2:]


def _place(atom: Atom) -> int:
    """Sizes and constants first, indicators and deltas last."""
    return {Constant: 0, Size: 1, Delta: 7, Indicator: 6}.get(type(atom), 3)


def _is_plain(p: Polynomial) -> bool:
    return len(p.monomials) == 1 and len(p.monomials[0].powers) == 1 and p.monomials[0].coefficient == 1


def show(p: Polynomial, declared: Iterable[Index] = ()) -> str:
    """A polynomial as readable Unicode text."""
    return Printer(Scope(declared)).polynomial(p)


def key_of(p: Polynomial) -> str:
    """The text of a pattern without subscripts: the key of its moment."""
    return Printer(subscripts=False, unicode=False).polynomial(p)
