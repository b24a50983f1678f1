"""Certificates: written whole, repeated from the file alone, tampering found, hostile files refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cavi.verify import CertificateError, certificate, check_certificate, verify, write_certificate
from cavi.verify.certificate import canonical


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, normal_plain: dict[str, Any]) -> str:
    target = tmp_path_factory.mktemp("written") / "deep" / "certificate.json"
    written = write_certificate(normal_plain, verify(normal_plain, 12), target)
    assert [p.name for p in target.parent.iterdir()] == ["certificate.json"]
    return written.read_text()


@pytest.fixture
def on_file(content: str, tmp_path: Path) -> Path:
    path = tmp_path / "certificate.json"
    path.write_text(content)
    return path


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain))
    return path


def test_evidence_is_repeated_from_the_file_alone(on_file: Path) -> None:
    report = check_certificate(on_file)
    assert report.ok, str(report)
    found = {r.name: r.verdict for r in report.rows if r.tier == "certificate"}
    assert found["hash of the content"] == found["recorded evidence found again"] == "checked"


def test_the_certificate_is_canonical_and_hashed(normal: dict[str, Any]) -> None:
    first, second = (certificate(normal, verify(normal, 10)) for _ in range(2))
    for c in (first, second):
        for row in c["evidence"]:
            row["seconds"] = 0
    assert canonical({**first, "sha256": ""}) == canonical({**second, "sha256": ""})
    assert set(first["versions"]) >= {"python", "cavi", "mpmath", "numpy"}
    assert all("/" in x or x.lstrip("-").isdigit() for x in first["instances"][0]["data"]["x"].values())


def test_a_changed_claim_fails(on_file: Path) -> None:
    def change(plain: dict[str, Any]) -> None:
        plain["claim"]["factors"][0]["parameters"][0]["value"] = ["ref", "a", []]

    report = check_certificate(_edit(on_file, change))
    assert {"optimality", "certificate"} <= {r.tier for r in report.failed}


def test_a_changed_record_fails(on_file: Path) -> None:
    report = check_certificate(_edit(on_file, lambda plain: plain["evidence"].pop()))
    assert {r.name for r in report.failed} == {"hash of the content", "recorded evidence found again"}


def test_the_source_is_hashed_and_never_run(on_file: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "ran"

    def change(plain: dict[str, Any]) -> None:
        plain["source"] = f"open({str(bomb)!r}, 'w').close()"

    report = check_certificate(_edit(on_file, change))
    assert "hash of the source" in {r.name for r in report.failed}
    assert not bomb.exists()


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(plain: dict[str, Any]) -> None:
        place: Any = plain
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def _nested(depth: int) -> list[Any]:
    e: list[Any] = ["num", "1"]
    for _ in range(depth):
        e = ["pow", e, "2"]
    return e


SIX = [[f"i{k}", "N"] for k in range(6)]
VALUE = ("claim", "factors", 0, "parameters", 0, "value")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("kind", value="other"), "expected a JSON object of kind"),
        (_set("schema", value=9), "schema 9 is not known"),
        (_set("digits", value=10**9), "digits must be"),
        (_set("instances", value=[]), "one to four instances"),
        (_set(*VALUE, value=["eval", "1"]), "unknown head 'eval'"),
        (_set(*VALUE, value=["num", "__import__('os')"]), "expected a rational number"),
        (_set(*VALUE, value=["num", "1/0"]), "expected a rational number"),
        (_set(*VALUE, value=["num", "9" * 500]), "expected a rational number"),
        (_set(*VALUE, value=["pow", ["num", "9"], "999999"]), "the exponent 999999 is beyond"),
        (_set(*VALUE, value=["fn", "system", [["num", "1"]]]), "unknown function 'system'"),
        (_set(*VALUE, value=["ref", "a.__class__", []]), "expected a name"),
        (_set(*VALUE, value=_nested(80)), "nested deeper than"),
        (
            _set(*VALUE, value=["sum", [[f"i{k}", "N"] for k in range(16)], ["sum", [["j", "N"]], ["num", "1"]]]),
            "nested sums",
        ),
        (_set(*VALUE, value=["sum", [[f"i{k}", "N"] for k in range(19)], ["num", "1"]]), "found 19 axes"),
        (_set(*VALUE, value=["sum", [[f"i{k}", "9999"] for k in range(3)], ["num", "1"]]), "sums have more than"),
        (_set(*VALUE, value=["num"]), "'num' takes 1 parts, found 0"),
        (_set(*VALUE, value=7), "must be a list"),
        (_set("claim", "factors", 0, "families", "tau", value="Cauchy"), "unknown family"),
        (_set("claim", "model", "variables", 0, "role", value="root"), "unknown role"),
        (_set("instances", 0, "sizes", "N", value=10**6), "the size N must be"),
        (_set("instances", 0, "sizes", value={}), "expected sizes"),
        (_set("instances", 0, "data", "x", "0", value="1e9"), "expected a rational number"),
        (_set("instances", 0, "data", "x", "0", value="99999999"), "is beyond 1000000"),
        (_set("instances", 0, "data", "x", value={}), "has no element"),
        (_set("instances", 0, "q", "tau", value={}), "must have the parameters"),
        (_set("evidence", 0, "tier", value="faith"), "unknown tier"),
    ],
)
def test_hostile_certificates_are_refused(
    on_file: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    with pytest.raises(CertificateError, match=message):
        check_certificate(_edit(on_file, change))


@pytest.mark.parametrize("head", ["exp", "lgamma", "digamma", "log_bessel_k"])
def test_towers_of_functions_end_in_a_failed_row(on_file: Path, head: str) -> None:
    tower: list[Any] = ["num", "999"]
    for _ in range(5):
        tower = ["fn", "exp", [tower]]
    tower = ["fn", head, [tower, tower] if head == "log_bessel_k" else [tower]]
    report = check_certificate(_edit(on_file, _set(*VALUE, value=tower)))
    assert "optimality" in {r.tier for r in report.failed}


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "NaN", '{"kind": NaN}', "[" * 100_000, "\x00"])
def test_what_is_not_a_certificate_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    with pytest.raises(CertificateError):
        check_certificate(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="cannot be read"):
        check_certificate(tmp_path / "none.json")
