"""Where a run starts: which factors must be made different from each other, read off the log joint.

Components of a mixture, topics, or columns of a factorisation can be exchanged without changing the
model; a start that treats them alike would stay there. A factor with an index over such a set is broken
by a categorical latent on that set, seeded from the data, or else by a random disturbance. Categories that some
observations carry as labels are told apart by those.

A binary latent that lets another one act, as the s of s[d] w[d] in a regression that selects its variables, can only be
judged once the other has seen data: a weight as wide as its prior fits badly, and would be switched off for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from cavi.derive import Derived, Update, Variable
from cavi.derive.factorisation import random_atoms
from cavi.derive.families import lookup
from cavi.derive.index import Gather
from cavi.derive.term import Element, Indicator, Moment, Polynomial
from cavi.templates.numpy.reads import beside
from cavi.templates.numpy.statistics import row_sizes


@dataclass(frozen=True)
class Start:
    """How a factor starts when no parameters are given.

    Attributes:
        kind: ``prior``; ``assign`` (categories seeded from the data or at random); ``disturb`` (prior,
            then disturbed at random); ``gate`` (prior, and updated after what it lets act).
        features: observed variables on the plates of a category, for seeding: (name, number of
            leading axes, whether it holds categories).
    """

    kind: str
    features: tuple[tuple[str, int, bool], ...] = ()


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
    known = derived.model.with_role("observed", "covariate", "observed_index", "hyper")
    anchored = {i.size for v in known for i in v.indices} | {v.over.size for v in known if v.over is not None}
    categorical = {n: u for u in derived.updates for n in u.factor.latents if _is_category(derived.model.variable(n))}
    seeded = {v.over.size for n in categorical if (v := derived.model.variable(n)).over is not None}
    mirrored, gates = _mirrored(derived), _gates(derived)
    found: dict[str, Start] = {}
    for u in derived.updates:
        (first, *_) = u.factor.latents
        if first in categorical and not _labelled(derived, derived.model.variable(first)):
            found[u.factor.name] = Start("assign", _features(derived, derived.model.variable(first)))
        elif _exchangeable(u, anchored, seeded) or mirrored & set(u.factor.latents):
            found[u.factor.name] = Start("disturb")
        elif gates & set(u.factor.latents):
            found[u.factor.name] = Start("gate")
        else:
            found[u.factor.name] = Start("prior")
    return found


def _gates(derived: Derived) -> set[str]:
    """The binary latents that multiply, in the density of an observation, another latent with an element for each."""
    model = derived.model
    latents = [v for v in model.with_role("latent") if v.distribution is not None]
    binary = [v for v in latents if v.distribution is not None and lookup(v.distribution.family).support == "binary"]
    found = set()
    for x in model.with_role("observed"):
        density = derived.log_density.get(x.name)  # none of a sum that is observed
        for m in density.monomials if density is not None else ():
            shown = {a.name for a in m.atoms if isinstance(a, Indicator)}
            other = [model.variable(a.name) for a in m.atoms if isinstance(a, Element)]
            acting = [v for v in other if v.role == "latent"]
            found |= {b.name for b in binary if b.name in shown for v in acting if b.plates and _has(v, b)}
    return found


def _has(variable: Variable, gate: Variable) -> bool:
    """Whether a variable has an element, or several, for each of a gate."""
    sizes = [i.size for i in variable.indices]
    return all(i.size in sizes for i in gate.plates)


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


def _exchangeable(update: Update, anchored: set[str], seeded: set[str]) -> bool:
    if any(str(f) == "Multinomial" for f in update.families.values()):
        return False
    axes = {i.size for i in (*update.factor.plates, *update.factor.event)}
    return any(not s.isdigit() and s not in anchored and s not in seeded for s in axes)


def _features(derived: Derived, z: Variable) -> tuple[tuple[str, int, bool], ...]:
    """The observations whose density selects by z and that live on z's plates."""
    found = []
    for x in derived.model.with_role("observed"):
        if x.distribution is None or x.plates[: len(z.plates)] != z.plates:
            continue
        density = derived.log_density[x.name]
        if any(_selects(m.atoms, z.name) for m in density.monomials):
            found.append((x.name, len(z.plates), lookup(x.distribution.family).support == "category"))
    return tuple(found)


def _selects(atoms: tuple[object, ...], z: str) -> bool:
    return any(isinstance(a, Indicator) and a.name == z for a in atoms)
