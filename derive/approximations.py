"""Factors without a closed form that are factors all the same: which methods there are, and which of them apply.

Quadrature keeps the exact optimum of a factor of one number or two, and finds its normaliser and moments numerically.
The other methods choose a Normal factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cavi.derive.along import along_one
from cavi.derive.builders import optimum
from cavi.derive.conditional import Conditional, conditional
from cavi.derive.errors import ApproximationError, CaviError
from cavi.derive.expectation import Expectation, Moments
from cavi.derive.factorisation import Block, blocks, random_atoms
from cavi.derive.methods import CVI, EXPANDED, NEWTON, NORMAL, QUADRATURE, WORDS
from cavi.derive.model import Model
from cavi.derive.names import suggestion
from cavi.derive.optimum import Request
from cavi.derive.separation import separated
from cavi.derive.term import Function, Matrix, Polynomial, from_atom


def checked(model: Model, approximate: Mapping[Any, str]) -> dict[str, str]:
    """What was asked for, latent by latent; a block may be named as a tuple or as its factor is, ``"a,b"``.

    Raises:
        ApproximationError: for an unknown latent or method.
    """
    if not isinstance(approximate, Mapping):
        raise ApproximationError(
            f"approximate: found {type(approximate).__name__}; expected a method for each latent, such as "
            "{'a': 'quadrature'}"
        )
    random = [v.name for v in model.with_role("latent", "point")]
    found: dict[str, str] = {}
    for asked, method in approximate.items():
        for name in asked if isinstance(asked, tuple) else str(asked).split(","):
            latent = str(name).strip()
            if latent not in random:
                raise ApproximationError(
                    f"approximate: {latent!r} is not a latent of the model; {suggestion(latent, random)}"
                )
            if method not in WORDS:
                raise ApproximationError(
                    f"approximate={{{asked!r}: {method!r}}}: no such method; {suggestion(str(method), WORDS)}"
                )
            if found.setdefault(latent, method) != method:
                raise ApproximationError(
                    f"approximate: {latent!r} is given {found[latent]!r} and {method!r}; choose one"
                )
    return found


def approached(block: Block, methods: Mapping[str, str]) -> Block:
    """The block with what is known of the expectations of functions under its factor, by the method for it.

    A Normal has those of functions of a sum, which is one number; what is integrated over two numbers those of both.
    """
    own = {methods.get(n) for n in block.variables}
    both = QUADRATURE in own and block.is_joint
    chosen = bool(own & set(NORMAL))
    expanded = chosen and own <= set(EXPANDED)
    return replace(block, projected=both or chosen, normal=own == {CVI}, chosen=chosen, expanded=expanded)


def companions(
    factor: str,
    model: Model,
    nodes: Mapping[str, Polynomial],
    factors: Sequence[object] | None,
    known: Mapping[str, str],
) -> tuple[str, ...]:
    """The other factors without a method in functions of sums that a factor is in: they need one too."""
    split = [b for b in blocks(model, nodes, factors) if not b.factor.point]
    names = {n for b in split for n in b.variables}
    mine = next((b for b in split if b.factor.name == factor), None)
    if mine is None:
        return ()
    shared = [
        atom
        for p in nodes.values()
        for atom in dict.fromkeys(a for m in p.monomials for a in m.atoms)
        if isinstance(atom, Function)
        and any(True for _ in random_atoms(atom, mine.variables))
        and along_one(from_atom(atom), names) is not None
    ]
    return tuple(
        b.factor.name
        for b in split
        if b is not mine
        and not set(b.variables) & set(known)
        and any(True for atom in shared for _ in random_atoms(atom, b.variables))
    )


def applicable(
    factor: str,
    model: Model,
    nodes: Mapping[str, Polynomial],
    factors: Sequence[object] | None,
    known: Mapping[str, str],
) -> tuple[str, ...]:
    """The methods by which a factor that was refused can be had, beside those `known` for others; found by trying.

    Factors that share a function of a sum with it have the same method where they have none.
    """
    found = []
    known_to_all: Conditional | None = None  # without functions every method leaves the same terms
    beside = companions(factor, model, nodes, factors, known)
    for method in WORDS:
        tried = {**known, **{n: method for f in (factor, *beside) for n in f.split(",")}}
        split = tuple(approached(b, tried) for b in blocks(model, nodes, factors))
        separate = {name: separated(p, split) for name, p in nodes.items()}
        expectation = Expectation(split, Moments())
        block = next((b for b in split if b.factor.name == factor), None)
        if block is None or block.factor.point != (method == NEWTON):
            continue
        try:
            methods = dict.fromkeys(block.variables, method)
            cond = known_to_all or conditional(block, separate, expectation)
            if not any(isinstance(a, Function | Matrix) for a in cond.touching.atoms()):
                known_to_all = cond
            optimum(Request(model, block, cond, expectation, approximate=methods))
            for other in split:
                if other.factor.point and other is not block:
                    conditional(other, separate, expectation)  # which may need expectations that only some methods have
        except CaviError:
            continue
        found.append(method)
    return tuple(found)
