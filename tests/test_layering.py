"""The arrows of the layout: who may import whom, and that there is only one copy of every package."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STANDARD = set(__import__("sys").stdlib_module_names)
MAY_IMPORT = {
    "derive": ({"derive"}, {"sympy"}),
    # Identities are SymPy expressions, so what prints or draws them reads SymPy; figures draw with matplotlib.
    # Results are handed on to xarray and ArviZ, and models of PyMC and NumPyro are read, by functions that import these
    # when they are called.
    "templates": (
        {"derive", "templates"},
        {"jinja2", "lark", "markupsafe", "sympy", "numpy", "scipy", "matplotlib", "xarray", "arviz"}
        | {"pytensor", "jax", "numpyro"},
    ),
    "verify": ({"verify"}, {"mpmath", "numpy", "flint"}),
    "models": ({"derive", "models"}, {"numpy"}),
    "cli": ({"derive", "templates", "verify", "models", "cli"}, {"typer", "rich", "numpy", "matplotlib", "pyarrow"}),
}


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module == "cavi":
                found |= {f"cavi.{a.name}" for a in node.names}
            else:
                found.add(node.module or "")
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_follow_the_arrows(folder: str) -> None:
    ours, theirs = MAY_IMPORT[folder]
    for path in (ROOT / folder).rglob("*.py"):
        for name in imports(path):
            head, _, rest = name.partition(".")
            if head == "cavi":
                assert rest.split(".")[0] in ours, f"{path} imports {name}"
            else:
                assert head in STANDARD | theirs, f"{path} imports {name}"


def test_no_bare_imports_of_our_folders() -> None:
    for path in ROOT.rglob("*.py"):
        if ".venv" in str(path) or "build" in path.parts:
            continue
        assert not {n.split(".")[0] for n in imports(path)} & set(MAY_IMPORT), path


def test_no_import_cycles_inside_derive() -> None:
    folder = ROOT / "derive"
    modules = {
        "cavi." + str(p.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__"): p
        for p in folder.rglob("*.py")
    }
    graph = {name: _at_import(path, modules) - {"cavi.derive"} for name, path in modules.items()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for other in graph[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def _at_import(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of `derive` that a module imports when it is imported itself."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cavi.derive"):
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                found.add(inside if inside in modules else str(node.module))
    return found
