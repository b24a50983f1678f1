"""Reports as JUnit XML, which continuous integration shows as test results."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from cavi.verify.report import Report


def junit(reports: Iterable[Report]) -> str:
    """One test suite for each report, one test case for each row.

    A failed row is a failure, an undecided one is skipped; the detail is the message.
    """
    root = ElementTree.Element("testsuites")
    for report in reports:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_xml(report.title),
            tests=str(len(report.rows)),
            failures=str(len(report.failed)),
            skipped=str(len(report.undecided)),
            time=f"{sum(r.seconds for r in report.rows):.3f}",
        )
        for r in report.rows:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=_xml(f"{report.title}.{r.tier}"),
                name=_xml(r.name),
                time=f"{r.seconds:.3f}",
            )
            got = "nothing" if r.got is None else f"{r.got:.1f}"
            words = f"asked for {r.asked} digits, got {got}. {r.detail}"
            if r.verdict == "failed":
                ElementTree.SubElement(case, "failure", message=_xml(words))
            elif r.verdict == "undecided":
                ElementTree.SubElement(case, "skipped", message=_xml(words))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Without the control characters that XML does not allow."""
    return "".join(c if c.isprintable() else " " for c in text)
