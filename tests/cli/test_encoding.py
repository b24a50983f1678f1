"""What the command line writes into a file or a pipe is UTF-8, as the files are that it writes itself."""

import io
import sys

import pytest

from cavi import cli


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def written(monkeypatch: pytest.MonkeyPatch, kind: type[io.TextIOWrapper]) -> bytes:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", kind(raw, encoding="latin-1", errors="replace"))
    monkeypatch.setattr(cli, "app", lambda: print("τ²", flush=True))
    cli.main()
    return raw.getvalue()


def test_what_is_no_terminal_gets_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    assert written(monkeypatch, io.TextIOWrapper).decode("utf-8").strip() == "τ²"


def test_a_terminal_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    assert written(monkeypatch, Terminal).decode("latin-1").strip() == "?²"


def test_a_user_may_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    assert written(monkeypatch, io.TextIOWrapper).decode("latin-1").strip() == "?²"
