"""Well-formed random models over the whole language: a grammar of small productions, one function each.

A production adds a line or two to the scope. `draw(seed)` gives the program: latents, observations until something
refers to every latent, and the call that derives it with a random factorisation.
"""

import random
import re

from random_chains import CHAINS
from random_latents import LATENTS, PLATES
from random_observed import OBSERVED
from random_scope import Drawn, Program, Scope

LARGEST = 6
FIRST = LATENTS | CHAINS
SCALES = ("precision", "variance", "matrix", "covariance")


def draw(seed: int) -> Program:
    """The program of a seed."""
    s = Scope(random.Random(seed))
    s.theme = s.random.sample(PLATES, 3)
    nodes = s.random.randint(1, 4)
    while len(s.drawn) < nodes:
        s.random.choices(list(FIRST), list(FIRST.values()))[0](s)
    while not s.observed or (s.unused and len(s.drawn) + len(s.observed) < LARGEST):
        s.random.choices(list(OBSERVED), list(OBSERVED.values()))[0](s)
    return s.program(call(s))


def call(s: Scope) -> str:
    """How it is derived: the factorisation and what is integrated out."""
    latents = [v for v in s.drawn if not v.name.startswith("o")]
    reals = [v for v in latents if v.kind == "real"]
    kinds = [_one, _split, _several, _several, _with_scale, _with_scale, _tables, _tables]
    options = [options for kind in kinds if (options := kind(s, reals, latents))]
    if options and s.chance(0.6):
        blocks = [s.pick(s.pick(options)) for _ in range(s.pick([1, 1, 2]))]
        names = [set(re.findall(r"[a-zA-Z]\d+", b)) for b in blocks]
        if len(names) > 1 and names[0] & names[1]:
            blocks = blocks[:1]
        return f"derived = derive(m, factors=[{', '.join(blocks)}])"
    if len(latents) > 1 and s.chance(0.08):
        return f'derived = derive(m, marginalise=["{s.pick(latents).name}"])'
    return "derived = derive(m)"


def _one(s: Scope, reals: list[Drawn], latents: list[Drawn]) -> list[str]:
    return [f'"{v.name}"' for v in reals]


def _split(s: Scope, reals: list[Drawn], latents: list[Drawn]) -> list[str]:
    return [f"{v.name}.split({s.pick(list(v.axes))})" for v in reals if v.axes and s.chance(0.3)]


def _several(s: Scope, reals: list[Drawn], latents: list[Drawn]) -> list[str]:
    """Latent reals of one line, or any."""
    found = []
    for line in s.lines:
        together = [v for v in reals if re.search(rf"\b{v.name}\b", line)]
        if len(together) > 1:
            found += [_names(together)] * 2
    return found + ([_names(s.random.sample(reals, 2))] if len(reals) > 1 and s.chance(0.2) else [])


def _with_scale(s: Scope, reals: list[Drawn], latents: list[Drawn]) -> list[str]:
    """Reals with the scale that their own declaration mentions."""
    found = []
    for t in (v for v in latents if v.kind in SCALES):
        lines = [line for line in s.lines if "m.latent" in line and re.search(rf"\b{t.name}\b", line.partition("=")[2])]
        given = [v for v in reals if any(line.startswith(f"{v.name} =") for line in lines)]
        if given:
            found += [_names([s.pick(given), t])] * 2 + ([_names([*given, t])] if len(given) > 1 else [])
    return found


def _tables(s: Scope, reals: list[Drawn], latents: list[Drawn]) -> list[str]:
    """Two categories, or a category with a real."""
    groups = [v for v in latents if v.kind == "category"]
    found = [_names([s.pick(groups), s.pick(reals)])] if groups and reals and s.chance(0.3) else []
    return found + ([_names(s.random.sample(groups, 2))] * 2 if len(groups) > 1 else [])


def _names(variables: list[Drawn]) -> str:
    return f"({', '.join(repr(v.name) for v in variables)})".replace("'", '"')
