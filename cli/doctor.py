"""``cavi doctor``: what is installed, what each thing is for, and how to get what is missing.

The packages come from the metadata of cavi itself, so that this list cannot disagree with what pip installs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

_PURPOSES = {
    "sympy": "derivations",
    "numpy": "generated modules, verification of code",
    "scipy": "special functions of generated modules",
    "mpmath": "verification to many digits",
    "jinja2": "modules, articles and pages from templates",
    "typer": "the command line",
    "rich": "tables and progress",
    "matplotlib": "figures, the picture of a fit",
    "python-flint": "ball arithmetic: verify --rigorous, and speed",
    "pyarrow": "data from Parquet files",
    "lark": "models as text",
}
_EXTRAS = {
    "numba": "compiled loops: derive(m).numba()",
    "jax": "compiled sweeps: derive(m).jax()",
    "dask": "clusters: derive(m).dask()",
    "numpyro": "running what cavi export --to numpyro writes",
    "sklearn": "estimators: derive(m).estimator()",
    "xarray": "results with names on their axes",
    "arviz": "draws for ArviZ",
    "notebook": "running notebooks",
    "pymc": "reading models that are written for PyMC",
    "targets": "tests of all of these",
    "browser": "tests of pages in browsers",
    "docs": "building the documentation",
    "test": "running the tests",
    "peers": "comparisons with other libraries",
    "dev": "style, types and building",
}
_STYLES = ("amsmath", "booktabs", "lmodern", "tikz", "xcolor")
_TEX = "texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended texlive-pictures lmodern"


@dataclass(frozen=True)
class Check:
    """One thing that may be installed.

    Attributes:
        name: of a package or program.
        needed: ``required``, or what it is optional for: an extra of cavi, or ``program``.
        found: its version, ``yes`` where it tells none, or None.
        ok: whether it is there and new enough.
        purpose: what it is for.
        remedy: how to install it; empty where nothing need be done.
    """

    name: str
    needed: str
    found: str | None
    ok: bool
    purpose: str
    remedy: str


def examined() -> list[Check]:
    """Every check, the required things first.

    Examples:
        >>> [c.name for c in examined() if c.needed == "required"][:3]
        ['Python', 'renderers', 'sympy']
    """
    return [*_python(), *_packages(), *_programs()]


def as_dicts(checks: list[Check]) -> list[dict[str, Any]]:
    """The checks as plain data."""
    return [asdict(c) for c in checks]


def healthy(checks: list[Check]) -> bool:
    """Whether everything required is there."""
    return all(c.ok for c in checks if c.needed == "required")


def _python() -> Iterator[Check]:
    least = metadata.metadata("cavi")["Requires-Python"] or ">=3"
    version = ".".join(map(str, sys.version_info[:3]))
    ok = _enough(version, least)
    yield Check("Python", "required", version, ok, "everything", "" if ok else f"install Python {least}")
    broken = []
    points = metadata.entry_points(group="cavi.renderers")
    for point in points:
        try:
            point.load()
        except (ImportError, AttributeError) as error:
            broken.append(f"{point.name} ({error})")
    ok = bool(points) and not broken
    remedy = "" if ok else f"install cavi again with pip{': ' if broken else ''}{', '.join(broken)}"
    yield Check("renderers", "required", f"{len(points)} registered", ok, "text made from a derivation", remedy)


def _packages() -> Iterator[Check]:
    wanted: dict[str, tuple[str, list[str]]] = {}
    for line in metadata.requires("cavi") or []:
        match = re.match(r"([A-Za-z0-9._-]+)\s*([^;]*)(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?", line)
        if match is None or match[1] == "cavi":
            continue
        name, least, extra = match.groups()
        known = wanted.setdefault(name.lower(), (least.strip(), []))
        known[1].append(extra or "required")
    for name, (least, extras) in wanted.items():
        needed = "required" if "required" in extras else extras[0]
        purpose = _PURPOSES.get(name, _EXTRAS.get(needed, f"the extra {needed}"))
        try:
            version: str | None = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = None
        ok = version is not None and _enough(version, least)
        what = f'"{name}{least}"' if needed == "required" else f"'cavi[{needed}]'"
        yield Check(name, needed, version, ok, purpose, "" if ok else f"pip install {what}")


def _programs() -> Iterator[Check]:
    for program, purpose, package in (
        ("dot", "a second layout of plate diagrams: cavi diagram --layout dot", "graphviz"),
        ("pdflatex", "articles as PDF", _TEX),
        ("lualatex", "articles with letters of every script", "texlive-luatex"),
    ):
        path = shutil.which(program)
        found = None if path is None else _version(path, "-V" if program == "dot" else "--version")
        yield Check(program, "program", found, path is not None, purpose, "" if path else f"apt-get install {package}")
    kpsewhich = shutil.which("kpsewhich")
    if kpsewhich is not None:
        missing = [s for s in _STYLES if not _output([kpsewhich, f"{s}.sty"])]
        found = f"all {len(_STYLES)}" if not missing else f"without {', '.join(missing)}"
        remedy = "" if not missing else f"apt-get install {_TEX}"
        yield Check("LaTeX packages", "program", found, not missing, f"articles: {', '.join(_STYLES)}", remedy)


def _version(path: str, option: str) -> str:
    match = re.search(r"\d+(\.\d+)+", _output([path, option]))
    return match[0] if match else "yes"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


def _enough(version: str, least: str) -> bool:
    """Whether a version meets its lower bounds, ``>=1.12``; upper ones are left to pip."""
    bounds = [b.strip().removeprefix(">=") for b in least.split(",") if b.strip().startswith(">=")]
    return all(_numbers(version) >= _numbers(b) for b in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(n) for n in re.findall(r"\d+", version.split("+")[0])[:3]]
    return tuple(found + [0] * (3 - len(found)))
