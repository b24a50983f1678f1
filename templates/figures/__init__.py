"""Pictures for lectures, drawn from the derived expressions: every curve is an expression of an identity or a model.

>>> from cavi.templates.figures import names
>>> names()[0]
'convex_concave'
"""

from cavi.templates.figures.catalogue import draw, names
from cavi.templates.figures.writing import save

__all__ = ["draw", "names", "save"]
