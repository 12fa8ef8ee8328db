"""What a folder knows of its training: another one is refused with a sentence that names the first difference."""

import json

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.io.described import FILE, FORMAT, describe, opened, read_json

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = (X @ np.array([1, -1, 0.5], np.float32)).astype(np.float32)
HELD = X[:5], Y[:5]
MOMENTUM = 0.9
STOP = nn.EarlyStopping("val_loss", patience=5)
BASE = dict(epochs=2, batch_size=8, validation=HELD, stop=STOP, seed=3, progress=False)


def line(lr, momentum=0.5, scale=1.0):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr * scale, momentum=MOMENTUM * momentum))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of a fit."""
    folder = tmp_path_factory.mktemp("fit")
    nn.fit(line, (X, Y), dict(lr=0.1), folder=folder, **BASE)
    return folder


@pytest.fixture
def nothing_runs(monkeypatch):
    """Whoever compiles a program fails."""

    def programs(recipe, layout):
        raise AssertionError("a program was asked for")

    monkeypatch.setattr("jaxnn.train.population.programs", programs)


def test_the_same_call_goes_on(place, nothing_runs):
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    run = nn.fit(line, (X, Y), dict(lr=0.1), folder=place, **BASE)
    assert run.epochs == 2
    assert before == {path.name: path.read_bytes() for path in place.iterdir()}


REFUSED = {
    "lr": (dict(hparams=dict(lr=0.2)), r"its point 0 is \{'lr': 0.1, 'seed': 3\}, seed 3, and not \{'lr': 0.2"),
    "type": (dict(hparams=dict(lr=0.1, momentum=0.5)), r"its point 0 is .* and not .*'momentum': 0\.5"),
    "seed": (dict(seed=4), r"its point 0 is .*seed 3, and not .*seed 4"),
    "x": (dict(data=(X + 1, Y)), "x of the data has changed"),
    "y": (dict(data=(X, Y + 1)), "y of the data has changed"),
    "weight": (dict(data=(X, Y, np.arange(1.0, 21.0))), "weight of the data has changed"),
    "rows": (dict(data=(X[:19], Y[:19])), "x of the data has changed"),
    "validation": (dict(validation=(X[:6], Y[:6])), "the validation data has changed"),
    "fraction": (dict(validation=0.25), "the parts of the data has changed"),
    "none": (dict(validation=None, stop=None), "the validation data has changed"),
    "stop": (dict(stop=nn.EarlyStopping("val_loss", patience=6)), r"stop was EarlyStopping\(.*5.*, and not .*6"),
    "no stop": (dict(stop=None), r"stop was EarlyStopping\(.*, and not None"),
    "batch_size": (dict(batch_size=4), "batch_size was 8, and not 4"),
    "shuffle": (dict(shuffle=False), "shuffle was True, and not False"),
    "shuffle_seed": (dict(shuffle_seed=1), "shuffle_seed was 0, and not 1"),
    "precision": (dict(precision="bfloat16"), "precision was None, and not 'bfloat16'"),
    "rewind": (dict(rewind=False), "rewind was True, and not False"),
    "epochs": (dict(epochs=1), "its point 0 has done 2 epochs, of 1 asked for"),
    "start": (dict(start={"kernel": np.ones((3, 1), np.float32)}), "start= gave other weights"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_training_is_refused_by_its_first_difference(place, name, nothing_runs):
    changes, message = REFUSED[name]
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    call = dict(hparams=dict(lr=0.1), data=(X, Y), folder=place) | BASE | changes
    with pytest.raises(ValueError, match=f"holds another training: {message}") as error:
        nn.fit(line, **call)
    assert "write another folder, or what was there before" in str(error.value)
    assert before == {path.name: path.read_bytes() for path in place.iterdir()}


def test_a_changed_trial_is_refused_by_what_has_changed(place, nothing_runs, monkeypatch):
    def refused(trial, message):
        with pytest.raises(ValueError, match=message):
            nn.fit(trial, (X, Y), dict(lr=0.1), folder=place, **BASE)

    with monkeypatch.context() as patch:
        patch.setitem(globals(), "MOMENTUM", 0.8)
        refused(line, "the global MOMENTUM of line has changed")
    with monkeypatch.context() as patch:
        patch.setattr(line, "__defaults__", (0.5, 2.0))
        refused(line, "the default of scale in line has changed")

    def other(lr, momentum=0.5, scale=1.0):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr + scale, momentum=MOMENTUM * momentum))

    other.__name__ = other.__qualname__ = "line"
    with monkeypatch.context() as patch:
        patch.setattr(line, "__code__", other.__code__.replace(co_name="line"))
        refused(line, "the code of line has changed")
    assert nn.fit(line, (X, Y), dict(lr=0.1), folder=place, **BASE).epochs == 2


def sized(activation):
    return nn.Trial(nn.mlp((2,), out=1, activation=activation), "squared_error", optax.sgd(0.1))


def test_a_changed_function_among_the_hyperparameters_is_refused(tmp_path):
    def make(factor):
        def wave(x):
            return factor * x

        return wave

    options = dict(epochs=1, folder=tmp_path, progress=False)
    nn.fit(sized, (X, Y), dict(activation=make(2.0)), **options)
    assert nn.fit(sized, (X, Y), dict(activation=make(2.0)), **options).epochs == 1
    with pytest.raises(ValueError, match=r"the code of a function in its point 0, .*wave.*, has changed"):
        nn.fit(sized, (X, Y), dict(activation=make(3.0)), **options)
    with pytest.raises(ValueError, match=r"a point holds .*wave, which no file can hold; go on with the same call"):
        nn.Population.load(tmp_path, sized, (X, Y))


def test_more_epochs_go_on_and_are_refused_where_the_trial_reads_its_clock(tmp_path):
    def falling(lr, clock):
        rate = optax.linear_schedule(lr, 0.0, 12)
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lambda step: rate(step) + 0 * clock.steps))

    options = dict(batch_size=8, progress=False)
    nn.fit(line, (X, Y), dict(lr=0.1), epochs=2, folder=tmp_path / "a", **options)
    more = nn.fit(line, (X, Y), dict(lr=0.1), epochs=4, folder=tmp_path / "a", **options)
    whole = nn.fit(line, (X, Y), dict(lr=0.1), epochs=4, **options)
    jax.tree.map(np.testing.assert_array_equal, (more.params, more.history), (whole.params, whole.history))
    nn.fit(falling, (X, Y), dict(lr=0.1), epochs=2, folder=tmp_path / "b", **options)
    with pytest.raises(ValueError, match="epochs was 2 for its point 0, and not 4, and the trial reads its clock"):
        nn.fit(falling, (X, Y), dict(lr=0.1), epochs=4, folder=tmp_path / "b", **options)


def test_a_population_is_loaded_with_its_trial_and_its_data(place, nothing_runs):
    assert len(nn.Population.load(place, line, (X, Y), HELD)) == 1
    for trial, data in ((None, (X, Y)), (line, None)):
        with pytest.raises(ValueError, match=r"goes on with its trial and its data, .*nn\.load_runs\(folder\)"):
            nn.Population.load(place, trial, data)
    with pytest.raises(ValueError, match=r"had a validation pair; write nn\.Population\.load\(folder, trial, data, \("):
        nn.Population.load(place, line, (X, Y))
    with pytest.raises(ValueError, match="x of the data has changed"):
        nn.Population.load(place, line, (2 * X, Y), HELD)
    with pytest.raises(ValueError, match="the validation data has changed"):
        nn.Population.load(place, line, (X, Y), (X[:4], Y[:4]))
    with pytest.raises(ValueError, match="has no hyperparameter 'lr'"):
        nn.Population.load(place, line(0.1), (X, Y), HELD)


def test_another_structure_is_not_saved_over_it(tmp_path):
    def wide(hidden, lr=0.1):
        return nn.Trial(nn.mlp(hidden, out=1), "squared_error", optax.sgd(lr))

    def saved(trial, data=(X, Y), **point):
        one = nn.population(trial, data, point, batch_size=8)
        one.advance(1)
        one.save(tmp_path)

    saved(wide, hidden=[(2,)])
    with pytest.raises(ValueError, match="its members are of another structure"):
        saved(wide, hidden=[(3,)])
    with pytest.raises(ValueError, match="y of the data has changed"):
        saved(wide, data=(X, Y + 1), hidden=[(2,)])
    with pytest.raises(ValueError, match="holds another training: the code of"):
        saved(line, lr=[0.1])


def test_a_grid_and_a_population_do_not_share_a_folder(tmp_path, place, nothing_runs):
    with pytest.raises(ValueError, match="holds one population, and not a grid"):
        nn.grid(line, (X, Y), dict(lr=[0.1]), folder=place, epochs=1)
    (tmp_path / "grid.json").write_text("{}")
    with pytest.raises(ValueError, match="holds a grid, and not one population"):
        nn.fit(line, (X, Y), dict(lr=0.1), folder=tmp_path, epochs=1)


def test_it_is_strict_json_and_names_versions_and_format(place):
    text = (place / FILE).read_text()
    known = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert known == opened(place) and known["format"] == FORMAT
    assert known["versions"].keys() == {"jaxnn", "jax", "optax", "numpy"}
    assert known["points"] == [{"dict": {"lr": 0.1, "seed": 3}}]
    one = nn.population(line, (X, Y), dict(lr=[0.1, np.inf]), batch_size=8)
    assert json.loads(json.dumps(describe(one), allow_nan=False)) == describe(one) | {"groups": [[0, 2]]}


def test_there_must_be_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"there is no .*; write fit\(\.\.\., folder=\.\.\.\) or pop\.save\(folder\)"):
        read_json(tmp_path / FILE, FORMAT)
    for call in (lambda: nn.load_runs(tmp_path), lambda: nn.Population.load(tmp_path, line, (X, Y))):
        with pytest.raises(ValueError, match=r"there is no .*population\.json"):
            call()
