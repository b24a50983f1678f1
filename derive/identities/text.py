"""Identities as plain Unicode text, for terminals and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from cavi.derive.text import name_text

if TYPE_CHECKING:
    from cavi.derive.identities.proof import Identity


class _Text(StrPrinter):  # type: ignore[misc]
    """SymPy's printer, with the nodes of the language."""

    printmethod = ""  # the nodes' own method asks this printer

    def _print_Symbol(self, e: Any) -> str:
        return name_text(e.name)

    _print_Variable = _print_Symbol
    _print_Vector = _print_Symbol

    def _print_Density(self, e: Any) -> str:
        inside = ", ".join(map(self._print, e.variables))
        if e.given:
            inside += " | " + ", ".join(map(self._print, e.given))
        if e.parameters:
            inside += "; " + ", ".join(map(self._print, e.parameters))
        return f"{_name(e.name)}({inside})"

    def _print_Iid(self, e: Any) -> str:
        return f"{self._print(e.density)}^{self._print(e.count)}"

    def _print_Sample(self, e: Any) -> str:
        return f"{self._print(e.args[0])}[{self._print(e.args[1])}]"

    def _print_Mass(self, e: Any) -> str:
        variables = ", ".join(map(self._print, e.variables))
        return f"∫ {self.parenthesize(e.body, PRECEDENCE['Mul'])} d({variables})"

    def _print_Expect(self, e: Any) -> str:
        return f"E_{self._law(e.law)}[{self._print(e.body)}]"

    def _law(self, law: Any) -> str:
        return str(self._print(law))

    def _print_Covariance(self, e: Any) -> str:
        f, g, law = e.args
        if f == g:
            return f"Var_{self._law(law)}[{self._print(f)}]"
        return f"Cov_{self._law(law)}[{self._print(f)}, {self._print(g)}]"

    def _print_KL(self, e: Any) -> str:
        return f"KL({self._print(e.args[0])} ‖ {self._print(e.args[1])})"

    def _print_FDivergence(self, e: Any) -> str:
        return f"D_f({self._print(e.args[0])} ‖ {self._print(e.args[1])})"

    def _print_Entropy(self, e: Any) -> str:
        return f"H[{self._print(e.args[0])}]"

    def _print_Elbo(self, e: Any) -> str:
        q, p = e.args
        parameters = "".join(f", {self._print(s)}" for s in p.parameters)
        return f"L({self._print(q)}{parameters})"

    def _print_Unknown(self, e: Any) -> str:
        prime = "'" if e.kind == "slope" else ""
        inside = ", ".join(map(self._print, e.arguments))
        return f"{name_text(e.name)}{prime}({inside})" if inside else name_text(e.name)

    def _print_Gradient(self, e: Any) -> str:
        body, s = e.args
        return f"∂/∂{self._print(s)} {self.parenthesize(body, PRECEDENCE['Mul'])}"

    def _print_At(self, e: Any) -> str:
        body, s, value = e.args
        return f"{self.parenthesize(body, PRECEDENCE['Atom'])}|_{self._print(s)}={self._print(value)}"

    def _print_Inner(self, e: Any) -> str:
        return f"⟨{self._print(e.args[0])}, {self._print(e.args[1])}⟩"

    def _print_Component(self, e: Any) -> str:
        a, i = e.args
        inner = self._print(a)
        return f"{inner}_{self._print(i)}" if isinstance(a, sympy.Symbol) else f"({inner})_{self._print(i)}"

    def _print_Total(self, e: Any) -> str:
        return f"Σ_{self._range(e)} {self.parenthesize(e.args[0], PRECEDENCE['Mul'])}"

    def _print_Average(self, e: Any) -> str:
        return f"mean_{self._range(e)} {self.parenthesize(e.args[0], PRECEDENCE['Mul'])}"

    def _range(self, e: Any) -> str:
        _, k, count, without = e.args
        rest = f"≠{self._print(without)}" if without != 0 else ""
        return f"{self._print(k)}{rest}≤{self._print(count)}"


def _name(name: str) -> str:
    return name_text(name.removesuffix("_star")) + ("*" if name.endswith("_star") else "")


def show(e: sympy.Basic) -> str:
    """An expression of the language as text."""
    return str(_Text().doprint(e))


def show_identity(identity: Identity) -> str:
    """Title, axioms, one line a step with its rule, conclusion."""
    lines = [identity.title, "=" * len(identity.title)]
    if identity.summary:
        lines.append(identity.summary)
    lines.append(f"\n    {show(identity.start)}")
    for s in identity:
        notes = f" ({'; '.join(s.conditions)})" if s.conditions else ""
        lines.append(f"  {s.relation} {show(s.after)}\n        by {s.rule.name}{notes}")
    if identity.conclusion:
        lines.append(f"\n{identity.conclusion}")
    if identity.source:
        lines.append(f"Source: {identity.source}")
    return "\n".join(lines)
