"""What is printed at a terminal."""

import pytest

from cavi import models


@pytest.mark.parametrize("name", ["gaussian_mixture", "lda", "bayesian_pca"])
def test_an_update_prints_itself_as_the_whole_does(name: str) -> None:
    d = models.derived(name)
    for update in d.updates:
        assert str(update).startswith("q*(")
        assert str(update) in str(d)
