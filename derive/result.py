"""What a derivation returns: factors, their updates, the ELBO, and the way to every rendering.

Everything here is data in the normal form of `cavi.derive.term`; the properties that return SymPy
convert on demand. Renderers live in `cavi.templates` and are found through the entry-point group
``cavi.renderers``, so that nothing in `derive` depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import sympy

from cavi.derive import rules
from cavi.derive.canonical import add
from cavi.derive.derivation import Derivation, Step
from cavi.derive.errors import CaviError
from cavi.derive.families import lookup
from cavi.derive.index import Index, primed
from cavi.derive.names import suggestion
from cavi.derive.pages import Pages
from cavi.derive.render import render
from cavi.derive.term import Element, Function, Moment, Parameter, Polynomial, from_atom
from cavi.derive.text import show
from cavi.derive.to_sympy import to_sympy

if TYPE_CHECKING:
    from cavi.derive.exact import Exact
    from cavi.derive.families import Family
    from cavi.derive.identities import Identity
    from cavi.derive.model import Model
    from cavi.derive.optimum import Link
    from cavi.derive.reading import Reading
    from cavi.derive.relaxations.relaxation import Relaxation

Role = Literal["auxiliary", "standard", "derived", "marginal"]
Along = tuple[Index, Literal["forward", "backward"]]


@dataclass(frozen=True)
class ArrayOperation:
    """A whole-array operation that has no closed form by elements.

    Attributes:
        name: ``softmax``, ``logsumexp``, ``one_hot_argmax`` over the last axis of `argument`;
            ``inverse``, ``logdet`` of its last two axes.
        argument: name of an earlier parameter of the same latent.
        axes: how many of the last axes it is over; for a matrix, how many each of its sides has.
    """

    name: str
    argument: str
    axes: int = 1


@dataclass(frozen=True)
class Integral:
    """A number that follows from a density of one or two numbers without closed form: it is normalised numerically.

    Attributes:
        name: ``log_normaliser``, ``expectation`` of `pattern`, ``deviation`` (the standard deviation of the latent
            that the formula is of) or ``correlation`` (of the two latents).
        log_density: log q of one element but for its normaliser, in the latents and parameters before it.
        supports: latent -> its support, real, positive or unit, in the order of the factor.
        pattern: what the expectation is of.
    """

    name: str
    log_density: Polynomial
    supports: tuple[tuple[str, str], ...]
    pattern: Polynomial | None = None


@dataclass(frozen=True)
class Projected:
    """E[f(u)] without closed form, of an affine function u of a Normal latent: an integral over one number.

    Attributes:
        pattern: f(u), in the latent.
        function: f, of the placeholder.
        mean: of u, in the parameters; `variance`: of u.
    """

    pattern: Polynomial
    function: Polynomial
    mean: Polynomial
    variance: Polynomial
    name: str = "expectation"


@dataclass(frozen=True)
class Formula:
    """One parameter of a latent's factor: ``q(latent).name[indices] = value``.

    `role` is ``standard`` for the parameters a user sees in ``Fit.params``, ``auxiliary`` for what
    is computed before them (natural parameters), ``derived`` for what follows from them
    (a covariance, a log-determinant), ``marginal`` for what follows and is shown as well (of a chain).

    Consecutive formulas with the same `along` are a recursion: at each position of that index in turn, forward or
    backward, all of them in order; they may refer to each other at the position before (after).
    """

    latent: str
    name: str
    indices: tuple[Index, ...]
    value: Polynomial | ArrayOperation | Integral | Projected
    role: Role
    along: Along | None = None


def sides(indices: tuple[Index, ...]) -> int:
    """How many axes each side of a square matrix has: the last ones are the ones before them, primed."""
    for count in range(len(indices) // 2, 0, -1):
        if indices[-count:] == tuple(primed(i) for i in indices[-2 * count : -count]):
            return count
    return 0


@dataclass(frozen=True)
class MomentSpec:
    """``E_q[pattern]`` of a factor: the pattern in its latents, the value in its parameters.

    `value` is None where no closed form exists; such a moment cancels in the ELBO and occurs in
    no update.
    """

    key: str
    indices: tuple[Index, ...]
    pattern: Polynomial
    value: Polynomial | None


@dataclass(frozen=True)
class Factor:
    """A block of latents that q keeps together.

    Attributes:
        name: the latent's name; for a block the names joined by a comma, ``mu,tau``.
        latents: the names of its latents, in order of the chain rule, first conditioned last.
        plates: q is a product over these.
        event: indices kept together inside one element of the product.
        sequential: plates whose elements depend on each other and are updated one after another.
        weight: number of identical copies each element stands for, or None.
        point: whether the factor is a point mass (a parameter that is maximised over).
    """

    name: str
    latents: tuple[str, ...]
    plates: tuple[Index, ...]
    event: tuple[Index, ...] = ()
    sequential: tuple[Index, ...] = ()
    weight: Polynomial | None = None
    point: bool = False


@dataclass(frozen=True)
class JointFamily:
    """The family of a block: a location given a scale, such as Normal-Gamma and Normal-Wishart."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(dict.fromkeys(p.removeprefix("Multivariate") for p in self.parts))

    def __eq__(self, other: object) -> bool:
        return str(other) == str(self) if isinstance(other, str | JointFamily) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


@dataclass(frozen=True)
class Update:
    """The optimal factor ``q*`` given the others.

    Attributes:
        factor: which block this is.
        families: latent name -> recognised family (one for each latent of a block).
        statistics: pairs (statistic, coefficient): ``log q* = Σ coefficient · statistic + const``.
        formulas: how to compute the parameters, in order; later ones may use earlier ones.
        initial: the same formulas for the prior alone (the start of a run); empty if improper.
        moments: the expectations of this factor that the other updates and the ELBO need.
        entropy: entropy of one element of the product, in its parameters and moments.
        log_q: log density of one element, in its latents and parameters.
        density: the factor as a chain of ordinary distributions, each given those before it.
        from_marginals: the standard parameters of a start that is given by its marginals alone.
        chosen: the method by which a Normal factor was chosen where the optimum is none: cvi, laplace or delta.
        proposed: whether the method for a factor in no family was not asked for, but taken by ``relax="auto"``.
        height: the expected log joint at the mean of one element, where the mean is to be its mode, or at the value of
            a point that is found by steps; else None.
        climbs: for a point that is found by steps, the points that are set to their best after each; else None.
        way_back: of a Normal that was chosen and is more than a mean and a precision, the natural parameters by which
            its formulas begin, in the standard ones; steps are shortened in them.
        told_by: of a point in closed form, the parameters that are its coefficients, if they may all be zero: then
            nothing depends on it, and an element of which this is so stays as it is.
        derivation: the named steps that lead here.
        context: the derivation that it belongs to, for how it is written; None for an update on its own.
    """

    factor: Factor
    families: Mapping[str, Family]
    statistics: tuple[tuple[Polynomial, Polynomial], ...]
    formulas: tuple[Formula, ...]
    initial: tuple[Formula, ...]
    moment_specs: tuple[MomentSpec, ...]
    entropy: Polynomial
    log_q: Polynomial
    derivation: Derivation[Polynomial] = field(repr=False, compare=False)
    density: tuple[Link, ...] = field(default=(), repr=False)
    from_marginals: tuple[Formula, ...] = field(default=(), repr=False)
    chosen: str = ""
    proposed: bool = False
    height: Polynomial | None = field(default=None, repr=False)
    climbs: tuple[str, ...] | None = None
    way_back: tuple[Formula, ...] = field(default=(), repr=False)
    told_by: tuple[str, ...] = ()
    context: Derived | None = field(default=None, repr=False, compare=False)

    @property
    def family(self) -> Family | JointFamily:
        """The family of the factor; for a block that of all its latents together (each alone: see `families`)."""
        distinct = tuple(dict.fromkeys(map(str, self.families.values())))
        if len(self.families) == 1 or distinct == ("Categorical",):
            return next(iter(self.families.values()))
        if set(distinct) <= {"Normal", "MultivariateNormal"}:
            return lookup("MultivariateNormal")
        return JointFamily(distinct)

    @property
    def numeric(self) -> bool:
        """Whether the factor is the optimum, but normalised numerically for want of a closed form."""
        return any(isinstance(f.value, Integral) for f in self.formulas)

    @property
    def natural(self) -> dict[sympy.Expr, sympy.Expr]:
        """Statistic -> its coefficient in log q*, in SymPy."""
        return {self._sympy(t): self._sympy(c) for t, c in self.statistics}

    @property
    def parameters(self) -> dict[str, Any]:
        """Standard parameters in SymPy, by name (for a block by latent, then by name)."""
        by_latent: dict[str, dict[str, sympy.Expr]] = {}
        for f in self.formulas:
            if f.role == "standard":
                by_latent.setdefault(f.latent, {})[f.name] = self._formula(f)
        return by_latent[self.factor.name] if len(self.factor.latents) == 1 else by_latent

    @property
    def moments(self) -> dict[str, sympy.Expr]:
        """The expectations that other factors and the ELBO use, in SymPy, by key."""
        return {s.key: self._sympy(s.value) for s in self.moment_specs if s.value is not None}

    def domain(self, formula: Formula) -> str:
        """Where the values of a parameter lie: real, positive, unit, simplex or positive_definite."""
        for link in self.density:
            if link.latent == formula.latent and formula.name in ("precision", "scale", "row_precision"):
                return "positive_definite" if sides(formula.indices) else "positive"
        if formula.role == "standard" and formula.name in ("kernel", "filtered", "probs"):
            return "simplex" if str(self.families[formula.latent]) in ("Categorical", "Multinomial") else "unit"
        known = {p.name: p.domain for p in self.families[formula.latent].parameters}
        return known.get(formula.name, "real")

    def __str__(self) -> str:
        from cavi.derive.report import update_text

        return update_text(self, self.factor.plates + self.factor.event).strip()

    def _formula(self, formula: Formula) -> sympy.Expr:
        """A parameter with the auxiliary ones before it put in."""
        if isinstance(formula.value, Integral):
            return self._integral(formula.value, formula.latent)
        if isinstance(formula.value, Projected):
            return self._projected(formula.value)
        if isinstance(formula.value, ArrayOperation):
            argument = sympy.Symbol(f"{formula.latent}.{formula.value.argument}")
            return sympy.Function(formula.value.name)(argument)
        value = self._sympy(formula.value)
        for f in self.formulas:
            if f.role == "auxiliary" and isinstance(f.value, Polynomial):
                symbol = self._sympy(from_atom(Parameter(f.latent, f.name, f.indices)))
                value = value.xreplace({symbol: self._sympy(f.value)})
        return value

    def _integral(self, value: Integral, latent: str) -> sympy.Expr:
        """The integral, unevaluated."""
        ends = {"positive": (0, sympy.oo), "unit": (0, 1)}
        x = {n: self._sympy(from_atom(Element(n, self.factor.plates))) for n, _ in value.supports}
        places = {x[n]: sympy.Dummy(n, real=True) for n, _ in value.supports}
        limits = [(places[x[n]], *ends.get(support, (-sympy.oo, sympy.oo))) for n, support in value.supports]
        density = sympy.exp(self._sympy(value.log_density))

        def over(f: sympy.Expr) -> sympy.Expr:
            return sympy.Integral(f.xreplace(places), *limits)

        def mean(f: sympy.Expr) -> sympy.Expr:
            return over(f * density) / over(density)

        def away(n: str) -> sympy.Expr:
            return x[n] - mean(x[n])

        if value.name == "log_normaliser":
            return sympy.log(over(density))
        if value.name == "deviation":
            return sympy.sqrt(mean(away(latent) ** 2))
        if value.name == "correlation":
            spread = sympy.sqrt(sympy.Mul(*(mean(away(n) ** 2) for n in x)))
            return mean(sympy.Mul(*(away(n) for n in x))) / spread
        assert value.pattern is not None
        return mean(self._sympy(value.pattern))

    def _projected(self, value: Projected) -> sympy.Expr:
        """The integral over a Normal number, unevaluated."""
        u = sympy.Dummy("u", real=True)
        mean, variance = self._sympy(value.mean), self._sympy(value.variance)
        density = sympy.exp(-((u - mean) ** 2) / (2 * variance)) / sympy.sqrt(2 * sympy.pi * variance)
        body = self._sympy(value.function).xreplace({sympy.Symbol("u"): u})
        return sympy.Integral(body * density, (u, -sympy.oo, sympy.oo))

    def _sympy(self, p: Polynomial) -> sympy.Expr:
        return to_sympy(p, self.factor.plates + self.factor.event)

    def _repr_latex_(self) -> str:
        return render("update_display", self)


@dataclass(frozen=True)
class ElboTerm:
    """One term of the ELBO.

    Attributes:
        name: of the node or the factor.
        kind: ``expected log density`` or ``entropy``.
        value: in moments and parameters, every constant kept.
        inside: what it is the expectation of: log p of the node, or -log q of the factor.
    """

    name: str
    kind: Literal["expected log density", "entropy"]
    value: Polynomial
    inside: Polynomial


@dataclass(frozen=True)
class Elbo:
    """The evidence lower bound, term by term and as one expression.

    `roles` are those of the nodes; `context` is the derivation that it belongs to, for how it is written.
    """

    terms: tuple[ElboTerm, ...]
    specs: Mapping[str, tuple[MomentSpec, ...]] = field(repr=False)
    indices: tuple[Index, ...] = ()
    roles: Mapping[str, str] = field(repr=False, default_factory=dict)
    context: Derived | None = field(default=None, repr=False, compare=False)

    def reading(self, name: str) -> Reading:
        """The terms grouped as a lecture groups them, with the identity that allows it.

        Args:
            name: energy_entropy, reconstruction, complete_data or free_energy.

        Raises:
            CaviError: for another name.
        """
        from cavi.derive.reading import reading

        return reading(self, name)

    @property
    def total(self) -> Polynomial:
        """The sum of the terms."""
        return add(*(t.value for t in self.terms))

    @property
    def expr(self) -> sympy.Expr:
        """The ELBO in SymPy, in moments and parameters."""
        return to_sympy(self.total, self.indices)

    @property
    def closed_terms(self) -> tuple[ElboTerm, ...]:
        """The terms, merged where a moment without closed form cancels only in their sum."""
        open_keys = {(f, s.key) for f, specs in self.specs.items() for s in specs if s.value is None}

        def needs(t: ElboTerm) -> bool:
            return any(isinstance(a, Moment) and (a.factor, a.key) in open_keys for a in t.value.atoms())

        together = [t for t in self.terms if needs(t)]
        if not together:
            return self.terms
        names = " + ".join(dict.fromkeys(t.name for t in together))
        merged = ElboTerm(
            names,
            "expected log density",
            add(*(t.value for t in together)),
            add(*(t.inside for t in together)),
        )
        return (*(t for t in self.terms if not needs(t)), merged)

    @property
    def derivation(self) -> Derivation[Polynomial]:
        """From log p = expected log joint + entropy to the closed form, one step a term."""

        def expected(p: Polynomial) -> Polynomial:
            return from_atom(Function("E", (p,)))

        steps = tuple(
            Step(
                expected(t.inside),
                t.value,
                rules.ENTROPY if t.kind == "entropy" else rules.INDEPENDENCE,
                (f"{t.kind} of {t.name}",),
            )
            for t in self.terms
        )
        return Derivation("evidence lower bound", "L(q)", steps, "the ELBO is the sum of the terms")

    def __str__(self) -> str:
        lines = [f"  {t.kind} of {t.name}:\n    {show(t.value, self.indices)}" for t in self.terms]
        return "\n".join(["ELBO = sum of", *lines])

    def _repr_latex_(self) -> str:
        return render("elbo_display", self)


@dataclass(frozen=True)
class Derived(Pages):
    """A derived model: its factors, their optimal updates, the ELBO, the latents integrated out, what was relaxed."""

    model: Model
    factors: tuple[Factor, ...]
    log_density: Mapping[str, Polynomial] = field(repr=False)
    updates: tuple[Update, ...]
    elbo: Elbo
    marginalised: tuple[str, ...] = ()
    relaxations: tuple[Relaxation, ...] = ()

    def update(self, name: str) -> Update:
        """The update of a factor, by the name of the factor or of one of its latents.

        Raises:
            CaviError: when there is no such factor.
        """
        key = name.replace(" ", "")
        for u in self.updates:
            if key == u.factor.name or key in u.factor.latents:
                return u
        raise CaviError(f"no factor {name!r}; {suggestion(name, [n for f in self.factors for n in f.latents])}")

    @property
    def exact(self) -> Exact:
        """The exact posterior and log evidence of a fully conjugate model, one factor for all latents.

        Raises:
            CaviError: when the factorisation is an approximation, with what to do.
        """
        from cavi.derive.exact import exact

        return exact(self)

    def identity(self, name: str = "elbo", parameter: str | None = None, factor: str | None = None) -> Identity:
        """An identity of `cavi.derive.identities` with the data, latents and parameters of this model.

        Args:
            name: of an identity about data and latents, such as elbo, elbo_by_jensen, reconstruction, fisher.
            parameter: the point parameter that a gradient is taken in; the first one if it is not given.
            factor: the factor of q that a mean-field identity looks at; the first one if it is not given.

        Raises:
            CaviError: for an unknown identity, one that has no instance for a model, or one about
                point parameters where the model has none.
        """
        from cavi.derive.identities.instance import instance

        return instance(self, name, parameter, factor)

    @property
    def file_name(self) -> str:
        """The NumPy module's file."""
        return f"{self.model.name}.py"

    def plain(self) -> dict[str, Any]:
        """The derivation as plain data (see ``docs/architecture.md``), the only thing `verify` reads."""
        from cavi.derive.plain import plain

        return plain(self)

    def jax(self) -> str:
        """Source of a stand-alone JAX module: the same functions as those of the NumPy module, compiled as one loop.

        Raises:
            CaviError: where a formula needs a function that JAX lacks.
        """
        return self.render("jax")

    def streaming(self, over: str | None = None) -> str:
        """Source of a NumPy module that also fits data in shards, on all cores, and learns from minibatches.

        Args:
            over: the index along which the data are cut; None for the one with most latents of its own.

        Raises:
            CaviError: where the shared factors depend on rows otherwise than through sums.
        """
        return self.render("streaming", over=over)

    def estimator(self) -> str:
        """Source of a NumPy module with an estimator that follows scikit-learn, named after the model.

        Raises:
            CaviError: where the data are no rows X, with or without one y, or rows share more than factors.
        """
        return self.render("estimator")

    def posterior(self) -> str:
        """Source of a stand-alone NumPy module that draws from the factors of a fit.

        Raises:
            CaviError: for a factor of a family that is not drawn.
        """
        return self.render("posterior")

    def numba(self) -> str:
        """Source of the NumPy module with its loops compiled by Numba."""
        return self.render("numba")

    def dask(self, over: str | None = None) -> str:
        """Source of a module as `streaming` makes it, which also fits shards on the workers of a Dask cluster.

        Args:
            over: as in `streaming`.

        Raises:
            CaviError: where the shared factors depend on rows otherwise than through sums.
        """
        return self.render("dask", over=over)

    def gibbs(self) -> str:
        """Source of a stand-alone Gibbs sampler: one draw from the complete conditional of every block in turn.

        Raises:
            CaviError: for point parameters, and for a conditional in no known family.
        """
        return self.render("gibbs")

    def latex(
        self,
        fragment: bool = False,
        *,
        kind: str = "article",
        notation: str = "plain",
        symbols: Mapping[str, str] | None = None,
        lang: str = "en",
    ) -> str:
        r"""LaTeX of the derivation.

        Args:
            fragment: the same as ``kind="fragment"``.
            kind: ``article`` and ``beamer`` are documents that compile on their own; ``fragment`` (the article's
                body), ``frames`` (the talk's) and ``algorithm`` (the loop with its updates) are to be included.
            notation: whose conventions: ``plain``, ``bishop``, ``blei``, ``murphy`` or ``beal``.
            symbols: TeX of a symbol for declared names, ``{"tau": r"\lambda"}``, and for parameters of q
                (``"mu.mean"``).
            lang: ``en`` or ``ko``; Korean is compiled by LuaTeX or XeTeX.

        Raises:
            CaviError: for another kind, notation or language, and for symbols that are unknown or clash.
        """
        kinds = {"article": "latex", **{k: f"latex_{k}" for k in ("fragment", "beamer", "frames", "algorithm")}}
        if kind not in kinds:
            raise CaviError(f"kind={kind!r} is not known; {suggestion(kind, list(kinds))}")
        kind = kinds["fragment" if fragment else kind]
        return self.render(kind, notation=notation, symbols=symbols or {}, lang=lang)

    def __str__(self) -> str:
        from cavi.derive.report import report

        return report(self)

    def _repr_latex_(self) -> str:
        return self.render("latex_display")
