"""Latents that stand for a number of copies which is itself latent, such as the draws that were rejected.

A factor q(y) with the weight m stands for m independent draws. In the bound its entropy is counted E[m] times; so the
optimum of q(m) depends on it:

    log q*(m)  =  E[log p(x, z)] + m H[q(y)] + const.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cavi.derive.canonical import multiply, sum_over
from cavi.derive.expand import expand
from cavi.derive.expectation import Expectation, Moments
from cavi.derive.factorisation import Block, random_atoms
from cavi.derive.term import Polynomial


def with_expected_weights(split: Sequence[Block]) -> tuple[tuple[Block, ...], Expectation]:
    """The blocks with what a latent weight is under q, and the expectations under their factors."""
    moments = Moments()
    before = Expectation(tuple(split), moments)
    blocks = tuple(
        b if b.factor.weight is None else replace(b, factor=replace(b.factor, weight=before.of(b.factor.weight)))
        for b in split
    )
    return blocks, Expectation(blocks, moments)


def copied_by(block: Block, split: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks whose latents there are as many copies of as a latent of this block says."""
    return tuple(c for c in split if any(True for a in _weight(c).atoms() for _ in random_atoms(a, block.variables)))


def copied(block: Block, entropy: Polynomial) -> Polynomial:
    """The entropy of a factor, counted for every copy."""
    return sum_over(multiply(_weight(block), entropy), block.factor.plates)


def _weight(block: Block) -> Polynomial:
    weights = [v.weight for v in block.variables.values() if v.weight is not None]
    return expand(weights[0]) if weights else Polynomial(())
