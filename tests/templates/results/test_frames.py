"""Data from frames: columns, prefixes, labels, long tables; what is missing or ambiguous is refused by name."""

import re

import numpy as np
import pytest
from generated import derived_model, generated

from cavi import models
from cavi.derive import CaviError
from cavi.templates.results import data_from


def library(name: str):
    return models.load(name)


def test_columns_by_name_prefix_and_list() -> None:
    frame = {"X_0": [1.0, 2.0, 3.0], "X_1": [0, 1, 0], "y": [1, 2, 3]}
    for columns in (None, {"X": "X_*"}, {"X": ["X_0", "X_1"]}):
        found = data_from(frame, library("linear_regression"), columns)
        np.testing.assert_array_equal(found["X"], [[1, 0], [2, 1], [3, 0]])
        np.testing.assert_array_equal(found["y"], [1, 2, 3])
        assert found.dims == {"X": ("n", "d"), "y": ("n",)}
        assert found.coords == {"d": ["X_0", "X_1"]}
    assert data_from(frame, library("linear_regression"), {"X": "X_1"})["X"].shape == (3, 1)


def test_labels_are_coded_and_kept() -> None:
    frame = {"y": [1.0, 2.0, 3.0, 4.0], "batch": ["b", "a", "b", "c"]}
    model = library("one_way_random_effects")
    (observed,) = model.with_role("observed")
    found = data_from(frame, model, {observed.name: "y"})
    assert found["batch"].tolist() == [1, 0, 1, 2]
    over = model.variable("batch").over
    assert found.coords[next(i.name for i in model.indices if i.size == over.size)] == ["a", "b", "c"]
    assert found.sizes == {over.size: 3}
    numbered = data_from({**frame, "batch": [1, 0, 1, 2]}, model, {observed.name: "y"})
    assert numbered["batch"].tolist() == [1, 0, 1, 2]
    assert not numbered.sizes


def test_categories_of_several_columns_share_their_labels() -> None:
    frame = {"y_0": ["no", "yes", "no"], "y_1": ["no", "no", "maybe"]}
    found = data_from(frame, library("latent_class"))
    assert found["y"].tolist() == [[1, 1], [2, 1], [1, 0]]
    assert found.coords["v"] == ["maybe", "no", "yes"]
    assert found.sizes == {"V": 3}
    fit = generated("latent_class").fit(found, {"alpha_0": 1.0, "beta_0": 1.0}, {"K": 2, **found.sizes}, seed=0)
    assert fit.params["theta"]["concentration"].shape == (2, 2, 3)


def test_long_tables() -> None:
    frame = {
        "who": ["u", "u", "v", "v", "w", "w"],
        "item": ["p", "q", "q", "p", "p", "q"],
        "score": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    }
    model = library("diagonal_gaussian_mixture")
    columns = {"x": {"value": "score", "n": "who", "d": "item"}}
    found = data_from(frame, model, columns)
    assert found["x"].tolist() == [[1, 2], [4, 3], [5, 6]]
    assert found.coords == {"n": ["u", "v", "w"], "d": ["p", "q"]}
    again = {**frame, "item": ["p", "q", "q", "q", "p", "q"]}
    with pytest.raises(CaviError, match="x: several values for n = 'v', d = 'q'; expected one"):
        data_from(again, model, columns)
    short = {n: v[:-1] for n, v in frame.items()}
    with pytest.raises(CaviError, match=re.escape("x: no row for 1 combination(s), such as n = 'w', d = 'q'")):
        data_from(short, model, columns)
    with pytest.raises(CaviError, match=re.escape("x: found ['n', 'value']; expected a column for each of")):
        data_from(frame, model, {"x": {"value": "score", "n": "who"}})


WRONG = [
    ({"X_0": [1.0, np.nan], "y": [1.0, 2.0]}, None, "X (column X_0): 1 value(s) are missing, in row(s) 1 (from 0)"),
    ({"X_0": [1.0, 2.0], "y": [None, 2.0]}, None, "y (column y): 1 value(s) are missing, in row(s) 0"),
    ({"X_0": ["a", "b"], "y": [1.0, 2.0]}, None, "X (column X_0): found 'a' of str"),
    ({"X_0": [1.0, 2.0], "why": [1.0, 2.0]}, None, "y: the frame has no column 'y'; known: X_0, why"),
    ({"X_0": [1.0, 2.0], "y": [1.0, 2.0]}, {"z": "y"}, "columns: 'z' is no data of linear_regression"),
    ({"X_0": [1.0, 2.0], "y": [1.0, 2.0]}, {"X": "w_*"}, "X: no column starts with 'w_'; found X_0, y"),
    ({"X_0": [1.0, 2.0], "y": [1.0, 2.0]}, {"y": ["y", "X_0"]}, "y has the axes (n), and 2 column(s) y, X_0"),
    ({"X_0": np.ones((2, 2)), "y": [1.0, 2.0]}, None, "X (column X_0): found shape (2, 2)"),
]


@pytest.mark.parametrize(("frame", "columns", "message"), WRONG)
def test_what_is_wrong_is_named(frame: dict, columns: dict | None, message: str) -> None:
    with pytest.raises(CaviError, match=re.escape(message)):
        data_from(frame, library("linear_regression"), columns)


def test_no_frame_and_rows_of_two_indices() -> None:
    with pytest.raises(CaviError, match="found list; expected a data frame"):
        data_from([1.0], library("linear_regression"))
    frame = {n: [1, 1] for n in ("label", "labelled_0", "unlabelled_0", "labelled_total", "unlabelled_total")}
    with pytest.raises(CaviError, match="a row of the frame cannot be an element of several indices"):
        data_from(frame, library("naive_bayes"))


@pytest.mark.targets
@pytest.mark.parametrize("library_name", ["pandas", "polars"])
def test_frames_of_pandas_and_polars(library_name: str) -> None:
    tables = pytest.importorskip(library_name)
    frame = tables.DataFrame({"X_0": [1.0, 2.0, 3.0], "X_1": [True, False, True], "y": [3, 4, 5]})
    found = data_from(frame, library("linear_regression"))
    assert found["X"].tolist() == [[1, 1], [2, 0], [3, 1]]
    assert found["y"].tolist() == [3, 4, 5]
    assert "n" not in found.coords
    holes = tables.DataFrame({"X_0": [1.0, 2.0, 3.0], "y": [3, None, 5]})
    with pytest.raises(CaviError, match=re.escape("y (column y): 1 value(s) are missing, in row(s) 1")):
        data_from(holes, library("linear_regression"))
    words = tables.DataFrame({"y_0": ["no", "yes", "no"], "y_1": ["no", "no", "maybe"]})
    assert data_from(words, library("latent_class"))["y"].tolist() == [[1, 1], [2, 1], [1, 0]]


@pytest.mark.targets
def test_categoricals_nullable_numbers_and_an_index_of_pandas() -> None:
    pd = pytest.importorskip("pandas")
    levels = pd.CategoricalDtype(["low", "mid", "high"])
    frame = pd.DataFrame(
        {"y_0": pd.Series(["high", "low"], dtype=levels), "y_1": pd.Series(["low", "low"], dtype=levels)}
    )
    found = data_from(frame.set_axis(["ann", "bob"]), library("latent_class"))
    assert found["y"].tolist() == [[2, 0], [0, 0]]
    assert found.sizes == {"V": 3}  # "mid" is not forgotten
    assert found.coords == {"v": ["low", "mid", "high"], "j": ["y_0", "y_1"], "n": ["ann", "bob"]}
    numbers = pd.DataFrame({"X_0": pd.Series([1, 2], dtype="Int64"), "y": pd.Series([1, None], dtype="Int64")})
    with pytest.raises(CaviError, match=re.escape("y (column y): 1 value(s) are missing, in row(s) 1")):
        data_from(numbers, library("linear_regression"))
    assert data_from(numbers.fillna(0), library("linear_regression"))["X"].tolist() == [[1], [2]]


@pytest.mark.targets
def test_categories_of_polars() -> None:
    pl = pytest.importorskip("polars")
    levels = pl.Enum(["low", "mid", "high"])
    frame = pl.DataFrame(
        {"y_0": pl.Series(["high", "low"], dtype=levels), "y_1": pl.Series(["low", "low"], dtype=levels)}
    )
    found = data_from(frame, library("latent_class"))
    assert found["y"].tolist() == [[2, 0], [0, 0]]
    assert found.sizes == {"V": 3}
    pl.Series(["low", "elsewhere", "high"]).cast(pl.Categorical)  # of another frame, in the same pool
    free = frame.with_columns(pl.all().cast(pl.String).cast(pl.Categorical))
    assert data_from(free, library("latent_class"))["y"].tolist() == [[0, 1], [1, 1]]


def test_the_data_of_a_frame_are_those_of_the_library() -> None:
    known = models.data("linear_regression").data
    frame = {f"X_{j}": known["X"][:, j] for j in range(10)} | {"y": known["y"]}
    found = data_from(frame, derived_model("linear_regression").model)
    for name, value in known.items():
        np.testing.assert_array_equal(found[name], value)
