"""The notebook is valid, says what it needs, and shows free text without obeying it."""

from __future__ import annotations

import ast
import json
import re

import numpy as np
import pytest
from printing_models import HOSTILE, ZOO, normal, rates

from cavi import models
from cavi.derive import CaviError
from cavi.templates.notebook import render


def cells(text: str) -> list[dict]:
    found = json.loads(text)
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    return found["cells"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # of a title with a backslash, in the docstring
@pytest.mark.parametrize("name", ZOO)
def test_cells_are_named_and_code_is_python(name: str) -> None:
    found = cells(render(ZOO[name]()))
    names = [c["id"] for c in found]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", n) for n in names)
    for c in found:
        if c["cell_type"] == "code":
            ast.parse(source(c).removeprefix("%%writefile").partition("\n")[2] if c["id"] == "module" else source(c))
            assert c["outputs"] == [] and c["execution_count"] is None
        else:
            assert source(c).count("$$") % 2 == 0


def test_the_update_is_typeset_and_the_module_is_whole() -> None:
    derived = normal()
    found = {c["id"]: source(c) for c in cells(render(derived))}
    assert r"a &= a_0 + \tfrac{1}{2} + \tfrac{N}{2}" in found["factor-1"]
    assert found["module"] == f"%%writefile normal.py\n{derived.numpy().strip()}"
    assert "from cavi" not in found["data"]


def test_without_data_the_cell_says_what_to_fill_in() -> None:
    (data,) = [source(c) for c in cells(render(rates())) if c["id"] == "data"]
    assert '"exposure": ...,  # numbers above 0, shape (J)' in data
    with pytest.raises(ValueError, match="to be filled in above: exposure, y, a, b"):
        exec(data, {})


def test_an_example_is_loaded_from_the_library() -> None:
    (data,) = [source(c) for c in cells(render(models.derived("normal"), "normal")) if c["id"] == "data"]
    namespace: dict = {}
    exec(data, namespace)
    assert np.array_equal(namespace["data"]["x"], models.data("normal").data["x"])
    with pytest.raises(CaviError, match="not the name of a library model"):
        render(normal(), "x\nimport os")


def test_a_hostile_title_is_shown_not_obeyed() -> None:
    text = source(cells(render(ZOO["hostile"]()))[0])
    assert "<script>" not in text
    assert HOSTILE not in text
    assert r"&lt;script&gt;" in text


def test_the_declaration_is_shown() -> None:
    text = source(cells(render(normal(), declaration='m = Model("normal")\n'))[0])
    assert '```python\nm = Model("normal")\n```' in text


def test_a_korean_notebook_has_korean_text_and_the_same_code() -> None:
    english, korean = cells(render(rates())), cells(render(rates(), lang="ko"))
    assert [c["id"] for c in english] == [c["id"] for c in korean]
    for before, after in zip(english, korean, strict=True):
        if before["cell_type"] == "code":
            assert ast.dump(_parsed(before)) == ast.dump(_parsed(after))
        else:
            text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", "", source(after), flags=re.DOTALL)
            left = set(re.findall("[A-Za-z]{4,}", text))
            assert re.search("[가-힣]", text) and left <= {"Gamma", "NumPy", "SciPy", *rates().model.title.split()}
    assert "양수" in next(source(c) for c in korean if c["id"] == "data")


def _parsed(cell: dict) -> ast.Module:
    return ast.parse(re.sub(r"^%%writefile.*\n", "", source(cell)))
