"""Times importing, deriving, rendering and verifying every model of the library; not a test.

python benchmarks/derive.py            # print the table
python benchmarks/derive.py --verify   # with verification at 30 digits
python benchmarks/derive.py --write    # put the table into benchmarks/README.md; times of --verify are kept without it
python benchmarks/derive.py weibull_survival lda --verify --write   # some models, the others as the page has them

Times are those of the process, to which what others do on the machine adds little.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ONE = """
import json, sys, time
from cavi import models
name, check = sys.argv[1], sys.argv[2] == "True"
def timed(f):
    start = time.process_time(); result = f(); return result, time.process_time() - start
derived, first = timed(lambda: models.derived(name))
_, warm = timed(lambda: models.derived(name))
_, code = timed(derived.numpy)
_, code_warm = timed(derived.numpy)
_, latex = timed(derived.latex)
row = {"first": first, "warm": warm, "code": code, "code_warm": code_warm, "latex": latex}
if check:
    from cavi.verify import verify
    report, row["verify"] = timed(lambda: verify(derived, digits=30))
    row["ok"] = report.ok
print(json.dumps(row))
"""
IMPORT = """
import time
import sympy
start = time.process_time()
import cavi.derive
print(time.process_time() - start)
"""
HERE = Path(__file__).parent


def run(source: str, *arguments: str) -> str:
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


COLUMNS = {
    "first": "derive, first call",
    "warm": "derive again",
    "code": "NumPy, first",
    "code_warm": "NumPy again",
    "latex": "LaTeX",
    "verify": "verify",
}


def rows_before(page: Path) -> dict[str, dict[str, str]]:
    """The cells that the page has, by model and column."""
    text = page.read_text(encoding="utf-8").partition("\n## ")[0] if page.exists() else ""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: dict(zip(COLUMNS, row[1:], strict=False)) for row in rows}


def table(names: Sequence[str], check: bool, before: Mapping[str, Mapping[str, str]]) -> str:
    """The measurements as Markdown; each model in a process of its own, the others and what is not run as it was."""
    from cavi import models

    imported = statistics.median(float(run(IMPORT)) for _ in range(5))
    rows: dict[str, dict[str, str]] = {}
    for name in models.names():
        rows[name] = dict(before.get(name, {}))
        if name in names:
            found = json.loads(run(ONE, name, str(check)))
            rows[name] |= {c: f"{found[c]:.2f}" for c in COLUMNS if c in found}
            print(name, rows[name], file=sys.stderr)
    columns = [c for c in COLUMNS if c != "verify" or any(r.get("verify") for r in rows.values())]
    lines = [
        f"`import cavi.derive` over SymPy's own import: {imported:.2f} s (median of 5).",
        "",
        f"| model | {' | '.join(COLUMNS[c] for c in columns)} |",
        "|---|" + "---:|" * len(columns),
    ]
    lines += [f"| {name} | " + " | ".join(row.get(c, "") for c in columns) + " |" for name, row in rows.items()]
    known = {c: [float(r[c]) for r in rows.values() if r.get(c)] for c in columns}
    for word, summary in (("median", statistics.median), ("largest", max)):
        lines.append(
            f"| **{word}** | " + " | ".join(f"{summary(known[c]):.2f}" if known[c] else "" for c in columns) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="models to measure; all unless some are named")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    page = HERE / "README.md"
    from cavi import models

    whole = given.verify and not given.names
    text = table(given.names or models.names(), given.verify, rows_before(page) if given.write and not whole else {})
    print(text)
    if given.write:
        machine = f"Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d')}; seconds."
        note = (
            "# Benchmarks\n\n`python benchmarks/derive.py --verify --write` makes this page. "
            "Every model runs in a fresh process, whose own time is told; absolute times vary with the machine."
            f"{'' if whole else ' Not all rows are of one run.'}"
            f"\n\n{machine}\n\n"
        )
        _, mark, others = (
            page.read_text().partition("\n## Against other libraries\n") if page.exists() else ("", "", "")
        )
        page.write_text(note + text + "\n" + mark + others)


if __name__ == "__main__":
    main()
