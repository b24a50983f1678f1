"""A joint block as a remedy: of the elements of one latent, or of the latents that a term couples; found by trying.

A sum of weights inside an exponential has no expectation under a factor for each weight, and has one under a Normal of
all of them; log Γ(a + b) has none under q(a) q(b), and has one under q(a, b).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cavi.derive.asked import Asked
from cavi.derive.errors import CaviError, NonConjugateError
from cavi.derive.expression import Ref, Split
from cavi.derive.factorisation import blocks
from cavi.derive.result import Derived


def requested_blocks(factors: Sequence[object] | None) -> list[object]:
    """What was asked for as a list: one block may be given by itself."""
    return [factors] if isinstance(factors, str | Ref | Split) else list(factors or ())


def block_that_does(
    attempt: Callable[[Asked], Derived], error: NonConjugateError, asked: Asked
) -> tuple[str, ...] | None:
    """The first block with which nothing is refused any more; None where there is none."""
    for block in _candidates(error, asked):
        try:
            attempt(replace(asked, factors=[*requested_blocks(asked.factors), block]))
        except CaviError:
            continue
        return block
    return None


def _candidates(error: NonConjugateError, asked: Asked) -> Iterator[tuple[str, ...]]:
    """Blocks of latents about which nothing was asked: the refused one whole, and those that its term couples."""
    if asked.marginalise:
        return
    entries = [e if isinstance(e, tuple | list) else (e,) for e in requested_blocks(asked.factors)]
    settled = {str(getattr(latent, "name", latent)) for entry in entries for latent in entry}
    split = {b.factor.name: b for b in blocks(asked.model, asked.nodes, asked.factors)}
    free = [n for n, b in split.items() if n not in settled and not b.is_joint and not b.factor.point]
    if error.factor in free and split[error.factor].factor.plates:
        yield (error.factor,)
    coupled = tuple(n for n in free if n in error.latents)
    if len(coupled) > 1:
        yield coupled
