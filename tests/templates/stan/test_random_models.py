"""Random models over the whole language, exported and run: the same log density, or a refusal that names the reason."""

import pytest
from log_joint_reference import Point
from random_models import draw
from random_scope import Program
from stan_interpreter import target

from cavi.derive import CaviError
from cavi.templates.stan import render
from cavi.templates.stan.categories import groups


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_random_models(start: int) -> None:
    run = 0
    for seed in range(start, start + 10):
        declared = Program(tuple(line for line in draw(seed).lines if not line.startswith("derived")))
        try:
            model = declared.run()["m"]
            text = render(model)
        except CaviError as error:
            assert str(error)
            continue
        summed = [v.name for g in groups(model) for v in g.latents]
        point = Point(model, seed)
        values = {n: a for n, a in {**point.arrays, **point.sizes}.items() if n not in summed}
        expected = point.log_marginal(summed) if summed else point.log_joint
        assert target(text, values) == pytest.approx(expected, rel=1e-8, abs=1e-8), text
        run += 1
    assert run > 5
