"""Poisson thinning by name: the bound, the fixed point and the evidence are those of Jensen's best weights."""

import numpy as np
import pytest
from generated import run

from cavi.derive import Gamma, Model, Normal, Poisson, RelaxationError, Sum, derive, exp
from cavi.derive.relaxations import array_bounds
from cavi.derive.relaxations.thinning import Thinning
from cavi.verify import verify


def factorisation() -> Model:
    m = Model("m")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    a, b = m.latent("a", Gamma(1, 1), n, k), m.latent("b", Gamma(2, 1), k, d)
    m.observed("y", Poisson(Sum(a[n, k] * b[k, d], k)), n, d)
    return m


def identity_link() -> Model:
    m = Model("m")
    n, d = m.index("n", "N"), m.index("d", "D")
    log_x, w = m.covariate("X", n, d), m.latent("w", Gamma(1, 1), d)
    m.observed("y", Poisson(Sum(w[d] * exp(log_x[n, d]), d)), n)
    return m


def background() -> Model:
    """Rates that are written out, one of them times known exposures, one by groups and one known."""
    m = Model("m")
    n, g = m.index("n", "N"), m.index("g", "G")
    e, group = m.covariate("e", n), m.observed_index("group", n, over=g)
    a, b = m.latent("a", Gamma(1, 1)), m.latent("b", Gamma(2, 1), g)
    m.observed("y", Poisson(a * e[n] + b[group[n]] + 0.25), n)
    return m


RNG = np.random.default_rng(0)
MODELS = {
    "factorisation": (factorisation, {"y": RNG.poisson(3, size=(12, 7)).astype(float)}, {"K": 3}, "a", (12, 3)),
    "identity link": (
        identity_link,
        {"y": RNG.poisson(4, size=20).astype(float), "X": RNG.normal(0, 1, size=(20, 3))},
        {},
        "w",
        (3,),
    ),
    "background": (
        background,
        {"y": RNG.poisson(4, size=20).astype(float), "e": RNG.gamma(3, 1, size=20), "group": np.arange(20) % 3},
        {"G": 3},
        "b",
        (3,),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_bound_is_that_of_jensen(name: str) -> None:
    declare, data, sizes, latent, shape = MODELS[name]
    start = {latent: {"shape": np.random.default_rng(1).gamma(2, 1, shape) + 1, "rate": np.ones(shape)}}
    thinned, weighted = (
        run(derive(declare(), **how).numpy()).fit(data, {}, sizes, init=start, tol=1e-13, max_iter=4000)
        for how in ({"augment": {"y": "thinning"}}, {"bounds": {"y": "jensen"}})
    )
    assert thinned.elbo == pytest.approx(weighted.elbo, rel=1e-12)
    for parameter, value in thinned.params[latent].items():
        np.testing.assert_allclose(value, weighted.params[latent][parameter], rtol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_every_claim_holds_and_a_changed_one_does_not(name: str) -> None:
    derived = derive(MODELS[name][0](), augment={"y": "thinning"})
    assert str(derived.update("s").family) == "Multinomial"
    report = verify(derived, code=False)
    assert report.ok, str(report)
    plain = derived.plain()
    (entry,) = plain["relaxed"]
    entry["value"] = ["add", [entry["value"], ["num", "1/1000000"]]]
    assert not verify(plain, only="augmentation thinning: integrating s out gives p(y)").ok


def test_what_is_no_sum_is_refused() -> None:
    m = Model("m")
    m.observed("y", Poisson(m.latent("a", Gamma(1, 1))), m.index("n", "N"))
    with pytest.raises(RelaxationError, match=r"thinning does not apply to y: no term .* known count times the log"):
        derive(m, augment={"y": "thinning"})
    m = Model("m")
    m.observed("y", Normal(m.latent("a", Normal(0, 1)), 1), m.index("n", "N"))
    with pytest.raises(RelaxationError, match="thinning does not apply"):
        derive(m, augment={"y": "thinning"})


@pytest.mark.parametrize("name", MODELS)
def test_it_is_proposed_before_the_bound_that_it_equals(name: str) -> None:
    (record,) = derive(MODELS[name][0](), relax="auto").relaxations
    assert record.name == "thinning"
    assert record.reasons[-1] == "it has the bound of jensen at about its cost, and is exact before q is chosen"
    assert any(b.name == Thinning.in_place_of for b in array_bounds())
