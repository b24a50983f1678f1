"""Identities that do not follow the grammar are refused before anything is computed."""

import copy

import pytest

from cavi.verify import CertificateError
from cavi.verify.identities import check_identity, verify_identity

X = ["var", "x"]
P = ["density", "p", [X], [], []]
LOG_P = ["fn", "log", [P]]


def identity(left=LOG_P, right=LOG_P, **changes):
    step = {"before": left, "relation": "=", "after": right, "rule": "a rule", "gap": None}
    claim = {"left": left, "relation": "=", "right": right}
    base = {"schema": 1, "kind": "identity", "name": "n", "title": "t", "assumptions": [], "steps": [step]}
    return {**base, "claim": claim, **changes}


def deep(levels: int):
    e = ["num", "1"]
    for _ in range(levels):
        e = ["fn", "exp", [e]]
    return e


def test_a_good_one_is_returned() -> None:
    plain = identity()
    assert check_identity(plain) is plain


@pytest.mark.parametrize(
    ("e", "words"),
    [
        (["sum", X], "unknown head 'sum'"),
        (["num"], "'num' takes 1 parts, found 0"),
        (["num", "1/0"], "rational number"),
        (["num", 1.5], "rational number"),
        (["num", "9" * 100], "rational number"),
        (["const", "infinity"], "unknown constant"),
        (["sym", "a", "complex"], "unknown domain"),
        (["sym", "__import__('os')", "real"], "a name of letters"),
        (["fn", "exp", "x"], "expected a list"),
        (["density", "p", [["num", "1"]], [], []], "expected a variable"),
        (["density", "p", [X, X], [], []], "occurs twice"),
        (["kl", P, X], "expected a density"),
        (["expect", X, X], "expected a law"),
        (["iid", X, ["num", "2"]], "expected a density"),
        (["unknown", "f", "wild", [X]], "unknown kind of function"),
        (["grad", X, X], "expected a place"),
        (["at", X, X, X], "expected a symbol"),
        (["component", ["vec", "a"], X], "expected a index"),
        (["total", X, X, ["num", "2"], ["num", "0"]], "expected a label"),
        (["average", X, ["label", "k"], ["num", "2"], X], "expected a left out"),
        ("log p(x)", "must be a list"),
        ([], "expected an expression"),
        ([[]], "expected an expression"),
        (deep(200), "nested deeper"),
        (deep(5000), "nested deeper"),
    ],
)
def test_a_bad_expression_is_named(e, words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        check_identity(identity(right=e))


def test_size_is_bounded() -> None:
    wide = ["add", [["num", "1"]] * 300_000]
    with pytest.raises(CertificateError, match="parts in all"):
        check_identity(identity(right=wide))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "model"}, "expected an 'identity'"),
        ({"schema": 2}, "expected an 'identity' with schema 1"),
        ({"steps": "none"}, "'steps' must be a list"),
        ({"steps": [{}]}, "the entry 'before' is missing"),
        ({"steps": [identity()["steps"][0]] * 1000}, "at most 200"),
        ({"claim": {"left": P, "relation": "<", "right": P}}, "unknown relation"),
        ({"assumptions": [["wish", P]]}, "expected an assumption"),
        ({"assumptions": [["definition", ["num", "1"], P]]}, "only a symbol, a function or a density"),
        ({"assumptions": [["definition", ["unknown", "f", "real", [["num", "1"]]], P]]}, "expected placeholders"),
        ({"assumptions": [["holds", P, "=", P, [X]]]}, "expected a parameter to solve for"),
        ({"assumptions": [["law", P, "Gauss", {}]]}, "unknown family"),
        ({"assumptions": [["law", P, "Normal", {"scale": P}]]}, "unknown argument of Normal"),
        ({"assumptions": [["pushforward", P, P, X]]}, "one variable, one noise and a function"),
    ],
)
def test_a_bad_identity_is_refused(changes, words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        verify_identity(identity(**changes))


def test_an_equation_has_no_gap() -> None:
    plain = copy.deepcopy(identity())
    plain["steps"][0]["gap"] = P
    with pytest.raises(CertificateError, match="an equation has no gap"):
        check_identity(plain)


@pytest.mark.parametrize("digits", [0, 5, 61, 12.0, "30", None])
def test_digits_are_bounded(digits) -> None:
    with pytest.raises(ValueError, match="digits must be a whole number"):
        verify_identity(identity(), digits=digits)


@pytest.mark.parametrize("plain", [[], 3, {}])
def test_something_else_is_refused(plain) -> None:
    with pytest.raises((CertificateError, AttributeError)):
        verify_identity(plain)
