"""The forward algorithm for a chain of categories: log p of all that depends on it, in one pass.

    α_1(k) = π_k p(x_1 | k),    α_t(k) = p(x_t | k) Σ_j α_{t-1}(j) A_jk,    p(x) = Σ_k α_T(k)

kept as logarithms. Where a sequence begins, what came before is added up and the chain starts afresh.
Source: Rabiner (1989), section III.A.
"""

from __future__ import annotations

from cavi.derive.errors import CaviError
from cavi.templates.stan.categories import Group
from cavi.templates.stan.densities import log_density
from cavi.templates.stan.elements import Elements, indented, nested
from cavi.templates.stan.nodes import begin, dependent


def forward(group: Group, root: Elements) -> list[str]:
    """The statements for a chain and the densities that depend on its elements."""
    chain = group.latents[0]
    assert chain.chain is not None and chain.distribution is not None
    if chain.weight is not None:
        raise CaviError(f"Stan: the chain {chain.name} has weights, and its forward algorithm none")
    names, t = root.names, chain.chain.index
    at, heads = root.loop(*(p for p in chain.plates if p != t))
    size = "2" if chain.over is None else root.size(chain.over)
    alpha, following, terms = names.new("alpha"), names.new("alpha"), names.new("terms")
    here, before = names.new(chain.name), names.new(chain.name)
    inner_at, time = root.inside(at=at).loop(t)
    place = root.inside(at=inner_at, categories={chain.name: here})
    places = [inner_at[p] for p in chain.plates]

    emission = [f"{following}[{here}] = 0;"]
    for v, subs in group.dependents:
        emission += dependent(v, subs, places, place.inside(at=root.at), f"{following}[{here}]")

    initial = place.inside()
    first = log_density(chain, chain.chain.initial, initial)
    start = nested([f"for ({here} in 1:{size})"], [*initial.before, f"{following}[{here}] += {first};"])
    step = place.inside(previous={chain.name: before})
    linked = log_density(chain, chain.distribution, step)
    over = nested([f"for ({before} in 1:{size})"], [*step.before, f"{terms}[{before}] = {alpha}[{before}] + {linked};"])
    onward = nested(
        [f"for ({here} in 1:{size})"],
        [f"vector[{size}] {terms};", *over, f"{following}[{here}] += log_sum_exp({terms});"],
    )
    begins = begin(chain, place)
    again = [] if chain.chain.starts is None else [f"if ({inner_at[t]} > 1) target += log_sum_exp({alpha});"]
    body = [
        f"vector[{size}] {following};",
        *nested([f"for ({here} in 1:{size})"], emission),
        f"if ({begins}) {{",
        *indented([*again, *start]),
        "} else {",
        *indented(onward),
        "}",
        f"{alpha} = {following};",
    ]
    whole = [f"vector[{size}] {alpha};", *nested(time, body), f"target += log_sum_exp({alpha});"]
    return nested(heads, whole) if heads else ["{", *indented(whole), "}"]
