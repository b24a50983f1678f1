"""The evidence section of the page: what a report says, whole and escaped, and nothing where there is none."""

import re
from html import unescape

from generated import derived_model

from cavi.templates.html import render
from cavi.templates.html.evidence import evidence_view
from cavi.verify import Report, Row

ROWS = (
    Row("q(tau) integrates to one", "families", 30, 38.96, 0.1, "checked"),
    Row("E[x] < 1 & more", "families", 30, 31.2, 0.1, "checked"),
    Row("log p(x) = L(q) + KL", "identity", 8, None, 0.1, "undecided", "the evidence couples 5 latents"),
    Row("update_tau", "code", 10, 3.0, 0.1, "failed", "tau.rate differs"),
)


def test_counts_and_digits_are_not_rounded_up() -> None:
    found = evidence_view(Report("a", ROWS).as_dict())
    assert found["summary"] == "2 of 4 checks hold, 1 failed, 1 could not be carried out."
    families, identity, code = found["tiers"]
    assert families["counts"] == "2 of 2 hold, to at least 31 digits" and not families["open"]
    assert [r["got"] for r in families["rows"]] == ["38", "31"]
    assert identity["open"] and identity["rows"][0]["note"] == "the evidence couples 5 latents"
    assert code["counts"] == "0 of 1 hold" and code["rows"][0]["verdict"] == "failed"


def test_the_section_is_on_the_page() -> None:
    derived = derived_model("normal")
    page = render(derived, Report("a", ROWS).as_dict())
    section = page[page.index('<section id="evidence">') :]
    section = section[: section.index("</section>")]
    assert '<a href="#evidence">' in page and "E[x] &lt; 1 &amp; more" in section
    names = [unescape(n) for n in re.findall(r"<tr class=\"\w+\"><td>(.*?)(?:<br>|</td>)", section)]
    assert names == [r.name for r in ROWS]
    assert derived.html(Report("a", ROWS)) == page


def test_without_a_report_there_is_none() -> None:
    assert "evidence" not in derived_model("normal").html().split("<main")[0].split("</style>")[1]
