"""Several processes on loopback come to what one comes to; what travels is whole; an error in one is told in all."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid import processes
from jaxnn.grid.came import Came
from jaxnn.grid.results import Cohort

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
SPACE = dict(lr=[0.1, 0.01, 0.003], hidden=[(), (4,)])
OPTIONS = dict(epochs=3, batch_size=8, validation=0.25, plan="map", progress=False)
KILLS = Path(__file__).parents[2] / "bench" / "kills_far.py"


def trial(lr, hidden):
    model = nn.mlp(hidden, out=2, dropout=0.2, batch_norm=True)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(optax.adam(lr), nn.ema(0.9)))


SCRIPT = """
import json, sys
import jax
port, count, rank, folder = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] or None
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=count, process_id=rank)
from test_processes import *
plan = nn.Plan(len(jax.local_devices()), 1, 4) if count == 2 else "map"
runs = nn.grid(trial, (X, Y), SPACE, **OPTIONS | dict(plan=plan), folder=folder, states=True)
leaves = [np.asarray(a).tobytes().hex() for run in runs for a in jax.tree.leaves((run.params, run.last))]
told = []
calls = [lambda: nn.grid(trial, (X + rank, Y), SPACE, **OPTIONS),
         lambda: nn.grid(broken, (X, Y), dict(lr=[0.1, 0.2], rank=[rank]), **OPTIONS),
         lambda: nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=folder and f"{folder}/structure_000")]
def broken(lr, rank):
    return trial(lr, ())
for call in calls:
    try:
        call()
        told.append("")
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")
print(json.dumps([runs.table, leaves, told, jax.process_count(), len(jax.local_devices())]))
"""


def far(count, folder="", devices=1):
    """What each of so many processes prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    cache = {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    environment = os.environ | cache | {"PYTHONPATH": path, "JAX_NUM_CPU_DEVICES": str(devices)}
    crew = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, port, str(count), str(rank), str(folder)], text=True,
                         env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for rank in range(count)
    ]  # fmt: skip
    found = [one.communicate(timeout=240) for one in crew]
    assert not any(one.returncode for one in crew), found
    return [json.loads(out.splitlines()[-1]) for out, _ in found]


@pytest.fixture(scope="module")
def here():
    runs = nn.grid(trial, (X, Y), SPACE, **OPTIONS, states=True)
    leaves = [np.asarray(a).tobytes().hex() for run in runs for a in jax.tree.leaves((run.params, run.last))]
    return runs, leaves


@pytest.mark.slow
def test_four_processes_come_to_what_one_comes_to_and_write_one_folder(here, tmp_path):
    runs, leaves = here
    for table, found, told, count, _ in far(4, tmp_path / "folder"):
        assert table == json.loads(json.dumps(runs.table)) and found == leaves and count == 4
        assert told[0].startswith("ValueError: x of process 1 is not that of process 0; call nn.grid with the same")
        assert told[1].startswith("ValueError: the space of process 1 is not that of process 0")
        assert "holds one population, and not a grid" in told[2]
    known = nn.load_runs(tmp_path / "folder")
    assert known.table == runs.table and len(known.cohorts) == 2
    assert sorted(p.name for p in (tmp_path / "folder").iterdir() if p.name.startswith(".")) == []
    assert nn.grid(trial, (X, Y), SPACE, **OPTIONS, folder=tmp_path / "folder").table == runs.table


@pytest.mark.slow
def test_two_processes_of_two_devices_each_stay_within_the_tolerance_of_their_plan(here):
    runs, _ = here
    for table, _, _, count, devices in far(2, devices=2):
        assert (count, devices) == (2, 2)
        np.testing.assert_allclose(table["val_loss"], runs.table["val_loss"], rtol=nn.Plan(2, 1).tolerance)
        assert table["epochs_done"] == runs.table["epochs_done"]


@pytest.mark.slow
def test_killed_twice_it_is_as_if_nobody_had_touched_it():
    done = subprocess.run([sys.executable, str(KILLS), "--kills", "2"], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0 or "pip install 'jaxnn-grid[ray]'" in done.stderr, done.stderr[-3000:]
    assert "jax.distributed: 2 kills" in done.stdout


@pytest.mark.parametrize("states", [True, False])
def test_what_is_packed_is_unpacked_whole(states):
    pops = [nn.population(trial, (X, Y), dict(lr=[0.1, 0.2], hidden=[hidden])) for hidden in ((), (4,))]
    for pop in pops:
        pop.advance(2)
    sent = [Came.of(points, pop, states) for points, pop in zip(([1, 3], [0, 2]), pops, strict=True)]
    entries = [pops[1].entries[0], pops[0].entries[0], pops[1].entries[1], pops[0].entries[1]]
    back = processes.unpacked(processes.packed(sent), entries, pops[0].source)
    assert len(back) == 2
    for a, b in zip(back, sent, strict=True):
        assert jax.tree.structure((a.outcome, a.last)) == jax.tree.structure((b.outcome, b.last))
        jax.tree.map(np.testing.assert_array_equal, (a.outcome, a.last), (b.outcome, b.last))
        assert list(a.outcome.history) == list(b.outcome.history) and a.points.tolist() == b.points.tolist()
        assert (a.timing, a.taken, a.plan) == (b.timing, b.taken, nn.Plan(1, b.plan.width, b.plan.chunk))
        own = [entries[i] for i in a.points]
        assert Cohort.of(a, own, pops[0].source).make(0).hparams == {"lr": 0.1, "hidden": own[0].point["hidden"]}


def test_what_is_longer_than_a_piece_comes_whole(monkeypatch):
    monkeypatch.setattr(processes, "PIECE", 7)
    assert processes.exchanged(bytes(range(20))) == [bytes(range(20))]
    assert processes.exchanged(b"") == [b""]


def test_an_error_here_stays_itself_and_one_elsewhere_is_told(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        processes.in_all(lambda: 1 / 0)
    monkeypatch.setattr(processes, "exchanged", lambda own: [own, b'{"error": "OSError: no space left"}'])
    with pytest.raises(RuntimeError, match="process 1 of 2 failed: OSError: no space left"):
        processes.in_all(lambda: 3)


def test_processes_wait_for_each_other_in_the_folder(monkeypatch, tmp_path):
    looks = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(processes.time, "sleep", lambda s: looks.append(s) or (tmp_path / ".ended_ab_1").touch())
    processes.wait(tmp_path, "ab")
    assert len(looks) == 1 and (tmp_path / ".ended_ab_0").exists()
    processes.swept(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_executor_and_processes_are_not_mixed(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match=r"write nn.grid\(...\) without on="):
        nn.grid(trial, (X, Y), SPACE, **OPTIONS, on=nn.ray())
