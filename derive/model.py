"""The declaration of a model: indices, hyperparameters, latents, observations, known data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from typing import Literal as OneOf

from cavi.derive import families
from cavi.derive.distribution import Distribution, JointDistribution, along_axes
from cavi.derive.domains import check_arguments
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import AnySub, Expr, Ref, Selector, as_expr, map_refs, map_subs
from cavi.derive.families.mixed import RecordFamily
from cavi.derive.index import Gather, Index, Shift, indices_of, primed, shifted
from cavi.derive.names import RESERVED_MODULES, check_name, suggestion
from cavi.derive.render import Diagram, render, renderer

VariableRole = OneOf["latent", "observed", "point", "hyper", "covariate", "observed_index"]
LARGEST_SIZE = 2**31 - 1
DOMAINS = ("real", "nonnegative", "positive", "unit", "simplex", "count", "angle", "positive_definite")
Declaration = Distribution | Callable[[Ref], Distribution]


@dataclass(frozen=True, eq=False)
class Chain:
    """The order along which each element depends on the one before it.

    Attributes:
        index: the axis of the order.
        initial: the distribution of the first element of a sequence.
        starts: known zeros and ones, one where a new sequence starts; None for a single sequence.
    """

    index: Index
    initial: Distribution
    starts: Expr | None = None


@dataclass(frozen=True, eq=False)
class Variable:
    """One declared variable.

    Attributes:
        name: unique in its model.
        role: latent, observed, point (maximised over), hyper, covariate or observed_index.
        plates: the indices it is repeated over; the first axes of its array.
        event: the index of a vector-valued variable (Dirichlet, Multinomial), its last axis.
        distribution: None for hyperparameters, known data and points without a prior.
        constraint: for an observed variable that is a deterministic expression of latents.
        weight: number of identical copies each element stands for; multiplies its log density.
        over: the index whose values a category or an observed index takes.
        domain: where the values lie: real, nonnegative, positive, unit, simplex, count, angle, binary or
            positive_definite (the last two axes are a matrix).
        chain: for an element that depends on the one before it.
        sparse: for an observed array that is zero but for the cells that the data give.
    """

    name: str
    role: VariableRole
    plates: tuple[Index, ...] = ()
    event: tuple[Index, ...] = ()
    distribution: Distribution | None = None
    constraint: Expr | None = None
    weight: Expr | None = None
    over: Index | None = None
    domain: str = "real"
    chain: Chain | None = None
    sparse: bool = False

    @property
    def symmetric(self) -> int:
        """How many axes each side of a symmetric array has: one for a positive-definite matrix, else none."""
        return 1 if self.domain == "positive_definite" else 0

    @property
    def indices(self) -> tuple[Index, ...]:
        """The axes of its array: plates, then event."""
        return self.plates + self.event

    @property
    def is_random(self) -> bool:
        """Whether q has a factor for it (latents and points)."""
        return self.role in ("latent", "point")

    def __str__(self) -> str:
        left = f"{self.name}[{', '.join(i.name for i in self.plates)}]" if self.plates else self.name
        weight = "" if self.weight is None else f", weight {self.weight}"
        sparse = ", sparse" if self.sparse else ""
        if self.chain is not None:
            starts = "" if self.chain.starts is None else f" where {self.chain.starts} = 1"
            return f"{left} ~ {self.distribution}, first ~ {self.chain.initial}{starts}{weight}"
        if self.distribution is not None:
            return f"{left} ~ {self.distribution}{weight}{sparse}"
        if self.constraint is not None:
            return f"{left} = {self.constraint}{sparse}"
        return left


class Model:
    """A probabilistic model as it would be written on a whiteboard.

    Every method checks what it is given and raises `DeclarationError` naming the variable, what was
    found, what was expected and what to do. Example::

        m = Model("rates")
        n = m.index("n", "N")
        a, b = m.hyper("a b")
        lam = m.latent("lam", Gamma(a, b))
        x = m.observed("x", Poisson(lam), n)
    """

    def __init__(self, name: str, title: str | None = None) -> None:
        self.name = check_name(name, "the model", RESERVED_MODULES)
        if title is not None and not isinstance(title, str):
            raise DeclarationError(f"the title of {name} must be text, found {type(title).__name__}")
        self.title = title or name.replace("_", " ").capitalize()
        self._indices: dict[str, Index] = {}
        self._variables: dict[str, Variable] = {}
        self._joint: list[tuple[str, ...]] = []

    # --- what was declared -----------------------------------------------------------------

    @property
    def indices(self) -> tuple[Index, ...]:
        """The declared indices, in order."""
        return tuple(self._indices.values())

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The declared variables, in order, with their domains as found from their use."""
        return tuple(self._variables.values())

    def variable(self, name: str) -> Variable:
        """The variable of that name.

        Raises:
            DeclarationError: when there is none.
        """
        if name not in self._variables:
            raise DeclarationError(f"{self.name} has no variable {name!r}; {suggestion(name, self._variables)}")
        return self._variables[name]

    def with_role(self, *roles: VariableRole) -> tuple[Variable, ...]:
        """The variables of the given roles, in order."""
        return tuple(v for v in self.variables if v.role in roles)

    def nodes(self) -> Iterator[Variable]:
        """The variables that contribute a log density: those with a distribution."""
        return (v for v in self.variables if v.distribution is not None)

    @property
    def joint(self) -> tuple[tuple[str, ...], ...]:
        """Latents that were declared together, which q keeps together unless asked otherwise."""
        return tuple(self._joint)

    def current(self, expr: Expr) -> Expr:
        """The expression with every variable as it is known by now, its domain included."""
        return map_refs(expr, lambda r: Ref(self._variables[r.name], r.subs))

    @property
    def sizes(self) -> tuple[str, ...]:
        """The symbolic sizes, in order of declaration."""
        return tuple(dict.fromkeys(i.size for i in self.indices if not i.size.isdigit()))

    def diagram(self, layout: str = "own") -> Diagram:
        """The plate diagram, with ``.svg()``, ``.tikz()`` and ``.save(path)``; notebooks show it.

        Args:
            layout: ``own``, the same on every machine, or ``dot`` for that of Graphviz.

        Raises:
            CaviError: for a model without variables, and for ``dot`` where it is missing or plates cross.

        Examples:
            >>> from cavi.derive import Gamma, Model, Poisson
            >>> m = Model("rates")
            >>> x = m.observed("x", Poisson(m.latent("rate", Gamma(2, 1))), m.index("n", "N"))
            >>> m.diagram().svg()[:4]
            '<svg'
        """
        drawn: Diagram = renderer("diagram")(self, layout=layout)
        return drawn

    def text(self) -> str:
        """The declaration as text, which ``cavi.templates.language.read_model`` reads back as the same model.

        Example:
            >>> from cavi.derive import Gamma, Model, Poisson
            >>> m = Model("rates")
            >>> x = m.observed("x", Poisson(m.latent("rate", Gamma(2, 1))), m.index("n", "N"))
            >>> print(m.text(), end="")
            model rates
            index n in N
            rate ~ Gamma(2, 1)
            observed x[n] ~ Poisson(rate)
        """
        return render("cavi", self)

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.name})"]
        if self.indices:
            lines.append("  " + ", ".join(f"{i.name} = 1…{i.size}" for i in self.indices))
        for v in self.variables:
            over = ", ".join(i.name for i in v.plates)
            kind = {"observed_index": "observed index", "covariate": "known data"}.get(v.role, v.role)
            lines.append(f"  {v!s:<44} {kind}{f' over {over}' if over else ''}".rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(self._variables)}>"

    def _repr_latex_(self) -> str:
        return str(renderer("model_display")(self))

    # --- declarations ----------------------------------------------------------------------

    def index(self, name: str, size: str | int) -> Index:
        """A running index and its size: a symbol (``"N"``) or a positive integer.

        Two indices of one size run over the same set.
        """
        check_name(name, "an index")
        self._claim(name)
        if isinstance(size, int):
            if isinstance(size, bool) or not 1 <= size <= LARGEST_SIZE:
                raise DeclarationError(
                    f"index {name}: the size must be at least 1 and at most {LARGEST_SIZE}, found {str(size)[:20]}"
                )
            size = str(size)
        else:
            check_name(size, f"the size of index {name}")
            if size in self._variables or size in self._indices:
                raise DeclarationError(f"index {name}: the size {size!r} is already the name of something else")
        index = Index(name, size)
        self._indices[name] = index
        return index

    def hyper(self, names: str, *indices: Index) -> Any:
        """Known hyperparameters, one for each name in the space-separated list.

        With indices each is an array over them. One name gives one object, several a tuple.
        """
        refs = self._known("hyper", names, indices)
        return refs[0] if len(refs) == 1 else refs

    def covariate(self, name: str, *indices: Index) -> Ref:
        """Known data that are not modelled, such as a design matrix or exposures."""
        if isinstance(name, str) and len(name.split()) > 1:
            raise DeclarationError(f"covariate: found the names {name!r}; declare one at a time, each with its indices")
        return self._known("covariate", name, indices)[0]

    def observed_index(self, name: str, *indices: Index, over: Index) -> Ref:
        """Observed integers 0 … size-1 to select by: ``theta[doc[n]]``."""
        if not isinstance(over, Index):
            raise DeclarationError(f"{name}: over={over!r} is not an index; give the index that its values take")
        self._own(over, name)
        return self._add(Variable(self._new(name), "observed_index", self._plates(name, indices), over=over))

    def latent(
        self,
        name: str,
        distribution: Declaration | JointDistribution,
        *indices: Index,
        weight: object = None,
        initial: Distribution | None = None,
        starts: object = None,
    ) -> Any:
        """A latent variable, repeated over the plates given.

        `weight` (an expression of known data) makes each element stand for that many identical copies.

        A chain along t has ``initial=``, the distribution of its first element, and as its distribution a function
        of the variable itself: ``m.latent("z", lambda z: Categorical(A[z[t-1]]), t, initial=Categorical(pi))``.
        Several sequences laid end to end have ``starts=``, known zeros and ones that mark where each begins.

        A pair such as ``NormalWishart`` declares two latents: ``mu, Lambda = m.latent("mu Lambda", ..., k)``.
        """
        if isinstance(distribution, JointDistribution):
            return self._pair(name, distribution, indices)
        return self._node("latent", name, distribution, indices, weight, initial, starts)

    def observed(
        self,
        name: str,
        distribution: Declaration | Expr,
        *indices: Index,
        weight: object = None,
        where: object = None,
        initial: Distribution | None = None,
        starts: object = None,
        sparse: bool = False,
    ) -> Ref:
        """An observed variable; `weight` multiplies its log likelihood.

        Instead of a distribution, an expression of latents (such as ``Sum(s[n, k], k)``) declares an
        observed function of them: it adds no density and narrows their support.

        ``where=i < j`` keeps only those elements (pairs over one plate); a weight of zeros and ones leaves out
        missing ones. `initial` and `starts` are those of `latent`: each observation may depend on the one before it.

        ``sparse=True`` says that most cells of an array over two or more plates are zero, and that the data are the
        others: a SciPy sparse matrix, or the integers and the values of the cells. The log joint is over all cells as
        ever; a generated module computes what vanishes at zero over the given cells only, and the rest as products of
        sums over each plate.
        """
        if sparse and (initial is not None or starts is not None or callable(distribution)):
            raise DeclarationError(f"{name}: found sparse=True on a chain, whose elements all depend on each other")
        made = self._observed(name, distribution, indices, weight, where, initial, starts)
        return self._sparse(made) if sparse else made

    def _observed(
        self,
        name: str,
        distribution: Declaration | Expr,
        indices: tuple[Index, ...],
        weight: object,
        where: object,
        initial: Distribution | None,
        starts: object,
    ) -> Ref:
        if where is not None:
            weight = as_expr(where) if weight is None else as_expr(where) * as_expr(weight)
        if isinstance(distribution, Expr):
            plates = self._plates(name, indices)
            if distribution.open:
                raise DeclarationError(f"{name}: the expression {distribution} has open indices; give them")
            if weight is not None:
                raise DeclarationError(f"{name}: an observed expression has no density, so it takes no weight")
            self._check_free(name, distribution, plates, None)
            domain = "real"
            if all(
                families.lookup(r.variable.distribution.family).support == "count"
                for r in distribution.refs()
                if r.variable.distribution is not None
            ):
                domain = "count"
            return self._add(Variable(self._new(name), "observed", plates, constraint=distribution, domain=domain))
        return self._node("observed", name, distribution, indices, weight, initial, starts)

    def point(
        self,
        name: str,
        *declaration: Distribution | Index,
        support: str | None = None,
        over: Index | None = None,
    ) -> Ref:
        """A parameter that is maximised over instead of integrated: its factor is a point mass.

        ``m.point("mu", k)`` has no prior; ``m.point("mu", Normal(m0, k0), k)`` has one. The domain of
        a parameter without a prior is found from where it is used; `support` (real, positive, unit,
        simplex, angle, positive_definite) states it, and ``over=k`` makes it a probability vector over k. A positive-
        definite matrix takes its rows and columns as the last two indices: ``m.point("Lambda", k, d, e)``.
        """
        distribution = next((d for d in declaration if isinstance(d, Distribution)), None)
        indices = tuple(i for i in declaration if not isinstance(i, Distribution))
        if distribution is not None:
            if support is not None or over is not None:
                raise DeclarationError(
                    f"{name}: the prior {distribution} already tells the support; leave out support= and over="
                )
            return self._node("point", name, distribution, indices, None)
        if support is not None and support not in DOMAINS:
            raise DeclarationError(f"{name}: support={support!r} is not known; expected one of {', '.join(DOMAINS)}")
        plates = self._plates(name, indices)
        event: tuple[Index, ...] = ()
        if over is not None:
            self._own(over, name)
            event, support = (over,), "simplex"
        elif support == "simplex":
            if not plates:
                raise DeclarationError(f"{name}: a probability vector needs an index to run over; give over=k")
            plates, event = plates[:-1], plates[-1:]
        elif support == "positive_definite":
            if len(plates) < 2 or plates[-1].size != plates[-2].size:
                raise DeclarationError(f"{name}: a matrix needs two last indices of one size for its rows and columns")
            plates, event = plates[:-2], plates[-2:]
        return self._add(Variable(self._new(name), "point", plates, event, domain=support or "real"))

    def with_variable(self, variable: Variable) -> Model:
        """A copy of the model with one more variable; the model itself stays as it is."""
        return self.with_parts(self.indices, {**self._variables, check_name(variable.name, "a variable"): variable})

    def with_parts(self, indices: tuple[Index, ...], variables: dict[str, Variable]) -> Model:
        """A model of the same name with these indices and variables; the model itself stays as it is."""
        other = Model(self.name, self.title)
        other._indices, other._variables = {i.name: i for i in indices}, dict(variables)
        other._joint = list(self._joint)
        return other

    # --- the checks behind them ------------------------------------------------------------

    def _known(self, role: VariableRole, names: str, indices: tuple[Index, ...]) -> tuple[Ref, ...]:
        if not isinstance(names, str) or not names.split():
            raise DeclarationError(f"expected one or more names separated by spaces, found {names!r}")
        return tuple(self._add(Variable(self._new(name), role, self._plates(name, indices))) for name in names.split())

    def _pair(self, names: str, joint: JointDistribution, indices: tuple[Index, ...]) -> tuple[Ref, Ref]:
        split = names.split() if isinstance(names, str) else []
        if len(split) != 2:
            raise DeclarationError(
                f"{joint.name} declares two latents: expected two names such as 'mu tau', found {names!r}"
            )
        location, scale = split
        self._new(location)
        first = self._node("latent", scale, joint.scale, indices, None)
        given = first[indices] if indices else first
        second = self._node("latent", location, joint.location(given), indices, None)
        self._joint.append((scale, location))
        return second, first

    def _node(
        self,
        role: VariableRole,
        name: str,
        distribution: Declaration,
        indices: tuple[Index, ...],
        weight: object,
        initial: Distribution | None = None,
        starts: object = None,
    ) -> Ref:
        if initial is not None or starts is not None or callable(distribution):
            return self._chain(role, name, distribution, indices, weight, initial, starts)
        self._new(name)
        if not isinstance(distribution, Distribution):
            raise DeclarationError(
                f"{name}: expected a distribution such as Normal(0, 1), found {type(distribution).__name__} "
                f"{str(distribution)[:60]!r}"
            )
        plates = self._plates(name, indices)
        family = families.lookup(distribution.family)
        if role != "observed" and isinstance(family, RecordFamily):
            raise DeclarationError(
                f"{name}: {family} is the law of what is recorded of a value, not of the value; expected it of an "
                f"observed variable. Declare {name} by the family without censoring"
            )
        distribution = self._separate(name, distribution, plates)
        event = distribution.event
        for axis in event:
            if axis in plates:
                raise DeclarationError(
                    f"{name}: index {axis.name} is both a plate and an axis of the {distribution.family}; declare a "
                    f"second index of size {axis.size} for one of the two"
                )
        over = distribution.over if family.name == "Categorical" else None
        if family.name == "Bernoulli":
            over = Index(f"{name}.value", "2")
        for arg in distribution.args.values():
            self._refuse_shifts(name, arg)
            self._check_free(name, arg, plates, distribution)
        weight_expr = None if weight is None else self._weight(role, name, self._given_weight(name, weight), plates)
        self._variables = check_arguments(name, distribution, self._variables)
        variable = Variable(name, role, plates, event, distribution, None, weight_expr, over, family.domain)
        return self._add(variable)

    def _chain(
        self,
        role: VariableRole,
        name: str,
        transition: Declaration,
        indices: tuple[Index, ...],
        weight: object,
        initial: Distribution | None,
        starts: object,
    ) -> Ref:
        """A variable whose elements depend on the ones before them."""
        if not isinstance(initial, Distribution) or not callable(transition):
            raise DeclarationError(
                f"{name}: a chain needs the distribution of its first element, initial=Normal(0, 1), and its own as a "
                f"function of the variable: lambda {name}: Normal({name}[t-1], 1)"
            )
        first = self._node(role, name, initial, indices, weight).variable
        try:
            return self._linked(first, transition(Ref(first)), initial, starts)
        except Exception:
            del self._variables[name]  # a chain that was refused has not been declared
            raise

    def _linked(self, first: Variable, step: object, initial: Distribution, starts: object) -> Ref:
        name = first.name
        if not isinstance(step, Distribution):
            raise DeclarationError(
                f"{name}: expected the function to give a distribution, found {type(step).__name__} {str(step)[:60]!r}"
            )
        step = self._separate(name, step, first.plates)
        if families.lookup(step.family).support != families.lookup(initial.family).support or (
            [i.size for i in step.event] != [i.size for i in initial.event]
        ):
            raise DeclarationError(f"{name}: the first element is {initial}, the next ones {step}; the supports differ")
        step = along_axes(step, initial)
        found = {i for arg in step.args.values() for s in _shifts(arg) for i in indices_of(s)}
        if len(found) != 1 or not found <= set(first.plates):
            raise DeclarationError(
                f"{name}: {step} must refer to one neighbour along a plate of {name}, as in {name}[t-1]; found "
                f"{', '.join(sorted(i.name for i in found)) or 'none'}"
            )
        (index,) = found
        here = tuple(shifted(i, -1) if i == index else i for i in first.plates)
        for arg in step.args.values():
            for sub in _shifts(arg):
                if sub.offset != -1:
                    raise DeclarationError(f"{name}: {step} refers to {sub!r}; only the element before, {index.name}-1")
            for subs in _own_subscripts(arg, name):
                if subs[: len(here)] != here:
                    raise DeclarationError(
                        f"{name}: {step} refers to {name} at other positions than [{', '.join(map(repr, here))}]"
                    )
            self._check_free(name, arg, first.plates, step)
        self._variables = check_arguments(name, step, self._variables)
        known = None if starts is None else self._starts(name, as_expr(starts), first.plates)
        domain = self._variables[name].domain
        return self._add(replace(first, distribution=step, domain=domain, chain=Chain(index, initial, known)))

    def _starts(self, name: str, starts: Expr, plates: tuple[Index, ...]) -> Expr:
        if not isinstance(starts, Ref) or starts.variable.role not in ("covariate", "hyper"):
            raise DeclarationError(
                f"{name}: starts={starts} must be known zeros and ones, m.covariate('start', t), that mark where each "
                "sequence begins"
            )
        for _ in starts.open:
            starts = Ref(starts.variable, (*starts.subs, starts.open[0]))
        self._check_free(f"the starts of {name}", starts, plates, None)
        self._variables[starts.name] = replace(self._variables[starts.name], domain="binary")
        return starts

    def _sparse(self, made: Ref) -> Ref:
        """An observed array as one that is given by its cells; a declaration that is refused has not been made."""
        v = made.variable
        support = "count" if v.distribution is None else families.lookup(v.distribution.family).support
        wrong = ""
        if len(v.plates) < 2 or v.event:
            wrong = (
                f"over {', '.join(i.name for i in v.indices) or 'nothing'}; expected numbers over two or more plates"
            )
        elif support not in ("count", "bounded_count", "binary", "real", "nonnegative"):
            family = v.distribution.family if v.distribution is not None else ""
            wrong = f"whose values are {family}, which zero is not among or not the one that says nothing"
        if wrong:
            del self._variables[v.name]
            raise DeclarationError(f"{v.name}: found sparse=True on an array {wrong}; leave out sparse=True")
        return self._add(replace(v, sparse=True))

    def _refuse_shifts(self, name: str, expr: Expr) -> None:
        for sub in _shifts(expr):
            raise DeclarationError(
                f"{name}: {expr} refers to {sub!r}, which the first element does not have; declare a chain with "
                f"initial= and a function of the variable, lambda {name}: ..."
            )

    def _separate(self, name: str, distribution: Distribution, plates: tuple[Index, ...]) -> Distribution:
        """Give the categories an index that is not also a plate of the node."""
        over = distribution.over
        if over is None:
            return distribution
        self._own(over, name)
        if over not in plates:
            return distribution
        other = next((i for i in self.indices if i.size == over.size and i not in plates), None)
        if other is None or distribution.family == "Dirichlet":
            raise DeclarationError(
                f"{name}: index {over.name} is both a plate and the index of its {distribution.family}; declare a "
                f"second index of size {over.size}, m.index('j', {over.size!r}), for one of the two"
            )

        def change(sub: AnySub) -> AnySub:
            return other if sub == over else sub

        # The probabilities ran over the plate's own index only because it names their axis.
        args = {k: (map_subs(a, change) if k == "probs" else a) for k, a in distribution.args.items()}
        return replace(distribution, args=args, over=other)

    @staticmethod
    def _given_weight(name: str, weight: object) -> Expr:
        try:
            return as_expr(weight)
        except DeclarationError as error:
            raise DeclarationError(f"the weight of {name}: {error}") from None

    def _weight(self, role: VariableRole, name: str, weight: Expr, plates: tuple[Index, ...]) -> Expr:
        if weight.open:
            raise DeclarationError(f"{name}: the weight {weight} has open indices; give them, for example count[n]")
        self._check_free(f"the weight of {name}", weight, plates, None)
        random = [r.name for r in weight.refs() if r.variable.is_random]
        if random:
            raise DeclarationError(
                f"{name}: the weight {weight} contains the latent {random[0]}; a weight must be known data"
            )
        # A latent stands for some copies; a weight of zero leaves an observation out.
        least = "positive" if role == "latent" else "nonnegative"
        for r in weight.refs():
            if self._variables[r.name].domain in ("real", "nonnegative"):
                self._variables[r.name] = replace(self._variables[r.name], domain=least)
        return weight

    def _plates(self, name: str, indices: tuple[object, ...]) -> tuple[Index, ...]:
        found: list[Index] = []
        for i in indices:
            if not isinstance(i, Index):
                raise DeclarationError(
                    f"{name}: {i!r} is not an index; plates follow the distribution as indices made by m.index"
                )
            self._own(i, name)
            if i in found:
                raise DeclarationError(
                    f"{name}: index {i.name} is given twice; declare a second index of size {i.size} for the other axis"
                )
            found.append(i)
        return tuple(found)

    def _own(self, index: Index, where: str) -> None:
        if self._indices.get(index.name) != index:
            raise DeclarationError(
                f"{where}: index {index.name} (size {index.size}) was not declared on the model {self.name}; "
                f"declare it with m.index({index.name!r}, {index.size!r})"
            )

    def _check_free(self, name: str, expr: Expr, plates: tuple[Index, ...], given: Distribution | None) -> None:
        for formal in expr.formals():
            raise DeclarationError(
                f"{name}: found the SymPy object {formal} in an expression; expected a number or something declared on "
                f"the model: declare it with m.hyper({str(formal)[:40]!r})"
            )
        for ref in expr.refs():
            if self._variables.get(ref.name) is None or (self._variables[ref.name].indices != ref.variable.indices):
                raise DeclarationError(
                    f"{name}: {ref.name} was not declared on the model {self.name}; use only this model's variables"
                )
        axes = set() if given is None else {given.over, *given.event, *map(primed, given.event)}
        for index in sorted(expr.free() - set(plates) - axes, key=lambda i: i.name):
            known = ", ".join(i.name for i in plates) or "none"
            raise DeclarationError(
                f"{name}: {expr} uses index {index.name}, which is not among the plates of {name} ({known}); add "
                f"{index.name} to the plates, or contract it with Sum or dot"
            )

    def _new(self, name: str) -> str:
        check_name(name, "a variable")
        self._claim(name)
        return name

    def _claim(self, name: str) -> None:
        taken = "an index" if name in self._indices else "a variable" if name in self._variables else ""
        if not taken and name in {i.size for i in self.indices}:
            taken = "a size"
        if taken:
            raise DeclarationError(f"the name {name!r} is already {taken} of the model {self.name}; choose another")

    def _add(self, variable: Variable) -> Ref:
        self._variables[variable.name] = variable
        return Ref(variable)


def _subscripts(expr: Expr) -> Iterator[tuple[str, tuple[AnySub, ...]]]:
    """Every subscripted name of an expression, those inside subscripts included."""

    def inside(sub: AnySub) -> Iterator[tuple[str, tuple[AnySub, ...]]]:
        if isinstance(sub, Selector | Gather):
            yield sub.name, sub.subs
            for s in sub.subs:
                yield from inside(s)

    for ref in expr.refs():
        yield ref.name, ref.subs
        for s in ref.subs:
            yield from inside(s)


def _shifts(expr: Expr) -> Iterator[Shift]:
    """Every neighbour that an expression refers to."""
    for _, subs in _subscripts(expr):
        yield from (s for s in subs if isinstance(s, Shift))


def _own_subscripts(expr: Expr, name: str) -> Iterator[tuple[AnySub, ...]]:
    """The subscripts of every use of one variable."""
    return (subs for n, subs in _subscripts(expr) if n == name)
