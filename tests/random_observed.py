"""Productions of random observations: numbers, counts, tokens, vectors, pairs and series of them."""

from random_chains import starts
from random_expressions import category_probs, mean, positive, precision_matrix, precision_of, probability, vector
from random_scope import Drawn, Scope


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
    family = s.pick(["Exponential({})", "Gamma(2.5, {})", "Weibull(1.4, {})", "Gamma(a_0, {})", "Pareto({}, 0.01)"])
    s.observe(family.format(positive(s, plates)), plates, weight)


def log_normal_data(s: Scope) -> None:
    plates, weight = plates_seen(s)
    s.observe(f"LogNormal({mean(s, plates, 1)}, {positive(s, plates)})", plates, weight)


def other_data(s: Scope) -> None:
    """Families with a scale or a direction of their own."""
    plates, weight = plates_seen(s)
    options = [f"HalfNormal({positive(s, plates)})"]
    options += [f"Laplace(0.3, {v})" for v in s.elements(plates, "variance")] * 2
    options += [f"VonMises({v}, 1.2)" for v in s.elements(plates, "angle")] * 9
    s.observe(s.pick(options), plates, weight)


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
    probs, over = category_probs(s, plates)
    total = "total[n]" if "n" in plates and s.chance(0.5) else "3"
    if s.chance(0.5):
        s.observe(f"Multinomial({total}, {probs})", plates, weight)
    else:
        name = s.observe(f"Categorical({probs})", plates, weight)
        s.gathers += [(name, over, plates[0])] * 2 if len(plates) == 1 else []


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


def copied_rows(s: Scope) -> None:
    """Rows that stand for several copies each, with a category of their own."""
    probs, over = category_probs(s, ("n",))
    z = Drawn(s.name("z"), "category", ("n",), over=over)
    s.declare(z, f"Categorical({probs})", options=", weight=copies[n]")
    w = s.declare(Drawn(s.name("w"), "real", (over,)), f"Normal({s.number()}, {precision_of(s, (over,))})")
    s.observe(f"Normal({w.name}[{z.name}[n]], {precision_of(s, ('n',))})", ("n",), ", weight=copies[n]")


OBSERVED = {normal_data: 40, positive_data: 6, log_normal_data: 2, counts: 10, trials: 8, tokens: 6, vector_data: 12}
OBSERVED |= {
    pairs: 5,
    autoregression: 3,
    added_counts: 2,
    other_data: 4,
    copied_rows: 2,
    crossed_effects: 7,
    hidden_factors: 4,
}
