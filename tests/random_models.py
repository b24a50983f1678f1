"""Well-formed random models over the whole language: a grammar of small productions, one function each.

A production adds a line or two to the scope, or declines by returning False. `draw(seed)` gives the program.
"""

import random
import re

from random_expressions import category_probs, mean, positive, precision_matrix, precision_of, probability, rate, vector
from random_scope import SIZES, Drawn, Program, Scope

PLATES = [(), ("k",), ("d",), ("g",), ("h",), ("n",), ("k", "d"), ("k", "l"), ("g", "d"), ("d", "q"), ("k", "g")]
LARGEST = 6


def draw(seed: int) -> Program:
    """The program of a seed."""
    s = Scope(random.Random(seed))
    s.theme = s.random.sample(PLATES, 3)
    nodes = s.random.randint(1, 4)
    while len(s.drawn) < nodes:
        s.random.choices(list(LATENTS), list(LATENTS.values()))[0](s)
    while not s.observed or (s.unused and len(s.drawn) + len(s.observed) < LARGEST):
        s.random.choices(list(OBSERVED), list(OBSERVED.values()))[0](s)
    return s.program(call(s))


def plates_of(s: Scope, *options: tuple[str, ...]) -> tuple[str, ...]:
    liked = [p for p in options or PLATES if p in s.theme]
    return s.pick(liked if liked and s.chance(0.7) else list(options or PLATES))


# --- latents ---------------------------------------------------------------------------------------------------------


def normal(s: Scope) -> None:
    plates = plates_of(s)
    s.declare(Drawn(s.name("w"), "real", plates), f"Normal({mean(s, plates, 1)}, {precision_of(s, plates)})")


def scale(s: Scope) -> None:
    plates = plates_of(s, (), (), ("k",), ("d",), ("g",), ("n",), ("k", "d"), ("q",), ("q",), ("d",))
    kind = s.random.random()
    if kind < 0.6:
        s.declare(Drawn(s.name("t"), "precision", plates), f"Gamma({shape(s)}, {rate(s, plates)})")
    elif kind < 0.75:
        s.declare(Drawn(s.name("t"), "precision", plates), f"Exponential({rate(s, plates)})")
    else:
        s.declare(Drawn(s.name("r"), "variance", plates), f"InverseGamma({shape(s)}, {rate(s, plates)})")


def shape(s: Scope) -> str:
    return s.pick([s.number(), "a_0", "2"])


def normal_with_scale(s: Scope) -> None:
    """A Normal whose precision is a multiple of a latent of its own, as in a Normal-Gamma."""
    plates = plates_of(s, (), ("k",), ("d",), ("g",), ("d", "q"), ("k", "d"))
    t = Drawn(s.name("t"), "precision", s.pick([(), plates, plates[:1]]))
    s.declare(t, f"Gamma({shape(s)}, {s.number()})")
    factor = s.pick(["", "", f"{s.number()} * "])
    centre = mean(s, plates, 1) if s.chance(0.4) else s.pick(["0", "m_0"])
    s.declare(Drawn(s.name("w"), "real", plates), f"Normal({centre}, {factor}{s.element(t, t.axes)})")


def two_levels(s: Scope) -> None:
    """A category given another one."""
    rows = Drawn(s.name("s"), "simplex", ("k", s.pick(["l", "v"])), 1)
    s.declare(rows, f"Dirichlet({s.number()}, over={rows.axes[-1]})")
    plates = plates_of(s, ("n",), ("n",), ("g",))
    z = Drawn(s.name("z"), "category", plates, over="k")
    s.declare(z, "Categorical(1 / size(k), over=k)")
    inside = Drawn(s.name("z"), "category", plates, over=rows.axes[-1])
    s.declare(inside, f"Categorical({rows.name}[{s.element(z, plates)}])")


def fraction(s: Scope) -> None:
    plates = plates_of(s, (), ("k",), ("g",), ("k", "l"), ("d",), ("u",))
    s.declare(Drawn(s.name("p"), "unit", plates), f"Beta({shape(s)}, {s.pick([s.number(), 'b_0'])})")


def shares(s: Scope) -> None:
    over, other = s.pick([("k", "l"), ("v", "k"), ("l", "k"), ("k", "g"), ("v", "g")])
    plates = s.pick([(), (), (other,)])
    concentration = s.pick([s.number(), "a_0", "1"])
    s.declare(Drawn(s.name("s"), "simplex", (*plates, over), 1), f"Dirichlet({concentration}, over={over})")


def categories(s: Scope) -> None:
    plates = plates_of(s, ("n",), ("n",), ("g",), ("n", "d"), (), ("i",))
    probs, over = category_probs(s, plates)
    s.declare(Drawn(s.name("z"), "category", plates, over=over), f"Categorical({probs})")


def switches(s: Scope) -> None:
    plates = plates_of(s, ("n",), ("d",), ("g",))
    s.declare(Drawn(s.name("y"), "category", plates, over="u"), f"Bernoulli({probability(s, plates)})")


def gaussian_vector(s: Scope) -> None:
    axis = s.pick(["d", "q", "g"])
    plates = plates_of(s, (), ("n",), ("k",), ("g",) if axis != "g" else ("k",))
    centre = vector(s, axis, plates, 1) if s.chance(0.4) else s.pick(["0", s.number()])
    text = f"MultivariateNormal({centre}, {precision_matrix(s, axis, plates)}, over={axis})"
    s.declare(Drawn(s.name("f"), "real", (*plates, axis), 1), text)


def matrix_scale(s: Scope) -> None:
    plates = plates_of(s, (), (), ("k",))
    dof, form = s.pick(["nu_0", "5", "6.5"]), s.pick([s.number(), "S_0"])
    if s.chance(0.6):
        s.declare(Drawn(s.name("L"), "matrix", (*plates, "d", "e"), 2), f"Wishart({dof}, {form}, over=d)")
    else:
        s.declare(Drawn(s.name("V"), "covariance", (*plates, "d", "e"), 2), f"InverseWishart({dof}, {form}, over=d)")


def gaussian_matrix(s: Scope) -> None:
    row, column = s.pick([("d", "q"), ("q", "d"), ("d", "e")])
    text = f"{precision_matrix(s, row, (), bare=True)}, {precision_matrix(s, column, (), bare=True)}"
    s.declare(Drawn(s.name("W"), "real", (row, column), 2), f"MatrixNormal(0, {text}, over=({row}, {column}))")


def normal_gamma(s: Scope) -> None:
    plates = plates_of(s, (), ("k",), ("g",), ("d",))
    w, t = Drawn(s.name("w"), "real", plates), Drawn(s.name("t"), "precision", plates)
    joint = f"NormalGamma({s.number()}, {s.number()}, {shape(s)}, {s.number()})"
    _pair(s, w, t, joint)


def normal_wishart(s: Scope) -> None:
    plates = plates_of(s, (), ("k",))
    w = Drawn(s.name("f"), "real", (*plates, "d"), 1)
    joint = f"NormalWishart({s.pick(['0', 'm_1', s.number()])}, {s.number()}, nu_0, {s.number()}, over=d)"
    _pair(s, w, Drawn(s.name("L"), "matrix", (*plates, "d", "e"), 2), joint)


def _pair(s: Scope, w: Drawn, t: Drawn, joint: str) -> None:
    axes = "".join(f", {p}" for p in w.plates)
    s.add(f'{w.name}, {t.name} = m.latent("{w.name} {t.name}", {joint}{axes})')
    s.register(w)
    s.register(t)


def chain_of_categories(s: Scope) -> None:
    rows = Drawn(s.name("s"), "simplex", ("k", "l"), 1)
    s.declare(rows, "Dirichlet(1.2, over=l)")
    name = s.name("z")
    _, initial = None, s.pick(["Categorical(1 / size(k), over=k)", "Categorical(1 / size(k), over=k)"])
    step = f"lambda {name}: Categorical({rows.name}[{name}[t - 1]], over=k)"
    s.declare(Drawn(name, "category", ("t",), over="k"), step, options=f", initial={initial}{starts(s)}")


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


def point(s: Scope) -> None:
    plates = plates_of(s, (), ("k",), ("d",), ("g",))
    kind, prior = s.pick([("real", "Normal(0, 1.5)"), ("precision", "Gamma(2.5, 1.4)"), ("unit", "Beta(2, 3)")])
    support = {"real": "real", "precision": "positive", "unit": "unit"}[kind]
    name, axes = s.name("o"), "".join(f", {p}" for p in plates)
    declaration = prior + axes if s.chance(0.7) else f'{axes[2:]}{", " if axes else ""}support="{support}"'
    s.add(f'{name} = m.point("{name}", {declaration})')
    s.register(Drawn(name, kind, plates))


LATENTS = {normal: 22, scale: 16, fraction: 5, shares: 6, categories: 12, switches: 4, gaussian_vector: 9}
LATENTS |= {matrix_scale: 4, gaussian_matrix: 3, normal_gamma: 4, normal_wishart: 3, point: 4}
LATENTS |= {normal_with_scale: 10, two_levels: 3, chain_of_categories: 3, chain_of_numbers: 4, chain_of_vectors: 2}


# --- observations ----------------------------------------------------------------------------------------------------


def plates_seen(s: Scope) -> tuple[tuple[str, ...], str]:
    """Plates of an observation and a weight for it; along a chain if there is one that nothing refers to yet."""
    if any("t" in v.axes and v.name in s.unused for v in s.drawn):
        plates = s.pick([("t",), ("t",), ("g", "t")])
    else:
        plates = s.pick([("n",)] * 6 + [("n", "d"), ("n", "d"), ("g",), ("d",), ("n", "q"), ("t",)])
    weights = {("n",): "seen[n]", ("n", "d"): "mask[n, d]", ("t",): "here[t]"}
    weight = weights.get(plates) if s.chance(0.12) else None
    return plates, f", weight={weight}" if weight else ""


def normal_data(s: Scope) -> None:
    plates, weight = plates_seen(s)
    s.observe(f"Normal({mean(s, plates, 3)}, {precision_of(s, plates)})", plates, weight)


def positive_data(s: Scope) -> None:
    plates, weight = plates_seen(s)
    family = s.pick(["Exponential({})", "Gamma(2.5, {})", "Weibull(1.4, {})", "Gamma(a_0, {})"])
    s.observe(family.format(positive(s, plates)), plates, weight)


def log_normal_data(s: Scope) -> None:
    plates, weight = plates_seen(s)
    s.observe(f"LogNormal({mean(s, plates, 1)}, {positive(s, plates)})", plates, weight)


def counts(s: Scope) -> None:
    plates, weight = plates_seen(s)
    exposure = " * hours[n]" if "n" in plates and s.chance(0.3) else ""
    s.observe(f"Poisson({positive(s, plates)}{exposure})", plates, weight)


def trials(s: Scope) -> None:
    plates, weight = plates_seen(s)
    p = probability(s, plates)
    total = "total[n]" if "n" in plates and s.chance(0.5) else "3"
    family = s.pick([f"Bernoulli({p})", f"Binomial({total}, {p})", f"Geometric({p})", f"NegativeBinomial(2, {p})"])
    s.observe(family, plates, weight)


def tokens(s: Scope) -> None:
    plates, weight = plates_seen(s)
    probs, _ = category_probs(s, plates)
    total = "total[n]" if "n" in plates and s.chance(0.5) else "3"
    s.observe(s.pick([f"Categorical({probs})", f"Multinomial({total}, {probs})"]), plates, weight)


def vector_data(s: Scope) -> None:
    plates, weight = (s.pick([("n",), ("n",), ("t",)]), "")
    if plates == ("n",) and s.chance(0.1):
        weight = ", weight=seen[n]"
    axis = s.pick(["d", "d", "q"])
    text = f"MultivariateNormal({vector(s, axis, plates, 2)}, {precision_matrix(s, axis, plates)}, over={axis})"
    s.observe(text, plates, weight)


def pairs(s: Scope) -> None:
    plates, where = ("i", "j"), s.pick(["", ", where=i < j", ", where=distinct(i, j)"])
    if s.chance(0.5):
        s.observe(f"Bernoulli({probability(s, plates)})", plates, where)
    else:
        s.observe(f"Normal({mean(s, plates, 2)}, {precision_of(s, plates)})", plates, where)


def autoregression(s: Scope) -> None:
    name = s.name("x")
    slope = s.pick([*s.elements(("t",), "real"), "0.7"])
    extra = f" + {mean(s, ('t',), 1)}" if s.chance(0.4) else ""
    step = f"lambda {name}: Normal({slope} * {name}[t - 1]{extra}, {precision_of(s, ('t',))})"
    s.observe(step, ("t",), f", initial=Normal(0, {s.number()}){starts(s)}")


def added_counts(s: Scope) -> None:
    name, axis = s.name("y"), s.pick(["k", "q"])
    s.declare(Drawn(name, "counts", ("n", axis)), f"Poisson({positive(s, ('n', axis))})")
    s.observe(f"Sum({name}[n, {axis}], {axis})", ("n",))


def crossed_effects(s: Scope) -> None:
    """Two effects gathered by two observed integers, of two plates or twice of one, in one likelihood."""
    left, right = s.pick([("group", "column"), ("first", "second")])
    axes = ("g", "h" if right == "column" else "g")
    effects = []
    for axis in axes:
        known = [v for v in s.drawn if v.kind == "real" and v.axes == (axis,)]
        fresh = not known or (len(s.drawn) < 4 and s.chance(0.3))
        v = Drawn(s.name("w"), "real", (axis,))
        text = f"Normal({mean(s, (), 1)}, {precision_of(s, (axis,))})" if fresh else ""
        effects.append(s.declare(v, text) if fresh else s.pick(known))
    text = f"{effects[0].name}[{left}[n]] {s.pick(['+', '+', '-', '*'])} {effects[1].name}[{right}[n]]"
    extra = f" + {mean(s, ('n',), 1)}" if s.chance(0.3) else ""
    s.observe(f"Normal({text}{extra}, {precision_of(s, ('n',))})", ("n",))


def hidden_factors(s: Scope) -> None:
    """A matrix of loadings times hidden vectors, row by row or whole."""
    f = Drawn(s.name("f"), "real", ("n", "q"), 1)
    s.declare(f, f"MultivariateNormal({s.pick(['0', '0.4'])}, {precision_matrix(s, 'q', ('n',))}, over=q)")
    w = Drawn(s.name("w"), "real", ("d", "q"))
    s.declare(w, f"Normal(0, {precision_of(s, ('d', 'q'))})")
    offset = f" + {mean(s, ('n', 'd'), 1)}" if s.chance(0.3) else ""
    if s.chance(0.5):
        s.observe(f"Normal(dot({w.name}[d], {f.name}[n]){offset}, {precision_of(s, ('n', 'd'))})", ("n", "d"))
    else:
        noise = precision_matrix(s, "d", ("n",))
        s.observe(f"MultivariateNormal({w.name} @ {f.name}[n], {noise}, over=d)", ("n",))


OBSERVED = {normal_data: 40, positive_data: 6, log_normal_data: 2, counts: 10, trials: 8, tokens: 6, vector_data: 12}
OBSERVED |= {pairs: 5, autoregression: 3, added_counts: 2, crossed_effects: 7, hidden_factors: 4}


# --- the call --------------------------------------------------------------------------------------------------------

SCALES = ("precision", "variance", "matrix", "covariance")


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
