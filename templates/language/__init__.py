"""Models as text, read and written: what one would put on a whiteboard, one declaration a line.

    text ──parse──▶ tree ──read, evaluate──▶ Model ──write, expressions──▶ text

The two directions stand side by side because each is the test of the other: what is written reads back as the same
model. A text is never run as Python; its names are checked by `Model` as those of a Python declaration are.
"""

from cavi.templates.language.errors import TextError
from cavi.templates.language.read import read_file, read_model
from cavi.templates.language.write import write_model

__all__ = ["TextError", "read_file", "read_model", "write_model"]
