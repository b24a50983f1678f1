r"""The conjugate prior of a family, constructed from its likelihood.

    p(x | θ) = h(x) exp(Σ_j η_j(θ) t_j(x) - A(θ))
    p(θ | χ, ν) = exp(Σ_j χ_j η_j(θ) - ν A(θ)) / Z(χ, ν)                a density in the standard parameters
    posterior:   χ + Σ_n t(x_n),  ν + N
    predictive:  h(x) Z(χ + t(x), ν + 1) / Z(χ, ν)
    evidence:    Π_n h(x_n) · Z(χ + Σ_n t(x_n), ν + N) / Z(χ, ν)

The kernel is recognised by its form: one parameter after another is matched against the families of the
catalogue and integrated out (the chain rule). Sources: Diaconis and Ylvisaker (1979); Bishop (2006), 2.4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.families import CATALOGUE, ScalarFamily
from cavi.derive.families.split import Parts, X, exponential_form
from cavi.derive.identities.kernel import Block, normalise
from cavi.derive.names import suggestion

NU = sympy.Symbol("nu", positive=True)


@dataclass(frozen=True)
class ConjugatePrior:
    """The conjugate prior of a likelihood, or the posterior that it becomes.

    Attributes:
        likelihood: the family of the data.
        parts: statistics, natural parameters, base measure and log-normaliser of the likelihood.
        unknown: the symbols of the parameters that it is a density of.
        chi, nu: its hyperparameters, symbols or values.
        blocks: its factors by the chain rule, each a family of the catalogue given the parameters after it;
            empty where the kernel is in no known family.
        log_normaliser: log Z(χ, ν), or None where it has no closed form.
        reason: why there is none.
    """

    likelihood: ScalarFamily
    parts: Parts
    unknown: tuple[sympy.Symbol, ...]
    chi: tuple[sympy.Expr, ...]
    nu: sympy.Expr
    blocks: tuple[Block, ...] = ()
    log_normaliser: sympy.Expr | None = None
    reason: str = ""

    @property
    def log_kernel(self) -> sympy.Expr:
        """Σ χ_j η_j(θ) - ν A(θ)."""
        return _log_kernel(self.parts, self.chi, self.nu)

    @property
    def proper(self) -> tuple[sympy.Expr, ...]:
        """What must be positive in χ and ν for the prior to have mass one."""
        known = {p.symbol for p in self.likelihood.parameters} - set(self.unknown)
        found = (c for b in self.blocks for c in b.conditions)
        return tuple(dict.fromkeys(c for c in found if not c.is_positive and not c.free_symbols <= known))

    def posterior(self, data: Sequence[object]) -> ConjugatePrior:
        """The prior after data: numbers or SymPy expressions of single observations.

        Raises:
            CaviError: for data outside the support of the likelihood.
        """
        values = [self._datum(x) for x in data]
        return self._moved(
            tuple(sum((t.subs(X, x) for x in values), sympy.S.Zero) for t in self.parts.statistics), len(values)
        )

    def predictive(self) -> sympy.Expr:
        """log p(x | χ, ν) as a function of the symbol `X`: the density of one new datum.

        Raises:
            CaviError: when the normaliser has no closed form.
        """
        return self.parts.log_base + self._ratio(self.parts.statistics, 1)

    def log_evidence(self, data: Sequence[object]) -> sympy.Expr:
        """log p(x_1 … x_N), a ratio of normalisers.

        Raises:
            CaviError: for data outside the support, or a normaliser without closed form.
        """
        values = [self._datum(x) for x in data]
        totals = tuple(sum((t.subs(X, x) for x in values), sympy.S.Zero) for t in self.parts.statistics)
        base = sum((self.parts.log_base.subs(X, x) for x in values), sympy.S.Zero)
        return base + self._ratio(totals, len(values))

    def _ratio(self, totals: Iterable[sympy.Expr], count: int) -> sympy.Expr:
        if self.log_normaliser is None:
            raise CaviError(f"the prior of {self.likelihood} has no closed normaliser: {self.reason}")
        after = self._moved(tuple(totals), count).log_normaliser
        assert after is not None
        return after - self.log_normaliser

    def _moved(self, totals: tuple[sympy.Expr, ...], count: int) -> ConjugatePrior:
        """The prior with χ + totals and ν + count; all that depends on them is put in."""
        symbols = (*_chi(len(self.chi)), NU)
        fresh = conjugate_prior(
            self.likelihood, known=[p.name for p in self.likelihood.parameters if p.symbol not in self.unknown]
        )
        values = (*(c + t for c, t in zip(self.chi, totals, strict=True)), self.nu + count)
        table = dict(zip(symbols, values, strict=True))
        return fresh._with(table)

    def _with(self, table: Mapping[sympy.Symbol, sympy.Expr]) -> ConjugatePrior:
        def put(e: sympy.Expr) -> sympy.Expr:
            return e.subs(list(table.items()), simultaneous=True)

        return replace(
            self,
            chi=tuple(map(put, self.chi)),
            nu=put(self.nu),
            blocks=tuple(b.put_in(put) for b in self.blocks),
            log_normaliser=None if self.log_normaliser is None else put(self.log_normaliser),
        )

    def _datum(self, x: object) -> sympy.Expr:
        value = sympy.sympify(x)
        outside = {
            "positive": value.is_nonpositive,
            "unit": value.is_nonpositive or (value - 1).is_nonnegative,
            "count": value.is_negative,
            "bounded_count": value.is_negative,
            "binary": value.is_number and value not in (0, 1),
        }.get(self.likelihood.support, False)
        if outside or value.is_extended_real is False:
            raise CaviError(
                f"the datum {value} is outside the support ({self.likelihood.support}) of {self.likelihood}"
            )
        return value

    def __str__(self) -> str:
        names = ", ".join(s.name for s in self.unknown)
        if not self.blocks:
            return f"p({names}) ∝ exp({self.log_kernel})"
        return " × ".join(map(str, self.blocks))


def _chi(count: int) -> tuple[sympy.Symbol, ...]:
    return tuple(sympy.Symbol(f"chi_{j}", real=True) for j in range(1, count + 1))


def _log_kernel(parts: Parts, chi: Iterable[sympy.Expr], nu: sympy.Expr) -> sympy.Expr:
    inner = sympy.Add(*(c * n for c, n in zip(chi, parts.natural, strict=True)))
    return inner - nu * parts.log_normaliser


def conjugate_prior(family: str | ScalarFamily, known: Iterable[str] = ()) -> ConjugatePrior:
    """The conjugate prior of a scalar family of the catalogue, with some of its parameters held known.

    Raises:
        CaviError: for an unknown family or parameter, or when nothing is left unknown.

    Example:
        >>> from cavi.derive.identities.conjugate import conjugate_prior
        >>> print(conjugate_prior("Poisson"))
        Gamma(rate; shape=chi_1 + 1, rate=nu)
        >>> print(conjugate_prior("Normal", known=["precision"]))
        Normal(mean; mean=chi_1/nu, precision=nu*precision)
    """
    name = str(family)
    if name not in CATALOGUE:
        raise CaviError(f"no scalar family {name!r}; {suggestion(name, CATALOGUE)}")
    found = CATALOGUE[name]
    held = set(known) | {p.name for p in found.parameters if p.known}
    for k in held:
        if k not in {p.name for p in found.parameters}:
            raise CaviError(f"{name} has no parameter {k!r}; {suggestion(k, [p.name for p in found.parameters])}")
    unknown = tuple(p.symbol for p in found.parameters if p.name not in held)
    if not unknown:
        raise CaviError(f"every parameter of {name} is known; leave one unknown to have a prior for it")
    base = found.declared_base(X, *found.symbols) if found.declared_base is not None else sympy.S.Zero
    parts = exponential_form(found.log_density, unknown, base)
    # What does not depend on the unknown parameters belongs to the base measure, not to the prior.
    constant = sympy.Add(
        *(t for t in sympy.Add.make_args(sympy.expand_mul(parts.log_normaliser)) if not t.free_symbols & set(unknown))
    )
    parts = replace(parts, log_base=parts.log_base - constant, log_normaliser=parts.log_normaliser - constant)
    chi = _chi(len(parts.statistics))
    domains = {p.symbol: p.domain for p in found.parameters}
    outcome = normalise(_log_kernel(parts, chi, NU), {s: domains[s] for s in unknown})
    return ConjugatePrior(found, parts, unknown, chi, NU, outcome.blocks, outcome.log_mass, outcome.reason)
