"""Productions of random chains: categories, numbers and vectors, one sequence or several laid end to end."""

from random_expressions import precision_matrix, precision_of
from random_scope import SIZES, Drawn, Scope


def chain_of_categories(s: Scope) -> None:
    plates = s.pick([("t",), ("t",), ("g", "t")])
    here = plates[:-1]
    rows = Drawn(s.name("s"), "simplex", (*s.pick([(), here]), "k", "l"), 1)
    s.declare(rows, f"Dirichlet({s.number()}, over=l)")
    initial = "Categorical(1 / size(k), over=k)"
    if s.chance(0.5):
        first = s.declare(Drawn(s.name("s"), "simplex", ("k",), 1), f"Dirichlet({s.pick([s.number(), 'a_1'])}, over=k)")
        initial = f"Categorical({first.name})"
    name = s.name("z")
    before = f"{name}[{', '.join((*here, 't - 1'))}]"
    step = f"lambda {name}: Categorical({rows.name}[{', '.join((*rows.axes[:-2], before))}], over=k)"
    s.declare(Drawn(name, "category", plates, over="k"), step, options=f", initial={initial}{starts(s)}")


def chain_of_numbers(s: Scope) -> None:
    name, plates = s.name("w"), s.pick([("t",), ("t",), ("g", "t")])
    here = [p for p in plates if p != "t"]
    before = f"{name}[{', '.join((*here, 't - 1'))}]"
    slope = s.elements(tuple(here), "real")
    centre = s.pick([before, before, f"{s.number()} * {before}", *[f"{a} * {before}" for a in slope]])
    step = f"lambda {name}: Normal({centre}, {precision_of(s, tuple(here))})"
    initial = f"Normal({s.pick(['0', 'm_0'])}, {s.number()})"
    s.declare(Drawn(name, "real", plates), step, options=f", initial={initial}{starts(s)}")


def chain_of_vectors(s: Scope) -> None:
    name = s.name("f")
    maps = [v.name for v in s.of("real") if [SIZES[a] for a in v.axes] == ["D", "D"]]
    before = f"{name}[t - 1]"
    centre = s.pick([before, *[f"{a} @ {before}" for a in maps] * 2])
    step = f"lambda {name}: MultivariateNormal({centre}, {precision_matrix(s, 'd', ())}, over=d)"
    initial = f"MultivariateNormal(0, {s.number()}, over=d)"
    s.declare(Drawn(name, "real", ("t", "d"), 1), step, options=f", initial={initial}{starts(s)}")


def starts(s: Scope) -> str:
    return ", starts=start" if s.chance(0.2) else ""


CHAINS = {chain_of_categories: 3, chain_of_numbers: 4, chain_of_vectors: 2}
