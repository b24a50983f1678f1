"""The seal of a generated module: a last line that says which text and which claim were verified.

``# cavi seal: source sha256=… claim sha256=…`` — `check_module` compares the line with the text above it and with the
certificate beside the module, so that one changed character shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cavi.verify.certificate import canonical, check_certificate, read_certificate, sha256
from cavi.verify.grammar import CertificateError
from cavi.verify.kinds import kind_of
from cavi.verify.report import Finding, Report, Row, run

SEAL = re.compile(r"\n# cavi seal: source sha256=([0-9a-f]{64}) claim sha256=([0-9a-f]{64})\n\Z")


def sealed(source: str, claim: Mapping[str, Any]) -> str:
    """The text of a module with its seal as the last line; an old seal is replaced."""
    text = unsealed(source)
    return f"{text}\n# cavi seal: source sha256={sha256(text)} claim sha256={sha256(canonical(claim))}\n"


def unsealed(source: str) -> str:
    """The text that a seal is about."""
    found = SEAL.search(source)
    return source if found is None else source[: found.start()]


def has_seal(path: str | Path) -> bool:
    """Whether a file ends with a seal, whatever it says."""
    try:
        return SEAL.search(Path(path).read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def check_module(path: str | Path, certificate: str | Path | None = None) -> Report:
    """Whether a generated module is the one that was verified, and the evidence again.

    Args:
        path: a module with a seal.
        certificate: the certificate it was verified with; by default the ``certificate.json`` beside it.

    Returns:
        Rows on the seal; if they hold, the evidence of the certificate found anew, and the module run against it.

    Raises:
        CertificateError: when the module has no seal, or there is no readable certificate.
    """
    file = Path(path)
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(f"{file}: cannot be read ({error})") from None
    found = SEAL.search(source)
    if found is None:
        raise CertificateError(
            f"{file}: no seal on its last line; a module that `cavi derive` has written ends with one"
        )
    beside = Path(certificate) if certificate is not None else file.parent / "certificate.json"
    plain = read_certificate(beside)
    text, (source_hash, claim_hash) = unsealed(source), found.groups()
    rows = [
        _same("the text is what was sealed", sha256(text), source_hash, "the text was changed after it was sealed"),
        _same(
            "the certificate is about this text", str(plain.get("source_sha256")), source_hash, "it has another source"
        ),
        _same(
            "the certificate is about this claim",
            sha256(canonical(plain["claim"])),
            claim_hash,
            "it has another derivation",
        ),
    ]
    title = f"module {file.name}"
    if any(r.verdict == "failed" for r in rows):  # a text that nobody has verified is not run
        return Report(title, tuple(rows))
    again = check_certificate(beside)
    kind = kind_of(plain["claim"])
    code = tuple(kind.code(kind.claim(plain["claim"]), lambda: text, again.instances, again.digits))
    return Report(title, (*rows, *again.rows, *code), again.digits, again.instances)


def _same(name: str, found: str, expected: str, why: str) -> Row:
    detail = "" if found == expected else f"{why}: found sha256 {found[:12]}…, expected {expected[:12]}…"
    return run(name, "certificate", 1, lambda: Finding(1.0 if found == expected else 0.0, detail))
