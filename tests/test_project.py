"""The project as a newcomer meets it: the README's code runs, versions agree, and nothing points at a machine."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from lowest import lowest, ordered

from cavi.templates.requirements import OLDEST

ROOT = Path(__file__).parent.parent
TEXT = [".py", ".md", ".toml", ".jinja", ".sh", ""]


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    return [ROOT / f for f in listed if Path(f).suffix in TEXT and (ROOT / f).is_file()]


def test_the_two_commands_exist_and_run() -> None:
    text = (ROOT / "README.md").read_text()
    for command in ("demo", "test"):
        assert f"$ ./{command}" in text
        assert os.access(ROOT / command, os.X_OK)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "./test" in (ROOT / ".ci" / "run").read_text()


def test_the_readmes_model_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    namespace: dict = {}
    exec(blocks[0].replace("digits=30", "digits=15"), namespace)
    assert namespace["m"].name == "accidents"
    assert (tmp_path / "out" / "accidents.py").is_file()
    monkeypatch.syspath_prepend(tmp_path / "out")
    namespace |= {"x": [1.0, 3.0, 0.0], "hours": [2.0, 4.0, 1.0], "site": [0, 1, 1]}
    exec(blocks[1], namespace)
    assert namespace["found"].converged
    sys.modules.pop("accidents")


def test_the_readmes_vectors_and_chains_derive() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    namespace: dict = {}
    exec(blocks[2], namespace)
    assert namespace["clusters"].update("mu").family == "NormalWishart"
    exec(blocks[3], namespace)
    assert namespace["chain"].update("z").family == "Categorical"
    assert {"forward", "backward"} <= {f.along[1] for f in namespace["chain"].update("z").formulas if f.along}


def test_the_readmes_large_data_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(400, 2)), rng.normal(size=(600, 2)) + 5.0])
    np.save("x.npy", x)
    hyper = {"alpha_0": 1.0, "beta_0": 0.1, "nu_0": 3.0, "m_0": 0.0, "W_0": 1.0}
    namespace: dict = {"__name__": "__main__", "np": np, "rng": rng, "hyper": hyper, "new": x[:5]}
    exec(blocks[2], namespace)
    (large,) = (b for b in blocks if ".streaming()" in b)
    exec(large.replace("rows=100_000", "rows=300"), namespace)
    assert namespace["fit"].converged and namespace["steps"].steps == 100
    assert namespace["whole"].params["z"]["probs"].shape == (1000, 3)
    assert (tmp_path / "run.npz").is_file()
    sys.modules.pop("clusters")


def test_the_example_is_the_readmes_model() -> None:
    source = (ROOT / "examples" / "accidents.py").read_text()
    assert 'm.observed("x", Poisson(rate[site[n]] * hours[n]), n)' in source
    ast.parse(source)


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_modules_run_where_cavi_does() -> None:
    """What generated modules need is no more than what the package asks for, and the same Python."""
    bounds = lowest(())
    assert all(ordered(OLDEST[n]) <= ordered(bounds[n.lower()]) for n in ("NumPy", "SciPy"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={OLDEST['Python']}"
    tried = [c.rpartition(" ")[2] for c in project["classifiers"] if "Python ::" in c]
    assert tried[0] == OLDEST["Python"] and tried == sorted(tried, key=ordered)


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    """Extras of extras count, and the higher of two bounds for one package."""
    text = (ROOT / "pyproject.toml").read_text()
    found = lowest(["targets"])
    for name, version in found.items():
        assert f'"{name}>={version}' in text or f'"{name}[python]>={version}' in text, name
    assert {"numpy", "pytest", "jax", "funsor", "xarray", "pandas"} <= set(found)
    assert "hmmlearn" not in found
    assert ordered("1.9") < ordered("1.14") == ordered("1.14.0")


def test_every_package_is_installed_and_typed() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for folder in ("derive", "templates", "verify", "models", "cli"):
        assert (ROOT / folder / "py.typed").is_file()
        for init in (ROOT / folder).rglob("__init__.py"):
            name = "cavi." + str(init.parent.relative_to(ROOT)).replace("/", ".")
            assert name in tool["packages"], name
            assert tool["package-dir"][name] == str(init.parent.relative_to(ROOT))


@pytest.mark.parametrize("pattern", [r"/home/\w", r"/root/", r"/work/", r"pypi\.org/simple", r"files\.pythonhosted"])
def test_nothing_points_at_a_machine(pattern: str) -> None:
    for path in files():
        if path != Path(__file__):
            assert not re.search(pattern, path.read_text(errors="ignore")), f"{path}: {pattern}"
