"""Models of arrays that are given by their cells, of kinds that have nothing in common but that."""

from cavi.derive import (
    Bernoulli,
    Beta,
    Categorical,
    Derived,
    Dirichlet,
    Gamma,
    Model,
    NegativeBinomial,
    Normal,
    Poisson,
    Sum,
    derive,
    dot,
)


def classes(sparse: bool) -> Model:
    """Zeros and ones by latent class: what a zero says is a sum over all cells."""
    m = Model("classes")
    u, i, k = m.index("u", "U"), m.index("i", "I"), m.index("k", "K")
    pi, p = m.latent("pi", Dirichlet(1.3, over=k)), m.latent("p", Beta(0.5, 0.7), k, i)
    z = m.latent("z", Categorical(pi), u)
    m.observed("y", Bernoulli(p[z[u], i]), u, i, sparse=sparse)
    return m


def gaussian(sparse: bool) -> Model:
    """A Gaussian matrix factorisation of which every cell is observed, most of them as zero."""
    m = Model("gaussian")
    u, i, k = m.index("u", "U"), m.index("i", "I"), m.index("k", "K")
    tau = m.latent("tau", Gamma(1.5, 1.2))
    a, b = m.latent("a", Normal(0, 1), u, k), m.latent("b", Normal(0, 2), i, k)
    m.observed("y", Normal(dot(a[u], b[i]), tau), u, i, sparse=sparse)
    return m


def network(sparse: bool) -> Model:
    """Both axes are one set; a vertex may have an edge to itself."""
    m = Model("network")
    u, i, k, j = m.index("u", "U"), m.index("i", "U"), m.index("k", "K"), m.index("j", "K")
    pi, p = m.latent("pi", Dirichlet(1.3, over=k)), m.latent("p", Beta(0.5, 0.7), k, j)
    z = m.latent("z", Categorical(pi), u)
    m.observed("y", Bernoulli(p[z[u], z[i]]), u, i, sparse=sparse)
    return m


def tensor(sparse: bool) -> Model:
    """Counts over three plates, shared out among components."""
    m = Model("tensor")
    u, i, t, k = m.index("u", "U"), m.index("i", "I"), m.index("t", "T"), m.index("k", "K")
    a, b, c = (m.latent(n, Gamma(0.5, 0.7), x, k) for n, x in (("a", u), ("b", i), ("c", t)))
    z = m.latent("z", Poisson(a[u, k] * b[i, k] * c[t, k]), u, i, t, k)
    m.observed("y", Sum(z[u, i, t, k], k), u, i, t, sparse=sparse)
    return m


def overdispersed(sparse: bool) -> Model:
    """log Γ(y + r) does not vanish at zero: the background has terms of its own, with a known exposure."""
    m = Model("overdispersed")
    u, i = m.index("u", "U"), m.index("i", "I")
    r, w = m.hyper("r"), m.covariate("w", u)
    p = m.latent("p", Beta(0.5, 0.7), i)
    m.observed("y", NegativeBinomial(r, p[i]), u, i, weight=w[u], sparse=sparse)
    return m


def linked(sparse: bool) -> Model:
    """Two sparse arrays that share a factor, each with its own cells."""
    m = Model("linked")
    u, i, t, k = m.index("u", "U"), m.index("i", "I"), m.index("t", "T"), m.index("k", "K")
    a, b, c = (m.latent(n, Gamma(0.5, 0.7), x, k) for n, x in (("a", u), ("b", i), ("c", t)))
    s, z = m.latent("s", Poisson(a[u, k] * b[i, k]), u, i, k), m.latent("z", Poisson(b[i, k] * c[t, k]), i, t, k)
    m.observed("x", Sum(s[u, i, k], k), u, i, sparse=sparse)
    m.observed("y", Sum(z[i, t, k], k), i, t, sparse=sparse)
    return m


MODELS = {f.__name__: f for f in (classes, gaussian, network, tensor, overdispersed)}


def derived(name: str, sparse: bool = True) -> Derived:
    """The derivation of one of them."""
    return derive(MODELS[name](sparse))
