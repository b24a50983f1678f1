"""Times importing, deriving, rendering and verifying every model of the library; not a test.

python benchmarks/derive.py            # print the table
python benchmarks/derive.py --verify   # with verification at 30 digits
python benchmarks/derive.py --write    # put the table into benchmarks/README.md
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
    start = time.perf_counter(); result = f(); return result, time.perf_counter() - start
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
start = time.perf_counter()
import cavi.derive
print(time.perf_counter() - start)
"""
HERE = Path(__file__).parent


def run(source: str, *arguments: str) -> str:
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def table(check: bool) -> str:
    """The measurements as Markdown; every model in a process of its own."""
    from cavi import models

    imported = statistics.median(float(run(IMPORT)) for _ in range(5))
    columns = ["first", "warm", "code", "code_warm", "latex", *(["verify"] if check else [])]
    heads = [
        "derive, first call",
        "derive again",
        "NumPy, first",
        "NumPy again",
        "LaTeX",
        *(["verify"] if check else []),
    ]
    lines = [
        f"`import cavi.derive` over SymPy's own import: {imported:.2f} s (median of 5).",
        "",
        f"| model | {' | '.join(heads)} |",
        "|---|" + "---:|" * len(heads),
    ]
    rows = {}
    for name in models.names():
        rows[name] = json.loads(run(ONE, name, str(check)))
        lines.append(f"| {name} | " + " | ".join(f"{rows[name][c]:.2f}" for c in columns) + " |")
        print(lines[-1], file=sys.stderr)
    middle = {c: statistics.median(r[c] for r in rows.values()) for c in columns}
    largest = {c: max(r[c] for r in rows.values()) for c in columns}
    lines.append("| **median** | " + " | ".join(f"{middle[c]:.2f}" for c in columns) + " |")
    lines.append("| **largest** | " + " | ".join(f"{largest[c]:.2f}" for c in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = table(given.verify)
    print(text)
    if given.write:
        machine = f"Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d')}; seconds."
        note = (
            "# Benchmarks\n\n`python benchmarks/derive.py --verify --write` makes this page. "
            f"Every model runs in a fresh process; absolute times vary with the machine.\n\n{machine}\n\n"
        )
        page = HERE / "README.md"
        _, mark, others = (
            page.read_text().partition("\n## Against other libraries\n") if page.exists() else ("", "", "")
        )
        page.write_text(note + text + "\n" + mark + others)


if __name__ == "__main__":
    main()
