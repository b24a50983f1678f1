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
    "shards that keep a sum of categories from before their update": """
first, when = m.observed_index("first", n, over=g), m.observed_index("when", n, over=t)
copies = m.covariate("copies", n)
s = m.latent("s", Dirichlet(1.7, over=l), g, k)
z = m.latent("z", lambda z: Categorical(s[g, z[g, t - 1]]), g, t, initial=Categorical(1 / size(k), over=k))
r = m.latent("r", Dirichlet(0.7, over=v), k)
c = m.latent("c", Categorical(r[z[first[n], when[n]]]), n, weight=copies[n])
w = m.latent("w", Normal(1.5, 1.2), v)
x = m.observed("x", Normal(w[c[n]], 2.3), n, weight=copies[n])
derived = derive(m)
""",
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
    "a block of two Normals of different axes that nothing couples": """
w = m.latent("w", Normal(1, 1), k, g)
W = m.latent("W", MatrixNormal(0, 1, 1, over=(d, q)))
x = m.observed("x", Normal(Sum(w[k, 0], k), 1))
derived = derive(m, factors=[("w", "W")])
""",
    "a Wishart precision of a matrix product beside counts": """
L = m.latent("L", Wishart(m.hyper("nu_0"), m.hyper("S_0", d, e), over=d))
f = m.latent("f", MultivariateNormal(0, covariance=0.7, over=q), n)
w = m.latent("w", Normal(0, 1), d, q)
x = m.observed("x", MultivariateNormal(w @ f[n], L, over=d), n)
s = m.latent("s", Dirichlet(0.8, over=v))
y = m.observed("y", Multinomial(3, s), n)
derived = derive(m)
""",
    "a category and a Normal in one block, printed": """
p = m.hyper("p", k)
z, w = m.latent("z", Categorical(p)), m.latent("w", Normal(1, 1))
x = m.observed("x", Normal(1, 1))
derived = derive(m, factors=[("z", "w")])
""",
    "an axis kept before a plate": """
w = m.latent("w", Normal(0.3, 1.2), k, d)
x = m.observed("x", Normal(Sum(w[k, d], k), 1.4), d)
derived = derive(m, factors=["w"])
""",
    "a fixed position above the first": """
w = m.latent("w", Normal(1, 1), k, g)
x = m.observed("x", Normal(Sum(w[k, 1], k), 1))
derived = derive(m)
""",
    "a matrix product with a known covariance": """
F, S = m.covariate("F", n, q), m.hyper("S_0", d, e)
W = m.latent("W", MatrixNormal(0, 1, 1, over=(d, q)))
x = m.observed("x", MultivariateNormal(W @ F[n], covariance=S), n)
derived = derive(m)
""",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mended_fault_stays_mended(name: str) -> None:
    program = Program((*HEAD.splitlines(), *FAULTS[name].strip().splitlines()))
    outcome = settle(program)
    assert outcome.verdict == "verified", f"{outcome.stage}: {outcome.kind}\n{outcome.detail}"
