"""Between fits and the tables of others: data from pandas and polars, results as xarray and ArviZ know them.

`data_from` reads the arrays of a model from a data frame, `to_xarray` labels the parameters of a fit, `to_arviz` draws
from q.
"""

from __future__ import annotations

from cavi.templates.results.datasets import to_arviz, to_xarray
from cavi.templates.results.frames import Data, data_from
from cavi.templates.results.posterior import render_posterior

__all__ = ["Data", "data_from", "render_posterior", "to_arviz", "to_xarray"]
