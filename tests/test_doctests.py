"""The examples in public docstrings run, and say what they say."""

import doctest
import importlib
import pkgutil

import pytest

import cavi.cli
import cavi.derive
import cavi.models
import cavi.templates
import cavi.verify


def modules() -> list[str]:
    found = []
    for package in (cavi.derive, cavi.templates, cavi.verify, cavi.models, cavi.cli):
        found.append(package.__name__)
        found.extend(m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + "."))
    return found


@pytest.mark.parametrize("name", modules())
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_there_are_examples() -> None:
    count = sum(doctest.testmod(importlib.import_module(n)).attempted for n in modules())
    assert count >= 10
