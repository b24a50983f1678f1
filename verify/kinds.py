"""The kinds of claims that a certificate may carry: how each is checked, its evidence found again, its module run.

claim ──check──▶ plain data that follow the grammar ──claim──▶ `Claim` ──rows, code──▶ rows of a report
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cavi.verify.claim import Claim
from cavi.verify.generated import check_generated
from cavi.verify.grammar import CertificateError, check_claim
from cavi.verify.instance import Instance
from cavi.verify.propagation import claim_of, code_rows
from cavi.verify.propagation import symbolic_rows as propagation_rows
from cavi.verify.propagation.grammar import KIND, check_propagation
from cavi.verify.report import Row
from cavi.verify.verification import symbolic_rows

Instances = Sequence[Instance]


@dataclass(frozen=True)
class Kind:
    """What is done with a claim.

    Attributes:
        check: the claim, if it follows the grammar; else a `CertificateError`.
        claim: the claim with its index.
        rows: the evidence of the symbolic tiers at the instances on file, to so many digits.
        code: the evidence on a module, whose text is given.
    """

    check: Callable[[dict[str, Any]], dict[str, Any]]
    claim: Callable[[Mapping[str, Any]], Claim]
    rows: Callable[[Claim, Instances, int], Iterable[Row]]
    code: Callable[[Claim, Callable[[], str], Instances, int], Iterable[Row]]


def kind_of(claim: Mapping[str, Any]) -> Kind:
    """The kind of a claim: mean field unless it says that it is a propagation.

    Raises:
        CertificateError: for a kind that is not known.
    """
    found = claim.get("kind", "")
    if not isinstance(found, str) or found not in _KINDS:
        raise CertificateError(f"claim: kind {str(found)[:20]!r} is not known; expected none or {KIND!r}")
    return _KINDS[found]


def _named(plain: dict[str, Any]) -> dict[str, Any]:
    """A claim of mean field whose factors and derivations speak of what is declared."""
    claim = check_claim(plain)
    names = [v["name"] for v in claim["model"]["variables"]]
    factors = {f["name"] for f in claim["factors"]}
    for f in claim["factors"]:
        for latent in f["latents"]:
            if latent not in names or latent not in f["families"]:
                raise CertificateError(f"claim: the factor {f['name']} has no declared latent with a family {latent!r}")
    for d in claim["derivations"]:
        for s in d["steps"]:
            if s["factor"] not in factors:
                raise CertificateError(f"claim: a derivation names the unknown factor {s['factor']!r}")
    return claim


_KINDS: Mapping[str, Kind] = {
    "": Kind(
        _named,
        Claim,
        symbolic_rows,
        lambda claim, source, instances, digits: check_generated(claim, source, instances[0].seed if instances else 0),
    ),
    KIND: Kind(
        check_propagation,
        claim_of,
        propagation_rows,
        lambda claim, source, instances, digits: code_rows(claim, instances[0], source, digits),
    ),
}
