"""Badges say the least of what the rows say, beside what the rows are about."""

import re
from html import unescape

from generated import derived_model

from cavi.templates.html import render
from cavi.templates.html.badges import Badges
from cavi.verify import Report, Row, verify

STEP = "optimal factor of mu, step 2: linearity and independence under q"
ROWS = (
    Row(STEP, "derivation", 15, 28.9, 0.1, "checked"),
    Row("optimal factor of mu, step 20: a later one", "derivation", 15, 9.0, 0.1, "failed"),
    Row("log q*(mu) - E[log p] is constant", "optimality", 15, 60.0, 0.1, "checked"),
    Row("log q*(mu) - E[log p] is constant, at widely spread magnitudes", "optimality", 15, 19.5, 0.1, "checked"),
    Row("update_mu", "code", 10, None, 0.1, "undecided", "no instance"),
)
BADGES = Badges(tuple(Report("a", ROWS).as_dict()["rows"]))


def test_digits_are_the_least_and_not_rounded_up() -> None:
    badge = BADGES.check("log q*(mu) - E[log p] is constant")
    assert badge is not None and badge.text == "holds to 19 digits" and len(badge.rows) == 2
    step = BADGES.step("optimal factor of mu", 2)
    assert step is not None and (step.text, step.rows) == ("holds to 28 digits", (STEP,))


def test_failed_and_undecided_are_said() -> None:
    failed, undecided = BADGES.step("optimal factor of mu", 20), BADGES.check("update_mu", STEP)
    assert failed is not None and failed.verdict == "failed" == failed.text
    assert undecided is not None and undecided.text == "not checked"


def test_without_rows_there_is_none() -> None:
    assert BADGES.step("optimal factor of tau", 2) is None
    assert BADGES.step("optimal factor of mu", None) is None
    assert Badges().check("update_mu") is None


def test_every_step_of_a_report_has_its_badge_on_the_page() -> None:
    derived = derived_model("normal")
    report = verify(derived, digits=15)
    page = render(derived, report.as_dict())
    found = re.findall(r'class="badge checked" title="(.*?)"', page)
    titles = {t for text in found for t in unescape(text).split("; ")}
    steps = {r.name for r in report.rows if r.tier == "derivation" and r.name.startswith("optimal factor")}
    assert steps and steps <= titles
    assert {"log q*(mu) - E[log p] is constant", "update_mu", "ELBO, entropy of tau"} <= titles
    assert 'class="badge' not in render(derived)
