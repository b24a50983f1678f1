"""Every method for every model past conjugacy beside its posterior, on the library's data; not a test.

python benchmarks/references.py                       # print the tables
python benchmarks/references.py item_response         # of some models
python benchmarks/references.py --write               # put them into docs/site/pages/how_to/compare.md
python benchmarks/references.py gamma_shape --write   # one of them, in the place of what is there

The posterior is a long run of Hamiltonian Monte Carlo on the declared density, or quadrature where it has up to three
coordinates; log p(x) is by quadrature or bridge sampling. Nothing is typed in. Data are thinned where a run
would be long.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cavi import models
from cavi.cli.comparison import COLUMNS, Comparison, compare
from cavi.derive import CaviError
from cavi.models import Dataset

PAGE = Path(__file__).parent.parent / "docs" / "site" / "pages" / "how_to" / "compare.md"
MARKS = ("<!-- references -->", "<!-- end of references -->")


@dataclass(frozen=True)
class Case:
    """How much of the data a model is compared on."""

    rows: int | None = None
    chains: int = 24
    draws: int = 400
    hyper: Mapping[str, object] = field(default_factory=dict)


CASES: Mapping[str, Case] = {
    "logistic_regression": Case(),
    "probit_regression": Case(),
    "multinomial_logistic_regression": Case(),
    "ordinal_regression": Case(),
    "poisson_regression": Case(),
    "negative_binomial_regression": Case(),
    "negative_binomial": Case(),
    "beta_binomial": Case(),
    "random_effects_logistic_regression": Case(),
    "poisson_state_space": Case(rows=40),
    "zero_inflated_poisson": Case(),
    "bradley_terry": Case(),
    "item_response": Case(rows=40),
    "gaussian_process_classification": Case(),
    "logistic_matrix_factorisation": Case(chains=16, draws=300),
    "correlated_topic_model": Case(chains=16),
    "bayesian_lasso": Case(rows=60),
    "horseshoe_regression": Case(rows=60),
    "quantile_regression": Case(),
    "student_regression": Case(),
    "student_t": Case(rows=30, draws=1000),
    "gamma_shape": Case(),
    "gamma_shape_rate": Case(),
    "weibull_survival": Case(),
    "truncated_regression": Case(rows=100),
    "hurdle_poisson": Case(rows=200),
    "multilevel_poisson_regression": Case(),
    "proportional_odds": Case(),
    "stochastic_volatility": Case(rows=40, chains=16, draws=2500),
}


def dataset(name: str) -> Dataset:
    """The library's data; of a matrix of cells and of documents a corner, since latents do not grow fewer with rows."""
    own = models.data(name)
    if name == "logistic_matrix_factorisation":
        row, column = np.asarray(own.data["row"]), np.asarray(own.data["column"])
        kept = (row < 6) & (column >= 20) & (column < 28)
        return Dataset({"y": own.data["y"][kept], "row": row[kept], "column": column[kept] - 20}, own.hyper, own.sizes)
    if name == "correlated_topic_model":  # four documents, the twelve words with most entries in them, two topics
        word, doc = np.asarray(own.data["w"]), np.asarray(own.data["doc"])
        _, entry, times = np.unique(word[doc < 4], return_inverse=True, return_counts=True)
        frequent = np.argsort(-times, kind="stable")[:12]
        kept = np.isin(entry, frequent)
        place = np.argsort(frequent)[np.searchsorted(np.sort(frequent), entry[kept])]
        data = {"w": place, "doc": doc[doc < 4][kept], "count": np.asarray(own.data["count"])[doc < 4][kept]}
        return Dataset(data, {**own.hyper, "nu_0": 4.0, "W_0": np.eye(2) / 4}, {"K": 2})
    return own


def found(name: str, case: Case) -> Comparison:
    """One model."""
    own = dataset(name)
    return compare(
        models.load(name),
        own.data,
        {**own.hyper, **case.hyper},
        own.sizes,
        models.info(name).factors,
        rows=case.rows,
        chains=case.chains,
        warmup=case.draws,
        draws=case.draws,
    )


def table(comparison: Comparison) -> str:
    """The rows as Markdown."""
    columns = COLUMNS[:-1]
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    lines += ["| " + " | ".join(line[:-1]) + " |" for line in comparison.lines()]
    refused = [f"\nNot fitted: {name} ({reason})." for name, reason in comparison.refused]
    return "\n".join([f"**{models.info(comparison.model).title}.** {comparison.heading}.", "", *lines, *refused])


def tables(names: Sequence[str]) -> dict[str, str]:
    """Title of a model -> its table, with a line of progress for each."""
    parts = {}
    for name in names:
        start, title = time.perf_counter(), models.info(name).title
        try:
            parts[title] = table(found(name, CASES.get(name, Case())))
        except (ArithmeticError, CaviError, ValueError) as error:
            parts[title] = f"**{title}.** Not compared: {error}"
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return parts


def written(page: str, made: Mapping[str, str]) -> str:
    """The page with these tables, each in the place of the one of its title, new ones at the end."""
    before, inside, after = re.split("|".join(map(re.escape, MARKS)), page)
    there = {part.partition(".**")[0].removeprefix("**"): part.strip() for part in re.split(r"(?m)^(?=\*\*)", inside)}
    parts = {title: part for title, part in {**there, **made}.items() if title.strip()}
    return f"{before}{MARKS[0]}\n" + "\n\n".join(parts.values()) + f"\n{MARKS[1]}{after}"


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(CASES))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    made = tables(given.names)
    print("\n\n".join(made.values()))
    if given.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
