"""Data that numbers do not like: a run returns a finite, rising bound, or says clearly why it cannot."""

import numpy as np
import pytest
from generated import NAMES, generated, inputs, run

from cavi.derive import Categorical, Model, derive

VARIANTS = {
    "plain": lambda x: x,
    "large": lambda x: x * 1e8,
    "small": lambda x: x * 1e-8,
    "far from zero": lambda x: x + 1e6,
    "all the same, columns collinear": lambda x: np.full(x.shape, x.flat[0]),
    "zero": lambda x: x * 0.0,
}
# Several observations, a single one, and more components than observations.
SHAPES = [(6, 2), (1, 1), (3, 5)]


@pytest.mark.parametrize("name", NAMES)
def test_a_finite_bound_or_a_clear_error(name: str) -> None:
    module = generated(name)
    real = {k for k, s in module.KNOWN.items() if s["where"] == "data" and s["domain"] == "real"}
    for large, small in SHAPES:
        data, hyper, sizes = inputs(module, np.random.default_rng(1), large, small)
        for change in VARIANTS.values() if real else [VARIANTS["plain"]]:
            changed = {k: change(v) if k in real else v for k, v in data.items()}
            try:
                found = module.fit(changed, hyper, sizes, seed=0, max_iter=20)
            except ArithmeticError as error:
                assert any(word in str(error) for word in ("rescale", "prior"))
                continue
            assert np.isfinite(found.elbo_trace).all()
            assert (np.diff(found.elbo_trace) >= -1e-8 * (1 + np.abs(found.elbo_trace[1:]))).all()
            for values in found.params.values():
                for array in values.values():
                    assert np.isfinite(array).all()


def test_most_of_them_are_fitted() -> None:
    """The clear error is the exception, not the rule."""
    fitted = 0
    for name in NAMES[:10]:
        module = generated(name)
        data, hyper, sizes = inputs(module, np.random.default_rng(1), 6, 2)
        try:
            module.fit(data, hyper, sizes, seed=0, max_iter=5)
            fitted += 1
        except ArithmeticError:
            pass
    assert fitted >= 9


def test_probabilities_maximised_to_zero() -> None:
    """EM drives the share of a component that explains nothing to zero; 0 log 0 is 0 then, as in scikit-learn."""
    m = Model("shares")
    n, k, v = m.index("n", "N"), m.index("k", "K"), m.index("v", "V")
    table = m.hyper("B", k, v)
    pi = m.point("pi", over=k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Categorical(table[z[n]]), n)
    module = run(derive(m).numpy())
    found = module.fit(
        {"x": [0] * 8}, {"B": [[0.9, 0.1], [0.3, 0.7]]}, tol=-1, max_iter=1000, init={"pi": {"value": [0.5, 0.5]}}
    )
    assert found.params["pi"]["value"].min() < 1e-300
    assert found.elbo == pytest.approx(8 * np.log(0.9), rel=1e-12)
