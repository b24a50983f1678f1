"""What holds for all tests: a process does not run out of memory maps."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MAPS = Path("/proc/self/maps")
MANY = 30_000  # Linux allows a process 65,530; a module compiled by JAX takes some hundreds


@pytest.fixture(autouse=True)
def _compiled_programs_are_let_go() -> Iterator[None]:
    yield
    if "jax" in sys.modules and MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        sys.modules["jax"].clear_caches()
        gc.collect()
