"""Everything the templates of an estimator print, decided here."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cavi.derive import Derived, Variable
from cavi.templates.estimators.reading import Reading, reading
from cavi.templates.estimators.writer import EstimatorWriter, RowFunction
from cavi.templates.numpy.view import known_variables
from cavi.templates.shards.split import Split
from cavi.templates.shards.view import ShardView, sharded_view

# Weak values by domain; one number stands for a whole array, and for a multiple of the identity.
WEAK = {"positive": "1.0", "nonnegative": "1.0", "count": "1.0", "unit": "0.5", "positive_definite": "1.0"}
OURS = {"self", "random_state", "max_iter", "tol", "restarts", "inner", "n_jobs", "n_rows"}
CLASSES = {
    "Any",
    "Callable",
    "DataError",
    "Fit",
    "Iterator",
    "Mapping",
    "Parquet",
    "Progress",
    "Sequence",
    "Shard",
    "State",
}
CLASSES |= {"ConvergenceWarning", "Rows", "RowsEstimator", "Stochastic", "Totals"}
CLASSES |= {"Crew", "Lead", "Leaps", "Line", "Member", "Memory", "Post", "Task"}
POSITIVE = {"positive", "nonnegative", "count", "index", "binary", "unit"}


@dataclass(frozen=True)
class ArgumentView:
    """An argument of the constructor.

    Attributes:
        name: of the argument.
        of: the hyperparameter or size that it is.
        default: its default, as code; None stands for what the data tell.
        text: what it is, for people.
    """

    name: str
    of: str
    default: str
    text: str


@dataclass(frozen=True)
class EstimatorView:
    """A module with an estimator."""

    shard: ShardView
    name: str
    bases: tuple[str, ...]
    sizes: tuple[ArgumentView, ...]
    hyper: tuple[ArgumentView, ...]
    functions: tuple[RowFunction, ...]
    x: str
    column: bool
    y: str
    outputs: bool
    classes: bool
    category: str
    position: str
    inverse: bool
    link: bool
    std: bool
    matrix: bool
    positive: bool
    says: tuple[str, ...]


def estimator_view(derived: Derived) -> EstimatorView:
    """The view of a derived model.

    Raises:
        CaviError: where the model is no estimator, with the reason.
    """
    r = reading(derived)
    made: list[EstimatorWriter] = []

    def make(derived: Derived, names: Mapping[object, str], split: Split) -> EstimatorWriter:
        made.append(EstimatorWriter(derived, names, split, r))
        return made[-1]

    shard = sharded_view(derived, r.row.name, make)
    shard = replace(shard, module=replace(shard.module, needs="NumPy, SciPy and scikit-learn"))
    (writer,) = made
    p = writer.prediction
    known = dict(known_variables(derived))
    sizes, hyper = _sizes(derived, r), _hyper(derived)
    return EstimatorView(
        shard=shard,
        name=class_name(derived.model.name),
        bases=(*(f"sklearn_base.{n}" for n in _mixins(r)), "RowsEstimator"),
        sizes=sizes,
        hyper=hyper,
        functions=writer.functions,
        x=r.x.name,
        column=len(r.x.indices) == 1,
        y=r.y.name if r.y is not None else "",
        outputs=r.y is not None and len(r.y.indices) > 1,
        classes=r.classes,
        category=r.category or "",
        position=r.position or "",
        inverse=writer.inverse is not None,
        link=p is not None and p.link is not None and p.variance is not None,
        std=writer.has_noise,
        matrix=p is not None and p.family == "MultivariateNormal",
        positive=r.y is None and known[r.x.name]["domain"] in POSITIVE,
        says=_says(r, writer),
    )


def class_name(model: str) -> str:
    """``gaussian_mixture`` as ``GaussianMixture``; apart from the classes that a module has anyway."""
    name = "".join(word[:1].upper() + word[1:] for word in re.split(r"_+", model) if word)
    return f"{name}Estimator" if name in CLASSES else name


def _mixins(r: Reading) -> tuple[str, ...]:
    if r.y is not None:
        return ("ClassifierMixin",) if r.classes else ("RegressorMixin",)
    found = [] if r.category is None else ["ClusterMixin"]
    return (*found, *(["ClassNamePrefixFeaturesOutMixin", "TransformerMixin"] if r.position is not None else []))


def _sizes(derived: Derived, r: Reading) -> tuple[ArgumentView, ...]:
    """The sizes that the axes of the data do not tell."""
    told = {i.size for v in (r.x, r.y) if v is not None for i in v.indices}
    counted = {s["over"] for n, s in known_variables(derived) if s["where"] == "data" and s["over"] is not None}
    found = []
    for size in derived.model.sizes:
        if size not in told:
            names = ", ".join(v.name for v in derived.model.variables if size in _sizes_of(v))
            late = "; None for as many as the data have" if size in counted else ""
            text = f"how many elements {names} {'has' if ',' not in names else 'have'} along {size}{late}."
            found.append(ArgumentView(_argument(size), size, "None" if size in counted else "2", text))
    return tuple(found)


def _sizes_of(v: Variable) -> set[str]:
    return {i.size for i in (*v.indices, *((v.over,) if v.over is not None else ()))}


def _hyper(derived: Derived) -> tuple[ArgumentView, ...]:
    found = []
    for name, spec in known_variables(derived):
        if spec["where"] != "hyper":
            continue
        default, text = WEAK.get(spec["domain"], "0.0"), spec["domain"].replace("_", " ")
        if spec["domain"] == "simplex":
            default, text = "None", "probabilities; None for equal ones"
        if spec["least"] is not None:
            default, text = "None", f"degrees of freedom; None for {spec['least']} + 1"
        if spec["axes"]:
            text += f", with axes ({', '.join(spec['axes'])}) or one number for all"
        found.append(ArgumentView(_argument(name), name, default, f"{text}."))
    return tuple(found)


def _argument(name: str) -> str:
    return f"{name}_" if name in OURS else name


def _says(r: Reading, writer: EstimatorWriter) -> tuple[str, ...]:
    """What the methods return, where that is a choice."""
    found = []
    if r.category is not None:
        found.append(f"predict gives the most probable {r.category} of each row, predict_proba q({r.category}).")
    if r.position is not None:
        found.append(f"transform gives the mean of q({r.position}) of each row.")
    if writer.inverse is not None:
        found.append(f"inverse_transform gives the mean of {r.x.name} given {r.position}, expected under q.")
    if r.y is None:
        found.append(
            "score_samples is a lower bound on the logarithm of the density that a row has under q of the shared "
            "factors: its share in the bound, with those factors held and its own at their best; score is the mean."
        )
    p = writer.prediction
    if p is not None and p.link and p.variance is not None:
        found.append(
            "predict_proba is the logistic function of m / sqrt(1 + π v / 8), where m and v are the mean and the "
            "variance of the logit under q (MacKay 1992)."
        )
    if writer.has_noise:
        found.append(
            "The variance that predict has, if asked for a deviation, is that of the mean under q and of noise with "
            "the expected precision."
        )
    return tuple(line for text in found for line in textwrap.wrap(text, 110))
