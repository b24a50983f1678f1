"""Claims for the tests of the verifier: two written by hand from textbooks, others derived."""

from __future__ import annotations

import copy
from typing import Any

import pytest

Plain = list[Any]


def num(x: object) -> Plain:
    return ["num", str(x)]


def ix(name: str) -> Plain:
    return ["index", name, name.upper()]


def ref(name: str, *subs: str) -> Plain:
    return ["ref", name, [ix(s) for s in subs]]


def moment(factor: str, key: str, *subs: str) -> Plain:
    return ["moment", factor, key, [ix(s) for s in subs]]


def param(latent: str, name: str, *subs: str) -> Plain:
    return ["param", latent, name, [ix(s) for s in subs]]


def add(*terms: Plain) -> Plain:
    return ["add", list(terms)]


def mul(*factors: Plain) -> Plain:
    return ["mul", list(factors)]


def fn(name: str, *args: Plain) -> Plain:
    return ["fn", name, list(args)]


def total(index: str, body: Plain) -> Plain:
    return ["sum", [[index, index.upper()]], body]


def power(base: Plain, exponent: str) -> Plain:
    return ["pow", base, exponent]


MINUS, HALF = num(-1), num("1/2")
LOG_2PI = fn("log", mul(num(2), ["const", "pi"]))


def variable(
    name: str, role: str, plates: str = "", event: str = "", domain: str = "real", **rest: Any
) -> dict[str, Any]:
    base = {"name": name, "role": role, "domain": domain, "over": None, "weight": None, "constraint": None}
    axes = {"plates": [[i, i.upper()] for i in plates], "event": [[i, i.upper()] for i in event]}
    return {**base, **axes, "distribution": None, **rest}


def dist(name: str, **args: Plain) -> dict[str, Any]:
    return {"name": name, "args": args}


def parameter(latent: str, name: str, indices: str, value: Plain, role: str = "standard") -> dict[str, Any]:
    axes = [[i, i.upper()] for i in indices]
    return {"latent": latent, "name": name, "indices": axes, "role": role, "value": value}


def moments(indices: str, **table: tuple[Plain, Plain]) -> list[dict[str, Any]]:
    axes = [[i, i.upper()] for i in indices]
    return [
        {"key": key.replace("__", " ").replace("_sq", "^2"), "indices": axes, "pattern": pattern, "value": value}
        for key, (pattern, value) in table.items()
    ]


def factor(name: str, family: str, plates: str = "", event: str = "", **rest: Any) -> dict[str, Any]:
    axes = {"plates": [[i, i.upper()] for i in plates], "event": [[i, i.upper()] for i in event]}
    fixed = {"sequential": [], "point": False, "weight": None, "statistics": [], "families": {name: family}}
    return {"name": name, "latents": [name], **axes, **fixed, **rest}


def gamma_pieces(name: str, plates: str = "") -> dict[str, Any]:
    """Gamma: log q, moments and entropy in its shape and rate (Bishop 2006, B.26-B.31)."""
    at = list(plates)
    x, shape, rate = ref(name, *at), param(name, "shape", *at), param(name, "rate", *at)
    mean_log = add(fn("digamma", shape), mul(MINUS, fn("log", rate)))
    minus_one = add(shape, MINUS)
    return {
        "log_q": add(
            mul(shape, fn("log", rate)),
            mul(MINUS, fn("lgamma", shape)),
            mul(minus_one, fn("log", x)),
            mul(MINUS, rate, x),
        ),
        "entropy": add(
            shape, mul(MINUS, fn("log", rate)), fn("lgamma", shape), mul(MINUS, minus_one, fn("digamma", shape))
        ),
        "moments": moments(
            plates, **{name: (x, mul(shape, power(rate, "-1"))), f"log__{name}": (fn("log", x), mean_log)}
        ),
    }


def elbo(**terms: Plain) -> list[dict[str, Any]]:
    kinds = {"p": "expected log density", "h": "entropy"}
    return [{"name": key[2:], "kind": kinds[key[0]], "value": value} for key, value in terms.items()]


def normal_claim() -> dict[str, Any]:
    """Normal data with unknown mean and precision (Bishop 2006, 10.1.3)."""
    n, tau, mu = "n", moment("tau", "tau"), moment("mu", "mu")
    log_tau, mu_sq = moment("tau", "log tau"), moment("mu", "mu^2")
    k, m0, a, b, x = ref("k"), ref("m"), ref("a"), ref("b"), ref("x", n)
    prior_gap = add(mu_sq, mul(num(-2), m0, mu), power(m0, "2"))
    gap = add(power(x, "2"), mul(num(-2), x, mu), mu_sq)
    size = ["size", "N"]
    precision = mul(add(k, size), tau)
    mean = mul(add(mul(k, m0), total(n, x)), power(add(k, size), "-1"))
    m_q, p_q = param("mu", "mean"), param("mu", "precision")
    distance = add(ref("mu"), mul(MINUS, m_q))

    def log_normal(log_precision: Plain, square: Plain) -> Plain:
        return mul(HALF, add(log_precision, mul(MINUS, LOG_2PI), mul(MINUS, square)))

    return {
        "schema": 1,
        "model": {
            "name": "normal",
            "title": "Normal",
            "sizes": ["N"],
            "variables": [
                variable("m", "hyper"),
                *(variable(h, "hyper", domain="positive") for h in "kab"),
                variable("tau", "latent", domain="positive", distribution=dist("Gamma", shape=a, rate=b)),
                variable("mu", "latent", distribution=dist("Normal", mean=m0, precision=mul(k, ref("tau")))),
                variable("x", "observed", "n", distribution=dist("Normal", mean=ref("mu"), precision=ref("tau"))),
            ],
        },
        "factors": [
            factor(
                "tau",
                "Gamma",
                parameters=[
                    parameter("tau", "shape", "", add(a, mul(HALF, add(size, num(1))))),
                    parameter("tau", "rate", "", add(b, mul(HALF, k, prior_gap), mul(HALF, total(n, gap)))),
                ],
                **gamma_pieces("tau"),
            ),
            factor(
                "mu",
                "Normal",
                parameters=[parameter("mu", "precision", "", precision), parameter("mu", "mean", "", mean)],
                moments=moments(
                    "", mu=(ref("mu"), m_q), mu_sq=(power(ref("mu"), "2"), add(power(m_q, "2"), power(p_q, "-1")))
                ),
                entropy=mul(HALF, add(LOG_2PI, num(1), mul(MINUS, fn("log", p_q)))),
                log_q=log_normal(fn("log", p_q), mul(p_q, power(distance, "2"))),
            ),
        ],
        "elbo": elbo(
            p_tau=add(
                mul(a, fn("log", b)), mul(MINUS, fn("lgamma", a)), mul(add(a, MINUS), log_tau), mul(MINUS, b, tau)
            ),
            p_mu=log_normal(add(fn("log", k), log_tau), mul(k, tau, prior_gap)),
            p_x=total(n, log_normal(log_tau, mul(tau, gap))),
            h_tau=gamma_pieces("tau")["entropy"],
            h_mu=mul(HALF, add(LOG_2PI, num(1), mul(MINUS, fn("log", p_q)))),
        ),
        "derivations": [],
    }


def poisson_mixture_claim() -> dict[str, Any]:
    """A mixture of Poissons with Dirichlet weights (as Bishop 2006, 10.2, with Gamma rates)."""
    r, log_pi = moment("z", "z", "n", "k"), moment("pi", "log pi", "k")
    lam, log_lam, x = moment("lam", "lam", "k"), moment("lam", "log lam", "k"), ref("x", "n")
    alpha, a, b, c = ref("alpha"), ref("a"), ref("b"), param("pi", "concentration", "k")
    sum_c = total("k", c)
    mean_log = add(fn("digamma", c), mul(MINUS, fn("digamma", sum_c)))
    dirichlet = add(fn("lgamma", sum_c), mul(MINUS, total("k", fn("lgamma", c))))
    q = param("z", "probs", "n", "k")
    indicator = ["is", "z", [ix("n")], ix("k")]
    log_rate = add(mul(x, log_lam), mul(MINUS, lam), mul(MINUS, fn("lgamma", add(x, num(1)))))
    size = ["size", "K"]
    z_entropy = mul(MINUS, total("k", fn("xlogx", q)))
    pi_entropy = add(mul(MINUS, dirichlet), mul(MINUS, total("k", mul(add(c, MINUS), mean_log))))
    gamma = gamma_pieces("lam", "k")
    return {
        "schema": 1,
        "model": {
            "name": "poisson_mixture",
            "title": "Poisson mixture",
            "sizes": ["N", "K"],
            "variables": [
                *(variable(h, "hyper", domain="positive") for h in ("alpha", "a", "b")),
                variable(
                    "pi", "latent", event="k", domain="simplex", distribution=dist("Dirichlet", concentration=alpha)
                ),
                variable("lam", "latent", "k", domain="positive", distribution=dist("Gamma", shape=a, rate=b)),
                variable(
                    "z",
                    "latent",
                    "n",
                    domain="count",
                    over=["k", "K"],
                    distribution=dist("Categorical", probs=ref("pi", "k")),
                ),
                variable(
                    "x",
                    "observed",
                    "n",
                    domain="count",
                    distribution=dist("Poisson", rate=["ref", "lam", [["select", "z", [ix("n")], "K"]]]),
                ),
            ],
        },
        "factors": [
            factor(
                "pi",
                "Dirichlet",
                event="k",
                parameters=[parameter("pi", "concentration", "k", add(alpha, total("n", r)))],
                moments=moments("k", log__pi=(fn("log", ref("pi", "k")), mean_log)),
                entropy=pi_entropy,
                log_q=add(dirichlet, total("k", mul(add(c, MINUS), fn("log", ref("pi", "k"))))),
            ),
            factor(
                "lam",
                "Gamma",
                "k",
                parameters=[
                    parameter("lam", "shape", "k", add(a, total("n", mul(r, x)))),
                    parameter("lam", "rate", "k", add(b, total("n", r))),
                ],
                **gamma,
            ),
            factor(
                "z",
                "Categorical",
                "n",
                "k",
                parameters=[
                    parameter("z", "logits", "nk", add(log_pi, mul(x, log_lam), mul(MINUS, lam)), "auxiliary"),
                    parameter("z", "probs", "nk", ["array", "softmax", "logits"]),
                ],
                moments=moments("nk", z=(indicator, q)),
                entropy=z_entropy,
                log_q=total("k", mul(indicator, fn("log", q))),
            ),
        ],
        "elbo": elbo(
            p_pi=add(
                fn("lgamma", mul(size, alpha)),
                mul(MINUS, size, fn("lgamma", alpha)),
                total("k", mul(add(alpha, MINUS), log_pi)),
            ),
            p_lam=total(
                "k",
                add(mul(a, fn("log", b)), mul(MINUS, fn("lgamma", a)), mul(add(a, MINUS), log_lam), mul(MINUS, b, lam)),
            ),
            p_z=total("n", total("k", mul(r, log_pi))),
            p_x=total("n", total("k", mul(r, log_rate))),
            h_pi=pi_entropy,
            h_lam=total("k", gamma["entropy"]),
            h_z=total("n", z_entropy),
        ),
        "derivations": [],
    }


@pytest.fixture(scope="module")
def normal_plain() -> dict[str, Any]:
    """The Normal claim, shared; not to be changed."""
    return normal_claim()


@pytest.fixture
def normal() -> dict[str, Any]:
    """The Normal claim, fresh for every test."""
    return copy.deepcopy(normal_claim())


@pytest.fixture
def mixture() -> dict[str, Any]:
    """The Poisson mixture claim, fresh for every test."""
    return copy.deepcopy(poisson_mixture_claim())
