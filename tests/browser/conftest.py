"""Browsers and the pages that they are shown.

Chromium and Firefox are those of the system where there are, else those of Playwright (``playwright install``).
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generated import derived_model, run
from reports import report_on

from cavi import models
from cavi.derive import identities
from cavi.templates.identities import render_html

LESSON = Path(__file__).parents[2] / "docs" / "lesson" / "build.py"
MATHEMATICS = ("gaussian_mixture_full", "lda", "hmm_gaussian")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


def launched(playwright: Any, name: str, scheme: str = "light") -> Any:
    """A browser; of Firefox the scheme is a preference, since that of the system takes no other."""
    if name == "chromium":
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
    preferences = {"layout.css.prefers-color-scheme.content-override": int(scheme != "dark")}
    found = next(filter(None, map(shutil.which, ("firefox", "firefox-esr"))), None)
    own = {} if found is None else {"channel": "moz-firefox", "executable_path": found}
    return playwright.firefox.launch(firefox_user_prefs=preferences, **own)


@pytest.fixture(scope="session")
def chromium(playwright: Any) -> Iterator[Any]:
    browser = launched(playwright, "chromium")
    yield browser
    browser.close()


@pytest.fixture(scope="session", params=["chromium", "firefox"])
def browser(request: pytest.FixtureRequest, playwright: Any) -> Iterator[Any]:
    started = launched(playwright, request.param)
    yield started
    started.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Address of every page by name: derivations with and without evidence, a fit, the theory, the lesson."""
    derived, data = derived_model("gaussian_mixture"), models.data("gaussian_mixture")
    found = run(derived.numpy()).fit(data.data, data.hyper, data.sizes, seed=0, max_iter=3)
    texts = {
        "report": derived.html(report_on(derived)),
        "report.ko": derived.html(report_on(derived), lang="ko"),
        "fit": derived.html(fit=found),
        "identities": render_html([identities.load(n) for n in ("elbo_by_jensen", "log_normaliser_gradient")]),
        "lesson.ko": _lesson("ko"),
        **{name: derived_model(name).html() for name in MATHEMATICS},
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


def _lesson(language: str) -> str:
    spec = importlib.util.spec_from_file_location("lesson_build", LESSON)
    assert spec is not None and spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = build
    spec.loader.exec_module(build)
    return str(build.page(language, dict.fromkeys(build.CAPTIONS, "<svg role='img' aria-label='-'></svg>")))
