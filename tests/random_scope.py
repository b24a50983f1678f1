"""What a random declaration may refer to: the vocabulary of indices and known data, and the variables drawn so far.

A model is a tuple of lines of Python (`Program`), so that it can be printed, shrunk and run.
"""

import random
import re
from dataclasses import dataclass, field

import cavi.derive

SIZES = {"n": "N", "k": "K", "l": "K", "d": "D", "e": "D", "q": "Q", "g": "G", "h": "H", "i": "I", "j": "I", "t": "T"}
SIZES |= {"v": "V", "u": "2"}
KNOWN = {
    **{i: f'{i} = m.index("{i}", {size if size.isdigit() else repr(size)})' for i, size in SIZES.items()},
    "X": 'X = m.covariate("X", n, d)',
    "F": 'F = m.covariate("F", n, q)',
    "c": 'c = m.covariate("c", n)',
    "D_1": 'D_1 = m.covariate("D_1", d)',
    "time": 'time = m.covariate("time", t)',
    "hours": 'hours = m.covariate("hours", n)',
    "seen": 'seen = m.covariate("seen", n)',
    "mask": 'mask = m.covariate("mask", n, d)',
    "here": 'here = m.covariate("here", t)',
    "start": 'start = m.covariate("start", t)',
    "total": 'total = m.covariate("total", n)',
    "group": 'group = m.observed_index("group", n, over=g)',
    "first": 'first = m.observed_index("first", n, over=g)',
    "second": 'second = m.observed_index("second", n, over=g)',
    "column": 'column = m.observed_index("column", n, over=h)',
    "when": 'when = m.observed_index("when", n, over=t)',
    "place": 'place = m.observed_index("place", t, over=g)',
    "a_0": 'a_0 = m.hyper("a_0")',
    "b_0": 'b_0 = m.hyper("b_0")',
    "m_0": 'm_0 = m.hyper("m_0")',
    "nu_0": 'nu_0 = m.hyper("nu_0")',
    "a_1": 'a_1 = m.hyper("a_1", k)',
    "p_0": 'p_0 = m.hyper("p_0", k)',
    "spread": 'spread = m.hyper("spread", d)',
    "copies": 'copies = m.covariate("copies", n)',
    "m_1": 'm_1 = m.hyper("m_1", d)',
    "S_0": 'S_0 = m.hyper("S_0", d, e)',
}
GATHERS = [("group", "g", "n"), ("first", "g", "n"), ("second", "g", "n"), ("column", "h", "n"), ("place", "g", "t")]
GATHERS += [("when", "t", "n")]
COVARIATES = {("n",): "c", ("d",): "D_1", ("t",): "time"}


@dataclass(frozen=True)
class Program:
    """A declaration and the call that derives it, as lines of Python in which `m` is the model."""

    lines: tuple[str, ...]

    def __str__(self) -> str:
        public = sorted({w for line in self.lines for w in re.findall(r"\w+", line)} & set(cavi.derive.__all__))
        return "\n".join((f"from cavi.derive import {', '.join(public)}", "", *self.lines)) + "\n"

    def run(self) -> dict:
        """The names after running it; `derived` is the derivation."""
        space = {name: getattr(cavi.derive, name) for name in cavi.derive.__all__}
        exec(compile("\n".join(self.lines), "<random model>", "exec"), space)
        return space


@dataclass(frozen=True)
class Drawn:
    """A variable drawn so far: its kind and the axes of its array; `event` of them belong to one value."""

    name: str
    kind: str
    axes: tuple[str, ...] = ()
    event: int = 0
    over: str = ""

    @property
    def plates(self) -> tuple[str, ...]:
        """The axes it is repeated over."""
        return self.axes[: len(self.axes) - self.event]


@dataclass
class Scope:
    """The state of a drawing: random numbers, lines and variables so far, and those nothing refers to yet.

    `theme` are the plates that latents of this drawing prefer, so that some meet in one likelihood; `gathers` the
    observed integers to select by, each with the index it points into and its own.
    """

    random: random.Random
    lines: list[str] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    unused: set[str] = field(default_factory=set)
    observed: list[str] = field(default_factory=list)
    theme: list[tuple[str, ...]] = field(default_factory=list)
    gathers: list[tuple[str, str, str]] = field(default_factory=lambda: list(GATHERS))

    def chance(self, probability: float) -> bool:
        """True as often as said."""
        return self.random.random() < probability

    def pick(self, options: list):
        """One of the options."""
        return self.random.choice(options)

    def number(self) -> str:
        """A generic positive number."""
        return str(self.random.randint(3, 24) / 10)

    def known(self) -> str:
        """A known positive number: a literal, a hyperparameter or an expression of them."""
        written = ["a_0", "a_0", "a_0 / b_0", "1 / b_0", "a_0 + 1", "sqrt(b_0)", "a_0 * b_0", "b_0**2"]
        return self.number() if self.chance(0.6) else self.pick(written)

    def name(self, prefix: str) -> str:
        """A name that is free."""
        taken = len(self.drawn) + len(self.observed)
        return f"{prefix}{taken}"

    def declare(self, variable: Drawn, text: str, *, role: str = "latent", options: str = "") -> Drawn:
        """Add a line that declares a latent."""
        axes = "".join(f", {p}" for p in variable.plates)
        self.add(f'{variable.name} = m.{role}("{variable.name}", {text}{axes}{options})')
        self.register(variable)
        return variable

    def register(self, variable: Drawn) -> None:
        """Make a variable known to later lines."""
        self.drawn.append(variable)
        self.unused.add(variable.name)

    def observe(self, text: str, plates: tuple[str, ...], options: str = "") -> str:
        """Add a line that declares an observed variable; its name."""
        name = self.name("x")
        self.observed.append(name)
        self.add(f'{name} = m.observed("{name}", {text}{"".join(f", {p}" for p in plates)}{options})')
        return name

    def add(self, line: str) -> None:
        """Add a line; what it refers to is used."""
        self.lines.append(line)
        self.unused -= set(re.findall(r"\w+", line))

    def of(self, *kinds: str) -> list[Drawn]:
        """The variables of these kinds, those that nothing refers to yet more often."""
        found = [v for v in self.drawn if v.kind in kinds]
        fresh = [v for v in found if v.name in self.unused]
        return fresh if fresh and self.chance(0.7) else found

    def subscript(self, axis: str, plates: tuple[str, ...], depth: int = 0) -> list[str]:
        """What can stand at an axis on these plates: an index, an observed integer or a category."""
        same = [p for p in plates if SIZES[p] == SIZES[axis]]
        found = [axis] * 3 if axis in plates else same * 2
        found += [f"{name}[{at}]" for name, over, at in self.gathers if SIZES[over] == SIZES[axis] and at in plates]
        for z in self.of("category"):
            if SIZES[z.over] == SIZES[axis] and depth < 2:
                inner = [self.subscript(p, plates, depth + 1) for p in z.axes]
                if all(inner):
                    found.append(z.name + _brackets([self.pick(i) for i in inner]))
        return found or (["0"] if self.chance(0.03) else [])

    def element(self, variable: Drawn, plates: tuple[str, ...], leave: int = 0) -> str | None:
        """The variable as it can stand on these plates, its last axes left open; None if it cannot."""
        axes = variable.axes[: len(variable.axes) - leave]
        options = [self.subscript(axis, plates) for axis in axes]
        return variable.name + _brackets([self.pick(o) for o in options]) if all(options) else None

    def elements(self, plates: tuple[str, ...], *kinds: str) -> list[str]:
        """Every variable of these kinds that can stand on these plates as a number."""
        return [e for v in self.of(*kinds) if (e := self.element(v, plates)) is not None]

    def open(self, axis: str, plates: tuple[str, ...], *kinds: str) -> list[str]:
        """The variables of these kinds as vectors over the set of an axis."""
        fitting = [v for v in self.of(*kinds) if v.axes and SIZES[v.axes[-1]] == SIZES[axis]]
        return [e for v in fitting if (e := self.element(v, plates, 1)) is not None]

    def program(self, call: str) -> Program:
        """All lines, after those of the vocabulary that they use."""
        body, needed = [*self.lines, call], []
        words = {w for line in body for w in re.findall(r"\w+", line)}
        for name in reversed(KNOWN):
            if name in words:
                needed.append(KNOWN[name])
                words |= set(re.findall(r"\w+", KNOWN[name]))
        return Program(('m = Model("random_model")', *reversed(needed), *body))


def _brackets(subs: list[str]) -> str:
    return f"[{', '.join(subs)}]" if subs else ""
