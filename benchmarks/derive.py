"""Times importing, deriving, rendering and verifying every model of the library; not a test.

python benchmarks/derive.py            # print the table
python benchmarks/derive.py --verify   # with verification at 30 digits
python benchmarks/derive.py --write    # put the table into benchmarks/README.md; times of --verify are kept without it

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


def verified_before(page: Path) -> dict[str, float]:
    """The times of verification that the page has, by model."""
    text = page.read_text(encoding="utf-8").partition("\n## ")[0] if page.exists() else ""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: float(row[6]) for row in rows if len(row) == 7 and row[6].replace(".", "").isdigit()}


def table(check: bool, before: dict[str, float]) -> str:
    """The measurements as Markdown; every model in a process of its own, verification as it was where it is not run."""
    from cavi import models

    imported = statistics.median(float(run(IMPORT)) for _ in range(5))
    columns = ["first", "warm", "code", "code_warm", "latex"]
    heads = ["derive, first call", "derive again", "NumPy, first", "NumPy again", "LaTeX"]
    if check or before:
        columns, heads = [*columns, "verify"], [*heads, "verify"]
    lines = [
        f"`import cavi.derive` over SymPy's own import: {imported:.2f} s (median of 5).",
        "",
        f"| model | {' | '.join(heads)} |",
        "|---|" + "---:|" * len(heads),
    ]
    rows = {}
    for name in models.names():
        rows[name] = {"verify": before.get(name)} | json.loads(run(ONE, name, str(check)))
        cells = ["" if rows[name][c] is None else f"{rows[name][c]:.2f}" for c in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr)
    known = {c: [r[c] for r in rows.values() if r[c] is not None] for c in columns}
    middle = {c: statistics.median(numbers) for c, numbers in known.items()}
    largest = {c: max(numbers) for c, numbers in known.items()}
    lines.append("| **median** | " + " | ".join(f"{middle[c]:.2f}" for c in columns) + " |")
    lines.append("| **largest** | " + " | ".join(f"{largest[c]:.2f}" for c in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    page = HERE / "README.md"
    text = table(given.verify, {} if given.verify or not given.write else verified_before(page))
    print(text)
    if given.write:
        machine = f"Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d')}; seconds."
        note = (
            "# Benchmarks\n\n`python benchmarks/derive.py --verify --write` makes this page. "
            "Every model runs in a fresh process, whose own time is told; absolute times vary with the machine."
            f"{'' if given.verify else ' Times of verification are of an earlier run, on fewer models.'}"
            f"\n\n{machine}\n\n"
        )
        _, mark, others = (
            page.read_text().partition("\n## Against other libraries\n") if page.exists() else ("", "", "")
        )
        page.write_text(note + text + "\n" + mark + others)


if __name__ == "__main__":
    main()
