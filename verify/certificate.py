"""Certificates: a claim, the instances it was tested at and the evidence found, as one JSON file.

`check_certificate` repeats the evidence from the file alone: it reads plain data, evaluates it with the reference
densities and compares. It never runs the source text that the file carries, only its hash.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cavi.verify.claim import Claim
from cavi.verify.cost import MAX_TERMS, terms
from cavi.verify.grammar import CertificateError, field, text
from cavi.verify.instance_json import instance_from_json, instance_to_json
from cavi.verify.kinds import kind_of
from cavi.verify.report import TIERS, Finding, Report, Row, run
from cavi.verify.verification import MAX_DIGITS, MIN_DIGITS

KIND = "cavi certificate"
SCHEMA = 1
MAX_BYTES = 32 * 1024 * 1024
Recorded = dict[tuple[str, str], str]
REPEATED = ("families", "identity", "optimality", "derivation")


def certificate(derived: Any, report: Report) -> dict[str, Any]:
    """The certificate of a verified derivation as plain data, with the hash of its content."""
    is_plain = isinstance(derived, dict)
    source = None if is_plain else derived.numpy()
    body: dict[str, Any] = {
        "kind": KIND,
        "schema": SCHEMA,
        "claim": derived if is_plain else derived.plain(),
        "digits": report.digits,
        "instances": [instance_to_json(i) for i in report.instances],
        "evidence": [r.as_dict() for r in report.rows],
        "source": source,
        "source_sha256": None if source is None else sha256(source),
        "versions": versions(),
    }
    return {**body, "sha256": sha256(canonical(body))}


def write_certificate(derived: Any, report: Report, path: str | Path) -> Path:
    """Write the certificate; the file appears whole or not at all."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(certificate(derived, report), indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def check_certificate(path: str | Path) -> Report:
    """Repeat the evidence of a certificate from the file alone.

    Returns:
        A report whose rows are those of the symbolic tiers, found anew, and three on the file itself: its hash, the
        hash of its source, and whether every recorded row was found again with the same verdict.

    Raises:
        CertificateError: when the file is missing, too large, not JSON, or does not follow the grammar.
    """
    plain = read_certificate(path)
    try:
        return _repeated(plain)
    except CertificateError:
        raise
    except (LookupError, ValueError, ArithmeticError, TypeError, AttributeError, RecursionError) as error:
        # Every part follows the grammar, but they do not fit together.
        raise CertificateError(f"{path}: its parts contradict each other ({type(error).__name__}: {error})") from error


def _repeated(plain: Mapping[str, Any]) -> Report:
    """The rows of a certificate found again, and those on the file."""
    kind = kind_of(plain["claim"])
    claim = kind.claim(plain["claim"])
    digits = field(plain, "digits", int, "certificate")
    if isinstance(digits, bool) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise CertificateError(f"certificate: digits must be {MIN_DIGITS} … {MAX_DIGITS}, found {digits}")
    entries = field(plain, "instances", list, "certificate")
    if not 1 <= len(entries) <= 4:
        raise CertificateError(f"certificate: expected one to four instances, found {len(entries)}")
    instances = tuple(_instance(claim, entry) for entry in entries)
    for instance in instances:
        if terms(claim.plain, instance.sizes) > MAX_TERMS:
            raise CertificateError(
                f"certificate: its sums have more than {MAX_TERMS} terms at the sizes of an instance"
            )
    recorded = _recorded(plain)
    rows = list(kind.rows(claim, instances, digits))
    rows += _about_the_file(plain, recorded, rows)
    return Report(f"certificate of {claim.model['name']}", tuple(rows), digits, instances)


def versions() -> dict[str, str]:
    """What the evidence was made with."""
    found = {"python": platform.python_version()}
    for package in ("cavi", "mpmath", "numpy", "python-flint"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def canonical(plain: Mapping[str, Any]) -> str:
    """The one text of plain data that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256(content: str) -> str:
    """The SHA-256 of a text, as 64 hexadecimal digits."""
    return hashlib.sha256(content.encode("utf-8")).hexdigest()


def read_certificate(path: str | Path) -> dict[str, Any]:
    """The plain data of a certificate, its claim checked against the grammar.

    Raises:
        CertificateError: when the file is missing, too large, not JSON, or does not follow the grammar.
    """
    plain = _read(Path(path))
    return {**plain, "claim": _claim(plain)}


def _read(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CertificateError(f"{path}: {size} bytes; a certificate has at most {MAX_BYTES}")
        plain = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError(f"{path}: not a JSON file ({str(error)[:120]})") from error
    if not isinstance(plain, dict) or plain.get("kind") != KIND:
        raise CertificateError(f"{path}: not a certificate; expected a JSON object of kind {KIND!r}")
    if plain.get("schema") != SCHEMA:
        raise CertificateError(f"{path}: schema {str(plain.get('schema'))[:20]} is not known; expected {SCHEMA}")
    return plain


def _no_constant(name: str) -> float:
    raise CertificateError(f"not a certificate: it contains the number {name}")


def _claim(plain: Mapping[str, Any]) -> dict[str, Any]:
    found = field(plain, "claim", dict, "certificate")
    claim = kind_of(found).check(found)
    names = [v["name"] for v in claim["model"]["variables"]]
    if len(set(names)) != len(names):
        raise CertificateError("claim: a variable is declared twice")
    return claim


def _instance(claim: Claim, entry: object) -> Any:
    try:
        return instance_from_json(claim, entry)
    except KeyError as error:
        raise CertificateError(f"claim: the size or variable {error} is not declared") from error


def _recorded(plain: Mapping[str, Any]) -> Recorded:
    """(tier, name) -> verdict of the rows on file that can be repeated."""
    found = {}
    for row in field(plain, "evidence", list, "certificate"):
        tier, verdict = field(row, "tier", str, "evidence"), field(row, "verdict", str, "evidence")
        if tier not in TIERS or verdict not in ("checked", "failed", "undecided"):
            raise CertificateError(f"evidence: unknown tier {tier[:20]!r} or verdict {verdict[:20]!r}")
        if tier in REPEATED:
            found[tier, text(field(row, "name", str, "evidence"), "evidence")] = verdict
    return found


def _about_the_file(
    plain: Mapping[str, Any], recorded: Mapping[tuple[str, str], str], rows: list[Row]
) -> Iterator[Row]:
    carried = plain.get("source")

    def content() -> Finding:
        body = {k: v for k, v in plain.items() if k != "sha256"}
        same = plain.get("sha256") == sha256(canonical(body))
        return Finding(1.0 if same else 0.0, "" if same else "the content does not have the hash on file")

    def source() -> Finding:
        same = isinstance(carried, str) and plain.get("source_sha256") == sha256(carried)
        return Finding(1.0 if same else 0.0, "" if same else "the source does not have the hash on file")

    def repeated() -> Finding:
        again = {(r.tier, r.name): r.verdict for r in rows if r.tier in REPEATED}

        # Another engine may carry out a check that was undecided, or the other way round; a failure is a failure.
        def outcome(verdict: str | None) -> str | None:
            return "not failed" if verdict in ("checked", "undecided") else verdict

        different = sorted(k for k in {*again, *recorded} if outcome(again.get(k)) != outcome(recorded.get(k)))
        if different:
            return Finding(0.0, f"{len(different)} rows differ from the file, first {different[0]}")
        return Finding(1.0)

    yield run("hash of the content", "certificate", 1, content)
    if carried is not None:
        yield run("hash of the source", "certificate", 1, source)
    yield run("recorded evidence found again", "certificate", 1, repeated)
