"""A model of one's own: accident counts at sites with exposures, in a few lines.

Run it with ``python examples/accidents.py``, or ``cavi derive examples/accidents.py:m -o out``.
"""

from cavi.derive import Gamma, Model, Poisson, derive
from cavi.verify import verify

m = Model("accidents")
n, g = m.index("n", "N"), m.index("g", "G")
a, c, d = m.hyper("a c d")
hours = m.covariate("hours", n)
site = m.observed_index("site", n, over=g)
beta = m.latent("beta", Gamma(c, d))
rate = m.latent("rate", Gamma(a, beta), g)
m.observed("x", Poisson(rate[site[n]] * hours[n]), n)

if __name__ == "__main__":
    derived = derive(m)
    print(derived)
    print(verify(derived, digits=15))
