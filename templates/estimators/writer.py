"""Writes what an estimator needs beside the module for shards: functions of rows, given the shared factors."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from cavi.derive import Derived
from cavi.derive.index import Index, primed
from cavi.derive.predictive import Prediction, mean_given, predicted, row_terms
from cavi.derive.term import Element, Moment, Monomial, Polynomial
from cavi.derive.text import show
from cavi.templates.estimators.reading import Reading, refusal
from cavi.templates.numpy.arrays import Scope
from cavi.templates.numpy.emit import polynomial
from cavi.templates.numpy.layout import assign
from cavi.templates.numpy.names import shape_comment
from cavi.templates.shards.split import Split
from cavi.templates.shards.writer import ShardWriter


@dataclass(frozen=True)
class RowFunction:
    """A function of a state of rows.

    Attributes:
        name: of the function.
        argument: a latent whose value is given, or nothing.
        title: what it returns, in words.
        formula: the same in symbols, in lines.
        body: its statements.
    """

    name: str
    argument: str
    title: str
    formula: tuple[str, ...]
    body: tuple[str, ...]


class EstimatorWriter(ShardWriter):
    """Writes the functions of a model whose rows are those of X."""

    def __init__(self, derived: Derived, names: Mapping[object, str], split: Split, reading: Reading) -> None:
        super().__init__(derived, names, split)
        self.reading = reading
        self.functions: tuple[RowFunction, ...] = ()
        self.bound = row_terms(derived, reading.row) if reading.y is None else None
        self.prediction = self._predicted()
        self.inverse = self._inverse()

    def _predicted(self) -> Prediction | None:
        r = self.reading
        if r.y is None:
            return None
        found = predicted(self.derived, r.y.name)
        if not any(self._learnt(m) for m in found.mean.monomials):
            raise refusal(
                self.derived, f"the mean of {r.y.name} does not depend on {r.x.name} through a latent that rows share"
            )
        return found

    def _learnt(self, m: Monomial) -> bool:
        """Whether a term has X and a shared latent, or the expectation of a function of both."""
        one = Polynomial((m,))
        inside = (self._spec(a.factor, a.key).pattern for a in one.atoms() if isinstance(a, Moment))
        atoms = [a for p in (one, *inside) for a in p.atoms()]
        shared = set(self._latents(one)) - self.own
        return bool(shared) and any(isinstance(a, Element) and a.name == self.reading.x.name for a in atoms)

    def elbo(self) -> tuple[str, ...]:
        """The bound, and with it what else reads the factors, so that all of it is seen before anything is left out."""
        body = super().elbo()
        self.functions = tuple(self._functions())
        return body

    def _functions(self) -> list[RowFunction]:
        r, found = self.reading, list[RowFunction]()
        if self.bound is not None:
            found.append(self._function("row_bound", "What each row adds to the bound", self.bound, (r.row,)))
        if self.inverse is not None:
            title = f"The mean of {r.x.name} given {r.position}"
            found.append(self._function("reconstructed", title, self.inverse, r.x.indices, r.position or ""))
        if self.prediction is not None:
            found.extend(self._predictions(self.prediction))
        return found

    def _predictions(self, p: Prediction) -> list[RowFunction]:
        assert self.reading.y is not None
        y, whole = self.reading.y.name, p.indices
        what = f"The logit of {y} = 1" if p.link else f"The mean of {y}"
        found = [self._function("predicted_mean", f"{what} given the covariates, expected under q", p.mean, whole)]
        if p.variance is None:
            return found
        found.append(
            self._function("mean_variance", f"The variance under q of what {y} has as its mean", p.variance, whole)
        )
        if self.has_noise:
            assert p.precision is not None
            axes = (*whole, primed(whole[-1])) if p.family == "MultivariateNormal" else whole
            found.append(
                self._function("expected_precision", f"The precision of {y}, expected under q", p.precision, axes)
            )
        return found

    @property
    def has_noise(self) -> bool:
        """Whether the noise of y is that of one precision, which belongs to no row."""
        p = self.prediction
        return (
            p is not None
            and p.precision is not None
            and p.variance is not None
            and not set(self._latents(p.precision)) & self.own
        )

    def _inverse(self) -> Polynomial | None:
        """The mean of X given the position of a row, where it depends on nothing else of the row."""
        r = self.reading
        if r.position is None or r.category is not None:
            return None
        mean = mean_given(self.derived, r.x.name, r.position)
        if mean is None or set(self._latents(mean)) & self.own:
            return None
        return mean

    def _function(
        self, name: str, title: str, value: Polynomial, axes: tuple[Index, ...], argument: str = ""
    ) -> RowFunction:
        scope = Scope(self.names, large=self.large, function=name, statistic=True)
        code = polynomial(value, scope, axes).code
        if self._lacks(value, axes):
            code = f"np.broadcast_to({code}, {shape_comment(scope.size(i.size) for i in axes)})"
        lines = self._flush(scope)
        given = {self.names[argument]} if argument else set()
        body = (*self._unpack(scope, given), *lines, *assign("return", code))
        argument = self.names[argument] if argument else ""
        formula = textwrap.wrap(show(value, self.derived.model.indices), 105, break_long_words=False)
        return RowFunction(name, argument, title, tuple(formula), body)
