"""Small concrete cases of a model: sizes, generic rational values, data drawn from the model, a random q.

Everything is an exact rational, so that a certificate can repeat a case to the last digit. Values avoid 0 and 1,
where mistakes hide; q is drawn at random and lies nowhere near an optimum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cavi.verify.arithmetic import Engine, Value, doubles
from cavi.verify.claim import Axes, Claim, names_in
from cavi.verify.density import FAMILIES
from cavi.verify.evaluate import Binding, Plain, Position, bindings, evaluate, positions, size_of
from cavi.verify.generic import LARGEST_COUNT, RANGES, Table, random_table
from cavi.verify.nodes import distribution_at, family_arguments
from cavi.verify.sampling import draw
from cavi.verify.telling import most_telling

ATTEMPTS = 60


class InstanceError(ValueError):
    """No instance could be made: why."""


@dataclass(frozen=True)
class Instance:
    """A concrete case.

    Attributes:
        seed: of the random numbers it was made with.
        sizes: symbolic size -> number of elements.
        data: known variable -> its elements (observed, hyperparameters, covariates, observed indices).
        q: latent -> standard parameter -> its elements.
    """

    seed: int
    sizes: Mapping[str, int]
    data: Mapping[str, Table]
    q: Mapping[str, Mapping[str, Table]]


def make_instance(
    claim: Claim,
    seed: int,
    sizes: Mapping[str, int] | None = None,
    single_copies: bool = False,
    wide: bool = False,
) -> Instance:
    """A random case: of the sizes given, else of 2 but for one plate of 3.

    With `single_copies` every weight that makes a latent stand for several copies is one; with `wide` the
    hyperparameters and q are spread over orders of magnitude.

    Raises:
        InstanceError: when no values satisfy the declared supports (such as lower < upper).
    """
    rng = np.random.default_rng(seed)
    least = _least_sizes(list(claim.variables.values()))
    sizes = {s: max(k, least.get(s, 1)) for s, k in (sizes or small_sizes(claim, 3)).items()}
    sizes |= _enough_rows(claim, sizes)
    for _ in range(ATTEMPTS):
        world = _World(claim, sizes, rng, single_copies, wide)
        if world.fill():
            other = _World(claim, sizes, rng, single_copies, wide)
            if claim.numeric and not other.fill():
                continue
            return Instance(seed, sizes, world.data(), _random_q(claim, sizes, rng, world, other, wide))
    raise InstanceError(
        f"{claim.model['name']}: no data were found that satisfy the declared supports in {ATTEMPTS} attempts"
    )


def wide_instance(claim: Claim, seed: int) -> Instance:
    """A random case at random sizes (1 to 3; of vectors 1 or 2), spread over orders of magnitude.

    Raises:
        InstanceError: when no values satisfy the declared supports.
    """
    rng = np.random.default_rng(seed + 23)
    # One category, or a chain of one, has no optimum to compare; a grid over three coordinates is large.
    two = {v["over"][1] for v in claim.nodes if v["over"] and claim.selects(v["name"])} | _chains(claim)
    inside = _inside(claim)
    chosen = {s: int(rng.integers(2 if s in two else 1, 3 if s in inside else 4)) for s in claim.model["sizes"]}
    return make_instance(claim, seed, chosen, wide=True)


def _inside(claim: Claim) -> set[str]:
    """The sizes of vectors and of sets of categories."""
    of_variables = {s for v in claim.variables.values() for _, s in [*v["event"], *([v["over"]] if v["over"] else [])]}
    return of_variables | {s for f in claim.factors for _, s in f["event"]}


def _chains(claim: Claim) -> set[str]:
    return {v["chain"]["index"][1] for v in claim.variables.values() if v.get("chain")} & set(claim.model["sizes"])


def _enough_rows(claim: Claim, sizes: Mapping[str, int]) -> dict[str, int]:
    """The plate of the data with as many elements as vectors and matrices without a prior need to have a maximum.

    It is one for each number of a vector and one more, in each of the groups that have their own.
    """
    inside, need, groups = _inside(claim), 0, set[str]()
    for f in claim.factors:
        alone = f["point"] and f["event"] and all(claim.variables[n]["distribution"] is None for n in f["latents"])
        if alone and all(claim.variables[n]["domain"] in ("real", "positive_definite") for n in f["latents"]):
            groups |= {s for _, s in f["plates"]}
            count = math.prod(size_of(sizes, s) for _, s in f["plates"])
            need = max(need, count * (1 + max(size_of(sizes, s) for _, s in f["event"])))
    observed = [v for v in claim.variables.values() if v["role"] == "observed"]
    plates = [s for v in observed for _, s in v["plates"] if s in sizes and s not in inside | groups]
    return {s: max(sizes[s], need) for s in plates[:1]}


def _least_sizes(e: Any) -> dict[str, int]:
    """Size -> the least number of elements for which every fixed position, as in w[k, 1], is there."""
    if isinstance(e, Mapping):
        e = list(e.values())
    if not isinstance(e, list):
        return {}
    if len(e) == 3 and e[0] == "int":
        return {str(e[2]): int(e[1]) + 1}
    found: dict[str, int] = {}
    for part in e:
        for size, least in _least_sizes(part).items():
            found[size] = max(least, found.get(size, 1))
    return found


def small_sizes(claim: Claim, largest: int) -> dict[str, int]:
    """Two of everything, and `largest` of the first plate that is neither an event nor a set of categories.

    More where two would hide a mistake: a chain of two has no element with neighbours on both sides, a set of two with
    a shifted position no element between the ends, a square table of categories hardly tells its rows from its columns,
    nor do three pairs of data.
    """
    inside, chains = _inside(claim), _chains(claim)
    sizes = {s: 2 for s in claim.model["sizes"]}
    tables = [v for v in claim.variables.values() if v["role"] == "observed_index" and len(v["plates"]) > 1]
    sizes |= dict.fromkeys((_shifted(claim.plain) | {v["over"][1] for v in tables}) & set(sizes), largest)
    if chains:
        marked = any(v["chain"]["linked"] != ["num", "1"] and names_in([v["chain"]["linked"]]) for v in _links(claim))
        return sizes | dict.fromkeys(chains, largest + 2 if marked else largest)
    observed = [v for v in claim.variables.values() if v["role"] == "observed"]
    for s in (s for v in observed for _, s in v["plates"]):
        if s not in inside and s in sizes:
            squares = [v for v in observed if [t for _, t in v["plates"]].count(s) > 1]
            sizes[s] = largest + 1 if squares else largest
            break
    return sizes


def _links(claim: Claim) -> list[Mapping[str, Any]]:
    return [v for v in claim.variables.values() if v.get("chain")]


def _shifted(e: Any) -> set[str]:
    """Sizes of the sets in which a position next to another one is looked up."""
    if isinstance(e, Mapping):
        e = list(e.values())
    if not isinstance(e, list):
        return set()
    if e[:1] == ["shift"] and e[1][:1] == ["index"]:
        return {str(e[1][2])}
    return set().union(*map(_shifted, e))


class _World:
    """Values of all variables in float64, known ones rounded to rationals; the scope of their distributions."""

    def __init__(
        self,
        claim: Claim,
        sizes: Mapping[str, int],
        rng: np.random.Generator,
        single_copies: bool = False,
        wide: bool = False,
    ) -> None:
        self.claim, self.sizes, self.rng, self.wide = claim, sizes, rng, wide
        weights = [v["weight"] for v in claim.variables.values() if v["weight"] is not None]
        self.ones = set(names_in(weights)) if single_copies else set()
        chains = [v["chain"]["linked"] for v in claim.variables.values() if v.get("chain")]
        self.marks = {n for n in names_in(chains) if claim.variables[n]["distribution"] is None}
        self.dofs = {n for n in names_in(dofs_of(claim)) if claim.variables[n]["distribution"] is None}
        self.engine: Engine = doubles()
        self.values: dict[str, dict[Position, Fraction]] = {}

    def element(self, name: str, at: Position) -> Value:
        value = self.values[name][at]
        return (
            int(value) if self.claim.variables[name]["domain"] == "count" and value.denominator == 1 else float(value)
        )

    def moment(self, factor: str, key: str, at: Position) -> Value:
        raise KeyError(f"a declaration has no moments, found {factor}.{key}")

    def param(self, latent: str, name: str, at: Position) -> Value:
        raise KeyError(f"a declaration has no parameters of q, found {latent}.{name}")

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        raise KeyError("a declaration has no expectations")

    def fill(self) -> bool:
        """Give every variable a value, in order of declaration; False if the supports cannot be met."""
        for name, v in self.claim.variables.items():
            if name in self.marks:
                self.values[name] = _marks(self.claim.axes(name), self.sizes, self.rng)
            elif v["distribution"] is None and v["constraint"] is None:
                domain = {"domain": "dof"} if name in self.dofs and v["domain"] == "positive" else {}
                self.values[name] = self._unlike_others({**v, **domain}, self.claim.axes(name))
                if name in self.ones and v["role"] != "observed_index":
                    self.values[name] = dict.fromkeys(self.values[name], Fraction(1))
        for name, v in self.claim.variables.items():
            if v["distribution"] is not None:
                self.values[name] = {}
                for binding in bindings(v["plates"], self.sizes, {}):
                    if not self._draw(name, v, binding):
                        return False
                if v["role"] == "observed":
                    self.values[name] = _vary(v, self.values[name], self.sizes, self.rng)
            elif v["constraint"] is not None:
                self.values[name] = {
                    at: _observed_value(v, evaluate(v["constraint"], self, binding))
                    for at, binding in zip(
                        positions(v["plates"], self.sizes), bindings(v["plates"], self.sizes, {}), strict=True
                    )
                }
        return True

    def _unlike_others(self, v: Mapping[str, Any], axes: Axes) -> Table:
        """Values of a known variable; of one number, not one that another has: exchanged, they would not be told."""
        others = {x for t in self.values.values() for x in t.values()}
        table = _known(v, axes, self.sizes, self.rng, self.wide)
        for _ in range(ATTEMPTS):
            if v["domain"] == "count" or len(table) > 1 or others.isdisjoint(table.values()):
                break
            table = _known(v, axes, self.sizes, self.rng, self.wide)
        return table

    def arguments(self, v: Mapping[str, Any], binding: Binding) -> tuple[str, dict[str, Any]]:
        """The family and its arguments at one plate position, vectors as lists."""
        distribution = distribution_at(v, self, binding)
        args = family_arguments(distribution, v, self, binding)
        return distribution["name"], {n: _floats(a) for n, a in args.items()}

    def _draw(self, name: str, v: Mapping[str, Any], binding: Binding) -> bool:
        family, args = self.arguments(v, binding)
        if not all(_lies_in(p.domain, args[p.name]) for p in FAMILIES[family].parameters if p.name in args):
            return False
        if args.get("lower", -np.inf) >= args.get("upper", np.inf):
            return False
        if "dof" in args and "scale" in args and args["dof"] <= len(args["scale"]) - 1:
            return False
        at = tuple(binding[i] for i, _ in v["plates"])
        found = draw(family, args, self.rng)
        if FAMILIES[family].support in ("count", "bounded_count", "natural"):
            # Zeros and ones hide factors; the data need not be typical, only in the support.
            found = min(max(found, int(self.rng.integers(1, 4))), int(args.get("total", LARGEST_COUNT)))
        if FAMILIES[family].support in ("vector", "matrix", "positive_definite"):
            near = [Fraction(round(float(np.clip(x, -6, 6)) * 97), 97) for x in np.ravel(found)]
            if FAMILIES[family].support == "positive_definite":
                near = _near_matrix(near)
            for x, b in zip(near, bindings(v["event"], self.sizes, binding), strict=True):
                self.values[name][tuple(b[i] for i, _ in self.claim.axes(name))] = x
        elif isinstance(found, list):
            rounded = _simplex(found) if FAMILIES[family].support == "simplex" else _shared_out(found)
            for k, value in enumerate(rounded):
                self.values[name][(*at, k)] = value
        else:
            self.values[name][at] = _round(family, found, args)
        return True

    def data(self) -> dict[str, Table]:
        """The known variables."""
        return {n: dict(t) for n, t in self.values.items() if not self.claim.is_random(n)}


def _lies_in(domain: str, value: Any) -> bool:
    """Whether a number may be a parameter: one minus a hyperparameter, say, need not be positive."""
    if isinstance(value, list):
        return True  # the families of vectors and matrices have their own conditions
    if domain in ("positive", "shape"):
        return bool(value > 0)
    return bool(0 <= value <= 1) if domain == "unit" else True


def _floats(a: Any) -> Any:
    return [_floats(x) for x in a] if isinstance(a, list) else float(a)


def _near_matrix(entries: list[Fraction]) -> list[Fraction]:
    """A symmetric matrix near the one given by its elements, made diagonally dominant."""
    size = round(len(entries) ** 0.5)
    rows = [entries[i * size : (i + 1) * size] for i in range(size)]
    for i in range(size):
        for j in range(i):
            rows[i][j] = rows[j][i]
    for i in range(size):
        rest = sum((abs(x) for j, x in enumerate(rows[i]) if j != i), Fraction(0))
        rows[i][i] = max(rows[i][i], rest + Fraction(20, 97))
    return [x for row in rows for x in row]


def _vary(v: Mapping[str, Any], table: Table, sizes: Mapping[str, int], rng: np.random.Generator) -> Table:
    """Categories or counts that all came out the same hide a wrong index: move the first one on."""
    support = FAMILIES[v["distribution"]["name"]].support
    first = min(table, default=())
    if len(table) > 1 and len(set(table.values())) == 1:
        if support in ("count", "bounded_count", "natural"):
            table[first] += -1 if table[first] > 1 or support == "bounded_count" else 1
        elif support in ("binary", "category"):
            categories = 2 if support == "binary" else size_of(sizes, v["over"][1])
            table[first] = (table[first] + 1) % categories
    return most_telling(table, v["plates"], rng) if support in ("binary", "category", "count") else table


def _observed_value(v: Mapping[str, Any], x: float) -> Fraction:
    """An observed function of latents; a total of counts large enough to be shared out, small enough to list."""
    if v["domain"] == "count":
        return Fraction(min(max(round(x), 2), LARGEST_COUNT + 1))
    return Fraction(x).limit_denominator(1000)


def dofs_of(claim: Claim) -> list[Plain]:
    """The degrees of freedom of the declared distributions: they must exceed the size of the matrix less one."""
    return [v["distribution"]["args"]["dof"] for v in claim.nodes if "dof" in v["distribution"]["args"]]


def _marks(axes: Axes, sizes: Mapping[str, int], rng: np.random.Generator) -> Table:
    """Starts of sequences end to end: the first element is one, the second and the last are not, one between is."""
    table = {at: Fraction(0) for at in positions(axes, sizes)}
    along: dict[Position, list[Position]] = {}
    for at in table:
        along.setdefault(at[1:], []).append(at)
    for sequence in along.values():
        table[sequence[0]] = Fraction(1)
        if len(sequence) > 3:
            table[sequence[int(rng.integers(2, len(sequence) - 1))]] = Fraction(1)
    return table


def _known(v: Mapping[str, Any], axes: Axes, sizes: Mapping[str, int], rng: np.random.Generator, wide: bool) -> Table:
    if v["role"] == "observed_index":
        size = size_of(sizes, v["over"][1])
        places = list(positions(axes, sizes))
        targets = rng.permutation([i % size for i in range(len(places))])
        return most_telling({at: Fraction(int(t)) for at, t in zip(places, targets, strict=True)}, axes, rng)
    table = random_table(v["domain"], axes, sizes, rng, wide and v["role"] == "hyper")
    if v["domain"] == "count" and len(table) > 1 and len(set(table.values())) == 1:
        table[min(table)] += 1  # equal totals would hide a wrong index
    return table


def _simplex(found: list[float]) -> list[Fraction]:
    raw = [Fraction(max(3, round(60 * p))) for p in found]
    return [r / sum(raw) for r in raw]


def _shared_out(found: list[float]) -> list[Fraction]:
    """Counts with the same total, none of them zero where it goes round: zeros hide factors."""
    counts = [Fraction(c) for c in found]
    while 0 in counts and max(counts) > 1:
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(Fraction(0))] += 1
    return counts


def _round(family: str, x: float, args: Mapping[str, Any]) -> Fraction:
    """A moderate rational in the support near a draw."""
    support = FAMILIES[family].support
    near = Fraction(round(float(np.clip(x, -4, 4)) * 97), 97)
    if support in ("binary", "category", "bounded_count"):
        return Fraction(int(x))
    if support in ("count", "natural"):
        return Fraction(int(x))
    if support == "above":
        low = Fraction(args["minimum"]).limit_denominator(10**6)
        return low + min(max(Fraction(round((float(x) - float(low)) * 97), 97), Fraction(3, 97)), Fraction(4))
    if support == "unit":
        return min(max(near, Fraction(5, 97)), Fraction(92, 97))
    if support == "positive":
        return max(near, Fraction(9, 97))
    if support == "outside":  # the draw is outside; a margin keeps it there
        low, high = (Fraction(args[n]).limit_denominator(10**6) for n in ("lower", "upper"))
        return (
            min(near, low - Fraction(3, 97))
            if x < (args["lower"] + args["upper"]) / 2
            else max(near, high + Fraction(3, 97))
        )
    if support == "interval":
        low, high = args.get("lower", -np.inf), args.get("upper", np.inf)
        inner = float(np.clip(x, low + 0.04 * min(high - low, 1), high - 0.04 * min(high - low, 1)))
        return Fraction(round(inner * 1009), 1009)
    return near if near else Fraction(3, 97)


def _random_q(
    claim: Claim, sizes: Mapping[str, int], rng: np.random.Generator, world: _World, other: _World, wide: bool
) -> dict[str, dict[str, Table]]:
    """Random standard parameters for every factor, far from any optimum.

    Coefficients of statistics are those of the complete conditional of `other`, as if its latents were known: numbers
    at random need have no normaliser.
    """
    q: dict[str, dict[str, Table]] = {}
    for factor in claim.factors:
        for latent in factor["latents"]:
            if latent in claim.numeric:
                q[latent] = _coefficients(claim, factor, latent, sizes, other)
                continue
            q[latent] = {}
            domains = {p.name: p.domain for p in FAMILIES[claim.family(latent)].parameters}
            for p in claim.standard(latent):
                if factor["point"] and p["name"] == "value":
                    q[latent]["value"] = _point_value(claim, latent, p["indices"], sizes, rng, world)
                else:
                    domain = domains.get(p["name"]) or p.get("domain") or "real"
                    if p.get("domain") == "positive_definite":
                        domain = "positive_definite"
                    if domain == "spd" and p.get("domain"):
                        domain = p["domain"]  # of a precision that another latent of the block multiplies, say
                    q[latent][p["name"]] = random_table(domain, p["indices"], sizes, rng, wide)
    return q


class _Complete:
    """The scope of a complete conditional: every latent has its value, and an expectation is what is averaged."""

    def __init__(self, world: _World, claim: Claim) -> None:
        self.engine, self.sizes, self.element = world.engine, world.sizes, world.element
        self.specs = {(f["name"], m["key"]): m for f in claim.factors for m in f["moments"]}
        self.params: dict[tuple[str, str], dict[Position, Value]] = {}

    def moment(self, factor: str, key: str, at: Position) -> Value:
        spec = self.specs[factor, key]
        return evaluate(spec["pattern"], self, {i: p for (i, _), p in zip(spec["indices"], at, strict=True)})

    def param(self, latent: str, name: str, at: Position) -> Value:
        return self.params[latent, name][at]

    def expectation(self, expr: Plain, binding: Binding) -> Value:
        return evaluate(expr, self, binding)


def _coefficients(
    claim: Claim, factor: Mapping[str, Any], latent: str, sizes: Mapping[str, int], other: _World
) -> dict[str, Table]:
    """The claimed coefficients of the statistics of a latent, near those of another world."""
    scope = _Complete(other, claim)
    found: dict[str, Table] = {}
    own = (p for p in factor["parameters"] if p["latent"] == latent)
    for p in (p for p in own if p["role"] in ("auxiliary", "standard")):
        table = {
            tuple(b[i] for i, _ in p["indices"]): evaluate(p["value"], scope, b)
            for b in bindings(p["indices"], sizes, {})
        }
        scope.params[latent, p["name"]] = table
        if p["role"] == "standard":
            found[p["name"]] = {at: Fraction(float(x)).limit_denominator(997) for at, x in table.items()}
    return found


def _point_value(
    claim: Claim, latent: str, axes: Axes, sizes: Mapping[str, int], rng: np.random.Generator, world: _World
) -> Table:
    v = claim.variables[latent]
    if claim.selects(latent) and len(axes) > len(claim.axes(latent)):
        size = size_of(sizes, axes[-1][1])
        chosen = {at: int(rng.integers(size)) for at in positions(axes[:-1], sizes)}
        return {at: Fraction(int(chosen[at[:-1]] == at[-1])) for at in positions(axes, sizes)}
    if v["distribution"] is not None and FAMILIES[v["distribution"]["name"]].support in (
        "interval",
        "outside",
        "above",
    ):
        return dict(world.values[latent])
    domain = v["domain"] if v["domain"] in (*RANGES, "positive_definite", "simplex") else "real"
    return random_table(domain, axes, sizes, rng)
