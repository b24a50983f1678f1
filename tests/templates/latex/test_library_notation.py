"""Library models with vectors are printed as vectors: determinants, traces, quadratic forms and lengths."""

from __future__ import annotations

from functools import cache

import pytest

from cavi import models
from cavi.derive.result import Derived
from cavi.derive.term import Moment, atom_indices
from cavi.templates.grouping import group
from cavi.templates.latex import render
from cavi.templates.latex.tex import to_tex
from cavi.templates.notation import notation
from cavi.templates.printer import Printer
from cavi.templates.quadratic_forms import unfolded
from cavi.templates.term_tree import flatten

FAMILIES = {"MultivariateNormal", "Wishart", "InverseWishart", "MatrixNormal"}
EXPECTED = {
    "gaussian_mixture_full": (
        r"\log\lvert\boldsymbol{\Lambda}_k\rvert",
        r"\operatorname{Tr}(\boldsymbol{\Lambda}_k\mathbf{W}_0^{-1})",
        r"(\mathbf{x}_n - \boldsymbol{\mu}_k)^{\top}\boldsymbol{\Lambda}_k(\mathbf{x}_n - \boldsymbol{\mu}_k)",
    ),
    "linear_dynamical_system": (
        r"\|\mathbf{x}_t - \mathbf{A}\mathbf{x}_{t - 1}\|^2",
        r"\mathbb{E}[\mathbf{x}_t^{\top}\mathbf{x}_t]",
    ),
    "gaussian_process": (r"\mathbb{E}[\mathbf{f}^{\top}\mathbf{f}]",),
    "bayesian_pca": (r"\mathbb{E}[\mathbf{z}_n^{\top}\mathbf{z}_n]",),
}


@cache
def derived(name: str) -> Derived:
    return models.derived(name)


def with_vectors() -> list[str]:
    """The library models with a vector or a matrix among their variables."""
    declared = {name: models.load(name).variables for name in models.names()}
    return [n for n, vs in declared.items() if any(v.distribution and v.distribution.family in FAMILIES for v in vs)]


@pytest.mark.parametrize("name", EXPECTED)
def test_matrix_notation_as_in_a_textbook(name: str) -> None:
    source = render(derived(name)).replace(r"\bigl", "").replace(r"\bigr", "")
    for expected in EXPECTED[name]:
        assert expected in source


@pytest.mark.parametrize("name", with_vectors())
def test_no_square_of_a_component_is_summed_over_a_vector(name: str) -> None:
    """Each ``Σ_q E[x_q^2]`` that nothing else depends on is ``E[xᵀx]``, with the value of its components."""
    found = derived(name)
    vectors = notation(found.model, found.updates).vectors
    for t in found.elbo.terms:
        folded = vectors.fold(t.value)
        assert folded is not None
        assert unfolded(flatten(group(folded, notation(found.model, found.updates).roles))) == t.value
        for m in folded.monomials:
            for i in m.bound:
                holders = [a for a, _ in m.powers if i in set(atom_indices(a))]
                alone = len(holders) == 1 and isinstance(holders[0], Moment) and holders[0].subs[-1:] == (i,)
                assert not (alone and i.size in vectors.sizes and vectors.squared(holders[0]) is not None), m


def test_a_weighted_sum_of_squares_stays_a_sum() -> None:
    """``Σ_q E[α_q] E[W_dq^2]`` is no length: the precisions differ."""
    found = derived("bayesian_pca")
    (term,) = [t.value for t in found.elbo.terms if t.name == "W" and t.kind != "entropy"]
    shown = to_tex(Printer(notation(found.model, found.updates)).polynomial(term))
    assert r"\mathbb{E}[\alpha_q]\sum_{d = 1}^{D} \mathbb{E}[W_{dq}^2]" in shown
