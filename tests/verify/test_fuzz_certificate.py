"""Certificates from anywhere: whatever a file holds, the answer is a report or a `CertificateError`, soon."""

import copy
import importlib
import json
import random
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from generated import derived_model, spread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_certificate import TEXTS, at, broken, doubled, edited, nested
from random_drive import time_limit
from typer.testing import CliRunner

from cavi.cli import app
from cavi.verify import CertificateError, certificate, check_certificate, verify
from cavi.verify.report import Report

MODELS = ("beta_bernoulli", "normal_gamma", "dynamic_level", "poisson_mixture")
SECONDS, BYTES = 60.0, 2 * 1024**3

quick = settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=list(HealthCheck), database=None
)
few = settings(quick, max_examples=15)
SEEDS = st.integers(0, 2**32 - 1)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(TEXTS)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@pytest.fixture(scope="module")
def written() -> Callable[[str], dict[str, Any]]:
    """Certificates of a few models by name, each at the smallest number of digits."""
    found = {}
    for name in MODELS:
        derived = derived_model(name)
        plain = json.loads(json.dumps(certificate(derived, verify(derived, 6, code=False))))
        found[name] = {**plain, "source": None, "source_sha256": None}
    return lambda name: found[name]  # whose printed form is short


@pytest.fixture
def reading_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read and its instances, but no row is computed, which takes a thousand times as long."""
    reader = importlib.import_module("cavi.verify.certificate")  # the package has a function of that name
    known = reader.kind_of
    monkeypatch.setattr(reader, "kind_of", lambda claim: replace(known(claim), rows=lambda *given: ()))


@contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Address space for so many bytes beyond what the process has now; where it cannot be told, no limit."""
    if not sys.platform.startswith("linux"):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def judged(content: str | bytes, path: Path) -> str:
    """ "reported" or "refused"; whatever else comes out is the fault that is looked for."""
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    with time_limit(SECONDS), memory_limit(BYTES):
        try:
            report = check_certificate(path)
        except CertificateError as error:
            assert str(error) and len(str(error)) < 2000, f"a message of {len(str(error))} characters"
            return "refused"
    assert isinstance(report, Report) and str(report)
    return "reported"


def judged_edited(plain: dict[str, Any], seed: int, path: Path) -> None:
    """An edited certificate; a fault tells what was edited."""
    changed, said = edited(random.Random(seed), plain)
    try:
        judged(json.dumps(changed), path)
    except BaseException as error:
        error.add_note(f"seed {seed}: " + "; ".join(said))
        raise


@quick
@given(plain=ANYTHING)
def test_any_json(tmp_path: Path, plain: Any) -> None:
    assert judged(json.dumps(plain), tmp_path / "c.json") == "refused"


@quick
@given(content=st.binary(max_size=60))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    assert judged(content, tmp_path / "c.json") == "refused"


@pytest.mark.usefixtures("reading_alone")
@pytest.mark.parametrize("name", spread(MODELS, 2))
@quick
@given(seed=SEEDS)
def test_edited_certificates_are_read_or_refused(
    written: Callable[[str], dict[str, Any]], tmp_path: Path, name: str, seed: int
) -> None:
    judged_edited(written(name), seed, tmp_path / "c.json")


@pytest.mark.parametrize("name", spread(MODELS, 2))
@few
@given(seed=SEEDS)
def test_edited_certificates_end_in_a_report_or_a_refusal(
    written: Callable[[str], dict[str, Any]], tmp_path: Path, name: str, seed: int
) -> None:
    judged_edited(written(name), seed, tmp_path / "c.json")


@pytest.mark.usefixtures("reading_alone")
@quick
@given(seed=SEEDS)
def test_broken_text_is_read_or_refused(written: Callable[[str], dict[str, Any]], tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    plain = written("beta_bernoulli")
    content = broken(random_, json.dumps(plain)) if random_.random() < 0.6 else doubled(random_, plain)
    judged(content, tmp_path / "c.json")


def put(plain: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value there."""
    plain = copy.deepcopy(plain)
    at(plain, path[:-1])[path[-1]] = value
    return plain


G = [["index", "g", "G"]]
FACTOR, VARIABLE = ("claim", "factors", 0), ("claim", "model", "variables")
ITSELF = {
    "a parameter of itself": ((*FACTOR, "parameters", 0, "value"), ["param", "p", "a", G]),
    "a moment of itself": ((*FACTOR, "moments", 0, "value"), ["moment", "p", "log p", G]),
    "a parameter of its own moment": ((*FACTOR, "parameters", 0, "value"), ["moment", "p", "log p", G]),
    "a bound of many terms": (("claim", "elbo", 0, "value"), ["sum", [["i", "4000"], ["j", "4000"]], ["num", "1"]]),
    "numbers that grow": (("claim", "elbo", 0, "value"), nested(8, lambda e: ["pow", e, "64"])),
    "towers of exponentials": (("claim", "elbo", 0, "value"), nested(40, lambda e: ["fn", "exp", [e]])),
    "a factor of a variable that is known": ((*FACTOR, "latents"), ["x"]),
    "no factors": (("claim", "factors"), []),
    "no variables": (VARIABLE, []),
    "axes of enormous sizes": ((*VARIABLE, 0, "plates"), [[f"i{k}", "9999"] for k in range(16)]),
    "the same axis twice": ((*VARIABLE, -1, "plates"), [["n", "N"], ["n", "N"]]),
    "a category of no size": ((*VARIABLE, -1, "over"), ["k", "0"]),
}


@pytest.mark.parametrize("name", ITSELF)
def test_hostile_claims_end_in_a_report_or_a_refusal(
    written: Callable[[str], dict[str, Any]], tmp_path: Path, name: str
) -> None:
    path, value = ITSELF[name]
    file = tmp_path / "c.json"
    if judged(json.dumps(put(written("beta_bernoulli"), path, value)), file) == "reported":
        assert not check_certificate(file).ok


@pytest.mark.parametrize(
    "content",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        "",
        "null",
        "1e400",
        "9" * 6000,
        '{"kind": "cavi certificate", "schema": NaN}',
        "\ufeff{}",
    ],
)
def test_what_is_no_certificate_is_one_line_on_the_command_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "certificate.json"
    file.write_text(content)
    result = CliRunner().invoke(app, ["verify", str(file)])
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


def test_a_file_of_enormous_size_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "certificate.json"
    with file.open("wb") as stream:
        stream.truncate(2**40)
    with memory_limit(2**28), pytest.raises(CertificateError, match="a certificate has at most"):
        check_certificate(file)


@pytest.mark.slow
@pytest.mark.parametrize("name", spread(MODELS, 2))
@settings(few, max_examples=500)
@given(seed=SEEDS)
def test_many_edited_certificates(
    written: Callable[[str], dict[str, Any]], tmp_path: Path, name: str, seed: int
) -> None:
    judged_edited(written(name), seed, tmp_path / "c.json")
