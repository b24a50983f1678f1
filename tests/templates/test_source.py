"""Generated modules as they are handed out: nothing unused, PEP 8's blank lines, lines of at most 120 characters."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from generated import derived_model
from hypothesis import given, settings
from hypothesis import strategies as st

from cavi.derive import CaviError
from cavi.models import names
from cavi.templates.source import WIDTH, tidy, used_imports

TARGETS = ["numpy", "numba", "jax", "streaming", "dask", "gibbs", "posterior", "estimator"]
LONG = "a_rather_long_name_of_a_sum_over_rows"


def program(source: str) -> str:
    """What Python reads, texts without regard to where their lines end."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = " ".join(node.value.split())
    return ast.dump(tree)


@pytest.mark.parametrize("name", names())
def test_modules_have_no_fault_that_a_linter_finds(name: str, tmp_path: Path) -> None:
    written = 0
    for target in TARGETS:
        try:
            (tmp_path / f"{target}.py").write_text(derived_model(name).render(target))
            written += 1
        except CaviError:
            continue
    assert written >= 3
    rules = ["--select", "E3,E501,E7,E9,F,W", "--ignore", "E741"]  # l, O and I are names in models
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--preview", "--line-length", str(WIDTH), *rules]
    done = subprocess.run([*command, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


LINES = [
    f"total = {LONG}_1 @ {LONG}_2 + 0.5 * {LONG}_3 - {LONG}_4 ** 2 * -{LONG}_5 / ({LONG}_6 + 1)  # (K,)",
    f"return np.einsum('abc,acd->bd', {LONG}_1, np.einsum('abc,dc->abd', {LONG}_2, {LONG}_3[m] * tau, optimize=True))",
    f'raise ValueError(f"found {{{LONG}_1}} (of {{len({LONG}_2)}}), expected (more, or) less than {LONG}") from None',
    f"if {LONG}_1 and not {LONG}_2 or {LONG}_3 not in ({LONG}_4, {LONG}_5):\n    pass",
    f"def {LONG}(one: {LONG}_1, *, two: dict[str, int] = {LONG}_2, **three: {LONG}_3) -> tuple[{LONG}_4]:\n    pass",
    f"x = [{LONG}_1 for {LONG}_1, other in {LONG}_2 if {LONG}_1 != {LONG}_3 if {LONG}_3]",
    f"first, second = {LONG}_1, {LONG}_2 if {LONG}_3 else {LONG}_4.{LONG}_5[{LONG}_6, ::-1]",
    f"array[i, j : j + 1] = {LONG}_1(lambda x: x + {LONG}_2, *{LONG}_3, **{LONG}_4)[{LONG}_5]",
    f"{LONG}_1(x)[{LONG}_3] += 1 - {LONG}_4[0] if {LONG}_5 is not None else (yield)",
    f"known = {{'a': ({LONG}_1, {LONG}_2), 'b': {{'c': {LONG}_3, 'd': {LONG}_4}}, 'e': '(', 'f': {LONG}_5}}",
    f"call(\n    {LONG}_1, {LONG}_2 * {LONG}_3, other={LONG}_4, another=lambda: {LONG}_5,\n)",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_long_lines_are_broken_and_the_program_stays(line: str, depth: int) -> None:
    source = "async def f():\n    pass\n"
    for level in range(depth):
        source += "    " * level + "if x:\n"
    source += "".join("    " * depth + part + "\n" for part in line.split("\n"))
    found = tidy(source)
    assert max(map(len, source.splitlines())) > WIDTH >= max(map(len, found.splitlines()))
    assert program(found) == program(source)
    assert tidy(found) == found


NAMES = st.sampled_from([f"{LONG}_{i}" for i in range(5)] + ["x", "y[0]", "2", "f(x, y=1)", "(a, b)", "'(+'"])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from([" + ", " - ", " * ", " @ ", " / ", " ** ", " and ", " == ", " if z else ", " | "])
    return st.one_of(
        st.builds(lambda a, sign, b: f"{a}{sign}{b}", parts, signs, parts),
        st.builds(lambda a, b: f"f({a}, {b})", parts, parts),
        st.builds(lambda a, b: f"({a})[{b}]", parts, parts),
        st.builds(lambda a: f"-({a})", parts),
        st.builds(lambda a, b: f"sum({a} for i in ({b}))", parts, parts),
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(NAMES, joined, max_leaves=30), st.sampled_from(["return {}", "x = {}", "f({})", "x[i] += {}"]))
def test_any_expression_stays_the_same(expression: str, statement: str) -> None:
    source = f"def f():\n    {statement.format(expression)}\n"
    found = tidy(source)
    assert program(found) == program(source)
    assert tidy(found) == found


UNTIDY = """import os



X = 1
# about f
@g

def f():
    a = 1
    def h():
        pass



    return a
Y = 2
class C:
    def m(self):
        pass
    def n(self):
        pass
try:
    f()
except E:
    pass
"""
TIDY = """import os


X = 1


# about f
@g
def f():
    a = 1

    def h():
        pass

    return a


Y = 2


class C:
    def m(self):
        pass

    def n(self):
        pass


try:
    f()
except E:
    pass
"""


def test_blank_lines() -> None:
    assert tidy(UNTIDY) == TIDY


def test_texts_and_comments_are_reflowed_but_not_the_one_at_the_top() -> None:
    words = "words " * 30
    text = f"    go on.\n\n    Args:\n        x: {words}\n            more.\n    "
    source = f'"""{words}."""\n# {words}\n\n\ndef f():\n    """{words}\n{text}"""\n'
    first, *rest = tidy(source).splitlines()
    assert first == source.partition("\n")[0]
    assert max(map(len, rest)) <= WIDTH
    assert any(line.startswith("            words") and line.endswith("more.") for line in rest)
    assert program(tidy(source)) == program(source)


def test_imports_that_nothing_uses_are_left_out() -> None:
    lines = [
        "from __future__ import annotations",
        "import os",
        "import a.b as c",
        "from d import e, f as g",
        "print(c, g)",
    ]
    assert used_imports("\n".join(lines)).splitlines() == [lines[0], lines[2], "from d import f as g", lines[4]]
