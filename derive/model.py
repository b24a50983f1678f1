"""The declaration of a model: indices, hyperparameters, latents, observations, known data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal as OneOf

from cavi.derive import families
from cavi.derive.distribution import Distribution
from cavi.derive.domains import check_arguments
from cavi.derive.errors import DeclarationError
from cavi.derive.expression import AnySub, Expr, Ref, as_expr, map_subs
from cavi.derive.index import Index
from cavi.derive.names import RESERVED_MODULES, check_name, suggestion

VariableRole = OneOf["latent", "observed", "point", "hyper", "covariate", "observed_index"]
DOMAINS = ("real", "nonnegative", "positive", "unit", "simplex", "count", "angle")


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
        domain: where the values lie: real, nonnegative, positive, unit, simplex, count or angle.
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
        if self.distribution is not None:
            return f"{left} ~ {self.distribution}"
        if self.constraint is not None:
            return f"{left} = {self.constraint}"
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
    def sizes(self) -> tuple[str, ...]:
        """The symbolic sizes, in order of declaration."""
        return tuple(dict.fromkeys(i.size for i in self.indices if not i.size.isdigit()))

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

    # --- declarations ----------------------------------------------------------------------

    def index(self, name: str, size: str | int) -> Index:
        """A running index and its size: a symbol (``"N"``) or a positive integer.

        Two indices of one size run over the same set.
        """
        check_name(name, "an index")
        self._claim(name)
        if isinstance(size, int):
            if size < 1:
                raise DeclarationError(f"index {name}: the size must be at least 1, found {size}")
            size = str(size)
        else:
            check_name(size, f"the size of index {name}")
            if size in self._variables or size in self._indices:
                raise DeclarationError(f"index {name}: the size {size!r} is already the name of something else")
        index = Index(name, size)
        self._indices[name] = index
        return index

    def hyper(self, names: str, *indices: Index) -> Ref | tuple[Ref, ...]:
        """Known hyperparameters, one for each name in the space-separated list.

        With indices each is an array over them. One name gives one object, several a tuple.
        """
        refs = self._known("hyper", names, indices)
        return refs[0] if len(refs) == 1 else refs

    def covariate(self, name: str, *indices: Index) -> Ref:
        """Known data that are not modelled, such as a design matrix or exposures."""
        return self._known("covariate", name, indices)[0]

    def observed_index(self, name: str, *indices: Index, over: Index) -> Ref:
        """Observed integers 0 … size-1 to select by: ``theta[doc[n]]``."""
        if not isinstance(over, Index):
            raise DeclarationError(f"{name}: over={over!r} is not an index; give the index that its values take")
        self._own(over, name)
        return self._add(Variable(self._new(name), "observed_index", self._plates(name, indices), over=over))

    def latent(self, name: str, distribution: Distribution, *indices: Index, weight: object = None) -> Ref:
        """A latent variable, repeated over the plates given.

        `weight` (an expression of known data) makes each element stand for that many identical copies.
        """
        return self._node("latent", name, distribution, indices, weight)

    def observed(self, name: str, distribution: Distribution | Expr, *indices: Index, weight: object = None) -> Ref:
        """An observed variable; `weight` multiplies its log likelihood.

        Instead of a distribution, an expression of latents (such as ``Sum(s[n, k], k)``) declares an
        observed function of them: it adds no density and narrows their support.
        """
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
        return self._node("observed", name, distribution, indices, weight)

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
        simplex, angle) states it, and ``over=k`` makes it a probability vector over k.
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
        return self._add(Variable(self._new(name), "point", plates, event, domain=support or "real"))

    # --- the checks behind them ------------------------------------------------------------

    def _known(self, role: VariableRole, names: str, indices: tuple[Index, ...]) -> tuple[Ref, ...]:
        if not isinstance(names, str) or not names.split():
            raise DeclarationError(f"expected one or more names separated by spaces, found {names!r}")
        return tuple(self._add(Variable(self._new(name), role, self._plates(name, indices))) for name in names.split())

    def _node(
        self,
        role: VariableRole,
        name: str,
        distribution: Distribution,
        indices: tuple[Index, ...],
        weight: object,
    ) -> Ref:
        self._new(name)
        if not isinstance(distribution, Distribution):
            raise DeclarationError(
                f"{name}: expected a distribution such as Normal(0, 1), found {type(distribution).__name__} "
                f"{str(distribution)[:60]!r}"
            )
        plates = self._plates(name, indices)
        family = families.lookup(distribution.family)
        distribution = self._separate(name, distribution, plates)
        event = (distribution.over,) if family.is_vector and distribution.over is not None else ()
        over = distribution.over if family.name == "Categorical" else None
        if family.name == "Bernoulli":
            over = Index(f"{name}.value", "2")
        for arg in distribution.args.values():
            self._check_free(name, arg, plates, distribution.over)
        weight_expr = None if weight is None else self._weight(role, name, as_expr(weight), plates)
        self._variables = check_arguments(name, distribution, self._variables)
        variable = Variable(name, role, plates, event, distribution, None, weight_expr, over, family.domain)
        return self._add(variable)

    def _separate(self, name: str, distribution: Distribution, plates: tuple[Index, ...]) -> Distribution:
        """Give the categories an index that is not also a plate of the node."""
        over = distribution.over
        if over is None:
            return distribution
        if over.name in self._indices:
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

    def _check_free(self, name: str, expr: Expr, plates: tuple[Index, ...], over: Index | None) -> None:
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
        for index in sorted(expr.free() - set(plates) - {over}, key=lambda i: i.name):
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
