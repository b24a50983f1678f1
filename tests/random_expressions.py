"""Random expressions on given plates: means, positive numbers, probabilities, vectors and matrices."""

from random_scope import COVARIATES, SIZES, Drawn, Scope

Plates = tuple[str, ...]


def mean(s: Scope, plates: Plates, terms: int) -> str:
    """A real number: a sum of terms linear in each latent."""
    text = _term(s, plates)
    for _ in range(s.random.randint(1, terms) - 1):
        text += s.pick([" + ", " + ", " - "]) + _term(s, plates)
    return text


def _term(s: Scope, plates: Plates) -> str:
    options = [f for f in (_element, _element, _element, _inner, _inner, _summed, _selected, _product) if s.chance(0.7)]
    for production in options:
        if (text := production(s, plates)) is not None:
            return text
    return s.pick([s.number(), "m_0", "0"])


def _element(s: Scope, plates: Plates) -> str | None:
    found = s.elements(plates, "real")
    if not found:
        return None
    covariates = [f"{x}[{', '.join(at)}]" for at, x in COVARIATES.items() if set(at) <= set(plates)]
    return s.pick(found) + (f" * {s.pick(covariates)}" if covariates and s.chance(0.25) else "")


def _inner(s: Scope, plates: Plates) -> str | None:
    """The inner product of a latent vector with known data, or with another latent vector."""
    axis = s.pick(["d", "q"])
    found = s.open(axis, plates, "real")
    if not found:
        return None
    left = s.pick(found)
    known = [{"d": "X[n]", "q": "F[n]"}[axis]] if "n" in plates else []
    latent = [v for v in found if v.split("[")[0] != left.split("[")[0]]
    right = [*known, *known, *latent]
    return f"dot({left}, {s.pick(right)})" if right else None


def _summed(s: Scope, plates: Plates) -> str | None:
    """A latent summed over one of its axes, alone, times known data, or times a latent switch."""
    candidates = [v for v in s.of("real") if v.axes and not v.event]
    if not candidates:
        return None
    v = s.pick(candidates)
    axis = s.pick(list(v.axes))
    if axis in plates or (text := s.element(v, (*plates, axis))) is None or f"{axis}" not in text:
        return None
    factors = []
    if axis == "d":
        factors += ["D_1[d]"] + (["X[n, d]"] if "n" in plates else [])
    factors += [y for y in s.elements((*plates, axis), "category") if y.startswith("y") and axis in y]
    return f"Sum({text}{f' * {s.pick(factors)}' if factors and s.chance(0.7) else ''}, {axis})"


def _selected(s: Scope, plates: Plates) -> str | None:
    """The mean over an axis of what the categories along it select."""
    for z in s.of("category"):
        inner = [axis for axis in z.axes if axis not in plates]
        values = [v for v in s.of("real") if len(v.axes) == 1 and z.over and SIZES[v.axes[0]] == SIZES[z.over]]
        if len(inner) == 1 and values and (at := s.element(z, (*plates, *inner))) and inner[0] in at:
            return f"Sum({s.pick(values).name}[{at}], {inner[0]}) / size({inner[0]})"
    return None


def _product(s: Scope, plates: Plates) -> str | None:
    found = s.elements(plates, "real")
    names = {e.split("[")[0] for e in found}
    if len(names) < 2:
        return None
    left = s.pick(found)
    return f"{left} * {s.pick([e for e in found if e.split('[')[0] != left.split('[')[0]])}"


def positive(s: Scope, plates: Plates) -> str:
    """A positive number: mostly a latent, sometimes a product of two or a multiple."""
    found = s.elements(plates, "precision")
    if not found or s.chance(0.1):
        return s.known()
    text = s.pick(found)
    if s.chance(0.2):
        text += f" * {s.pick(found)}" if s.chance(0.6) else f" * {s.number()}"
    return text


rate = positive


def precision_of(s: Scope, plates: Plates) -> str:
    """The scale argument of a Normal, by whichever keyword fits."""
    variances = s.elements(plates, "variance")
    if variances and s.chance(0.6):
        return f"variance={s.pick(variances)}"
    if s.chance(0.1):
        known = ["std=spread[d]"] if "d" in plates else []
        return s.pick([f"std={s.number()}", f"variance={s.number()}", "std=b_0", *known])
    return positive(s, plates)


def probability(s: Scope, plates: Plates) -> str:
    """A number between zero and one."""
    found = s.elements(plates, "unit")
    return s.pick(found) if found and s.chance(0.9) else s.pick(["0.3", "0.6"])


def category_probs(s: Scope, plates: Plates) -> tuple[str, str]:
    """The argument of a Categorical (with its over=) and the index of its categories."""
    found = []
    for v in s.of("simplex"):
        if v.axes[-1] not in plates and (text := s.element(v, plates, 1)) is not None:
            found.append((text, v.axes[-1]))
    sticks = [v for v in s.of("unit") if v.axes == ("k",)]
    if sticks and s.chance(0.5):
        return f"stick_breaking({s.pick(sticks).name})", "k"
    if found and s.chance(0.9):
        return s.pick(found)
    if not s.chance(0.4):
        over = s.pick(["k", "v"])
        shares = s.declare(Drawn(s.name("s"), "simplex", (over,), 1), f"Dirichlet({s.number()}, over={over})")
        return shares.name, over
    return (s.pick(["1 / size(k), over=k", "p_0"]), "k") if "k" not in plates else ("1 / size(l), over=l", "l")


def vector(s: Scope, axis: str, plates: Plates, terms: int) -> str:
    """A vector over an axis: latents, matrix products and sums of them."""
    options = s.open(axis, plates, "real")
    maps = [v for v in s.of("real") if len(v.axes) >= 2 and SIZES[v.axes[-2]] == SIZES[axis]]
    for v in maps:
        inner, left = v.axes[-1], s.element(v, plates, 2)
        right = [{"d": "X[n]", "e": "X[n]", "q": "F[n]"}.get(inner)] if "n" in plates else []
        right += [r for r in s.open(inner, plates, "real") if r.split("[")[0] != v.name]
        if left is not None and right and right[0]:
            options += [f"{left} @ {s.pick(right)}"] * 2
    if not options:
        return s.pick(["0", s.number()])
    text = s.pick(options)
    for _ in range(s.random.randint(1, terms) - 1):
        text += s.pick([" + ", " - "]) + s.pick(options)
    return text


def precision_matrix(s: Scope, axis: str, plates: Plates, *, bare: bool = False) -> str:
    """The precision of a vector over an axis: a number, a diagonal, a matrix, a multiple of one, or covariance=."""
    matrices = [e for v in s.of("matrix") if SIZES[v.axes[-1]] == SIZES[axis] and (e := s.element(v, plates, 2))]
    forms = [e for v in s.of("covariance") if SIZES[v.axes[-1]] == SIZES[axis] and (e := s.element(v, plates, 2))]
    scalars, diagonals = s.elements(plates, "precision"), s.open(axis, plates, "precision")
    options = [s.number(), *scalars, *[f"diag({t})" for t in diagonals] * 2, *matrices * 4]
    options += [f"{t} * {x}" for t in scalars[:1] for x in matrices[:1]]
    if SIZES[axis] == "D":
        options += ["S_0"] + [f"{t} * S_0" for t in scalars[:1]]
    if not bare:
        options += [f"covariance={v}" for v in forms] * 4
        options += [f"covariance={s.number()}"] + (["covariance=S_0"] if SIZES[axis] == "D" else [])
    return s.pick(options)
