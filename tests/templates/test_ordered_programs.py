"""Ordered categories in NumPyro and Stan: written as their users would, with the log joint of the declaration."""

import types

import pytest
from log_joint_reference import Point
from stan_interpreter import target

from cavi.derive import Categorical, Gamma, HalfNormal, Model, Normal, ordered_logistic
from cavi.templates.numpyro import render as numpyro_text
from cavi.templates.stan import render as stan_text


def one_scale() -> Model:
    m = Model("one_scale")
    n, k = m.index("n", "N"), m.index("k", "K")
    x = m.covariate("x", n)
    h = m.latent("h", Gamma(2, 1), k)
    m.observed("y", Categorical(ordered_logistic(x[n], 0, h)), n)
    return m


def scale_of_each_group() -> Model:
    """Every group has a lowest cutpoint and widths of its own, and all widths a common factor."""
    m = Model("scale_of_each_group")
    n, g, k = m.index("n", "N"), m.index("g", "G"), m.index("k", "K")
    group = m.observed_index("group", n, over=g)
    s = m.latent("s", HalfNormal(1))
    c, h = m.latent("c", Normal(0, 1), g), m.latent("h", Gamma(2, 1), g, k)
    eta = m.latent("eta", Normal(0, 1), n)
    m.observed("y", Categorical(ordered_logistic(eta[n], c[group[n]], s * h[group[n]])), n)
    return m


def mixed_scales() -> Model:
    """A category that is summed out decides how spread the cutpoints are."""
    m = Model("mixed_scales")
    n, j, k = m.index("n", "N"), m.index("j", "J"), m.index("k", "K")
    share = m.hyper("share", j)
    h, c = m.latent("h", Gamma(2, 1), j, k), m.latent("c", Normal(0, 1))
    z = m.latent("z", Categorical(share), n)
    m.observed("y", Categorical(ordered_logistic(0, c, h[z[n]])), n)
    return m


@pytest.mark.parametrize("declare", [one_scale, scale_of_each_group, mixed_scales])
@pytest.mark.parametrize("categories", [2, 3, 5])
def test_stan(declare, categories: int) -> None:
    model = declare()
    summed = ["z"] if declare is mixed_scales else []
    point = Point(model, 0, {"K": categories})
    values = {n: a for n, a in {**point.arrays, **point.sizes}.items() if n not in summed}
    text = stan_text(model)
    assert "ordered_logistic_lpmf(y[n] + 1 | " in text
    expected = point.log_marginal(summed) if summed else point.log_joint
    assert target(text, values) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_stan_computes_cutpoints_once_where_they_are_common() -> None:
    head, _, loops = stan_text(one_scale()).partition("for (n in 1:N)")
    assert "vector[K - 1] cutpoints_1 = 0.0 + cumulative_sum(append_row(0, to_vector(h)[2:(K - 1)]));" in head
    assert "cutpoints_1);" in loops
    assert "vector[K - 1]" in stan_text(scale_of_each_group()).partition("for (n in 1:N) {")[2]


@pytest.mark.targets
@pytest.mark.parametrize("declare", [one_scale, scale_of_each_group, mixed_scales])
@pytest.mark.parametrize("categories", [1, 2, 3, 5])
def test_numpyro(declare, categories: int) -> None:
    jax = pytest.importorskip("jax")
    pytest.importorskip("numpyro")
    from numpyro.infer.util import log_density

    model = declare()
    text = numpyro_text(model)
    assert "dist.OrderedLogistic(" in text
    made = types.ModuleType(model.name)
    exec(compile(text, model.name, "exec"), made.__dict__)
    point = Point(model, 1, {"K": categories})
    known = {v.name: point.arrays[v.name] for v in model.variables if not v.is_random}
    random = {v.name: point.arrays[v.name] for v in model.variables if v.is_random}
    with jax.enable_x64(True):
        random = {n: jax.numpy.asarray(a) for n, a in random.items()}
        found, _ = log_density(made.model, (known, known, point.sizes), {}, random)
    assert float(found) == pytest.approx(point.log_joint, rel=1e-9, abs=1e-9)


def test_the_numpyro_line() -> None:
    assert "dist.OrderedLogistic(x, jnp.cumsum(h.at[0].set(0.0))[:-1]), obs=y)" in numpyro_text(one_scale())
    cutpoints = "c[group][..., None] + jnp.cumsum((s * h[group]).at[..., 0].set(0.0), -1)[..., :-1]"
    assert f"dist.OrderedLogistic(eta, {cutpoints})" in numpyro_text(scale_of_each_group())
