"""Is a training that is killed and gone on with the training that nobody touched? ``python bench/kills.py``.

A grid and a fit train in processes of their own and are killed at random moments until 50 kills of each are spent,
which takes ten minutes on two cores. After each kill every file must be whole, and `jaxnn.load_runs` must show each
run as far as it came, to the bit; in half of the trainings the folder is moved after each kill. In the end table and
weights are those of the training that nobody touched, to the bit; or within the plan's tolerance for a grid that goes
on with two devices instead of one.
"""

import argparse
import json
import multiprocessing
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxnn as nn
import jaxnn.io.folder
import jaxnn.train.group
from jaxnn.core import files

FORK = multiprocessing.get_context("fork")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 8)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0.2).astype(np.int32)
SPACE = dict(lr=[1e-3, 1e-2, 3e-2], hidden=[(16,), (8, 8)], seed=[0, 1])
OPTIONS = dict(batch_size=8, validation=0.25, progress=False)
STOP = nn.EarlyStopping("val_loss", patience=12)


def trial(lr, hidden):
    """Dropout, running statistics and a momentum: everything that a state holds."""
    model = nn.mlp(hidden, out=2, dropout=0.2, batch_norm=True)
    return nn.Trial(model, "softmax_cross_entropy", optax.adam(lr))


def train(kind: str, folder: str | None, devices: int) -> list[nn.Run]:
    """The grid, of two structures and three calls each, or the fit."""
    if kind == "fit":
        return [nn.fit(trial, (X, Y), dict(lr=3e-3, hidden=(16,)), epochs=120, folder=folder, **OPTIONS)]
    plan = nn.Plan(devices, 2, 2)
    return list(nn.grid(trial, (X, Y), SPACE, epochs=50, stop=STOP, plan=plan, folder=folder, **OPTIONS))


def tree(runs: list[nn.Run]) -> list[dict]:
    """All there is to compare, as arrays."""
    return [
        {"params": r.params, "state": r.state, "history": r.history, "at": np.array([r.epochs, r.best_epoch])}
        for r in runs
    ]


def child(kind: str, folder: Path, result: Path, cache: Path, devices: int, ready: Any) -> None:
    """Train and write what came of it; every visit of the host writes."""
    nn.configure(cpu_devices=devices, compilation_cache=cache)
    jaxnn.io.folder.SAVE_SECONDS = 0.0
    jaxnn.train.group.VISIT_SECONDS = 0.05
    ready.set()
    files.write(result, tree(train(kind, str(folder), devices)))


class Scene:
    """One training in a folder, to be killed and begun again.

    All that computes does so in a process of its own; this one only starts them, so that each begins as JAX does.

    Args:
        kind: "grid" or "fit".
        place: an empty folder for all that it writes.
        cache: where compiled programs are kept between processes.
    """

    def __init__(self, kind: str, place: Path, cache: Path):
        self.kind, self.place, self.cache = kind, place, cache
        self.folder, self.result = place / "training", place / "result"

    def start(self, devices: int = 1) -> Any:
        """A process that trains, ready to train."""
        ready = FORK.Event()
        process = FORK.Process(target=child, args=(self.kind, self.folder, self.result, self.cache, devices, ready))
        process.start()
        assert ready.wait(120)
        return process

    def finish(self, devices: int = 1) -> float:
        """Train to the end; the seconds that it took."""
        process, began = self.start(devices), time.monotonic()
        process.join()
        assert process.exitcode == 0
        return time.monotonic() - began

    def kill(self, seconds: float) -> bool:
        """Let it train for so long and kill it; whether it was still at it."""
        process = self.start()
        process.join(seconds)
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        return process.exitcode != 0

    def check(self, what: str, *args: Any) -> int:
        """Call the method of this name in a process of its own; the number that it gave."""
        answer = FORK.Value("i", -1)

        def call() -> None:
            answer.value = getattr(self, what)(*args)

        process = FORK.Process(target=call)
        process.start()
        process.join()
        assert process.exitcode == 0, f"{what} failed; see above"
        return answer.value

    def read(self) -> list[dict]:
        """What a training that ended came to."""
        found = files.read(self.result)[0]
        return [found[str(i)] for i in range(len(found))]

    def equal(self, whole: "Scene", tolerance: float = 0.0) -> int:
        """Raise unless it came to what the other one did."""
        same(self.read(), whole.read(), tolerance)
        # One that is empty and young may be somebody's who has not locked it yet: it goes a minute later.
        assert not [path for path in self.folder.rglob(".*.tmp") if path.stat().st_size], "orphaned files remain"
        return 0

    def move(self) -> None:
        """Put the folder elsewhere."""
        if self.folder.exists():
            self.folder = self.folder.rename(self.folder.with_name(f"moved_{time.monotonic_ns()}"))

    def inspect(self, whole: "Scene") -> int:
        """Every file is whole, and every run is as far as it came what it was to be; how many had begun."""
        reference = whole.read()
        for path in self.folder.rglob("*"):
            if path.is_dir() or (path.name.startswith(".") and path.suffix == ".tmp"):
                continue
            if path.suffix == ".safetensors":
                files.read(path)
            elif path.suffix == ".json":
                json.loads(path.read_text())
            else:
                assert path.name == "table.csv", path
        if not (self.folder / ("grid.json" if self.kind == "grid" else "population.json")).exists():
            return 0
        runs = nn.load_runs(self.folder)
        assert len(runs) == len(reference)
        for i in sorted(runs._where):
            for name, values in runs[i].history.items():
                np.testing.assert_array_equal(values, reference[i]["history"][name][: len(values)])
            if runs[i].epochs == reference[i]["at"][0]:
                same(tree([runs[i]]), [reference[i]])
        return len(runs.finished)


def same(ours: list[dict], theirs: list[dict], tolerance: float = 0.0) -> None:
    """Raise unless they are equal, to the bit or in the losses of the first epochs."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if tolerance:
            first = [np.asarray(x["history"]["val_loss"])[:3] for x in (a, b)]
            np.testing.assert_allclose(*first, rtol=tolerance)
        else:
            pairs = [{jax.tree_util.keystr(p): v for p, v in jax.tree_util.tree_leaves_with_path(x)} for x in (a, b)]
            assert pairs[0].keys() == pairs[1].keys()
            for name in pairs[0]:
                np.testing.assert_array_equal(pairs[0][name], pairs[1][name], err_msg=name)


def killed(kind: str, place: Path, cache: Path, kills: int, draw: random.Random) -> dict:
    """Spend so many kills on trainings of a kind; raises where one differs from the one that nobody touched."""
    whole, timed = Scene(kind, place / "whole", cache), Scene(kind, place / "timed", cache)
    whole.finish()
    began, span, spent, trainings, begun = time.monotonic(), timed.finish(), 0, 0, []
    timed.check("equal", whole)
    while spent < kills:
        scene = Scene(kind, place / f"training_{trainings}", cache)
        moves, done = trainings % 2 == 1, False
        while spent < kills and not done:
            done = not scene.kill(draw.uniform(0, span / 2))
            spent += not done
            begun.append(scene.check("inspect", whole))
            if moves:
                scene.move()
        if not done:
            scene.finish()
        scene.check("equal", whole)
        trainings += 1
        print(f"{kind}: {spent} kills, {trainings} trainings, each as if nobody had touched it", flush=True)
    seconds = round(time.monotonic() - began)
    return {"kills": spent, "trainings": trainings, "begun": begun, "span": round(span, 1), "seconds": seconds}


def devices(place: Path, cache: Path, draw: random.Random) -> None:
    """A grid that was killed goes on with two devices instead of one, within the plan's tolerance."""
    whole, scene = Scene("grid", place / "one", cache), Scene("grid", place / "two", cache)
    span = whole.finish()
    for _ in range(2):
        scene.kill(draw.uniform(0, span / 2))
    scene.finish(devices=2)
    scene.check("equal", whole, nn.Plan(2, 2, 2).tolerance)
    print("grid: gone on with two devices instead of one, within the plan's tolerance", flush=True)


def main() -> None:
    """Kill as often as asked, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of the grid, and as many of the fit")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as place:
        cache = Path(place) / "cache"
        for kind in ("grid", "fit"):
            print(kind, killed(kind, Path(place) / kind, cache, given.kills, draw))
        devices(Path(place) / "devices", cache, draw)


if __name__ == "__main__":
    main()
