"""Notebooks run from the first cell to the last, as a reader would run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cavi import models

pytestmark = pytest.mark.targets


# Each kind of posterior: probabilities and values, chains, blocks, matrices, points.
@pytest.mark.parametrize("name", ["gaussian_mixture", "dynamic_level", "gaussian_mixture_full", "gaussian_mixture_em"])
@pytest.mark.filterwarnings("default")
def test_notebooks_of_the_library_run(name: str, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient").NotebookClient
    text = models.derived(name).notebook(example=name)
    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    client(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [o for c in book.cells for o in c.get("outputs", [])]
    assert any("converged" in o.get("text", "") for o in outputs)
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 2
    assert (tmp_path / f"{name}.py").read_text() == models.derived(name).numpy().strip("\n") + "\n"
    json.dumps(book)
