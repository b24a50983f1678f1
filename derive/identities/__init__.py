"""Bounds and identities of variational inference, each derived step by step from named rules.

>>> from cavi.derive import identities
>>> identities.names()[:3]
['marginal_likelihood', 'fisher', 'em_bound']
>>> print(identities.load("elbo_by_jensen"))  # doctest: +ELLIPSIS
The evidence lower bound by Jensen's inequality
...
"""

from cavi.derive.identities.catalogue import chapters, load, names
from cavi.derive.identities.proof import Identity
from cavi.derive.identities.setting import Setting

__all__ = ["Identity", "Setting", "chapters", "load", "names"]
