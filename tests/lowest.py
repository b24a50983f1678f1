"""The lower bounds of pyproject.toml as requirements of pip, to install exactly those.

python tests/lowest.py test parquet      # the package's own and those of the extras `test` and `parquet`
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def lowest(extras: Iterable[str]) -> dict[str, str]:
    """Oldest allowed version of each package by name, as the table of the project has it.

    Where two of them name one package, the higher bound counts, as for pip.
    """
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    found: dict[str, str] = {}
    for requirement in _expanded(project["dependencies"], project["optional-dependencies"], extras):
        name, bound = re.match(r"([\w.-]+)(?:\[[^]]*\])?(?:.*?>=\s*([\w.]+))?", requirement).groups()
        if bound is not None and ordered(bound) > ordered(found.get(name, "")):
            found[name] = bound
    return found


def ordered(version: str) -> tuple[int, ...]:
    """A version such that later ones are larger; those that differ by zeros at the end are equal."""
    return tuple(int(n) for n in re.findall(r"\d+", re.sub(r"(\.0+)+$", "", version)))


def _expanded(requirements: Iterable[str], optional: dict[str, list[str]], extras: Iterable[str]) -> Iterator[str]:
    yield from (r for r in requirements if not r.startswith("cavi["))
    inner = [re.fullmatch(r"cavi\[(.*)\]", r) for r in requirements]
    for extra in [*extras, *(n for match in inner if match for n in match[1].split(","))]:
        yield from _expanded(optional[extra], optional, ())


if __name__ == "__main__":
    print(" ".join(f"{name}=={version}" for name, version in lowest(sys.argv[1:]).items()))
