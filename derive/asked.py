"""What was asked of `derive`, as one record that its stages pass on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cavi.derive.model import Model
from cavi.derive.term import Polynomial


@dataclass(frozen=True, eq=False)
class Asked:
    """A model with its log joint, and what the user wants of both.

    Attributes:
        model: what was declared.
        nodes: the log density of every node as declared.
        factors: blocks that q keeps together; None for mean field.
        marginalise: latents to integrate out.
        bounds, augment: node -> rules for its terms.
        methods: latent -> the method for a factor without a closed form.
    """

    model: Model
    nodes: Mapping[str, Polynomial]
    factors: Sequence[object] | None = None
    marginalise: Sequence[object] = ()
    bounds: Mapping[str, object] = field(default_factory=dict)
    augment: Mapping[str, object] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)

    def has_rule(self, node: str) -> bool:
        """Whether a rule was asked for the terms of a node."""
        return node in self.bounds or node in self.augment

    def also(self, rules: Mapping[str, tuple[str, object]]) -> Asked:
        """The same with further rules: node -> ``bounds`` or ``augment``, and a rule."""
        more: dict[str, dict[str, object]] = {"bounds": {}, "augment": {}}
        for node, (argument, rule) in rules.items():
            more[argument][node] = rule
        return replace(self, bounds={**self.bounds, **more["bounds"]}, augment={**self.augment, **more["augment"]})
