"""Korean documents have no English words but names: of the library, of every relaxation and of every method."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from printing_models import ZOO
from reports import report_on
from shown import Shown

from cavi import models
from cavi.derive import (
    Bernoulli,
    BetaBinomial,
    Categorical,
    Exponential,
    Gamma,
    InverseGamma,
    Laplace,
    Model,
    Normal,
    Poisson,
    Sum,
    TruncatedNormal,
    derive,
    dot,
    exp,
    sigmoid,
    softmax,
)
from cavi.derive.relaxations import catalogue
from cavi.derive.result import Derived
from cavi.templates.article import article
from cavi.templates.bibliography import works
from cavi.templates.words import speaker

KO = speaker("ko")
HANGUL = re.compile("[가-힣]")
ALWAYS = ("gaussian_mixture_em", "hmm_gaussian", "logistic_regression_polya_gamma", "logistic_regression", "lda")


def words_in(text: str) -> set[str]:
    """Words of four letters and more, and of two and more where several stand in a row."""
    runs = re.findall(r"(?<![\w.])[A-Za-z]{2,}(?: [A-Za-z]{2,})+(?![\w.])", text)
    return set(re.findall("[A-Za-z]{4,}", text)) | {w for run in runs for w in run.split()}


def spoken(text: str) -> str:
    """The text without declarations, which are code: calls, their keywords, and what is taken by position."""
    return re.sub(r"\w+(?=[(\[=])", "", text)


def families(derived: Derived) -> Iterator[str]:
    """Names of distributions: of what was declared and of what the factors are made of."""
    for v in derived.model.variables:
        for d in (v.distribution, None if v.chain is None else v.chain.initial):
            yield "" if d is None else d.family
    for u in derived.updates:
        yield from (link.family for link in u.density)
        yield str(u.family)


def names_of(derived: Derived) -> set[str]:
    """What stays as it is: names of what was declared, of methods, of Greek letters, and what is cited."""
    a = article(derived)
    relaxed = [n for r in derived.relaxations for n in (r.name, r.name.replace("_", " "))]
    offered = [re.sub(r".*: ", "", reason) for r in derived.relaxations for reason in r.reasons]
    cited = [*a.sources, *(w.text() for w in works(a.sources).values())]
    known = [*families(derived), "NumPy SciPy Python sigmoid loggamma Phi exp log"]
    known += [v.name for v in derived.model.variables] + [key for u in derived.updates for key in u.moments]
    known += [v.name.replace("_", " ") for v in derived.model.variables] + [i.name for i in derived.model.indices]
    known += [*derived.model.sizes]
    known += [unicodedata.name(chr(c), "").lower() for c in range(0x3B1, 0x3CA)]
    found = " ".join([derived.model.title, *relaxed, *offered, *cited, *known])
    return set(re.findall("[A-Za-z]{2,}", found))


def english(texts: list[str], derived: Derived) -> set[str]:
    """The texts with words that are no names."""
    known = names_of(derived)
    return {s for s in texts if words_in(spoken(s)) - known}


def regression(response: Callable[..., object], **wanted: object) -> Derived:
    m = Model("regression")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d)
    m.observed("y", response(dot(w, x[n])), n)
    return derive(m, [("w",)], **{"relax": "auto", **wanted})  # type: ignore[arg-type]


def classes(**wanted: object) -> Derived:
    m = Model("classes")
    n, d, k = m.index("n", "N"), m.index("d", "D"), m.index("k", "K")
    x = m.covariate("X", n, d)
    w = m.latent("w", Normal(0, 1), d, k)
    m.observed("y", Categorical(softmax(Sum(w[d, k] * x[n, d], d), over=k)), n)
    return derive(m, [("w",)], **{"relax": "auto", **wanted})  # type: ignore[arg-type]


def sums(**wanted: object) -> Derived:
    m = Model("sums")
    n, k = m.index("n", "N"), m.index("k", "K")
    u, v = m.latent("u", Gamma(2, 1), k), m.latent("v", Gamma(2, 1), n, k)
    m.observed("y", Poisson(dot(u, v[n])), n)
    return derive(m, **{"relax": "auto", **wanted})  # type: ignore[arg-type]


def one_rate(distribution: Callable[..., object], **wanted: object) -> Derived:
    m = Model("one_rate")
    n = m.index("n", "N")
    a = m.latent("a", Gamma(2, 1))
    m.observed("y", distribution(a), n)
    return derive(m, **{"relax": "auto", **wanted})  # type: ignore[arg-type]


def truncated() -> Derived:
    m = Model("truncated")
    n = m.index("n", "N")
    mu = m.latent("mu", Normal(0, 1))
    m.observed("y", TruncatedNormal(mu, 1, lower=0), n)
    return derive(m, relax="auto")


def point() -> Derived:
    m = Model("point")
    n, d = m.index("n", "N"), m.index("d", "D")
    x = m.covariate("X", n, d)
    b = m.point("b", d)
    u = m.latent("u", Gamma(2, 2), n)
    m.observed("y", Poisson(u[n] * exp(dot(b, x[n]))), n)
    return derive(m, [("b",)], approximate={"b": "newton"})


# What is not asked for is chosen, which the page says with the other rules.
DECLARED: dict[str, Callable[[], Derived]] = {
    "logistic": lambda: regression(lambda eta: Bernoulli(sigmoid(eta))),
    "boehning": lambda: regression(lambda eta: Bernoulli(sigmoid(eta)), bounds={"y": "boehning"}),
    "laplace_prior": lambda: regression(lambda eta: Laplace(eta, 1)),
    "softmax": classes,
    "softmax_jensen": lambda: classes(bounds={"y": "boehning"}),
    "tilted": lambda: classes(bounds={"y": "knowles_minka"}, approximate={"w": "cvi"}),
    "sums": sums,
    "sums_jensen": lambda: sums(bounds={"y": "jensen"}),
    "truncated": truncated,
    "counts": lambda: one_rate(lambda a: BetaBinomial(10, a, a)),
    "shape": lambda: one_rate(lambda a: Gamma(a, 1)),
    "laplace": lambda: regression(lambda eta: Poisson(exp(eta)), approximate={"w": "laplace"}),
    "delta": lambda: regression(lambda eta: Poisson(exp(eta)), approximate={"w": "delta"}),
    "newton": point,
    "inverse": lambda: one_rate(lambda a: InverseGamma(a, 1)),
    "exponential": lambda: one_rate(Exponential),
}


def _made(name: str) -> Derived:
    return DECLARED[name]() if name in DECLARED else ZOO[name]() if name in ZOO else models.derived(name)


@pytest.mark.parametrize(
    "name",
    [
        *ALWAYS,
        *DECLARED,
        *(pytest.param(n, marks=pytest.mark.sweep) for n in (*models.names(), *ZOO) if n not in (*ALWAYS, "hostile")),
    ],
)
def test_a_korean_page_has_no_english_but_names(name: str) -> None:
    derived = _made(name)
    page = Shown(derived.html(report_on(derived), lang="ko"))
    assert len(page.said) > 100
    assert not english(page.said, derived)


@pytest.mark.parametrize("rule", [*catalogue.every_bound(), *catalogue.augmentations()], ids=lambda r: r.name)
def test_why_a_relaxation_holds_is_said_in_korean(rule: object) -> None:
    proof = getattr(rule, "derivation", None) or rule.proof  # type: ignore[attr-defined]
    for step in getattr(proof, "derivation", proof).steps:
        assert HANGUL.search(KO(step.rule.name)) and HANGUL.search(KO(step.rule.statement)), step.rule
        for condition in step.conditions:
            said = re.sub(r"theta|PolyaGamma|[A-Z][a-z]+[A-Z]\w+|loggamma", "", KO(condition))
            assert HANGUL.search(said) or not words_in(said), condition
            assert not re.search("[a-z]{3,} [a-z]{2,}", said), said


def test_english_is_found() -> None:
    derived = DECLARED["shape"]()
    for left in ("b is zero or one", "chosen because the node is not conjugate", "이 꼴의 other rules"):
        assert english([left], derived) == {left}
    assert not english(["y ~ Normal(Sum(w[d]*X[n, d], d), std=tau)", "감마 분포"], derived)
