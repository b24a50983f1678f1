r"""The conjugate prior of a family, constructed from its likelihood.

    p(x | θ) = h(x) exp(Σ_j η_j(θ) t_j(x) - A(θ))
    p(θ | χ, ν) = exp(Σ_j χ_j η_j(θ) - ν A(θ)) / Z(χ, ν)
    posterior:   χ + Σ_n t(x_n),  ν + N
    predictive:  h(x) Z(χ + t(x), ν + 1) / Z(χ, ν)
    evidence:    Π_n h(x_n) · Z(χ + Σ_n t(x_n), ν + N) / Z(χ, ν)

The prior is a density in the standard parameters themselves (Lebesgue measure on θ), so that (χ, ν) = (0, 0)
is flat in θ and no change of variables, hence no Jacobian, enters. The kernel is recognised by its form: one
parameter after another is matched against the families of the catalogue and integrated out (the chain rule).
Sources: Diaconis and Ylvisaker (1979); Bishop (2006), 2.4.2; Murphy (2012), 9.2.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import sympy

from cavi.derive.errors import CaviError
from cavi.derive.families import CATALOGUE, ScalarFamily
from cavi.derive.families.split import Parts, X, exponential_form
from cavi.derive.identities.kernel import Block, Normalised, normalise
from cavi.derive.names import suggestion

NU = sympy.Symbol("nu", positive=True)
_ANY_NU = sympy.Dummy("nu", real=True)

_WHOLE = ("count", "bounded_count", "binary")


@dataclass(frozen=True)
class ConjugatePrior:
    """The conjugate prior of a likelihood, or the posterior that it becomes.

    Attributes:
        likelihood: the family of the data.
        parts: statistics, natural parameters, base measure and log-normaliser of the likelihood.
        unknown: the symbols of the parameters that it is a density of.
        chi, nu: its hyperparameters, symbols or values. The symbol ν is declared positive so that its
            logarithms come apart; the formulas hold wherever `proper` does.
        form: its factors and log-normaliser in the symbols of χ and ν.
        given: values of the parameters that are known, where they were put in.
    """

    likelihood: ScalarFamily
    parts: Parts
    unknown: tuple[sympy.Symbol, ...]
    chi: tuple[sympy.Expr, ...]
    nu: sympy.Expr
    form: Normalised
    given: tuple[tuple[sympy.Symbol, sympy.Expr], ...] = ()

    @property
    def support(self) -> dict[sympy.Symbol, str]:
        """Where each unknown parameter lies: real, positive, unit or angle."""
        return {p.symbol: p.domain for p in self.likelihood.parameters if p.symbol in self.unknown}

    @property
    def log_kernel(self) -> sympy.Expr:
        """Σ χ_j η_j(θ) - ν A(θ)."""
        return _log_kernel(self.parts, self.chi, self.nu)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Its factors by the chain rule, each a family of the catalogue given the parameters after it.

        Empty where the kernel is in no known family.
        """
        return tuple(b.put_in(self._put) for b in self.form.blocks)

    @cached_property
    def log_normaliser(self) -> sympy.Expr | None:
        """log Z(χ, ν), or None where it has no closed form."""
        return None if self.form.log_mass is None else self._put(self.form.log_mass)

    @property
    def reason(self) -> str:
        """Why the normaliser has no closed form; empty where it has one."""
        return self.form.reason

    @property
    def proper(self) -> tuple[sympy.Expr, ...]:
        """What must be positive in χ and ν for the prior to have mass one; empty also where it is not known.

        Examples:
            >>> conjugate_prior("Exponential").proper
            (nu + 1, chi_1)
        """
        found = (_essential(c) for b in self.blocks for c in b.conditions)
        return tuple(dict.fromkeys(c for c in found if c.free_symbols))

    def at(self, chi: Iterable[object], nu: object, known: Mapping[str, object] | None = None) -> ConjugatePrior:
        """The prior with values of its hyperparameters and, if given, of the likelihood's known parameters.

        Where the kernel is in no known family, propriety is not checked.

        Raises:
            CaviError: for a wrong number of values, one that is not a real number, a known parameter
                outside its domain, or (χ, ν) for which the prior cannot be normalised.

        Examples:
            >>> print(conjugate_prior("Binomial").at([1], 2, {"total": 5}))
            Beta(prob; a=2, b=10)
        """
        values = tuple(_real(c, "a value of χ") for c in _sequence(chi, "χ"))
        if len(values) != len(self.chi):
            statistics = ", ".join(map(str, self.parts.statistics))
            raise CaviError(
                f"the prior of {self.likelihood} was given {len(values)} values of χ, expected {len(self.chi)}: "
                f"one for each of the statistics {statistics}"
            )
        held = self._holding(known or {})
        found = replace(held, chi=values, nu=_real(nu, "ν"))
        for block in found.blocks:
            for condition in block.conditions:
                if condition.is_nonpositive or condition.has(sympy.zoo, sympy.nan):
                    needed = ", ".join(f"{c} > 0" for c in held._in_symbols().proper)
                    raise CaviError(
                        f"the prior of {self.likelihood} is improper, or at the edge of what {block.family} covers, "
                        f"at χ = ({', '.join(map(str, values))}), ν = {found.nu}; choose them so that {needed}"
                    )
        return found

    def posterior(self, data: Iterable[object]) -> ConjugatePrior:
        """The prior after data: numbers or SymPy expressions of single observations.

        Raises:
            CaviError: for data outside the support of the likelihood.
        """
        values = self._observed(data)
        return self.after(self._totals(values), len(values))

    def after(self, totals: Iterable[object], count: object) -> ConjugatePrior:
        """The prior after `count` data whose statistics add up to `totals`; both may be symbols.

        Raises:
            CaviError: for a wrong number of totals, or a count that is negative or not whole.

        Examples:
            >>> total, n = sympy.symbols("S N", positive=True)
            >>> print(conjugate_prior("Poisson").after([total], n))
            Gamma(rate; shape=S + chi_1 + 1, rate=N + nu)
        """
        sums = [_real(t, "a sum of statistics") for t in _sequence(totals, "the sums of statistics")]
        if len(sums) != len(self.chi):
            raise CaviError(
                f"{self.likelihood} was given {len(sums)} sums, expected {len(self.chi)}: one for each of the "
                f"statistics {', '.join(map(str, self.parts.statistics))}"
            )
        number = _real(count, "the count of data")
        if number.is_negative or not _may_be_whole(number):
            raise CaviError(f"the count of data is {number}; expected 0, 1, 2, …")
        return replace(self, chi=tuple(c + t for c, t in zip(self.chi, sums, strict=True)), nu=self.nu + number)

    def predictive(self, x: object = X) -> sympy.Expr:
        """log p(x | χ, ν): the log density of one new datum, by default as a function of the symbol `X`.

        Raises:
            CaviError: when the normaliser has no closed form, or for a datum outside the support.
        """
        return self.log_evidence([x])

    def log_evidence(self, data: Iterable[object]) -> sympy.Expr:
        """log p(x_1 … x_N), a ratio of normalisers and the base measures.

        Raises:
            CaviError: for data outside the support, or a normaliser without closed form.
        """
        values = self._observed(data)
        base = sympy.Add(*(self.parts.log_base.subs(X, x) for x in values))
        return base + self.log_ratio(self._totals(values), len(values))

    def log_ratio(self, totals: Iterable[object], count: object) -> sympy.Expr:
        """log Z(χ + totals, ν + count) - log Z(χ, ν): the log evidence but for Σ log h(x_n).

        Raises:
            CaviError: when the normaliser has no closed form.
        """
        after = self.after(totals, count).log_normaliser
        if after is None or self.log_normaliser is None:
            fewer = "hold one more parameter known, or " if len(self.unknown) > 1 else ""
            raise CaviError(
                f"the prior of {self.likelihood} has no closed normaliser: {self.reason}; "
                f"{fewer}integrate exp(log_kernel) numerically"
            )
        return after - self.log_normaliser

    def _totals(self, values: Iterable[sympy.Expr]) -> list[sympy.Expr]:
        return [sympy.Add(*(t.subs(X, x) for x in values)) for t in self.parts.statistics]

    def _put(self, expr: sympy.Expr) -> sympy.Expr:
        """An expression in the symbols of χ and ν with the values in their places."""
        table = zip((*_chi(len(self.chi)), NU), (*self.chi, self.nu), strict=True)
        return expr.subs([(s, v) for s, v in table if s != v], simultaneous=True)

    def _in_symbols(self) -> ConjugatePrior:
        return replace(self, chi=_chi(len(self.chi)), nu=NU)

    def _holding(self, known: Mapping[str, object]) -> ConjugatePrior:
        """With values of the known parameters put into the likelihood and the form."""
        held = {p.name: p for p in self.likelihood.parameters if p.symbol not in self.unknown}
        table: dict[sympy.Symbol, sympy.Expr] = {}
        for name, value in known.items():
            if name not in held:
                raise CaviError(f"{name!r} is no known parameter of {self.likelihood}; {suggestion(str(name), held)}")
            parameter, number = held[name], _bound(value) if name in ("lower", "upper") else _real(value, name)
            bad = {"positive": number.is_nonpositive, "count": number.is_negative or not _may_be_whole(number)}
            if bad.get(parameter.domain, False) or (
                parameter.domain == "unit" and (number.is_nonpositive or (1 - number).is_nonpositive)
            ):
                raise CaviError(f"{self.likelihood}: the {name} is {number}; expected a value in {parameter.domain}")
            table[parameter.symbol] = number

        def put(e: sympy.Expr) -> sympy.Expr:
            return e.subs(list(table.items()), simultaneous=True)

        p, form = self.parts, self.form
        parts = Parts(tuple(map(put, p.statistics)), tuple(map(put, p.natural)), put(p.log_base), put(p.log_normaliser))
        mass = None if form.log_mass is None else put(form.log_mass)
        new = replace(form, blocks=tuple(b.put_in(put) for b in form.blocks), log_mass=mass)
        return replace(self, parts=parts, form=new, given=(*self.given, *table.items()))

    def _observed(self, data: Iterable[object]) -> list[sympy.Expr]:
        """The data as expressions, none of which is known to be outside the support."""
        support = self.likelihood.support
        at = {p.name: dict(self.given).get(p.symbol, p.symbol) for p in self.likelihood.parameters}
        found = []
        for x in _sequence(data, "the data"):
            value = _real(x, "the datum")
            if support in _WHOLE and value.is_number and _may_be_whole(value):
                value = sympy.Integer(value)
            if _outside(value, support, at):
                raise CaviError(f"the datum {value} is outside the support ({support}) of {self.likelihood}")
            found.append(value)
        return found

    def __str__(self) -> str:
        names = ", ".join(s.name for s in self.unknown)
        if not self.blocks:
            return f"p({names}) ∝ exp({self.log_kernel})"
        return " × ".join(map(str, self.blocks))


def _outside(x: sympy.Expr, support: str, at: Mapping[str, sympy.Expr]) -> bool:
    """Whether a datum is known to be outside; `at` has the likelihood's parameters by name."""
    above: tuple[sympy.Expr, ...] = ()
    not_below: tuple[sympy.Expr, ...] = ()
    match support:
        case "positive":
            above = (x,)
        case "unit":
            above = (x, 1 - x)
        case "angle":
            above, not_below = (x + sympy.pi,), (sympy.pi - x,)
        case "count":
            not_below = (x,)
        case "bounded_count":
            not_below = (x, at["total"] - x)
        case "binary":
            not_below = (x, 1 - x)
        case "above":
            not_below = (x - at["minimum"],)
        case "interval":
            not_below = (x - at["lower"], at["upper"] - x)
    if support in _WHOLE and not _may_be_whole(x):
        return True
    return any(e.is_nonpositive for e in above) or any(e.is_negative for e in not_below)


def _sequence(values: Iterable[object], what: str) -> list[object]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise CaviError(f"{what} are {values!r}; expected a list")
    return list(values)


def _real(x: object, what: str) -> sympy.Expr:
    """A finite real number, or an expression that may be one; text is never read, because SymPy evaluates it."""
    value = _bound(x, what)
    if value.is_finite is False:
        raise CaviError(f"{what} is {value}; expected a finite real number")
    return value


def _bound(x: object, what: str = "a bound") -> sympy.Expr:
    """A real number or an infinite one."""
    try:
        value = sympy.sympify(x, strict=True)
    except sympy.SympifyError:
        value = None
    if not isinstance(value, sympy.Expr) or value.has(sympy.nan, sympy.zoo) or value.is_extended_real is False:
        raise CaviError(f"{what} is {x!r}; expected a real number or a SymPy expression")
    return value


def _may_be_whole(value: sympy.Expr) -> bool:
    """Whether a number is whole (2.0 is), or an expression not known to be anything else."""
    if value.is_number:
        return bool((value - sympy.floor(value)).is_zero)
    return value.is_integer is not False


def _essential(condition: sympy.Expr) -> sympy.Expr:
    """A condition without the factors that are positive whatever (χ, ν) may be."""
    factors = sympy.Mul.make_args(condition.xreplace({NU: _ANY_NU}))
    return sympy.Mul(*(f for f in factors if not f.is_positive)).xreplace({_ANY_NU: NU})


def _chi(count: int) -> tuple[sympy.Symbol, ...]:
    return tuple(sympy.Symbol(f"chi_{j}", real=True) for j in range(1, count + 1))


def _log_kernel(parts: Parts, chi: Iterable[sympy.Expr], nu: sympy.Expr) -> sympy.Expr:
    inner = sympy.Add(*(c * n for c, n in zip(chi, parts.natural, strict=True)))
    return inner - nu * parts.log_normaliser


def conjugate_prior(family: str | ScalarFamily, known: Iterable[str] = ()) -> ConjugatePrior:
    """The conjugate prior of a scalar family, with some of its parameters held known.

    Args:
        family: by its name in the catalogue, or itself.
        known: names of the parameters that are not learned, besides those that the family always knows.

    Raises:
        CaviError: for an unknown family or parameter, or when nothing is left unknown.

    Examples:
        >>> from cavi.derive.identities.conjugate import conjugate_prior
        >>> print(conjugate_prior("Poisson"))
        Gamma(rate; shape=chi_1 + 1, rate=nu)
        >>> print(conjugate_prior("Normal", known=["precision"]))
        Normal(mean; mean=chi_1/nu, precision=nu*precision)
    """
    if not isinstance(family, ScalarFamily):
        if str(family) not in CATALOGUE:
            raise CaviError(f"no scalar family {str(family)!r}; {suggestion(str(family), CATALOGUE)}")
        family = CATALOGUE[str(family)]
    names = [p.name for p in family.parameters]
    given = [known] if isinstance(known, str) else _sequence(known, "the names of known parameters")
    for k in given:
        if k not in names:
            raise CaviError(f"{family} has no parameter {k!r}; {suggestion(str(k), names)}")
    unknown = tuple(p.symbol for p in family.parameters if not p.known and p.name not in given)
    if not unknown:
        raise CaviError(f"every parameter of {family} is known; leave one unknown to have a prior for it")
    base = family.declared_base(X, *family.symbols) if family.declared_base is not None else sympy.S.Zero
    parts = exponential_form(family.log_density, unknown, base)
    # What does not depend on the unknown parameters belongs to the base measure, not to the prior.
    constant = sympy.Add(
        *(t for t in sympy.Add.make_args(sympy.expand_mul(parts.log_normaliser)) if not t.free_symbols & set(unknown))
    )
    parts = replace(parts, log_base=parts.log_base - constant, log_normaliser=parts.log_normaliser - constant)
    chi = _chi(len(parts.statistics))
    domains = {p.symbol: p.domain for p in family.parameters}
    form = normalise(_log_kernel(parts, chi, NU), {s: domains[s] for s in unknown})
    return ConjugatePrior(family, parts, unknown, chi, NU, form)
