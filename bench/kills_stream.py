"""Is a streamed training that is killed and gone on with the one that nobody touched? ``python bench/kills_stream.py``.

A fit and a grid train on streams in processes of their own, and are killed at random moments, most of them in the
middle of an epoch, until 30 kills are spent. In the end weights, optimizer and curves are those of the training that
nobody touched, to the bit.
"""

import argparse
import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxnn as nn
import jaxnn.io.folder
import jaxnn.train.stream_programs
import jaxnn.train.streamed
from jaxnn.core import files

SPAWN = multiprocessing.get_context("spawn")
ROWS, COLUMNS = 1_600, 8


def made(epoch: int) -> Any:
    """Batches of sizes of their own, other ones in each epoch."""
    rng = np.random.default_rng(epoch)
    for rows in np.diff([0, *np.sort(rng.choice(np.arange(1, ROWS), 40, replace=False)), ROWS]):
        x = rng.normal(size=(rows, COLUMNS)).astype(np.float32)
        time.sleep(0.002)
        yield x, (x[:, 0] + x[:, 1] * x[:, 2] > 0.2).astype(np.int32)


def endless() -> Any:
    """Batches without an end, to be cut into epochs."""
    for epoch in range(10**6):
        yield from made(epoch)


def trial(lr: Any) -> nn.Trial:
    """Dropout, running statistics and a momentum: everything that a state holds."""
    model = nn.mlp((16,), out=2, dropout=0.2, batch_norm=True)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(optax.adam(lr), nn.ema(0.9)))


def mapped(place: str) -> tuple:
    """Arrays on the disk."""
    return np.load(f"{place}/x.npy", mmap_mode="r"), np.load(f"{place}/y.npy", mmap_mode="r")


def train(kind: str, place: str, folder: str | None) -> list[dict]:
    """All there is to compare of a training, as arrays."""
    held = next(made(10**6))
    options: dict[str, Any] = dict(epochs=6, batch_size=16, folder=folder, progress=False)
    if kind == "grid":
        runs = nn.grid(trial, made, dict(lr=[1e-3, 1e-2, 3e-2]), validation=held, plan=nn.Plan(1, 2, 2), **options)
        return [_tree(run) for run in runs]
    data = {"function": made, "endless": nn.stream(endless, steps_per_epoch=90), "memmap": mapped(place)}[kind]
    validation = 0.2 if kind == "memmap" else held
    return [_tree(nn.fit(trial, data, dict(lr=1e-2), validation=validation, **options))]


def _tree(run: nn.Run) -> dict:
    last = () if run.last is None else tuple(jax.tree.leaves(run.last))
    return {"params": run.params, "state": run.state, "history": run.history, "last": last}


def child(kind: str, place: str, folder: str, result: str, cache: str, ready: Any) -> None:
    """Train and write what came of it; every visit of the host writes."""
    nn.configure(compilation_cache=cache)
    jaxnn.io.folder.SAVE_SECONDS = 0.0
    jaxnn.train.streamed.VISIT_SECONDS = 0.0
    jaxnn.train.stream_programs.BLOCK_STEPS = 7
    ready.set()
    files.write(result, train(kind, place, folder))


class Scene:
    """One training in a folder, to be killed and begun again.

    Args:
        kind: "function", "endless", "memmap" or "grid".
        place: where the arrays on the disk lie, and all that is written.
        name: of the training.
    """

    def __init__(self, kind: str, place: Path, name: str):
        self.kind, self.place = kind, place
        self.folder, self.result = place / f"{kind}_{name}", place / f"{kind}_{name}.result"

    def start(self) -> Any:
        """A process that trains, ready to train."""
        ready = SPAWN.Event()
        args = self.kind, str(self.place), str(self.folder), str(self.result), str(self.place / "cache"), ready
        process = SPAWN.Process(target=child, args=args)
        process.start()
        assert ready.wait(300)
        return process

    def finish(self) -> float:
        """Train to the end; the seconds that it took."""
        process, began = self.start(), time.monotonic()
        process.join()
        assert process.exitcode == 0
        return time.monotonic() - began

    def kill(self, seconds: float) -> bool:
        """Let it train for so long and kill it; whether it was still at it."""
        process = self.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode != 0

    def middles(self) -> int:
        """In how many files members stand in the middle of an epoch."""
        found = [files.read(path)[1].get("middle") for path in self.folder.rglob("members_*.safetensors")]
        return sum(1 for middle in found if isinstance(middle, dict) and middle["step"])


def same(a: Scene, b: Scene) -> None:
    """Raise unless both came to the same, to the bit."""
    ours, theirs = (dict(_leaves(files.read(scene.result)[0])) for scene in (a, b))
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


def prepared(place: Path) -> None:
    """The arrays on the disk."""
    parts = list(made(0))
    for name, k in (("x", 0), ("y", 1)):
        np.save(place / f"{name}.npy", np.concatenate([part[k] for part in parts]))


def killed(kind: str, place: Path, kills: int, draw: random.Random) -> dict:
    """Spend so many kills on trainings of a kind; raises where one differs from the one that nobody touched."""
    whole = Scene(kind, place, "whole")
    whole.finish()
    span = Scene(kind, place, "timed").finish()
    spent, trainings, middles = 0, 0, 0
    while spent < kills:
        scene, done = Scene(kind, place, f"training_{trainings}"), False
        while spent < kills and not done:
            done = not scene.kill(draw.uniform(0.3, 0.9) * span)
            spent += not done
            middles += scene.middles() > 0
        if not done:
            scene.finish()
        same(scene, whole)
        trainings += 1
    return {"kills": spent, "trainings": trainings, "in the middle of an epoch": middles, "span": round(span, 1)}


def main() -> None:
    """Kill as often as asked, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    draw, kinds = random.Random(given.seed), ("function", "endless", "memmap", "grid")
    with tempfile.TemporaryDirectory() as place:
        prepared(Path(place))
        for k, kind in enumerate(kinds):
            share = given.kills // len(kinds) + (k < given.kills % len(kinds))
            print(kind, killed(kind, Path(place), share, draw), flush=True)


if __name__ == "__main__":
    main()
