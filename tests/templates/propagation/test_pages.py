"""The article and the page: every step by its rule, every formula of the module, no sign twice."""

import re
from html.parser import HTMLParser

import pytest
from propagation_models import MODELS

from cavi.derive import propagate
from cavi.derive.propagation import rules
from cavi.templates.propagation.example import projections
from cavi.templates.propagation.symbols import signs


@pytest.mark.parametrize("name", ["logit", "groups", "regression"])
def test_the_article_has_every_part(name: str) -> None:
    p = propagate(MODELS[name](), 0.5)
    tex = p.latex()
    assert tex.count(r"\begin{align*}") == tex.count(r"\end{align*}") >= 4
    assert tex.count("{") == tex.count("}")
    cited = {s.rule for s in p.derivation} | {rules.EVIDENCE}
    assert all(rf"\item[{r.name}]" in tex for r in cited)
    if p.sites:
        assert r"\tilde{\tau}_n &\leftarrow" in tex and r"v_n^{\setminus} &= \frac{1}{" in tex
        assert all(f"{x:.3f}" in tex for pair in (projections().forward, projections().reverse) for x in pair)
    assert not re.search(r"[^\x00-\x7f]", tex.replace("ü", ""))


def test_the_page_is_well_formed_and_has_the_code() -> None:
    p = propagate(MODELS["logit"]())
    page = p.html()
    open_tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br", "mspace"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag != "mspace":
                assert open_tags.pop() == tag

    Reader().feed(page)
    assert not open_tags
    assert "log_normal_mass" in page and "src=" not in page


def test_the_reverse_projection_is_narrower() -> None:
    found = projections()
    assert found.reverse[1] < found.forward[1]
    assert found.forward == pytest.approx((2.270819269818, 1.960453989213), abs=1e-11)  # sums on a fine grid
    assert found.reverse == pytest.approx((2.2521378, 1.7780497), abs=3e-6)  # a minimiser without derivatives


def test_symbols_are_all_different() -> None:
    own = signs(propagate(MODELS["groups"]()))
    boxes = [*own.symbols.values(), *own.parameters.values()]
    assert len(set(map(repr, boxes))) == len(boxes)
