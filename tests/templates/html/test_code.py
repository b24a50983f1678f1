"""Coloured source: the text is the source whatever it is, and nothing in it is markup."""

import keyword
import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cavi.derive
import cavi.templates
from cavi.templates.html.code import coloured


def plain(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("package", [cavi.derive, cavi.templates])
def test_modules_keep_every_character(package) -> None:
    for path in Path(package.__path__[0]).glob("*.py"):
        source = path.read_text()
        shown = str(coloured(source))
        assert plain(shown) == source
        words = set(re.findall(r'<span class="k">(.*?)</span>', shown))
        assert words <= set(keyword.kwlist)
        assert len(re.findall(r'<span class="d">', shown)) == len(re.findall(r"^ *(?:def|class) \w+", source, re.M))


@given(st.text(alphabet="ab1_ \n\t\"'#<>&();:=\\\r\f{}[]%é…", max_size=60))
def test_any_text_is_shown_as_it_is(source: str) -> None:
    shown = str(coloured(source))
    assert plain(shown) == source
    assert set(re.findall(r"<(.*?)>", shown)) <= {f'span class="{c}"' for c in "kscnd"} | {"/span"}


def test_what_is_no_python_has_no_colour() -> None:
    assert str(coloured("def f(:\n  '''<b>")) == "def f(:\n  &#39;&#39;&#39;&lt;b&gt;"


def test_strings_comments_and_numbers() -> None:
    shown = str(coloured("x = 'a<b' + f(2.5)  # c&d\n"))
    assert '<span class="s">&#39;a&lt;b&#39;</span>' in shown
    assert '<span class="n">2.5</span>' in shown and '<span class="c"># c&amp;d</span>' in shown
