"""Between processes arrays go through memory without a name, of which nothing is left however a run ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from generated import NAMES, derived_model, inputs, run, spread, written

from cavi.derive import CaviError

HYPER = {"alpha": 0.1, "eta": 0.1}
SIZES = {"K": 4, "V": 3000}  # topics of 96 kB
linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def module():
    return run(derived_model("lda").streaming())


@pytest.fixture(scope="module")
def counts() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    doc = np.repeat(np.arange(30), 40)
    return {"doc": doc, "w": rng.integers(0, 3000, size=doc.size), "count": np.ones(doc.size)}


@pytest.fixture
def ends(module):
    """Two ends in one process."""
    here, there = multiprocessing.Pipe()
    memory = [module.Memory.new(), module.Memory.new()]
    as_others_have_it = [module.Memory(os.dup(m.handle)) for m in reversed(memory)]
    yield module.Post(here, *memory), module.Post(there, *as_others_have_it, keeps=True)
    for m in [*memory, *as_others_have_it]:
        m.close()
    here.close()
    there.close()


def test_what_arrives_is_what_was_sent(ends) -> None:
    rng = np.random.default_rng(0)
    large = rng.normal(size=(70, 50))
    value = {"large": large, "turned": large.T, "every other": large[::2], "small": np.arange(3), "number": 1.5}
    value |= {
        "none": None,
        "nested": ({"whole": np.arange(4000)}, [large.astype(np.float32)]),
        "empty": np.zeros((0, 5)),
    }
    for number in (1, 3, 2):  # memory grows, and is used again
        sent = [value] * number + [{"more": rng.normal(size=1000 * number)}]
        ends[0].post(ends[0].packed(sent))
        found = ends[1].recv()
        np.testing.assert_equal(found, sent)
        assert found[0]["large"].strides == large.strides and found[0]["turned"].strides == large.T.strides
        ends[1].post(ends[1].packed(found))
        back = ends[0].recv()
        np.testing.assert_equal(back, sent)
        assert not back[0]["large"].flags.writeable  # nobody writes where others read
        ends[0].post(ends[0].packed([-large] * 9))
        assert ends[1].recv()[8][0, 0] == -large[0, 0]
        np.testing.assert_equal(found, sent)  # which were kept


def test_large_arrays_are_not_in_the_message(ends) -> None:
    places, message = ends[0].packed({"large": np.zeros(100_000), "small": np.zeros(10)})
    assert places == [(0, 800_000)] and len(message) < 1000
    places, message = ends[0].packed({"large": np.zeros(100_000)}, shared=False)
    assert places == [] and len(message) > 800_000


def test_without_such_memory_all_is_in_the_message(ends, module, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    large = np.arange(100_000.0)
    monkeypatch.setattr(os, "ftruncate", full)
    assert ends[0].packed(large)[0] == []
    monkeypatch.setattr(os, "name", "another")
    assert module.Memory.new() is None
    posts = [module.Post(end, None, None) for end in multiprocessing.Pipe()]
    assert posts[0].packed(large)[0] == []
    posts[0].post(posts[0].packed(large[:1000]))
    np.testing.assert_array_equal(posts[1].recv(), large[:1000])


def test_where_there_is_no_file_in_main_memory_it_is_a_temporary_one(module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    memory = module.Memory.new()
    places = memory.write([memoryview(np.arange(5000)).cast("B")])
    np.testing.assert_array_equal(
        np.frombuffer(module.Memory(os.dup(memory.handle)).read(places)[0], int), np.arange(5000)
    )
    memory.close()


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


# The first makes pairs along a chain when they are asked for, from shared factors that have changed meanwhile; the
# second has factors of rows that go to a checkpoint and back.
SOME = ["hmm_categorical", "lda"]
CASES = [*SOME, *spread([n for n in NAMES if n not in SOME], 16)]


@pytest.mark.parametrize("name", CASES)
def test_all_models_run_on_shared_memory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every array goes through memory: nothing writes into what was sent, nor reads it when it is there no more."""
    try:
        streaming = derived_model(name).streaming()
    except CaviError:
        return  # which, and why, is a test of shards
    source = streaming.replace("LARGE = 2**13", "LARGE = 1")
    assert source != streaming
    module = written(f"shared_{name}", tmp_path, monkeypatch, source)
    data, hyper, sizes = inputs(module, np.random.default_rng(3), 17, 3)
    given = {"seed": 1, "max_iter": 4, "tol": 0.0, "cores": 2, "checkpoint": str(tmp_path / "run.npz"), "every": 0.0}
    module.fit_cores(data, hyper, sizes, **given | {"max_iter": 2})
    found = module.fit_cores(data, hyper, sizes, **given)  # goes on with what came back through memory
    threads = run(streaming).fit_cores(data, hyper, sizes, **given | {"checkpoint": None})
    np.testing.assert_allclose(found.elbo_trace, threads.elbo_trace, rtol=1e-12)
    for latent, values in threads.params.items():
        for n, a in values.items():
            np.testing.assert_allclose(found.params[latent][n], a, rtol=1e-9, atol=1e-12)


@linux
@pytest.mark.parametrize("way", ["end", "error", "interrupt", "killed", "wrong"])
def test_nothing_is_left(way: str, counts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file, which has no name from the beginning, nor a handle nor a process, after all ways to end."""
    module = written("lda", tmp_path, monkeypatch)
    crews: list = []
    start = module.Crew._start
    monkeypatch.setattr(module.Crew, "_start", lambda crew, count: crews.append(crew) or start(crew, count))
    used: list = []

    def tell(p) -> None:
        used.append([len(memory.bytes) for memory in crews[0].memory])
        assert all(os.fstat(memory.handle).st_nlink == 0 for memory in crews[0].memory)  # no folder has it
        if p.sweep == 2 and way == "error":
            raise ZeroDivisionError
        if p.sweep == 2 and way == "interrupt":
            raise KeyboardInterrupt
        if p.sweep == 2 and way == "killed":
            os.kill(crews[0].processes[0].pid, signal.SIGKILL)
        pids.extend(q.pid for q in crews[0].processes)

    pids: list[int] = []
    bad = {"count": np.full(counts["count"].size, np.inf)} if way == "wrong" else {}
    expected = {"error": ZeroDivisionError, "killed": RuntimeError, "wrong": module.DataError}.get(way)
    given = {"seed": 0, "cores": 2, "max_iter": 4, "tol": 0.0, "progress": tell}
    module.fit_cores(counts, HYPER, SIZES, **given | {"progress": None})  # what the first process leaves for the next
    before = handles()
    crews.clear()
    if expected is None:
        found = module.fit_cores(counts, HYPER, SIZES, **given)
        assert found.n_iter == (2 if way == "interrupt" else 4) and found.params["z"]["probs"].shape == (1200, 4)
    else:
        with pytest.raises(expected):
            module.fit_cores(counts | bad, HYPER, SIZES, **given)
    assert handles() == before
    assert way == "wrong" or all(least >= 90_000 for least in used[0])  # topics have gone both ways
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@linux
def test_a_run_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """kill -9 of the process that leads: its members end, and with them the memory that has no name."""
    (tmp_path / "topics.py").write_text(derived_model("lda").streaming(), encoding="utf-8")
    script = f"""
import multiprocessing, numpy as np, topics
if __name__ == "__main__":
    doc = np.repeat(np.arange(30), 40)
    data = {{"doc": doc, "w": np.random.default_rng(0).integers(0, 3000, size=doc.size), "count": np.ones(doc.size)}}
    tell = lambda p: print(*(q.pid for q in multiprocessing.active_children()), flush=True)
    topics.fit_cores(data, {HYPER}, {SIZES}, seed=0, tol=-1.0, max_iter=10**6, cores=2, progress=tell)
"""
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    with subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        process.kill()
    assert len(pids) == 2
    deadline = time.monotonic() + 60.0
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in pids)


def is_running(pid: str) -> bool:
    """Whether a process has not ended, whoever is to take notice of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
