"""Measures the quadrature of the checker against integrals with known values; not a test.

python benchmarks/quadrature.py            # print the tables
python benchmarks/quadrature.py --write    # put them into docs/verification.md
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from cavi.verify.arithmetic import precise, precision, to_mpf
from cavi.verify.density import log_density
from cavi.verify.rules import QuadratureError
from cavi.verify.scalar import scalar_rule

ASKED = (10, 20, 30)
MAGNITUDES = [Fraction(x) for x in ("1/10", "1/3", "9/10", "7/3", "11", "97", "1000")]
Case = tuple[str, Mapping[str, Any], Mapping[str, Any], tuple[float, float]]
DOCUMENT = Path(__file__).parent.parent / "docs" / "verification.md"


def cases() -> Iterator[Case]:
    """Family, arguments, known expectations (as functions of nothing, evaluated at any precision), support."""
    inf = mpmath.inf
    for i, a in enumerate(MAGNITUDES):
        b = MAGNITUDES[-1 - i]
        k, r = _late(a), _late(b)
        yield (
            "Gamma",
            {"shape": a, "rate": b},
            {
                "x": lambda k=k, r=r: k() / r(),
                "log x": lambda k=k, r=r: mpmath.digamma(k()) - mpmath.log(r()),
            },
            (0, inf),
        )
        yield (
            "InverseGamma",
            {"shape": a, "scale": b},
            {
                "1/x": lambda k=k, r=r: k() / r(),
                "log x": lambda k=k, r=r: mpmath.log(r()) - mpmath.digamma(k()),
            },
            (0, inf),
        )
        for c in MAGNITUDES[i:]:
            s = _late(c)
            yield (
                "Beta",
                {"a": a, "b": c},
                {
                    "x": lambda k=k, s=s: k() / (k() + s()),
                    "log x": lambda k=k, s=s: mpmath.digamma(k()) - mpmath.digamma(k() + s()),
                },
                (0, 1),
            )
        yield (
            "Normal",
            {"mean": b, "precision": a},
            {
                "x": lambda r=r: r(),
                "x^2": lambda k=k, r=r: r() ** 2 + 1 / k(),
            },
            (-inf, inf),
        )
        yield (
            "LogNormal",
            {"mean": Fraction(1, 3), "precision": a},
            {
                "log x": lambda: mpmath.mpf(1) / 3,
            },
            (0, inf),
        )
        yield "Weibull", {"shape": max(a, Fraction(1, 3)), "rate": Fraction(7, 3)}, {}, (0, inf)
        yield (
            "VonMises",
            {"mean": Fraction(1, 3), "concentration": a},
            {
                "cos x": lambda k=k: mpmath.besseli(1, k()) / mpmath.besseli(0, k()) * mpmath.cos(mpmath.mpf(1) / 3),
            },
            (-mpmath.pi, mpmath.pi),
        )
        yield "Laplace", {"location": b, "scale": a}, {"x": lambda r=r: r()}, (-inf, inf)
        yield (
            "Pareto",
            {"shape": a, "minimum": Fraction(7, 3)},
            {
                "log x": lambda k=k: mpmath.log(mpmath.mpf(7) / 3) + 1 / k(),
            },
            (Fraction(7, 3), inf),
        )
        if a < 100:
            yield "Poisson", {"rate": a}, {"x": k}, (0, inf)
            yield "NegativeBinomial", {"number": a, "prob": Fraction(1, 3)}, {"x": lambda k=k: 2 * k()}, (0, inf)


def _late(x: Fraction) -> Any:
    return lambda: mpmath.mpf(x.numerator) / x.denominator


FUNCTIONS = {
    "x": lambda e, x: x,
    "1/x": lambda e, x: 1 / x,
    "x^2": lambda e, x: x * x,
    "log x": lambda e, x: e("log", x),
    "cos x": lambda e, x: e("cos", x),
}


def measured(case: Case, asked: int) -> tuple[float | None, float]:
    """Digits that hold in the worst of the normaliser and the expectations (None: refused), and seconds."""
    family, args, known, _ = case
    with precision(3 * asked + 20):
        e = precise()
        values = {n: e.number(v) for n, v in args.items()}
        start = time.perf_counter()
        try:
            rule = scalar_rule(e, family, values, asked)
        except QuadratureError:
            return None, time.perf_counter() - start
        pairs = [(np.sum(rule.weights), mpmath.mpf(1))]
        pairs += [
            (np.sum(rule.weights * FUNCTIONS[f](e, _numbers(e, rule.nodes))), value()) for f, value in known.items()
        ]
        seconds = time.perf_counter() - start
        errors = [abs(to_mpf(got) - value) / max(1, abs(value)) for got, value in pairs]
        worst = max(errors)
        return float(-mpmath.log10(worst)) if worst else float(mpmath.mp.dps), seconds


def _numbers(e: Any, nodes: Any) -> Any:
    return np.array([e.number(int(x)) if isinstance(x, int) else x for x in nodes], dtype=object)


def raw_quad(case: Case, asked: int) -> tuple[bool, bool]:
    """Whether mpmath.quad on the support misses the normaliser by more than asked, and whether its estimate says so."""
    family, args, _, (low, high) = case
    with precision(asked + 15), mpmath.workdps(asked + 15):
        e = precise()
        values = {n: e.number(v) for n, v in args.items()}

        def density(x: Any) -> Any:
            try:
                return to_mpf(e("exp", log_density(e, family, e.number(1) * _exact(e, x), values)))
            except (ValueError, ZeroDivisionError):
                return mpmath.mpf(0)

        ends = [mpmath.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else x for x in (low, high)]
        try:
            total, estimate = mpmath.quad(density, ends, error=True)
        except (ValueError, ZeroDivisionError, OverflowError):
            return True, True
        limit = mpmath.mpf(10) ** -asked
        return bool(abs(total - 1) > limit), bool(estimate > limit)


def _exact(e: Any, x: Any) -> Any:
    sign, man, exponent, _ = mpmath.mpf(x)._mpf_
    return e.number(Fraction((-1) ** sign * int(man)) * Fraction(2) ** exponent)


def rules_table() -> str:
    """For each family: how many rules, the least digits got at 10, 20 and 30 asked, refusals, time."""
    heads = [
        "family",
        "rules",
        *(f"asked {a}: least got" for a in ASKED),
        "refused",
        "ms at 30",
        "`quad` wrong, said so",
    ]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    by_family: dict[str, list[Case]] = {}
    for case in cases():
        by_family.setdefault(case[0], []).append(case)
    for family, some in by_family.items():
        got: dict[int, list[tuple[float | None, float]]] = {a: [measured(c, a) for c in some] for a in ASKED}
        least = [min((d for d, _ in got[a] if d is not None), default=float("nan")) for a in ASKED]
        refused = sum(d is None for a in ASKED for d, _ in got[a])
        milliseconds = 1000 * sum(s for _, s in got[ASKED[-1]]) / len(some)
        discrete = family in ("Poisson", "NegativeBinomial")
        raw = [] if discrete else [raw_quad(c, 15) for c in some]
        wrong, said = sum(w for w, _ in raw), sum(w and s for w, s in raw)
        shown = "-" if discrete else f"{wrong} of {len(some)}, {said}"
        columns = [family, str(len(some)), *(f"{d:.0f}" for d in least), str(refused), f"{milliseconds:.0f}", shown]
        lines.append(f"| {' | '.join(columns)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def evidence_table() -> str:
    """The evidence by grids against its closed form, where a model has one: digits claimed, digits got, seconds."""
    from cavi import models
    from cavi.verify.check_evidence import by_bayes
    from cavi.verify.claim import Claim
    from cavi.verify.elimination import log_evidence
    from cavi.verify.evaluate import positions
    from cavi.verify.instance import make_instance, small_sizes
    from cavi.verify.state import State

    lines = ["| model | claimed | got | s |", "|---|---:|---:|---:|"]
    for name in models.names():
        derived = models.derived(name)
        claim = Claim(derived.plain())
        if claim.plain.get("exact") is None:
            continue
        (factor,) = claim.factors
        with precision(60):
            state = State(claim, make_instance(claim, 3, small_sizes(claim, 2)), precise(), 20)
            start = time.perf_counter()
            value, digits = log_evidence(state)
            seconds = time.perf_counter() - start
            best = state
            for site in positions(factor["plates"], state.sizes):
                best = best.solve(factor, site)
            known = to_mpf(by_bayes(state, best, factor))
            error = abs(to_mpf(value) - known) / max(1, abs(known))
            got = float(-mpmath.log10(error)) if error else 60.0
        lines.append(f"| {name} | {digits:.1f} | {got:.1f} | {seconds:.1f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    tables = {"rules": rules_table(), "evidence": evidence_table()}
    if write:
        text = DOCUMENT.read_text(encoding="utf-8")
        for name, table in tables.items():
            marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
            text = re.sub(f"{marks[0]}.*?{marks[1]}", f"{marks[0]}\n{table}\n{marks[1]}", text, flags=re.S)
        DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
