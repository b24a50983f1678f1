"""JUnit XML of a report: a test case for each row."""

from xml.etree import ElementTree

from cavi.verify import Report, Row, junit


def test_rows_become_test_cases() -> None:
    rows = (
        Row("E[x] & more", "families", 30, 40.0, 0.25, "checked"),
        Row("wrong", "optimality", 30, 2.5, 0.5, "failed", "claimed 1\x00, found <2>"),
        Row("far", "identity", 8, None, 0.0, "undecided", "too large"),
    )
    suite = ElementTree.fromstring(junit([Report("A model", rows)])).find("testsuite")
    assert suite is not None
    assert {k: suite.get(k) for k in ("tests", "failures", "skipped", "time")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "time": "0.750",
    }
    good, bad, open_ = suite.findall("testcase")
    assert good.get("name") == "E[x] & more" and len(good) == 0
    assert bad.find("failure").get("message") == "asked for 30 digits, got 2.5. claimed 1 , found <2>"
    assert open_.find("skipped").get("message") == "asked for 8 digits, got nothing. too large"
