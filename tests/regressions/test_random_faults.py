"""Random models that once went wrong, each shrunk to what showed it: they are verified now."""

import pytest
from random_drive import settle
from random_scope import Program

HEAD = """
m = Model("random_model")
n, t = m.index("n", "N"), m.index("t", "T")
k, l, v = m.index("k", "K"), m.index("l", "K"), m.index("v", "V")
d, e, q = m.index("d", "D"), m.index("e", "D"), m.index("q", "Q")
g, h, i, j = m.index("g", "G"), m.index("h", "H"), m.index("i", "I"), m.index("j", "I")
""".strip()

FAULTS = {
    "a block starts before the factor that its prior needs": """
W = m.latent("W", MatrixNormal(0, 1, 1, over=(d, q)))
s = m.latent("s", Dirichlet(1, over=k))
z = m.latent("z", Categorical(s))
x = m.observed("x", Poisson(1))
derived = derive(m, factors=[("z", "W")])
""",
    "a latent integrated out": """
w, u = m.latent("w", Normal(0, 1)), m.latent("u", Normal(0, 1))
x = m.observed("x", Normal(w + u, 1.3), n)
derived = derive(m, marginalise=["w"])
""",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mended_fault_stays_mended(name: str) -> None:
    program = Program((*HEAD.splitlines(), *FAULTS[name].strip().splitlines()))
    outcome = settle(program)
    assert outcome.verdict == "verified", f"{outcome.stage}: {outcome.kind}\n{outcome.detail}"
