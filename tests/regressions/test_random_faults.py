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
    "observed categories of broken sticks: the last one takes the rest": """
r = m.latent("r", Beta(2, 3), k)
x = m.observed("x", Categorical(stick_breaking(r)), g)
derived = derive(m)
""",
    "maximised sticks": """
r = m.point("r", Beta(2, 3), k)
x = m.observed("x", Categorical(stick_breaking(r)), g)
derived = derive(m)
""",
    "a truncated Normal with a lower limit alone": """
b = m.latent("b", TruncatedNormal(1, 1, lower=0))
x = m.observed("x", Normal(b, 1), n)
derived = derive(m)
""",
    "a truncated Normal with an upper limit alone": """
b = m.latent("b", TruncatedNormal(1, 1, upper=1))
x = m.observed("x", Normal(b, 1), n)
derived = derive(m)
""",
    "crossed effects in one block": """
row, column = m.observed_index("row", n, over=g), m.observed_index("column", n, over=h)
a, b = m.latent("a", Normal(0, 2), g), m.latent("b", Normal(0.3, 1.4), h)
x = m.observed("x", Normal(a[row[n]] + b[column[n]], 1.7), n)
derived = derive(m, factors=[("a", "b")])
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
