"""The writer of Numba modules: that of NumPy modules, with recursions along chains as compiled loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cavi.derive import Derived
from cavi.derive.result import Along, Formula
from cavi.templates.numba.kernels import KERNELS
from cavi.templates.numba.loops import MATRICES, Loop, loop_of
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.helpers import Kernels
from cavi.templates.numpy.layout import call
from cavi.templates.numpy.names import python_names
from cavi.templates.numpy.planned import PlannedWriter


@dataclass
class Loops:
    """The loops of a module by name, beside the helpers of all modules."""

    sources: dict[str, str] = field(default_factory=lambda: dict(KERNELS.sources))

    def add(self, loop: Loop, latent: str, first: str, direction: str) -> str:
        """The name of a loop; one that reads the same is the same."""
        name, count = f"_{latent}_{first}_along", 1
        while self.sources.setdefault(name, loop.source(name, direction)) != loop.source(name, direction):
            count += 1
            name = f"_{latent}_{first}_along_{count}"
        if any(helper in self.sources[name] for helper in ("_inverse_of", "_logdet_of")):
            self.sources["_matrices"] = MATRICES
        return name


class NumbaWriter(PlannedWriter):
    """Writes a module whose recursions Numba compiles where they are sums of products."""

    def __init__(self, derived: Derived) -> None:
        super().__init__(derived, python_names(derived))
        self.loops = Loops()

    def _compiled(self, group: Sequence[Formula], along: Along, scope: Scope) -> tuple[str, ...] | None:
        if loop_of(group, along, Scope(self.names)) is None:
            return None
        loop = loop_of(group, along, scope)
        assert loop is not None
        name = self.loops.add(loop, group[0].latent, group[0].name, along[1])
        self.helpers |= {name, "_matrices"} if "_matrices" in self.loops.sources else {name}
        return tuple(call(name, list(loop.arguments.values())))

    @property
    def kernels(self) -> Kernels:
        """The helpers of Numba modules and the loops of this one, as they are written."""
        return replace(KERNELS, sources=self.loops.sources)
