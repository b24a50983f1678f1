"""A log density known up to its normaliser, recognised and normalised one variable after another.

A variable is matched against the families of the catalogue whose support is its domain: the log kernel less
the family's log base measure must be a linear form in the family's statistics, whose coefficients are its
natural parameters. Then the variable is integrated out, ∫ h exp(Σ η_j t_j) = exp A(η), and the next one is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sympy

from cavi.derive.families import CATALOGUE, ScalarFamily
from cavi.derive.families.split import ETA, X

_SUPPORT = {"real": "real", "positive": "positive", "unit": "unit", "angle": "angle"}


@dataclass(frozen=True)
class Block:
    """The density of one variable given those after it.

    Attributes:
        variable: what it is a density of.
        family: of the catalogue.
        args: standard parameters by name.
        conditions: what must be positive for it to be a density.
    """

    variable: sympy.Symbol
    family: ScalarFamily
    args: Mapping[str, sympy.Expr]
    conditions: tuple[sympy.Expr, ...]

    def put_in(self, put: Callable[[sympy.Expr], sympy.Expr]) -> Block:
        """The block with values in the places of symbols."""
        args = {k: put(v) for k, v in self.args.items()}
        return Block(self.variable, self.family, args, tuple(map(put, self.conditions)))

    def __str__(self) -> str:
        args = ", ".join(f"{k}={v}" for k, v in self.args.items())
        return f"{self.family}({self.variable}; {args})"


@dataclass(frozen=True)
class Normalised:
    """The blocks of a kernel and the log of its mass, or the reason why it was not recognised."""

    blocks: tuple[Block, ...] = ()
    log_mass: sympy.Expr | None = None
    reason: str = ""


def normalise(log_kernel: sympy.Expr, domains: Mapping[sympy.Symbol, str]) -> Normalised:
    """The kernel as a chain of known families.

    Args:
        log_kernel: in the variables and other symbols.
        domains: variable -> real, positive, unit or angle.
    """
    blocks: list[Block] = []
    rest, left = expanded(log_kernel), dict(domains)
    while left:
        found = next(_matches(rest, left), None)
        if found is None:
            names = ", ".join(s.name for s in left)
            return Normalised(reason=f"as a function of {names} it is in no family of the catalogue")
        block, rest = found
        blocks.append(block)
        del left[block.variable]
    return Normalised(tuple(blocks), rest)


def expanded(expr: sympy.Expr) -> sympy.Expr:
    """Products multiplied out and logarithms of positive products taken apart."""
    wide = sympy.expand_log(sympy.expand(expr, log=False, power_base=False, power_exp=False))
    return sympy.expand(wide, log=False, power_base=False, power_exp=False)


def _matches(log_kernel: sympy.Expr, domains: Mapping[sympy.Symbol, str]) -> Iterator[tuple[Block, sympy.Expr]]:
    for variable, domain in domains.items():
        for family in CATALOGUE.values():
            known = [p for p in family.parameters if p.known]
            if family.support != _SUPPORT.get(domain) or known:
                continue
            found = _match(log_kernel, variable, family)
            if found is not None:
                yield found


def _match(log_kernel: sympy.Expr, variable: sympy.Symbol, family: ScalarFamily) -> tuple[Block, sympy.Expr] | None:
    """The family with the kernel's coefficients, and what is left when the variable is integrated out."""
    inside = expanded(log_kernel.xreplace({variable: X}) - family.log_base)
    coefficients = dict.fromkeys(family.statistics, sympy.S.Zero)
    rest = sympy.S.Zero
    for term in sympy.Add.make_args(inside):
        factor, pattern = term.as_independent(X, as_Add=False)
        if pattern == 1:
            rest += factor
        elif pattern in coefficients:
            coefficients[pattern] += factor
        else:
            return None
    if all(c == 0 for c in coefficients.values()):
        return None
    natural = dict(zip(ETA, coefficients.values(), strict=False))
    # The family's own symbols may be those of the variables that are still to come.
    hidden = {s: sympy.Dummy(s.name, **s.assumptions0) for s in family.symbols}
    values: dict[sympy.Symbol, sympy.Expr] = {}
    by_name = {s.name: s for s in family.symbols}
    for name, expr in family.from_natural:
        held = expr.xreplace(hidden).xreplace({hidden[s]: v for s, v in values.items()}).xreplace(natural)
        values[by_name[name]] = sympy.factor_terms(sympy.simplify(held))
    if any(v.has(sympy.zoo, sympy.nan) or v.is_nonpositive for s, v in values.items() if s.is_positive):
        return None
    if any(v.has(sympy.zoo, sympy.nan) for v in values.values()):
        return None
    conditions = tuple(v for s, v in values.items() if s.is_positive)
    mass = family.log_normaliser.xreplace(hidden).xreplace({hidden[s]: v for s, v in values.items()})
    args = {s.name: values[s] for s in family.symbols}
    return Block(variable, family, args, conditions), expanded(rest + mass)
