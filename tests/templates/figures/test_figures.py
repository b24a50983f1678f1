"""The drawn data, read back from the pictures, satisfy the theory; the text is legible; mutations show."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import sympy
from matplotlib.text import Text

from cavi.derive import derive, identities
from cavi.derive.errors import CaviError
from cavi.derive.identities.language import KL
from cavi.derive.result import Derived
from cavi.models import data as library
from cavi.models import load as model
from cavi.templates import figures
from cavi.templates.figures import observations
from cavi.templates.figures.labels import claim, formula
from cavi.templates.figures.runs import run

FOLDER = Path(figures.__file__).parent


@cache
def drawn(name):
    return figures.draw(name)


def artists(figure, gid):
    return [a for a in figure.findobj(lambda a: a.get_gid() == gid)]


def line(figure, gid, panel=0):
    return artists(figure, gid)[panel].get_xydata().T


def contents(figure):
    """All the numbers in a picture."""
    found = []
    for a in figure.findobj(lambda a: a.get_gid() is not None):
        if hasattr(a, "get_xydata"):
            found.append(np.ravel(a.get_xydata()))
        elif hasattr(a, "get_height"):
            found.append(np.array([a.get_y(), a.get_height()]))
        elif hasattr(a, "get_paths"):
            found.extend(np.ravel(p.vertices) for p in a.get_paths())
    return np.concatenate(found)


def shown_texts(figure):
    hidden = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            outside = [t for t in axis.get_major_ticks() if not low <= t.get_loc() <= high]
            hidden |= {label for tick in outside for label in (tick.label1, tick.label2)}
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in hidden]


# --- what is drawn is true -----------------------------------------------------------------------


def test_chords_lie_above_the_convex_and_below_the_concave_function():
    figure = drawn("convex_concave")
    for panel, sign, f in ((0, 1, lambda u: u * np.log(u)), (1, -1, np.log)):
        x, y = line(figure, "chord", panel)
        assert np.all(sign * (y - f(x))[1:-1] > 0)
        np.testing.assert_allclose(y[[0, -1]], f(x[[0, -1]]), atol=1e-12)
        u, v = line(figure, "function", panel)
        np.testing.assert_allclose(v, f(u), atol=1e-12)
        (at, _), (on_curve, on_chord) = line(figure, "gap", panel)
        assert on_curve == pytest.approx(f(at), abs=1e-12)
        assert on_chord == pytest.approx(np.interp(at, x[::-1], y[::-1]), abs=1e-9)
    words = [ax.get_title() for ax in figure.axes]
    assert "strictly convex" in words[0] and "strictly concave" in words[1]
    assert formula(1 / sympy.Symbol("u"), ">", sympy.S.Zero) in words[0]


def test_the_jensen_gap_is_between_curve_and_mean():
    figure = drawn("jensen_gap")
    truth = [(9 / 4, np.log(9 / 4), (np.log(1 / 4) + np.log(17 / 4)) / 2), (2, np.log(2), 1 - np.euler_gamma)]
    for panel, (mean, upper, lower) in enumerate(truth):
        assert line(figure, "upper", panel).ravel() == pytest.approx([mean, upper], abs=1e-3)
        assert line(figure, "lower", panel).ravel() == pytest.approx([mean, lower], abs=1e-3)
        u, tangent = line(figure, "tangent", panel)
        assert np.all(tangent >= np.log(u) - 1e-12)
        if panel == 1:
            assert np.interp(mean, u, tangent) == pytest.approx(upper, abs=1e-5)


def exact_posterior():
    """By completing the square, apart from the package."""
    x = np.array(observations.PASSAGE_TIMES)
    precision = 1 / 49 + len(x) / 36
    mean = (20 / 49 + x.sum() / 36) / precision
    covariance = 36 * np.eye(len(x)) + 49
    centred = x - 20
    evidence = -0.5 * (
        centred @ np.linalg.solve(covariance, centred) + np.linalg.slogdet(covariance)[1] + len(x) * np.log(2 * np.pi)
    )
    return mean, precision**-0.5, evidence


def test_bars_end_at_the_evidence():
    figure = drawn("evidence_split_bar")
    _, _, evidence = exact_posterior()
    elbo, kl = (artists(figure, g) for g in ("elbo", "kl"))
    tops = [b.get_y() + b.get_height() for b in kl]
    np.testing.assert_allclose(tops, evidence, atol=1e-9)
    np.testing.assert_allclose([b.get_y() + b.get_height() for b in elbo], [b.get_y() for b in kl], atol=1e-12)
    assert all(b.get_height() > 0.1 for b in kl[:-1])
    assert abs(kl[-1].get_height()) < 1e-9
    assert artists(figure, "evidence")[0].get_ydata()[0] == pytest.approx(evidence, abs=1e-9)


def test_bound_and_divergence_add_up_and_the_posterior_is_best():
    figure = drawn("evidence_split_curve")
    mean, spread, evidence = exact_posterior()
    for panel, best in enumerate((mean, spread)):
        x, elbo = line(figure, "elbo", panel)
        _, kl = line(figure, "kl", panel)
        assert np.ptp(elbo + kl) < 1e-8
        np.testing.assert_allclose(elbo + kl, evidence, atol=1e-8)
        np.testing.assert_allclose(line(figure, "sum", panel)[1], evidence, atol=1e-8)
        assert kl.min() >= -1e-9
        assert abs(x[elbo.argmax()] - best) <= x[1] - x[0]
        assert artists(figure, "posterior")[panel].get_xdata()[0] == pytest.approx(best, abs=1e-6)


def moments(x, density):
    mass = density / density.sum()
    mean = (mass * x).sum()
    return mean, (mass * (x - mean) ** 2).sum()


def test_the_forward_projection_matches_moments_and_the_reverse_ones_are_narrower():
    figure = drawn("kl_forward_reverse")
    target, forward, one, two = (moments(*line(figure, g)) for g in ("target", "forward", "reverse 1", "reverse 2"))
    np.testing.assert_allclose(forward, target, atol=1e-6)
    assert one[1] < forward[1] and two[1] < forward[1]
    assert one[0] == pytest.approx(-2, abs=0.2) and two[0] == pytest.approx(2.5, abs=0.3)


def test_reverse_projections_are_local_minima_of_the_divergence():
    figure = drawn("kl_forward_reverse")
    x, r = line(figure, "target")
    step = x[1] - x[0]

    def divergence(mean, variance):
        log_q = -0.5 * (x - mean) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
        return (np.exp(log_q) * (log_q - np.log(r))).sum() * step

    for gid in ("reverse 1", "reverse 2"):
        mean, variance = moments(*line(figure, gid))
        least = divergence(mean, variance)
        for moved in ((0.02, 1), (-0.02, 1), (0, 1.03), (0, 0.97)):
            assert divergence(mean + moved[0], variance * moved[1]) > least


def radius(figure, gid):
    return max(abs(p.vertices).max() for p in artists(figure, gid)[0].get_paths())


def test_mean_field_is_too_narrow_by_the_lost_correlation():
    figure = drawn("kl_correlated")
    # Nine tenths of a standard Normal in the plane lie within the square root of 2 log 10.
    standard = np.sqrt(2 * np.log(10))
    assert radius(figure, "forward") == pytest.approx(standard, rel=5e-3)
    assert radius(figure, "reverse") == pytest.approx(standard * np.sqrt(1 - 0.81), rel=2e-2)
    assert radius(figure, "truth") == pytest.approx(standard, rel=2e-2)


def test_of_one_model_the_forward_projection_has_the_moments_of_the_posterior_and_the_reverse_one_is_narrower():
    left, right = drawn("kl_one_model").axes
    curves = {line.get_gid(): line for line in left.lines}
    x = curves["forward"].get_xdata()
    h = 3.0 * x  # the one observation is y = 1 at x = 3, the prior variance 16
    log_p = -(x**2) / 32 - np.logaddexp(0.0, -h)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    spread = {"posterior": (p @ x, np.sqrt(p @ x**2 - (p @ x) ** 2))}
    for side, line in curves.items():
        q = line.get_ydata() / line.get_ydata().sum()
        spread[side] = q @ x, np.sqrt(q @ x**2 - (q @ x) ** 2)
    assert spread["forward"] == pytest.approx(spread["posterior"], rel=1e-6)
    assert spread["reverse"][1] < 0.9 * spread["posterior"][1]
    outer = {c.get_gid(): np.ptp(c.get_paths()[0].vertices, axis=0) for c in right.collections if c.get_gid()}
    assert (outer["reverse"] < outer["forward"]).all()


def test_em_bounds_touch_and_stay_below_and_climb():
    figure = drawn("em_bounds")
    theta, likelihood = line(figure, "likelihood")

    def log_likelihood(t):
        x = np.array(observations.GALAXIES)
        parts = [
            np.log(w) - 0.5 * (x - m) ** 2 / v - 0.5 * np.log(2 * np.pi * v)
            for w, m, v in ((1 / 3, t, 4), (2 / 3, 21, 25))
        ]
        return np.logaddexp(*parts).sum()

    np.testing.assert_allclose(likelihood, [log_likelihood(t) for t in theta], atol=1e-10)
    heights = []
    for step in range(3):
        _, bound = line(figure, f"bound {step}")
        seen = np.isfinite(bound)
        assert seen.sum() > 20 and np.all(bound[seen] <= likelihood[seen] + 1e-10)
        (t,), (value,) = line(figure, f"touch {step}")
        assert value == pytest.approx(log_likelihood(t), abs=1e-9)
        (best,), (top,) = line(figure, f"maximum {step}")
        assert top >= np.nanmax(bound) - 1e-9
        if step < 2:
            assert line(figure, f"touch {step + 1}")[0][0] == best
        heights.append(value)
    assert heights == sorted(heights)


def number_in(text):
    return float(re.search(r"-?\d+\.\d+", text).group())


def test_the_factorised_optimum_is_below_the_evidence_and_climbs():
    figure = drawn("mean_field_ellipse")
    bounds = [number_in(t.get_text()) for t in artists(figure, "bound")]
    assert len(bounds) == 4 and bounds == sorted(bounds)
    hyper = {"m_0": 25.0, "kappa_0": 0.1, "a_0": 2.0, "b_0": 20.0}
    exact = run(derive(model("normal"), factors=[("mu", "tau")]))
    fit = exact.fit({"x": np.array(observations.PASSAGE_TIMES)}, hyper)
    assert bounds[-1] < fit.elbo < bounds[-1] + 0.5
    # The exact posterior is widest in the mean at small precision: the factorised one cannot be.
    top = [max(p.vertices[:, 0].max() for p in artists(figure, g)[-1].get_paths()) for g in ("posterior", "q")]
    assert top[0] > top[1]
    rings = artists(figure, "posterior")[0].get_paths()
    centre = np.mean([p.vertices[:, 0].mean() for p in rings if len(p.vertices)])
    assert centre == pytest.approx(float(fit.params["mu"]["mean"]), abs=0.1)


def test_the_path_moves_along_one_axis_at_a_time_and_climbs():
    figure = drawn("elbo_path")
    a, b = line(figure, "path")
    moved = np.stack([np.diff(a), np.diff(b)])
    assert np.all(moved[1, ::2] == 0) and np.all(moved[0, 1::2] == 0)
    assert np.abs(moved[:, 0]).max() > 5
    # The exact posterior mean of two effects with the same prior: both the same.
    x = np.array(observations.PASSAGE_TIMES)
    best = (0.02 * 12 + 0.03 * x.sum()) / (0.02 + 2 * 0.03 * len(x))
    distance = np.hypot(a - best, b - best)
    assert distance[-1] < 1 and np.all(np.diff(distance[1:]) < 0)
    contour = artists(figure, "elbo")[0]
    inner = contour.get_paths()[-1].vertices.mean(axis=0)
    np.testing.assert_allclose(inner, best, atol=0.3)
    log_p = -(0.02 * ((a - 12) ** 2 + (b - 12) ** 2) + 0.03 * ((x[:, None] - a - b) ** 2).sum(axis=0)) / 2
    assert np.all(np.diff(log_p) > 0)


def test_more_samples_tighten_and_orders_are_ordered():
    figure = drawn("importance_weighted")
    k, weighted = line(figure, "weighted")
    evidence, elbo = (artists(figure, g)[0].get_ydata()[0] for g in ("evidence", "elbo"))
    assert weighted[0] == pytest.approx(elbo, abs=1e-10)
    assert np.all(np.diff(weighted) > 0) and weighted[-1] < evidence
    alpha, power = line(figure, "power")
    assert np.all(np.diff(power) < 0) and power[-1] > elbo
    assert np.all((power < evidence) == (alpha > 0))
    assert line(figure, "order zero")[1][0] == pytest.approx(evidence, abs=1e-10)


def test_quadratic_bounds_of_the_logistic_function():
    figure = drawn("logistic_bounds")
    for panel, sign in ((0, 1), (1, -1)):
        x, function = line(figure, "function", panel)
        _, bound = line(figure, "bound", panel)
        np.testing.assert_allclose(function, -sign * np.logaddexp(0, -sign * x), atol=1e-12)
        assert np.all(sign * (function - bound) >= -1e-12)
        np.testing.assert_allclose(np.diff(bound, 3), 0, atol=1e-9)
        at, touched = line(figure, "contact", panel)
        np.testing.assert_allclose(touched, -sign * np.logaddexp(0, -sign * at), atol=1e-12)
    assert list(line(figure, "contact")[0]) == [-2.5, 2.5]


# --- the picture comes from the derived expressions ----------------------------------------------


def with_end(change):
    def mutate(identity):
        last = replace(identity.steps[-1], after=change(identity.end))
        return replace(identity, steps=(*identity.steps[:-1], last))

    return mutate


def turned(e):
    return e.replace(lambda n: isinstance(n, KL), lambda n: KL(*reversed(n.args)))


def doubled(e):
    inside = e.args[0]
    return sympy.log(inside.func(2 * inside.body, inside.law))


MUTATIONS = [
    ("convex_concave", "chord", lambda i: replace(i, start=i.start * sympy.Rational(9, 10))),
    ("convex_concave", "chord", with_end(lambda e: e.func(*e.args[:2], 2 * e.args[2]))),
    ("jensen_gap", "jensen_logarithm", lambda i: replace(i, start=i.start.func(2 * i.start.body, i.start.law))),
    (
        "jensen_gap",
        "jensen_logarithm",
        with_end(doubled),
    ),
    ("evidence_split_bar", "elbo", with_end(turned)),
    ("evidence_split_curve", "elbo", with_end(turned)),
    ("evidence_split_curve", "elbo", lambda i: replace(i, start=2 * i.start)),
    ("kl_forward_reverse", "moment_matching", with_end(lambda e: e - sympy.Rational(1, 10))),
    ("kl_forward_reverse", "mode_seeking", with_end(lambda e: e - sympy.Rational(1, 100))),
    ("kl_correlated", "gaussian_variance", with_end(lambda e: e / 2)),
    ("kl_correlated", "gaussian_variance", lambda i: replace(i, start=2 * i.start)),
    ("em_bounds", "em_bound", with_end(lambda e: e - sympy.Rational(1, 10))),
    ("importance_weighted", "importance_weighted", with_end(lambda e: e + 1)),
    ("importance_weighted", "renyi_above_elbo", lambda i: replace(i, start=i.start + 1)),
    ("logistic_bounds", "jaakkola_jordan", with_end(lambda e: e + sympy.Rational(1, 10))),
    ("logistic_bounds", "boehning", with_end(lambda e: e - sympy.Rational(1, 10))),
]


@pytest.mark.parametrize(
    "name, identity, mutate", MUTATIONS, ids=[f"{n}-{i}-{k}" for k, (n, i, _) in enumerate(MUTATIONS)]
)
def test_another_expression_makes_another_picture(monkeypatch, name, identity, mutate):
    before, load = contents(drawn(name)), identities.load
    monkeypatch.setattr(identities, "load", lambda n: mutate(load(n)) if n == identity else load(n))
    after = contents(figures.draw(name))
    assert before.shape != after.shape or not np.allclose(before, after, atol=1e-4, equal_nan=True)


@pytest.mark.parametrize("name", ["mean_field_ellipse", "elbo_path", "evidence_split_bar"])
def test_another_update_makes_another_picture(monkeypatch, name):
    before, written = contents(drawn(name)), Derived.numpy
    monkeypatch.setattr(Derived, "numpy", lambda d: written(d).replace("return x.sum()", "return 1.01 * x.sum()"))
    after = contents(figures.draw(name))
    assert before.shape != after.shape or not np.allclose(before, after, atol=1e-4, equal_nan=True)


@pytest.mark.parametrize(
    "name, identity",
    [
        ("jensen_gap", "jensen_logarithm"),
        ("evidence_split_bar", "elbo"),
        ("evidence_split_curve", "elbo"),
        ("em_bounds", "em_bound"),
    ],
)
def test_the_claim_is_written_over_the_picture(name, identity):
    assert claim(identities.load(identity)) in {t.get_text() for t in shown_texts(drawn(name))}


@pytest.mark.parametrize(
    "name, identity, sides",
    [
        ("kl_correlated", "gaussian_variance", ("start", "end")),
        ("importance_weighted", "importance_weighted", ("start", "end")),
        ("importance_weighted", "renyi_above_elbo", ("start", "end")),
        ("logistic_bounds", "jaakkola_jordan", ("start", "end")),
        ("logistic_bounds", "boehning", ("start", "end")),
    ],
)
def test_labels_are_the_expressions_drawn(name, identity, sides):
    texts = " ".join(t.get_text() for t in shown_texts(drawn(name)))
    for side in sides:
        assert formula(getattr(identities.load(identity), side)).strip("$") in texts


def test_divergences_in_labels_are_those_of_the_identities():
    texts = " ".join(t.get_text() for t in shown_texts(drawn("kl_forward_reverse")))
    for name in ("moment_matching", "mode_seeking"):
        assert formula(identities.load(name).start.args[0]).strip("$") in texts


def test_no_density_is_typed_into_a_figure():
    formulas = re.compile(r"exp\(\s*-|np\.(exp|log|sqrt)\b|\bpi\b|stats|gaussian\(|\.pdf\b|\*\* ?-?0\.5 \*")
    for path in FOLDER.glob("*.py"):
        if path.name != "evaluate.py":
            assert not formulas.search(path.read_text()), path


# --- legible -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", figures.names())
def test_text_is_large_inside_the_page_and_nowhere_on_other_text(name):
    figure = drawn(name)
    figure.canvas.draw()
    boxes = []
    for text in shown_texts(figure):
        box = text.get_window_extent()
        if box.width == 0:
            continue
        assert text.get_fontsize() >= 10, text
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, text
        boxes.append((text, box))
    for (one, a), (two, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 2 or b.y1 <= a.y0 + 2
        assert apart, (one, two)


@pytest.mark.parametrize("name", figures.names())
def test_axes_are_labelled(name):
    figure = drawn(name)
    for ax in figure.axes:
        for axis, label in ((ax.xaxis, ax.get_xlabel()), (ax.yaxis, ax.get_ylabel())):
            shared = not any(tick.label1.get_visible() for tick in axis.get_major_ticks())
            assert label or shared


# --- files ---------------------------------------------------------------------------------------


def test_files_are_the_same_every_time(tmp_path):
    told = []
    names = ["kl_correlated", "importance_weighted"]
    first = figures.save(tmp_path / "a", names, ("svg", "png", "pdf"), progress=told.append)
    second = figures.save(tmp_path / "b" / "c", names, ("svg", "png", "pdf"))
    assert told == names
    assert [p.name for p in first] == [f"{n}.{k}" for n in names for k in ("svg", "png", "pdf")]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()
        assert one.stat().st_size > 5000
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(p.name for p in first)
    assert b'id="weighted"' in (tmp_path / "a" / "importance_weighted.svg").read_bytes()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    old = tmp_path / "kl_correlated.svg"
    old.write_text("old")

    def broken(self, file, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", broken)
    with pytest.raises(CaviError, match=r"cannot write .*kl_correlated\.svg: No space left on device"):
        figures.save(tmp_path, ["kl_correlated"], ["svg"])
    assert [p.name for p in tmp_path.iterdir()] == ["kl_correlated.svg"] and old.read_text() == "old"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"names": ["elbow_path"]}, "names: found 'elbow_path'; expected some of convex_concave"),
        ({"names": "elbo_path"}, "expected a list such as"),
        ({"formats": ["gif"]}, "formats: found 'gif'; expected some of svg, png, pdf"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_anything_is_drawn(tmp_path, arguments, words):
    with pytest.raises(CaviError, match=words):
        figures.save(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(CaviError, match="cannot make the folder"):
        figures.save(tmp_path / "taken", ["elbo_path"])


def test_an_unknown_figure():
    with pytest.raises(CaviError, match="no figure 'elbo_paths'; did you mean"):
        figures.draw("elbo_paths")


def test_no_window_no_global_state_and_a_quick_import():
    code = (
        "import sys, cavi.templates.figures as f; assert 'matplotlib' not in sys.modules;"
        "f.draw('kl_correlated'); assert 'matplotlib.pyplot' not in sys.modules;"
        "import matplotlib; assert matplotlib.rcParams['font.size'] == matplotlib.rcParamsDefault['font.size']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_numbers_are_the_published_ones():
    assert list(library("normal").data["x"][:5]) == list(observations.PASSAGE_TIMES)
    velocities = np.ravel(library("gaussian_mixture").data["x"])
    assert set(observations.GALAXIES) <= set(velocities) and len(observations.GALAXIES) == 21


def test_the_list_of_figures():
    assert figures.names() == [
        "convex_concave",
        "jensen_gap",
        "evidence_split_bar",
        "evidence_split_curve",
        "kl_forward_reverse",
        "kl_correlated",
        "kl_one_model",
        "em_bounds",
        "mean_field_ellipse",
        "elbo_path",
        "importance_weighted",
        "logistic_bounds",
    ]
