"""The array density of the reference is that of `verify` in high precision, its categories summed."""

import itertools
import re
from typing import Any

import mpmath
import numpy as np
import pytest
from generated import NAMES, derived_model, spread

from cavi.derive import Beta, Dirichlet, Gamma, Model, Normal, derive
from cavi.verify.arithmetic import precise, precision
from cavi.verify.calibration.declared import World
from cavi.verify.calibration.setting import make_setting
from cavi.verify.density import log_density
from cavi.verify.evaluate import bindings, evaluate
from cavi.verify.nodes import distribution_at, node_arguments
from cavi.verify.reference import sites
from cavi.verify.reference.joint import LogJoint, ReferenceError
from cavi.verify.reference.posterior import declaration, known
from cavi.verify.reference.sites import scalable

REFUSED = {  # what has no coordinates, or is no product over elements of categories
    "gaussian_mixture_em": "maximised",
    "empirical_bayes_rates": "maximised",
    "maximum_a_posteriori_mixture": "maximised",
}
REASONS = "maximised|chain of categories|several of|element by element|a function of|support|stands for|no deriv"
MOST = 300


class Precise(World):
    """The declaration in forty digits."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.engine = precise(use_flint=False)

    def element(self, name: str, at: tuple[int, ...]) -> Any:
        value = super().element(name, at)
        return value if isinstance(value, int) else self.engine.number(value)

    def log_p(self) -> Any:
        total = mpmath.mpf(0)
        for v in self.claim.nodes:
            if v["name"] in self.claim.auxiliary:
                continue
            for b in bindings(v["plates"], self.sizes, {}):
                value, args = node_arguments(v, self, b, self.claim.axes(v["name"]))
                family = distribution_at(v, self, b)["name"]
                weight = 1 if v["weight"] is None else evaluate(v["weight"], self, b)
                total += weight * log_density(self.engine, family, value, args)
        return total


def summed(world: Precise, latents: list[str]) -> Any:
    """log Σ over every assignment of categories."""
    places = [(n, at) for n in latents for at in np.ndindex(world.values[n].shape)]
    counts = [int(_categories(world, n)) for n, _ in places]
    if np.prod([float(c) for c in counts], initial=1.0) > MOST:
        pytest.skip("too many assignments to enumerate")
    terms = []
    for choice in itertools.product(*map(range, counts)):
        for (n, at), k in zip(places, choice, strict=True):
            world.values[n][at] = k
        terms.append(world.log_p())
    top = max(terms)
    return top + mpmath.log(sum(mpmath.exp(t - top) for t in terms))


def _categories(world: Precise, name: str) -> int:
    over = world.claim.variables[name]["over"]
    return world.sizes[over[1]] if over and not over[1].isdigit() else 2


@pytest.mark.parametrize("name", spread([n for n in NAMES if n not in REFUSED], 2))
def test_log_joint_of_every_model(name: str) -> None:
    derived = derived_model(name)
    try:
        setting = make_setting(derived, None, None, 3, {})
    except ValueError:
        pytest.skip("sparse data have no setting")
    world = setting.world()
    world.draw_model(np.random.default_rng(2))
    observed = {**setting.data, **setting.observed(world)}
    try:
        joint = LogJoint(declaration(derived.plain()), setting.sizes, {**setting.hyper, **observed})
    except ReferenceError as error:
        assert re.search(REASONS, str(error)), str(error)
        pytest.skip(str(error))
    latents = {p.name: world.values[p.name][None] for p in joint.parts}
    u = joint.coordinates(latents)
    for n, value in joint.latents(u).items():
        np.testing.assert_allclose(value, latents[n], rtol=1e-9, atol=1e-12)
    exact = Precise(setting.claim, setting.sizes, {**setting.hyper, **observed, **world.values})
    with precision(40):
        wanted = float(summed(exact, list(joint.summed)))
    assert joint.on_latents(u)[0] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    value, slope = joint.gradient(u)
    step = 1e-6 * np.eye(joint.size)
    with np.errstate(all="ignore"):
        wanted_slope = [float((joint(u + e)[0] - joint(u - e)[0]) / 2e-6) for e in step]
    np.testing.assert_allclose(slope[0], wanted_slope, rtol=1e-4, atol=1e-4 * (1 + abs(value[0])))


def one_latent(distribution: Any) -> LogJoint:
    """The prior of one latent, beside an observation that says nothing of it."""
    m = Model("one")
    k, n = m.index("k", "K"), m.index("n", "N")
    z = m.latent("z", distribution(m, k))
    mean = m.latent("mean", Normal(0, 1))
    m.observed("x", Normal(mean, 1), n)
    assert z is not None
    plain = derive(m).plain()
    model = declaration(plain)
    model["variables"] = [v for v in model["variables"] if v["name"] == "z"]
    return LogJoint(model, {"N": 1, "K": 3}, {})


SUPPORTS = {
    "positive": lambda m, k: Gamma(2, 3),
    "unit": lambda m, k: Beta(2, 3),
    "simplex": lambda m, k: Dirichlet(2, over=k),
    "sparse simplex": lambda m, k: Dirichlet(0.3, over=k),
}


@pytest.mark.parametrize("name", SUPPORTS)
def test_jacobians_are_those_of_the_maps(name: str) -> None:
    joint = one_latent(SUPPORTS[name])
    u = np.random.default_rng(1).normal(size=(1, joint.size)) * 0.4
    step = 1e-6

    def free(points: np.ndarray) -> np.ndarray:
        x = joint.latents(points)["z"]
        return (x[..., :-1] if "simplex" in name else x).reshape(len(points), -1)

    matrix = np.array([(free(u + e)[0] - free(u - e)[0]) / (2 * step) for e in step * np.eye(joint.size)])
    assert joint(u)[0] - joint.on_latents(u)[0] == pytest.approx(np.linalg.slogdet(matrix)[1], abs=1e-6)
    far = joint.latents(8.0 * u)
    np.testing.assert_allclose(joint.coordinates(far), 8.0 * u, rtol=1e-6, atol=1e-6)


def test_the_jacobian_of_a_positive_definite_matrix() -> None:
    from cavi.verify.reference.coordinates import Part, mapped
    from cavi.verify.reference.tape import Tape

    part, tape = Part("x", "positive_definite", (3, 3), 0), Tape(6)
    value, height = mapped(part, tape.input)
    u = np.random.default_rng(1).normal(size=(1, 6)) * 0.4
    rows, columns = np.tril_indices(3)

    def free(points: np.ndarray) -> np.ndarray:
        return tape.values(points)[value.place][:, rows, columns]

    step = 1e-6
    matrix = np.array([(free(u + e)[0] - free(u - e)[0]) / (2 * step) for e in step * np.eye(6)])
    found = float(np.ravel(tape.values(u)[height.place])[0])
    assert np.linalg.slogdet(matrix)[1] == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["horseshoe_regression", "one_way_random_effects", "correlated_topic_model", "matrix_factorisation_wishart"]
)
def test_coordinates_in_standard_deviations(name: str) -> None:
    """The same density under a change of variables, its determinant by differences; with sites and without."""
    derived = derived_model(name)
    setting = make_setting(derived, None, None, 0, {})
    world = setting.world()
    rng = np.random.default_rng(0)
    world.draw_model(rng)
    model, arrays = declaration(derived.plain()), {**setting.hyper, **setting.data, **setting.observed(world)}
    plain = LogJoint(model, setting.sizes, arrays)
    scaled = LogJoint(model, setting.sizes, arrays, scalable(model))
    assert scaled.sites
    learned = scaled.learned(rng.normal(size=(200, scaled.size)))
    assert any(np.abs(site.precision).max() > 0 for site in learned.sites.values())
    for joint in (scaled, learned):
        u = 0.5 * rng.normal(size=(2, joint.size))
        latents = joint.latents(u)
        np.testing.assert_allclose(joint.coordinates(latents), u, rtol=1e-7, atol=1e-7)
        moved = plain.coordinates(latents)
        matrix = [plain.coordinates(joint.latents(u[:1] + e)) - plain.coordinates(joint.latents(u[:1] - e))
                  for e in 1e-6 * np.eye(joint.size)]  # fmt: skip
        height = np.linalg.slogdet(np.array(matrix)[:, 0] / 2e-6)[1]
        assert joint(u)[0] == pytest.approx(plain(moved)[0] + height, rel=1e-7, abs=1e-6)
        np.testing.assert_allclose(joint.on_latents(u), plain.on_latents(moved), rtol=1e-9, atol=1e-8)
        value, slope = joint.gradient(u)
        wanted = [float((joint(u[:1] + e) - joint(u[:1] - e))[0] / 2e-6) for e in 1e-6 * np.eye(joint.size)]
        np.testing.assert_allclose(slope[0], wanted, rtol=1e-4, atol=1e-4 * (1 + abs(value[0])))


def test_elements_too_many_for_one_vector_go_by_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The coordinates of each event on its own are those of all together where nothing couples them."""
    derived = derived_model("one_way_random_effects")
    setting = make_setting(derived, None, None, 0, {})
    world = setting.world()
    world.draw_model(np.random.default_rng(0))
    model, arrays = declaration(derived.plain()), {**setting.hyper, **setting.data, **setting.observed(world)}
    together = LogJoint(model, setting.sizes, arrays, scalable(model))
    monkeypatch.setattr(sites, "TOGETHER", 1)
    apart = LogJoint(model, setting.sizes, arrays, scalable(model))
    (one,), (many,) = together.sites.values(), apart.sites.values()
    assert len(one.precision) == 1 < len(many.precision)
    u = np.random.default_rng(1).normal(size=(3, apart.size))
    np.testing.assert_allclose(apart(u), together(u), rtol=1e-12)
    np.testing.assert_allclose(apart.coordinates(apart.latents(u)), u, atol=1e-9)


def test_weights_and_shapes_are_refused_with_reasons() -> None:
    derived = derived_model("item_response")
    setting = make_setting(derived, None, None, 0, {})
    data = {**setting.data, "count": np.full(setting.data["count"].shape, 2.0)}
    with pytest.raises(ReferenceError, match="stands for several; repeat the rows"):
        LogJoint(declaration(derived.plain()), setting.sizes, {**setting.hyper, **data})
    with pytest.raises(ReferenceError, match=r"tau_a has the shape \(3,\); expected \(\)"):
        known(derived.plain()["model"], {"tau_a": np.ones(3)}, setting.sizes)
    with pytest.raises(ReferenceError, match="no variable of item_response"):
        known(derived.plain()["model"], {"other": 1.0}, setting.sizes)
