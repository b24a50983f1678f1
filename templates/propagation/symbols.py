"""The signs of a propagation: those of its model, and those of what EP keeps for every element of a site."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cavi.derive import Propagation
from cavi.templates.layout import TRANSPOSE, Accent, Box, Glyph, Script, parens, row
from cavi.templates.notation import Notation, notation
from cavi.templates.style import PLAIN, Style
from cavi.templates.symbols import symbol

MEAN_OF_Q = Glyph(r"\mathbf{m}", "𝐦", upright=True)
PRECISION_OF_Q = Glyph(r"\mathbf{P}", "𝐏", upright=True)
_WITHOUT = Glyph(r"\setminus", "∖", upright=True)


def signs(p: Propagation, style: Style = PLAIN, symbols: Mapping[str, str] | None = None) -> Notation:
    """The notation of the model with symbols for h and its quantities, none of which is declared.

    Args:
        p: the propagation.
        style: the conventions of an author.
        symbols: TeX of a symbol for declared names, for the scalars of sites (``h``) and what is kept for them
            (``h.precision``).

    Raises:
        CaviError: for symbols of unknown names, that are not in the closed grammar, or that are not all different.
    """
    scalars = [s.variable for s in p.sites]
    taken = notation(p.model, style=style, scalars=scalars)
    declared = [*taken.symbols.values(), *taken.whole.values()]
    quantities: dict[tuple[str, str], Box] = {}
    for site in p.sites:
        for name, box in _quantities(declared).items():
            quantities[site.variable, name] = _of(box, symbol(site.variable)) if len(p.sites) > 1 else box
    own = notation(p.model, (), style, symbols, scalars, quantities)
    of_q: dict[tuple[str, str], Box] = {
        ("q", "quadratic"): row(Script(MEAN_OF_Q, sup=TRANSPOSE), PRECISION_OF_Q, MEAN_OF_Q),
        ("q", "precision"): symbol("P"),
    }
    return replace(own, parameters={**of_q, **own.parameters}, average=Accent("hat", symbol("p")))


def _quantities(declared: Collection[Box]) -> dict[str, Box]:
    """A symbol for each quantity that no declared name has."""
    mean, variance = (_free(symbol(n), declared) for n in ("m", "v"))
    return {
        "mean": mean,
        "variance": variance,
        "linear": Accent("tilde", symbol("nu")),
        "precision": Accent("tilde", symbol("tau")),
        "cavity_mean": Script(mean, sup=_WITHOUT),
        "cavity_variance": Script(variance, sup=_WITHOUT),
        "log_normaliser": Accent("hat", symbol("L")),
        "tilted_mean": Accent("hat", mean),
        "tilted_variance": Accent("hat", variance),
    }


def _free(box: Box, declared: Collection[Box]) -> Box:
    return Accent("tilde", box) if box in declared else box


def _of(box: Box, h: Box) -> Box:
    """The symbol for one of several sites."""
    if isinstance(box, Script):
        return Script(box.base, box.sub, row(*([box.sup] if box.sup is not None else []), parens(h)))
    return Script(box, sup=parens(h))
