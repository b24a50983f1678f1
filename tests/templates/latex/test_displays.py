"""What notebooks show of a model, an update, a bound and a report."""

from __future__ import annotations

from dataclasses import replace

from printing_models import HOSTILE, mixture, normal

from cavi.verify import Report
from cavi.verify.report import Row


def test_parts_show_themselves_in_the_notation_of_the_whole() -> None:
    derived = mixture()
    shown = derived.update("mu")._repr_latex_()
    assert r"q^{\star}(\mu_k) &= \mathcal{N}(\mu_k \mid m_k,\lambda_k^{-1})" in shown
    assert r"\lambda_k &= \mathbb{E}[\tau_k]" in shown
    assert r"r_{nk}" in shown
    assert r"\mathcal{L}(q) &=" in derived.elbo._repr_latex_()
    assert r"\tau_k &\sim \mathrm{Gam}(a_0,b_0) && k = 1,\dots,K" in derived.model._repr_latex_()
    for text in (shown, derived.elbo._repr_latex_(), derived.model._repr_latex_(), derived._repr_latex_()):
        assert text.startswith("$$") and text.endswith("$$") and text.count("$$") == 2


def test_an_update_on_its_own_is_plain_text() -> None:
    alone = replace(normal().update("tau"), context=None)
    assert alone._repr_latex_().startswith("`Update(")
    assert alone == normal().update("tau")


def test_a_report_shows_failures_first_and_escapes() -> None:
    rows = (
        Row("fine", "code", 10, 12.4, 0.1, "checked"),
        Row(HOSTILE, "code", 10, 1.0, 0.1, "failed", "1 < 2"),
    )
    shown = Report("A <title>", rows)._repr_html_()
    assert "<script>" not in shown and "A &lt;title&gt;" in shown
    assert shown.index("failed</td>") < shown.index("fine")
    assert "FAILED, 2 checks, 1 failed" in shown and "<small>1 &lt; 2</small>" in shown
    assert "FAILED" not in Report("A", rows[:1])._repr_html_()
