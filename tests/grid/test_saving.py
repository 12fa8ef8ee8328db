"""Runs in memory as a folder, and out of it: whole, in parts, over and over, and killed halfway."""

import json

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = np.where(X[:, 0] > 0, "yes", "no")
SPACE = dict(activation=["relu", jax.nn.tanh], lr=[0.1, 1e30], seed=[0, 1])
OPTIONS = dict(epochs=3, batch_size=8, validation=0.25, standardise=True, plan="map", progress=False)


def trial(activation, lr):
    model = nn.mlp((3,), out=2, activation=activation, batch_norm=True)
    stop = nn.EarlyStopping("val_loss", patience=2)
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr), stop=stop)


@pytest.fixture(scope="module")
def runs():
    with pytest.warns(nn.DivergedWarning):
        return nn.grid(trial, (X, Y), SPACE, **OPTIONS)


def same(a, b):
    np.testing.assert_equal(a.table, b.table)
    assert list(a.table) == list(b.table) and a.space.axes == b.space.axes
    for one, other in zip(a, b, strict=True):
        assert repr(one) == repr(other) and one.spec == other.spec and one.best_epoch == other.best_epoch
        assert (one.classes, one.diverged, one.seed) == (other.classes, other.diverged, other.seed)
        jax.tree.map(np.testing.assert_array_equal, (one.params, one.state), (other.params, other.state))
        np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_they_come_back_as_they_were(runs, tmp_path):
    runs.save(tmp_path)
    loaded = nn.load_runs(tmp_path)
    same(loaded, runs)
    assert loaded.order("val_loss").tolist() == runs.order("val_loss").tolist()
    assert loaded.best().evaluate((X, Y)) == runs.best().evaluate((X, Y))
    assert repr(loaded.by("activation", "lr")) == repr(runs.by("activation", "lr"))


def test_what_was_loaded_is_saved_again_and_the_same(runs, tmp_path):
    runs.save(tmp_path / "one")
    nn.load_runs(tmp_path / "one").save(tmp_path / "two")
    same(nn.load_runs(tmp_path / "two"), runs)


def test_selected_and_joined_runs_are_saved_too(runs, tmp_path):
    some = runs.where(lr=0.1, seed=1) + runs.where(lr=1e30).take([2, 0])
    some.save(tmp_path)
    same(nn.load_runs(tmp_path), some)


def test_without_stopping_and_with_averaged_weights(tmp_path):
    def line(lr, l2):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(lr), nn.ema(0.9)))

    space = dict(lr=[0.1, 0.01], l2=[np.array(0.0), np.array(1.0)])
    runs = nn.grid(line, (X, X[:, 0]), space, epochs=2, batch_size=8, plan="map", progress=False)
    runs.save(tmp_path)
    loaded = nn.load_runs(tmp_path)
    np.testing.assert_equal(loaded.table, runs.table)
    for one, other in zip(loaded, runs, strict=True):
        np.testing.assert_array_equal(one.predict(X), other.predict(X))


def test_runs_that_had_not_begun_are_missing_there_too(runs, tmp_path):
    part = nn.Runs(None, None, runs.space, None, runs.cohorts[1:], {})
    part.save(tmp_path)
    loaded = nn.load_runs(tmp_path)
    assert loaded.begun.tolist() == part.begun.tolist() == [4, 5, 6, 7]
    np.testing.assert_equal(loaded.table, part.table)
    loaded.save(tmp_path)
    np.testing.assert_equal(nn.load_runs(tmp_path).table, part.table)


def test_saved_over_another_it_leaves_one(runs, tmp_path):
    (tmp_path / "structure_of_my_thesis").mkdir()
    runs.save(tmp_path)
    some = runs.where(lr=0.1)
    some.save(tmp_path)
    same(nn.load_runs(tmp_path), some)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"grid.json", "table.csv", "structure_000_001", "structure_001_001", "structure_of_my_thesis"}


@pytest.mark.parametrize("writes", range(6))
def test_killed_at_any_write_it_holds_what_it_held(runs, tmp_path, monkeypatch, writes):
    first, second = runs.where(lr=0.1), runs.where(lr=1e30)
    first.save(tmp_path)
    replace, left = files.replace, [writes]

    def killed(path, content):
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        replace(path, content)

    monkeypatch.setattr(files, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        second.save(tmp_path)
    monkeypatch.undo()
    same(nn.load_runs(tmp_path), second if writes == 5 else first)
    second.save(tmp_path)
    same(nn.load_runs(tmp_path), second)
    assert len(list(tmp_path.glob("structure_*"))) == 2


def test_a_training_is_not_written_over_and_results_do_not_go_on(runs, tmp_path):
    def line(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    data, options = (X, X[:, 0]), dict(epochs=1, progress=False)
    trained = nn.grid(line, data, dict(lr=[0.1]), folder=tmp_path / "grid", **options)
    nn.fit(line, data, dict(lr=0.1), folder=tmp_path / "fit", **options)
    for name, words in (("grid", "holds a grid that can go on"), ("fit", "holds a population that can go on")):
        with pytest.raises(ValueError, match=words):
            trained.save(tmp_path / name)
    trained.save(tmp_path / "saved")
    for place in (tmp_path / "saved", tmp_path / "saved" / "structure_000"):
        with pytest.raises(ValueError, match=r"holds results that were saved, which do not go on"):
            nn.grid(line, data, dict(lr=[0.1]), folder=place, **options) if place.name == "saved" else nn.fit(
                line, data, dict(lr=0.1), folder=place, **options
            )
    with pytest.raises(ValueError, match="holds results that were saved"):
        nn.Population.load(tmp_path / "saved" / "structure_000", line, data)


def test_a_damaged_turn_is_told(runs, tmp_path):
    runs.save(tmp_path)
    path = tmp_path / "grid.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"turn": "/../../elsewhere"}))
    with pytest.raises(ValueError, match="damaged"):
        nn.load_runs(tmp_path)


def test_what_no_file_holds_is_refused_and_nothing_is_written(tmp_path):
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler()
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    runs = nn.grid(trial, (X, X[:, 0]), dict(seed=[0, 1]), epochs=1, prepare=scaler, progress=False)
    with pytest.raises(ValueError, match="a StandardScaler can be written by pickle alone"):
        runs.save(tmp_path / "new")
    assert not (tmp_path / "new" / "grid.json").exists()
