"""What a generated module needs to run: the oldest versions with which all of them were run (``tests/apart.py``)."""

from __future__ import annotations

OLDEST = {"Python": "3.11", "NumPy": "1.23.2", "SciPy": "1.9.2"}

NEEDS = "only NumPy ({NumPy} or later) and SciPy ({SciPy} or later), with Python {Python} or later".format(**OLDEST)
