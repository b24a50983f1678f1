"""Where a run starts: which factors must be made different from each other, read off the log joint.

Components of a mixture, topics, or columns of a factorisation can be exchanged without changing the
model; a start that treats them alike would stay there. A factor with an index over such a set is broken
by a categorical latent on that set, seeded from the data, or else by a random disturbance. Categories that some
observations carry as labels are told apart by those.

A known array with an entry for each category may tell categories apart already: prior counts of the words of a topic,
transitions that lead one way only, probabilities of each row. Whether it does depends on its numbers, so that a run
looks (`told`): what data and priors say of a category is a better start than groups that do not know their names.

A binary latent that lets another one act, as the s of s[d] w[d] in a regression that selects its variables, can only be
judged once the other has seen data: a weight as wide as its prior fits badly, and would be switched off for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cavi.derive import Derived, Update, Variable
from cavi.derive.expression import Ref, Selector
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import lookup
from cavi.derive.index import Gather, Index, Literal, Sub, indices_of
from cavi.derive.term import Element, Indicator, Moment, Polynomial
from cavi.templates.numpy.reads import beside
from cavi.templates.numpy.statistics import row_sizes

# A known array with the axes along which it runs over a set.
Known = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Seed:
    """A category that is seeded from the data, or at random.

    Attributes:
        latent: its name.
        plates: the number of its plates; what follows them, before the category itself, are the categories before it
            in a block.
        features: observed variables on its plates: (name, whether it holds categories).
        told: whether some known array has an entry for each category.
        read: the known arrays that are read at the category itself.
    """

    latent: str
    plates: int
    features: tuple[tuple[str, bool], ...]
    told: bool
    read: tuple[Known, ...]


@dataclass(frozen=True)
class Start:
    """How a factor starts when no parameters are given.

    Attributes:
        kind: ``prior``; ``assign`` (categories seeded from the data or at random); ``disturb`` (prior,
            then disturbed at random).
        seeds: the categories that are seeded.
        alike: for each set whose elements have to be made different, the known arrays that may do so; a factor is left
            as its prior has it where they do for all sets.
        gate: whether it is updated after what it lets act.
    """

    kind: str
    seeds: tuple[Seed, ...] = ()
    alike: tuple[tuple[Known, ...], ...] = ()
    gate: bool = False


def start_order(derived: Derived) -> tuple[tuple[str, ...], frozenset[str]]:
    """The factors in an order in which each can start from its prior, and those that cannot.

    A prior needs the moments of what it depends on. A block may stand on both sides of another factor; then nothing but
    a plain start is left for the first of them.
    """
    needs = {u.factor.name: _needed(u) for u in derived.updates}
    order: list[str] = []
    plain: set[str] = set()
    while len(order) < len(needs):
        left = [n for n in needs if n not in order]
        ready = next((n for n in left if needs[n] <= {*order, n}), None)
        if ready is None or ready in needs[ready]:
            ready = ready or left[0]
            plain.add(ready)
        order.append(ready)
    return tuple(order), frozenset(plain)


def local_factors(derived: Derived) -> tuple[str, ...]:
    """Factors of rows of the data and of groups of them, where such depend on one another and there are others too.

    They may be updated several times for each update of what all rows share: topics of a document and of its words.
    """
    random = [v.over.size for v in derived.model.variables if v.is_random and _is_category(v) and v.over is not None]
    rows = row_sizes(derived) - set(random)
    gathers = [v for v in derived.model.with_role("observed_index") if v.over is not None and v.plates[0].size in rows]
    own = rows | {v.over.size for v in gathers if v.over is not None}
    local = tuple(u.factor.name for u in derived.updates if own & {i.size for i in u.factor.plates})
    return local if 1 < len(local) < len(derived.updates) else ()


def _needed(update: Update) -> set[str]:
    """The factors whose moments the start of a factor from its prior reads."""
    values = [f.value for f in update.initial if isinstance(f.value, Polynomial)]
    return {a.factor for p in values for a in p.atoms() if isinstance(a, Moment)} | set(beside(update))


def starts(derived: Derived) -> dict[str, Start]:
    """Factor name -> how it starts."""
    given = derived.model.with_role("observed", "covariate", "observed_index")
    named = {i.size for v in given for i in v.indices} | {v.over.size for v in given if v.over is not None}
    named |= {sub.size for p in derived.log_density.values() for sub in _read(p) if isinstance(sub, Literal)}
    latents = [derived.model.variable(n) for u in derived.updates for n in u.factor.latents]
    named |= {z.over.size for z in latents if _is_category(z) and z.over is not None}  # seeded
    mirrored, gates = _mirrored(derived), _gates(derived)
    features = {z.name for z in latents if _is_feature(z, named) and z.name not in gates}
    seeded = {i.size for z in latents if z.name in features for i in z.plates}
    found: dict[str, Start] = {}
    for u in derived.updates:
        gate = bool(gates & set(u.factor.latents))
        seeds = _seeds(derived, u, features)
        sets = _exchangeable(u, named | seeded)
        if seeds:
            found[u.factor.name] = Start("assign", seeds)
        elif mirrored & set(u.factor.latents):
            found[u.factor.name] = Start("disturb", alike=((),), gate=gate)
        elif sets:
            found[u.factor.name] = Start("disturb", alike=tuple(_known(derived, s) for s in sets), gate=gate)
        else:
            found[u.factor.name] = Start("prior", gate=gate)
    return found


def _seeds(derived: Derived, update: Update, features_of_rows: set[str]) -> tuple[Seed, ...]:
    """The categories of a factor that are seeded: in a block the first of each set, which breaks its symmetry.

    Features of rows, as the z[n,k] of Σ_k z[n,k] A[k], are seeded too: which rows share one tells it from another.
    """
    seeds: dict[object, Seed] = {}
    arrays = derived.model.with_role("hyper", "covariate")
    for position, name in enumerate(update.factor.latents):
        z = derived.model.variable(name)
        if not (_is_group(derived, z) or name in features_of_rows) or z.over is None:
            if not position:
                return ()  # what comes first says in what a block is a table
            continue
        among = z.over if _is_binary(z) else z.over.size
        if among not in seeds and not _labelled(derived, z):
            features = _features(derived, z) if position == 0 else ()
            told = any(i.size == z.over.size for v in arrays for i in v.indices)
            seeds[among] = Seed(name, len(z.plates), features, told, _at_category(derived, z))
    return tuple(seeds.values())


def _at_category(derived: Derived, z: Variable) -> tuple[Known, ...]:
    """The known arrays that densities of others read at the value of a category, as in Normal(m[z[n]], p[z[n]])."""
    found: dict[Known, None] = {}
    for ref in (r for v in derived.model.variables if v.name != z.name for r in _references(v)):
        axes = tuple(a for a, sub in enumerate(ref.subs) if isinstance(sub, Selector) and sub.name == z.name)
        if axes and not ref.variable.is_random:
            found[ref.name, axes] = None
    return tuple(found)


def _references(variable: Variable) -> Iterator[Ref]:
    """What the declared distribution of a variable is made of."""
    if variable.distribution is not None:
        for argument in variable.distribution.args.values():
            yield from argument.refs()


def _read(density: Polynomial) -> Iterator[Sub]:
    """The subscripts of arrays in a density."""
    for atom in density.atoms():
        if isinstance(atom, Element):
            yield from atom.subs


def _known(derived: Derived, size: str) -> tuple[Known, ...]:
    """The hyperparameters that have an entry for each element of a set."""
    axes = {
        v.name: tuple(n for n, i in enumerate(v.indices) if i.size == size) for v in derived.model.with_role("hyper")
    }
    return tuple((name, along) for name, along in axes.items() if along)


def _gates(derived: Derived) -> set[str]:
    """The binary latents that multiply, in the density of an observation, another latent with an element for each."""
    model = derived.model
    binary = {v.name for v in model.with_role("latent") if v.plates and _is_binary(v)}
    found = set()
    for x in model.with_role("observed"):
        density = derived.log_density.get(x.name)  # none of a sum that is observed
        for m in density.monomials if density is not None else ():
            gates = [a for a in m.atoms if isinstance(a, Indicator) and a.name in binary]
            acting = [a for a in m.atoms if isinstance(a, Element) and model.variable(a.name).role == "latent"]
            found |= {g.name for g in gates if any(_indices(g.subs) <= _indices(a.subs) for a in acting)}
    return found


def _indices(subs: tuple[Sub, ...]) -> set[Index]:
    """The indices that say which element it is, through observed integers too: s[group[d]] is told by d."""
    return {i for sub in subs for i in indices_of(sub)}


def _mirrored(derived: Derived) -> set[str]:
    """The real latents whose signs can change together without changing the log joint, as in Σ u_i v_j.

    Such a change must keep the sign of every monomial: a solution over GF(2) of one equation for each. Terms with real
    hyperparameters are left out, since these may be zero, as prior means often are.
    """
    zeros = {v.name for v in derived.model.with_role("hyper") if v.domain in ("real", "vector")}
    names = [v.name for v in derived.model.with_role("latent", "point") if v.domain == "real"]
    rows = set()
    for density in derived.log_density.values():
        for m in density.monomials:
            if any(isinstance(a, Element) and a.name in zeros for a in m.atoms):
                continue
            odd: set[str] = set()
            for atom, exponent in m.powers:
                if isinstance(atom, Element):
                    odd ^= {atom.name} & set(names) if exponent % 2 else set()
                elif not isinstance(atom, Indicator):
                    rows |= {frozenset({a.name}) for a in random_atoms(atom, names)}
            rows.add(frozenset(odd))
    solved: dict[str, frozenset[str]] = {}  # a latent -> those whose changes of sign make its own, by elimination
    for row in rows:
        for name, others in solved.items():
            if name in row:
                row = row ^ others ^ {name}
        if row:
            name = min(row)
            rest = row - {name}
            solved = {n: (o ^ {name} ^ rest if name in o else o) for n, o in solved.items()} | {name: rest}
    free = {n for n in names if n not in solved}
    return free | {n for n, others in solved.items() if others & free}


def _labelled(derived: Derived, z: Variable) -> bool:
    """Whether some observations carry the categories themselves: then those tell the groups apart.

    Answers of as many kinds as there are categories are no labels yet. They are where an array is read at the answer as
    it is at the category, or where a known table says which answers go with which category.
    """
    assert z.over is not None
    size, model = z.over.size, derived.model
    labels = [v for v in model.with_role("observed") if _is_category(v) and v.over is not None and v.over.size == size]
    known = model.with_role("hyper", "covariate")
    if any([i.size for i in v.indices].count(size) > 1 for v in known):
        return bool(labels)
    places = _places(derived, z.name)
    return any(places & _places(derived, v.name) for v in labels)


def _places(derived: Derived, name: str) -> set[tuple[str, int]]:
    """The arrays that are read at the value of a category, each with the number of the axis."""
    found = set()
    names = [v.name for v in derived.model.variables]
    for density in derived.log_density.values():
        for m in density.monomials:
            values = {a.value for a in m.atoms if isinstance(a, Indicator) and a.name == name}
            for a in (a for atom in m.atoms for a in random_atoms(atom, names)):
                read = [sub in values or (isinstance(sub, Gather) and sub.name == name) for sub in a.subs]
                found |= {(a.name, axis) for axis, here in enumerate(read) if here}
    return found


def _is_category(variable: Variable) -> bool:
    return variable.distribution is not None and variable.distribution.family == "Categorical"


def _is_binary(variable: Variable) -> bool:
    return variable.distribution is not None and lookup(variable.distribution.family).support == "binary"


def _is_feature(variable: Variable, named: set[str]) -> bool:
    """Whether a latent is binary, and has an element for each row and each of several that can be exchanged."""
    sizes = {i.size for i in variable.plates}
    return _is_binary(variable) and variable.chain is None and bool(sizes & named) and bool(sizes - named)


def _is_group(derived: Derived, variable: Variable) -> bool:
    """Whether a latent says which of several groups something belongs to: a category, or a binary one that selects."""
    if _is_category(variable):
        return True
    subs = (s for v in derived.model.variables for r in _references(v) for s in r.subs)
    return _is_binary(variable) and any(isinstance(s, Selector) and s.name == variable.name for s in subs)


def _exchangeable(update: Update, told: set[str]) -> tuple[str, ...]:
    """The sets over which a factor runs whose elements nothing tells apart, but hyperparameters perhaps."""
    if any(str(f) == "Multinomial" for f in update.families.values()):
        return ()
    axes = [i.size for i in (*update.factor.plates, *update.factor.event)]
    return tuple(size for size in dict.fromkeys(axes) if size not in told)


def _features(derived: Derived, z: Variable) -> tuple[tuple[str, bool], ...]:
    """The observations whose density selects by z and that live on z's plates."""
    found = []
    for x in derived.model.with_role("observed"):
        if x.distribution is None or x.plates[: len(z.plates)] != z.plates:
            continue
        density = derived.log_density[x.name]
        if any(_selects(m.atoms, z.name) for m in density.monomials):
            found.append((x.name, lookup(x.distribution.family).support == "category"))
    return tuple(found)


def _selects(atoms: tuple[object, ...], z: str) -> bool:
    return any(isinstance(a, Indicator) and a.name == z for a in atoms)
