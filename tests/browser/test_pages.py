"""Pages as browsers show them: rules of accessibility, the keyboard, mathematics that is drawn and fits.

They need the extra ``browser``; with it: ``pytest -m browser tests/browser``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OPEN = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
# Text whose contrast with what is behind it is below that of WCAG 2, level AA; axe leaves signs and SVG undecided.
FAINT = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = channels(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  let seen = 0;
  for (const e of document.body.querySelectorAll("*")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest("script, style, desc, title") || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(channels(e.closest("svg") ? style.fill : style.color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    seen += 1;
    if (ratio < (size >= 24 ? 3 : 4.5)) found.push(`${e.tagName} ${e.textContent.slice(0, 40)} ${ratio.toFixed(2)}`);
  }
  return [seen, found];
}"""


def shown(browser: Any, address: str, width: int = 1100, **options: Any) -> Any:
    page = browser.new_context(viewport={"width": width, "height": 800}, **options).new_page()
    page.goto(address)
    return page


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("name", ["report", "report.ko", "fit", "identities", "lesson.ko"])
def test_axe_finds_nothing(chromium: Any, pages: dict[str, str], name: str, scheme: str, width: int) -> None:
    import axe_playwright_python

    page = shown(chromium, pages[name], width, color_scheme=scheme)
    page.evaluate(OPEN)
    page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    assert len(found["passes"]) > 10
    wrong = [(v["id"], n["target"], n["html"][:200]) for v in found["violations"] for n in v["nodes"]]
    assert not wrong
    assert {v["id"] for v in found["incomplete"]} <= {"color-contrast"}  # of signs and pictures, so that:
    seen, faint = page.evaluate(FAINT)
    assert seen > 50 and not faint


def test_steps_open_and_close_by_keyboard(chromium: Any, pages: dict[str, str]) -> None:
    page = shown(chromium, pages["report"])
    step = page.locator("ol.steps details").first
    summary = step.locator("summary").first
    summary.focus()
    for key in ("Enter", "Space"):
        before = step.evaluate("e => e.open")
        page.keyboard.press(key)
        assert step.evaluate("e => e.open") is not before
    every = page.locator("ol.steps").first.locator("details")
    page.get_by_role("button", name="Close all").first.focus()
    page.keyboard.press("Enter")
    assert every.count() > 2 and not any(every.nth(i).evaluate("e => e.open") for i in range(every.count()))
    page.get_by_role("button", name="Open all steps").first.focus()
    page.keyboard.press("Space")
    assert all(every.nth(i).evaluate("e => e.open") for i in range(every.count()))


def test_the_keyboard_goes_through_the_page_in_order_and_shows_where_it_is(
    chromium: Any, pages: dict[str, str]
) -> None:
    page = shown(chromium, pages["hmm_gaussian"], 390)
    page.wait_for_function("document.querySelectorAll('.display[tabindex]').length > 5")
    page.evaluate("""() => { window.order = [...document.querySelectorAll('*')]; }""")
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate("""() => {
              const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
              return {place: order.indexOf(e), tag: e.tagName, kind: e.className, wide: e.scrollWidth > e.clientWidth,
                lined: s.textDecorationLine, ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1,
                inside: box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight};
            }""")
        )
    places = [s["place"] for s in stops]
    assert places == sorted(set(places))
    assert stops[0]["kind"] == "skip" and all(s["inside"] and s["ring"] for s in stops)
    assert stops[1]["tag"] == "A" and stops[1]["lined"] == "underline"  # as under a pointer
    displays = [s for s in stops if s["kind"] == "display"]
    assert displays and all(s["wide"] for s in displays)
    assert {"A", "SUMMARY", "BUTTON", "DIV"} <= {s["tag"] for s in stops}


def test_formulas_that_fit_are_no_stops(chromium: Any, pages: dict[str, str]) -> None:
    page = shown(chromium, pages["lda"])
    page.evaluate(OPEN)
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelectorAll('.display').length") > 20
    assert page.evaluate("document.querySelectorAll('.display[tabindex]').length") == 0


@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("name", ["gaussian_mixture_full", "lda", "hmm_gaussian"])
def test_the_mathematics_is_drawn_and_fits(browser: Any, pages: dict[str, str], name: str, width: int) -> None:
    unset = dict.fromkeys(("color_scheme", "reduced_motion", "forced_colors", "contrast"), "null")
    page = shown(browser, pages[name], width, **unset)
    page.evaluate(OPEN)
    count, empty = page.evaluate("""() => {
      const all = [...document.querySelectorAll('math, mfrac, msub, munderover, mtr')];
      const flat = (m) => Math.min(m.getBoundingClientRect().width, m.getBoundingClientRect().height) < 1;
      return [all.length, all.filter(flat).map((m) => m.outerHTML.slice(0, 80))];
    }""")
    assert count > 300 and not empty
    crossed = page.evaluate("""[...document.querySelectorAll('mfrac')].filter((f) => {
      const [above, below] = [...f.children].map((c) => c.getBoundingClientRect());
      return above.bottom > below.top + 1;
    }).length""")
    assert crossed == 0  # numerators are above: it is drawn as mathematics, not as a row of signs
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate("""[...document.querySelectorAll('body *:not(:is(.display, .scroll, pre) *)')]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName)""")
    assert not outside
