"""The log joint of a declared model at random values of all its variables, by the densities of `verify`."""

import itertools
import math
from fractions import Fraction

import numpy as np
from scipy.special import logsumexp

from cavi.derive.plain import plain_model
from cavi.verify.claim import Claim
from cavi.verify.density import log_density
from cavi.verify.evaluate import bindings, evaluate
from cavi.verify.instance import _World, small_sizes
from cavi.verify.nodes import distribution_at, node_arguments


class Point:
    """Sizes, arrays by name for every variable, and the log density of each node."""

    def __init__(self, model, seed, sizes=None):
        claim = Claim({"model": plain_model(model), "factors": []})
        self.claim = claim
        self.sizes = small_sizes(claim, 3) | (sizes or {})
        for seed_ in range(seed, seed + 20):
            world = _World(claim, self.sizes, np.random.default_rng(seed_))
            if world.fill():
                break
        else:
            raise AssertionError(f"no values for {model.name}")
        self.world = world
        self.arrays = {}
        for v in model.variables:
            shape = tuple(int(i.size) if i.size.isdigit() else self.sizes[i.size] for i in v.indices)
            table = world.values[v.name]
            array = np.array([float(table[at]) for at in np.ndindex(shape)]).reshape(shape)
            integers = v.over is not None or v.domain == "count"
            self.arrays[v.name] = array.astype(int) if integers else array

    @property
    def log_joint(self):
        """log p of everything."""
        return sum(self.log_node(v) for v in self.claim.nodes)

    def log_marginal(self, names):
        """log p with the categories of the given latents summed out, by trying all of them."""
        elements = [(n, at) for n in names for at in self.world.values[n]]
        over = [self.claim.variables[n]["over"][1] for n, _ in elements]
        counts = [int(s) if s.isdigit() else self.sizes[s] for s in over]
        assert math.prod(counts) <= 1100, f"{math.prod(counts)} cases"
        kept, logs = {n: dict(self.world.values[n]) for n in names}, []
        for chosen in itertools.product(*map(range, counts)):
            for (n, at), k in zip(elements, chosen, strict=True):
                self.world.values[n][at] = Fraction(k)
            logs.append(self.log_joint)
        self.world.values.update(kept)
        return float(logsumexp(logs))

    def log_node(self, v):
        """log p of a node, summed over its elements."""
        total, world = 0.0, self.world
        for binding in bindings(v["plates"], self.sizes, {}):
            value, args = node_arguments(v, world, binding)
            family = distribution_at(v, world, binding)["name"]
            weight = 1 if v["weight"] is None else evaluate(v["weight"], world, binding)
            if weight:
                total += float(weight * log_density(world.engine, family, value, args))
        return total
