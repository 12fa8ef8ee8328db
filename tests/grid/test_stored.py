"""`load_runs`: the runs of a folder are those of the training, in a process that knows nothing of it."""

import json
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files
from jaxnn.core.layer import REGISTRY

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
SPACE = dict(activation=["relu", jax.nn.tanh], lr=[0.1, 1e30], seed=[0, 1])
OPTIONS = dict(epochs=3, batch_size=8, validation=0.25, standardise=True, plan=nn.Plan(1, 1, 3), progress=False)


def trial(activation, lr):
    model = nn.mlp((3,), out=2, activation=activation, batch_norm=True)
    stop = nn.EarlyStopping("val_loss", patience=2)
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr), stop=stop)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A grid and its folder."""
    folder = tmp_path_factory.mktemp("grid")
    data = type("Data", (), dict(x=X, y=Y, classes=("no", "yes"), features=("a", "b", "c")))()
    with pytest.warns(nn.DivergedWarning):
        return nn.grid(trial, data, SPACE, folder=folder, **OPTIONS), folder


def test_they_are_the_runs_of_the_training(both):
    runs, folder = both
    loaded = nn.load_runs(folder)
    np.testing.assert_equal(loaded.table, runs.table)
    assert list(loaded.table) == list(runs.table) and loaded.space == runs.space
    assert loaded.order("val_loss").tolist() == runs.order("val_loss").tolist()
    for a, b in zip(loaded, runs, strict=True):
        assert repr(a) == repr(b) and a.spec == b.spec
        assert (a.classes, a.features, a.diverged) == (b.classes, b.features, b.diverged)
        jax.tree.map(np.testing.assert_array_equal, (a.params, a.state, a.history), (b.params, b.state, b.history))
        np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    assert loaded.best().evaluate((X, Y)) == runs.best().evaluate((X, Y))
    assert loaded.diverged.tolist() == runs.diverged.tolist() != []


def test_they_are_loaded_where_nothing_is_known_of_the_training(both):
    runs, folder = both
    code = f"import jaxnn as nn; print(nn.load_runs({str(folder)!r}).table)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.count("None") == runs.table["diverged_at"].count(None)


def test_half_of_a_grid_is_half_of_its_runs(both, tmp_path):
    runs, folder = both
    (tmp_path / "structure_001").mkdir()
    for name in ("grid.json", "structure_001/population.json", "structure_001/members_001.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    half = nn.load_runs(tmp_path)
    assert len(half) == 8 and len(half.finished) == 1
    assert repr(half.finished[0]) == repr(runs[7])
    assert [*np.isnan(half.table["loss"])] == [True] * 7 + [np.isnan(runs.table["loss"][7])]


def own(outputs, targets):
    return ((outputs[:, 0] - targets) ** 2).astype(outputs.dtype)


def test_functions_of_ones_own_come_from_the_trial(tmp_path):
    def line(lr):
        return nn.Trial(nn.linear_regression(), own, optax.sgd(lr))

    options = dict(epochs=1, batch_size=20, precision="bfloat16", progress=False)
    run = nn.fit(line, (X, X[:, 0]), dict(lr=0.1), folder=tmp_path, **options)
    loaded = nn.load_runs(tmp_path, line)
    assert loaded[0].evaluate((X, X[:, 0])) == run.evaluate((X, X[:, 0])) and loaded[0].model.loss is own
    without = nn.load_runs(tmp_path)
    assert without.table == loaded.table
    np.testing.assert_array_equal(without[0].predict(X), run.predict(X))
    with pytest.raises(ValueError, match=r"'own' is a function of one's own, .*write .*nn\.load_runs\(folder, trial\)"):
        without[0].evaluate((X, X[:, 0]))


def test_layers_of_ones_own_functions_come_from_the_trial(tmp_path):
    def bent(lr):
        model = nn.Sequential(nn.Dense(2, lambda x: x * abs(x)), nn.Dense(1))
        return nn.Trial(model, "squared_error", optax.sgd(lr))

    run = nn.fit(bent, (X, X[:, 0]), dict(lr=0.1), epochs=1, batch_size=20, folder=tmp_path, progress=False)
    np.testing.assert_array_equal(nn.load_runs(tmp_path, bent)[0].predict(X), run.predict(X))
    with pytest.raises(
        ValueError, match=r"a function of one's own, which no file holds; write nn\.load_runs\(folder, trial\)"
    ):
        nn.load_runs(tmp_path)[0]


def test_layers_of_ones_own_are_given_back_as_classes(tmp_path):
    def define():
        @nn.spec
        class Tripled:
            by: float = nn.hyper(3.0)

            def init(self, key, x):
                return {}, {}

            def apply(self, params, state, x, *, key=None, train=False, rows=None):
                return x * self.by, state

        return Tripled

    layer = define()

    def line(lr):
        return nn.Trial(nn.Sequential(layer(), nn.Dense(1)), "squared_error", optax.sgd(lr))

    run = nn.fit(line, (X, X[:, 0]), dict(lr=0.1), epochs=1, batch_size=20, folder=tmp_path, progress=False)
    REGISTRY.pop("Tripled")
    with pytest.raises(ValueError, match=r"no layer is named 'Tripled'.*specs=\[Tripled\]"):
        nn.load_runs(tmp_path)[0].predict(X)
    np.testing.assert_array_equal(nn.load_runs(tmp_path, specs=[layer])[0].predict(X), run.predict(X))


def test_weights_of_another_shape_are_told_by_their_first_leaf(tmp_path):
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    nn.fit(line, (X, X[:, 0]), dict(lr=0.1), epochs=1, folder=tmp_path, progress=False)
    path = tmp_path / "members_000.safetensors"
    tree, meta = files.read(path)
    tree["state"]["params"]["kernel"] = np.zeros((1, 7, 1), np.float32)
    files.write(path, tree, meta)
    with pytest.raises(ValueError, match=r"params/kernel is float32 \(1, 7, 1\) and the model needs .*\(1, 3, 1\)"):
        nn.load_runs(tmp_path)[0]


def test_damage_is_one_clear_error_and_runs_nothing(both, tmp_path):
    _, folder = both
    place = tmp_path / "structure_000"
    place.mkdir()
    for name in ("grid.json", "structure_000/population.json", "structure_000/members_000.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    about, path = (place / "population.json").read_text(), place / "members_000.safetensors"
    changes = {
        "fewer members": lambda known: known.update(
            points=known["points"][:3], seeds=known["seeds"][:3], epochs=known["epochs"][:3], groups=[[0, 3]]
        ),
        "no stop": lambda known: known["model"].pop("stop"),
        "another layer": lambda known: known["model"].update(specs=['{"class": "Popen"}'] * 4),
        "no loss": lambda known: known["model"].pop("losses"),
        "a loss that is none": lambda known: known["model"].update(losses=["os.system"] * 4),
    }
    for change in changes.values():
        known = json.loads(about)
        change(known)
        (place / "population.json").write_text(json.dumps(known))
        with pytest.raises(ValueError, match=r"\w"):
            nn.load_runs(tmp_path).finished[0].predict(X)
    (place / "population.json").write_text(about)
    assert len(nn.load_runs(tmp_path).finished) == 3
    tree, meta = files.read(path)
    for name in ("epoch", "diverged", "stopped", "best"):
        files.write(path, tree | {"state": {n: v for n, v in tree["state"].items() if n != name}}, meta)
        with pytest.raises(ValueError, match="the best weights are missing" if name == "best" else r"\w"):
            nn.load_runs(tmp_path).finished[0].predict(X)
    known = json.loads((tmp_path / "grid.json").read_text())
    (tmp_path / "grid.json").write_text(json.dumps(known | {"parts": [known["parts"][0]] * 2}))
    with pytest.raises(ValueError, match=r"grid.json is damaged: its parts do not hold every point once"):
        nn.load_runs(tmp_path)
