"""What a shell may complete: models and files, rules, identities, notations, languages, checks.

Names are read off the sources of the package and nothing of it is imported, since whoever presses a key waits for the
answer, and importing SymPy alone takes longer than that.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

MODEL_FILES = (".cavi", ".py")
CLAIM_FILES = (*MODEL_FILES, ".json")


def models(incomplete: str) -> list[str]:
    """Models of the library and files that may declare one."""
    return [*_begin(model_names(), incomplete), *_files(incomplete, MODEL_FILES)]


def claims(incomplete: str) -> list[str]:
    """What can be verified: models, certificates and modules."""
    return [*_begin(model_names(), incomplete), *_files(incomplete, CLAIM_FILES)]


def files(incomplete: str) -> list[str]:
    """Files and folders."""
    return list(_files(incomplete, None))


def bounds(incomplete: str) -> list[str]:
    """``NODE=RULE`` with the rules of bounds, once the node is there; of several the last."""
    return _rules("bounds", incomplete)


def augmentations(incomplete: str) -> list[str]:
    """``NODE=RULE`` with the rules of augmentations."""
    return _rules("augment", incomplete)


def identities(incomplete: str) -> list[str]:
    """The identities of the catalogue."""
    return _begin(identity_names(), incomplete)


def notations(incomplete: str) -> list[str]:
    """The presets of notation."""
    return _begin(_assigned(_source("templates", "style.py"), "PRESETS"), incomplete)


def languages(incomplete: str) -> list[str]:
    """The languages of articles and pages."""
    return _begin(_assigned(_source("templates", "words.py"), "Language"), incomplete)


def tiers(incomplete: str) -> list[str]:
    """The tiers of checks."""
    return _begin(_assigned(_source("verify", "report.py"), "TIERS"), incomplete)


def model_names() -> list[str]:
    """The names of the library's models."""
    return sorted(m.name for m in pkgutil.iter_modules([str(_source("models"))]) if not m.name.startswith("_"))


def identity_names() -> list[str]:
    """The names of the identities."""
    found = _source("derive", "identities").glob("*.py")
    return sorted(name for path in found for name in _assigned(path, "IDENTITIES"))


# The functions of the catalogue that list the rules of each option.
_LISTED = {
    "bounds": ("bounds", "counted_bounds", "curvature_bounds", "array_bounds", "shifted_sums", "tilts"),
    "augment": ("augmentations",),
}


def rule_names(option: str) -> list[str]:
    """The names of the rules that ``--bounds`` and ``--augment`` take, first in the calls that list them."""
    tree = ast.parse(_source("derive", "relaxations", "catalogue.py").read_text(encoding="utf-8"))
    lists = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name in _LISTED[option]]
    calls = [n for f in lists for n in ast.walk(f) if isinstance(n, ast.Call)]
    return list(dict.fromkeys(text for c in calls for text in _texts(c.args[:1])))


def _rules(option: str, incomplete: str) -> list[str]:
    done, semicolon, entry = incomplete.rpartition(";")
    node, equals, rule = entry.partition("=")
    return [f"{done}{semicolon}{node}={r}" for r in _begin(rule_names(option), rule)] if equals else []


def _source(package: str, *inside: str) -> Path:
    """A folder or file of the sources of ``cavi.PACKAGE``, which is found and not imported."""
    spec = find_spec(f"cavi.{package}")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return Path(places[0] if places else ".", *inside)


def _assigned(path: Path, name: str) -> list[str]:
    """The strings of what a module assigns to a name: of a dict its keys, of a tuple or a ``Literal`` its elements."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        if [t.id for t in targets if isinstance(t, ast.Name)] == [name]:
            if isinstance(value, ast.Dict):
                return list(_texts(value.keys))
            inner = value.slice if isinstance(value, ast.Subscript) else value
            return list(_texts(inner.elts)) if isinstance(inner, ast.Tuple) else []
    return []


def _texts(nodes: list[ast.expr] | list[ast.expr | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _begin(names: list[str], incomplete: str) -> list[str]:
    return [n for n in names if n.startswith(incomplete)]


def _files(incomplete: str, endings: tuple[str, ...] | None) -> Iterator[str]:
    """Paths that go on as begun: folders, with a slash, and files of the endings."""
    folder, slash, start = incomplete.rpartition("/")
    try:
        entries = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            if entry.is_dir():
                yield f"{folder}{slash}{entry.name}/"
            elif endings is None or entry.suffix in endings:
                yield f"{folder}{slash}{entry.name}"
