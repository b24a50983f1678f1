"""Amortised inference: how many numbers describe q, one by one for each datum or by an encoder for all.

Counts are sums over the entries of the arrays, so that they are derived and not remembered.
"""

from __future__ import annotations

import sympy

from cavi.derive.identities.calculus import AT_VALUE
from cavi.derive.identities.language import At, Label, Total
from cavi.derive.identities.proof import Identity, Proof
from cavi.derive.identities.totals import ARITHMETIC_SERIES, SAME_FOR_ALL

N, D, M, H = (sympy.Symbol(s, integer=True, positive=True) for s in "NDMH")
n, i, h, m, o = (Label(s) for s in "nihmo")
KINGMA = "Kingma and Welling (2014); Zhang, Bütepage, Kjellström and Mandt (2019), 5"


def full_covariance() -> Identity:
    """N (D + D(D+1)/2): a mean and a covariance matrix for each datum."""
    mean, covariance = Total(sympy.S.One, i, D), Total(i, i, D)
    return (
        Proof(Total(mean + covariance, n, N))
        .by(ARITHMETIC_SERIES, SAME_FOR_ALL, SAME_FOR_ALL)
        .titled(
            "Parameters of a Gaussian for each datum",
            summary="Each of N data has a mean of D numbers and a symmetric covariance matrix, whose i-th row up to "
            "the diagonal has i numbers.",
            source=KINGMA,
        )
    )


def mean_field() -> Identity:
    """2 N D: a mean and a variance for each datum and dimension."""
    return (
        Proof(Total(Total(sympy.Integer(2), i, D), n, N))
        .by(SAME_FOR_ALL, SAME_FOR_ALL)
        .titled(
            "Parameters of a factorised Gaussian for each datum",
            summary="Each of N data has D means and D variances.",
            source=KINGMA,
        )
    )


def _encoder() -> sympy.Expr:
    """Weights and biases of a network from M inputs over H hidden units to D means and D variances."""
    hidden = Total(Total(sympy.S.One, m, M) + 1, h, H)
    output = Total(Total(sympy.S.One, h, H) + 1, o, 2 * D)
    return hidden + output


def encoder() -> Identity:
    """H (M + 1) + 2 D (H + 1), whatever the number of data."""
    return (
        Proof(_encoder())
        .by(SAME_FOR_ALL, SAME_FOR_ALL)
        .titled(
            "Parameters of an encoder",
            conclusion="The number of data does not occur.",
            summary="A network with M inputs, one layer of H hidden units, and D means and D variances as outputs; "
            "every unit has a weight for each input and a bias.",
            source=KINGMA,
        )
    )


def break_even() -> Identity:
    """2 N D equals the encoder's count at N = (H (M + 1) + 2 D (H + 1))/(2 D)."""
    per_datum, shared = mean_field().end, encoder().end
    return (
        Proof(At(per_datum - shared, N, shared / (2 * D)))
        .by(AT_VALUE)
        .titled(
            "From how many data on an encoder is smaller",
            conclusion="With more data than that, the encoder has fewer parameters than a factorised q for each datum.",
            summary="The parameters of a factorised q for each datum less those of an encoder, at the number of data "
            "where both are equal.",
            source=KINGMA,
        )
    )


IDENTITIES = {
    "count_full_covariance": full_covariance,
    "count_mean_field": mean_field,
    "count_encoder": encoder,
    "count_break_even": break_even,
}
