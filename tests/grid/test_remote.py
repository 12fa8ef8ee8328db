"""A grid on an executor is the grid at home; what fails there is told here, with the points."""

import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid import job
from jaxnn.grid.remote import WORKERS, tasks_done, workers_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
SPACE = dict(lr=[0.1, 0.01, 0.003], hidden=[(), (4,)])
OPTIONS = dict(epochs=3, batch_size=8, validation=0.25, plan="map", progress=False)


def trial(lr, hidden):
    return nn.Trial(nn.mlp(hidden, out=2, dropout=0.2), "softmax_cross_entropy", optax.adam(lr))


@pytest.fixture(scope="module")
def here():
    return nn.grid(trial, (X, Y), SPACE, **OPTIONS)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Store(ThreadPoolExecutor):
    """With a store of objects, as Ray and Dask have one."""

    def __init__(self):
        super().__init__(3)
        self.kept = []

    def put(self, value):
        self.kept.append(value)
        return len(self.kept) - 1

    def submit(self, fn, /, *args):
        return super().submit(fn, self.kept[args[0]], *args[1:])


def same(ours, theirs):
    assert ours.table == theirs.table
    jax.tree.map(np.testing.assert_array_equal, [r.params for r in ours], [r.params for r in theirs])


@pytest.mark.parametrize("plan", ["map", nn.Plan(1, 1, 2)])
def test_a_grid_on_a_pool_is_the_grid_at_home(here, pool, tmp_path, plan):
    runs = nn.grid(trial, (X, Y), SPACE, **OPTIONS | dict(plan=plan), on=pool, folder=tmp_path, states=True)
    same(runs, here)
    same(nn.load_runs(tmp_path), here)
    assert runs[1].last.step == here[1].epochs * 3
    assert ("in 2 parts" in repr(runs)) == (plan != "map")
    same(nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=tmp_path), here)
    assert runs.replay(4).metrics == here[4].metrics


def test_what_all_tasks_need_is_put_into_the_store_once(here):
    with Store() as store:
        same(nn.grid(trial, (X, Y), SPACE, **OPTIONS, on=store), here)
    assert len(store.kept) == 1 and isinstance(store.kept[0], job.Parcel)


def test_starts_go_to_their_members(pool):
    first = nn.grid(trial, (X, Y), dict(SPACE, hidden=[()]), **OPTIONS, states=True)
    longer = nn.grid(trial, (X, Y), dict(SPACE, hidden=[()]), **OPTIONS, start=first)
    same(nn.grid(trial, (X, Y), dict(SPACE, hidden=[()]), **OPTIONS, start=first, on=pool), longer)
    assert longer[0].epochs == 6
    weights = nn.grid(trial, (X, Y), dict(SPACE, hidden=[()]), **OPTIONS, start=first[0].params, on=pool)
    assert weights[1].taken is not None


class Boom(Exception):
    pass


def test_an_error_in_a_worker_names_the_points_and_cancels_what_has_not_begun():
    cancelled = []

    class Slow:
        """Its first task fails, its other one never begins."""

        workers = 2

        def submit(self, fn, shared, part):
            future = Future()
            if part.points == [0, 2, 4]:
                future.set_exception(Boom("no such file"))
            future.add_done_callback(lambda f: cancelled.append(part.points) if f.cancelled() else None)
            return future

    with pytest.raises(Boom, match="no such file") as caught:
        nn.grid(trial, (X, Y), SPACE, **OPTIONS | dict(plan=nn.Plan(1, 1, 3)), on=Slow())
    assert caught.value.__notes__ == ["in a worker that trained the points [0, 2, 4] of the space"]
    assert cancelled == [[1, 3, 5]]


def test_bad_points_and_bad_executors_are_told_at_the_door(pool):
    def never(*args):
        raise AssertionError("a task was submitted")

    pool.submit = never
    with pytest.raises(ValueError, match=r"point 1 of the space, .*: a seed must be"):
        nn.grid(trial, (X, Y), dict(lr=[0.1], hidden=[()], seed=[0, -1]), **OPTIONS, on=pool)
    with pytest.raises(ValueError, match=r"callbacks are called where members train"):
        nn.grid(trial, (X, Y), SPACE, **OPTIONS, on=pool, callbacks=[print])
    for bad in ("ray", ThreadPoolExecutor, nn.ray):
        with pytest.raises(ValueError, match=r"takes no tasks; write on=nn.ray\(\)"):
            nn.grid(trial, (X, Y), SPACE, **OPTIONS, on=bad)


def test_workers_of_an_executor_that_does_not_say(pool):
    assert workers_of(pool) == 2 and workers_of(object()) == WORKERS


def test_tasks_come_as_they_finish(pool):
    gate = threading.Event()

    def function(shared, task):
        if task == 0:
            assert gate.wait(30)
        return shared + task

    done = tasks_done(pool, function, 10, [0, 1])
    assert next(done) == (1, 11)
    gate.set()
    assert list(done) == [(0, 10)]


SPAWNED = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import jax, numpy as np
import jaxnn as nn
from test_remote import X, Y, SPACE, OPTIONS, trial
if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    SPACE["hidden"] = [()]
    here = nn.grid(trial, (X, Y), SPACE, **OPTIONS)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        far = nn.grid(trial, (X, Y), SPACE, **OPTIONS, on=pool)
        assert far.table == here.table
        try:
            nn.grid(lambda lr: trial(lr, ()), (X, Y), dict(lr=[0.1, 0.2]), **OPTIONS, on=pool)
        except Exception as error:
            print(type(error).__name__, error.__notes__)
"""


@pytest.mark.slow
def test_processes_of_the_standard_library_take_parts_too(tmp_path):
    (tmp_path / "script.py").write_text(SPAWNED)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    cache = {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    environment = os.environ | cache | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "in a worker that trained the points" in done.stdout


def test_a_worker_reads_the_data_of_a_job_once(monkeypatch):
    read, source = [], job.source_of
    monkeypatch.setattr(job, "source_of", lambda *a, **k: read.append(0) or source(*a, **k))
    with ThreadPoolExecutor(1) as one:
        nn.grid(trial, (X, Y), SPACE, **OPTIONS | dict(plan=nn.Plan(1, 1, 1)), on=one)
    assert len(read) == 1
