"""The published schema of certificates: what is written follows it, what the checker refuses does not."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from generated import derived_model

from cavi.verify import CertificateError, certificate, verify
from cavi.verify.grammar import LENGTHS, check_claim
from cavi.verify.schema import PARTS, schema, text

DOCS = Path(__file__).parents[2] / "docs" / "certificate.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(schema())


def written(name: str) -> dict[str, Any]:
    derived = derived_model(name)
    return json.loads(json.dumps(certificate(derived, verify(derived, 10, code=False))))


@pytest.fixture(scope="module")
def chain() -> dict[str, Any]:
    return written("dynamic_level")


def test_the_published_file_is_this_schema() -> None:
    again = "python -c \"from cavi.verify.schema import text; print(text(), end='')\" > docs/certificate.schema.json"
    assert DOCS.read_text() == text(), f"write it again: {again}"
    VALIDATOR.check_schema(schema())


def test_every_head_has_its_parts() -> None:
    assert {head: len(parts) + 1 for head, parts in PARTS.items()} == LENGTHS


@pytest.mark.parametrize("name", ["normal_gamma", "beta_bernoulli", "observed_scatter_matrices"])
def test_certificates_follow_it(name: str) -> None:
    assert VALIDATOR.is_valid(written(name))


def test_a_chain_follows_it(chain: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(chain)


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    *way, last, value = path

    def change(plain: dict[str, Any]) -> None:
        for key in way:
            plain = plain[key]
        plain[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("claim", "elbo", 0, "value", ["import", "os"]),
        put("claim", "elbo", 0, "value", ["fn", "eval", [["num", "1"]]]),
        put("claim", "elbo", 0, "value", ["num", "1e5"]),
        put("claim", "elbo", 0, "value", ["num", 1]),
        put("claim", "elbo", 0, "value", ["add"]),
        put("claim", "elbo", 0, "value", ["ref", "__class__", []]),
        put("claim", "elbo", 0, "value", ["sum", [["n", "N", "M"]], ["num", "1"]]),
        put("claim", "elbo", 0, "value", ["ref", "y", [["shift", ["index", "t", "N"], 2]]]),
        put("claim", "model", "variables", 0, "role", "wizard"),
        put("claim", "factors", 0, "families", "h_epsilon", "Cauchy"),
        put("claim", "factors", 0, "parameters", 0, "value", ["array", "system", "x", 1]),
        put("claim", "derivations", 0, "steps", 0, "relation", "~"),
        put("claim", "schema", 99),
        put("claim", "elbo", {}),
    ],
)
def test_what_the_checker_refuses_it_refuses_too(
    chain: dict[str, Any], change: Callable[[dict[str, Any]], None]
) -> None:
    plain = copy.deepcopy(chain)
    change(plain)
    with pytest.raises(CertificateError):
        check_claim(plain["claim"])
    assert not VALIDATOR.is_valid(plain)
