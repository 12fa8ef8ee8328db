"""A population in a folder: it goes on to the bit, is whole whenever it is cut off, and damaged files run nothing."""

import json
import os

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core import files
from jaxnn.io import folder as folders
from jaxnn.io.described import FILE

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype(np.float32)
Y = (X @ np.array([1, -1, 0.5], np.float32)).astype(np.float32)
PAIRS = nn.Plan(1, 1, 2)


def line(lr, momentum=0.9):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr, momentum=momentum))


def same(ours, theirs):
    """Raise unless two trees are equal to the bit."""
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.fixture
def every_visit(monkeypatch):
    """Each visit of the host writes."""
    monkeypatch.setattr(folders, "SAVE_SECONDS", 0.0)


@pytest.fixture
def nothing_runs(monkeypatch):
    """Whoever compiles a program fails."""

    def programs(recipe, layout):
        raise AssertionError("a program was asked for")

    monkeypatch.setattr("jaxnn.train.population.programs", programs)


@pytest.fixture
def pop():
    """A function that makes a population of four members, in two calls of a program."""

    def make(lr=(0.1, 0.05, 0.02, 0.01), data=(X, Y), plan=PAIRS, **options):
        return nn.population(line, data, dict(lr=list(lr)), plan=plan, batch_size=8, **options)

    return make


def test_it_goes_on_from_its_folder_to_the_bit(tmp_path, pop, every_visit):
    first, whole = pop(), pop()
    folders.attach(tmp_path / "a", first)
    first.advance(2)
    os.rename(tmp_path / "a", tmp_path / "b")
    second = pop()
    folders.attach(tmp_path / "b", second)
    assert second.epoch == 2
    second.advance(3)
    whole.advance(5)
    same(second.state(), whole.state())
    same(second.history, whole.history)


def test_groups_that_have_not_begun_begin(tmp_path, pop, every_visit):
    first, whole = pop(), pop()
    folders.attach(tmp_path, first)
    first.advance(3)
    (tmp_path / "members_001.safetensors").unlink()
    runs = nn.load_runs(tmp_path)
    assert len(runs) == 4 and [run.hparams["lr"] for run in runs.finished] == [0.1, 0.05]
    second = pop()
    folders.attach(tmp_path, second)
    second.advance(4)
    whole.advance(4)
    same((second.state(), second.history), (whole.state(), whole.history))


def test_members_lie_in_the_groups_of_the_folder_whatever_the_plan(tmp_path, pop, every_visit):
    first, whole = pop(), pop()
    folders.attach(tmp_path, first)
    first.advance(1)
    second = pop(plan=nn.Plan(1, 1, 3))
    folders.attach(tmp_path, second)
    assert [group.members.tolist() for group in second.groups] == [[0, 1], [2, 3]]
    second.advance(1)
    whole.advance(2)
    same(second.state(), whole.state())


def test_what_is_saved_is_loaded_and_goes_on(tmp_path, pop):
    first = pop(validation=0.25, stop=nn.EarlyStopping("val_loss", 5))
    first.advance(2)
    first.save(tmp_path)
    second = nn.Population.load(tmp_path, line, (X, Y))
    assert repr(second) == repr(first) and second.layout == first.layout
    same((second.state(), second.history), (first.state(), first.history))
    for one in (first, second):
        one.advance(2)
    same((second.state(), second.history), (first.state(), first.history))
    assert second.table == first.table and nn.load_runs(tmp_path).best("loss").hparams == {"lr": 0.1}


def test_a_population_is_saved_over_what_it_was(tmp_path, pop):
    one = pop()
    one.advance(1)
    one.save(tmp_path)
    one.put([3, 2], one.take([0, 1]), lr=[0.3, 0.4])
    one.advance(1)
    one.save(tmp_path)
    again = nn.Population.load(tmp_path, line, (X, Y))
    assert again.table["lr"] == one.table["lr"] == [0.1, 0.05, 0.4, 0.3]
    same(again.state(), one.state())
    few = again.take([1])
    few.save(tmp_path)
    assert len(nn.Population.load(tmp_path, line, (X, Y))) == len(nn.load_runs(tmp_path)) == 1
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.parametrize("write", range(4))
def test_a_save_that_is_cut_off_leaves_what_was_there(tmp_path, pop, write, monkeypatch):
    one = pop()
    one.advance(1)
    one.save(tmp_path)
    before = one.state()
    one.put([0], one.take([1]), lr=[0.7])
    one.advance(1)
    left, replace = [write], files.replace

    def cut(path, data):
        if left[0] == 0:
            raise OSError("cut off")
        left[0] -= 1
        replace(path, data)

    monkeypatch.setattr(files, "replace", cut)
    if write < 3:
        with pytest.raises(OSError, match="cut off"):
            one.save(tmp_path)
    else:
        one.save(tmp_path)
    monkeypatch.undo()
    there = nn.Population.load(tmp_path, line, (X, Y))
    assert there.table["lr"][0] == (0.1 if write < 3 else 0.7)
    same(there.state(), before if write < 3 else one.state())
    one.save(tmp_path)
    same(nn.Population.load(tmp_path, line, (X, Y)).state(), one.state())
    assert len([*tmp_path.iterdir()]) == 3


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path, pop, every_visit):
    foreign = tmp_path / ".notes.tmp"
    orphans = [tmp_path / f".{name}.0123456789ab.tmp" for name in (FILE, "members_000.safetensors")]
    for path in (foreign, *orphans):
        path.write_text("half")
    first = pop()
    folders.attach(tmp_path, first)
    assert not any(path.exists() for path in orphans) and foreign.read_text() == "half"
    first.advance(1)
    for path in orphans:
        path.write_text("half")
    first.save(tmp_path)
    assert not any(path.exists() for path in orphans) and foreign.exists()


def test_it_is_written_every_few_seconds_and_when_it_ends_whatever_calls_back(tmp_path, monkeypatch):
    written = []
    write = folders.write
    monkeypatch.setattr(folders, "write", lambda *args: [written.append(args[2]), write(*args)])
    monkeypatch.setattr(folders, "SAVE_SECONDS", 1e9)
    calls = []
    run = nn.fit(line, (X, Y), dict(lr=0.1), epochs=4, folder=tmp_path, callbacks=[lambda *row: calls.append(row[1])])
    assert (calls, written) == ([1, 2, 3, 4], [0])
    same(nn.load_runs(tmp_path)[0].history, run.history)


def _about(change):
    def damage(folder):
        known = json.loads((folder / FILE).read_text())
        change(known)
        (folder / FILE).write_text(json.dumps(known))

    return damage


def _group(change):
    def damage(folder):
        path = folder / "members_001.safetensors"
        tree, meta = files.read(path)
        change(tree, meta)
        files.write(path, tree, meta)

    return damage


def _cut(name):
    def damage(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


DAMAGE = {
    "half of the JSON": _cut(FILE),
    "half of the weights": _cut("members_001.safetensors"),
    "no object": lambda folder: (folder / FILE).write_text("[1]"),
    "deep JSON": lambda folder: (folder / FILE).write_text("[" * 100_000),
    "another format": _about(lambda known: known.update(format="jaxnn-population-9")),
    "no points": _about(lambda known: known.pop("points")),
    "no seeds": _about(lambda known: known.update(seeds=[])),
    "seeds of text": _about(lambda known: known.update(seeds=["0"] * 4)),
    "no epochs": _about(lambda known: known.pop("epochs")),
    "no groups": _about(lambda known: known.update(groups=[])),
    "groups that miss a member": _about(lambda known: known.update(groups=[[0, 2], [3, 4]])),
    "groups that end early": _about(lambda known: known.update(groups=[[0, 2]])),
    "groups of text": _about(lambda known: known.update(groups=["02", "24"])),
    "a point of another kind": _about(lambda known: known.update(points=[{"tuple": 3}] * 4)),
    "weights that are none": _group(lambda tree, meta: tree.update(state=np.zeros(4))),
    "no epoch": _group(lambda tree, meta: meta.clear()),
    "an epoch below none": _group(lambda tree, meta: meta.update(epoch=-1)),
    "curves of fewer members": _group(lambda tree, meta: tree["history"].update(loss=np.zeros((1, 2), np.float32))),
    "curves that are none": _group(lambda tree, meta: tree.update(history=np.zeros(3))),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of two epochs of four members."""
    one = nn.population(line, (X, Y), dict(lr=[0.1, 0.05, 0.02, 0.01]), plan=nn.Plan(1, 1, 2), batch_size=8)
    one.advance(2)
    place = tmp_path_factory.mktemp("trained")
    one.save(place)
    return {path.name: path.read_bytes() for path in place.iterdir()}


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of it."""
    for name, data in trained.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_is_refused_and_runs_nothing(folder, pop, name, nothing_runs):
    DAMAGE[name](folder)
    for call in (lambda: nn.Population.load(folder, line, (X, Y)), lambda: folders.attach(folder, pop()),
                 lambda: [*nn.load_runs(folder)]):  # fmt: skip
        with pytest.raises(ValueError, match=r"damaged|no file|holds no runs|no hyperparameter|another training"):
            call()


def test_curves_of_another_metric_are_refused(folder, nothing_runs):
    _group(lambda tree, meta: tree["history"].update(speed=tree["history"].pop("loss")))(folder)
    with pytest.raises(ValueError, match=r"holds the curves \['speed'\], and these are to be \['loss'\]"):
        nn.Population.load(folder, line, (X, Y))


def test_weights_of_another_shape_are_refused(folder, nothing_runs):
    wide = np.zeros((2, 9, 1), np.float32)
    _group(lambda tree, meta: tree["state"]["params"].update(kernel=wide))(folder)
    with pytest.raises(ValueError, match=r"state/params/kernel: the file holds float32 \(2, 9, 1\), the target"):
        nn.Population.load(folder, line, (X, Y))


def test_weights_without_a_word_of_what_they_are_of_are_refused(folder, pop, nothing_runs):
    (folder / FILE).unlink()
    with pytest.raises(ValueError, match=r"holds weights and no population\.json that says of what"):
        folders.attach(folder, pop())
