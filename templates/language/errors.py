"""Errors in the text of a model: they show the place."""

from __future__ import annotations

from cavi.derive.errors import DeclarationError


class TextError(DeclarationError):
    """The text of a model cannot be read, or declares something that is refused.

    Attributes:
        source: the name of the file, or of what was read.
        line: counted from one.
        column: counted from one.
        problem: what was found, what was expected and what to do.
    """

    def __init__(self, problem: str, source: str, text: str, line: int, column: int) -> None:
        lines = text.split("\n")
        shown = lines[line - 1].rstrip("\r") if line <= len(lines) else ""
        margin = " " * len(str(line))
        # A tab stays a tab below it, so that the caret stands under what it means.
        before = "".join(c if c == "\t" else " " for c in shown[: column - 1])
        super().__init__(f"{source}:{line}:{column}: {problem}\n{line} | {shown}\n{margin} | {before}^")
        self.source, self.line, self.column, self.problem = source, line, column, problem
