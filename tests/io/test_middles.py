"""A streamed training that was stopped in the middle of an epoch goes on there, to the bit."""

import json
import warnings

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
import jaxnn.io.folder
import jaxnn.train.stream_programs as sizes
import jaxnn.train.streamed as streamed
from jaxnn.core import files

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
BATCHES = [(X[i : i + 7], Y[i : i + 7]) for i in range(0, 90, 7)]
OPTIONS = dict(epochs=3, batch_size=8, progress=False, validation=(X[:20], Y[:20]))


class Killed(Exception):
    """As good as a kill: nothing is written after it."""


def trial(lr):
    model = nn.mlp((5,), out=2, dropout=0.2, batch_norm=True)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(optax.adam(lr), nn.ema(0.9)))


@pytest.fixture(autouse=True)
def every_visit_writes(monkeypatch):
    monkeypatch.setattr(jaxnn.io.folder, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(streamed, "VISIT_SECONDS", 0.0)
    monkeypatch.setattr(sizes, "BLOCK_STEPS", 2)


class Broken(list):
    """Batches of which one cannot be read the first few times."""

    def __init__(self, batches, at, often):
        super().__init__(batches)
        self.at, self.often = at, often

    def __getitem__(self, i):
        if i == self.at and self.often:
            self.often -= 1
            raise Killed
        return super().__getitem__(i)


def fit(data, folder=None, **more):
    return nn.fit(trial, data, dict(lr=0.01), folder=folder, **{**OPTIONS, **more})


def same(a, b):
    for ours, theirs in ((a.params, b.params), (a.state, b.state), (a.last, b.last), (a.history, b.history)):
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.fixture(scope="module")
def whole():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizes, "BLOCK_STEPS", 2)
        return fit(BATCHES), fit(nn.stream(BATCHES, steps_per_epoch=5))


def told(folder):
    return files.read(folder / "members_000.safetensors")[1].get("middle")


@pytest.mark.parametrize("kind", ["list", "function", "flowing"])
def test_it_goes_on_in_the_middle_of_an_epoch(whole, kind, tmp_path):
    broken = Broken(BATCHES, 9, 0)
    data = {
        "list": broken,
        "function": lambda: (broken[i] for i in range(13)),
        "flowing": nn.stream(broken, steps_per_epoch=5),
    }[kind]
    steps = []
    while True:
        broken.often = len(steps) < 2
        try:
            run = fit(data, tmp_path)
            break
        except Killed:
            steps.append(told(tmp_path)["step"])
            broken.at = 11
    assert len(steps) == 2
    assert any(steps)
    same(run, whole[kind == "flowing"])
    assert nn.load_runs(tmp_path)[0].epochs == 3


def test_a_population_of_several_chunks_is_loaded(tmp_path):
    broken = Broken(BATCHES, 9, 0)
    space, options = dict(lr=[0.01, 0.03, 0.1]), dict(batch_size=8, validation=OPTIONS["validation"])
    pop = nn.population(trial, BATCHES, space, plan=nn.Plan(1, 1, 2), epochs=3, **options)
    pop.advance(3)
    broken.often = 1
    with pytest.raises(Killed):
        nn.grid(trial, broken, space, plan=nn.Plan(1, 1, 2), epochs=3, folder=tmp_path, progress=False, **options)
    (place,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again = nn.Population.load(place, trial, BATCHES, validation=OPTIONS["validation"])
    assert "epochs" in repr(again)
    again.advance(3 - again.epoch)
    for i in range(3):
        same(again.run(i), pop.run(i))


def test_whoever_gives_other_batches_is_told(tmp_path):
    draws = np.random.default_rng(1)

    class Shuffled:
        def __iter__(self):
            order = draws.permutation(90)
            yield from ((X[order[i : i + 7]], Y[order[i : i + 7]]) for i in range(0, 63, 7))
            if not self.well:
                raise Killed
            yield X[order[63:]], Y[order[63:]]

    data = Shuffled()
    data.well = False
    with pytest.raises(Killed):
        fit(data, tmp_path)
    assert told(tmp_path)["step"] > 0
    data.well = True
    with pytest.warns(nn.StreamWarning, match="is another one than before"):
        assert fit(data, tmp_path).epochs == 3


def test_what_cannot_be_found_again_is_said_at_once(tmp_path):
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    for loader in (iter(BATCHES), torch.utils.data.DataLoader(data, 30, shuffle=True)):
        with pytest.warns(nn.StreamWarning, match="cannot be found again"):
            fit(loader, tmp_path / str(type(loader).__name__), epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(BATCHES, tmp_path / "list", epochs=1)


@pytest.mark.parametrize(
    "middle",
    [
        3,
        {"step": -1, "ended": False, "mark": None},
        {"step": 4, "ended": False, "mark": None},
        {"step": 0, "ended": 0, "mark": None},
        {"step": 0, "ended": False, "mark": [0, 0, "x", None, None]},
        {"step": 0, "ended": False, "mark": [0, 0, 0, None, [1, "a"]]},
    ],
    ids=json.dumps,
)
def test_a_damaged_file_gives_a_sentence(middle, tmp_path):
    fit(BATCHES, tmp_path, epochs=1)
    path = tmp_path / "members_000.safetensors"
    tree, meta = files.read(path)
    files.write(path, tree, meta | {"middle": middle})
    with pytest.raises(ValueError, match="is damaged"):
        fit(BATCHES, tmp_path, epochs=2)
