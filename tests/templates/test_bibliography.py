"""Every source that an article can cite names a work of the table."""

from __future__ import annotations

import re

import pytest

from cavi import models
from cavi.derive.families import CATALOGUE, MIXED_FAMILIES, VECTOR_FAMILIES
from cavi.derive.propagation.rules import CATALOGUE as RULES_OF_EP
from cavi.derive.relaxations import augmentations, every_bound
from cavi.derive.rules import CATALOGUE as RULES
from cavi.templates.article import article
from cavi.templates.bibliography import WORKS, bibtex, works
from cavi.templates.latex import render

SOURCES = {r.source for r in RULES if r.source}
SOURCES |= {f.source for f in [*CATALOGUE.values(), *VECTOR_FAMILIES.values()] if f.source}
SOURCES |= {f.source for f in MIXED_FAMILIES.values()} | {a.rule.source for a in augmentations()}
SOURCES |= {b.source for b in every_bound()}
for name in ("logistic_regression", "logistic_regression_polya_gamma", "multinomial_logistic_regression"):
    SOURCES |= set(article(models.derived(name)).sources)


# What an identity proves is cited by its name, beside the works.
SOURCES |= {re.sub("; identities .*", "", r.source) for r in RULES_OF_EP}


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_work_is_found(source: str) -> None:
    parts = [p.strip() for p in source.split(";")]
    assert all(any(p.startswith(name) for name in WORKS) for p in parts)
    assert len(works([source])) == len(set(re.findall(r"[A-Z][^;()]* \(\d{4}\)", source)))


def test_a_longer_name_is_another_work() -> None:
    assert list(works(["Böhning and Lindsay (1988), theorem 2.1"])) == ["Böhning and Lindsay (1988)"]
    assert works(["Nobody (1900)"]) == {}


def test_keys_are_distinct_and_entries_whole() -> None:
    assert len({w.key for w in WORKS.values()}) == len(WORKS)
    for name, work in WORKS.items():
        year = re.search(r"\((\d{4})\)", name)
        assert year is not None and work.fields["year"] == year[1]
        assert work.bibtex().count("{") == work.bibtex().count("}")
        where = {"book": "publisher", "article": "journal", "techreport": "institution", "phdthesis": "school"}
        assert where[work.kind] in work.fields and work.fields[where[work.kind]] in work.text()


def test_the_article_lists_what_the_file_has() -> None:
    derived = models.derived("normal")
    keys = re.findall(r"@\w+\{(\w+),", bibtex(article(derived).sources))
    assert keys == re.findall(r"\\bibitem\{(\w+)\}", render(derived))
    assert "bishop2006" in keys
