"""What kind of estimator a model is, read off its declaration: which variable X is, which y, what belongs to a row."""

from __future__ import annotations

from dataclasses import dataclass

from cavi.derive import CaviError, Derived, Variable
from cavi.derive.index import Index


@dataclass(frozen=True)
class Reading:
    """A model as an estimator.

    Attributes:
        row: the index of the rows of X.
        x: the variable that X is: what was observed, or what an observation is given (then y is observed).
        y: the observed variable that is predicted from X; None without one.
        classes: whether y takes the values zero and one.
        category: a latent category that each row has one of; None without one.
        position: a latent Normal number or vector that each row has one of; None without one.
    """

    row: Index
    x: Variable
    y: Variable | None
    classes: bool
    category: str | None
    position: str | None


def reading(derived: Derived) -> Reading:
    """The model as an estimator.

    Raises:
        CaviError: where it is none, with the reason.
    """
    model = derived.model
    for v in model.with_role("observed_index"):
        raise refusal(
            derived, f"the observed integers {v.name} say which rows belong together, and X has no place for them"
        )
    for v in model.variables:
        if v.chain is not None:
            raise refusal(derived, f"{v.name} runs along a chain, and rows of X have no order")
        if v.role == "observed" and v.distribution is None:
            raise refusal(derived, f"{v.name} is a constraint")
        if v.weight is not None:
            raise refusal(derived, f"{v.name} stands for several copies, and rows of X have no weights")
    observed, covariates = model.with_role("observed"), model.with_role("covariate")
    if len(observed) != 1 or len(covariates) > 1:
        found = ", ".join(v.name for v in (*observed, *covariates))
        raise refusal(derived, f"its data are {found}; X is what was observed, or a covariate beside one observed y")
    x, y = (covariates[0], observed[0]) if covariates else (observed[0], None)
    for v in observed + covariates:
        if not (v.plates and len(v.indices) <= 2 and v.indices[0] == v.plates[0]):
            raise refusal(derived, f"{v.name} has the axes {_axes(v)}; expected rows, or rows and columns")
    row = x.indices[0]
    if y is not None and y.indices[0].size != row.size:
        raise refusal(derived, f"{y.name} has the axes {_axes(y)}; expected the rows of {x.name}, {_axes(x)}")
    if y is not None and len(y.indices) > 1 and y.indices[1].size == row.size:
        raise refusal(derived, f"{y.name} has the axes {_axes(y)}; one of them must be columns")
    if len(x.indices) > 1 and x.indices[1].size in (row.size, *(i.size for i in (y.indices[1:] if y else ()))):
        raise refusal(derived, f"the columns of {x.name} are not apart from its rows and from y")
    for v in model.with_role("hyper"):
        if any(i.size == row.size for i in v.indices):
            raise refusal(derived, f"the hyperparameter {v.name} has a value for each row")
    if y is not None:
        assert y.distribution is not None
        return Reading(row, x, y, y.distribution.family == "Bernoulli", None, None)
    category, position = _only(derived, row, _is_category), _only(derived, row, _is_position)
    if category is None and position is None:
        raise refusal(derived, "no row has a category, or a Normal vector, of its own")
    return Reading(row, x, None, False, category, position)


def _only(derived: Derived, row: Index, test: object) -> str | None:
    """The one latent of a row that passes a test; None where there is none or a choice."""
    assert callable(test)
    found = [v.name for v in derived.model.with_role("latent") if _of_row(v, row) and test(v, derived)]
    return found[0] if len(found) == 1 else None


def _of_row(v: Variable, row: Index) -> bool:
    return bool(v.indices) and v.indices[0].size == row.size


def _is_category(v: Variable, derived: Derived) -> bool:
    """Whether the probabilities of a latent are rows × categories."""
    return any(
        f.latent == v.name and f.name == "probs" and len(f.indices) == 2 and v.over is not None and len(v.indices) == 1
        for f in derived.update(v.name).formulas
    )


def _is_position(v: Variable, derived: Derived) -> bool:
    """Whether a latent is a number or a vector of a row with a Normal factor."""
    family = str(derived.update(v.name).families[v.name])
    return family in ("Normal", "MultivariateNormal") and len(v.indices) <= 2


def _axes(v: Variable) -> str:
    return "(" + ", ".join(i.size for i in v.indices) + ")"


def refusal(derived: Derived, reason: str) -> CaviError:
    """The error that says why a model is no estimator."""
    return CaviError(f"{derived.model.name} is no estimator of rows X: {reason}; use the NumPy module")
