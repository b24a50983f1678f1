"""A sealed module: what was verified is told from what was changed, to a character."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from generated import derived_model
from hypothesis import given, settings
from hypothesis import strategies as st

from cavi.verify import CertificateError, check_module, has_seal, sealed, unsealed, verify, write_certificate

# Whatever asks for the algebra or for SymPy in this process fails.
WITHOUT_DERIVE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "sympy" or name.startswith(("cavi.derive", "cavi.templates", "cavi.models")):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from cavi.cli import main
sys.argv = ["cavi", "verify", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sealed")
    derived = derived_model("normal_gamma")
    write_certificate(derived, verify(derived, 12), found / "certificate.json")
    (found / "normal_gamma.py").write_text(sealed(derived.numpy(), derived.plain()))
    return found


def test_the_verified_module_is_told_to_be_so(folder: Path) -> None:
    report = check_module(folder / "normal_gamma.py")
    assert report.ok and not report.undecided, str(report)
    assert {"certificate", "families", "identity", "optimality", "derivation", "code"} == {r.tier for r in report.rows}


@settings(max_examples=40, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), by=st.sampled_from("x0 \n#-"))
def test_one_changed_character_shows(folder: Path, at: float, by: str) -> None:
    source = (folder / "normal_gamma.py").read_text()
    text = unsealed(source)
    place = int(at * len(text))
    changed = source[:place] + by + source[place + 1 :]
    if changed == source:
        return
    path = folder / "changed.py"
    path.write_text(changed)
    assert [r.name for r in check_module(path).failed] == ["the text is what was sealed"]


def test_a_new_seal_on_a_changed_text_does_not_help(folder: Path) -> None:
    derived = derived_model("normal_gamma")
    path = folder / "resealed.py"
    path.write_text(sealed(derived.numpy().replace("0.5", "0.6"), derived.plain()))
    assert [r.name for r in check_module(path).failed] == ["the certificate is about this text"]


def test_a_seal_about_another_claim(folder: Path) -> None:
    path = folder / "other.py"
    path.write_text(sealed(derived_model("normal_gamma").numpy(), derived_model("normal").plain()))
    assert [r.name for r in check_module(path).failed] == ["the certificate is about this claim"]


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.py"
    bare.write_text("x = 1\n")
    assert not has_seal(bare) and not has_seal(tmp_path / "none.py")
    with pytest.raises(CertificateError, match="no seal on its last line"):
        check_module(bare)
    alone = tmp_path / "alone.py"
    alone.write_text((folder / "normal_gamma.py").read_text())
    with pytest.raises(CertificateError, match=r"certificate\.json: cannot be read"):
        check_module(alone)


def test_sealing_again_changes_nothing() -> None:
    derived = derived_model("normal")
    once = sealed(derived.numpy(), derived.plain())
    assert sealed(once, derived.plain()) == once and unsealed(once) == derived.numpy()


@pytest.mark.parametrize("name", ["certificate.json", "normal_gamma.py"])
def test_without_the_algebra(folder: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DERIVE, str(folder / name), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"]
