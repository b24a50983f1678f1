"""Plants mistakes in the whole library and counts what verification does about them; not a test.

python benchmarks/power.py --limit 30 --correct 21            # print the tables
python benchmarks/power.py --limit 30 --correct 21 --write    # put the counts into docs/verification.md
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from cavi.cli.mutations import verify_mutations
from cavi.cli.output import Output
from cavi.verify.mutations.sweep import OUTCOMES

DOCUMENT = Path(__file__).parent.parent / "docs" / "verification.md"
COLUMNS = ("mutants", *OUTCOMES)


def table(result: dict[str, Any]) -> str:
    """The counts by operator as Markdown, and what became of unchanged instances."""
    lines = [f"| planted mistake | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]
    total = dict.fromkeys(OUTCOMES, 0)
    for tier, where in (("claim", "derivation"), ("code", "code")):
        for operator, counts in sorted(result["by_operator"][tier].items()):
            lines.append(_line(f"{where}: {operator}", counts))
            total = {o: total[o] + counts[o] for o in OUTCOMES}
    correct = result["correct"]
    lines += [
        _line("**all**", total),
        "",
        f"Drawn from {sum(result['available'].values())} mutants of {len(result['available'])} models. "
        f"{correct['instances']} unchanged instances, {correct['rows']} checks: "
        f"{len(correct['false_alarms'])} false alarms.",
    ]
    return "\n".join(lines)


def _line(name: str, counts: dict[str, int]) -> str:
    numbers = (sum(counts.values()), *(counts[o] for o in OUTCOMES))
    return f"| {name} | {' | '.join(map(str, numbers))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=30)
    parser.add_argument("--correct", type=int, default=21)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    result = verify_mutations(None, given.limit, given.correct, given.seed, given.jobs, Output())
    if given.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        marks = "<!-- mutations -->", "<!-- end of mutations -->"
        new = f"{marks[0]}\n{table(result)}\n{marks[1]}"
        DOCUMENT.write_text(re.sub(f"{marks[0]}.*?{marks[1]}", lambda _: new, text, flags=re.S), encoding="utf-8")


if __name__ == "__main__":
    main()
