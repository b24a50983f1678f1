"""Productions of random latents: numbers, vectors, matrices, categories, scales and points on random plates."""

from random_expressions import category_probs, mean, positive, precision_matrix, precision_of, probability, rate, vector
from random_scope import Drawn, Scope

PLATES = [
    (),
    ("k",),
    ("d",),
    ("g",),
    ("h",),
    ("n",),
    ("k", "d"),
    ("k", "l"),
    ("g", "d"),
    ("d", "q"),
    ("k", "g"),
    ("i",),
]


def plates_of(s: Scope, *options: tuple[str, ...]) -> tuple[str, ...]:
    liked = [p for p in options or PLATES if p in s.theme]
    return s.pick(liked if liked and s.chance(0.7) else list(options or PLATES))


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
    return s.pick([s.known(), "2"])


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
    concentration = s.pick([s.number(), "a_0", "1", *(["a_1"] if over == "k" and plates != ("k",) else [])])
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


def point(s: Scope) -> None:
    plates = plates_of(s, (), ("k",), ("d",), ("g",))
    kind, prior = s.pick([("real", "Normal(0, 1.5)"), ("precision", "Gamma(2.5, 1.4)"), ("unit", "Beta(2, 3)")])
    support = {"real": "real", "precision": "positive", "unit": "unit"}[kind]
    name, axes = s.name("o"), "".join(f", {p}" for p in plates)
    declaration = prior + axes if s.chance(0.7) else f'{axes[2:]}{", " if axes else ""}support="{support}"'
    s.add(f'{name} = m.point("{name}", {declaration})')
    s.register(Drawn(name, kind, plates))


def restricted(s: Scope) -> None:
    """A real number within bounds, or an angle."""
    plates = plates_of(s, (), ("k",), ("g",))
    if s.chance(0.7):
        text = f"TruncatedNormal(0.4, {positive(s, plates)}, {s.pick(['lower=0', 'upper=1.5', 'lower=-1, upper=2'])})"
        s.declare(Drawn(s.name("b"), "real", plates), text)
    else:
        s.declare(Drawn(s.name("v"), "angle", plates), f"VonMises(m_0, {s.number()})")


def other_scale(s: Scope) -> None:
    """A positive number of a less usual family."""
    plates = plates_of(s, (), ("k",), ("g",))
    text = s.pick(["GeneralisedInverseGaussian(0.7, 2, 1.3)", "GeneralisedInverseGaussian(-0.4, a_0, b_0)"])
    s.declare(Drawn(s.name("t"), s.pick(["precision", "variance"]), plates), text)


LATENTS = {normal: 22, scale: 16, fraction: 5, shares: 6, categories: 12, switches: 4, gaussian_vector: 9}
LATENTS |= {
    matrix_scale: 4,
    gaussian_matrix: 3,
    normal_gamma: 4,
    normal_wishart: 3,
    point: 4,
    restricted: 3,
    other_scale: 2,
}
LATENTS |= {normal_with_scale: 10, two_levels: 3}
