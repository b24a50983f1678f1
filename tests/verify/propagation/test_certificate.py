"""Certificates of propagations: repeated from the file alone, every planted mistake caught, hostile ones refused."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from generated import spread
from propagation_models import MODELS

from cavi.derive import propagate
from cavi.verify import CertificateError, certificate, check_certificate, check_module, sealed, verify
from cavi.verify.certificate import canonical, sha256
from cavi.verify.mutations.propagation import mutants
from cavi.verify.report import Report
from cavi.verify.schema import schema

VALIDATOR = jsonschema.Draft202012Validator(schema())
DIGITS = 12


@cache
def written(name: str, power: float = 1) -> str:
    p = propagate(MODELS[name](), power)
    return json.dumps(certificate(p, verify(p, 6 if name == "probits" else DIGITS)))


def on_file(plain: dict[str, Any], folder: Path) -> Path:
    """A certificate with the hash that its content has."""
    body = {k: v for k, v in plain.items() if k != "sha256"}
    path = folder / "certificate.json"
    path.write_text(json.dumps({**body, "sha256": sha256(canonical(body))}))
    return path


@pytest.mark.parametrize(("name", "power"), [("rates", 0.5), ("probits", 1), ("heavy_tails", 1), ("regression", 1)])
def test_the_evidence_is_found_again(name: str, power: float, tmp_path: Path) -> None:
    plain = json.loads(written(name, power))
    report = check_certificate(on_file(plain, tmp_path))
    assert report.ok and not report.undecided, str(report)
    again = {r.name: r.got for r in report.rows}
    recorded = [r for r in plain["evidence"] if r["tier"] in ("families", "identity", "optimality")]
    assert len(recorded) >= 3
    assert all(int(again[r["name"]]) == int(r["digits_got"]) for r in recorded)


def test_the_published_schema_knows_them() -> None:
    plain = json.loads(written("regression"))
    assert VALIDATOR.is_valid(plain)
    plain["claim"]["power"] = "two"
    assert not VALIDATOR.is_valid(plain)


def test_neither_derive_nor_sympy_is_needed(tmp_path: Path) -> None:
    path = on_file(json.loads(written("rates", 0.5)), tmp_path)
    code = (
        "import sys; from cavi.verify import check_certificate; assert check_certificate(sys.argv[1]).ok; "
        "print([m for m in sys.modules if m.startswith(('sympy', 'cavi.derive', 'cavi.templates'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_sealed_module_is_run_against_its_certificate(tmp_path: Path) -> None:
    p = propagate(MODELS["rates"](), 0.5)
    on_file(json.loads(written("rates", 0.5)), tmp_path)
    module = tmp_path / "rates_ep.py"
    module.write_text(sealed(p.numpy(), p.plain()))
    report = check_module(module)
    assert report.ok and "moments of q and of the tilted densities agree" in {r.name for r in report.rows}
    module.write_text(module.read_text().replace("0.5 * inner @ inner", "0.6 * inner @ inner"))
    assert [r.name for r in check_module(module).failed] == ["the text is what was sealed"]


def caught(report: Report) -> bool:
    return any(r.tier in ("families", "identity", "optimality") for r in report.failed)


def planted(name: str, power: float) -> list[tuple[str, str, int]]:
    claim = propagate(MODELS[name](), power).plain()
    return [(name, f"{m.operator}: {m.label}", i) for i, m in enumerate(mutants(claim))]


# Every operator at every formula of a regression (no site), of group levels (quadrature) and of probits (closed form).
PLANTED = [*planted("regression", 1), *planted("groups", 0.5), *planted("probits", 1)]


@pytest.mark.parametrize(("name", "what", "number"), spread(PLANTED, 40))
def test_planted_mistakes_are_caught(name: str, what: str, number: int, tmp_path: Path) -> None:
    power = 0.5 if name == "groups" else 1
    plain = json.loads(written(name, power))
    plain["claim"] = list(mutants(plain["claim"]))[number].plain
    try:
        report = check_certificate(on_file(plain, tmp_path))
    except CertificateError:
        return
    assert caught(report), what


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    *way, last, value = path

    def change(plain: dict[str, Any]) -> None:
        for key in way:
            plain = plain[key]
        plain[last] = value

    return change


SITE = ("claim", "sites", 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("claim", "kind", "sorcery"), "kind 'sorcery' is not known"),
        (put("claim", "schema", 9), "expected schema 1 of a propagation"),
        (put("claim", "power", "2"), "a fraction above 0 and at most 1"),
        (put("claim", "power", "1/0"), "a fraction above 0 and at most 1"),
        (put("claim", "gaussian", ["import", "os"]), "unknown head"),
        (put("claim", "natural", []), r"natural: found the latents \[\]"),
        (put("claim", "natural", 0, "latents", 0, "X"), "linear coefficients are given|none of its latents"),
        (put("claim", "natural", 0, "precision", 0, 0, "X"), "X is none of its latents"),
        (put(*SITE, "variable", "w"), "as something else is"),
        (put(*SITE, "method", "guess"), "unknown method"),
        (put(*SITE, "formulas", []), "expected .*'cavity_mean'"),
        (put(*SITE, "formulas", 0, 0, "eval"), "unknown quantity"),
        (put(*SITE, "function", ["fn", "exec", []]), "unknown function"),
        (put("claim", "evidence", 0, "value", ["sum", [["a", "9999"], ["b", "9999"]], ["num", "1"]]), "more than"),
        (put("instances", []), "one to four instances"),
        (put("instances", 0, "sizes", "N", 99), "the size N must be"),
    ],
)
def test_hostile_claims_are_refused(change: Callable[[dict[str, Any]], None], told: str, tmp_path: Path) -> None:
    plain = json.loads(written("rates", 0.5))
    change(plain)
    with pytest.raises(CertificateError, match=told):
        check_certificate(on_file(plain, tmp_path))


def test_parts_that_contradict_each_other_fail_or_are_refused(tmp_path: Path) -> None:
    for change in (
        put(*SITE, "scalar", ["ref", "nothing", []]),
        put(*SITE, "function", ["param", "h", "unheard_of", []]),
        put(*SITE, "plates", []),
    ):
        plain = copy.deepcopy(json.loads(written("rates", 0.5)))
        change(plain)
        try:
            report = check_certificate(on_file(plain, tmp_path))
        except CertificateError:
            continue
        assert not report.ok


def test_only_some_checks() -> None:
    p = propagate(MODELS["rates"](), 0.5)
    whole, part = verify(p, 8), verify(p, 8, only="a step of")
    (row,) = part.rows
    (same,) = (r for r in whole.rows if r.name == row.name)
    assert row.got == same.got
    with pytest.raises(ValueError, match="no check is called 'moon'; there are: log joint"):
        verify(p, 8, only="moon")
