"""``cavi fit --rows`` and ``--cores``: shards of mapped arrays and tables, or one on each core, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet, table
from typer.testing import CliRunner

from cavi.cli import app

runner = CliRunner()
START = ["--hyper", "m_0=0", "--hyper", "W_0=1", "--hyper", "nu_0=3", "--sizes", "K=2", "--max-iter", 5]


@pytest.fixture
def points(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(90, 2)) + 4.0])[rng.permutation(150)]
    np.save(tmp_path / "x.npy", x)
    parquet.write_table(table({"x_0": x[:, 0], "x_1": x[:, 1]}), tmp_path / "x.parquet", row_group_size=50)
    return tmp_path


def fit(*arguments: object):
    return runner.invoke(app, ["fit", *map(str, arguments)])


def bound(folder: Path) -> float:
    return json.loads((folder / "params.json").read_text())["elbo"]


def test_mapped_arrays_and_tables_give_one_result(points: Path) -> None:
    for name in ("x.npy", "x.parquet"):
        out = points / name.replace(".", "_")
        result = fit("gaussian_mixture_full", "--data", points / name, *START, "--rows", 50, "-o", out)
        assert result.exit_code == 0, result.output
        assert set(np.load(out / "params.npz")) >= {"mu.mean", "Lambda.scale"}
    assert bound(points / "x_npy") == bound(points / "x_parquet")


def test_a_run_goes_on_from_its_checkpoint(points: Path) -> None:
    data = ["gaussian_mixture_full", "--data", points / "x.npy", *START[:-2], "--rows", 50, "--tol", 0]
    assert fit(*data, "--max-iter", 6, "-o", points / "whole").exit_code == 0
    for sweeps in (2, 6):
        found = fit(*data, "--max-iter", sweeps, "--checkpoint", points / "run.npz", "-o", points / "parts")
        assert found.exit_code == 0, found.output
    assert bound(points / "parts") == bound(points / "whole")


def test_what_cannot_be_cut_is_refused(points: Path) -> None:
    result = fit("hmm_gaussian", "--rows", 10, "-o", points / "out")
    assert result.exit_code == 2
    assert "the data cannot be cut along t (1…T): q(z) is not a product over t" in " ".join(result.output.split())


def test_one_table_at_a_time(points: Path) -> None:
    two = ["--data", points / "x.parquet", "--data", points / "x.parquet"]
    result = fit("gaussian_mixture_full", *two, *START, "--rows", 10, "-o", points / "out")
    assert result.exit_code == 2
    assert "found 2 Parquet files; expected one" in " ".join(result.output.split())


def test_rows_are_shared_out_among_processes(points: Path) -> None:
    """The result has the factors of rows, as that of a run in one process."""
    data = ["gaussian_mixture_full", "--data", points / "x.npy", *START[:-2]]
    for out, more in (("one", []), ("two", ["--cores", 2, "--checkpoint", points / "cores.npz"])):
        result = fit(*data, "--tol", 1e-13, *more, "-o", points / out)
        assert result.exit_code == 0, result.output
    one, two = (np.load(points / out / "params.npz") for out in ("one", "two"))
    assert set(one) == set(two) and (points / "cores.npz").exists()
    for n in one:
        np.testing.assert_allclose(two[n], one[n], rtol=1e-4, atol=1e-4)
    assert bound(points / "two") == pytest.approx(bound(points / "one"), rel=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cores", 2, "--rows", 10], "--cores has all rows in memory and --rows one shard at a time"),
        (["--cores", 2, "--accelerate"], "--accelerate needs all rows at once: leave out --rows and --cores"),
        (["--rows", 10, "--accelerate"], "--accelerate needs all rows at once: leave out --rows and --cores"),
        (["--cores", 2, "--restarts", 3, "--jobs", 2], "--jobs has restarts side by side, and with --rows or --cores"),
        (["--cores", 2, "--inner", 3], "--inner: gaussian_mixture_full has no factors of rows and of groups"),
        (["--rows", 10, "--inner", 3], "--inner: gaussian_mixture_full has no factors of rows and of groups"),
        (["--inner", 3], "--inner: gaussian_mixture_full has no factors of rows and of groups"),
        (["--checkpoint", "run.npz"], "--checkpoint is that of a run over shards: give --rows N or --cores N with it"),
        (["--method", "ep", "--cores", 0], "--method ep: found --cores"),
        (["--method", "ep", "--inner", 2], "--method ep: found --inner"),
    ],
)
def test_options_that_do_not_go_together(points: Path, options: list, message: str) -> None:
    result = fit("gaussian_mixture_full", "--data", points / "x.npy", *START, *options, "-o", points / "out")
    assert result.exit_code == 2 and message in " ".join(result.output.split())


def test_the_best_of_several_starts(points: Path) -> None:
    """On all cores and over shards as at once; each start has a checkpoint."""
    data = ["gaussian_mixture_full", "--data", points / "x.npy", *START[:-2], "--tol", 1e-12, "--restarts", 3]
    ways = {"at_once": [], "cores": ["--cores", 2], "rows": ["--rows", 75, "--checkpoint", points / "run.npz"]}
    for out, more in ways.items():
        result = fit(*data, *more, "-o", points / out)
        assert result.exit_code == 0, result.output
    assert bound(points / "cores") == pytest.approx(bound(points / "at_once"), rel=1e-9)
    assert np.isfinite(bound(points / "rows")) and (points / "run.3.npz").exists()


def test_topics_with_documents_finished_first(tmp_path: Path) -> None:
    bounds = {}
    for out, more in {"once": [], "cores": ["--cores", 2], "rows": ["--rows", 8], "at_once": None}.items():
        options = ["--inner", 4, *more] if more else (["--inner", 4] if more is None else [])
        result = fit("lda", "--max-iter", 5, "--tol", 0, *options, "-o", tmp_path / out)
        assert result.exit_code == 0, result.output
        bounds[out] = bound(tmp_path / out)
    assert all(bounds[way] > bounds["once"] for way in ("cores", "rows", "at_once"))
