"""The documentation site: every block of Python runs, every command ends well, every page is in the navigation."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cavi.cli import app

SITE = Path(__file__).resolve().parents[2] / "docs" / "site"
PAGES = sorted((SITE / "pages").rglob("*.md"))
NEEDING = [pytest.mark.targets]
RUN = [pytest.param(p, id=p.stem, marks=NEEDING if p.parent.name == "targets" else []) for p in PAGES]


@pytest.mark.parametrize("page", RUN)
def test_its_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Blocks of a page share their names, in an empty folder; commands run between them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    namespace: dict = {}
    for kind, text in re.findall(r"```(python|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        if kind == "python":
            exec(compile(text, page.name, "exec"), namespace)
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "), comments=True)
            assert program == "cavi" and line.startswith("$ ")
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, f"{line}\n{result.output}"
    for name in set(sys.modules) - before:  # what the page wrote, not the libraries that it uses
        if str(getattr(sys.modules[name], "__file__", tmp_path)).startswith(str(tmp_path)):
            sys.modules.pop(name)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"([\w/]+\.md)", (SITE / "mkdocs.yml").read_text(encoding="utf-8"))
    made = {"gallery/index.md", "supported.md", "architecture.md", "verification.md", "peers.md"}
    assert set(listed) == {str(p.relative_to(SITE / "pages")) for p in PAGES} | made
    assert len(listed) == len(set(listed))
