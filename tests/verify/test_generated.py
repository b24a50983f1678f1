"""The code tier: a right module passes, and a module with one planted mistake does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cavi.derive import Categorical, Derived, Dirichlet, Gamma, Model, Poisson, derive
from cavi.verify.claim import Claim
from cavi.verify.generated import check_generated
from cavi.verify.report import Report


@pytest.fixture(scope="module")
def derived() -> Derived:
    m = Model("poissons")
    n, k = m.index("n", "N"), m.index("k", "K")
    alpha, a, b = m.hyper("alpha a b")
    pi, lam = m.latent("pi", Dirichlet(alpha, over=k)), m.latent("lam", Gamma(a, b), k)
    z = m.latent("z", Categorical(pi), n)
    m.observed("x", Poisson(lam[z[n]]), n)
    return derive(m)


@pytest.fixture(scope="module")
def source(derived: Derived) -> str:
    return derived.numpy()


def _report(derived: Derived, source: str) -> Report:
    return Report("code", tuple(check_generated(Claim(derived.plain()), lambda: source, 0)))


def test_the_rendered_module_is_right(derived: Derived, source: str) -> None:
    report = _report(derived, source)
    assert report.ok, str(report)
    assert not report.undecided
    assert len(report.rows) == 5 + len(derived.updates)


def _mistakes(source: str) -> list[tuple[str, str]]:
    """Every plus or minus of an assignment in the updates, moments and bound turned round; every sum a mean."""
    found = []
    for function in re.finditer(r"^def (update|moments|elbo)_.*?(?=^def |\Z)", source, re.MULTILINE | re.DOTALL):
        for line in re.finditer(r"^    \w+ = .*$", function.group(), re.MULTILINE | re.ASCII):
            for pattern, other in ((r" \+ ", " - "), (r" - ", " + "), (r"\.sum\(", ".mean(")):
                for hit in re.finditer(pattern, line.group()):
                    at = function.start() + line.start() + hit.start()
                    found.append((line.group().strip(), source[:at] + other + source[at + len(hit.group()) :]))
    return found


def test_planted_mistakes_in_code_are_caught(derived: Derived, source: str) -> None:
    found = _mistakes(source)
    assert len(found) >= 8
    assert [line for line, text in found if _report(derived, text).ok] == []


def test_a_module_that_does_not_run_fails(derived: Derived) -> None:
    report = _report(derived, "raise RuntimeError('no')")
    assert not report.ok
    assert "RuntimeError: no" in report.rows[0].detail


def test_a_module_that_imports_us_fails(derived: Derived, source: str) -> None:
    changed = source.replace("import numpy as np", "import numpy as np\nimport cavi.verify", 1)
    assert "imports cavi" in _report(derived, changed).rows[0].detail


def test_a_renderer_that_fails_is_reported(derived: Derived) -> None:
    def render() -> str:
        raise ValueError("cannot be rendered")

    rows = tuple(check_generated(Claim(derived.plain()), render, 0))
    assert [r.verdict for r in rows] == ["failed"]
    assert "cannot be rendered" in rows[0].detail


def test_wrong_bound_is_found_at_every_shape(derived: Derived, source: str) -> None:
    changed: Any = source.replace("return float(sum(elbo_terms(state).values()))", "return 1.0")
    failed = {r.name for r in _report(derived, changed).failed}
    assert failed == {"elbo"}


def test_mistakes_that_cancel_in_the_sum_of_the_bound_are_caught(derived: Derived, source: str) -> None:
    left, right = "E[log p(lam)]", "H[q(lam)]"
    changed = source.replace(f'"{left}": ', f'"{left}": 1.0 + ', 1).replace(f'"{right}": ', f'"{right}": -1.0 + ', 1)
    assert changed != source
    assert {r.name for r in _report(derived, changed).failed} == {"elbo"}
