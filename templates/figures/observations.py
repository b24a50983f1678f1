"""The few real numbers that the pictures are about."""

from __future__ import annotations

__all__ = ["GALAXIES", "PASSAGE_TIMES"]

# Newcomb's first five passage times of light, in nanoseconds above 24800 (Stigler 1977).
PASSAGE_TIMES = (28.0, 26.0, 33.0, 24.0, 34.0)

# Every fourth of 82 velocities of galaxies, in order of size, 1000 km/s (Roeder 1990).
GALAXIES = (
    9.35,
    10.227,
    18.419,
    19.052,
    19.349,
    19.541,
    19.856,
    19.973,
    20.179,
    20.415,
    20.846,
    21.492,
    21.96,
    22.249,
    22.746,
    23.206,
    23.538,
    23.711,
    24.366,
    26.69,
    34.279,
)
