"""What immutable things remember of themselves: their hash, which tables of canonical forms ask for again and again.

The hash of a nested dataclass goes through all of its parts every time; in the canonical form of a product of four sums
that is half of the work. What is remembered stays out of pickles, since hashes of texts differ between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def hashed_once(cls: type[T]) -> type[T]:
    """A frozen dataclass whose instances compute their hash once."""
    compute: Callable[[Any], int] = cls.__hash__

    def __hash__(self: Any) -> int:
        found: int | None = self.__dict__.get("_hash")
        if found is None:
            found = compute(self)
            object.__setattr__(self, "_hash", found)
        return found

    def __getstate__(self: Any) -> dict[str, Any]:
        return {n: value for n, value in self.__dict__.items() if not n.startswith("_")}

    cls.__hash__ = __hash__  # type: ignore[method-assign]
    cls.__getstate__ = __getstate__  # type: ignore[method-assign]
    return cls
