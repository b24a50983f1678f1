"""``print(derived)``: the whole result as Unicode text for a terminal."""

from __future__ import annotations

from cavi.derive.families.numeric import COORDINATES, MEASURED, NORMAL_MEASURED, NORMAL_RULE, RULES_OF
from cavi.derive.index import Index
from cavi.derive.methods import KEEP_THE_BOUND, LAST_REMEDY, WORDS
from cavi.derive.relaxations.relaxation import Relaxation
from cavi.derive.result import ArrayOperation, Derived, Formula, Integral, Projected, Update
from cavi.derive.term import Function, Polynomial
from cavi.derive.text import name_text, show


def report(derived: Derived) -> str:
    """Model, factorisation, every optimal factor with its update, and the ELBO."""
    declared = derived.model.indices
    product = " ".join(_factor_text(u) for u in derived.updates)
    parts = [str(derived.model), *map(relaxation_text, derived.relaxations), f"\nq = {product}"]
    parts.extend(update_text(u, declared) for u in derived.updates)
    terms = "\n".join(
        f"  {'E[log p(' + t.name + ' | …)]' if t.kind != 'entropy' else 'H[q(' + t.name + ')]'}\n"
        f"    = {show(t.value, declared)}"
        for t in derived.elbo.terms
    )
    bounded = ", ".join(r.node for r in derived.relaxations if r.kind == "bound")
    approximated = ", ".join(u.factor.name for u in derived.updates if u.chosen not in KEEP_THE_BOUND)
    title = f"ELBO (a lower bound of it: log p of {bounded} is bounded)" if bounded else "ELBO"
    if approximated:
        title = (
            f"ELBO, approximated (no lower bound: expectations under q({approximated}) are expanded to second order)"
        )
    return "\n".join([*parts, f"\n{title} = sum of\n{terms}"])


def relaxation_text(r: Relaxation) -> str:
    """What was put in the place of a log density, by which rule and on what condition."""
    given = ", ".join(map(name_text, r.variables))
    left = f"log p({r.node} | …) ≥" if r.kind == "bound" else f"log p({r.node} | …, {given}) ="
    lines = [f"\n{left} {show(r.value)}", f"  by {r.rule.name}: {r.rule.statement}"]
    lines += [f"  because {condition}" for condition in (r.rule.condition,) if condition]
    lines += [f"  {reason}" for reason in r.reasons]
    return "\n".join([*lines, *([f"  ({r.rule.source})"] if r.rule.source else [])])


def accuracy_text(u: Update) -> tuple[str, ...]:
    """By what rule integrals without closed form are found, and how many digits that was measured to have."""
    if u.numeric:
        supports = next(f.value.supports for f in u.formulas if isinstance(f.value, Integral))
        numbers = " and ".join(COORDINATES[support].format(name_text(n)) for n, support in supports)
        return (f"Numerically: by the {RULES_OF[len(supports)]} in {numbers}; {MEASURED[len(supports)]}.",)
    if any(isinstance(f.value, Projected) or _has_normal_means(f.value) for f in u.formulas):
        return (f"Numerically: by the {NORMAL_RULE}; {NORMAL_MEASURED}.",)
    return ()


def _has_normal_means(value: object) -> bool:
    """Whether a formula has the mean of a function under a Normal number, as one of a sum over several factors is."""
    return isinstance(value, Polynomial) and any(
        isinstance(a, Function) and a.name == "normal_mean" and bool(a.args[2]) for a in value.atoms()
    )


def _factor_text(u: Update) -> str:
    over = ",".join(i.name for i in u.factor.plates)
    inside = ", ".join(name_text(n) + (f"[{over}]" if over else "") for n in u.factor.latents)
    return f"Π_{over} q({inside})" if over else f"q({inside})"


def formula_text(f: Formula, declared: tuple[Index, ...]) -> str:
    """One parameter and how it is computed."""
    axes = ",".join(i.name for i in f.indices)
    name = f"{name_text(f.latent)}.{f.name}" + (f"[{axes}]" if axes else "")
    if isinstance(f.value, ArrayOperation):
        return f"{name} = {f.value.name}({f.value.argument})"
    if isinstance(f.value, Integral):
        return f"{name} = {integral_text(f, declared)}"
    if isinstance(f.value, Projected):
        return f"{name} = E[{show(f.value.pattern, declared)}], numerically in one dimension"
    return f"{name} = {show(f.value, declared)}"


def integral_text(f: Formula, declared: tuple[Index, ...]) -> str:
    """An integral over one number or two: written out for the normaliser, by name for what follows from it."""
    assert isinstance(f.value, Integral)
    numbers = [name_text(latent) for latent, _ in f.value.supports]
    if f.value.name == "log_normaliser":
        over = " ".join(f"d{x}" for x in numbers)
        return f"log {'∫' * len(numbers)} exp({show(f.value.log_density, declared)}) {over}, numerically"
    if f.value.name == "correlation":
        return f"correlation of {' and '.join(numbers)}, numerically"
    if f.value.name == "deviation":
        return f"standard deviation of {name_text(f.latent)}, numerically"
    assert f.value.pattern is not None
    return f"E[{show(f.value.pattern, declared)}], numerically"


def update_text(u: Update, declared: tuple[Index, ...]) -> str:
    """One optimal factor: family, parameters, and the moments that the others use; sums are named as `declared`."""
    plates = ",".join(i.name for i in u.factor.plates)
    left = ", ".join(name_text(n) + (f"[{plates}]" if plates else "") for n in u.factor.latents)
    family = "point mass" if u.factor.point else " × ".join(str(f) for f in u.families.values())
    if u.numeric:
        family = "exp(Σ η t - log_normaliser), normalised numerically: no closed form"
    lines = [f"\nq*({left}) = {family}"]
    if u.chosen:
        lines = [f"\nq({left}) = {family}, {WORDS[u.chosen]}"]
    lines.extend(f"  {formula_text(f, declared)}" for f in u.formulas)
    lines.extend(f"  {line}" for line in accuracy_text(u))
    if u.told_by:
        zero = " = ".join(f"{name_text(u.factor.name)}.{name}" for name in u.told_by)
        lines.append(f"  {left} stays as it is where {zero} = 0: nothing depends on it there.")
    if u.proposed:
        lines.append(f"  Taken by relax='auto': {LAST_REMEDY}.")
    for s in u.moment_specs:
        if s.value is not None and not u.factor.point and not u.numeric:
            lines.append(f"  E[{show(s.pattern, declared)}] = {show(s.value, declared)}")
    return "\n".join(lines)
