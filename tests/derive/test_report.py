"""What is printed at a terminal."""

import pytest

from cavi import models
from cavi.derive import Bernoulli, Beta, Model, derive


@pytest.mark.parametrize("name", ["gaussian_mixture", "lda", "bayesian_pca"])
def test_an_update_prints_itself_as_the_whole_does(name: str) -> None:
    d = models.derived(name)
    for update in d.updates:
        assert str(update).startswith("q*(")
        assert str(update) in str(d)


def test_the_value_of_a_binary_latent_in_a_block_has_a_name() -> None:
    """Not the number 2, how many values there are."""
    m = Model("tables")
    n, u, v = m.index("n", "N"), m.index("u", 2), m.index("v", 2)
    theta = m.latent("theta", Beta(1, 1), u, v)
    a, b = m.latent("a", Bernoulli(0.5), n), m.latent("b", Bernoulli(0.5), n)
    m.observed("y", Bernoulli(theta[a[n], b[n]]), n)
    shown = str(derive(m, factors=[("a", "b")]).update("a"))
    assert "a.logits[n,a.value] = b.log_total[n,a.value]" in shown
    assert "δ[2,2]" not in shown
