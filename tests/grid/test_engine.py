"""`grid` as it begins and ends: Ctrl-C, folders, starts from elsewhere, and what is refused at the door."""

import gc
import inspect
import json
import os
import signal
import threading
import time

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid import engine
from jaxnn.train.progress import progress_bar

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype(np.float32)
Y = (X @ np.array([1, -1, 0.5], np.float32)).astype(np.float32)
OPTIONS = dict(batch_size=8, plan=nn.Plan(1, 1, 2), progress=False)
SPACE = dict(hidden=[(), (2,)], lr=[0.1, 0.05, 0.02])
LONG = 10_000_000


def trial(hidden, lr):
    return nn.Trial(nn.mlp(hidden, out=1), "squared_error", optax.sgd(lr))


def same(ours, theirs):
    """Raise unless two lists of runs are equal to the bit."""
    for a, b in zip(ours, theirs, strict=True):
        assert (a.hparams, a.seed, a.epochs, a.best_epoch) == (b.hparams, b.seed, b.epochs, b.best_epoch)
        jax.tree.map(np.testing.assert_array_equal, (a.params, a.state, a.history), (b.params, b.state, b.history))


@pytest.fixture(scope="module")
def whole():
    """The grid that nobody disturbed."""
    return nn.grid(trial, (X, Y), SPACE, epochs=4, **OPTIONS)


def interrupt_after(path, seconds):
    """Send Ctrl-C to this process so many seconds after a file has appeared."""

    def wait():
        for _ in range(3000):
            if path.exists():
                time.sleep(seconds)
                return os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)

    threading.Thread(target=wait, daemon=True).start()


def test_ctrl_c_keeps_the_members_that_had_finished(whole, tmp_path):
    """The second structure is interrupted in its second group, of which one member had finished and one goes on."""
    points = [dict(hidden=h, lr=lr, epochs=e) for h, e in (((), 4), ((2,), 4)) for lr in (0.1, 0.05, 0.02)]
    points += [dict(hidden=(2,), lr=0.01, epochs=LONG)]
    interrupt_after(tmp_path / "long" / "structure_001" / "members_000.safetensors", 1.0)
    gc.disable()  # JAX is told of every collection in Python, where an interruption would be lost
    try:
        with pytest.raises(KeyboardInterrupt) as error:
            nn.grid(trial, (X, Y), points, epochs=1, folder=tmp_path / "long", **OPTIONS)
    finally:
        gc.enable()
    assert type(error.value) is nn.Interrupted
    finished = error.value.runs
    assert [run.hparams for run in finished] == [*map(_hparams, points[: len(finished)])]
    assert len(finished) == 6
    same(finished, whole)
    again = nn.load_runs(tmp_path / "long")
    assert [run.epochs for run in again.finished][:6] == [4] * 6


def _hparams(point):
    return {name: point[name] for name in ("hidden", "lr")}


def test_ctrl_c_at_any_visit_loses_nothing_of_a_folder(whole, tmp_path, monkeypatch):
    """Interrupted between any two visits of the host, and gone on with, it is the grid that nobody disturbed."""
    advance = nn.Population.advance
    for stop in range(1, 6):
        visits, place = [0], tmp_path / str(stop)

        def cut(self, epochs, callbacks=(), visited=None, stop=stop, visits=visits):
            def seen(weight):
                visits[0] += 1
                if visits[0] == stop:
                    raise KeyboardInterrupt

            return advance(self, epochs, callbacks, seen)

        with monkeypatch.context() as patch:
            patch.setattr(nn.Population, "advance", cut)
            try:
                nn.grid(trial, (X, Y), SPACE, epochs=4, folder=place, **OPTIONS)
            except nn.Interrupted as error:
                same(error.runs, [run for run in whole if any(run.hparams == r.hparams for r in error.runs)])
                assert stop < 4 or len(error.runs) >= 2
        same(nn.grid(trial, (X, Y), SPACE, epochs=4, folder=place, **OPTIONS), whole)
        assert [*nn.load_runs(place).table["loss"]] == whole.table["loss"]


def test_a_grid_goes_on_from_its_folder_and_a_finished_one_runs_nothing(whole, tmp_path):
    first = nn.grid(trial, (X, Y), SPACE, epochs=2, folder=tmp_path, **OPTIONS)
    assert first.table["epochs_done"] == [2] * 6
    same(nn.grid(trial, (X, Y), SPACE, epochs=4, folder=tmp_path, **OPTIONS), whole)
    again = nn.grid(trial, (X, Y), SPACE, epochs=4, folder=tmp_path, **OPTIONS)
    same(again, whole)
    assert again.n_compiles == 0 and all(report.run_seconds == 0 for report in again.plan)
    rows = (tmp_path / "table.csv").read_text().splitlines()
    assert rows[0].split(",")[:3] == ["hidden", "lr", "loss"] and len(rows) == 7


FOLDER = {
    "lr": (dict(space=SPACE | dict(lr=[0.1, 0.05, 0.03])), r"holds another space: its point 2 is .*0\.02.*, and not"),
    "fewer": (dict(space=SPACE | dict(hidden=[()])), "holds another space: it has 6 points, and not 3"),
    "more": (dict(space=SPACE | dict(hidden=[(), (2,), (3,)])), "holds another space: it has 6 points, and not 9"),
    "x": (dict(data=(X + 1, Y)), "x of the data has changed"),
    "validation": (dict(validation=(X, Y)), "the validation data has changed"),
    "batch_size": (dict(batch_size=4), "batch_size was 8, and not 4"),
    "stop": (dict(stop=nn.EarlyStopping("loss", 3)), r"stop was None, and not EarlyStopping"),
    "epochs": (dict(epochs=1), "its point 0 has done 2 epochs, of 1 asked for"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, whole):
    """The folder of a grid."""
    folder = tmp_path_factory.mktemp("grid")
    nn.grid(trial, (X, Y), SPACE, epochs=2, folder=folder, **OPTIONS)
    return folder


@pytest.mark.parametrize("name", FOLDER)
def test_a_folder_of_another_grid_is_refused_by_the_first_difference(place, name):
    changes, message = FOLDER[name]
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    call = dict(data=(X, Y), space=SPACE, epochs=2, folder=place) | OPTIONS | changes
    with pytest.raises(ValueError, match=message):
        nn.grid(trial, **call)
    assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("text", ["", "[]", '{"format": "jaxnn-grid-1"}', '{"format": "jaxnn-population-1"}', "half {"])
def test_a_damaged_grid_is_refused(tmp_path, text):
    (tmp_path / "grid.json").write_text(text)
    for call in (lambda: nn.grid(trial, (X, Y), SPACE, epochs=2, folder=tmp_path, **OPTIONS),
                 lambda: nn.load_runs(tmp_path)):  # fmt: skip
        with pytest.raises(ValueError, match=r"grid\.json is (damaged|no file of the format)"):
            call()


def test_structures_that_miss_a_point_are_refused(place, tmp_path):
    known = json.loads((place / "grid.json").read_text())
    known["parts"][1]["points"][-1] = known["parts"][1]["points"][0]
    (tmp_path / "grid.json").write_text(json.dumps(known))
    with pytest.raises(ValueError, match="its parts do not hold every point once"):
        nn.load_runs(tmp_path)


def test_half_written_files_are_swept(place):
    orphans = [
        place / ".grid.json.0123456789ab.tmp",
        place / ".table.csv.0123456789ab.tmp",
        place / "structure_001" / ".population.json.0123456789ab.tmp",
    ]
    for path in orphans:
        path.write_text("half")
    nn.grid(trial, (X, Y), SPACE, epochs=2, folder=place, **OPTIONS)
    assert not [path for path in orphans if path.exists()]


def test_a_start_for_each_point_goes_to_its_own(whole):
    states = nn.grid(trial, (X, Y), SPACE, epochs=2, states=True, **OPTIONS)
    more = nn.grid(trial, (X, Y), SPACE, epochs=2, start=states, **OPTIONS)
    same(more, whole)
    same([more.replay(4)], [more[4]])
    weights = nn.grid(trial, (X, Y), SPACE, epochs=1, start=[run.params for run in states], **OPTIONS)
    alone = nn.fit(trial, (X, Y), weights[5].hparams, epochs=1, batch_size=8, start=states[5].params, progress=False)
    same([weights[5], weights.replay(5)], [alone, alone])
    with pytest.raises(ValueError, match=r"start= holds 5 and there are 6 members; write one, or one for each"):
        nn.grid(trial, (X, Y), SPACE, epochs=1, start=states[:5], **OPTIONS)
    with pytest.raises(ValueError, match=r"the last state of the run was not kept; .*grid\(\.\.\., states=True\)"):
        nn.grid(trial, (X, Y), SPACE, epochs=1, start=whole, **OPTIONS)


def test_states_are_kept_on_request_and_not_otherwise(whole):
    assert all(run.last is None for run in whole)
    states = nn.grid(trial, (X, Y), SPACE, epochs=4, states=True, **OPTIONS)
    assert [int(run.last.step) for run in states] == [8] * 6
    jax.tree.map(np.testing.assert_array_equal, states[4].last.params, states[4].params)


def test_callbacks_are_called_for_one_structure_after_the_other(whole):
    calls = []
    runs = nn.grid(trial, (X, Y), SPACE, epochs=4, callbacks=[lambda pop, epoch, row: calls.append((len(pop), epoch))],
                   **OPTIONS)  # fmt: skip
    assert calls == [(3, 1), (3, 2), (3, 3), (3, 4)] * 2
    same(runs, whole)


@pytest.mark.parametrize("index", [0, 5])
def test_every_point_is_built_at_the_door(index, monkeypatch):
    def picky(hidden, lr):
        if isinstance(lr, float) and lr == points[index]["lr"]:  # the concrete one, and not the traced
            raise ZeroDivisionError("no such rate")
        return trial(hidden, lr)

    points = [dict(hidden=h, lr=0.5 + i / 8) for i, h in enumerate([(), (2,), (), (2,), (), (2,)])]
    monkeypatch.setattr(engine, "begin", lambda *args: pytest.fail("a population was begun"))
    with pytest.raises(ZeroDivisionError, match="no such rate") as error:
        nn.grid(picky, (X, Y), points, epochs=1, **OPTIONS)
    assert f"while the trial was built for {points[index]}" in error.value.__notes__[0]


def test_a_population_is_of_one_structure():
    with pytest.raises(ValueError, match=r"a population has one structure, and this space has 2; write nn\.grid"):
        nn.population(trial, (X, Y), SPACE)


def test_a_population_without_a_number_of_epochs_goes_on_as_long_as_it_is_told():
    one = nn.population(trial, (X, Y), dict(hidden=[()], lr=[0.1]), batch_size=8, plan="map")
    one.advance(3)
    one.advance(4)
    alone = nn.fit(trial, (X, Y), dict(hidden=(), lr=0.1), epochs=7, batch_size=8, progress=False)
    assert one.epoch == 7
    np.testing.assert_array_equal(np.asarray(one.history["loss"])[0], alone.history["loss"])


def test_diverged_members_are_told_once_for_all_structures():
    with pytest.warns(nn.DivergedWarning, match="2 of 4 networks diverged, first at step") as told:
        runs = nn.grid(trial, (X, Y), SPACE | dict(lr=[0.1, 1e30]), epochs=2, **OPTIONS)
    assert len(told) == 1 and runs.diverged.tolist() == [1, 3]
    assert "2 of them diverged" in repr(runs)


def test_the_bar_counts_the_epochs_that_are_to_come(monkeypatch):
    totals = []
    monkeypatch.setattr(engine, "progress_bar", lambda total, *rest: totals.append(total) or progress_bar(total, *rest))
    space, options = dict(hidden=[()], lr=[0.1, 0.2]), OPTIONS | dict(epochs=2)
    runs = nn.grid(trial, (X, Y), space, states=True, **options)
    nn.grid(trial, (X, Y), space, start=runs, **options | dict(epochs=3))
    nn.grid(trial, (X, Y), space | dict(epochs=[2, 5]), **options)
    assert totals == [4, 6, 20]


def test_what_grid_fit_population_and_run_share_is_the_same_by_default():
    defaults = {}
    for function in (nn.grid, nn.fit, nn.population, nn.run):
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.default is not parameter.empty:
                defaults.setdefault(name, []).append(parameter.default)
    assert all(value == values[0] for values in defaults.values() for value in values), defaults
    assert defaults["batch_size"][0] == 32 and defaults["progress"][0] is True
