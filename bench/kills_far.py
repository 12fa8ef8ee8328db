"""Is a grid whose processes or workers are killed the grid that nobody touched? ``python bench/kills_far.py``.

Two to four processes of `jax.distributed` train a grid in a folder; at a random moment a random one of them is killed,
and the others with it, as ``srun --kill-on-bad-exit`` does. Another number of processes, one to four, goes on, until 20
kills are spent. Then workers of a Ray cluster on this machine are killed, 20 again, and the grid must end by itself.
After each kill `jaxnn.load_runs` must show each run as far as it came, to the bit, and no point twice; in the end table
and weights are those of one process that nobody touched, to the bit.
"""

import argparse
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxnn as nn
import jaxnn.io.folder
import jaxnn.train.group
from jaxnn.core import files

SPAWN = multiprocessing.get_context("spawn")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 8)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0.2).astype(np.int32)
SPACE = dict(lr=[1e-3, 1e-2, 3e-2], hidden=[(16,), (8, 8)], seed=[0, 1])
OPTIONS = dict(batch_size=8, validation=0.25, plan="map", epochs=2000, progress=False)


def trial(lr, hidden):
    """Dropout and a momentum: a state to go on from."""
    return nn.Trial(nn.mlp(hidden, out=2, dropout=0.2), "softmax_cross_entropy", optax.adam(lr))


def far_trial(lr, hidden):
    """The same in a worker of Ray, which writes as often as it can."""
    jaxnn.io.folder.SAVE_SECONDS, jaxnn.train.group.VISIT_SECONDS = 0.0, 0.05
    return nn.Trial(nn.mlp(hidden, out=2, dropout=0.2), "softmax_cross_entropy", optax.adam(lr))


def tree(runs: Any) -> list[dict]:
    """All there is to compare, as arrays."""
    return [{"params": r.params, "history": r.history, "epochs": np.array(r.epochs)} for r in runs]


def process(rank: int, count: int, port: int, folder: Path | None, result: Path, cache: Path, ready: Any) -> None:
    """One of the processes that train the grid, or the only one."""
    jax.config.update("jax_platforms", "cpu")
    nn.configure(compilation_cache=cache)
    jaxnn.io.folder.SAVE_SECONDS, jaxnn.train.group.VISIT_SECONDS = 0.0, 0.05
    if count > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=count, process_id=rank)
        jax.local_devices()
    ready.set()
    runs = nn.grid(trial, (X, Y), SPACE, folder=folder, **OPTIONS)
    files.write(result.with_name(f"{result.name}_{rank}"), tree(runs))


def started(count: int, folder: Path | None, result: Path, cache: Path) -> list[Any]:
    """So many processes, ready to train."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    events = [SPAWN.Event() for _ in range(count)]
    crew = [
        SPAWN.Process(target=process, args=(rank, count, port, folder, result, cache, events[rank]))
        for rank in range(count)
    ]
    for one in crew:
        one.start()
    for event in events:
        assert event.wait(300)
    return crew


def begun(folder: Path, whole: list[dict]) -> int:
    """Every run of a folder is, as far as it came, what it was to be; how many had begun."""
    if not (folder / "grid.json").exists():
        return 0
    runs = nn.load_runs(folder)
    points = [int(i) for cohort in runs.cohorts for i in cohort.indices]
    assert len(runs) == len(whole) and len(points) == len(set(points))
    for i in points:
        for name, values in runs[i].history.items():
            np.testing.assert_array_equal(values, whole[i]["history"][name][: len(values)])
    return len(points)


def same(ours: list[dict], theirs: list[dict]) -> None:
    """Raise unless they are equal to the bit."""
    assert len(ours) == len(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def read(path: Path) -> list[dict]:
    """What a process came to."""
    found = files.read(path)[0]
    return [found[str(i)] for i in range(len(found))]


def watch(crew: list[Any], folder: Path, seconds: float, begins: bool) -> None:
    """Wait so long from the first file on that they write, or from the beginning; or until they end."""
    since = time.time()
    wrote = since if begins else None
    while any(one.is_alive() for one in crew) and (wrote is None or time.time() < wrote + seconds):
        time.sleep(0.01)
        if wrote is None and any(_changed(path) > since for path in folder.glob("*/members_*.safetensors")):
            wrote = time.time()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # moved away
        return 0.0


def in_processes(place: Path, cache: Path, kills: int, draw: random.Random) -> list[dict]:
    """Spend so many kills on processes of `jax.distributed`; returns what one process comes to."""
    for one in started(1, None, place / "whole", cache):
        one.join()
    whole, spent, trainings, began = read(place / "whole_0"), 0, 0, time.monotonic()
    while spent < kills:
        folder, result, done, story = place / f"folder_{trainings}", place / f"result_{trainings}", False, []
        while not done:
            count = draw.randint(2, 4) if spent < kills else draw.randint(1, 4)
            crew = started(count, folder, result, cache)
            victim = draw.choice(crew)
            if spent < kills:
                begins, moment = draw.random() < 0.2, draw.uniform(0, 5)
                watch(crew, folder, moment, begins)
            else:
                for one in crew:
                    one.join()
            done = not any(one.is_alive() for one in crew)
            if not done:
                os.kill(victim.pid, signal.SIGKILL)
                spent += 1
                time.sleep(0.2)
                for one in crew:
                    one.kill()
            for one in crew:
                one.join()
            assert not done or not any(one.exitcode for one in crew), [one.exitcode for one in crew]
            story.append(f"{count} processes, {begun(folder, whole)} of {len(whole)} begun")
        for rank in range(count):
            same(read(result.with_name(f"{result.name}_{rank}")), whole)
        assert begun(folder, whole) == len(whole)
        trainings += 1
        print(
            f"jax.distributed: {spent} kills, {trainings} trainings as if nobody had touched them: {story}", flush=True
        )
    print({"kills": spent, "trainings": trainings, "seconds": round(time.monotonic() - began)}, flush=True)
    return whole


def workers() -> list[int]:
    """The workers of our Ray cluster that train."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, parent = (path / "cmdline").read_bytes(), _parent(path)  # the parent is our raylet
            if words.startswith(b"ray::work") and _parent(Path("/proc") / parent) == str(os.getpid()):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def _parent(path: Path) -> str:
    return (path / "stat").read_text().rpartition(")")[2].split()[1]


def in_ray(place: Path, kills: int, whole: list[dict], draw: random.Random) -> None:
    """Spend so many kills on workers of Ray."""
    spent, trainings, began = 0, 0, time.monotonic()
    while spent < kills:
        folder = place / f"ray_{trainings}" if trainings % 2 else None
        over, fell = threading.Event(), []

        def reap(over: threading.Event = over, fell: list = fell, most: int = min(3, kills - spent)) -> None:
            while len(fell) < most and not over.wait(draw.uniform(0.5, 6)):
                victims = workers()
                if victims:
                    os.kill(draw.choice(victims), signal.SIGKILL)
                    fell.append(time.monotonic())

        reaper = threading.Thread(target=reap)
        reaper.start()
        runs = nn.grid(far_trial, (X, Y), SPACE, folder=folder, on=nn.ray(max_retries=5), **OPTIONS)
        over.set()
        reaper.join()
        same(tree(runs), whole)
        assert folder is None or begun(folder, whole) == len(whole)
        spent, trainings = spent + len(fell), trainings + 1
        print(f"Ray: {spent} kills, {trainings} trainings as if nobody had touched them", flush=True)
    print({"kills": spent, "trainings": trainings, "seconds": round(time.monotonic() - began)}, flush=True)


def main() -> None:
    """Kill as often as asked, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="of processes, and as many of workers of Ray")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the victims")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        whole = in_processes(place, place / "cache", given.kills, draw)
        try:
            import ray
        except ImportError:
            sys.exit("without Ray the rest is left out: pip install 'jaxnn-grid[ray]'")
        nn.configure(compilation_cache=place / "cache")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        in_ray(place, given.kills, whole, draw)
        ray.shutdown()


if __name__ == "__main__":
    main()
