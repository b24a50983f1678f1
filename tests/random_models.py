"""Well-formed random models: Normals, scales and categories on random plates, selected, gathered and regressed."""

import random
from fractions import Fraction

from cavi.derive import (
    Categorical,
    Dirichlet,
    Exponential,
    Gamma,
    InverseGamma,
    Model,
    Normal,
    Poisson,
    dot,
)


class RandomModel:
    """Draws a declaration from a seed; `model` and `factors` are the result."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.model = m = Model(f"random_{seed}")
        self.n, self.k, self.d, self.g = (m.index(i, i.upper()) for i in "nkdg")
        self.group = m.observed_index("group", self.n, over=self.g)
        self.design, self.covariate = m.covariate("X", self.n, self.d), m.covariate("c", self.n)
        self.reals: list = []
        self.scales: list = []
        self.categories: list = []
        for i in range(self.random.randint(2, 5)):
            self._latent(i)
        for i in range(self.random.randint(1, 2)):
            self._observed(i)
        joint = self.reals and self.random.random() < 0.4
        self.factors = [(self.random.choice(self.reals).name,)] if joint else None

    def _latent(self, i: int) -> None:
        n, k, d, g = self.n, self.k, self.d, self.g
        plates = self.random.choice([(), (k,), (d,), (g,), (k, d), (k, g), (n,)])
        kind = self.random.random()
        if kind < 0.4:
            family = Normal(self._real(plates, 1), self._positive(plates))
            self.reals.append(self.model.latent(f"w{i}", family, *plates))
        elif kind < 0.75:
            inverse = self.random.random() < 0.2
            rate = self._positive(plates)
            family = InverseGamma(self._number() + 2, rate) if inverse else Gamma(self._number(), rate)
            self.scales.append(self.model.latent(f"t{i}", family, *plates))
        else:
            p = self.model.latent(f"p{i}", Dirichlet(self._number(), over=k))
            plates = self.random.choice([(n,), (n,), ()])
            self.categories.append(self.model.latent(f"z{i}", Categorical(p), *plates))

    def _observed(self, i: int) -> None:
        plates, kind = (self.n,), self.random.random()
        if kind < 0.6:
            family = Normal(self._real(plates, 2), self._positive(plates))
        else:
            family = (Poisson if kind < 0.8 else Exponential)(self._positive(plates))
        self.model.observed(f"x{i}", family, self.n)

    def _number(self) -> Fraction:
        return Fraction(self.random.randint(3, 17), self.random.randint(5, 9))

    def _category(self, plates: tuple):
        fitting = [z for z in self.categories if all(p in plates for p in z.variable.plates)]
        if not fitting:
            return None
        z = self.random.choice(fitting)
        return z[tuple(z.variable.plates)] if z.variable.plates else z

    def _element(self, variable, plates: tuple):
        """The variable as it can stand on these plates: its index, a gather or a category for each axis."""
        subs = []
        for axis in variable.variable.indices:
            if axis in plates:
                subs.append(axis)
            elif axis == self.g and self.n in plates:
                subs.append(self.group[self.n])
            elif axis == self.k and (z := self._category(plates)) is not None:
                subs.append(z)
            else:
                return None
        return variable[tuple(subs)] if subs else variable

    def _elements(self, variables: list, plates: tuple) -> list:
        return [e for v in variables if (e := self._element(v, plates)) is not None]

    def _real(self, plates: tuple, terms: int):
        total = self._term(plates)
        for _ in range(self.random.randint(1, terms) - 1):
            term = self._term(plates)
            total = total + term if self.random.random() < 0.7 else total - term
        return total

    def _term(self, plates: tuple):
        found, kind = self._elements(self.reals, plates), self.random.random()
        if found and kind < 0.7:
            scaled = self.n in plates and self.random.random() < 0.3
            return self.random.choice(found) * (self.covariate[self.n] if scaled else 1)
        if self.n in plates and kind < 0.9:
            plain = [w for w in self.reals if w.variable.indices == (self.d,)]
            selected = [w for w in self.reals if w.variable.indices == (self.k, self.d)]
            z = self._category(plates)
            if selected and z is not None:
                return dot(self.random.choice(selected)[z], self.design[self.n])
            if plain:
                return dot(self.random.choice(plain), self.design[self.n])
        return self._number()

    def _positive(self, plates: tuple):
        found = self._elements(self.scales, plates)
        if not found or self.random.random() < 0.25:
            return self._number()
        value = self.random.choice(found)
        if self.random.random() < 0.25:
            value = value * self.random.choice(found)
        return value * self._number() if self.random.random() < 0.3 else value
