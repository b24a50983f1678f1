"""The verdict on a mutant of generated source, by the checks of the code tier."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from cavi.verify.claim import Claim
from cavi.verify.generated import DIGITS, Case, Generated, cases, comparisons, over
from cavi.verify.mutations.code import CodeMutant
from cavi.verify.mutations.code_identity import SAME as SAME_FUNCTION
from cavi.verify.mutations.code_identity import Identity
from cavi.verify.mutations.code_rules import rule
from cavi.verify.mutations.judge import NO_DIFFERENCE, Outcome, Verdict
from cavi.verify.mutations.timing import TimeLimit, limited
from cavi.verify.report import Finding

INSTANCES = 4  # of which each has three shapes, where a difference is looked for
SAME = 1e-11  # rounding, amplified by two sweeps


class CodeJudge:
    """Judges mutants of the module of one claim."""

    def __init__(self, plain: Mapping[str, Any], source: str, seed: int = 0, seconds: float = 20.0) -> None:
        self.claim, self.source, self.seed, self.seconds = Claim(plain), source, seed, seconds

    @cached_property
    def cases(self) -> list[Case]:
        """Where the claim is evaluated in high precision, once."""
        return list(cases(self.claim, self.seed))

    @cached_property
    def original(self) -> Generated:
        """The module as it was generated."""
        return Generated(self.source)

    @cached_property
    def outcomes(self) -> list[list[Any]]:
        """What the module computes from many states."""
        return [self._outcome(self.original, case) for case in self._elsewhere]

    @cached_property
    def identity(self) -> Identity:
        """Whether mutants compute the same functions."""
        return Identity(self.claim, self.source, self.seed)

    @cached_property
    def _elsewhere(self) -> list[Case]:
        return [case for i in range(INSTANCES) for case in cases(self.claim, self.seed + 100 + i)]

    def __call__(self, mutant: CodeMutant) -> Verdict:
        """The verdict: checks first; where none fails, whether the results differ from the original's at all."""

        def verdict(outcome: Outcome, by: str) -> Verdict:
            return Verdict(mutant.operator, mutant.label, outcome, by)

        try:
            with limited(self.seconds), _quiet():
                found = self.failure(mutant.tree)
                if found is not None:
                    return verdict("killed", found)
                proof = rule(ast.parse(self.source), mutant, self._run)
                if proof is not None:
                    return verdict("equivalent", proof)
                where = self._difference(mutant.tree)
        except TimeLimit:
            return verdict("out of time", f"{self.seconds:g} s")
        if where is None and self.identity(mutant.tree, mutant.function):
            return verdict("equivalent", SAME_FUNCTION)
        if where is None:
            return verdict(NO_DIFFERENCE, f"bit for bit or to rounding at {len(self._elsewhere)} instances")
        return verdict("survived", where)

    def failure(self, tree: ast.Module) -> str | None:
        """The first check that fails for a module; None if all hold."""
        try:
            module = Generated(ast.unparse(tree))
        except Exception as error:  # a mutant may not even run
            return f"{type(error).__name__} when it is loaded"
        for title, check, name in comparisons(self.claim):
            if _fails(over(module, self.cases, check, name)):
                return title
        return None

    def _run(self, tree: ast.Module) -> Generated:
        """A module of which every update and the bound was carried out."""
        module = Generated(ast.unparse(tree))
        self._outcome(module, self.cases[0])
        return module

    def _difference(self, tree: ast.Module) -> str | None:
        module = Generated(ast.unparse(tree))
        for case, expected in zip(self._elsewhere, self.outcomes, strict=True):
            try:
                got = self._outcome(module, case)
            except Exception as error:  # a mutant may raise anything
                return f"{type(error).__name__} at {case.where}"
            if not all(_same(a, b) for a, b in zip(got, expected, strict=True)):
                return f"results differ at {case.where}"
        return None

    def _outcome(self, module: Generated, case: Case) -> list[Any]:
        """Standard parameters, moments and terms of the bound after two sweeps."""
        with np.errstate(all="ignore"):
            state = module.state(case.claim, case.instance)
            first = module.module.elbo(state)
            for _ in range(2):
                for factor in case.claim.factors:
                    module.module.UPDATES[factor["name"]](state)
            standard = [(latent, p["name"]) for latent in sorted(state.params) for p in case.claim.standard(latent)]
            parameters = [state.params[latent][name] for latent, name in standard]
            moments = [v for _, v in sorted(state.moments.items())]
            return [first, *parameters, *moments, *module.module.elbo_terms(state).values()]


def _fails(finding: Finding) -> bool:
    return finding.digits is not None and finding.digits < DIGITS


def _same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return False
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    return bool(np.max(np.abs(a - b), initial=0.0) <= SAME * scale)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
